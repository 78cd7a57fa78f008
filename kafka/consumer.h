/*
 * Role assemble: the member of a consumer group that reads partitions of the log, and has the
 * traces of each put together by its holder.
 *
 *   otlp_spans p, otlp_logs p ──▶ partition p ──▶ holder ──▶ ... ──settled──▶ marks, chunks
 *
 * Partitions of the spans' topic come by the group (cooperative-sticky); whoever has partition
 * p reads p of the log records' topic, too. One thread does all of it but what librdkafka does
 * on its own: fetching and inflating.
 */
#ifndef NV_KAFKA_CONSUMER_H
#define NV_KAFKA_CONSUMER_H

#include "kafka/config.h"
#include "kafka/holder.h"

struct nv_kafka_consumer;

/*
 * New consumer, started: `config` is copied (its texts borrowed until free), `holder` borrowed.
 * NV_ERR_CONFIG with `fail`: no librdkafka, a property, topics that are not there or have
 * unequal numbers of partitions; NV_ERR_TIMEOUT: no broker answered; NV_ERR_NO_MEMORY.
 */
enum nv_err nv_kafka_consumer_start(const struct nv_kafka_config *config,
                                    const struct nv_kafka_holder *holder, struct nv_fail *fail,
                                    struct nv_kafka_consumer **out) NV_MUST_USE;
/* Writes a letter to the topic of dead messages and waits until it is there, as
 * nv_kafka_notes_put. NV_ERR_STOPPING: the consumer was stopped. Any thread. */
enum nv_err nv_kafka_consumer_bury(struct nv_kafka_consumer *consumer, struct nv_str head,
                                   struct nv_str payload) NV_MUST_USE;
/* Lets go of all partitions: waits up to `deadline_ms` for what is on its way, commits, leaves
 * the group. Once, one thread. */
void nv_kafka_consumer_stop(struct nv_kafka_consumer *consumer, uint64_t deadline_ms);
/* Frees a stopped consumer. NULL is allowed. */
void nv_kafka_consumer_free(struct nv_kafka_consumer *consumer);
/* A copy of a moment ago. Any thread. */
void nv_kafka_consumer_status(struct nv_kafka_consumer *consumer, struct nv_kafka_status *out);

#endif
