# Language level, warnings and sanitizers: one interface target that every target of ours links.
get_filename_component(KPULSE_ROOT "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

set(KPULSE_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize= takes them (address,undefined or thread)")

add_library(kpulse_flags INTERFACE)
target_compile_options(kpulse_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast
  -Wno-missing-field-initializers  # what a designated initializer leaves out has its default
  -Werror)
target_include_directories(kpulse_flags INTERFACE "${KPULSE_ROOT}/userspace" "${KPULSE_ROOT}/bpf")
if(KPULSE_SANITIZE)
  add_compile_options(-fsanitize=${KPULSE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${KPULSE_SANITIZE})
  if(KPULSE_SANITIZE MATCHES thread)
    # Fences are only there against the kernel's programs, which the sanitizer knows nothing of anyway.
    add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  endif()
endif()

# kpulse_library(<name> SOURCES ... LINKS ...): a static library of ours, warnings as errors.
function(kpulse_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS")
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC kpulse_flags ${arg_LINKS})
endfunction()

# kpulse_program(<name> SOURCES ... LINKS ...): a program in build/<preset>/bin.
function(kpulse_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE kpulse_flags ${arg_LINKS})
  install(TARGETS ${name} RUNTIME)
endfunction()
