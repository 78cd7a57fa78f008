/*
 * Content of span events and log records, gathered as virtual attributes of their span.
 *
 *   event or record ─▶ rows of events.rules that fit its name ─▶ pick ─▶ slot of the target key
 *
 * What an event means is said by the table alone; this file knows how to pick (body, member,
 * all attributes) and how to put together (messages and documents in lists). Instrumentations
 * put the same content in three places: the body of a log record, the attributes of a span
 * event, and one attribute that holds the body as JSON text (Azure's gen_ai.event.content);
 * `event_body` makes one of them. Deliberately no judgement on whether an attribute says it
 * better: precedence is the engine's.
 */
#include "mapping/engine/content.h"
#include "base/meter.h"
#include "mapping/event_rows.h" /* generated: NV_EVENT_ROWS */
#include "mapping/content/json_text.h"
#include "mapping/content/messages_build.h"
#include "model/absent.h"
#include "model/key_index.h"

#include <stdlib.h>

#include "base/banned.h"

/* Most keys gathered for one span; what is past it stays in its event. */
#define SLOTS_MAX 512u
/* Enough for the usual: input, output and system text of a call, and what stands beside
 * them. */
#define FIRST_SLOTS 16u

enum event_span { EVENT_SPAN_ANY, EVENT_SPAN_TOOL, EVENT_SPAN_OTHER };
enum event_form {
    EVENT_MESSAGE,
    EVENT_CHOICE,
    EVENT_DOCUMENT,
    EVENT_VALUE,
    EVENT_ATTRIBUTES,
    EVENT_RECORD
};

struct event_row {
    struct nv_str event; /* with a trailing *: a prefix */
    enum event_span span;
    struct nv_str from;
    enum event_form form;
    struct nv_str role;
    struct nv_str to;
};

#define EVENT_ROW(event, span, from, form, role, to)                                           \
    {NV_STR_INIT(event), EVENT_SPAN_##span, NV_STR_INIT(from),                                 \
     EVENT_##form,       NV_STR_INIT(role), NV_STR_INIT(to)},
static const struct event_row event_rows[] = {NV_EVENT_ROWS(EVENT_ROW)};
#undef EVENT_ROW
#define EVENT_ROWS (sizeof event_rows / sizeof event_rows[0])

/* The first row of each length of names; those of prefixes stand behind all others. */
static const uint8_t event_starts[] = {NV_EVENT_STARTS};
_Static_assert(EVENT_ROWS <= UINT8_MAX, "numbers of rows are bytes");

/* Rows that a name may fit. */
struct event_range {
    unsigned first, end;
};

/* Rows are sorted by the length of their names: most events of most spans fit none, and are
 * told so by one look. */
static struct event_range rows_of_length(struct nv_str name)
{
    if (name.len >= NV_EVENT_LENGTH)
        return (struct event_range){0, 0};
    return (struct event_range){event_starts[name.len], event_starts[name.len + 1]};
}

/* Prefixes are told from most names by one letter. */
static struct event_range rows_of_prefix(struct nv_str name)
{
#define LETTER 7
#define LETTER_BIT(event) | 1u << (event[LETTER] & 31)
    const uint32_t letters = 0 NV_EVENT_PREFIXES(LETTER_BIT);
#undef LETTER_BIT
    if (name.len <= LETTER || !(letters >> (name.ptr[LETTER] & 31) & 1))
        return (struct event_range){0, 0};
    return (struct event_range){event_starts[NV_EVENT_LENGTH], EVENT_ROWS};
}

struct slot {
    struct nv_str key;
    struct nv_values values; /* one, or the elements of a list */
    bool list;
    struct nv_hash_index held; /* the first `hashed` values by hash */
    uint32_t hashed;
};

/* One span event or log record. */
struct record {
    struct nv_str name;
    const struct nv_value *body; /* NULL for span events */
    const struct nv_attributes *attributes;
};

struct collector {
    struct nv_arena *arena;
    bool tool_span;
    struct slot *slots;
    uint32_t slot_count, slot_capacity;
    struct nv_hash_index later; /* slots past NV_KEY_INDEX_MIN by key */
};

/* ---- slots ------------------------------------------------------------------------------- */

static enum nv_err grow_slots(struct collector *collector)
{
    const uint32_t capacity =
        collector->slot_capacity == 0 ? FIRST_SLOTS : collector->slot_capacity * 2;
    struct slot *slots = nv_arena_array(collector->arena, capacity, sizeof *slots);
    if (!slots)
        return NV_ERR_NO_MEMORY;
    if (collector->slot_count > 0)
        memcpy(slots, collector->slots, collector->slot_count * sizeof *slots);
    collector->slots = slots;
    collector->slot_capacity = capacity;
    return NV_OK;
}

/* The first slots are searched, those past them found by the hash of the key, which is set
 * then. */
static struct slot *find_slot(const struct collector *collector, struct nv_str key,
                              uint64_t *hash)
{
    const struct nv_hash_slot *later;
    (void)nv_meter_spend(1);
    for (uint32_t i = 0; i < collector->slot_count && i < NV_KEY_INDEX_MIN; i++) {
        if (nv_str_eq(collector->slots[i].key, key))
            return &collector->slots[i];
    }
    if (collector->slot_count < NV_KEY_INDEX_MIN)
        return NULL;
    *hash = nv_str_hash(key);
    for (uint32_t at = 0;
         (later = nv_hash_index_next(&collector->later, *hash, &at)) != NULL;) {
        if (nv_str_eq(collector->slots[later->number - 1].key, key))
            return &collector->slots[later->number - 1];
    }
    return NULL;
}

/* The slot of `key`, or NULL past the cap. */
static enum nv_err slot_of(struct collector *collector, struct nv_str key, struct slot **out)
{
    uint64_t hash = 0;
    *out = find_slot(collector, key, &hash);
    if (*out || collector->slot_count == SLOTS_MAX)
        return NV_OK;
    enum nv_err err = NV_OK;
    if (collector->slot_count == collector->slot_capacity)
        err = grow_slots(collector);
    if (err == NV_OK && collector->slot_count >= NV_KEY_INDEX_MIN) {
        err =
            nv_hash_index_add(&collector->later, collector->arena, hash, collector->slot_count);
    }
    if (err != NV_OK)
        return err;
    *out = &collector->slots[collector->slot_count++];
    **out = (struct slot){.key = key};
    return NV_OK;
}

static bool is_list(const struct nv_value *value)
{
    if (value->type == NV_VALUE_ARRAY)
        return true;
    const struct nv_str text = value->type == NV_VALUE_STRING || value->type == NV_VALUE_JSON
                                   ? nv_str_trim(value->as.string)
                                   : NV_STR("");
    return text.len > 0 && text.ptr[0] == '[';
}

/* Is `value` one of the slot's? Found by hash: twenty thousand events may all be of one
 * slot. */
static enum nv_err slot_holds(struct collector *collector, struct slot *slot,
                              const struct nv_value *value, bool *holds)
{
    *holds = false;
    for (; slot->hashed < slot->values.count; slot->hashed++) {
        uint64_t hash = nv_value_hash(&slot->values.items[slot->hashed]);
        enum nv_err err = nv_hash_index_add(&slot->held, collector->arena, hash, slot->hashed);
        if (err != NV_OK)
            return err;
    }
    const struct nv_hash_slot *same;
    uint64_t hash = nv_value_hash(value);
    for (uint32_t at = 0;
         (same = nv_hash_index_next(&slot->held, hash, &at)) != NULL && !*holds;)
        *holds = nv_value_eq(&slot->values.items[same->number - 1], value);
    return NV_OK;
}

/* Lists of several events are put together, of other values the first counts. */
static enum nv_err put_value(struct collector *collector, struct nv_str key,
                             const struct nv_value *value)
{
    if (nv_value_absent(value))
        return NV_OK;
    struct slot *slot = NULL;
    enum nv_err err = slot_of(collector, key, &slot);
    if (err != NV_OK || !slot)
        return err;
    bool settled =
        slot->values.count > 0 && (!is_list(value) || !is_list(&slot->values.items[0]));
    if (slot->values.count > 0 && !settled)
        err = slot_holds(collector, slot, value, &settled);
    if (err != NV_OK || settled)
        return err;
    slot->list = slot->values.count > 0;
    return nv_values_push(&slot->values, collector->arena, *value);
}

static enum nv_err put_element(struct collector *collector, struct nv_str key,
                               struct nv_value value)
{
    struct slot *slot = NULL;
    enum nv_err err = slot_of(collector, key, &slot);
    if (err != NV_OK || !slot)
        return err;
    slot->list = true;
    return nv_values_push(&slot->values, collector->arena, value);
}

/* ---- picking ----------------------------------------------------------------------------- */

bool nv_content_labels(struct nv_str key)
{
    return nv_str_starts(key, NV_STR("gen_ai.")) || nv_str_starts(key, NV_STR("event."));
}

static enum nv_err attributes_body(struct collector *collector, const struct record *record,
                                   struct nv_value *out)
{
    struct nv_attributes body = {0};
    for (uint32_t i = 0; i < record->attributes->count; i++) {
        const struct nv_attribute *attribute = &record->attributes->items[i];
        if (nv_content_labels(attribute->key))
            continue;
        enum nv_err err =
            nv_attributes_add(&body, collector->arena, attribute->key, attribute->value);
        if (err != NV_OK)
            return err;
    }
    *out = (struct nv_value){.type = NV_VALUE_MAP, .as.map = {body.items, body.count}};
    return NV_OK;
}

/* The body of a log record, else the JSON text of one in an attribute, else the attributes. */
static enum nv_err event_body(struct collector *collector, const struct record *record,
                              struct nv_value *out)
{
    const struct nv_value *content =
        nv_attributes_get(record->attributes, NV_STR("gen_ai.event.content"));
    if (record->body && !nv_value_absent(record->body))
        content = record->body;
    if (!content)
        return attributes_body(collector, record, out);
    return nv_json_text_parse(collector->arena, content, NV_JSON_TEXT_LEVELS, NULL, out);
}

static const struct nv_value *member_of(const struct nv_value *map, struct nv_str path)
{
    while (map && map->type == NV_VALUE_MAP) {
        const struct nv_value *whole = nv_map_get(map, path);
        const size_t dot = nv_str_find_char(path, '.');
        if (whole || dot == SIZE_MAX)
            return whole;
        map = nv_map_get(map, nv_str_slice(path, 0, dot));
        path = nv_str_slice(path, dot + 1, path.len);
    }
    return NULL;
}

/* What the row's `from` names; NULL type when it is not there. */
static enum nv_err pick(struct collector *collector, const struct record *record,
                        const struct event_row *row, struct nv_value *out)
{
    *out = nv_value_null();
    const struct nv_value *attribute = nv_attributes_get(record->attributes, row->from);
    if (attribute) {
        *out = *attribute;
        return NV_OK;
    }
    struct nv_value body;
    enum nv_err err = event_body(collector, record, &body);
    if (err != NV_OK)
        return err;
    if (nv_str_eq(row->from, NV_STR("body"))) {
        *out = body;
        return NV_OK;
    }
    const struct nv_value *member = member_of(&body, row->from);
    if (member)
        *out = *member;
    return NV_OK;
}

/* ---- forms ------------------------------------------------------------------------------- */

/* The call that a tool's message answers may be named beside the body, as on the tool's
 * span. */
static enum nv_err add_call(struct nv_arena *arena, const struct record *record,
                            struct nv_attributes *members)
{
    const struct nv_value *id =
        nv_attributes_get(record->attributes, NV_STR("gen_ai.tool.call.id"));
    if (!id || nv_attributes_get(members, NV_STR("id")) ||
        nv_attributes_get(members, NV_STR("tool_call_id")))
        return NV_OK;
    return nv_attributes_add(members, arena, NV_STR("tool_call_id"), *id);
}

/* {role, ...members}, or {role, content} of a text. */
static enum nv_err put_message(struct collector *collector, const struct record *record,
                               const struct event_row *row, const struct nv_value *value)
{
    struct nv_attributes members = {0};
    struct nv_arena *arena = collector->arena;
    if (nv_value_absent(value))
        return NV_OK;
    const bool map = value->type == NV_VALUE_MAP;
    const bool role = map && nv_map_get(value, NV_STR("role")) != NULL;
    enum nv_err err = NV_OK;
    if (!role)
        err = nv_attributes_add(&members, arena, NV_STR("role"), nv_value_string(row->role));
    if (err == NV_OK && !map)
        err = nv_attributes_add(&members, arena, NV_STR("content"), *value);
    for (uint32_t i = 0; err == NV_OK && map && i < value->as.map.count; i++) {
        err = nv_attributes_add(&members, arena, value->as.map.items[i].key,
                                value->as.map.items[i].value);
    }
    if (err == NV_OK && nv_str_eq(row->role, NV_STR("tool")))
        err = add_call(arena, record, &members);
    if (err != NV_OK)
        return err;
    const struct nv_value message = {.type = NV_VALUE_MAP,
                                     .as.map = {members.items, members.count}};
    return put_element(collector, row->to, message);
}

/* A hit's attributes carry the event's name as prefix (db.query.result.score). */
static enum nv_err put_document(struct collector *collector, const struct record *record,
                                const struct event_row *row)
{
    struct nv_attributes members = {0};
    for (uint32_t i = 0; i < record->attributes->count; i++) {
        const struct nv_attribute *attribute = &record->attributes->items[i];
        struct nv_str key = attribute->key;
        if (nv_str_starts(key, record->name) && key.len > record->name.len + 1)
            key = nv_str_slice(key, record->name.len + 1, key.len);
        enum nv_err err = nv_attributes_add(&members, collector->arena, key, attribute->value);
        if (err != NV_OK)
            return err;
    }
    if (members.count == 0)
        return NV_OK;
    const struct nv_value document = {.type = NV_VALUE_MAP,
                                      .as.map = {members.items, members.count}};
    return put_element(collector, row->to, document);
}

static enum nv_err put_attributes(struct collector *collector, const struct record *record)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < record->attributes->count; i++) {
        const struct nv_attribute *attribute = &record->attributes->items[i];
        if (!nv_str_eq(attribute->key, NV_STR("event.name")))
            err = put_value(collector, attribute->key, &attribute->value);
    }
    /* Some SDKs put the members into the body instead. */
    const struct nv_value *body = record->body;
    for (uint32_t i = 0;
         err == NV_OK && body && body->type == NV_VALUE_MAP && i < body->as.map.count; i++)
        err = put_value(collector, body->as.map.items[i].key, &body->as.map.items[i].value);
    return err;
}

/* All of a record as one object: its name, its attributes, its body's members. */
static enum nv_err put_record(struct collector *collector, const struct record *record,
                              const struct event_row *row)
{
    struct nv_attributes all = {0};
    struct nv_value body = nv_value_null();
    enum nv_err err = nv_attributes_add(&all, collector->arena, NV_STR("event.name"),
                                        nv_value_string(record->name));
    for (uint32_t i = 0; err == NV_OK && i < record->attributes->count; i++) {
        const struct nv_attribute *attribute = &record->attributes->items[i];
        if (!nv_str_eq(attribute->key, NV_STR("event.name")))
            err = nv_attributes_add(&all, collector->arena, attribute->key, attribute->value);
    }
    if (err == NV_OK && record->body) {
        err = nv_json_text_parse(collector->arena, record->body, NV_JSON_TEXT_LEVELS, NULL,
                                 &body);
    }
    const struct nv_map map =
        body.type == NV_VALUE_MAP ? body.as.map : (struct nv_map){NULL, 0};
    for (uint32_t i = 0; err == NV_OK && i < map.count; i++)
        err = nv_attributes_add(&all, collector->arena, map.items[i].key, map.items[i].value);
    if (err != NV_OK)
        return err;
    return put_element(
        collector, row->to,
        (struct nv_value){.type = NV_VALUE_MAP, .as.map = {all.items, all.count}});
}

static enum nv_err apply_row(struct collector *collector, const struct record *record,
                             const struct event_row *row)
{
    if (row->form == EVENT_ATTRIBUTES)
        return put_attributes(collector, record);
    if (row->form == EVENT_RECORD)
        return put_record(collector, record, row);
    if (row->form == EVENT_DOCUMENT)
        return put_document(collector, record, row);
    struct nv_value value;
    enum nv_err err = pick(collector, record, row, &value);
    if (err != NV_OK)
        return err;
    if (row->form == EVENT_MESSAGE)
        return put_message(collector, record, row, &value);
    if (row->form == EVENT_CHOICE)
        return nv_value_absent(&value) ? NV_OK : put_element(collector, row->to, value);
    return put_value(collector, row->to, &value);
}

static inline bool row_fits(struct nv_str name, bool tool_span, const struct event_row *row)
{
    const struct nv_str event = row->event;
    const bool prefix = event.ptr[event.len - 1] == '*';
    if (!prefix && name.len != event.len)
        return false;
    if (prefix ? !nv_str_starts(name, nv_str_slice(event, 0, event.len - 1))
               : !nv_str_eq(name, event))
        return false;
    return row->span == EVENT_SPAN_ANY || tool_span == (row->span == EVENT_SPAN_TOOL);
}

static enum nv_err collect_record(struct collector *collector, const struct record *record)
{
    const struct event_range ranges[] = {rows_of_length(record->name),
                                         rows_of_prefix(record->name)};
    enum nv_err err = nv_meter_spend(1 + record->attributes->count) ? NV_OK : NV_ERR_LIMIT;
    for (unsigned range = 0; range < 2; range++) {
        for (unsigned i = ranges[range].first; err == NV_OK && i < ranges[range].end; i++) {
            if (row_fits(record->name, collector->tool_span, &event_rows[i]))
                err = apply_row(collector, record, &event_rows[i]);
        }
    }
    return err;
}

/* ---- the whole --------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    const struct nv_log *const *left = a, *const *right = b;
    if ((*left)->time_ns != (*right)->time_ns)
        return (*left)->time_ns < (*right)->time_ns ? -1 : 1;
    return (*left > *right) - (*left < *right);
}

static enum nv_err collect_logs(struct collector *collector,
                                const struct nv_content_source *source)
{
    const struct nv_log **logs =
        nv_arena_array(collector->arena, source->log_count, sizeof *logs);
    if (!logs)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < source->log_count; i++)
        logs[i] = &source->logs[i];
    qsort(logs, source->log_count, sizeof *logs, by_time);
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < source->log_count; i++) {
        const struct record record = {logs[i]->event_name, &logs[i]->body,
                                      &logs[i]->attributes};
        err = collect_record(collector, &record);
    }
    return err;
}

/* Events first and records apart, so that of the same content in both the event's counts. */
static enum nv_err write_items(struct collector *collector, bool from_log,
                               struct nv_content *out)
{
    const uint32_t count = out->count + collector->slot_count;
    if (collector->slot_count == 0)
        return NV_OK;
    struct nv_content_item *items = nv_arena_array(collector->arena, count, sizeof *items);
    if (!items)
        return NV_ERR_NO_MEMORY;
    if (out->count > 0)
        memcpy(items, out->items, out->count * sizeof *items);
    for (uint32_t i = 0; i < collector->slot_count; i++) {
        const struct slot *slot = &collector->slots[i];
        struct nv_content_item *item = &items[out->count + i];
        *item = (struct nv_content_item){.key = slot->key, .from_log = from_log};
        if (slot->list) {
            item->value = (struct nv_value){
                .type = NV_VALUE_ARRAY, .as.array = {slot->values.items, slot->values.count}};
        } else if (slot->values.count > 0) {
            item->value = slot->values.items[0];
        }
    }
    *out = (struct nv_content){items, count};
    collector->slot_count = 0;
    nv_hash_index_clear(&collector->later);
    return NV_OK;
}

enum nv_err nv_content_collect(struct nv_arena *arena, const struct nv_content_source *source,
                               struct nv_content *out)
{
    *out = (struct nv_content){NULL, 0};
    if (source->event_count == 0 && source->log_count == 0)
        return NV_OK;
    struct collector collector = {.arena = arena, .tool_span = source->tool_span};
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < source->event_count; i++) {
        const struct nv_event *event = &source->events[i];
        const struct record record = {nv_event_name(event->name, &event->attributes), NULL,
                                      &event->attributes};
        err = collect_record(&collector, &record);
    }
    if (err == NV_OK)
        err = write_items(&collector, false, out);
    if (err == NV_OK && source->log_count > 0)
        err = collect_logs(&collector, source);
    return err != NV_OK ? err : write_items(&collector, true, out);
}

/* ---- what is taken ----------------------------------------------------------------------- */

/* Adds what one row takes. */
static void take(const struct event_row *row, const struct nv_log *log,
                 struct nv_content_taken *taken)
{
    const bool body = !nv_value_absent(&log->body) ||
                      nv_attributes_get(&log->attributes, NV_STR("gen_ai.event.content"));
    switch (row->form) {
    case EVENT_MESSAGE:
    case EVENT_CHOICE:
        if (!nv_str_eq(row->from, NV_STR("body"))) {
            taken->members = true;
            break;
        }
        taken->body = true;
        taken->attributes = taken->attributes || !body;
        break;
    case EVENT_DOCUMENT:
        taken->attributes = true;
        break;
    case EVENT_VALUE:
        taken->members = true;
        break;
    case EVENT_ATTRIBUTES:
        taken->mapped = true;
        break;
    case EVENT_RECORD: /* evaluations: the record goes out as well */
        break;
    }
}

struct nv_content_taken nv_content_taken_of(const struct nv_log *log, bool tool_span)
{
    struct nv_content_taken taken = {.body = false};
    for (size_t i = 0; i < EVENT_ROWS; i++) {
        if (row_fits(log->event_name, tool_span, &event_rows[i]))
            take(&event_rows[i], log, &taken);
    }
    return taken;
}

bool nv_content_takes(struct nv_str name, bool tool_span, struct nv_str key)
{
    for (size_t i = 0; i < EVENT_ROWS; i++) {
        const struct nv_str from = event_rows[i].from;
        const bool inside = from.len > key.len && from.ptr[key.len] == '.';
        if (row_fits(name, tool_span, &event_rows[i]) && nv_str_starts(from, key) &&
            (inside || from.len == key.len))
            return true;
    }
    return false;
}

bool nv_content_is_evaluation(struct nv_str name)
{
    bool evaluation = false;
    for (size_t i = 0; i < EVENT_ROWS; i++) {
        evaluation = evaluation || (event_rows[i].form == EVENT_RECORD &&
                                    row_fits(name, false, &event_rows[i]));
    }
    return evaluation;
}
