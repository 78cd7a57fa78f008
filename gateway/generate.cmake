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
