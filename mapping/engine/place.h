/*
 * Values that are no attribute under their target's own name: facts of the trace, members of an
 * object, names with {*}. Internal to the engine.
 */
#ifndef NV_MAPPING_ENGINE_PLACE_H
#define NV_MAPPING_ENGINE_PLACE_H

#include "mapping/engine/work.h"

/* A field's name with `rest` in place of its {*}, which it must have. In the trace's arena; ptr
 * NULL without memory. */
struct nv_str nv_place_name(struct nv_translation *t, struct nv_str name, struct nv_str rest);
/*
 * Places what a candidate gives, of a row that is not NV_RULE_ONE: `value` is borrowed as long
 * as the trace. Empty names and absent members of an object are passed over, and so is what
 * the trace has been told before. NV_ERR_NO_MEMORY; NV_ERR_LIMIT past the limit of this
 * thread's meter.
 */
enum nv_err nv_place_otherwise(struct nv_translation *t, struct nv_span_work *work,
                               const struct nv_candidate *candidate,
                               const struct nv_value *value) NV_MUST_USE;

#endif
