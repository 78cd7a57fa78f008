/*
 * Traces put in and taken out: the same one twice, each limit at it and past it, undo, reopen.
 */
#include "expect.h"
#include "oom.h"
#include "traces_kit.h"

#include <stdio.h>

#include "base/banned.h"

static struct traces_kit kit;

static struct kit_trace numbered(unsigned number)
{
    static char ids[100][33];
    (void)snprintf(ids[number], sizeof ids[number], "%032x", number + 1);
    return (struct kit_trace){.id = ids[number],
                              .model = "m",
                              .question = "question",
                              .answer = "answer",
                              .start_ms = 1700000000000 + number * 1000,
                              .ms = 5,
                              .cost = -1};
}

static void put(unsigned first, unsigned count, int64_t now_ms)
{
    for (unsigned i = first; i < first + count; i++) {
        struct kit_trace trace = numbered(i);
        traces_kit_put(&kit, &trace, now_ms);
    }
}

static int64_t rows_of(const char *table)
{
    char text[80];
    struct nv_sql_query *query = NULL;
    bool row = false;
    (void)snprintf(text, sizeof text, "SELECT count(*) FROM %s", table);
    ck_assert_int_eq(nv_sql_prepare(kit.reader, text, &query), NV_OK);
    ck_assert_int_eq(nv_sql_step(query, &row), NV_OK);
    int64_t count = nv_sql_int(query, 0);
    nv_sql_finish(query);
    return count;
}

START_TEST(a_trace_that_comes_again_replaces_itself)
{
    traces_kit_init(&kit, NULL);
    put(0, 2, 0);
    put(0, 1, 0);
    ck_assert_int_eq(traces_kit_count(&kit), 2);
    ck_assert_int_eq(nv_shelf_last(kit.shelf), 3);
    ck_assert_int_eq(rows_of("body"), 2);
    ck_assert_int_eq(rows_of("words"), 2);
    ck_assert_int_eq(rows_of("found WHERE found MATCH '\"question\"'"), 2);
    traces_kit_release(&kit);
}
END_TEST

START_TEST(so_many_traces_and_no_more)
{
    traces_kit_init(&kit, &(struct nv_shelf_limits){.traces = 3});
    put(0, 3, 0);
    ck_assert_int_eq(traces_kit_count(&kit), 3);
    put(3, 1, 0);
    ck_assert_int_eq(traces_kit_count(&kit), 3);
    ck_assert_int_eq(rows_of("trace WHERE id=1"), 0);
    ck_assert_int_eq(rows_of("mention WHERE trace=1"), 0);
    ck_assert_int_eq(rows_of("found WHERE found MATCH '\"question\"'"), 3);
    traces_kit_release(&kit);
}
END_TEST

START_TEST(so_old_and_no_older)
{
    traces_kit_init(&kit, &(struct nv_shelf_limits){.age_ms = 1000});
    put(0, 1, 1700000001000);
    ck_assert_int_eq(traces_kit_count(&kit), 1);
    put(1, 1, 1700000001001);
    ck_assert_int_eq(traces_kit_count(&kit), 1);
    traces_kit_release(&kit);
}
END_TEST

START_TEST(so_many_bytes_and_no_more)
{
    struct kit_trace trace = numbered(0);
    struct nv_buf json;
    nv_buf_init(&json, 1u << 20);
    traces_kit_write(&trace, &json);
    traces_kit_init(&kit, &(struct nv_shelf_limits){.bytes = 2 * json.len});
    nv_buf_release(&json);
    put(0, 2, 0);
    ck_assert_int_eq(traces_kit_count(&kit), 2);
    put(2, 1, 0);
    ck_assert_int_eq(traces_kit_count(&kit), 2);
    traces_kit_release(&kit);
}
END_TEST

START_TEST(what_is_undone_was_never_there)
{
    traces_kit_init(&kit, NULL);
    put(0, 1, 0);
    ck_assert_int_eq(nv_shelf_begin(kit.shelf), NV_OK);
    nv_shelf_undo(kit.shelf);
    nv_shelf_undo(kit.shelf); /* without a transaction: nothing */
    put(1, 1, 0);
    ck_assert_int_eq(traces_kit_count(&kit), 2);
    traces_kit_release(&kit);
}
END_TEST

START_TEST(it_is_there_again_when_opened_again)
{
    struct nv_fail fail = {0};
    struct nv_shelf *again = NULL;
    traces_kit_init(&kit, NULL);
    put(0, 2, 0);
    nv_shelf_close(kit.shelf);
    kit.shelf = NULL;
    ck_assert_int_eq(nv_shelf_open(kit.path, &(struct nv_shelf_limits){0}, &fail, &again),
                     NV_OK);
    ck_assert_int_eq(nv_shelf_last(again), 2);
    ck_assert_str_eq(nv_shelf_message(again), "not an error");
    nv_shelf_close(again);
    traces_kit_release(&kit);
}
END_TEST

START_TEST(another_versions_file_is_made_anew)
{
    struct nv_fail fail = {0};
    struct nv_shelf *again = NULL;
    struct nv_sql *sql = NULL;
    traces_kit_init(&kit, NULL);
    put(0, 1, 0);
    nv_shelf_close(kit.shelf);
    kit.shelf = NULL;
    ck_assert_int_eq(nv_sql_open(kit.path, false, &fail, &sql), NV_OK);
    ck_assert_int_eq(nv_sql_run(sql, "PRAGMA user_version=99"), NV_OK);
    nv_sql_close(sql);
    ck_assert_int_eq(nv_shelf_open(kit.path, &(struct nv_shelf_limits){0}, &fail, &again),
                     NV_OK);
    ck_assert_int_eq(nv_shelf_last(again), 0);
    nv_shelf_close(again);
    traces_kit_release(&kit);
}
END_TEST

/* Its tables from byte `from` on are overwritten. */
static void damage(const char *path, long from)
{
    FILE *file = fopen(path, "r+");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    long end = ftell(file);
    ck_assert_int_eq(fseek(file, from, SEEK_SET), 0);
    for (long at = from; at < end; at++)
        (void)fputc('Z', file);
    (void)fclose(file);
}

START_TEST(a_damaged_file_is_set_aside_and_made_anew)
{
    struct nv_fail fail = {0};
    struct nv_shelf *again = NULL;
    char aside[160];
    traces_kit_init(&kit, NULL);
    put(0, 1, 0);
    nv_shelf_close(kit.shelf);
    kit.shelf = NULL;
    damage(kit.path, _i == 0 ? 200 : 4096); /* the first page's tables, or the others */
    ck_assert_int_eq(nv_shelf_open(kit.path, &(struct nv_shelf_limits){0}, &fail, &again),
                     NV_OK);
    ck_assert_int_eq(nv_shelf_last(again), 0);
    nv_shelf_close(again);
    (void)snprintf(aside, sizeof aside, "%s.damaged", kit.path);
    ck_assert_int_eq(remove(aside), 0);
    traces_kit_release(&kit);
}
END_TEST

START_TEST(a_file_that_is_none_is_named)
{
    struct nv_fail fail = {0};
    struct nv_shelf *shelf = NULL;
    char path[160];
    traces_kit_init(&kit, NULL);
    (void)snprintf(path, sizeof path, "%s/other", kit.directory);
    FILE *file = fopen(path, "w");
    (void)fputs("this is a text and no database, and long enough to be looked at as one ....",
                file);
    (void)fclose(file);
    ck_assert_int_eq(nv_shelf_open(path, &(struct nv_shelf_limits){0}, &fail, &shelf),
                     NV_ERR_IO);
    ck_assert_ptr_nonnull(strstr(fail.what, path));
    (void)remove(path);
    traces_kit_release(&kit);
}
END_TEST

START_TEST(without_memory_it_is_not_opened)
{
    struct nv_fail fail = {0};
    struct nv_shelf *shelf = NULL;
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err =
            nv_shelf_open(":memory:", &(struct nv_shelf_limits){0}, &fail, &shelf);
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert_ptr_null(shelf);
    }
    nv_shelf_close(shelf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/traces/trace_shelf");
    TCase *tcase = tcase_create("shelf");
    tcase_add_test(tcase, a_trace_that_comes_again_replaces_itself);
    tcase_add_test(tcase, so_many_traces_and_no_more);
    tcase_add_test(tcase, so_old_and_no_older);
    tcase_add_test(tcase, so_many_bytes_and_no_more);
    tcase_add_test(tcase, what_is_undone_was_never_there);
    tcase_add_test(tcase, it_is_there_again_when_opened_again);
    tcase_add_test(tcase, another_versions_file_is_made_anew);
    tcase_add_loop_test(tcase, a_damaged_file_is_set_aside_and_made_anew, 0, 2);
    tcase_add_test(tcase, a_file_that_is_none_is_named);
    tcase_add_test(tcase, without_memory_it_is_not_opened);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
