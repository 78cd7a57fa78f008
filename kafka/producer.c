/*
 * The producer: requests on their way to the brokers.
 *
 *   ingest threads:  split, reserve, produce ──▶ librdkafka ──▶ brokers
 *   one thread here: poll ──▶ delivery reports ──▶ count, answer ; renew what is broken
 *
 *   a request [ done | left: 3 | err ]  ◀── message ─┐
 *                                       ◀── message  ├─ each reports once, the last one answers
 *                                       ◀── message ─┘
 *
 * The buffer is bounded by what was reserved here and not by librdkafka's own limits, which
 * count otherwise and are found only message by message: of a request either all messages are
 * taken or none. A handle that has failed for good (idempotence lost its sequence) is replaced
 * by a new one; what was in the old one is refused and comes again from its clients.
 */
#include "kafka/producer.h"

#include "kafka/client.h"
#include "kafka/split.h"
#include "kafka/topics.h"

#ifdef NOVEUM_KAFKA
#include "base/log/counters.h"
#include "base/log/log.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define POLL_MS 100
/* Between two questions to brokers that did not answer. */
#define ASK_EVERY_NS NV_NS_PER_S
/* What purged messages get to be reported. */
#define PURGE_MS 5000
/* Text of a number as a property. */
#define NUMBER_SIZE 24
/* librdkafka's own bounds are to be wider than ours: its largest values. */
#define MESSAGES_MAX "10000000"
#define KBYTES_MAX "2097151"

struct request;

/* One message on its way. */
struct sent {
    struct request *request;
    size_t bytes;
    uint32_t spans;
};

struct request {
    struct nv_kafka_producer *producer;
    nv_accept_done *done;
    void *done_ctx;
    atomic_size_t left; /* messages, and one for who still produces them */
    atomic_int err;     /* enum nv_err of the first that failed */
    struct sent sent[];
};

/*
 * Who produces holds `lock` for reading, so that the handle is not taken away from under it;
 * it is taken for writing when the handle is renewed or the gateway stops, and never over a
 * wait.
 */
struct nv_kafka_producer {
    struct nv_kafka_config config;
    struct nv_kafka_owner owner;
    const struct nv_rd *rd;
    pthread_rwlock_t lock; /* of handle and stopping: read to produce, written to change */
    rd_kafka_t *handle;
    bool stopping;
    atomic_bool broken, up, end;
    _Atomic uint64_t buffered_bytes, buffered_messages, partitions;
    pthread_mutex_t reason_lock; /* of reason */
    char reason[160];
    pthread_t thread;
    bool running;
    uint64_t next_ask_ns; /* of the thread */
};

/* ---- how it is --------------------------------------------------------------------------- */

/*
 * Logged once a change, not once an error: brokers that are away tell it for each connection.
 */
static void set_down(struct nv_kafka_producer *producer, const char *why)
{
    (void)pthread_mutex_lock(&producer->reason_lock);
    (void)snprintf(producer->reason, sizeof producer->reason, "%s", why);
    (void)pthread_mutex_unlock(&producer->reason_lock);
    if (atomic_exchange(&producer->up, false))
        NV_LOG(NV_LOG_WARN, "kafka", "the brokers do not answer: %s", why);
}

static void set_up(struct nv_kafka_producer *producer)
{
    if (!atomic_exchange(&producer->up, true))
        NV_LOG(NV_LOG_INFO, "kafka", "the brokers answer");
}

static void on_error(rd_kafka_t *handle, int code, const char *text, void *opaque)
{
    const struct nv_kafka_owner *owner = opaque;
    struct nv_kafka_producer *producer = owner->ctx;
    (void)handle;
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        atomic_store(&producer->broken, true);
    else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        set_down(producer, text);
    else
        NV_LOG(NV_LOG_WARN, "kafka", "%s: %s", owner->rd->err2name(code), text);
}

/* ---- one request ------------------------------------------------------------------------- */

/*
 * The last one answers, whoever that is: `left` counts the messages and one for who still
 * produces them, or a report that comes at once would free the request in the middle of the
 * loop.
 */
static void let_go(struct request *request)
{
    if (atomic_fetch_sub(&request->left, 1) != 1)
        return;
    request->done(request->done_ctx, (enum nv_err)atomic_load(&request->err));
    free(request);
}

/* Role assemble receives them once more, from the log. */
static void count_rekeyed(uint64_t spans)
{
    nv_ledger_receive(spans, false);
    nv_ledger_drop_held(NV_DROP_REKEYED, spans);
}

/*
 * One message has ended: the brokers have it, or it is not taken. The client is told to send
 * all of it again when one message failed: what was written then comes twice, under the same
 * ids, which assembly sees. A part of a request can't be answered.
 */
static void finish(struct sent *sent, rd_kafka_resp_err_t code)
{
    struct request *request = sent->request;
    struct nv_kafka_producer *producer = request->producer;
    atomic_fetch_sub(&producer->buffered_bytes, sent->bytes);
    atomic_fetch_sub(&producer->buffered_messages, 1);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (producer->config.rekeys)
            count_rekeyed(sent->spans);
        else
            nv_ledger_pass(sent->spans);
        nv_count(NV_COUNT_KAFKA_PRODUCED, 1);
        nv_count(NV_COUNT_KAFKA_PRODUCED_BYTES, sent->bytes);
    } else {
        nv_count(NV_COUNT_KAFKA_FAILED, 1);
        NV_LOG(NV_LOG_WARN, "kafka",
               "a message was not taken, its client is to send it again: %s",
               producer->rd->err2str(code));
        atomic_store(&request->err, NV_ERR_FULL);
    }
    let_go(request);
}

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    const struct nv_kafka_owner *owner = opaque;
    (void)handle;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        set_up(owner->ctx);
    finish(message->_private, message->err);
}

/*
 * Gives one message to librdkafka. With F_FREE its bytes are librdkafka's once it has taken
 * them, and ours as before when it refuses: so `bytes` is cleared on success alone.
 */
static rd_kafka_resp_err_t produce(struct nv_kafka_producer *producer, const char *topic,
                                   const struct nv_batch *batch, bool key_only,
                                   struct nv_kafka_message *message, struct sent *sent)
{
    const struct nv_str project = batch->project;
    rd_kafka_vu_t vus[7] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_FREE},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {message->key, sizeof message->key}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {message->bytes, message->len}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = sent}};
    size_t count = 5;
    if (project.len > 0) {
        vus[count].vtype = RD_KAFKA_VTYPE_HEADER;
        vus[count].u.header.name = NV_KAFKA_HEADER_PROJECT;
        vus[count].u.header.val = project.ptr;
        vus[count++].u.header.size = (ssize_t)project.len;
    }
    if (key_only) {
        vus[count].vtype = RD_KAFKA_VTYPE_HEADER;
        vus[count].u.header.name = NV_KAFKA_HEADER_KEY_ONLY;
        vus[count].u.header.val = "1";
        vus[count++].u.header.size = 1;
    }
    rd_kafka_error_t *error = producer->rd->produceva(producer->handle, vus, count);
    if (!error) {
        message->bytes = NULL;
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_resp_err_t code = producer->rd->error_code(error);
    producer->rd->error_destroy(error);
    return code;
}

/* False: there is no room. A request alone is always taken, or the largest never would be. */
static bool reserve(struct nv_kafka_producer *producer, size_t bytes, size_t messages)
{
    uint64_t before = atomic_fetch_add(&producer->buffered_bytes, bytes);
    if (before > 0 && before + bytes > producer->config.buffer_bytes) {
        atomic_fetch_sub(&producer->buffered_bytes, bytes);
        return false;
    }
    atomic_fetch_add(&producer->buffered_messages, messages);
    return true;
}

static struct request *new_request(struct nv_kafka_producer *producer,
                                   const struct nv_kafka_messages *messages)
{
    struct request *request =
        malloc(sizeof *request + messages->count * sizeof request->sent[0]);
    if (!request)
        return NULL;
    *request = (struct request){.producer = producer};
    atomic_init(&request->left, messages->count + 1);
    atomic_init(&request->err, NV_OK);
    for (size_t i = 0; i < messages->count; i++) {
        request->sent[i] = (struct sent){.request = request,
                                         .bytes = messages->items[i].len,
                                         .spans = messages->items[i].spans};
    }
    return request;
}

static void produce_all(struct nv_kafka_producer *producer, const struct nv_batch *batch,
                        struct nv_kafka_messages *messages, struct request *request)
{
    const char *topic = batch->signal == NV_SIGNAL_LOGS ? producer->config.logs_topic
                                                        : producer->config.traces_topic;
    for (size_t i = 0; i < messages->count; i++) {
        rd_kafka_resp_err_t code = produce(producer, topic, batch, messages->beside,
                                           &messages->items[i], &request->sent[i]);
        if (code == RD_KAFKA_RESP_ERR__FATAL)
            atomic_store(&producer->broken, true);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            finish(&request->sent[i], code);
    }
    let_go(request);
}

/*
 * Takes the request to the brokers; an error means that nothing of it was taken. Room is
 * reserved under the lock and before the first message, for all of the request or for none of
 * it, and a stop that has begun lets no more in. What librdkafka itself refuses of it is no
 * error here: it ends as a message that the brokers refuse does (finish).
 */
static enum nv_err submit(struct nv_kafka_producer *producer, const struct nv_batch *batch,
                          struct nv_kafka_messages *messages, nv_accept_done *done,
                          void *done_ctx)
{
    struct request *request = new_request(producer, messages);
    enum nv_err err = request ? NV_OK : NV_ERR_NO_MEMORY;
    (void)pthread_rwlock_rdlock(&producer->lock);
    if (err == NV_OK && producer->stopping)
        err = NV_ERR_STOPPING;
    else if (err == NV_OK && !reserve(producer, messages->bytes, messages->count))
        err = NV_ERR_FULL;
    if (err == NV_OK) {
        request->done = done;
        request->done_ctx = done_ctx;
        produce_all(producer, batch, messages, request);
    }
    (void)pthread_rwlock_unlock(&producer->lock);
    if (err != NV_OK)
        free(request);
    return err;
}

static void accept_batch(void *ctx, struct nv_batch *batch, nv_accept_done *done,
                         void *done_ctx)
{
    struct nv_kafka_producer *producer = ctx;
    struct nv_kafka_messages messages = {0};
    uint64_t unused = 0;
    enum nv_err err =
        nv_kafka_split(batch, nv_kafka_request_bytes_of(producer->config.message_bytes_max),
                       &messages, &unused);
    if (err == NV_OK && messages.count == 0) {
        nv_ledger_leave_records(unused);
        done(done_ctx, NV_OK);
    } else {
        if (err == NV_OK)
            err = submit(producer, batch, &messages, done, done_ctx);
        if (err == NV_OK)
            nv_ledger_leave_records(unused);
        else
            done(done_ctx, err);
    }
    nv_kafka_messages_release(&messages);
    nv_batch_free(batch);
}

static enum nv_err admit(void *ctx, size_t bytes)
{
    struct nv_kafka_producer *producer = ctx;
    uint64_t now = atomic_load(&producer->buffered_bytes);
    return now > 0 && now + bytes > producer->config.buffer_bytes ? NV_ERR_FULL : NV_OK;
}

struct nv_acceptor nv_kafka_producer_acceptor(struct nv_kafka_producer *producer)
{
    return (struct nv_acceptor){.ctx = producer, .accept = accept_batch, .admit = admit};
}

/* ---- the client -------------------------------------------------------------------------- */

static enum nv_err make_handle(struct nv_kafka_producer *producer, rd_kafka_t **out,
                               struct nv_fail *fail)
{
    const struct nv_kafka_config *config = &producer->config;
    char linger[NUMBER_SIZE], timeout[NUMBER_SIZE], bytes[NUMBER_SIZE];
    (void)snprintf(linger, sizeof linger, "%" PRIu64, config->linger_ms);
    (void)snprintf(timeout, sizeof timeout, "%" PRIu64, config->timeout_ms);
    (void)snprintf(bytes, sizeof bytes, "%" PRIu64, config->message_bytes_max);
    const char *const own[] = {"partitioner",
                               "fnv1a_random",
                               "acks",
                               "all",
                               "enable.idempotence",
                               config->idempotence ? "true" : "false",
                               "compression.codec",
                               config->compression,
                               "linger.ms",
                               linger,
                               "message.timeout.ms",
                               timeout,
                               "message.max.bytes",
                               bytes,
                               "queue.buffering.max.messages",
                               MESSAGES_MAX,
                               "queue.buffering.max.kbytes",
                               KBYTES_MAX,
                               NULL};
    rd_kafka_conf_t *conf = NULL;
    enum nv_err err = nv_kafka_conf_new(&producer->owner, own, &conf, fail);
    if (err != NV_OK)
        return err;
    producer->rd->conf_set_dr_msg_cb(conf, on_delivery);
    producer->rd->conf_set_error_cb(conf, on_error);
    return nv_kafka_client_new(&producer->owner, RD_KAFKA_PRODUCER, conf, out, fail);
}

/*
 * Ends a handle that nobody produces to any more: all that is in it is reported. Purged
 * messages are reported, too, so that each request is answered before its client goes.
 */
static void end_handle(const struct nv_kafka_producer *producer, rd_kafka_t *handle)
{
    (void)producer->rd->purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)producer->rd->flush(handle, PURGE_MS);
    producer->rd->destroy(handle);
}

/*
 * The new one first: without it the old one stays, broken, and requests are refused one by
 * one instead of the gateway having none. It is ended without the lock, since its reports
 * want time.
 */
static void renew(struct nv_kafka_producer *producer)
{
    char text[160] = "";
    struct nv_fail fail = {0};
    rd_kafka_t *fresh = NULL;
    (void)producer->rd->fatal_error(producer->handle, text, sizeof text);
    if (make_handle(producer, &fresh, &fail) != NV_OK) {
        NV_LOG(NV_LOG_ERROR, "kafka", "no new client in the place of a broken one: %s",
               fail.what);
        return;
    }
    (void)pthread_rwlock_wrlock(&producer->lock);
    rd_kafka_t *old = producer->handle;
    producer->handle = fresh;
    atomic_store(&producer->broken, false);
    (void)pthread_rwlock_unlock(&producer->lock);
    nv_count(NV_COUNT_KAFKA_RENEWED, 1);
    NV_LOG(NV_LOG_WARN, "kafka", "the client failed for good and was made anew: %s", text);
    end_handle(producer, old);
}

/* ---- the brokers ------------------------------------------------------------------------- */

static struct nv_kafka_topics topics_of(const struct nv_kafka_producer *producer)
{
    return (struct nv_kafka_topics){
        .names = {producer->config.traces_topic, producer->config.logs_topic},
        .count = 2,
        .keyed = 2};
}

/* What they have said of the topics. */
static void note_answer(struct nv_kafka_producer *producer, enum nv_err err,
                        uint64_t partitions, const struct nv_fail *fail)
{
    if (err == NV_OK) {
        atomic_store(&producer->partitions, partitions);
        set_up(producer);
    } else {
        set_down(producer, fail->what);
    }
}

static void ask_again(struct nv_kafka_producer *producer)
{
    const struct nv_kafka_topics topics = topics_of(producer);
    struct nv_fail fail = {0};
    uint64_t partitions = 0;
    uint64_t now_ns = nv_clock_mono_ns(nv_clock_system());
    if (atomic_load(&producer->up) || now_ns < producer->next_ask_ns)
        return;
    enum nv_err err =
        nv_kafka_topics_ask(&producer->owner, producer->handle, &topics, &partitions, &fail);
    note_answer(producer, err, partitions, &fail);
    producer->next_ask_ns = nv_clock_mono_ns(nv_clock_system()) + ASK_EVERY_NS;
}

static void *run(void *arg)
{
    struct nv_kafka_producer *producer = arg;
    while (!atomic_load(&producer->end)) {
        (void)producer->rd->poll(producer->handle, POLL_MS);
        if (atomic_load(&producer->broken))
            renew(producer);
        ask_again(producer);
    }
    return NULL;
}

/* ---- start and stop ---------------------------------------------------------------------- */

/* Until the topics are known; brokers that do not answer in time are no reason not to start. */
static enum nv_err wait_for_brokers(struct nv_kafka_producer *producer, struct nv_fail *fail)
{
    const struct nv_kafka_topics topics = topics_of(producer);
    uint64_t partitions = 0;
    enum nv_err err = nv_kafka_topics_wait(&producer->owner, producer->handle, producer->handle,
                                           &topics, &partitions, fail);
    if (err == NV_ERR_CONFIG)
        return err;
    note_answer(producer, err, partitions, fail);
    if (err != NV_OK) {
        NV_LOG(NV_LOG_WARN, "kafka", "started without brokers, requests wait for them: %s",
               fail->what);
    }
    *fail = (struct nv_fail){0};
    return NV_OK;
}

static enum nv_err start(struct nv_kafka_producer *producer, struct nv_fail *fail)
{
    enum nv_err err = make_handle(producer, &producer->handle, fail);
    if (err == NV_OK)
        err = wait_for_brokers(producer, fail);
    if (err != NV_OK)
        return err;
    if (pthread_create(&producer->thread, NULL, run, producer) != 0)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "cannot start threads");
    producer->running = true;
    return NV_OK;
}

enum nv_err nv_kafka_producer_start(const struct nv_kafka_config *config, struct nv_fail *fail,
                                    struct nv_kafka_producer **out)
{
    const struct nv_rd *rd = NULL;
    struct nv_fail unwanted = {0};
    fail = fail ? fail : &unwanted;
    *out = NULL;
    enum nv_err err = nv_rd_load(&rd, fail);
    if (err != NV_OK)
        return err;
    struct nv_kafka_producer *producer = calloc(1, sizeof *producer);
    if (!producer)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "no memory for a producer");
    producer->config = *config;
    producer->rd = rd;
    producer->owner =
        (struct nv_kafka_owner){.rd = rd, .config = &producer->config, .ctx = producer};
    (void)pthread_rwlock_init(&producer->lock, NULL);
    (void)pthread_mutex_init(&producer->reason_lock, NULL);
    err = start(producer, fail);
    if (err != NV_OK) {
        nv_kafka_producer_free(producer);
        return err;
    }
    *out = producer;
    return NV_OK;
}

void nv_kafka_producer_stop(struct nv_kafka_producer *producer, uint64_t deadline_ms)
{
    (void)pthread_rwlock_wrlock(&producer->lock);
    producer->stopping = true;
    (void)pthread_rwlock_unlock(&producer->lock);
    /* the thread goes first: it may be about to replace the handle */
    atomic_store(&producer->end, true);
    if (producer->running)
        pthread_join(producer->thread, NULL);
    producer->running = false;
    int wait_ms = deadline_ms < INT32_MAX ? (int)deadline_ms : INT32_MAX;
    if (producer->handle &&
        producer->rd->flush(producer->handle, wait_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        NV_LOG(NV_LOG_WARN, "kafka",
               "stopped before the brokers had all messages, their clients were told");
    }
    if (producer->handle)
        end_handle(producer, producer->handle);
    producer->handle = NULL;
}

void nv_kafka_producer_free(struct nv_kafka_producer *producer)
{
    if (!producer)
        return;
    if (producer->handle)
        nv_kafka_producer_stop(producer, 0);
    assert(atomic_load(&producer->buffered_messages) == 0);
    (void)pthread_mutex_destroy(&producer->reason_lock);
    (void)pthread_rwlock_destroy(&producer->lock);
    free(producer);
}

void nv_kafka_producer_status(struct nv_kafka_producer *producer, struct nv_kafka_status *out)
{
    *out =
        (struct nv_kafka_status){.on = true,
                                 .up = atomic_load(&producer->up),
                                 .buffered_bytes = atomic_load(&producer->buffered_bytes),
                                 .buffered_messages = atomic_load(&producer->buffered_messages),
                                 .partitions = atomic_load(&producer->partitions)};
    if (out->up)
        return;
    (void)pthread_mutex_lock(&producer->reason_lock);
    memcpy(out->reason, producer->reason, sizeof out->reason);
    (void)pthread_mutex_unlock(&producer->reason_lock);
}

void nv_kafka_producer_break(struct nv_kafka_producer *producer)
{
    (void)pthread_rwlock_rdlock(&producer->lock);
    (void)producer->rd->test_fatal_error(
        producer->handle, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "for a test");
    (void)pthread_rwlock_unlock(&producer->lock);
}

#else
#include "base/banned.h"

enum nv_err nv_kafka_producer_start(const struct nv_kafka_config *config, struct nv_fail *fail,
                                    struct nv_kafka_producer **out)
{
    (void)config;
    *out = NULL;
    return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                       "this role needs Kafka, and this program was built without librdkafka");
}

struct nv_acceptor nv_kafka_producer_acceptor(struct nv_kafka_producer *producer)
{
    return (struct nv_acceptor){.ctx = producer};
}

void nv_kafka_producer_stop(struct nv_kafka_producer *producer, uint64_t deadline_ms)
{
    (void)producer;
    (void)deadline_ms;
}

void nv_kafka_producer_free(struct nv_kafka_producer *producer)
{
    (void)producer;
}

void nv_kafka_producer_status(struct nv_kafka_producer *producer, struct nv_kafka_status *out)
{
    (void)producer;
    *out = (struct nv_kafka_status){0};
}
#endif
