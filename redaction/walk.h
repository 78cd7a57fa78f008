/*
 * One walk over all texts of a translated trace (places.h), for all that is to be taken out of
 * them.
 *
 *   trace ─▶ each place ─┬─ TEXT ─▶ handler.text
 *                        └─ LIST ─▶ each attribute ─▶ handler.value ─▶ taken?
 *                                        │                └─ no ─▶ texts inside ─▶ handler.text
 *                                        └─▶ its key ─▶ handler.text
 *
 * What spans share (resources, scopes) is walked once. Every handler sees a text as the one
 * before it left it. The thread that owns the trace.
 */
#ifndef NV_REDACTION_WALK_H
#define NV_REDACTION_WALK_H

#include "model/trace.h"
#include "base/known.h"

/* Where a text is. */
struct nv_text_place {
    const char *name;  /* of places.h */
    struct nv_str key; /* the attribute it is in, whatever it is nested in; empty: none */
    bool json;         /* it is the text of a structure (NV_VALUE_JSON) */
};

struct nv_redaction_handler {
    void *ctx;
    /* May replace *text by another one of the trace's arena. */
    enum nv_err (*text)(void *ctx, const struct nv_text_place *place, struct nv_str *text);
    /*
     * May replace a value as a whole for the sake of its key, the innermost one; then true, and
     * nothing more is done with it. NULL: never.
     */
    bool (*value)(void *ctx, const struct nv_text_place *place, struct nv_str key,
                  struct nv_value *value);
    /* May `value` ever take a value of this key? Together with `value`. */
    bool (*key)(void *ctx, struct nv_str key);
    /* `text` and `value` say the same of the same texts and keys wherever they stand, and do
     * nothing where they find nothing: what was walked so is passed by. */
    bool anywhere;
};

/*
 * Errors are a handler's, and NV_ERR_NO_MEMORY: some may be done, the trace must not leave.
 * `known`: the keys of which no handler wanted anything; of one list of handlers, whose `key`
 * and `text` say the same of a key whenever they are asked.
 */
enum nv_err nv_walk_trace(struct nv_trace *trace, const struct nv_redaction_handler *handlers,
                          size_t count, struct nv_known *known) NV_MUST_USE;

#endif
