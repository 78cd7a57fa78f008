/*
 * Topics, asked for at the start and again when brokers come back.
 *
 * Brokers that were just started do not know their topics for a moment, and one that makes a
 * topic when it is asked for it answers first that there is none: so both are waited for.
 */
#include "kafka/topics.h"

#ifdef NOVEUM_KAFKA
#include "base/log/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

#define ASK_MS 1000
/* Between two questions. */
#define PAUSE_MS 100

/* How they are set, once they are there. */
static enum nv_err check_settings(const struct nv_kafka_owner *owner, rd_kafka_t *handle,
                                  const struct nv_kafka_topics *topics, struct nv_fail *fail)
{
    struct nv_kafka_settings settings[NV_KAFKA_USES];
    const int64_t own_bytes = (int64_t)owner->config->message_bytes_max;
    nv_kafka_settings_ask(owner, handle, topics->names, topics->count, settings);
    for (size_t i = 0; i < topics->count; i++) {
        if (!settings[i].known) {
            NV_LOG(NV_LOG_WARN, "kafka",
                   "the brokers do not say how topic \"%s\" is set, so cleanup.policy and "
                   "retention are not checked: %s",
                   topics->names[i], settings[i].why);
            continue;
        }
        enum nv_err err =
            nv_kafka_settings_judge(&settings[i], (enum nv_kafka_use)i, topics->names[i],
                                    owner->config->max_wait_ms, fail);
        if (err != NV_OK)
            return err;
        if (settings[i].message_bytes >= 0 && settings[i].message_bytes < own_bytes) {
            NV_LOG(NV_LOG_WARN, "kafka",
                   "topic \"%s\" has max.message.bytes=%" PRId64
                   ", less than kafka.max_message_bytes=%" PRId64
                   ": messages that do not compress below it are refused",
                   topics->names[i], settings[i].message_bytes, own_bytes);
        }
    }
    return NV_OK;
}

enum nv_err nv_kafka_topics_ask(const struct nv_kafka_owner *owner, rd_kafka_t *handle,
                                const struct nv_kafka_topics *topics, uint64_t *partitions,
                                struct nv_fail *fail)
{
    assert(topics->keyed > 0 && topics->keyed <= topics->count);
    for (size_t i = 0; i < topics->count; i++) {
        char why[NV_KAFKA_WHY_SIZE];
        uint64_t count = 0;
        (void)snprintf(fail->path, sizeof fail->path, "%s",
                       nv_kafka_use_option((enum nv_kafka_use)i));
        enum nv_err err =
            nv_kafka_partitions(owner, handle, topics->names[i], ASK_MS, &count, why);
        if (err != NV_OK) {
            return nv_fail_set(fail, err, 0, "topic \"%.32s\": %s%s", topics->names[i], why,
                               err == NV_ERR_NOT_FOUND ? "; make it first" : "");
        }
        if (i == 0)
            *partitions = count;
        if (i < topics->keyed && count != *partitions) {
            return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                               "\"%.32s\" has %" PRIu64 " partitions, \"%.32s\" %" PRIu64
                               ": %s must have as many",
                               topics->names[0], *partitions, topics->names[i], count,
                               topics->keyed == 2 ? "both" : "all topics");
        }
    }
    fail->path[0] = '\0';
    return check_settings(owner, handle, topics, fail);
}

enum nv_err nv_kafka_topics_wait(const struct nv_kafka_owner *owner, rd_kafka_t *handle,
                                 rd_kafka_t *polled, const struct nv_kafka_topics *topics,
                                 uint64_t *partitions, struct nv_fail *fail)
{
    uint64_t until_ns =
        nv_clock_mono_ns(nv_clock_system()) + owner->config->start_wait_ms * NV_NS_PER_MS;
    enum nv_err err;
    do {
        *fail = (struct nv_fail){0};
        err = nv_kafka_topics_ask(owner, handle, topics, partitions, fail);
        if (err == NV_OK || err == NV_ERR_CONFIG)
            return err;
        (void)owner->rd->poll(polled, PAUSE_MS);
    } while (nv_clock_mono_ns(nv_clock_system()) < until_ns);
    if (err == NV_ERR_NOT_FOUND)
        fail->code = err = NV_ERR_CONFIG;
    return err;
}
#endif
