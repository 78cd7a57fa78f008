/*
 * One pass over the protobuf of a request: everything is checked, every span or log record
 * indexed.
 */
#ifndef NV_OTLP_REQUEST_WALK_H
#define NV_OTLP_REQUEST_WALK_H

#include "otlp/request/request.h"

/*
 * Checks `batch->body` (signal, body and body_len are set, the rest is zero) and fills items
 * and groups, which are new and belong to the batch, on failure too. Spans without a usable id
 * are left out and counted in `*result` (zeroed by the caller), with a message. `limits` has no
 * zero field.
 *
 * `*split` tells that a resource or scope came in several pieces; then groups hold the last
 * piece only, and the caller walks again what nv_merge_split makes of the body
 * (otlp/request/merge.h).
 *
 * NV_ERR_MALFORMED, TRUNCATED, DEPTH with `fail` (never NULL) set; TOO_LARGE past items_max;
 * NO_MEMORY.
 */
enum nv_err nv_walk_request(struct nv_batch *batch, const struct nv_request_limits *limits,
                            struct nv_request_result *result, bool *split,
                            struct nv_fail *fail) NV_MUST_USE;

#endif
