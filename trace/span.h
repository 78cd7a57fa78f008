/*
 * How the public functions reach a span, and where a span goes when it ends.
 *
 *   handle ──nv_trace_edit──▶ locked, sampled span ──▶ changed ──▶ nv_trace_span_unlock
 */
#ifndef NV_TRACE_SPAN_H
#define NV_TRACE_SPAN_H

#include "trace/pool.h"

/* nv_trace_edit of a handle that is not null. */
struct nv_trace_span *nv_trace_edit_some(noveum_span handle);
/*
 * Inline: while tracing is off all handles are null, and nothing else shall be done.
 * The open span of a handle, locked, to be changed; NULL when there is nothing to do: off,
 * null, dropped, unsampled, or old or the parent process's, which is counted as misuse.
 */
static inline struct nv_trace_span *nv_trace_edit(noveum_span handle)
{
    return handle.id == 0 ? NULL : nv_trace_edit_some(handle);
}
/* Ends the open span of a handle, on or off: queues it, or drops and counts it. `end_ns` 0:
 * now. */
void nv_trace_end(noveum_span handle, uint64_t end_ns, bool discard);

#endif
