/*
 * Requests whose resources or scopes come in pieces, put together.
 */
#ifndef NV_OTLP_REQUEST_MERGE_H
#define NV_OTLP_REQUEST_MERGE_H

#include "base/buf.h"
#include "model/batch.h"

/*
 * Appends to `out` the request `body` (checked, borrowed), changed so that every ResourceSpans
 * has at most one resource and every ScopeSpans at most one scope, for logs likewise: the
 * pieces one after the other, which is how protobuf merges messages. All else is copied, groups
 * too. Errors: the buffer's.
 */
enum nv_err nv_merge_split(enum nv_signal signal, struct nv_str body,
                           struct nv_buf *out) NV_MUST_USE;

#endif
