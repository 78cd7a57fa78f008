/*
 * A partition of the log as a shard: its clock, its marks, what was delivered of it.
 *
 *   spans p ──take──┐                     ┌── settled ──▶ chunk (to the compacted topic)
 *                   ├──▶ filter ──▶ held ─┤
 *   logs  p ──take──┘                     └── forgotten ──▶ marks (to be committed)
 *
 * The clock is the log's: the largest timestamp among the spans that were read, and, once the
 * broker said that nothing more is there, the time at which it was asked. So a trace is not
 * complete because a reader was slow. Nothing leaves while the log records are behind the
 * spans. One thread; no I/O.
 */
#ifndef NV_KAFKA_PARTITION_H
#define NV_KAFKA_PARTITION_H

#include "kafka/holder.h"
#include "kafka/offsets.h"

/* Notes that wait to be written; at the cap no trace leaves until they are. */
#define NV_KAFKA_FRESH_NOTES_MAX 8192u

/* A chunk of notes that lies in the compacted topic. */
struct nv_kafka_chunk {
    int64_t offset;  /* there */
    int64_t last[2]; /* largest place of its notes, by signal */
    uint64_t wall_ns;
};

struct nv_kafka_log {
    struct nv_offsets offsets;
    int64_t position;  /* next to be read; -1: not known */
    int64_t committed; /* mark of the last good commit; -1: none */
    uint64_t ns;       /* its clock; 0: not known */
};

struct nv_kafka_partition {
    int32_t number;
    const struct nv_kafka_holder *holder;
    void *held;
    struct nv_clock clock;       /* the log's */
    struct nv_kafka_log logs[2]; /* by enum nv_signal */
    struct nv_delivered before;  /* by owners before, or by us before a hand-over */
    struct nv_buf fresh;         /* chunk of what was delivered since the last */
    int64_t fresh_last[2];
    struct nv_kafka_chunk *chunks; /* oldest first */
    size_t chunk_count, chunk_capacity;
    int64_t notes_end; /* behind the newest chunk that is known; -1: none is */
    uint64_t next_ns;  /* when something is due, by the log's clock */
    bool pressed;      /* no memory to read on: time passes by the wall */
    bool closing;      /* nothing more leaves */
    uint64_t pressed_ns;
    uint64_t left_out; /* items that were delivered before */
    uint64_t rekeying; /* messages that are written again, and not there yet */
};

/* New partition that reads from `from` of each signal (-1: from the beginning).
 * NV_ERR_NO_MEMORY and the holder's. Free it. */
enum nv_err nv_kafka_partition_new(const struct nv_kafka_holder *holder, int32_t number,
                                   const int64_t from[2],
                                   struct nv_kafka_partition **out) NV_MUST_USE;
/* Closes and frees it; NULL is allowed. */
void nv_kafka_partition_free(struct nv_kafka_partition *partition);
/* A chunk that lies in the compacted topic, from an owner before; before the first message.
 * NV_ERR_MALFORMED: not one of ours, NV_ERR_NO_MEMORY. */
enum nv_err nv_kafka_partition_learn(struct nv_kafka_partition *partition, int64_t offset,
                                     struct nv_str chunk, uint64_t wall_ns) NV_MUST_USE;
/*
 * Takes the batch of the message at `offset`, written at `stamp_ns`; `now_ns` is the wall's.
 * NV_ERR_AGAIN: log records before the time is known, NV_ERR_FULL, NV_ERR_BUSY,
 * NV_ERR_NO_MEMORY: it is to come again (the batch is taken all the same).
 */
enum nv_err nv_kafka_partition_take(struct nv_kafka_partition *partition,
                                    struct nv_batch *batch, int64_t offset, uint64_t stamp_ns,
                                    uint64_t now_ns) NV_MUST_USE;
/* The message at `offset` holds nothing to wait for, or what is not ours; done with `done`.
 * NV_ERR_NO_MEMORY: it is as if it had not come. */
enum nv_err nv_kafka_partition_pass(struct nv_kafka_partition *partition, enum nv_signal signal,
                                    int64_t offset) NV_MUST_USE;
/* That passed message is seen to. */
void nv_kafka_partition_done(struct nv_kafka_partition *partition, enum nv_signal signal,
                             int64_t offset);
/* The same of one whose contents the brokers have under other keys; noted, so that no owner
 * after us writes them once more. */
void nv_kafka_partition_rekeyed(struct nv_kafka_partition *partition, enum nv_signal signal,
                                int64_t offset);
/* Has an owner before seen to it that way? */
bool nv_kafka_partition_was_rekeyed(const struct nv_kafka_partition *partition,
                                    enum nv_signal signal, int64_t offset);
/* Should the broker be asked for the end of that log now? */
bool nv_kafka_partition_asks(const struct nv_kafka_partition *partition, enum nv_signal signal,
                             uint64_t now_ns);
/* The end of that log was `end`, asked at `asked_ns`. */
void nv_kafka_partition_at_end(struct nv_kafka_partition *partition, enum nv_signal signal,
                               int64_t end, uint64_t asked_ns);
/* There is no memory to read on: from now on time passes by the wall, until a message is
 * taken. */
void nv_kafka_partition_press(struct nv_kafka_partition *partition, uint64_t now_ns);
/* Hands on what is due. */
void nv_kafka_partition_tick(struct nv_kafka_partition *partition, uint64_t now_ns);
/* Up to where all is delivered or dead-lettered; -1: nothing was read. */
int64_t nv_kafka_partition_mark(const struct nv_kafka_partition *partition,
                                enum nv_signal signal);
/* A chunk made of the fresh ones was written at `offset`. NV_ERR_NO_MEMORY. */
enum nv_err nv_kafka_partition_wrote(struct nv_kafka_partition *partition,
                                     const struct nv_kafka_chunk *chunk) NV_MUST_USE;
/*
 * Where the next owner has to begin reading chunks; -1: at the beginning. Chunks are dropped
 * whose notes lie before both marks and that are older than `keep_ns`.
 */
int64_t nv_kafka_partition_notes_from(struct nv_kafka_partition *partition, uint64_t now_ns,
                                      uint64_t keep_ns);

#endif
