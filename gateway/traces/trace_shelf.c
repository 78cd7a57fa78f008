/*
 * Traces in SQLite: the writing side.
 *
 * The index of texts is FTS5's with trigrams, so that a part of a word is found in any script;
 * it keeps no text of its own (content='words') and is told by hand what goes in and out. WAL
 * lets readers read while this writes; `synchronous=NORMAL` may lose the last commits to a
 * power cut, never the file: everything here is a copy.
 *
 *   trace    a row, what lists show and sort by        body   the JSON, read one at a time
 *   mention  (kind, name, trace): filters, sums        words  what search looks through ─▶ found
 *
 * The JSON stands in a table of its own so that rows are short: a list of 50 must not drag 50
 * bodies through the cache. Ids only grow (AUTOINCREMENT), which is what the live list asks by,
 * and the oldest is the lowest. Numbers that are kept here (traces, bytes) follow the
 * transaction: they are set back with it.
 */
#include "gateway/traces/trace_shelf.h"

#include "base/log/log.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

/* Of the schema below: a file of another number is made anew, for it holds copies only. */
#define SCHEMA_VERSION 2
#define TEXT_OF(number) #number
#define NUMBER_TEXT(number) TEXT_OF(number)

static const char settings[] = "PRAGMA auto_vacuum=INCREMENTAL;"
                               "PRAGMA journal_mode=WAL;"
                               "PRAGMA synchronous=NORMAL;"
                               "PRAGMA journal_size_limit=67108864;";

static const char schema[] =
    "CREATE TABLE trace("
    "id INTEGER PRIMARY KEY AUTOINCREMENT,trace_id TEXT NOT NULL UNIQUE,source_id TEXT NOT "
    "NULL,"
    "name TEXT,kind TEXT,status TEXT,status_message TEXT,service TEXT,session TEXT,user TEXT,"
    "model TEXT,question TEXT,answer TEXT,start_us INTEGER,duration_ms REAL,input_tokens "
    "INTEGER,output_tokens INTEGER,tokens INTEGER,cost REAL,first_token_ms REAL,span_count "
    "INTEGER,"
    "error_count INTEGER,bytes INTEGER);"
    "CREATE INDEX trace_start ON trace(start_us,id);"
    "CREATE INDEX trace_duration ON trace(duration_ms,id);"
    "CREATE INDEX trace_cost ON trace(ifnull(cost,-1),id);"
    "CREATE INDEX trace_tokens ON trace(tokens,id);"
    "CREATE INDEX trace_source ON trace(source_id);"
    "CREATE INDEX trace_session ON trace(session,start_us);"
    "CREATE TABLE body(id INTEGER PRIMARY KEY,json TEXT NOT NULL,explained TEXT);"
    "CREATE TABLE mention("
    "kind TEXT,name TEXT,trace INTEGER,calls INTEGER,errors INTEGER,input_tokens INTEGER,"
    "output_tokens INTEGER,cost REAL,duration_ms REAL,PRIMARY KEY(kind,name,trace)) WITHOUT "
    "ROWID;"
    "CREATE INDEX mention_trace ON mention(trace);"
    "CREATE TABLE words(id INTEGER PRIMARY KEY,text TEXT NOT NULL);"
    "CREATE VIRTUAL TABLE found USING fts5(text,content='words',content_rowid='id',"
    "tokenize='trigram');";

/* Dependent tables first; `words` is what `found` reads. */
static const char unmake[] =
    "DROP TABLE IF EXISTS found;DROP TABLE IF EXISTS words;DROP TABLE IF EXISTS mention;"
    "DROP TABLE IF EXISTS body;DROP TABLE IF EXISTS trace;";

/* X(id, SQL): what is prepared once. */
#define QUERY_TABLE(X)                                                                         \
    X(PUT_TRACE, "INSERT INTO trace(trace_id,source_id,name,kind,status,status_message,"       \
                 "service,session,user,model,question,answer,start_us,duration_ms,"            \
                 "input_tokens,output_tokens,tokens,cost,first_token_ms,span_count,"           \
                 "error_count,bytes) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")     \
    X(PUT_BODY, "INSERT INTO body(id,json,explained) VALUES(?,?,?)")                           \
    X(PUT_MENTION, "INSERT INTO mention VALUES(?,?,?,?,?,?,?,?,?)")                            \
    X(PUT_WORDS, "INSERT INTO words(id,text) VALUES(?,?)")                                     \
    X(PUT_FOUND, "INSERT INTO found(rowid,text) VALUES(?,?)")                                  \
    X(FIND, "SELECT id,bytes FROM trace WHERE trace_id=?")                                     \
    X(OLDEST, "SELECT id,bytes,start_us FROM trace ORDER BY id LIMIT 1")                       \
    X(TAKE_FOUND, "INSERT INTO found(found,rowid,text) SELECT 'delete',id,text FROM words "    \
                  "WHERE id=?")                                                                \
    X(TAKE_WORDS, "DELETE FROM words WHERE id=?")                                              \
    X(TAKE_MENTION, "DELETE FROM mention WHERE trace=?")                                       \
    X(TAKE_BODY, "DELETE FROM body WHERE id=?")                                                \
    X(TAKE_TRACE, "DELETE FROM trace WHERE id=?")

enum query_id {
#define QUERY_ENUM(id, text) id,
    QUERY_TABLE(QUERY_ENUM)
#undef QUERY_ENUM
        QUERY_COUNT
};

/* Belongs to the thread that writes; readers open the file themselves. */
struct nv_shelf {
    struct nv_sql *sql;
    struct nv_shelf_limits limits;
    struct nv_sql_query *queries[QUERY_COUNT];
    uint64_t traces, bytes; /* kept now, what is not committed included */
    int64_t last;
    uint64_t traces_before, bytes_before; /* at begin, for undo */
    int64_t last_before;
};

/* ---- opening ----------------------------------------------------------------------------- */

static enum nv_err read_number(struct nv_shelf *shelf, const char *text, int64_t *out)
{
    struct nv_sql_query *query = NULL;
    bool row = false;
    enum nv_err err = nv_sql_prepare(shelf->sql, text, &query);
    if (err == NV_OK)
        err = nv_sql_step(query, &row);
    if (err == NV_OK)
        *out = row ? nv_sql_int(query, 0) : 0;
    nv_sql_finish(query);
    return err;
}

/* In one transaction with its number, so that a start that is cut short leaves the old file or
 * the new one. A store of another version is dropped: it holds copies of the last days. */
static enum nv_err make_schema(struct nv_shelf *shelf)
{
    int64_t version = 0;
    enum nv_err err = read_number(shelf, "PRAGMA user_version", &version);
    if (err != NV_OK || version == SCHEMA_VERSION)
        return err;
    err = nv_sql_run(shelf->sql, "BEGIN IMMEDIATE");
    if (err == NV_OK)
        err = nv_sql_run(shelf->sql, unmake);
    if (err == NV_OK)
        err = nv_sql_run(shelf->sql, schema);
    if (err == NV_OK) {
        err = nv_sql_run(shelf->sql,
                         "PRAGMA user_version=" NUMBER_TEXT(SCHEMA_VERSION) ";COMMIT");
    }
    return err;
}

static enum nv_err prepare_all(struct nv_shelf *shelf)
{
#define QUERY_TEXT(id, text) [id] = (text),
    static const char *const texts[QUERY_COUNT] = {QUERY_TABLE(QUERY_TEXT)};
#undef QUERY_TEXT
    enum nv_err err = NV_OK;
    for (size_t i = 0; i < QUERY_COUNT && err == NV_OK; i++)
        err = nv_sql_prepare(shelf->sql, texts[i], &shelf->queries[i]);
    return err;
}

/* Counted once, then kept in step: both are asked for after each trace. */
static enum nv_err read_totals(struct nv_shelf *shelf)
{
    int64_t traces = 0, bytes = 0;
    enum nv_err err = read_number(shelf, "SELECT count(*) FROM trace", &traces);
    if (err == NV_OK)
        err = read_number(shelf, "SELECT coalesce(sum(bytes),0) FROM trace", &bytes);
    if (err == NV_OK)
        err = read_number(shelf, "SELECT coalesce(max(id),0) FROM trace", &shelf->last);
    shelf->traces = (uint64_t)traces;
    shelf->bytes = (uint64_t)bytes;
    return err;
}

static enum nv_err open_once(const char *path, const struct nv_shelf_limits *limits,
                             struct nv_fail *fail, bool *damaged, struct nv_shelf **out)
{
    *out = NULL;
    struct nv_shelf *shelf = calloc(1, sizeof *shelf);
    if (!shelf)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    shelf->limits = *limits;
    enum nv_err err = nv_sql_open(path, false, fail, &shelf->sql);
    if (err != NV_OK) {
        nv_shelf_close(shelf);
        return err;
    }
    err = nv_sql_run(shelf->sql, settings);
    if (err == NV_OK)
        err = make_schema(shelf);
    if (err == NV_OK)
        err = prepare_all(shelf);
    if (err == NV_OK)
        err = read_totals(shelf);
    if (err != NV_OK) {
        (void)nv_fail_set(fail, err, 0, "can't use \"%.200s\" for traces: %s", path,
                          nv_shelf_message(shelf));
        *damaged = nv_sql_is_damaged(shelf->sql);
        nv_shelf_close(shelf);
        return err;
    }
    *out = shelf;
    return NV_OK;
}

/* The file and what SQLite keeps beside it. */
static bool set_aside(const char *path)
{
    char other[PATH_MAX];
    int len = snprintf(other, sizeof other, "%s.damaged", path);
    if (len < 0 || (size_t)len >= sizeof other || rename(path, other) != 0)
        return false;
    (void)snprintf(other, sizeof other, "%s-wal", path);
    (void)unlink(other);
    (void)snprintf(other, sizeof other, "%s-shm", path);
    (void)unlink(other);
    return true;
}

enum nv_err nv_shelf_open(const char *path, const struct nv_shelf_limits *limits,
                          struct nv_fail *fail, struct nv_shelf **out)
{
    bool damaged = false;
    enum nv_err err = open_once(path, limits, fail, &damaged, out);
    if (err == NV_OK || !damaged || !set_aside(path))
        return err;
    NV_LOG(NV_LOG_WARN, "gateway",
           "the store of the page was damaged: it is \"%s.damaged\" now, and begins anew",
           path);
    *fail = (struct nv_fail){0};
    return open_once(path, limits, fail, &damaged, out);
}

void nv_shelf_close(struct nv_shelf *shelf)
{
    if (!shelf)
        return;
    for (size_t i = 0; i < QUERY_COUNT; i++)
        nv_sql_finish(shelf->queries[i]);
    nv_sql_close(shelf->sql);
    free(shelf);
}

/* ---- transactions ------------------------------------------------------------------------ */

/* IMMEDIATE takes the lock for writing now: a transaction that only finds at its first write
 * that it can't have it has already read what is no longer so. */
enum nv_err nv_shelf_begin(struct nv_shelf *shelf)
{
    shelf->traces_before = shelf->traces;
    shelf->bytes_before = shelf->bytes;
    shelf->last_before = shelf->last;
    return nv_sql_run(shelf->sql, "BEGIN IMMEDIATE");
}

/* A thousand pages of what was taken go back to the file system with each commit, not all at
 * once. */
enum nv_err nv_shelf_commit(struct nv_shelf *shelf)
{
    return nv_sql_run(shelf->sql, "COMMIT;PRAGMA incremental_vacuum(1000)");
}

void nv_shelf_undo(struct nv_shelf *shelf)
{
    shelf->traces = shelf->traces_before;
    shelf->bytes = shelf->bytes_before;
    shelf->last = shelf->last_before;
    /* an error may have ended the transaction already */
    enum nv_err err = nv_sql_run(shelf->sql, "ROLLBACK");
    (void)err;
}

int64_t nv_shelf_last(const struct nv_shelf *shelf)
{
    return shelf->last;
}

const char *nv_shelf_message(const struct nv_shelf *shelf)
{
    return shelf->sql ? nv_sql_message(shelf->sql) : "";
}

/* ---- out --------------------------------------------------------------------------------- */

static enum nv_err take(struct nv_shelf *shelf, int64_t id, int64_t bytes)
{
    /* the index of texts first: it reads the text that it forgets */
    static const enum query_id queries[] = {TAKE_FOUND, TAKE_WORDS, TAKE_MENTION, TAKE_BODY,
                                            TAKE_TRACE};
    enum nv_err err = NV_OK;
    for (size_t i = 0; i < sizeof queries / sizeof queries[0] && err == NV_OK; i++) {
        struct nv_sql_query *query = shelf->queries[queries[i]];
        nv_sql_bind_int(query, 1, id);
        err = nv_sql_do(query);
    }
    if (err == NV_OK) {
        shelf->traces--;
        shelf->bytes -= (uint64_t)bytes;
    }
    return err;
}

/* A trace that is put again (after a restart, or as a dead letter that was retried) takes the
 * place of its row, with a new id: the live list then shows it as new. */
static enum nv_err take_same(struct nv_shelf *shelf, struct nv_str trace_id)
{
    struct nv_sql_query *query = shelf->queries[FIND];
    bool row = false;
    nv_sql_bind_text(query, 1, trace_id);
    enum nv_err err = nv_sql_step(query, &row);
    int64_t id = row ? nv_sql_int(query, 0) : 0;
    int64_t bytes = row ? nv_sql_int(query, 1) : 0;
    nv_sql_reset(query);
    return err == NV_OK && row ? take(shelf, id, bytes) : err;
}

/* A start in the future (a client's clock) is no age; such a trace goes when others push it
 * out. */
static bool too_much(const struct nv_shelf *shelf, int64_t start_us, int64_t now_us)
{
    const struct nv_shelf_limits *limits = &shelf->limits;
    return (limits->traces != 0 && shelf->traces > limits->traces) ||
           (limits->bytes != 0 && shelf->bytes > limits->bytes) ||
           (limits->age_ms != 0 && now_us > start_us &&
            (uint64_t)(now_us - start_us) / 1000 > limits->age_ms);
}

/* NV_SHELF_TRIM at a time: a limit that was lowered to a tenth must not hold up what
 * arrives. */
enum nv_err nv_shelf_trim(struct nv_shelf *shelf, int64_t now_us)
{
    struct nv_sql_query *query = shelf->queries[OLDEST];
    enum nv_err err = NV_OK;
    for (unsigned i = 0; i < NV_SHELF_TRIM && err == NV_OK; i++) {
        bool row = false;
        err = nv_sql_step(query, &row);
        int64_t id = row ? nv_sql_int(query, 0) : 0;
        int64_t bytes = row ? nv_sql_int(query, 1) : 0;
        bool goes = row && too_much(shelf, nv_sql_int(query, 2), now_us);
        nv_sql_reset(query);
        if (err != NV_OK || !goes)
            return err;
        err = take(shelf, id, bytes);
    }
    return err;
}

/* ---- in ---------------------------------------------------------------------------------- */

static enum nv_err put_row(struct nv_shelf *shelf, struct nv_str json,
                           const struct nv_trace_summary *summary)
{
    struct nv_sql_query *query = shelf->queries[PUT_TRACE];
    const struct nv_str texts[] = {
        summary->trace_id, summary->source_id,      summary->name,     summary->kind,
        summary->status,   summary->status_message, summary->service,  summary->session,
        summary->user,     summary->model,          summary->question, summary->answer};
    /* parameters have no names here: the order is that of PUT_TRACE */
    int at = 1;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        nv_sql_bind_text(query, at++, texts[i]);
    double in = (double)summary->input_tokens, out = (double)summary->output_tokens;
    nv_sql_bind_int(query, at++, summary->start_us);
    nv_sql_bind_double(query, at++, summary->duration_ms);
    nv_sql_bind_known(query, at++, in);
    nv_sql_bind_known(query, at++, out);
    nv_sql_bind_double(query, at++, (in > 0 ? in : 0) + (out > 0 ? out : 0));
    nv_sql_bind_known(query, at++, summary->cost);
    nv_sql_bind_known(query, at++, summary->first_token_ms);
    nv_sql_bind_int(query, at++, summary->span_count);
    nv_sql_bind_int(query, at++, summary->error_count);
    nv_sql_bind_int(query, at, (int64_t)json.len);
    return nv_sql_do(query);
}

static enum nv_err put_text(struct nv_shelf *shelf, enum query_id id, struct nv_str text)
{
    struct nv_sql_query *query = shelf->queries[id];
    nv_sql_bind_int(query, 1, shelf->last);
    nv_sql_bind_text(query, 2, text.ptr ? text : NV_STR(""));
    return nv_sql_do(query);
}

static enum nv_err put_mention(struct nv_shelf *shelf, const struct nv_mention *mention)
{
    struct nv_sql_query *query = shelf->queries[PUT_MENTION];
    nv_sql_bind_text(query, 1, nv_mention_name(mention->kind));
    nv_sql_bind_text(query, 2, mention->name);
    nv_sql_bind_int(query, 3, shelf->last);
    nv_sql_bind_int(query, 4, mention->calls);
    nv_sql_bind_int(query, 5, mention->errors);
    nv_sql_bind_known(query, 6, (double)mention->input_tokens);
    nv_sql_bind_known(query, 7, (double)mention->output_tokens);
    nv_sql_bind_known(query, 8, mention->cost);
    nv_sql_bind_double(query, 9, mention->duration_ms);
    return nv_sql_do(query);
}

static enum nv_err put_body(struct nv_shelf *shelf, struct nv_str json, struct nv_str explained)
{
    struct nv_sql_query *query = shelf->queries[PUT_BODY];
    nv_sql_bind_int(query, 1, shelf->last);
    nv_sql_bind_text(query, 2, json);
    nv_sql_bind_text(query, 3, explained.len > 0 ? explained : (struct nv_str){NULL, 0});
    return nv_sql_do(query);
}

enum nv_err nv_shelf_put(struct nv_shelf *shelf, struct nv_str json,
                         const struct nv_trace_summary *summary, struct nv_str text)
{
    assert(json.len > 0);
    enum nv_err err = take_same(shelf, summary->trace_id);
    if (err == NV_OK)
        err = put_row(shelf, json, summary);
    if (err != NV_OK)
        return err;
    shelf->last = nv_sql_last_id(shelf->sql);
    shelf->traces++;
    shelf->bytes += json.len;
    err = put_body(shelf, json, summary->explained);
    if (err == NV_OK)
        err = put_text(shelf, PUT_WORDS, text);
    if (err == NV_OK)
        err = put_text(shelf, PUT_FOUND, text);
    for (uint32_t i = 0; i < summary->mention_count && err == NV_OK; i++)
        err = put_mention(shelf, &summary->mentions[i]);
    return err;
}
