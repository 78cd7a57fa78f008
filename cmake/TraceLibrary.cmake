# libnoveum-trace: include/noveum/trace.h, shared and static, for programs of others. It shares nothing with
# libnoveum but sources of base/, compiled a second time: without asserts, since nothing of it may end the
# program that it is in, and with every name hidden that is not in cmake/libnoveum-trace.map.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(NOVEUM_CURL REQUIRED IMPORTED_TARGET libcurl)

# The binary interface: grows with new functions, and gets a new number when one changes.
set(NOVEUM_TRACE_ABI 1)
file(GLOB trace_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/trace/*.c")
set(trace_base account.c arena.c buf.c clock.c str.c json/json_number.c json/json_read.c
  json/json_string.c json/json_write.c text/text.c text/utf8.c text/wire.c)
list(TRANSFORM trace_base PREPEND "${CMAKE_SOURCE_DIR}/base/")

foreach(objects noveum_trace_objects noveum_trace_base)
  add_library(${objects} OBJECT)
  target_compile_definitions(${objects} PRIVATE _GNU_SOURCE $<$<NOT:$<CONFIG:Debug>>:NDEBUG>)
  # A public function that calls another one means that one, and not what a program may have of that name.
  target_compile_options(${objects} PRIVATE -ffunction-sections -fdata-sections -fno-semantic-interposition)
  target_link_libraries(${objects} PUBLIC noveum_warnings PkgConfig::NOVEUM_CURL Threads::Threads m)
  target_include_directories(${objects} PUBLIC "${CMAKE_SOURCE_DIR}" "${CMAKE_SOURCE_DIR}/include")
endforeach()
target_sources(noveum_trace_objects PRIVATE ${trace_sources})
target_sources(noveum_trace_base PRIVATE ${trace_base})

add_library(noveum_trace_shared SHARED)
target_link_libraries(noveum_trace_shared PRIVATE noveum_trace_objects noveum_trace_base)
# nodelete: its thread and what it registered for fork and exit outlive dlclose.
target_link_options(noveum_trace_shared PRIVATE -Wl,--gc-sections -Wl,-z,nodelete -Wl,-Bsymbolic-functions
  "-Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/libnoveum-trace.map")
if(NOT NOVEUM_SANITIZE)
  target_link_options(noveum_trace_shared PRIVATE -Wl,-z,defs) # what base/ needs besides is found here, not by the user
endif()
set_target_properties(noveum_trace_shared PROPERTIES OUTPUT_NAME noveum-trace VERSION ${NOVEUM_TRACE_ABI}.0.0
  SOVERSION ${NOVEUM_TRACE_ABI} LINK_DEPENDS "${CMAKE_SOURCE_DIR}/cmake/libnoveum-trace.map")

# The archive holds one object whose hidden names are local, so that it meets no names of the program's.
set(trace_archive "${CMAKE_BINARY_DIR}/libnoveum-trace.a")
add_custom_command(OUTPUT "${trace_archive}"
  COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o noveum-trace.o $<TARGET_OBJECTS:noveum_trace_objects> $<TARGET_OBJECTS:noveum_trace_base>
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden noveum-trace.o
  COMMAND ${CMAKE_COMMAND} -E rm -f "${trace_archive}"
  COMMAND ${CMAKE_AR} rcs "${trace_archive}" noveum-trace.o
  DEPENDS noveum_trace_objects noveum_trace_base $<TARGET_OBJECTS:noveum_trace_objects> $<TARGET_OBJECTS:noveum_trace_base>
  WORKING_DIRECTORY "${CMAKE_BINARY_DIR}" COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(noveum_trace_static ALL DEPENDS "${trace_archive}")

# For programs of this tree: as an installed copy would be linked.
add_library(noveum-trace INTERFACE)
target_include_directories(noveum-trace INTERFACE "${CMAKE_SOURCE_DIR}/include")
target_link_libraries(noveum-trace INTERFACE noveum_trace_shared)

# A pkg-config file names the prefix, which `cmake --install --prefix` may have changed.
function(noveum_install_pc name)
  configure_file("${CMAKE_SOURCE_DIR}/cmake/${name}.pc.in" ${name}.pc @ONLY)
  install(CODE "
    file(READ \"${CMAKE_BINARY_DIR}/${name}.pc\" pc)
    string(REGEX REPLACE \"^prefix=[^\n]*\" \"prefix=\${CMAKE_INSTALL_PREFIX}\" pc \"\${pc}\")
    file(WRITE \"${CMAKE_BINARY_DIR}/installed/${name}.pc\" \"\${pc}\")")
  install(FILES "${CMAKE_BINARY_DIR}/installed/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()

noveum_install_pc(noveum-trace)
configure_package_config_file(cmake/noveum-trace-config.cmake.in noveum-trace-config.cmake
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR
  INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/noveum-trace")
write_basic_package_version_file(noveum-trace-config-version.cmake COMPATIBILITY SameMajorVersion)
install(TARGETS noveum_trace_shared LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES "${trace_archive}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY include/noveum DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${CMAKE_BINARY_DIR}/noveum-trace-config.cmake" "${CMAKE_BINARY_DIR}/noveum-trace-config-version.cmake"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/noveum-trace")
