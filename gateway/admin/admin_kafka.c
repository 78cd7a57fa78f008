/*
 * Kafka on the admin port: the same numbers for /metrics and /status.
 *
 * In role all the gauges are there and zero, so that an alert and a panel can be written before
 * the role changes; /status has the member only where there is something to see.
 */
#include "gateway/admin/admin_kafka.h"

#include "base/json/json_member.h"

#include <inttypes.h>

#include "base/banned.h"

static void gauge(struct nv_buf *buf, const char *name, const char *help, uint64_t value)
{
    (void)nv_buf_printf(buf, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRIu64 "\n", name, help,
                        name, name, value);
}

void nv_admin_write_kafka_metrics(const struct nv_kafka_status *status, struct nv_buf *buf)
{
    gauge(buf, "noveum_kafka_up", "1 while the brokers answer; 0 in role all",
          status->on && status->up ? 1 : 0);
    gauge(buf, "noveum_kafka_partitions", "Partitions of the topic of spans",
          status->partitions);
    gauge(buf, "noveum_kafka_buffered_messages", "Messages that wait for the brokers",
          status->buffered_messages);
    gauge(buf, "noveum_kafka_buffered_bytes", "Bytes of messages that wait for the brokers",
          status->buffered_bytes);
    gauge(buf, "noveum_kafka_assigned_partitions", "Partitions that are this member's",
          status->assigned);
    gauge(buf, "noveum_kafka_lag_messages",
          "Messages of these partitions behind the committed marks, log records' included",
          status->lag);
    gauge(buf, "noveum_kafka_unread_messages", "Messages of these partitions not read yet",
          status->unread);
    gauge(buf, "noveum_kafka_paused_partitions", "Partitions that wait for memory",
          status->paused);
    gauge(buf, "noveum_kafka_mark_age_seconds",
          "Since the mark moved of the partition where it stands longest",
          status->mark_age_ns / NV_NS_PER_S);
}

void nv_admin_put_kafka(struct nv_json_writer *json, const struct nv_kafka_status *status)
{
    if (!status->on)
        return;
    nv_json_write_key(json, NV_STR("kafka"));
    nv_json_write_begin_object(json);
    nv_json_put_uint(json, "up", status->up ? 1 : 0);
    nv_json_put_uint(json, "partitions", status->partitions);
    nv_json_put_uint(json, "buffered_messages", status->buffered_messages);
    nv_json_put_uint(json, "buffered_bytes", status->buffered_bytes);
    nv_json_put_uint(json, "assigned_partitions", status->assigned);
    nv_json_put_uint(json, "lag_messages", status->lag);
    nv_json_put_uint(json, "unread_messages", status->unread);
    nv_json_put_uint(json, "paused_partitions", status->paused);
    nv_json_put_uint(json, "mark_age_ms", status->mark_age_ns / NV_NS_PER_MS);
    nv_json_put_text(json, "reason", nv_str_from(status->reason));
    nv_json_write_end_object(json);
}
