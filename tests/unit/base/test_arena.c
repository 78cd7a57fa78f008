/*
 * The arena: alignment, zeroing, growth, own chunks, the cap, reset, overflow, and no memory.
 */
#include "expect.h"
#include "oom.h"

#include "base/arena.h"

#include "base/banned.h"

START_TEST(allocations_are_aligned_zeroed_and_apart)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    char *previous = NULL;
    for (size_t size = 0; size < 300; size++) {
        char *at = nv_arena_alloc(arena, size);
        ck_assert_ptr_nonnull(at);
        ck_assert_uint_eq((uintptr_t)at % 16, 0);
        for (size_t i = 0; i < size; i++)
            ck_assert_msg(at[i] == 0, "not zero");
        memset(at, 0x5a, size);
        if (previous && size > 1)
            ck_assert_int_eq(previous[0], 0x5a);
        previous = size > 0 ? at : NULL;
    }
    nv_arena_free(arena);
    nv_arena_free(NULL);
}
END_TEST

START_TEST(large_allocation_leaves_the_newest_chunk_in_use)
{
    struct nv_arena *arena = nv_arena_new(16 << 20);
    ck_assert_ptr_nonnull(nv_arena_raw(arena, 100));
    size_t before = nv_arena_bytes(arena);
    ck_assert_ptr_nonnull(nv_arena_raw(arena, 1 << 20));
    size_t after = nv_arena_bytes(arena);
    ck_assert_uint_ge(after - before, 1 << 20);
    ck_assert_uint_lt(after - before, (1 << 20) + 4096);
    ck_assert_ptr_nonnull(nv_arena_raw(arena, 1000));
    ck_assert_uint_eq(nv_arena_bytes(arena), after);
    nv_arena_free(arena);
}
END_TEST

START_TEST(chunks_double_to_a_limit)
{
    struct nv_arena *arena = nv_arena_new(64 << 20);
    size_t previous = 0, largest = 0;
    unsigned chunks = 0;
    for (int i = 0; i < 20000; i++) {
        ck_assert_ptr_nonnull(nv_arena_raw(arena, 240));
        size_t bytes = nv_arena_bytes(arena);
        if (bytes == previous)
            continue;
        largest = bytes - previous > largest ? bytes - previous : largest;
        previous = bytes;
        chunks++;
    }
    ck_assert_uint_eq(largest, 256 * 1024);
    ck_assert_uint_lt(chunks, 40);
    nv_arena_free(arena);
}
END_TEST

START_TEST(cap_is_never_passed)
{
    static const size_t caps[] = {0, 1, 32, 100, 4096, 5000, 70000, 1000000};
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        struct nv_arena *arena = nv_arena_new(caps[i]);
        size_t given = 0;
        while (nv_arena_raw(arena, 48))
            given += 48;
        ck_assert_uint_le(nv_arena_bytes(arena), caps[i]);
        ck_assert_uint_le(given, caps[i]);
        if (caps[i] >= 4096) /* most of it can be used */
            ck_assert_uint_gt(given, caps[i] / 2);
        ck_assert_ptr_null(nv_arena_alloc(arena, caps[i] + 1));
        ck_assert(nv_arena_is_full(arena));
        nv_arena_free(arena);
    }
}
END_TEST

/* One chunk for what is said to come, never smaller than without a word and not without end;
 * the cap holds. */
START_TEST(what_is_expected_is_one_chunk)
{
    struct nv_arena *arena = nv_arena_new(1u << 20);
    nv_arena_expect(arena, 40000);
    nv_arena_expect(arena, 100);
    ck_assert_uint_eq(nv_arena_bytes(arena), 0);
    for (unsigned i = 0; i < 80; i++)
        ck_assert_ptr_nonnull(nv_arena_raw(arena, 400));
    ck_assert_uint_ge(nv_arena_bytes(arena), 40000);
    ck_assert_uint_lt(nv_arena_bytes(arena), 41000);
    nv_arena_expect(arena, SIZE_MAX);
    size_t before = nv_arena_bytes(arena);
    while (nv_arena_bytes(arena) == before)
        ck_assert_ptr_nonnull(nv_arena_raw(arena, 400));
    ck_assert_uint_le(nv_arena_bytes(arena) - before, 2 * 40016);
    nv_arena_free(arena);
    arena = nv_arena_new(5000);
    nv_arena_expect(arena, 50000);
    ck_assert_ptr_nonnull(nv_arena_raw(arena, 400));
    ck_assert_uint_le(nv_arena_bytes(arena), 5000);
    nv_arena_free(arena);
}
END_TEST

START_TEST(reset_keeps_the_largest_chunk)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    nv_arena_reset(arena);
    ck_assert_uint_eq(nv_arena_bytes(arena), 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_ptr_nonnull(nv_arena_raw(arena, 200));
    size_t full = nv_arena_bytes(arena);
    nv_arena_reset(arena);
    size_t kept = nv_arena_bytes(arena);
    ck_assert_uint_gt(kept, 0);
    ck_assert_uint_lt(kept, full);
    char *at = nv_arena_alloc(arena, 100);
    ck_assert_ptr_nonnull(at);
    ck_assert_int_eq(at[99], 0);
    ck_assert_uint_eq(nv_arena_bytes(arena), kept);
    nv_arena_free(arena);
}
END_TEST

START_TEST(overflow_is_refused)
{
    struct nv_arena *arena = nv_arena_new(SIZE_MAX);
    ck_assert_ptr_null(nv_arena_array(arena, SIZE_MAX / 2, 3));
    ck_assert_ptr_null(nv_arena_raw(arena, SIZE_MAX));
    ck_assert_ptr_null(nv_arena_raw(arena, SIZE_MAX - 15));
    ck_assert_ptr_nonnull(nv_arena_array(arena, 3, 5));
    ck_assert_ptr_nonnull(nv_arena_array(arena, 0, 5));
    nv_arena_free(arena);
}
END_TEST

START_TEST(copies_and_prints)
{
    struct nv_arena *arena = nv_arena_new(10000);
    ck_assert_nv_str(nv_arena_dup(arena, NV_STR("abc")), "abc");
    ck_assert_uint_eq(nv_arena_dup(arena, (struct nv_str){NULL, 0}).len, 0);
    ck_assert_nv_str(nv_arena_printf(arena, "%s-%04d", "x", 7), "x-0007");
    ck_assert_nv_str(nv_arena_printf(arena, "%s", ""), "");
    ck_assert_ptr_null(nv_arena_printf(arena, "%020000d", 1).ptr);
    char big[20000] = {0};
    struct nv_str copy = nv_arena_dup(arena, (struct nv_str){big, sizeof big});
    ck_assert_ptr_null(copy.ptr);
    ck_assert_uint_eq(copy.len, sizeof big);
    nv_arena_free(arena);
}
END_TEST

START_TEST(no_memory_is_null)
{
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        struct nv_arena *arena = nv_arena_new(1 << 20);
        bool ok = arena != NULL;
        for (int i = 0; ok && i < 1000; i++)
            ok = nv_arena_alloc(arena, 100) != NULL;
        /* a failure leaves the arena usable */
        bool again = arena == NULL || nv_arena_alloc(arena, 100) != NULL;
        bool failed = oom_end();
        nv_arena_free(arena);
        ck_assert(ok == !failed);
        ck_assert(again);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/arena");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, allocations_are_aligned_zeroed_and_apart);
    tcase_add_test(tcase, large_allocation_leaves_the_newest_chunk_in_use);
    tcase_add_test(tcase, chunks_double_to_a_limit);
    tcase_add_test(tcase, cap_is_never_passed);
    tcase_add_test(tcase, what_is_expected_is_one_chunk);
    tcase_add_test(tcase, reset_keeps_the_largest_chunk);
    tcase_add_test(tcase, overflow_is_refused);
    tcase_add_test(tcase, copies_and_prints);
    tcase_add_test(tcase, no_memory_is_null);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
