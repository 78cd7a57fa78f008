/*
 * JSON, JSON in JSON and escapes: the same words as for the plain text, JSON stays JSON, and
 * bounds.
 */
#include "expect.h"
#include "nested_kit.h"
#include "oom.h"

#include "base/buf.h"

#include <stdlib.h>

#include "base/banned.h"

#define MAIL KIT_MAIL

static const struct {
    const char *text, *becomes; /* NULL: the same */
} cases[] = {
    {"to john@corp.com.", "to " MAIL "."},
    {"to john\\u0040corp.com.", "to " MAIL "."},
    {"to john\\\\u0040corp.com.", "to " MAIL "."},
    {"see https:\\/\\/x.io\\/a?b=1, thanks.", "see URL_de7fcbf5030e, thanks."},
    {"a \\u0041 of \\n nobody 5", NULL},
    {"{\"a\":\"john@corp.com\", \"n\":[1, 2.50 , null]}",
     "{\"a\":\"" MAIL "\", \"n\":[1, 2.50 , null]}"},
    {"{\"a\":\"x\\njohn\\u0040corp.com\\n\"}", "{\"a\":\"x\\n" MAIL "\\n\"}"},
    {" [\"{\\\"a\\\":\\\"john\\\\u0040corp.com\\\"}\"]", " [\"{\\\"a\\\":\\\"" MAIL "\\\"}\"]"},
    {"{\"john@corp.com\":1,\"John@Corp.com\":2}", "{\"" MAIL "\":1,\"" MAIL "#2\":2}"},
    {"\"john@corp.com\"", "\"" MAIL "\""},
    {"{\"cut\":\"john\\u0040corp.com", "{\"cut\":\"" MAIL},
    {"{\"a\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"t\":\"2026-10-07T12:28:58Z\"}", NULL},
    {"[\"\xd9\xa4\xd9\xa1\xd9\xa5-\xd9\xa5\xd9\xa5-\xd9\xa2\xd9\xa6\xd9\xa7\xd9\xa1\"]",
     "[\"SSN_5da806c0df83\"]"},
    {"[\"\\u0664\\u0661\\u0665-\\u0665\\u0665-\\u0662\\u0666\\u0667\\u0661\"]",
     "[\"SSN_5da806c0df83\"]"},
    {"", NULL},
    {"[", NULL},
    {"{\"broken 5\\u004", NULL},
    {"\\", NULL},
    {"5\\u", NULL},
    {"5\\ud83d\\ude00 john@corp.com", "5\\ud83d\\ude00 " MAIL},
    {"C:\\new\\table\\u0041x and john@corp.com", "C:\\new\\table\\u0041x and " MAIL},
    {"\\u0041 john\\u0040corp.com\\u002c \\/ john@corp.com \\u0042",
     "\\u0041 " MAIL "\\u002c \\/ " MAIL " \\u0042"},
};

START_TEST(texts)
{
    kit_nested_becomes(cases[_i].text, cases[_i].becomes);
}
END_TEST

/* In a text that is one all whole numbers, in a structure those under keys that say so. */
START_TEST(numbers)
{
    static const struct nv_str text =
        NV_STR_INIT("{\"n\":4155552671,\"phone\":[4155552671,{\"m\":4155552671}],"
                    "\"card_no\":4155552671.5,\"pan\":99999999999999999999}");
#define PHONE "\"PHONE_87c5667b6941\""
    ck_assert_nv_str(kit_nested_text(text, NV_NESTED_IDENTIFYING),
                     "{\"n\":4155552671,\"phone\":[" PHONE ",{\"m\":4155552671}],"
                     "\"card_no\":4155552671.5,\"pan\":99999999999999999999}");
    ck_assert_nv_str(kit_nested_text(text, NV_NESTED_ALL),
                     "{\"n\":" PHONE ",\"phone\":[" PHONE ",{\"m\":" PHONE "}],"
                     "\"card_no\":4155552671.5,\"pan\":99999999999999999999}");
    ck_assert_uint_eq(kit_counts.of[NV_PERSONAL_PHONE], 4);
}
END_TEST

/* JSON text in JSON text `depth` deep, whose quotes are \u0022 so that it grows slowly. */
static struct nv_str deep(unsigned depth, const char *words)
{
    struct nv_buf text, next;
    nv_buf_init(&text, (size_t)1 << 24);
    nv_buf_init(&next, (size_t)1 << 24);
    (void)nv_buf_append_str(&text, nv_str_from(words));
    for (unsigned i = 0; i < depth; i++) {
        nv_buf_clear(&next);
        (void)nv_buf_append_str(&next, NV_STR("[\""));
        for (size_t at = 0; at < text.len; at++) {
            if (text.bytes[at] == '"')
                (void)nv_buf_append_str(&next, NV_STR("\\u0022"));
            else if (text.bytes[at] == '\\')
                (void)nv_buf_append_str(&next, NV_STR("\\u005c"));
            else
                (void)nv_buf_append_char(&next, text.bytes[at]);
        }
        (void)nv_buf_append_str(&next, NV_STR("\"]"));
        struct nv_buf other = text;
        text = next;
        next = other;
    }
    struct nv_str made = nv_arena_dup(kit_arena, nv_buf_str(&text));
    nv_buf_release(&text);
    nv_buf_release(&next);
    return made;
}

/* Changed, its quotes double with each level: past the room the whole goes. Not changed, it is
 * read to the bottom. */
START_TEST(sixty_four_deep)
{
    struct nv_str made = kit_nested_text(deep(12, "john@corp.com"), NV_NESTED_ALL);
    ck_assert_uint_ne(nv_str_find(made, NV_STR(MAIL)), SIZE_MAX);
    struct nv_str none = deep(NV_NESTED_MAX, "12:28:58.495185 !");
    ck_assert_ptr_eq(kit_nested_text(none, NV_NESTED_ALL).ptr, none.ptr);
    ck_assert_uint_eq(kit_counts.of[NV_PERSONAL_LIMIT], 0);
    ck_assert_nv_str(kit_nested_text(deep(NV_NESTED_MAX, "john@corp.com"), NV_NESTED_ALL),
                     "***");
    ck_assert_uint_eq(kit_counts.of[NV_PERSONAL_LIMIT], 1);
    ck_assert_nv_str(
        kit_nested_text(deep(NV_NESTED_MAX + 1, "12:28:58.495185 !"), NV_NESTED_ALL), "***");
    ck_assert_uint_eq(kit_counts.of[NV_PERSONAL_LIMIT], 2);
}
END_TEST

/* 16 MB of what takes most: found to the end, and what they needed is not kept. */
START_TEST(large_texts)
{
    struct nv_buf text;
    nv_buf_init(&text, (size_t)1 << 25);
    (void)nv_buf_append_str(&text, NV_STR("[\"john\\u0040corp.com\""));
    while (text.len < (size_t)16 << 20)
        (void)nv_buf_append_str(&text, NV_STR(",\"\\\\u00e4 \\\\n +12 3\",{\"a\":[1]}"));
    (void)nv_buf_append_str(&text, NV_STR(",\"john\\u0040corp.com\"]"));
    struct nv_str made = kit_nested_text(nv_buf_str(&text), NV_NESTED_ALL);
    ck_assert_uint_eq(kit_counts.of[NV_PERSONAL_EMAIL], 2);
    ck_assert(nv_str_ends(made, NV_STR("\"" MAIL "\"]")));
    nv_nested_shrink(kit_nested);
    ck_assert_nv_str(kit_nested_text(NV_STR("[\"john@corp.com\"]"), NV_NESTED_ALL),
                     "[\"" MAIL "\"]");
    nv_buf_release(&text);
}
END_TEST

START_TEST(each_allocation_fails_once)
{
    for (unsigned long n = 1;; n++) {
        struct nv_str text = NV_STR("[\"john\\u0040corp.com\",\"{\\\"a\\\":\\\"x\\\"}\"]");
        oom_fail_nth(n);
        struct nv_nested *own = nv_nested_new(kit_rules);
        struct nv_arena *small = nv_arena_new(1u << 16);
        enum nv_err err = own && small
                              ? nv_nested_text(own, small, NV_NESTED_ALL, &text, &kit_counts)
                              : NV_ERR_NO_MEMORY;
        bool failed = oom_end();
        ck_assert(err == NV_OK || err == NV_ERR_NO_MEMORY);
        ck_assert(failed || err == NV_OK);
        if (err == NV_OK)
            ck_assert_uint_ne(nv_str_find(text, NV_STR(MAIL)), SIZE_MAX);
        nv_nested_free(own);
        nv_arena_free(small);
        if (!failed)
            return;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/nested");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, kit_nested_set_up, kit_nested_tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, texts, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, sixty_four_deep);
    tcase_add_test(tcase, large_texts);
    tcase_add_test(tcase, each_allocation_fails_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
