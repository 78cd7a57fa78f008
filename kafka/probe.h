/*
 * What `doctor` asks of the brokers: do they answer, are the topics there and set as they must
 * be, what do the newest messages look like? Plain data; nothing is written.
 */
#ifndef NV_KAFKA_PROBE_H
#define NV_KAFKA_PROBE_H

#include "kafka/config.h"
#include "kafka/settings.h"
#include "model/batch.h"

struct nv_kafka_probe_topic {
    const char *name;    /* the configuration's */
    enum nv_err err;     /* NV_ERR_NOT_FOUND, NV_ERR_TIMEOUT */
    uint64_t partitions; /* 0: not known */
    char why[96];        /* in librdkafka's words */
    struct nv_kafka_settings settings;
};

struct nv_kafka_probe {
    enum nv_err err; /* NV_ERR_CONFIG: no library or a property, NV_ERR_TIMEOUT: no broker */
    struct nv_fail fail;
    size_t topic_count; /* 2 of role receive, 4 of assemble */
    struct nv_kafka_probe_topic topics[NV_KAFKA_USES];
    /* of the newest messages of the spans' topic */
    uint64_t sampled, not_keyed; /* the key is not the trace id of what is in it */
    uint64_t newest_ns;          /* by its timestamp; 0: none has one */
};

/* Asks; brokers that are away are given up after one and a half seconds, those that take as
 * long as they may for each answer after twelve. `config` borrowed; its start_wait_ms is not
 * used. */
void nv_kafka_probe_run(const struct nv_kafka_config *config, bool assembles,
                        struct nv_kafka_probe *out);

#endif
