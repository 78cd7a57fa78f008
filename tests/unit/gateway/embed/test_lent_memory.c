/*
 * libnoveum.so with an allocator of the caller's: all memory comes from it and goes back, each
 * refusal is an error of one call, and two threads have two. Links the shared library and
 * nothing else of this tree, as a program of others would.
 */
#include <check.h>
#include <noveum/pipeline.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One root span, "step", of trace 00112233445566778899aabbccddeeff. */
static const char request[] =
    "\x0a\x38\x12\x36\x12\x34\x0a\x10\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd"
    "\xee\xff\x12\x08\x01\x02\x03\x04\x05\x06\x07\x08\x2a\x04step\x39\x00\x00\x64\xa7\xb3\xb6"
    "\xe0\x0d\x41\x00\x2a\x75\xa7\xb3\xb6\xe0\x0d";
#define REQUEST_LEN (2 + 0x38)

/* Each block knows whose it is: another's, or libc's, would not. */
struct block {
    struct heap *heap;
    size_t size;
};
#define HEAD_BYTES 16 /* as malloc aligns */

struct heap {
    long blocks;
    size_t bytes;
    unsigned long calls, fails_at; /* 0: never */
    bool failed, mixed;
};

static bool fails(struct heap *heap)
{
    bool now = ++heap->calls == heap->fails_at;
    heap->failed |= now;
    return now;
}

static void *allocate(void *ctx, size_t size)
{
    struct heap *heap = ctx;
    ck_assert_uint_gt(size, 0);
    struct block *block = fails(heap) ? NULL : malloc(HEAD_BYTES + size);
    if (!block)
        return NULL;
    *block = (struct block){heap, size};
    heap->blocks++;
    heap->bytes += size;
    memset((char *)block + HEAD_BYTES, 0xa5, size); /* who forgets to zero is seen */
    return (char *)block + HEAD_BYTES;
}

static void release(void *ctx, void *at)
{
    struct heap *heap = ctx;
    struct block *block = (struct block *)(void *)((char *)at - HEAD_BYTES);
    heap->mixed |= block->heap != heap;
    heap->blocks--;
    heap->bytes -= block->size;
    free(block);
}

static void *resize(void *ctx, void *at, size_t size)
{
    const struct block *old = (const struct block *)(const void *)((char *)at - HEAD_BYTES);
    void *grown = allocate(ctx, size);
    if (!grown)
        return NULL;
    memcpy(grown, at, old->size < size ? old->size : size);
    release(ctx, at);
    return grown;
}

static uint64_t tell_time(void *ctx)
{
    return *(const uint64_t *)ctx;
}

/* From open to close. In `spans` what went through or was told to be given up; the first
 * failure. */
static noveum_pipeline_result run(struct heap *heap, uint64_t *spans)
{
    uint64_t now_ns = UINT64_C(1000000000000000000);
    const noveum_allocator allocator = {heap, allocate, resize, release};
    noveum_pipeline_options options = {.size = sizeof options,
                                       .now_ns = tell_time,
                                       .clock_ctx = &now_ns,
                                       .allocator = &allocator};
    noveum_pipeline *pipeline;
    noveum_pipeline_payload payload;
    noveum_pipeline_result first = noveum_pipeline_open(&options, &pipeline, NULL, 0);
    *spans = 0;
    if (first != NOVEUM_PIPELINE_OK)
        return first;
    first =
        noveum_pipeline_accept(pipeline, NOVEUM_PIPELINE_TRACES, request, REQUEST_LEN, NULL);
    for (int i = 0; i < 4; i++) {
        now_ns += UINT64_C(60000000000);
        (void)noveum_pipeline_tick(pipeline);
    }
    noveum_pipeline_result last = noveum_pipeline_finish(pipeline);
    while (noveum_pipeline_pull(pipeline, &payload) == NOVEUM_PIPELINE_OK) {
        *spans += payload.spans;
        (void)noveum_pipeline_settle(pipeline, &payload, NOVEUM_PIPELINE_DELIVERED);
    }
    noveum_pipeline_status status = {.size = sizeof status};
    if (noveum_pipeline_read_status(pipeline, &status) == NOVEUM_PIPELINE_OK)
        *spans += status.untranslated;
    noveum_pipeline_close(pipeline);
    return first != NOVEUM_PIPELINE_OK ? first : last;
}

START_TEST(all_of_it_comes_and_goes_back)
{
    struct heap heap = {.blocks = 0};
    uint64_t spans;
    ck_assert_int_eq(run(&heap, &spans), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(spans, 1);
    ck_assert_uint_gt(heap.calls, 50); /* tables, options, the request, its trace */
    ck_assert_int_eq(heap.blocks, 0);
    ck_assert_uint_eq(heap.bytes, 0);
    ck_assert(!heap.mixed);
}
END_TEST

/* Refused with NO_MEMORY, or made good later; never anything else, and nothing leaks. */
START_TEST(each_refusal_is_an_error_of_one_call)
{
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        struct heap heap = {.fails_at = n};
        uint64_t spans;
        noveum_pipeline_result result = run(&heap, &spans);
        failed = heap.failed;
        ck_assert_msg(result == NOVEUM_PIPELINE_OK ||
                          (failed && result == NOVEUM_PIPELINE_NO_MEMORY),
                      "%lu: %d", n, result);
        ck_assert_uint_eq(spans, result == NOVEUM_PIPELINE_OK);
        ck_assert_msg(heap.blocks == 0 && heap.bytes == 0 && !heap.mixed, "%lu", n);
    }
}
END_TEST

static void *run_some(void *ctx)
{
    struct heap *heap = ctx;
    uint64_t spans = 0;
    for (int i = 0; i < 3; i++) {
        if (run(heap, &spans) != NOVEUM_PIPELINE_OK || spans != 1)
            heap->mixed = true;
    }
    return NULL;
}

START_TEST(two_threads_have_two)
{
    struct heap heaps[2] = {{.blocks = 0}, {.blocks = 0}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_some, &heaps[i]), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(!heaps[i].mixed);
        ck_assert_int_eq(heaps[i].blocks, 0);
    }
}
END_TEST

START_TEST(a_journal_excludes_it)
{
    struct heap heap = {.blocks = 0};
    const noveum_allocator allocator = {&heap, allocate, resize, release};
    static const char *const settings[] = {"journal.directory=/tmp/noveum-none", NULL};
    noveum_pipeline_options options = {
        .size = sizeof options, .settings = settings, .allocator = &allocator};
    noveum_pipeline *pipeline;
    char why[NOVEUM_PIPELINE_WHY_SIZE];
    ck_assert_int_eq(noveum_pipeline_open(&options, &pipeline, why, sizeof why),
                     NOVEUM_PIPELINE_INVALID);
    ck_assert_ptr_nonnull(strstr(why, "exclude each other"));
    ck_assert_int_eq(heap.blocks, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/embed/lent_memory");
    TCase *tcase = tcase_create("lent_memory");
    tcase_set_timeout(tcase, 100);
    tcase_add_test(tcase, all_of_it_comes_and_goes_back);
    tcase_add_test(tcase, each_refusal_is_an_error_of_one_call);
    tcase_add_test(tcase, two_threads_have_two);
    tcase_add_test(tcase, a_journal_excludes_it);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
