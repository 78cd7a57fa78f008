/*
 * The consumer's thread.
 *
 *   poll ──message──▶ decode ──▶ partition ──▶ holder        garbage ──▶ notes.c ──▶ dead
 *     │                             │
 *     │                             └─ no memory: kept here, its log is paused
 *     ├──rebalance──▶ given: committed mark, chunks, read on    taken: wait, commit, hand over
 *     └──every 20 ms──▶ chunks       every 500 ms──▶ marks
 *
 * Why the callbacks may block: they run inside of poll, on this thread, and the group waits for
 * them (max.poll.interval.ms, 5 minutes) before a partition has another owner. What a partition
 * delivered is written down before its mark is committed, and its mark before it is let go, so
 * that the next owner finds both.
 */
#include "kafka/consumer_internal.h"

#ifdef NOVEUM_KAFKA
#include "base/log/counters.h"
#include "base/log/log.h"
#include "base/text/text.h"
#include "kafka/topics.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define POLL_MS 10
/* Messages between two looks at what is due. */
#define TURN_MAX 256
#define COMMIT_EVERY_NS (500 * NV_NS_PER_MS)
/* Between two questions for the ends of logs. */
#define ASK_EVERY_NS (200 * NV_NS_PER_MS)
/* A fetch is answered when it has this much, or after the wait: traces are held for longer, and
 * an answer for each few messages costs more than what is in it. */
#define FETCH_MIN_BYTES "500000"
#define FETCH_WAIT_MS "100"

/* ---- what waits -------------------------------------------------------------------------- */

static void pause_log(struct nv_kafka_consumer *consumer, int32_t number, enum nv_signal signal,
                      bool pause)
{
    rd_kafka_topic_partition_list_t *list = consumer->rd->topic_partition_list_new(1);
    (void)consumer->rd->topic_partition_list_add(list, nv_consumer_topic(consumer, signal),
                                                 number);
    rd_kafka_resp_err_t code = pause ? consumer->rd->pause_partitions(consumer->handle, list)
                                     : consumer->rd->resume_partitions(consumer->handle, list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        NV_LOG(NV_LOG_WARN, "kafka", "cannot pause or resume: %s", consumer->rd->err2str(code));
    consumer->rd->topic_partition_list_destroy(list);
}

/* Takes the message. Without memory for its place it is not lost: it is read again after the
 * next start, because its offset is never done. */
static void keep_waiting(struct nv_kafka_consumer *consumer, struct nv_consumer_slot *slot,
                         enum nv_signal signal, rd_kafka_message_t *message)
{
    struct nv_consumer_waiting *waiting = &slot->waiting[signal];
    if (waiting->count == 0)
        pause_log(consumer, message->partition, signal, true);
    if (waiting->count == waiting->capacity) {
        size_t more = waiting->capacity == 0 ? 8 : waiting->capacity * 2;
        void *grown = reallocarray(waiting->items, more, sizeof *waiting->items);
        if (!grown) {
            if (nv_kafka_partition_pass(slot->partition, signal, message->offset) != NV_OK)
                NV_LOG(NV_LOG_ERROR, "kafka", "no memory for a message, this member leaves");
            nv_consumer_leave(consumer);
            consumer->rd->message_destroy(message);
            return;
        }
        waiting->items = grown;
        waiting->capacity = more;
    }
    waiting->items[waiting->count++] = message;
}

/* ---- one message ------------------------------------------------------------------------- */

static void take_message(struct nv_kafka_consumer *consumer, rd_kafka_message_t *message)
{
    struct nv_consumer_slot *slot =
        message->rkt ? nv_consumer_slot(consumer, message->partition) : NULL;
    enum nv_signal signal = NV_SIGNAL_TRACES;
    if (slot &&
        strcmp(consumer->rd->topic_name(message->rkt), consumer->config.logs_topic) == 0)
        signal = NV_SIGNAL_LOGS;
    atomic_store(&consumer->up, true);
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && slot &&
        slot->waiting[signal].count == 0) {
        struct nv_kafka_log *log = &slot->partition->logs[signal];
        if (message->offset > log->position)
            log->position = message->offset;
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
               message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        NV_LOG(NV_LOG_WARN, "kafka", "%s", consumer->rd->err2str(message->err));
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && slot) {
        enum nv_err err = slot->waiting[signal].count > 0
                              ? NV_ERR_BUSY
                              : nv_consumer_offer(consumer, slot, signal, &message);
        if (err != NV_OK) {
            keep_waiting(consumer, slot, signal, message);
            return;
        }
    }
    if (message)
        consumer->rd->message_destroy(message);
}

/* What waited is tried again. */
static void retry(struct nv_kafka_consumer *consumer, struct nv_consumer_slot *slot,
                  enum nv_signal signal)
{
    struct nv_consumer_waiting *waiting = &slot->waiting[signal];
    size_t taken = 0;
    enum nv_err err = NV_OK;
    if (waiting->count == 0)
        return;
    while (taken < waiting->count) {
        err = nv_consumer_offer(consumer, slot, signal, &waiting->items[taken]);
        if (err != NV_OK)
            break;
        if (waiting->items[taken])
            consumer->rd->message_destroy(waiting->items[taken]);
        taken++;
    }
    waiting->count -= taken;
    memmove(waiting->items, waiting->items + taken, waiting->count * sizeof *waiting->items);
    if (waiting->count == 0)
        pause_log(consumer, slot->partition->number, signal, false);
    else if (err == NV_ERR_FULL || err == NV_ERR_BUSY)
        nv_kafka_partition_press(slot->partition, nv_consumer_wall_ns());
}

/* ---- what is due ------------------------------------------------------------------------- */

static bool is_to_be_asked(const struct nv_consumer_slot *slot, enum nv_signal signal,
                           uint64_t now_ns)
{
    return slot->partition && slot->waiting[signal].count == 0 &&
           nv_kafka_partition_asks(slot->partition, signal, now_ns);
}

/* Logs whose clock waits for the broker's word; NULL: none does. */
static rd_kafka_topic_partition_list_t *logs_to_ask(const struct nv_kafka_consumer *consumer,
                                                    uint64_t now_ns)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    for (int32_t i = 0; i < consumer->slot_count; i++) {
        for (unsigned signal = 0; signal < 2; signal++) {
            if (!is_to_be_asked(&consumer->slots[i], (enum nv_signal)signal, now_ns))
                continue;
            if (!list)
                list = consumer->rd->topic_partition_list_new(2 * consumer->slot_count);
            consumer->rd
                ->topic_partition_list_add(
                    list, nv_consumer_topic(consumer, (enum nv_signal)signal), i)
                ->offset = RD_KAFKA_OFFSET_END;
        }
    }
    return list;
}

/* One question for the ends of all logs, and not by the connection that fetches: a broker
 * answers a connection in order, so this thread would stand as long as a fetch waits. */
static void ask_ends(struct nv_kafka_consumer *consumer)
{
    uint64_t now_ns = nv_consumer_wall_ns();
    if (now_ns < consumer->asked_ns + ASK_EVERY_NS && now_ns >= consumer->asked_ns)
        return;
    rd_kafka_topic_partition_list_t *list = logs_to_ask(consumer, now_ns);
    if (!list)
        return;
    consumer->asked_ns = now_ns;
    bool answered =
        consumer->rd->offsets_for_times(consumer->notes.producer, list, NV_CONSUMER_ASK_MS) ==
        RD_KAFKA_RESP_ERR_NO_ERROR;
    atomic_store(&consumer->up, answered);
    for (int i = 0; answered && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &list->elems[i];
        const struct nv_consumer_slot *slot = nv_consumer_slot(consumer, at->partition);
        bool logs = strcmp(at->topic, consumer->config.logs_topic) == 0;
        if (slot && at->err == RD_KAFKA_RESP_ERR_NO_ERROR && at->offset >= 0) {
            nv_kafka_partition_at_end(slot->partition, logs ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES,
                                      at->offset, now_ns);
        }
    }
    consumer->rd->topic_partition_list_destroy(list);
}

static void step_all(struct nv_kafka_consumer *consumer)
{
    for (int32_t i = 0; i < consumer->slot_count; i++) {
        for (unsigned signal = 0; signal < 2 && consumer->slots[i].partition; signal++)
            retry(consumer, &consumer->slots[i], (enum nv_signal)signal);
    }
    ask_ends(consumer);
    for (int32_t i = 0; i < consumer->slot_count; i++) {
        if (!consumer->slots[i].partition)
            continue;
        nv_kafka_partition_tick(consumer->slots[i].partition, nv_consumer_wall_ns());
        nv_consumer_keep_notes(consumer);
    }
}

/* ---- the thread -------------------------------------------------------------------------- */

static void add_lag(const struct nv_kafka_consumer *consumer,
                    const struct nv_consumer_slot *slot, struct nv_kafka_status *out)
{
    for (unsigned signal = 0; signal < 2; signal++) {
        int64_t low = 0;
        int64_t high = 0;
        int64_t mark = nv_kafka_partition_mark(slot->partition, (enum nv_signal)signal);
        int64_t position = slot->partition->logs[signal].position;
        if (consumer->rd->get_watermark_offsets(
                consumer->handle, nv_consumer_topic(consumer, (enum nv_signal)signal),
                slot->partition->number, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        out->lag += mark >= 0 && high > mark ? (uint64_t)(high - mark) : 0;
        out->unread += position >= 0 && high > position ? (uint64_t)(high - position) : 0;
    }
}

static void show(struct nv_kafka_consumer *consumer)
{
    struct nv_kafka_status now = {.on = true,
                                  .assembles = true,
                                  .up = atomic_load(&consumer->up),
                                  .partitions = (uint64_t)consumer->slot_count};
    for (int32_t i = 0; i < consumer->slot_count; i++) {
        struct nv_consumer_slot *slot = &consumer->slots[i];
        if (!slot->partition)
            continue;
        int64_t mark = nv_kafka_partition_mark(slot->partition, NV_SIGNAL_TRACES);
        if (mark != slot->shown_mark || mark == slot->partition->logs[0].position)
            slot->moved_ns = nv_consumer_wall_ns();
        slot->shown_mark = mark;
        uint64_t age_ns = nv_consumer_wall_ns() - slot->moved_ns;
        now.mark_age_ns = age_ns > now.mark_age_ns ? age_ns : now.mark_age_ns;
        now.assigned++;
        now.paused += slot->waiting[0].count + slot->waiting[1].count > 0;
        add_lag(consumer, slot, &now);
    }
    if (!now.up)
        (void)snprintf(now.reason, sizeof now.reason, "the brokers do not answer");
    (void)pthread_mutex_lock(&consumer->lock);
    consumer->shown = now;
    (void)pthread_mutex_unlock(&consumer->lock);
}

static void turn(struct nv_kafka_consumer *consumer)
{
    rd_kafka_message_t *message = consumer->rd->consumer_poll(consumer->handle, POLL_MS);
    for (int i = 0; message && i < TURN_MAX; i++) {
        take_message(consumer, message);
        nv_consumer_keep_notes(consumer);
        message = i + 1 < TURN_MAX ? consumer->rd->consumer_poll(consumer->handle, 0) : NULL;
    }
    nv_kafka_notes_poll(&consumer->notes, 0);
    nv_consumer_serve_rekeyed(consumer);
    nv_consumer_ask_again(consumer);
    step_all(consumer);
    uint64_t now_ns = nv_clock_mono_ns(nv_clock_system());
    if (now_ns < consumer->next_commit_ns)
        return;
    consumer->next_commit_ns = now_ns + COMMIT_EVERY_NS;
    if (!atomic_load(&consumer->joining.on))
        nv_consumer_commit(consumer, NULL, false);
    show(consumer);
}

static void *run(void *arg)
{
    struct nv_kafka_consumer *consumer = arg;
    while (!atomic_load(&consumer->end))
        turn(consumer);
    uint64_t stop_ms = atomic_load(&consumer->stop_ms);
    consumer->drain_ms = stop_ms < consumer->drain_ms ? stop_ms : consumer->drain_ms;
    /* lets go of all partitions by the callback */
    (void)consumer->rd->consumer_close(consumer->handle);
    show(consumer);
    return NULL;
}

/* ---- start and stop ---------------------------------------------------------------------- */

static void on_error(rd_kafka_t *handle, int code, const char *text, void *opaque)
{
    const struct nv_kafka_owner *owner = opaque;
    struct nv_kafka_consumer *consumer = owner->ctx;
    (void)handle;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        atomic_store(&consumer->up, false);
    NV_LOG(NV_LOG_WARN, "kafka", "%s: %s", owner->rd->err2name(code), text);
}

static enum nv_err make_handle(struct nv_kafka_consumer *consumer, struct nv_fail *fail)
{
    const char *const own[] = {"group.id",
                               consumer->config.group,
                               "partition.assignment.strategy",
                               "cooperative-sticky",
                               "auto.offset.reset",
                               "earliest",
                               "enable.auto.commit",
                               "false",
                               "enable.auto.offset.store",
                               "false",
                               "enable.partition.eof",
                               "true",
                               "fetch.min.bytes",
                               FETCH_MIN_BYTES,
                               "fetch.wait.max.ms",
                               FETCH_WAIT_MS,
                               NULL};
    rd_kafka_conf_t *conf = NULL;
    enum nv_err err = nv_kafka_conf_new(&consumer->owner, own, &conf, fail);
    if (err != NV_OK)
        return err;
    consumer->rd->conf_set_error_cb(conf, on_error);
    nv_consumer_set_group(consumer, conf);
    err =
        nv_kafka_client_new(&consumer->owner, RD_KAFKA_CONSUMER, conf, &consumer->handle, fail);
    if (err == NV_OK)
        (void)consumer->rd->poll_set_consumer(consumer->handle);
    return err;
}

/* Trace ids are random, and chunks small: compressing them costs more than it saves. */
static enum nv_err open_clients(struct nv_kafka_consumer *consumer, struct nv_fail *fail)
{
    const struct nv_kafka_config *config = &consumer->config;
    enum nv_err err = make_handle(consumer, fail);
    if (err == NV_OK)
        err = nv_kafka_notes_open(&consumer->notes, consumer->rd, config, "none", fail);
    return err == NV_OK ? nv_kafka_notes_open(&consumer->letters, consumer->rd, config,
                                              config->compression, fail)
                        : err;
}

static enum nv_err wait_for_topics(struct nv_kafka_consumer *consumer, struct nv_fail *fail)
{
    const struct nv_kafka_config *config = &consumer->config;
    /* of the last one any number of partitions will do */
    const struct nv_kafka_topics topics = {.names = {config->traces_topic, config->logs_topic,
                                                     config->delivered_topic,
                                                     config->dead_topic},
                                           .count = 4,
                                           .keyed = 3};
    uint64_t count = 0;
    enum nv_err err = nv_kafka_topics_wait(&consumer->owner, consumer->handle,
                                           consumer->notes.producer, &topics, &count, fail);
    if (err != NV_OK)
        return err;
    consumer->slots = calloc(count + 1, sizeof *consumer->slots);
    if (!consumer->slots)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "no memory for a consumer");
    consumer->slot_count = (int32_t)count;
    return NV_OK;
}

static enum nv_err subscribe(struct nv_kafka_consumer *consumer, struct nv_fail *fail)
{
    rd_kafka_topic_partition_list_t *list = consumer->rd->topic_partition_list_new(1);
    (void)consumer->rd->topic_partition_list_add(list, consumer->config.traces_topic,
                                                 RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = consumer->rd->subscribe(consumer->handle, list);
    consumer->rd->topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s", consumer->rd->err2str(code));
    if (pthread_create(&consumer->thread, NULL, run, consumer) != 0)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "cannot start threads");
    consumer->running = true;
    return NV_OK;
}

enum nv_err nv_kafka_consumer_start(const struct nv_kafka_config *config,
                                    const struct nv_kafka_holder *holder, struct nv_fail *fail,
                                    struct nv_kafka_consumer **out)
{
    const struct nv_rd *rd = NULL;
    *out = NULL;
    enum nv_err err = nv_rd_load(&rd, fail);
    if (err != NV_OK)
        return err;
    struct nv_kafka_consumer *consumer = calloc(1, sizeof *consumer);
    if (!consumer)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "no memory for a consumer");
    consumer->config = *config;
    consumer->holder = *holder;
    consumer->rd = rd;
    consumer->drain_ms = NV_CONSUMER_DRAIN_MS;
    consumer->owner =
        (struct nv_kafka_owner){.rd = rd, .config = &consumer->config, .ctx = consumer};
    consumer->notes.find = nv_consumer_find;
    consumer->notes.find_ctx = consumer;
    (void)pthread_mutex_init(&consumer->lock, NULL);
    (void)pthread_mutex_init(&consumer->letters_lock, NULL);
    /* before there is a thread: what it calls may write a letter */
    *out = consumer;
    err = open_clients(consumer, fail);
    if (err == NV_OK)
        err = wait_for_topics(consumer, fail);
    if (err == NV_OK && config->rekeys)
        err = nv_kafka_rekey_new(rd, &consumer->config, fail, &consumer->rekey);
    if (err == NV_OK)
        err = subscribe(consumer, fail);
    if (err != NV_OK) {
        nv_kafka_consumer_free(consumer);
        *out = NULL;
    }
    return err;
}

enum nv_err nv_kafka_consumer_bury(struct nv_kafka_consumer *consumer, struct nv_str head,
                                   struct nv_str payload)
{
    (void)pthread_mutex_lock(&consumer->letters_lock);
    enum nv_err err = consumer->letters.producer
                          ? nv_kafka_notes_put(&consumer->letters, head, payload)
                          : NV_ERR_STOPPING;
    (void)pthread_mutex_unlock(&consumer->letters_lock);
    return err;
}

void nv_kafka_consumer_stop(struct nv_kafka_consumer *consumer, uint64_t deadline_ms)
{
    if (consumer->running) {
        /* of who asks and the thread's own, read when it lets go */
        atomic_store(&consumer->stop_ms, deadline_ms);
        atomic_store(&consumer->end, true);
        pthread_join(consumer->thread, NULL);
    }
    consumer->running = false;
    /* its partitions are another's, who writes it again */
    nv_kafka_rekey_free(consumer->rekey, 0);
    consumer->rekey = NULL;
    nv_kafka_notes_close(&consumer->notes);
    (void)pthread_mutex_lock(&consumer->letters_lock);
    nv_kafka_notes_close(&consumer->letters);
    (void)pthread_mutex_unlock(&consumer->letters_lock);
}

void nv_kafka_consumer_free(struct nv_kafka_consumer *consumer)
{
    if (!consumer)
        return;
    nv_kafka_consumer_stop(consumer, 0);
    if (consumer->handle)
        consumer->rd->destroy(consumer->handle);
    free(consumer->slots);
    (void)pthread_mutex_destroy(&consumer->lock);
    (void)pthread_mutex_destroy(&consumer->letters_lock);
    free(consumer);
}

void nv_kafka_consumer_status(struct nv_kafka_consumer *consumer, struct nv_kafka_status *out)
{
    (void)pthread_mutex_lock(&consumer->lock);
    *out = consumer->shown;
    (void)pthread_mutex_unlock(&consumer->lock);
    out->on = out->assembles = true;
    if (!atomic_load(&consumer->left))
        return;
    out->left = true;
    out->up = false;
    (void)snprintf(out->reason, sizeof out->reason, "this member has left the group for good");
}

#else
#include "base/banned.h"

enum nv_err nv_kafka_consumer_start(const struct nv_kafka_config *config,
                                    const struct nv_kafka_holder *holder, struct nv_fail *fail,
                                    struct nv_kafka_consumer **out)
{
    (void)config;
    (void)holder;
    *out = NULL;
    return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                       "this role needs Kafka, and this program was built without librdkafka");
}

enum nv_err nv_kafka_consumer_bury(struct nv_kafka_consumer *consumer, struct nv_str head,
                                   struct nv_str payload)
{
    (void)consumer;
    (void)head;
    (void)payload;
    return NV_ERR_IO;
}

void nv_kafka_consumer_stop(struct nv_kafka_consumer *consumer, uint64_t deadline_ms)
{
    (void)consumer;
    (void)deadline_ms;
}

void nv_kafka_consumer_free(struct nv_kafka_consumer *consumer)
{
    (void)consumer;
}

void nv_kafka_consumer_status(struct nv_kafka_consumer *consumer, struct nv_kafka_status *out)
{
    (void)consumer;
    *out = (struct nv_kafka_status){0};
}
#endif
