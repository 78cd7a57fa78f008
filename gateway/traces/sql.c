/*
 * SQLite behind a dozen calls.
 *
 *   result of SQLite ──meaning()──▶ enum nv_err
 *
 * The handle of a query is SQLite's own statement under another name, so that no memory stands
 * beside it. A limit on time is kept by SQLite's progress handler, which is called every so
 * many steps of its machine: a search of all texts ends by itself, whatever was asked for.
 */
#include "gateway/traces/sql.h"

#include "base/clock.h"
#include "gateway/traces/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

/* The writer's transactions are short; a checkpoint of the log may take longer than one. */
#define BUSY_MS 2000
/* Steps of SQLite's machine between two looks at the clock: about a tenth of a millisecond. */
#define STEPS_BETWEEN_LOOKS 10000

struct nv_sql {
    sqlite3 *db;
    uint64_t deadline_ns; /* 0: none */
};

const char *nv_sql_library(void)
{
    return nv_sqlite_load(NULL) == NV_OK ? sqlite3_libversion() : "missing";
}

static sqlite3_stmt *statement_of(struct nv_sql_query *query)
{
    return (sqlite3_stmt *)(void *)query;
}

/* Of SQLite's extended codes the low byte is the plain one. */
static enum nv_err meaning(int code)
{
    static const struct {
        int code;
        enum nv_err err;
    } rows[] = {{SQLITE_OK, NV_OK},
                {SQLITE_ROW, NV_OK},
                {SQLITE_DONE, NV_OK},
                {SQLITE_NOMEM, NV_ERR_NO_MEMORY},
                {SQLITE_BUSY, NV_ERR_LOCKED},
                {SQLITE_LOCKED, NV_ERR_LOCKED},
                {SQLITE_FULL, NV_ERR_NO_SPACE},
                {SQLITE_INTERRUPT, NV_ERR_TIMEOUT},
                {SQLITE_TOOBIG, NV_ERR_TOO_LARGE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((code & 0xff) == rows[i].code)
            return rows[i].err;
    }
    return NV_ERR_IO;
}

static int look_at_clock(void *ctx)
{
    const struct nv_sql *sql = ctx;
    return sql->deadline_ns != 0 && nv_clock_mono_ns(nv_clock_system()) > sql->deadline_ns;
}

/* SQLite would make the file readable to all that the umask lets. */
static enum nv_err make_file(const char *path, struct nv_fail *fail)
{
    if (strcmp(path, ":memory:") == 0)
        return NV_OK;
    /* traces hold what people wrote; a link in a directory of others would have it written
     * elsewhere */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return nv_fail_set(fail, NV_ERR_IO, 0, "can't open \"%.200s\": %s", path,
                           strerror(errno));
    }
    (void)close(fd);
    return NV_OK;
}

enum nv_err nv_sql_open(const char *path, bool reads_only, struct nv_fail *fail,
                        struct nv_sql **out)
{
    assert(path != NULL && out != NULL);
    *out = NULL;
    enum nv_err err = nv_sqlite_load(fail);
    if (err == NV_OK)
        err = make_file(path, fail);
    if (err != NV_OK)
        return err;
    struct nv_sql *sql = calloc(1, sizeof *sql);
    if (!sql)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    /* no mutex of SQLite's: a handle is of one thread here */
    int code =
        sqlite3_open_v2(path, &sql->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    err = meaning(code);
    if (err == NV_OK) {
        (void)sqlite3_busy_timeout(sql->db, BUSY_MS);
        sqlite3_progress_handler(sql->db, STEPS_BETWEEN_LOOKS, look_at_clock, sql);
        /* a command reads whatever file it is pointed at: views and triggers in it call no
         * function that does more than compute */
        err = nv_sql_run(sql, "PRAGMA trusted_schema=0");
    }
    if (err == NV_OK && reads_only)
        err = nv_sql_run(sql, "PRAGMA query_only=1");
    if (err != NV_OK) {
        (void)nv_fail_set(fail, err, 0, "can't open \"%.200s\": %s", path, nv_sql_message(sql));
        nv_sql_close(sql);
        return err;
    }
    *out = sql;
    return NV_OK;
}

void nv_sql_close(struct nv_sql *sql)
{
    if (!sql)
        return;
    (void)sqlite3_close(sql->db);
    free(sql);
}

void nv_sql_limit(struct nv_sql *sql, uint32_t ms)
{
    sql->deadline_ns = ms != 0 ? nv_clock_mono_ns(nv_clock_system()) + ms * NV_NS_PER_MS : 0;
}

enum nv_err nv_sql_run(struct nv_sql *sql, const char *text)
{
    return meaning(sqlite3_exec(sql->db, text, NULL, NULL, NULL));
}

const char *nv_sql_message(const struct nv_sql *sql)
{
    return sqlite3_errmsg(sql->db);
}

/* A virtual table whose own tables are damaged can't be made, which is an error of no kind. */
bool nv_sql_is_damaged(const struct nv_sql *sql)
{
    return (sqlite3_errcode(sql->db) & 0xff) == SQLITE_CORRUPT ||
           strstr(sqlite3_errmsg(sql->db), "vtable constructor failed") != NULL;
}

int64_t nv_sql_last_id(const struct nv_sql *sql)
{
    return sqlite3_last_insert_rowid(sql->db);
}

/* ---- queries ----------------------------------------------------------------------------- */

enum nv_err nv_sql_prepare(struct nv_sql *sql, const char *text, struct nv_sql_query **out)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(sql->db, text, -1, &statement, NULL);
    *out = (struct nv_sql_query *)(void *)statement;
    return meaning(code);
}

void nv_sql_finish(struct nv_sql_query *query)
{
    (void)sqlite3_finalize(statement_of(query));
}

/* Binding fails for a wrong index or without memory; the step that follows then fails, and is
 * where it is looked at. */
void nv_sql_bind_int(struct nv_sql_query *query, int at, int64_t value)
{
    (void)sqlite3_bind_int64(statement_of(query), at, value);
}

void nv_sql_bind_double(struct nv_sql_query *query, int at, double value)
{
    (void)sqlite3_bind_double(statement_of(query), at, value);
}

void nv_sql_bind_known(struct nv_sql_query *query, int at, double value)
{
    if (value < 0)
        (void)sqlite3_bind_null(statement_of(query), at);
    else
        (void)sqlite3_bind_double(statement_of(query), at, value);
}

void nv_sql_bind_text(struct nv_sql_query *query, int at, struct nv_str value)
{
    if (value.ptr) {
        (void)sqlite3_bind_text64(statement_of(query), at, value.ptr, value.len, SQLITE_STATIC,
                                  SQLITE_UTF8);
    } else {
        (void)sqlite3_bind_null(statement_of(query), at);
    }
}

enum nv_err nv_sql_step(struct nv_sql_query *query, bool *row)
{
    int code = sqlite3_step(statement_of(query));
    *row = code == SQLITE_ROW;
    return meaning(code);
}

enum nv_err nv_sql_do(struct nv_sql_query *query)
{
    bool row = false;
    enum nv_err err = nv_sql_step(query, &row);
    nv_sql_reset(query);
    return err;
}

/* Bindings are cleared as well: they are views, and what they viewed may be gone at the next
 * step. */
void nv_sql_reset(struct nv_sql_query *query)
{
    (void)sqlite3_reset(statement_of(query));
    (void)sqlite3_clear_bindings(statement_of(query));
}

bool nv_sql_is_null(struct nv_sql_query *query, int at)
{
    return sqlite3_column_type(statement_of(query), at) == SQLITE_NULL;
}

int64_t nv_sql_int(struct nv_sql_query *query, int at)
{
    return sqlite3_column_int64(statement_of(query), at);
}

double nv_sql_double(struct nv_sql_query *query, int at)
{
    return sqlite3_column_double(statement_of(query), at);
}

struct nv_str nv_sql_text(struct nv_sql_query *query, int at)
{
    const unsigned char *text = sqlite3_column_text(statement_of(query), at);
    int len = sqlite3_column_bytes(statement_of(query), at);
    return (struct nv_str){(const char *)text, text ? (size_t)len : 0};
}
