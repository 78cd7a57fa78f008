/*
 * The doctor's questions, each with a bound: who does not answer the first is asked no more.
 *
 *   topics ──▶ settings ──▶ the newest messages: keys, timestamps
 *
 * The newest ones, a few of each partition: what is written now is what is wrong or right,
 * and a topic that was keyed wrongly last week may be in order since.
 */
#include "kafka/probe.h"

#ifdef NOVEUM_KAFKA
#include "base/text/text.h"
#include "kafka/scan.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

#define ASK_MS 1500
#define SAMPLE_MS 1000
#define SAMPLE_MESSAGES 64
#define SAMPLE_BYTES (4u << 20)
#define SAMPLE_TAIL 8

/* Is it the trace id of something in the message? The walk over its fields is another stage's;
 * sixteen bytes of an id are in no text by chance. */
static bool is_keyed(const rd_kafka_message_t *message)
{
    uint8_t id[NV_TRACE_ID_BYTES];
    struct nv_str key = {message->key, message->key_len};
    return key.ptr && nv_hex_decode(key, id, sizeof id) == NV_OK &&
           memmem(message->payload, message->len, id, sizeof id);
}

struct sampling {
    const struct nv_rd *rd;
    struct nv_kafka_probe *out;
};

static bool sample(void *ctx, const rd_kafka_message_t *message)
{
    const struct sampling *sampling = ctx;
    struct nv_kafka_probe *out = sampling->out;
    int64_t stamp_ms = sampling->rd->message_timestamp(message, NULL);
    uint64_t stamp_ns = stamp_ms > 0 ? (uint64_t)stamp_ms * NV_NS_PER_MS : 0;
    out->sampled++;
    out->not_keyed += !is_keyed(message);
    if (stamp_ns > out->newest_ns)
        out->newest_ns = stamp_ns;
    return true;
}

static void ask_topics(const struct nv_kafka_owner *owner, rd_kafka_t *handle,
                       struct nv_kafka_probe *out)
{
    const char *names[NV_KAFKA_USES];
    struct nv_kafka_settings settings[NV_KAFKA_USES];
    for (size_t i = 0; i < out->topic_count; i++) {
        struct nv_kafka_probe_topic *topic = &out->topics[i];
        names[i] = topic->name;
        topic->err = nv_kafka_partitions(owner, handle, topic->name, ASK_MS, &topic->partitions,
                                         topic->why);
        if (topic->err == NV_ERR_TIMEOUT) {
            out->err = nv_fail_set(&out->fail, NV_ERR_TIMEOUT, 0, "%s", topic->why);
            return;
        }
    }
    nv_kafka_settings_ask(owner, handle, names, out->topic_count, settings);
    for (size_t i = 0; i < out->topic_count; i++)
        out->topics[i].settings = settings[i];
}

void nv_kafka_probe_run(const struct nv_kafka_config *config, bool assembles,
                        struct nv_kafka_probe *out)
{
    const char *const names[NV_KAFKA_USES] = {config->traces_topic, config->logs_topic,
                                              config->delivered_topic, config->dead_topic};
    struct nv_kafka_owner owner = {.config = config};
    struct sampling sampling = {.out = out};
    struct nv_kafka_scan_result result;
    rd_kafka_t *handle = NULL;
    *out =
        (struct nv_kafka_probe){.topic_count = assembles ? NV_KAFKA_USES : NV_KAFKA_LOGS + 1};
    for (size_t i = 0; i < out->topic_count; i++)
        out->topics[i].name = names[i];
    out->err = nv_rd_load(&owner.rd, &out->fail);
    if (out->err == NV_OK)
        out->err = nv_kafka_scanner_new(&owner, "noveum-gateway-doctor", &handle, &out->fail);
    if (out->err != NV_OK)
        return;
    ask_topics(&owner, handle, out);
    sampling.rd = owner.rd;
    const struct nv_kafka_scan scan = {.topic = config->traces_topic,
                                       .partition = -1,
                                       .partitions =
                                           (int32_t)out->topics[NV_KAFKA_SPANS].partitions,
                                       .tail = SAMPLE_TAIL,
                                       .caps = {SAMPLE_MESSAGES, SAMPLE_BYTES, SAMPLE_MS},
                                       .visit = sample,
                                       .visit_ctx = &sampling};
    if (out->err == NV_OK && scan.partitions > 0)
        (void)!nv_kafka_scan_run(&owner, handle, &scan, &result);
    nv_kafka_scanner_free(&owner, handle);
}

#else
#include "base/banned.h"

void nv_kafka_probe_run(const struct nv_kafka_config *config, bool assembles,
                        struct nv_kafka_probe *out)
{
    (void)config;
    (void)assembles;
    *out = (struct nv_kafka_probe){0};
    out->err = nv_fail_set(&out->fail, NV_ERR_CONFIG, 0,
                           "this role needs Kafka, and this program was built without "
                           "librdkafka");
}
#endif
