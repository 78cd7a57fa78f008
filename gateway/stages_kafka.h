/*
 * Options into the configuration of the roles that speak to Kafka. Apart from stages.h, so that
 * who embeds the stages between (gateway/embed/) links none of it.
 */
#ifndef NV_GATEWAY_STAGES_KAFKA_H
#define NV_GATEWAY_STAGES_KAFKA_H

#include "gateway/config/options.h"
#include "kafka/config.h"

/* The configuration with what it borrows; other texts in it are the options'. */
struct nv_stage_kafka {
    struct nv_kafka_config config;
    struct nv_buf brokers;
    struct nv_kafka_property *properties;
};

/* Fills `stage` from `options`, which must outlive it. NV_ERR_NO_MEMORY; release it in any
 * case. */
enum nv_err nv_stage_kafka_init(struct nv_stage_kafka *stage,
                                const struct nv_options *options) NV_MUST_USE;
/* Frees what it holds; all zero is allowed. */
void nv_stage_kafka_release(struct nv_stage_kafka *stage);

#endif
