/*
 * SQLite by its table: every row is set, and it is that library.
 */
#include "expect.h"

#include "gateway/traces/sqlite.h"

#include "base/banned.h"

START_TEST(every_row_is_set)
{
    void *const *pointers = (void *const *)(void *)&nv_sqlite;
    ck_assert_int_eq(nv_sqlite_load(NULL), NV_OK);
    for (size_t i = 0; i < sizeof nv_sqlite / sizeof(void *); i++)
        ck_assert_ptr_nonnull(pointers[i]);
    ck_assert_int_eq(sqlite3_libversion()[0], '3');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/sqlite");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, every_row_is_set);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
