# Tests, found by place:
#   tests/unit/<room>/test_<name>.c    one check program each, label "unit"; a room is a folder of the tree
#   tests/fuzz/fuzz_<name>.c           libFuzzer target; its corpus replays in every ctest, label "fuzz-replay"
#   tests/tools/*.py, *.sh             checks of the tree itself, label "tree"
#   tests/e2e/test_<name>.py           pytest against the real program, label "e2e"
# A unit or e2e test whose source reads NOVEUM_SOAK has a long form as well: it is found a second time
# as soak/<name>, label "slow", which only `make soak` runs.
pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check zlib)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(CMAKE_C_VISIBILITY_PRESET default)
# What is tested and the tests' kits are one shared library: linked into each of some 500 programs, it took
# most of the time and nearly all of the disk of a build. A test may still define a function of its own
# under a name of the library's or of libc's, which all sources but that one then call: nothing is hidden here.
file(GLOB support_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/support/*.c")
add_library(noveum_test_support SHARED ${support_sources})
set_target_properties(noveum_objects PROPERTIES C_VISIBILITY_PRESET default)
target_compile_options(noveum_objects PRIVATE -fno-semantic-interposition)
target_include_directories(noveum_test_support PUBLIC "${CMAKE_SOURCE_DIR}/tests/support")
target_compile_definitions(noveum_test_support PUBLIC
  NOVEUM_SOURCE_DIR="${CMAKE_SOURCE_DIR}" NOVEUM_FIXTURES="${CMAKE_SOURCE_DIR}/tests/fixtures")
target_link_libraries(noveum_test_support PUBLIC noveum_objects PkgConfig::CHECK)
# the mock cluster of librdkafka (tests/support/kafka_kit.h); the program itself loads the library
pkg_check_modules(RDKAFKA IMPORTED_TARGET rdkafka)
if(TARGET PkgConfig::RDKAFKA)
  target_link_libraries(noveum_test_support PUBLIC PkgConfig::RDKAFKA)
endif()
# tests/support/oom.h: allocations of our own objects go through its counters
foreach(function malloc calloc realloc reallocarray strdup strndup aligned_alloc)
  target_link_options(noveum_test_support PUBLIC "-Wl,--wrap=${function}")
endforeach()
include("${CMAKE_SOURCE_DIR}/tests/generate.cmake" OPTIONAL)
# for tests of libnoveum-trace, which the others do not link
add_library(noveum_trace_kit OBJECT tests/support/trace/config_kit.c tests/support/trace/trace_kit.c)
target_include_directories(noveum_trace_kit PUBLIC "${CMAKE_SOURCE_DIR}/tests/support/trace" "${CMAKE_SOURCE_DIR}/include")
target_link_libraries(noveum_trace_kit PUBLIC noveum_test_support)

# Bounds in seconds that only a test which hangs reaches: instrumented code takes 2 to 10 times as long,
# with the thread sanitizer most.
set(slower 1)
if(NOVEUM_SANITIZE)
  set(slower 4)
endif()
math(EXPR unit_seconds "120 * ${slower}")
math(EXPR e2e_seconds "600 * ${slower}")

function(noveum_add_soak name source)
  file(STRINGS "${source}" mentions REGEX "NOVEUM_SOAK")
  if(NOT mentions)
    return()
  endif()
  add_test(NAME soak/${name} COMMAND ${ARGN})
  set_tests_properties(soak/${name} PROPERTIES LABELS slow TIMEOUT 5400)
endfunction()

file(GLOB_RECURSE unit_tests CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/unit/test_*.c")
foreach(source IN LISTS unit_tests)
  get_filename_component(name "${source}" NAME_WE)
  get_filename_component(room "${source}" DIRECTORY)
  file(RELATIVE_PATH room "${CMAKE_SOURCE_DIR}/tests/unit" "${room}")
  string(REPLACE "/" "_" program "${room}_${name}")
  add_executable(${program} "${source}")
  if(name STREQUAL "test_lent_memory") # as a program of others: the shared library and its header
    target_link_libraries(${program} PRIVATE noveum_shared noveum_warnings PkgConfig::CHECK)
  else()
    target_link_libraries(${program} PRIVATE noveum_test_support)
  endif()
  if(room STREQUAL "gateway/embed")
    target_include_directories(${program} PRIVATE "${CMAKE_SOURCE_DIR}/include")
  endif()
  if(room STREQUAL "trace")
    target_link_libraries(${program} PRIVATE noveum_trace_objects noveum_trace_kit)
  endif()
  add_test(NAME unit/${room}/${name} COMMAND ${program})
  set_tests_properties(unit/${room}/${name} PROPERTIES LABELS unit TIMEOUT ${unit_seconds})
  noveum_add_soak(${room}/${name} "${source}" ${program})
  # What is of a whole process (libnoveum-trace, its pool, the ring of refused requests) needs one for each test.
  file(STRINGS "${source}" of_a_process REGEX "kit_trace_on|trace/pool.h|otlp/request/refused.h")
  if(NOVEUM_SANITIZE AND NOT of_a_process)
    set_tests_properties(unit/${room}/${name} PROPERTIES ENVIRONMENT "CK_FORK=no")
  endif()
endforeach()

add_custom_target(fuzzers COMMENT "Every libFuzzer target (preset fuzz)")
# What runs without a library that the memory sanitizer knows nothing of (preset msan): the others
# inflate, speak HTTP/2 or compare with jansson and protobuf-c.
add_custom_target(msan COMMENT "Corpora that the memory sanitizer replays (preset msan)")
set(msan_targets fuzz_http1 fuzz_journal fuzz_messages fuzz_translate fuzz_work)
file(GLOB fuzz_targets CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_*.c")
foreach(source IN LISTS fuzz_targets)
  get_filename_component(name "${source}" NAME_WE)
  set(corpus "${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name}")
  add_executable(replay_${name} "${source}" "${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c")
  target_link_libraries(replay_${name} PRIVATE noveum_test_support)
  if(name STREQUAL "fuzz_trace_api")
    target_link_libraries(replay_${name} PRIVATE noveum_trace_objects)
  endif()
  add_test(NAME fuzz-replay/${name} COMMAND replay_${name} "${corpus}")
  set_tests_properties(fuzz-replay/${name} PROPERTIES LABELS fuzz-replay TIMEOUT ${unit_seconds})
  if(name IN_LIST msan_targets)
    set_tests_properties(fuzz-replay/${name} PROPERTIES LABELS "fuzz-replay;msan")
    add_dependencies(msan replay_${name})
  endif()
  if(NOVEUM_FUZZ)
    add_executable(${name} "${source}")
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${name} PRIVATE noveum_test_support)
    if(name STREQUAL "fuzz_trace_api")
      target_link_libraries(${name} PRIVATE noveum_trace_objects)
    endif()
    add_dependencies(fuzzers ${name})
  endif()
endforeach()

file(GLOB tree_tests CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/tools/check_*.py")
foreach(source IN LISTS tree_tests)
  get_filename_component(name "${source}" NAME_WE)
  add_test(NAME tree/${name} COMMAND Python3::Interpreter "${source}" "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}")
  set_tests_properties(tree/${name} PROPERTIES LABELS tree TIMEOUT 240)
endforeach()

# e2e runs in the project's own virtual environment (tools/test-environment.sh makes it).
file(GLOB e2e_tests CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/e2e/test_*.py")
if(NOT TARGET noveum-gateway)
  set(e2e_tests "")
endif()
if(NOT NOVEUM_WITH_KAFKA)
  list(FILTER e2e_tests EXCLUDE REGEX "/test_[a-z_]*kafka[a-z_]*\\.py$")
endif()
foreach(source IN LISTS e2e_tests)
  get_filename_component(name "${source}" NAME_WE)
  set(command "${CMAKE_SOURCE_DIR}/build/venv/bin/python" -m pytest -q -p no:cacheprovider "${source}")
  add_test(NAME e2e/${name} COMMAND ${command})
  set_tests_properties(e2e/${name} PROPERTIES LABELS e2e TIMEOUT ${e2e_seconds})
  noveum_add_soak(e2e/${name} "${source}" ${command})
  set(both e2e/${name})
  if(TEST soak/e2e/${name})
    list(APPEND both soak/e2e/${name})
  endif()
  set_tests_properties(${both} PROPERTIES WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}/tests/e2e"
    ENVIRONMENT "NOVEUM_GATEWAY_PROGRAM=$<TARGET_FILE:noveum-gateway>;NOVEUM_BUILD_DIR=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1")
endforeach()
