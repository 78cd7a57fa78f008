/*
 * What is put into a span, within its limits: attributes, events, links, texts.
 *
 *   redact ▸ cut ▸ repair ▸ replace what has the same key ▸ limits ▸ bytes of the Span message
 *
 * All functions take a span that is locked and sampled. What does not fit is counted, in the
 * span and in the process, and leaves the span as it was.
 */
#ifndef NV_TRACE_ATTRIBUTES_H
#define NV_TRACE_ATTRIBUTES_H

#include "base/str.h"
#include "trace/pool.h"

/* Sets one attribute (borrowed). */
void nv_trace_set(struct nv_trace_span *span, const noveum_attribute *attribute);
/* Is there one of this key? */
bool nv_trace_has(const struct nv_trace_span *span, const char *key);
/* Adds an event at a time (wall clock) with attributes. */
void nv_trace_add_event(struct nv_trace_span *span, const char *name, uint64_t time_ns,
                        const noveum_attribute *attributes, size_t count);
/* Adds a link. */
void nv_trace_add_link(struct nv_trace_span *span, const noveum_context *to,
                       const noveum_attribute *attributes, size_t count);
/* Replaces the contents of a buffer of the span by a text, repaired. */
void nv_trace_set_buf(struct nv_trace_span *span, struct nv_buf *buf, struct nv_str text);
/* Counts something that is left out. */
void nv_trace_leave_out(struct nv_trace_span *span);
/* The caller's redact on a text; without one the text itself. ptr NULL: leave it out. */
struct nv_str nv_trace_redacted(const struct nv_trace_span *span, const char *key,
                                struct nv_str text);

#endif
