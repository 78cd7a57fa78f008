/*
 * The index of a batch: how often it asks, what it gives back, who is asked for room.
 */
#include "otlp/request/batch_index.h"

#include "expect.h"
#include "oom.h"

#include <stdlib.h>

#include "base/banned.h"

#define SPAN_BYTES 900u

static struct nv_batch batch;
static struct nv_batch_index batch_index;
static struct nv_fail fail;

/* A body that holds `spans` of SPAN_BYTES; none of its bytes are looked at. */
static void set_up_for(uint32_t spans)
{
    batch = (struct nv_batch){.body_len = (size_t)spans * SPAN_BYTES};
    batch_index = (struct nv_batch_index){.batch = &batch, .items_max = 100000};
    fail = (struct nv_fail){0};
}

static enum nv_err add(uint32_t length)
{
    const struct nv_item item = {.offset = 0, .length = length, .flags = batch.item_count};
    return nv_batch_index_add(&batch_index, &item, &fail);
}

/* Allocations for `spans`, the first of `first_bytes`. */
static unsigned long asked_for(uint32_t spans, uint32_t first_bytes)
{
    set_up_for(spans);
    enum nv_err err = NV_OK;
    oom_count_only();
    for (uint32_t i = 0; err == NV_OK && i < spans; i++)
        err = add(i == 0 ? first_bytes : SPAN_BYTES);
    nv_batch_index_trim(&batch_index);
    const unsigned long asked = oom_count();
    (void)oom_end();
    ck_assert_int_eq(err, NV_OK);
    ck_assert_uint_eq(batch.item_count, spans);
    for (uint32_t i = 0; i < spans; i++)
        ck_assert_uint_eq(batch.items[i].flags, i);
    nv_batch_drop_index(&batch);
    return asked;
}

START_TEST(spans_of_one_size_ask_once)
{
    for (uint32_t spans = 1; spans < 900; spans += spans < 40 ? 1 : 37)
        ck_assert_uint_eq(asked_for(spans, SPAN_BYTES), 1);
}
END_TEST

START_TEST(a_large_first_doubles)
{
    /* from NV_BATCH_INDEX_FIRST: 16, 32, 64, 128; what is too much is given back */
    ck_assert_uint_eq(asked_for(128, 128 * SPAN_BYTES), 4);
    ck_assert_uint_eq(asked_for(65, 65 * SPAN_BYTES), 5);
}
END_TEST

START_TEST(a_small_first_takes_no_more_than_is_free)
{
    size_t most = 0;
    set_up_for(1u << 20);
    ck_assert_int_eq(add(1), NV_OK);
    most = (size_t)batch_index.item_capacity * sizeof *batch.items;
    ck_assert_uint_le(most, 65536);
    ck_assert_uint_gt(most, 60000);
    nv_batch_index_trim(&batch_index);
    ck_assert_uint_eq(batch.item_count, 1);
    nv_batch_drop_index(&batch);
}
END_TEST

START_TEST(items_to_the_last_that_is_allowed)
{
    set_up_for(3);
    batch_index.items_max = 2;
    ck_assert_int_eq(add(SPAN_BYTES), NV_OK);
    ck_assert_int_eq(add(SPAN_BYTES), NV_OK);
    ck_assert_int_eq(add(SPAN_BYTES), NV_ERR_TOO_LARGE);
    ck_assert_int_eq(fail.code, NV_ERR_TOO_LARGE);
    ck_assert_uint_eq(batch.item_count, 2);
    nv_batch_drop_index(&batch);
}
END_TEST

/* Allocations for `spans` of `span_bytes`, in a batch as a request makes it. */
static unsigned long asked_inside(uint32_t spans, uint32_t span_bytes)
{
    const size_t len = (size_t)spans * span_bytes;
    struct nv_batch *own = nv_batch_new(NV_SIGNAL_TRACES, nv_batch_index_inside(len));
    own->body_len = len;
    struct nv_batch_index index = {.batch = own, .items_max = 100000};
    enum nv_err err = NV_OK;
    oom_count_only();
    for (uint32_t i = 0; err == NV_OK && i < spans; i++) {
        const struct nv_item item = {
            .offset = i * span_bytes, .length = span_bytes, .flags = i};
        err = nv_batch_index_add(&index, &item, &fail);
    }
    nv_batch_index_trim(&index);
    const unsigned long asked = oom_count();
    (void)oom_end();
    ck_assert_int_eq(err, NV_OK);
    ck_assert_uint_eq(own->item_count, spans);
    for (uint32_t i = 0; i < spans; i++)
        ck_assert_uint_eq(own->items[i].flags, i);
    nv_batch_free(own);
    return asked;
}

START_TEST(ordinary_spans_lie_inside_of_the_batch)
{
    for (uint32_t spans = 1; spans <= 1024; spans += spans < 40 ? 1 : 41)
        ck_assert_uint_eq(asked_inside(spans, 160), 0);
    ck_assert_uint_eq(asked_inside(1024, 900), 0);
    /* more than fit, or than were thought of: they move out once, with room for the rest */
    ck_assert_uint_eq(asked_inside(1025, 900), 1);
    ck_assert_uint_eq(asked_inside(1000, 80), 1);
    ck_assert_uint_eq(asked_inside(5, 30), 1);
}
END_TEST

START_TEST(the_room_inside_has_a_cap)
{
    const size_t most = 65536 / sizeof(struct nv_item);
    ck_assert_uint_eq(nv_batch_index_inside(0), 1);
    ck_assert_uint_eq(nv_batch_index_inside((most - 1) * 160), most);
    ck_assert_uint_eq(nv_batch_index_inside(most * 160), most);
    ck_assert_uint_eq(nv_batch_index_inside(SIZE_MAX), most);
}
END_TEST

START_TEST(what_moves_out_and_finds_no_memory_stays)
{
    struct nv_batch *own = nv_batch_new(NV_SIGNAL_TRACES, 2);
    own->body_len = 3 * (size_t)SPAN_BYTES;
    struct nv_batch_index index = {.batch = own, .items_max = 10};
    const struct nv_item item = {.length = SPAN_BYTES};
    ck_assert_int_eq(nv_batch_index_add(&index, &item, &fail), NV_OK);
    ck_assert_int_eq(nv_batch_index_add(&index, &item, &fail), NV_OK);
    oom_fail_nth(1);
    enum nv_err err = nv_batch_index_add(&index, &item, &fail);
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    ck_assert_uint_eq(own->item_count, 2);
    ck_assert_int_eq(nv_batch_index_add(&index, &item, &fail), NV_OK);
    ck_assert_uint_eq(own->item_count, 3);
    nv_batch_free(own);
}
END_TEST

static enum nv_err take(void *ctx, size_t bytes)
{
    size_t *left = ctx;
    if (bytes > *left)
        return NV_ERR_FULL;
    *left -= bytes;
    return NV_OK;
}

START_TEST(what_is_large_is_asked_for)
{
    size_t left = 1;
    const struct nv_room room = {.max = SIZE_MAX, .take = take, .ctx = &left};
    enum nv_err err = NV_OK;
    set_up_for(1);
    batch_index.room = &room;
    while (err == NV_OK)
        err = add(SPAN_BYTES);
    ck_assert_int_eq(err, NV_ERR_BUSY);
    ck_assert_uint_eq(left, 1);
    /* what there is belongs to the batch all the same */
    ck_assert_uint_eq((size_t)batch.item_count * sizeof *batch.items, 65536);
    nv_batch_drop_index(&batch);
}
END_TEST

START_TEST(groups_move_out_with_the_second)
{
    set_up_for(1);
    for (uint32_t i = 0; i < 40; i++) {
        ck_assert_int_eq(nv_batch_index_open_group(&batch_index), NV_OK);
        ck_assert_int_eq(nv_batch_index_open_group(&batch_index), NV_OK); /* it is open */
        ck_assert_uint_eq(batch.group_count, i + 1);
        ck_assert_int_eq(batch.groups == &batch.first_group, i == 0);
        ck_assert_ptr_null(batch.groups[i].scope.ptr);
        batch.groups[i].scope = nv_str_from(i % 2 ? "odd" : "even");
        batch_index.group_open = false;
    }
    nv_batch_index_trim(&batch_index);
    for (uint32_t i = 0; i < 40; i++)
        ck_assert_nv_str(batch.groups[i].scope, i % 2 ? "odd" : "even");
    nv_batch_drop_index(&batch);
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        set_up_for(1);
        enum nv_err err = NV_OK;
        oom_fail_nth(n);
        for (uint32_t i = 0; err == NV_OK && i < 65; i++) {
            err = nv_batch_index_open_group(&batch_index);
            batch_index.group_open = false;
            if (err == NV_OK)
                err = add(SPAN_BYTES);
        }
        if (err == NV_OK)
            nv_batch_index_trim(&batch_index); /* without memory all stays as it is */
        failed = oom_end();
        ck_assert(err == NV_OK || (failed && err == NV_ERR_NO_MEMORY));
        ck_assert_uint_eq(batch.item_count, err == NV_OK ? 65 : batch.item_count);
        nv_batch_drop_index(&batch);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/batch_index");
    TCase *tc = tcase_create("batch_index");
    tcase_add_test(tc, spans_of_one_size_ask_once);
    tcase_add_test(tc, a_large_first_doubles);
    tcase_add_test(tc, a_small_first_takes_no_more_than_is_free);
    tcase_add_test(tc, items_to_the_last_that_is_allowed);
    tcase_add_test(tc, what_is_large_is_asked_for);
    tcase_add_test(tc, ordinary_spans_lie_inside_of_the_batch);
    tcase_add_test(tc, the_room_inside_has_a_cap);
    tcase_add_test(tc, what_moves_out_and_finds_no_memory_stays);
    tcase_add_test(tc, groups_move_out_with_the_second);
    tcase_add_test(tc, every_allocation_failing_once);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
