/*
 * Partitions that come and go, and what is committed of them.
 *
 *   given:  committed marks ──▶ chunks of the owners before ──▶ read on from the marks
 *   taken:  nothing more leaves ──▶ what is on its way settles ──▶ chunk ──▶ marks ──▶ let go
 *
 * The log records' partition of the same number goes along, by assignment of our own: the group
 * knows the spans' topic alone, because its strategies do not keep two topics together.
 *
 * A commit that fails while the group changes leaves the mark behind: it is committed again by
 * the next round, or when the partition is let go.
 */
#include "kafka/consumer_internal.h"

#ifdef NOVEUM_KAFKA
#include "base/log/counters.h"
#include "base/log/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define POLL_MS 10
/* What was delivered and is not written yet is what a member that is killed sends again. The
 * answer to a batch settles many traces at once: they are not waited for longer than it takes
 * for the next answer to bring its own. */
#define NOTES_EVERY_NS (20 * NV_NS_PER_MS)
/* How long the brokers may take for marks, and for chunks of owners before. */
#define NOTES_MS 10000
#define FLUSH_MS 3000
/* So long a delivered trace is remembered past the mark: late spans are linked to it. */
#define KEEP_NS (600 * NV_NS_PER_S)
/* Metadata of a commit: a number; brokers take 4096 bytes, and no NUL among them. */
#define METADATA_SIZE 32

/* ---- commits ----------------------------------------------------------------------------- */

/* Adds a mark that has moved; true when there is something to commit. */
static bool add_mark(const struct nv_kafka_consumer *consumer,
                     const struct nv_consumer_slot *slot, enum nv_signal signal,
                     int64_t notes_from, rd_kafka_topic_partition_list_t *list)
{
    int64_t mark = nv_kafka_partition_mark(slot->partition, signal);
    if (mark < 0 ||
        (mark == slot->partition->logs[signal].committed && signal == NV_SIGNAL_LOGS))
        return false;
    rd_kafka_topic_partition_t *at = consumer->rd->topic_partition_list_add(
        list, nv_consumer_topic(consumer, signal), slot->partition->number);
    at->offset = mark;
    char *text = signal == NV_SIGNAL_TRACES ? malloc(METADATA_SIZE) : NULL;
    if (text) {
        int len = snprintf(text, METADATA_SIZE, "d=%" PRId64, notes_from);
        at->metadata = text;
        at->metadata_size = (size_t)len;
    }
    return true;
}

/* Chunks of what was delivered since the last, of all partitions or `only` of one. */
static void write_notes(struct nv_kafka_consumer *consumer, struct nv_consumer_slot *only)
{
    for (int32_t i = 0; i < consumer->slot_count; i++) {
        struct nv_consumer_slot *slot = &consumer->slots[i];
        if (!slot->partition || (only && slot != only))
            continue;
        if (nv_kafka_notes_write(&consumer->notes, slot->partition, slot->generation) != NV_OK)
            NV_LOG(NV_LOG_WARN, "kafka", "cannot write what was delivered, it is tried again");
    }
}

void nv_consumer_keep_notes(struct nv_kafka_consumer *consumer)
{
    uint64_t now_ns = nv_clock_mono_ns(nv_clock_system());
    if (now_ns < consumer->next_notes_ns)
        return;
    consumer->next_notes_ns = now_ns + NOTES_EVERY_NS;
    for (int32_t i = 0; i < consumer->slot_count; i++) {
        if (consumer->slots[i].partition)
            consumer->holder.tell(consumer->slots[i].partition->held);
    }
    write_notes(consumer, NULL);
    nv_kafka_notes_poll(&consumer->notes, 0);
}

void nv_consumer_commit(struct nv_kafka_consumer *consumer, struct nv_consumer_slot *only,
                        bool wait)
{
    rd_kafka_topic_partition_list_t *list =
        consumer->rd->topic_partition_list_new(2 * consumer->slot_count);
    bool any = false;
    write_notes(consumer, only);
    if (wait)
        nv_kafka_notes_flush(&consumer->notes, FLUSH_MS);
    for (int32_t i = 0; i < consumer->slot_count; i++) {
        struct nv_consumer_slot *slot = &consumer->slots[i];
        if (!slot->partition || (only && slot != only))
            continue;
        int64_t from =
            nv_kafka_partition_notes_from(slot->partition, nv_consumer_wall_ns(), KEEP_NS);
        any |= add_mark(consumer, slot, NV_SIGNAL_TRACES, from, list);
        any |= add_mark(consumer, slot, NV_SIGNAL_LOGS, from, list);
    }
    /* the callback has how it ended; of one that waits the same is called before it returns */
    if (any)
        (void)consumer->rd->commit(consumer->handle, list, wait ? 0 : 1);
    consumer->rd->topic_partition_list_destroy(list);
}

static void on_commit(rd_kafka_t *handle, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    const struct nv_kafka_owner *owner = opaque;
    struct nv_kafka_consumer *consumer = owner->ctx;
    (void)handle;
    for (int i = 0; list && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &list->elems[i];
        struct nv_consumer_slot *slot = nv_consumer_slot(consumer, at->partition);
        bool logs = strcmp(at->topic, consumer->config.logs_topic) == 0;
        if (slot && code == RD_KAFKA_RESP_ERR_NO_ERROR && at->err == code) {
            slot->partition->logs[logs ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES].committed =
                at->offset;
        } else if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            code = at->err;
        }
    }
    nv_count(code == RD_KAFKA_RESP_ERR_NO_ERROR ? NV_COUNT_KAFKA_COMMITS
                                                : NV_COUNT_KAFKA_COMMITS_BAD,
             1);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        NV_LOG(NV_LOG_INFO, "kafka", "a commit failed, it is made again: %s",
               consumer->rd->err2str(code));
    }
}

/* ---- brokers that do not answer ---------------------------------------------------------- */

void nv_consumer_ask_again(struct nv_kafka_consumer *consumer)
{
    char why[NV_KAFKA_WHY_SIZE];
    uint64_t partitions;
    uint64_t now_ns = nv_clock_mono_ns(nv_clock_system());
    if (atomic_load(&consumer->up) || now_ns < consumer->next_ask_ns)
        return;
    if (nv_kafka_partitions(&consumer->owner, consumer->handle, consumer->config.traces_topic,
                            NV_CONSUMER_ASK_MS, &partitions, why) == NV_OK)
        atomic_store(&consumer->up, true);
    consumer->next_ask_ns = nv_clock_mono_ns(nv_clock_system()) + NV_NS_PER_S;
}

/* ---- partitions come and go -------------------------------------------------------------- */

static int64_t notes_from(const rd_kafka_topic_partition_t *at)
{
    struct nv_str text = {at->metadata, at->metadata_size};
    int64_t from = -1;
    if (!nv_str_starts(text, NV_STR("d=")) ||
        nv_str_to_int64(nv_str_slice(text, 2, text.len), &from) != NV_OK)
        return -1;
    return from;
}

/* Both logs of the partitions in `list`, with offsets to begin at. */
static rd_kafka_topic_partition_list_t *both(const struct nv_kafka_consumer *consumer,
                                             const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *out =
        consumer->rd->topic_partition_list_new(2 * list->cnt);
    for (int i = 0; i < list->cnt; i++) {
        for (unsigned signal = 0; signal < 2; signal++) {
            (void)consumer->rd->topic_partition_list_add(
                out, nv_consumer_topic(consumer, (enum nv_signal)signal),
                list->elems[i].partition);
        }
    }
    return out;
}

static enum nv_err open_slot(struct nv_kafka_consumer *consumer,
                             const rd_kafka_topic_partition_t *spans,
                             const rd_kafka_topic_partition_t *logs)
{
    int64_t from[2] = {spans->offset >= 0 ? spans->offset : -1,
                       logs->offset >= 0 ? logs->offset : -1};
    struct nv_consumer_slot *slot = &consumer->slots[spans->partition];
    *slot = (struct nv_consumer_slot){.generation = ++consumer->generation,
                                      .shown_mark = -1,
                                      .moved_ns = nv_consumer_wall_ns()};
    return nv_kafka_partition_new(&consumer->holder, spans->partition, from, &slot->partition);
}

static void read_notes(struct nv_kafka_consumer *consumer,
                       const rd_kafka_topic_partition_list_t *places)
{
    size_t count = 0;
    struct nv_kafka_partition **partitions =
        calloc((size_t)places->cnt + 1, sizeof(struct nv_kafka_partition *));
    int64_t *from = calloc((size_t)places->cnt + 1, sizeof *from);
    for (int i = 0; partitions && from && i < places->cnt; i += 2) {
        partitions[count] = consumer->slots[places->elems[i].partition].partition;
        from[count++] = notes_from(&places->elems[i]);
    }
    enum nv_err err = partitions && from ? nv_kafka_notes_read(&consumer->notes, partitions,
                                                               from, count, NOTES_MS)
                                         : NV_ERR_NO_MEMORY;
    if (err != NV_OK) {
        NV_LOG(NV_LOG_ERROR, "kafka",
               "cannot read what was delivered before, some of it may be sent again: %s",
               nv_err_info(err)->text);
    }
    free((void *)partitions);
    free(from);
}

static enum nv_err open_slots(struct nv_kafka_consumer *consumer,
                              const rd_kafka_topic_partition_list_t *places)
{
    for (int i = 0; i < places->cnt; i += 2) {
        enum nv_err err = places->elems[i].partition < consumer->slot_count
                              ? open_slot(consumer, &places->elems[i], &places->elems[i + 1])
                              : NV_ERR_CONFIG;
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

static void give(struct nv_kafka_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *places = both(consumer, list);
    rd_kafka_resp_err_t code = consumer->rd->committed(consumer->handle, places, NOTES_MS);
    enum nv_err err =
        code == RD_KAFKA_RESP_ERR_NO_ERROR ? open_slots(consumer, places) : NV_ERR_TIMEOUT;
    if (err != NV_OK) {
        /* without its mark a partition can't be read: others take over */
        NV_LOG(NV_LOG_ERROR, "kafka", "cannot take over partitions, this member leaves: %s %s",
               nv_err_info(err)->text, consumer->rd->err2str(code));
        nv_consumer_leave(consumer);
    } else {
        read_notes(consumer, places);
        for (int i = 0; i < places->cnt; i++) {
            if (places->elems[i].offset < 0)
                places->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
        }
    }
    rd_kafka_error_t *error = consumer->rd->incremental_assign(consumer->handle, places);
    if (error) {
        NV_LOG(NV_LOG_ERROR, "kafka", "cannot assign: %s", consumer->rd->error_string(error));
        consumer->rd->error_destroy(error);
    }
    consumer->rd->topic_partition_list_destroy(places);
}

/* Traces to the backend, and messages back to the log. */
static uint64_t on_its_way(const struct nv_kafka_consumer *consumer,
                           const struct nv_consumer_slot *slot)
{
    return consumer->holder.unsettled(slot->partition->held) + slot->partition->rekeying;
}

/* What is on its way gets a while; nothing more leaves meanwhile. */
static void drain(struct nv_kafka_consumer *consumer, const struct nv_consumer_slot *slot,
                  uint64_t until_ns)
{
    slot->partition->closing = true;
    while (on_its_way(consumer, slot) > 0 && nv_clock_mono_ns(nv_clock_system()) < until_ns) {
        nv_kafka_notes_poll(&consumer->notes, POLL_MS);
        nv_consumer_serve_rekeyed(consumer);
        nv_kafka_partition_tick(slot->partition, nv_consumer_wall_ns());
        nv_consumer_keep_notes(consumer);
    }
    nv_kafka_partition_tick(slot->partition, nv_consumer_wall_ns());
    uint64_t left = on_its_way(consumer, slot);
    if (left > 0) {
        NV_LOG(NV_LOG_WARN, "kafka",
               "a partition is handed over while traces of it are on their way, they are sent "
               "twice partition=%" PRId32 " traces=%" PRIu64,
               slot->partition->number, left);
    }
}

static void close_slot(struct nv_kafka_consumer *consumer, struct nv_consumer_slot *slot)
{
    for (unsigned signal = 0; signal < 2; signal++)
        nv_consumer_drop_waiting(consumer, &slot->waiting[signal]);
    nv_kafka_partition_free(slot->partition);
    slot->partition = NULL;
}

static void take_away(struct nv_kafka_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    const bool lost = consumer->rd->assignment_lost(consumer->handle) != 0;
    uint64_t until_ns = nv_clock_mono_ns(nv_clock_system()) + consumer->drain_ms * NV_NS_PER_MS;
    for (int i = 0; i < list->cnt; i++) {
        struct nv_consumer_slot *slot = nv_consumer_slot(consumer, list->elems[i].partition);
        if (!slot)
            continue;
        drain(consumer, slot, until_ns);
        if (lost || atomic_load(&consumer->joining.on)) {
            /* the marks are another's, or the commit would fail after the others have joined;
             * what was delivered is true all the same */
            write_notes(consumer, slot);
            nv_kafka_notes_flush(&consumer->notes, FLUSH_MS);
        } else {
            nv_consumer_commit(consumer, slot, true);
        }
    }
    rd_kafka_topic_partition_list_t *places = both(consumer, list);
    rd_kafka_error_t *error = consumer->rd->incremental_unassign(consumer->handle, places);
    if (error)
        consumer->rd->error_destroy(error);
    consumer->rd->topic_partition_list_destroy(places);
    for (int i = 0; i < list->cnt; i++) {
        struct nv_consumer_slot *slot = nv_consumer_slot(consumer, list->elems[i].partition);
        if (slot)
            close_slot(consumer, slot);
    }
}

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    const struct nv_kafka_owner *owner = opaque;
    struct nv_kafka_consumer *consumer = owner->ctx;
    bool given = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    (void)handle;
    nv_count(NV_COUNT_KAFKA_REBALANCES, 1);
    NV_LOG(NV_LOG_INFO, "kafka", "partitions %s count=%d", given ? "given" : "taken",
           list->cnt);
    if (given)
        give(consumer, list);
    else
        take_away(consumer, list);
}

void nv_consumer_set_group(struct nv_kafka_consumer *consumer, rd_kafka_conf_t *conf)
{
    consumer->joining.rd = consumer->rd;
    nv_kafka_joining_watch(&consumer->joining, conf);
    consumer->rd->conf_set_rebalance_cb(conf, on_rebalance);
    consumer->rd->conf_set_offset_commit_cb(conf, on_commit);
}
#endif
