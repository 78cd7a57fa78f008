# The page: files of ui/, compressed, as arrays of bytes (tools/make-page.py).
file(GLOB noveum_page_files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/ui/*.html" "${CMAKE_SOURCE_DIR}/ui/*.js"
  "${CMAKE_SOURCE_DIR}/ui/*.css" "${CMAKE_SOURCE_DIR}/ui/*.svg")
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(noveum_page_builtin "${CMAKE_BINARY_DIR}/generated/gateway/page_builtin.c")
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/generated/gateway")
add_custom_command(OUTPUT "${noveum_page_builtin}"
  COMMAND "${Python3_EXECUTABLE}" "${CMAKE_SOURCE_DIR}/tools/make-page.py" "${noveum_page_builtin}" ${noveum_page_files}
  DEPENDS ${noveum_page_files} "${CMAKE_SOURCE_DIR}/tools/make-page.py"
  COMMENT "Packing the page")
target_sources(noveum_objects PRIVATE "${noveum_page_builtin}")

# The captures of `noveum-gateway demo` (tools/make-demo.py).
set(noveum_demo_builtin "${CMAKE_BINARY_DIR}/generated/gateway/demo_builtin.c")
execute_process(COMMAND "${Python3_EXECUTABLE}" "${CMAKE_SOURCE_DIR}/tools/make-demo.py" --list
  OUTPUT_VARIABLE noveum_demo_cases COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "([^\n]+)" "${CMAKE_SOURCE_DIR}/tests/fixtures/\\1/case.json" noveum_demo_cases "${noveum_demo_cases}")
string(STRIP "${noveum_demo_cases}" noveum_demo_cases)
string(REPLACE "\n" ";" noveum_demo_cases "${noveum_demo_cases}")
add_custom_command(OUTPUT "${noveum_demo_builtin}"
  COMMAND "${Python3_EXECUTABLE}" "${CMAKE_SOURCE_DIR}/tools/make-demo.py" "${noveum_demo_builtin}" "${CMAKE_SOURCE_DIR}/tests/fixtures"
  DEPENDS ${noveum_demo_cases} "${CMAKE_SOURCE_DIR}/tools/make-demo.py"
  COMMENT "Packing the demo")
target_sources(noveum_objects PRIVATE "${noveum_demo_builtin}")
