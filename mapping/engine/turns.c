/*
 * From records to spans (turns.h), in three passes:
 *
 *   read    every record by its agent's table, sorted by time
 *   place   in that order: which becomes a span, which joins the span of another
 *   write   Span messages, then the records that stay, each with the id of its span
 *
 * A call that began with a record of its own (BEGIN) starts there and says what that said;
 * others start their duration before the record that told of their end. Decisions are known by
 * the id of the tool's call: of a refused one the decision is all there is, so that it becomes
 * the span. A record that came twice, because its client got no answer, gives one span: its id
 * is a hash of what it says.
 *
 *   told, by time:  PROMPT   BEGIN   PART   CALL   DECISION   TOOL   EVENT
 *   target:         root     ╰─ WAITS ─╯──▶ call   ╰─ tool ◀──╯      root
 *
 * Ids come from what records say, never from chance: the same records in another process, after
 * a restart, must give the same spans.
 */
#include "mapping/engine/turns.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/meter.h"
#include "base/text/wire.h"
#include "mapping/engine/decode.h"
#include "model/agent_records.h"
#include "model/key_index.h"
#include "model/otlp_fields.h"
#include "model/scalar.h"

#include <stdlib.h>

#include "base/banned.h"

/* Where a record goes; from 0 on: with that span. */
#define TO_ROOT (-1)
#define TO_NOBODY (-2)
#define IS_SPAN (-3)
#define WAITS (-4)   /* for the end of the next model call */
#define DECIDES (-5) /* about a tool's call that may come yet */
#define NO_SPAN UINT32_MAX
/* Records of one moment that are compared for being the same. */
#define REPEATS_LOOKED_AT 16u

/* A record as it was told. `target` is where it goes, an index or one of the words above. */
struct told {
    const struct nv_raw_item *item;
    struct nv_record record; /* event NULL: none of its agent's */
    uint64_t time_ns;
    uint8_t identity[NV_HASH128_BYTES];
    uint32_t number; /* in the order in which they came */
    int64_t target;
};

struct made {
    const struct told *from;
    const struct told *begun; /* the record that told of its beginning; NULL: none */
    uint64_t start_ns, end_ns;
    uint8_t id[NV_SPAN_ID_BYTES];
};

struct making {
    struct nv_raw_trace *raw;
    const uint8_t *trace_id;
    struct told *told;
    struct made *made;
    uint32_t made_count;
    const struct told *prompt;  /* the root is made of it; NULL: of nothing */
    struct told *waiting;       /* the first record of a call that has begun; NULL: none has */
    int64_t last_call;          /* or TO_ROOT */
    struct nv_hash_index by_id; /* of made */
    struct nv_raw_item *items;  /* what they become */
    uint32_t item_count;
    uint8_t root_id[NV_SPAN_ID_BYTES];
    uint32_t unused;
};

/* ---- read -------------------------------------------------------------------------------- */

static int by_time(const void *left, const void *right)
{
    const struct told *a = left, *b = right;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static void read_all(struct making *making)
{
    const struct nv_raw_trace *raw = making->raw;
    for (uint32_t i = 0; i < raw->item_count; i++) {
        struct told *told = &making->told[i];
        const struct nv_group *group = &raw->groups[raw->items[i].group];
        const struct nv_record_agent *agent =
            nv_record_agent_of(group->scope, group->service_name);
        *told = (struct told){.item = &raw->items[i], .number = i, .target = TO_ROOT};
        nv_record_identity(raw->items[i].bytes, told->identity);
        told->time_ns = nv_record_time(raw->items[i].bytes);
        if (agent)
            (void)nv_record_read(agent, raw->items[i].bytes, group->resource, &told->record);
    }
    qsort(making->told, raw->item_count, sizeof *making->told, by_time);
}

/* The milliseconds of an attribute as nanoseconds; 0 without. */
static enum nv_err duration_of(const struct making *making, const struct told *told,
                               uint64_t *out)
{
    const struct nv_str key = told->record.event->duration;
    struct nv_value value = nv_value_null();
    const uint64_t at_ms = told->time_ns / NV_NS_PER_MS;
    double ms = 0;
    struct nv_str bytes = key.len > 0 ? nv_record_attribute(told->item->bytes, key) : key;
    enum nv_err err =
        bytes.len > 0 ? nv_decode_value(making->raw->arena, bytes, &value) : NV_OK;
    *out = 0;
    if (err == NV_OK && nv_value_number(&value, &ms) && ms > 0 && ms < (double)at_ms)
        *out = (uint64_t)(ms * (double)NV_NS_PER_MS);
    return err;
}

/* ---- place ------------------------------------------------------------------------------- */

static uint64_t id_hash(const uint8_t id[NV_SPAN_ID_BYTES])
{
    uint64_t number;
    memcpy(&number, id, sizeof number);
    return nv_number_hash(number);
}

/* The span of that id, as an index; NO_SPAN: none. */
static uint32_t find_made(const struct making *making, const uint8_t id[NV_SPAN_ID_BYTES])
{
    const struct nv_hash_slot *slot;
    for (uint32_t at = 0; (slot = nv_hash_index_next(&making->by_id, id_hash(id), &at));) {
        if (memcmp(making->made[slot->number - 1].id, id, NV_SPAN_ID_BYTES) == 0)
            return slot->number - 1;
    }
    return NO_SPAN;
}

static struct nv_str id_text(const uint8_t *id, size_t len)
{
    return (struct nv_str){(const char *)id, len};
}

/* The id of a record's span: by its call, else by what it says. */
static void id_of(const struct making *making, const struct told *told,
                  uint8_t out[NV_SPAN_ID_BYTES])
{
    const struct nv_str call = told->record.call;
    const struct nv_str identity = id_text(told->identity, sizeof told->identity);
    nv_record_span_id(making->trace_id, call.len > 0 ? call : identity, out);
}

/* Makes a span of the record, unless there is one of its id: then it joins that. */
static enum nv_err make(struct making *making, struct told *told)
{
    struct made made = {.from = told, .end_ns = told->time_ns};
    uint64_t duration_ns;
    id_of(making, told, made.id);
    const uint32_t there = find_made(making, made.id);
    if (there != NO_SPAN) {
        told->target = there;
        return NV_OK;
    }
    enum nv_err err = duration_of(making, told, &duration_ns);
    made.start_ns = told->time_ns - duration_ns;
    told->target = IS_SPAN;
    making->made[making->made_count++] = made;
    if (err == NV_OK) {
        err = nv_hash_index_add(&making->by_id, making->raw->arena, id_hash(made.id),
                                making->made_count - 1);
    }
    return err;
}

/* A model call has ended: what waited for it is its. */
static enum nv_err end_call(struct making *making, struct told *told)
{
    const uint32_t before = making->made_count;
    enum nv_err err = make(making, told);
    if (err != NV_OK || making->made_count == before)
        return err;
    struct made *call = &making->made[before];
    making->last_call = before;
    for (struct told *at = making->waiting; at && at < told; at++) {
        uint64_t duration_ns;
        if (at->target != WAITS)
            continue;
        at->target = before;
        if (!call->begun && at->record.event->role == NV_RECORD_BEGIN) {
            call->begun = at;
            at->target = IS_SPAN;
        }
        err = duration_of(making, at, &duration_ns);
        if (err != NV_OK)
            return err;
        if (at->time_ns - duration_ns < call->start_ns)
            call->start_ns = at->time_ns - duration_ns;
    }
    making->waiting = NULL;
    return NV_OK;
}

/* It says the same as a record before it: its client sent that again. Looked for among those of
 * the same moment only, and few of these: repetitions carry the time of the original. */
static bool is_repeated(const struct making *making, const struct told *told)
{
    for (unsigned i = 1; i <= REPEATS_LOOKED_AT && told - making->told >= (ptrdiff_t)i; i++) {
        if (told[-(ptrdiff_t)i].time_ns != told->time_ns)
            return false;
        if (memcmp(told[-(ptrdiff_t)i].identity, told->identity, sizeof told->identity) == 0)
            return true;
    }
    return false;
}

static enum nv_err place(struct making *making, struct told *told)
{
    if (is_repeated(making, told)) {
        told->target = TO_NOBODY;
        return NV_OK;
    }
    switch (told->record.event ? told->record.event->role : NV_RECORD_EVENT) {
    case NV_RECORD_SKIP:
        told->target = TO_NOBODY;
        break;
    case NV_RECORD_BEGIN:
        told->target = WAITS;
        making->waiting = making->waiting ? making->waiting : told;
        break;
    case NV_RECORD_PART:
        told->target = making->waiting ? WAITS : making->last_call;
        break;
    case NV_RECORD_DECISION:
        told->target = told->record.call.len > 0 ? DECIDES : TO_ROOT;
        break;
    case NV_RECORD_PROMPT:
        told->target = making->prompt ? TO_ROOT : IS_SPAN;
        /* a second prompt within the turn is an event of it */
        making->prompt = making->prompt ? making->prompt : told;
        break;
    case NV_RECORD_CALL:
        return end_call(making, told);
    case NV_RECORD_TOOL:
        return make(making, told);
    case NV_RECORD_EVENT:
        break;
    }
    return NV_OK;
}

/* What waited for a call that did not end is the root's; so are decisions about a tool that has
 * not ended, but a refused one ends with that. */
static enum nv_err place_rest(struct making *making)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < making->raw->item_count; i++) {
        struct told *told = &making->told[i];
        uint8_t id[NV_SPAN_ID_BYTES];
        if (told->target == WAITS)
            told->target = TO_ROOT;
        if (told->target != DECIDES)
            continue;
        id_of(making, told, id);
        const uint32_t tool = find_made(making, id);
        if (tool != NO_SPAN)
            told->target = tool;
        else if (told->record.event->traits & NV_RECORD_OPENS)
            told->target = TO_ROOT;
        else
            err = make(making, told);
    }
    return err;
}

/* ---- write ------------------------------------------------------------------------------- */

static bool has_attribute(const struct told *told, struct nv_str key)
{
    return nv_record_attribute(told->item->bytes, key).ptr != NULL;
}

static void put_attribute(struct nv_buf *buf, struct nv_str key, struct nv_str text)
{
    const size_t pair = nv_wire_begin(buf, NV_OTLP_SPAN_ATTRIBUTES);
    (void)nv_wire_put_bytes(buf, NV_OTLP_PAIR_KEY, key);
    const size_t value = nv_wire_begin(buf, NV_OTLP_PAIR_VALUE);
    (void)nv_wire_put_bytes(buf, NV_OTLP_ANY_STRING, text);
    (void)nv_wire_end(buf, value);
    (void)nv_wire_end(buf, pair);
}

static void put_missing(struct nv_buf *buf, const struct told *told, struct nv_str key,
                        struct nv_str text)
{
    if (text.len > 0 && (!told || !has_attribute(told, key)))
        put_attribute(buf, key, text);
}

/* Name and time of the event are the span's. */
static bool is_kept(struct nv_str key)
{
    return !nv_str_eq(key, NV_STR("event.name")) && !nv_str_eq(key, NV_STR("event.timestamp"));
}

/* Whose work it is, of a record that is not the turn's first. */
static bool tells_whose(const struct nv_record *record, struct nv_str key)
{
    return (record->agent && (nv_str_eq(key, record->agent->session) ||
                              nv_str_eq(key, record->agent->prompt))) ||
           nv_str_starts(key, NV_STR("user."));
}

static struct nv_str key_of(struct nv_str pair)
{
    struct nv_wire wire = nv_wire_read(pair);
    struct nv_wire_field field;
    struct nv_str key = {0};
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_PAIR_KEY)
            key = field.bytes;
    }
    return key;
}

/* By length first: most keys differ in it, and the order is nobody's but bsearch's. */
static int by_key(const void *left, const void *right)
{
    const struct nv_str *a = left, *b = right;
    (void)nv_meter_spend(1);
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return a->len > 0 ? memcmp(a->ptr, b->ptr, a->len) : 0;
}

struct keys {
    struct nv_str *items; /* NULL: only counted */
    size_t count;
};

static void read_keys(struct nv_str record, struct keys *keys)
{
    struct nv_wire wire = nv_wire_read(record);
    struct nv_wire_field field;
    keys->count = 0;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number != NV_OTLP_LOG_ATTRIBUTES || field.type != NV_WIRE_BYTES)
            continue;
        if (keys->items)
            keys->items[keys->count] = key_of(field.bytes);
        keys->count++;
    }
}

/* The record's keys, sorted: how many there are, its client decides. */
static enum nv_err sort_keys(struct nv_arena *arena, struct nv_str record, struct keys *out)
{
    *out = (struct keys){0};
    read_keys(record, out);
    out->items = nv_arena_array(arena, out->count + 1, sizeof *out->items);
    if (!out->items)
        return NV_ERR_NO_MEMORY;
    read_keys(record, out);
    qsort(out->items, out->count, sizeof *out->items, by_key);
    return NV_OK;
}

static bool has_key(const struct keys *keys, struct nv_str key)
{
    return bsearch(&key, keys->items, keys->count, sizeof key, by_key) != NULL;
}

/* What a call's first record says that its last one does not. */
static void put_begun(struct nv_buf *buf, const struct making *making, const struct made *made)
{
    struct keys ended;
    if (sort_keys(making->raw->arena, made->from->item->bytes, &ended) != NV_OK) {
        buf->failed = NV_ERR_NO_MEMORY;
        return;
    }
    struct nv_wire wire = nv_wire_read(made->begun->item->bytes);
    struct nv_wire_field field;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number != NV_OTLP_LOG_ATTRIBUTES || field.type != NV_WIRE_BYTES)
            continue;
        const struct nv_str key = key_of(field.bytes);
        if (is_kept(key) && !has_key(&ended, key) &&
            !nv_str_eq(key, made->begun->record.event->duration))
            (void)nv_wire_put_bytes(buf, NV_OTLP_SPAN_ATTRIBUTES, field.bytes);
    }
}

/* The record's attributes as the span's; `own`: all of them. */
static void put_attributes(struct nv_buf *buf, const struct told *told, bool own)
{
    struct nv_wire wire = nv_wire_read(told->item->bytes);
    struct nv_wire_field field;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number != NV_OTLP_LOG_ATTRIBUTES || field.type != NV_WIRE_BYTES)
            continue;
        const struct nv_str key = key_of(field.bytes);
        if (own ? is_kept(key) : tells_whose(&told->record, key))
            (void)nv_wire_put_bytes(buf, NV_OTLP_SPAN_ATTRIBUTES, field.bytes);
    }
}

static void put_head(struct nv_buf *buf, const struct making *making, const uint8_t *id,
                     struct nv_str name, const uint64_t times[2])
{
    (void)nv_wire_put_bytes(buf, NV_OTLP_SPAN_TRACE_ID,
                            id_text(making->trace_id, NV_TRACE_ID_BYTES));
    (void)nv_wire_put_bytes(buf, NV_OTLP_SPAN_ID, id_text(id, NV_SPAN_ID_BYTES));
    if (id != making->root_id) {
        (void)nv_wire_put_bytes(buf, NV_OTLP_SPAN_PARENT_ID,
                                id_text(making->root_id, NV_SPAN_ID_BYTES));
    }
    (void)nv_wire_put_bytes(buf, NV_OTLP_SPAN_NAME, name);
    (void)nv_wire_put_fixed64(buf, NV_OTLP_SPAN_START, times[0]);
    (void)nv_wire_put_fixed64(buf, NV_OTLP_SPAN_END, times[1]);
}

static void put_made(struct nv_buf *buf, const struct making *making, const struct made *made)
{
    const struct nv_record *record = &made->from->record;
    const bool call = record->event->role == NV_RECORD_CALL;
    const uint64_t times[] = {made->start_ns, made->end_ns};
    put_head(buf, making, made->id, record->event->span, times);
    (void)nv_wire_put_uint(buf, NV_OTLP_SPAN_KIND,
                           call ? NV_SPAN_KIND_CLIENT : NV_SPAN_KIND_INTERNAL);
    put_attributes(buf, made->from, true);
    if (made->begun)
        put_begun(buf, making, made);
    put_missing(buf, made->from, NV_STR("gen_ai.operation.name"),
                call ? NV_STR("chat") : NV_STR("execute_tool"));
    if (call)
        put_missing(buf, made->from, NV_STR("gen_ai.provider.name"), record->agent->provider);
    if (record->event->traits & NV_RECORD_FAILED) {
        const size_t status = nv_wire_begin(buf, NV_OTLP_SPAN_STATUS);
        (void)nv_wire_put_uint(buf, NV_OTLP_STATUS_CODE, NV_STATUS_CODE_ERROR);
        (void)nv_wire_end(buf, status);
    }
}

/* From the first to the last of all that is told. */
static void extent(const struct making *making, uint64_t times[2])
{
    const uint32_t count = making->raw->item_count;
    times[0] = making->told[0].time_ns;
    times[1] = making->told[count - 1].time_ns;
    for (uint32_t i = 0; i < making->made_count; i++) {
        if (making->made[i].start_ns < times[0])
            times[0] = making->made[i].start_ns;
    }
}

/* The record that tells of the turn as a whole. */
static const struct told *first_of(const struct making *making)
{
    return making->prompt ? making->prompt : &making->told[0];
}

static void put_root(struct nv_buf *buf, const struct making *making)
{
    const struct told *first = first_of(making);
    const struct nv_record_agent *agent = first->record.agent;
    uint64_t times[2];
    extent(making, times);
    const struct nv_str name = agent ? agent->name : NV_STR("evaluation");
    put_head(buf, making, making->root_id,
             making->prompt ? making->prompt->record.event->span : name, times);
    (void)nv_wire_put_uint(buf, NV_OTLP_SPAN_KIND, NV_SPAN_KIND_INTERNAL);
    put_attributes(buf, first, making->prompt != NULL);
    put_missing(buf, making->prompt, NV_STR("gen_ai.operation.name"),
                agent ? NV_STR("invoke_agent") : name);
    if (agent) {
        put_missing(buf, making->prompt, NV_STR("gen_ai.agent.name"), name);
        put_missing(buf, first, agent->session, first->record.session); /* the resource's */
    }
}

/* A record that stays: the last of a field counts, so that its span is named behind it. */
static void put_record(struct nv_buf *buf, const struct making *making, const struct told *told)
{
    const uint8_t *id =
        told->target == TO_ROOT ? making->root_id : making->made[told->target].id;
    (void)nv_buf_append_str(buf, told->item->bytes);
    (void)nv_wire_put_bytes(buf, NV_OTLP_LOG_TRACE_ID,
                            id_text(making->trace_id, NV_TRACE_ID_BYTES));
    (void)nv_wire_put_bytes(buf, NV_OTLP_LOG_SPAN_ID, id_text(id, NV_SPAN_ID_BYTES));
}

/* The buffer's bytes as an item of the raw trace; the buffer is empty again. */
static enum nv_err add_item(struct making *making, struct nv_buf *buf, enum nv_signal signal,
                            uint32_t group)
{
    const struct nv_str bytes = nv_arena_dup(making->raw->arena, nv_buf_str(buf));
    if (buf->failed != NV_OK || !bytes.ptr)
        return buf->failed != NV_OK ? buf->failed : NV_ERR_NO_MEMORY;
    making->items[making->item_count++] =
        (struct nv_raw_item){.bytes = bytes, .group = group, .signal = signal};
    nv_buf_clear(buf);
    return NV_OK;
}

static enum nv_err write_all(struct making *making, struct nv_buf *buf)
{
    put_root(buf, making);
    enum nv_err err = add_item(making, buf, NV_SIGNAL_TRACES, first_of(making)->item->group);
    for (uint32_t i = 0; err == NV_OK && i < making->made_count; i++) {
        put_made(buf, making, &making->made[i]);
        err = add_item(making, buf, NV_SIGNAL_TRACES, making->made[i].from->item->group);
    }
    for (uint32_t i = 0; err == NV_OK && i < making->raw->item_count; i++) {
        const struct told *told = &making->told[i];
        making->unused += told->target == TO_NOBODY;
        if (told->target < TO_ROOT)
            continue;
        put_record(buf, making, told);
        err = add_item(making, buf, NV_SIGNAL_LOGS, told->item->group);
    }
    return err;
}

/* ---- the whole --------------------------------------------------------------------------- */

static enum nv_err make_all(struct making *making)
{
    struct nv_raw_trace *raw = making->raw;
    const uint32_t count = raw->item_count;
    making->told = nv_arena_array(raw->arena, count, sizeof *making->told);
    making->made = nv_arena_array(raw->arena, count, sizeof *making->made);
    making->items = nv_arena_array(raw->arena, (size_t)count + 1, sizeof *making->items);
    if (!making->told || !making->made || !making->items)
        return NV_ERR_NO_MEMORY;
    read_all(making);
    enum nv_err err = NV_OK;
    making->trace_id = raw->trace_id;
    for (uint32_t i = 0; raw->is_turn && i < count && !making->prompt; i++) {
        const struct nv_record_event *event = making->told[i].record.event;
        if (event && event->role == NV_RECORD_PROMPT)
            making->prompt = &making->told[i];
    }
    /* records of a session without prompts of their own: the turn is named after its first
     * record */
    if (raw->is_turn) {
        nv_record_turn_id(raw->trace_id, first_of(making)->identity, raw->turn_id);
        making->trace_id = raw->turn_id;
        making->prompt = NULL;
    }
    nv_record_span_id(making->trace_id, NV_STR("root"), making->root_id);
    for (uint32_t i = 0; err == NV_OK && i < count; i++)
        err = place(making, &making->told[i]);
    return err == NV_OK ? place_rest(making) : err;
}

enum nv_err nv_turns_make_spans(struct nv_raw_trace *raw, uint32_t *unused)
{
    struct making making = {.raw = raw, .last_call = TO_ROOT};
    struct nv_buf buf;
    *unused = 0;
    if (raw->item_count == 0)
        return NV_OK;
    nv_buf_init(&buf, NV_CAP_RECORD);
    enum nv_err err = make_all(&making);
    if (err == NV_OK)
        err = write_all(&making, &buf);
    nv_buf_release(&buf);
    if (err != NV_OK)
        return err;
    raw->items = making.items;
    raw->item_count = making.item_count;
    raw->span_count = making.made_count + 1;
    *unused = making.unused;
    return NV_OK;
}
