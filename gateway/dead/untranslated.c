/*
 * Dead letters of traces that could not be translated, and of requests that no longer decode.
 *
 * The payload is OTLP as it came, grouped again by resource and scope: `noveum-gateway explain`
 * and any OTLP tool read it, and `dead retry` gives it to a later version (dead_retry.h). OTLP
 * fields: ExportTraceServiceRequest resource_spans=1; ResourceSpans resource=1, scope_spans=2,
 * schema_url=3; ScopeSpans scope=1, spans=2, schema_url=3 (opentelemetry-proto 1.x,
 * trace/v1/trace.proto). The numbers of the messages for log records are the same
 * (logs/v1/logs.proto).
 */
#include "gateway/dead/untranslated.h"

#include "base/clock.h"
#include "base/json/json_read.h"
#include "base/json/json_write.h"
#include "base/limits.h"
#include "base/text/text.h"
#include "base/text/wire.h"
#include "model/otlp_fields.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/banned.h"

/*
 * Items in the order in which they are written: those of one resource together, and of these
 * those of one scope. Groups of one resource share its bytes (assembly/hold/gather.c), so they
 * are told by the address: written for each of its scopes again, 6 MB of resource became 3 GB.
 */
struct placed {
    const struct nv_raw_item *item;
    const char *resource;
    uint32_t number;
    uint32_t first; /* number of the first item of the resource */
};

/* Sorting twice by keys of two words is n log n; grouping by search was n * n over a trace that
 * a client makes as large as it likes. */
static int by_resource(const void *a, const void *b)
{
    const struct placed *left = a;
    const struct placed *right = b;
    if (left->resource != right->resource)
        return (uintptr_t)left->resource < (uintptr_t)right->resource ? -1 : 1;
    return left->number < right->number ? -1 : 1;
}

static int by_place(const void *a, const void *b)
{
    const struct placed *left = a;
    const struct placed *right = b;
    if (left->first != right->first)
        return left->first < right->first ? -1 : 1;
    if (left->item->group != right->item->group)
        return left->item->group < right->item->group ? -1 : 1;
    return left->number < right->number ? -1 : 1;
}

/* New list of *count items, in order; NULL without memory. */
static struct placed *place(const struct nv_raw_trace *raw, enum nv_signal signal,
                            uint32_t *count)
{
    struct placed *list = calloc(raw->item_count + 1, sizeof *list);
    *count = 0;
    for (uint32_t i = 0; list && i < raw->item_count; i++) {
        const struct nv_raw_item *item = &raw->items[i];
        assert(item->group < raw->group_count);
        if (item->signal == signal) {
            list[(*count)++] =
                (struct placed){item, raw->groups[item->group].resource.ptr, i, i};
        }
    }
    if (!list)
        return NULL;
    qsort(list, *count, sizeof *list, by_resource);
    for (uint32_t i = 1; i < *count; i++) {
        /* the place of the first of its resource: the second sort keeps resources in the order
         * they came */
        if (list[i].resource == list[i - 1].resource)
            list[i].first = list[i - 1].first;
    }
    qsort(list, *count, sizeof *list, by_place);
    return list;
}

/* The items from `at` on that are of one group; returns the place behind them. */
static uint32_t write_scope(const struct nv_raw_trace *raw, const struct placed *list,
                            uint32_t count, uint32_t at, struct nv_buf *out)
{
    uint32_t group = list[at].item->group;
    const struct nv_group *shared = &raw->groups[group];
    size_t scope = nv_wire_begin(out, NV_OTLP_RESOURCE_GROUP_SCOPES);
    if (shared->scope.len > 0)
        (void)nv_wire_put_bytes(out, NV_OTLP_SCOPE_GROUP_SCOPE, shared->scope);
    for (; at < count && list[at].item->group == group; at++)
        (void)nv_wire_put_bytes(out, NV_OTLP_SCOPE_GROUP_ITEMS, list[at].item->bytes);
    if (shared->scope_schema_url.len > 0)
        (void)nv_wire_put_bytes(out, NV_OTLP_SCOPE_GROUP_SCHEMA_URL, shared->scope_schema_url);
    (void)nv_wire_end(out, scope);
    return at;
}

enum nv_err nv_untranslated_write(const struct nv_raw_trace *raw, enum nv_signal signal,
                                  struct nv_buf *out)
{
    uint32_t count;
    struct placed *list = place(raw, signal, &count);
    if (!list)
        return NV_ERR_NO_MEMORY;
    for (uint32_t at = 0; at < count;) {
        const struct nv_group *shared = &raw->groups[list[at].item->group];
        const char *same = list[at].resource;
        size_t resource = nv_wire_begin(out, NV_OTLP_REQUEST_GROUPS);
        if (shared->resource.len > 0)
            (void)nv_wire_put_bytes(out, NV_OTLP_RESOURCE_GROUP_RESOURCE, shared->resource);
        /* a resource without bytes has no address to be told by: each of its scopes then stands
         * alone */
        do
            at = write_scope(raw, list, count, at, out);
        while (same && at < count && list[at].resource == same);
        if (shared->resource_schema_url.len > 0) {
            (void)nv_wire_put_bytes(out, NV_OTLP_RESOURCE_GROUP_SCHEMA_URL,
                                    shared->resource_schema_url);
        }
        (void)nv_wire_end(out, resource);
    }
    free(list);
    return out->failed;
}

static void put_text(struct nv_json_writer *json, struct nv_str key, struct nv_str value)
{
    nv_json_write_key(json, key);
    nv_json_write_string(json, value);
}

/* What a head says; trace_id is empty for a whole request. */
struct head {
    struct nv_str trace_id;
    const char *about; /* before the error's text */
    enum nv_err why;
    uint64_t wall_ns;
    uint64_t spans;
};

/* The head that dead_letters.h reads; "format" tells it apart from a refused trace. */
static enum nv_err write_head(const struct head *head, struct nv_buf *out)
{
    char time[NV_TIME_TEXT_SIZE];
    struct nv_json_writer json;
    unsigned time_len = nv_time_format(head->wall_ns, time);
    nv_json_write_init(&json, out);
    nv_json_write_begin_object(&json);
    nv_json_write_key(&json, NV_STR("v"));
    nv_json_write_int(&json, 1);
    put_text(&json, NV_STR("trace_id"), head->trace_id);
    put_text(&json, NV_STR("name"), NV_STR(""));
    put_text(&json, NV_STR("reason"), NV_STR("untranslatable"));
    nv_json_write_key(&json, NV_STR("status"));
    nv_json_write_int(&json, 0);
    nv_json_write_key(&json, NV_STR("why"));
    nv_json_write_string_begin(&json);
    nv_json_write_string_part(&json, nv_str_from(head->about));
    nv_json_write_string_part(&json, nv_str_from(nv_err_info(head->why)->text));
    nv_json_write_string_end(&json);
    put_text(&json, NV_STR("time"), (struct nv_str){time, time_len});
    nv_json_write_key(&json, NV_STR("spans"));
    nv_json_write_uint(&json, head->spans);
    put_text(&json, NV_STR("format"), NV_STR("otlp"));
    nv_json_write_end_object(&json);
    return out->failed;
}

/* About what nv_untranslated_write makes of those items. */
static size_t otlp_bytes(const struct nv_raw_trace *raw, enum nv_signal signal)
{
    size_t bytes = 64 * (size_t)raw->group_count;
    for (uint32_t i = 0; i < raw->item_count; i++)
        bytes += raw->items[i].signal == signal ? raw->items[i].bytes.len + 16 : 0;
    return bytes;
}

static enum nv_err put_otlp(struct nv_json_writer *json, struct nv_str key,
                            const struct nv_raw_trace *raw, enum nv_signal signal)
{
    struct nv_buf otlp;
    nv_buf_init(&otlp, NV_CAP_DEAD_LETTER);
    /* Room at once: doubling would take half as much again of what may be large. */
    enum nv_err err = nv_buf_reserve(&otlp, otlp_bytes(raw, signal));
    if (err == NV_OK)
        err = nv_untranslated_write(raw, signal, &otlp);
    if (err == NV_OK)
        err = nv_buf_reserve(json->buf, otlp.len / 3 * 4 + 64);
    if (err == NV_OK && (otlp.len > 0 || signal == NV_SIGNAL_TRACES)) {
        nv_json_write_key(json, key);
        nv_json_write_base64(json, nv_buf_str(&otlp));
    }
    nv_buf_release(&otlp);
    return err;
}

static void put_number(struct nv_json_writer *json, struct nv_str key, uint64_t value)
{
    if (value == 0)
        return;
    nv_json_write_key(json, key);
    nv_json_write_uint(json, value);
}

static void put_some_text(struct nv_json_writer *json, struct nv_str key, struct nv_str value)
{
    if (value.len > 0)
        put_text(json, key, value);
}

/* What the bytes alone do not tell: a later try must give the same part of the same trace. */
static enum nv_err write_payload(const struct nv_raw_trace *raw, struct nv_buf *out)
{
    struct nv_json_writer json;
    nv_json_write_init(&json, out);
    nv_json_write_begin_object(&json);
    enum nv_err err = put_otlp(&json, NV_STR("otlp"), raw, NV_SIGNAL_TRACES);
    if (err == NV_OK)
        err = put_otlp(&json, NV_STR("otlp_logs"), raw, NV_SIGNAL_LOGS);
    put_number(&json, NV_STR("part"), raw->part);
    put_number(&json, NV_STR("incomplete"), (uint64_t)raw->incomplete);
    put_some_text(&json, NV_STR("project"), raw->project);
    put_some_text(&json, NV_STR("first_name"), raw->first_name);
    put_some_text(&json, NV_STR("first_session"), raw->first_session);
    put_some_text(&json, NV_STR("first_user"), raw->first_user);
    nv_json_write_end_object(&json);
    return err != NV_OK ? err : out->failed;
}

enum nv_err nv_untranslated_put(const struct nv_store *store, const struct nv_raw_trace *raw,
                                enum nv_err why, uint64_t wall_ns)
{
    struct nv_buf head, payload;
    char trace_id[2 * NV_TRACE_ID_BYTES];
    struct head facts = {.trace_id = {trace_id, sizeof trace_id},
                         .about = "",
                         .why = why,
                         .wall_ns = wall_ns,
                         .spans = raw->span_count};
    uint64_t id = 0;
    if (!store)
        return NV_ERR_NOT_FOUND;
    nv_buf_init(&head, NV_CAP_DEAD_HEAD);
    nv_buf_init(&payload, NV_CAP_DEAD_LETTER);
    nv_hex_encode(raw->trace_id, NV_TRACE_ID_BYTES, trace_id);
    enum nv_err err = write_head(&facts, &head);
    if (err == NV_OK)
        err = write_payload(raw, &payload);
    if (err == NV_OK) {
        err = store->put(store->ctx, NV_RECORD_DEAD_LETTER, nv_buf_str(&head),
                         nv_buf_str(&payload), &id);
    }
    nv_buf_release(&head);
    nv_buf_release(&payload);
    return err;
}

enum nv_err nv_undecoded_write(const struct nv_undecoded *request, uint64_t wall_ns,
                               struct nv_buf *head, struct nv_buf *payload)
{
    struct head facts = {.about = "the request no longer decodes: ",
                         .why = request->why,
                         .wall_ns = wall_ns,
                         .spans = request->spans};
    struct nv_json_writer json;
    nv_json_write_init(&json, payload);
    nv_json_write_begin_object(&json);
    put_text(&json, NV_STR("request"),
             request->signal == NV_SIGNAL_LOGS ? NV_STR("logs") : NV_STR("traces"));
    put_some_text(&json, NV_STR("project"), request->project);
    nv_json_write_key(&json, NV_STR("otlp"));
    nv_json_write_base64(&json, request->body);
    nv_json_write_end_object(&json);
    enum nv_err err = write_head(&facts, head);
    return err != NV_OK ? err : payload->failed;
}

/* ---- reading ----------------------------------------------------------------------------- */

static void read_text(struct nv_otlp_letter *out, struct nv_str key, struct nv_str text)
{
    const struct {
        struct nv_str key;
        struct nv_str *to;
    } fields[] = {{NV_STR("otlp"), &out->otlp},
                  {NV_STR("otlp_logs"), &out->otlp_logs},
                  {NV_STR("project"), &out->project},
                  {NV_STR("first_name"), &out->first_name},
                  {NV_STR("first_session"), &out->first_session},
                  {NV_STR("first_user"), &out->first_user}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (nv_str_eq(key, fields[i].key))
            *fields[i].to = text;
    }
    if (nv_str_eq(key, NV_STR("request"))) {
        out->whole_request = true;
        out->signal = nv_str_eq(text, NV_STR("logs")) ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES;
    }
}

static void read_number(struct nv_otlp_letter *out, struct nv_str key, struct nv_str text)
{
    uint64_t value = 0;
    if (nv_str_to_uint64(text, &value) != NV_OK)
        return;
    if (nv_str_eq(key, NV_STR("part")) && value <= UINT32_MAX)
        out->part = (uint32_t)value;
    else if (nv_str_eq(key, NV_STR("incomplete")) && value <= NV_INCOMPLETE_SHUTDOWN)
        out->incomplete = (enum nv_incomplete)value;
}

/* The value of one key; what an older or newer version knows besides is passed over. */
static enum nv_err read_field(struct nv_json_reader *reader, struct nv_arena *arena,
                              struct nv_otlp_letter *out)
{
    struct nv_str key = reader->raw;
    enum nv_json_token token = nv_json_next(reader);
    if (token == NV_JSON_NUMBER) {
        read_number(out, key, reader->raw);
        return NV_OK;
    }
    if (token != NV_JSON_STRING)
        return nv_json_skip(reader, token);
    struct nv_str text = nv_json_unescape(arena, reader->raw, reader->escaped);
    if (!text.ptr)
        return NV_ERR_NO_MEMORY;
    read_text(out, key, text);
    return NV_OK;
}

enum nv_err nv_otlp_letter_read(struct nv_arena *arena, struct nv_str payload,
                                struct nv_otlp_letter *out)
{
    struct nv_json_reader reader;
    enum nv_json_token token;
    enum nv_err err = NV_OK;
    *out = (struct nv_otlp_letter){0};
    nv_json_read_init(&reader, payload, NV_JSON_DEPTH_LIMIT);
    if (nv_json_next(&reader) != NV_JSON_OBJECT_BEGIN)
        return NV_ERR_MALFORMED;
    while (err == NV_OK && (token = nv_json_next(&reader)) == NV_JSON_KEY)
        err = read_field(&reader, arena, out);
    if (err == NV_OK && (token != NV_JSON_OBJECT_END || nv_json_next(&reader) != NV_JSON_END))
        err = NV_ERR_MALFORMED;
    if (err == NV_OK && !out->otlp.ptr)
        err = NV_ERR_NOT_FOUND;
    return err;
}
