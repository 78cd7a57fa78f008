/*
 * Queries of the API: "search=a%20b&model=x" as names and values, and as a filter of traces.
 */
#ifndef NV_GATEWAY_ADMIN_API_QUERY_H
#define NV_GATEWAY_ADMIN_API_QUERY_H

#include "base/arena.h"
#include "gateway/traces/trace_list.h"

#define NV_QUERY_PAIRS_MAX 40u

struct nv_api_query {
    struct nv_str names[NV_QUERY_PAIRS_MAX], values[NV_QUERY_PAIRS_MAX];
    unsigned count;
};

/* Cuts `text` and resolves %XX and '+'; views live in `arena`. NV_ERR_MALFORMED (a half
 * escape, NUL, invalid UTF-8), NV_ERR_LIMIT (too many), NV_ERR_NO_MEMORY. */
enum nv_err nv_api_query_read(struct nv_arena *arena, struct nv_str text,
                              struct nv_api_query *out) NV_MUST_USE;
/* The value of `name`, the first of them; ptr NULL: it is not there. Borrowed. */
struct nv_str nv_api_query_get(const struct nv_api_query *query, const char *name);
/* As a filter, borrowed from the query. NV_ERR_CONFIG with `fail`: a name that is none, a value
 * that can't be. */
enum nv_err nv_api_query_filter(const struct nv_api_query *query, struct nv_trace_filter *out,
                                struct nv_fail *fail) NV_MUST_USE;

#endif
