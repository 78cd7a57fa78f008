/*
 * One message a trace: nothing is lost, nothing doubled, resources and scopes stay with their
 * items, limits are kept, the partition of a key is the Collector's.
 */
#include "bodies.h"
#include "expect.h"
#include "oom.h"
#include "otlp_build.h"

#include "kafka/split.h"
#include "model/otlp_fields.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define LIMIT 1000000

static struct nv_str id_of(unsigned char number, size_t len, char *to)
{
    memset(to, 0, len);
    to[0] = (char)number;
    to[len - 1] = 1;
    return (struct nv_str){to, len};
}

/* A request with a resource of its own for each of `traces`, each with `spans` spans that all
 * traces share the scopes of: span by span, trace after trace. */
static struct nv_batch *make_batch(unsigned traces, unsigned spans, size_t filler)
{
    struct nv_buf body;
    nv_buf_init(&body, 1u << 26);
    char *padding = calloc(1, filler + 1);
    memset(padding, 'x', filler);
    for (unsigned s = 0; s < spans; s++) {
        size_t resource = nv_wire_begin(&body, NV_OTLP_REQUEST_GROUPS);
        (void)nv_wire_put_bytes(&body, NV_OTLP_RESOURCE_GROUP_RESOURCE, NV_STR("\x10\x07"));
        size_t scope = nv_wire_begin(&body, NV_OTLP_RESOURCE_GROUP_SCOPES);
        (void)nv_wire_put_bytes(&body, NV_OTLP_SCOPE_GROUP_SCOPE, NV_STR("\x0a\x01s"));
        for (unsigned t = 0; t < traces; t++) {
            char trace_id[NV_TRACE_ID_BYTES];
            char span_id[NV_SPAN_ID_BYTES];
            size_t span = nv_wire_begin(&body, NV_OTLP_SCOPE_GROUP_ITEMS);
            (void)nv_wire_put_bytes(&body, NV_OTLP_SPAN_TRACE_ID,
                                    id_of((unsigned char)(t + 1), sizeof trace_id, trace_id));
            (void)nv_wire_put_bytes(&body, NV_OTLP_SPAN_ID,
                                    id_of((unsigned char)(s + 1), sizeof span_id, span_id));
            (void)nv_wire_put_bytes(&body, NV_OTLP_SPAN_NAME, (struct nv_str){padding, filler});
            (void)nv_wire_end(&body, span);
        }
        (void)nv_wire_put_bytes(&body, NV_OTLP_SCOPE_GROUP_SCHEMA_URL, NV_STR("scope-url"));
        (void)nv_wire_end(&body, scope);
        (void)nv_wire_put_bytes(&body, NV_OTLP_RESOURCE_GROUP_SCHEMA_URL, NV_STR("res-url"));
        (void)nv_wire_end(&body, resource);
    }
    struct nv_test_decoded decoded =
        nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, nv_buf_str(&body));
    ck_assert_int_eq(decoded.err, NV_OK);
    nv_buf_release(&body);
    free(padding);
    return decoded.batch;
}

static struct nv_batch *decode_message(const struct nv_kafka_message *message,
                                       enum nv_signal signal)
{
    struct nv_test_decoded decoded = nv_test_decode(
        signal, NV_MEDIA_PROTOBUF, (struct nv_str){message->bytes, message->len});
    ck_assert_int_eq(decoded.err, NV_OK);
    return decoded.batch;
}

START_TEST(a_message_a_trace_with_all_that_is_around_its_spans)
{
    struct nv_batch *batch = make_batch(3, 2, 10);
    struct nv_kafka_messages messages;
    uint64_t unused = 7;
    ck_assert_int_eq(nv_kafka_split(batch, LIMIT, &messages, &unused), NV_OK);
    ck_assert_uint_eq(unused, 0);
    ck_assert_uint_eq(messages.count, 3);
    ck_assert(!messages.beside);
    size_t bytes = 0;
    for (size_t i = 0; i < messages.count; i++) {
        struct nv_batch *part = decode_message(&messages.items[i], NV_SIGNAL_TRACES);
        char key[64];
        (void)snprintf(key, sizeof key, "%02zx%028x01", i + 1, 0);
        ck_assert_mem_eq(messages.items[i].key, key, NV_KAFKA_KEY_BYTES);
        ck_assert_uint_eq(messages.items[i].spans, 2);
        ck_assert_uint_eq(part->item_count, 2);
        ck_assert_int_eq(part->items[0].span_id[0], 1);
        ck_assert_int_eq(part->items[1].span_id[0], 2);
        ck_assert_uint_eq(part->group_count, 2);
        ck_assert(nv_str_eq(part->groups[1].resource, NV_STR("\x10\x07")));
        ck_assert(nv_str_eq(part->groups[1].scope, NV_STR("\x0a\x01s")));
        ck_assert(nv_str_eq(part->groups[1].resource_schema_url, NV_STR("res-url")));
        ck_assert(nv_str_eq(part->groups[1].scope_schema_url, NV_STR("scope-url")));
        bytes += messages.items[i].len;
        nv_batch_free(part);
    }
    ck_assert_uint_eq(bytes, messages.bytes);
    nv_kafka_messages_release(&messages);
    nv_batch_free(batch);
}
END_TEST

START_TEST(a_trace_past_the_limit_goes_in_several_messages_and_none_is_larger)
{
    static const size_t limits[] = {700, 1500, 4000, 100000};
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        struct nv_batch *batch = make_batch(2, 20, 500);
        struct nv_kafka_messages messages;
        uint64_t unused = 0;
        uint32_t spans = 0;
        ck_assert_int_eq(nv_kafka_split(batch, limits[l], &messages, &unused), NV_OK);
        for (size_t i = 0; i < messages.count; i++) {
            struct nv_batch *part = decode_message(&messages.items[i], NV_SIGNAL_TRACES);
            ck_assert_uint_le(messages.items[i].len, limits[l]);
            ck_assert_uint_eq(part->item_count, messages.items[i].spans);
            spans += part->item_count;
            nv_batch_free(part);
        }
        ck_assert_uint_eq(spans, 40);
        ck_assert_uint_eq(messages.count, l == 0 ? 40 : l == 3 ? 2 : messages.count);
        nv_kafka_messages_release(&messages);
        nv_batch_free(batch);
    }
}
END_TEST

START_TEST(an_empty_request_is_no_message)
{
    struct nv_batch *batch = make_batch(0, 0, 0);
    struct nv_kafka_messages messages;
    uint64_t unused = 0;
    ck_assert_int_eq(nv_kafka_split(batch, LIMIT, &messages, &unused), NV_OK);
    ck_assert_uint_eq(messages.count, 0);
    nv_kafka_messages_release(&messages);
    nv_batch_free(batch);
}
END_TEST

/* Every captured request: the items of all messages are those of the request, by their bytes. */
static void compare_body(void *ctx, const struct nv_test_body *body)
{
    unsigned *seen = ctx;
    enum nv_signal signal = body->logs ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES;
    struct nv_test_decoded decoded =
        nv_test_decode(signal, body->json ? NV_MEDIA_JSON : NV_MEDIA_PROTOBUF, body->bytes);
    struct nv_kafka_messages messages;
    uint64_t unused = 0;
    uint64_t items = 0;
    ck_assert_int_eq(decoded.err, NV_OK);
    ck_assert_int_eq(nv_kafka_split(decoded.batch, LIMIT, &messages, &unused), NV_OK);
    for (size_t i = 0; i < messages.count; i++) {
        struct nv_batch *part = decode_message(&messages.items[i], signal);
        for (uint32_t k = 0; k < part->item_count; k++) {
            bool found = false;
            for (uint32_t n = 0; n < decoded.batch->item_count && !found; n++) {
                const struct nv_item *item = &decoded.batch->items[n];
                found = part->items[k].length == item->length &&
                        memcmp(part->body + part->items[k].offset,
                               decoded.batch->body + item->offset, item->length) == 0;
            }
            ck_assert_msg(found, "%s", body->path);
        }
        items += messages.beside ? 0 : part->item_count;
        nv_batch_free(part);
    }
    if (!messages.beside)
        ck_assert_msg(items + unused == decoded.batch->item_count, "%s", body->path);
    ++*seen;
    nv_kafka_messages_release(&messages);
    nv_batch_free(decoded.batch);
}

START_TEST(nothing_of_what_real_exporters_sent_is_lost)
{
    unsigned seen = 0;
    ck_assert_uint_gt(nv_test_each_body(compare_body, &seen), 0);
    ck_assert_uint_gt(seen, 10);
}
END_TEST

START_TEST(without_memory_nothing_is_made)
{
    struct nv_batch *batch = make_batch(6, 2, 10);
    for (unsigned long n = 1;; n++) {
        struct nv_kafka_messages messages;
        uint64_t unused = 0;
        oom_fail_nth(n);
        enum nv_err err = nv_kafka_split(batch, LIMIT, &messages, &unused);
        bool failed = oom_end();
        if (!failed) {
            ck_assert_int_eq(err, NV_OK);
            ck_assert_uint_eq(messages.count, 6);
            nv_kafka_messages_release(&messages);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert_uint_eq(messages.count, 0);
    }
    nv_batch_free(batch);
}
END_TEST

/* The order, the list of messages, and the bytes of each. */
START_TEST(a_message_is_allocated_once)
{
    struct nv_batch *batch = make_batch(3, 40, 100);
    struct nv_kafka_messages messages;
    uint64_t unused = 0;
    oom_count_only();
    enum nv_err err = nv_kafka_split(batch, LIMIT, &messages, &unused);
    unsigned long allocations = oom_count();
    (void)oom_end();
    ck_assert_int_eq(err, NV_OK);
    ck_assert_uint_eq(messages.count, 3);
    ck_assert_uint_eq(allocations, 2 + messages.count);
    nv_kafka_messages_release(&messages);
    nv_batch_free(batch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kafka/split");
    TCase *tcase = tcase_create("split");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_message_a_trace_with_all_that_is_around_its_spans);
    tcase_add_test(tcase, a_trace_past_the_limit_goes_in_several_messages_and_none_is_larger);
    tcase_add_test(tcase, an_empty_request_is_no_message);
    tcase_add_test(tcase, nothing_of_what_real_exporters_sent_is_lost);
    tcase_add_test(tcase, without_memory_nothing_is_made);
    tcase_add_test(tcase, a_message_is_allocated_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
