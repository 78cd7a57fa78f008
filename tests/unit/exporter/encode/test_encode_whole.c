/*
 * A trace as one element: it is whole afterwards, whichever allocation fails.
 */
#include "exporter_rig.h"
#include "expect.h"
#include "oom.h"

#include "exporter/encode/encode_whole.h"

#include <stdlib.h>

#include "base/banned.h"

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

int main(void)
{
    Suite *suite = suite_create("exporter/encode_whole");
    TCase *tcase = tcase_create("encode_whole");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, borrows_the_trace);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
