/*
 * The walk, driven by the table of places.
 *
 * A structure is a list of offsets of what has text in it; what is nested (spans, events,
 * links, origins) is walked by hand. Keys that were changed must not become equal to another:
 * an object with a key twice is no trace (docs/noveum-backend.md).
 */
#include "redaction/walk.h"

#include "base/meter.h"
#include "model/key_index.h"
#include "model/seen_maps.h"
#include "redaction/places.h"

#include <assert.h>
#include <stddef.h>

#include "base/banned.h"

struct field {
    size_t offset;
    bool list;
    const char *place;
};

/* Only what has text itself gets a row. */
#define TEXT(structure, member, place) {offsetof(struct structure, member), false, place},
#define LIST(structure, member, place) {offsetof(struct structure, member), true, place},
#define INSIDE(structure, member, place)
#define NONE(structure, member, place)
#define FIELD(structure, member, what, place) what(structure, member, place)
static const struct field of_trace[] = {NV_TRACE_PLACES(FIELD)};
static const struct field of_span[] = {NV_SPAN_PLACES(FIELD)};
static const struct field of_event[] = {NV_EVENT_PLACES(FIELD)};
static const struct field of_link[] = {NV_LINK_PLACES(FIELD)};
static const struct field of_origin[] = {NV_ORIGIN_PLACES(FIELD)};
#undef FIELD
#undef TEXT
#undef LIST
#undef INSIDE
#undef NONE

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What spans share and is done already, by its address. */
struct shared {
    struct nv_hash_index origins, resources; /* by the number of who has it */
    const struct nv_origin *last;
};

struct walk {
    struct nv_trace *trace;
    const struct nv_redaction_handler *handlers;
    size_t count;
    struct nv_text_place place;
    struct shared shared;
    struct nv_known *known;
    struct nv_seen_maps *maps; /* in which nothing was changed; NULL: of no use */
    uint64_t changed;          /* texts and values so far */
};

/* ---- values ------------------------------------------------------------------------------ */

static enum nv_err walk_text(struct walk *walk, struct nv_str *text)
{
    const char *before = text->ptr;
    enum nv_err err = NV_OK;
    for (size_t i = 0; i < walk->count && text->len > 0 && err == NV_OK; i++) {
        const struct nv_redaction_handler *handler = &walk->handlers[i];
        err = handler->text(handler->ctx, &walk->place, text);
    }
    walk->changed += text->ptr != before;
    return err;
}

/* Asked only of JSON that a handler has changed. */
static bool is_json(struct nv_str text)
{
    struct nv_json_reader reader;
    nv_json_read_init(&reader, text, NV_VALUE_DEPTH_MAX);
    return nv_json_skip(&reader, nv_json_next(&reader)) == NV_OK &&
           nv_json_next(&reader) == NV_JSON_END;
}

/* JSON is written as it is: when a handler broke it, it is a text. */
static enum nv_err walk_json(struct walk *walk, struct nv_value *value)
{
    const char *before = value->as.string.ptr;
    walk->place.json = true;
    enum nv_err err = walk_text(walk, &value->as.string);
    walk->place.json = false;
    if (err == NV_OK && value->as.string.ptr != before && !is_json(value->as.string))
        *value = nv_value_string(value->as.string);
    return err;
}

static enum nv_err walk_items(struct walk *walk, struct nv_attribute *items, uint32_t count,
                              bool top);

/* A message that is sent again with each call is walked once, when nothing is found in it. */
static enum nv_err walk_map(struct walk *walk, const struct nv_map *map)
{
    const unsigned place = walk->maps ? nv_seen_map_place(map) : NV_SEEN_NOWHERE;
    if (place != NV_SEEN_NOWHERE && nv_seen_map_find(walk->maps, place, map))
        return NV_OK;
    const uint64_t changed = walk->changed;
    enum nv_err err = walk_items(walk, map->items, map->count, false);
    if (place != NV_SEEN_NOWHERE && err == NV_OK && walk->changed == changed)
        nv_seen_map_put(walk->maps, place, map, 0, 0);
    return err;
}

static enum nv_err walk_value(struct walk *walk, struct nv_value *value);

/* A conversation that is sent again with each call is walked from its first new message on. */
static enum nv_err walk_array(struct walk *walk, const struct nv_array *array)
{
    const uint32_t before = nv_seen_known(walk->maps, array);
    const uint64_t changed = walk->changed;
    uint32_t known = before;
    enum nv_err err = NV_OK;
    for (uint32_t i = before; i < array->count && err == NV_OK; i++) {
        err = walk_value(walk, &array->items[i]);
        known += walk->changed == changed;
    }
    if (err == NV_OK)
        nv_seen_know(walk->maps, array, known, before);
    return err;
}

/* Recursion is bounded: values are no deeper than NV_VALUE_DEPTH_MAX. */
static enum nv_err walk_value(struct walk *walk, struct nv_value *value)
{
    switch (value->type) {
    case NV_VALUE_STRING:
    case NV_VALUE_BYTES:
        return walk_text(walk, &value->as.string);
    case NV_VALUE_JSON:
        return walk_json(walk, value);
    case NV_VALUE_ARRAY:
        return walk_array(walk, &value->as.array);
    case NV_VALUE_MAP:
        return walk_map(walk, &value->as.map);
    default:
        return NV_OK;
    }
}

static bool is_taken(struct walk *walk, struct nv_attribute *attribute)
{
    for (size_t i = 0; i < walk->count; i++) {
        const struct nv_redaction_handler *handler = &walk->handlers[i];
        if (handler->value &&
            handler->value(handler->ctx, &walk->place, attribute->key, &attribute->value)) {
            walk->changed++;
            return true;
        }
    }
    return false;
}

static bool wants(const struct walk *walk, struct nv_str key)
{
    for (size_t i = 0; i < walk->count; i++) {
        const struct nv_redaction_handler *handler = &walk->handlers[i];
        if (handler->key && handler->key(handler->ctx, key))
            return true;
    }
    return false;
}

/* The key is walked last: until then it says what the value is. From the second changed key of
 * a list on they are numbered. */
static enum nv_err walk_key(struct walk *walk, struct nv_str *key, uint32_t *changed)
{
    struct nv_str before = *key;
    enum nv_err err = walk_text(walk, key);
    if (err != NV_OK || key->ptr == before.ptr || (*changed)++ == 0)
        return err;
    *key = nv_arena_printf(walk->trace->arena, "%.*s#%u", NV_STR_ARG(*key), *changed);
    return key->ptr ? NV_OK : NV_ERR_NO_MEMORY;
}

/*
 * An attribute whose key is not known to be of no interest. A key that no handler wants, and
 * that was not changed, is remembered by its form: attributes of the same name come with
 * every span, and each would be asked of each handler again.
 */
static enum nv_err walk_attribute(struct walk *walk, struct nv_attribute *attribute,
                                  const struct nv_known_text *form, uint32_t *changed)
{
    struct nv_str key = attribute->key;
    bool wanted = wants(walk, key);
    enum nv_err err = NV_OK;
    if (!wanted || !is_taken(walk, attribute))
        err = walk_value(walk, &attribute->value);
    if (err == NV_OK)
        err = walk_key(walk, &attribute->key, changed);
    if (!wanted && attribute->key.ptr == key.ptr && form->len != 0)
        *nv_known_place(walk->known, form) = *form;
    return err;
}

static enum nv_err walk_items(struct walk *walk, struct nv_attribute *items, uint32_t count,
                              bool top)
{
    enum nv_err err = NV_OK;
    uint32_t changed = 0;
    (void)nv_meter_spend(count);
    for (uint32_t i = 0; i < count && err == NV_OK; i++) {
        struct nv_known_text form = nv_known_form(items[i].key);
        if (top)
            walk->place.key = items[i].key;
        if (!nv_known_has(walk->known, &form))
            err = walk_attribute(walk, &items[i], &form, &changed);
        else if (items[i].value.type > NV_VALUE_DOUBLE)
            err = walk_value(walk, &items[i].value);
    }
    return err;
}

/* ---- structures -------------------------------------------------------------------------- */

static enum nv_err walk_list(struct walk *walk, const struct nv_attributes *list)
{
    enum nv_err err = walk_items(walk, list->items, list->count, true);
    walk->place.key = (struct nv_str){0};
    return err;
}

static enum nv_err walk_fields(struct walk *walk, void *structure, const struct field *fields,
                               size_t count)
{
    enum nv_err err = NV_OK;
    for (size_t i = 0; i < count && err == NV_OK; i++) {
        void *member = (char *)structure + fields[i].offset;
        walk->place.name = fields[i].place;
        err = fields[i].list ? walk_list(walk, member) : walk_text(walk, member);
    }
    return err;
}

static uint64_t address_hash(const void *at)
{
    return nv_number_hash((uint64_t)(uintptr_t)at);
}

/* Of a span, or of the trace itself: that is the one behind the last span. */
static const struct nv_origin *origin_of(const struct nv_trace *trace, uint32_t number)
{
    return number == trace->span_count ? trace->origin : trace->spans[number].origin;
}

/* Was this origin, or its resource, met under an earlier number? Notes it if not. */
static enum nv_err is_new(struct nv_trace *trace, struct nv_hash_index *index, bool resource,
                          uint32_t number, bool *out)
{
    const struct nv_origin *origin = origin_of(trace, number);
    const void *wanted = resource ? (const void *)origin->resource.items : origin;
    const struct nv_hash_slot *slot;
    *out = false;
    for (uint32_t at = 0;
         (slot = nv_hash_index_next(index, address_hash(wanted), &at)) != NULL;) {
        const struct nv_origin *other = origin_of(trace, slot->number - 1);
        if ((resource ? (const void *)other->resource.items : other) == wanted)
            return NV_OK;
    }
    *out = true;
    return nv_hash_index_add(index, trace->arena, address_hash(wanted), number);
}

static enum nv_err walk_resource(struct walk *walk, const struct nv_origin *origin)
{
    walk->place.name = "resource.attributes";
    return walk_list(walk, &origin->resource);
}

/* Spans share resources and scopes: each is read once, however they take turns. An origin lies
 * in the trace's arena; that spans may not write to it is no reason for us. */
static enum nv_err walk_origin(struct walk *walk, uint32_t number)
{
    struct nv_trace *trace = walk->trace;
    struct nv_origin *origin = (struct nv_origin *)(uintptr_t)origin_of(trace, number);
    struct shared *shared = &walk->shared;
    bool new_origin = false, new_resource = false;
    if (!origin || origin == shared->last)
        return NV_OK;
    shared->last = origin;
    enum nv_err err = is_new(trace, &shared->origins, false, number, &new_origin);
    if (err == NV_OK && new_origin)
        err = walk_fields(walk, origin, of_origin, COUNT(of_origin));
    if (err == NV_OK && new_origin)
        err = is_new(trace, &shared->resources, true, number, &new_resource);
    return err == NV_OK && new_resource ? walk_resource(walk, origin) : err;
}

static enum nv_err walk_span(struct walk *walk, uint32_t number)
{
    struct nv_span *span = &walk->trace->spans[number];
    enum nv_err err = walk_fields(walk, span, of_span, COUNT(of_span));
    for (uint32_t i = 0; i < span->event_count && err == NV_OK; i++)
        err = walk_fields(walk, &span->events[i], of_event, COUNT(of_event));
    for (uint32_t i = 0; i < span->link_count && err == NV_OK; i++)
        err = walk_fields(walk, &span->links[i], of_link, COUNT(of_link));
    return err == NV_OK ? walk_origin(walk, number) : err;
}

static_assert(NV_VALUE_NULL < NV_VALUE_DOUBLE && NV_VALUE_BOOL < NV_VALUE_DOUBLE &&
                  NV_VALUE_INT < NV_VALUE_DOUBLE,
              "values without a text come first");

static bool are_anywhere(const struct nv_redaction_handler *handlers, size_t count)
{
    bool all = true;
    for (size_t i = 0; i < count; i++)
        all = all && handlers[i].anywhere;
    return all;
}

enum nv_err nv_walk_trace(struct nv_trace *trace, const struct nv_redaction_handler *handlers,
                          size_t count, struct nv_known *known)
{
    struct nv_seen_maps maps;
    memset(maps.used, 0, sizeof maps.used);
    struct walk walk = {.trace = trace, .handlers = handlers, .count = count, .known = known};
    walk.maps = are_anywhere(handlers, count) ? &maps : NULL;
    enum nv_err err = walk_fields(&walk, trace, of_trace, COUNT(of_trace));
    for (uint32_t i = 0; i < trace->span_count && err == NV_OK; i++)
        err = walk_span(&walk, i);
    return err == NV_OK ? walk_origin(&walk, trace->span_count) : err;
}
