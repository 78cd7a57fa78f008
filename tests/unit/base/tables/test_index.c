/*
 * The hash table against a plain array: random adds and removes, colliding hashes, no memory.
 */
#include "expect.h"
#include "base/tables/index.h"
#include "oom.h"

#include <stdlib.h>

#define ITEMS 3000

static unsigned keys[ITEMS];
static bool inside[ITEMS];

static bool key_eq(const void *item, const void *key)
{
    return *(const unsigned *)item == *(const unsigned *)key;
}

/* Few different hashes make long chains. */
static uint64_t hash_of(unsigned key)
{
    return (uint64_t)(key % 97) * UINT64_C(0x9e3779b97f4a7c15);
}

START_TEST(it_holds_what_was_added_and_not_removed)
{
    struct nv_index index;
    nv_index_init(&index);
    uint32_t state = 7;
    uint32_t count = 0;
    for (int step = 0; step < 20000; step++) {
        state = state * 1664525 + 1013904223;
        unsigned i = (state >> 8) % ITEMS;
        keys[i] = i;
        if (inside[i])
            nv_index_remove(&index, hash_of(i), &keys[i]);
        else
            ck_assert_int_eq(nv_index_add(&index, hash_of(i), &keys[i]), NV_OK);
        inside[i] = !inside[i];
        count += inside[i] ? 1 : UINT32_MAX;
        ck_assert_uint_eq(index.count, count);
    }
    for (unsigned i = 0; i < ITEMS; i++) {
        ck_assert_ptr_eq(nv_index_find(&index, hash_of(i), key_eq, &i),
                         inside[i] ? &keys[i] : NULL);
    }
    ck_assert_uint_gt(nv_index_bytes(&index), count * 12);
    nv_index_release(&index);
    ck_assert_ptr_null(nv_index_find(&index, 1, key_eq, &keys[0]));
}
END_TEST

START_TEST(without_memory_it_stays_as_it_was)
{
    struct nv_index index;
    nv_index_init(&index);
    for (unsigned i = 0; i < 48; i++) {
        keys[i] = i;
        ck_assert_int_eq(nv_index_add(&index, hash_of(i), &keys[i]), NV_OK);
    }
    keys[48] = 48;
    oom_fail_nth((unsigned long)_i);
    enum nv_err err = nv_index_add(&index, hash_of(48), &keys[48]);
    oom_end();
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    for (unsigned i = 0; i < 48; i++)
        ck_assert_ptr_eq(nv_index_find(&index, hash_of(i), key_eq, &i), &keys[i]);
    nv_index_release(&index);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("index");
    TCase *tcase = tcase_create("index");
    tcase_add_test(tcase, it_holds_what_was_added_and_not_removed);
    tcase_add_loop_test(tcase, without_memory_it_stays_as_it_was, 1, 3);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
