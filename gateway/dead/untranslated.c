/*
 * Dead letters of traces that could not be translated, and of requests that no longer decode.
 *
 * The payload is OTLP as it came, grouped again by resource and scope: `noveum-gateway explain` and
 * any OTLP tool read it, and `dead retry` gives it to a later version (dead_retry.h). OTLP
 * fields: ExportTraceServiceRequest resource_spans=1; ResourceSpans resource=1, scope_spans=2,
 * schema_url=3; ScopeSpans scope=1, spans=2, schema_url=3 (opentelemetry-proto 1.x,
 * trace/v1/trace.proto). The numbers of the messages for log records are the same
 * (logs/v1/logs.proto).
 */
#include "gateway/dead/untranslated.h"

#include "base/clock.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "base/text.h"
#include "base/wire.h"

#include <assert.h>

#include "base/banned.h"

#define PAYLOAD_BYTES_MAX ((size_t)UINT32_MAX)

static bool group_has(const struct nv_raw_trace *raw, uint32_t group, enum nv_signal signal)
{
    for (uint32_t i = 0; i < raw->item_count; i++) {
        if (raw->items[i].group == group && raw->items[i].signal == signal)
            return true;
    }
    return false;
}

static void write_scope(const struct nv_raw_trace *raw, uint32_t group, enum nv_signal signal,
                        struct nv_buf *out)
{
    assert(group < raw->group_count);
    const struct nv_group *shared = &raw->groups[group];
    size_t scope = nv_wire_begin(out, 2);
    if (shared->scope.len > 0)
        (void)nv_wire_put_bytes(out, 1, shared->scope);
    for (uint32_t i = 0; i < raw->item_count; i++) {
        if (raw->items[i].group == group && raw->items[i].signal == signal)
            (void)nv_wire_put_bytes(out, 2, raw->items[i].bytes);
    }
    if (shared->scope_schema_url.len > 0)
        (void)nv_wire_put_bytes(out, 3, shared->scope_schema_url);
    (void)nv_wire_end(out, scope);
}

enum nv_err nv_untranslated_write(const struct nv_raw_trace *raw, enum nv_signal signal,
                                  struct nv_buf *out)
{
    /* a ResourceSpans for each group: equal resources are repeated, which OTLP allows */
    for (uint32_t group = 0; group < raw->group_count; group++) {
        const struct nv_group *shared = &raw->groups[group];
        if (!group_has(raw, group, signal))
            continue;
        size_t resource = nv_wire_begin(out, 1);
        if (shared->resource.len > 0)
            (void)nv_wire_put_bytes(out, 1, shared->resource);
        write_scope(raw, group, signal, out);
        if (shared->resource_schema_url.len > 0)
            (void)nv_wire_put_bytes(out, 3, shared->resource_schema_url);
        (void)nv_wire_end(out, resource);
    }
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
    nv_buf_init(&otlp, PAYLOAD_BYTES_MAX);
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
    if (store == NULL)
        return NV_ERR_NOT_FOUND;
    nv_buf_init(&head, 4096);
    nv_buf_init(&payload, PAYLOAD_BYTES_MAX);
    nv_hex_encode(raw->trace_id, NV_TRACE_ID_BYTES, trace_id);
    enum nv_err err = write_head(&facts, &head);
    if (err == NV_OK)
        err = write_payload(raw, &payload);
    if (err == NV_OK)
        err = store->put(store->ctx, NV_RECORD_DEAD_LETTER, nv_buf_str(&head), nv_buf_str(&payload),
                         &id);
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

/* ---- reading ----------------------------------------------------------------------------------
 */

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
    if (text.ptr == NULL)
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
    if (err == NV_OK && out->otlp.ptr == NULL)
        err = NV_ERR_NOT_FOUND;
    return err;
}
