/*
 * When free pages are given back: rows of looks, one after the other.
 */
#include "expect.h"

#include "gateway/process/memory_trim.h"

#include "base/log/counters.h"

#include "base/banned.h"

#define MIB *(UINT64_C(1) << 20)

START_TEST(after_a_burst_and_not_before)
{
    static const struct {
        uint64_t request_bytes, queued;
        bool due;
    } looks[] = {
        {0, 0, true},        /* the replay of the start may have left something */
        {0, 0, false},       /* nothing since */
        {15 MIB, 0, false},  /* load */
        {15 MIB, 0, false},  /* quiet, but too little to be worth it */
        {100 MIB, 5, false}, /* load */
        {100 MIB, 5, false}, /* quiet at the door, but the backend is behind */
        {100 MIB, 0, true},  /* all has left */
        {100 MIB, 0, false}, /* once is enough */
        {101 MIB, 0, false}, /* load */
        {115 MIB, 0, false}, /* more of it */
        {117 MIB, 0, false}, /* and more */
        {117 MIB + 9, 0, true},
    };
    struct nv_memory_trim trim = {0};
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        ck_assert_msg(nv_memory_trim_due(&trim, looks[i].request_bytes, looks[i].queued) ==
                          looks[i].due,
                      "look %zu", i);
    }
}
END_TEST

START_TEST(a_look_reads_the_counters)
{
    struct nv_memory_trim trim = {0};
    nv_count_reset();
    nv_count(NV_COUNT_REQUEST_BYTES, 500);
    nv_memory_trim_look(&trim);
    ck_assert(trim.trimmed);
    ck_assert_uint_eq(trim.seen_bytes, 500);
    ck_assert_uint_eq(trim.trimmed_bytes, 500);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/memory_trim");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, after_a_burst_and_not_before);
    tcase_add_test(tcase, a_look_reads_the_counters);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
