/* Escapes that are undone, and those that stay. */
#include "expect.h"

#include "redaction/personal/undo.h"

#include "base/banned.h"

static const struct {
    const char *text, *becomes; /* NULL: the same */
} cases[] = {
    {"a\\u0040b", "a@b"},
    {"a\\\\\\u0040b\\/", "a@b/"},
    {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
    {"\\u0022 \\u005c \\u000a", NULL},
    {"\\n \\\" \\\\", NULL},
    {"\\u004", NULL},
    {"\\", NULL},
    {"", NULL},
};

START_TEST(texts)
{
    const char *becomes = cases[_i].becomes ? cases[_i].becomes : cases[_i].text;
    struct nv_buf out;
    nv_buf_init(&out, 1024);
    ck_assert(nv_undo_escapes(nv_str_from(cases[_i].text), &out) ==
              (cases[_i].becomes != NULL));
    ck_assert_nv_str(nv_buf_str(&out), becomes);
    nv_buf_release(&out);
}
END_TEST

/* Each character of what was undone, and its end, is where it came from. */
START_TEST(places)
{
    static const struct nv_str text = NV_STR_INIT("a\\u0040\\n\\\\\\u00e4b\\/\\ud83d\\ude00");
    static const size_t wanted[] = {0, 1, 7, 8, 9, SIZE_MAX, 17, 18, 20};
    struct nv_undone undone;
    nv_undone_init(&undone, text);
    for (size_t plain = 0; plain < sizeof wanted / sizeof *wanted; plain++) {
        if (wanted[plain] != SIZE_MAX)
            ck_assert_uint_eq(nv_undone_place(&undone, plain), wanted[plain]);
    }
    ck_assert_uint_eq(nv_undone_place(&undone, 12), text.len);
    nv_undone_init(&undone, NV_STR("plain"));
    ck_assert_uint_eq(nv_undone_place(&undone, 5), 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/undo");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, texts, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tcase, places);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
