/*
 * Single looks into the store: one trace, the names it can be filtered by, sessions, overview.
 * Each appends one JSON value. Errors are those of nv_sql_run and the buffer's.
 */
#ifndef NV_GATEWAY_TRACES_TRACE_LOOK_H
#define NV_GATEWAY_TRACES_TRACE_LOOK_H

#include "base/buf.h"
#include "gateway/traces/sql.h"

/* Names of one kind that an answer lists, and sessions; the most frequent and the newest. */
#define NV_LOOK_NAMES_MAX 200
/* Spans of time that an overview has at most. */
#define NV_LOOK_SLICES_MAX 200u

/* Bytes of what nv_look_trace would give, 0: it is not there. */
enum nv_err nv_look_trace_bytes(struct nv_sql *sql, struct nv_str id,
                                uint64_t *bytes) NV_MUST_USE;
/* The trace with that id, as it was sent; `id` as sent or as the client named it, in hex.
 * NV_ERR_NOT_FOUND. */
enum nv_err nv_look_trace(struct nv_sql *sql, struct nv_str id, struct nv_buf *out) NV_MUST_USE;
/* Where the values of that trace come from (mapping/engine/report.h), [] when that is not
 * known. NV_ERR_NOT_FOUND. */
enum nv_err nv_look_explained(struct nv_sql *sql, struct nv_str id,
                              struct nv_buf *out) NV_MUST_USE;
/* {"model": [{"name", "traces"}...], ...} for all kinds of names but sessions and users. */
enum nv_err nv_look_names(struct nv_sql *sql, struct nv_buf *out) NV_MUST_USE;
/* {"sessions": [...]}: the newest, with counts, cost, first question. */
enum nv_err nv_look_sessions(struct nv_sql *sql, struct nv_buf *out) NV_MUST_USE;

/* Of which time an overview tells: [since, until) in ms since 1970, in so many slices. */
struct nv_look_span {
    double since_ms, until_ms;
    uint32_t slices; /* 1..NV_LOOK_SLICES_MAX */
};

/* {"total", "slices", "percentiles", "model", "agent", "tool"}: docs/api.md. */
enum nv_err nv_look_overview(struct nv_sql *sql, const struct nv_look_span *span,
                             struct nv_buf *out) NV_MUST_USE;

#endif
