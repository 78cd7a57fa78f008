/*
 * Looks into the store: each is a fixed statement whose rows become objects.
 *
 *   statement, names of its columns ──write_objects()──▶ [{...}, {...}]
 *
 * The overview reads times by the index of starts; sums by model, agent and tool come from the
 * mentions, where each span is counted for one of each.
 *
 * Statements are texts and not put together: what is asked for is always the same, and SQLite's
 * planner sees it whole. Names of columns carry their type in their first letter, because
 * SQLite types values and not columns: a sum of no rows has none.
 */
#include "gateway/traces/trace_look.h"

#include "base/json/json_write.h"

#include <assert.h>

#include "base/banned.h"

#define TEXT_OF(number) #number
#define LIMIT(number) " LIMIT " TEXT_OF(number)

/* ---- rows as objects --------------------------------------------------------------------- */

static void write_cell(struct nv_sql_query *query, int at, char type,
                       struct nv_json_writer *json)
{
    if (nv_sql_is_null(query, at))
        nv_json_write_null(json);
    else if (type == 't')
        nv_json_write_string(json, nv_sql_text(query, at));
    else if (type == 'i')
        nv_json_write_int(json, nv_sql_int(query, at));
    else
        nv_json_write_double(json, nv_sql_double(query, at));
}

/* `columns`: names with a letter before each: text, integer, real; a space behind. */
static void write_object(struct nv_sql_query *query, const char *columns,
                         struct nv_json_writer *json)
{
    struct nv_str rest = nv_str_from(columns);
    nv_json_write_begin_object(json);
    for (int at = 0; rest.len > 0; at++) {
        size_t end = nv_str_find_char(rest, ' ');
        end = end == SIZE_MAX ? rest.len : end;
        nv_json_write_key(json, nv_str_slice(rest, 1, end - 1));
        write_cell(query, at, rest.ptr[0], json);
        rest = nv_str_slice(rest, end + 1, rest.len);
    }
    nv_json_write_end_object(json);
}

static enum nv_err write_objects(struct nv_sql_query *query, const char *columns,
                                 struct nv_json_writer *json)
{
    enum nv_err err = NV_OK;
    bool row = true;
    nv_json_write_begin_array(json);
    while (row && err == NV_OK) {
        err = nv_sql_step(query, &row);
        if (err == NV_OK && row)
            write_object(query, columns, json);
    }
    nv_json_write_end_array(json);
    return err;
}

/* ---- one trace --------------------------------------------------------------------------- */

enum nv_err nv_look_trace_bytes(struct nv_sql *sql, struct nv_str id, uint64_t *bytes)
{
    struct nv_sql_query *query = NULL;
    bool row = false;
    enum nv_err err = nv_sql_prepare(
        sql,
        "SELECT bytes FROM trace WHERE trace_id=?1 UNION ALL SELECT bytes FROM trace WHERE "
        "source_id=?1 LIMIT 1",
        &query);
    if (err == NV_OK) {
        nv_sql_bind_text(query, 1, id);
        err = nv_sql_step(query, &row);
    }
    *bytes = row ? (uint64_t)nv_sql_int(query, 0) : 0;
    nv_sql_finish(query);
    return err;
}

/* The one text that `statement` gives for the id. */
static enum nv_err append_of(struct nv_sql *sql, const char *statement, struct nv_str id,
                             struct nv_buf *out)
{
    struct nv_sql_query *query = NULL;
    bool row = false;
    enum nv_err err = nv_sql_prepare(sql, statement, &query);
    if (err == NV_OK) {
        nv_sql_bind_text(query, 1, id);
        err = nv_sql_step(query, &row);
    }
    if (err == NV_OK)
        err = row ? nv_buf_append_str(out, nv_sql_text(query, 0)) : NV_ERR_NOT_FOUND;
    nv_sql_finish(query);
    return err;
}

/* By the id that went out, else by the one that came in: a user pastes whichever he has. */
#define OF_ID                                                                                  \
    " FROM body WHERE id=(SELECT id FROM trace WHERE trace_id=?1 UNION ALL SELECT id FROM "    \
    "trace WHERE source_id=?1 LIMIT 1)"

enum nv_err nv_look_trace(struct nv_sql *sql, struct nv_str id, struct nv_buf *out)
{
    return append_of(sql, "SELECT json" OF_ID, id, out);
}

enum nv_err nv_look_explained(struct nv_sql *sql, struct nv_str id, struct nv_buf *out)
{
    return append_of(sql, "SELECT ifnull(explained,'[]')" OF_ID, id, out);
}

/* ---- names ------------------------------------------------------------------------------- */

static enum nv_err write_names(struct nv_sql_query *query, struct nv_json_writer *json)
{
    static const char *const kinds[] = {"model",       "agent",  "tool", "service",   "project",
                                        "environment", "status", "kind", "convention"};
    enum nv_err err = NV_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && err == NV_OK; i++) {
        nv_sql_bind_text(query, 1, nv_str_from(kinds[i]));
        nv_json_write_key(json, nv_str_from(kinds[i]));
        err = write_objects(query, "tname itraces", json);
        nv_sql_reset(query);
    }
    return err;
}

enum nv_err nv_look_names(struct nv_sql *sql, struct nv_buf *out)
{
    struct nv_sql_query *query = NULL;
    struct nv_json_writer json;
    nv_json_write_init(&json, out);
    enum nv_err err =
        nv_sql_prepare(sql,
                       "SELECT name,count(*) AS n FROM mention WHERE kind=? GROUP BY name "
                       "ORDER BY n DESC,name" LIMIT(200),
                       &query);
    static_assert(NV_LOOK_NAMES_MAX == 200, "the statement says so too");
    nv_json_write_begin_object(&json);
    if (err == NV_OK)
        err = write_names(query, &json);
    nv_json_write_end_object(&json);
    nv_sql_finish(query);
    return err != NV_OK ? err : out->failed;
}

/* ---- sessions ---------------------------------------------------------------------------- */

enum nv_err nv_look_sessions(struct nv_sql *sql, struct nv_buf *out)
{
    struct nv_sql_query *query = NULL;
    struct nv_json_writer json;
    nv_json_write_init(&json, out);
    enum nv_err err = nv_sql_prepare(
        sql,
        "SELECT session,count(*),sum(error_count>0),sum(tokens),sum(cost),"
        "min(start_us)/1000.0,max(start_us)/1000.0,max(user),max(service),"
        "(SELECT question FROM trace b WHERE b.session=a.session ORDER BY start_us LIMIT 1) "
        "FROM trace a WHERE session IS NOT NULL AND session<>'' GROUP BY session "
        "ORDER BY 7 DESC" LIMIT(200),
        &query);
    nv_json_write_begin_object(&json);
    nv_json_write_key(&json, NV_STR("sessions"));
    if (err == NV_OK) {
        err = write_objects(query,
                            "tsession itraces ierrors itokens rcost rfirst_ms rlast_ms tuser "
                            "tservice tquestion",
                            &json);
    } else {
        nv_json_write_null(&json);
    }
    nv_json_write_end_object(&json);
    nv_sql_finish(query);
    return err != NV_OK ? err : out->failed;
}

/* ---- overview ---------------------------------------------------------------------------- */

/* Parameters ?1 and ?2 are the ends of the time in microseconds, ?3 the length of a slice. */
#define WITHIN " FROM trace WHERE start_us>=?1 AND start_us<?2"

struct look {
    struct nv_sql *sql;
    const struct nv_look_span *span;
    struct nv_json_writer json;
};

/* A microsecond at least: a slice of none would be a division by it. */
static int64_t slice_us(const struct nv_look_span *span)
{
    double width = (span->until_ms - span->since_ms) * 1000.0 / span->slices;
    return width >= 1.0 ? (int64_t)width : 1;
}

static enum nv_err write_part(struct look *look, const char *name, const char *text,
                              const char *columns)
{
    struct nv_sql_query *query = NULL;
    enum nv_err err = nv_sql_prepare(look->sql, text, &query);
    nv_json_write_key(&look->json, nv_str_from(name));
    if (err != NV_OK) {
        nv_json_write_null(&look->json);
        return err;
    }
    nv_sql_bind_int(query, 1, (int64_t)(look->span->since_ms * 1000.0));
    nv_sql_bind_int(query, 2, (int64_t)(look->span->until_ms * 1000.0));
    nv_sql_bind_int(query, 3, slice_us(look->span));
    err = write_objects(query, columns, &look->json);
    nv_sql_finish(query);
    return err;
}

#define BY(kind)                                                                               \
    "SELECT name,sum(calls),sum(errors),sum(input_tokens),sum(output_tokens),sum(cost),"       \
    "sum(mention.duration_ms),count(*) FROM mention WHERE kind='" kind "' AND trace IN "       \
    "(SELECT id" WITHIN ") GROUP BY name ORDER BY 6 DESC,2 DESC" LIMIT(50)
#define BY_COLUMNS                                                                             \
    "tname icalls ierrors iinput_tokens ioutput_tokens rcost rduration_ms itraces"

enum nv_err nv_look_overview(struct nv_sql *sql, const struct nv_look_span *span,
                             struct nv_buf *out)
{
    /* percentiles by rank: rows are numbered by value, and of those a share's is taken */
    static const char *const parts[][3] = {
        {"total",
         "SELECT count(*),coalesce(sum(span_count),0),coalesce(sum(error_count>0),0),"
         "sum(input_tokens),sum(output_tokens),sum(cost)" WITHIN,
         "itraces ispans ierrors iinput_tokens ioutput_tokens rcost"},
        {"slices",
         "SELECT (start_us-?1)/?3,count(*),sum(span_count),sum(error_count>0),sum(tokens),"
         "sum(cost),avg(duration_ms),max(duration_ms),avg(first_token_ms)" WITHIN
         " GROUP BY 1 ORDER BY 1",
         "islice itraces ispans ierrors itokens rcost rmean_ms rmax_ms rfirst_token_ms"},
        {"latency",
         "WITH d AS (SELECT duration_ms AS v,row_number() OVER (ORDER BY duration_ms) AS r,"
         "count(*) OVER () AS n" WITHIN ") SELECT min(CASE WHEN r>=n*0.5 THEN v END),"
         "min(CASE WHEN r>=n*0.95 THEN v END),min(CASE WHEN r>=n*0.99 THEN v END),max(v) FROM "
         "d",
         "rp50 rp95 rp99 rmax"},
        {"first_token",
         "WITH d AS (SELECT first_token_ms AS v,row_number() OVER (ORDER BY first_token_ms) AS "
         "r,count(*) OVER () AS n" WITHIN
         " AND first_token_ms IS NOT NULL) SELECT min(CASE WHEN r>=n*0.5 THEN v END),"
         "min(CASE WHEN r>=n*0.95 THEN v END),min(CASE WHEN r>=n*0.99 THEN v END),max(v) FROM "
         "d",
         "rp50 rp95 rp99 rmax"},
        {"model", BY("model"), BY_COLUMNS},
        {"agent", BY("agent"), BY_COLUMNS},
        {"tool", BY("tool"), BY_COLUMNS},
        {"edge",
         "SELECT name,sum(calls),count(*) FROM mention WHERE kind='edge' AND trace IN "
         "(SELECT id" WITHIN ") GROUP BY name ORDER BY 2 DESC,1" LIMIT(200),
         "tname icalls itraces"}};
    struct look look = {.sql = sql, .span = span};
    enum nv_err err = NV_OK;
    assert(span->slices >= 1 && span->slices <= NV_LOOK_SLICES_MAX);
    nv_json_write_init(&look.json, out);
    nv_json_write_begin_object(&look.json);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && err == NV_OK; i++)
        err = write_part(&look, parts[i][0], parts[i][1], parts[i][2]);
    nv_json_write_end_object(&look.json);
    return err != NV_OK ? err : out->failed;
}
