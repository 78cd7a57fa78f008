/*
 * Looks into a topic from outside of any group: messages of some partitions, in order, up to
 * caps. Commits nothing, changes nothing.
 */
#ifndef NV_KAFKA_SCAN_H
#define NV_KAFKA_SCAN_H

#include "kafka/client.h"

/* What may be read at most. */
struct nv_kafka_scan_caps {
    uint64_t messages, bytes;
    uint64_t time_ms;
};

struct nv_kafka_scan_result {
    uint64_t messages, bytes; /* that were read */
    bool whole;               /* to the ends of all partitions, and no cap was met */
};

#ifdef NOVEUM_KAFKA
/* A message; borrowed for the call. Returns false to end the scan (it counts as whole). */
typedef bool nv_kafka_scan_visit(void *visit_ctx, const rd_kafka_message_t *message);

struct nv_kafka_scan {
    const char *topic;
    int32_t partition;  /* -1: all */
    int32_t partitions; /* of the topic */
    int64_t tail;       /* so many messages before the end of each; 0: from the beginning */
    struct nv_kafka_scan_caps caps;
    nv_kafka_scan_visit *visit;
    void *visit_ctx;
};

/* New client for scans, to be freed; `group`: whose committed offsets it may ask for, it joins
 * none. Errors as nv_kafka_client_new. */
enum nv_err nv_kafka_scanner_new(struct nv_kafka_owner *owner, const char *group,
                                 rd_kafka_t **out, struct nv_fail *fail) NV_MUST_USE;
/* Frees it without a word to the group. NULL is allowed. */
void nv_kafka_scanner_free(const struct nv_kafka_owner *owner, rd_kafka_t *handle);
/* Reads; NV_ERR_IO: the partitions can't be assigned. What was read is in `result`. */
enum nv_err nv_kafka_scan_run(const struct nv_kafka_owner *owner, rd_kafka_t *handle,
                              const struct nv_kafka_scan *scan,
                              struct nv_kafka_scan_result *result) NV_MUST_USE;
#endif

#endif
