/*
 * The low-water mark: against a plain list, in any order of adding and doing; holes; the cost
 * of one that stays.
 */
#include "expect.h"
#include "oom.h"

#include "kafka/offsets.h"

#include "base/banned.h"

#define COUNT 2000

START_TEST(the_mark_is_the_first_that_is_not_done)
{
    struct nv_offsets offsets;
    nv_offsets_init(&offsets);
    ck_assert_int_eq(nv_offsets_mark(&offsets, 7), 7);
    for (int64_t i = 0; i < 4; i++)
        ck_assert_int_eq(nv_offsets_add(&offsets, 10 + 3 * i), NV_OK);
    ck_assert_int_eq(nv_offsets_mark(&offsets, 20), 10);
    nv_offsets_done(&offsets, 13);
    ck_assert_int_eq(nv_offsets_mark(&offsets, 20), 10);
    nv_offsets_done(&offsets, 10);
    ck_assert_int_eq(nv_offsets_mark(&offsets, 20), 16);
    nv_offsets_done(&offsets, 11); /* never there */
    nv_offsets_done(&offsets, 16);
    nv_offsets_done(&offsets, 16);
    nv_offsets_drop_last(&offsets, 19);
    ck_assert_int_eq(nv_offsets_mark(&offsets, 20), 20);
    nv_offsets_release(&offsets);
}
END_TEST

START_TEST(as_a_plain_list_in_any_order)
{
    struct nv_offsets offsets;
    bool done[COUNT] = {false};
    int64_t added = 0;
    int64_t first = 0; /* what is done stays done */
    uint64_t state = (uint64_t)_i + 1;
    nv_offsets_init(&offsets);
    for (int step = 0; step < 20000; step++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t value = state >> 33;
        if (added < COUNT && value % 3 == 0) {
            ck_assert_int_eq(nv_offsets_add(&offsets, 2 * added++), NV_OK);
        } else if (added > 0) {
            int64_t which = (int64_t)(value % (uint64_t)added);
            done[which] = true;
            nv_offsets_done(&offsets, 2 * which);
        }
        while (first < added && done[first])
            first++;
        ck_assert_int_eq(nv_offsets_mark(&offsets, -5), first < added ? 2 * first : -5);
    }
    nv_offsets_release(&offsets);
}
END_TEST

START_TEST(one_that_stays_does_not_hold_the_others)
{
    struct nv_offsets offsets;
    nv_offsets_init(&offsets);
    ck_assert_int_eq(nv_offsets_add(&offsets, 0), NV_OK);
    for (int64_t i = 1; i < 1000000; i++) {
        ck_assert_int_eq(nv_offsets_add(&offsets, i), NV_OK);
        nv_offsets_done(&offsets, i);
    }
    ck_assert_uint_le(offsets.capacity, 256);
    ck_assert_int_eq(nv_offsets_mark(&offsets, 1000000), 0);
    nv_offsets_release(&offsets);
}
END_TEST

START_TEST(without_memory_nothing_changes)
{
    struct nv_offsets offsets;
    nv_offsets_init(&offsets);
    oom_fail_nth(1);
    enum nv_err err = nv_offsets_add(&offsets, 3);
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    ck_assert_int_eq(nv_offsets_mark(&offsets, 9), 9);
    nv_offsets_release(&offsets);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kafka/offsets");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, the_mark_is_the_first_that_is_not_done);
    tcase_add_loop_test(tcase, as_a_plain_list_in_any_order, 0, 5);
    tcase_add_test(tcase, one_that_stays_does_not_hold_the_others);
    tcase_add_test(tcase, without_memory_nothing_changes);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
