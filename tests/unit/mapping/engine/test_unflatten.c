/*
 * Trees out of flattened keys: order, gaps, caps, collisions; a random tree flattened and put
 * together again is the same.
 */
#include "arena_oom.h"
#include "cases.h"
#include "expect.h"
#include "mapping/engine/unflatten.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define ARENA_MAX ((size_t)256 << 20)

static struct nv_arena *arena;
static struct nv_unflatten builder;

static void set_up(void)
{
    arena = nv_arena_new(ARENA_MAX);
    nv_unflatten_init(&builder, arena);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static enum nv_err add(const char *key, uint32_t i, uint32_t j, const char *text)
{
    const uint32_t numbers[2] = {i, j};
    const struct nv_value value = nv_value_string(nv_str_from(text));
    return nv_unflatten_add(&builder, nv_str_from(key), numbers, 2, &value);
}

static void check_tree(const char *expected)
{
    struct nv_value tree;
    struct nv_buf buf;
    ck_assert_int_eq(nv_unflatten_finish(&builder, &tree), NV_OK);
    ck_assert_json_eq(nv_test_json(&tree, &buf), nv_str_from(expected));
    nv_buf_release(&buf);
}

START_TEST(test_messages_of_openinference)
{
    ck_assert_int_eq(add("{i}.message.role", 0, 0, "user"), NV_OK);
    ck_assert_int_eq(add("{i}.message.tool_calls.{j}.tool_call.function.name", 1, 0, "f"),
                     NV_OK);
    ck_assert_int_eq(add("{i}.message.tool_calls.{j}.tool_call.function.name", 1, 1, "g"),
                     NV_OK);
    ck_assert_int_eq(add("{i}.message.role", 1, 0, "assistant"), NV_OK);
    check_tree("[{\"message\":{\"role\":\"user\"}},{\"message\":{\"tool_calls\":["
               "{\"tool_call\":{\"function\":{\"name\":\"f\"}}},"
               "{\"tool_call\":{\"function\":{\"name\":\"g\"}}}],\"role\":\"assistant\"}}]");
}
END_TEST

START_TEST(test_trap_12_numbers_sort_as_numbers_and_gaps_close)
{
    static const uint32_t order[] = {10, 9, 200, 1};
    for (size_t i = 0; i < 4; i++) {
        char text[16];
        snprintf(text, sizeof text, "m%u", order[i]);
        const struct nv_value value = nv_value_string(nv_arena_dup(arena, nv_str_from(text)));
        ck_assert_int_eq(nv_unflatten_add(&builder, NV_STR("{i}"), &order[i], 1, &value),
                         NV_OK);
    }
    check_tree("[\"m1\",\"m9\",\"m10\",\"m200\"]");
}
END_TEST

START_TEST(test_trap_12_indices_are_capped)
{
    ck_assert_int_eq(add("{i}.a", NV_UNFLATTEN_INDEX_MAX + 1, 0, "x"), NV_ERR_LIMIT);
    ck_assert_int_eq(add("{i}.a.{j}", 0, UINT32_MAX, "x"), NV_ERR_LIMIT);
    ck_assert_int_eq(add("{i}.{j}.{k}", 0, 0, "x"), NV_ERR_MALFORMED);
    struct nv_value tree;
    ck_assert_int_eq(nv_unflatten_finish(&builder, &tree), NV_OK);
    ck_assert_int_eq(tree.type, NV_VALUE_NULL);
    ck_assert_int_eq(add("{i}.a", NV_UNFLATTEN_INDEX_MAX, 0, "x"), NV_OK);
    check_tree("[{\"a\":\"x\"}]");
}
END_TEST

START_TEST(test_depth_is_capped)
{
    struct nv_buf key;
    nv_buf_init(&key, SIZE_MAX);
    for (unsigned i = 0; i <= NV_UNFLATTEN_DEPTH_MAX; i++)
        ck_assert_int_eq(nv_buf_printf(&key, "%sa", i == 0 ? "" : "."), NV_OK);
    const struct nv_value value = nv_value_int(1);
    ck_assert_int_eq(nv_unflatten_add(&builder, nv_buf_str(&key), NULL, 0, &value),
                     NV_ERR_LIMIT);
    const struct nv_str shorter = nv_str_slice(nv_buf_str(&key), 2, key.len);
    ck_assert_int_eq(nv_unflatten_add(&builder, shorter, NULL, 0, &value), NV_OK);
    nv_buf_release(&key);
}
END_TEST

START_TEST(test_total_is_capped)
{
    const struct nv_value value = nv_value_int(1);
    enum nv_err err = NV_OK;
    uint32_t numbers[2] = {0, 0};
    for (uint32_t n = 0; n <= NV_UNFLATTEN_VALUES_MAX && err == NV_OK; n++) {
        numbers[0] = n % 10000;
        numbers[1] = n / 10000;
        err = nv_unflatten_add(&builder, NV_STR("{i}.{j}"), numbers, 2, &value);
    }
    ck_assert_int_eq(err, NV_ERR_LIMIT);
    ck_assert_uint_eq(builder.values, NV_UNFLATTEN_VALUES_MAX);
    struct nv_value tree;
    ck_assert_int_eq(nv_unflatten_finish(&builder, &tree), NV_OK);
    ck_assert_uint_eq(tree.as.array.count, 10000);
}
END_TEST

START_TEST(test_second_value_replaces_the_first)
{
    ck_assert_int_eq(add("{i}.a", 0, 0, "x"), NV_OK);
    ck_assert_int_eq(add("{i}.a", 0, 0, "y"), NV_OK);
    check_tree("[{\"a\":\"y\"}]");
}
END_TEST

START_TEST(test_leaf_that_is_a_parent_too)
{
    ck_assert_int_eq(add("{i}.content", 0, 0, "text"), NV_OK);
    ck_assert_int_eq(add("{i}.content.type", 0, 0, "t"), NV_OK);
    check_tree("[{\"content\":{\"\":\"text\",\"type\":\"t\"}}]");
}
END_TEST

START_TEST(test_names_and_numbers_under_one_parent)
{
    ck_assert_int_eq(add("p.{i}", 3, 0, "x"), NV_OK);
    ck_assert_int_eq(add("p.filter", 0, 0, "y"), NV_OK);
    check_tree("{\"p\":{\"3\":\"x\",\"filter\":\"y\"}}");
}
END_TEST

START_TEST(test_nothing_gives_null)
{
    check_tree("null");
}
END_TEST

static enum nv_err attempt(void *ctx, struct nv_arena *small)
{
    const struct nv_value value = nv_value_int(1);
    struct nv_unflatten tree;
    struct nv_value out;
    enum nv_err err = NV_OK;
    (void)ctx;
    nv_unflatten_init(&tree, small);
    for (uint32_t i = 0; err == NV_OK && i < 300; i++)
        err = nv_unflatten_add(&tree, NV_STR("{i}.name"), &i, 1, &value);
    return err == NV_OK ? nv_unflatten_finish(&tree, &out) : err;
}

START_TEST(test_every_allocation_may_fail)
{
    nv_test_oom_each(attempt, NULL);
}
END_TEST

/* Deterministic random shapes: a list of lists, sent in random order, comes back in order. */
START_TEST(test_any_order_gives_the_same_tree)
{
    uint32_t state = 1234567u + (uint32_t)_i;
    uint32_t places[64];
    for (uint32_t i = 0; i < 64; i++)
        places[i] = i;
    for (uint32_t i = 63; i > 0; i--) {
        state = state * 1664525u + 1013904223u;
        const uint32_t other = (state >> 8) % (i + 1), kept = places[i];
        places[i] = places[other];
        places[other] = kept;
    }
    for (uint32_t i = 0; i < 64; i++) {
        const uint32_t numbers[2] = {places[i] / 8 * 3, places[i] % 8 * 2};
        const struct nv_value value = nv_value_int(places[i]);
        ck_assert_int_eq(nv_unflatten_add(&builder, NV_STR("{i}.{j}"), numbers, 2, &value),
                         NV_OK);
    }
    struct nv_value tree;
    ck_assert_int_eq(nv_unflatten_finish(&builder, &tree), NV_OK);
    for (uint32_t i = 0; i < 64; i++)
        ck_assert_int_eq(tree.as.array.items[i / 8].as.array.items[i % 8].as.integer, i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unflatten");
    TCase *tcase = tcase_create("unflatten");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_messages_of_openinference);
    tcase_add_test(tcase, test_trap_12_numbers_sort_as_numbers_and_gaps_close);
    tcase_add_test(tcase, test_trap_12_indices_are_capped);
    tcase_add_test(tcase, test_depth_is_capped);
    tcase_add_test(tcase, test_total_is_capped);
    tcase_add_test(tcase, test_second_value_replaces_the_first);
    tcase_add_test(tcase, test_leaf_that_is_a_parent_too);
    tcase_add_test(tcase, test_names_and_numbers_under_one_parent);
    tcase_add_test(tcase, test_nothing_gives_null);
    tcase_add_test(tcase, test_every_allocation_may_fail);
    tcase_add_loop_test(tcase, test_any_order_gives_the_same_tree, 0, 20);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
