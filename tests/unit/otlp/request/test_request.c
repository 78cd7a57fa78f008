/*
 * Whole requests, from bytes to batch: every captured body against protobuf-c, and bodies
 * broken at every byte.
 */
#include "otlp/request/request.h"

#include "bodies.h"
#include "expect.h"
#include "oom.h"
#include "otlp_build.h"
#include "otlp_oracle.h"
#include "tests/otlp.pb-c.h"

#include <stdlib.h>

#include "base/banned.h"

/* ---- captured bodies --------------------------------------------------------------------- */

struct items_seen {
    const struct nv_batch *batch;
    uint32_t next;
    const char *path;
};

static bool id_is(ProtobufCBinaryData have, const uint8_t *want, size_t len)
{
    static const uint8_t zero[NV_TRACE_ID_BYTES];
    return have.len == len ? memcmp(have.data, want, len) == 0 : memcmp(want, zero, len) == 0;
}

static void check_item(void *ctx, const ProtobufCMessage *message)
{
    struct items_seen *seen = ctx;
    ck_assert_uint_lt(seen->next, seen->batch->item_count);
    const struct nv_item *item = &seen->batch->items[seen->next++];
    if (message->descriptor == &otlp__span__descriptor) {
        const Otlp__Span *span = (const Otlp__Span *)(const void *)message;
        ck_assert_msg(id_is(span->trace_id, item->trace_id, 16), "%s: trace id", seen->path);
        ck_assert_msg(id_is(span->span_id, item->span_id, 8), "%s: span id", seen->path);
        ck_assert_msg(id_is(span->parent_span_id, item->parent_id, 8), "%s: parent",
                      seen->path);
        ck_assert_uint_eq(span->start_time_unix_nano, item->start_ns);
        ck_assert_uint_eq(span->end_time_unix_nano, item->end_ns);
        bool error = span->status != NULL && span->status->code == 2;
        ck_assert_int_eq(error, (item->flags & NV_ITEM_ERROR) != 0);
    } else {
        const Otlp__LogRecord *record = (const Otlp__LogRecord *)(const void *)message;
        ck_assert_msg(id_is(record->trace_id, item->trace_id, 16), "%s: trace id", seen->path);
        ck_assert_msg(id_is(record->span_id, item->span_id, 8), "%s: span id", seen->path);
    }
    Otlp__Span *alone = NULL; /* the bytes the item points at are the message */
    const uint8_t *bytes = (const uint8_t *)seen->batch->body + item->offset;
    alone = (Otlp__Span *)(void *)protobuf_c_message_unpack(message->descriptor, NULL,
                                                            item->length, bytes);
    ck_assert_ptr_nonnull(alone);
    ck_assert_uint_eq(protobuf_c_message_get_packed_size(message),
                      protobuf_c_message_get_packed_size(&alone->base));
    protobuf_c_message_free_unpacked(&alone->base, NULL);
}

static void check_json(const struct nv_test_body *body, const ProtobufCMessage *message)
{
    char why[256] = "";
    json_error_t error;
    json_t *json =
        json_loadb(body->bytes.ptr, body->bytes.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    if (!json) { /* lone surrogates: jansson refuses them */
        ck_assert_msg(strstr(error.text, "surrogate") != NULL ||
                          strstr(error.text, "invalid Unicode") != NULL ||
                          strstr(error.text, "too big integer") != NULL,
                      "%s: %s", body->path, error.text);
        return;
    }
    ck_assert_msg(nv_test_same_as_json(message, json, why, sizeof why), "%s: %s", body->path,
                  why);
    json_decref(json);
}

/* What coding agents sent is filed under other ids, or twice: test_filing.c. */
static bool has_filed(const struct nv_batch *batch)
{
    uint32_t flags = 0;
    for (uint32_t i = 0; i < batch->item_count; i++)
        flags |= batch->items[i].flags;
    return (flags & (NV_ITEM_RECORD | NV_ITEM_MARK)) != 0;
}

static void check_body(void *ctx, const struct nv_test_body *body)
{
    enum nv_signal signal = body->logs ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES;
    struct nv_test_decoded d =
        nv_test_decode(signal, body->json ? NV_MEDIA_JSON : NV_MEDIA_PROTOBUF, body->bytes);
    ck_assert_msg(d.err == NV_OK, "%s: %s at %s", body->path, d.fail.what, d.fail.path);
    ck_assert_msg(d.result.rejected == 0, "%s: %s", body->path, d.result.message);
    ProtobufCMessage *message =
        nv_test_unpack(signal, (struct nv_str){d.batch->body, d.batch->body_len});
    ck_assert_msg(message != NULL, "%s: protobuf-c refuses it", body->path);
    struct items_seen seen = {d.batch, 0, body->path};
    if (d.result.log_records_unused == 0 && !has_filed(d.batch)) {
        nv_test_each_item(message, check_item, &seen);
        ck_assert_uint_eq(seen.next, d.batch->item_count);
    }
    if (body->json)
        check_json(body, message);
    protobuf_c_message_free_unpacked(message, NULL);
    *(uint64_t *)ctx += d.result.accepted;
    nv_batch_free(d.batch);
}

START_TEST(fixtures_read_like_protobuf_c_reads_them)
{
    uint64_t items = 0;
    unsigned bodies = nv_test_each_body(check_body, &items);
    ck_assert_uint_ge(bodies, 300);
    ck_assert_uint_ge(items, 2500);
}
END_TEST

/* Protobuf written as JSON by the oracle and transcoded gives what protobuf-c would have
 * packed. */
static void check_round_trip(void *ctx, const struct nv_test_body *body)
{
    enum nv_signal signal = body->logs ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES;
    struct nv_buf packed, json;
    if (body->json)
        return;
    nv_buf_init(&packed, 64 << 20);
    nv_buf_init(&json, 64 << 20);
    ProtobufCMessage *message = nv_test_unpack(signal, body->bytes);
    ck_assert_ptr_nonnull(message);
    nv_test_pack(message, &packed);
    nv_test_to_json(message, &json);
    struct nv_test_decoded d = nv_test_decode(signal, NV_MEDIA_JSON, nv_buf_str(&json));
    ck_assert_msg(d.err == NV_OK, "%s: %s at %s", body->path, d.fail.what, d.fail.path);
    ck_assert_msg(
        nv_str_eq(nv_buf_str(&packed), (struct nv_str){d.batch->body, d.batch->body_len}),
        "%s: other bytes", body->path);
    nv_batch_free(d.batch);
    protobuf_c_message_free_unpacked(message, NULL);
    nv_buf_release(&packed);
    nv_buf_release(&json);
    ++*(unsigned *)ctx;
}

START_TEST(fixtures_survive_json_and_back)
{
    unsigned bodies = 0;
    (void)nv_test_each_body(check_round_trip, &bodies);
    ck_assert_uint_ge(bodies, 250);
}
END_TEST

/* ---- broken bodies ----------------------------------------------------------------------- */

/* A request with a bit of everything: ids, times, nested values, an event, a link, a status. */
static struct nv_test_message rich_request(void)
{
    struct nv_test_message span = nv_test_span(
        NV_TEST_TRACE_ID, NV_TEST_SPAN_ID,
        NV_STR("\x2a\x04name\x30\x03\x39\x01\0\0\0\0\0\0\0\x41\x02\0\0\0\0\0\0\0"
               "\x4a\x10\x0a\x01k\x12\x0b\x2a\x09\x0a\x03\x0a\x01v\x0a\x02\x18\x07"
               "\x5a\x0c\x09\x01\0\0\0\0\0\0\0\x12\x01"
               "e\x6a\x04\x0a\x02xy\x7a\x05\x12\x01m\x18\x02\x85\x01\x01\x01\0\0"));
    return nv_test_request(nv_test_view(&span));
}

static bool is_verdict(enum nv_err err)
{
    return err == NV_OK || nv_err_info(err)->http_status == 400;
}

START_TEST(D06_truncated_at_every_byte)
{
    struct nv_test_message request = rich_request();
    for (size_t len = 0; len <= request.len; len++) {
        struct nv_test_decoded d = nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF,
                                                  nv_str_slice(nv_test_view(&request), 0, len));
        bool whole = len == 0 || len == request.len; /* one field at the top: nothing between */
        ck_assert_msg(d.err == (whole ? NV_OK : NV_ERR_TRUNCATED), "%zu: %d", len, d.err);
        nv_batch_free(d.batch);
    }
}
END_TEST

/* Every byte of the span cut off while the lengths around it are right. */
START_TEST(D06_truncated_inside)
{
    struct nv_test_message request = rich_request();
    struct nv_test_decoded whole =
        nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, nv_test_view(&request));
    struct nv_str span = {whole.batch->body + whole.batch->items[0].offset,
                          whole.batch->items[0].length};
    for (size_t len = 0; len < span.len; len++) {
        struct nv_test_message cut = nv_test_request(nv_str_slice(span, 0, len));
        struct nv_test_decoded d =
            nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, nv_test_view(&cut));
        ProtobufCMessage *message = nv_test_unpack(NV_SIGNAL_TRACES, nv_test_view(&cut));
        ck_assert_msg((d.err == NV_OK) == (message != NULL), "%zu: %d", len, d.err);
        if (message)
            protobuf_c_message_free_unpacked(message, NULL);
        nv_batch_free(d.batch);
    }
    nv_batch_free(whole.batch);
}
END_TEST

START_TEST(every_byte_changed_to_every_value)
{
    struct nv_test_message request = rich_request();
    for (size_t at = 0; at < request.len; at++) {
        char before = request.bytes[at];
        for (unsigned value = 0; value < 256; value++) {
            request.bytes[at] = (char)value;
            struct nv_test_decoded d =
                nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, nv_test_view(&request));
            ck_assert_msg(is_verdict(d.err), "byte %zu = %u: %d", at, value, d.err);
            ck_assert(d.err == NV_OK || d.fail.what[0] != '\0');
            nv_batch_free(d.batch);
        }
        request.bytes[at] = before;
    }
}
END_TEST

START_TEST(json_with_every_byte_changed)
{
    static const char changes[] = {'\0', '"', '\\', '{',        '}',       '[', ']',
                                   ',',  ':', '0',  'a',        '-',       '.', 'e',
                                   ' ',  'n', 't',  (char)0xff, (char)0xc3};
    struct nv_test_message request = rich_request();
    ProtobufCMessage *message = nv_test_unpack(NV_SIGNAL_TRACES, nv_test_view(&request));
    struct nv_buf json;
    nv_buf_init(&json, 1 << 20);
    nv_test_to_json(message, &json);
    for (size_t at = 0; at < json.len; at++) {
        char before = json.bytes[at];
        for (size_t i = 0; i < sizeof changes; i++) {
            json.bytes[at] = changes[i];
            struct nv_test_decoded d =
                nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_JSON, nv_buf_str(&json));
            ck_assert_msg(is_verdict(d.err), "byte %zu = %d: %d", at, changes[i], d.err);
            nv_batch_free(d.batch);
        }
        json.bytes[at] = before;
    }
    protobuf_c_message_free_unpacked(message, NULL);
    nv_buf_release(&json);
}
END_TEST

START_TEST(D30_random_bytes)
{
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        char bytes[24];
        for (size_t n = 0; n < sizeof bytes; n += 8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            memcpy(bytes + n, &state, 8);
        }
        struct nv_test_decoded d = nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF,
                                                  (struct nv_str){bytes, state % 24});
        ck_assert(is_verdict(d.err));
        nv_batch_free(d.batch);
    }
}
END_TEST

/* ---- merging, memory, counting ----------------------------------------------------------- */

/* Concatenating two encodings of a singular message merges them; groups show the whole. */
START_TEST(D10_resource_and_scope_in_pieces)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message scope = {.len = 0}, rs = {.len = 0}, req = {.len = 0};
    nv_test_add(&scope, 1, NV_STR("\x0a\x01n"));
    nv_test_add(&scope, 2, nv_test_view(&span));
    nv_test_add(&scope, 1, NV_STR("\x12\x01v"));
    nv_test_add(&rs, 1, NV_STR("\x10\x01"));
    nv_test_add(&rs, 2, nv_test_view(&scope));
    nv_test_add(&rs, 1, NV_STR("\x0a\x13\x0a\x0cservice.name\x12\x03\x0a\x01s"));
    nv_test_add(&req, 1, nv_test_view(&rs));
    struct nv_test_decoded d =
        nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, nv_test_view(&req));
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_uint_eq(d.batch->item_count, 1);
    ck_assert_uint_eq(d.batch->group_count, 1);
    const struct nv_group *group = &d.batch->groups[0];
    ck_assert_nv_str_eq(group->scope, NV_STR("\x0a\x01n\x12\x01v"));
    ck_assert_nv_str_eq(group->resource,
                        NV_STR("\x10\x01\x0a\x13\x0a\x0cservice.name\x12\x03\x0a\x01s"));
    ck_assert_nv_str(group->service_name, "s");
    ck_assert_nv_str_eq(
        ((struct nv_str){d.batch->body + d.batch->items[0].offset, d.batch->items[0].length}),
        nv_test_view(&span));
    nv_batch_free(d.batch);
}
END_TEST

static enum nv_err decode_without_memory(struct nv_str bytes, enum nv_media media,
                                         unsigned long n)
{
    struct nv_request_result result;
    struct nv_batch *batch = NULL;
    char *copy = malloc(bytes.len);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes.ptr, bytes.len);
    oom_fail_nth(n);
    enum nv_err err =
        nv_request_decode(&(struct nv_request_body){NV_SIGNAL_TRACES, media, copy, bytes.len},
                          NULL, &result, &batch, NULL);
    bool failed = oom_end();
    nv_batch_free(batch);
    return failed ? err : NV_ERR_END;
}

START_TEST(out_of_memory)
{
    static const struct nv_str json = NV_STR_INIT(
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"trace\\u0049d\":"
        "\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"eee19b7ec3c1b174\"}]}]}]}");
    struct nv_test_message request = rich_request();
    enum nv_media media = _i == 0 ? NV_MEDIA_PROTOBUF : NV_MEDIA_JSON;
    unsigned long n = 1;
    for (;; n++) {
        enum nv_err err = decode_without_memory(
            media == NV_MEDIA_JSON ? json : nv_test_view(&request), media, n);
        if (err == NV_ERR_END)
            break;
        /* what only trims or reserves ahead may do without */
        ck_assert_msg(err == NV_ERR_NO_MEMORY || err == NV_OK, "%lu: %d", n, err);
    }
    ck_assert_uint_ge(n, 2); /* the batch, in whose block its items lie */
}
END_TEST

START_TEST(one_allocation_for_many_spans)
{
    struct nv_test_message request = rich_request();
    struct nv_buf many;
    nv_buf_init(&many, 64 << 20);
    for (int i = 0; i < 1000; i++)
        (void)nv_buf_append_str(&many, nv_test_view(&request));
    char *copy = malloc(many.len);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, many.bytes, many.len);
    struct nv_request_result result;
    struct nv_batch *batch;
    oom_count_only();
    enum nv_err err = nv_request_decode(
        &(struct nv_request_body){NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, copy, many.len}, NULL,
        &result, &batch, NULL);
    unsigned long allocations = oom_count();
    (void)oom_end();
    ck_assert_int_eq(err, NV_OK);
    ck_assert_uint_eq(batch->item_count, 1000);
    /* the batch; its items at once; its groups, doubled 6 times from 16 */
    ck_assert_uint_eq(allocations, 1 + 1 + 7);
    nv_batch_free(batch);
    nv_buf_release(&many);
}
END_TEST

/* A request of `count` spans of ids alone: the smallest there are. Malloc'ed. */
static struct nv_str request_of(size_t count)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message one = {.len = 0};
    nv_test_add(&one, 2, nv_test_view(&span));
    struct nv_buf spans, scopes, request;
    nv_buf_init(&spans, 128 << 20);
    nv_buf_init(&scopes, 128 << 20);
    nv_buf_init(&request, 128 << 20);
    for (size_t i = 0; i < count; i++)
        (void)nv_buf_append_str(&spans, nv_test_view(&one));
    (void)nv_wire_put_bytes(&scopes, 2, nv_buf_str(&spans));
    nv_buf_release(&spans);
    ck_assert_int_eq(nv_wire_put_bytes(&request, 1, nv_buf_str(&scopes)), NV_OK);
    nv_buf_release(&scopes);
    char *bytes;
    size_t len = nv_buf_take(&request, &bytes);
    return (struct nv_str){bytes, len};
}

/* What is configured may be less than the cap, never more; 0 is the cap itself. */
START_TEST(items_end_at_the_cap)
{
    static const struct {
        uint32_t configured;
        size_t over;
    } cases[] = {{0, 0}, {0, 1}, {UINT32_MAX, 1}};
    ck_assert_uint_eq(NV_REQUEST_ITEMS_MAX, 2000000);
    size_t over = cases[_i].over;
    struct nv_request_limits limits = {.items_max = cases[_i].configured};
    struct nv_str bytes = request_of(NV_REQUEST_ITEMS_MAX + over);
    struct nv_request_body body = {NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF,
                                   (char *)(uintptr_t)bytes.ptr, bytes.len};
    struct nv_request_result result;
    struct nv_batch *batch = NULL;
    enum nv_err err = nv_request_decode(&body, &limits, &result, &batch, NULL);
    ck_assert_int_eq(err, over ? NV_ERR_TOO_LARGE : NV_OK);
    ck_assert_uint_eq(batch ? batch->item_count : 0, over ? 0 : NV_REQUEST_ITEMS_MAX);
    nv_batch_free(batch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/request");
    TCase *tc = tcase_create("request");
    tcase_set_timeout(tc, 100);
    tcase_add_test(tc, fixtures_read_like_protobuf_c_reads_them);
    tcase_add_test(tc, fixtures_survive_json_and_back);
    tcase_add_test(tc, D06_truncated_at_every_byte);
    tcase_add_test(tc, D06_truncated_inside);
    tcase_add_test(tc, every_byte_changed_to_every_value);
    tcase_add_test(tc, json_with_every_byte_changed);
    tcase_add_test(tc, D30_random_bytes);
    tcase_add_test(tc, D10_resource_and_scope_in_pieces);
    tcase_add_loop_test(tc, out_of_memory, 0, 2);
    tcase_add_test(tc, one_allocation_for_many_spans);
    tcase_add_loop_test(tc, items_end_at_the_cap, 0, 3);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
