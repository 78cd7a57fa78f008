/*
 * The current spans of a thread.
 *
 * The dropped span has one handle for all, so each push of it is an entry and each removal
 * takes the topmost: a scope of a dropped span in another of its like comes out even.
 */
#include "trace/current.h"

#include "trace/pool.h"

#include <string.h>

#include "base/banned.h"

static _Thread_local struct {
    uint64_t ids[NV_TRACE_CURRENT_MAX];
    unsigned depth;
} current;

static bool is_open(noveum_span span)
{
    if (span.id == NV_TRACE_DROPPED)
        return true;
    struct nv_trace_span *found = nv_trace_span_lock(span);
    if (found)
        nv_trace_span_unlock(found);
    return found != NULL;
}

noveum_span nv_trace_current(void)
{
    while (current.depth > 0) {
        noveum_span span = {current.ids[current.depth - 1]};
        if (is_open(span))
            return span;
        current.depth--;
    }
    return noveum_null();
}

void nv_trace_current_push(noveum_span span)
{
    if (span.id != 0 && current.depth < NV_TRACE_CURRENT_MAX)
        current.ids[current.depth++] = span.id;
}

void nv_trace_current_remove(noveum_span span, int above)
{
    unsigned at = current.depth;
    while (at > 0 && current.ids[at - 1] != span.id)
        at--;
    if (at == 0)
        return;
    if (!above) {
        memmove(&current.ids[at - 1], &current.ids[at],
                (current.depth - at) * sizeof current.ids[0]);
    }
    current.depth = above ? at - 1 : current.depth - 1;
}
