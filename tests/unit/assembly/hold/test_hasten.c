/*
 * Traces that leave before their time: complete ones as complete, others marked; what comes
 * afterwards waits again; inline and with shards of their own threads.
 */
#include "expect.h"
#include "assembly/hold/hasten.h"
#include "assembly_kit.h"

static struct kit kit;

static void setup(void)
{
    kit_init(&kit);
}

static void teardown(void)
{
    kit_release(&kit);
}

static const struct kit_trace *find(char letter, uint32_t part)
{
    for (size_t i = 0; i < kit.trace_count; i++) {
        if (kit.traces[i].trace == letter && kit.traces[i].part == part)
            return &kit.traces[i];
    }
    return NULL;
}

START_TEST(what_is_held_leaves_at_once_and_says_what_it_lacks)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 1b<a. 2c<x. 3d<y!");
    kit_advance(&kit, 1);
    ck_assert_uint_eq(kit.trace_count, 0);
    nv_assembly_hasten(kit.assembly);
    kit_advance(&kit, 0);
    ck_assert_uint_eq(kit.trace_count, 3);
    ck_assert_str_eq(find('1', 0)->items, "a b");
    ck_assert_int_eq(find('1', 0)->incomplete, NV_COMPLETE);
    ck_assert_int_eq(find('2', 0)->incomplete, NV_INCOMPLETE_SHUTDOWN);
    ck_assert_int_ne(find('3', 0)->incomplete, NV_COMPLETE);
}
END_TEST

START_TEST(what_comes_afterwards_waits_as_ever)
{
    kit_start(&kit);
    nv_assembly_hasten(kit.assembly);
    kit_advance(&kit, 1);
    kit_spans(&kit, "shop", "1a");
    kit_advance(&kit, kit.config.quiet_ms - 1);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(kit.trace_count, 1);
}
END_TEST

/* A span that came after the moment, to a trace of before: the trace waits for its others. */
START_TEST(a_trace_that_grows_after_the_moment_waits)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1b<a.");
    nv_assembly_hasten(kit.assembly);
    nv_fake_clock_advance(&kit.clock, NV_NS_PER_MS);
    kit_spans(&kit, "shop", "1c<a.");
    kit_advance(&kit, 1);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_spans(&kit, "shop", "1a");
    kit_advance(&kit, kit.config.quiet_ms);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_int_eq(kit.traces[0].incomplete, NV_COMPLETE);
}
END_TEST

START_TEST(what_comes_of_a_trace_that_has_left_is_a_late_part)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a");
    nv_assembly_hasten(kit.assembly);
    kit_advance(&kit, 1);
    kit_spans(&kit, "shop", "1b<a.");
    nv_assembly_hasten(kit.assembly);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_ptr_nonnull(find('1', 0));
    ck_assert_str_eq(find('1', 1)->items, "b");
}
END_TEST

START_TEST(before_the_start_and_after_the_stop_nothing_happens)
{
    struct nv_completer none = {0};
    struct nv_assembly *assembly =
        nv_assembly_new(&kit.config, nv_clock_system(), &none, &kit.fail);
    ck_assert_ptr_nonnull(assembly);
    nv_assembly_hasten(assembly);
    nv_assembly_free(assembly);
}
END_TEST

struct taken {
    struct nv_settler settler;
    atomic_uint count;
};

static void take(void *ctx, struct nv_raw_trace *raw)
{
    struct taken *taken = ctx;
    struct nv_claim *claim = raw->claim;
    nv_arena_free(raw->arena);
    taken->settler.settle(taken->settler.ctx, claim, NV_OUTCOME_DROPPED);
    atomic_fetch_add(&taken->count, 1);
}

/* Real time: an hour's wait ends as soon as the shards have looked. */
START_TEST(shards_of_their_own_are_woken)
{
    struct taken taken = {.count = 0};
    const struct nv_completer taker = {.ctx = &taken, .complete = take};
    kit.config.shards = 2;
    kit.config.open_ms = 3600000;
    kit.config.quiet_ms = 1800000;
    struct nv_assembly *assembly =
        nv_assembly_new(&kit.config, nv_clock_system(), &taker, &kit.fail);
    ck_assert_ptr_nonnull(assembly);
    taken.settler = nv_assembly_settler(assembly);
    ck_assert_int_eq(nv_assembly_start(assembly, &kit.fail), NV_OK);
    struct nv_acceptor acceptor = nv_assembly_acceptor(assembly);
    acceptor.accept(acceptor.ctx, kit_batch("shop", "1b<a. 2b<a. 3b 4b"), kit_note_done, &kit);
    struct nv_assembly_status status;
    for (int tries = 0; atomic_load(&taken.count) < 4 && tries < 10000000; tries++) {
        nv_assembly_hasten(assembly);
        nv_assembly_read_status(assembly, &status);
    }
    ck_assert_uint_eq(atomic_load(&taken.count), 4);
    ck_assert_int_eq(nv_assembly_stop(assembly, NV_NS_PER_S), NV_OK);
    nv_assembly_hasten(assembly);
    nv_assembly_free(assembly);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("assembly/hold/hasten");
    TCase *tcase = tcase_create("hasten");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_held_leaves_at_once_and_says_what_it_lacks);
    tcase_add_test(tcase, what_comes_afterwards_waits_as_ever);
    tcase_add_test(tcase, a_trace_that_grows_after_the_moment_waits);
    tcase_add_test(tcase, what_comes_of_a_trace_that_has_left_is_a_late_part);
    tcase_add_test(tcase, before_the_start_and_after_the_stop_nothing_happens);
    tcase_add_test(tcase, shards_of_their_own_are_woken);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
