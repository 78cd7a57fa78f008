/*
 * What the counts of one span mean: see mapping/settle/tokens.c.
 */
#ifndef NV_MAPPING_SETTLE_TOKENS_H
#define NV_MAPPING_SETTLE_TOKENS_H

#include "mapping/engine/work.h"

/*
 * Makes the span's input tokens hold the cached ones, its output tokens the reasoning, and its
 * total both; a count that changes keeps the source's word under `.source`. Counts that no call
 * has are left as they are. Run before repeats of a call are told apart. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_tokens_settle(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;

/*
 * Two spans of one call, one of which counts cached tokens apart: does `inclusive` tell the
 * input of `other` and the cached tokens that either of them tells?
 */
bool nv_tokens_include(const struct nv_span_work *inclusive, const struct nv_span_work *other);
/* Gives `call` the input and the cached tokens of a span that tells them whole.
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_tokens_adopt(struct nv_translation *t, struct nv_span_work *call,
                            const struct nv_span_work *inclusive) NV_MUST_USE;

/*
 * A call of several steps that tells the last one's usage, and what its agent tells of all of
 * them: does `agent` tell at least as much of input and output, and more of one?
 */
bool nv_tokens_exceed(const struct nv_span_work *agent, const struct nv_span_work *call);
/* Gives `call` all counts that `agent` tells; what it told itself stays under `.source`.
 * NV_ERR_NO_MEMORY. */
enum nv_err nv_tokens_take(struct nv_translation *t, struct nv_span_work *call,
                           const struct nv_span_work *agent) NV_MUST_USE;

#endif
