/*
 * Comparison with its traps (int64 against double, order and duplicates of keys), hashes that
 * agree with it, and what it costs: maps nested, wide, reversed, unequal in size.
 */
#include "expect.h"
#include "growth.h"
#include "oom.h"

#include "base/meter.h"
#include "model/value.h"

#include <math.h>
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
    nv_meter_start(UINT64_MAX);
    nv_arena_free(arena);
}

static struct nv_value parse(const char *text)
{
    struct nv_value value;
    enum nv_err err = nv_value_from_json(arena, nv_str_from(text), NULL, &value);
    ck_assert_msg(err == NV_OK, "%s: %d", text, err);
    return value;
}

static const struct {
    const char *a, *b;
    bool equal;
} pairs[] = {
    {"1", "1", true},
    {"1", "1.0", true},
    {"1.0", "1", true},
    {"1", "2", false},
    {"1.5", "1", false},
    {"9007199254740993", "9007199254740992.0", false},
    {"9223372036854775807", "9223372036854775808", false},
    {"0", "-0.0", true},
    {"null", "0", false},
    {"\"1\"", "1", false},
    {"\"a\"", "\"a\"", true},
    {"true", "false", false},
    {"null", "null", true},
    {"[1,2]", "[1,2]", true},
    {"[1,2]", "[2,1]", false},
    {"[1]", "[1,1]", false},
    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1.0}", true},
    {"{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}", false},
    {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
    {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
    {"{\"a\":{\"b\":1,\"c\":2},\"d\":3}", "{\"d\":3,\"a\":{\"c\":2,\"b\":1}}", true},
    {"{\"a\":{\"b\":1,\"c\":2},\"d\":3}", "{\"d\":3,\"a\":{\"c\":2,\"b\":0}}", false},
    /* of a key that stands twice the last one counts */
    {"{\"a\":1,\"a\":2}", "{\"a\":2}", true},
    {"{\"a\":1,\"a\":2}", "{\"a\":2,\"a\":1}", false},
};

START_TEST(equality)
{
    struct nv_value a = parse(pairs[_i].a);
    struct nv_value b = parse(pairs[_i].b);
    ck_assert_msg(nv_value_eq(&a, &b) == pairs[_i].equal, "%s and %s", pairs[_i].a,
                  pairs[_i].b);
    ck_assert(nv_value_eq(&a, &a));
    ck_assert(nv_value_eq(&b, &a) == pairs[_i].equal);
    bool shares = nv_value_hash(&a) == nv_value_hash(&b);
    ck_assert_msg(shares == pairs[_i].equal, "hashes of %s and %s", pairs[_i].a, pairs[_i].b);
}
END_TEST

START_TEST(odd_numbers)
{
    struct nv_value nan = nv_value_double((double)NAN), other = nv_value_double(-(double)NAN);
    ck_assert(nv_value_eq(&nan, &other));
    ck_assert_uint_eq(nv_value_hash(&nan), nv_value_hash(&other));
    struct nv_value large = nv_value_double(INFINITY);
    ck_assert(nv_value_eq(&large, &large) && !nv_value_eq(&large, &nan));
}
END_TEST

/* {"k": {"k": ... {"k": leaf}}}, with a second member that comes first at every other level. */
static struct nv_value nested(unsigned depth, bool turned, int64_t leaf)
{
    struct nv_value value = nv_value_int(leaf);
    for (unsigned level = 0; level < depth; level++) {
        struct nv_attribute *items = nv_arena_array(arena, 2, sizeof *items);
        ck_assert_ptr_nonnull(items);
        items[turned] = (struct nv_attribute){NV_STR("k"), value};
        items[!turned] = (struct nv_attribute){NV_STR("x"), nv_value_int(level)};
        value = (struct nv_value){.type = NV_VALUE_MAP, .as.map = {items, 2}};
    }
    return value;
}

START_TEST(nested_maps_are_compared_once_a_level)
{
    for (unsigned turned = 0; turned < 2; turned++) {
        for (int64_t leaf = 1; leaf <= 2; leaf++) {
            struct nv_value a = nested(NV_VALUE_DEPTH_MAX, false, 1);
            struct nv_value b = nested(NV_VALUE_DEPTH_MAX, turned, leaf);
            nv_meter_start(UINT64_MAX);
            ck_assert(nv_value_eq(&a, &b) == (leaf == 1));
            ck_assert_uint_le(nv_meter_spent(), 10 * NV_VALUE_DEPTH_MAX);
        }
    }
}
END_TEST

enum shape { SAME_ORDER, REVERSED, LAST_DIFFERS, OTHER_KEYS, ONE_KEY, SHAPES };

/* A map of n members; `other` is what it is compared with. */
static struct nv_value wide(uint32_t n, enum shape shape, bool other)
{
    struct nv_attribute *items = nv_arena_array(arena, n, sizeof *items);
    ck_assert_ptr_nonnull(items);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = other && shape == REVERSED ? n - 1 - i : i;
        const char letter = other && shape == OTHER_KEYS ? 'o' : 'k';
        struct nv_str key =
            shape == ONE_KEY ? NV_STR("k") : nv_arena_printf(arena, "%c%u", letter, i);
        bool differs = other && shape == LAST_DIFFERS && i == n - 1;
        items[at] = (struct nv_attribute){key, nv_value_int(differs ? -1 : (int64_t)i)};
    }
    return (struct nv_value){.type = NV_VALUE_MAP, .as.map = {items, n}};
}

static uint64_t compare_wide(void *ctx, uint32_t n)
{
    const enum shape shape = *(enum shape *)ctx;
    struct nv_value a = wide(n, shape, false), b = wide(n, shape, true);
    nv_meter_start(UINT64_MAX);
    ck_assert(nv_value_eq(&a, &b) ==
              (shape == SAME_ORDER || shape == REVERSED || shape == ONE_KEY));
    return nv_meter_spent();
}

START_TEST(wide_maps_cost_their_members)
{
    enum shape shape = (enum shape)_i;
    nv_test_grows_linearly(compare_wide, &shape, 5000, 5000);
}
END_TEST

/* One large map against many small ones: each costs no more than the small one. */
static uint64_t compare_small(void *ctx, uint32_t n)
{
    (void)ctx;
    struct nv_value large = wide(n, ONE_KEY, false);
    struct nv_value small = wide(1, ONE_KEY, true);
    nv_meter_start(UINT64_MAX);
    for (uint32_t i = 0; i < n; i++)
        ck_assert(!nv_value_eq(&large, &small) && !nv_value_eq(&small, &large));
    return nv_meter_spent();
}

START_TEST(the_smaller_map_says_what_it_costs)
{
    nv_test_grows_linearly(compare_small, NULL, 1000, 1000);
}
END_TEST

START_TEST(past_the_limit_nothing_is_equal)
{
    struct nv_value a = wide(1000, SAME_ORDER, false), b = wide(1000, SAME_ORDER, true);
    nv_meter_start(100);
    ck_assert(!nv_value_eq(&a, &b));
    ck_assert(nv_meter_over());
    uint64_t spent = nv_meter_spent();
    for (unsigned i = 0; i < 1000; i++)
        ck_assert(!nv_value_eq(&a, &b));
    ck_assert_uint_le(nv_meter_spent() - spent, 1000);
}
END_TEST

/* Seventeen members in another order need memory to be put in order; sixteen don't. */
START_TEST(without_memory_nothing_is_equal)
{
    char text[2][256];
    for (unsigned i = 0; i < 2; i++) {
        size_t len = 0;
        for (unsigned k = 0; k < 17; k++) {
            len += (size_t)snprintf(text[i] + len, sizeof text[i] - len, "%c\"%c\":1",
                                    k == 0 ? '{' : ',', i == 0 ? 'a' + (int)k : 'q' - (int)k);
        }
        (void)snprintf(text[i] + len, sizeof text[i] - len, "}");
    }
    struct nv_value a = parse(text[0]);
    struct nv_value b = parse(text[1]);
    struct nv_value small[2] = {a, b};
    small[0].as.map.count = small[1].as.map.count = 16;
    small[1].as.map.items++; /* from p down to a, as a to p are in the other */
    oom_fail_from(1);
    bool large_equal = nv_value_eq(&a, &b);
    unsigned long asked = oom_count();
    bool small_equal = nv_value_eq(&small[0], &small[1]);
    (void)oom_end();
    ck_assert(!large_equal);
    ck_assert_uint_eq(asked, 1);
    ck_assert(small_equal);
    ck_assert(nv_value_eq(&a, &b));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/value_eq");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, equality, 0, sizeof pairs / sizeof *pairs);
    tcase_add_test(tcase, odd_numbers);
    tcase_add_test(tcase, nested_maps_are_compared_once_a_level);
    tcase_add_loop_test(tcase, wide_maps_cost_their_members, 0, SHAPES);
    tcase_add_test(tcase, the_smaller_map_says_what_it_costs);
    tcase_add_test(tcase, past_the_limit_nothing_is_equal);
    tcase_add_test(tcase, without_memory_nothing_is_equal);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
