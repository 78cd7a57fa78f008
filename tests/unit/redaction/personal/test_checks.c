/*
 * Check digits and ends: right ones, the same with one digit changed, in digits of another
 * script, cut short.
 */
#include "expect.h"

#include "redaction/personal/checks.h"

#include "base/banned.h"

static const struct {
    nv_personal_check *check;
    const char *match;
    size_t len;
} cases[] = {
    {nv_check_none, "abc", 3},
    {nv_check_url, "https://x.io/a?b=1", 18},
    {nv_check_url, "https://x.io/a).\"", 14},
    {nv_check_url, "...", 0},
    {nv_check_emirates_id, "784-1987-1234567-1", 18},
    {nv_check_emirates_id, "784198712345679", 0},
    {nv_check_emirates_id, "784198712345671", 15},
    {nv_check_emirates_id, "784198712345676", 0},
    {nv_check_iban, "GB82 WEST 1234 5698 7654 32", 27},
    {nv_check_iban, "GB82WEST12345698765432", 22},
    {nv_check_iban, "GB82WEST12345698765433", 0},
    {nv_check_iban, "GB82 WEST 1234 5698 7654 32 AND", 27},
    {nv_check_iban, "GB82WEST12345698765432A", 0},
    {nv_check_iban, "GB82 WEST 1234 5698 765", 0},
    {nv_check_iban, "ZZ82WEST12345698765432", 0},
    {nv_check_iban, "DE89370400440532013000", 22},
    {nv_check_iban,
     "DE\xd9\xa8\xd9\xa9"
     "370400440532013000",
     24},
    {nv_check_iban, "NO9386011117947", 15},
    {nv_check_iban, "MT84MALT011000012345MTLCAST001S", 31},
    {nv_check_iban, "", 0},
};

START_TEST(what_is_the_value)
{
    size_t len = cases[_i].check(nv_str_from(cases[_i].match));
    ck_assert_msg(len == cases[_i].len, "%s: %zu", cases[_i].match, len);
}
END_TEST

START_TEST(uuids)
{
    ck_assert(nv_check_is_uuid(NV_STR("bd85f070-37FC-88e2-9b1f-133d94a959dc")));
    ck_assert(!nv_check_is_uuid(NV_STR("bd85f070-37fc-88e2-9b1f-133d94a959d")));
    ck_assert(!nv_check_is_uuid(NV_STR("bd85f070-37fc-88e2-9b1f0133d94a959dc")));
    ck_assert(!nv_check_is_uuid(NV_STR("bd85f070-37fc-88e2-9b1f-133d94a959dg")));
    ck_assert(!nv_check_is_uuid(NV_STR("")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/checks");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, what_is_the_value, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, uuids);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
