/*
 * The index: what is committed is read back, what is released is gone and squeezed out.
 */
#include "expect.h"
#include "journal/journal_internal.h"
#include "journal_kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct journal_kit kit;

static void setup(void)
{
    journal_kit_init(&kit);
}

static void setup_encrypted(void)
{
    journal_kit_encrypted = true;
    setup();
    journal_kit_encrypted = false;
}

static void teardown(void)
{
    journal_kit_release(&kit);
}

START_TEST(what_is_committed_is_read_back)
{
    journal_kit_open(&kit);
    uint64_t a = journal_kit_put(&kit, NV_RECORD_TRACES, "first");
    uint64_t b = journal_kit_put(&kit, NV_RECORD_OUTBOX, "");
    ck_assert_uint_eq(b, a + 1);
    journal_kit_expect(&kit, a, "first");
    journal_kit_expect(&kit, b, "");
    char part[3];
    ck_assert_int_eq(nv_journal_read_body(kit.journal, a, 1, 3, part), NV_OK);
    ck_assert_mem_eq(part, "irs", 3);
    ck_assert_int_eq(nv_journal_read_body(kit.journal, 99, 0, 1, part), NV_ERR_NOT_FOUND);
}
END_TEST

START_TEST(what_is_released_is_squeezed_out_and_the_rest_is_found)
{
    enum { MANY = 2000, KEPT_EACH = 10 };
    static uint64_t ids[MANY];
    kit.config.sync = false;
    journal_kit_open(&kit);
    for (int i = 0; i < MANY; i++)
        ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, "x");
    for (int i = 0; i < MANY; i++) {
        if (i % KEPT_EACH != 0)
            nv_journal_release(kit.journal, &ids[i], 1);
    }
    ck_assert_uint_eq(kit.journal->dead_entries, MANY - MANY / KEPT_EACH);
    uint64_t last = journal_kit_put(&kit, NV_RECORD_OUTBOX, "y");
    ck_assert_uint_eq(kit.journal->dead_entries, 0);
    ck_assert_uint_eq(kit.journal->entry_count, MANY / KEPT_EACH + 1);
    for (int i = 0; i < MANY; i += KEPT_EACH)
        journal_kit_expect(&kit, ids[i], "x");
    journal_kit_expect(&kit, last, "y");
    ck_assert_uint_eq(nv_journal_oldest(kit.journal, 1u << NV_RECORD_OUTBOX), last);
    nv_journal_release(kit.journal, &ids[0], 1);
    ck_assert_uint_eq(nv_journal_oldest(kit.journal, 1u << NV_RECORD_TRACES), ids[KEPT_EACH]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_index");
    for (int mode = 0; mode < 2; mode++) {
        TCase *tcase = tcase_create(mode ? "encrypted" : "plain");
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, mode ? setup_encrypted : setup, teardown);
        tcase_add_test(tcase, what_is_committed_is_read_back);
        tcase_add_test(tcase, what_is_released_is_squeezed_out_and_the_rest_is_found);
        suite_add_tcase(suite, tcase);
    }
    return nv_test_run(suite);
}
