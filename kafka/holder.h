/*
 * The seam of role assemble: what a partition of the log asks of who puts its traces together.
 *
 *   kafka/ ──open, learn, take, tick, tell, close──▶ holder (gateway/assembling.c ▸ assembly/)
 *          ◀──settled, forgotten──────────────
 *
 * One holder for all partitions, one `held` for each. All of it is called on the consumer's
 * thread, and so are the calls back.
 */
#ifndef NV_KAFKA_HOLDER_H
#define NV_KAFKA_HOLDER_H

#include "base/clock.h"
#include "kafka/delivered.h"

/* What a held partition tells. `ctx` is the partition's. */
struct nv_kafka_held_calls {
    void *ctx;
    void (*settled)(void *ctx, const struct nv_delivered_note *note);
    void (*forgotten)(void *ctx, enum nv_signal signal, int64_t offset);
    /* May a complete trace leave now? */
    bool (*may_leave)(void *ctx);
};

struct nv_kafka_holder {
    void *ctx;
    /* Checks a message; takes `bytes` (malloc'ed), on failure too. NV_ERR_NO_MEMORY, else the
     * message is at fault. */
    enum nv_err (*decode)(void *ctx, enum nv_signal signal, char *bytes, size_t len,
                          struct nv_batch **out);
    /* What was decoded last is written again and will be read once more: of it counts only what
     * decoding has left out. Called with kafka.rekey alone. */
    void (*passed_on)(void *ctx);
    /* New, for partition `number`; `calls` is copied, `clock` (the log's) borrowed. */
    enum nv_err (*open)(void *ctx, int32_t number, const struct nv_kafka_held_calls *calls,
                        const struct nv_clock *clock, void **held);
    /* That part was delivered by an owner before. */
    void (*learn)(void *held, const struct nv_delivered_note *note);
    /* Takes the batch, on failure too. FULL, BUSY, NO_MEMORY: not now. */
    enum nv_err (*take)(void *held, struct nv_batch *batch, int64_t offset);
    /* Hands on what is due, or as much of it as is a short while's work; returns when to look
     * again, by the log's clock. */
    uint64_t (*tick)(void *held);
    /* Calls back what has settled, which tick does too; hands nothing on. */
    void (*tell)(void *held);
    /* Traces handed on and not settled. */
    uint64_t (*unsettled)(void *held);
    /* Takes `held` and forgets what is open. What is unsettled keeps it alive without any
     * call back. */
    void (*close)(void *held);
};

#endif
