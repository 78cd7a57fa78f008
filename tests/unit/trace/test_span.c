/*
 * Spans begin and end: parents, sampling, limits on open spans, times told afterwards, ends
 * that come twice.
 */
#include "expect.h"
#include "oom.h"
#include "trace_kit.h"

#include "trace/pool.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"

static noveum_context context_of(noveum_span span)
{
    noveum_context context;
    noveum_get_context(span, &context);
    return context;
}

static bool same_trace(noveum_span a, noveum_span b)
{
    noveum_context one = context_of(a), two = context_of(b);
    return memcmp(one.trace_id, two.trace_id, sizeof one.trace_id) == 0;
}

START_TEST(parents)
{
    kit_trace_on(NULL);
    noveum_span root = noveum_begin(NOVEUM_FUNCTION, "root");
    noveum_span child = noveum_begin(NOVEUM_FUNCTION, "child");
    noveum_span apart = noveum_begin_below(noveum_null(), NOVEUM_FUNCTION, "apart");
    noveum_span below = noveum_begin_below(root, NOVEUM_FUNCTION, "below");
    ck_assert(same_trace(root, child));
    ck_assert(same_trace(root, below));
    ck_assert(!same_trace(root, apart));
    ck_assert_uint_eq(noveum_current().id, child.id);
    noveum_discard(child);
    noveum_discard(root);
    noveum_span late = noveum_begin_below(root, NOVEUM_FUNCTION, "late");
    ck_assert_uint_eq(kit_counters().misuse, 1); /* the parent has ended */
    ck_assert_uint_ne(late.id, 0);
    ck_assert(!same_trace(late, below));
    noveum_span none = noveum_begin_remote(NULL, NOVEUM_FUNCTION, "root");
    ck_assert_uint_ne(none.id, 0);
}
END_TEST

START_TEST(traceparent_out_and_in)
{
    char text[NOVEUM_TRACEPARENT_SIZE];
    noveum_context context;
    kit_trace_on(NULL);
    noveum_span here = noveum_begin(NOVEUM_FUNCTION, "here");
    ck_assert_uint_eq(noveum_traceparent(here, text), 55);
    ck_assert_int_eq(noveum_parse_traceparent(text, NULL, &context), NOVEUM_OK);
    ck_assert_int_eq(context.sampled, 1);
    noveum_span there = noveum_begin_remote(&context, NOVEUM_FUNCTION, "there");
    ck_assert(same_trace(here, there));
}
END_TEST

START_TEST(what_is_not_sampled_carries_its_context_and_is_not_sent)
{
    noveum_options options = noveum_default_options();
    options.sampler = "always_off";
    kit_trace_on(&options);
    noveum_span span = noveum_begin(NOVEUM_LLM, NULL);
    noveum_span child = noveum_begin(NOVEUM_LLM, NULL);
    noveum_set_str(span, "k", "v");
    ck_assert(same_trace(span, child));
    ck_assert_int_eq(context_of(span).sampled, 0);
    noveum_end(child);
    noveum_end(span);
    noveum_counters counters = kit_counters();
    ck_assert_uint_eq(counters.started, 2);
    ck_assert_uint_eq(counters.dropped_unsampled, 2);
    ck_assert_uint_eq(counters.open + counters.queued + counters.misuse, 0);
}
END_TEST

static int sampled(const char *sampler, const char *parent)
{
    noveum_options options = noveum_default_options();
    noveum_context remote;
    options.sampler = sampler;
    kit_trace_on(&options);
    (void)noveum_parse_traceparent(parent, NULL, &remote);
    noveum_span span = noveum_begin_remote(&remote, NOVEUM_FUNCTION, "x");
    int is = context_of(span).sampled;
    noveum_discard(span);
    ck_assert_int_eq(noveum_shutdown(1000), NOVEUM_OK);
    return is;
}

START_TEST(samplers_and_remote_parents)
{
    const char *yes = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const char *no = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    ck_assert_int_eq(sampled(NULL, yes), 1);
    ck_assert_int_eq(sampled(NULL, no), 0);
    ck_assert_int_eq(sampled("always_on", no), 1);
    ck_assert_int_eq(sampled("always_off", yes), 0);
    ck_assert_int_eq(sampled("parentbased_always_off", yes), 1);
    ck_assert_int_eq(sampled("parentbased_always_off", NULL), 0);
    /* a3ce929d0e0e4736 is 0.64 of the range */
    ck_assert_int_eq(sampled("traceidratio=0.63", yes), 0);
    ck_assert_int_eq(sampled("traceidratio=0.65", no), 1);
}
END_TEST

START_TEST(past_the_limit_a_span_and_all_below_it_are_dropped)
{
    noveum_options options = noveum_default_options();
    options.open_spans = 2;
    kit_trace_on(&options);
    noveum_span a = noveum_begin(NOVEUM_FUNCTION, "a"), b = noveum_begin(NOVEUM_FUNCTION, "b");
    noveum_span c = noveum_begin(NOVEUM_FUNCTION, "c");
    noveum_discard(b);
    noveum_span d = noveum_begin(NOVEUM_FUNCTION, "d"); /* room again, but below c */
    ck_assert_uint_eq(c.id, d.id);
    ck_assert_uint_eq(kit_counters().dropped_full, 2);
    noveum_end(d);
    noveum_end(c);
    noveum_span e = noveum_begin(NOVEUM_FUNCTION, "e");
    ck_assert_uint_ne(e.id, c.id);
    ck_assert(same_trace(a, e));
    ck_assert_uint_eq(kit_counters().open, 2);
}
END_TEST

START_TEST(times)
{
    noveum_options options = noveum_default_options();
    struct kit_receiver receiver;
    struct timespec now;
    kit_receiver_start(&receiver);
    options.endpoint = receiver.url;
    kit_trace_on(&options);
    noveum_record(noveum_null(), NOVEUM_FUNCTION, "told", 1000, 3000);
    noveum_record(noveum_null(), NOVEUM_FUNCTION, "backwards", 3000, 1000);
    noveum_end(noveum_begin(NOVEUM_FUNCTION, "now"));
    noveum_end_at(noveum_begin(NOVEUM_FUNCTION, "early"), 5);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    json_t *spans = kit_receiver_spans(&receiver);
    const json_t *told = kit_named(spans, "told"), *back = kit_named(spans, "backwards");
    ck_assert_str_eq(json_string_value(json_object_get(told, "startTimeUnixNano")), "1000");
    ck_assert_str_eq(json_string_value(json_object_get(told, "endTimeUnixNano")), "3000");
    ck_assert_str_eq(json_string_value(json_object_get(back, "endTimeUnixNano")), "3000");
    ck_assert_uint_eq(kit_counters().values_repaired, 2);
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    uint64_t mono = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    int64_t apart = (int64_t)(noveum_from_monotonic(mono) - noveum_now());
    ck_assert_int_lt(llabs(apart), 1000000000);
    json_decref(spans);
    ck_assert_int_eq(noveum_shutdown(5000), NOVEUM_OK);
    kit_receiver_stop(&receiver);
}
END_TEST

/* The program's clock_gettime is the library's: the wall clock goes back by an hour. */
static _Atomic int64_t stepped_s;

int clock_gettime(clockid_t clock, struct timespec *time)
{
    long failed = syscall(SYS_clock_gettime, clock, time);
    if (failed == 0 && clock == CLOCK_REALTIME)
        time->tv_sec -= stepped_s;
    return (int)failed;
}

START_TEST(a_clock_that_steps_back)
{
    noveum_options options = noveum_default_options();
    struct kit_receiver receiver;
    kit_receiver_start(&receiver);
    options.endpoint = receiver.url;
    kit_trace_on(&options);
    uint64_t before = noveum_now();
    noveum_span span = noveum_begin(NOVEUM_LLM, "stepped");
    stepped_s = 3600;
    ck_assert_uint_lt(noveum_now(), before);
    noveum_chunk(span, 1);
    noveum_chunk(span, 1);
    noveum_end(span);
    noveum_span told = noveum_begin_at(noveum_null(), NOVEUM_LLM, "told", before);
    noveum_end(told); /* now, which is before its start */
    stepped_s = 0;
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    json_t *spans = kit_receiver_spans(&receiver);
    const json_t *one = kit_named(spans, "stepped"), *other = kit_named(spans, "told");
    int64_t start =
        strtoll(json_string_value(json_object_get(one, "startTimeUnixNano")), NULL, 10);
    int64_t end = strtoll(json_string_value(json_object_get(one, "endTimeUnixNano")), NULL, 10);
    ck_assert_int_ge(end, start);
    ck_assert_int_lt(end - start, INT64_C(60000000000)); /* what it took, and no hour */
    ck_assert(kit_number(one, "gen_ai.response.time_to_first_chunk") >= 0);
    ck_assert_str_eq(json_string_value(json_object_get(other, "endTimeUnixNano")),
                     json_string_value(json_object_get(other, "startTimeUnixNano")));
    ck_assert_uint_eq(kit_counters().values_repaired, 1);
    json_decref(spans);
    ck_assert_int_eq(noveum_shutdown(5000), NOVEUM_OK);
    kit_receiver_stop(&receiver);
}
END_TEST

static void *end_it(void *handle)
{
    noveum_end(*(noveum_span *)handle);
    return NULL;
}

/* Ended by another thread it is nobody's current span any more, and the second end a
 * mistake. */
START_TEST(ends_in_another_thread)
{
    pthread_t thread;
    kit_trace_on(NULL);
    noveum_span outer = noveum_begin(NOVEUM_FUNCTION, "outer");
    noveum_span span = noveum_begin(NOVEUM_FUNCTION, "inner");
    ck_assert_int_eq(pthread_create(&thread, NULL, end_it, &span), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(kit_counters().open, 1);
    noveum_set_int(span, "late", 1);
    noveum_end(span);
    ck_assert_uint_eq(kit_counters().misuse, 2);
    noveum_span after = noveum_begin(NOVEUM_FUNCTION, "after");
    ck_assert(same_trace(outer, after));
    (void)noveum_shutdown(0);
}
END_TEST

START_TEST(ends_once)
{
    kit_trace_on(NULL);
    noveum_span span = noveum_begin(NOVEUM_FUNCTION, "once");
    noveum_end(span);
    noveum_end(span);
    noveum_set_int(span, "late", 1);
    noveum_counters counters = kit_counters();
    ck_assert_uint_eq(counters.misuse, 2);
    ck_assert_uint_eq(counters.queued, 1);
    ck_assert_uint_eq(counters.open, 0);
    (void)noveum_shutdown(0);
}
END_TEST

START_TEST(without_memory)
{
    kit_trace_on(NULL);
    oom_fail_from(1);
    noveum_span span = noveum_begin(NOVEUM_LLM, NULL);
    noveum_set_str(span, "k", "v");
    noveum_end(span);
    ck_assert(oom_end());
    noveum_counters counters = kit_counters();
    ck_assert_uint_eq(counters.dropped_memory, 1);
    ck_assert_uint_eq(counters.open, 0);
}
END_TEST

START_TEST(after_warming_up_nothing_is_allocated)
{
    noveum_options options = noveum_default_options();
    options.before_send = NULL;
    kit_trace_on(&options);
    for (int i = 0; i < 3; i++) {
        oom_count_only();
        noveum_span span = noveum_begin(NOVEUM_LLM, NULL);
        noveum_llm(span, "openai", "gpt-4o-mini");
        for (int j = 0; j < 8; j++) {
            char key[] = {'k', (char)('0' + j), '\0'};
            noveum_set_str(span, key, "a value of usual length");
        }
        noveum_chunk(span, 1);
        noveum_discard(span);
        ck_assert(i == 0 || oom_count() == 0);
        (void)oom_end();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("span");
    TCase *tcase = tcase_create("span");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, parents);
    tcase_add_test(tcase, traceparent_out_and_in);
    tcase_add_test(tcase, what_is_not_sampled_carries_its_context_and_is_not_sent);
    tcase_add_test(tcase, samplers_and_remote_parents);
    tcase_add_test(tcase, past_the_limit_a_span_and_all_below_it_are_dropped);
    tcase_add_test(tcase, times);
    tcase_set_timeout(tcase, 100);
    tcase_add_test(tcase, a_clock_that_steps_back);
    tcase_add_test(tcase, ends_in_another_thread);
    tcase_add_test(tcase, ends_once);
    tcase_add_test(tcase, without_memory);
    tcase_add_test(tcase, after_warming_up_nothing_is_allocated);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
