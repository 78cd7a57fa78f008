/*
 * Candidates one by one: countries, prefixes inside and abroad, extensions, kinds.
 */
#include "expect.h"

#include "redaction/personal/phone_parse.h"
#include "redaction/personal/phones.h"

#include <stdio.h>

#include "base/banned.h"

/* As phonenumbers 9.0.43 says: parse, then the checks of its matcher. */
static const struct {
    const char *region, *text;
    bool valid;
} cases[] = {
    {"AE", "050 123 4567", true},
    {"AE", "50 123 4567", false}, /* always written with 0 */
    {"AE", "00971 50 123 4567", true},
    {"AE", "971 50 123 4567", true},
    {"AE", "+971 (0)50 123 4567", true},
    {"AE", "+44 20 7946 0958", true},
    {"AE", "0044 20 7946 0958", true},
    {"AE", "+971 50 123", false},
    {"US", "(415) 555-2671", true},
    {"US", "415-555-2671 x12", true},
    {"US", "415-555-2671 xx12", false},
    {"US", "1 415 555 2671", true},
    {"US", "115 555 2671", false},
    {"US", "+1 268 464 1234", true}, /* Antigua, which shares the code */
    {NULL, "+1 415 555 2671", true},
    {NULL, "415 555 2671", false},
    {"IN", "098765 43210", true},
    {"AR", "011 15 2345 6789", true}, /* 15 becomes a 9 in front */
    {"AE", "+", false},
    {"AE", "1", false},
    {"AE", "+800 1234 5678", true}, /* of no region */
    {"AE", "11111111111111111111111111", false},
};

static bool read_and_ask(const struct nv_phone_parser *parser, struct nv_str text)
{
    struct nv_phone_written written;
    if (!nv_phone_read(parser, text, &written))
        return false;
    bool valid = nv_phone_is_valid(parser, &written);
    /* what the country said is not asked twice */
    ck_assert(nv_phone_is_valid(parser, &written) == valid);
    return valid;
}

static bool is_valid(const char *region, struct nv_str text)
{
    struct nv_regex *extension = NULL;
    struct nv_regex_work *work = nv_regex_work_new();
    struct nv_phone_plans *plans = nv_phone_plans_new();
    ck_assert(work && plans);
    ck_assert_int_eq(nv_regex_new(NV_STR("[ ,]*(?:x|ext\\.?) ?(\\d{1,9})$"), NV_REGEX_NO_CASE,
                                  &extension, NULL),
                     NV_OK);
    const struct nv_phone_parser parser = {
        plans, work, extension, region ? nv_phone_plan_of_region(nv_str_from(region)) : NULL};
    bool valid = read_and_ask(&parser, text);
    nv_regex_free(extension);
    nv_regex_work_free(work);
    nv_phone_plans_free(plans);
    return valid;
}

START_TEST(candidates)
{
    ck_assert_msg(is_valid(cases[_i].region, nv_str_from(cases[_i].text)) == cases[_i].valid,
                  "%s", cases[_i].text);
}
END_TEST

START_TEST(length_at_its_cap_and_past_it)
{
    static const char country[] = "+44", rest[] = "2079460958";
    char text[NV_PHONE_CANDIDATE_MAX + 2];
    for (size_t size = NV_PHONE_CANDIDATE_MAX; size <= NV_PHONE_CANDIDATE_MAX + 1; size++) {
        memset(text, '-', size);
        memcpy(text, country, sizeof country - 1);
        memcpy(text + size - (sizeof rest - 1), rest, sizeof rest - 1);
        ck_assert(is_valid(NULL, (struct nv_str){text, size}) ==
                  (size == NV_PHONE_CANDIDATE_MAX));
    }
}
END_TEST

/* No number that is valid, of any region and in any writing, has fewer digits than are said to
 * be the least: all that are shorter, with and without what is dialled before. */
START_TEST(shorter_ones_are_none)
{
    static const char *const before[] = {"", "0", "00", "+", "1", "+43", "0043", "0150", "25"};
    struct nv_regex_work *work = nv_regex_work_new();
    struct nv_phone_plans *plans = nv_phone_plans_new();
    struct nv_regex *extension = NULL;
    unsigned valid = 0;
    ck_assert(work && plans);
    ck_assert_int_eq(nv_regex_new(NV_STR("x(\\d{1,9})$"), 0, &extension, NULL), NV_OK);
    for (unsigned code = 1; code < 1000; code++) {
        const struct nv_phone_plan *plan = nv_phone_plan_of_code(code);
        for (; plan; plan = nv_phone_plan_next(plan)) {
            const struct nv_phone_parser parser = {plans, work, extension, plan};
            size_t own = nv_phone_least_digits(plan), abroad = nv_phone_least_digits(NULL);
            for (unsigned i = 0; i < 9 * 200; i++) {
                char text[32];
                int len = snprintf(text, sizeof text, "%s%0*u", before[i % 9],
                                   (int)(1 + i / 9 % 8), i * 48271u % 1000000u);
                size_t digits = (size_t)len - (text[0] == '+');
                bool is = read_and_ask(&parser, (struct nv_str){text, (size_t)len});
                ck_assert_msg(!is || digits >= (own < abroad ? own : abroad), "%s %s",
                              plan->region, text);
                valid += is;
            }
        }
    }
    ck_assert_uint_gt(valid, 1000);
    nv_regex_free(extension);
    nv_regex_work_free(work);
    nv_phone_plans_free(plans);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/phone_parse");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, candidates, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, length_at_its_cap_and_past_it);
    tcase_add_test(tcase, shorter_ones_are_none);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
