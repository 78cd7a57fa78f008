/*
 * Lists of numbers in JSON text: found where a value stands, at any depth of escapes, and in
 * time that grows with the text.
 */
#include "arena_oom.h"
#include "expect.h"

#include "redaction/media/listed.h"

#include <stdio.h>

#include "base/banned.h"

#define GIF "71,73,70,56,57,97,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0"

static struct nv_arena *arena;
static struct nv_media_found found;
static struct nv_str quote;

static void set_up(void)
{
    arena = nv_arena_new(1u << 24);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static bool find(const char *text)
{
    bool is = false;
    ck_assert_int_eq(nv_media_find_listed(arena, nv_str_from(text), 0, &found, &quote, &is),
                     NV_OK);
    return is;
}

static const struct {
    const char *text, *list, *quote; /* NULL: none */
} cases[] = {
    {"{\"type\":\"Buffer\",\"data\":[" GIF "]}", "[" GIF "]", "\""},
    {"{\"a\":\"{\\\"data\\\": [" GIF "]}\"}", "[" GIF "]", "\\\""},
    {"\\\\\\\"data\\\\\\\":[" GIF "]", "[" GIF "]", "\\\\\\\""},
    {"[" GIF "]", "[" GIF "]", "\""},
    {"{\"x\":[1,2],\"data\":[" GIF "]}", "[" GIF "]", "\""},
    {"{\"data\":[ 71,\\n73 ,70,56,57,97," GIF " ]}", "[ 71,\\n73 ,70,56,57,97," GIF " ]", "\""},
    {"see \"data\":\n[" GIF "]", "[" GIF "]", "\""},
    {"\\\"data\\\" :\\r\\n\\t [" GIF "]", "[" GIF "]", "\\\""},
    {"\n[" GIF "]", "[" GIF "]", "\""},
    {"{\"images\":[[" GIF "],[1]]}", "[" GIF "]", "\""},
    {"{\"images\":[ [1,2],\n [" GIF "]]}", "[" GIF "]", "\""},
    {"{\"images\":[[[1],[2]],[[" GIF "]]]}", "[" GIF "]", "\""},
    {"see [[" GIF "]]", NULL, NULL},
    {"{\"a\":[1],\"b\":\"see [" GIF "]\"}", NULL, NULL},
    {"{\"data\":[" GIF, "[" GIF, "\""}, /* cut */
    {"{\"data\":[" GIF ",", "[" GIF ",", "\""},
    {"bytes: [" GIF "]", NULL, NULL}, /* prose: no string may begin there */
    {"{\"a\":\"see [" GIF "]\"}", NULL, NULL},
    {"{\"data\":[" GIF ",256]}", NULL, NULL},
    {"{\"data\":[" GIF ",-1]}", NULL, NULL},
    {"{\"data\":[" GIF ",1.5]}", NULL, NULL},
    {"{\"data\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]}", NULL,
     NULL},
    {"{\"data\":[71,73,70,56,57,97,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}", NULL, NULL}, /* 23 */
    {"{\"data\":[]}", NULL, NULL},
    {"[", NULL, NULL},
};

START_TEST(where_a_value_stands)
{
    ck_assert(find(cases[_i].text) == (cases[_i].list != NULL));
    if (!cases[_i].list)
        return;
    struct nv_str at =
        nv_str_slice(nv_str_from(cases[_i].text), found.from, found.to - found.from);
    ck_assert_nv_str(at, cases[_i].list);
    ck_assert_nv_str(quote, cases[_i].quote);
    ck_assert_nv_str(found.type.mime, "image/gif");
    ck_assert(found.cut == !nv_str_ends(at, NV_STR("]")));
    ck_assert(nv_str_starts(found.text, NV_STR("GIF89a")) || found.text.len > 24);
}
END_TEST

START_TEST(each_list_of_a_list)
{
    const struct nv_str text = NV_STR("{\\\"a\\\":[[" GIF "],\n[" GIF "]],\\\"b\\\":1}");
    size_t count = 0;
    bool is = true;
    for (size_t at = 0; is; at = found.to) {
        ck_assert_int_eq(nv_media_find_listed(arena, text, at, &found, &quote, &is), NV_OK);
        if (!is)
            break;
        ck_assert_nv_str(quote, "\\\"");
        count++;
    }
    ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(so_deep_and_no_deeper)
{
    char text[200];
    for (size_t escapes = NV_MEDIA_QUOTE_MAX - 1; escapes <= NV_MEDIA_QUOTE_MAX; escapes++) {
        memset(text, '\\', escapes);
        (void)snprintf(text + escapes, sizeof text - escapes, "\":[" GIF "]");
        ck_assert(find(text) == (escapes < NV_MEDIA_QUOTE_MAX));
    }
}
END_TEST

static enum nv_err attempt(void *ctx, struct nv_arena *own)
{
    bool is;
    (void)ctx;
    return nv_media_find_listed(own, NV_STR("{\"data\":[" GIF "]}"), 0, &found, &quote, &is);
}

START_TEST(without_memory_it_says_so)
{
    nv_test_oom_each(attempt, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/media/listed");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, where_a_value_stands, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tests, each_list_of_a_list);
    tcase_add_test(tests, so_deep_and_no_deeper);
    tcase_add_test(tests, without_memory_it_says_so);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
