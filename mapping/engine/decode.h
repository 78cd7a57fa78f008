/*
 * OTLP messages (opentelemetry/proto/trace/v1, common/v1, resource/v1) as model values.
 *
 * Strings point into the bytes: nothing is copied. The bytes were walked to their end at the
 * door (model/batch.h); what is checked here again is only what memory safety needs. Any
 * thread, as long as the arena is used by one.
 */
#ifndef NV_MAPPING_ENGINE_DECODE_H
#define NV_MAPPING_ENGINE_DECODE_H

#include "model/trace.h"

/*
 * From here on this thread reads so many items of a list, attributes, events or links at most,
 * what is left out is told: lists and attributes by a last item, events and links as dropped.
 * 0: all.
 */
void nv_decode_limit(uint32_t items_max);
/* Reads an AnyValue. Errors: NV_ERR_NO_MEMORY, NV_ERR_DEPTH past NV_VALUE_DEPTH_MAX,
 * NV_ERR_MALFORMED, NV_ERR_TRUNCATED. */
enum nv_err nv_decode_value(struct nv_arena *arena, struct nv_str bytes,
                            struct nv_value *out) NV_MUST_USE;
/* Reads a KeyValue. Errors as nv_decode_value. */
enum nv_err nv_decode_attribute(struct nv_arena *arena, struct nv_str bytes,
                                struct nv_attribute *out) NV_MUST_USE;
/*
 * Reads a Span. `out->attributes` are the source's; fields that translation sets (name, status,
 * origin) are left zero. Events without a name are called `event`, because the backend requires
 * one (docs/noveum-backend.md#spans). Errors as nv_decode_value.
 */
enum nv_err nv_decode_span(struct nv_arena *arena, struct nv_str bytes,
                           struct nv_span *out) NV_MUST_USE;
/* Reads what the spans of a group share: its Resource and its InstrumentationScope. `before`
 * (NULL: none) is an origin whose resource is the same bytes: it is shared. Errors as
 * nv_decode_value. */
enum nv_err nv_decode_origin(struct nv_arena *arena, const struct nv_group *group,
                             const struct nv_origin *before, struct nv_origin *out) NV_MUST_USE;

#endif
