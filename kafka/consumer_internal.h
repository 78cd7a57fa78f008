/*
 * The state of a consumer, which its three sources share: consumer.c has the thread,
 * consumer_message.c what becomes of a message, consumer_group.c has partitions that come and
 * go, and commits. Callers include
 * kafka/consumer.h.
 */
#ifndef NV_KAFKA_CONSUMER_INTERNAL_H
#define NV_KAFKA_CONSUMER_INTERNAL_H

#include "kafka/consumer.h"
#include "kafka/joining.h"
#include "kafka/notes.h"
#include "kafka/rekey.h"

#ifdef NOVEUM_KAFKA
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* What a partition that is taken away may still wait for its deliveries. */
#define NV_CONSUMER_DRAIN_MS 10000

/* A question to the brokers that this thread waits for. */
#define NV_CONSUMER_ASK_MS 1000

/* Messages that wait for memory, in order; their log is paused. */
struct nv_consumer_waiting {
    rd_kafka_message_t **items;
    size_t count, capacity;
};

struct nv_consumer_slot {
    struct nv_kafka_partition *partition; /* NULL: not ours */
    struct nv_consumer_waiting waiting[2];
    uint64_t generation;
    int64_t shown_mark; /* of the spans, when it moved last */
    uint64_t moved_ns;
};

struct nv_kafka_consumer {
    struct nv_kafka_config config;
    struct nv_kafka_owner owner;
    const struct nv_rd *rd;
    struct nv_kafka_holder holder;
    rd_kafka_t *handle;
    struct nv_kafka_joining joining;
    struct nv_kafka_notes notes;
    struct nv_kafka_notes letters;  /* its reports are served by who writes a letter */
    pthread_mutex_t letters_lock;   /* of letters */
    struct nv_kafka_rekey *rekey;   /* NULL: messages are taken as they are keyed */
    struct nv_consumer_slot *slots; /* by number of the partition */
    int32_t slot_count;
    uint64_t generation, next_notes_ns, next_commit_ns, next_ask_ns;
    uint64_t asked_ns;        /* for the ends of logs, last */
    uint64_t drain_ms;        /* what a partition gets that is taken away */
    _Atomic uint64_t stop_ms; /* the same at the end */
    pthread_t thread;
    bool running;
    atomic_bool end;
    atomic_bool left; /* by itself */
    atomic_bool up;
    pthread_mutex_t lock; /* of shown */
    struct nv_kafka_status shown;
};

static inline uint64_t nv_consumer_wall_ns(void)
{
    return nv_clock_wall_ns(nv_clock_system());
}

static inline const char *nv_consumer_topic(const struct nv_kafka_consumer *consumer,
                                            enum nv_signal signal)
{
    return signal == NV_SIGNAL_LOGS ? consumer->config.logs_topic
                                    : consumer->config.traces_topic;
}

/* The slot of a partition of ours, or NULL. Borrowed until it is taken away. */
static inline struct nv_consumer_slot *
nv_consumer_slot(const struct nv_kafka_consumer *consumer, int32_t number)
{
    struct nv_consumer_slot *slot =
        number >= 0 && number < consumer->slot_count ? &consumer->slots[number] : NULL;
    return slot && slot->partition ? slot : NULL;
}

/* Frees what waits for memory. */
static inline void nv_consumer_drop_waiting(const struct nv_kafka_consumer *consumer,
                                            struct nv_consumer_waiting *waiting)
{
    for (size_t i = 0; i < waiting->count; i++)
        consumer->rd->message_destroy(waiting->items[i]);
    free(waiting->items);
    *waiting = (struct nv_consumer_waiting){0};
}

/* The thread lets go of all and ends; who supervises the process is told by the status. */
static inline void nv_consumer_leave(struct nv_kafka_consumer *consumer)
{
    atomic_store(&consumer->left, true);
    atomic_store(&consumer->end, true);
}

/*
 * Sees to a message of that partition: its spans go to the holder, what is no OTLP to the dead
 * ones, and with kafka.rekey what is under another key to its own.
 *
 * Takes *message with NV_OK alone, and then only where it is written again under its key: NULL
 * afterwards. On every other way it is left to the caller, who frees it after NV_OK and offers
 * it again after an error: NV_ERR_AGAIN, NV_ERR_FULL, NV_ERR_BUSY, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_consumer_offer(struct nv_kafka_consumer *consumer, struct nv_consumer_slot *slot,
                              enum nv_signal signal, rd_kafka_message_t **message) NV_MUST_USE;
/* What was written again has arrived, or is written once more. */
void nv_consumer_serve_rekeyed(struct nv_kafka_consumer *consumer);
/* Writes chunks of what has settled by now, as often as it is worth. Called between all that
 * takes its time: reading and translating what has piled up would keep it waiting for
 * seconds. */
void nv_consumer_keep_notes(struct nv_kafka_consumer *consumer);
/* Writes chunks and commits marks, of all partitions or `only` of one; `wait`: until the
 * brokers have both. */
void nv_consumer_commit(struct nv_kafka_consumer *consumer, struct nv_consumer_slot *only,
                        bool wait);
/* Once a second while the brokers do not answer: where nothing comes any more, no message tells
 * that they do again. */
void nv_consumer_ask_again(struct nv_kafka_consumer *consumer);
/* Sets the callbacks of the group. */
void nv_consumer_set_group(struct nv_kafka_consumer *consumer, rd_kafka_conf_t *conf);
/* The partition that a report is for; nv_kafka_notes_find. */
struct nv_kafka_partition *nv_consumer_find(void *ctx, int32_t number, uint64_t generation);
#endif

#endif
