/*
 * Lists of finished traces: their order, taking out of the middle, sums; and no memory.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/embed/ready.h"
#include "model/trace.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_ready_list list;

static struct nv_trace *trace_of(uint32_t spans)
{
    struct nv_arena *arena = nv_arena_new(1u << 20);
    struct nv_trace *trace = arena ? nv_arena_alloc(arena, sizeof *trace) : NULL;
    ck_assert_ptr_nonnull(trace);
    trace->arena = arena;
    trace->name = NV_STR("t");
    trace->spans = nv_arena_array(arena, spans + 1, sizeof *trace->spans);
    ck_assert_ptr_nonnull(trace->spans);
    trace->span_count = spans;
    return trace;
}

static void push(uint64_t id, uint32_t spans)
{
    struct nv_trace *trace = trace_of(spans);
    struct nv_ready *ready = nv_ready_new(trace, NV_TRACE_ID_HEX, 1u << 20, id);
    ck_assert_ptr_nonnull(ready);
    nv_arena_free(trace->arena);
    nv_ready_push(&list, ready);
}

static void take(uint64_t asked, uint64_t want)
{
    struct nv_ready *ready = nv_ready_take(&list, asked);
    ck_assert_ptr_nonnull(ready);
    ck_assert_uint_eq(ready->id, want);
    ck_assert_ptr_null(nv_ready_give_claim(ready)); /* none of them had a claim */
}

START_TEST(in_order_and_out_of_the_middle)
{
    for (uint32_t id = 1; id <= 4; id++)
        push(id, 0);
    ck_assert_ptr_null(nv_ready_take(&list, 5));
    take(2, 2);
    take(4, 4); /* the last: what is pushed next goes behind the third */
    push(6, 0);
    take(0, 1);
    take(0, 3);
    take(0, 6);
    ck_assert_ptr_null(nv_ready_take(&list, 0));
    ck_assert_ptr_null(list.last);
    push(7, 0);
    take(7, 7);
}
END_TEST

START_TEST(sums_follow)
{
    push(1, 2);
    uint64_t one = list.bytes;
    push(2, 3);
    ck_assert_uint_eq(list.spans, 5);
    ck_assert_uint_gt(list.bytes, one);
    take(2, 2);
    ck_assert_uint_eq(list.spans, 2);
    ck_assert_uint_eq(list.bytes, one);
    take(1, 1);
    ck_assert_uint_eq(list.bytes, 0);
}
END_TEST

/* The trace is as it was, whichever of them failed. */
START_TEST(every_allocation_failing_once)
{
    struct nv_trace *trace = trace_of(1);
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        struct nv_ready *ready = nv_ready_new(trace, NV_TRACE_ID_HEX, 1u << 20, 1);
        bool failed = oom_end();
        ck_assert(ready || failed);
        if (ready) { /* the last one may fail: a block that is not made smaller is no loss */
            (void)nv_ready_give_claim(ready);
            ck_assert_uint_gt(n, 2);
            break;
        }
        ck_assert_uint_eq(trace->span_count, 1);
    }
    nv_arena_free(trace->arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/embed/ready");
    TCase *tcase = tcase_create("ready");
    tcase_add_test(tcase, in_order_and_out_of_the_middle);
    tcase_add_test(tcase, sums_follow);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
