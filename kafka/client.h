/*
 * What producer and consumer have in common: the configuration of a client of librdkafka, its
 * log lines, and the token it logs in with.
 */
#ifndef NV_KAFKA_CLIENT_H
#define NV_KAFKA_CLIENT_H

#include "kafka/config.h"
#include "kafka/rd.h"

#ifdef NOVEUM_KAFKA
/* What librdkafka hands to callbacks as `opaque`. Borrowed for the life of the client. */
struct nv_kafka_owner {
    const struct nv_rd *rd;
    const struct nv_kafka_config *config;
    void *ctx; /* the producer, the consumer */
};

/*
 * New configuration with brokers, `own` properties (name, value, ..., NULL; they come before
 * the user's) and config->properties. The user's come last, so that any can be changed.
 * NV_ERR_CONFIG with `fail` in librdkafka's words, values of secrets masked. Given to rd->new
 * or freed with rd->conf_destroy.
 */
enum nv_err nv_kafka_conf_new(struct nv_kafka_owner *owner, const char *const *own,
                              rd_kafka_conf_t **out, struct nv_fail *fail) NV_MUST_USE;
/*
 * New client from `conf` (taken, on failure too). NV_ERR_CONFIG with `fail`.
 */
enum nv_err nv_kafka_client_new(struct nv_kafka_owner *owner, rd_kafka_type_t type,
                                rd_kafka_conf_t *conf, rd_kafka_t **out,
                                struct nv_fail *fail) NV_MUST_USE;
/* librdkafka's words for why something failed. */
#define NV_KAFKA_WHY_SIZE 96
/*
 * Partitions of `topic`, asked of the brokers within `timeout_ms`. NV_ERR_TIMEOUT: no broker
 * answered; NV_ERR_NOT_FOUND: there is no such topic (some brokers make it then); `why` says it
 * in librdkafka's words.
 */
enum nv_err nv_kafka_partitions(const struct nv_kafka_owner *owner, rd_kafka_t *handle,
                                const char *topic, int timeout_ms, uint64_t *out,
                                char why[NV_KAFKA_WHY_SIZE]) NV_MUST_USE;
#endif

#endif
