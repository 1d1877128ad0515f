# bpf_program(<target> <file.bpf.c>): compiles a CO-RE object and writes its skeleton header <file>.skel.h.
# The skeleton is written aside and renamed, so that a failed bpftool never leaves half a header behind.
find_program(KPULSE_BPF_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14 REQUIRED)
find_program(KPULSE_BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)

if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  set(KPULSE_BPF_ARCH arm64)
else()
  set(KPULSE_BPF_ARCH x86)
endif()

function(bpf_program target source)
  get_filename_component(stem "${source}" NAME)
  string(REPLACE ".bpf.c" "" stem "${stem}")
  string(REPLACE "-" "_" symbol "${stem}")
  set(object "${CMAKE_CURRENT_BINARY_DIR}/${stem}.bpf.o")
  set(skeleton "${CMAKE_CURRENT_BINARY_DIR}/${stem}.skel.h")
  add_custom_command(
    OUTPUT "${object}"
    COMMAND ${KPULSE_BPF_CLANG} -target bpf -mcpu=v3 -g -O2 -Wall -Wextra -Wno-unused-parameter -Werror -D__TARGET_ARCH_${KPULSE_BPF_ARCH}
            -I "${KPULSE_ROOT}/bpf" -idirafter "/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}"
            -MD -MF "${object}.d" -c "${CMAKE_CURRENT_SOURCE_DIR}/${source}" -o "${object}"
    DEPENDS "${source}"
    DEPFILE "${object}.d"
    COMMENT "BPF ${source}" VERBATIM)
  add_custom_command(
    OUTPUT "${skeleton}"
    COMMAND sh -c "'${KPULSE_BPFTOOL}' gen skeleton '${object}' name ${symbol}_bpf > '${skeleton}.tmp' && mv '${skeleton}.tmp' '${skeleton}'"
    DEPENDS "${object}"
    COMMENT "Skeleton ${stem}.skel.h" VERBATIM)
  add_custom_target(${target}_files DEPENDS "${skeleton}")
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_files)
  # SYSTEM: the generated header is not held to our warnings.
  target_include_directories(${target} SYSTEM INTERFACE "${CMAKE_CURRENT_BINARY_DIR}")
  target_link_libraries(${target} INTERFACE PkgConfig::LIBBPF)
endfunction()
