/*
 * Vectors of embeddings, which no reader of a trace reads, are left out.
 *
 *   [0.01, -0.2, ...]                           ─▶ gone; embedding.dimensions tells its length
 *   {"data": [{"index": 0, "embedding": [..]}]} ─▶ {"data": [{"index": 0}]}
 *   "[[0.01, ...]]" (JSON text), base64 floats  ─▶ the same
 *
 * A vector is told by what it is, an array of many numbers, wherever an emitter puts it: its
 * own attribute, a response as JSON, an outer span that repeats it. Only embeddings and the
 * spans directly around them are looked at, so that other traces pay nothing, and numbers that
 * mean something elsewhere stay.
 */
#include "mapping/settle/settle.h"
#include "mapping/engine/transform_steps.h"

#include <assert.h>

#include "base/banned.h"

/* Fewer numbers than this are no embedding of a model in use (the shortest have 64). */
#define VECTOR_MIN 32
#define NAMED_MIN 4 /* with a name that says so */
#define BASE64_MIN 128
/* As JSON, a digit and a comma each. */
#define TEXT_MIN (2 * VECTOR_MIN)
#define NAMED_TEXT_MIN (2 * NAMED_MIN)
#define DEPTH_MAX 12

enum fate { KEPT, CHANGED, GONE };

struct stripping {
    struct nv_arena *arena;
    uint32_t length; /* of the last vector */
    enum nv_err err;
};

/* Does its name say that it is one? */
static bool is_named(struct nv_str key)
{
    if (nv_str_ends(key, NV_STR("s")))
        key.len--;
    return nv_str_ends(key, NV_STR("embedding")) || nv_str_ends(key, NV_STR("vector"));
}

static bool is_long_enough(struct nv_str key, size_t len)
{
    return len >= TEXT_MIN || (len >= NAMED_TEXT_MIN && is_named(key));
}

static bool is_vector(struct nv_str key, const struct nv_value *value)
{
    if (value->type != NV_VALUE_ARRAY || value->as.array.count < NAMED_MIN ||
        (value->as.array.count < VECTOR_MIN && !is_named(key)))
        return false;
    for (uint32_t i = 0; i < value->as.array.count; i++) {
        uint8_t type = value->as.array.items[i].type;
        if (type != NV_VALUE_DOUBLE && type != NV_VALUE_INT)
            return false;
    }
    return true;
}

/* OpenAI's `encoding_format: base64`: four bytes a number. */
static bool is_encoded(struct nv_str key, const struct nv_value *value)
{
    if (value->type != NV_VALUE_STRING || value->as.string.len < BASE64_MIN || !is_named(key))
        return false;
    for (size_t i = 0; i < value->as.string.len; i++) {
        char c = value->as.string.ptr[i];
        bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '+' && c != '/' && c != '=')
            return false;
    }
    return true;
}

static enum fate strip(struct stripping *s, struct nv_str key, struct nv_value *value,
                       unsigned depth);

/* ---- arrays and objects ------------------------------------------------------------------ */

static uint32_t *count_of(struct nv_value *list)
{
    return list->type == NV_VALUE_MAP ? &list->as.map.count : &list->as.array.count;
}

static struct nv_value *item_of(struct nv_value *list, uint32_t at)
{
    return list->type == NV_VALUE_MAP ? &list->as.map.items[at].value
                                      : &list->as.array.items[at];
}

/* Gives the list items of its own: others may have the same. */
static bool copy_items(struct stripping *s, struct nv_value *list)
{
    const bool map = list->type == NV_VALUE_MAP;
    const void *items = map ? (const void *)list->as.map.items : list->as.array.items;
    const size_t size = map ? sizeof *list->as.map.items : sizeof *list->as.array.items;
    void *copy = nv_arena_raw(s->arena, *count_of(list) * size);
    if (!copy) {
        s->err = NV_ERR_NO_MEMORY;
        return false;
    }
    memcpy(copy, items, *count_of(list) * size);
    if (map)
        list->as.map.items = copy;
    else
        list->as.array.items = copy;
    return true;
}

static void keep_item(struct nv_value *list, uint32_t to, uint32_t from,
                      const struct nv_value *item)
{
    if (list->type == NV_VALUE_MAP)
        list->as.map.items[to].key = list->as.map.items[from].key;
    *item_of(list, to) = *item;
}

/* Elements have the name of their array, members of an object their own. */
static enum fate strip_items(struct stripping *s, struct nv_str key, struct nv_value *list,
                             unsigned depth)
{
    const uint32_t count = *count_of(list);
    bool own = false;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct nv_value item = *item_of(list, i);
        const struct nv_str name = list->type == NV_VALUE_MAP ? list->as.map.items[i].key : key;
        enum fate fate = strip(s, name, &item, depth + 1);
        if (fate != KEPT && !own) {
            own = copy_items(s, list);
            if (!own)
                return KEPT;
        }
        if (own && fate != GONE)
            keep_item(list, kept, i, &item);
        kept += fate != GONE;
    }
    if (!own)
        return KEPT;
    *count_of(list) = kept;
    return kept == 0 ? GONE : CHANGED;
}

/* ---- values ------------------------------------------------------------------------------ */

/* JSON text becomes what it says when something in it goes. */
static enum fate strip_text(struct stripping *s, struct nv_str key, struct nv_value *value,
                            unsigned depth)
{
    const struct nv_transform transform = {.arena = s->arena};
    struct nv_transformed parsed = {.value = *value, .exact = true};
    struct nv_str text = nv_str_trim(value->as.string);
    if (!is_long_enough(key, text.len) || (text.ptr[0] != '[' && text.ptr[0] != '{'))
        return KEPT;
    enum nv_err err = nv_step_parse(&transform, NV_REPR_DATA, &parsed);
    if (err != NV_OK)
        s->err = err;
    if (err != NV_OK || parsed.value.type == NV_VALUE_STRING)
        return KEPT;
    enum fate fate = strip(s, key, &parsed.value, depth + 1);
    if (fate == CHANGED)
        *value = parsed.value;
    return fate;
}

static enum fate strip(struct stripping *s, struct nv_str key, struct nv_value *value,
                       unsigned depth)
{
    if (s->err != NV_OK || depth > DEPTH_MAX)
        return KEPT;
    if (is_vector(key, value)) {
        s->length = value->as.array.count;
        return GONE;
    }
    if (is_encoded(key, value)) {
        s->length = (uint32_t)(value->as.string.len * 3 / 4 / 4);
        return GONE;
    }
    switch (value->type) {
    case NV_VALUE_ARRAY:
    case NV_VALUE_MAP:
        return strip_items(s, key, value, depth);
    case NV_VALUE_STRING:
        return strip_text(s, key, value, depth);
    default:
        return KEPT;
    }
}

/* Tells the known fields that an attribute has moved, or is gone (0). */
static void move_known(struct nv_span_work *work, uint32_t from, uint32_t to)
{
    for (unsigned field = 0; field < NV_FIELD_KNOWN; field++) {
        if (work->at[field] == from)
            work->at[field] = to;
    }
}

/* Most values are too short to hold one. */
static inline bool may_hold(struct nv_str key, const struct nv_value *value)
{
    return value->type == NV_VALUE_STRING
               ? is_long_enough(key, value->as.string.len)
               : value->type == NV_VALUE_ARRAY || value->type == NV_VALUE_MAP;
}

static enum nv_err strip_span(struct nv_translation *t, struct nv_span_work *work)
{
    struct stripping s = {.arena = t->arena};
    struct nv_attributes *list = &work->span->attributes;
    const uint32_t first = work->rest_first, end = work->rest_end;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct nv_attribute *item = &list->items[i];
        if (may_hold(item->key, &item->value) &&
            strip(&s, item->key, &item->value, 0) == GONE) {
            move_known(work, i + 1, 0);
            work->rest_first -= i < first;
            work->rest_end -= i < end;
            continue;
        }
        if (kept != i) {
            move_known(work, i + 1, kept + 1);
            list->items[kept] = *item;
        }
        kept++;
    }
    list->count = kept;
    if (s.err != NV_OK || s.length == 0 || work->kind != NV_KIND_EMBEDDING ||
        nv_work_get(work, NV_FIELD_EMBEDDING_DIMENSIONS))
        return s.err;
    return nv_work_set(t, work, NV_FIELD_EMBEDDING_DIMENSIONS, nv_value_int(s.length));
}

enum nv_err nv_vectors_leave_out(struct nv_translation *t)
{
    enum nv_err err = NV_OK;
    uint32_t around = NV_NO_SPAN; /* the last one, of mostly one for many */
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++) {
        struct nv_span_work *work = &t->works[i];
        if (work->kind != NV_KIND_EMBEDDING)
            continue;
        err = strip_span(t, work);
        if (err == NV_OK && work->parent != NV_NO_SPAN && work->parent != around)
            err = strip_span(t, &t->works[work->parent]);
        around = work->parent;
    }
    return err;
}
