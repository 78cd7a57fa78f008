/*
 * The steps of rows as functions: one a step, in the table of mapping/engine/transform.c.
 *
 * Each takes the value so far and replaces it (transform.h): `absent` ends the row, `exact`
 * is cleared when the result does not hold all of the input.
 */
#ifndef NV_MAPPING_ENGINE_TRANSFORM_STEPS_H
#define NV_MAPPING_ENGINE_TRANSFORM_STEPS_H

#include "mapping/content/python_repr.h"
#include "mapping/engine/transform.h"

/* One step. `io` is changed in place. Errors: NV_ERR_NO_MEMORY. */
typedef enum nv_err nv_step_fn(const struct nv_transform *transform, const struct nv_step *step,
                               struct nv_transformed *io);

/* Nothing to say: NV_OK with io->absent. */
NV_MUST_USE static inline enum nv_err nv_step_absent(struct nv_transformed *io)
{
    io->value = nv_value_null();
    io->absent = true;
    return NV_OK;
}

/* Replaces the value: NV_OK. */
NV_MUST_USE static inline enum nv_err nv_step_give(struct nv_transformed *io,
                                                   struct nv_value value)
{
    io->value = value;
    return NV_OK;
}

/* Parses JSON text, or Python's repr as far as `what` says, in place of itself, two layers
 * deep; other text stays (step.c). NV_ERR_NO_MEMORY. */
enum nv_err nv_step_parse(const struct nv_transform *transform, enum nv_repr_what what,
                          struct nv_transformed *io) NV_MUST_USE;

/* Scalars and units (transform_number.c). */
nv_step_fn nv_step_copy, nv_step_text, nv_step_lower, nv_step_int, nv_step_float, nv_step_bool,
    nv_step_s2ms, nv_step_us2ms, nv_step_ns2ms, nv_step_ms, nv_step_since_start, nv_step_sum_of;
/* Structure and text (transform.c). */
nv_step_fn nv_step_json, nv_step_array, nv_step_first, nv_step_member, nv_step_count,
    nv_step_scores, nv_step_names, nv_step_const, nv_step_after, nv_step_before,
    nv_step_between, nv_step_provider, nv_step_model_provider, nv_step_host_provider;
/* Content (transform_content.c). */
nv_step_fn nv_step_messages, nv_step_instructions, nv_step_output_text, nv_step_tool_calls,
    nv_step_finish_reason, nv_step_system_text, nv_step_tools, nv_step_calls, nv_step_documents,
    nv_step_unwrap, nv_step_evaluations;

#endif
