/*
 * Looking at what is held: which traces, why and until when they wait, a copy of what has come,
 * and that nothing changes by it; inline and with shards of their own threads.
 */
#include "expect.h"
#include "assembly/hold/held.h"
#include "assembly_kit.h"
#include "oom.h"

#include <stdio.h>

static struct kit kit;
static struct nv_held_trace found[NV_HELD_LOOK_MAX];

static void setup(void)
{
    kit_init(&kit);
}

static void teardown(void)
{
    kit_release(&kit);
}

static size_t look(size_t max, uint64_t raw_bytes_max)
{
    const struct nv_held_ask ask = {.max = max, .raw_bytes_max = raw_bytes_max};
    return nv_assembly_read_held(kit.assembly, &ask, found);
}

START_TEST(each_says_why_it_waits_and_until_when)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 1b<a.");
    kit_advance(&kit, 100);
    kit_spans(&kit, "shop", "2b<a.");
    ck_assert_uint_eq(look(10, 0), 2);
    ck_assert_int_eq(found[0].wait, NV_WAIT_OPEN);
    ck_assert(!found[0].root && found[1].root);
    ck_assert_uint_eq(found[0].left_ns, kit.config.open_ms * NV_NS_PER_MS);
    ck_assert_int_eq(found[1].wait, NV_WAIT_QUIET);
    ck_assert_uint_eq(found[1].left_ns, (kit.config.quiet_ms - 100) * NV_NS_PER_MS);
    ck_assert_uint_eq(found[1].age_ns, 100 * NV_NS_PER_MS);
    ck_assert_uint_eq(found[1].quiet_ns, 100 * NV_NS_PER_MS);
    ck_assert_uint_eq(found[1].spans, 2);
    ck_assert_ptr_null(found[1].raw);
}
END_TEST

START_TEST(a_copy_is_given_and_the_trace_stays)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 1b<a.");
    ck_assert_uint_eq(look(1, 1u << 20), 1);
    ck_assert_ptr_nonnull(found[0].raw);
    ck_assert_uint_eq(found[0].raw->span_count, 2);
    ck_assert_ptr_null(found[0].raw->claim);
    nv_arena_free(found[0].raw->arena);
    ck_assert_uint_eq(look(1, found[0].bytes - 1), 1);
    ck_assert_ptr_null(found[0].raw); /* larger than asked for */
    kit_advance(&kit, 2000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_str_eq(kit.traces[0].items, "a b");
    ck_assert_uint_eq(look(1, 0), 0);
}
END_TEST

START_TEST(one_is_asked_for_by_its_id)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 2a");
    ck_assert_uint_eq(look(2, 0), 2);
    uint8_t id[NV_TRACE_ID_BYTES];
    memcpy(id, found[1].trace_id, sizeof id);
    const struct nv_held_ask ask = {.trace_id = id};
    struct nv_held_trace one;
    ck_assert_uint_eq(nv_assembly_read_held(kit.assembly, &ask, &one), 1);
    ck_assert_mem_eq(one.trace_id, id, sizeof id);
    memset(id, 0xee, sizeof id);
    ck_assert_uint_eq(nv_assembly_read_held(kit.assembly, &ask, &one), 0);
}
END_TEST

START_TEST(the_newest_up_to_the_cap_and_no_more)
{
    kit_start(&kit);
    for (unsigned i = 0; i < NV_HELD_LOOK_MAX + 1; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "%ca", (char)(i + 128));
        kit_spans(&kit, "shop", text);
        kit.clock.mono += 1000;
    }
    ck_assert_uint_eq(look(NV_HELD_LOOK_MAX, 0), NV_HELD_LOOK_MAX);
    ck_assert_uint_eq(found[0].age_ns, 1000);
    ck_assert_uint_eq(found[NV_HELD_LOOK_MAX - 1].age_ns, NV_HELD_LOOK_MAX * 1000);
    ck_assert_uint_eq(look(1, 0), 1);
    ck_assert_uint_eq(found[0].age_ns, 1000);
}
END_TEST

START_TEST(without_memory_it_goes_without)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a");
    oom_fail_from(1);
    size_t count = look(1, 1u << 20);
    ck_assert(oom_end());
    ck_assert_uint_eq(count, 0); /* not even for the list */
    for (unsigned long n = 2; n < 20; n++) {
        oom_fail_nth(n);
        count = look(1, 1u << 20);
        bool failed = oom_end();
        ck_assert_uint_eq(count, 1);
        if (found[0].raw)
            nv_arena_free(found[0].raw->arena);
        if (!failed)
            break;
    }
    kit_advance(&kit, 2000);
    ck_assert_uint_eq(kit.trace_count, 1);
}
END_TEST

static void take(void *ctx, struct nv_raw_trace *raw)
{
    const struct nv_settler *settler = ctx;
    struct nv_claim *claim = raw->claim;
    nv_arena_free(raw->arena);
    settler->settle(settler->ctx, claim, NV_OUTCOME_DROPPED);
}

/* The shards answer from their own threads; real time, and no more than it takes. */
START_TEST(shards_of_their_own_answer)
{
    struct nv_fail fail = {0};
    kit.config.shards = 2;
    kit.config.open_ms = 3600000;
    struct nv_settler settler;
    const struct nv_completer taker = {.ctx = &settler, .complete = take};
    struct nv_assembly *assembly =
        nv_assembly_new(&kit.config, nv_clock_system(), &taker, &fail);
    ck_assert_ptr_nonnull(assembly);
    settler = nv_assembly_settler(assembly);
    const struct nv_held_ask ask = {.max = 8, .raw_bytes_max = 1u << 20};
    ck_assert_uint_eq(nv_assembly_read_held(assembly, &ask, found), 0); /* not started */
    ck_assert_int_eq(nv_assembly_start(assembly, &fail), NV_OK);
    struct nv_acceptor acceptor = nv_assembly_acceptor(assembly);
    acceptor.accept(acceptor.ctx, kit_batch("shop", "1b<a. 2b<a. 3b<a. 4b<a."), kit_note_done,
                    &kit);
    size_t count = 0;
    for (int tries = 0; count < 4 && tries < 100000; tries++) {
        for (size_t i = 0; i < count; i++)
            nv_arena_free(found[i].raw->arena);
        count = nv_assembly_read_held(assembly, &ask, found);
    }
    ck_assert_uint_eq(count, 4);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(found[i].wait, NV_WAIT_OPEN);
        ck_assert_ptr_nonnull(found[i].raw);
        nv_arena_free(found[i].raw->arena);
    }
    enum nv_err stopped = nv_assembly_stop(assembly, 0);
    ck_assert(stopped == NV_OK || stopped == NV_ERR_TIMEOUT);
    ck_assert_uint_eq(nv_assembly_read_held(assembly, &ask, found), 0); /* nobody is there */
    nv_assembly_free(assembly);
}
END_TEST

START_TEST(every_wait_has_words)
{
    for (int wait = NV_WAIT_QUIET; wait <= NV_WAIT_AGE; wait++) {
        ck_assert_ptr_nonnull(nv_wait_name((enum nv_wait)wait));
        ck_assert_ptr_nonnull(strchr(nv_wait_text((enum nv_wait)wait), '.'));
    }
    ck_assert_str_eq(nv_wait_name(NV_WAIT_REMOTE_PARENT), "remote_parent");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("held");
    TCase *tcase = tcase_create("held");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, each_says_why_it_waits_and_until_when);
    tcase_add_test(tcase, a_copy_is_given_and_the_trace_stays);
    tcase_add_test(tcase, one_is_asked_for_by_its_id);
    tcase_add_test(tcase, the_newest_up_to_the_cap_and_no_more);
    tcase_add_test(tcase, without_memory_it_goes_without);
    tcase_add_test(tcase, shards_of_their_own_answer);
    tcase_add_test(tcase, every_wait_has_words);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
