/*
 * What the admin port says of Kafka, in the roles that speak to it.
 */
#ifndef NV_GATEWAY_ADMIN_ADMIN_KAFKA_H
#define NV_GATEWAY_ADMIN_ADMIN_KAFKA_H

#include "base/json/json_write.h"
#include "kafka/config.h"

/* Appends the gauges, zeros in role all: an alert can be written before the role changes.
 * Errors: the buffer's. */
void nv_admin_write_kafka_metrics(const struct nv_kafka_status *status, struct nv_buf *buf);
/* Writes the member "kafka" of /status; nothing in role all. */
void nv_admin_put_kafka(struct nv_json_writer *json, const struct nv_kafka_status *status);

#endif
