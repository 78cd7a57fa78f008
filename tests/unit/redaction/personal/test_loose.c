/*
 * Members of JSON in text that is not one JSON text: what is dropped and hashed by its key, and
 * what stays; work.
 */
#include "expect.h"
#include "growth.h"
#include "nested_kit.h"

#include "base/buf.h"
#include "base/meter.h"
#include "redaction/personal/loose.h"

#include <stdio.h>

#include "base/banned.h"

static enum nv_nested_act act_of(const void *ctx, struct nv_str key)
{
    (void)ctx;
    if (nv_str_eq(key, NV_STR("comment")))
        return NV_NESTED_ACT_DROP;
    return nv_str_eq(key, NV_STR("h")) ? NV_NESTED_ACT_HASH : NV_NESTED_ACT_NONE;
}

static void set_up(void)
{
    kit_nested_set_up();
    nv_nested_set_keys(kit_nested, (struct nv_nested_keys){NULL, act_of});
}

static struct nv_str of(struct nv_str text)
{
    return kit_nested_text(text, NV_NESTED_ALL);
}

#define JOHN "{\"comment\":\"John Smith\"}"
#define GONE "{\"comment\":null}"

static const struct {
    const char *text, *becomes; /* NULL: the same */
} cases[] = {
    {"[" JOHN ",{\"comm", "[" GONE ",{\"comm"},
    {"{\"a\":1,\"comment\":\"John Smi", "{\"a\":1,\"comment\":null"},
    {"{\"comment\":{\"x\":[\"John\",\"}\",{\"y\":\"Smi", "{\"comment\":null"},
    {"{\"comment\":[{\"x\":\"]}\"},2] , \"b\":3", "{\"comment\":null , \"b\":3"},
    {"{\"comment\":12.5,\"b\":", "{\"comment\":null,\"b\":"},
    {"{\"comment\":tru", "{\"comment\":null"},
    {JOHN "\n" JOHN "\n", GONE "\n" GONE "\n"},
    {"```json\n" JOHN "\n```", "```json\n" GONE "\n```"},
    {"He said \"so: " JOHN " and \"went\"", "He said \"so: " GONE " and \"went\""},
    {"data: " JOHN "\n\ndata: [DONE]", "data: " GONE "\n\ndata: [DONE]"},
    {"\xef\xbb\xbf" JOHN, "\xef\xbb\xbf" GONE},
    {"{\"comment\":\"John\nSmith\t\",\"b\":1}", "{\"comment\":null,\"b\":1}"},
    {"{\"a\":NaN,\"comment\" : \"John\"}", "{\"a\":NaN,\"comment\" : null}"},
    {"{\"comment\":\"John\",}", "{\"comment\":null,}"},
    {"{\"\\u0063omment\":\"J\\\"o\\\\\",}", "{\"\\u0063omment\":null,}"},
    {"{\"t\":\"see [{\\\"comment\\\":\\\"John\\\"},{\\\"co\"}",
     "{\"t\":\"see [{\\\"comment\\\":null},{\\\"co\"}"},
    {"{\"t\":\"{\\n \\\"comment\\\":\\n \\\"J\\\\\\\"o\\\",\\\"b\\\":1}\",",
     "{\"t\":\"{\\n \\\"comment\\\":\\n null,\\\"b\\\":1}\","},
    {"{\"t\":\"{\\\"comment\\\":\\\"John Smi\",\"b\":\"x\",",
     "{\"t\":\"{\\\"comment\\\":null\",\"b\":\"x\","},
    {"{\"t\":\"{\\\"comment\\\":[\\\"John\\\", 4\",\"b\":\"x\",",
     "{\"t\":\"{\\\"comment\\\":null\",\"b\":\"x\","},
    {"[\\\\\\\"comment\\\\\\\":\\\\\\\"John\\\\\\\",", "[\\\\\\\"comment\\\\\\\":null,"},
    {"[\\\\\"comment\\\\\":\\\\\"John\\\\\",1", "[\\\\\"comment\\\\\":null,1"},
    {"{\"comment\":null,\"b\":", NULL},
    {"{\"comment\":", NULL},
    {"{\"comment\":,\"b\":\"John\",", NULL},
    {"say \"comment\", then: \"comment", NULL},
    {"{\"comments\":\"John\",\"b\":\"comment\",", NULL},
    {"{\"comment\":\"John\",\"m\":\"john@corp.com\",",
     "{\"comment\":null,\"m\":\"" KIT_MAIL "\","},
};

START_TEST(texts)
{
    kit_nested_becomes(cases[_i].text, cases[_i].becomes);
    ck_assert((kit_counts.keys > 0) == (cases[_i].becomes != NULL));
}
END_TEST

/* The same pseudonym as in JSON, whatever escapes it, and once only. */
START_TEST(hashes)
{
    struct nv_str strict = of(NV_STR("{\"h\":\"a\\\"b\\\\c\"}"));
    ck_assert(nv_str_starts(strict, NV_STR("{\"h\":\"VALUE_")));
    struct nv_str word = nv_str_slice(strict, 6, strict.len - 8);
    struct nv_str expected =
        nv_arena_printf(kit_arena, "{\"h\":\"%.*s\",\"t\":\"{\\\"h\\\":\\\"%.*s\\\"}",
                        NV_STR_ARG(word), NV_STR_ARG(word));
    struct nv_str made = of(NV_STR("{\"h\":\"a\\\"b\\\\c\",\"t\":\"{\\\"h\\\":"
                                   "\\\"a\\\\\\\"b\\\\\\\\c\\\"}"));
    ck_assert(nv_str_eq(made, expected));
    ck_assert_uint_eq(kit_counts.keys, 3);
    ck_assert_ptr_eq(of(made).ptr, made.ptr);
    ck_assert_uint_eq(kit_counts.keys, 3);
    strict = of(NV_STR("{\"h\":[1,\"x\"]}"));
    made = of(NV_STR("{\"h\":[1,\"x\"]},"));
    ck_assert(nv_str_eq(nv_str_slice(made, 0, strict.len), strict));
}
END_TEST

/* Levels of brackets past what the reader takes. */
START_TEST(deep_json)
{
    for (unsigned depth = 190; depth <= 300; depth++) {
        struct nv_buf text, expected;
        nv_buf_init(&text, 4096);
        nv_buf_init(&expected, 4096);
        for (unsigned i = 0; i < depth; i++)
            (void)nv_buf_append_str(&text, NV_STR("["));
        (void)nv_buf_append_str(&expected, nv_buf_str(&text));
        (void)nv_buf_append_str(&text, NV_STR(JOHN));
        (void)nv_buf_append_str(&expected, NV_STR(GONE));
        for (unsigned i = 0; i < depth; i++) {
            (void)nv_buf_append_str(&text, NV_STR("]"));
            (void)nv_buf_append_str(&expected, NV_STR("]"));
        }
        ck_assert(nv_str_eq(of(nv_buf_str(&text)), nv_buf_str(&expected)));
        nv_buf_release(&text);
        nv_buf_release(&expected);
    }
}
END_TEST

/* What a scan could go over again and again. */
static const char *const parts[] = {
    "\"",           "\\\"",
    "\\",           "\"a\":",
    "\"comment\":", "{\"comment\":[",
    "[\"h\":[",     "\"a\\\"\\\\\\\"b\":",
    "\" ",          "\"h\":\"\\\\\\\"",
    "{\"b\":{",     "\\\"h\\\":\\\"",
};

/* Of a text of `n` KiB. */
static uint64_t costs_of(void *ctx, uint32_t n)
{
    const char *part = ctx;
    struct nv_buf text;
    nv_buf_init(&text, (size_t)1 << 22);
    (void)nv_buf_append_str(&text, NV_STR("{"));
    while (text.len < (size_t)n << 10)
        (void)nv_buf_append_str(&text, nv_str_from(part));
    nv_meter_start(UINT64_MAX);
    (void)of(nv_buf_str(&text));
    nv_buf_release(&text);
    return nv_meter_spent();
}

START_TEST(work_is_linear)
{
    char part[32];
    (void)snprintf(part, sizeof part, "%s", parts[_i]);
    nv_test_grows_linearly(costs_of, part, 16, 16 * 32);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/loose");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, kit_nested_tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, texts, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tcase, hashes);
    tcase_add_test(tcase, deep_json);
    tcase_add_loop_test(tcase, work_is_linear, 0, sizeof parts / sizeof parts[0]);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
