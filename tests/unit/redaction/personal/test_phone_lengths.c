/*
 * Lengths by the first two digits: small patterns, what is refused, and the patterns of all
 * plans against PCRE2, which must never match what they say is none.
 */
#include "expect.h"

#include "redaction/personal/phone_lengths.h"
#include "redaction/personal/phone_plans.h"

#include <stdio.h>

#include "base/banned.h"

static const struct {
    const char *pattern;
    unsigned two;
    uint32_t lengths;
} cases[] = {
    {"12", 12, 1u << 2},
    {"12", 13, 0},
    {"1", 12, 0},
    {"[24-6]\\d{3}", 50, 1u << 4},
    {"[24-6]\\d{3}", 30, 0},
    {"800\\d{2,4}|[2-4]\\d", 80, 7u << 5},
    {"800\\d{2,4}|[2-4]\\d", 39, 1u << 2},
    {"(?:1|23)?4\\d", 14, 1u << 3},
    {"(?:1|23)?4\\d", 23, 1u << 4},
    {"(?:1|23)?4\\d", 45, 1u << 2},
    {"(?:1|23){2}", 11, 1u << 2},
    {"(?:1|23){2}", 23, 3u << 3},
    {"(1?2?)3{0,1}4", 34, 1u << 2},
    {"", 0, 0},
};

START_TEST(small_patterns)
{
    uint32_t lengths[NV_PHONE_LENGTHS];
    ck_assert(nv_phone_lengths_of(cases[_i].pattern, lengths));
    ck_assert_msg(lengths[cases[_i].two] == cases[_i].lengths, "%s: %x", cases[_i].pattern,
                  lengths[cases[_i].two]);
}
END_TEST

/* As phone_lengths.c has them. */
#define DEPTH_MAX 16u
#define TIMES_MAX 31u

START_TEST(groups_and_times_to_their_caps)
{
    uint32_t lengths[NV_PHONE_LENGTHS];
    for (unsigned more = 0; more < 2; more++) {
        /* what stands in no group is the first level */
        const size_t depth = DEPTH_MAX - 1 + more;
        char pattern[2 * DEPTH_MAX + 2] = {0}, times[16];
        memset(pattern, '(', depth);
        memcpy(pattern + depth, "12", 2);
        memset(pattern + depth + 2, ')', depth);
        ck_assert_int_eq(nv_phone_lengths_of(pattern, lengths), more == 0);
        (void)snprintf(times, sizeof times, "1{%u}", TIMES_MAX + more);
        ck_assert_int_eq(nv_phone_lengths_of(times, lengths), more == 0);
    }
}
END_TEST

START_TEST(what_is_no_pattern_of_a_plan)
{
    static const char *const patterns[] = {"1+",  "(?=1)2", "a",  "[1",  "(1",    "1)",
                                           "1{2", "1{99}",  "1$", "\\w", "1{,2}x"};
    uint32_t lengths[NV_PHONE_LENGTHS];
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        ck_assert_msg(!nv_phone_lengths_of(patterns[i], lengths), "%s", patterns[i]);
}
END_TEST

/* Numbers of each length and begin: what a plan's pattern matches has that length. */
static unsigned compare(struct nv_phone_plans *plans, struct nv_regex_work *work,
                        const struct nv_phone_plan *plan, enum nv_phone_pattern pattern)
{
    uint32_t lengths[NV_PHONE_LENGTHS];
    unsigned matched = 0;
    uint64_t seed = plan->code;
    if (!plan->patterns[pattern])
        return 0;
    ck_assert_msg(nv_phone_lengths_of(plan->patterns[pattern], lengths), "%s", plan->region);
    for (unsigned i = 0; i < NV_PHONE_LENGTHS * 30; i++) {
        char text[32];
        struct nv_regex_match match;
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        int len = 3 + (int)(i / NV_PHONE_LENGTHS) % 10;
        (void)snprintf(text, sizeof text, "%02u%0*u", i % NV_PHONE_LENGTHS, len - 2,
                       (unsigned)(seed >> 36));
        struct nv_str digits = {text, (size_t)len};
        if (nv_phone_match(plans, work, plan, pattern, digits, &match) != NV_REGEX_FOUND)
            continue;
        matched++;
        ck_assert_msg(lengths[i % NV_PHONE_LENGTHS] >> len & 1u, "%s %.*s", plan->region,
                      NV_STR_ARG(digits));
    }
    return matched;
}

START_TEST(patterns_of_all_plans)
{
    struct nv_phone_plans *plans = nv_phone_plans_new();
    struct nv_regex_work *work = nv_regex_work_new();
    unsigned matched = 0;
    ck_assert(plans && work);
    for (unsigned code = 1; code < 1000; code++) {
        for (const struct nv_phone_plan *plan = nv_phone_plan_of_code(code); plan;
             plan = nv_phone_plan_next(plan)) {
            matched += compare(plans, work, plan, NV_PHONE_GENERAL);
            matched += compare(plans, work, plan, NV_PHONE_VALID);
        }
    }
    ck_assert_uint_gt(matched, 10000);
    nv_regex_work_free(work);
    nv_phone_plans_free(plans);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/phone_lengths");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, small_patterns, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, groups_and_times_to_their_caps);
    tcase_add_test(tcase, what_is_no_pattern_of_a_plan);
    tcase_add_test(tcase, patterns_of_all_plans);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
