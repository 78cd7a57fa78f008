# protobuf-c's code of tests/proto: a decoder of its own, the second opinion of the tests.
find_program(NOVEUM_PROTOC_C protoc-c REQUIRED)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
set(tests_generated "${CMAKE_BINARY_DIR}/generated/tests")
file(MAKE_DIRECTORY "${tests_generated}")
foreach(proto otlp)
  add_custom_command(
    OUTPUT "${tests_generated}/${proto}.pb-c.c" "${tests_generated}/${proto}.pb-c.h"
    COMMAND "${NOVEUM_PROTOC_C}" "--proto_path=${CMAKE_SOURCE_DIR}/tests/proto"
      "--c_out=${tests_generated}" "${proto}.proto"
    DEPENDS "${CMAKE_SOURCE_DIR}/tests/proto/${proto}.proto" VERBATIM)
  list(APPEND tests_generated_sources "${tests_generated}/${proto}.pb-c.c")
endforeach()
add_library(noveum_test_proto OBJECT ${tests_generated_sources})
target_compile_options(noveum_test_proto PRIVATE -w)
target_include_directories(noveum_test_proto SYSTEM PUBLIC "${CMAKE_BINARY_DIR}/generated")
target_link_libraries(noveum_test_proto PUBLIC PkgConfig::PROTOBUF_C)
target_link_libraries(noveum_test_support PUBLIC noveum_test_proto)
