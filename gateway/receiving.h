/*
 * Role receive: what takes the place of assembly and sinks. Requests go to Kafka.
 *
 *   role all:      otlp ──▶ assembly ──▶ mapping ──▶ sinks
 *   role receive:  otlp ──▶ kafka
 */
#ifndef NV_GATEWAY_RECEIVING_H
#define NV_GATEWAY_RECEIVING_H

#include "gateway/stages_kafka.h"
#include "kafka/producer.h"

/* All zero: another role. */
struct nv_receiving {
    struct nv_stage_kafka stage;
    struct nv_kafka_producer *producer;
};

/* Starts the producer; `options` must outlive it. Errors as nv_kafka_producer_start, with
 * `fail`; `acceptor` is valid until free. */
enum nv_err nv_receiving_start(struct nv_receiving *receiving, const struct nv_options *options,
                               struct nv_acceptor *acceptor, struct nv_fail *fail) NV_MUST_USE;
/* As nv_kafka_producer_stop; of another role: nothing. */
void nv_receiving_stop(struct nv_receiving *receiving, uint64_t deadline_ms);
/* Frees it, stopped or not; all zero afterwards. */
void nv_receiving_release(struct nv_receiving *receiving);
/* The producer's; all zero (`on` false) of another role. Any thread. */
void nv_receiving_status(const struct nv_receiving *receiving, struct nv_kafka_status *out);

#endif
