/*
 * The JSON encoder: fields in the order in which the vendor's SDK writes them on the wire.
 *
 *   trace { head, attributes, metadata, spans [ { head, attributes, events, links, exception,
 *           otel { ids, kind, status, name, scope, resource? } } ], sdk, project, otel }
 *
 * Keys are written through base/json_write one by one; there is no tree in between. The
 * resource is the same for most spans, so a span carries only those of its attributes that
 * differ from the trace's; that, and the scope, is made once for all spans that share it
 * (repeats.h). A trace that does not fit below the buffer's cap is written again with its texts
 * and lists cut, each with a mark where it was cut and how much is missing; the trace's
 * attribute noveum.gateway.cut says that it happened. Statuses and kinds outside OTLP's enums
 * pass as their number, so that a newer SDK loses nothing. Not done here: choosing names, times
 * or statuses (mapping), and removing duplicate keys.
 *
 * Why no tree: a span's attributes are views into the arena, and writing them is one copy of
 * the bytes. A tree of them would be larger than the span.
 */
#include "exporter/encode/encode.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/text/text.h"
#include "exporter/encode/id_members.h"
#include "exporter/encode/repeats.h"
#include "model/key_index.h"
#include "model/seen_maps.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

/* All of them are plain letters, so nothing is looked for in them. */
#define KEY(writer, text) nv_json_write_known_key((writer), NV_STR("\"" text "\":"))

/* How much of each text and list is written: all, and less each time that it was too much. Each
 * try stops at the buffer's cap, so a trace costs six times that at most. */
static const struct cut {
    size_t text_max;
    uint32_t items_max;
} cuts[] = {{0, 0}, {1 << 20, 65536}, {131072, 16384}, {16384, 4096}, {2048, 1024}, {128, 32}};

/* An index of the trace's resource; arena NULL: none yet. */
struct common_index {
    struct nv_arena *arena;
    struct nv_key_index keys;
};

/* What one trace needs while it is written. The id's text is made once: it stands in each
 * span. */
struct encoder {
    struct nv_json_writer json;
    struct common_index common;
    enum nv_trace_id_form form;
    const struct nv_trace *trace;
    char id[NV_TRACE_ID_TEXT_MAX]; /* the trace's, as it is sent */
    size_t id_len;
    char source_id[2 * NV_TRACE_ID_BYTES];
    struct nv_id_members span_ids, otel_ids;
    struct nv_repeats scopes, resources;
    struct nv_seen_texts seen; /* texts of what is written of this trace */
    struct nv_seen_maps maps;  /* and maps of texts */
};

/* Text of a trace id, no NUL; returns its length: 36 for uuid, 32 for hex. A UUID is what the
 * vendor's SDK sends (docs/noveum-backend.md#times-and-ids), hex what other tools search by. */
static size_t id_text(const uint8_t id[NV_TRACE_ID_BYTES], enum nv_trace_id_form form,
                      char out[NV_TRACE_ID_TEXT_MAX])
{
    char hex[2 * NV_TRACE_ID_BYTES];
    size_t n = 0;

    nv_hex_encode(id, NV_TRACE_ID_BYTES, hex);
    if (form == NV_TRACE_ID_HEX) {
        memcpy(out, hex, sizeof hex);
        return sizeof hex;
    }
    for (size_t i = 0; i < sizeof hex; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[n++] = '-';
        out[n++] = hex[i];
    }
    assert(n == NV_TRACE_ID_TEXT_MAX);
    return n;
}

static void string_or_null(struct nv_json_writer *json, struct nv_str s)
{
    if (!s.ptr)
        nv_json_write_null(json);
    else
        nv_json_write_string(json, s);
}

static void span_id(struct nv_json_writer *json, const uint8_t id[NV_SPAN_ID_BYTES])
{
    char hex[2 * NV_SPAN_ID_BYTES];

    nv_hex_encode(id, NV_SPAN_ID_BYTES, hex);
    nv_json_write_clean(json, (struct nv_str){hex, sizeof hex});
}

static void time_text(struct nv_json_writer *json, uint64_t ns)
{
    char text[NV_TIME_TEXT_SIZE];
    unsigned len = nv_time_format(ns, text);

    nv_json_write_clean(json, (struct nv_str){text, len});
}

/* Texts of times are cut to microseconds; the duration is of the times before that. */
static void times(struct nv_json_writer *json, uint64_t start_ns, uint64_t end_ns)
{
    static const char begin[] = "\"start_time\":\"", middle[] = "\",\"end_time\":\"",
                      end[] = "\",\"duration_ms\":";
    char text[sizeof begin + sizeof middle + sizeof end + 2 * NV_TIME_TEXT_SIZE];
    char *at = text;

    assert(end_ns >= start_ns);
    memcpy(at, begin, sizeof begin - 1);
    at += sizeof begin - 1;
    at += nv_time_format(start_ns, at);
    memcpy(at, middle, sizeof middle - 1);
    at += sizeof middle - 1;
    at += nv_time_format(end_ns, at);
    memcpy(at, end, sizeof end - 1);
    at += sizeof end - 1;
    nv_json_write_known_key(json, (struct nv_str){text, (size_t)(at - text)});
    nv_json_write_double(json, (double)(end_ns - start_ns) / 1e6);
}

/* The mapping has made these three of what was told; OTLP's own status stands in `otel`. */
static void status(struct nv_json_writer *json, enum nv_status value, struct nv_str message)
{
#define STATUS(text) NV_STR_INIT("\"status\":\"" text "\",\"status_message\":")
    static const struct nv_str members[] = {[NV_STATUS_OK] = STATUS("ok"),
                                            [NV_STATUS_ERROR] = STATUS("error"),
                                            [NV_STATUS_TIMEOUT] = STATUS("timeout")};
#undef STATUS

    assert((size_t)value < sizeof members / sizeof *members);
    nv_json_write_known_key(json, members[value]);
    string_or_null(json, message);
}

/* Name of an open enum: names[value], or the number as text. */
static void open_enum(struct nv_json_writer *json, int32_t value, const char *const *names,
                      size_t count)
{
    char number[16];

    if (value >= 0 && (size_t)value < count) {
        nv_json_write_clean(json, nv_str_from(names[value]));
        return;
    }
    (void)snprintf(number, sizeof number, "%d", (int)value);
    nv_json_write_string(json, nv_str_from(number));
}

/* How many of `count` are written. */
static uint32_t kept_of(const struct nv_json_writer *json, uint32_t count)
{
    return json->items_max > 0 && count > json->items_max ? json->items_max : count;
}

static void events(struct nv_json_writer *json, const struct nv_span *span)
{
    uint32_t kept = kept_of(json, span->event_count);

    KEY(json, "events");
    nv_json_write_begin_array(json);
    for (uint32_t i = 0; i < kept; i++) {
        const struct nv_event *event = &span->events[i];

        nv_json_write_begin_object(json);
        KEY(json, "name");
        nv_json_write_string(json, event->name);
        KEY(json, "timestamp");
        time_text(json, event->time_ns);
        KEY(json, "attributes");
        nv_attributes_write(json, &event->attributes);
        nv_json_write_end_object(json);
    }
    nv_json_write_end_array(json);
}

static void links(struct encoder *e, const struct nv_span *span)
{
    struct nv_json_writer *json = &e->json;

    uint32_t kept = kept_of(json, span->link_count);

    KEY(json, "links");
    nv_json_write_begin_array(json);
    for (uint32_t i = 0; i < kept; i++) {
        const struct nv_link *link = &span->links[i];
        char id[NV_TRACE_ID_TEXT_MAX];

        nv_json_write_begin_object(json);
        KEY(json, "trace_id");
        nv_json_write_clean(json, (struct nv_str){id, id_text(link->trace_id, e->form, id)});
        KEY(json, "span_id");
        span_id(json, link->span_id);
        KEY(json, "attributes");
        nv_attributes_write(json, &link->attributes);
        nv_json_write_end_object(json);
    }
    nv_json_write_end_array(json);
}

static void exception(struct nv_json_writer *json, const struct nv_span *span)
{
    if (!span->has_exception)
        return;
    KEY(json, "exception");
    nv_json_write_begin_object(json);
    KEY(json, "type");
    nv_json_write_string(json, span->exception_type);
    KEY(json, "message");
    nv_json_write_string(json, span->exception_message);
    KEY(json, "stack_trace");
    string_or_null(json, span->exception_stacktrace);
    nv_json_write_end_object(json);
}

/* Status and the key of the name. */
static void otel_status(struct nv_json_writer *json, const struct nv_span *span)
{
    static const char *const codes[] = {"UNSET", "OK", "ERROR"};
    static const struct nv_str plain[] = {
        NV_STR_INIT("\"status\":{\"code\":\"UNSET\"},\"name\":"),
        NV_STR_INIT("\"status\":{\"code\":\"OK\"},\"name\":")};

    if (span->status_code >= 0 && (size_t)span->status_code < NV_STATUS_CODE_ERROR) {
        nv_json_write_known_key(json, plain[span->status_code]);
        return;
    }
    KEY(json, "status");
    nv_json_write_begin_object(json);
    KEY(json, "code");
    open_enum(json, span->status_code, codes, sizeof codes / sizeof *codes);
    if (span->status_code == NV_STATUS_CODE_ERROR && span->source_status_message.len > 0) {
        KEY(json, "message");
        nv_json_write_string(json, span->source_status_message);
    }
    nv_json_write_end_object(json);
    KEY(json, "name");
}

static void scope(struct nv_json_writer *json, const void *ctx)
{
    const struct nv_origin *origin = ctx;

    nv_json_write_begin_object(json);
    KEY(json, "name");
    nv_json_write_string(json, origin->scope_name);
    KEY(json, "version");
    nv_json_write_string(json, origin->scope_version);
    if (origin->scope_attributes.count > 0) {
        KEY(json, "attributes");
        nv_attributes_write(json, &origin->scope_attributes);
    }
    nv_json_write_end_object(json);
}

struct two_resources {
    const struct nv_attributes *own, *common;
    struct common_index *index;
};

/* The trace's attribute of that key. Past few, they are found by an index, which is made then;
 * without memory for it they are searched. */
static const struct nv_value *common_value(const struct two_resources *two, struct nv_str key)
{
    struct nv_value *found = NULL;
    if (two->common->count > NV_KEY_INDEX_MIN && !two->index->arena)
        two->index->arena = nv_arena_new(NV_CAP_RECORD);
    if (!two->index->arena || nv_key_index_find(&two->index->keys, two->index->arena,
                                                two->common, key, &found) != NV_OK)
        return nv_attributes_get(two->common, key);
    return found;
}

/* Those attributes of a span's resource that the trace's has not, or has otherwise. */
static void resource_difference(struct nv_json_writer *json, const void *ctx)
{
    const struct two_resources *two = ctx;
    bool open = false;

    for (uint32_t i = 0; i < two->own->count; i++) {
        const struct nv_attribute *attribute = &two->own->items[i];
        const struct nv_value *other = common_value(two, attribute->key);

        if (other && nv_value_eq(other, &attribute->value))
            continue;
        if (!open)
            nv_json_write_begin_object(json);
        open = true;
        nv_json_write_key(json, attribute->key);
        nv_value_write(json, &attribute->value);
    }
    if (open)
        nv_json_write_end_object(json);
}

/* Scope and, where it is not the trace's, resource of a span: made once for all that share
 * them. */
static void origin(struct encoder *e, const struct nv_origin *own)
{
    const struct nv_origin *common = e->trace->origin;

    if (!own)
        return;
    nv_repeats_write(&e->scopes, &e->json, own, scope, own);
    if (!common || own->resource.count == 0 || own->resource.items == common->resource.items)
        return;
    const struct two_resources two = {&own->resource, &common->resource, &e->common};
    nv_repeats_write(&e->resources, &e->json, own->resource.items, resource_difference, &two);
}

/* Zeros are by far the most, and say what a missing member says. */
static void count_if(struct nv_json_writer *json, struct nv_str key, uint32_t count)
{
    if (count == 0)
        return;
    nv_json_write_key(json, key);
    nv_json_write_uint(json, count);
}

/* Facts that only a few spans have: left out when empty. */
static void otel_rest(struct encoder *e, const struct nv_span *span)
{
    struct nv_json_writer *json = &e->json;

    origin(e, span->origin);
    if (span->trace_state.len > 0) {
        KEY(json, "trace_state");
        nv_json_write_string(json, span->trace_state);
    }
    count_if(json, NV_STR("dropped_attributes_count"), span->dropped_attributes);
    count_if(json, NV_STR("dropped_events_count"), span->dropped_events);
    count_if(json, NV_STR("dropped_links_count"), span->dropped_links);
    count_if(json, NV_STR("cut_events_count"),
             span->event_count - kept_of(json, span->event_count));
    count_if(json, NV_STR("cut_links_count"),
             span->link_count - kept_of(json, span->link_count));
}

static void span_otel(struct encoder *e, const struct nv_span *span)
{
    /* UNSPECIFIED may be taken as INTERNAL (OTLP trace.proto, SpanKind). */
    static const char *const kinds[] = {"INTERNAL", "INTERNAL", "SERVER",
                                        "CLIENT",   "PRODUCER", "CONSUMER"};
    struct nv_json_writer *json = &e->json;

    nv_json_write_begin_object(json);
    /* ids that were given anew (two spans of one id) keep those that their source knows them
     * by */
    const struct nv_source_ids *source = span->source_ids;
    const uint8_t *id = source ? source->span_id : span->span_id;
    const uint8_t *parent = source ? source->parent_id : span->parent_id;
    if (source ? source->has_parent : span->has_parent) {
        nv_id_members_write(&e->otel_ids, json, id, parent);
    } else {
        KEY(json, "trace_id");
        nv_json_write_clean(json, (struct nv_str){e->source_id, sizeof e->source_id});
        KEY(json, "span_id");
        span_id(json, id);
        nv_json_write_known_key(json, NV_STR("\"parent_span_id\":null,\"kind\":"));
    }
    open_enum(json, span->kind, kinds, sizeof kinds / sizeof *kinds);
    otel_status(json, span);
    nv_json_write_string(json, span->source_name);
    otel_rest(e, span);
    nv_json_write_end_object(json);
}

static void span_object(struct encoder *e, const struct nv_span *span)
{
    struct nv_json_writer *json = &e->json;

    nv_json_write_begin_object(json);
    if (span->has_parent) {
        nv_id_members_write(&e->span_ids, json, span->span_id, span->parent_id);
    } else {
        KEY(json, "span_id");
        span_id(json, span->span_id);
        KEY(json, "trace_id");
        nv_json_write_clean(json, (struct nv_str){e->id, e->id_len});
        nv_json_write_known_key(json, NV_STR("\"parent_span_id\":null,\"name\":"));
    }
    nv_json_write_string(json, span->name);
    times(json, span->start_ns, span->end_ns);
    status(json, span->status, span->status_message);
    KEY(json, "attributes");
    nv_attributes_write(json, &span->attributes);
    if (span->event_count == 0 && span->link_count == 0 && !span->has_exception) {
        nv_json_write_known_key(json, NV_STR("\"events\":[],\"links\":[],\"otel\":"));
    } else {
        events(json, span);
        links(e, span);
        exception(json, span);
        KEY(json, "otel");
    }
    span_otel(e, span);
    nv_json_write_end_object(json);
}

/* All members always, null where unknown: the backend's model has them, and its SDK sends
 * them. */
static void metadata(struct nv_json_writer *json, const struct nv_trace *trace)
{
    KEY(json, "metadata");
    nv_json_write_begin_object(json);
    KEY(json, "user_id");
    string_or_null(json, trace->user_id);
    KEY(json, "session_id");
    string_or_null(json, trace->session_id);
    KEY(json, "request_id");
    string_or_null(json, trace->request_id);
    KEY(json, "tags");
    nv_attributes_write(json, &trace->tags);
    KEY(json, "custom_attributes");
    nv_attributes_write(json, &trace->custom_attributes);
    nv_json_write_end_object(json);
}

/* Before the spans, so that whoever reads the front of a large body knows whose it is; the stub
 * gives a status of its own. */
static void trace_head(struct encoder *e, struct nv_str message, enum nv_status value)
{
    struct nv_json_writer *json = &e->json;
    const struct nv_trace *trace = e->trace;

    KEY(json, "trace_id");
    nv_json_write_clean(json, (struct nv_str){e->id, e->id_len});
    KEY(json, "name");
    nv_json_write_string(json, trace->name);
    times(json, trace->start_ns, trace->end_ns);
    status(json, value, message);
    KEY(json, "span_count");
    nv_json_write_uint(json, trace->span_count);
    KEY(json, "error_count");
    nv_json_write_uint(json, trace->error_count);
}

static void sdk(struct nv_json_writer *json)
{
    KEY(json, "sdk");
    nv_json_write_begin_object(json);
    KEY(json, "name");
    nv_json_write_string(json, NV_STR("noveum-otel-gateway"));
    KEY(json, "version");
    nv_json_write_string(json, NV_STR(NOVEUM_VERSION));
    nv_json_write_end_object(json);
}

static void trace_tail(struct encoder *e, bool with_resource)
{
    static const struct nv_attributes none;
    struct nv_json_writer *json = &e->json;
    const struct nv_trace *trace = e->trace;
    bool resource = with_resource && trace->origin != NULL;

    KEY(json, "events");
    nv_json_write_begin_array(json);
    nv_json_write_end_array(json);
    sdk(json);
    if (trace->service_version.len > 0) {
        KEY(json, "service_version");
        nv_json_write_string(json, trace->service_version);
    }
    KEY(json, "project");
    nv_json_write_string(json, trace->project);
    KEY(json, "environment");
    nv_json_write_string(json, trace->environment);
    KEY(json, "schema_version");
    nv_json_write_string(json, NV_STR("2.0"));
    KEY(json, "otel");
    nv_json_write_begin_object(json);
    KEY(json, "trace_id");
    nv_json_write_clean(json, (struct nv_str){e->source_id, sizeof e->source_id});
    KEY(json, "resource");
    nv_attributes_write(json, resource ? &trace->origin->resource : &none);
    nv_repeats_write_list(&e->resources, json);
    nv_repeats_write_list(&e->scopes, json);
    nv_json_write_end_object(json);
}

/* For each try anew: what was repeated in a try that did not fit is not repeated in the next
 * one. */
static void encoder_init(struct encoder *e, struct nv_buf *buf, const struct nv_trace *trace,
                         enum nv_trace_id_form form)
{
    e->common = (struct common_index){.arena = NULL};
    e->form = form;
    e->trace = trace;
    nv_json_write_init(&e->json, buf);
    memset(e->seen.used, 0, sizeof e->seen.used);
    e->json.seen = &e->seen;
    memset(e->maps.used, 0, sizeof e->maps.used);
    e->json.maps = &e->maps;
    nv_repeats_init(&e->scopes, NV_STR("scope"), NV_STR("scope_ref"), NV_STR("scopes"));
    nv_repeats_init(&e->resources, NV_STR("resource"), NV_STR("resource_ref"),
                    NV_STR("resources"));
    e->id_len = id_text(trace->trace_id, form, e->id);
    nv_hex_encode(trace->source_trace_id, NV_TRACE_ID_BYTES, e->source_id);
    nv_id_members_init_span(&e->span_ids, (struct nv_str){e->id, e->id_len});
    nv_id_members_init_otel(&e->otel_ids, (struct nv_str){e->source_id, sizeof e->source_id});
}

static void trace_attributes(struct nv_json_writer *json, const struct nv_trace *trace)
{
    char text[80];

    KEY(json, "attributes");
    nv_json_write_begin_object(json);
    nv_attributes_write_members(json, &trace->attributes);
    if (json->text_max > 0) {
        int len = snprintf(text, sizeof text, "texts to %zu bytes, lists to %" PRIu32 " items",
                           json->text_max, json->items_max);
        KEY(json, "noveum.gateway.cut");
        nv_json_write_string(json, (struct nv_str){text, (size_t)len});
    }
    nv_json_write_end_object(json);
}

/* One try. What was written stands in the buffer in any case; the caller takes it back. */
static enum nv_err encode_cut(struct nv_buf *buf, const struct nv_trace *trace,
                              enum nv_trace_id_form form, const struct cut *cut)
{
    struct encoder e;
    struct nv_json_writer *json = &e.json;

    encoder_init(&e, buf, trace, form);
    json->text_max = cut->text_max;
    json->items_max = cut->items_max;
    nv_json_write_begin_object(json);
    trace_head(&e, trace->status_message, trace->status);
    trace_attributes(json, trace);
    metadata(json, trace);
    KEY(json, "spans");
    nv_json_write_begin_array(json);
    /* A full buffer ignores writes; stopping early saves walking the rest of a huge trace. */
    for (uint32_t i = 0; i < trace->span_count && buf->failed == NV_OK; i++)
        span_object(&e, &trace->spans[i]);
    nv_json_write_end_array(json);
    trace_tail(&e, true);
    nv_json_write_end_object(json);
    nv_repeats_release(&e.scopes);
    nv_repeats_release(&e.resources);
    nv_arena_free(e.common.arena);
    return buf->failed;
}

enum nv_err nv_encode_trace(struct nv_buf *buf, const struct nv_trace *trace,
                            enum nv_trace_id_form form)
{
    size_t len = buf->len;
    enum nv_err err = NV_ERR_LIMIT;

    assert(trace->name.len > 0);
    if (buf->failed != NV_OK)
        return buf->failed;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts && err == NV_ERR_LIMIT; i++) {
        buf->len = len;
        buf->failed = NV_OK;
        err = encode_cut(buf, trace, form, &cuts[i]);
    }
    return err;
}

/* A trace that can't be sent still has its place at the backend: who looks for it finds an
 * error that says why, and not nothing. */
enum nv_err nv_encode_stub(struct nv_buf *buf, const struct nv_trace *trace,
                           enum nv_trace_id_form form, const char *reason)
{
    static const struct nv_attributes none;
    struct encoder e;
    struct nv_json_writer *json = &e.json;

    encoder_init(&e, buf, trace, form);
    nv_json_write_begin_object(json);
    trace_head(&e, nv_str_from(reason), NV_STATUS_ERROR);
    KEY(json, "attributes");
    nv_attributes_write(json, &none);
    KEY(json, "spans");
    nv_json_write_begin_array(json);
    nv_json_write_end_array(json);
    trace_tail(&e, false);
    nv_json_write_end_object(json);
    return buf->failed;
}
