/*
 * Kafka, for the roles that speak to it: brokers, topics and their settings, and by the newest
 * messages whether keys are trace ids and clocks agree.
 */
#include "gateway/doctor/checks.h"

#include "gateway/stages_kafka.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

#define SUBJECT "kafka"
/* A message that is stamped later than now by more than this: a clock is wrong. */
#define AHEAD_NS (5 * NV_NS_PER_S)
#define MS_PER_HOUR 3600000

static void add_topic(const struct nv_kafka_probe_topic *topic, enum nv_kafka_use use,
                      const struct nv_kafka_config *config, struct nv_findings *out)
{
    const struct nv_kafka_settings *set = &topic->settings;
    struct nv_fail fail = {0};
    char kept[48] = "kept for good";
    if (topic->err != NV_OK) {
        nv_finding_add(out, NV_FINDING_BAD, SUBJECT,
                       "make the topic (docs/scale.md has the commands), or mend its name",
                       "%s \"%.100s\": %s", nv_kafka_use_option(use), topic->name, topic->why);
        return;
    }
    if (!set->known) {
        nv_finding_add(out, NV_FINDING_NOTE, SUBJECT,
                       "look at its retention and cleanup.policy by other means",
                       "\"%.100s\" has %" PRIu64 " partitions; the brokers do not say how it "
                       "is set: %s",
                       topic->name, topic->partitions, set->why);
        return;
    }
    if (nv_kafka_settings_judge(set, use, topic->name, config->max_wait_ms, &fail) != NV_OK) {
        nv_finding_add(out, NV_FINDING_BAD, SUBJECT,
                       "set the topic as it says: the start refuses it", "%s: %s", fail.path,
                       fail.what);
        return;
    }
    if (set->deletes && set->retention_ms >= 0) {
        (void)snprintf(kept, sizeof kept, "kept for %.1f hours",
                       (double)set->retention_ms / MS_PER_HOUR);
    }
    nv_finding_add(out, NV_FINDING_OK, SUBJECT, NULL,
                   "\"%.100s\" has %" PRIu64 " partitions, %s, messages up to %" PRId64
                   " bytes",
                   topic->name, topic->partitions, kept, set->message_bytes);
    if (set->message_bytes >= 0 && (uint64_t)set->message_bytes < config->message_bytes_max) {
        nv_finding_add(out, NV_FINDING_NOTE, SUBJECT,
                       "raise max.message.bytes of the topic, or lower kafka.max_message_bytes",
                       "kafka.max_message_bytes is %" PRIu64
                       ": larger messages are refused by the brokers unless they compress",
                       config->message_bytes_max);
    }
}

/* The same key leads to the same number. */
static void add_numbers(const struct nv_kafka_probe *probe, struct nv_findings *out)
{
    const struct nv_kafka_probe_topic *first = &probe->topics[NV_KAFKA_SPANS];
    for (size_t i = NV_KAFKA_LOGS; i < probe->topic_count && i < NV_KAFKA_DEAD; i++) {
        const struct nv_kafka_probe_topic *other = &probe->topics[i];
        if (first->err == NV_OK && other->err == NV_OK &&
            first->partitions != other->partitions) {
            nv_finding_add(out, NV_FINDING_BAD, SUBJECT,
                           "make them with equal numbers of partitions",
                           "\"%.100s\" has %" PRIu64 " partitions, \"%.100s\" %" PRIu64,
                           first->name, first->partitions, other->name, other->partitions);
        }
    }
}

static void add_messages(const struct nv_kafka_probe *probe, bool rekeys, uint64_t wall_ns,
                         struct nv_findings *out)
{
    if (probe->not_keyed > 0) {
        nv_finding_add(out, rekeys ? NV_FINDING_OK : NV_FINDING_BAD, SUBJECT,
                       rekeys ? NULL
                              : "set partition_traces_by_id: true in the Collector's Kafka "
                                "exporter, or kafka.rekey: true where traces are assembled",
                       "%" PRIu64 " of the newest %" PRIu64 " messages are not keyed by their "
                       "trace id: %s",
                       probe->not_keyed, probe->sampled,
                       rekeys ? "kafka.rekey writes them again"
                              : "traces are split over members");
    } else if (probe->sampled > 0) {
        nv_finding_add(out, NV_FINDING_OK, SUBJECT, NULL,
                       "the newest %" PRIu64 " messages are keyed by their trace id",
                       probe->sampled);
    }
    if (probe->newest_ns > wall_ns + AHEAD_NS) {
        nv_finding_add(out, NV_FINDING_BAD, SUBJECT,
                       "keep the clocks of all machines in step: NTP",
                       "the newest message is stamped %" PRIu64
                       " s after now: the clock of who wrote it, or this one, is wrong",
                       (probe->newest_ns - wall_ns) / NV_NS_PER_S);
    }
}

void nv_check_kafka_probe(const struct nv_kafka_probe *probe,
                          const struct nv_kafka_config *config, uint64_t wall_ns,
                          struct nv_findings *out)
{
    if (probe->err != NV_OK) {
        bool away = probe->err == NV_ERR_TIMEOUT;
        nv_finding_add(
            out, NV_FINDING_BAD, SUBJECT,
            away ? "look at kafka.brokers, kafka.security and the login" : "mend what it names",
            "%s%.300s: %s%s%s", away ? "no answer of " : "", away ? config->brokers : "kafka",
            probe->fail.path, probe->fail.path[0] != '\0' ? ": " : "", probe->fail.what);
        return;
    }
    nv_finding_add(out, NV_FINDING_OK, SUBJECT, NULL, "%.300s answer", config->brokers);
    for (size_t i = 0; i < probe->topic_count; i++)
        add_topic(&probe->topics[i], (enum nv_kafka_use)i, config, out);
    add_numbers(probe, out);
    add_messages(probe, config->rekeys, wall_ns, out);
}

void nv_check_kafka(const struct nv_options *options, struct nv_findings *out)
{
    struct nv_stage_kafka stage;
    struct nv_kafka_probe probe;
    if (options->role == NV_ROLE_ALL)
        return;
    if (nv_stage_kafka_init(&stage, options) == NV_OK) {
        nv_kafka_probe_run(&stage.config, options->role == NV_ROLE_ASSEMBLE, &probe);
        nv_check_kafka_probe(&probe, &stage.config, nv_clock_wall_ns(nv_clock_system()), out);
    }
    nv_stage_kafka_release(&stage);
}
