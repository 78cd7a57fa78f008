/*
 * Role assemble: partitions of Kafka's log on one side, an assembly for each of them on the
 * other.
 *
 *   kafka ──take──▶ nv_assembly of partition 3 ──┐
 *         ──take──▶ nv_assembly of partition 7 ──┴──complete──▶ mapping ──▶ sinks ──settle──▶ ...
 *
 * Each runs inline on the consumer's thread and the log's clock, keeps its bytes in memory and
 * nothing on disk: the log is its journal.
 */
#ifndef NV_GATEWAY_ASSEMBLING_H
#define NV_GATEWAY_ASSEMBLING_H

#include "assembly/assembly.h"
#include "gateway/stages_kafka.h"
#include "kafka/consumer.h"
#include "model/store.h"
#include "otlp/request/request.h"

#include <pthread.h>

struct nv_assembling_part;

/* Set by who starts it: configuration of each assembly (shards, durability, upstream and gate
 * are set here), what takes complete traces, and the gate of the sinks. */
struct nv_assembling {
    struct nv_assembly_config config;
    struct nv_completer completer;
    bool (*may_complete)(void *ctx);
    void *ctx;
    struct nv_stage_kafka stage;
    struct nv_kafka_holder holder;
    struct nv_store store;
    struct nv_request_result decoded; /* of the message that is taken next; consumer's thread */
    unsigned closed;                  /* parts that wait for their claims; consumer's thread */
    uint64_t bytes; /* held by all partitions, as of their last ticks; consumer's thread */
    struct nv_kafka_consumer *consumer; /* NULL: another role, or not started */
    pthread_mutex_t lock;               /* of the list */
    bool lock_made;
    struct nv_assembling_part *parts;   /* open, and closed ones with claims outstanding */
    struct nv_assembling_part *current; /* whose trace is being completed; consumer's thread */
};

/* Readies holder and list, once; config, completer and gate may be set before or after.
 * Released with release. */
void nv_assembling_init(struct nv_assembling *assembling);
/* Starts the consumer of what was readied; `options` must outlive it. Errors as
 * nv_kafka_consumer_start. */
enum nv_err nv_assembling_start(struct nv_assembling *assembling,
                                const struct nv_options *options,
                                struct nv_fail *fail) NV_MUST_USE;
/* Where traces go that can't be translated or are refused: the topic of dead messages. Only
 * `put`; any thread. Borrowed. */
const struct nv_store *nv_assembling_store(struct nv_assembling *assembling);
/* As nv_kafka_consumer_stop; of another role nothing. */
void nv_assembling_stop(struct nv_assembling *assembling, uint64_t deadline_ms);
/* Frees all; every claim has been settled or is given up, because the sinks are gone. */
void nv_assembling_release(struct nv_assembling *assembling);
/* As nv_assembly_remember, of the trace that is being completed. */
void nv_assembling_remember(struct nv_assembling *assembling, const struct nv_raw_trace *raw,
                            struct nv_str name, struct nv_str session, struct nv_str user);
/* Sums over all partitions, and the consumer's. Any thread. */
void nv_assembling_status(struct nv_assembling *assembling, struct nv_assembly_status *assembly,
                          struct nv_kafka_status *kafka);

#endif
