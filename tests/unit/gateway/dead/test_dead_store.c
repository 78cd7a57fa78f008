/*
 * The journal of a stopped gateway as a store: records put, read, visited and let go, the lock
 * that a gateway holds, directories that are none, damage.
 */
#include "expect.h"
#include "gateway/dead/dead_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static char directory[64];
static struct nv_options options;
static struct nv_fail fail;
static struct nv_dead_store store;

static void set_up(void)
{
    (void)snprintf(directory, sizeof directory, "/tmp/noveum-dead-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    options = (struct nv_options){.journal_directory = directory,
                                  .journal_max_bytes = UINT64_C(1) << 30};
    fail = (struct nv_fail){0};
    store = (struct nv_dead_store){0};
}

static void tear_down(void)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static void open_store(void)
{
    enum nv_err err = nv_dead_store_open(&options, &store, &fail);
    ck_assert_msg(err == NV_OK, "%s", fail.what);
}

static uint64_t put(enum nv_record_kind kind, const char *head, const char *body)
{
    uint64_t id = 0;
    ck_assert_int_eq(
        store.store.put(store.store.ctx, kind, nv_str_from(head), nv_str_from(body), &id),
        NV_OK);
    ck_assert_uint_ne(id, 0);
    return id;
}

/* What a visit saw, as text: "head=body ". */
static struct nv_buf seen;

static void note(void *ctx, uint64_t id, struct nv_str head, struct nv_str payload)
{
    ck_assert_ptr_eq(ctx, &seen);
    ck_assert_uint_ne(id, 0);
    (void)nv_buf_printf(&seen, "%.*s=%.*s ", NV_STR_ARG(head), NV_STR_ARG(payload));
}

static const char *visited(enum nv_record_kind kind)
{
    static char text[256];
    nv_buf_init(&seen, sizeof text);
    ck_assert_int_eq(store.store.each(store.store.ctx, kind, note, &seen), NV_OK);
    (void)snprintf(text, sizeof text, "%.*s", NV_STR_ARG(nv_buf_str(&seen)));
    nv_buf_release(&seen);
    return text;
}

START_TEST(records_survive_closing)
{
    struct nv_buf body;
    open_store();
    uint64_t id = put(NV_RECORD_DEAD_LETTER, "h1", "b1");
    (void)put(NV_RECORD_DEAD_LETTER, "h2", "b2");
    (void)put(NV_RECORD_OUTBOX, "h3", "b3");
    nv_dead_store_close(&store);
    ck_assert_ptr_null(store.journal);
    open_store();
    ck_assert_str_eq(visited(NV_RECORD_DEAD_LETTER), "h1=b1 h2=b2 ");
    ck_assert_str_eq(visited(NV_RECORD_OUTBOX), "h3=b3 ");
    nv_buf_init(&body, 100);
    ck_assert_int_eq(store.store.get(store.store.ctx, id, &body), NV_OK);
    ck_assert_nv_str(nv_buf_str(&body), "b1");
    nv_buf_release(&body);
    nv_dead_store_close(&store);
}
END_TEST

START_TEST(what_is_let_go_is_gone)
{
    struct nv_buf body;
    open_store();
    uint64_t id = put(NV_RECORD_DEAD_LETTER, "h1", "b1");
    (void)put(NV_RECORD_DEAD_LETTER, "h2", "b2");
    store.store.release(store.store.ctx, id);
    ck_assert_str_eq(visited(NV_RECORD_DEAD_LETTER), "h2=b2 ");
    nv_buf_init(&body, 100);
    ck_assert_int_eq(store.store.get(store.store.ctx, id, &body), NV_ERR_NOT_FOUND);
    ck_assert_int_eq(store.store.get(store.store.ctx, 12345, &body), NV_ERR_NOT_FOUND);
    ck_assert_uint_eq(body.len, 0);
    nv_buf_release(&body);
    nv_dead_store_close(&store);
    open_store();
    ck_assert_str_eq(visited(NV_RECORD_DEAD_LETTER), "h2=b2 ");
    nv_dead_store_close(&store);
}
END_TEST

START_TEST(who_has_it_open_locks_it)
{
    struct nv_dead_store second = {0};
    open_store();
    ck_assert_int_eq(nv_dead_store_open(&options, &second, &fail), NV_ERR_LOCKED);
    ck_assert_ptr_null(second.journal);
    nv_dead_store_close(&store);
    ck_assert_int_eq(nv_dead_store_open(&options, &second, &fail), NV_OK);
    nv_dead_store_close(&second);
}
END_TEST

/* Opening makes what is missing: a mistyped name must not look like an empty journal. */
START_TEST(a_directory_that_is_not_there_is_not_made)
{
    char missing[100];
    (void)snprintf(missing, sizeof missing, "%s/missing", directory);
    options.journal_directory = missing;
    ck_assert_int_eq(nv_dead_store_open(&options, &store, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "there is no journal in"));
    ck_assert_int_ne(access(missing, F_OK), 0);
    static char no_directory[] = "/etc/hostname";
    options.journal_directory = no_directory;
    fail = (struct nv_fail){0};
    ck_assert_int_ne(nv_dead_store_open(&options, &store, &fail), NV_OK);
    ck_assert_str_ne(fail.what, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/dead_store");
    TCase *tcase = tcase_create("store");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, records_survive_closing);
    tcase_add_test(tcase, what_is_let_go_is_gone);
    tcase_add_test(tcase, who_has_it_open_locks_it);
    tcase_add_test(tcase, a_directory_that_is_not_there_is_not_made);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
