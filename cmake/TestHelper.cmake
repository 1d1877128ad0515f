# kpulse_test(<name> LEVEL unit|abi|golden|kernel|... SOURCES ... LINKS ...): a GoogleTest program, each case a ctest of its own,
# labelled with its level so that tests/run.sh can run one level.
find_package(GTest REQUIRED)
include(GoogleTest)

# kpulse_test_library(<name> SOURCES ... LINKS ...): what several tests share.
function(kpulse_test_library name)
  kpulse_library(${name} ${ARGN})
  target_include_directories(${name} PUBLIC "${KPULSE_ROOT}/tests")
endfunction()

function(kpulse_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LEVEL" "SOURCES;LINKS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE kpulse_flags ${arg_LINKS} GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE "${KPULSE_ROOT}/tests")
  set(serial FALSE)
  if(NOT arg_LEVEL MATCHES "^(unit|abi|golden)$")
    set(serial TRUE)
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 30
    PROPERTIES LABELS "${arg_LEVEL}" TIMEOUT 120 RUN_SERIAL ${serial})
endfunction()
