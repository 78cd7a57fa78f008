/*
 * The queue between shards and sender: sums from push to forget, pressure at the limit and one
 * below, shards that wait for room and are let go.
 */
#include "expect.h"
#include "oom.h"

#include "exporter/queue/send_queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

static struct nv_encoded *element(size_t json_len)
{
    static char text[4096];

    return nv_encoded_new((struct nv_str){text, json_len}, 1);
}

static bool push(struct nv_send_queue *queue, size_t json_len)
{
    return nv_send_queue_push(queue, element(json_len));
}

static void empty(struct nv_send_queue *queue)
{
    struct nv_encoded_list list = {0};
    struct nv_encoded *encoded;

    ck_assert_ptr_null(nv_send_queue_take_all(queue, &list));
    while ((encoded = nv_encoded_list_pop(&list)) != NULL) {
        nv_send_queue_forget(queue, encoded);
        free(encoded);
    }
}

START_TEST(pressure_at_the_limits)
{
    size_t size = sizeof(struct nv_encoded) + 100;
    struct nv_send_queue *queue = nv_send_queue_new(3 * size, 1000);

    push(queue, 100);
    push(queue, 100);
    ck_assert_uint_eq(nv_send_queue_bytes(queue), 2 * size);
    push(queue, 99);
    ck_assert_int_eq(nv_send_queue_pressure(queue), NV_OK);
    push(queue, 1);
    ck_assert_int_eq(nv_send_queue_pressure(queue), NV_ERR_BUSY);
    nv_send_queue_set_held(queue, true);
    ck_assert_int_eq(nv_send_queue_pressure(queue), NV_ERR_FULL);
    empty(queue);
    ck_assert_int_eq(nv_send_queue_pressure(queue), NV_OK);
    ck_assert_uint_eq(nv_send_queue_bytes(queue), 0);
    ck_assert_uint_eq(nv_send_queue_traces(queue), 0);
    nv_send_queue_free(queue);
}
END_TEST

START_TEST(pressure_by_count)
{
    struct nv_send_queue *queue = nv_send_queue_new(1 << 20, 2);

    push(queue, 1);
    ck_assert_int_eq(nv_send_queue_pressure(queue), NV_OK);
    push(queue, 1);
    ck_assert_int_eq(nv_send_queue_pressure(queue), NV_ERR_BUSY);
    empty(queue);
    nv_send_queue_free(queue);
}
END_TEST

/* By traces and by bytes: at the last one that is missing and from then on, not before. */
START_TEST(the_sender_is_woken_for_what_it_waits_for)
{
    struct nv_send_queue *queue = nv_send_queue_new(1 << 20, 1000);
    const struct nv_encoded_list none = {0};
    bool by_bytes = _i == 1;

    ck_assert(push(queue, 100)); /* before it has said anything */
    ck_assert(nv_send_queue_await(queue, &none, 1, 1));
    empty(queue);
    ck_assert(!nv_send_queue_await(queue, &none, by_bytes ? 100 : 3, by_bytes ? 300 : 1000));
    ck_assert(!push(queue, 100));
    ck_assert(!push(queue, 99));
    ck_assert(!by_bytes || !push(queue, 100));
    ck_assert(push(queue, 101));
    ck_assert(push(queue, 1));
    ck_assert(nv_send_queue_await(queue, &none, 1, 1000));
    empty(queue);
    ck_assert(!nv_send_queue_await(queue, &none, 1, 1000));
    ck_assert(push(queue, 1));
    empty(queue);
    nv_send_queue_free(queue);
}
END_TEST

/* Not part of the body that it waits for, or memory is full. */
START_TEST(the_sender_is_woken_for_what_it_does_not_wait_for)
{
    struct nv_send_queue *queue = nv_send_queue_new(2000 + 3 * sizeof(struct nv_encoded), 1000);
    const struct nv_encoded_list none = {0};
    struct nv_encoded *encoded = element(500);

    ck_assert(!nv_send_queue_await(queue, &none, 100, 10000));
    ck_assert(!push(queue, 500));
    encoded->why = "dead";
    ck_assert(nv_send_queue_push(queue, encoded));
    ck_assert(!push(queue, 500));
    ck_assert(push(queue, 500));
    empty(queue);
    nv_send_queue_free(queue);
}
END_TEST

/* What is in the queue and fresh in the sender, but not what waits for others, nor while the
 * sender is held. */
START_TEST(pressure_by_what_is_ahead)
{
    size_t size = sizeof(struct nv_encoded) + 100;
    struct nv_send_queue *queue = nv_send_queue_new(10 * size, 1000);
    struct nv_encoded_list fresh = {0};

    nv_send_queue_set_ahead(queue, 3 * size);
    push(queue, 100);
    push(queue, 99);
    push(queue, 100);
    ck_assert_int_eq(nv_send_queue_pressure(queue), NV_OK);
    push(queue, 1);
    ck_assert_int_eq(nv_send_queue_pressure(queue), NV_ERR_BUSY);
    nv_send_queue_set_held(queue, true);
    ck_assert_int_eq(nv_send_queue_pressure(queue), NV_OK);
    nv_send_queue_set_held(queue, false);
    ck_assert_ptr_null(nv_send_queue_take_all(queue, &fresh));
    ck_assert_int_eq(nv_send_queue_pressure(queue), NV_ERR_BUSY);
    ck_assert(!nv_send_queue_await(queue, &fresh, 1, 1));
    ck_assert_int_eq(nv_send_queue_pressure(queue), NV_ERR_BUSY);
    /* one is on its way */
    struct nv_encoded *first = nv_encoded_list_pop(&fresh);
    ck_assert(!nv_send_queue_await(queue, &fresh, 1, 1));
    ck_assert_int_eq(nv_send_queue_pressure(queue), NV_OK);
    nv_encoded_list_push(&fresh, first);
    while ((first = nv_encoded_list_pop(&fresh)) != NULL) {
        nv_send_queue_forget(queue, first);
        free(first);
    }
    nv_send_queue_free(queue);
}
END_TEST

START_TEST(raw_traces_keep_their_order)
{
    struct nv_send_queue *queue = nv_send_queue_new(1000, 2);
    struct nv_trace a, b;
    struct nv_encoded_list list = {0};
    struct nv_trace *first;

    nv_send_queue_push_raw(queue, &a);
    nv_send_queue_push_raw(queue, &b);
    first = nv_send_queue_take_all(queue, &list);
    ck_assert_ptr_eq(first, &a);
    ck_assert_ptr_eq(first->next, &b);
    ck_assert_ptr_null(first->next->next);
    nv_send_queue_free(queue);
}
END_TEST

START_TEST(no_memory)
{
    struct nv_send_queue *queue;

    oom_fail_nth(1);
    queue = nv_send_queue_new(1, 1);
    ck_assert(oom_end());
    ck_assert_ptr_null(queue);
    nv_send_queue_free(NULL);
}
END_TEST

static atomic_bool passed;

static void *shard(void *ctx)
{
    nv_send_queue_wait_room(ctx);
    atomic_store(&passed, true);
    return NULL;
}

/* Either the sender makes room, or waiting is turned off: both let the shard go. */
START_TEST(a_shard_waits_for_room)
{
    struct nv_send_queue *queue = nv_send_queue_new(1000, 1000);
    pthread_t thread;

    nv_send_queue_wait_room(queue);
    push(queue, 3000);
    nv_send_queue_wait_room(queue); /* not turned on: does not wait */
    nv_send_queue_set_waiting(queue, true);
    atomic_store(&passed, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, shard, queue), 0);
    if (_i == 0) {
        empty(queue);
    } else {
        ck_assert(!atomic_load(&passed));
        nv_send_queue_set_waiting(queue, false);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(atomic_load(&passed));
    empty(queue);
    nv_send_queue_free(queue);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/send_queue");
    TCase *tcase = tcase_create("queue");

    tcase_add_test(tcase, pressure_at_the_limits);
    tcase_add_test(tcase, pressure_by_count);
    tcase_add_loop_test(tcase, the_sender_is_woken_for_what_it_waits_for, 0, 2);
    tcase_add_test(tcase, the_sender_is_woken_for_what_it_does_not_wait_for);
    tcase_add_test(tcase, pressure_by_what_is_ahead);
    tcase_add_test(tcase, raw_traces_keep_their_order);
    tcase_add_test(tcase, no_memory);
    tcase_add_loop_test(tcase, a_shard_waits_for_room, 0, 2);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
