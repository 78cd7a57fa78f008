/*
 * The sender: decides what goes out when, and what an answer means for each trace.
 *
 *   queue ─▶ fresh ─┐                       ┌─▶ delivered
 *                   ├─▶ [body in flight] ───┼─▶ retry list (due later, halves, without gzip)
 *   outbox ─────────┤        transport      ├─▶ dead letter
 *   retry list ─────┘                       └─▶ hold: all waits
 *
 * Everything happens inside nv_sender_pump and the transport's replies, on one thread; time,
 * disk and network come in as tables, so tests drive it by hand. Split over sender.c (choice),
 * start.c (a body's way into flight), flight.c (lists), schedule.c (when), verdict.c (answers),
 * settle.c (ends of traces), spill.c (to disk).
 */
#ifndef NV_EXPORTER_SEND_SENDER_H
#define NV_EXPORTER_SEND_SENDER_H

#include "base/clock.h"
#include "base/owner.h"
#include "exporter/answer/backend_reply.h"
#include "exporter/answer/transport.h"
#include "exporter/send/config.h"
#include "model/sink.h"
#include "exporter/files/files.h"
#include "exporter/answer/gate.h"
#include "exporter/outbox/outbox.h"
#include "exporter/encode/pack.h"
#include "exporter/send/packing.h"
#include "exporter/send/uploading.h"
#include "exporter/queue/send_queue.h"
#include "model/stage.h"
#include "model/store.h"

/* Price of one outbox body in drain_budget, and what each fresh body adds to it. */
#define NV_SENDER_DRAIN_COST 1000u
#define NV_SENDER_DRAIN_A_FRESH_BODY 2000u
/* Wait after trouble of our own (memory, disk) before it is tried again, in ms. */
#define NV_SENDER_OWN_TROUBLE_MS 1000
/* A fresh body is this large while half of the requests are free: it and its gzip stay in the
 * cache, and less memory is on its way. With most under way the backend is what is slow, and
 * bodies carry what max_body_bytes allows. */
#define NV_SENDER_BODY_BYTES ((size_t)1 << 20)
/* Of max_body_bytes: what may wait for a sender that sends. The less, the sooner it is
 * compressed, out of the cache as long as it is there. */
#define NV_SENDER_AHEAD_BODIES 1u
/* Where it is memory to encode a trace, doubled so often: 64 s. */
#define NV_SENDER_RAW_TRIES_MAX 6u

struct nv_sender {
    struct nv_owner owner;                   /* the thread that pumps; nobody inline */
    const struct nv_exporter_config *config; /* borrowed, as the four below */
    const struct nv_settler *settler;
    const struct nv_store *store; /* NULL: memory only */
    const struct nv_clock *clock;
    const struct nv_transport *transport; /* NULL: files only */
    struct nv_send_queue *queue;          /* borrowed */
    struct nv_files *files;               /* borrowed; NULL: none */
    struct nv_packing *packing;           /* owned; NULL: this thread packs */
    struct nv_retry_knobs knobs;
    struct nv_pack_limits limits;
    struct nv_gate gate;
    struct nv_outbox outbox;
    struct nv_packer packer; /* its buffers are kept while there is work */

    struct nv_encoded_list fresh;
    struct nv_encoded_list doomed; /* dead letters that the store has not taken yet */
    struct nv_trace *raw;          /* not yet encoded for want of memory */
    uint64_t raw_due_ns;           /* the first of them is not tried before */
    uint32_t raw_tries;            /* in vain since one was encoded */
    struct nv_body *retry;         /* in the order of due_ns */
    uint32_t retry_count;
    struct nv_body *flying;
    uint32_t in_flight, old_in_flight;
    bool probing;         /* GET /v1/status is in flight */
    uint64_t starts;      /* requests with a body so far */
    uint64_t passed;      /* the latest of them that was delivered */
    uint32_t foreign_row; /* bodies refused by others than the API since one was delivered */

    struct nv_uploading uploading;

    bool prefer_old;       /* fresh and old take turns */
    uint64_t drain_budget; /* thousandths of an outbox body */
    uint64_t drain_filled_ns;
    uint64_t own_trouble_ns;    /* own memory failed: not before */
    uint64_t store_trouble_ns;  /* the store failed: not before */
    uint64_t identity_until_ns; /* auto: no gzip before */
    bool gzip_proven;
    uint64_t refused_warn_at; /* refusals in a row for the next warning */
    uint64_t last_success_ns;
    uint64_t random;
    bool stopping;
    bool files_failed;

    struct nv_sink_status status; /* counts and texts kept as they happen */
};

/* Readies a sender; `config` and the pointers in the struct must be set. NV_ERR_NO_MEMORY. */
enum nv_err nv_sender_init(struct nv_sender *sender) NV_MUST_USE;
/* Frees what it owns; nothing may be left inside. */
void nv_sender_release(struct nv_sender *sender);
/* Does what is due; returns nanoseconds until more is (UINT64_MAX: nothing by itself). */
uint64_t nv_sender_pump(struct nv_sender *sender);
/* Takes over what was pushed to the queue; part of a pump. */
void nv_sender_take_over(struct nv_sender *sender);
/* Nothing left to send but what waits in the outbox? */
bool nv_sender_is_idle(const struct nv_sender *sender);
/* Files in the retry list what was put to be packed; waits for the bodies that are begun, one a
 * thread. */
void nv_sender_end_packing(struct nv_sender *sender);
/* Moves all that is in memory to the outbox, or settles it LEFT. Nothing may be in flight. */
void nv_sender_abandon(struct nv_sender *sender);
/* Brings state, reason and lengths in sender->status up to date. */
void nv_sender_refresh_status(struct nv_sender *sender);

/* ---- between the sender's own files ------------------------------------------------------ */

/* Next random value, for jitter (splitmix64). */
uint64_t nv_sender_random(struct nv_sender *sender);
/* Records a failed request or write in status.last_error. */
void nv_sender_note_error(struct nv_sender *sender, const char *text);
/* Ends one trace: ledger and claim are moved by `outcome` DELIVERED or KEPT (dead). Takes
 * it. */
void nv_sender_delivered(struct nv_sender *sender, struct nv_encoded *encoded);
/* Marks a trace as dead and stores it so, now or when the store is able. Takes it. */
void nv_sender_doom(struct nv_sender *sender, struct nv_encoded *encoded,
                    const struct nv_verdict *verdict, int status, const char *said);
/* Tries the dead letters that are still due. */
void nv_sender_bury(struct nv_sender *sender);
/* Frees a trace whose end is settled. */
void nv_sender_drop_memory(struct nv_sender *sender, struct nv_encoded *encoded);
/* Takes the body: in flight, or back in the retry list with false when we lack the means. */
bool nv_sender_start(struct nv_sender *sender, struct nv_body *body, uint64_t now_ns);
/* Sends what was packed since, or files it in the retry list when the gate has closed. */
void nv_sender_launch_packed(struct nv_sender *sender, uint64_t now_ns);
/* Takes a body and counts it among those in flight. */
void nv_sender_join_flight(struct nv_sender *sender, struct nv_body *body);
/* Takes it out of them, its wire freed; it is the caller's. */
void nv_sender_leave_flight(struct nv_sender *sender, struct nv_body *body);
/* Files a body (takes it) in the retry list by its due_ns. */
void nv_sender_insert_retry(struct nv_sender *sender, struct nv_body *body);
/* The transport's `done` for bodies: `done_ctx` is the body in flight. */
void nv_sender_body_done(void *done_ctx, const struct nv_reply *reply);
/* The transport's `done` for probes: `done_ctx` is the sender. */
void nv_sender_probe_done(void *done_ctx, const struct nv_reply *reply);
/* Moves traces to the outbox when memory or their wait say so. True: more is to be moved. */
bool nv_sender_spill(struct nv_sender *sender, uint64_t now_ns);
/* When the wait alone will make something spill; UINT64_MAX: never. */
uint64_t nv_sender_spill_due_ns(const struct nv_sender *sender);
/* Do memory or age call for the disk now, whether or not the store is able? */
bool nv_sender_wants_spill(const struct nv_sender *sender, uint64_t now_ns);
/* Caps of the next body of fresh traces. */
struct nv_pack_limits nv_sender_fresh_limits(const struct nv_sender *sender);
/* Tells the queue for what the sender is to be woken. True: it is there already. */
bool nv_sender_await(const struct nv_sender *sender) NV_MUST_USE;
/* When a body of fresh traces is due: 0 at once, UINT64_MAX when there are none. */
uint64_t nv_sender_fresh_due_ns(const struct nv_sender *sender);
/* When the outbox may give its next record; now_ns or less: at once; UINT64_MAX: never. */
uint64_t nv_sender_outbox_due_ns(const struct nv_sender *sender, uint64_t now_ns);
/* drain_budget as it stands at now_ns, bounded. */
uint64_t nv_sender_drain_budget(const struct nv_sender *sender, uint64_t now_ns);
/* May one more old body fly, so that a slot is left for fresh ones? */
bool nv_sender_has_old_slot(const struct nv_sender *sender);
/* When the next pump is due; UINT64_MAX: only a reply or a new trace can bring work. */
uint64_t nv_sender_next_due_ns(const struct nv_sender *sender, uint64_t now_ns);

#endif
