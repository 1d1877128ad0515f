# kpulse_test(<name> LEVEL unit|abi|golden|kernel|... SOURCES ... LINKS ...): a GoogleTest program, each case a ctest of its own,
# labelled with its level so that tests/run.sh can run one level.
find_package(GTest REQUIRED)
include(GoogleTest)

# Tests are compiled for a short way to their verdict, not for speed: what they measure are the product's libraries. GoogleTest's
# headers alone take longer than most tests.
add_library(kpulse_test_flags INTERFACE)
target_link_libraries(kpulse_test_flags INTERFACE kpulse_flags GTest::gmock)
target_compile_options(kpulse_test_flags INTERFACE $<$<CONFIG:RelWithDebInfo>:-O1>)
add_library(kpulse_test_headers STATIC "${KPULSE_ROOT}/cmake/headers.cpp")
target_link_libraries(kpulse_test_headers PRIVATE kpulse_test_flags)
target_precompile_headers(kpulse_test_headers PRIVATE
  <gmock/gmock.h> <gtest/gtest.h>
  <algorithm> <array> <chrono> <filesystem> <fstream> <functional> <map> <memory> <optional> <set> <string> <thread> <unordered_map> <vector>)

# kpulse_test_library(<name> SOURCES ... LINKS ...): what several tests share.
function(kpulse_test_library name)
  kpulse_library(${name} ${ARGN})
  target_include_directories(${name} PUBLIC "${KPULSE_ROOT}/tests")
endfunction()

function(kpulse_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LEVEL" "SOURCES;LINKS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE kpulse_test_flags ${arg_LINKS} GTest::gtest_main)
  target_include_directories(${name} PRIVATE "${KPULSE_ROOT}/tests")
  target_precompile_headers(${name} REUSE_FROM kpulse_test_headers)
  set(serial FALSE)
  if(NOT arg_LEVEL MATCHES "^(unit|abi|golden)$")
    set(serial TRUE)
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 30
    PROPERTIES LABELS "${arg_LEVEL}" TIMEOUT 900 RUN_SERIAL ${serial})
endfunction()
