/*
 * The pool: handles that are old, made up or of another use find nothing; slots are used again
 * with their buffers; limits of memory; many threads; the child of a fork.
 */
#include "expect.h"
#include "oom.h"
#include "trace_kit.h"

#include "trace/pool.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

#define THREADS 4

static struct nv_trace_config config = {.span_bytes_max = 10000, .memory_max = 30000};

static struct nv_trace_span *taken(void)
{
    struct nv_trace_span *span = nv_trace_span_take();
    ck_assert_ptr_nonnull(span);
    span->config = &config;
    return span;
}

static void end(noveum_span handle)
{
    struct nv_trace_span *span = nv_trace_span_lock(handle);
    ck_assert_ptr_nonnull(span);
    span->state = NV_TRACE_SPAN_ENDED;
    nv_trace_span_unlock(span);
    nv_trace_span_give(span);
}

START_TEST(handles)
{
    noveum_span made_up[] = {{0}, {1}, {UINT64_MAX}, {UINT64_C(7) << 32}, {UINT32_MAX}};
    for (size_t i = 0; i < sizeof made_up / sizeof made_up[0]; i++)
        ck_assert_ptr_null(nv_trace_span_lock(made_up[i]));
    noveum_span first = nv_trace_span_open(taken());
    struct nv_trace_span *span = nv_trace_span_lock(first);
    ck_assert_ptr_nonnull(span);
    ck_assert_uint_eq(nv_trace_span_handle(span).id, first.id);
    nv_trace_span_unlock(span);
    for (size_t i = 0; i < sizeof made_up / sizeof made_up[0]; i++)
        ck_assert_ptr_null(nv_trace_span_lock(made_up[i]));
    end(first);
    ck_assert_ptr_null(nv_trace_span_lock(first));
    noveum_span second = nv_trace_span_open(taken());
    ck_assert_uint_eq((uint32_t)second.id, (uint32_t)first.id); /* the same slot, another use */
    ck_assert_ptr_null(nv_trace_span_lock(first));
    end(second);
}
END_TEST

START_TEST(buffers_are_kept_up_to_a_size)
{
    struct nv_trace_span *span = taken();
    ck_assert(nv_trace_span_room(span, &span->attributes, 100));
    ck_assert(nv_trace_span_room(span, &span->rest, 5000));
    ck_assert_uint_eq(nv_trace_span_memory(), span->attributes.capacity + span->rest.capacity);
    span->attributes.len = 50;
    span->has_parent = true;
    nv_trace_span_give(span);
    ck_assert_uint_eq(nv_trace_span_memory(), span->attributes.capacity);
    struct nv_trace_span *again = taken();
    ck_assert_ptr_eq(again, span);
    ck_assert_uint_eq(span->attributes.len, 0);
    ck_assert_ptr_nonnull(span->attributes.bytes);
    ck_assert_ptr_null(span->rest.bytes);
    ck_assert(!span->has_parent);
    nv_trace_span_give(span);
}
END_TEST

START_TEST(limits)
{
    struct nv_trace_span *span[4];
    for (int i = 0; i < 4; i++)
        span[i] = taken();
    ck_assert(!nv_trace_span_room(span[0], &span[0]->attributes, 10001));
    ck_assert(!nv_trace_span_room(span[0], &span[0]->attributes, SIZE_MAX));
    for (int i = 0; i < 3; i++)
        ck_assert(nv_trace_span_room(span[i], &span[i]->attributes, 10000));
    ck_assert(!nv_trace_span_room(span[0], &span[0]->rest, 1));
    ck_assert(!nv_trace_span_room(span[3], &span[3]->rest, 1));
    nv_trace_span_give(span[0]);
    ck_assert(nv_trace_span_room(span[3], &span[3]->rest, 10000));
    for (int i = 1; i < 4; i++)
        nv_trace_span_give(span[i]);
    ck_assert_uint_eq(nv_trace_span_memory(), 0);
}
END_TEST

START_TEST(without_memory)
{
    oom_fail_nth(1);
    struct nv_trace_span *none = nv_trace_span_take();
    ck_assert(oom_end());
    ck_assert_ptr_null(none);
    struct nv_trace_span *span = taken();
    oom_fail_nth(1);
    bool room = nv_trace_span_room(span, &span->attributes, 10);
    ck_assert(oom_end());
    ck_assert(!room);
    ck_assert_int_eq(span->attributes.failed, NV_OK);
    ck_assert(nv_trace_span_room(span, &span->attributes, 10));
    nv_trace_span_give(span);
}
END_TEST

static void *churn(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2000; i++) {
        noveum_span open[8];
        for (int j = 0; j < 8; j++)
            open[j] = nv_trace_span_open(taken());
        for (int j = 0; j < 8; j++)
            end(open[j]);
    }
    return NULL;
}

START_TEST(threads_never_share_a_slot)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_le(nv_trace_span_slots(), 64);
}
END_TEST

START_TEST(after_a_fork)
{
    noveum_span open = nv_trace_span_open(taken());
    struct nv_trace_span *held = taken(); /* somebody is at it when the process forks */
    noveum_span held_handle = nv_trace_span_open(held);
    pthread_mutex_lock(&held->lock);
    nv_trace_pool_before_fork();
    pid_t child = fork();
    if (child == 0) {
        nv_trace_pool_after_fork_child();
        struct nv_trace_span *span = nv_trace_span_lock(open);
        bool good = span && span->inherited;
        nv_trace_span_unlock(span);
        span = nv_trace_span_lock(held_handle); /* would hang, were its lock still taken */
        good = good && span && span->inherited;
        for (int i = 0; i < 62; i++)
            good = good && nv_trace_span_take() != NULL;
        _exit(good && nv_trace_span_slots() == 64 ? 0 : 1);
    }
    nv_trace_pool_after_fork_parent();
    pthread_mutex_unlock(&held->lock);
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    end(open);
    end(held_handle);
}
END_TEST

/* As pool.c has them. */
#define CHUNK_SLOTS 64u
#define CHUNKS_MAX (2 * NV_TRACE_SPANS_MAX / CHUNK_SLOTS + 16)

START_TEST(as_many_spans_as_there_are_slots_and_one_more)
{
    enum { ALL = CHUNKS_MAX * CHUNK_SLOTS };
    static struct nv_trace_span *spans[ALL];
    for (size_t i = 0; i < ALL; i++)
        spans[i] = taken();
    ck_assert_uint_eq(nv_trace_span_slots(), ALL);
    ck_assert_ptr_null(nv_trace_span_take());
    nv_trace_span_give(spans[7]);
    ck_assert_ptr_eq(taken(), spans[7]);
    ck_assert_ptr_null(nv_trace_span_take());
    for (size_t i = 0; i < ALL; i++)
        nv_trace_span_give(spans[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pool");
    TCase *tcase = tcase_create("pool");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, handles);
    tcase_add_test(tcase, buffers_are_kept_up_to_a_size);
    tcase_add_test(tcase, limits);
    tcase_add_test(tcase, without_memory);
    tcase_add_test(tcase, threads_never_share_a_slot);
    tcase_add_test(tcase, after_a_fork);
    tcase_add_test(tcase,
                   as_many_spans_as_there_are_slots_and_one_more); /* the last: they stay */
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
