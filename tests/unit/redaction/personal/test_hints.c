/*
 * Hints: each alone, digits with and without others between them, of other scripts, and a text
 * that has none.
 */
#include "expect.h"

#include "redaction/personal/hints.h"

#include "base/banned.h"

static const struct {
    const char *text;
    struct nv_hints hints;
} cases[] = {
    {"nothing here", {.ascii = true}},
    {"", {.ascii = true}},
    {"a@b", {.ascii = true, .at = true}},
    {"see https://x", {.ascii = true, .url = true}},
    {"ftp://x", {.ascii = true, .url = true}},
    {"http:/x", {.ascii = true}},
    {"GB82", {.ascii = true, .iban = true, .run = 2, .dense = 2}},
    {"B8", {.ascii = true, .run = 1, .dense = 1}},
    {"ABCDE1", {.ascii = true, .iban = true, .pan = true, .run = 1, .dense = 1}},
    {"(415) 5", {.ascii = true, .area = true, .run = 3, .dense = 4}},
    {"10.1.2.3", {.ascii = true, .dots = 3, .run = 2, .dense = 5}},
    {"1 2--3---4", {.ascii = true, .run = 1, .dense = 4}},
    {"12----345", {.ascii = true, .run = 3, .dense = 3}},
    {"\xc3\xa9", {.ascii = false}},
    {"\xd9\xa3\xd9\xa4 1", {.ascii = false, .run = 2, .dense = 3}},
    {"1\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80"
     "2",
     {.ascii = false, .run = 1, .dense = 2}},
};

START_TEST(each)
{
    struct nv_hints hints = nv_hints_of(nv_str_from(cases[_i].text));
    const struct nv_hints *want = &cases[_i].hints;
    ck_assert_msg(
        hints.ascii == want->ascii && hints.at == want->at && hints.url == want->url &&
            hints.iban == want->iban && hints.pan == want->pan && hints.area == want->area &&
            hints.dots == want->dots && hints.run == want->run && hints.dense == want->dense,
        "%s: run %u, dense %u, dots %u", cases[_i].text, hints.run, hints.dense, hints.dots);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/hints");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, each, 0, (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
