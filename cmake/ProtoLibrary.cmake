# proto_library(<target> <file.proto>): C++ of a .proto, lite runtime, without our warnings.
find_package(Protobuf CONFIG QUIET)
if(NOT Protobuf_FOUND)
  find_package(Protobuf MODULE REQUIRED)
endif()
if(NOT Protobuf_PROTOC_EXECUTABLE)
  find_program(Protobuf_PROTOC_EXECUTABLE protoc REQUIRED)
endif()

function(proto_library target source)
  string(REGEX REPLACE "\\.proto$" "" stem "${source}")
  set(generated "${CMAKE_CURRENT_BINARY_DIR}/${stem}.pb.cc" "${CMAKE_CURRENT_BINARY_DIR}/${stem}.pb.h")
  add_custom_command(
    OUTPUT ${generated}
    COMMAND "${Protobuf_PROTOC_EXECUTABLE}" "--cpp_out=${CMAKE_CURRENT_BINARY_DIR}" -I "${CMAKE_CURRENT_SOURCE_DIR}" "${source}"
    WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
    DEPENDS "${source}"
    COMMENT "protoc ${source}" VERBATIM)
  add_library(${target} STATIC ${generated})
  target_include_directories(${target} SYSTEM PUBLIC "${CMAKE_CURRENT_BINARY_DIR}")
  target_link_libraries(${target} PUBLIC protobuf::libprotobuf-lite)
endfunction()
