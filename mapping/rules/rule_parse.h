/*
 * From table text to a rule set: used by the build (tools/compile_rules.c) and at start for the
 * user's own table.
 *
 *   texts ──nv_rule_parse──▶ nv_rule_draft ──nv_rule_build──▶ nv_rules
 *                              rows as written                  sorted, hashed, numbered
 */
#ifndef NV_MAPPING_RULES_RULE_PARSE_H
#define NV_MAPPING_RULES_RULE_PARSE_H

#include "base/arena.h"
#include "mapping/rules/rule.h"

/* Limits of a rule set (indices are 16 bit). */
#define NV_RULES_MAX 60000u
#define NV_RULE_TESTS_MAX 12u
#define NV_RULE_STEPS_MAX 6u

/* A pattern as written: numbers as {i}; `wild` when it ended with {*}, which is cut off. */
struct nv_rule_pattern {
    struct nv_str text;
    bool wild;
};

struct nv_rule_row {
    struct nv_rule_pattern source;
    struct nv_str target;
    struct nv_rule rule; /* all but key and field */
};

struct nv_rule_gate {
    struct nv_rule_pattern field;
    uint32_t kinds;
};

/* Rows gathered so far. Everything is in the arena, but for the texts, which are borrowed. */
struct nv_rule_draft {
    struct nv_arena *arena;
    struct nv_rule_row *rows;
    struct nv_rule_gate *gates;
    struct nv_test *tests;
    struct nv_step *steps;
    struct nv_rule_pattern *watches;
    struct nv_rule_file *files;
    uint32_t row_count, gate_count, test_count, step_count, watch_count, file_count;
    uint32_t row_capacity, gate_capacity, test_capacity, step_capacity, watch_capacity,
        file_capacity;
};

/* Readies an empty draft that allocates in `arena` (borrowed for its life). */
void nv_rule_draft_init(struct nv_rule_draft *draft, struct nv_arena *arena);
/*
 * Parses one table. `name` is the file's, for messages; name and text are borrowed for the life
 * of what is built. `user` marks its rows as the user's. Errors: NV_ERR_CONFIG with
 * `fail->path` = `name:line:column`, NV_ERR_LIMIT, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_rule_parse(struct nv_rule_draft *draft, struct nv_str name, struct nv_str text,
                          bool user, struct nv_fail *fail) NV_MUST_USE;
/* Adds all of a built set's rows (borrowed for life). Errors: NV_ERR_NO_MEMORY,
 * NV_ERR_LIMIT. */
enum nv_err nv_rule_draft_import(struct nv_rule_draft *draft,
                                 const struct nv_rules *rules) NV_MUST_USE;
/* Sorts, numbers and hashes the draft into `out`; its arrays are in the draft's arena. Errors:
 * NV_ERR_NO_MEMORY, NV_ERR_LIMIT. */
enum nv_err nv_rule_build(struct nv_rule_draft *draft, struct nv_rules *out) NV_MUST_USE;

/* ---- between the files that build -------------------------------------------------------- */

/* The set while it grows: the arrays of nv_rules, writable. */
struct nv_rule_making {
    struct nv_rule_draft *draft;
    struct nv_rule_pattern *patterns; /* of the keys, in their order */
    struct nv_rule_key *keys;
    struct nv_field *fields;
    struct nv_rule *rules;
    uint16_t *watches, *slots;
    struct nv_scope_sign *scopes;
    struct nv_signs valued, scoped;
    uint32_t key_count, field_count, slot_count, scope_count, watched;
};

/*
 * The last step of building: numbers the signs, and derives from tests and steps what rules and
 * keys say at once (signs, filter, gives, order, flags). All else must be ready. Errors:
 * NV_ERR_LIMIT past NV_SIGNS_MAX, NV_ERR_NO_MEMORY. (rule_filter.c)
 */
enum nv_err nv_rule_filters_make(struct nv_rule_making *making) NV_MUST_USE;

#endif
