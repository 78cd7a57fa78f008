/*
 * JSON inside of text: what is undone, what stays text, what is read of broken-off text.
 */
#include "arena_oom.h"
#include "cases.h"
#include "expect.h"
#include "mapping/content/json_text.h"

#include <stdlib.h>

#include "base/banned.h"

#define ARENA_MAX ((size_t)16 << 20)

static struct nv_arena *arena;

static void set_up(void)
{
    arena = nv_arena_new(ARENA_MAX);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

/* `out` NULL: stays the text that it is. */
static const struct {
    const char *in, *out;
    bool truncated;
} texts[] = {
    {"{\"a\": 1}", "{\"a\":1}", false},
    {" [1, 2] ", "[1,2]", false},
    {"\"quoted\"", "\"quoted\"", false},
    {"\"[1]\"", "[1]", false},
    {"\"{\\\"a\\\": \\\"[1]\\\"}\"", "{\"a\":\"[1]\"}", false},
    {"plain", NULL, false},
    {"", NULL, false},
    {"{", NULL, false},
    {"12", NULL, false},
    {"true", NULL, false},
    {"[1] is not the loneliest number", NULL, false},
    {"\"Hello\", she said", NULL, false},
    {"\"Hello", NULL, false},
    {"{name} is missing", NULL, false},
    {"[{\"a\": \"b", "[{\"a\":\"b\"}]", true},
    {"{\"a\": [1, 2", "{\"a\":[1,2]}", true},
    {"{'a': None, 'b': (1, 'x'), 'c': True}", "{\"a\":null,\"b\":[1,\"x\"],\"c\":true}", false},
    {"['a', \"it's\"]", "[\"a\",\"it's\"]", false},
    {"{'a': Document(id=1)}", "{\"a\":{\"id\":1}}", false},
    {"{'a': document(1) }x", NULL, false},
    {"(1, 2)", NULL, false},
};

START_TEST(test_parse)
{
    const struct nv_value in = nv_value_string(nv_str_from(texts[_i].in));
    struct nv_value out;
    bool truncated = false;
    ck_assert_int_eq(nv_json_text_parse(arena, &in, NV_JSON_TEXT_LEVELS, &truncated, &out),
                     NV_OK);
    ck_assert_msg(truncated == texts[_i].truncated, "%s: truncated %d", texts[_i].in,
                  truncated);
    if (!texts[_i].out) {
        ck_assert_int_eq(out.type, NV_VALUE_STRING);
        ck_assert_nv_str(out.as.string, texts[_i].in);
        return;
    }
    struct nv_buf buf;
    ck_assert_json_eq(nv_test_json(&out, &buf), nv_str_from(texts[_i].out));
    nv_buf_release(&buf);
}
END_TEST

START_TEST(test_broken_off_text_stays_when_nobody_asks)
{
    const struct nv_value in = nv_value_string(NV_STR("[{\"a\": \"b"));
    struct nv_value out;
    ck_assert_int_eq(nv_json_text_parse(arena, &in, 2, NULL, &out), NV_OK);
    ck_assert_int_eq(out.type, NV_VALUE_STRING);
}
END_TEST

START_TEST(test_json_values_and_trees)
{
    const struct nv_value json = nv_value_json(NV_STR("12"));
    struct nv_value out;
    ck_assert_int_eq(nv_json_text_parse(arena, &json, 2, NULL, &out), NV_OK);
    ck_assert_int_eq(out.type, NV_VALUE_INT);
    const struct nv_value number = nv_value_int(5);
    ck_assert_int_eq(nv_json_text_parse(arena, &number, 2, NULL, &out), NV_OK);
    ck_assert_int_eq(out.as.integer, 5);
}
END_TEST

START_TEST(test_text_of_any_value)
{
    struct nv_str text;
    const struct nv_value string = nv_value_string(NV_STR("as it is"));
    ck_assert_int_eq(nv_json_text_of(arena, &string, &text), NV_OK);
    ck_assert_nv_str(text, "as it is");
    const struct nv_value number = nv_value_bool(true);
    ck_assert_int_eq(nv_json_text_of(arena, &number, &text), NV_OK);
    ck_assert_nv_str(text, "true");
    const struct nv_value null = nv_value_null();
    ck_assert_int_eq(nv_json_text_of(arena, &null, &text), NV_OK);
    ck_assert_nv_str(text, "null");
}
END_TEST

static enum nv_err attempt(void *ctx, struct nv_arena *small)
{
    const struct nv_value *in = ctx;
    struct nv_value out;
    struct nv_str text;
    bool truncated = false;
    enum nv_err err = nv_json_text_parse(small, in, 2, &truncated, &out);
    return err == NV_OK ? nv_json_text_of(small, &out, &text) : err;
}

START_TEST(test_every_allocation_may_fail)
{
    struct nv_value in = nv_value_string(nv_str_from(texts[_i].in));
    nv_test_oom_each(attempt, &in);
}
END_TEST

int main(void)
{
    const int count = (int)(sizeof texts / sizeof texts[0]);
    Suite *suite = suite_create("json_text");
    TCase *tcase = tcase_create("json_text");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_parse, 0, count);
    tcase_add_test(tcase, test_broken_off_text_stays_when_nobody_asks);
    tcase_add_test(tcase, test_json_values_and_trees);
    tcase_add_test(tcase, test_text_of_any_value);
    tcase_add_loop_test(tcase, test_every_allocation_may_fail, 0, count);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
