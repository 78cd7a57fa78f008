/*
 * Every allocation of the assembly fails once: at the start over a journal with requests in it,
 * and when a request is accepted. Nothing that was accepted is lost.
 */
#include "assembly_kit.h"
#include "expect.h"
#include "oom.h"

#include <string.h>

#include "base/banned.h"

static struct kit kit;

static void setup(void)
{
    kit_init(&kit);
    kit_directory(&kit);
}

static void teardown(void)
{
    kit_release(&kit);
}

START_TEST(starting_over_what_was_kept)
{
    kit_start(&kit);
    ck_assert_int_eq(kit_spans(&kit, "shop", "1a^+ 1b<a"), NV_OK);
    ck_assert_int_eq(kit_spans(&kit, "cart", "1c<b 2d^+"), NV_OK);
    kit_crash(&kit);
    unsigned long n = 1;
    for (bool failed = true; failed; n++) {
        nv_ledger_reset();
        oom_fail_nth(n);
        enum nv_err err = kit_try_start(&kit);
        failed = oom_end();
        ck_assert_msg(err == NV_OK || (failed && err == NV_ERR_NO_MEMORY), "%lu: %s", n,
                      nv_err_info(err)->text);
        if (kit.assembly)
            kit_crash(&kit);
    }
    ck_assert_uint_gt(n, 20);
    kit_restart(&kit);
    kit_advance(&kit, 120000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_uint_eq(kit.traces[0].spans + kit.traces[1].spans, 4);
}
END_TEST

static void note(void *ctx, enum nv_err err)
{
    *(enum nv_err *)ctx = err;
}

/* Refused or kept whole. The window is that of accept alone: check allocates, too. */
START_TEST(accepting_a_request)
{
    unsigned long n = 1;
    for (bool failed = true; failed; n++) {
        enum nv_err err = NV_ERR_INTERNAL;
        kit_start(&kit);
        struct nv_batch *batch = kit_batch("shop", "1a^+ 1b<a 1c<b 2d^+");
        struct nv_acceptor acceptor = nv_assembly_acceptor(kit.assembly);
        kit.trace_count = 0;
        oom_fail_nth(n);
        acceptor.accept(acceptor.ctx, batch, note, &err);
        failed = oom_end();
        ck_assert_msg(err == NV_OK || (failed && err == NV_ERR_NO_MEMORY), "%lu: %s", n,
                      nv_err_info(err)->text);
        kit_advance(&kit, 600000); /* what found no memory is tried again */
        uint32_t spans = 0;
        for (size_t i = 0; i < kit.trace_count; i++)
            spans += kit.traces[i].spans;
        ck_assert_uint_eq(spans, err == NV_OK ? 4 : 0);
        kit_stop(&kit);
        kit_clear_directory(&kit);
        memset(kit.traces, 0, KIT_TRACES_MAX * sizeof *kit.traces);
        nv_ledger_reset();
    }
    ck_assert_uint_gt(n, 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("assembly_oom");
    TCase *tcase = tcase_create("assembly_oom");
    tcase_set_timeout(tcase, 100);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, starting_over_what_was_kept);
    tcase_add_test(tcase, accepting_a_request);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
