/*
 * A request as messages: one for each trace, and one more where one would be too large.
 *
 *   batch [ A1 B1 | A2 ]  ──by trace──▶  A: request of A1 A2      key: 32 lower-case hex digits
 *                                        B: request of B1
 *
 * A message is an ExportTraceServiceRequest or ExportLogsServiceRequest: resources, scopes and
 * schema urls stay with their items, in the order in which they came. Pure; any thread.
 */
#ifndef NV_KAFKA_SPLIT_H
#define NV_KAFKA_SPLIT_H

#include "base/buf.h"
#include "model/batch.h"

#define NV_KAFKA_KEY_BYTES (2 * NV_TRACE_ID_BYTES)

/* One message. */
struct nv_kafka_message {
    char key[NV_KAFKA_KEY_BYTES];
    char *bytes; /* malloc'ed */
    size_t len;
    uint32_t spans; /* 0 in a message of log records */
};

struct nv_kafka_messages {
    struct nv_kafka_message *items; /* new, as are their bytes */
    size_t count, capacity;
    size_t bytes; /* of all */
    /* Items stand beside others of the same bytes (NV_ITEM_MARK and its kin): whoever reads a
     * message must take only those of its key. */
    bool beside;
};

/*
 * Splits `batch` (borrowed) into `out`; a message takes at most `bytes_max` unless one item
 * alone has more. Items without a trace id are left out; `*unused` counts them.
 * NV_ERR_NO_MEMORY: `out` is empty.
 */
enum nv_err nv_kafka_split(const struct nv_batch *batch, size_t bytes_max,
                           struct nv_kafka_messages *out, uint64_t *unused) NV_MUST_USE;
/* Frees the messages whose bytes were not given away (bytes NULL). */
void nv_kafka_messages_release(struct nv_kafka_messages *messages);

#endif
