/*
 * Evaluations and feedback in one form, whoever tells them. Internal to the mapping.
 *
 *   {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.9}
 *   {"evaluation": {"name": "relevance", "score": 0.9, "explanation": "ok"}}
 *   {"assessment_name": "relevance", "feedback": {"value": 0.9}, "rationale": "ok"}
 *                 ─▶ name, score, label, feedback
 */
#ifndef NV_MAPPING_CONTENT_EVALUATIONS_H
#define NV_MAPPING_CONTENT_EVALUATIONS_H

#include "model/value.h"

/* Most evaluations of one span; further ones stay where they came from. */
#define NV_EVALUATIONS_MAX 64u

/* A member of type NULL is not told. */
struct nv_evaluation {
    struct nv_value name, score, label, feedback;
    uint64_t hash; /* of the four; who changes one leaves it to nv_evaluations_name */
};

struct nv_evaluations {
    struct nv_evaluation *items;
    uint32_t count, capacity;
};

enum nv_evaluations_form {
    NV_EVALUATIONS_LIST, /* one evaluation, or a list of them */
    NV_EVALUATIONS_NAMED /* an object: by name a score, or an evaluation without its name */
};

/*
 * Appends what `in` (borrowed; objects, lists, JSON text, or a score alone) tells to `out`, in
 * the arena: what says no score, label or feedback is none, what is there already is not added
 * again. NV_ERR_NO_MEMORY; NV_ERR_LIMIT past the limit of this thread's meter.
 */
enum nv_err nv_evaluations_add(struct nv_evaluations *out, struct nv_arena *arena,
                               const struct nv_value *in,
                               enum nv_evaluations_form form) NV_MUST_USE;

/* Gives those without a name that one (borrowed). */
void nv_evaluations_name(struct nv_evaluations *evaluations, struct nv_value name);

/* New in the arena: the list as objects {name, score, label, feedback}. NV_ERR_NO_MEMORY. */
enum nv_err nv_evaluations_list(const struct nv_evaluations *evaluations,
                                struct nv_arena *arena, struct nv_value *out) NV_MUST_USE;

#endif
