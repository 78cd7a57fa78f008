/*
 * What becomes of a message.
 *
 *   decode ──no OTLP──▶ dead
 *     └──▶ key is the trace id? ──yes──▶ partition ──▶ holder
 *                │                          ▲
 *                └──no──▶ kafka.rekey? ──no─┘ (counted: its traces are split over members)
 *                              └──yes──▶ written again ──▶ done and noted when it is there
 *
 * A message that is written again pins the mark until the brokers have what was made of it. The
 * note keeps the next owner from doing it once more: the mark may stand before it for long.
 */
#include "kafka/consumer_internal.h"

#ifdef NOVEUM_KAFKA
#include "base/log/counters.h"
#include "base/log/log.h"
#include "base/text/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static struct nv_str header(const struct nv_kafka_consumer *consumer,
                            const rd_kafka_message_t *message, const char *name)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t size = 0;
    if (consumer->rd->message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        consumer->rd->header_get_last(headers, name, &value, &size) !=
            RD_KAFKA_RESP_ERR_NO_ERROR)
        return (struct nv_str){NULL, 0};
    return (struct nv_str){value, size};
}

/* Is the key what it is for the spans? With `only` all others are left out. */
static bool check_key(struct nv_batch *batch, const rd_kafka_message_t *message, bool only)
{
    uint8_t id[NV_TRACE_ID_BYTES];
    struct nv_str key = {message->key, message->key_len};
    bool fits = key.ptr && nv_hex_decode(key, id, sizeof id) == NV_OK;
    bool one = true;
    for (uint32_t i = 0; i < batch->item_count; i++) {
        struct nv_item *item = &batch->items[i];
        bool same = fits && memcmp(item->trace_id, id, sizeof id) == 0;
        if (only && !same)
            item->flags |= NV_ITEM_LEFT_OUT;
        one = one && (same || only || (item->flags & (NV_ITEM_MARK | NV_ITEM_RECORD)) != 0);
    }
    return fits && one;
}

/* NV_ERR_NO_MEMORY: not now; other errors: the message is at fault. */
static enum nv_err decode(struct nv_kafka_consumer *consumer, enum nv_signal signal,
                          const rd_kafka_message_t *message, struct nv_batch **out)
{
    if (!message->payload || message->len == 0)
        return NV_ERR_TRUNCATED;
    char *bytes = malloc(message->len);
    if (!bytes)
        return NV_ERR_NO_MEMORY;
    memcpy(bytes, message->payload, message->len);
    enum nv_err err =
        consumer->holder.decode(consumer->holder.ctx, signal, bytes, message->len, out);
    if (err == NV_OK)
        err = nv_batch_set_project(*out, header(consumer, message, NV_KAFKA_HEADER_PROJECT));
    return err;
}

static enum nv_err bury(struct nv_kafka_consumer *consumer, struct nv_consumer_slot *slot,
                        enum nv_signal signal, const rd_kafka_message_t *message,
                        enum nv_err why)
{
    const char *text = message->len == 0 ? "the message is empty" : nv_err_info(why)->text;
    enum nv_err err =
        nv_kafka_notes_bury(&consumer->notes, message, signal, slot->generation, text);
    if (err != NV_OK)
        return err;
    NV_LOG(NV_LOG_ERROR, "kafka",
           "a message is no OTLP and goes to \"%s\" topic=%s partition=%" PRId32
           " offset=%" PRId64 ": %s",
           consumer->config.dead_topic, nv_consumer_topic(consumer, signal), message->partition,
           message->offset, text);
    /* the report comes with the next poll: the offset is there by then */
    return nv_kafka_partition_pass(slot->partition, signal, message->offset);
}

/* Only what fits as a whole: a span that is too large would come back for ever. */
static bool is_to_be_rekeyed(const struct nv_kafka_consumer *consumer,
                             const rd_kafka_message_t *message)
{
    return consumer->rekey &&
           message->len <= nv_kafka_request_bytes_of(consumer->config.message_bytes_max);
}

/* Takes the batch; the message when it succeeds. AGAIN: not now. */
static enum nv_err rekey(struct nv_kafka_consumer *consumer, struct nv_consumer_slot *slot,
                         enum nv_signal signal, rd_kafka_message_t **message,
                         struct nv_batch *batch)
{
    struct nv_kafka_rekeyed *rekeyed =
        nv_kafka_rekey_has_room(consumer->rekey, (*message)->len)
            ? nv_kafka_rekeyed_new(consumer->rekey, signal, slot->generation)
            : NULL;
    if (!rekeyed ||
        nv_kafka_partition_pass(slot->partition, signal, (*message)->offset) != NV_OK) {
        if (rekeyed)
            nv_kafka_rekeyed_free(rekeyed);
        nv_batch_free(batch);
        return NV_ERR_AGAIN;
    }
    consumer->holder.passed_on(consumer->holder.ctx);
    rekeyed->message = *message;
    *message = NULL;
    slot->partition->rekeying++;
    nv_count(NV_COUNT_KAFKA_CONSUMED, 1);
    nv_kafka_rekey_write(consumer->rekey, batch, rekeyed);
    return NV_OK;
}

/* Takes the batch. */
static enum nv_err take(struct nv_kafka_consumer *consumer, struct nv_consumer_slot *slot,
                        const rd_kafka_message_t *message, struct nv_batch *batch, bool keyed)
{
    const enum nv_signal signal = batch->signal;
    int64_t stamp_ms = consumer->rd->message_timestamp(message, NULL);
    uint64_t before = slot->partition->left_out;
    enum nv_err err = nv_kafka_partition_take(slot->partition, batch, message->offset,
                                              stamp_ms > 0 ? (uint64_t)stamp_ms * NV_NS_PER_MS
                                                           : nv_consumer_wall_ns(),
                                              nv_consumer_wall_ns());
    if (err != NV_OK)
        return err;
    nv_count(NV_COUNT_KAFKA_CONSUMED, 1);
    nv_count(NV_COUNT_KAFKA_SENT_BEFORE, slot->partition->left_out - before);
    nv_count(NV_COUNT_KAFKA_KEYS, !keyed);
    if (!keyed) {
        NV_LOG(NV_LOG_WARN, "kafka",
               "the key of a message is not the trace id of its spans: traces are split over "
               "members. The Collector's exporter keys by it with partition_traces_by_id: "
               "true; %s topic=%s",
               consumer->rekey ? "kafka.rekey leaves it: larger than kafka.max_message_bytes"
                               : "kafka.rekey: true writes such messages again",
               nv_consumer_topic(consumer, signal));
    }
    return NV_OK;
}

enum nv_err nv_consumer_offer(struct nv_kafka_consumer *consumer, struct nv_consumer_slot *slot,
                              enum nv_signal signal, rd_kafka_message_t **message)
{
    struct nv_batch *batch = NULL;
    if (nv_kafka_partition_was_rekeyed(slot->partition, signal, (*message)->offset)) {
        enum nv_err err = nv_kafka_partition_pass(slot->partition, signal, (*message)->offset);
        if (err == NV_OK)
            nv_kafka_partition_done(slot->partition, signal, (*message)->offset);
        return err;
    }
    enum nv_err err = decode(consumer, signal, *message, &batch);
    if (err == NV_ERR_NO_MEMORY) {
        nv_batch_free(batch);
        return err;
    }
    if (err != NV_OK)
        return bury(consumer, slot, signal, *message, err);
    bool only = header(consumer, *message, NV_KAFKA_HEADER_KEY_ONLY).len > 0;
    bool keyed = check_key(batch, *message, only);
    if (!keyed && is_to_be_rekeyed(consumer, *message))
        return rekey(consumer, slot, signal, message, batch);
    return take(consumer, slot, *message, batch, keyed);
}

/* ---- messages that were written again ---------------------------------------------------- */

struct nv_kafka_partition *nv_consumer_find(void *ctx, int32_t number, uint64_t generation)
{
    const struct nv_kafka_consumer *consumer = ctx;
    struct nv_consumer_slot *slot = nv_consumer_slot(consumer, number);
    return slot && slot->generation == generation ? slot->partition : NULL;
}

static void write_again(struct nv_kafka_consumer *consumer, struct nv_kafka_rekeyed *rekeyed)
{
    struct nv_batch *batch = NULL;
    if (nv_kafka_rekey_has_room(consumer->rekey, rekeyed->message->len) &&
        decode(consumer, rekeyed->signal, rekeyed->message, &batch) == NV_OK) {
        nv_kafka_rekey_write(consumer->rekey, batch, rekeyed);
    } else {
        nv_batch_free(batch);
        nv_kafka_rekey_keep(rekeyed);
    }
}

void nv_consumer_serve_rekeyed(struct nv_kafka_consumer *consumer)
{
    struct nv_kafka_rekeyed *next =
        consumer->rekey ? nv_kafka_rekey_take(consumer->rekey) : NULL;
    while (next) {
        struct nv_kafka_rekeyed *rekeyed = next;
        struct nv_kafka_partition *partition =
            nv_consumer_find(consumer, rekeyed->message->partition, rekeyed->generation);
        next = rekeyed->next;
        if (partition && rekeyed->err != NV_OK) {
            write_again(consumer, rekeyed);
            continue;
        }
        if (partition) {
            partition->rekeying--;
            nv_count(NV_COUNT_KAFKA_REKEYED, 1);
            nv_kafka_partition_rekeyed(partition, rekeyed->signal, rekeyed->message->offset);
        }
        nv_kafka_rekeyed_free(rekeyed);
    }
}
#endif
