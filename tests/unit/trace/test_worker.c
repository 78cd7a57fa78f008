/*
 * The sending thread: batches, retries, rejection, a full queue, flush and its time, and what
 * many threads end arrives, each once.
 */
#include "expect.h"
#include "trace_kit.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define THREADS 4
#define EACH 500

static struct kit_receiver receiver;

static void setup(void)
{
    kit_receiver_start(&receiver);
}

static void teardown(void)
{
    (void)noveum_shutdown(1000);
    kit_receiver_stop(&receiver);
}

static void on(const noveum_options *options)
{
    ck_assert_int_eq(noveum_start(options), NOVEUM_OK);
}

static void end_some(int count)
{
    for (int i = 0; i < count; i++)
        noveum_end(noveum_begin(NOVEUM_FUNCTION, "s"));
}

START_TEST(batches)
{
    noveum_options options = kit_options(&receiver);
    options.batch_spans = 3;
    options.delay_ms = 3600000; /* only a full batch or a flush sends */
    on(&options);
    end_some(3);
    ck_assert(kit_receiver_wait(&receiver, 1));
    end_some(7);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    ck_assert_uint_eq(kit_counters().exported, 10);
    ck_assert_int_ge(receiver.count, 4);
    ck_assert_int_eq(noveum_flush(0), NOVEUM_OK);
    ck_assert(noveum_healthy());
    (void)kit_balanced();
}
END_TEST

START_TEST(a_span_alone_waits_for_the_delay_only)
{
    noveum_options options = kit_options(&receiver);
    on(&options);
    end_some(1);
    ck_assert(kit_receiver_wait(&receiver, 1));
    end_some(1);
    ck_assert(kit_receiver_wait(&receiver, 2));
}
END_TEST

/* A flush hurries once: spans after it wait for others again. */
START_TEST(batches_again_after_a_flush)
{
    noveum_options options = kit_options(&receiver);
    options.delay_ms = 3600000;
    options.batch_spans = 8;
    on(&options);
    end_some(1);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    int before = receiver.count;
    end_some(8);
    ck_assert(kit_receiver_wait(&receiver, before + 1));
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    ck_assert_int_eq(receiver.count, before + 1);
}
END_TEST

START_TEST(retries_what_may_be_retried)
{
    noveum_options options = kit_options(&receiver);
    kit_receiver_plan(&receiver, (struct kit_answer){.status = 0});
    kit_receiver_plan(&receiver, (struct kit_answer){.status = 503});
    options.delay_ms = 3600000; /* one request, at the flush */
    on(&options);
    end_some(2);
    ck_assert_int_eq(noveum_flush(20000), NOVEUM_OK);
    ck_assert_int_eq(receiver.count, 3);
    noveum_counters counters = kit_counters();
    ck_assert_uint_eq(counters.exported, 2);
    ck_assert_uint_eq(counters.retries, 2);
    ck_assert_uint_eq(counters.requests, 1);
    ck_assert_uint_eq(counters.failures_in_a_row, 0);
    (void)kit_balanced();
}
END_TEST

START_TEST(gives_up_what_may_not)
{
    char text[256];
    noveum_options options = kit_options(&receiver);
    kit_receiver_plan(&receiver, (struct kit_answer){.status = 401});
    options.delay_ms = 3600000; /* one request, at the flush */
    on(&options);
    end_some(2);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    noveum_counters counters = kit_counters();
    ck_assert_uint_eq(counters.dropped_failed, 2);
    ck_assert_uint_eq(counters.last_status, 401);
    ck_assert(!noveum_healthy());
    ck_assert_uint_gt(noveum_last_error(text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "401"));
    (void)kit_balanced();
}
END_TEST

START_TEST(counts_what_is_rejected)
{
    noveum_options options = kit_options(&receiver);
    kit_receiver_plan(&receiver, (struct kit_answer){.status = 200,
                                                     .body = "\x0a\x07\x08\x01\x12\x03old",
                                                     .body_len = 9});
    options.delay_ms = 3600000; /* one request, at the flush */
    on(&options);
    end_some(3);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    noveum_counters counters = kit_counters();
    ck_assert_uint_eq(counters.dropped_rejected, 1);
    ck_assert_uint_eq(counters.exported, 2);
    (void)kit_balanced();
}
END_TEST

START_TEST(a_receiver_that_hangs_blocks_nobody)
{
    noveum_options options = kit_options(&receiver);
    options.queue_spans = 10;
    kit_receiver_plan(&receiver, (struct kit_answer){.status = 1});
    on(&options);
    end_some(1);
    ck_assert(kit_receiver_wait(&receiver, 1));
    end_some(100);
    noveum_counters counters = kit_counters();
    ck_assert_uint_eq(counters.queued, 10);
    ck_assert_uint_eq(counters.dropped_full, 91);
    ck_assert_int_eq(noveum_flush(20), NOVEUM_TIMEOUT);
    uint64_t before = nv_clock_mono_ns(nv_clock_system());
    ck_assert_int_eq(noveum_shutdown(100), NOVEUM_TIMEOUT);
    ck_assert_uint_lt(nv_clock_mono_ns(nv_clock_system()) - before, 5 * NV_NS_PER_S);
    ck_assert_uint_eq(kit_counters().dropped_stopped, 10);
    (void)kit_balanced();
}
END_TEST

static int only_llm(void *user, const noveum_context *context, noveum_kind kind,
                    const char *name)
{
    ck_assert_ptr_eq(user, &receiver);
    ck_assert_int_eq(context->sampled, 1);
    return kind == NOVEUM_LLM && strcmp(name, "chat m") == 0;
}

START_TEST(before_send_may_drop)
{
    noveum_options options = kit_options(&receiver);
    options.before_send = only_llm;
    options.user = &receiver;
    on(&options);
    end_some(2);
    noveum_span span = noveum_begin(NOVEUM_LLM, NULL);
    noveum_llm(span, NULL, "m");
    noveum_end(span);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    ck_assert_uint_eq(kit_counters().dropped_by_caller, 2);
    ck_assert_uint_eq(kit_counters().exported, 1);
    (void)kit_balanced();
}
END_TEST

static void *produce(void *ctx)
{
    noveum_span root = *(noveum_span *)ctx;
    for (int i = 0; i < EACH; i++) {
        noveum_span span = noveum_begin_below(root, NOVEUM_LLM, "work");
        noveum_set_int(span, "i", i);
        noveum_set_int(root, "shared", i);
        noveum_end(span);
    }
    return NULL;
}

START_TEST(many_threads_each_span_once)
{
    noveum_options options = kit_options(&receiver);
    pthread_t threads[THREADS];
    options.queue_spans = 2 * THREADS * EACH;
    on(&options);
    noveum_span root = noveum_begin(NOVEUM_FUNCTION, "root");
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, produce, &root), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    noveum_end(root);
    ck_assert_int_eq(noveum_flush(30000), NOVEUM_OK);
    ck_assert_uint_eq(kit_counters().exported, THREADS * EACH + 1);
    json_t *spans = kit_receiver_spans(&receiver);
    json_t *seen = json_object();
    size_t i;
    json_t *span;
    ck_assert_uint_eq(json_array_size(spans), THREADS * EACH + 1);
    json_array_foreach(spans, i, span)
        json_object_set(seen, json_string_value(json_object_get(span, "spanId")), span);
    ck_assert_uint_eq(json_object_size(seen), THREADS * EACH + 1);
    json_decref(seen);
    json_decref(spans);
}
END_TEST

START_TEST(without_memory)
{
    noveum_options options = kit_options(&receiver);
    nv_test_oom_send(&options);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker");
    TCase *tcase = tcase_create("worker");
    tcase_set_timeout(tcase, 100);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, batches);
    tcase_add_test(tcase, a_span_alone_waits_for_the_delay_only);
    tcase_add_test(tcase, batches_again_after_a_flush);
    tcase_add_test(tcase, retries_what_may_be_retried);
    tcase_add_test(tcase, gives_up_what_may_not);
    tcase_add_test(tcase, counts_what_is_rejected);
    tcase_add_test(tcase, a_receiver_that_hangs_blocks_nobody);
    tcase_add_test(tcase, before_send_may_drop);
    tcase_add_test(tcase, many_threads_each_span_once);
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
