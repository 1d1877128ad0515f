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
# Of all code, for one set of precompiled headers: what formats and what logs is defined the same way everywhere.
target_link_libraries(kpulse_flags INTERFACE fmt::fmt spdlog::spdlog)
if(KPULSE_SANITIZE)
  add_compile_options(-fsanitize=${KPULSE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${KPULSE_SANITIZE})
  if(KPULSE_SANITIZE MATCHES thread)
    # Fences are only there against the kernel's programs, which the sanitizer knows nothing of anyway.
    add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  endif()
endif()

# Headers that nearly all of our sources include, none of ours. The preset dev goes without, so that a source that forgets to include what
# it uses does not build there.
add_library(kpulse_headers STATIC "${CMAKE_CURRENT_LIST_DIR}/headers.cpp")
target_link_libraries(kpulse_headers PRIVATE kpulse_flags)
target_precompile_headers(kpulse_headers PRIVATE
  <algorithm> <array> <chrono> <functional> <map> <memory> <optional> <span> <string> <string_view> <unordered_map> <utility> <vector>
  <fmt/format.h> <spdlog/spdlog.h>)

# GCC forgets with a precompiled header that std::string is not ours, and warns of what it thinks of its inside. The preset dev has these warnings.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
  target_compile_options(kpulse_flags INTERFACE -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
endif()

# kpulse_library(<name> SOURCES ... LINKS ...): a static library of ours, warnings as errors.
function(kpulse_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS")
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC kpulse_flags ${arg_LINKS})
  target_precompile_headers(${name} REUSE_FROM kpulse_headers)
endfunction()

# kpulse_program(<name> SOURCES ... LINKS ...): a program in build/<preset>/bin.
function(kpulse_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE kpulse_flags ${arg_LINKS})
  target_precompile_headers(${name} REUSE_FROM kpulse_headers)
  install(TARGETS ${name} RUNTIME)
endfunction()
