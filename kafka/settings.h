/*
 * How topics are set: what would lose traces is refused before it does.
 *
 *   spans, log records   every message is kept, longer than a trace may wait
 *   delivered            what is kept of it is the last of each key
 *   dead                 any
 *
 * Asked of the brokers by DescribeConfigs. A service that does not answer (not authorised, not
 * supported) is no reason not to start: it is said, and nothing is judged.
 */
#ifndef NV_KAFKA_SETTINGS_H
#define NV_KAFKA_SETTINGS_H

#include "kafka/client.h"

/* Topics that a role has, in this order. */
enum nv_kafka_use { NV_KAFKA_SPANS, NV_KAFKA_LOGS, NV_KAFKA_DELIVERED, NV_KAFKA_DEAD };
#define NV_KAFKA_USES 4
/* The option that names the topic; static. */
const char *nv_kafka_use_option(enum nv_kafka_use use);

/* Of one topic, as far as it matters here; a value that is not said is -1. */
struct nv_kafka_settings {
    bool known;            /* the brokers answered */
    bool compacts;         /* cleanup.policy has compact */
    bool deletes;          /* and delete */
    int64_t retention_ms;  /* -1: for good */
    int64_t message_bytes; /* max.message.bytes */
    char why[96];          /* it is not known */
};

/* Takes one property of a topic; names that do not matter are passed over. */
void nv_kafka_settings_take(struct nv_kafka_settings *settings, const char *name,
                            const char *value);
/*
 * Would a topic of that use lose what it is for? NV_ERR_CONFIG with `fail`: what, where, what
 * to do. `max_wait_ms`: what a trace may wait, 0: not known to this role. Unknown settings
 * pass.
 */
enum nv_err nv_kafka_settings_judge(const struct nv_kafka_settings *settings,
                                    enum nv_kafka_use use, const char *topic,
                                    uint64_t max_wait_ms, struct nv_fail *fail) NV_MUST_USE;

#ifdef NOVEUM_KAFKA
/* Asks the brokers for `count` topics, at most NV_KAFKA_USES, for at most five seconds. Never
 * fails: what is not answered is not known, with the reason. */
void nv_kafka_settings_ask(const struct nv_kafka_owner *owner, rd_kafka_t *handle,
                           const char *const *topics, size_t count,
                           struct nv_kafka_settings *out);
#endif

#endif
