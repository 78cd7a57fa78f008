/*
 * What a row does to a value: the steps of mapping/conventions/README.md.
 *
 *   value ─▶ step ─▶ step ─▶ value, or absent
 */
#ifndef NV_MAPPING_ENGINE_TRANSFORM_H
#define NV_MAPPING_ENGINE_TRANSFORM_H

#include "mapping/content/failure.h"
#include "mapping/rules/rule.h"
#include "model/value.h"

/* The last provider that was normalised: the spans of a trace mostly have one. */
struct nv_provider_memo {
    struct nv_str text, name; /* text.ptr NULL: none yet */
};

struct nv_transform {
    struct nv_arena *arena;
    uint64_t start_ns;                      /* the span's, for since_start */
    struct nv_provider_memo *provider_memo; /* borrowed, may be NULL */
    struct nv_said_messages *
        *said; /* borrowed, may be NULL: made in the arena when first needed */
    const struct nv_value **failure; /* borrowed, may be NULL: an error that came instead of
                                        output messages is written there */
    struct nv_failure *answer;       /* where an answer that says it failed is noted; or NULL */
};

struct nv_transformed {
    struct nv_value value; /* NULL when absent */
    bool absent;           /* nothing (left) to say: the next key is asked */
    bool exact; /* the value says all that the source said: the source may be left out */
};

/*
 * Runs `count` steps on `in` (borrowed; results may point into it). Errors: NV_ERR_NO_MEMORY
 * only; a value that a step can't read is absent.
 */
enum nv_err nv_transform_run(const struct nv_transform *transform, const struct nv_step *steps,
                             unsigned count, const struct nv_value *in,
                             struct nv_transformed *out) NV_MUST_USE;

#endif
