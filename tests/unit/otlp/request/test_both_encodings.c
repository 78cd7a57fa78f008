/*
 * A request in JSON and the same in protobuf are one request: random ones, every field of OTLP
 * filled in or left out.
 *
 *   one draw ─┬─▶ JSON ─────▶ decode ─▶ batch ─┐
 *             ├─▶ protobuf ─▶ decode ─▶ batch ─┼─▶ equal: bytes of the body, items, groups
 *             └─▶ JSON with its members in another order ─▶ items and groups are the same
 *
 * The seed of what differs is told. What either encoding says beyond this (names of enums,
 * escapes, null) stands in test_transcode.c.
 */
#include "chance.h"
#include "expect.h"
#include "model/otlp_fields.h"
#include "otlp_build.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define ROUNDS 400
#define TEXT_MAX ((size_t)8 << 20)
#define DEPTH_MAX 4

/* Both texts as they grow. */
static struct nv_buf json, wire;
static uint64_t state;
static bool reversed; /* members of JSON stand last to first */

static uint32_t draw(uint32_t end)
{
    return chance_below(&state, end);
}

/* ---- members ----------------------------------------------------------------------------- */

/*
 * Members of one message. With `reversed` each is put before those that were there, so that the
 * order differs on every level and each member stays whole.
 */
struct message {
    size_t json_at; /* behind its '{' */
    size_t count;
};

static struct message open_message(void)
{
    (void)nv_buf_append_char(&json, '{');
    return (struct message){.json_at = json.len};
}

static void close_message(void)
{
    (void)nv_buf_append_char(&json, '}');
}

/* Begins a member: where its text begins. */
static size_t member(struct message *message, const char *name)
{
    const size_t at = json.len;
    if (message->count++ > 0 && !reversed)
        (void)nv_buf_append_char(&json, ',');
    (void)nv_buf_printf(&json, "\"%s\":", name);
    return at;
}

/* Ends a member that began at `at`. */
static void member_ends(const struct message *message, size_t at)
{
    if (!reversed || message->count == 1)
        return;
    const size_t len = json.len - at;
    char *copy = malloc(len);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, json.bytes + at, len);
    ck_assert_int_eq(nv_buf_append_char(&json, ','), NV_OK);
    memmove(json.bytes + message->json_at + len + 1, json.bytes + message->json_at,
            at - message->json_at);
    memcpy(json.bytes + message->json_at, copy, len);
    json.bytes[message->json_at + len] = ',';
    free(copy);
}

/* ---- values of fields -------------------------------------------------------------------- */

static void put_text(struct message *message, const char *name, uint32_t number,
                     const char *text)
{
    if (*text == '\0')
        return; /* the default: the transcoder writes none, nor do we */
    const size_t at = member(message, name);
    (void)nv_buf_printf(&json, "\"%s\"", text);
    member_ends(message, at);
    (void)nv_wire_put_bytes(&wire, number, nv_str_from(text));
}

static void put_id(struct message *message, const char *name, uint32_t number, size_t len)
{
    uint8_t id[NV_TRACE_ID_BYTES];
    const size_t at = member(message, name);
    (void)nv_buf_append_char(&json, '"');
    for (size_t i = 0; i < len; i++) {
        id[i] = (uint8_t)(1 + draw(255));
        (void)nv_buf_printf(&json, draw(2) ? "%02x" : "%02X", id[i]);
    }
    (void)nv_buf_append_char(&json, '"');
    member_ends(message, at);
    (void)nv_wire_put_bytes(&wire, number, (struct nv_str){(const char *)id, len});
}

/* A number as JSON writes 32 bits. */
static void put_small(struct message *message, const char *name, uint32_t number,
                      uint32_t value)
{
    if (value == 0)
        return;
    const size_t at = member(message, name);
    (void)nv_buf_printf(&json, draw(2) ? "%" PRIu32 : "\"%" PRIu32 "\"", value);
    member_ends(message, at);
    (void)nv_wire_put_uint(&wire, number, value);
}

static void put_flags(struct message *message, const char *name, uint32_t number,
                      uint32_t value)
{
    if (value == 0)
        return;
    const size_t at = member(message, name);
    (void)nv_buf_printf(&json, "%" PRIu32, value);
    member_ends(message, at);
    (void)nv_wire_put_fixed32(&wire, number, value);
}

static void put_time(struct message *message, const char *name, uint32_t number, uint64_t value)
{
    if (value == 0)
        return;
    const size_t at = member(message, name);
    (void)nv_buf_printf(&json, "\"%" PRIu64 "\"", value);
    member_ends(message, at);
    (void)nv_wire_put_fixed64(&wire, number, value);
}

static const char *draw_text(void)
{
    static const char *const texts[] = {
        "",
        "a",
        "chat gpt-4o",
        "日本語 テキスト",
        "naïve café",
        "{'role': 'user'}",
        "a text of more than a hundred and twenty-eight bytes, so that its length takes two "
        "bytes in protobuf, as does that of all that it stands in; and on it goes"};
    return texts[draw(sizeof texts / sizeof *texts)];
}

/* ---- AnyValue ---------------------------------------------------------------------------- */

static void put_any(unsigned depth);

static void put_list(struct message *message, unsigned depth)
{
    const size_t at = member(message, "arrayValue");
    struct message list = open_message();
    const size_t mark = nv_wire_begin(&wire, NV_OTLP_ANY_ARRAY);
    const uint32_t count = draw(4);
    if (count > 0) {
        const size_t values = member(&list, "values");
        (void)nv_buf_append_char(&json, '[');
        for (uint32_t i = 0; i < count; i++) {
            if (i > 0)
                (void)nv_buf_append_char(&json, ',');
            const size_t value = nv_wire_begin(&wire, NV_OTLP_LIST_VALUES);
            put_any(depth + 1);
            (void)nv_wire_end(&wire, value);
        }
        (void)nv_buf_append_char(&json, ']');
        member_ends(&list, values);
    }
    close_message();
    (void)nv_wire_end(&wire, mark);
    member_ends(message, at);
}

static void put_attributes(struct message *message, const char *name, uint32_t number,
                           unsigned depth);

static void put_map(struct message *message, unsigned depth)
{
    const size_t at = member(message, "kvlistValue");
    struct message list = open_message();
    const size_t mark = nv_wire_begin(&wire, NV_OTLP_ANY_KVLIST);
    put_attributes(&list, "values", NV_OTLP_LIST_VALUES, depth + 1);
    close_message();
    (void)nv_wire_end(&wire, mark);
    member_ends(message, at);
}

/* A value that is set is written though it is the default: it is one of several. */
static void put_scalar(struct message *any, uint32_t kind)
{
    static const int64_t ints[] = {0, 1, -1, 300, INT64_MAX, INT64_MIN};
    static const double doubles[] = {0, 0.5, -3.25, 1e300};
    size_t at;
    if (kind == 0) {
        const char *text = draw_text();
        at = member(any, "stringValue");
        (void)nv_buf_printf(&json, "\"%s\"", text);
        (void)nv_wire_put_bytes(&wire, NV_OTLP_ANY_STRING, nv_str_from(text));
    } else if (kind == 1) {
        const bool yes = draw(2);
        at = member(any, "boolValue");
        (void)nv_buf_printf(&json, "%s", yes ? "true" : "false");
        (void)nv_wire_put_uint(&wire, NV_OTLP_ANY_BOOL, yes);
    } else if (kind == 2) {
        const int64_t value = ints[draw(6)];
        at = member(any, "intValue");
        (void)nv_buf_printf(&json, draw(2) ? "\"%" PRId64 "\"" : "%" PRId64, value);
        (void)nv_wire_put_uint(&wire, NV_OTLP_ANY_INT, (uint64_t)value);
    } else if (kind == 3) {
        const double value = doubles[draw(4)];
        at = member(any, "doubleValue");
        (void)nv_buf_printf(&json, "%.17g", value);
        (void)nv_wire_put_double(&wire, NV_OTLP_ANY_DOUBLE, value);
    } else {
        at = member(any, "bytesValue");
        (void)nv_buf_append_str(&json, NV_STR("\"AAECAw==\""));
        (void)nv_wire_put_bytes(&wire, NV_OTLP_ANY_BYTES,
                                (struct nv_str){"\x00\x01\x02\x03", 4});
    }
    member_ends(any, at);
}

static void put_any(unsigned depth)
{
    struct message any = open_message();
    const uint32_t kind = draw(depth < DEPTH_MAX ? 8 : 5);
    if (kind < 5)
        put_scalar(&any, kind);
    else if (kind == 5)
        put_list(&any, depth);
    else if (kind == 6)
        put_map(&any, depth);
    close_message(); /* 7: a value that is not set */
}

static void put_pair(uint32_t i, unsigned depth)
{
    char key[32];
    (void)snprintf(key, sizeof key, "app.key.%" PRIu32, i);
    struct message pair = open_message();
    put_text(&pair, "key", NV_OTLP_PAIR_KEY, key);
    const size_t at = member(&pair, "value");
    const size_t mark = nv_wire_begin(&wire, NV_OTLP_PAIR_VALUE);
    put_any(depth);
    (void)nv_wire_end(&wire, mark);
    member_ends(&pair, at);
    close_message();
}

static void put_attributes(struct message *message, const char *name, uint32_t number,
                           unsigned depth)
{
    const uint32_t count = draw(4);
    if (count == 0)
        return;
    const size_t at = member(message, name);
    (void)nv_buf_append_char(&json, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            (void)nv_buf_append_char(&json, ',');
        const size_t mark = nv_wire_begin(&wire, number);
        put_pair(i, depth);
        (void)nv_wire_end(&wire, mark);
    }
    (void)nv_buf_append_char(&json, ']');
    member_ends(message, at);
}

/* ---- messages ---------------------------------------------------------------------------- */

typedef void put_members(struct message *message);

/* A list of `count` messages; nothing when there are none. */
static void put_messages(struct message *message, const char *name, uint32_t number,
                         uint32_t count, put_members *put)
{
    if (count == 0)
        return;
    const size_t at = member(message, name);
    (void)nv_buf_append_char(&json, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            (void)nv_buf_append_char(&json, ',');
        struct message one = open_message();
        const size_t mark = nv_wire_begin(&wire, number);
        put(&one);
        (void)nv_wire_end(&wire, mark);
        close_message();
    }
    (void)nv_buf_append_char(&json, ']');
    member_ends(message, at);
}

/* One message, not in a list. */
static void put_message(struct message *message, const char *name, uint32_t number,
                        put_members *put)
{
    const size_t at = member(message, name);
    struct message one = open_message();
    const size_t mark = nv_wire_begin(&wire, number);
    put(&one);
    (void)nv_wire_end(&wire, mark);
    close_message();
    member_ends(message, at);
}

static void put_event(struct message *event)
{
    put_time(event, "timeUnixNano", NV_OTLP_EVENT_TIME, chance(&state) >> draw(64));
    put_text(event, "name", NV_OTLP_EVENT_NAME, draw_text());
    put_attributes(event, "attributes", NV_OTLP_EVENT_ATTRIBUTES, 0);
    put_small(event, "droppedAttributesCount", NV_OTLP_EVENT_DROPPED_ATTRIBUTES, draw(3));
}

static void put_link(struct message *link)
{
    put_id(link, "traceId", NV_OTLP_LINK_TRACE_ID, NV_TRACE_ID_BYTES);
    put_id(link, "spanId", NV_OTLP_LINK_SPAN_ID, NV_SPAN_ID_BYTES);
    put_text(link, "traceState", NV_OTLP_LINK_TRACE_STATE, draw(2) ? "a=b" : "");
    put_attributes(link, "attributes", NV_OTLP_LINK_ATTRIBUTES, 0);
    put_flags(link, "flags", NV_OTLP_LINK_FLAGS, draw(2) ? 0x301 : 0);
}

static void put_status(struct message *status)
{
    put_text(status, "message", NV_OTLP_STATUS_MESSAGE, draw_text());
    put_small(status, "code", NV_OTLP_STATUS_CODE, draw(3));
}

static void put_span(struct message *span)
{
    static const uint32_t flags[] = {0, 1, 0x100, 0x300, 0x301};
    put_id(span, "traceId", NV_OTLP_SPAN_TRACE_ID, NV_TRACE_ID_BYTES);
    put_id(span, "spanId", NV_OTLP_SPAN_ID, NV_SPAN_ID_BYTES);
    put_text(span, "traceState", NV_OTLP_SPAN_TRACE_STATE, draw(3) ? "" : "vendor=1");
    if (draw(2))
        put_id(span, "parentSpanId", NV_OTLP_SPAN_PARENT_ID, NV_SPAN_ID_BYTES);
    put_text(span, "name", NV_OTLP_SPAN_NAME, draw_text());
    put_small(span, "kind", NV_OTLP_SPAN_KIND, draw(6));
    put_time(span, "startTimeUnixNano", NV_OTLP_SPAN_START, chance(&state) >> draw(64));
    put_time(span, "endTimeUnixNano", NV_OTLP_SPAN_END, chance(&state) >> draw(64));
    put_attributes(span, "attributes", NV_OTLP_SPAN_ATTRIBUTES, 0);
    put_small(span, "droppedAttributesCount", NV_OTLP_SPAN_DROPPED_ATTRIBUTES, draw(3));
    put_messages(span, "events", NV_OTLP_SPAN_EVENTS, draw(3), put_event);
    put_small(span, "droppedEventsCount", NV_OTLP_SPAN_DROPPED_EVENTS, draw(3));
    put_messages(span, "links", NV_OTLP_SPAN_LINKS, draw(3), put_link);
    put_small(span, "droppedLinksCount", NV_OTLP_SPAN_DROPPED_LINKS, draw(3));
    if (draw(2))
        put_message(span, "status", NV_OTLP_SPAN_STATUS, put_status);
    put_flags(span, "flags", NV_OTLP_SPAN_FLAGS, flags[draw(5)]);
}

static void put_record(struct message *record)
{
    put_time(record, "timeUnixNano", NV_OTLP_LOG_TIME, chance(&state) >> draw(64));
    put_small(record, "severityNumber", NV_OTLP_LOG_SEVERITY, draw(25));
    put_text(record, "severityText", NV_OTLP_LOG_SEVERITY_TEXT, draw_text());
    if (draw(2)) {
        const size_t at = member(record, "body");
        const size_t mark = nv_wire_begin(&wire, NV_OTLP_LOG_BODY);
        put_any(0);
        (void)nv_wire_end(&wire, mark);
        member_ends(record, at);
    }
    put_attributes(record, "attributes", NV_OTLP_LOG_ATTRIBUTES, 0);
    put_flags(record, "flags", NV_OTLP_LOG_FLAGS, draw(2));
    if (draw(2)) {
        put_id(record, "traceId", NV_OTLP_LOG_TRACE_ID, NV_TRACE_ID_BYTES);
        put_id(record, "spanId", NV_OTLP_LOG_SPAN_ID, NV_SPAN_ID_BYTES);
    }
    put_time(record, "observedTimeUnixNano", NV_OTLP_LOG_OBSERVED_TIME,
             chance(&state) >> draw(64));
    put_text(record, "eventName", NV_OTLP_LOG_EVENT_NAME, draw(2) ? "an.event" : "");
}

static void put_scope(struct message *scope)
{
    put_text(scope, "name", NV_OTLP_SCOPE_NAME, draw_text());
    put_text(scope, "version", NV_OTLP_SCOPE_VERSION, draw(2) ? "1.2.3" : "");
    put_attributes(scope, "attributes", NV_OTLP_SCOPE_ATTRIBUTES, 0);
}

static void put_span_scope(struct message *group)
{
    if (draw(4))
        put_message(group, "scope", NV_OTLP_SCOPE_GROUP_SCOPE, put_scope);
    put_messages(group, "spans", NV_OTLP_SCOPE_GROUP_ITEMS, draw(5), put_span);
    put_text(group, "schemaUrl", NV_OTLP_SCOPE_GROUP_SCHEMA_URL, draw(2) ? "https://a/1" : "");
}

static void put_log_scope(struct message *group)
{
    if (draw(4))
        put_message(group, "scope", NV_OTLP_SCOPE_GROUP_SCOPE, put_scope);
    put_messages(group, "logRecords", NV_OTLP_SCOPE_GROUP_ITEMS, draw(5), put_record);
    put_text(group, "schemaUrl", NV_OTLP_SCOPE_GROUP_SCHEMA_URL, draw(2) ? "https://a/1" : "");
}

/* Its service's name among other attributes, or none. */
static void put_resource(struct message *resource)
{
    put_attributes(resource, "attributes", NV_OTLP_RESOURCE_ATTRIBUTES, 0);
    put_small(resource, "droppedAttributesCount", NV_OTLP_RESOURCE_DROPPED_ATTRIBUTES, draw(3));
}

static void put_resource_group(struct message *group, const char *scopes, put_members *put)
{
    if (draw(4)) {
        put_message(group, "resource", NV_OTLP_RESOURCE_GROUP_RESOURCE, put_resource);
    }
    put_messages(group, scopes, NV_OTLP_RESOURCE_GROUP_SCOPES, 1 + draw(3), put);
    put_text(group, "schemaUrl", NV_OTLP_RESOURCE_GROUP_SCHEMA_URL,
             draw(2) ? "https://a/2" : "");
}

static void put_span_resource(struct message *group)
{
    put_resource_group(group, "scopeSpans", put_span_scope);
}

static void put_log_resource(struct message *group)
{
    put_resource_group(group, "scopeLogs", put_log_scope);
}

static void make(enum nv_signal signal, uint64_t seed, bool backwards)
{
    state = seed;
    reversed = backwards;
    nv_buf_clear(&json);
    nv_buf_clear(&wire);
    struct message request = open_message();
    const uint32_t count = 1 + draw(3);
    if (signal == NV_SIGNAL_TRACES) {
        put_messages(&request, "resourceSpans", NV_OTLP_REQUEST_GROUPS, count,
                     put_span_resource);
    } else {
        put_messages(&request, "resourceLogs", NV_OTLP_REQUEST_GROUPS, count, put_log_resource);
    }
    close_message();
    ck_assert_int_eq(json.failed, NV_OK);
    ck_assert_int_eq(wire.failed, NV_OK);
}

/* ---- what is the same -------------------------------------------------------------------- */

static void check_items(const struct nv_batch *a, const struct nv_batch *b, uint64_t seed)
{
    ck_assert_msg(a->item_count == b->item_count, "seed %" PRIu64 ": %u items, %u", seed,
                  a->item_count, b->item_count);
    for (uint32_t i = 0; i < a->item_count; i++) {
        const struct nv_item *x = &a->items[i];
        const struct nv_item *y = &b->items[i];
        const bool same = memcmp(x->trace_id, y->trace_id, sizeof x->trace_id) == 0 &&
                          memcmp(x->span_id, y->span_id, sizeof x->span_id) == 0 &&
                          memcmp(x->parent_id, y->parent_id, sizeof x->parent_id) == 0 &&
                          x->group == y->group && x->flags == y->flags &&
                          x->start_ns == y->start_ns && x->end_ns == y->end_ns &&
                          x->length == y->length;
        ck_assert_msg(same, "seed %" PRIu64 ": item %u differs", seed, i);
    }
}

static void check_groups(const struct nv_batch *a, const struct nv_batch *b, uint64_t seed)
{
    ck_assert_msg(a->group_count == b->group_count, "seed %" PRIu64 ": groups", seed);
    for (uint32_t i = 0; i < a->group_count; i++) {
        const struct nv_group *x = &a->groups[i];
        const struct nv_group *y = &b->groups[i];
        const bool same = x->resource.len == y->resource.len && x->scope.len == y->scope.len &&
                          nv_str_eq(x->resource_schema_url, y->resource_schema_url) &&
                          nv_str_eq(x->scope_schema_url, y->scope_schema_url) &&
                          nv_str_eq(x->service_name, y->service_name);
        ck_assert_msg(same, "seed %" PRIu64 ": group %u differs", seed, i);
    }
}

static struct nv_test_decoded decoded(enum nv_signal signal, enum nv_media media, uint64_t seed)
{
    struct nv_test_decoded d =
        nv_test_decode(signal, media, nv_buf_str(media == NV_MEDIA_JSON ? &json : &wire));
    ck_assert_msg(d.err == NV_OK, "seed %" PRIu64 ": %s", seed, d.fail.what);
    return d;
}

static void check_one(enum nv_signal signal, uint64_t seed)
{
    make(signal, seed, false);
    struct nv_test_decoded a = decoded(signal, NV_MEDIA_PROTOBUF, seed);
    struct nv_test_decoded b = decoded(signal, NV_MEDIA_JSON, seed);
    ck_assert_msg(nv_str_eq((struct nv_str){a.batch->body, a.batch->body_len},
                            (struct nv_str){b.batch->body, b.batch->body_len}),
                  "seed %" PRIu64 ": the bodies differ", seed);
    check_items(a.batch, b.batch, seed);
    check_groups(a.batch, b.batch, seed);
    const size_t len = json.len;
    const uint64_t forwards = nv_str_hash(nv_buf_str(&json));
    make(signal, seed, true);
    ck_assert_uint_eq(json.len, len);
    ck_assert(a.batch->item_count == 0 || nv_str_hash(nv_buf_str(&json)) != forwards);
    struct nv_test_decoded c = decoded(signal, NV_MEDIA_JSON, seed);
    check_items(a.batch, c.batch, seed);
    check_groups(a.batch, c.batch, seed);
    ck_assert_uint_eq(a.batch->body_len, c.batch->body_len);
    nv_batch_free(a.batch);
    nv_batch_free(b.batch);
    nv_batch_free(c.batch);
}

START_TEST(json_is_protobuf)
{
    nv_buf_init(&json, TEXT_MAX);
    nv_buf_init(&wire, TEXT_MAX);
    for (uint64_t seed = 1; seed <= ROUNDS; seed++)
        check_one(_i == 0 ? NV_SIGNAL_TRACES : NV_SIGNAL_LOGS, seed);
    nv_buf_release(&json);
    nv_buf_release(&wire);
}
END_TEST

/* Cut anywhere it is refused, or, at the seam of two resources, a request that has no item that
 * the whole had not. */
START_TEST(a_part_of_it_is_no_other_request)
{
    nv_buf_init(&json, TEXT_MAX);
    nv_buf_init(&wire, TEXT_MAX);
    for (uint64_t seed = 1; seed <= 12; seed++) {
        make(NV_SIGNAL_TRACES, seed, false);
        struct nv_test_decoded whole = decoded(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, seed);
        for (size_t len = 0; len < wire.len; len++) {
            struct nv_test_decoded part = nv_test_decode(
                NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, nv_str_slice(nv_buf_str(&wire), 0, len));
            const uint32_t items = part.batch ? part.batch->item_count : 0;
            ck_assert(part.err == NV_OK || items == 0);
            ck_assert_uint_le(items, whole.batch->item_count);
            for (uint32_t i = 0; i < items; i++) {
                ck_assert_mem_eq(part.batch->items[i].span_id, whole.batch->items[i].span_id,
                                 NV_SPAN_ID_BYTES);
            }
            nv_batch_free(part.batch);
        }
        for (size_t len = 0; len < json.len; len += 1 + len / 64) {
            struct nv_test_decoded part = nv_test_decode(
                NV_SIGNAL_TRACES, NV_MEDIA_JSON, nv_str_slice(nv_buf_str(&json), 0, len));
            ck_assert_int_ne(part.err, NV_OK);
            ck_assert_ptr_null(part.batch);
        }
        nv_batch_free(whole.batch);
    }
    nv_buf_release(&json);
    nv_buf_release(&wire);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/both_encodings");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, json_is_protobuf, 0, 2);
    tcase_add_test(tcase, a_part_of_it_is_no_other_request);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
