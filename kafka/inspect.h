/*
 * Where a trace lies in the log: every message of the topics of spans and log records that
 * holds its id, and whether the group is past it. Reads only; for a person who asks.
 */
#ifndef NV_KAFKA_INSPECT_H
#define NV_KAFKA_INSPECT_H

#include "kafka/config.h"
#include "model/batch.h"

/* What one question reads at most; the time is for all of it. */
#define NV_KAFKA_INSPECT_MESSAGES 2000000
#define NV_KAFKA_INSPECT_BYTES (UINT64_C(4) << 30)
#define NV_KAFKA_INSPECT_MS 120000

/* A message that holds the id. */
struct nv_kafka_found {
    const char *topic; /* the configuration's */
    int32_t partition;
    int64_t offset;
    int64_t stamp_ms; /* 0: none */
    size_t bytes;
    bool keyed;       /* its key is the trace id */
    bool at_home;     /* it lies in the partition that the id leads to */
    bool behind_mark; /* the group has delivered or dead-lettered it */
};

struct nv_kafka_inspected {
    int32_t partitions, home; /* of the topic of spans; the one that the id leads to */
    int64_t marks[2];         /* of the group there, by enum nv_signal; -1: none */
    uint64_t found, read, read_bytes;
    bool whole; /* all that is in the log was read */
};

typedef void nv_kafka_inspect_visit(void *visit_ctx, const struct nv_kafka_found *found);

/*
 * The partition of a key: FNV-1a of 32 bits as a signed number, its magnitude modulo the
 * partitions, as the Collector's exporter (sarama's hasher) and librdkafka's fnv1a_random.
 */
int32_t nv_kafka_partition_of(struct nv_str key, int32_t partitions);
/*
 * Reads the partition that the id leads to in both topics and, when it is not there, all the
 * others, until a cap. NV_ERR_CONFIG, NV_ERR_TIMEOUT, NV_ERR_NOT_FOUND (a topic) with `fail`.
 */
enum nv_err nv_kafka_inspect(const struct nv_kafka_config *config,
                             const uint8_t trace_id[NV_TRACE_ID_BYTES],
                             nv_kafka_inspect_visit *visit, void *visit_ctx,
                             struct nv_kafka_inspected *out, struct nv_fail *fail) NV_MUST_USE;

#endif
