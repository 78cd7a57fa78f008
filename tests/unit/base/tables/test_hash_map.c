/*
 * uthash behind hash_map.h: our hash, and an addition that fails without memory leaves the
 * map as it was and ends nobody's process.
 */
#include "expect.h"
#include "oom.h"

#include "base/tables/hash_map.h"

#include <stdlib.h>

#include "base/banned.h"

struct item {
    int key;
    UT_hash_handle hh;
};

#define ITEMS 200

START_TEST(finds_what_was_added)
{
    static struct item items[ITEMS];
    struct item *map = NULL, *found = NULL;
    for (int i = 0; i < ITEMS; i++) {
        items[i].key = i;
        HASH_ADD_INT(map, key, &items[i]);
        ck_assert(nv_hash_added(&items[i], hh));
    }
    for (int i = 0; i < ITEMS; i++) {
        HASH_FIND_INT(map, &i, found);
        ck_assert_ptr_eq(found, &items[i]);
    }
    int missing = ITEMS;
    HASH_FIND_INT(map, &missing, found);
    ck_assert_ptr_null(found);
    HASH_CLEAR(hh, map);
}
END_TEST

START_TEST(hash_is_seeded)
{
    int key = 7;
    unsigned hash = 0;
    HASH_FUNCTION(&key, sizeof key, hash);
    ck_assert_uint_eq(hash,
                      (unsigned)nv_str_hash((struct nv_str){(const char *)&key, sizeof key}));
}
END_TEST

START_TEST(no_memory_is_no_exit)
{
    static struct item items[ITEMS];
    for (unsigned long n = 1;; n++) {
        struct item *map = NULL, *found = NULL;
        unsigned added = 0, refused = 0;
        oom_fail_nth(n);
        for (int i = 0; i < ITEMS; i++) {
            items[i] = (struct item){.key = i};
            HASH_ADD_INT(map, key, &items[i]);
            added += nv_hash_added(&items[i], hh) ? 1 : 0;
            refused += nv_hash_added(&items[i], hh) ? 0 : 1;
        }
        bool failed = oom_end();
        ck_assert_uint_eq(refused, failed ? 1 : 0);
        ck_assert_uint_eq(HASH_COUNT(map), added);
        for (int i = 0; i < ITEMS; i++) {
            HASH_FIND_INT(map, &i, found);
            ck_assert(found == (nv_hash_added(&items[i], hh) ? &items[i] : NULL));
        }
        HASH_CLEAR(hh, map);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/hash_map");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, finds_what_was_added);
    tcase_add_test(tcase, hash_is_seeded);
    tcase_add_test(tcase, no_memory_is_no_exit);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
