/*
 * The mock cluster and a reader of its topics.
 */
#include "kafka_kit.h"

#include "otlp_build.h"

#ifdef NOVEUM_KAFKA
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 20000
#define PARTITIONS_MAX 16

void nv_test_kafka_start(struct nv_test_kafka *kafka, int partitions)
{
    char why[256];
    *kafka = (struct nv_test_kafka){0};
    kafka->handle = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, why, sizeof why);
    ck_assert_ptr_nonnull(kafka->handle);
    kafka->cluster = rd_kafka_mock_cluster_new(kafka->handle, 1);
    ck_assert_ptr_nonnull(kafka->cluster);
    if (partitions > 0) {
        ck_assert_int_eq(rd_kafka_mock_topic_create(kafka->cluster, "spans", partitions, 1), 0);
        ck_assert_int_eq(rd_kafka_mock_topic_create(kafka->cluster, "logs", partitions, 1), 0);
    }
    kafka->config =
        (struct nv_kafka_config){.brokers = rd_kafka_mock_cluster_bootstraps(kafka->cluster),
                                 .traces_topic = "spans",
                                 .logs_topic = "logs",
                                 .compression = "none",
                                 .idempotence = true,
                                 .message_bytes_max = 1000000,
                                 .buffer_bytes = 1u << 26,
                                 .timeout_ms = 10000,
                                 .start_wait_ms = WAIT_MS};
}

void nv_test_kafka_stop(struct nv_test_kafka *kafka)
{
    rd_kafka_mock_cluster_destroy(kafka->cluster);
    rd_kafka_destroy(kafka->handle);
}

rd_kafka_t *nv_test_kafka_client(const struct nv_test_kafka *kafka,
                                 struct nv_kafka_owner *owner)
{
    static const char *const none[] = {NULL};
    struct nv_fail fail = {0};
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *handle = NULL;
    *owner = (struct nv_kafka_owner){.config = &kafka->config};
    ck_assert_int_eq(nv_rd_load(&owner->rd, &fail), NV_OK);
    ck_assert_int_eq(nv_kafka_conf_new(owner, none, &conf, &fail), NV_OK);
    ck_assert_int_eq(nv_kafka_client_new(owner, RD_KAFKA_PRODUCER, conf, &handle, &fail),
                     NV_OK);
    return handle;
}

struct nv_batch *nv_test_kafka_request(unsigned number, const char *project)
{
    char trace_id[NV_TRACE_ID_BYTES] = {(char)(number >> 8), (char)number, 1};
    struct nv_test_message span =
        nv_test_span((struct nv_str){trace_id, sizeof trace_id}, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message message = nv_test_request(nv_test_view(&span));
    struct nv_test_decoded decoded =
        nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, nv_test_view(&message));
    ck_assert_int_eq(decoded.err, NV_OK);
    if (project)
        decoded.batch->project = (struct nv_str){strdup(project), strlen(project)};
    return decoded.batch;
}

void nv_test_kafka_write(struct nv_test_kafka *kafka, const char *topic, int partition,
                         struct nv_str key, struct nv_str value)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", kafka->config.brokers, why, sizeof why);
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    /* the values by hand: librdkafka's macros for them are no C that clang takes as such */
    const rd_kafka_vu_t vus[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key.ptr, key.len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)value.ptr, value.len}},
    };
    ck_assert_ptr_null(rd_kafka_produceva(handle, vus, sizeof vus / sizeof vus[0]));
    ck_assert_int_eq(rd_kafka_flush(handle, WAIT_MS), 0);
    rd_kafka_destroy(handle);
}

int nv_test_kafka_partition(struct nv_str key, uint32_t partitions)
{
    uint32_t hash = 0x811c9dc5u;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 0x01000193u;
    return (int)((hash > INT32_MAX ? 0u - hash : hash) % partitions);
}

void nv_test_kafka_down(struct nv_test_kafka *kafka)
{
    ck_assert_int_eq(rd_kafka_mock_broker_set_down(kafka->cluster, 1), 0);
}

void nv_test_kafka_up(struct nv_test_kafka *kafka)
{
    ck_assert_int_eq(rd_kafka_mock_broker_set_up(kafka->cluster, 1), 0);
}

static void copy_header(const rd_kafka_headers_t *headers, const char *name, char *to,
                        size_t size)
{
    const void *value;
    size_t len;
    if (!headers ||
        rd_kafka_header_get_last(headers, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    ck_assert_uint_lt(len, size);
    memcpy(to, value, len);
}

static void keep(const rd_kafka_message_t *message, struct nv_test_record *out)
{
    char key_only[8] = "";
    rd_kafka_headers_t *headers = NULL;
    *out = (struct nv_test_record){.partition = message->partition,
                                   .offset = message->offset,
                                   .key_len = message->key_len,
                                   .len = message->len};
    ck_assert_uint_le(message->key_len, sizeof out->key);
    if (message->key_len > 0)
        memcpy(out->key, message->key, message->key_len);
    out->bytes = malloc(message->len + 1);
    ck_assert_ptr_nonnull(out->bytes);
    if (message->len > 0)
        memcpy(out->bytes, message->payload, message->len);
    (void)rd_kafka_message_headers(message, &headers);
    copy_header(headers, "x-noveum-project", out->project, sizeof out->project);
    copy_header(headers, "x-noveum-key-only", key_only, sizeof key_only);
    out->key_only = key_only[0] != '\0';
}

static int compare(const void *a, const void *b)
{
    const struct nv_test_record *left = a;
    const struct nv_test_record *right = b;
    if (left->partition != right->partition)
        return left->partition < right->partition ? -1 : 1;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

struct nv_test_record *nv_test_kafka_read(struct nv_test_kafka *kafka, const char *topic,
                                          size_t count)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct nv_test_record *records = calloc(count + 1, sizeof *records);
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", kafka->config.brokers, why, sizeof why);
    (void)rd_kafka_conf_set(conf, "group.id", "kit", why, sizeof why);
    (void)rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", why, sizeof why);
    rd_kafka_t *reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(PARTITIONS_MAX);
    const struct rd_kafka_metadata *data = NULL;
    rd_kafka_topic_t *of = rd_kafka_topic_new(reader, topic, NULL);
    ck_assert_int_eq(rd_kafka_metadata(reader, 0, of, &data, WAIT_MS), 0);
    for (int i = 0; i < data->topics[0].partition_cnt; i++)
        rd_kafka_topic_partition_list_add(all, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    ck_assert_int_eq(rd_kafka_assign(reader, all), 0);
    for (size_t i = 0; i < count;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, WAIT_MS);
        ck_assert_ptr_nonnull(message);
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            keep(message, &records[i++]);
        rd_kafka_message_destroy(message);
    }
    rd_kafka_metadata_destroy(data);
    rd_kafka_topic_destroy(of);
    rd_kafka_topic_partition_list_destroy(all);
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
    qsort(records, count, sizeof *records, compare);
    return records;
}

void nv_test_records_free(struct nv_test_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(records[i].bytes);
    free(records);
}
#endif
