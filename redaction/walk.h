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
};

/*
 * Keys of which no handler wanted anything, by their bytes: most keys are met in every span of
 * every trace. Zero-initialised is empty; belongs to one thread and to one list of handlers,
 * whose `key` and `text` say the same of a key whenever they are asked.
 */
#define NV_KNOWN_KEYS 256
struct nv_known_keys {
    struct nv_known_key {
        uint64_t len;      /* 8 to 32; shorter and longer ones are not remembered */
        uint64_t words[4]; /* the first 16 bytes and the last, which may overlap */
    } keys[NV_KNOWN_KEYS];
};

/* Errors are a handler's, and NV_ERR_NO_MEMORY: some may be done, the trace must not leave. */
enum nv_err nv_walk_trace(struct nv_trace *trace, const struct nv_redaction_handler *handlers,
                          size_t count, struct nv_known_keys *known) NV_MUST_USE;

#endif
