/*
 * The queue: order, both limits and one past them, closing, waking, and a run with several
 * threads on either side in which every item arrives once.
 */
#include "chance.h"
#include "expect.h"
#include "oom.h"

#include "base/clock.h"
#include "base/tables/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

static int items[5000];

START_TEST(first_in_first_out)
{
    struct nv_queue *queue = nv_queue_new(1000, 1 << 20);
    void *out[7];
    size_t next = 0;
    for (size_t i = 0; i < 1000; i++) {
        ck_assert_int_eq(nv_queue_push(queue, &items[i], 10), NV_OK);
        if (i % 3 == 0) { /* the ring wraps while it grows */
            ck_assert_uint_eq(nv_queue_pop(queue, out, 1, 0), 1);
            ck_assert_ptr_eq(out[0], &items[next++]);
        }
    }
    ck_assert_uint_eq(nv_queue_bytes(queue), (1000 - next) * 10);
    for (size_t count; (count = nv_queue_pop(queue, out, 7, 0)) > 0;) {
        for (size_t i = 0; i < count; i++)
            ck_assert_ptr_eq(out[i], &items[next++]);
    }
    ck_assert_uint_eq(next, 1000);
    ck_assert_uint_eq(nv_queue_bytes(queue), 0);
    ck_assert_uint_eq(nv_queue_items(queue), 0);
    nv_queue_free(queue);
    nv_queue_free(NULL);
}
END_TEST

START_TEST(limits_refuse)
{
    void *out[8];
    struct nv_queue *queue = nv_queue_new(3, 100);
    ck_assert_int_eq(nv_queue_push(queue, &items[0], 60), NV_OK);
    ck_assert_int_eq(nv_queue_push(queue, &items[1], 41), NV_ERR_FULL);
    ck_assert_int_eq(nv_queue_push(queue, &items[1], 40), NV_OK);
    ck_assert_int_eq(nv_queue_push(queue, &items[2], 1), NV_ERR_FULL);
    ck_assert_uint_eq(nv_queue_pop(queue, out, 8, 0), 2);
    ck_assert_int_eq(nv_queue_push(queue, &items[0], 1000), NV_OK); /* alone, it passes */
    ck_assert_int_eq(nv_queue_push(queue, &items[1], 0), NV_ERR_FULL);
    ck_assert_uint_eq(nv_queue_pop(queue, out, 8, 0), 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(nv_queue_push(queue, &items[i], 1), NV_OK);
    ck_assert_int_eq(nv_queue_push(queue, &items[3], 1), NV_ERR_FULL);
    ck_assert_uint_eq(nv_queue_pop(queue, out, 8, 0), 3);
    nv_queue_free(queue);
}
END_TEST

START_TEST(closing_lets_the_rest_out)
{
    void *out[4];
    struct nv_queue *queue = nv_queue_new(10, 100);
    ck_assert_int_eq(nv_queue_push(queue, &items[0], 1), NV_OK);
    nv_queue_close(queue);
    ck_assert_int_eq(nv_queue_push(queue, &items[1], 1), NV_ERR_STOPPING);
    ck_assert_int_eq(nv_queue_push_wait(queue, &items[1], 1), NV_ERR_STOPPING);
    ck_assert_uint_eq(nv_queue_pop(queue, out, 4, UINT64_MAX), 1);
    ck_assert_uint_eq(nv_queue_pop(queue, out, 4, UINT64_MAX), 0);
    nv_queue_free(queue);
}
END_TEST

START_TEST(timeout_and_wake)
{
    void *out[4];
    struct nv_queue *queue = nv_queue_new(10, 100);
    uint64_t before = nv_clock_mono_ns(nv_clock_system());
    ck_assert_uint_eq(nv_queue_pop(queue, out, 4, 20 * NV_NS_PER_MS), 0);
    uint64_t waited = nv_clock_mono_ns(nv_clock_system()) - before;
    ck_assert_uint_ge(waited, 19 * NV_NS_PER_MS);
    nv_queue_wake(queue); /* before the wait: not lost */
    ck_assert_uint_eq(nv_queue_pop(queue, out, 4, UINT64_MAX), 0);
    ck_assert_uint_eq(nv_queue_pop(queue, out, 4, 0), 0);
    nv_queue_free(queue);
}
END_TEST

static void *wait_then_push(void *arg)
{
    enum nv_err err = nv_queue_push_wait(arg, &items[1], 50);
    return err == NV_OK ? arg : NULL;
}

START_TEST(push_waits_for_room)
{
    void *out[1];
    pthread_t thread;
    void *result = NULL;
    struct nv_queue *queue = nv_queue_new(1, 100);
    ck_assert_int_eq(nv_queue_push(queue, &items[0], 50), NV_OK);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_then_push, queue), 0);
    ck_assert_uint_eq(nv_queue_pop(queue, out, 1, UINT64_MAX), 1);
    ck_assert_uint_eq(nv_queue_pop(queue, out, 1, UINT64_MAX), 1);
    ck_assert_ptr_eq(out[0], &items[1]);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, queue);
    nv_queue_free(queue);
}
END_TEST

static struct nv_queue *shared;
static atomic_int seen[5000];
static atomic_size_t pushed;

static void *produce(void *arg)
{
    (void)arg;
    for (;;) {
        size_t n = atomic_fetch_add(&pushed, 1);
        if (n >= 5000)
            return NULL;
        if (nv_queue_push_wait(shared, &items[n], n % 13) != NV_OK)
            return shared;
    }
}

static void *consume(void *arg)
{
    void *out[5];
    for (;;) {
        size_t count = nv_queue_pop(shared, out, 5, UINT64_MAX);
        if (count == 0)
            return arg;
        for (size_t i = 0; i < count; i++)
            (void)atomic_fetch_add(&seen[(int *)out[i] - items], 1);
    }
}

START_TEST(every_item_arrives_once)
{
    pthread_t producers[3], consumers[3];
    void *result = NULL;
    shared = nv_queue_new(64, 200);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_create(&consumers[i], NULL, consume, NULL), 0);
        ck_assert_int_eq(pthread_create(&producers[i], NULL, produce, NULL), 0);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_join(producers[i], &result), 0);
        ck_assert_ptr_null(result);
    }
    nv_queue_close(shared);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_join(consumers[i], &result), 0);
    for (int i = 0; i < 5000; i++) {
        ck_assert_msg(atomic_load(&seen[i]) == 1, "item %d came %d times", i,
                      atomic_load(&seen[i]));
    }
    nv_queue_free(shared);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    void *out[100];
    for (unsigned long n = 1;; n++) {
        size_t count = 0;
        enum nv_err err = NV_OK;
        oom_fail_nth(n);
        struct nv_queue *queue = nv_queue_new(100, 1000);
        while (queue && count < 100 && err == NV_OK) {
            err = nv_queue_push(queue, &items[count], 1);
            count += err == NV_OK ? 1 : 0;
        }
        bool failed = oom_end();
        if (queue) {
            ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
            ck_assert_uint_eq(nv_queue_pop(queue, out, 100, 0), count);
            nv_queue_free(queue);
        }
        if (!failed)
            break;
    }
}
END_TEST

/* Against a plain list: pushes and pops by chance, with sizes, past both limits. */
START_TEST(any_order_is_that_of_a_plain_list)
{
    enum { MOST = 40, BYTES_MOST = 500, STEPS = 5000 };
    struct {
        size_t first, count, bytes;
        size_t sizes[STEPS];
    } *list = calloc(1, sizeof *list);
    struct nv_queue *queue = nv_queue_new(MOST, BYTES_MOST);
    uint64_t state = (uint64_t)_i;
    size_t next = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        void *out[8];
        if (chance_below(&state, 5) < 3) {
            const size_t bytes = chance_below(&state, 60);
            const bool fits =
                list->count == 0 || (list->count < MOST && list->bytes < BYTES_MOST &&
                                     list->bytes + bytes <= BYTES_MOST);
            ck_assert_int_eq(nv_queue_push(queue, &items[next], bytes),
                             fits ? NV_OK : NV_ERR_FULL);
            if (fits) {
                list->sizes[next++] = bytes;
                list->count++;
                list->bytes += bytes;
            }
        } else {
            const size_t most = 1 + chance_below(&state, 8);
            const size_t want = list->count < most ? list->count : most;
            ck_assert_uint_eq(nv_queue_pop(queue, out, most, 0), want);
            for (size_t i = 0; i < want; i++) {
                ck_assert_ptr_eq(out[i], &items[list->first]);
                list->bytes -= list->sizes[list->first++];
            }
            list->count -= want;
        }
        ck_assert_uint_eq(nv_queue_items(queue), list->count);
        ck_assert_uint_eq(nv_queue_bytes(queue), list->bytes);
    }
    ck_assert_uint_gt(next, STEPS / 4);
    void *rest[MOST];
    ck_assert_uint_eq(nv_queue_pop(queue, rest, MOST, 0), list->count);
    nv_queue_free(queue);
    free(list);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/queue");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, first_in_first_out);
    tcase_add_test(tcase, limits_refuse);
    tcase_add_test(tcase, closing_lets_the_rest_out);
    tcase_add_test(tcase, timeout_and_wake);
    tcase_add_test(tcase, push_waits_for_room);
    tcase_add_test(tcase, every_item_arrives_once);
    tcase_add_test(tcase, no_memory_is_an_error);
    tcase_add_loop_test(tcase, any_order_is_that_of_a_plain_list, 0, 10);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
