/*
 * A shard when things run short: arrivals that find no memory wait and are taken in order,
 * traces that can't be gathered stay; and where traces of many shards go.
 */
#include "expect.h"
#include "assembly/hold/shard.h"
#include "assembly_kit.h"
#include "oom.h"

#include <stdlib.h>

static struct kit kit;

static void setup(void)
{
    kit_init(&kit);
}

static void teardown(void)
{
    kit_release(&kit);
}

START_TEST(arrivals_that_find_no_memory_wait_in_order)
{
    kit_start(&kit);
    struct nv_shard *shard = &kit.assembly->shards[0];
    struct nv_prepared *prepared[3];
    const char *spans[] = {"1a 2b", "1c<a. 3d", "1e<a."};
    for (int i = 0; i < 3; i++) {
        struct nv_batch *batch = kit_batch("shop", spans[i]);
        ck_assert_int_eq(nv_request_prepare(&kit.assembly->groups, batch, 1, 1, &prepared[i]),
                         NV_OK);
        nv_ledger_receive(prepared[i]->spans, false);
        atomic_fetch_add(&kit.assembly->memory, nv_request_bytes(prepared[i]->request));
        atomic_fetch_add(&kit.assembly->arriving, nv_prepared_bytes(prepared[i]));
        nv_batch_free(batch);
    }
    oom_fail_from(2);
    for (int i = 0; i < 3; i++)
        nv_shard_take(shard, prepared[i]->arrivals, kit.clock.mono);
    oom_end();
    ck_assert_ptr_nonnull(shard->stalled);
    for (int i = 0; i < 3; i++) {
        nv_request_let_go(kit.assembly, prepared[i]->request);
        nv_prepared_let_go(prepared[i]);
    }
    kit_advance(&kit, 2000);
    ck_assert_ptr_null(shard->stalled);
    ck_assert_uint_eq(atomic_load(&kit.assembly->arriving), 0);
    ck_assert_uint_eq(kit.trace_count, 3);
    for (size_t i = 0; i < 3; i++) {
        if (kit.traces[i].trace == '1')
            ck_assert_str_eq(kit.traces[i].items, "a c e");
    }
}
END_TEST

/* Each would fit alone, and what is on its way to the shards is not yet in what they hold. */
START_TEST(what_is_on_its_way_counts_as_held)
{
    kit.config.memory_bytes = 3000;
    kit_start(&kit);
    atomic_store(&kit.assembly->arriving, 2000);
    ck_assert_int_eq(kit_spans(&kit, "shop", "1a 2a 3a 4a 5a"), NV_ERR_BUSY);
    ck_assert_uint_eq(atomic_load(&kit.assembly->arriving), 2000);
    ck_assert_int_eq(kit_spans(&kit, "shop", "1a"), NV_OK);
    ck_assert_uint_eq(atomic_load(&kit.assembly->arriving), 2000);
    atomic_store(&kit.assembly->arriving, 0);
    kit_advance(&kit, 1000);
    ck_assert_int_eq(kit_spans(&kit, "shop", "2a 3a 4a 5a 6a 7a 8a 9a"), NV_OK);
    ck_assert_uint_eq(atomic_load(&kit.assembly->arriving), 0);
}
END_TEST

/* As shard.c has it. */
#define QUEUE_ITEMS_MAX 4096u

START_TEST(as_many_arrivals_wait_for_a_shard_and_one_more)
{
    void *items[64];
    size_t taken = 0;
    kit.config.shards = 1;
    ck_assert_int_eq(kit_make(&kit), NV_OK);
    struct nv_queue *queue = kit.assembly->shards[0].queue;
    for (unsigned i = 0; i < QUEUE_ITEMS_MAX; i++)
        ck_assert_int_eq(nv_queue_push(queue, &kit, 1), NV_OK);
    ck_assert_int_eq(nv_queue_push(queue, &kit, 1), NV_ERR_FULL);
    for (size_t got; (got = nv_queue_pop(queue, items, 64, 0)) > 0;)
        taken += got;
    ck_assert_uint_eq(taken, QUEUE_ITEMS_MAX);
}
END_TEST

START_TEST(traces_spread_over_shards_and_keep_theirs)
{
    uint32_t counts[8] = {0};
    for (uint32_t i = 0; i < 8000; i++) {
        uint8_t id[NV_TRACE_ID_BYTES] = {0};
        memcpy(id + 8, &i, sizeof i);
        uint32_t shard = nv_shard_of(id, 8);
        ck_assert_uint_eq(shard, nv_shard_of(id, 8));
        counts[shard]++;
        ck_assert_uint_eq(nv_shard_of(id, 1), 0);
    }
    for (int i = 0; i < 8; i++)
        ck_assert(counts[i] > 800 && counts[i] < 1200);
}
END_TEST

START_TEST(a_late_remote_parent_unlearns)
{
    kit_start(&kit);
    kit_spans(&kit, "api", "1b<a!");
    kit_advance(&kit, 60000);
    kit_spans(&kit, "api", "2b<a!");
    kit_advance(&kit, 60000);
    kit_spans(&kit, "web", "2a"); /* late, but it came */
    kit_spans(&kit, "api", "3b<a!");
    kit_advance(&kit, 60000);
    kit_spans(&kit, "api", "4b<a!");
    kit_advance(&kit, 59000);
    struct nv_service_facts facts[4];
    size_t count = nv_assembly_read_services(kit.assembly, facts, 4);
    ck_assert_uint_eq(count, 2);
    for (size_t i = 0; i < count; i++)
        ck_assert(!facts[i].remote_parents_missing);
}
END_TEST

/* What is told of the wait: when it came, and the row that ended it. */
START_TEST(a_trace_says_when_it_came_and_why_it_waited)
{
    kit_start(&kit);
    uint64_t begin_ns = kit.clock.mono;
    kit_spans(&kit, "api", "1a");
    kit_advance(&kit, 5);
    kit_spans(&kit, "api", "1b<a");
    kit_spans(&kit, "api", "2b<a.");
    kit_advance(&kit, 600000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_uint_eq(kit.traces[0].first_ns, begin_ns);
    ck_assert_uint_eq(kit.traces[0].last_ns, begin_ns + 5 * NV_NS_PER_MS);
    ck_assert_str_eq(kit.traces[0].waited_for, "quiet");
    ck_assert_uint_eq(kit.traces[1].first_ns, kit.traces[1].last_ns);
    ck_assert_str_eq(kit.traces[1].waited_for, "open");
}
END_TEST

/* At a stop no wait has ended. */
START_TEST(what_leaves_at_a_stop_waited_for_nothing)
{
    kit.config.on_stop = NV_ON_STOP_SEND;
    kit_start(&kit);
    kit_spans(&kit, "api", "1b<a.");
    kit_stop(&kit);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_int_eq(kit.traces[0].incomplete, NV_INCOMPLETE_SHUTDOWN);
    ck_assert_ptr_null(kit.traces[0].waited_for);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shard");
    TCase *tcase = tcase_create("shard");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, arrivals_that_find_no_memory_wait_in_order);
    tcase_add_test(tcase, what_is_on_its_way_counts_as_held);
    tcase_add_test(tcase, as_many_arrivals_wait_for_a_shard_and_one_more);
    tcase_add_test(tcase, traces_spread_over_shards_and_keep_theirs);
    tcase_add_test(tcase, a_late_remote_parent_unlearns);
    tcase_add_test(tcase, a_trace_says_when_it_came_and_why_it_waited);
    tcase_add_test(tcase, what_leaves_at_a_stop_waited_for_nothing);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
