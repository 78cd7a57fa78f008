/*
 * Records appended: groups that span files, records of one file each, slots that are used up.
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

START_TEST(a_group_spans_files_and_large_records_get_their_own)
{
    journal_kit_open(&kit);
    char *body = malloc(100001);
    memset(body, 'x', 100000);
    body[100000] = 0;
    uint64_t large = journal_kit_put(&kit, NV_RECORD_TRACES, body);
    uint64_t ids[40];
    struct nv_journal_put puts[40] = {{0}};
    for (int i = 0; i < 40; i++)
        puts[i] = (struct nv_journal_put){.kind = NV_RECORD_TRACES, .body = {body, 3000}};
    ck_assert_int_eq(nv_journal_commit(kit.journal, puts, 40, true), NV_OK);
    for (int i = 0; i < 40; i++)
        ids[i] = puts[i].id;
    journal_kit_reopen(&kit);
    journal_kit_expect(&kit, large, body);
    body[3000] = 0;
    for (int i = 0; i < 40; i++)
        journal_kit_expect(&kit, ids[i], body);
    free(body);
}
END_TEST

START_TEST(small_records_use_up_the_slots)
{
    kit.config.segment_bytes = 1u << 20;
    kit.config.sync = false;
    journal_kit_open(&kit);
    for (int i = 0; i < 5000; i++)
        journal_kit_put(&kit, NV_RECORD_TRACES, "x");
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.segments, 2);
    journal_kit_reopen(&kit);
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.records, 5000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_append");
    for (int mode = 0; mode < 2; mode++) {
        TCase *tcase = tcase_create(mode ? "encrypted" : "plain");
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, mode ? setup_encrypted : setup, teardown);
        tcase_add_test(tcase, a_group_spans_files_and_large_records_get_their_own);
        tcase_add_test(tcase, small_records_use_up_the_slots);
        suite_add_tcase(suite, tcase);
    }
    return nv_test_run(suite);
}
