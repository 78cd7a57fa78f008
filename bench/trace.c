/*
 * What a span of libnoveum-trace costs the program that is traced.
 *
 *   bench-trace [rounds]
 *
 * A span is begun, told ten attributes (six texts, three numbers, a boolean) and ended. Rounds
 * of 10,000 spans, which fit into the queue; what waits is drained between them and not timed.
 * The sending thread asks before_send, which says no: nothing is encoded or sent, which is
 * another thread's work. Printed: ns a span of the thread's own CPU time and of wall time,
 * spans a second with one and two threads, allocations of the last round, and a call while off.
 */
#include "noveum/trace.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

#define SPANS 10000u
#define OFF_CALLS 10000000u

static atomic_ulong allocations;

/* The program's malloc counts: the library's calls come here as well. */
extern void *__libc_malloc(size_t size);
extern void *__libc_realloc(void *block, size_t size);
void *malloc(size_t size);
void *realloc(void *block, size_t size);

void *malloc(size_t size)
{
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_malloc(size);
}

void *realloc(void *block, size_t size)
{
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_realloc(block, size);
}

static double seconds(clockid_t clock)
{
    struct timespec time;
    (void)clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int refuse(void *user, const noveum_context *context, noveum_kind kind, const char *name)
{
    (void)user;
    (void)context;
    (void)kind;
    (void)name;
    return 0;
}

static void one_span(unsigned i)
{
    noveum_span span = noveum_begin(NOVEUM_LLM, NULL);
    noveum_llm(span, "openai", "gpt-4o-mini");
    noveum_llm_response(span, "chatcmpl-123", "gpt-4o-mini-2024-07-18", NULL);
    noveum_llm_usage(span, i, 9);
    noveum_set_str(span, "session.id", "conversation-7");
    noveum_set_str(span, "user.id", "u-1");
    noveum_set_double(span, NOVEUM_TEMPERATURE, 0.2);
    noveum_set_bool(span, NOVEUM_STREAM, 1);
    noveum_end(span);
}

struct round {
    double cpu, wall;
};

static void *spans(void *into)
{
    struct round *round = into;
    double cpu = seconds(CLOCK_THREAD_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < SPANS; i++)
        one_span(i);
    round->cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    round->wall = seconds(CLOCK_MONOTONIC) - wall;
    return NULL;
}

/* The best of several rounds, which is the one that was disturbed least. */
static void measure(unsigned threads, unsigned rounds)
{
    struct round best = {1e9, 1e9};
    unsigned long allocated = 0;
    for (unsigned i = 0; i < rounds; i++) {
        struct round now[2];
        pthread_t thread[2];
        unsigned long before = atomic_load(&allocations);
        if (threads == 1)
            (void)spans(&now[0]);
        for (unsigned t = 0; threads == 2 && t < 2; t++) {
            if (pthread_create(&thread[t], NULL, spans, &now[t]) != 0)
                exit(1);
        }
        for (unsigned t = 0; threads == 2 && t < 2; t++)
            (void)pthread_join(thread[t], NULL);
        allocated = atomic_load(&allocations) - before;
        (void)noveum_flush(10000);
        best.cpu = now[0].cpu < best.cpu ? now[0].cpu : best.cpu;
        double wall = threads == 2 && now[1].wall > now[0].wall ? now[1].wall : now[0].wall;
        best.wall = wall < best.wall ? wall : best.wall;
    }
    printf("threads=%u cpu_ns_per_span=%.0f wall_ns_per_span=%.0f spans_per_s=%.0f "
           "allocations_of_last_round=%lu\n",
           threads, best.cpu * 1e9 / SPANS, best.wall * 1e9 / SPANS,
           SPANS * threads / best.wall, allocated);
}

static void measure_off(void)
{
    double began = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < OFF_CALLS; i++)
        noveum_set_int(noveum_begin_below(noveum_null(), NOVEUM_LLM, NULL), "a", i);
    double took = seconds(CLOCK_THREAD_CPUTIME_ID) - began;
    printf("off cpu_ns_per_call=%.1f\n", took * 1e9 / (2.0 * OFF_CALLS));
}

int main(int argc, char **argv)
{
    noveum_options options = noveum_default_options();
    noveum_counters counters = {.size = sizeof counters};
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 50;
    measure_off();
    options.endpoint = "http://127.0.0.1:9";
    options.queue_spans = 65536;
    options.delay_ms = 3600000; /* the sending thread sleeps while spans are timed */
    options.batch_spans = 65536;
    options.before_send = refuse;
    if (noveum_start(&options) != NOVEUM_OK)
        return 1;
    measure(1, rounds);
    measure(2, rounds);
    noveum_get_counters(&counters);
    printf("dropped_full=%llu\n", (unsigned long long)counters.dropped_full);
    return counters.dropped_full > 0;
}
