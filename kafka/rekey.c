/*
 * Messages written again under their keys.
 *
 * A message is kept until the brokers have what was made of it: it is written once more when
 * they did not take it, however often. What had been written of it by then is there twice, and
 * is dropped as equal spans where its trace is put together.
 */
#include "kafka/rekey.h"

#ifdef NOVEUM_KAFKA
#include "kafka/producer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

struct nv_kafka_rekey {
    const struct nv_rd *rd;
    struct nv_kafka_producer *producer;
    struct nv_acceptor acceptor;
    pthread_mutex_t lock; /* of ended */
    struct nv_kafka_rekeyed *first, **last;
};

void nv_kafka_rekey_keep(struct nv_kafka_rekeyed *rekeyed)
{
    struct nv_kafka_rekey *rekey = rekeyed->of;
    rekeyed->next = NULL;
    (void)pthread_mutex_lock(&rekey->lock);
    *rekey->last = rekeyed;
    rekey->last = &rekeyed->next;
    (void)pthread_mutex_unlock(&rekey->lock);
}

/* Any thread: of the producer, or within accept. */
static void on_done(void *ctx, enum nv_err err)
{
    struct nv_kafka_rekeyed *rekeyed = ctx;
    rekeyed->err = err;
    nv_kafka_rekey_keep(rekeyed);
}

struct nv_kafka_rekeyed *nv_kafka_rekey_take(struct nv_kafka_rekey *rekey)
{
    (void)pthread_mutex_lock(&rekey->lock);
    struct nv_kafka_rekeyed *ended = rekey->first;
    rekey->first = NULL;
    rekey->last = &rekey->first;
    (void)pthread_mutex_unlock(&rekey->lock);
    return ended;
}

bool nv_kafka_rekey_has_room(const struct nv_kafka_rekey *rekey, size_t bytes)
{
    return rekey->acceptor.admit(rekey->acceptor.ctx, bytes) == NV_OK;
}

struct nv_kafka_rekeyed *nv_kafka_rekeyed_new(struct nv_kafka_rekey *rekey,
                                              enum nv_signal signal, uint64_t generation)
{
    struct nv_kafka_rekeyed *rekeyed = malloc(sizeof *rekeyed);
    if (rekeyed) {
        *rekeyed =
            (struct nv_kafka_rekeyed){.of = rekey, .signal = signal, .generation = generation};
    }
    return rekeyed;
}

void nv_kafka_rekeyed_free(struct nv_kafka_rekeyed *rekeyed)
{
    if (rekeyed->message)
        rekeyed->of->rd->message_destroy(rekeyed->message);
    free(rekeyed);
}

void nv_kafka_rekey_write(struct nv_kafka_rekey *rekey, struct nv_batch *batch,
                          struct nv_kafka_rekeyed *rekeyed)
{
    rekey->acceptor.accept(rekey->acceptor.ctx, batch, on_done, rekeyed);
}

enum nv_err nv_kafka_rekey_new(const struct nv_rd *rd, const struct nv_kafka_config *config,
                               struct nv_fail *fail, struct nv_kafka_rekey **out)
{
    struct nv_kafka_rekey *rekey = calloc(1, sizeof *rekey);
    *out = NULL;
    if (!rekey)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "no memory to write messages again");
    rekey->rd = rd;
    rekey->last = &rekey->first;
    (void)pthread_mutex_init(&rekey->lock, NULL);
    enum nv_err err = nv_kafka_producer_start(config, fail, &rekey->producer);
    if (err != NV_OK) {
        nv_kafka_rekey_free(rekey, 0);
        return err;
    }
    rekey->acceptor = nv_kafka_producer_acceptor(rekey->producer);
    *out = rekey;
    return NV_OK;
}

void nv_kafka_rekey_free(struct nv_kafka_rekey *rekey, uint64_t deadline_ms)
{
    if (!rekey)
        return;
    if (rekey->producer)
        nv_kafka_producer_stop(rekey->producer, deadline_ms);
    nv_kafka_producer_free(rekey->producer);
    for (struct nv_kafka_rekeyed *at = nv_kafka_rekey_take(rekey), *next; at; at = next) {
        next = at->next;
        nv_kafka_rekeyed_free(at);
    }
    (void)pthread_mutex_destroy(&rekey->lock);
    free(rekey);
}
#endif
