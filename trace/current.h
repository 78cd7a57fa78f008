/*
 * The spans that are current in a thread: a stack of handles, the innermost last.
 *
 * Handles of spans that have ended meanwhile, wherever that was, are passed over; so spans may
 * end in any order and in any thread. Past NV_TRACE_CURRENT_MAX nothing more becomes current.
 */
#ifndef NV_TRACE_CURRENT_H
#define NV_TRACE_CURRENT_H

#include "noveum/trace.h"

#define NV_TRACE_CURRENT_MAX 64

/* The innermost span of this thread that has not ended, the dropped one (trace/pool.h)
 * included; the null span. */
noveum_span nv_trace_current(void);
/* Puts a span on top. */
void nv_trace_current_push(noveum_span span);
/* Takes a span out, wherever it stands; with `above`, what is above it too. */
void nv_trace_current_remove(noveum_span span, int above);

#endif
