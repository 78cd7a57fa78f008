/*
 * The current spans of a thread: nesting, ends in any order and in other threads, depth.
 */
#include "expect.h"
#include "trace_kit.h"

#include "trace/current.h"
#include "trace/pool.h"

#include <stdlib.h>

#include "base/banned.h"

START_TEST(nests_and_forgets_what_has_ended)
{
    kit_trace_on(NULL);
    ck_assert_uint_eq(noveum_current().id, 0);
    noveum_span a = noveum_begin(NOVEUM_FUNCTION, "a"), b = noveum_begin(NOVEUM_FUNCTION, "b");
    noveum_span c = noveum_begin(NOVEUM_FUNCTION, "c");
    ck_assert_uint_eq(noveum_current().id, c.id);
    noveum_discard(b);
    ck_assert_uint_eq(noveum_current().id, c.id);
    noveum_discard(c);
    ck_assert_uint_eq(noveum_current().id, a.id);
    noveum_discard(a);
    ck_assert_uint_eq(noveum_current().id, 0);
}
END_TEST

static void *discard(void *ctx)
{
    noveum_discard(*(noveum_span *)ctx);
    ck_assert_uint_eq(noveum_current().id, 0);
    return NULL;
}

START_TEST(ends_in_another_thread)
{
    pthread_t thread;
    kit_trace_on(NULL);
    noveum_span a = noveum_begin(NOVEUM_FUNCTION, "a"), b = noveum_begin(NOVEUM_FUNCTION, "b");
    ck_assert_int_eq(pthread_create(&thread, NULL, discard, &b), 0);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(noveum_current().id, a.id);
    noveum_discard(a);
}
END_TEST

START_TEST(enter_and_leave)
{
    kit_trace_on(NULL);
    noveum_span a = noveum_begin_below(noveum_null(), NOVEUM_FUNCTION, "a");
    noveum_span b = noveum_begin_below(a, NOVEUM_FUNCTION, "b");
    ck_assert_uint_eq(noveum_current().id, 0);
    noveum_enter(a);
    noveum_enter(b);
    noveum_enter(noveum_null());
    ck_assert_uint_eq(noveum_current().id, b.id);
    noveum_leave(a); /* and b above it */
    ck_assert_uint_eq(noveum_current().id, 0);
    noveum_leave(b);
    noveum_leave(noveum_null());
    noveum_discard(a);
    noveum_discard(b);
}
END_TEST

START_TEST(depth)
{
    noveum_span spans[NV_TRACE_CURRENT_MAX + 2];
    kit_trace_on(NULL);
    for (int i = 0; i < NV_TRACE_CURRENT_MAX + 2; i++)
        spans[i] = noveum_begin(NOVEUM_FUNCTION, "deep");
    ck_assert_uint_eq(noveum_current().id, spans[NV_TRACE_CURRENT_MAX - 1].id);
    for (int i = NV_TRACE_CURRENT_MAX + 1; i >= 0; i--)
        noveum_discard(spans[i]);
    ck_assert_uint_eq(noveum_current().id, 0);
}
END_TEST

START_TEST(dropped_ones_come_out_even)
{
    noveum_span dropped = {NV_TRACE_DROPPED};
    nv_trace_current_push(dropped);
    nv_trace_current_push(dropped);
    nv_trace_current_remove(dropped, 0);
    ck_assert_uint_eq(nv_trace_current().id, NV_TRACE_DROPPED);
    noveum_end(dropped); /* off: it leaves the thread all the same */
    ck_assert_uint_eq(nv_trace_current().id, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("current");
    TCase *tcase = tcase_create("current");
    tcase_add_test(tcase, nests_and_forgets_what_has_ended);
    tcase_add_test(tcase, ends_in_another_thread);
    tcase_add_test(tcase, enter_and_leave);
    tcase_add_test(tcase, depth);
    tcase_add_test(tcase, dropped_ones_come_out_even);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
