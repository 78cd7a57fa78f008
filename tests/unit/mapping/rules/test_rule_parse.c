/*
 * The parser of tables: what it accepts, and where it says that something is wrong.
 *
 * Every refusal names file, line and column, because users write tables too.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/rules/rule_parse.h"

#include <stdio.h>

#include "base/banned.h"

static enum nv_err parse(const char *text, struct nv_rule_draft *draft, struct nv_arena *arena,
                         struct nv_fail *fail)
{
    nv_rule_draft_init(draft, arena);
    return nv_rule_parse(draft, NV_STR("t.rules"), nv_str_from(text), false, fail);
}

START_TEST(rows_become_rules)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_rule_draft draft;
    struct nv_fail fail = {0};
    ck_assert_int_eq(parse("# comment\n\nconvention mine \"My own\"\nfield llm.x llm,agent\n"
                           "my.{k}.key.{*} | span, resource | kind=llm,agent value!=a,\"b*\" "
                           "has=x,y.{*} | llm.x | first>int | 42 | a note | with a bar\n"
                           "my.kind | span | name=\"chat,chat *\" | kind | kind(LLM) | 7\n",
                           &draft, arena, &fail),
                     NV_OK);
    ck_assert_uint_eq(draft.row_count, 2);
    ck_assert_uint_eq(draft.gate_count, 1);
    ck_assert_nv_str(draft.files[0].convention, "mine");
    ck_assert_nv_str(draft.files[0].title, "My own");
    const struct nv_rule_row *row = &draft.rows[0];
    ck_assert_nv_str(row->source.text, "my.{i}.key.");
    ck_assert(row->source.wild);
    ck_assert_uint_eq(row->rule.where, NV_WHERE_SPAN | NV_WHERE_RESOURCE);
    ck_assert_uint_eq(row->rule.kinds, NV_KIND_BIT(NV_KIND_LLM) | NV_KIND_BIT(NV_KIND_AGENT));
    ck_assert_uint_eq(row->rule.test_count, 2);
    ck_assert_uint_eq(row->rule.step_count, 2);
    ck_assert_uint_eq(row->rule.precedence, 42);
    ck_assert_uint_eq(row->rule.line, 5);
    ck_assert(draft.rows[1].rule.flags & NV_RULE_KIND);
    ck_assert_nv_str(draft.tests[2].globs, "chat,chat *");
    nv_arena_free(arena);
}
END_TEST

START_TEST(lists_below_a_pattern_are_trees)
{
    static const struct {
        const char *row;
        bool tree;
    } cases[] = {{"a.{i}.{*} | span | | llm.input.messages | messages(input) | 1", true},
                 {"a.{i}.b | span | | llm.finish_reason | first | 1", false},
                 {"a.b | span | | llm.input.messages | messages(input) | 1", false},
                 {"a.{*} | span | | metadata.custom_attributes.{*} | copy | 1", false},
                 {"a.{i}.{*} | span | | agent.x | tree | 1", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_arena *arena = nv_arena_new(1 << 20);
        struct nv_rule_draft draft;
        ck_assert_int_eq(parse(cases[i].row, &draft, arena, NULL), NV_OK);
        ck_assert_msg(((draft.rows[0].rule.flags & NV_RULE_TREE) != 0) == cases[i].tree, "%s",
                      cases[i].row);
        nv_arena_free(arena);
    }
}
END_TEST

START_TEST(refusals_name_the_place)
{
    static const struct {
        const char *text, *path, *what;
    } cases[] = {
        {"a | span | | llm.x", "t.rules:1:1", "six cells"},
        {" | span | | llm.x | copy | 1", "t.rules:1:2", "empty key"},
        {"a.{*}.b | span | | llm.x | copy | 1", "t.rules:1:1", "last part"},
        {"{*}.a.b | span | | llm.x | copy | 1", "t.rules:1:1", "one part only"},
        {"{*}.{*} | span | | llm.x | copy | 1", "t.rules:1:1", "last part"},
        {"\n\na | attr | | llm.x | copy | 1", "t.rules:3:5", "where must be"},
        {"a | span | kind=robot | llm.x | copy | 1", "t.rules:1:17", "unknown kind"},
        {"a | span | colour=red | llm.x | copy | 1", "t.rules:1:12", "unknown condition"},
        {"a | span | scope | llm.x | copy | 1", "t.rules:1:12", "name=value"},
        {"a | span | name=\"x | llm.x | copy | 1", "t.rules:1:17", "not closed"},
        {"a | span | scope= | llm.x | copy | 1", "t.rules:1:12", "without a value"},
        {"a | span | | llm.x | sing | 1", "t.rules:1:22", "unknown transform"},
        {"a | span | | llm.x | copy(1) | 1", "t.rules:1:22", "no argument"},
        {"a | span | | llm.x | member | 1", "t.rules:1:22", "needs an argument"},
        {"a | span | | llm.x | member(a | 1", "t.rules:1:22", "not closed"},
        {"a | span | | llm.x | | 1", "t.rules:1:22", "steps"},
        {"a | span | | llm.x | copy | high", "t.rules:1:29", "precedence"},
        {"a | span | | llm.x | copy | 0", "t.rules:1:29", "precedence"},
        {"a | span | | | copy | 1", "t.rules:1:14", "target is missing"},
        {"a | span | | kind | copy | 1", "t.rules:1:21", "go together"},
        {"a | span | | llm.x | kind(llm) | 1", "t.rules:1:22", "go together"},
        {"a | span | kind=llm | kind | kind(llm) | 1", "t.rules:1:12", "can't depend"},
        {"a | span | | kind | kind(robot) | 1", "t.rules:1:26", "unknown kind"},
        {"a | span | | llm.{*} | copy | 1", "t.rules:1:14", "needs {*}"},
        {"field llm.x", "t.rules:1:7", "needs a name and kinds"},
        {"convention x y", "t.rules:1:12", "title"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_arena *arena = nv_arena_new(1 << 20);
        struct nv_rule_draft draft;
        struct nv_fail fail = {0};
        ck_assert_int_eq(parse(cases[i].text, &draft, arena, &fail), NV_ERR_CONFIG);
        ck_assert_msg(strcmp(fail.path, cases[i].path) == 0, "%s: at %s, expected %s",
                      cases[i].text, fail.path, cases[i].path);
        ck_assert_msg(strstr(fail.what, cases[i].what) != NULL, "%s: %s", cases[i].text,
                      fail.what);
        nv_arena_free(arena);
    }
}
END_TEST

START_TEST(memory_that_ends_is_an_error)
{
    for (size_t bytes = 4096; bytes < 200000; bytes += 8192) {
        struct nv_arena *arena = nv_arena_new(bytes);
        struct nv_rule_draft draft;
        struct nv_rules rules;
        nv_rule_draft_init(&draft, arena);
        enum nv_err err = nv_rule_draft_import(&draft, nv_rules_builtin());
        if (err == NV_OK)
            err = nv_rule_build(&draft, &rules);
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        nv_arena_free(arena);
    }
}
END_TEST

/* `part`, `count` times with `between`, within `before` and `after`: parsed, then built. */
static enum nv_err parse_repeated(const char *const parts[4], unsigned count,
                                  struct nv_fail *fail)
{
    struct nv_arena *arena = nv_arena_new((size_t)256 << 20);
    struct nv_rule_draft draft;
    struct nv_rules rules;
    struct nv_buf text;
    nv_buf_init(&text, (size_t)64 << 20);
    nv_buf_append_str(&text, nv_str_from(parts[0]));
    for (unsigned i = 0; i < count; i++)
        nv_buf_printf(&text, "%s%s%u", i > 0 ? parts[2] : "", parts[1], i);
    nv_buf_append_str(&text, nv_str_from(parts[3]));
    ck_assert_int_eq(nv_buf_append_char(&text, '\0'), NV_OK);
    enum nv_err err = parse(text.bytes, &draft, arena, fail);
    if (err == NV_OK)
        err = nv_rule_build(&draft, &rules);
    nv_buf_release(&text);
    nv_arena_free(arena);
    return err;
}

static const struct {
    const char *parts[4];
    unsigned max;
    enum nv_err past;
    const char *what;
} caps[] = {
    {{"a | span | ", "has=k", " ", " | llm.x | copy | 1\n"},
     NV_RULE_TESTS_MAX,
     NV_ERR_CONFIG,
     "too many conditions"},
    {{"a | span | | llm.x | ", "member(m)>member(k", ")>", ") | 1\n"},
     NV_RULE_STEPS_MAX / 2,
     NV_ERR_CONFIG,
     "one to six steps"},
    {{"a | span | has=", "k", ",", " | llm.x | copy | 1\n"}, NV_WATCHES_MAX, NV_ERR_LIMIT, ""},
    {{"", "a | span | | llm.x | copy | 1\n#", "\n", "\n"},
     NV_RULES_MAX,
     NV_ERR_CONFIG,
     "too many rows"},
};

START_TEST(as_many_as_fit_and_one_more)
{
    struct nv_fail fail = {0};
    ck_assert_msg(parse_repeated(caps[_i].parts, caps[_i].max, &fail) == NV_OK, "%s",
                  fail.what);
    ck_assert_int_eq(parse_repeated(caps[_i].parts, caps[_i].max + 1, &fail), caps[_i].past);
    ck_assert_msg(strstr(fail.what, caps[_i].what) != NULL, "%s", fail.what);
}
END_TEST

/* What a field wants is the same whichever key it comes from, so the form is a step of its own
 * behind the row's; a row that keeps or drops, and the field's own key, have none. */
START_TEST(fields_have_a_form)
{
    static const struct {
        const char *row;
        unsigned steps;
        enum nv_step_op last;
    } cases[] = {{"a | span | | retrieval.query | text | 1", 2, NV_STEP_QUERY},
                 {"a | span | | rerank.query | text | 1", 2, NV_STEP_QUERY},
                 {"a | span | | embedding.input | json | 1", 2, NV_STEP_TEXTS},
                 {"a | span | | tool.input | json | 1", 2, NV_STEP_ARGUMENTS},
                 {"a | span | | tool.output | json | 1", 2, NV_STEP_RESULT},
                 {"tool.output | span | | tool.output | copy | 1", 1, NV_STEP_COPY},
                 {"a | span | | tool.input | keep | 1", 1, NV_STEP_KEEP},
                 {"a | span | | tool.input | drop | 1", 1, NV_STEP_DROP},
                 {"a | span | | llm.model | text | 1", 1, NV_STEP_TEXT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_arena *arena = nv_arena_new(1 << 20);
        struct nv_rule_draft draft;
        ck_assert_int_eq(parse(cases[i].row, &draft, arena, NULL), NV_OK);
        const struct nv_rule *rule = &draft.rows[0].rule;
        ck_assert_msg(rule->step_count == cases[i].steps, "%s: %u steps", cases[i].row,
                      (unsigned)rule->step_count);
        ck_assert_int_eq(draft.steps[rule->first_step + rule->step_count - 1].op,
                         cases[i].last);
        nv_arena_free(arena);
    }
}
END_TEST

START_TEST(flags_of_rows)
{
    static const struct {
        const char *row;
        unsigned flags;
    } cases[] = {{"a | span | | llm.x | keep | 1", NV_RULE_KEEP},
                 {"a | span | | llm.x | drop | 1", NV_RULE_DROP},
                 {"a | span | | span.evaluations | evaluations(list) | 1", NV_RULE_WILD},
                 {"a | span | | x.{*} | spread | 1", NV_RULE_WILD},
                 {"a.{*} | span | | x.{*} | copy | 1", NV_RULE_WILD},
                 {"a | span | | kind | kind(llm) | 1", NV_RULE_KIND},
                 {"a | span | | llm.x | copy | 1", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_arena *arena = nv_arena_new(1 << 20);
        struct nv_rule_draft draft;
        ck_assert_int_eq(parse(cases[i].row, &draft, arena, NULL), NV_OK);
        ck_assert_msg(draft.rows[0].rule.flags == cases[i].flags, "%s: flags %x", cases[i].row,
                      (unsigned)draft.rows[0].rule.flags);
        nv_arena_free(arena);
    }
}
END_TEST

/* Negated kinds leave the others; several conditions on the kind must all hold. */
START_TEST(kinds_of_conditions)
{
    static const struct {
        const char *row;
        uint32_t kinds;
    } cases[] = {
        {"a | span | kind=llm | llm.x | copy | 1", NV_KIND_BIT(NV_KIND_LLM)},
        {"a | span | kind!=llm | llm.x | copy | 1",
         NV_KINDS_ALL & ~(uint32_t)NV_KIND_BIT(NV_KIND_LLM)},
        {"a | span | kind=llm,tool kind!=tool | llm.x | copy | 1", NV_KIND_BIT(NV_KIND_LLM)},
        {"a | span | kind=LLM,,tool | llm.x | copy | 1",
         NV_KIND_BIT(NV_KIND_LLM) | NV_KIND_BIT(NV_KIND_TOOL)},
        {"a | span | | llm.x | copy | 1", NV_KINDS_ALL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_arena *arena = nv_arena_new(1 << 20);
        struct nv_rule_draft draft;
        ck_assert_int_eq(parse(cases[i].row, &draft, arena, NULL), NV_OK);
        ck_assert_msg(draft.rows[0].rule.kinds == cases[i].kinds, "%s", cases[i].row);
        nv_arena_free(arena);
    }
}
END_TEST

START_TEST(conditions_of_rows)
{
    static const struct {
        const char *condition;
        enum nv_test_what what;
        bool negate;
        unsigned watches;
    } cases[] = {{"has=a,b", NV_TEST_HAS, false, 2},
                 {"has!=a", NV_TEST_HAS, true, 1},
                 {"lacks=a,b,c", NV_TEST_HAS, true, 3},
                 {"lacks!=a", NV_TEST_HAS, false, 1},
                 {"scope=x*", NV_TEST_SCOPE, false, 0},
                 {"name!=\"a b\"", NV_TEST_NAME, true, 0},
                 {"otel.kind=client", NV_TEST_SPAN_KIND, false, 0},
                 {"event=x", NV_TEST_EVENT, false, 0},
                 {"value=1", NV_TEST_VALUE, false, 0},
                 {"attr:my.key=x", NV_TEST_ATTRIBUTE, false, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_arena *arena = nv_arena_new(1 << 20);
        struct nv_rule_draft draft;
        char row[100];
        (void)snprintf(row, sizeof row, "a | span | %s | llm.x | copy | 1", cases[i].condition);
        ck_assert_int_eq(parse(row, &draft, arena, NULL), NV_OK);
        ck_assert_uint_eq(draft.test_count, 1);
        ck_assert_msg(draft.tests[0].what == cases[i].what, "%s", row);
        ck_assert_msg(draft.tests[0].negate == cases[i].negate, "%s", row);
        ck_assert_msg(draft.watch_count == cases[i].watches, "%s", row);
        nv_arena_free(arena);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/rule_parse");
    TCase *tcase = tcase_create("rule_parse");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, rows_become_rules);
    tcase_add_test(tcase, lists_below_a_pattern_are_trees);
    tcase_add_test(tcase, refusals_name_the_place);
    tcase_add_test(tcase, memory_that_ends_is_an_error);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, as_many_as_fit_and_one_more, 0,
                        (int)(sizeof caps / sizeof caps[0]));
    tcase_add_test(tcase, fields_have_a_form);
    tcase_add_test(tcase, flags_of_rows);
    tcase_add_test(tcase, kinds_of_conditions);
    tcase_add_test(tcase, conditions_of_rows);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
