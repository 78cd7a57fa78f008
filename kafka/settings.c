/*
 * Settings of topics: asked for by librdkafka's admin calls, judged without them.
 *
 *   brokers ──DescribeConfigs──▶ name, value ──▶ settings ──▶ judged by what the topic is for
 */
#include "kafka/settings.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/* ---- judged ------------------------------------------------------------------------------ */

const char *nv_kafka_use_option(enum nv_kafka_use use)
{
    static const char *const options[NV_KAFKA_USES] = {
        "kafka.traces_topic", "kafka.logs_topic", "kafka.delivered_topic", "kafka.dead_topic"};
    return options[use];
}

/* Is `word` one of a list with commas? */
static bool has_word(struct nv_str list, struct nv_str word)
{
    while (list.len > 0) {
        size_t comma = nv_str_find_char(list, ',');
        struct nv_str one = nv_str_trim(nv_str_slice(list, 0, comma));
        if (nv_str_eq(one, word))
            return true;
        list = nv_str_slice(list, comma < list.len ? comma + 1 : list.len, list.len);
    }
    return false;
}

void nv_kafka_settings_take(struct nv_kafka_settings *settings, const char *name,
                            const char *value)
{
    struct nv_str text = nv_str_from(value ? value : "");
    int64_t number = -1;
    if (strcmp(name, "cleanup.policy") == 0) {
        settings->compacts = has_word(text, NV_STR("compact"));
        settings->deletes = has_word(text, NV_STR("delete"));
    } else if (strcmp(name, "retention.ms") == 0) {
        settings->retention_ms = nv_str_to_int64(text, &number) == NV_OK ? number : -1;
    } else if (strcmp(name, "max.message.bytes") == 0) {
        settings->message_bytes = nv_str_to_int64(text, &number) == NV_OK ? number : -1;
    }
}

enum nv_err nv_kafka_settings_judge(const struct nv_kafka_settings *settings,
                                    enum nv_kafka_use use, const char *topic,
                                    uint64_t max_wait_ms, struct nv_fail *fail)
{
    const bool log = use == NV_KAFKA_SPANS || use == NV_KAFKA_LOGS;
    if (!settings->known || use == NV_KAFKA_DEAD)
        return NV_OK;
    (void)snprintf(fail->path, sizeof fail->path, "%s", nv_kafka_use_option(use));
    if (log && settings->compacts) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "topic \"%.32s\": cleanup.policy=compact destroys traces, it "
                           "keeps one message of each; set delete",
                           topic);
    }
    if (use == NV_KAFKA_DELIVERED && !settings->compacts) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "topic \"%.32s\" is not compacted; set "
                           "cleanup.policy=compact,delete",
                           topic);
    }
    /* what is compacted and not deleted has no end */
    if (settings->deletes && settings->retention_ms >= 0 &&
        (uint64_t)settings->retention_ms < max_wait_ms) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "topic \"%.32s\": retention.ms=%" PRId64
                           " is shorter than assembly.max_wait_ms=%" PRIu64
                           "; raise it, or lower that",
                           topic, settings->retention_ms, max_wait_ms);
    }
    fail->path[0] = '\0';
    return NV_OK;
}

/* ---- asked ------------------------------------------------------------------------------- */

#ifdef NOVEUM_KAFKA
#define ASK_MS 2000
/* The answer to a question that ran out of time comes a moment after that. */
#define WAIT_MS 3000

static void set_unknown(struct nv_kafka_settings *out, size_t count, const char *why)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct nv_kafka_settings){.retention_ms = -1, .message_bytes = -1};
        (void)snprintf(out[i].why, sizeof out[i].why, "%s", why);
    }
}

static void read_one(const struct nv_rd *rd, const rd_kafka_ConfigResource_t *resource,
                     struct nv_kafka_settings *out)
{
    rd_kafka_resp_err_t code = rd->ConfigResource_error(resource);
    size_t count = 0;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        set_unknown(out, 1, rd->err2str(code));
        return;
    }
    const rd_kafka_ConfigEntry_t **entries = rd->ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        nv_kafka_settings_take(out, rd->ConfigEntry_name(entries[i]),
                               rd->ConfigEntry_value(entries[i]));
    }
    out->known = count > 0;
}

static void read_answer(const struct nv_rd *rd, rd_kafka_event_t *event,
                        const char *const *topics, size_t count, struct nv_kafka_settings *out)
{
    size_t answered = 0;
    if (rd->event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        set_unknown(out, count, rd->event_error_string(event));
        return;
    }
    const rd_kafka_ConfigResource_t **resources = rd->DescribeConfigs_result_resources(
        rd->event_DescribeConfigs_result(event), &answered);
    for (size_t i = 0; i < answered; i++) {
        for (size_t at = 0; at < count; at++) {
            if (strcmp(rd->ConfigResource_name(resources[i]), topics[at]) == 0)
                read_one(rd, resources[i], &out[at]);
        }
    }
}

/* The number of the broker that answers; -1: none does. */
static int32_t any_broker(const struct nv_rd *rd, rd_kafka_t *handle)
{
    const struct rd_kafka_metadata *data = NULL;
    int32_t broker = -1;
    if (rd->metadata(handle, 0, NULL, &data, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        broker = data->orig_broker_id;
        rd->metadata_destroy(data);
    }
    return broker;
}

/* Sends the question; its answer comes to `queue`. */
static void send_question(const struct nv_rd *rd, rd_kafka_t *handle, const char *const *topics,
                          size_t count, rd_kafka_queue_t *queue)
{
    rd_kafka_ConfigResource_t *asked[NV_KAFKA_USES];
    char text[96];
    rd_kafka_AdminOptions_t *options =
        rd->AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    (void)rd->AdminOptions_set_request_timeout(options, ASK_MS, text, sizeof text);
    /* any broker has it; without one named the cluster's controller is waited for */
    int32_t broker = any_broker(rd, handle);
    if (broker >= 0)
        (void)rd->AdminOptions_set_broker(options, broker, text, sizeof text);
    for (size_t i = 0; i < count; i++)
        asked[i] = rd->ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topics[i]);
    rd->DescribeConfigs(handle, asked, count, options, queue);
    for (size_t i = 0; i < count; i++)
        rd->ConfigResource_destroy(asked[i]);
    rd->AdminOptions_destroy(options);
}

void nv_kafka_settings_ask(const struct nv_kafka_owner *owner, rd_kafka_t *handle,
                           const char *const *topics, size_t count,
                           struct nv_kafka_settings *out)
{
    const struct nv_rd *rd = owner->rd;
    assert(count > 0 && count <= NV_KAFKA_USES);
    set_unknown(out, count, "no answer");
    rd_kafka_queue_t *queue = rd->queue_new(handle);
    send_question(rd, handle, topics, count, queue);
    rd_kafka_event_t *event = rd->queue_poll(queue, WAIT_MS);
    if (event) {
        read_answer(rd, event, topics, count, out);
        rd->event_destroy(event);
    }
    rd->queue_destroy(queue);
}
#endif
