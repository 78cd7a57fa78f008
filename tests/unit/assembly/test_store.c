/*
 * The journal as a store: outbox and dead letters survive a crash, are released, visited in
 * order, refused when there is no room, and damage in one does not hide the others.
 */
#include "expect.h"
#include "assembly_kit.h"
#include "journal_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;

static void setup(void)
{
    kit_init(&kit);
    kit_directory(&kit);
}

static void teardown(void)
{
    kit_release(&kit);
}

START_TEST(the_store_keeps_outbox_and_dead_letters)
{
    kit_start(&kit);
    const struct nv_store *store = nv_assembly_store(kit.assembly);
    uint64_t a;
    uint64_t b;
    ck_assert_int_eq(store->put(store->ctx, NV_RECORD_OUTBOX, NV_STR("h"), NV_STR("{1}"), &a),
                     NV_OK);
    ck_assert_int_eq(
        store->put(store->ctx, NV_RECORD_DEAD_LETTER, NV_STR("why"), NV_STR("{2}"), &b), NV_OK);
    kit_crash(&kit);
    kit_restart(&kit);
    store = nv_assembly_store(kit.assembly);
    struct nv_buf buf;
    nv_buf_init(&buf, 100);
    ck_assert_int_eq(store->get(store->ctx, b, &buf), NV_OK);
    ck_assert(nv_str_eq(nv_buf_str(&buf), NV_STR("{2}")));
    nv_buf_release(&buf);
    store->release(store->ctx, b);
    ck_assert_int_eq(store->get(store->ctx, b, &buf), NV_ERR_NOT_FOUND);
    ck_assert_int_eq(store->get(store->ctx, a, &buf), NV_OK);
    nv_buf_release(&buf);
    kit_advance(&kit, 3600000);
    ck_assert_uint_eq(kit.trace_count, 0);
}
END_TEST

struct visited {
    int count;
    char heads[64];
};

static void visit(void *ctx, uint64_t id, struct nv_str head, struct nv_str payload)
{
    struct visited *visited = ctx;
    (void)id;
    visited->count++;
    size_t at = strlen(visited->heads);
    snprintf(visited->heads + at, sizeof visited->heads - at, "%.*s=%.*s ", NV_STR_ARG(head),
             NV_STR_ARG(payload));
}

START_TEST(the_store_visits_in_order)
{
    kit_start(&kit);
    const struct nv_store *store = nv_assembly_store(kit.assembly);
    uint64_t id;
    for (int i = 0; i < 3; i++) {
        const struct nv_str heads[] = {NV_STR_INIT("a"), NV_STR_INIT("b"), NV_STR_INIT("c")};
        ck_assert_int_eq(store->put(store->ctx, NV_RECORD_OUTBOX, heads[i], NV_STR("x"), &id),
                         NV_OK);
    }
    struct visited visited = {0};
    ck_assert_int_eq(store->each(store->ctx, NV_RECORD_OUTBOX, visit, &visited), NV_OK);
    ck_assert_str_eq(visited.heads, "a=x b=x c=x ");
    ck_assert_int_eq(store->each(store->ctx, NV_RECORD_DEAD_LETTER, visit, &visited), NV_OK);
    ck_assert_int_eq(visited.count, 3);
}
END_TEST

/* put leaves the sync to the round that follows it, put_synced does not. */
START_TEST(what_takes_the_place_of_another_is_synced)
{
    struct journal_kit files;
    uint64_t id;
    journal_kit_init(&files);
    kit.config.file_ops = &files.ops;
    kit.config.durability = NV_DURABILITY_FSYNC;
    kit_start(&kit);
    const struct nv_store *store = nv_assembly_store(kit.assembly);
    struct nv_store synced = nv_store_synced(store);
    struct nv_str head = NV_STR("h"), payload = NV_STR("{1}");
    ck_assert_int_eq(store->put(store->ctx, NV_RECORD_OUTBOX, head, payload, &id), NV_OK);
    files.synced_fd = -1;
    ck_assert_int_eq(store->put(store->ctx, NV_RECORD_OUTBOX, head, payload, &id), NV_OK);
    ck_assert_int_eq(files.synced_fd, -1);
    ck_assert_int_eq(synced.put(synced.ctx, NV_RECORD_OUTBOX, head, payload, &id), NV_OK);
    ck_assert_int_ne(files.synced_fd, -1);
    /* One failing sync: the record is written again elsewhere. All of them: it is not there. */
    journal_kit_fail(&files, FAIL_FDATASYNC, 0, 1, EIO);
    ck_assert_int_eq(synced.put(synced.ctx, NV_RECORD_OUTBOX, head, payload, &id), NV_OK);
    ck_assert(journal_kit_failed(&files));
    ck_assert_int_ne(files.synced_fd, files.failed_fd);
    journal_kit_fail(&files, FAIL_FDATASYNC, 0, 100, EIO);
    ck_assert_int_eq(synced.put(synced.ctx, NV_RECORD_DEAD_LETTER, head, payload, &id),
                     NV_ERR_IO);
    ck_assert(journal_kit_failed(&files));
    struct visited visited = {0};
    ck_assert_int_eq(store->each(store->ctx, NV_RECORD_DEAD_LETTER, visit, &visited), NV_OK);
    ck_assert_int_eq(visited.count, 0);
    kit_stop(&kit);
    journal_kit_release(&files);
}
END_TEST

START_TEST(past_the_quota_it_says_full_and_releases_help)
{
    static char payload[60000];
    uint64_t ids[64];
    size_t count = 0;
    kit.config.journal_max_bytes = 16 * kit.config.journal_segment_bytes;
    kit_start(&kit);
    const struct nv_store *store = nv_assembly_store(kit.assembly);
    struct nv_str view = {payload, sizeof payload};
    enum nv_err err;
    while ((err = store->put(store->ctx, NV_RECORD_OUTBOX, NV_STR("h"), view, &ids[count])) ==
           NV_OK)
        ck_assert_uint_lt(++count, 64);
    ck_assert_int_eq(err, NV_ERR_FULL);
    struct nv_acceptor acceptor = nv_assembly_acceptor(kit.assembly);
    ck_assert_int_eq(acceptor.admit(acceptor.ctx, sizeof payload), NV_ERR_FULL);
    for (size_t i = 0; i < count; i++)
        store->release(store->ctx, ids[i]);
    nv_assembly_tick(kit.assembly);
    ck_assert_int_eq(store->put(store->ctx, NV_RECORD_OUTBOX, NV_STR("h"), view, &ids[0]),
                     NV_OK);
    ck_assert_int_eq(acceptor.admit(acceptor.ctx, sizeof payload), NV_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *tcase = tcase_create("store");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_store_keeps_outbox_and_dead_letters);
    tcase_add_test(tcase, the_store_visits_in_order);
    tcase_add_test(tcase, what_takes_the_place_of_another_is_synced);
    tcase_add_test(tcase, past_the_quota_it_says_full_and_releases_help);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
