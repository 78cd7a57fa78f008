/*
 * The sender's uploads: media go before their traces, by a gate of their own.
 *
 *   trace with media ─▶ waiting ───────all ended, or media.wait_ms over──────▶ fresh
 *                          │ its uploads
 *                          ▼
 *   [ new ]─┐                       ┌─▶ delivered: 200, 201, 409
 *           ├─▶ [ in flight, 2 ] ───┼─▶ [ retry ], due later; the gate when the backend is to blame
 *   [retry]─┘                       ├─▶ dead letter, and a mark in traces that still wait
 *                                   └─▶ 404: no such route. Marks for all of that kind
 *
 * The verdict on an answer is that of traces (answer/retry_policy.h). Trouble with media slows
 * no trace down but those that wait; a sender that is held for traces holds uploads too. One
 * thread, the sender's.
 */
#ifndef NV_EXPORTER_SEND_UPLOADING_H
#define NV_EXPORTER_SEND_UPLOADING_H

#include "base/clock.h"
#include "exporter/answer/gate.h"
#include "exporter/encode/encoded.h"
#include "exporter/media/upload.h"

/* Uploads in flight at once: what of media is in memory. */
#define NV_UPLOAD_FLIGHTS 2u
/* How long a route that answered 404 is believed to be missing, in ms. */
#define NV_UPLOAD_MISSING_MS 600000u

struct nv_sender;
struct nv_exporter_config;

/* A first-in first-out list. Zero-initialised is empty. */
struct nv_upload_list {
    struct nv_upload *first, *last;
    uint32_t count;
};

struct nv_uploading {
    struct nv_gate gate;
    struct nv_upload_list fresh;
    struct nv_upload *retry;  /* in the order of due_ns */
    struct nv_upload *flying; /* at most NV_UPLOAD_FLIGHTS */
    uint32_t retry_count, flights;
    uint32_t loaded; /* of an earlier run, not ended: a replayed trace may bring them again */
    struct nv_encoded_list waiting;
    uint64_t waiting_due_ns;      /* the first of them leaves then at the latest */
    bool ended;                   /* one has, since `waiting` was looked through */
    uint64_t missing_until_ns[2]; /* routes by nv_media_kind; 0: there */
    uint64_t last_success_ns;
    uint64_t refused_in_row;
};

/* Finds what an earlier run left. The store's errors, NV_ERR_NO_MEMORY. */
enum nv_err nv_uploading_load(struct nv_sender *sender) NV_MUST_USE;
/*
 * A trace (borrowed; that it waits for media is noted in it) and its media, encoded: new, with
 * the trace's claim and what it waits for.
 * NULL without memory: nothing is kept then. `store` NULL: memory. Any thread.
 */
struct nv_encoded *nv_uploading_encode(const struct nv_exporter_config *config,
                                       const struct nv_store *store,
                                       const struct nv_clock *clock, struct nv_trace *trace);
/* Takes over a trace that has media (takes it): it waits, its uploads are queued. */
void nv_uploading_take_over(struct nv_sender *sender, struct nv_encoded *encoded);
/* Takes an upload that was a dead letter: it is tried now, also where a route was missing. */
void nv_uploading_adopt(struct nv_sender *sender, struct nv_upload *upload);
/* Starts what is due, and lets traces go whose media have ended. */
void nv_uploading_pump(struct nv_sender *sender, uint64_t now_ns);
/* Lets all traces go as they are, and forgets all uploads: their records stay. */
void nv_uploading_abandon(struct nv_sender *sender);

/* Uploads that have not ended. */
static inline uint64_t nv_uploading_pending(const struct nv_uploading *up)
{
    return (uint64_t)up->fresh.count + up->retry_count + up->flights;
}

/* When it wants to be pumped next; UINT64_MAX: when a reply comes. `traces` is their gate. */
static inline uint64_t nv_uploading_due_ns(const struct nv_uploading *up,
                                           const struct nv_gate *traces)
{
    uint64_t due = UINT64_MAX;

    if (traces->hold != NV_HOLD_AUTH && up->flights < up->gate.width) {
        if (up->fresh.count > 0)
            due = 0;
        else if (up->retry)
            due = up->retry->due_ns;
        if (due < up->gate.until_ns)
            due = up->gate.until_ns;
        if (traces->hold != NV_HOLD_NONE && due < traces->until_ns)
            due = traces->until_ns;
    }
    return up->waiting.count > 0 && up->waiting_due_ns < due ? up->waiting_due_ns : due;
}

#endif
