# Structs and tables of the small answer messages, made by nanopb's generator, which needs the
# system's Python (its module is a Debian package).
find_program(NOVEUM_NANOPB_GENERATOR nanopb_generator.py REQUIRED)
find_program(NOVEUM_SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
set(otlp_proto "${CMAKE_SOURCE_DIR}/otlp/proto")
set(otlp_generated "${CMAKE_BINARY_DIR}/generated/otlp")
file(MAKE_DIRECTORY "${otlp_generated}")
add_custom_command(
  OUTPUT "${otlp_generated}/reply.pb.c" "${otlp_generated}/reply.pb.h"
  COMMAND "${NOVEUM_SYSTEM_PYTHON}" "${NOVEUM_NANOPB_GENERATOR}" --quiet
    --proto-path "${otlp_proto}" --options-path "${otlp_proto}" --output-dir "${otlp_generated}"
    reply.proto
  DEPENDS "${otlp_proto}/reply.proto" "${otlp_proto}/reply.options"
  WORKING_DIRECTORY "${otlp_proto}" VERBATIM)
target_sources(noveum_objects PRIVATE "${otlp_generated}/reply.pb.c")
set_source_files_properties("${otlp_generated}/reply.pb.c" PROPERTIES COMPILE_OPTIONS "-w")
