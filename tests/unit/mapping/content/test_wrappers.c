/*
 * Wrappers: what comes of each, and values that only look like one.
 */
#include "arena_oom.h"
#include "cases.h"
#include "deep.h"
#include "expect.h"
#include "mapping/content/wrappers.h"

#include "base/banned.h"

static struct nv_arena *arena;

static void set_up(void)
{
    arena = nv_arena_new(1 << 20);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

/* JSON of both; a text with JSON in it is JSON's string. */
static const struct wrapper_case {
    nv_unwrap_fn *unwrap;
    const char *in, *out;
} wrappers[] = {
    {nv_unwrap_query, "\"plain\"", "\"plain\""},
    {nv_unwrap_query, "{\"query\": \"q\", \"top_k\": 3}", "\"q\""},
    {nv_unwrap_query, "\"{\\\"query\\\": \\\"q\\\"}\"", "\"q\""},
    {nv_unwrap_query, "\"{'query': \\\"it's\\\"}\"", "\"it's\""},
    {nv_unwrap_query, "\"\\\"quoted\\\"\"", "\"quoted\""},
    {nv_unwrap_query, "\"a \\\"word\\\"\"", "\"a \\\"word\\\"\""},
    {nv_unwrap_query, "{\"query_bundle\": {\"query_str\": \"q\"}}", "\"q\""},
    {nv_unwrap_query, "{\"args\": [], \"kwargs\": {\"query\": \"q\"}}", "\"q\""},
    {nv_unwrap_query, "[\"q\"]", "\"q\""},
    {nv_unwrap_query, "[\"a\", \"b\"]", "[\"a\", \"b\"]"},
    {nv_unwrap_query, "{\"filter\": \"x\"}", "{\"filter\": \"x\"}"},
    {nv_unwrap_query, "{\"query\": [0.1, 0.2]}", "{\"query\": [0.1, 0.2]}"},
    {nv_unwrap_texts, "[\"\\\"hi\\\"\", \"\\\"open\", \"x\"]", "[\"hi\", \"\\\"open\", \"x\"]"},
    {nv_unwrap_texts, "\"['a', 'b']\"", "[\"a\", \"b\"]"},
    {nv_unwrap_texts, "{\"input\": [\"a\"], \"model\": \"m\"}", "[\"a\"]"},
    {nv_unwrap_texts, "\"{\\\"a\\\": 1}\"", "\"{\\\"a\\\": 1}\""},
    {nv_unwrap_texts, "\"hi\"", "\"hi\""},
    {nv_unwrap_arguments, "{\"a\": 1}", "{\"a\": 1}"},
    {nv_unwrap_arguments, "{\"input_str\": \"{'a': 1}\", \"tags\": []}", "{\"a\": 1}"},
    {nv_unwrap_arguments, "{\"input_str\": \"x\", \"inputs\": {\"a\": 1}}", "{\"a\": 1}"},
    {nv_unwrap_arguments, "{\"input_str\": \"x\", \"metadata\": {}}", "\"x\""},
    {nv_unwrap_arguments, "{\"input_str\": \"x\", \"n\": 1}",
     "{\"input_str\": \"x\", \"n\": 1}"},
    {nv_unwrap_arguments, "{\"input\": \"{'a': 1}\"}", "{\"a\": 1}"},
    {nv_unwrap_arguments, "{\"input\": \"x\"}", "{\"input\": \"x\"}"},
    {nv_unwrap_arguments, "\"{'a': None}\"", "\"{'a': None}\""},
    {nv_unwrap_result, "\"plain\"", "\"plain\""},
    {nv_unwrap_result, "{\"output\": \"x\"}", "{\"output\": \"x\"}"},
    {nv_unwrap_result, "{\"output\": \"x\", \"kwargs\": {}}", "\"x\""},
    {nv_unwrap_result, "{\"content\": \"x\", \"tool_call_id\": \"c\"}", "\"x\""},
    {nv_unwrap_result,
     "{\"type\": \"tool\", \"data\": {\"content\": \"x\", \"type\": \"tool\"}}", "\"x\""},
    {nv_unwrap_result,
     "{\"lc\": 1, \"id\": [\"a\", \"ToolMessage\"], \"kwargs\": {\"content\": \"[1]\", "
     "\"tool_call_id\": \"c\"}}",
     "[1]"},
    {nv_unwrap_result, "\"content='x' name='f' tool_call_id='c'\"", "\"x\""},
    {nv_unwrap_result, "{\"content\": \"x\", \"tool_call_id\": \"c\", \"pages\": 2}",
     "{\"content\": \"x\", \"tool_call_id\": \"c\", \"pages\": 2}"},
    {nv_unwrap_result, "{\"content\": \"x\", \"type\": \"html\"}",
     "{\"content\": \"x\", \"type\": \"html\"}"},
    {nv_unwrap_result, "{\"content\": [{\"text\": \"a\"}, \"b\"], \"role\": \"tool\"}",
     "\"a\\nb\""},
    {nv_unwrap_result, "{\"content\": [{\"type\": \"image\"}], \"role\": \"tool\"}",
     "[{\"type\": \"image\"}]"},
};

static enum nv_err attempt(void *ctx, struct nv_arena *small)
{
    const struct wrapper_case *test = ctx;
    struct nv_value in, out;
    enum nv_err err = nv_value_from_json(small, nv_str_from(test->in), NULL, &in);
    return err != NV_OK ? err : test->unwrap(small, &in, &out);
}

START_TEST(test_wrapper)
{
    const struct wrapper_case *test = &wrappers[_i];
    struct nv_value in, out;
    struct nv_buf buf;
    ck_assert_int_eq(nv_value_from_json(arena, nv_str_from(test->in), NULL, &in), NV_OK);
    ck_assert_int_eq(test->unwrap(arena, &in, &out), NV_OK);
    ck_assert_json_eq(nv_test_json(&out, &buf), nv_str_from(test->out));
    nv_buf_release(&buf);
}
END_TEST

START_TEST(test_every_allocation_may_fail)
{
    struct wrapper_case test = wrappers[_i];
    nv_test_oom_each(attempt, &test);
}
END_TEST

/* As wrappers.c has it. */
#define LEVELS_MAX 4u

/* As many wrappers as are taken off, the text being the last level; and one more. */
START_TEST(test_levels)
{
    static const struct {
        nv_unwrap_fn *unwrap;
        const char *open;
        unsigned inner; /* levels that the text itself takes */
    } levels[] = {{nv_unwrap_query, "{\"query\":", 1}, {nv_unwrap_texts, "{\"input\":", 0}};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        for (unsigned more = 0; more < 2; more++) {
            struct nv_value out;
            const struct nv_value in = nv_test_deep(arena, LEVELS_MAX - levels[i].inner + more,
                                                    levels[i].open, "\"q\"", "}");
            ck_assert_int_eq(levels[i].unwrap(arena, &in, &out), NV_OK);
            ck_assert_int_eq(out.type, more == 0 ? NV_VALUE_STRING : NV_VALUE_MAP);
        }
    }
}
END_TEST

int main(void)
{
    const int count = (int)(sizeof wrappers / sizeof wrappers[0]);
    Suite *suite = suite_create("wrappers");
    TCase *tcase = tcase_create("wrappers");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_wrapper, 0, count);
    tcase_add_test(tcase, test_levels);
    tcase_add_loop_test(tcase, test_every_allocation_may_fail, 0, count);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
