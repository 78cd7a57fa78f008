/*
 * Open traces: what is added comes out in order, runs follow request and group, memory is
 * counted.
 */
#include "expect.h"
#include "assembly/hold/trace_table.h"
#include "assembly_kit.h"
#include "oom.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t id[NV_TRACE_ID_BYTES] = {1, 2, 3};

/* Two scopes of one resource. */
static struct nv_shared_resource resource = {.len = 100};
static struct nv_shared_group one = {.resource = &resource, .len = 3};
static struct nv_shared_group two = {.resource = &resource, .len = 20};

static struct nv_request *new_request(uint64_t record_id)
{
    struct nv_request *request = calloc(1, sizeof *request + 2 * sizeof request->groups[0]);
    atomic_init(&request->refs, 1);
    request->record_id = record_id;
    request->groups[0] = &one;
    request->groups[1] = &two;
    request->signal = record_id == 9 ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES;
    return request;
}

static void add(struct nv_trace_table *table, struct nv_open_trace *trace,
                struct nv_request *request, uint32_t group, uint32_t ordinal)
{
    struct nv_arrival arrival = {
        .group = group, .ordinal = ordinal, .item = {.span_id = ordinal, .length = 10}};
    ck_assert_int_eq(nv_open_trace_reserve(table, trace, 1), NV_OK);
    nv_open_trace_add(trace, request, &arrival, 100 + ordinal);
}

START_TEST(items_come_out_as_they_went_in)
{
    struct nv_trace_table table;
    nv_trace_table_init(&table);
    struct nv_request *requests[] = {new_request(5), new_request(6), new_request(9)};
    ck_assert_ptr_null(nv_trace_table_find(&table, id));
    struct nv_open_trace *trace = nv_trace_table_open(&table, id);
    ck_assert_ptr_eq(nv_trace_table_find(&table, id), trace);
    add(&table, trace, requests[0], 0, 3);
    add(&table, trace, requests[0], 0, 4);
    add(&table, trace, requests[0], 1, 5);
    add(&table, trace, requests[1], 0, 7);
    add(&table, trace, requests[2], 0, 8);
    ck_assert_uint_eq(trace->item_count, 5);
    ck_assert_uint_eq(trace->span_count, 4);
    ck_assert_uint_eq(trace->bytes, 50);
    ck_assert_uint_eq(trace->used, 5 + 4);
    ck_assert_uint_eq(atomic_load(&requests[0]->refs), 3); /* two runs */
    ck_assert_uint_eq(trace->group_bytes, 100 + 3 + 20);   /* each once, in however many runs */
    ck_assert_uint_eq(nv_open_trace_first(trace).ordinal, 3);
    ck_assert_uint_eq(nv_open_trace_last(trace).record_id, 9);
    struct nv_held_cursor cursor = {0};
    struct nv_held_item *item;
    const uint64_t want[] = {3, 4, 5, 7, 8};
    for (int i = 0; (item = nv_held_next(trace, &cursor)) != NULL; i++)
        ck_assert_uint_eq(item->span_id, want[i]);
    ck_assert_uint_ge(table.bytes, sizeof *trace + 9 * 24);
    nv_trace_table_close(&table, trace);
    ck_assert_uint_eq(table.bytes, 0);
    nv_trace_table_release(&table);
    for (int i = 0; i < 3; i++)
        free(requests[i]);
}
END_TEST

START_TEST(an_open_trace_of_eight_spans_is_small)
{
    struct nv_trace_table table;
    nv_trace_table_init(&table);
    struct nv_request *request = new_request(5);
    struct nv_open_trace *trace = nv_trace_table_open(&table, id);
    ck_assert_int_eq(nv_open_trace_reserve(&table, trace, 8), NV_OK);
    for (uint32_t i = 0; i < 8; i++)
        add(&table, trace, request, 0, i);
    ck_assert_uint_le(table.bytes, 256 + 8 * 24);
    nv_trace_table_close(&table, trace);
    nv_trace_table_release(&table);
    free(request);
}
END_TEST

START_TEST(places_are_ordered_by_request_then_item)
{
    struct nv_place a = {5, 9};
    struct nv_place b = {6, 0};
    ck_assert(nv_place_after(b, a) && !nv_place_after(a, b));
    b = (struct nv_place){5, 8};
    ck_assert(nv_place_after(a, b) && !nv_place_after(a, a));
}
END_TEST

START_TEST(without_memory_it_stays_as_it_was)
{
    struct nv_trace_table table;
    for (unsigned long n = 1; n < 4; n++) {
        nv_trace_table_init(&table);
        oom_fail_nth(n);
        struct nv_open_trace *trace = nv_trace_table_open(&table, id);
        oom_end();
        ck_assert_ptr_null(trace);
        ck_assert_uint_eq(table.bytes, 0);
        nv_trace_table_release(&table);
    }
    nv_trace_table_init(&table);
    struct nv_open_trace *trace = nv_trace_table_open(&table, id);
    oom_fail_nth(1);
    enum nv_err err = nv_open_trace_reserve(&table, trace, 5);
    oom_end();
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    ck_assert_int_eq(nv_open_trace_reserve(&table, trace, UINT32_MAX), NV_ERR_NO_MEMORY);
    nv_trace_table_close(&table, trace);
    nv_trace_table_release(&table);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace_table");
    TCase *tcase = tcase_create("trace_table");
    tcase_add_test(tcase, items_come_out_as_they_went_in);
    tcase_add_test(tcase, an_open_trace_of_eight_spans_is_small);
    tcase_add_test(tcase, places_are_ordered_by_request_then_item);
    tcase_add_test(tcase, without_memory_it_stays_as_it_was);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
