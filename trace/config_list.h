/*
 * Lists of key=value as OpenTelemetry's variables have them (headers, resource attributes), in
 * the form of W3C Baggage:
 *
 *   "a=1, b%20c=2"  ─▶  a, 1   b c, 2
 */
#ifndef NV_TRACE_CONFIG_LIST_H
#define NV_TRACE_CONFIG_LIST_H

#include "base/buf.h"

/* Of headers and of the resource: a request carries both, each time. */
#define NV_TRACE_LIST_BYTES_MAX ((size_t)64 << 10)

/* Is told a pair, decoded; both end with NUL and are borrowed for the call. */
typedef void nv_trace_pair(void *ctx, const char *key, const char *value);

/* Calls `each` for every pair; what has no = or no key is passed over. NV_ERR_NO_MEMORY,
 * NV_ERR_LIMIT: a pair was not told, the others were. */
enum nv_err nv_trace_list_each(const char *list, nv_trace_pair *each, void *ctx) NV_MUST_USE;

#endif
