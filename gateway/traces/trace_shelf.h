/*
 * The database of traces, its writing side: schema, a trace put in, what is too much taken out.
 *
 *   begin ──▶ put, put, ... ──▶ trim ──▶ commit
 *
 *   trace     a row for the list      ─┐
 *   body      its JSON                 ├─ one id: the order of arrival
 *   mention   what it is found by      │
 *   words     texts, trigrams of them ─┘
 *
 * One thread. A trace that is put twice replaces itself and gets a new id, so that who follows
 * the ids sees it again.
 */
#ifndef NV_GATEWAY_TRACES_TRACE_SHELF_H
#define NV_GATEWAY_TRACES_TRACE_SHELF_H

#include "gateway/traces/sql.h"
#include "gateway/traces/trace_summary.h"

/* What is kept; 0: no limit. The oldest go first. */
struct nv_shelf_limits {
    uint64_t traces;
    uint64_t age_ms; /* since the trace began */
    uint64_t bytes;  /* of the JSON of all traces */
};

struct nv_shelf;

/* New shelf in the file at `path`, made or brought up to date. A file that is damaged is set
 * aside as `path`.damaged, which is logged, and made anew: it holds copies only. NV_ERR_IO with
 * `fail` (not a database), NV_ERR_LOCKED, NV_ERR_NO_MEMORY. */
enum nv_err nv_shelf_open(const char *path, const struct nv_shelf_limits *limits,
                          struct nv_fail *fail, struct nv_shelf **out) NV_MUST_USE;
/* Closes it; what was not committed is forgotten. NULL is allowed. */
void nv_shelf_close(struct nv_shelf *shelf);
/* Begins to put traces. Errors as nv_sql_run, likewise below. */
enum nv_err nv_shelf_begin(struct nv_shelf *shelf) NV_MUST_USE;
/* Puts one trace, between begin and commit: `json` as it was read and what `summary` and
 * `text` say of it. */
enum nv_err nv_shelf_put(struct nv_shelf *shelf, struct nv_str json,
                         const struct nv_trace_summary *summary,
                         struct nv_str text) NV_MUST_USE;
/* Takes the oldest traces out until all limits are kept, at most NV_SHELF_TRIM of them.
 * `now_us`: since 1970. */
enum nv_err nv_shelf_trim(struct nv_shelf *shelf, int64_t now_us) NV_MUST_USE;
/* Makes it last. */
enum nv_err nv_shelf_commit(struct nv_shelf *shelf) NV_MUST_USE;
/* Gives up what was put since begin. */
void nv_shelf_undo(struct nv_shelf *shelf);
/* Id of the newest trace, 0 without any. */
int64_t nv_shelf_last(const struct nv_shelf *shelf);
/* What the last failure was, for the log. Borrowed until the next call. */
const char *nv_shelf_message(const struct nv_shelf *shelf);

/* Traces that one trim takes out: more wait for the next, so that none takes long. */
#define NV_SHELF_TRIM 500

#endif
