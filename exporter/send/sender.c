/*
 * What goes out next, and when to look again.
 *
 * Fresh traces and old ones (retries, halves, outbox) take turns, and old ones never hold the
 * last free request, so that neither a backlog nor a stream of new traces starves the other.
 * The outbox drains at a configured pace plus two bodies for each fresh one: at least twice the
 * nominal rate, and no storm. Only what is about to be sent is read from the outbox.
 *
 * A pump is cheap when nothing is due, so it is called after every event; schedule.c says when
 * it wants to be called next. Trouble of our own (no memory, a full disk) postpones by a
 * second, and a disk that fails does not keep what is in memory from being sent; nor does a
 * trace that finds no memory to be encoded, which is tried less and less often.
 *
 *   queue ─▶ take over ─┬─ fresh ─────────────┐
 *                       ├─ doomed ─▶ buried   ├─▶ gate open? ─▶ body ─▶ in flight ─▶ verdict
 *                       └─ with media ─▶ wait │         retry ◀──────────────────────────┘
 *   outbox ─ paced ───────────────────────────┘
 *
 * The state is the sender thread's and has no lock; what comes from others comes by the queue,
 * and what others want to know is copied out (exporter.c).
 */
#include "exporter/send/sender.h"

#include "base/log/counters.h"
#include "base/limits.h"
#include "base/log/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/banned.h"

enum nv_err nv_sender_init(struct nv_sender *sender)
{
    const struct nv_exporter_config *config = sender->config;
    uint64_t now_ns = nv_clock_mono_ns(sender->clock);

    assert(sender->settler != NULL && sender->queue != NULL);
    sender->owner = (struct nv_owner){0};
    nv_packer_init(&sender->packer, (int)config->compression_level);
    sender->packing = NULL;
    if (config->compression_threads > 0 && config->compression != NV_COMPRESSION_NONE) {
        sender->packing =
            nv_packing_new(config->compression_threads, (int)config->compression_level);
        if (!sender->packing)
            return NV_ERR_NO_MEMORY;
    }
    sender->knobs = (struct nv_retry_knobs){
        .initial_ms = config->retry_initial_ms,
        .max_ms = config->retry_max_ms,
        .retry_after_max_ms = config->retry_after_max_ms,
        .credit_pause_ms = config->credit_pause_ms,
        .credit_pause_max_ms = config->credit_pause_max_ms,
        .probe_ms = config->probe_ms,
    };
    sender->limits = (struct nv_pack_limits){config->batch_traces, config->max_body_bytes};
    nv_gate_init(&sender->gate, config->max_in_flight, now_ns);
    nv_gate_init(&sender->uploading.gate, NV_UPLOAD_FLIGHTS, now_ns);
    nv_outbox_init(&sender->outbox, sender->store);
    sender->drain_filled_ns = now_ns;
    sender->refused_warn_at = NV_SINK_REFUSED_ALL;
    /* for jitter alone: that gateways which were restarted together do not retry together */
    if (getrandom(&sender->random, sizeof sender->random, GRND_NONBLOCK) < 0)
        sender->random = nv_clock_wall_ns(sender->clock);
    return NV_OK;
}

void nv_sender_release(struct nv_sender *sender)
{
    assert(nv_owner_is_mine(&sender->owner));
    assert(sender->fresh.count == 0 && sender->doomed.count == 0 && sender->retry == NULL);
    nv_packing_free(sender->packing);
    nv_packer_release(&sender->packer);
    nv_outbox_release(&sender->outbox);
}

/* ---- taking over ------------------------------------------------------------------------- */

/* What is encoded already goes on: only that gives memory back. */
static void wait_for_memory(struct nv_sender *sender, uint64_t now_ns)
{
    sender->raw_due_ns =
        now_ns + (NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS << sender->raw_tries);
    if (sender->raw_tries == 0) {
        nv_sender_note_error(sender, "no memory to encode a trace, it waits");
        NV_LOG(NV_LOG_WARN, "exporter",
               "no memory to encode a trace, it waits and is tried less and less often, up to "
               "every 64 s");
    }
    if (sender->raw_tries < NV_SENDER_RAW_TRIES_MAX)
        sender->raw_tries++;
}

/* To those that wait for media, the dead ones, or those that are sent. */
static void file(struct nv_sender *sender, struct nv_encoded *encoded)
{
    if (encoded->media)
        nv_uploading_take_over(sender, encoded);
    else
        nv_encoded_list_push(encoded->why ? &sender->doomed : &sender->fresh, encoded);
}

/* In the order they came, one after another: memory for one that was encoded is what frees the
 * arena that the next one needs. */
static void encode_raw(struct nv_sender *sender, struct nv_trace *raw, uint64_t now_ns)
{
    struct nv_trace **tail = &sender->raw;

    while (*tail)
        tail = &(*tail)->next;
    *tail = raw;
    while (sender->raw && now_ns >= sender->raw_due_ns) {
        struct nv_trace *trace = sender->raw;
        struct nv_trace *next = trace->next;
        struct nv_encoded *encoded =
            nv_uploading_encode(sender->config, sender->store, sender->clock, trace);

        if (!encoded) {
            wait_for_memory(sender, now_ns);
            return;
        }
        nv_arena_free(trace->arena);
        sender->raw = next;
        sender->raw_tries = 0;
        nv_send_queue_remember(sender->queue, encoded);
        file(sender, encoded);
    }
}

void nv_sender_take_over(struct nv_sender *sender)
{
    assert(nv_owner_is_mine(&sender->owner));
    uint64_t now_ns = nv_clock_mono_ns(sender->clock);
    struct nv_encoded_list arrived = {0};
    struct nv_trace *raw = nv_send_queue_take_all(sender->queue, &arrived);
    struct nv_encoded *encoded;

    while ((encoded = nv_encoded_list_pop(&arrived)) != NULL)
        file(sender, encoded);
    if (raw || sender->raw)
        encode_raw(sender, raw, now_ns);
    if (sender->doomed.count > 0 && now_ns >= sender->store_trouble_ns)
        nv_sender_bury(sender);
}

/* ---- choosing ---------------------------------------------------------------------------- */

/* Each fresh body pays for old ones, so that a backlog shrinks however much comes in. */
static struct nv_body *take_fresh(struct nv_sender *sender, uint64_t now_ns)
{
    struct nv_body *body;

    if (nv_sender_fresh_due_ns(sender) > now_ns)
        return NULL;
    const struct nv_pack_limits limits = nv_sender_fresh_limits(sender);
    body = nv_body_take(&sender->fresh, &limits);
    if (!body)
        sender->own_trouble_ns = now_ns + NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS;
    else
        sender->drain_budget += NV_SENDER_DRAIN_A_FRESH_BODY;
    return body;
}

static struct nv_body *unlink_retry(struct nv_sender *sender, struct nv_body **at)
{
    struct nv_body *body = *at;

    *at = body->next;
    body->next = NULL;
    sender->retry_count--;
    return body;
}

static struct nv_body *take_retry(struct nv_sender *sender, uint64_t now_ns)
{
    for (struct nv_body **at = &sender->retry; *at; at = &(*at)->next) {
        struct nv_body *body = *at;

        /* Sorted, so none behind it is due either. One that can't be paid for does not hold up
         * those behind it that are free: halves, and bodies whose failure was not the
         * backend's. */
        if (body->due_ns > now_ns)
            return NULL;
        if (body->again && !nv_gate_pay_retry(&sender->gate, now_ns))
            continue;
        return unlink_retry(sender, at);
    }
    return NULL;
}

/* Halves first: they tell which of them was meant. */
static struct nv_body *take_pilot(struct nv_sender *sender, uint64_t now_ns)
{
    if (now_ns < sender->own_trouble_ns)
        return NULL;
    for (struct nv_body **at = &sender->retry; *at; at = &(*at)->next) {
        if ((*at)->attempt == 0 && (*at)->due_ns <= now_ns && nv_sender_has_old_slot(sender))
            return unlink_retry(sender, at);
    }
    return take_fresh(sender, now_ns);
}

static void lose_record(struct nv_sender *sender, enum nv_err err, uint64_t spans)
{
    NV_LOG(NV_LOG_ERROR, "exporter", "outbox record can't be read back: %s spans=%llu",
           nv_err_info(err)->text, (unsigned long long)spans);
    nv_sender_note_error(sender, "an outbox record can't be read back");
    nv_ledger_dead_queued(NV_DEAD_DAMAGED, spans);
}

/* One record; what can't be read for good is counted and gone, for the moment: later. The
 * difference is the store's: NOT_FOUND and MALFORMED do not get better by waiting. */
static enum nv_err take_record(struct nv_sender *sender, struct nv_encoded_list *list,
                               uint64_t now_ns)
{
    struct nv_encoded_list taken;
    uint64_t lost = 0;
    enum nv_err err = nv_outbox_take(&sender->outbox, &taken, &lost);

    if (err == NV_ERR_NOT_FOUND || err == NV_ERR_MALFORMED)
        lose_record(sender, err, lost);
    else if (err != NV_OK)
        sender->store_trouble_ns = now_ns + NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS;
    if (err != NV_OK)
        return err;
    for (struct nv_encoded *e = taken.first; e; e = e->next) {
        e->queued_ns = now_ns;
        nv_send_queue_remember(sender->queue, e);
    }
    nv_encoded_list_append(list, &taken);
    return NV_OK;
}

/* Records smaller than a body (retried dead letters are one trace each) share one. */
static struct nv_body *take_outbox(struct nv_sender *sender, uint64_t now_ns)
{
    const struct nv_pack_limits all = {UINT32_MAX, SIZE_MAX};
    struct nv_encoded_list list = {0};
    struct nv_body *body;

    if (nv_sender_outbox_due_ns(sender, now_ns) > now_ns)
        return NULL;
    sender->drain_budget = nv_sender_drain_budget(sender, now_ns);
    sender->drain_filled_ns = now_ns;
    if (take_record(sender, &list, now_ns) != NV_OK)
        return NULL;
    sender->drain_budget -= NV_SENDER_DRAIN_COST;
    while (nv_outbox_next_fits(&sender->outbox, &list, &sender->limits)) {
        if (take_record(sender, &list, now_ns) != NV_OK)
            break;
    }
    body = nv_body_take(&list, &all);
    if (!body) {
        /* Without memory for the body they go on as fresh ones; nothing is lost. */
        nv_encoded_list_append(&sender->fresh, &list);
        return NULL;
    }
    body->old = true;
    return body;
}

static struct nv_body *take_old(struct nv_sender *sender, uint64_t now_ns)
{
    struct nv_body *body;

    if (!nv_sender_has_old_slot(sender))
        return NULL;
    body = take_retry(sender, now_ns);
    return body != NULL ? body : take_outbox(sender, now_ns);
}

static struct nv_body *take_next(struct nv_sender *sender, uint64_t now_ns)
{
    struct nv_body *body;

    if (now_ns < sender->own_trouble_ns)
        return NULL;
    if (sender->prefer_old) {
        body = take_old(sender, now_ns);
        if (!body)
            body = take_fresh(sender, now_ns);
    } else {
        body = take_fresh(sender, now_ns);
        if (!body)
            body = take_old(sender, now_ns);
    }
    /* each kind waits for one body of the other at most */
    if (body)
        sender->prefer_old = !body->old;
    return body;
}

/* ---- dispatching ------------------------------------------------------------------------- */

static void probe(struct nv_sender *sender, uint64_t now_ns)
{
    const struct nv_send_request request = {.route = NV_ROUTE_STATUS};

    if (sender->probing || !nv_gate_wants_probe(&sender->gate, now_ns))
        return;
    /* With nothing to send nobody needs to know yet whether the key works. */
    if (sender->fresh.count == 0 && !sender->retry && sender->outbox.count == 0 &&
        nv_uploading_pending(&sender->uploading) == 0)
        return;
    if (sender->transport->send(sender->transport->ctx, &request, nv_sender_probe_done,
                                sender) == NV_OK)
        sender->probing = true;
    else
        sender->own_trouble_ns = now_ns + NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS;
}

static void dispatch(struct nv_sender *sender, uint64_t now_ns)
{
    probe(sender, now_ns);
    for (;;) {
        bool open = nv_gate_is_open(&sender->gate, sender->in_flight, now_ns);
        struct nv_body *body;

        if (!open && !nv_gate_takes_pilot(&sender->gate, sender->in_flight))
            return;
        body = open ? take_next(sender, now_ns) : take_pilot(sender, now_ns);
        if (!body || !nv_sender_start(sender, body, now_ns))
            return;
    }
}

/* ---- files only -------------------------------------------------------------------------- */

static bool write_one(struct nv_sender *sender, const struct nv_encoded *encoded)
{
    struct nv_encoded_facts facts = {0};
    enum nv_err err = nv_encoded_read_facts(nv_encoded_json(encoded), &facts);

    if (err == NV_OK)
        err = nv_files_write(sender->files, facts.trace_id, nv_encoded_json(encoded));
    sender->files_failed = err != NV_OK;
    if (err == NV_OK)
        return true;
    nv_sender_note_error(sender, nv_err_info(err)->text);
    NV_LOG(NV_LOG_ERROR, "exporter", "trace not written to a file, will try again: %s",
           nv_err_info(err)->text);
    return false;
}

/* Without a backend a trace is delivered when its file is there. One that can't be written
 * stays at the head and stops the rest: a full disk is full for all. */
static void write_files(struct nv_sender *sender, uint64_t now_ns)
{
    struct nv_body *body;

    while (now_ns >= sender->own_trouble_ns) {
        if (sender->fresh.count == 0 && (body = take_outbox(sender, now_ns)) != NULL) {
            nv_encoded_list_append(&sender->fresh, &body->traces);
            nv_body_free(body);
        }
        if (sender->fresh.count == 0)
            return;
        if (write_one(sender, sender->fresh.first))
            nv_sender_delivered(sender, nv_encoded_list_pop(&sender->fresh));
        else
            sender->own_trouble_ns = now_ns + NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS;
    }
}

/* ---- the pump ---------------------------------------------------------------------------- */

uint64_t nv_sender_pump(struct nv_sender *sender)
{
    assert(nv_owner_is_mine(&sender->owner));
    uint64_t now_ns = nv_clock_mono_ns(sender->clock);
    uint64_t due_ns, expire_ns = UINT64_MAX;
    bool more;

    nv_sender_take_over(sender);
    if (sender->config->media_files)
        expire_ns = nv_media_files_expire(sender->config->media_files);
    if (sender->transport) {
        nv_uploading_pump(sender, now_ns);
        nv_sender_launch_packed(sender, now_ns);
        dispatch(sender, now_ns);
    } else {
        write_files(sender, now_ns);
    }
    more = nv_sender_spill(sender, now_ns);
    /* its buffers are as large as the largest body: kept while there is work, not over night */
    if (nv_sender_is_idle(sender))
        nv_packer_release(&sender->packer);
    nv_sender_refresh_status(sender);
    if (nv_sender_await(sender) || more)
        return 0;
    due_ns = nv_sender_next_due_ns(sender, now_ns);
    /* what is due but could not be done (no slot) is looked at again, without spinning */
    if (due_ns != UINT64_MAX)
        due_ns = due_ns > now_ns ? due_ns - now_ns : NV_NS_PER_MS;
    return due_ns < expire_ns ? due_ns : expire_ns;
}

bool nv_sender_is_idle(const struct nv_sender *sender)
{
    return sender->fresh.count == 0 && sender->doomed.count == 0 && sender->raw == NULL &&
           sender->retry == NULL && sender->in_flight == 0 &&
           sender->uploading.waiting.count == 0 && sender->uploading.flights == 0;
}
