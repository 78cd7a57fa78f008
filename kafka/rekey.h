/*
 * Messages whose key is not the trace id of what they hold, written again under it.
 *
 *   partition p ──message of traces A, B──▶ producer ──A──▶ partition of A
 *        ▲                                          └──B──▶ partition of B
 *        └── ended ◀── when the brokers have all of them, or one did not go ◀──┘
 *
 * The producer is that of role receive: split by trace, buffer, answer. What ended is taken by
 * the consumer's thread; all else but that list belongs to it too.
 */
#ifndef NV_KAFKA_REKEY_H
#define NV_KAFKA_REKEY_H

#include "kafka/client.h"
#include "model/stage.h"

#ifdef NOVEUM_KAFKA
struct nv_kafka_rekey;

/* A message that is written again. */
struct nv_kafka_rekeyed {
    struct nv_kafka_rekeyed *next;
    struct nv_kafka_rekey *of;
    rd_kafka_message_t *message; /* owned: to be written once more when it did not go */
    enum nv_signal signal;
    uint64_t generation; /* of its partition */
    enum nv_err err;
};

/* New, with a producer of `config` (its texts borrowed until free). Errors as
 * nv_kafka_producer_start. */
enum nv_err nv_kafka_rekey_new(const struct nv_rd *rd, const struct nv_kafka_config *config,
                               struct nv_fail *fail, struct nv_kafka_rekey **out) NV_MUST_USE;
/* Waits up to `deadline_ms` for what is on its way, and frees. NULL is allowed. */
void nv_kafka_rekey_free(struct nv_kafka_rekey *rekey, uint64_t deadline_ms);
/* Is there room for a message of so many bytes? */
bool nv_kafka_rekey_has_room(const struct nv_kafka_rekey *rekey, size_t bytes);
/* A record without a message; new (nv_kafka_rekeyed_free), `rekey` borrowed for its life. NULL
 * without memory. */
struct nv_kafka_rekeyed *nv_kafka_rekeyed_new(struct nv_kafka_rekey *rekey,
                                              enum nv_signal signal, uint64_t generation);
/* Frees a record and its message, if it has one. */
void nv_kafka_rekeyed_free(struct nv_kafka_rekeyed *rekeyed);
/* Takes both, always: writes what `batch` holds under its keys; `rekeyed` is among the ended
 * sometime. */
void nv_kafka_rekey_write(struct nv_kafka_rekey *rekey, struct nv_batch *batch,
                          struct nv_kafka_rekeyed *rekeyed);
/* Takes a record and puts it among the ended once more, as it is: to be seen to at the next
 * turn. */
void nv_kafka_rekey_keep(struct nv_kafka_rekeyed *rekeyed);
/* All that ended since, oldest first, with their `err`; NULL: none. Each is the caller's:
 * written again, kept, or freed. */
struct nv_kafka_rekeyed *nv_kafka_rekey_take(struct nv_kafka_rekey *rekey);
#endif

#endif
