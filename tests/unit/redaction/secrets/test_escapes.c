/*
 * Escapes of ASCII undone, and the way back to where they stood.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/secrets/escapes.h"

#include "base/banned.h"

static const struct {
    const char *raw, *plain;
} texts[] = {{"a\\u0040b", "a@b"},
             {"a\\\\u0040b", "a@b"},
             {"\\/\\\\\\/", "//"},
             {"%40%7E%7f", "@~%7f"},
             {"\\u00e9\\n\\\"", "\\u00e9\\n\\\""},
             {"%4", "%4"},
             {"\\u005c\\u004", "\\u005c\\u004"},
             {"\\", "\\"},
             {"%zz", "%zz"}};

START_TEST(undone)
{
    struct nv_arena *arena = nv_arena_new(1u << 16);
    struct nv_str raw = nv_str_from(texts[_i].raw);
    struct nv_str plain = nv_escapes_undo(arena, raw);
    ck_assert_nv_str(plain, texts[_i].plain);
    bool hides = false;
    for (size_t i = 0; i < raw.len; i++)
        hides = hides || ((raw.ptr[i] == '\\' || raw.ptr[i] == '%') && nv_escape_hides(raw, i));
    ck_assert(hides == (plain.len != raw.len));
    struct nv_escape_cursor cursor = {0};
    ck_assert_uint_eq(nv_escapes_seek(&cursor, raw, plain.len), raw.len);
    nv_arena_free(arena);
}
END_TEST

START_TEST(places)
{
    struct nv_escape_cursor cursor = {0};
    struct nv_str raw = NV_STR("ab%40cd\\u0041e");
    ck_assert_uint_eq(nv_escapes_seek(&cursor, raw, 0), 0);
    ck_assert_uint_eq(nv_escapes_seek(&cursor, raw, 2), 2);
    ck_assert_uint_eq(nv_escapes_seek(&cursor, raw, 3), 5);
    ck_assert_uint_eq(nv_escapes_seek(&cursor, raw, 6), 13);
}
END_TEST

/* As escapes.c has it. */
#define SLASHES_MAX 31u

START_TEST(slashes_to_the_depth)
{
    for (unsigned more = 0; more < 2; more++) {
        char raw[SLASHES_MAX + 8] = {0};
        struct nv_arena *arena = nv_arena_new(1u << 16);
        memset(raw, '\\', SLASHES_MAX + more);
        raw[SLASHES_MAX + more] = '/';
        /* of one more the first stays, and the escape begins behind it */
        ck_assert_nv_str(nv_escapes_undo(arena, nv_str_from(raw)), more == 0 ? "/" : "\\/");
        nv_arena_free(arena);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/secrets/escapes");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, undone, 0, (int)(sizeof texts / sizeof texts[0]));
    tcase_add_test(tcase, places);
    tcase_add_test(tcase, slashes_to_the_depth);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
