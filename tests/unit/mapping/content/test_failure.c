/*
 * What results say of a failure, by the words of each family.
 */
#include "cases.h"
#include "deep.h"
#include "expect.h"
#include "mapping/content/failure.h"

#include "base/banned.h"

/* `message` NULL: no failure. */
static const struct {
    const char *result, *message;
} results[] = {
    {"{\"content\":[{\"type\":\"text\",\"text\":\"no\"}],\"isError\":true}", "no"},
    {"{\"content\":[],\"isError\":\"True\"}", ""},
    {"{\"content\":[],\"isError\":false}", NULL},
    {"{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":\"no\",\"is_error\":true}",
     "no"},
    {"{\"object\":\"response\",\"status\":\"failed\",\"error\":{\"message\":\"m\"}}", "m"},
    {"{\"object\":\"response\",\"status\":\"failed\",\"error\":null}", ""},
    {"{\"status\":\"incomplete\",\"error\":{\"message\":\"m\"}}", "m"},
    {"{\"status\":\"incomplete\",\"error\":null}", NULL},
    {"{\"status\":\"completed\",\"error\":null,\"output\":[]}", NULL},
    {"{\"response\":{\"object\":\"response\",\"status\":\"failed\"}}", ""},
    {"{\"type\":\"tool\",\"status\":\"error\",\"content\":\"no\"}", "no"},
    {"{\"lc\":1,\"kwargs\":{\"tool_call_id\":\"c\",\"status\":\"error\",\"content\":\"no\"}}",
     "no"},
    {"{\"type\":\"tool\",\"status\":\"success\",\"content\":\"error\"}", NULL},
    {"[{\"toolResult\":{\"toolUseId\":\"t\",\"status\":\"error\",\"content\":[{\"text\":\"no\"}"
     "]}}]",
     "no"},
    {"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}", "m"},
    {"{\"type\":\"error-text\",\"value\":\"no\"}", "no"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"m\"}}", "m"},
    {"{\"error\":\"no\"}", "no"},
    {"{\"success\":false,\"error\":\"no\",\"result\":null}", "no"},
    {"{\"status\":\"error\",\"error_message\":\"no\"}", "no"},
    {"{\"error_code\":\"SAFETY\",\"error_message\":\"no\"}", "no"},
    /* what a tool looked up */
    {"{\"status\":\"error\",\"host\":\"db1\"}", NULL},
    {"{\"order\":7,\"status\":\"failed\"}", NULL},
    {"{\"error\":null,\"rows\":[]}", NULL},
    {"{\"error\":\"\",\"rows\":[1]}", NULL},
    {"{\"message\":\"error\"}", NULL},
    {"\"error\"", NULL},
    {"[]", NULL},
    {"{}", NULL},
};

START_TEST(test_result)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_value value;
    ck_assert_int_eq(nv_value_from_json(arena, nv_str_from(results[_i].result), NULL, &value),
                     NV_OK);
    const struct nv_failure failure = nv_failure_of(&value);
    ck_assert_msg(failure.failed == (results[_i].message != NULL), "%s", results[_i].result);
    if (results[_i].message) {
        ck_assert_msg(nv_str_eq(failure.message, nv_str_from(results[_i].message)), "%s: %.*s",
                      results[_i].result, NV_STR_ARG(failure.message));
        ck_assert(nv_failure_may(nv_str_from(results[_i].result)));
    }
    nv_arena_free(arena);
}
END_TEST

/* ---- at each cap, and one past it --------------------------------------------------------- */

/* As failure.c has them; check_caps.py holds these alike. */
#define DEPTH_MAX 3u
#define ONLY_MAX 12u
#define ELEMENTS_MAX 64u

static struct nv_buf json;

/* Is the JSON text that was written a failure? */
static bool written_fails(void)
{
    struct nv_value value;
    struct nv_arena *arena = nv_arena_new(1 << 20);
    ck_assert_int_eq(nv_value_from_json(arena, nv_buf_str(&json), NULL, &value), NV_OK);
    const bool failed = nv_failure_of(&value).failed;
    nv_arena_free(arena);
    nv_buf_release(&json);
    return failed;
}

static void add(unsigned times, const char *piece)
{
    for (unsigned i = 0; i < times; i++)
        ck_assert_int_eq(nv_buf_append_str(&json, nv_str_from(piece)), NV_OK);
}

static bool wrapped_fails(unsigned wrappers, const char *open, const char *close)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    const struct nv_value value =
        nv_test_deep(arena, wrappers, open, "{\"isError\":true}", close);
    const bool failed = nv_failure_of(&value).failed;
    nv_arena_free(arena);
    return failed;
}

START_TEST(test_wrappers_to_the_depth)
{
    ck_assert(wrapped_fails(DEPTH_MAX - 1, "{\"result\":", "}"));
    ck_assert(!wrapped_fails(DEPTH_MAX, "{\"result\":", "}"));
    ck_assert(wrapped_fails(DEPTH_MAX - 1, "[", "]"));
    ck_assert(!wrapped_fails(DEPTH_MAX, "[", "]"));
}
END_TEST

START_TEST(test_elements_to_the_last_that_is_looked_at)
{
    for (unsigned more = 0; more < 2; more++) {
        nv_buf_init(&json, 1 << 16);
        add(1, "[");
        add(ELEMENTS_MAX - 1 + more, "0,");
        add(1, "{\"isError\":true}]");
        ck_assert_int_eq(written_fails(), more == 0);
    }
}
END_TEST

START_TEST(test_members_beside_an_error)
{
    /* empty ones, which say nothing, beside the error itself */
    for (unsigned more = 0; more < 2; more++) {
        nv_buf_init(&json, 1 << 16);
        add(1, "{\"error\":\"no\"");
        for (unsigned i = 1; i < ONLY_MAX + more; i++)
            ck_assert_int_eq(nv_buf_printf(&json, ",\"empty%u\":null", i), NV_OK);
        add(1, "}");
        ck_assert_int_eq(written_fails(), more == 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/content/failure");
    TCase *tcase = tcase_create("failure");
    tcase_add_loop_test(tcase, test_result, 0, sizeof results / sizeof *results);
    tcase_add_test(tcase, test_wrappers_to_the_depth);
    tcase_add_test(tcase, test_elements_to_the_last_that_is_looked_at);
    tcase_add_test(tcase, test_members_beside_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
