/*
 * What the span's fields say already is not sent again.
 *
 *   input.value {"messages": [...], "model": M}
 *   llm.input.messages [...], llm.request.model M             ─▶ input.value is not sent
 *   input.value {"messages": [...], "model": M, "user": U}    ─▶ it is: nothing else says U
 *
 * Raw requests and responses, lists and quoted texts beside what was read from them are the
 * larger part of a span. A value in them counts as said when a field has the same value under
 * the same name (or a name that means the same), when a row reads it at its place into a field
 * that holds it, or when it is a text too long to stand somewhere by chance. An attribute goes
 * whole or stays whole. Internal to the engine.
 */
#ifndef NV_MAPPING_ENGINE_REPEATS_H
#define NV_MAPPING_ENGINE_REPEATS_H

#include "mapping/engine/work.h"

struct nv_said;

/* What the fields of one span say, gathered when it is first asked. All zero at first, but for
 * the number of fields. */
struct nv_repeats {
    uint32_t fields;       /* the first ones of span->attributes; what follows is no field */
    struct nv_said *items; /* in the arena */
    uint32_t count, capacity;
    struct nv_hash_index index;
    bool gathered;
};

/*
 * *said: do fields say all of source attribute `at` of the span? Only JSON, JSON text, arrays,
 * objects and texts of answers are looked at, of keys that rows know. Borrows; what is gathered
 * lives in the arena. Errors: NV_ERR_NO_MEMORY, NV_ERR_LIMIT past the limit of this thread's
 * meter.
 */
enum nv_err nv_repeats_says(struct nv_repeats *repeats, struct nv_translation *t,
                            const struct nv_span_work *work, uint32_t at,
                            bool *said) NV_MUST_USE;

#endif
