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

int main(void)
{
    Suite *suite = suite_create("redaction/personal/undo");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, texts, 0, sizeof cases / sizeof cases[0]);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
