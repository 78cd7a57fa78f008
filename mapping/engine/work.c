/*
 * The store of a translation: known fields of spans, candidates, what spans tell of the trace.
 *
 *   apply ──▶ candidates ──▶ resolve ──▶ known fields ◀──▶ settle
 *                               └──────▶ identity ──────▶ translate
 *
 * It stands below all of them, so that the steps need not know each other: a step reads and
 * writes here, and what runs next is decided in mapping/translate.c alone.
 */
#include "mapping/engine/work.h"

#include <assert.h>

#include "base/banned.h"

/* Candidates of most spans; twice as many each time that it is not enough. */
#define FIRST_CANDIDATES 64

enum nv_err nv_scratch_init(struct nv_translation *t)
{
    uint32_t kind_rows = 0;
    for (unsigned fact = 0; fact < NV_FACT_KEYS; fact++) {
        if (t->mapping->fact_keys[fact] != UINT16_MAX)
            kind_rows += t->rules->keys[t->mapping->fact_keys[fact]].kind_count;
    }
    t->scratch.heads = nv_arena_array(t->arena, t->rules->field_count, sizeof(uint32_t));
    t->scratch.ends = nv_arena_raw(t->arena, t->rules->field_count * sizeof *t->scratch.ends);
    t->scratch.answers = nv_arena_alloc(t->arena, sizeof *t->scratch.answers);
    t->scratch.touched = nv_arena_raw(t->arena, t->rules->field_count * sizeof(uint16_t));
    t->scratch.deriving = nv_arena_raw(t->arena, t->rules->field_count * sizeof(uint16_t));
    t->scratch.kind_rows = nv_arena_raw(t->arena, kind_rows * sizeof(uint16_t));
    t->scratch.transform = (struct nv_transform){.arena = t->arena,
                                                 .provider_memo = &t->scratch.provider_memo,
                                                 .said = &t->scratch.said,
                                                 .failure = &t->scratch.failure};
    return t->scratch.heads && t->scratch.ends && t->scratch.answers && t->scratch.touched &&
                   t->scratch.deriving && t->scratch.kind_rows
               ? NV_OK
               : NV_ERR_NO_MEMORY;
}

/* ---- known fields ------------------------------------------------------------------------ */

struct nv_value *nv_work_get(const struct nv_span_work *work, enum nv_known_field field)
{
    assert(field < NV_FIELD_KNOWN);
    uint32_t at = work->at[field];
    return at ? &work->span->attributes.items[at - 1].value : NULL;
}

enum nv_err nv_work_set(struct nv_translation *t, struct nv_span_work *work,
                        enum nv_known_field field, struct nv_value value)
{
    struct nv_value *there = nv_work_get(work, field);
    if (there) {
        *there = value;
        return NV_OK;
    }
    enum nv_err err = nv_attributes_add(&work->span->attributes, t->arena,
                                        t->rules->fields[field].name, value);
    if (err == NV_OK)
        work->at[field] = work->span->attributes.count;
    return err;
}

void nv_work_rename(struct nv_span_work *work, enum nv_known_field field, struct nv_str name)
{
    if (work->at[field] == 0)
        return;
    work->span->attributes.items[work->at[field] - 1].key = name;
    work->at[field] = 0;
}

enum nv_err nv_work_move(struct nv_translation *t, struct nv_span_work *work,
                         struct nv_str prefix, struct nv_str before)
{
    struct nv_attributes *list = &work->span->attributes;
    for (uint32_t i = 0; i < list->count; i++) {
        struct nv_str *key = &list->items[i].key;
        if (!nv_str_starts(*key, prefix))
            continue;
        *key = nv_arena_printf(t->arena, "%.*s%.*s", NV_STR_ARG(before), NV_STR_ARG(*key));
        if (!key->ptr)
            return NV_ERR_NO_MEMORY;
        for (unsigned field = 0; field < NV_FIELD_KNOWN; field++) {
            if (work->at[field] == i + 1)
                work->at[field] = 0;
        }
    }
    return NV_OK;
}

/* ---- candidates -------------------------------------------------------------------------- */

enum nv_err nv_candidates_grow(struct nv_translation *t)
{
    struct nv_scratch *scratch = &t->scratch;
    if (scratch->candidate_capacity > UINT32_MAX / 4)
        return NV_ERR_NO_MEMORY;
    uint32_t capacity =
        scratch->candidate_capacity ? scratch->candidate_capacity * 2 : FIRST_CANDIDATES;
    struct nv_candidate *larger = nv_arena_raw(t->arena, capacity * sizeof *larger);
    if (!larger)
        return NV_ERR_NO_MEMORY;
    if (scratch->candidate_count > 0)
        memcpy(larger, scratch->candidates, scratch->candidate_count * sizeof *larger);
    scratch->candidates = larger;
    scratch->candidate_capacity = capacity;
    return NV_OK;
}

/* ---- identity ---------------------------------------------------------------------------- */

void nv_identity_tell(struct nv_identity *identity, uint16_t field, struct nv_str text,
                      uint16_t precedence)
{
    struct nv_fact *fact;
    switch (field) {
    case NV_FIELD_SESSION_ID:
        fact = &identity->session;
        break;
    case NV_FIELD_USER_ID:
        fact = &identity->user;
        break;
    case NV_FIELD_METADATA_REQUEST_ID:
        fact = &identity->request;
        break;
    case NV_FIELD_PROJECT:
        fact = &identity->project;
        break;
    case NV_FIELD_ENVIRONMENT:
        fact = &identity->environment;
        break;
    case NV_FIELD_SERVICE_VERSION:
        fact = &identity->service_version;
        break;
    case NV_FIELD_TRACE_NAME:
        fact = &identity->name;
        break;
    default:
        return;
    }
    if (text.len > 0 && (!fact->text.ptr || precedence < fact->precedence))
        *fact = (struct nv_fact){text, precedence};
}
