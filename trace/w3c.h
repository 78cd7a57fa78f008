/*
 * Ids, and the text form that they have between processes (W3C Trace Context, level 1;
 * W3C Baggage).
 *
 *   traceparent: 00-<32 hex: trace id>-<16 hex: span id>-<2 hex: flags, bit 0: sampled>
 *   tracestate:  vendor=value,vendor=value        handed on as it came
 *   baggage:     key=value,key=value              values percent-encoded
 */
#ifndef NV_TRACE_W3C_H
#define NV_TRACE_W3C_H

#include "base/str.h"
#include "noveum/trace.h"

#include <stdbool.h>

/* Random bytes, not all of them zero: ids. From a generator a thread, seeded by the system and
 * anew in the child of a fork. Any thread. */
void nv_trace_random(uint8_t *bytes, size_t len);
/* In the child of a fork: all generators are seeded anew. */
void nv_trace_random_after_fork(void);
/* Are all `len` bytes zero, which is no id? */
bool nv_trace_is_zero(const uint8_t *bytes, size_t len);
/* The traceparent of a context, with a NUL; its length, 0 and "" for an empty context. */
size_t nv_trace_write_parent(const noveum_context *context, char text[NOVEUM_TRACEPARENT_SIZE]);
/* The value that a list's text stands for (W3C Baggage 3.3.1): %41 becomes A, a % that begins
 * nothing stays. Into `out`, of encoded.len bytes at least; its length, no NUL. */
size_t nv_trace_decode(struct nv_str encoded, char *out);

#endif
