/*
 * Role receive, wired: options to the producer and back.
 *
 * Apart from gateway.c, which has the roles start and stop in order and knows no more of them.
 */
#include "gateway/receiving.h"

#include <stdio.h>

#include "base/banned.h"

enum nv_err nv_receiving_start(struct nv_receiving *receiving, const struct nv_options *options,
                               struct nv_acceptor *acceptor, struct nv_fail *fail)
{
    enum nv_err err = nv_stage_kafka_init(&receiving->stage, options);
    if (err != NV_OK)
        return nv_fail_set(fail, err, 0, "out of memory");
    err = nv_kafka_producer_start(&receiving->stage.config, fail, &receiving->producer);
    if (err != NV_OK) {
        if (fail && fail->path[0] == '\0')
            (void)snprintf(fail->path, sizeof fail->path, "kafka.brokers");
        return err;
    }
    *acceptor = nv_kafka_producer_acceptor(receiving->producer);
    return NV_OK;
}

void nv_receiving_stop(struct nv_receiving *receiving, uint64_t deadline_ms)
{
    if (receiving->producer)
        nv_kafka_producer_stop(receiving->producer, deadline_ms);
}

void nv_receiving_release(struct nv_receiving *receiving)
{
    nv_kafka_producer_free(receiving->producer);
    receiving->producer = NULL;
    nv_stage_kafka_release(&receiving->stage);
}

void nv_receiving_status(const struct nv_receiving *receiving, struct nv_kafka_status *out)
{
    *out = (struct nv_kafka_status){0};
    if (receiving->producer)
        nv_kafka_producer_status(receiving->producer, out);
}
