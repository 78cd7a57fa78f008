/*
 * What role assemble writes and reads beside the log: chunks of what was delivered, in a
 * compacted topic with as many partitions as the log, and messages that are no OTLP.
 *
 *   partition p ──chunk──▶ [ delivered p ]      read again by the next owner, from an offset
 *   garbage     ──whole──▶ [ dead ]             that stands in the metadata of the commit
 *
 * One thread; what is written is reported within poll and flush.
 */
#ifndef NV_KAFKA_NOTES_H
#define NV_KAFKA_NOTES_H

#include "kafka/client.h"
#include "kafka/partition.h"

#ifdef NOVEUM_KAFKA
/* The partition that a report is for, if it is still the one that wrote; else NULL. */
typedef struct nv_kafka_partition *nv_kafka_notes_find(void *ctx, int32_t number,
                                                       uint64_t generation);

struct nv_kafka_notes {
    struct nv_kafka_owner owner;
    rd_kafka_t *producer;
    nv_kafka_notes_find *find;
    void *find_ctx;
};

/* Makes the producer, whose batches are compressed by `compression`, in librdkafka's words;
 * `config` is borrowed until close. Errors as nv_kafka_client_new. */
enum nv_err nv_kafka_notes_open(struct nv_kafka_notes *notes, const struct nv_rd *rd,
                                const struct nv_kafka_config *config, const char *compression,
                                struct nv_fail *fail) NV_MUST_USE;
/* Ends it; what is not written by then is given up. All zero is allowed. */
void nv_kafka_notes_close(struct nv_kafka_notes *notes);
/*
 * Reads the chunks of `partitions` (borrowed) from `from[i]` (-1: the beginning) to their ends.
 * NV_ERR_TIMEOUT: not within `timeout_ms`; the client's and the partition's errors.
 */
enum nv_err nv_kafka_notes_read(struct nv_kafka_notes *notes,
                                struct nv_kafka_partition *const *partitions,
                                const int64_t *from, size_t count,
                                uint64_t timeout_ms) NV_MUST_USE;
/* Writes the fresh chunk of a partition, if there is one; it is empty afterwards. NV_ERR_BUSY,
 * NV_ERR_NO_MEMORY: it stays. */
enum nv_err nv_kafka_notes_write(struct nv_kafka_notes *notes,
                                 struct nv_kafka_partition *partition,
                                 uint64_t generation) NV_MUST_USE;
/* Writes a message of the log to the dead ones, with the reason; its offset is done when that
 * is there. NV_ERR_BUSY, NV_ERR_NO_MEMORY: not now. */
enum nv_err nv_kafka_notes_bury(struct nv_kafka_notes *notes, const rd_kafka_message_t *message,
                                enum nv_signal signal, uint64_t generation,
                                const char *why) NV_MUST_USE;
/*
 * Writes a letter to the dead ones and waits until it is there: `head` as header
 * x-noveum-reason, the payload in as many messages of one key as kafka.max_message_bytes asks
 * for, numbered by header x-noveum-piece ("1/3"). NV_ERR_IO, NV_ERR_BUSY, NV_ERR_NO_MEMORY: it
 * is not there, as far as is known. Of a producer that nothing else is written with.
 */
enum nv_err nv_kafka_notes_put(struct nv_kafka_notes *notes, struct nv_str head,
                               struct nv_str payload) NV_MUST_USE;
/* Serves reports for `wait_ms`. */
void nv_kafka_notes_poll(struct nv_kafka_notes *notes, int wait_ms);
/* Waits up to `wait_ms` until all is written. */
void nv_kafka_notes_flush(struct nv_kafka_notes *notes, int wait_ms);
#endif

#endif
