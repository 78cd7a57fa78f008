/*
 * Inputs that are sent as what changed since another span's, put together again.
 *
 *   llm_request 1   [u1]                                     whole
 *   llm_request 2   base 1, dropped 0   [a1, u2]             ─▶ [u1, a1, u2]
 *   llm_request 3   base 2, dropped 1   [u3]                 ─▶ [u1, a1, u3]
 *
 * Who sends them, and by which attributes, is a row of mapping/conventions/deltas.h (LiveKit
 * Agents is the one that is known). This goes before rows, which then see what the
 * model was sent. A base that is not here, a circle and a count that does not fit leave the
 * span as it came. Conversations grow, so that all of their turns together grow by the square:
 * past REBUILT_MAX bytes of a trace the rest stays as it was sent.
 */
#include "mapping/settle/settle.h"

#include "base/meter.h"
#include "base/text/text.h"
#include "mapping/content/json_text.h"
#include "mapping/conventions/deltas.h"
#include "model/key_index.h"

#include "base/banned.h"

/* Text that is put together for one trace: a long call of an hour has 2 MiB. */
#define REBUILT_MAX ((size_t)4 << 20)
/* What an entry counts beside its text. */
#define ENTRY_BYTES 128u

/* A convention's way to say it: a row of NV_DELTA_FORMS. */
struct form {
    struct nv_str scope, base, dropped, list, instructions;
    struct nv_str inputs[NV_DELTA_INPUTS];
};

#define FORM(scope, base, dropped, list, instructions, one, two, three)                        \
    {NV_STR_INIT(scope),        NV_STR_INIT(base),                                             \
     NV_STR_INIT(dropped),      NV_STR_INIT(list),                                             \
     NV_STR_INIT(instructions), {NV_STR_INIT(one), NV_STR_INIT(two), NV_STR_INIT(three)}},
static const struct form forms[] = {NV_DELTA_FORMS(FORM)};
#undef FORM

enum state { RECORD_WHOLE, RECORD_DELTA, RECORD_WALKED, RECORD_UNKNOWN };

/* A span's input as it was sent. */
struct record {
    const struct form *form; /* its convention's; NULL: none sends deltas */
    struct nv_value *input;  /* the attribute's; NULL: none */
    struct nv_value entries; /* ARRAY, once it has been opened; NULL before */
    bool wrapped;            /* {"<form->list>": [...]} */
    uint32_t base;           /* NV_NO_SPAN: not here */
    int64_t dropped;
    size_t bytes; /* of the text of its entries */
    enum state state;
};

struct rebuilding {
    struct nv_translation *t;
    struct record *records; /* one a span */
    uint32_t *way;          /* from a delta down to what is whole */
    struct nv_hash_index spans;
    size_t rebuilt;
};

/* ---- what was sent ----------------------------------------------------------------------- */

/* Borrowed; NULL: spans of this scope are sent whole. */
static const struct form *form_of(const struct nv_origin *origin)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (nv_str_eq(origin->scope_name, forms[i].scope))
            return &forms[i];
    }
    return NULL;
}

static struct nv_value *input_of(const struct nv_span *span, const struct form *form)
{
    struct nv_value *input = NULL;
    for (size_t i = 0; !input && i < NV_DELTA_INPUTS; i++)
        input = nv_attributes_get(&span->attributes, form->inputs[i]);
    return input;
}

/* The span that the record goes on from. */
static uint32_t base_of(const struct rebuilding *all, const struct nv_value *named)
{
    uint8_t id[NV_SPAN_ID_BYTES];
    const struct nv_hash_slot *slot;
    if (named->type != NV_VALUE_STRING ||
        nv_hex_decode(named->as.string, id, sizeof id) != NV_OK)
        return NV_NO_SPAN;
    const uint64_t hash = nv_number_hash(nv_id_number(id));
    for (uint32_t at = 0; (slot = nv_hash_index_next(&all->spans, hash, &at)) != NULL;) {
        const uint32_t number = slot->number - 1;
        if (memcmp(all->t->works[number].span->span_id, id, sizeof id) == 0)
            return number;
    }
    return NV_NO_SPAN;
}

static enum nv_err index_spans(struct rebuilding *all)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < all->t->work_count; i++) {
        const struct nv_span *span = all->t->works[i].span;
        if (form_of(span->origin)) {
            err = nv_hash_index_add(&all->spans, all->t->arena,
                                    nv_number_hash(nv_id_number(span->span_id)), i);
        }
    }
    return err;
}

/* Reads what the spans say of their inputs; *any: some are deltas. */
static void read_records(struct rebuilding *all, bool *any)
{
    for (uint32_t i = 0; i < all->t->work_count; i++) {
        const struct nv_span *span = all->t->works[i].span;
        struct record *record = &all->records[i];
        const struct form *form = form_of(span->origin);
        *record = (struct record){.form = form, .base = NV_NO_SPAN, .state = RECORD_WHOLE};
        if (!form)
            continue;
        record->input = input_of(span, form);
        const struct nv_value *base = nv_attributes_get(&span->attributes, form->base);
        const struct nv_value *dropped = nv_attributes_get(&span->attributes, form->dropped);
        if (!base || !record->input)
            continue;
        record->base = base_of(all, base);
        record->dropped = dropped && dropped->type == NV_VALUE_INT ? dropped->as.integer : 0;
        record->state = RECORD_DELTA;
        *any = true;
    }
}

/* Opens the list of entries; leaves it NULL where there is none. */
static enum nv_err open_record(struct nv_arena *arena, struct record *record)
{
    struct nv_value opened;
    if (!record->input || record->entries.type == NV_VALUE_ARRAY)
        return NV_OK;
    enum nv_err err =
        nv_json_text_parse(arena, record->input, NV_JSON_TEXT_LEVELS, NULL, &opened);
    if (err != NV_OK)
        return err;
    const struct nv_value *items =
        opened.type == NV_VALUE_MAP ? nv_map_get(&opened, record->form->list) : NULL;
    record->wrapped = items != NULL;
    opened = items ? *items : opened;
    if (opened.type != NV_VALUE_ARRAY)
        return NV_OK;
    record->bytes = (size_t)opened.as.array.count * ENTRY_BYTES;
    if (record->input->type == NV_VALUE_STRING || record->input->type == NV_VALUE_JSON)
        record->bytes += record->input->as.string.len;
    record->entries = opened;
    return NV_OK;
}

/* ---- putting together -------------------------------------------------------------------- */

/* The base's entries but for the last, then the record's own. */
static enum nv_err join(struct rebuilding *all, struct record *record,
                        const struct record *base)
{
    const struct nv_array *old = &base->entries.as.array;
    const struct nv_array *own = &record->entries.as.array;
    const uint32_t kept = old->count - (uint32_t)record->dropped;
    const uint32_t count = kept + own->count;
    record->bytes += kept == 0 ? 0 : base->bytes / old->count * kept;
    all->rebuilt += record->bytes;
    record->state = RECORD_UNKNOWN;
    if (all->rebuilt > REBUILT_MAX || !nv_meter_spend(count))
        return NV_OK;
    struct nv_value *items = nv_arena_array(all->t->arena, (size_t)count + 1, sizeof *items);
    if (!items)
        return NV_ERR_NO_MEMORY;
    if (kept > 0)
        memcpy(items, old->items, kept * sizeof *items);
    if (own->count > 0)
        memcpy(items + kept, own->items, own->count * sizeof *items);
    record->entries.as.array = (struct nv_array){items, count};
    record->state = RECORD_WHOLE;
    return NV_OK;
}

/* Gives the span its whole input, and its base's instructions where it has none. */
static enum nv_err write_back(struct rebuilding *all, uint32_t number)
{
    struct record *record = &all->records[number];
    struct nv_span *span = all->t->works[number].span;
    struct nv_attributes items = {0};
    const struct nv_str instructions = record->form->instructions;
    const struct nv_value *of_base =
        nv_attributes_get(&all->t->works[record->base].span->attributes, instructions);
    enum nv_err err = NV_OK;
    if (record->wrapped)
        err = nv_attributes_add(&items, all->t->arena, record->form->list, record->entries);
    *record->input = record->wrapped ? (struct nv_value){.type = NV_VALUE_MAP,
                                                         .as.map = {items.items, items.count}}
                                     : record->entries;
    if (err != NV_OK || !of_base || nv_attributes_get(&span->attributes, instructions))
        return err;
    return nv_attributes_add(&span->attributes, all->t->arena, instructions, *of_base);
}

/* Rebuilds one record on its base, which has been decided. */
static enum nv_err rebuild_one(struct rebuilding *all, uint32_t number)
{
    struct record *record = &all->records[number];
    struct record *base = &all->records[record->base];
    record->state = RECORD_UNKNOWN;
    if (base->state != RECORD_WHOLE)
        return NV_OK;
    enum nv_err err = open_record(all->t->arena, record);
    if (err == NV_OK)
        err = open_record(all->t->arena, base);
    if (err != NV_OK || record->entries.type != NV_VALUE_ARRAY ||
        base->entries.type != NV_VALUE_ARRAY || record->dropped < 0 ||
        record->dropped > base->entries.as.array.count)
        return err;
    err = join(all, record, base);
    return err != NV_OK || record->state != RECORD_WHOLE ? err : write_back(all, number);
}

/* Rebuilds a record and what it goes on from, from the whole one up. A record that the way
 * meets twice closes a circle, which nothing whole is below. */
static enum nv_err rebuild(struct rebuilding *all, uint32_t number)
{
    uint32_t count = 0;
    enum nv_err err = NV_OK;
    while (number != NV_NO_SPAN && all->records[number].state == RECORD_DELTA) {
        all->records[number].state = RECORD_WALKED;
        all->way[count++] = number;
        number = all->records[number].base;
    }
    while (err == NV_OK && count > 0) {
        const uint32_t at = all->way[--count];
        if (all->records[at].base == NV_NO_SPAN)
            all->records[at].state = RECORD_UNKNOWN;
        else
            err = rebuild_one(all, at);
    }
    return err;
}

enum nv_err nv_deltas_rebuild(struct nv_translation *t)
{
    struct rebuilding all = {.t = t};
    bool any = false;
    for (uint32_t i = 0; i < t->raw->group_count; i++)
        any = any || form_of(&t->origins[i]);
    if (!any)
        return NV_OK;
    all.records = nv_arena_array(t->arena, t->work_count, sizeof *all.records);
    all.way = nv_arena_array(t->arena, t->work_count, sizeof *all.way);
    if (!all.records || !all.way)
        return NV_ERR_NO_MEMORY;
    enum nv_err err = index_spans(&all);
    any = false;
    if (err == NV_OK)
        read_records(&all, &any);
    for (uint32_t i = 0; err == NV_OK && any && i < t->work_count; i++)
        err = rebuild(&all, i);
    return err;
}
