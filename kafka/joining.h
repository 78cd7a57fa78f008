/*
 * Is the group being joined anew at this moment? Then no mark is committed.
 *
 *   JoinGroup sent ──(broker waits for all members)──▶ answered ──▶ SyncGroup sent ──▶ answered
 *   └───────────────────────────── joining ───────────────────────────────────────────────┘
 *
 * A broker answers a connection in order: a commit that is sent behind JoinGroup is looked at
 * when the group has its new generation, and names the old one. It fails, and librdkafka (until
 * 2.10) takes that for the loss of all partitions.
 */
#ifndef NV_KAFKA_JOINING_H
#define NV_KAFKA_JOINING_H

#include "kafka/rd.h"

#ifdef NOVEUM_KAFKA
#include <stdatomic.h>
#include <stdbool.h>

struct nv_kafka_joining {
    const struct nv_rd *rd;
    atomic_bool on; /* read by anybody, written by librdkafka's threads */
};

/* Has the client that is made of `conf` watched; `joining` is borrowed for the client's life,
 * its `rd` set. */
void nv_kafka_joining_watch(struct nv_kafka_joining *joining, rd_kafka_conf_t *conf);
#endif

#endif
