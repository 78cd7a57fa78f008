/*
 * Every allocation of the journal fails once: when it is opened with records in it, committed
 * to, read, listed and given back. What was acknowledged is there afterwards.
 */
#include "expect.h"
#include "journal_kit.h"
#include "oom.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static struct journal_kit kit;
static uint64_t kept[3];

static void setup(void)
{
    journal_kit_init(&kit);
    journal_kit_open(&kit);
    kept[0] = journal_kit_put(&kit, NV_RECORD_TRACES, "one");
    uint64_t gone = journal_kit_put(&kit, NV_RECORD_TRACES, "gone");
    kept[1] = journal_kit_put(&kit, NV_RECORD_OUTBOX, "two");
    kept[2] = journal_kit_put(&kit, NV_RECORD_DEAD_LETTER, "three");
    nv_journal_release(kit.journal, &gone, 1);
    journal_kit_close(&kit);
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

static void expect_kept(void)
{
    journal_kit_expect(&kit, kept[0], "one");
    journal_kit_expect(&kit, kept[1], "two");
    journal_kit_expect(&kit, kept[2], "three");
}

START_TEST(opening_what_is_there)
{
    unsigned long n = 1;
    for (bool failed = true; failed; n++) {
        struct nv_fail fail = {0};
        oom_fail_nth(n);
        enum nv_err err = nv_journal_open(&kit.config, &kit.journal, &fail);
        failed = oom_end();
        if (err == NV_OK)
            expect_kept();
        else
            ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert(failed || err == NV_OK);
        journal_kit_close(&kit);
    }
    ck_assert_uint_gt(n, 5);
    journal_kit_open(&kit);
    expect_kept();
}
END_TEST

/* One use of an open journal; the first error. `*id` is the record committed, 0 without. */
static enum nv_err use(uint64_t *id)
{
    struct nv_journal_put put = {
        .kind = NV_RECORD_TRACES, .head = NV_STR("hd"), .body = NV_STR("new")};
    uint64_t *ids = NULL;
    size_t count = 0;
    struct nv_buf body;
    *id = 0;
    enum nv_err err = nv_journal_commit(kit.journal, &put, 1, true);
    if (err != NV_OK)
        return err;
    *id = put.id;
    nv_buf_init(&body, 1000);
    err = nv_journal_read_record(kit.journal, put.id, NULL, NULL, &body);
    nv_buf_release(&body);
    if (err == NV_OK)
        err = nv_journal_list(kit.journal, 1u << NV_RECORD_TRACES, &ids, &count);
    free(ids);
    nv_journal_maintain(kit.journal);
    return err;
}

START_TEST(using_it)
{
    for (unsigned long n = 1;; n++) {
        uint64_t id;
        journal_kit_open(&kit);
        oom_fail_nth(n);
        enum nv_err err = use(&id);
        bool failed = oom_end();
        if (err != NV_OK)
            ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert(failed || err == NV_OK);
        if (id != 0)
            journal_kit_expect(&kit, id, "new");
        journal_kit_reopen(&kit);
        expect_kept();
        if (id != 0) {
            journal_kit_expect(&kit, id, "new");
            nv_journal_release(kit.journal, &id, 1);
        }
        journal_kit_close(&kit);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_oom");
    for (int mode = 0; mode < 2; mode++) {
        TCase *tcase = tcase_create(mode ? "encrypted" : "plain");
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, mode ? setup_encrypted : setup, teardown);
        tcase_add_test(tcase, opening_what_is_there);
        tcase_add_test(tcase, using_it);
        suite_add_tcase(suite, tcase);
    }
    return nv_test_run(suite);
}
