/*
 * The index of a growing list: what it finds, keys that stand twice, another list, what it
 * costs, no memory.
 */
#include "chance.h"
#include "arena_oom.h"
#include "expect.h"
#include "growth.h"

#include "base/meter.h"
#include "model/key_index.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_arena *arena;

static void setup(void)
{
    arena = nv_arena_new((size_t)64 << 20);
    ck_assert_ptr_nonnull(arena);
}

static void teardown(void)
{
    nv_arena_free(arena);
}

static struct nv_value *find(struct nv_key_index *index, const struct nv_attributes *list,
                             struct nv_str key)
{
    struct nv_value *found = NULL;
    ck_assert_int_eq(nv_key_index_find(index, arena, list, key, &found), NV_OK);
    return found;
}

static void add(struct nv_attributes *list, struct nv_str key, int64_t number)
{
    ck_assert_int_eq(nv_attributes_add(list, arena, key, nv_value_int(number)), NV_OK);
}

/* At every length, below and past the point where the table is made. */
START_TEST(finds_what_is_there)
{
    struct nv_key_index index = {.counted = 0};
    struct nv_attributes list = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        struct nv_str key = nv_arena_printf(arena, "key-%u", i);
        ck_assert_ptr_null(find(&index, &list, key));
        add(&list, key, i);
        ck_assert_int_eq(find(&index, &list, key)->as.integer, i);
        struct nv_str early = nv_arena_printf(arena, "key-%u", i / 2);
        ck_assert_int_eq(find(&index, &list, early)->as.integer, i / 2);
    }
}
END_TEST

START_TEST(the_last_of_a_key_counts)
{
    struct nv_key_index index = {.counted = 0};
    struct nv_attributes list = {0};
    for (uint32_t i = 0; i < 100; i++) {
        add(&list, NV_STR("a"), i);
        add(&list, NV_STR("b"), -(int64_t)i);
        ck_assert_int_eq(find(&index, &list, NV_STR("a"))->as.integer, i);
        ck_assert_int_eq(find(&index, &list, NV_STR("b"))->as.integer, -(int64_t)i);
    }
    ck_assert_uint_le(index.index.used, 2);
}
END_TEST

START_TEST(another_list_after_clearing)
{
    struct nv_key_index index = {.counted = 0};
    for (uint32_t round = 0; round < 4; round++) {
        struct nv_attributes list = {0};
        nv_key_index_ready(&index);
        for (uint32_t i = 0; i < 2000U >> (2 * round); i++)
            add(&list, nv_arena_printf(arena, "%u-%u", round, i), i);
        ck_assert_int_eq(
            find(&index, &list, nv_arena_printf(arena, "%u-%u", round, 1))->as.integer, 1);
        ck_assert_ptr_null(find(&index, &list, nv_arena_printf(arena, "%u-%u", round - 1, 1)));
    }
}
END_TEST

/* Asks before each item is added whether it is there, as those who add each name once do. */
static uint64_t add_each_once(void *ctx, uint32_t n)
{
    const bool one_key = *(bool *)ctx;
    struct nv_key_index index = {.counted = 0};
    struct nv_attributes list = {0};
    nv_meter_start(UINT64_MAX);
    for (uint32_t i = 0; i < n; i++) {
        struct nv_str key = one_key ? NV_STR("k") : nv_arena_printf(arena, "key-%u", i);
        (void)find(&index, &list, key);
        add(&list, key, i);
    }
    return nv_meter_spent();
}

START_TEST(cost_is_linear)
{
    bool one_key = _i != 0;
    nv_test_grows_linearly(add_each_once, &one_key, 4000, 4000);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    struct nv_arena *small = nv_arena_new(64);
    struct nv_key_index index = {.counted = 0};
    struct nv_attributes list = {0};
    struct nv_value *found;
    for (uint32_t i = 0; i < 20; i++)
        add(&list, NV_STR("k"), i);
    ck_assert_int_eq(nv_key_index_find(&index, small, &list, NV_STR("k"), &found),
                     NV_ERR_NO_MEMORY);
    nv_arena_free(small);
}
END_TEST

START_TEST(past_the_limit_of_work_nothing_is_looked_up)
{
    struct nv_key_index index = {.counted = 0};
    struct nv_attributes list = {0};
    struct nv_value *found;
    for (uint32_t i = 0; i < 20; i++)
        add(&list, nv_arena_printf(arena, "k%u", i), i);
    nv_meter_start(0);
    (void)nv_meter_spend(1);
    enum nv_err err = nv_key_index_find(&index, arena, &list, NV_STR("k7"), &found);
    nv_meter_start(UINT64_MAX);
    ck_assert_int_eq(err, NV_ERR_LIMIT);
    ck_assert_ptr_null(found);
    ck_assert_int_eq(find(&index, &list, NV_STR("k7"))->as.integer, 7);
}
END_TEST

/* Against a walk from the end: lists of any length, keys that come again, asked in between. */
START_TEST(any_list_is_found_as_by_a_walk)
{
    uint64_t state = (uint64_t)_i;
    struct nv_key_index index = {.counted = 0};
    struct nv_attributes list = {0};
    const uint32_t names = 1 + chance_below(&state, 300);
    for (int64_t at = 0; at < 600; at++) {
        char key[16];
        (void)snprintf(key, sizeof key, "key.%u", chance_below(&state, names));
        add(&list, nv_arena_dup(arena, nv_str_from(key)), at);
        if (chance_below(&state, 4) > 0)
            continue;
        (void)snprintf(key, sizeof key, "key.%u", chance_below(&state, names + 5));
        const struct nv_value *walked = NULL;
        for (uint32_t i = 0; i < list.count; i++) {
            if (nv_str_eq(list.items[i].key, nv_str_from(key)))
                walked = &list.items[i].value;
        }
        const struct nv_value *found = find(&index, &list, nv_str_from(key));
        ck_assert_ptr_eq(found, walked);
    }
}
END_TEST

/* A key whose bit was not set before has not been added: never told of one that has. */
START_TEST(bits_miss_no_key)
{
    uint64_t state = (uint64_t)_i;
    struct nv_key_bits bits = {{0}};
    static char keys[64][24];
    unsigned fresh = 0;
    for (unsigned at = 0; at < 64; at++) {
        (void)snprintf(keys[at], sizeof keys[at], "llm.%llu",
                       (unsigned long long)(chance(&state) >> chance_below(&state, 60)));
        fresh += !nv_key_bits_add(&bits, nv_str_from(keys[at]));
        for (unsigned before = 0; before <= at; before++)
            ck_assert(nv_key_bits_add(&bits, nv_str_from(keys[before])));
    }
    ck_assert_uint_gt(fresh, 48); /* and mostly tells that one is new */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/key_index");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, finds_what_is_there);
    tcase_add_test(tcase, the_last_of_a_key_counts);
    tcase_add_test(tcase, another_list_after_clearing);
    tcase_add_loop_test(tcase, cost_is_linear, 0, 2);
    tcase_add_test(tcase, no_memory_is_an_error);
    tcase_add_test(tcase, past_the_limit_of_work_nothing_is_looked_up);
    tcase_add_loop_test(tcase, any_list_is_found_as_by_a_walk, 0, 20);
    tcase_add_loop_test(tcase, bits_miss_no_key, 0, 20);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
