/*
 * The topics that a role speaks of: are they there, with as many partitions each, and set so
 * that nothing is lost? The same key leads to the same number, so what belongs together lies in
 * partitions of one number.
 */
#ifndef NV_KAFKA_TOPICS_H
#define NV_KAFKA_TOPICS_H

#include "kafka/settings.h"

#ifdef NOVEUM_KAFKA
struct nv_kafka_topics {
    const char *names[NV_KAFKA_USES]; /* by enum nv_kafka_use */
    size_t count;                     /* of names */
    size_t keyed; /* the first of them, which must have as many partitions; at least one */
};

/*
 * Asks the brokers once, at most a second for each topic, then for settings as
 * nv_kafka_settings_ask: `*partitions` of the first. NV_ERR_CONFIG:
 * unequal numbers, or as nv_kafka_settings_judge; NV_ERR_NOT_FOUND, NV_ERR_TIMEOUT as
 * nv_kafka_partitions; each with `fail`.
 */
enum nv_err nv_kafka_topics_ask(const struct nv_kafka_owner *owner, rd_kafka_t *handle,
                                const struct nv_kafka_topics *topics, uint64_t *partitions,
                                struct nv_fail *fail) NV_MUST_USE;
/*
 * The same for config->start_wait_ms, until there is an answer that time will not mend; reports
 * of `polled` (a producer) are served meanwhile. NV_ERR_CONFIG: as above, or still not there;
 * NV_ERR_TIMEOUT: no broker answered; each with `fail`.
 */
enum nv_err nv_kafka_topics_wait(const struct nv_kafka_owner *owner, rd_kafka_t *handle,
                                 rd_kafka_t *polled, const struct nv_kafka_topics *topics,
                                 uint64_t *partitions, struct nv_fail *fail) NV_MUST_USE;
#endif

#endif
