/*
 * The mapping engine: what the rows of mapping/conventions/ do to one span.
 *
 *   bytes of a span                        decode.c, logs.c
 *      │
 *      ▼
 *   source attributes ◀── content of events and log records (content.c), one step behind
 *      │  look up each key once (rule_find.c)
 *      ▼
 *   seen[] ──▶ signs ──▶ kind              apply.c asks, condition.c answers
 *      │                  │
 *      ▼                  ▼
 *   rows of the key whose kind and conditions hold
 *      │  a candidate for the row's field (work.h); keys of one prefix meet in a tree (unflatten.c)
 *      ▼
 *   per field: candidates by precedence ──▶ steps ──▶ the first that is not absent wins
 *      │           resolve.c           transform.c      losers that say the same: expressed
 *      │                               transform_content.c ──▶ mapping/content/
 *      │                               transform_number.c
 *      ├──▶ fields that derive from it: candidates again
 *      ├──▶ facts of the trace (work.h)
 *      ▼
 *   span->attributes ◀── the rest under its own key: what no field says whole and no row drops
 *                                          rest.c
 *
 * Each field is decided by itself and each key is asked for itself: no vocabulary wins a span
 * whole, because senders mix them (docs/traps.md, 34). An attribute costs one look-up and a few
 * comparisons of bits; steps run only for candidates that are asked. Nothing here allocates per
 * attribute but for what goes out, and nothing is lost: what is not expressed goes out as it
 * came.
 *
 * Calls go down only: apply calls condition, content and resolve; resolve calls condition,
 * transform, place and rest; all call work. What needs several spans at once is in
 * mapping/settle/, and mapping/translate.c runs both in order.
 */
#ifndef NV_MAPPING_ENGINE_ENGINE_H
#define NV_MAPPING_ENGINE_ENGINE_H

#include "mapping/engine/work.h"

/* ---- conditions (condition.c) ------------------------------------------------------------ */

/* Readies the scratch for the spans of an origin: what its scope tells. */
void nv_scope_enter(struct nv_translation *t, const struct nv_origin *origin);
/* Sees to it that the scratch has the rows of facts that the scope does not rule out. */
void nv_scope_kind_rows(struct nv_translation *t);
/* The text of a fact of a span. Borrowed. */
struct nv_str nv_fact_text(const struct nv_span_work *work, enum nv_fact_key fact);
/* Forgets what conditions said of another span, or of this one before it got more
 * attributes. */
void nv_answers_forget(struct nv_translation *t);
/* Decides work->kind from the kind rows. Called by nv_apply_span. */
void nv_kind_decide(struct nv_translation *t, struct nv_span_work *work);
/* Do the conditions that other things than signs tell hold? nv_rule_holds asks it. */
bool nv_rule_tests_hold(const struct nv_translation *t, const struct nv_span_work *work,
                        const struct nv_rule *rule, const struct nv_value *value);
/* Do all of a rule's conditions but the kind hold for a value of the span? */
static inline bool nv_rule_holds(const struct nv_translation *t,
                                 const struct nv_span_work *work, const struct nv_rule *rule,
                                 const struct nv_value *value)
{
    const struct nv_rule_filter *filter = &rule->filter;
    uint64_t wrong = 0;
    if (rule->test_count == 0)
        return true;
    for (unsigned word = 0; word < NV_SIGNS_MAX / 64; word++) {
        wrong |= (filter->need.bits[word] & ~t->scratch.signs.bits[word]) |
                 (filter->lack.bits[word] & t->scratch.signs.bits[word]);
    }
    return wrong == 0 &&
           (rule->test_count == rule->sign_tests || nv_rule_tests_hold(t, work, rule, value));
}

/* ---- a span (apply.c, resolve.c, rest.c) ------------------------------------------------- */

/*
 * Translates one span's source attributes into span->attributes, and what it tells of the trace
 * into t->identity. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_apply_span(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;
/* What a resource tells of the trace. NV_ERR_NO_MEMORY. */
enum nv_err nv_apply_resource(struct nv_translation *t,
                              const struct nv_origin *origin) NV_MUST_USE;
/* Decides every field that has candidates and writes span->attributes. NV_ERR_NO_MEMORY. */
enum nv_err nv_resolve_span(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;
/* Sets what a row says of the span outside its attributes: its name, status, status message,
 * whose usage it tells, or that it does not go out (`false` says that it does). False for any
 * other field. `text` is borrowed, of the trace's arena. */
bool nv_span_fact_set(struct nv_span_work *work, uint16_t field, struct nv_str text);
/* Masks what rows drop, whatever their conditions: all that is done to a span that goes out as
 * it came. */
void nv_rest_untranslated(const struct nv_rules *rules, struct nv_span *span);
/* Bits of nv_seen.name: what is known of a name that goes out under its own key. */
enum {
    NV_NAME_KNOWN = 1,   /* the others are told */
    NV_NAME_TAKEN = 2,   /* a field, or another attribute, may have it */
    NV_NAME_SETTLED = 4, /* what is settled later may write it */
};
/* Those of a source attribute: the same for all spans with the same keys in the same order. */
uint8_t nv_rest_name_bits(const struct nv_translation *t, const struct nv_span_work *work,
                          uint32_t at);
/* Sends the span's evaluations, once all are known: evaluation.{name,score,label,feedback},
 * further ones as evaluation.N.*. NV_ERR_NO_MEMORY. */
enum nv_err nv_rest_evaluations(struct nv_translation *t,
                                struct nv_span_work *work) NV_MUST_USE;
/* Makes each name of the span's attributes stand once: the last that is done to a span. What
 * the translation says keeps the name, another value of the client's goes to NAME.source.
 * NV_ERR_NO_MEMORY, NV_ERR_LIMIT. */
enum nv_err nv_rest_unique(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;
/* The end of nv_resolve_span: what goes out beside the fields. NV_ERR_NO_MEMORY. */
enum nv_err nv_rest_settle(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;

#endif
