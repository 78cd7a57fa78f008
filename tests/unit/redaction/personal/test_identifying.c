/*
 * Keys that say whose a number is, and those that don't.
 */
#include "expect.h"

#include "redaction/personal/identifying.h"

#include "base/banned.h"

static const struct {
    const char *key;
    bool identifies;
} keys[] = {
    {"user.phone", true},   {"phone", true},         {"card_number", true},
    {"CardNo", true},       {"x-account-num", true}, {"phone_", false},
    {"telephone", false},   {"phone.number", false}, {"phonenumber", true},
    {"duration_ms", false}, {"no", false},           {"", false},
};

START_TEST(keys_of_numbers)
{
    ck_assert(nv_personal_is_identifying(nv_str_from(keys[_i].key)) == keys[_i].identifies);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/identifying");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, keys_of_numbers, 0, (int)(sizeof keys / sizeof keys[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
