# Convention tables (mapping/conventions/*.rules) are compiled into constant arrays.
file(GLOB noveum_rule_tables CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/mapping/conventions/*.rules")
list(FILTER noveum_rule_tables EXCLUDE REGEX "/events\\.rules$") # another form, content.h
list(SORT noveum_rule_tables)
add_executable(compile_rules
  tools/compile_rules.c mapping/rules/rule_parse.c mapping/rules/rule_build.c mapping/rules/rule_filter.c mapping/rules/rule_find.c mapping/rules/kind.c
  base/account.c base/arena.c base/str.c base/error.c)
target_include_directories(compile_rules PRIVATE "${CMAKE_SOURCE_DIR}")
target_compile_definitions(compile_rules PRIVATE _GNU_SOURCE)
target_link_libraries(compile_rules PRIVATE noveum_dependencies noveum_warnings)
set(noveum_rules_builtin "${CMAKE_BINARY_DIR}/generated/mapping/rules_builtin.c")
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/generated/mapping")
add_custom_command(OUTPUT "${noveum_rules_builtin}"
  COMMAND compile_rules "${noveum_rules_builtin}" ${noveum_rule_tables}
  DEPENDS compile_rules ${noveum_rule_tables}
  COMMENT "Compiling convention tables")
target_sources(noveum_objects PRIVATE "${noveum_rules_builtin}")

# events.rules: rows of mapping/engine/content.c's table, one initialiser each.
set(noveum_event_table "${CMAKE_SOURCE_DIR}/mapping/conventions/events.rules")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${noveum_event_table}")
file(STRINGS "${noveum_event_table}" noveum_event_lines REGEX "^[^#]")
set(noveum_event_length 64)
set(noveum_event_prefixes "")
foreach(length RANGE ${noveum_event_length})
  set(noveum_event_rows_${length} "")
  set(noveum_event_count_${length} 0)
endforeach()
foreach(line IN LISTS noveum_event_lines)
  string(REGEX REPLACE "[ \t]*\\|[ \t]*" ";" cells "${line}")
  list(LENGTH cells count)
  if(NOT count EQUAL 5)
    message(FATAL_ERROR "${noveum_event_table}: five cells expected in: ${line}")
  endif()
  list(GET cells 0 event)
  list(GET cells 1 span)
  list(GET cells 2 from)
  list(GET cells 3 form)
  list(GET cells 4 to)
  string(STRIP "${to}" to)
  string(TOUPPER "${span}" span)
  if(NOT span MATCHES "^(ANY|TOOL|OTHER)$")
    message(FATAL_ERROR "${noveum_event_table}: unknown span in: ${line}")
  endif()
  if(NOT form MATCHES "^(message|choice|document|value|attributes|record)(\\(([a-z]+)\\))?$")
    message(FATAL_ERROR "${noveum_event_table}: unknown form in: ${line}")
  endif()
  set(role "${CMAKE_MATCH_3}")
  string(REGEX REPLACE "\\(.*" "" form "${form}")
  string(TOUPPER "${form}" form)
  set(row " \\\n    X(\"${event}\", ${span}, \"${from}\", ${form}, \"${role}\", \"${to}\")")
  string(LENGTH "${event}" length)
  if(event MATCHES "^........+[*]$")
    set(length ${noveum_event_length})
    string(APPEND noveum_event_prefixes " X(\"${event}\")")
  elseif(event MATCHES "[*]" OR NOT length LESS noveum_event_length)
    message(FATAL_ERROR "${noveum_event_table}: too short or too long a name in: ${line}")
  endif()
  string(APPEND noveum_event_rows_${length} "${row}")
  math(EXPR noveum_event_count_${length} "${noveum_event_count_${length}} + 1")
endforeach()
# Rows stand by the length of their names, so that a record asks few; prefixes are last.
set(noveum_event_rows "")
set(noveum_event_starts "")
set(start 0)
foreach(length RANGE ${noveum_event_length})
  string(APPEND noveum_event_rows "${noveum_event_rows_${length}}")
  string(APPEND noveum_event_starts "${start}, ")
  math(EXPR start "${start} + ${noveum_event_count_${length}}")
endforeach()
file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/generated/mapping/event_rows.h"
  CONTENT "/* Written by mapping/generate.cmake from events.rules. */
#define NV_EVENT_LENGTH ${noveum_event_length}u
#define NV_EVENT_STARTS ${noveum_event_starts}
#define NV_EVENT_PREFIXES(X)${noveum_event_prefixes}
#define NV_EVENT_ROWS(X)${noveum_event_rows}\n" @ONLY)

# The price table (mapping/prices.csv, made by tools/make-prices.py) is compiled into constant arrays.
set(noveum_prices_csv "${CMAKE_SOURCE_DIR}/mapping/prices.csv")
set(noveum_prices_builtin "${CMAKE_BINARY_DIR}/generated/mapping/prices_builtin.c")
add_executable(compile_prices
  tools/compile_prices.c mapping/prices/price_table.c mapping/prices/price_pattern.c mapping/rules/rule_find.c base/text/iso_time.c
  base/account.c base/arena.c base/str.c base/error.c)
target_include_directories(compile_prices PRIVATE "${CMAKE_SOURCE_DIR}")
target_compile_definitions(compile_prices PRIVATE _GNU_SOURCE NV_NARROW)
target_link_libraries(compile_prices PRIVATE noveum_dependencies noveum_warnings)
add_custom_command(OUTPUT "${noveum_prices_builtin}"
  COMMAND compile_prices "${noveum_prices_builtin}" "${noveum_prices_csv}"
  DEPENDS compile_prices "${noveum_prices_csv}"
  COMMENT "Compiling the price table")
target_sources(noveum_objects PRIVATE "${noveum_prices_builtin}")
