/*
 * The ring: order, full and one past it, rounds that wrap, and many putters at once.
 */
#include "expect.h"
#include "oom.h"

#include "trace/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/banned.h"

#define PUTTERS 4
#define EACH 20000u

START_TEST(first_in_first_out_and_full)
{
    struct nv_trace_ring ring = {0};
    uint32_t value = 7;
    ck_assert(nv_trace_ring_init(&ring, 3)); /* becomes 4 */
    ck_assert(!nv_trace_ring_take(&ring, &value));
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 4; i++)
            ck_assert(nv_trace_ring_put(&ring, round * 10 + i));
        ck_assert(!nv_trace_ring_put(&ring, 99));
        for (uint32_t i = 0; i < 4; i++) {
            ck_assert(nv_trace_ring_take(&ring, &value));
            ck_assert_uint_eq(value, round * 10 + i);
        }
        ck_assert(!nv_trace_ring_take(&ring, &value));
    }
    ck_assert(nv_trace_ring_put(&ring, 1));
    nv_trace_ring_clear(&ring);
    ck_assert(!nv_trace_ring_take(&ring, &value));
    nv_trace_ring_release(&ring);
}
END_TEST

static struct nv_trace_ring shared;

static void *put_many(void *ctx)
{
    uint32_t who = *(uint32_t *)ctx;
    for (uint32_t i = 0; i < EACH; i++) {
        while (!nv_trace_ring_put(&shared, who * EACH + i))
            sched_yield();
    }
    return NULL;
}

START_TEST(many_put_and_none_is_lost)
{
    pthread_t threads[PUTTERS];
    uint32_t who[PUTTERS], next[PUTTERS] = {0};
    ck_assert(nv_trace_ring_init(&shared, 64));
    for (uint32_t i = 0; i < PUTTERS; i++) {
        who[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, put_many, &who[i]), 0);
    }
    for (uint32_t taken = 0; taken < PUTTERS * EACH;) {
        uint32_t value;
        if (!nv_trace_ring_take(&shared, &value)) {
            sched_yield();
            continue;
        }
        ck_assert_uint_eq(value % EACH, next[value / EACH]++); /* of one putter in its order */
        taken++;
    }
    for (uint32_t i = 0; i < PUTTERS; i++)
        pthread_join(threads[i], NULL);
    nv_trace_ring_release(&shared);
}
END_TEST

START_TEST(without_memory)
{
    struct nv_trace_ring ring = {0};
    oom_fail_nth(1);
    bool made = nv_trace_ring_init(&ring, 8);
    ck_assert(oom_end());
    ck_assert(!made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ring");
    TCase *tcase = tcase_create("ring");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, first_in_first_out_and_full);
    tcase_add_test(tcase, many_put_and_none_is_lost);
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
