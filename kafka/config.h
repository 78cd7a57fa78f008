/*
 * What a role that speaks to Kafka is told, as plain values (docs/configuration.md, kafka.*).
 */
#ifndef NV_KAFKA_CONFIG_H
#define NV_KAFKA_CONFIG_H

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

/* A property of librdkafka by its name. */
struct nv_kafka_property {
    struct nv_str name, value;
};

/* All texts borrowed for the life of what is made with it. */
struct nv_kafka_config {
    const char *brokers;      /* "host:port,host:port" */
    const char *traces_topic; /* otlp_spans */
    const char *logs_topic;   /* otlp_logs */
    const char *token_file;   /* of OAUTHBEARER; NULL: none */
    const char *compression;  /* of messages that are produced, in librdkafka's words */
    bool idempotence;
    uint64_t linger_ms;
    /* Set in this order and after all that is above; the last that names a property counts. */
    const struct nv_kafka_property *properties;
    size_t property_count;
    const char *group;           /* of role assemble */
    const char *delivered_topic; /* compacted: what was delivered past the marks */
    const char *dead_topic;      /* messages that are no OTLP */
    bool rekeys;                 /* kafka.rekey: of role assemble */
    uint64_t message_bytes_max;  /* kafka.max_message_bytes */
    uint64_t buffer_bytes;       /* kafka.buffer_bytes */
    uint64_t timeout_ms;         /* kafka.timeout_ms: until a message is given up */
    uint64_t start_wait_ms;      /* how long the start waits for brokers to answer */
    uint64_t max_wait_ms;        /* assembly.max_wait_ms of role assemble; 0: another role */
};

/* Headers of a message: the project of its request; of what it holds only the items of the
 * key's trace are meant. */
#define NV_KAFKA_HEADER_PROJECT "x-noveum-project"
#define NV_KAFKA_HEADER_KEY_ONLY "x-noveum-key-only"

/* Of a message's limit, what is not the request in it: key, headers and the record around
 * them. A project's name has at most as many bytes as a header line. */
#define NV_KAFKA_RECORD_BYTES 1024u

/* How much of a message is for the request itself. */
static inline size_t nv_kafka_request_bytes_of(uint64_t message_bytes_max)
{
    return message_bytes_max > 2 * NV_KAFKA_RECORD_BYTES
               ? (size_t)message_bytes_max - NV_KAFKA_RECORD_BYTES
               : NV_KAFKA_RECORD_BYTES;
}

/* How the brokers are, for /status, /readyz and /metrics. */
struct nv_kafka_status {
    bool on;                 /* a role that speaks to Kafka */
    bool up;                 /* brokers answered, and nothing says since that all are away */
    char reason[160];        /* why not; empty while up */
    uint64_t buffered_bytes; /* of messages that wait for the brokers */
    uint64_t buffered_messages;
    uint64_t partitions; /* of the topic of spans; 0: not known yet */
    /* of role assemble */
    bool assembles;
    bool left;            /* it left its group for good: the process has to be started again */
    uint64_t assigned;    /* partitions of ours */
    uint64_t lag;         /* messages of them behind the marks, spans and log records */
    uint64_t unread;      /* of these, not read yet */
    uint64_t paused;      /* partitions that wait for memory */
    uint64_t mark_age_ns; /* since the mark moved of the one that waits longest */
};

#endif
