/*
 * From span bytes to nv_span: field numbers of the OTLP protocol buffers, nothing else.
 *
 * Repeated fields are counted before they are read, so that each list is one allocation of its
 * exact size; the walk over the fields costs little beside what it saves. A span's attributes
 * are noted while they are counted and not searched again. AnyValue nests, therefore its reader
 * recurses, bounded by NV_VALUE_DEPTH_MAX. Unknown fields and known fields of another wire type
 * are skipped, as protobuf has it. The last of several scalar fields wins. Nothing is judged
 * here: empty names, odd times and zero ids are for the translation.
 *
 * The stack of decoding is that of calls, each over the bytes of its own field alone:
 *
 *   span ─▶ attribute ─▶ AnyValue ─┬▶ text, number: done
 *      └──▶ event, link ─▶ ...     └▶ ArrayValue, KeyValueList ─▶ AnyValue ... (depth - 1)
 *
 * Every encoder writes an attribute as key, then value, and a value as one field:
 *
 *   0a len key 12 len (0a len text | 18 varint | 21 8 bytes | 10 bool | ...)
 *
 * which is read without a loop (`decode_plain.h`); whatever else protobuf allows takes the way
 * round, with the same result.
 */
#include "mapping/engine/decode.h"
#include "mapping/engine/decode_plain.h"

#include "base/meter.h"
#include "base/text/wire.h"
#include "model/key_index.h"
#include "model/otlp_fields.h"

#include <assert.h>
#include <endian.h>
#include <inttypes.h>

#include "base/banned.h"

/* Attributes of a span whose places are noted while its fields are counted. */
#define NOTED_MAX 64

/* Of the thread and not an argument: it would travel through every function here for the one
 * trace in a million that is translated a second time, with its lists cut. */
static _Thread_local uint32_t items_max = UINT32_MAX;

static enum nv_err decode_value(struct nv_arena *arena, struct nv_str bytes, unsigned depth,
                                struct nv_value *out);

void nv_decode_limit(uint32_t limit)
{
    items_max = limit > 0 ? limit : UINT32_MAX;
}

/* The last item of a list of which `count` were left out. */
static enum nv_err tell_cut(struct nv_arena *arena, uint32_t count, struct nv_value *out)
{
    struct nv_str text =
        nv_arena_printf(arena, "[%" PRIu32 " more items were left out]", count);
    *out = nv_value_string(text);
    return text.ptr ? NV_OK : NV_ERR_NO_MEMORY;
}

/* NV_OK at the regular end of a message, else what went wrong. */
static enum nv_err at_end(enum nv_err err)
{
    return err == NV_ERR_END ? NV_OK : err;
}

/* How often the length-delimited field `number` occurs. */
static uint32_t count_field(struct nv_str bytes, uint32_t number)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    uint32_t count = 0;
    while (nv_wire_next(&wire, &field) == NV_OK)
        count += field.number == number && field.type == NV_WIRE_BYTES;
    return count;
}

/* ---- any value --------------------------------------------------------------------------- */

static enum nv_err decode_attribute(struct nv_arena *arena, struct nv_str bytes, unsigned depth,
                                    struct nv_attribute *out)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    enum nv_err err;
    if (depth <= NV_VALUE_DEPTH_MAX && nv_plain_attribute(bytes, out))
        return NV_OK;
    *out = (struct nv_attribute){.key = NV_STR("")};
    while ((err = nv_wire_next(&wire, &field)) == NV_OK) {
        if (field.type != NV_WIRE_BYTES)
            continue;
        if (field.number == NV_OTLP_PAIR_KEY)
            out->key = field.bytes;
        else if (field.number == NV_OTLP_PAIR_VALUE)
            err = decode_value(arena, field.bytes, depth, &out->value);
        if (err != NV_OK)
            return err;
    }
    return at_end(err);
}

static enum nv_err decode_array(struct nv_arena *arena, struct nv_str bytes, unsigned depth,
                                struct nv_value *out)
{
    uint32_t count = count_field(bytes, NV_OTLP_LIST_VALUES), used = 0;
    uint32_t kept = count < items_max ? count : items_max;
    struct nv_value *items =
        nv_arena_array(arena, (size_t)kept + (kept < count), sizeof *items);
    if (!items)
        return NV_ERR_NO_MEMORY;
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    enum nv_err err = NV_OK;
    while (used < kept && (err = nv_wire_next(&wire, &field)) == NV_OK) {
        if (field.number == NV_OTLP_LIST_VALUES && field.type == NV_WIRE_BYTES) {
            err = decode_value(arena, field.bytes, depth, &items[used++]);
            if (err != NV_OK)
                return err;
        }
    }
    if (err == NV_OK && kept < count)
        err = tell_cut(arena, count - kept, &items[used++]);
    out->type = NV_VALUE_ARRAY;
    out->as.array.items = items;
    out->as.array.count = used;
    return at_end(err);
}

/* `count` KeyValues in field `number`, as a list of its exact size. */
static enum nv_err decode_counted(struct nv_arena *arena, struct nv_str bytes, uint32_t number,
                                  uint32_t count, unsigned depth, struct nv_attributes *out)
{
    *out = (struct nv_attributes){0};
    if (count == 0)
        return NV_OK;
    (void)nv_meter_spend(count);
    uint32_t kept = count < items_max ? count : items_max;
    /* room for what tells how many were left out */
    out->capacity = kept + (kept < count);
    out->items = nv_arena_array(arena, out->capacity, sizeof *out->items);
    if (!out->items)
        return NV_ERR_NO_MEMORY;
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    enum nv_err err = NV_OK;
    while (out->count < kept && (err = nv_wire_next(&wire, &field)) == NV_OK) {
        if (field.number == number && field.type == NV_WIRE_BYTES) {
            err = decode_attribute(arena, field.bytes, depth, &out->items[out->count++]);
            if (err != NV_OK)
                return err;
        }
    }
    if (err == NV_OK && kept < count) {
        out->items[out->count].key = NV_STR("noveum.gateway.cut");
        err = tell_cut(arena, count - kept, &out->items[out->count++].value);
    }
    return at_end(err);
}

/* All KeyValues in field `number`, each key once. A span's own list is another matter: what it
 * holds twice is seen where it goes out (mapping/engine/rest.c). */
static enum nv_err decode_attributes(struct nv_arena *arena, struct nv_str bytes,
                                     uint32_t number, unsigned depth, struct nv_attributes *out)
{
    enum nv_err err =
        decode_counted(arena, bytes, number, count_field(bytes, number), depth, out);
    return err != NV_OK ? err : nv_attributes_unique(out, arena);
}

static enum nv_err decode_kvlist(struct nv_arena *arena, struct nv_str bytes, unsigned depth,
                                 struct nv_value *out)
{
    struct nv_attributes list;
    enum nv_err err = decode_attributes(arena, bytes, NV_OTLP_LIST_VALUES, depth, &list);
    if (err != NV_OK)
        return err;
    out->type = NV_VALUE_MAP;
    out->as.map.items = list.items;
    out->as.map.count = list.count;
    return NV_OK;
}

/* One field of an AnyValue. Fields of a wrong wire type are skipped. */
static enum nv_err decode_any_field(struct nv_arena *arena, const struct nv_wire_field *field,
                                    unsigned depth, struct nv_value *out)
{
    if (field->type == NV_WIRE_BYTES) {
        switch (field->number) {
        case NV_OTLP_ANY_STRING:
            *out = nv_value_string(field->bytes);
            break;
        case NV_OTLP_ANY_BYTES:
            *out = (struct nv_value){.type = NV_VALUE_BYTES, .as.string = field->bytes};
            break;
        case NV_OTLP_ANY_ARRAY:
            return decode_array(arena, field->bytes, depth + 1, out);
        case NV_OTLP_ANY_KVLIST:
            return decode_kvlist(arena, field->bytes, depth + 1, out);
        default:
            break;
        }
    } else if (field->type == NV_WIRE_VARINT && field->number == NV_OTLP_ANY_BOOL) {
        *out = nv_value_bool(field->value != 0);
    } else if (field->type == NV_WIRE_VARINT && field->number == NV_OTLP_ANY_INT) {
        *out = nv_value_int((int64_t)field->value);
    } else if (field->type == NV_WIRE_FIXED64 && field->number == NV_OTLP_ANY_DOUBLE) {
        *out = nv_value_double(nv_wire_double(field->value));
    }
    return NV_OK;
}

static enum nv_err decode_value(struct nv_arena *arena, struct nv_str bytes, unsigned depth,
                                struct nv_value *out)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    enum nv_err err;
    *out = nv_value_null();
    if (depth > NV_VALUE_DEPTH_MAX)
        return NV_ERR_DEPTH;
    while ((err = nv_wire_next(&wire, &field)) == NV_OK) {
        err = decode_any_field(arena, &field, depth, out);
        if (err != NV_OK)
            return err;
    }
    return at_end(err);
}

enum nv_err nv_decode_value(struct nv_arena *arena, struct nv_str bytes, struct nv_value *out)
{
    return decode_value(arena, bytes, 0, out);
}

enum nv_err nv_decode_attribute(struct nv_arena *arena, struct nv_str bytes,
                                struct nv_attribute *out)
{
    return decode_attribute(arena, bytes, 0, out);
}

/* ---- span -------------------------------------------------------------------------------- */

/* Copies an id of the right length; leaves zeroes otherwise. */
static bool copy_id(uint8_t *id, size_t len, struct nv_str bytes)
{
    if (bytes.len != len)
        return false;
    memcpy(id, bytes.ptr, len);
    return true;
}

static enum nv_err decode_event(struct nv_arena *arena, struct nv_str bytes,
                                struct nv_event *out)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    enum nv_err err;
    out->name = NV_STR("event");
    while ((err = nv_wire_next(&wire, &field)) == NV_OK) {
        if (field.number == NV_OTLP_EVENT_TIME && field.type == NV_WIRE_FIXED64)
            out->time_ns = field.value;
        else if (field.number == NV_OTLP_EVENT_NAME && field.type == NV_WIRE_BYTES &&
                 field.bytes.len > 0)
            out->name = field.bytes;
    }
    if (err != NV_ERR_END)
        return err;
    return decode_attributes(arena, bytes, NV_OTLP_EVENT_ATTRIBUTES, 0, &out->attributes);
}

static enum nv_err decode_link(struct nv_arena *arena, struct nv_str bytes, struct nv_link *out)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    enum nv_err err;
    while ((err = nv_wire_next(&wire, &field)) == NV_OK) {
        if (field.type != NV_WIRE_BYTES)
            continue;
        if (field.number == NV_OTLP_LINK_TRACE_ID)
            (void)copy_id(out->trace_id, sizeof out->trace_id, field.bytes);
        else if (field.number == NV_OTLP_LINK_SPAN_ID)
            (void)copy_id(out->span_id, sizeof out->span_id, field.bytes);
    }
    if (err != NV_ERR_END)
        return err;
    return decode_attributes(arena, bytes, NV_OTLP_LINK_ATTRIBUTES, 0, &out->attributes);
}

/* Errors are not looked at: the walk of the receiver has checked every byte of a request. */
static void decode_status(struct nv_str bytes, struct nv_span *out)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_STATUS_MESSAGE && field.type == NV_WIRE_BYTES)
            out->source_status_message = field.bytes;
        else if (field.number == NV_OTLP_STATUS_CODE && field.type == NV_WIRE_VARINT)
            out->status_code = (int32_t)field.value;
    }
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* What a span's lists hold, as found by the first walk over its fields. */
struct found {
    struct nv_str noted[NOTED_MAX]; /* the first attributes */
    const char *lists, *lists_end;  /* from the first event or link to the last */
    uint32_t attributes, events, links;
};

/* A field that is an event or a link: `at`, where it begins. Encoders write them side by side,
 * so the second walk is over that stretch and not over the attributes. */
static void find_list(const struct nv_wire_field *field, const char *at, struct found *found)
{
    if (found->events + found->links == 0)
        found->lists = at;
    found->lists_end = field->bytes.ptr + field->bytes.len;
}

static void decode_span_bytes(const struct nv_wire_field *field, const char *at,
                              struct found *found, struct nv_span *out)
{
    switch (field->number) {
    case NV_OTLP_SPAN_ATTRIBUTES:
        if (found->attributes < NOTED_MAX)
            found->noted[found->attributes] = field->bytes;
        found->attributes++;
        break;
    case NV_OTLP_SPAN_ID:
        (void)copy_id(out->span_id, sizeof out->span_id, field->bytes);
        break;
    case NV_OTLP_SPAN_PARENT_ID:
        out->has_parent = copy_id(out->parent_id, sizeof out->parent_id, field->bytes) &&
                          !all_zero(out->parent_id, sizeof out->parent_id);
        break;
    case NV_OTLP_SPAN_TRACE_STATE:
        out->trace_state = field->bytes;
        break;
    case NV_OTLP_SPAN_NAME:
        out->source_name = field->bytes;
        break;
    case NV_OTLP_SPAN_EVENTS:
        find_list(field, at, found);
        found->events++;
        break;
    case NV_OTLP_SPAN_LINKS:
        find_list(field, at, found);
        found->links++;
        break;
    case NV_OTLP_SPAN_STATUS:
        decode_status(field->bytes, out);
        break;
    default:
        break;
    }
}

/* A field of another wire type is an unknown one. */
static void decode_span_number(const struct nv_wire_field *field, struct nv_span *out)
{
    bool fixed64 = field->type == NV_WIRE_FIXED64, varint = field->type == NV_WIRE_VARINT;
    if (field->number == NV_OTLP_SPAN_START && fixed64)
        out->start_ns = field->value;
    else if (field->number == NV_OTLP_SPAN_END && fixed64)
        out->end_ns = field->value;
    else if (field->number == NV_OTLP_SPAN_KIND && varint)
        out->kind = (int32_t)field->value;
    else if (field->number == NV_OTLP_SPAN_DROPPED_ATTRIBUTES && varint)
        out->dropped_attributes = (uint32_t)field->value;
    else if (field->number == NV_OTLP_SPAN_DROPPED_EVENTS && varint)
        out->dropped_events = (uint32_t)field->value;
    else if (field->number == NV_OTLP_SPAN_DROPPED_LINKS && varint)
        out->dropped_links = (uint32_t)field->value;
    else if (field->number == NV_OTLP_SPAN_FLAGS && field->type == NV_WIRE_FIXED32)
        out->flags = (uint32_t)field->value;
}

/* Events and links, into lists of their exact size. */
static enum nv_err decode_lists(struct nv_arena *arena, const struct found *found,
                                struct nv_span *out)
{
    if (found->events + found->links == 0)
        return NV_OK;
    const uint32_t events = found->events < items_max ? found->events : items_max;
    const uint32_t links = found->links < items_max ? found->links : items_max;
    out->dropped_events += found->events - events;
    out->dropped_links += found->links - links;
    out->events = nv_arena_array(arena, events, sizeof *out->events);
    out->links = nv_arena_array(arena, links, sizeof *out->links);
    if (!out->events || !out->links)
        return NV_ERR_NO_MEMORY;
    struct nv_wire wire = {found->lists, found->lists_end};
    struct nv_wire_field field;
    enum nv_err err;
    while ((err = nv_wire_next(&wire, &field)) == NV_OK) {
        if (field.type != NV_WIRE_BYTES)
            continue;
        if (field.number == NV_OTLP_SPAN_EVENTS && out->event_count < events)
            err = decode_event(arena, field.bytes, &out->events[out->event_count++]);
        else if (field.number == NV_OTLP_SPAN_LINKS && out->link_count < links)
            err = decode_link(arena, field.bytes, &out->links[out->link_count++]);
        if (err != NV_OK)
            return err;
    }
    return at_end(err);
}

/* The attributes that were noted, when those are all. */
static enum nv_err decode_noted(struct nv_arena *arena, const struct found *found,
                                struct nv_attributes *out)
{
    assert(found->attributes > 0 && found->attributes <= NOTED_MAX);
    out->items = nv_arena_raw(arena, found->attributes * sizeof *out->items);
    if (!out->items)
        return NV_ERR_NO_MEMORY;
    out->capacity = found->attributes;
    for (; out->count < found->attributes; out->count++) {
        const struct nv_str bytes = found->noted[out->count];
        struct nv_attribute *item = &out->items[out->count];
        if (nv_plain_attribute(bytes, item))
            continue;
        enum nv_err err = decode_attribute(arena, bytes, 0, item);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

/* Notes the attributes that stand at `wire` one after the other, as encoders write them, and
 * moves it behind them. A length of more than two bytes is left to the general way. */
static inline void note_attributes(struct nv_wire *wire, struct found *found)
{
    const uint8_t *at = (const uint8_t *)wire->pos, *const end = (const uint8_t *)wire->end;
    uint32_t count = found->attributes;
    while (end - at >= 3 && at[0] == NV_PLAIN_TAG(NV_OTLP_SPAN_ATTRIBUTES, NV_WIRE_BYTES) &&
           count < NOTED_MAX) {
        size_t head = 2, len = at[1];
        if (len >= 0x80) {
            head = 3;
            len = (len & 0x7f) | (size_t)at[2] << 7;
        }
        if ((at[1] & at[2] & 0x80) || (size_t)(end - at) - head < len)
            break;
        found->noted[count++] = (struct nv_str){(const char *)at + head, len};
        at += head + len;
    }
    found->attributes = count;
    wire->pos = (const char *)at;
}

enum nv_err nv_decode_span(struct nv_arena *arena, struct nv_str bytes, struct nv_span *out)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    /* not zeroed: a kilobyte for each span, of which the counts say what is valid */
    struct found found;
    enum nv_err err;
    found.attributes = found.events = found.links = 0;
    found.lists = found.lists_end = NULL;
    memset(out, 0, sizeof *out);
    for (const char *at = wire.pos; (err = nv_wire_next(&wire, &field)) == NV_OK;
         at = wire.pos) {
        if (field.type == NV_WIRE_BYTES)
            decode_span_bytes(&field, at, &found, out);
        else
            decode_span_number(&field, out);
        note_attributes(&wire, &found);
    }
    if (err != NV_ERR_END)
        return err;
    if (found.attributes > 0 && found.attributes <= NOTED_MAX) {
        err = decode_noted(arena, &found, &out->attributes);
    } else {
        err = decode_counted(arena, bytes, NV_OTLP_SPAN_ATTRIBUTES, found.attributes, 0,
                             &out->attributes);
    }
    return err != NV_OK ? err : decode_lists(arena, &found, out);
}

enum nv_err nv_decode_origin(struct nv_arena *arena, const struct nv_group *group,
                             const struct nv_origin *before, struct nv_origin *out)
{
    struct nv_wire wire = nv_wire_read(group->scope);
    struct nv_wire_field field;
    enum nv_err err = NV_OK;
    memset(out, 0, sizeof *out);
    if (before) {
        out->resource = before->resource;
    } else {
        err = decode_attributes(arena, group->resource, NV_OTLP_RESOURCE_ATTRIBUTES, 0,
                                &out->resource);
    }
    if (err != NV_OK)
        return err;
    while ((err = nv_wire_next(&wire, &field)) == NV_OK) {
        if (field.type != NV_WIRE_BYTES)
            continue;
        if (field.number == NV_OTLP_SCOPE_NAME)
            out->scope_name = field.bytes;
        else if (field.number == NV_OTLP_SCOPE_VERSION)
            out->scope_version = field.bytes;
    }
    if (err != NV_ERR_END)
        return err;
    out->schema_url =
        group->scope_schema_url.len > 0 ? group->scope_schema_url : group->resource_schema_url;
    out->service_name = group->service_name;
    return decode_attributes(arena, group->scope, NV_OTLP_SCOPE_ATTRIBUTES, 0,
                             &out->scope_attributes);
}
