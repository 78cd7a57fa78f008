/*
 * The list of traces: filters, literal search, order and keyset paging, as one JSON answer.
 *
 *   filter ──▶ WHERE of fixed parts, values bound ──▶ rows ──▶ {"traces": [...], "next": cursor}
 *
 * A search is cut at white space into terms; each is found literally, in any case of letters,
 * also inside words: from three characters on by the index of trigrams, below by reading.
 */
#ifndef NV_GATEWAY_TRACES_TRACE_LIST_H
#define NV_GATEWAY_TRACES_TRACE_LIST_H

#include "gateway/traces/sql.h"
#include "gateway/traces/trace_summary.h"

/* X(id, name in the API, SQL): what a list can be in the order of. */
#define NV_TRACE_SORT_TABLE(X)                                                                 \
    X(NV_SORT_TIME, "time", "start_us")                                                        \
    X(NV_SORT_ARRIVAL, "arrival", "id")                                                        \
    X(NV_SORT_DURATION, "duration", "duration_ms")                                             \
    X(NV_SORT_COST, "cost", "ifnull(cost,-1)")                                                 \
    X(NV_SORT_TOKENS, "tokens", "tokens")

enum nv_trace_sort {
#define NV_TRACE_SORT_ENUM(id, name, sql) id,
    NV_TRACE_SORT_TABLE(NV_TRACE_SORT_ENUM)
#undef NV_TRACE_SORT_ENUM
        NV_TRACE_SORT_COUNT
};

/* X(field, name in the API, SQL): ranges, each with both ends or one. */
#define NV_TRACE_RANGE_TABLE(X)                                                                \
    X(cost, "cost", "cost")                                                                    \
    X(duration_ms, "ms", "duration_ms")                                                        \
    X(tokens, "tokens", "tokens")                                                              \
    X(start_ms, "start", "start_us/1000.0")

enum nv_trace_range {
#define NV_TRACE_RANGE_ENUM(field, name, sql) NV_RANGE_##field,
    NV_TRACE_RANGE_TABLE(NV_TRACE_RANGE_ENUM)
#undef NV_TRACE_RANGE_ENUM
        NV_TRACE_RANGE_COUNT
};

#define NV_TRACE_LIST_MAX 500u /* rows of a page */
#define NV_TRACE_LIST_DEFAULT 100u
#define NV_SEARCH_TERMS_MAX 16u
#define NV_SEARCH_BYTES_MAX 1000u

struct nv_trace_range_ends {
    bool has_min, has_max;
    double min, max; /* both included */
};

/* Zero-initialised: everything, newest first. Views are borrowed for the call. */
struct nv_trace_filter {
    struct nv_str search;
    struct nv_str names[NV_MENTION_COUNT]; /* exactly this one; ptr NULL: any */
    struct nv_str source_id;               /* parts of this trace only; ptr NULL: any */
    struct nv_trace_range_ends ranges[NV_TRACE_RANGE_COUNT];
    int64_t newer_than; /* ids above it; 0: all */
    enum nv_trace_sort sort;
    bool ascending;
    struct nv_str cursor; /* `next` of an answer to the same filter; empty: the first page */
    uint32_t limit;       /* 0: NV_TRACE_LIST_DEFAULT; larger than the most: the most */
};

/* Names of the two tables, as the API has them. Static. */
struct nv_str nv_trace_sort_name(enum nv_trace_sort sort);
/* Likewise of a range. */
struct nv_str nv_trace_range_name(enum nv_trace_range range);
/* Appends the answer. NV_ERR_CONFIG (a cursor that is none, too many terms), NV_ERR_TIMEOUT,
 * those of nv_sql_run, the buffer's. */
enum nv_err nv_trace_list_write(struct nv_sql *sql, const struct nv_trace_filter *filter,
                                struct nv_buf *out) NV_MUST_USE;

#endif
