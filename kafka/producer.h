/*
 * Role receive: requests become messages, and are answered when the brokers have them.
 *
 *   otlp ──accept(batch, done)──▶ split by trace ──▶ [ bounded buffer of librdkafka ] ──▶ brokers
 *                                                                                    │ acks=all
 *   otlp ◀───────────── done(NV_OK or busy) ◀── when all messages of the request ◀───┘
 *
 * Nothing is kept here but what is on its way: an answer of 200 means that all replicas in sync
 * have the request, one of 503 that the client must send it again (what was written of it
 * already is dropped by whoever assembles, as equal spans).
 */
#ifndef NV_KAFKA_PRODUCER_H
#define NV_KAFKA_PRODUCER_H

#include "kafka/config.h"
#include "model/stage.h"

struct nv_kafka_producer;

/*
 * New producer from `config` (copied; its texts borrowed until free), started. Waits for the
 * brokers config->start_wait_ms long; without an answer it starts all the same and goes on
 * asking. NV_ERR_CONFIG with `fail`: no librdkafka, a property, topics that are not there or
 * have unequal numbers of partitions; NV_ERR_NO_MEMORY.
 */
enum nv_err nv_kafka_producer_start(const struct nv_kafka_config *config, struct nv_fail *fail,
                                    struct nv_kafka_producer **out) NV_MUST_USE;
/* The seam: new view by value, borrows the producer until free. `accept` answers FULL past the
 * buffer and when the brokers did not take a message in time, STOPPING after stop. */
struct nv_acceptor nv_kafka_producer_acceptor(struct nv_kafka_producer *producer);
/*
 * Takes no more, and waits up to `deadline_ms` until the brokers have what is on its way; what
 * they do not have by then is answered FULL. Every `done` has been called when it returns.
 * Once, one thread.
 */
void nv_kafka_producer_stop(struct nv_kafka_producer *producer, uint64_t deadline_ms);
/* Frees a stopped producer. NULL is allowed. */
void nv_kafka_producer_free(struct nv_kafka_producer *producer);
/* A consistent copy. Any thread. */
void nv_kafka_producer_status(struct nv_kafka_producer *producer, struct nv_kafka_status *out);
/* Lets the client of librdkafka fail as a fatal error of its idempotence would: for tests. */
void nv_kafka_producer_break(struct nv_kafka_producer *producer);

#endif
