/*
 * Numbers against a slow definition: the fewest decimals whose text reads back the same.
 */
#include "base/json/json_number.h"

#include "expect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static void expect_decimal(double value, const char *right)
{
    char text[NV_JSON_NUMBER_MAX];
    const char *at = nv_json_number_decimal(text + sizeof text, value);
    ck_assert_msg(at != NULL, "%.17g", value);
    const size_t len = (size_t)(text + sizeof text - at);
    ck_assert_nv_str_eq(((struct nv_str){at, len}), nv_str_from(right));
}

/* printf with one decimal, two ... six. False when none reads back
 * exactly. */
static bool slow_decimal(double value, char *text, size_t size)
{
    for (int decimals = 1; decimals <= 6; decimals++) {
        (void)snprintf(text, size, "%.*f", decimals, value);
        const double back = strtod(text, NULL);
        if (fabs(value) * pow(10, decimals) >= 0x1p50)
            return false; /* printf is asked where a product is not exact */
        if (memcmp(&back, &value, sizeof back) == 0)
            return true;
    }
    return false;
}

/* Durations, scores, temperatures and their neighbours, whatever their size. */
START_TEST(few_decimals_are_the_fewest)
{
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 100000; i++) {
        char text[64];
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        double value = (double)(state >> (14 + state % 50)) / pow(10, (double)(i % 7));
        if (i % 5 == 0)
            value = nextafter(value, i % 2 == 0 ? 0 : 1e300);
        if (value < 9007199254740992.0 && slow_decimal(value, text, sizeof text))
            expect_decimal(value, text);
    }
}
END_TEST

START_TEST(edges)
{
    expect_decimal(0.0, "0.0");
    expect_decimal(-0.0, "-0.0");
    expect_decimal(0.1, "0.1");
    expect_decimal(-0.000001, "-0.000001");
    expect_decimal(1125899906.842623, "1125899906.842623");
    expect_decimal(1125899906.842624, "1125899906.842624");
    expect_decimal(1125899906.842625, "1125899906.842625");
    expect_decimal(9007199254.74099, "9007199254.74099");
    char text[NV_JSON_NUMBER_MAX];
    ck_assert_ptr_null(nv_json_number_decimal(text + sizeof text, 9007199254740992.0));
}
END_TEST

START_TEST(integers_of_every_length)
{
    uint64_t value = 0;
    for (int i = 0; i < 21; i++, value = value * 10 + (uint64_t)i % 10) {
        char text[NV_JSON_NUMBER_MAX], right[NV_JSON_NUMBER_MAX];
        const char *at = nv_json_number_uint(text + sizeof text, value);
        (void)snprintf(right, sizeof right, "%llu", (unsigned long long)value);
        ck_assert_nv_str_eq(((struct nv_str){at, (size_t)(text + sizeof text - at)}),
                            nv_str_from(right));
    }
}
END_TEST

START_TEST(printed_numbers_are_doubles)
{
    char text[NV_JSON_NUMBER_MAX];
    ck_assert_uint_eq(nv_json_number_print(1e22, text), 5);
    ck_assert_mem_eq(text, "1e+22", 5);
    ck_assert_uint_eq(nv_json_number_print(9007199254740992.0, text), 18);
    ck_assert_mem_eq(text, "9007199254740992.0", 18);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/json_number");
    TCase *tcase = tcase_create("number");

    tcase_add_test(tcase, few_decimals_are_the_fewest);
    tcase_add_test(tcase, edges);
    tcase_add_test(tcase, integers_of_every_length);
    tcase_add_test(tcase, printed_numbers_are_doubles);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
