/*
 * The stage's face: consuming on the shards, stepping the sender, starting and stopping.
 *
 * Nothing is decided here. The sender's state belongs to one thread (the sender's, or the
 * caller's in inline mode); what others may see is copied out under a lock after each step.
 * Stopping tries to send until the deadline, but does not wait for a backend that is known to
 * be in trouble when there is an outbox to put things into.
 *
 *   shard threads ─ consume ─▶ queue ─┐                     ┌─▶ status, copied under `lock`
 *   admin thread ─ retry_dead ─▶ adopted[] (under `lock`) ──┴─▶ sender's thread: step, pump
 *                               `retrying` first, never the other way round
 */
#include "exporter/exporter.h"

#include "base/log/counters.h"
#include "exporter/media/letter.h"
#include "exporter/outbox/dead_letters.h"
#include "exporter/send/endpoint.h"
#include "exporter/send/send_thread.h"
#include "exporter/send/sender.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

/* Dead letters that wait for the sender to notice them; more wait for it. */
#define ADOPTED_MAX 64
#define ADOPT_WAIT_S 10

struct nv_exporter {
    struct nv_exporter_config config; /* owns its strings */
    const struct nv_clock *clock;
    const struct nv_store *store;
    struct nv_send_queue *queue;
    struct nv_files *files;
    struct nv_sender sender;
    struct nv_send_thread *thread; /* NULL in inline mode */
    bool sender_ready;
    bool stopped;
    _Atomic bool stopping;
    _Atomic uint64_t stop_ns; /* monotonic deadline */
    pthread_mutex_t retrying; /* one second try at a time; taken before `lock` */
    pthread_mutex_t lock;     /* what is below */
    struct nv_sink_status status;
    struct nv_outbox_entry adopted[ADOPTED_MAX];
    uint32_t adopted_count;
    struct nv_upload *adopted_media[ADOPTED_MAX];
    uint32_t adopted_media_count;
    pthread_cond_t room; /* one of the two counts went down, or it stops */
};

/* ---- making ------------------------------------------------------------------------------ */

static bool copy_text(const char **field)
{
    if (!*field)
        return true;
    *field = strdup(*field);
    return *field != NULL;
}

static bool copy_config(struct nv_exporter_config *to, const struct nv_exporter_config *from)
{
    const char **fields[] = {&to->endpoint,        &to->api_key,
                             &to->ca_bundle_file,  &to->proxy,
                             &to->file_directory,  &to->client_cert_file,
                             &to->client_key_file, &to->client_key_password,
                             &to->no_proxy,        &to->content_type};
    bool ok = true;

    *to = *from;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        ok = copy_text(fields[i]) && ok;
    return ok;
}

/* A memset before free is optimised away, and core dumps are kept. */
static void free_secret(const char *text)
{
    if (text)
        explicit_bzero((void *)(uintptr_t)text, strlen(text));
    free((void *)(uintptr_t)text);
}

static void free_config(struct nv_exporter_config *config)
{
    free_secret(config->api_key);
    free_secret(config->client_key_password);
    free_secret(config->proxy); /* may hold a login */
    free((void *)(uintptr_t)config->endpoint);
    free((void *)(uintptr_t)config->ca_bundle_file);
    free((void *)(uintptr_t)config->file_directory);
    free((void *)(uintptr_t)config->client_cert_file);
    free((void *)(uintptr_t)config->client_key_file);
    free((void *)(uintptr_t)config->no_proxy);
    free((void *)(uintptr_t)config->content_type);
}

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static enum nv_err init_sender(struct nv_exporter *exporter, const struct nv_settler *settler)
{
    struct nv_sender *sender = &exporter->sender;
    enum nv_err err;

    sender->config = &exporter->config;
    sender->settler = settler;
    sender->store = exporter->store;
    sender->clock = exporter->clock;
    sender->queue = exporter->queue;
    sender->files = exporter->files;
    err = nv_sender_init(sender);
    if (err != NV_OK)
        return err;
    exporter->sender_ready = true;
    /* what an earlier run left counts as queued from the start, or the ledger would not add
     * up */
    err = nv_outbox_load(&sender->outbox);
    if (err == NV_OK)
        nv_ledger_requeue(sender->outbox.spans);
    if (err == NV_OK)
        err = nv_uploading_load(sender);
    return err;
}

static enum nv_err init_parts(struct nv_exporter *exporter, const struct nv_settler *settler,
                              struct nv_fail *fail)
{
    const struct nv_exporter_config *config = &exporter->config;
    enum nv_err err;

    if (is_set(config->file_directory)) {
        exporter->files = nv_files_new(config->file_directory, fail);
        if (!exporter->files)
            return NV_ERR_IO;
    }
    exporter->queue = nv_send_queue_new(config->queue_bytes_max, config->queue_traces_max);
    if (!exporter->queue)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    nv_send_queue_set_ahead(exporter->queue, NV_SENDER_AHEAD_BODIES * config->max_body_bytes);
    err = init_sender(exporter, settler);
    if (err != NV_OK) {
        return nv_fail_set(fail, err, 0, "the outbox can't be read: %s",
                           nv_err_info(err)->text);
    }
    nv_sender_refresh_status(&exporter->sender);
    exporter->status = exporter->sender.status;
    return NV_OK;
}

static bool init_lock(struct nv_exporter *exporter)
{
    if (pthread_mutex_init(&exporter->lock, NULL) != 0)
        return false;
    if (pthread_mutex_init(&exporter->retrying, NULL) == 0) {
        if (pthread_cond_init(&exporter->room, NULL) == 0)
            return true;
        (void)pthread_mutex_destroy(&exporter->retrying);
    }
    (void)pthread_mutex_destroy(&exporter->lock);
    return false;
}

struct nv_exporter *nv_exporter_new(const struct nv_exporter_config *config,
                                    const struct nv_settler *settler,
                                    const struct nv_store *store, const struct nv_clock *clock,
                                    struct nv_fail *fail)
{
    struct nv_exporter *exporter;

    assert(settler != NULL && clock != NULL);
    if (nv_exporter_check(config, fail) != NV_OK)
        return NULL;
    exporter = calloc(1, sizeof *exporter);
    if (!exporter || !init_lock(exporter)) {
        (void)nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
        free(exporter);
        return NULL;
    }
    exporter->clock = clock;
    exporter->store = store;
    if (!copy_config(&exporter->config, config))
        (void)nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    else if (init_parts(exporter, settler, fail) == NV_OK)
        return exporter;
    nv_exporter_free(exporter);
    return NULL;
}

void nv_exporter_free(struct nv_exporter *exporter)
{
    if (!exporter)
        return;
    nv_exporter_stop(exporter, 0);
    nv_send_thread_free(exporter->thread); /* stopped: nobody packs and would wake it */
    while (exporter->adopted_media_count > 0)
        nv_upload_unref(exporter->adopted_media[--exporter->adopted_media_count]);
    if (exporter->sender_ready)
        nv_sender_release(&exporter->sender);
    nv_send_queue_free(exporter->queue);
    nv_files_free(exporter->files);
    free_config(&exporter->config);
    (void)pthread_cond_destroy(&exporter->room);
    (void)pthread_mutex_destroy(&exporter->retrying);
    (void)pthread_mutex_destroy(&exporter->lock);
    free(exporter);
}

/* ---- consuming --------------------------------------------------------------------------- */

/* On the shard's thread: encoding there is done by as many threads as there are shards, and the
 * trace's arena goes back at once. */
void nv_exporter_consume(struct nv_exporter *exporter, struct nv_trace *trace)
{
    struct nv_encoded *encoded;
    bool wake = true;

    nv_ledger_queue(trace->span_count);
    encoded = nv_uploading_encode(&exporter->config, exporter->store, exporter->clock, trace);
    /* No memory to encode it, and no way back: it was accepted, so it waits as it is. */
    if (!encoded) {
        nv_send_queue_push_raw(exporter->queue, trace);
    } else {
        nv_arena_free(trace->arena);
        wake = nv_send_queue_push(exporter->queue, encoded);
    }
    if (!exporter->thread)
        return;
    if (wake)
        nv_send_thread_wake(exporter->thread);
    /* Holds this shard until the sender has written to disk, never for the network; meanwhile
     * the shard's other traces stay in the journal, where they cost nothing. */
    nv_send_queue_wait_room(exporter->queue);
}

/* ---- stepping ---------------------------------------------------------------------------- */

static void publish_status(struct nv_exporter *exporter)
{
    (void)pthread_mutex_lock(&exporter->lock);
    exporter->status = exporter->sender.status;
    if (exporter->stopped)
        exporter->status.state = NV_SINK_STOPPED;
    (void)pthread_mutex_unlock(&exporter->lock);
}

/* Gives the sender the dead letters that were made outbox records. False: no memory for all. */
static bool adopt(struct nv_exporter *exporter)
{
    enum nv_err err = NV_OK;

    (void)pthread_mutex_lock(&exporter->lock);
    while (exporter->adopted_count > 0 && err == NV_OK) {
        err = nv_outbox_adopt(&exporter->sender.outbox,
                              &exporter->adopted[exporter->adopted_count - 1]);
        exporter->adopted_count -= err == NV_OK;
    }
    while (exporter->adopted_media_count > 0) {
        nv_uploading_adopt(&exporter->sender,
                           exporter->adopted_media[--exporter->adopted_media_count]);
    }
    (void)pthread_cond_broadcast(&exporter->room);
    (void)pthread_mutex_unlock(&exporter->lock);
    return err == NV_OK;
}

uint64_t nv_exporter_pump(struct nv_exporter *exporter)
{
    const uint64_t again_ns = NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS;
    bool adopted_all = adopt(exporter);
    uint64_t wait_ns = nv_sender_pump(&exporter->sender);

    publish_status(exporter);
    return adopted_all || wait_ns < again_ns ? wait_ns : again_ns;
}

/* With an outbox, waiting for a backend that is held saves nothing: the traces are on disk.
 * Without one, they would be lost, so every second of the deadline is used. */
static bool is_hopeless(const struct nv_exporter *exporter)
{
    return exporter->store != NULL && exporter->sender.status.state != NV_SINK_SENDING;
}

static void finish(struct nv_exporter *exporter)
{
    const struct nv_transport *transport = exporter->sender.transport;

    /* What the backend made of a request in flight is unknown; it is kept, and sent again it is
     * the same ids, which the backend ignores (docs/noveum-backend.md#immutability). */
    nv_sender_end_packing(&exporter->sender);
    if (transport)
        transport->cancel_all(transport->ctx);
    /* Traces that arrived after the last pump. */
    nv_sender_take_over(&exporter->sender);
    nv_uploading_abandon(&exporter->sender);
    nv_sender_abandon(&exporter->sender);
    nv_sender_refresh_status(&exporter->sender);
    nv_owner_leave(&exporter->sender.owner); /* who joins the thread frees it */
    exporter->stopped = true;
    publish_status(exporter);
}

static uint64_t step(void *ctx, bool *finished)
{
    struct nv_exporter *exporter = ctx;
    bool stopping = atomic_load(&exporter->stopping);
    uint64_t now_ns, wait_ns, stop_ns;

    if (exporter->stopped) {
        *finished = true;
        return UINT64_MAX;
    }
    /* the thread claims the state at its first step: it was made on another one */
    if (exporter->thread && !exporter->sender.owner.taken)
        nv_owner_take(&exporter->sender.owner);
    exporter->sender.stopping = stopping;
    wait_ns = nv_exporter_pump(exporter);
    if (!stopping)
        return wait_ns;
    now_ns = nv_clock_mono_ns(exporter->clock);
    stop_ns = atomic_load(&exporter->stop_ns);
    if (now_ns < stop_ns && !nv_sender_is_idle(&exporter->sender) && !is_hopeless(exporter))
        return wait_ns < stop_ns - now_ns ? wait_ns : stop_ns - now_ns;
    finish(exporter);
    *finished = true;
    return UINT64_MAX;
}

/* ---- starting and stopping --------------------------------------------------------------- */

static void on_packed(void *ctx)
{
    nv_send_thread_wake(ctx);
}

enum nv_err nv_exporter_start(struct nv_exporter *exporter, struct nv_fail *fail)
{
    const struct nv_send_work work = {step, exporter, "send"};
    struct nv_endpoint endpoint;
    bool backend = is_set(exporter->config.endpoint);
    enum nv_err err;

    assert(exporter->thread == NULL && !exporter->stopped);
    if (backend) {
        err = nv_endpoint_parse(nv_str_from(exporter->config.endpoint), &endpoint, fail);
        if (err != NV_OK)
            return err;
    }
    exporter->thread = nv_send_thread_new(&exporter->config, backend ? &endpoint : NULL, &work,
                                          exporter->clock, fail);
    if (!exporter->thread)
        return fail != NULL && fail->code != NV_OK ? fail->code : NV_ERR_NO_MEMORY;
    exporter->sender.transport = nv_send_thread_transport(exporter->thread);
    if (exporter->sender.packing)
        nv_packing_set_ready(exporter->sender.packing, on_packed, exporter->thread);
    nv_send_queue_set_waiting(exporter->queue, exporter->store != NULL);
    err = nv_send_thread_start(exporter->thread);
    if (err != NV_OK)
        return nv_fail_set(fail, err, 0, "the exporter's thread can't be started");
    /* What an earlier run left in the outbox. */
    nv_send_thread_wake(exporter->thread);
    return NV_OK;
}

void nv_exporter_stop(struct nv_exporter *exporter, uint32_t deadline_ms)
{
    bool finished = false;

    if (exporter->stopped || !exporter->sender_ready)
        return;
    nv_send_queue_set_waiting(exporter->queue, false);
    atomic_store(&exporter->stop_ns,
                 nv_clock_mono_ns(exporter->clock) + deadline_ms * NV_NS_PER_MS);
    /* Under the lock, or who is about to wait for room would miss it. */
    (void)pthread_mutex_lock(&exporter->lock);
    atomic_store(&exporter->stopping, true);
    (void)pthread_cond_broadcast(&exporter->room);
    (void)pthread_mutex_unlock(&exporter->lock);
    if (exporter->thread) {
        nv_send_thread_wake(exporter->thread);
        nv_send_thread_join(exporter->thread);
    }
    if (exporter->stopped)
        return;
    /* Inline, or the thread never ran: one last try without waiting. */
    (void)step(exporter, &finished);
    if (!finished)
        finish(exporter);
}

/* ---- looking in -------------------------------------------------------------------------- */

enum nv_err nv_exporter_pressure(const struct nv_exporter *exporter)
{
    return nv_send_queue_pressure(exporter->queue);
}

void nv_exporter_read_status(struct nv_exporter *exporter, struct nv_sink_status *out)
{
    (void)pthread_mutex_lock(&exporter->lock);
    *out = exporter->status;
    (void)pthread_mutex_unlock(&exporter->lock);
    /* These two are known to the moment. */
    out->queued_traces = nv_send_queue_traces(exporter->queue);
    out->queued_bytes = nv_send_queue_bytes(exporter->queue);
}

static bool has_places(const struct nv_exporter *exporter)
{
    return exporter->adopted_count < ADOPTED_MAX && exporter->adopted_media_count < ADOPTED_MAX;
}

/* Waits for the sender's thread, which may be packing a body. */
static bool has_room(struct nv_exporter *exporter)
{
    struct timespec until;
    int timed_out = 0;

    (void)pthread_mutex_lock(&exporter->lock);
    /* the condition has the default clock; a step of it makes a command wait longer or try
     * again */
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ADOPT_WAIT_S;
    while (!has_places(exporter) && exporter->thread && timed_out == 0 &&
           !atomic_load(&exporter->stopping))
        timed_out = pthread_cond_timedwait(&exporter->room, &exporter->lock, &until);
    bool room = has_places(exporter);
    (void)pthread_mutex_unlock(&exporter->lock);
    return room;
}

static void hand_over(struct nv_exporter *exporter, const struct nv_outbox_entry *entry)
{
    (void)pthread_mutex_lock(&exporter->lock);
    assert(exporter->adopted_count < ADOPTED_MAX);
    /* before the sender can see it, or it would be delivered before it was queued */
    nv_ledger_requeue(entry->spans);
    exporter->adopted[exporter->adopted_count++] = *entry;
    (void)pthread_mutex_unlock(&exporter->lock);
    if (exporter->thread)
        nv_send_thread_wake(exporter->thread);
}

static void hand_over_medium(struct nv_exporter *exporter, struct nv_upload *upload)
{
    (void)pthread_mutex_lock(&exporter->lock);
    assert(exporter->adopted_media_count < ADOPTED_MAX);
    exporter->adopted_media[exporter->adopted_media_count++] = upload;
    (void)pthread_mutex_unlock(&exporter->lock);
    if (exporter->thread)
        nv_send_thread_wake(exporter->thread);
}

/* A letter as it is: of a medium, else of a trace. */
static enum nv_err retry_as_it_is(struct nv_exporter *exporter, uint64_t id,
                                  struct nv_outbox_entry *entry)
{
    struct nv_upload *upload = NULL;
    bool is = false;
    enum nv_err err = nv_media_letter_retry(exporter->store, id, &upload, &is);

    if (err == NV_OK && !is)
        err = nv_dead_letters_retry(exporter->store, id, (struct nv_str){NULL, 0}, entry);
    if (upload)
        hand_over_medium(exporter, upload);
    return err;
}

enum nv_err nv_exporter_retry_dead(struct nv_exporter *exporter, uint64_t id,
                                   struct nv_str json)
{
    struct nv_outbox_entry entry = {0};
    enum nv_err err = NV_ERR_BUSY;

    if (!exporter->store)
        return NV_ERR_NOT_FOUND;
    /* Not under `lock`: this waits for the disk, and the sender must not. What room there is
     * stays until it is used, because others only make more. */
    (void)pthread_mutex_lock(&exporter->retrying);
    if (has_room(exporter)) {
        err = json.len > 0 ? nv_dead_letters_retry(exporter->store, id, json, &entry)
                           : retry_as_it_is(exporter, id, &entry);
    }
    if (err == NV_OK && entry.id != 0)
        hand_over(exporter, &entry);
    (void)pthread_mutex_unlock(&exporter->retrying);
    return err;
}

/* ---- as a sink --------------------------------------------------------------------------- */

static void sink_consume(void *ctx, struct nv_trace *trace)
{
    nv_exporter_consume(ctx, trace);
}

static enum nv_err sink_pressure(void *ctx)
{
    return nv_exporter_pressure(ctx);
}

static void sink_status(void *ctx, struct nv_sink_status *out)
{
    nv_exporter_read_status(ctx, out);
}

static enum nv_err sink_again(void *ctx, uint64_t id, struct nv_str json)
{
    return nv_exporter_retry_dead(ctx, id, json);
}

static void sink_stop(void *ctx, uint32_t deadline_ms)
{
    nv_exporter_stop(ctx, deadline_ms);
}

static void sink_free(void *ctx)
{
    nv_exporter_free(ctx);
}

struct nv_sink nv_exporter_sink(struct nv_exporter *exporter, const char *name)
{
    return (struct nv_sink){.name = name,
                            .ctx = exporter,
                            .consume = sink_consume,
                            .pressure = sink_pressure,
                            .status = sink_status,
                            .again = sink_again,
                            .stop = sink_stop,
                            .free = sink_free};
}

void nv_exporter_set_transport(struct nv_exporter *exporter,
                               const struct nv_transport *transport, uint64_t seed)
{
    assert(exporter->thread == NULL);
    exporter->sender.transport = transport;
    exporter->sender.random = seed;
}
