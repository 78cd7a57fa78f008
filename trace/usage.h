/*
 * What the process used while a span was open, for the option `performance`.
 */
#ifndef NV_TRACE_USAGE_H
#define NV_TRACE_USAGE_H

#include "trace/pool.h"

/* What the process has used so far; *memory_bytes 0 where /proc can't be read. */
struct nv_trace_usage nv_trace_usage_now(void);
/* Puts what was used since the span's start into its attributes. Locked and sampled. */
void nv_trace_usage_put(struct nv_trace_span *span);

#endif
