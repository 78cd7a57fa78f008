/*
 * Refusals: past the quota and on a full disk, until something is released.
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

static void teardown(void)
{
    journal_kit_release(&kit);
}

START_TEST(past_the_quota_it_is_full_until_something_is_released)
{
    kit.config.max_bytes = 3 * kit.config.segment_bytes;
    journal_kit_open(&kit);
    struct nv_journal_put put = {.kind = NV_RECORD_TRACES,
                                 .body = NV_STR("12345678901234567890")};
    uint64_t ids[4096];
    size_t count = 0;
    enum nv_err err = NV_OK;
    char *body = calloc(1, 4000);
    put.body = (struct nv_str){body, 4000};
    while ((err = nv_journal_commit(kit.journal, &put, 1, true)) == NV_OK)
        ids[count++] = put.id;
    ck_assert_int_eq(err, NV_ERR_FULL);
    ck_assert(nv_journal_is_full(kit.journal, 4000));
    ck_assert(nv_journal_is_full(kit.journal, 0));
    nv_journal_release(kit.journal, ids, count / 2);
    nv_journal_maintain(kit.journal);
    ck_assert_int_eq(nv_journal_commit(kit.journal, &put, 1, true), NV_OK);
    ck_assert(!nv_journal_is_full(kit.journal, 4000));
    free(body);
}
END_TEST

START_TEST(a_full_disk_is_said_and_releases_still_work)
{
    journal_kit_open(&kit);
    uint64_t ids[8];
    char *body = calloc(1, 9000);
    memset(body, 'd', 8999);
    for (int i = 0; i < 8; i++)
        ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, body);
    journal_kit_fail(&kit, FAIL_FALLOCATE, 0, 1000, ENOSPC);
    struct nv_journal_put put = {.kind = NV_RECORD_TRACES, .body = {body, 9000}};
    enum nv_err err;
    int more = 0;
    while ((err = nv_journal_commit(kit.journal, &put, 1, true)) == NV_OK)
        more++;
    ck_assert_int_eq(err, NV_ERR_NO_SPACE);
    ck_assert_int_le(more, 8);
    nv_journal_release(kit.journal, ids, 8);
    nv_journal_maintain(kit.journal);
    ck_assert_int_eq(nv_journal_commit(kit.journal, &put, 1, true),
                     NV_OK); /* a file was freed */
    free(body);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_refusal");
    TCase *tcase = tcase_create("journal_refusal");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, past_the_quota_it_is_full_until_something_is_released);
    tcase_add_test(tcase, a_full_disk_is_said_and_releases_still_work);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
