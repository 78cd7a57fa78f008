/*
 * Media on their way.
 *
 * A trace lies in `waiting` with references on its uploads; an upload that ends is only marked
 * so, and the next pump looks through the traces. Nothing here ends a trace: it goes on to the
 * fresh ones, with what became of its media written into its JSON.
 *
 *   trace ─▶ waiting ───────────────────────────────────────────────┐ all ended, or 10 s
 *      │ refs                                                       ▼
 *      ▼                                                     fresh traces, told what became
 *   fresh ─▶ flying ─┬─ delivered, marked, buried, lost: `ended` is set
 *     ▲              └─ retry (by due time) ─▶ flying
 *     └── what an earlier run left in the store
 *
 * An upload has one reference of the list that it lies in and one of each trace that waits for
 * it. Uploads have a gate of their own (answer/gate.h), because the backend limits them apart
 * from traces; a hold of the traces' gate (a refused key, credit) holds them too.
 *
 * All of it on the sender's thread.
 */
#include "exporter/send/uploading.h"

#include "base/log/counters.h"
#include "base/log/log.h"
#include "exporter/encode/encode_whole.h"
#include "exporter/media/form.h"
#include "exporter/media/letter.h"
#include "exporter/media/references.h"
#include "exporter/send/sender.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* ---- lists ------------------------------------------------------------------------------- */

static void push_fresh(struct nv_uploading *up, struct nv_upload *upload)
{
    upload->next = NULL;
    if (up->fresh.last)
        up->fresh.last->next = upload;
    else
        up->fresh.first = upload;
    up->fresh.last = upload;
    up->fresh.count++;
}

static struct nv_upload *pop_fresh(struct nv_uploading *up)
{
    struct nv_upload *upload = up->fresh.first;

    if (!upload)
        return NULL;
    up->fresh.first = upload->next;
    if (!up->fresh.first)
        up->fresh.last = NULL;
    up->fresh.count--;
    return upload;
}

/* Sorted by when it is due; equal ones in the order they came. Few retry at a time, so a walk
 * does. */
static void insert_retry(struct nv_uploading *up, struct nv_upload *upload, uint64_t due_ns)
{
    struct nv_upload **at = &up->retry;

    upload->due_ns = due_ns;
    while (*at && (*at)->due_ns <= due_ns)
        at = &(*at)->next;
    upload->next = *at;
    *at = upload;
    up->retry_count++;
}

static struct nv_upload *pop_retry(struct nv_uploading *up, uint64_t now_ns)
{
    struct nv_upload *upload = up->retry;

    if (!upload || upload->due_ns > now_ns)
        return NULL;
    up->retry = upload->next;
    up->retry_count--;
    return upload;
}

static void unlink_flying(struct nv_uploading *up, struct nv_upload *upload)
{
    struct nv_upload **at = &up->flying;

    while (*at != upload)
        at = &(*at)->next;
    *at = upload->next;
    upload->next = NULL;
    up->flights--;
    nv_buf_release(&upload->wire);
}

/* ---- ends -------------------------------------------------------------------------------- */

/* Takes the list's reference. */
static void end(struct nv_sender *sender, struct nv_upload *upload, enum nv_upload_state state)
{
    nv_upload_forget(upload, sender->store);
    upload->state = state;
    sender->uploading.ended = true;
    sender->uploading.loaded -= upload->loaded;
    nv_upload_unref(upload);
}

static void deliver(struct nv_sender *sender, struct nv_upload *upload)
{
    nv_count(NV_COUNT_MEDIA_DELIVERED, 1);
    sender->uploading.refused_in_row = 0;
    end(sender, upload, NV_UPLOAD_DELIVERED);
}

/* No letter for want of a store, or of room in it, would be silent: it is said and counted. */
static void bury(struct nv_sender *sender, struct nv_upload *upload,
                 const struct nv_verdict *verdict, int status, const char *said)
{
    enum nv_err err = sender->store
                          ? nv_media_letter_put(sender->store, &upload->facts, upload->record,
                                                &(struct nv_media_letter){verdict->dead, status,
                                                                          verdict->why, said},
                                                nv_clock_wall_ns(sender->clock))
                          : NV_OK;

    if (err != NV_OK && err != NV_ERR_NOT_FOUND) {
        NV_LOG(NV_LOG_ERROR, "exporter",
               "dead letter of a medium not stored, will try again: %s",
               nv_err_info(err)->text);
        insert_retry(&sender->uploading, upload,
                     nv_clock_mono_ns(sender->clock) + NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS);
        return;
    }
    NV_LOG(NV_LOG_ERROR, "exporter",
           "medium became a dead letter uuid=%s trace_id=%s status=%d why=\"%s\" said=\"%s\"",
           upload->facts.uuid, upload->facts.trace_id, status, verdict->why, said);
    nv_count(NV_COUNT_MEDIA_DEAD, 1);
    end(sender, upload, NV_UPLOAD_MARKED);
}

static bool is_missing(struct nv_uploading *up, enum nv_media_kind kind, uint64_t now_ns)
{
    return now_ns < up->missing_until_ns[kind];
}

/* No route for it. A mark, where a trace waits for it; one that has left refers to it, and the
 * letter can be tried again when the backend has the route. */
static void mark(struct nv_sender *sender, struct nv_upload *upload)
{
    static const struct nv_verdict no_route = {
        .dead = NV_DEAD_REJECTED,
        .why = "the backend has no route for it, and its trace has left"};

    if (upload->refs == 1 && sender->store) {
        bury(sender, upload, &no_route, 404, "");
        return;
    }
    nv_count(NV_COUNT_MEDIA_MARKED, 1);
    end(sender, upload, NV_UPLOAD_MARKED);
}

/* 404 is no failure of this upload: a backend without the route has it for none. Asked again
 * after some minutes, since backends are updated. */
static void lose_route(struct nv_sender *sender, struct nv_upload *upload, uint64_t now_ns)
{
    struct nv_uploading *up = &sender->uploading;
    enum nv_media_kind kind = upload->facts.kind;

    NV_LOG(NV_LOG_WARN, "exporter",
           "the backend has no route for media of kind=%s (404): marks stand for them for "
           "minutes=%u",
           nv_media_kind_text(kind), NV_UPLOAD_MISSING_MS / 60000);
    up->missing_until_ns[kind] = now_ns + NV_UPLOAD_MISSING_MS * NV_NS_PER_MS;
    mark(sender, upload);
}

/* ---- answers ----------------------------------------------------------------------------- */

static void slow_down(struct nv_sender *sender, const struct nv_verdict *verdict,
                      uint64_t now_ns)
{
    nv_gate_failure(&sender->uploading.gate, &sender->knobs, verdict, now_ns,
                    nv_sender_random(sender));
}

static void act(struct nv_sender *sender, struct nv_upload *upload,
                const struct nv_verdict *verdict, const struct nv_reply *reply,
                const char *said)
{
    struct nv_uploading *up = &sender->uploading;
    uint64_t now_ns = nv_clock_mono_ns(sender->clock);

    switch (verdict->action) {
    case NV_ACTION_DELIVERED:
        up->last_success_ns = now_ns;
        (void)nv_gate_success(&up->gate, upload->attempt > 1, now_ns);
        deliver(sender, upload);
        return;
    case NV_ACTION_RETRY:
        if (verdict->trouble)
            slow_down(sender, verdict, now_ns);
        insert_retry(up, upload, now_ns + verdict->wait_ns);
        return;
    /* due at once: the gate is what holds it, and lets it go when it opens */
    case NV_ACTION_HOLD:
        slow_down(sender, verdict, now_ns);
        insert_retry(up, upload, now_ns);
        return;
    case NV_ACTION_DEAD:
    case NV_ACTION_SPLIT:    /* it is alone */
    case NV_ACTION_IDENTITY: /* it was no gzip */
        bury(sender, upload, verdict, reply->status, said);
        return;
    }
}

static struct nv_attempt describe(struct nv_sender *sender, const struct nv_upload *upload,
                                  const struct nv_reply *reply,
                                  const struct nv_backend_reply *facts)
{
    return (struct nv_attempt){
        .transfer = reply->transfer,
        .status = reply->status,
        .retry_after = reply->retry_after,
        .body = facts->body,
        .credit = facts->credit,
        .number = upload->attempt,
        .traces = 1,
        .holds = sender->uploading.gate.holds,
        /* what fails again while others pass is the medium's own trouble, not the backend's */
        .others_pass = sender->uploading.last_success_ns > upload->first_try_ns,
        .wall_ns = nv_clock_wall_ns(sender->clock),
        .random = nv_sender_random(sender),
    };
}

static void upload_done(void *done_ctx, const struct nv_reply *reply)
{
    struct nv_upload *upload = done_ctx;
    struct nv_sender *sender = upload->owner;
    struct nv_backend_reply facts;
    struct nv_attempt attempt;
    struct nv_verdict verdict;
    uint64_t now_ns = nv_clock_mono_ns(sender->clock);

    unlink_flying(&sender->uploading, upload);
    /* the stop: what was in flight goes back, and into the store with the rest */
    if (reply->transfer == NV_TRANSFER_CANCELLED) {
        insert_retry(&sender->uploading, upload, now_ns);
        return;
    }
    if (reply->transfer == NV_TRANSFER_REPLY && reply->status == 404) {
        lose_route(sender, upload, now_ns);
        return;
    }
    nv_backend_reply_read(reply->body, &facts);
    attempt = describe(sender, upload, reply, &facts);
    verdict = nv_retry_decide(&sender->knobs, &attempt);
    if (verdict.action != NV_ACTION_DELIVERED) {
        NV_LOG(NV_LOG_WARN, "exporter", "upload failed: %s status=%d%s%s", verdict.why,
               reply->status, facts.text[0] != '\0' ? " said: " : "", facts.text);
    }
    act(sender, upload, &verdict, reply, facts.text);
}

/* ---- starting ---------------------------------------------------------------------------- */

static void lose(struct nv_sender *sender, struct nv_upload *upload, enum nv_err err)
{
    NV_LOG(NV_LOG_ERROR, "exporter", "a medium can't be read back uuid=%s: %s",
           upload->facts.uuid, nv_err_info(err)->text);
    nv_count(NV_COUNT_MEDIA_LOST, 1);
    end(sender, upload, NV_UPLOAD_MARKED);
}

static void fly(struct nv_sender *sender, struct nv_upload *upload, uint64_t now_ns)
{
    struct nv_uploading *up = &sender->uploading;

    nv_gate_attempt(&up->gate, now_ns);
    nv_count(NV_COUNT_MEDIA_ATTEMPTS, 1);
    nv_count(NV_COUNT_MEDIA_BYTES, upload->wire.len);
    if (upload->attempt++ == 0)
        upload->first_try_ns = now_ns;
    upload->next = up->flying;
    up->flying = upload;
    up->flights++;
}

/* Takes the upload: in flight, ended, or back in a list; false: nothing more for now. A medium
 * whose bytes are gone or damaged is given up here, and its trace goes with a mark; trouble of
 * our own (memory, a full transport) is tried again. */
static bool start(struct nv_sender *sender, struct nv_upload *upload, uint64_t now_ns)
{
    struct nv_send_request request = {
        .route = upload->facts.kind == NV_MEDIA_AUDIO ? NV_ROUTE_AUDIO : NV_ROUTE_IMAGE};
    char boundary[NV_FORM_BOUNDARY];
    enum nv_err err;

    upload->owner = sender;
    err =
        nv_form_write(upload, sender->store, nv_sender_random(sender), boundary, &upload->wire);
    if (err == NV_ERR_NOT_FOUND || err == NV_ERR_MALFORMED) {
        lose(sender, upload, err);
        return true;
    }
    if (err == NV_OK) {
        request.body = nv_buf_str(&upload->wire);
        request.boundary = boundary;
        err = sender->transport->send(sender->transport->ctx, &request, upload_done, upload);
    }
    if (err == NV_OK) {
        fly(sender, upload, now_ns);
        return true;
    }
    nv_sender_note_error(sender, nv_err_info(err)->text);
    nv_buf_release(&upload->wire);
    insert_retry(&sender->uploading, upload, now_ns + NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS);
    return false;
}

/* Uploads wait while traces are held: the same would happen to them. */
static bool is_open(const struct nv_sender *sender, uint64_t now_ns)
{
    const struct nv_uploading *up = &sender->uploading;

    return sender->gate.hold != NV_HOLD_AUTH &&
           (sender->gate.hold == NV_HOLD_NONE || now_ns >= sender->gate.until_ns) &&
           nv_gate_is_open(&up->gate, up->flights, now_ns);
}

static void send_due(struct nv_sender *sender, uint64_t now_ns)
{
    struct nv_uploading *up = &sender->uploading;

    if (nv_gate_wants_probe(&up->gate, now_ns))
        nv_gate_let_through(&up->gate, now_ns);
    while (is_open(sender, now_ns)) {
        struct nv_upload *upload = pop_retry(up, now_ns);

        if (!upload)
            upload = pop_fresh(up);
        if (!upload)
            return;
        if (is_missing(up, upload->facts.kind, now_ns))
            mark(sender, upload);
        else if (!start(sender, upload, now_ns))
            return;
    }
}

/* ---- encoding ---------------------------------------------------------------------------- */

/* Media first, while the arena still has their bytes. */
struct nv_encoded *nv_uploading_encode(const struct nv_exporter_config *config,
                                       const struct nv_store *store,
                                       const struct nv_clock *clock, struct nv_trace *trace)
{
    uint64_t now_ns = nv_clock_mono_ns(clock);
    struct nv_media_wait *media;
    struct nv_encoded *encoded;
    uint32_t lost;

    if (nv_media_wait_new(store, trace, config->trace_id_form,
                          now_ns + config->media_wait_ms * NV_NS_PER_MS, &media,
                          &lost) != NV_OK)
        return NULL;
    encoded = nv_encode_whole(trace, config->trace_id_form, config->max_trace_bytes);
    if (!encoded) {
        nv_media_wait_undo(media, store);
        return NULL;
    }
    nv_count(NV_COUNT_MEDIA_LOST, lost);
    encoded->queued_ns = now_ns;
    encoded->media = media;
    return encoded;
}

/* ---- traces ------------------------------------------------------------------------------ */

/* What an earlier run left of the same medium; its record goes on, and ours is not needed. */
static struct nv_upload *find_loaded(const struct nv_uploading *up, const char *uuid)
{
    const struct nv_upload *const lists[] = {up->fresh.first, up->retry, up->flying};

    for (size_t i = 0; i < 3 && up->loaded > 0; i++) {
        for (const struct nv_upload *at = lists[i]; at; at = at->next) {
            if (at->loaded && strcmp(at->facts.uuid, uuid) == 0) {
                /* the lists are const here, the uploads in them are not */
                return (struct nv_upload *)(uintptr_t)at;
            }
        }
    }
    return NULL;
}

static void queue_uploads(struct nv_sender *sender, struct nv_media_wait *wait)
{
    struct nv_uploading *up = &sender->uploading;

    for (uint32_t i = 0; i < wait->count; i++) {
        struct nv_upload *upload = wait->items[i];
        struct nv_upload *known;

        if (upload->state != NV_UPLOAD_PENDING) {
            up->ended = true; /* before it began */
            continue;
        }
        known = find_loaded(up, upload->facts.uuid);
        if (known) {
            nv_upload_forget(upload, sender->store);
            nv_upload_unref(upload);
            wait->items[i] = nv_upload_ref(known);
        } else {
            push_fresh(up, nv_upload_ref(upload));
        }
    }
}

void nv_uploading_take_over(struct nv_sender *sender, struct nv_encoded *encoded)
{
    struct nv_uploading *up = &sender->uploading;

    queue_uploads(sender, encoded->media);
    /* the earliest deadline is kept, so that a pump that has nothing to do sees so by one
     * comparison */
    if (up->waiting.count == 0 || encoded->media->until_ns < up->waiting_due_ns)
        up->waiting_due_ns = encoded->media->until_ns;
    nv_encoded_list_push(&up->waiting, encoded);
}

/* On to the fresh ones, or the dead. */
static void leave(struct nv_sender *sender, struct nv_encoded *encoded)
{
    struct nv_media_wait *wait = encoded->media;

    encoded->media = NULL;
    nv_media_wait_free(wait);
    nv_encoded_list_push(encoded->why ? &sender->doomed : &sender->fresh, encoded);
}

/* What became of its media is in its JSON; the trace, or another one in its place. Without
 * memory false, and it is as it was. */
static bool tell(struct nv_sender *sender, struct nv_encoded **encoded)
{
    struct nv_encoded *told;

    if (nv_media_wait_tell((*encoded)->media, *encoded, &told) != NV_OK)
        return false;
    if (told) {
        nv_send_queue_forget(sender->queue, *encoded);
        free(*encoded);
        nv_send_queue_remember(sender->queue, told);
        *encoded = told;
    }
    return true;
}

static void let_go(struct nv_sender *sender, uint64_t now_ns)
{
    struct nv_uploading *up = &sender->uploading;
    /* taken off whole and put back one by one, which keeps the order */
    struct nv_encoded_list before = up->waiting;
    struct nv_encoded *encoded;

    if (before.count == 0 || (!up->ended && now_ns < up->waiting_due_ns))
        return;
    up->waiting = (struct nv_encoded_list){0};
    up->waiting_due_ns = UINT64_MAX;
    up->ended = false;
    while ((encoded = nv_encoded_list_pop(&before)) != NULL) {
        uint64_t until_ns = encoded->media->until_ns;

        if (now_ns >= until_ns || !nv_media_wait_pending(encoded->media)) {
            if (tell(sender, &encoded)) {
                leave(sender, encoded);
                continue;
            }
            until_ns = now_ns + NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS;
            encoded->media->until_ns = until_ns;
        }
        if (until_ns < up->waiting_due_ns)
            up->waiting_due_ns = until_ns;
        nv_encoded_list_push(&up->waiting, encoded);
    }
}

void nv_uploading_pump(struct nv_sender *sender, uint64_t now_ns)
{
    send_due(sender, now_ns);
    let_go(sender, now_ns);
}

/* ---- begin and end ----------------------------------------------------------------------- */

static void take_loaded(struct nv_uploading *up, struct nv_upload *upload)
{
    upload->loaded = true;
    up->loaded++;
    push_fresh(up, upload);
}

enum nv_err nv_uploading_load(struct nv_sender *sender)
{
    struct nv_upload *list = NULL;
    enum nv_err err = nv_upload_load(sender->store, &list);

    while (list) {
        struct nv_upload *upload = list;

        list = upload->next;
        take_loaded(&sender->uploading, upload);
    }
    return err;
}

void nv_uploading_adopt(struct nv_sender *sender, struct nv_upload *upload)
{
    sender->uploading.missing_until_ns[upload->facts.kind] = 0;
    take_loaded(&sender->uploading, upload);
}

void nv_uploading_abandon(struct nv_sender *sender)
{
    struct nv_uploading *up = &sender->uploading;
    struct nv_encoded *encoded;
    struct nv_upload *upload;

    while ((encoded = nv_encoded_list_pop(&up->waiting)) != NULL) {
        (void)tell(sender, &encoded);
        leave(sender, encoded);
    }
    while ((upload = pop_retry(up, UINT64_MAX)) != NULL || (upload = pop_fresh(up)) != NULL) {
        /* with a store its record is there and the next run takes it up */
        nv_count(NV_COUNT_MEDIA_LOST, sender->store ? 0 : 1);
        nv_upload_unref(upload);
    }
    assert(up->flights == 0);
}
