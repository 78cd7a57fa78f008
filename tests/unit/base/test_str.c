/*
 * Views: every function on the empty view, on views with NUL inside and at its edges; numbers
 * at the ends of their ranges and against strtod.
 */
#include "expect.h"
#include "oom.h"

#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static const struct nv_str none = {NULL, 0};

START_TEST(equality_and_order)
{
    ck_assert(nv_str_eq(none, NV_STR("")));
    ck_assert(nv_str_eq(NV_STR("a\0b"), NV_STR("a\0b")));
    ck_assert(!nv_str_eq(NV_STR("a\0b"), NV_STR("a\0c")));
    ck_assert(!nv_str_eq(NV_STR("a"), NV_STR("ab")));
    ck_assert(nv_str_ieq(NV_STR("Content-TYPE"), NV_STR("content-type")));
    ck_assert(!nv_str_ieq(NV_STR("@"), NV_STR("`")));
    ck_assert(!nv_str_ieq(NV_STR("[a"), NV_STR("{a")));
    ck_assert(!nv_str_ieq(NV_STR("a"), NV_STR("ab")));
    ck_assert_int_eq(nv_str_cmp(none, NV_STR("")), 0);
    ck_assert_int_lt(nv_str_cmp(NV_STR("ab"), NV_STR("abc")), 0);
    ck_assert_int_gt(nv_str_cmp(NV_STR("b"), NV_STR("abc")), 0);
    ck_assert_int_gt(nv_str_cmp(NV_STR("\xff"), NV_STR("a")), 0);
    ck_assert_uint_eq(nv_str_from(NULL).len, 0);
    ck_assert_uint_eq(nv_str_from("abc").len, 3);
}
END_TEST

START_TEST(prefix_suffix_find)
{
    ck_assert(nv_str_starts(NV_STR("abc"), NV_STR("ab")));
    ck_assert(nv_str_starts(NV_STR("abc"), none));
    ck_assert(!nv_str_starts(NV_STR("ab"), NV_STR("abc")));
    ck_assert(nv_str_ends(NV_STR("abc"), NV_STR("bc")));
    ck_assert(nv_str_ends(none, none));
    ck_assert(!nv_str_ends(NV_STR("bc"), NV_STR("abc")));
    ck_assert(!nv_str_ends(NV_STR("abc"), NV_STR("ab")));
    ck_assert_uint_eq(nv_str_find(NV_STR("hello"), NV_STR("l")), 2);
    ck_assert_uint_eq(nv_str_find(NV_STR("hello"), NV_STR("lo")), 3);
    ck_assert_uint_eq(nv_str_find(NV_STR("hello"), NV_STR("x")), SIZE_MAX);
    ck_assert_uint_eq(nv_str_find(NV_STR("hi"), NV_STR("hello")), SIZE_MAX);
    ck_assert_uint_eq(nv_str_find(none, none), 0);
    ck_assert_uint_eq(nv_str_find_char(NV_STR("a\0b"), 'b'), 2);
    ck_assert_uint_eq(nv_str_find_char(none, 'b'), SIZE_MAX);
}
END_TEST

START_TEST(slices_and_trimming)
{
    ck_assert_nv_str(nv_str_slice(NV_STR("abcdef"), 2, 3), "cde");
    ck_assert_nv_str(nv_str_slice(NV_STR("abcdef"), 4, SIZE_MAX), "ef");
    ck_assert_nv_str(nv_str_slice(NV_STR("abcdef"), 6, 1), "");
    ck_assert_nv_str(nv_str_slice(NV_STR("abcdef"), SIZE_MAX, 1), "");
    ck_assert_ptr_null(nv_str_slice(none, 3, 1).ptr);
    ck_assert_nv_str(nv_str_trim(NV_STR(" \t a b \r\n\v\f")), "a b");
    ck_assert_nv_str(nv_str_trim(NV_STR("   ")), "");
    ck_assert_nv_str(nv_str_trim(none), "");
}
END_TEST

START_TEST(hash_depends_on_every_byte)
{
    char text[64] = {0};
    struct nv_str s = {text, sizeof text};
    uint64_t plain = nv_str_hash(s);
    ck_assert_uint_eq(nv_str_hash(s), plain);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = 1;
        ck_assert_uint_ne(nv_str_hash(s), plain);
        text[i] = 0;
    }
    ck_assert_uint_eq(nv_str_hash(none), nv_str_hash(NV_STR("")));
}
END_TEST

static const struct {
    const char *text;
    bool ok;
    int64_t value;
} ints[] = {
    {"0", true, 0},
    {"-0", true, 0},
    {"007", true, 7},
    {"9223372036854775807", true, INT64_MAX},
    {"9223372036854775808", false, 0},
    {"-9223372036854775808", true, INT64_MIN},
    {"-9223372036854775809", false, 0},
    {"99999999999999999999", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {"+1", false, 0},
    {" 1", false, 0},
    {"1 ", false, 0},
    {"--1", false, 0},
    {"1.0", false, 0},
    {"1e3", false, 0},
    {"0x10", false, 0},
};

/* Ids that count up, in either half: a table half full keeps its chains short. */
/* In journals and at the backend: it must never change. */
START_TEST(the_long_hash_is_the_same_for_ever)
{
    static const uint8_t want[NV_HASH128_BYTES] = {0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47,
                                                   0x98, 0xd8, 0x60, 0x01, 0xc3, 0x24,
                                                   0x46, 0x8d, 0x49, 0x7f};
    uint8_t hash[NV_HASH128_BYTES];
    nv_str_hash128(NV_STR(""), hash);
    ck_assert_mem_eq(hash, want, sizeof hash);
    nv_str_hash128(NV_STR("a"), hash);
    ck_assert_mem_ne(hash, want, sizeof hash);
}
END_TEST

START_TEST(number_hash_spreads)
{
    enum { SLOTS = 1 << 13 };
    for (unsigned shift = 0; shift <= 48; shift += 8) {
        static bool taken[SLOTS];
        memset(taken, 0, sizeof taken);
        unsigned longest = 0;
        for (uint64_t i = 0; i < SLOTS / 2; i++) {
            uint64_t hash = nv_number_hash(i << shift);
            unsigned looks = 0;
            ck_assert_uint_eq(nv_number_hash(i << shift), hash);
            while (taken[(hash + looks) % SLOTS])
                looks++;
            taken[(hash + looks) % SLOTS] = true;
            longest = looks > longest ? looks : longest;
        }
        ck_assert_uint_lt(longest, 100);
    }
}
END_TEST

START_TEST(signed_integers)
{
    int64_t value = 42;
    enum nv_err err = nv_str_to_int64(nv_str_from(ints[_i].text), &value);
    ck_assert_int_eq(err, ints[_i].ok ? NV_OK : NV_ERR_MALFORMED);
    ck_assert_int_eq(value, ints[_i].ok ? ints[_i].value : 42);
}
END_TEST

START_TEST(unsigned_integers)
{
    uint64_t value = 42;
    ck_assert_int_eq(nv_str_to_uint64(NV_STR("18446744073709551615"), &value), NV_OK);
    ck_assert_uint_eq(value, UINT64_MAX);
    ck_assert_int_eq(nv_str_to_uint64(NV_STR("18446744073709551616"), &value),
                     NV_ERR_MALFORMED);
    ck_assert_int_eq(nv_str_to_uint64(NV_STR("-1"), &value), NV_ERR_MALFORMED);
    ck_assert_int_eq(nv_str_to_uint64(NV_STR("1\0"), &value), NV_ERR_MALFORMED);
    ck_assert_uint_eq(value, UINT64_MAX);
}
END_TEST

static const char *good_doubles[] = {
    "0",
    "-0",
    "1",
    "-1.5",
    "0.1",
    "1e5",
    "1E+5",
    "1e-5",
    "123456789012345678",
    "1.7976931348623157e308",
    "5e-324",
    "1e-400",
    "1e400",
    "-1e400",
    "9007199254740993",
    "0.30000000000000004",
    "1e23",
    "8.5e-23",
    "179769313486231580793728971405301e276",
    "2.2250738585072011e-308",
    "1e99999",
    "1e-99999",
    "0.000000000000000000000000000000000000000000000000000000000000000000000000000000123",
    ("12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0"
     ".5")};

START_TEST(doubles_agree_with_strtod)
{
    const char *text = good_doubles[_i];
    double value = 42;
    ck_assert_int_eq(nv_str_to_double(nv_str_from(text), &value), NV_OK);
    double expected = strtod(text, NULL);
    ck_assert_msg(memcmp(&value, &expected, sizeof value) == 0, "%s: %.17g", text, value);
}
END_TEST

START_TEST(random_doubles_agree_with_strtod)
{
    uint64_t state = 88172645463325252u;
    char text[64];
    for (int i = 0; i < 20000; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        int exponent = (int)(state % 60) - 30;
        int n = i % 2 == 0 ? snprintf(text, sizeof text, "%.*g", (int)(state % 17) + 1,
                                      (double)(int64_t)state / 1e9)
                           : snprintf(text, sizeof text, "%llue%d",
                                      (unsigned long long)(state >> state % 64), exponent);
        double value = 0;
        ck_assert_int_eq(nv_str_to_double((struct nv_str){text, (size_t)n}, &value), NV_OK);
        double expected = strtod(text, NULL);
        ck_assert_msg(memcmp(&value, &expected, sizeof value) == 0, "%s: %.17g", text, value);
    }
}
END_TEST

static const char *bad_doubles[] = {"",         "-",   "+1",   ".5",  "5.",   "1e",  "1e+",
                                    "01",       "-01", "1.e5", "0x1", "inf",  "nan", "NAN",
                                    "infinity", " 1",  "1 ",   "1,5", "1e5.0"};

START_TEST(bad_doubles_are_refused)
{
    double value = 42;
    ck_assert_int_eq(nv_str_to_double(nv_str_from(bad_doubles[_i]), &value), NV_ERR_MALFORMED);
    ck_assert_double_eq(value, 42);
}
END_TEST

START_TEST(special_doubles)
{
    double value = 0;
    ck_assert_int_eq(nv_str_to_double(NV_STR("NaN"), &value), NV_OK);
    ck_assert(isnan(value));
    ck_assert_int_eq(nv_str_to_double(NV_STR("Infinity"), &value), NV_OK);
    ck_assert(isinf(value) && value > 0);
    ck_assert_int_eq(nv_str_to_double(NV_STR("-Infinity"), &value), NV_OK);
    ck_assert(isinf(value) && value < 0);
    oom_fail_nth(1);
    enum nv_err err = nv_str_to_double(nv_str_from(good_doubles[23]), &value);
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("base/str");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, equality_and_order);
    tcase_add_test(tcase, prefix_suffix_find);
    tcase_add_test(tcase, slices_and_trimming);
    tcase_add_test(tcase, hash_depends_on_every_byte);
    tcase_add_test(tcase, number_hash_spreads);
    tcase_add_test(tcase, the_long_hash_is_the_same_for_ever);
    tcase_add_loop_test(tcase, signed_integers, 0, COUNT(ints));
    tcase_add_test(tcase, unsigned_integers);
    tcase_add_loop_test(tcase, doubles_agree_with_strtod, 0, COUNT(good_doubles));
    tcase_add_test(tcase, random_doubles_agree_with_strtod);
    tcase_add_loop_test(tcase, bad_doubles_are_refused, 0, COUNT(bad_doubles));
    tcase_add_test(tcase, special_doubles);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
