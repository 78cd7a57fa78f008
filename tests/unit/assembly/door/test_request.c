/*
 * From a batch to what is held: items by shard, flags of parents, what is left out, references.
 */
#include "expect.h"
#include "assembly/door/request.h"
#include "assembly_kit.h"
#include "base/limits.h"
#include "oom.h"

#include <stdlib.h>
#include <string.h>

static struct nv_services *services;
static struct nv_groups groups;

static void setup(void)
{
    services = nv_services_new();
    nv_groups_init(&groups, services);
}

static void teardown(void)
{
    nv_groups_release(&groups);
    nv_services_free(services);
}

START_TEST(items_go_to_the_shard_of_their_trace)
{
    struct nv_prepared *prepared;
    struct nv_batch *batch = kit_batch("shop", "1a 2b 3c 1d 4e 2f 5g 6h");
    ck_assert_int_eq(nv_request_prepare(&groups, batch, 3, 1, &prepared), NV_OK);
    ck_assert_ptr_null(batch->body);
    nv_batch_free(batch);
    uint32_t items = 0;
    for (const struct nv_arrivals *a = prepared->arrivals; a; a = a->next) {
        uint32_t before = 0;
        for (uint32_t i = 0; i < a->count; i++) {
            ck_assert_uint_eq(nv_shard_of(a->items[i].trace_id, 3), a->shard);
            ck_assert(i == 0 || a->items[i].ordinal > before);
            before = a->items[i].ordinal;
        }
        items += a->count;
    }
    ck_assert_uint_eq(items, 8);
    ck_assert_uint_eq(prepared->spans, 8);
    ck_assert_uint_gt(nv_request_bytes(prepared->request), 20);
    nv_prepared_release(&groups, prepared);
}
END_TEST

/* A trace costs most: spans of one stand together, spans of many do not. */
START_TEST(what_will_be_held_is_known_beforehand)
{
    static const char *const spans[] = {"1a 1b 1c 1d", "1a 2b 3c 4d"};
    uint64_t bytes[2];
    for (size_t i = 0; i < 2; i++) {
        struct nv_prepared *prepared;
        struct nv_batch *batch = kit_batch("shop", spans[i]);
        ck_assert_int_eq(nv_request_prepare(&groups, batch, 1, 1, &prepared), NV_OK);
        nv_batch_free(batch);
        bytes[i] = nv_prepared_bytes(prepared);
        ck_assert_uint_gt(bytes[i], 4 * sizeof(struct nv_arrival));
        nv_prepared_release(&groups, prepared);
    }
    ck_assert_uint_eq(bytes[1] - bytes[0], UINT64_C(3) * NV_OPEN_TRACE_BYTES);
}
END_TEST

static const struct {
    const char *span;
    uint32_t flags;
} parents[] = {
    {"1a", 0},
    {"1a<b", NV_HELD_PARENT},
    {"1a<b.", NV_HELD_PARENT},
    {"1a<b!", NV_HELD_PARENT | NV_HELD_REMOTE},
    {"1a<b^", NV_HELD_PARENT | NV_HELD_REMOTE | NV_HELD_SERVED}, /* a server without flags */
    {"1a<b^.", NV_HELD_PARENT | NV_HELD_SERVED}, /* a server whose flags say local */
    {"1a<a", 0},                                 /* its own parent */
    {"1a<b@+", NV_HELD_PARENT | NV_HELD_CALLER | NV_HELD_ENDED},
};

START_TEST(parents_are_local_or_remote)
{
    struct nv_prepared *prepared;
    struct nv_batch *batch = kit_batch("shop", parents[_i].span);
    ck_assert_int_eq(nv_request_prepare(&groups, batch, 1, 1, &prepared), NV_OK);
    ck_assert_uint_eq(prepared->arrivals->items[0].item.check & NV_HELD_FLAGS,
                      parents[_i].flags);
    struct nv_str bytes = {prepared->request->body + prepared->arrivals->items[0].item.offset,
                           prepared->arrivals->items[0].item.length};
    ck_assert_uint_eq(prepared->arrivals->items[0].item.check & ~(uint32_t)NV_HELD_FLAGS,
                      nv_held_check(bytes));
    nv_prepared_release(&groups, prepared);
    nv_batch_free(batch);
}
END_TEST

START_TEST(records_without_a_trace_are_left_out)
{
    struct nv_prepared *prepared;
    struct nv_batch *batch = kit_logs("shop", "0a 1b 0c");
    ck_assert_int_eq(nv_request_prepare(&groups, batch, 4, 1, &prepared), NV_OK);
    ck_assert_uint_eq(prepared->unused, 2);
    ck_assert_uint_eq(prepared->spans, 0);
    ck_assert_uint_eq(prepared->arrivals->count, 1);
    ck_assert_uint_eq(prepared->arrivals->items[0].ordinal, 1);
    nv_prepared_release(&groups, prepared);
    nv_batch_free(batch);
}
END_TEST

START_TEST(without_memory_the_batch_is_whole)
{
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        struct nv_prepared *prepared;
        struct nv_batch *batch = kit_batch("shop", "1a 2b 3c");
        oom_fail_nth(n);
        enum nv_err err = nv_request_prepare(&groups, batch, 3, 1, &prepared);
        failed = oom_end();
        /* The table of services does without: then the service is one of the rest. */
        ck_assert(err == NV_OK || (failed && err == NV_ERR_NO_MEMORY));
        if (err != NV_OK)
            ck_assert_ptr_nonnull(batch->body);
        else
            nv_prepared_release(&groups, prepared);
        nv_batch_free(batch);
        ck_assert_uint_eq(groups.index.count, 0);
    }
}
END_TEST

static struct nv_request *request_made(const char *spans)
{
    struct nv_prepared *prepared;
    struct nv_batch *batch = kit_batch("shop", spans);
    ck_assert_int_eq(nv_request_prepare(&groups, batch, 1, 1, &prepared), NV_OK);
    struct nv_request *request = prepared->request;
    nv_request_ref(request);
    nv_prepared_release(&groups, prepared);
    nv_batch_free(batch);
    return request;
}

static void request_gone(struct nv_request *request)
{
    ck_assert(nv_request_unref(request));
    nv_request_free(&groups, request);
}

START_TEST(the_next_request_has_the_block_of_the_last)
{
    for (int i = 0; i < 3; i++) {
        struct nv_batch *batch = kit_batch("shop", "1a 2b 3c 4d");
        struct nv_prepared *prepared;
        oom_count_only();
        enum nv_err err = nv_request_prepare(&groups, batch, 3, 1, &prepared);
        unsigned long asked = oom_count();
        (void)oom_end();
        ck_assert_int_eq(err, NV_OK);
        /* the block of arrivals of all shards; at first also request, resource, scope, index */
        ck_assert(i == 0 ? asked > 2 : asked <= 6);
        ck_assert_ptr_null(prepared->request->next);
        ck_assert_uint_eq(prepared->request->record_id, 0);
        ck_assert(!atomic_load(&prepared->request->keep));
        prepared->request->record_id = 7; /* nothing of it may be seen by the next */
        atomic_store(&prepared->request->keep, true);
        nv_prepared_release(&groups, prepared);
        nv_batch_free(batch);
        ck_assert_uint_eq(groups.spare_count, 1);
    }
}
END_TEST

START_TEST(spare_blocks_to_the_cap_and_one_more)
{
    static struct nv_request *requests[NV_REQUEST_SPARES_MAX + 1];
    ck_assert_uint_eq(NV_REQUEST_SPARES_MAX, 1024);
    for (size_t i = 0; i < NV_REQUEST_SPARES_MAX + 1; i++)
        requests[i] = request_made("1a");
    for (size_t i = 0; i < NV_REQUEST_SPARES_MAX; i++)
        request_gone(requests[i]);
    ck_assert_uint_eq(groups.spare_count, NV_REQUEST_SPARES_MAX);
    request_gone(requests[NV_REQUEST_SPARES_MAX]); /* freed: asan would tell of a leak */
    ck_assert_uint_eq(groups.spare_count, NV_REQUEST_SPARES_MAX);
    request_gone(request_made("1a"));
    ck_assert_uint_eq(groups.spare_count, NV_REQUEST_SPARES_MAX);
}
END_TEST

/* Many scopes are seldom, and a block for a thousand would be kept for one. */
START_TEST(a_request_of_many_scopes_is_not_kept)
{
    struct nv_group many[5] = {{.scope = NV_STR("a")},
                               {.scope = NV_STR("b")},
                               {.scope = NV_STR("c")},
                               {.scope = NV_STR("d")},
                               {.scope = NV_STR("e")}};
    for (uint32_t count = 4; count <= 5; count++) {
        struct nv_batch batch = {.groups = many, .group_count = count};
        struct nv_prepared *prepared;
        ck_assert_int_eq(nv_request_prepare(&groups, &batch, 1, 1, &prepared), NV_OK);
        ck_assert_uint_eq(prepared->request->group_count, count);
        ck_assert_ptr_null(prepared->arrivals);
        nv_prepared_release(&groups, prepared);
        ck_assert_uint_eq(groups.spare_count, 1); /* of four: kept, of five: not */
    }
}
END_TEST

/* Each of the arrivals keeps the block, whoever goes first. */
START_TEST(arrivals_outlive_who_prepared_them)
{
    struct nv_prepared *prepared;
    struct nv_batch *batch = kit_batch("shop", "1a 2b 3c 4d 5e 6f 7g 8h");
    ck_assert_int_eq(nv_request_prepare(&groups, batch, NV_SHARDS_MAX, 1, &prepared), NV_OK);
    nv_batch_free(batch);
    struct nv_arrivals *arrivals = prepared->arrivals;
    struct nv_request *request = prepared->request;
    nv_prepared_let_go(prepared);
    ck_assert(!nv_request_unref(request));
    uint32_t items = 0;
    while (arrivals) {
        struct nv_arrivals *next = arrivals->next;
        items += arrivals->count;
        ck_assert_ptr_eq(arrivals->request, request);
        bool last = nv_request_unref(request);
        ck_assert_int_eq(last, next == NULL);
        nv_arrivals_free(arrivals);
        arrivals = next;
    }
    ck_assert_uint_eq(items, 8);
    nv_request_free(&groups, request);
}
END_TEST

START_TEST(folded_ids_differ)
{
    uint32_t first = nv_span_id_fold(1);
    for (uint64_t i = 2; i < 1000; i++)
        ck_assert_uint_ne(nv_span_id_fold(i), first);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("request");
    TCase *tcase = tcase_create("request");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_will_be_held_is_known_beforehand);
    tcase_add_test(tcase, items_go_to_the_shard_of_their_trace);
    tcase_add_loop_test(tcase, parents_are_local_or_remote, 0,
                        sizeof parents / sizeof parents[0]);
    tcase_add_test(tcase, records_without_a_trace_are_left_out);
    tcase_add_test(tcase, without_memory_the_batch_is_whole);
    tcase_add_test(tcase, the_next_request_has_the_block_of_the_last);
    tcase_add_test(tcase, spare_blocks_to_the_cap_and_one_more);
    tcase_add_test(tcase, a_request_of_many_scopes_is_not_kept);
    tcase_add_test(tcase, arrivals_outlive_who_prepared_them);
    tcase_add_test(tcase, folded_ids_differ);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
