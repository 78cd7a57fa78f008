/*
 * A trace as one element: it is whole afterwards, whichever allocation fails.
 */
#include "exporter_rig.h"
#include "expect.h"
#include "oom.h"

#include "exporter/encode/encode_whole.h"

#include <stdlib.h>

#include "base/banned.h"

/* As in encode_whole.c. */
#define ENCODE_GUESS_MAX ((size_t)1 << 20)

static struct nv_rig rig;

static void setup(void)
{
    rig_init(&rig);
}

static void teardown(void)
{
    rig_release(&rig);
}

START_TEST(borrows_the_trace)
{
    struct nv_trace *trace = rig_trace(&rig, "t", 2);
    bool failed = true;

    for (unsigned long nth = 1; failed; nth++) {
        struct nv_encoded *one;

        oom_fail_nth(nth);
        one = nv_encode_whole(trace, rig.config.trace_id_form, rig.config.max_trace_bytes);
        failed = oom_end();
        /* Giving back what the buffer has too much may fail, and nothing is lost by it. */
        ck_assert(one != NULL || failed);
        failed = one == NULL;
        if (one) {
            ck_assert_ptr_eq(one->claim, &rig.claims[0]);
            ck_assert_uint_eq(one->spans, 2);
            ck_assert_ptr_null(one->why);
        }
        free(one);
    }
    ck_assert_uint_eq(trace->span_count, 2);
    ck_assert_ptr_eq(trace->claim, &rig.claims[0]);
    nv_arena_free(trace->arena);
}
END_TEST

/* The room that is asked for first is guessed by the trace before: what is written is not. */
START_TEST(after_larger_and_smaller_ones)
{
    static const uint32_t spans[] = {1, 400, 1, 2, 400, 30};
    struct nv_str first[6];
    struct nv_encoded *kept[12];
    for (size_t i = 0; i < 12; i++) {
        struct nv_trace *trace = rig_trace(&rig, "t", spans[i % 6]);
        kept[i] = nv_encode_whole(trace, rig.config.trace_id_form, rig.config.max_trace_bytes);
        ck_assert_ptr_nonnull(kept[i]);
        nv_arena_free(trace->arena);
        if (i < 6)
            first[i] = nv_encoded_json(kept[i]);
        else
            ck_assert_uint_eq(nv_encoded_json(kept[i]).len, first[i - 6].len);
    }
    for (size_t i = 0; i < 12; i++)
        free(kept[i]);
}
END_TEST

/* A trace of the largest guess and one byte more, and what comes behind them: as ever. */
START_TEST(at_the_largest_guess_and_past_it)
{
    static char name[ENCODE_GUESS_MAX + 2];
    size_t len = 0;
    for (size_t i = 0; i < 2; i++) {
        memset(name, 'n', ENCODE_GUESS_MAX + i);
        struct nv_trace *large = rig_trace(&rig, name, 1), *next = rig_trace(&rig, "t", 8);
        struct nv_encoded *one =
            nv_encode_whole(large, rig.config.trace_id_form, rig.config.max_trace_bytes);
        struct nv_encoded *two =
            nv_encode_whole(next, rig.config.trace_id_form, rig.config.max_trace_bytes);
        ck_assert_uint_gt(nv_encoded_json(one).len, ENCODE_GUESS_MAX);
        ck_assert(len == 0 || nv_encoded_json(two).len == len);
        len = nv_encoded_json(two).len;
        nv_arena_free(large->arena);
        nv_arena_free(next->arena);
        free(one);
        free(two);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/encode_whole");
    TCase *tcase = tcase_create("encode_whole");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, borrows_the_trace);
    tcase_add_test(tcase, after_larger_and_smaller_ones);
    tcase_add_test(tcase, at_the_largest_guess_and_past_it);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
