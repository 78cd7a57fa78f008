/*
 * Looks into the store that the command line needs: ids by their first characters, and all
 * traces one after the other.
 */
#ifndef NV_GATEWAY_TRACES_TRACE_FIND_H
#define NV_GATEWAY_TRACES_TRACE_FIND_H

#include "base/buf.h"
#include "gateway/traces/sql.h"

/* Ids that an ambiguous prefix names, and longest id. */
#define NV_FIND_MAX 5
#define NV_FIND_ID_BYTES 64

struct nv_found_ids {
    char ids[NV_FIND_MAX][NV_FIND_ID_BYTES + 1]; /* trace ids, as sent */
    size_t count;                                /* at most NV_FIND_MAX: there may be more */
};

/*
 * Traces whose id begins with `prefix`, with or without dashes, in any case of letters; where
 * there is none, those that the client named so. An id that is `prefix` itself is the only one.
 * Parts of one trace that the client named so are all found, in their order. Nothing for an
 * empty prefix or one that is longer than an id. Errors of nv_sql_run.
 */
enum nv_err nv_find_ids(struct nv_sql *sql, struct nv_str prefix,
                        struct nv_found_ids *out) NV_MUST_USE;
/* The largest id of a row, 0: there is none. Errors likewise. */
enum nv_err nv_find_last(struct nv_sql *sql, int64_t *last) NV_MUST_USE;

/* One trace: its row and its JSON, borrowed for the call. false ends the walk. */
typedef bool nv_trace_visit(void *ctx, int64_t id, struct nv_str json);

/* Visits the traces that arrived after row `after`, in their order; with `session` (ptr NULL:
 * any) those of it. Errors likewise. */
enum nv_err nv_find_each(struct nv_sql *sql, int64_t after, struct nv_str session,
                         nv_trace_visit *visit, void *ctx) NV_MUST_USE;

#endif
