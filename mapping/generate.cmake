# Convention tables (mapping/conventions/*.rules) are compiled into constant arrays.
file(GLOB noveum_rule_tables CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/mapping/conventions/*.rules")
list(FILTER noveum_rule_tables EXCLUDE REGEX "/events\\.rules$") # another form, content.h
list(SORT noveum_rule_tables)
add_executable(compile_rules
  tools/compile_rules.c mapping/rule_parse.c mapping/rule_build.c mapping/rule_find.c mapping/kind.c
  base/arena.c base/str.c base/error.c)
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
