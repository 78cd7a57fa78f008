/*
 * A consumer without a group: partitions are assigned by hand, offsets are kept nowhere.
 *
 *   assign ──▶ poll until each partition has told its end, or a cap is met ──▶ unassign
 *
 * A group would be a member too many: brokers would rebalance the gateways that run because
 * somebody looked. The group's name is given only where its marks are asked for.
 *
 * The end is that of the moment when it was told: a topic that is written to all the time
 * would otherwise never be read through.
 */
#include "kafka/scan.h"

#ifdef NOVEUM_KAFKA
#include "base/banned.h"

#define POLL_MS 50

enum nv_err nv_kafka_scanner_new(struct nv_kafka_owner *owner, const char *group,
                                 rd_kafka_t **out, struct nv_fail *fail)
{
    const char *const own[] = {"group.id",
                               group,
                               "enable.auto.commit",
                               "false",
                               "enable.partition.eof",
                               "true",
                               "auto.offset.reset",
                               "earliest",
                               "fetch.wait.max.ms",
                               "20",
                               NULL};
    rd_kafka_conf_t *conf = NULL;
    enum nv_err err = nv_kafka_conf_new(owner, own, &conf, fail);
    if (err == NV_OK)
        err = nv_kafka_client_new(owner, RD_KAFKA_CONSUMER, conf, out, fail);
    if (err == NV_OK)
        (void)owner->rd->poll_set_consumer(*out);
    return err;
}

void nv_kafka_scanner_free(const struct nv_kafka_owner *owner, rd_kafka_t *handle)
{
    if (handle)
        owner->rd->destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static enum nv_err assign(const struct nv_rd *rd, rd_kafka_t *handle,
                          const struct nv_kafka_scan *scan)
{
    rd_kafka_topic_partition_list_t *list = rd->topic_partition_list_new(scan->partitions);
    const int32_t first = scan->partition >= 0 ? scan->partition : 0;
    const int32_t last = scan->partition >= 0 ? scan->partition : scan->partitions - 1;
    for (int32_t i = first; i <= last; i++) {
        rd->topic_partition_list_add(list, scan->topic, i)->offset =
            scan->tail > 0 ? RD_KAFKA_OFFSET_TAIL(scan->tail) : RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_resp_err_t code = rd->assign(handle, list);
    rd->topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? NV_OK : NV_ERR_IO;
}

static bool within(const struct nv_kafka_scan *scan, const struct nv_kafka_scan_result *result,
                   uint64_t until_ns)
{
    return result->messages < scan->caps.messages && result->bytes < scan->caps.bytes &&
           nv_clock_mono_ns(nv_clock_system()) < until_ns;
}

/*
 * True when there is nothing more to read. Errors of one message are passed over: the caps
 * end a partition that gives nothing else.
 */
static bool read_one(const struct nv_kafka_scan *scan, const rd_kafka_message_t *message,
                     int32_t *open, struct nv_kafka_scan_result *result)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return --*open == 0;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    result->messages++;
    result->bytes += message->len + message->key_len;
    return !scan->visit(scan->visit_ctx, message);
}

enum nv_err nv_kafka_scan_run(const struct nv_kafka_owner *owner, rd_kafka_t *handle,
                              const struct nv_kafka_scan *scan,
                              struct nv_kafka_scan_result *result)
{
    const struct nv_rd *rd = owner->rd;
    const uint64_t until_ns =
        nv_clock_mono_ns(nv_clock_system()) + scan->caps.time_ms * NV_NS_PER_MS;
    int32_t open = scan->partition >= 0 ? 1 : scan->partitions;
    *result = (struct nv_kafka_scan_result){0};
    enum nv_err err = assign(rd, handle, scan);
    while (err == NV_OK && !result->whole && within(scan, result, until_ns)) {
        rd_kafka_message_t *message = rd->consumer_poll(handle, POLL_MS);
        if (!message)
            continue;
        result->whole = read_one(scan, message, &open, result);
        rd->message_destroy(message);
    }
    (void)rd->assign(handle, NULL);
    return err;
}
#endif
