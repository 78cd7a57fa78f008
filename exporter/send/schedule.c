/*
 * When the sender should look again, and how it is.
 *
 * Each reason to act has a time: a body is full or its batch_ms is over, a retry is due and can
 * be paid, the outbox may give its next record, the gate opens, an age calls for the disk. The
 * least of them is what the thread sleeps for. A time that has passed although nothing could be
 * done would spin the loop, so each function here mirrors what its counterpart in sender.c
 * checks.
 *
 *   fresh bodies ──┐
 *   retries ───────┤ each ─▶ when? ─▶ not before the gate opens, not before own trouble is over
 *   outbox ────────┤                                             │
 *   probe ─────────┤                                             ▼
 *   spill ─────────┤ (past the gate: the disk is not the backend)  the least of all ─▶ sleep
 *   dead letters ──┘
 */
#include "exporter/send/sender.h"

#include "base/log/log.h"

#include <assert.h>
#include <stdio.h>

#include "base/banned.h"

/* Of the limits from which on traces are moved to disk: so much may have come unseen. */
#define SPILL_PARTS 8

bool nv_sender_has_old_slot(const struct nv_sender *sender)
{
    uint32_t slots = sender->gate.width > 1 ? sender->gate.width - 1 : 1;

    return sender->old_in_flight < slots;
}

struct nv_pack_limits nv_sender_fresh_limits(const struct nv_sender *sender)
{
    struct nv_pack_limits limits = sender->limits;

    if (2 * (sender->in_flight + 1) <= sender->gate.width &&
        limits.bytes_max > NV_SENDER_BODY_BYTES)
        limits.bytes_max = NV_SENDER_BODY_BYTES;
    return limits;
}

/* What is missing to `max`, or as much again when nothing is; at least 1, at most `cap`. */
static size_t missing(size_t is, size_t max, size_t cap)
{
    size_t more = is < max ? max - is : max;

    more = more < cap ? more : cap;
    return more > 0 ? more : 1;
}

/* With a first trace the alarm is set, for its batch_ms; from then on only what makes a body
 * full brings work, or what makes memory so full that it is to be moved to disk. */
bool nv_sender_await(const struct nv_sender *sender)
{
    const struct nv_exporter_config *config = sender->config;
    const struct nv_pack_limits limits = nv_sender_fresh_limits(sender);
    const struct nv_encoded_list *fresh = &sender->fresh;

    if (fresh->count == 0 || !sender->transport || sender->stopping)
        return nv_send_queue_await(sender->queue, fresh, 1, 1);
    size_t traces =
        missing(fresh->count, limits.traces_max, config->queue_traces_max / SPILL_PARTS);
    size_t bytes =
        missing(fresh->json_bytes, limits.bytes_max, config->spill_bytes / SPILL_PARTS);
    return nv_send_queue_await(sender->queue, fresh, (uint32_t)traces, bytes);
}

uint64_t nv_sender_fresh_due_ns(const struct nv_sender *sender)
{
    const struct nv_pack_limits limits = nv_sender_fresh_limits(sender);

    if (sender->fresh.count == 0)
        return UINT64_MAX;
    if (sender->stopping || nv_body_is_full(&sender->fresh, &limits))
        return 0;
    return sender->fresh.first->queued_ns + sender->config->batch_ms * NV_NS_PER_MS;
}

uint64_t nv_sender_drain_budget(const struct nv_sender *sender, uint64_t now_ns)
{
    uint64_t rate = sender->config->drain_requests_per_s;
    uint64_t elapsed_ms = (now_ns - sender->drain_filled_ns) / NV_NS_PER_MS;
    uint64_t cap = rate * NV_SENDER_DRAIN_COST + NV_SENDER_DRAIN_A_FRESH_BODY;
    uint64_t budget = sender->drain_budget + elapsed_ms * rate * NV_SENDER_DRAIN_COST / 1000;

    return budget < cap ? budget : cap;
}

uint64_t nv_sender_outbox_due_ns(const struct nv_sender *sender, uint64_t now_ns)
{
    uint64_t budget = nv_sender_drain_budget(sender, now_ns);

    /* At a stop what is on disk stays there: it is safe, and the deadline is for the rest. */
    if (sender->outbox.count == 0 || sender->stopping)
        return UINT64_MAX;
    if (now_ns < sender->store_trouble_ns)
        return sender->store_trouble_ns;
    if (budget >= NV_SENDER_DRAIN_COST)
        return now_ns;
    return now_ns +
           ((NV_SENDER_DRAIN_COST - budget) / sender->config->drain_requests_per_s + 1) *
               NV_NS_PER_MS;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t retry_due_ns(const struct nv_sender *sender, uint64_t now_ns)
{
    uint64_t due = UINT64_MAX;

    for (const struct nv_body *body = sender->retry; body; body = body->next) {
        uint64_t paid = body->again ? nv_gate_retry_due_ns(&sender->gate, now_ns) : 0;

        due = least(due, paid > body->due_ns ? paid : body->due_ns);
    }
    return due;
}

/* A body that was never tried, while answers are not the API's. */
static uint64_t pilot_due_ns(const struct nv_sender *sender)
{
    uint64_t due = nv_sender_fresh_due_ns(sender);

    if (!nv_gate_takes_pilot(&sender->gate, sender->in_flight))
        return UINT64_MAX;
    for (const struct nv_body *body = sender->retry; body; body = body->next) {
        if (body->attempt == 0 && nv_sender_has_old_slot(sender))
            due = least(due, body->due_ns);
    }
    return due;
}

static uint64_t send_due_ns(const struct nv_sender *sender, uint64_t now_ns)
{
    uint64_t due = nv_sender_fresh_due_ns(sender);

    if (nv_sender_has_old_slot(sender)) {
        due = least(
            due, least(retry_due_ns(sender, now_ns), nv_sender_outbox_due_ns(sender, now_ns)));
    }
    if (due == UINT64_MAX || sender->in_flight >= sender->gate.width)
        return UINT64_MAX;
    if (sender->gate.hold == NV_HOLD_AUTH && sender->probing)
        return UINT64_MAX;
    due = due > sender->gate.until_ns ? due : sender->gate.until_ns;
    return least(due, pilot_due_ns(sender));
}

uint64_t nv_sender_next_due_ns(const struct nv_sender *sender, uint64_t now_ns)
{
    bool files_only = sender->transport == NULL;
    uint64_t spill_ns = nv_sender_spill_due_ns(sender);
    uint64_t due = files_only && sender->fresh.count > 0 ? now_ns : UINT64_MAX;

    due = least(due, files_only ? nv_sender_outbox_due_ns(sender, now_ns)
                                : send_due_ns(sender, now_ns));
    if (due < sender->own_trouble_ns)
        due = sender->own_trouble_ns;
    if (!files_only)
        due = least(due, nv_uploading_due_ns(&sender->uploading, &sender->gate));
    if (sender->raw)
        due = least(due, sender->raw_due_ns);
    if (sender->doomed.count > 0 || nv_sender_wants_spill(sender, now_ns))
        due = least(due, sender->store_trouble_ns);
    /* An age that has passed already waits for the gate to close, not for time. */
    return spill_ns > now_ns ? least(due, spill_ns) : due;
}

/* ---- status ------------------------------------------------------------------------------ */

static enum nv_sink_state state_of(const struct nv_sender *sender, uint64_t now_ns)
{
    switch (sender->gate.hold) {
    case NV_HOLD_AUTH:
        return NV_SINK_HELD_AUTH;
    case NV_HOLD_CREDIT:
        return NV_SINK_HELD_CREDIT;
    case NV_HOLD_CONFIG:
        return NV_SINK_HELD_CONFIG;
    case NV_HOLD_FOREIGN:
        /* While others are on their way it may be meant for one trace, and nobody waits for
         * it. */
        if (sender->in_flight > 0 && sender->gate.pilots > 0)
            return NV_SINK_SENDING;
        return NV_SINK_HELD_FOREIGN;
    case NV_HOLD_NONE:
        break;
    }
    if (sender->files_failed)
        return NV_SINK_HELD_FILES;
    if (now_ns < sender->gate.until_ns || sender->gate.troubles >= NV_GATE_TROUBLES_MAX)
        return NV_SINK_BACKING_OFF;
    return NV_SINK_SENDING;
}

static void describe(struct nv_sink_status *status)
{
    if (status->state != NV_SINK_SENDING) {
        (void)snprintf(status->reason, sizeof status->reason, "%s", status->last_error);
    } else if (status->refused_in_row >= NV_SINK_REFUSED_ALL) {
        (void)snprintf(status->reason, sizeof status->reason,
                       "the backend refuses every trace, the last %llu with status %d",
                       (unsigned long long)status->refused_in_row, status->refused_status);
    } else {
        status->reason[0] = '\0';
    }
}

void nv_sender_refresh_status(struct nv_sender *sender)
{
    assert(nv_owner_is_mine(&sender->owner));
    struct nv_sink_status *status = &sender->status;
    enum nv_sink_state before = status->state;
    uint64_t now_ns = nv_clock_mono_ns(sender->clock);

    status->state = state_of(sender, now_ns);
    if (status->state == NV_SINK_HELD_FOREIGN && before != status->state) {
        NV_LOG(NV_LOG_ERROR, "exporter", "sending is held, nothing is lost: %s",
               status->last_error);
    }
    describe(status);
    status->next_try_ms = status->state != NV_SINK_SENDING && sender->gate.until_ns > now_ns
                              ? (sender->gate.until_ns - now_ns) / NV_NS_PER_MS
                              : 0;
    status->queued_traces = nv_send_queue_traces(sender->queue);
    status->queued_bytes = nv_send_queue_bytes(sender->queue);
    status->outbox_records = sender->outbox.count;
    status->outbox_spans = sender->outbox.spans;
    status->media_pending = nv_uploading_pending(&sender->uploading);
    status->in_flight = sender->in_flight;
    status->retry_bodies = sender->retry_count;
    status->identity = now_ns < sender->identity_until_ns;
    nv_send_queue_set_held(sender->queue, status->state != NV_SINK_SENDING);
}

/* splitmix64: it keeps many gateways from coming back at once, and is nobody's secret. */
uint64_t nv_sender_random(struct nv_sender *sender)
{
    assert(nv_owner_is_mine(&sender->owner));
    uint64_t z = (sender->random += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void nv_sender_note_error(struct nv_sender *sender, const char *text)
{
    assert(nv_owner_is_mine(&sender->owner));
    (void)snprintf(sender->status.last_error, sizeof sender->status.last_error, "%s", text);
    sender->status.last_error_wall_ns = nv_clock_wall_ns(sender->clock);
}
