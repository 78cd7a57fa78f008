/*
 * Log records that stay with their span: what no row maps becomes an event of it.
 *
 *   record ─┬─ what rows of events.rules take ─▶ the span's attributes (content.h)
 *           └─ the rest, under its own keys   ─▶ an event {name, time, attributes} of the span
 *
 * Span events need none of this: they go out as they came.
 */
#ifndef NV_MAPPING_ENGINE_RECORDS_H
#define NV_MAPPING_ENGINE_RECORDS_H

#include "mapping/engine/work.h"

/* Appends events for the span's log records and, on the root, for those of the trace that name
 * no span that is here; these may be evaluations, which go to the span whose answer they name,
 * else to the root. Behind nv_apply_span of all spans. NV_ERR_NO_MEMORY, NV_ERR_LIMIT. */
enum nv_err nv_records_keep(struct nv_translation *t) NV_MUST_USE;

#endif
