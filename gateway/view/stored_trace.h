/*
 * A trace as it was sent, read back from its JSON for the terminal.
 */
#ifndef NV_GATEWAY_VIEW_STORED_TRACE_H
#define NV_GATEWAY_VIEW_STORED_TRACE_H

#include "model/trace.h"

/*
 * Reads `json`, one trace (docs/noveum-backend.md#traces), into `out`: names, times, states,
 * attributes and who is whose parent, which is what nv_terminal_write looks at; ids are only
 * equal where they were. All is borrowed from `json` and `arena`. NV_ERR_MALFORMED,
 * NV_ERR_DEPTH, NV_ERR_TRUNCATED, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_stored_trace_read(struct nv_arena *arena, struct nv_str json,
                                 struct nv_trace *out) NV_MUST_USE;

#endif
