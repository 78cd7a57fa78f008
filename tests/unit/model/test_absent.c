/*
 * What says nothing (traps 2 and 20): every text of the table, plain, quoted and in white
 * space; its first byte as the table gives it; near misses and other types.
 */
#include "tests/support/expect.h"

#include "model/absent.h"

#include <stdio.h>

#include "base/banned.h"

static const struct disguise {
    char first;
    const char *text;
} disguises[] = {
#define DISGUISE(byte, text) {byte, text},
    NV_ABSENT_TABLE(DISGUISE)
#undef DISGUISE
};
#define DISGUISES ((int)(sizeof disguises / sizeof disguises[0]))

static bool is_absent(const char *text)
{
    const struct nv_value as_string = nv_value_string(nv_str_from(text));
    const struct nv_value as_json = nv_value_json(nv_str_from(text));
    ck_assert_int_eq(nv_value_absent(&as_string), nv_value_absent(&as_json));
    return nv_value_absent(&as_string);
}

START_TEST(every_disguise_is_absent)
{
    const struct disguise *row = &disguises[_i];
    static const char *const forms[] = {"%s", "\"%s\"", " %s", "\t%s\n", "\r\"%s\"", "\v\f%s "};
    ck_assert_msg(row->first == row->text[0], "%s does not begin with %c", row->text,
                  row->first);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char text[64], before[64] = "";
        const char *hole = strstr(forms[i], "%s");
        memcpy(before, forms[i], (size_t)(hole - forms[i]));
        snprintf(text, sizeof text, "%s%s%s", before, row->text, hole + 2);
        ck_assert_msg(is_absent(text), "\"%s\" is a value", text);
    }
}
END_TEST

START_TEST(one_byte_more_is_a_value)
{
    char text[64];
    snprintf(text, sizeof text, "%s.", disguises[_i].text);
    ck_assert_msg(!is_absent(text), "\"%s\" is absent", text);
}
END_TEST

START_TEST(the_longest_disguise_has_the_bytes_that_are_looked_at)
{
    size_t longest = 0;
    for (int i = 0; i < DISGUISES; i++) {
        size_t len = strlen(disguises[i].text) + 2; /* quotes */
        longest = len > longest ? len : longest;
    }
    ck_assert_uint_eq(longest, NV_ABSENT_BYTES_MAX);
    char text[NV_ABSENT_BYTES_MAX + 2] = "";
    memset(text, ' ', NV_ABSENT_BYTES_MAX + 1); /* white space has no cap */
    ck_assert(is_absent(text));
    memset(text, '"', NV_ABSENT_BYTES_MAX + 1);
    ck_assert(!is_absent(text));
}
END_TEST

START_TEST(nothing_and_white_space_are_absent)
{
    const struct nv_value null = nv_value_null();
    ck_assert(nv_value_absent(&null));
    ck_assert(is_absent(""));
    ck_assert(is_absent(" \t\r\n\v\f"));
}
END_TEST

START_TEST(numbers_and_words_are_values)
{
    const struct nv_value values[] = {nv_value_int(0),
                                      nv_value_bool(false),
                                      nv_value_double(0),
                                      nv_value_string(NV_STR("0")),
                                      nv_value_string(NV_STR("NaN")),
                                      nv_value_string(NV_STR("\xc3\xa9"))};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        ck_assert_msg(!nv_value_absent(&values[i]), "value %zu is absent", i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("absent");
    TCase *tcase = tcase_create("absent");
    tcase_add_loop_test(tcase, every_disguise_is_absent, 0, DISGUISES);
    tcase_add_loop_test(tcase, one_byte_more_is_a_value, 0, DISGUISES);
    tcase_add_test(tcase, the_longest_disguise_has_the_bytes_that_are_looked_at);
    tcase_add_test(tcase, nothing_and_white_space_are_absent);
    tcase_add_test(tcase, numbers_and_words_are_values);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
