/*
 * Threads that pack: every body comes back once with its own bytes, as many threads as there is
 * work and no more than told, and the end waits for them.
 */
#include "expect.h"
#include "oom.h"

#include "exporter/send/packing.h"

#include <libdeflate.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define BODIES 40u

/* One trace of a number. */
static struct nv_body *body_of(unsigned number)
{
    const struct nv_pack_limits limits = {1, SIZE_MAX};
    struct nv_encoded_list list = {0};
    char json[32];

    (void)snprintf(json, sizeof json, "{\"n\":%u}", number);
    nv_encoded_list_push(&list, nv_encoded_new(nv_str_from(json), 1));
    struct nv_body *body = nv_body_take(&list, &limits);
    body->gzip = true;
    return body;
}

static void drop(struct nv_body *body)
{
    free(nv_encoded_list_pop(&body->traces));
    nv_body_free(body);
}

static void check_wire(const struct nv_body *body)
{
    struct nv_buf expected;

    nv_buf_init(&expected, SIZE_MAX);
    ck_assert_int_eq(nv_body_write(body, body->packed_wall_ns, &expected), NV_OK);
    nv_test_gzip_says(nv_buf_str(&body->wire), nv_buf_str(&expected));
    nv_buf_release(&expected);
}

/* What is told, and by how many threads. */
struct told {
    unsigned times, threads;
    pthread_t by[BODIES];
};

/* Under the packing's lock. */
static void note_ready(void *ctx)
{
    struct told *told = ctx;
    unsigned i = 0;

    told->times++;
    while (i < told->threads && !pthread_equal(told->by[i], pthread_self()))
        i++;
    if (i == told->threads)
        told->by[told->threads++] = pthread_self();
}

/* By 1, 3 and the most threads; by none it is packed on the thread that puts it. */
START_TEST(each_comes_back_once)
{
    static const uint32_t threads[] = {1, 3, NV_PACKING_THREADS_MAX, 0};
    struct nv_packing *packing = nv_packing_new(threads[_i], NV_GZIP_LEVEL);
    struct told told = {0};
    unsigned taken = 0;
    enum nv_err err;

    nv_packing_set_ready(packing, note_ready, &told);
    ck_assert_ptr_null(nv_packing_take(packing, &err));
    for (unsigned i = 0; i < BODIES; i++)
        nv_packing_put(packing, body_of(i), i * 1000);
    nv_packing_wait(packing);
    ck_assert_uint_eq(told.times, BODIES);
    if (threads[_i] > 0)
        ck_assert_uint_le(told.threads, threads[_i]);
    else
        ck_assert(told.threads == 1 && pthread_equal(told.by[0], pthread_self()));
    for (struct nv_body *body; (body = nv_packing_take(packing, &err)) != NULL; taken++) {
        ck_assert_int_eq(err, NV_OK);
        check_wire(body);
        drop(body);
    }
    ck_assert_uint_eq(taken, BODIES);
    nv_packing_free(packing);
}
END_TEST

/* One after another need one thread, whatever is allowed. */
START_TEST(one_at_a_time_is_packed_by_one)
{
    struct nv_packing *packing = nv_packing_new(8, NV_GZIP_LEVEL);
    struct told told = {0};
    enum nv_err err;

    nv_packing_set_ready(packing, note_ready, &told);
    for (unsigned i = 0; i < 5; i++) {
        nv_packing_put(packing, body_of(i), 0);
        nv_packing_wait(packing);
        drop(nv_packing_take(packing, &err));
    }
    ck_assert_uint_eq(told.times, 5);
    ck_assert_uint_eq(told.threads, 1);
    nv_packing_free(packing);
}
END_TEST

static sem_t begun, may_go;

/* libdeflate's, which asks for memory when the first body is packed; waits for the first go. */
static void *allocate_later(size_t bytes)
{
    (void)sem_post(&begun);
    (void)sem_wait(&may_go);
    (void)sem_post(&may_go);
    return malloc(bytes);
}

/* One is being packed, and is; the others come back as they were put. */
START_TEST(what_was_not_begun_is_recalled)
{
    struct nv_packing *packing = nv_packing_new(1, NV_GZIP_LEVEL + 1);
    unsigned packed = 0, recalled = 0;
    enum nv_err err;

    ck_assert(sem_init(&begun, 0, 0) == 0 && sem_init(&may_go, 0, 0) == 0);
    libdeflate_set_memory_allocator(allocate_later, free);
    for (unsigned i = 0; i < 4; i++)
        nv_packing_put(packing, body_of(i), 0);
    ck_assert_int_eq(sem_wait(&begun), 0);
    nv_packing_recall(packing);
    ck_assert_int_eq(sem_post(&may_go), 0);
    nv_packing_wait(packing);
    for (struct nv_body *body; (body = nv_packing_take(packing, &err)) != NULL;) {
        if (err == NV_OK)
            check_wire(body);
        else
            ck_assert(err == NV_ERR_STOPPING && body->wire.len == 0);
        packed += err == NV_OK;
        recalled += err == NV_ERR_STOPPING;
        drop(body);
    }
    ck_assert_uint_eq(packed, 1);
    ck_assert_uint_eq(recalled, 3);
    nv_packing_free(packing);
    libdeflate_set_memory_allocator(malloc, free);
    ck_assert(sem_destroy(&begun) == 0 && sem_destroy(&may_go) == 0);
}
END_TEST

/* By one thread and by none. */
START_TEST(no_memory)
{
    struct nv_packing *packing;
    enum nv_err err = NV_OK;

    oom_fail_nth(1);
    packing = nv_packing_new(1, NV_GZIP_LEVEL);
    ck_assert(oom_end());
    ck_assert_ptr_null(packing);
    packing = nv_packing_new((uint32_t)_i, NV_GZIP_LEVEL);
    struct nv_body *body = body_of(1);
    oom_fail_from(1);
    nv_packing_put(packing, body, 0);
    nv_packing_wait(packing);
    struct nv_body *back = nv_packing_take(packing, &err);
    (void)oom_end();
    ck_assert_ptr_eq(back, body);
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    ck_assert_uint_eq(body->wire.len, 0);
    drop(body);
    nv_packing_free(packing);
    nv_packing_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/packing");
    TCase *tcase = tcase_create("packing");

    tcase_add_loop_test(tcase, each_comes_back_once, 0, 4);
    tcase_add_test(tcase, one_at_a_time_is_packed_by_one);
    tcase_add_test(tcase, what_was_not_begun_is_recalled);
    tcase_add_loop_test(tcase, no_memory, 0, 2);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
