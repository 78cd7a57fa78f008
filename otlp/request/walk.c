/*
 * The walk over a request.
 *
 *   request ─▶ ResourceSpans ─▶ ScopeSpans ─▶ Span            each level: loop over fields, check
 *                  resource        scope        ids, facts    the field, keep what the index needs
 *
 * Protobuf sets no order of fields: spans may come before the resource they belong to. So a
 * group is opened by the first item of a ScopeSpans and gets its scope when that ends, its
 * resource when the ResourceSpans ends. Empty envelopes make no group, so that a request of a
 * million empty messages costs no memory (docs/otlp.md#rules-of-the-walk, 1).
 *
 * What is wrong with the bytes refuses the request; what is wrong with one span (its ids)
 * refuses this span (docs/otlp.md#rules-of-the-walk, 3). A wrong parent or link id refuses
 * nothing: the parent counts as absent. Log records without a trace can't belong to one: they
 * are accepted and counted, unless a coding agent sent them (filing.h).
 *
 * Nothing is allocated but the two growing arrays (batch_index.h), and nothing is copied but
 * ids.
 */
#include "otlp/request/walk.h"

#include "model/agent_records.h"
#include "model/otlp_fields.h"
#include "model/trace.h"
#include "otlp/request/batch_index.h"
#include "otlp/request/check.h"
#include "otlp/request/filing.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* Span.flags: opentelemetry-proto trace.proto, SpanFlags */
#define FLAG_HAS_IS_REMOTE 0x100u
#define FLAG_IS_REMOTE 0x200u

struct walk {
    struct nv_check check;
    struct nv_batch *batch;
    struct nv_batch_index index; /* of that batch */
    struct nv_request_result *result;
    bool split;
    uint64_t beside; /* items that stand for one more of the same record */
    /* where the walk is, for the message of the first rejected span */
    enum nv_message_id scope_message;
    uint32_t resource_index;
    uint32_t scope_index;
    uint32_t item_index;
};

/* The ids of a span as they are on the wire. */
struct raw_ids {
    struct nv_str trace, span, parent;
};

/* All zero is "no id" by OTLP, as an id of another length is. */
static bool id_usable(struct nv_str id, size_t len)
{
    static const char zero[NV_TRACE_ID_BYTES];
    assert(len <= sizeof zero);
    return id.len == len && memcmp(id.ptr, zero, len) != 0;
}

/* Into the group of the ScopeSpans that is being walked. */
static enum nv_err add_item(struct walk *walk, const struct nv_item *item)
{
    enum nv_err err = nv_batch_index_open_group(&walk->index);
    if (err != NV_OK)
        return err;
    struct nv_item grouped = *item;
    grouped.group = walk->batch->group_count - 1;
    return nv_batch_index_add(&walk->index, &grouped, walk->check.fail);
}

/* The place of the first is told, the others are counted: a client that sends one bad id sends
 * all of them bad. */
static void reject(struct walk *walk, enum nv_reject reason)
{
    struct nv_request_result *result = walk->result;
    if (result->rejected == 0) {
        bool old = walk->scope_message == NV_MESSAGE_LIBRARY_SPANS;
        (void)snprintf(result->message, sizeof result->message,
                       "resourceSpans[%" PRIu32 "].%s[%" PRIu32 "].spans[%" PRIu32 "].%s "
                       "must be %d bytes and not all zero",
                       walk->resource_index, old ? "instrumentationLibrarySpans" : "scopeSpans",
                       walk->scope_index, walk->item_index,
                       reason == NV_REJECT_TRACE_ID ? "traceId" : "spanId",
                       reason == NV_REJECT_TRACE_ID ? NV_TRACE_ID_BYTES : NV_SPAN_ID_BYTES);
    }
    result->rejected++;
    result->rejected_by[reason]++;
}

/* ---- items ------------------------------------------------------------------------------- */

/* The message has been checked: reading it again can't fail. */
static bool status_code(struct nv_str status, int32_t *code)
{
    struct nv_wire wire = nv_wire_read(status);
    struct nv_wire_field field;
    bool found = false;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_STATUS_CODE) {
            *code = (int32_t)field.value;
            found = true;
        }
    }
    return found;
}

static uint32_t kind_flags(int32_t kind)
{
    switch (kind) {
    case NV_SPAN_KIND_SERVER:
    case NV_SPAN_KIND_CONSUMER:
        return NV_ITEM_SERVER;
    case NV_SPAN_KIND_CLIENT:
    case NV_SPAN_KIND_PRODUCER:
        return NV_ITEM_CLIENT;
    default:
        return 0;
    }
}

/* Three states: SDKs before 2024 do not say whether a parent is remote, and a completion that
 * took silence for "local" would wait for it in vain. */
static uint32_t parent_flags(uint32_t span_flags)
{
    if ((span_flags & FLAG_HAS_IS_REMOTE) == 0)
        return NV_ITEM_HAS_PARENT;
    return NV_ITEM_HAS_PARENT |
           ((span_flags & FLAG_IS_REMOTE) != 0 ? NV_ITEM_PARENT_KNOWN_REMOTE
                                               : NV_ITEM_PARENT_KNOWN_LOCAL);
}

/* What a Span message says, the last value of a field winning. */
struct span_facts {
    struct raw_ids ids;
    int32_t kind;
    int32_t status;
    uint32_t flags;
    uint64_t start_ns, end_ns;
};

static void keep_span_field(struct span_facts *facts, const struct nv_wire_field *field)
{
    switch (field->number) {
    case NV_OTLP_SPAN_TRACE_ID:
        facts->ids.trace = field->bytes;
        break;
    case NV_OTLP_SPAN_ID:
        facts->ids.span = field->bytes;
        break;
    case NV_OTLP_SPAN_PARENT_ID:
        facts->ids.parent = field->bytes;
        break;
    case NV_OTLP_SPAN_KIND:
        facts->kind = (int32_t)field->value;
        break;
    case NV_OTLP_SPAN_START:
        facts->start_ns = field->value;
        break;
    case NV_OTLP_SPAN_END:
        facts->end_ns = field->value;
        break;
    case NV_OTLP_SPAN_STATUS:
        (void)status_code(field->bytes, &facts->status);
        break;
    case NV_OTLP_SPAN_FLAGS:
        facts->flags = (uint32_t)field->value;
        break;
    default:
        break;
    }
}

static enum nv_err add_span(struct walk *walk, struct nv_str bytes,
                            const struct span_facts *facts)
{
    assert(bytes.ptr >= walk->check.body && bytes.len <= UINT32_MAX);
    struct nv_item item = {.offset = (uint32_t)(bytes.ptr - walk->check.body),
                           .length = (uint32_t)bytes.len,
                           .flags = kind_flags(facts->kind),
                           .start_ns = facts->start_ns,
                           .end_ns = facts->end_ns};
    if (!id_usable(facts->ids.trace, NV_TRACE_ID_BYTES)) {
        reject(walk, NV_REJECT_TRACE_ID);
        return NV_OK;
    }
    if (!id_usable(facts->ids.span, NV_SPAN_ID_BYTES)) {
        reject(walk, NV_REJECT_SPAN_ID);
        return NV_OK;
    }
    memcpy(item.trace_id, facts->ids.trace.ptr, NV_TRACE_ID_BYTES);
    memcpy(item.span_id, facts->ids.span.ptr, NV_SPAN_ID_BYTES);
    if (id_usable(facts->ids.parent, NV_SPAN_ID_BYTES)) {
        memcpy(item.parent_id, facts->ids.parent.ptr, NV_SPAN_ID_BYTES);
        item.flags |= parent_flags(facts->flags);
    }
    if (facts->status == NV_STATUS_CODE_ERROR)
        item.flags |= NV_ITEM_ERROR;
    return add_item(walk, &item);
}

/* Is it a field of fixed size or an id, of the right wire type? There is no more to check of
 * one, and most of a span's own are. */
static inline bool is_scalar(const struct nv_wire_field *field)
{
    switch (field->number << 3 | field->type) {
    case NV_OTLP_SPAN_TRACE_ID << 3 | NV_WIRE_BYTES:
    case NV_OTLP_SPAN_ID << 3 | NV_WIRE_BYTES:
    case NV_OTLP_SPAN_PARENT_ID << 3 | NV_WIRE_BYTES:
    case NV_OTLP_SPAN_KIND << 3 | NV_WIRE_VARINT:
    case NV_OTLP_SPAN_START << 3 | NV_WIRE_FIXED64:
    case NV_OTLP_SPAN_END << 3 | NV_WIRE_FIXED64:
        return true;
    default:
        return false;
    }
}

static enum nv_err walk_span(struct walk *walk, struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    struct span_facts facts = {0};
    enum nv_err err;
    for (;;) {
        nv_check_pass_pairs(&walk->check, &wire, NV_OTLP_SPAN_ATTRIBUTES);
        const char *at = wire.pos;
        err = nv_wire_next(&wire, &field);
        if (err == NV_ERR_END)
            return add_span(walk, bytes, &facts);
        if (err == NV_OK && !is_scalar(&field))
            err = nv_check_field(&walk->check, NV_MESSAGE_SPAN, &field, 0);
        if (err != NV_OK)
            return nv_check_blame(&walk->check, NV_MESSAGE_SPAN, bytes, at, err);
        keep_span_field(&facts, &field);
    }
}

static enum nv_err add_log_record(struct walk *walk, struct nv_str bytes,
                                  const struct raw_ids *ids, uint64_t time_ns)
{
    struct nv_item item = {.offset = (uint32_t)(bytes.ptr - walk->check.body),
                           .length = (uint32_t)bytes.len,
                           .start_ns = time_ns,
                           .end_ns = time_ns};
    bool named = id_usable(ids->trace, NV_TRACE_ID_BYTES);
    walk->result->log_records++;
    if (!named && !nv_record_is_candidate(bytes)) {
        walk->result->log_records_unused++;
        return NV_OK;
    }
    if (named)
        memcpy(item.trace_id, ids->trace.ptr, NV_TRACE_ID_BYTES);
    if (named && id_usable(ids->span, NV_SPAN_ID_BYTES))
        memcpy(item.span_id, ids->span.ptr, NV_SPAN_ID_BYTES);
    return add_item(walk, &item);
}

static enum nv_err walk_log_record(struct walk *walk, struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    struct raw_ids ids = {0};
    uint64_t time_ns = 0;
    uint64_t observed_ns = 0;
    for (;;) {
        nv_check_pass_pairs(&walk->check, &wire, NV_OTLP_LOG_ATTRIBUTES);
        const char *at = wire.pos;
        enum nv_err err = nv_wire_next(&wire, &field);
        if (err == NV_ERR_END)
            return add_log_record(walk, bytes, &ids, time_ns != 0 ? time_ns : observed_ns);
        if (err == NV_OK)
            err = nv_check_field(&walk->check, NV_MESSAGE_LOG_RECORD, &field, 0);
        if (err != NV_OK)
            return nv_check_blame(&walk->check, NV_MESSAGE_LOG_RECORD, bytes, at, err);
        if (field.number == NV_OTLP_LOG_TIME)
            time_ns = field.value;
        else if (field.number == NV_OTLP_LOG_TRACE_ID)
            ids.trace = field.bytes;
        else if (field.number == NV_OTLP_LOG_SPAN_ID)
            ids.span = field.bytes;
        else if (field.number == NV_OTLP_LOG_OBSERVED_TIME)
            observed_ns = field.value;
    }
}

/* ---- envelopes --------------------------------------------------------------------------- */

/* ScopeSpans, ScopeLogs and their deprecated twins. */
static enum nv_err walk_scope_field(struct walk *walk, const struct nv_wire_field *field,
                                    struct nv_group *shared)
{
    enum nv_err err;
    if (field->number == NV_OTLP_SCOPE_GROUP_ITEMS && field->type == NV_WIRE_BYTES) {
        err = walk->batch->signal == NV_SIGNAL_LOGS ? walk_log_record(walk, field->bytes)
                                                    : walk_span(walk, field->bytes);
        walk->item_index++;
        return err;
    }
    err = nv_check_field(&walk->check, walk->scope_message, field, 0);
    if (err != NV_OK)
        return err;
    if (field->number == NV_OTLP_SCOPE_GROUP_SCOPE) {
        /* a message in pieces, which protobuf merges: told, and put together by who reads it */
        walk->split |= shared->scope.ptr != NULL;
        shared->scope = field->bytes;
    } else if (field->number == NV_OTLP_SCOPE_GROUP_SCHEMA_URL) {
        shared->scope_schema_url = field->bytes;
    }
    return NV_OK;
}

static enum nv_err walk_scope(struct walk *walk, enum nv_message_id id, struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    struct nv_group shared = {0};
    walk->scope_message = id;
    walk->item_index = 0;
    walk->index.group_open = false;
    for (;;) {
        const char *at = wire.pos;
        enum nv_err err = nv_wire_next(&wire, &field);
        if (err == NV_ERR_END)
            break;
        if (err == NV_OK)
            err = walk_scope_field(walk, &field, &shared);
        if (err != NV_OK)
            return nv_check_blame(&walk->check, id, bytes, at, err);
    }
    if (walk->index.group_open)
        walk->batch->groups[walk->batch->group_count - 1] = shared;
    return NV_OK;
}

/* The string of an AnyValue, if that is what it holds: the last member of the oneof. */
static struct nv_str string_value(struct nv_str any_value)
{
    struct nv_wire wire = nv_wire_read(any_value);
    struct nv_wire_field field;
    struct nv_str text = {0};
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_ANY_STRING)
            text = field.bytes;
        else if (nv_schema_field(nv_schema(NV_MESSAGE_ANY_VALUE), field.number) != NULL)
            text = (struct nv_str){0};
    }
    return text;
}

/* The last of several wins, as in the maps of every SDK. */
static struct nv_str service_name(struct nv_str resource)
{
    struct nv_wire wire = nv_wire_read(resource);
    struct nv_wire_field field;
    struct nv_str name = {0};
    while (nv_wire_next(&wire, &field) == NV_OK) {
        struct nv_wire attribute = nv_wire_read(field.bytes);
        struct nv_wire_field part;
        struct nv_str key = {0};
        struct nv_str value = {0};
        if (field.number != NV_OTLP_RESOURCE_ATTRIBUTES)
            continue;
        while (nv_wire_next(&attribute, &part) == NV_OK) {
            if (part.number == NV_OTLP_PAIR_KEY)
                key = part.bytes;
            else if (part.number == NV_OTLP_PAIR_VALUE)
                value = part.bytes;
        }
        if (nv_str_eq(key, NV_STR("service.name")))
            name = string_value(value);
    }
    return name;
}

/* ResourceSpans and ResourceLogs; `scopes` counts those of both spellings. */
static enum nv_err walk_resource_field(struct walk *walk, enum nv_message_id id,
                                       const struct nv_wire_field *field,
                                       struct nv_group *shared, uint32_t scopes[2])
{
    const struct nv_proto_field *known = nv_schema_field(nv_schema(id), field->number);
    if (known && known->repeated && field->type == NV_WIRE_BYTES) {
        walk->scope_index = scopes[known->number == NV_OTLP_RESOURCE_GROUP_SCOPES]++;
        return walk_scope(walk, (enum nv_message_id)known->of, field->bytes);
    }
    enum nv_err err = nv_check_field(&walk->check, id, field, 0);
    if (err != NV_OK)
        return err;
    if (field->number == NV_OTLP_RESOURCE_GROUP_RESOURCE) {
        walk->split |= shared->resource.ptr != NULL;
        shared->resource = field->bytes;
    } else if (field->number == NV_OTLP_RESOURCE_GROUP_SCHEMA_URL) {
        shared->resource_schema_url = field->bytes;
    }
    return NV_OK;
}

/* One item: a record of an agent is filed, a span of one may mark its turn, an evaluation of
 * whomever is worth a span. `last` is the mark before. */
static enum nv_err file_item(struct walk *walk, const struct nv_record_agent *agent, uint32_t i,
                             struct nv_item *last)
{
    struct nv_batch *batch = walk->batch;
    struct nv_item filed;
    if (batch->signal == NV_SIGNAL_TRACES) {
        if (!agent || !nv_mark_of_span(agent, batch, &batch->items[i], &filed) ||
            memcmp(filed.trace_id, last->trace_id, sizeof filed.trace_id) == 0)
            return NV_OK;
        *last = filed;
    } else {
        enum nv_filing filing =
            agent ? nv_filing_of_record(agent, batch, &batch->items[i], &filed)
                  : nv_filing_of_evaluation(batch, &batch->items[i], &filed);
        if (filing == NV_FILING_INSTEAD)
            batch->items[i] = filed;
        if (filing != NV_FILING_BESIDE)
            return NV_OK;
    }
    walk->beside++;
    return nv_batch_index_add(&walk->index, &filed, walk->check.fail);
}

/* What coding agents sent from that item on, now that scope and service are known. */
static enum nv_err file_items(struct walk *walk, uint32_t first_item)
{
    const struct nv_batch *batch = walk->batch;
    const uint32_t end = batch->item_count;
    const struct nv_record_agent *agent = NULL;
    struct nv_item last = {.flags = 0};
    uint32_t group = UINT32_MAX;
    enum nv_err err = NV_OK;
    for (uint32_t i = first_item; err == NV_OK && i < end; i++) {
        if (batch->items[i].group != group) {
            group = batch->items[i].group;
            agent = nv_record_agent_of(batch->groups[group].scope,
                                       batch->groups[group].service_name);
        }
        if (agent || batch->signal == NV_SIGNAL_LOGS)
            err = file_item(walk, agent, i, &last);
    }
    return err;
}

static enum nv_err walk_resource(struct walk *walk, enum nv_message_id id, struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    struct nv_group shared = {0};
    uint32_t scopes[2] = {0, 0};
    uint32_t first = walk->batch->group_count;
    uint32_t first_item = walk->batch->item_count;
    for (;;) {
        const char *at = wire.pos;
        enum nv_err err = nv_wire_next(&wire, &field);
        if (err == NV_ERR_END)
            break;
        if (err == NV_OK)
            err = walk_resource_field(walk, id, &field, &shared, scopes);
        if (err != NV_OK)
            return nv_check_blame(&walk->check, id, bytes, at, err);
    }
    if (first < walk->batch->group_count) {
        /* once a resource, and only where a span is below it */
        shared.service_name = service_name(shared.resource);
    }
    for (uint32_t i = first; i < walk->batch->group_count; i++) {
        struct nv_group *group = &walk->batch->groups[i];
        group->resource = shared.resource;
        group->resource_schema_url = shared.resource_schema_url;
        group->service_name = shared.service_name;
    }
    return file_items(walk, first_item);
}

static enum nv_err walk_body(struct walk *walk)
{
    struct nv_str body = {walk->batch->body, walk->batch->body_len};
    enum nv_message_id request = nv_schema_request(walk->batch->signal);
    enum nv_message_id resource =
        (enum nv_message_id)nv_schema(request)->fields[NV_OTLP_REQUEST_GROUPS].of;
    struct nv_wire wire = nv_wire_read(body);
    struct nv_wire_field field;
    for (;;) {
        const char *at = wire.pos;
        enum nv_err err = nv_wire_next(&wire, &field);
        if (err == NV_ERR_END)
            return NV_OK;
        if (err == NV_OK && field.number == NV_OTLP_REQUEST_GROUPS &&
            field.type == NV_WIRE_BYTES) {
            err = walk_resource(walk, resource, field.bytes);
            walk->resource_index++;
        } else if (err == NV_OK) {
            err = nv_check_field(&walk->check, request, &field, 0);
        }
        if (err != NV_OK)
            return nv_check_blame(&walk->check, request, body, at, err);
    }
}

/* How many of how many, behind the place of the first. */
static void finish_message(struct nv_request_result *result)
{
    size_t len = strlen(result->message);
    if (result->rejected > 0) {
        (void)snprintf(result->message + len, sizeof result->message - len,
                       " (%" PRIu64 " of %" PRIu64 " spans rejected)", result->rejected,
                       result->rejected + result->accepted);
    }
}

enum nv_err nv_walk_request(struct nv_batch *batch, const struct nv_request_limits *limits,
                            struct nv_request_result *result, bool *split, struct nv_fail *fail)
{
    struct walk walk = {
        .check = {.body = batch->body, .depth_max = limits->depth_max, .fail = fail},
        .batch = batch,
        .index = {.batch = batch, .room = limits->room, .items_max = limits->items_max},
        .result = result,
    };
    assert(batch->items == NULL && batch->groups == NULL);
    assert(limits->depth_max > 0 && limits->items_max > 0);
    enum nv_err err = walk_body(&walk);
    if (err != NV_OK)
        return err;
    result->invalid_utf8 = walk.check.invalid_utf8;
    result->accepted = batch->item_count - walk.beside + result->log_records_unused;
    nv_batch_index_trim(&walk.index);
    finish_message(result);
    *split = walk.split;
    return NV_OK;
}
