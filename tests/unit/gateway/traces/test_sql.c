/*
 * SQLite behind our calls: values in and out, errors by their meaning, limits.
 */
#include "expect.h"
#include "oom.h"
#include "traces_kit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_sql *sql;
static struct nv_fail fail;

static void set_up(void)
{
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_sql_open(":memory:", false, &fail, &sql), NV_OK);
    ck_assert_int_eq(
        nv_sql_run(sql, "CREATE TABLE t(id INTEGER PRIMARY KEY,a TEXT UNIQUE,b REAL)"), NV_OK);
}

static void tear_down(void)
{
    nv_sql_close(sql);
}

static enum nv_err insert(struct nv_str text, double number)
{
    struct nv_sql_query *query = NULL;
    ck_assert_int_eq(nv_sql_prepare(sql, "INSERT INTO t(a,b) VALUES(?,?)", &query), NV_OK);
    nv_sql_bind_text(query, 1, text);
    nv_sql_bind_known(query, 2, number);
    enum nv_err err = nv_sql_do(query);
    nv_sql_finish(query);
    return err;
}

START_TEST(values_come_back_as_they_went_in)
{
    struct nv_sql_query *query = NULL;
    bool row = false;
    ck_assert_int_eq(insert(NV_STR("x'; DROP TABLE t; --"), 2.5), NV_OK);
    ck_assert_int_eq(insert((struct nv_str){NULL, 0}, -1.0), NV_OK);
    ck_assert_int_eq(nv_sql_last_id(sql), 2);
    ck_assert_int_eq(
        nv_sql_prepare(sql, "SELECT a,b,id FROM t WHERE id>=? AND ?=3.5 ORDER BY id", &query),
        NV_OK);
    nv_sql_bind_int(query, 1, 1);
    nv_sql_bind_double(query, 2, 3.5);
    ck_assert_int_eq(nv_sql_step(query, &row), NV_OK);
    ck_assert(row);
    ck_assert_nv_str(nv_sql_text(query, 0), "x'; DROP TABLE t; --");
    ck_assert_double_eq(nv_sql_double(query, 1), 2.5);
    ck_assert_int_eq(nv_sql_step(query, &row), NV_OK);
    ck_assert(nv_sql_is_null(query, 0) && nv_sql_is_null(query, 1));
    ck_assert_int_eq(nv_sql_int(query, 2), 2);
    ck_assert_int_eq(nv_sql_step(query, &row), NV_OK);
    ck_assert(!row);
    nv_sql_reset(query);
    nv_sql_finish(query);
}
END_TEST

START_TEST(what_can_not_be_says_so)
{
    struct nv_sql_query *query = NULL;
    ck_assert_int_eq(insert(NV_STR("a"), 1), NV_OK);
    ck_assert_int_eq(insert(NV_STR("a"), 1), NV_ERR_IO);
    ck_assert_ptr_nonnull(strstr(nv_sql_message(sql), "UNIQUE"));
    ck_assert_int_eq(nv_sql_prepare(sql, "SELECT nothing", &query), NV_ERR_IO);
    ck_assert_ptr_null(query);
    nv_sql_finish(query);
    ck_assert_int_eq(nv_sql_run(sql, "not SQL"), NV_ERR_IO);
}
END_TEST

START_TEST(a_look_that_takes_too_long_ends)
{
    static const char endless[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n";
    nv_sql_limit(sql, 20);
    ck_assert_int_eq(nv_sql_run(sql, endless), NV_ERR_TIMEOUT);
    nv_sql_limit(sql, 0);
    ck_assert_int_eq(nv_sql_run(sql, "SELECT 1"), NV_OK);
}
END_TEST

START_TEST(a_file_is_its_owners_and_a_reader_only_reads)
{
    struct traces_kit kit;
    struct stat info;
    traces_kit_init(&kit, NULL);
    ck_assert_int_eq(stat(kit.path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0600);
    ck_assert_int_eq(nv_sql_run(kit.reader, "DELETE FROM trace"), NV_ERR_IO);
    traces_kit_release(&kit);
}
END_TEST

static int64_t pragma(struct nv_sql *of, const char *text)
{
    struct nv_sql_query *query = NULL;
    bool row = false;
    ck_assert_int_eq(nv_sql_prepare(of, text, &query), NV_OK);
    ck_assert_int_eq(nv_sql_step(query, &row), NV_OK);
    ck_assert(row);
    int64_t value = nv_sql_int(query, 0);
    nv_sql_finish(query);
    return value;
}

START_TEST(no_connection_trusts_the_schema_of_the_file)
{
    struct nv_sql *reader = NULL;
    ck_assert_int_eq(nv_sql_open(":memory:", true, &fail, &reader), NV_OK);
    ck_assert_int_eq(pragma(reader, "PRAGMA query_only"), 1);
    ck_assert_int_eq(pragma(reader, "PRAGMA trusted_schema"), 0);
    ck_assert_int_eq(pragma(sql, "PRAGMA query_only"), 0);
    ck_assert_int_eq(pragma(sql, "PRAGMA trusted_schema"), 0);
    nv_sql_close(reader);
}
END_TEST

START_TEST(what_is_no_file_is_named)
{
    struct nv_sql *other = NULL;
    ck_assert_int_eq(nv_sql_open("/nowhere/traces.db", false, &fail, &other), NV_ERR_IO);
    ck_assert_ptr_null(other);
    ck_assert_ptr_nonnull(strstr(fail.what, "/nowhere/traces.db"));
}
END_TEST

START_TEST(without_memory_it_is_not_opened)
{
    struct nv_sql *other = NULL;
    oom_fail_nth(1);
    enum nv_err err = nv_sql_open(":memory:", false, &fail, &other);
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    ck_assert_ptr_null(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/traces/sql");
    TCase *tcase = tcase_create("sql");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, values_come_back_as_they_went_in);
    tcase_add_test(tcase, what_can_not_be_says_so);
    tcase_add_test(tcase, a_look_that_takes_too_long_ends);
    tcase_add_test(tcase, a_file_is_its_owners_and_a_reader_only_reads);
    tcase_add_test(tcase, no_connection_trusts_the_schema_of_the_file);
    tcase_add_test(tcase, what_is_no_file_is_named);
    tcase_add_test(tcase, without_memory_it_is_not_opened);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
