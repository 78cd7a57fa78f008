/*
 * Memory to disk: keeps the exporter's memory flat through an outage.
 *
 * While sending is closed, traces move when more than spill_bytes wait, down to half of it so
 * that the next few do not move one by one, or when the oldest waited for spill_age_ms. While
 * it is open they move only past queue_bytes_max: a burst is better held back at the door,
 * where it costs nothing, than written, read back and drained at the outbox's pace. Bodies that
 * were tried go first, then the oldest fresh traces; what came out of the outbox whole just
 * goes back to its record, without a write. The newest stay in memory and are the first to go
 * out when the backend is back. A record that the store refuses changes nothing: the traces
 * stay, the door closes by the queue's own limit, and it is tried again a second later.
 *
 *   sending is   moves begin at                      and go on to        or when
 *   ──────────   ─────────────────────────────────   ─────────────────   ────────────────────────
 *   closed       spill_bytes, half queue_traces_max  half of that        the oldest: spill_age_ms
 *   open         queue_bytes_max, queue_traces_max   half of that        never by age
 *
 *   retry list ──first──▶ ┌ whole record, unchanged ─▶ untake: back to its place, no write
 *   fresh, oldest ──then─▶ └ else ───────────────────▶ put, synced when it replaces a record
 */
#include "exporter/send/sender.h"

#include "base/log/log.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* Records written in one go before the loop looks at the network again. */
#define RECORDS_A_PUMP 8

static size_t bytes_of(const struct nv_encoded_list *list)
{
    return list->json_bytes + list->count * sizeof(struct nv_encoded);
}

static bool is_closed(const struct nv_sender *sender, uint64_t now_ns)
{
    return sender->gate.hold != NV_HOLD_NONE || now_ns < sender->gate.until_ns ||
           sender->gate.troubles >= NV_GATE_TROUBLES_MAX || sender->files_failed;
}

/* Only what waits: bodies in flight can't be moved, and are bounded by their number. `part` is
 * 1 to begin and 2 for the half that is moved down to. */
static bool over_memory(const struct nv_sender *sender, uint64_t now_ns, size_t part)
{
    const struct nv_exporter_config *config = sender->config;
    bool closed = is_closed(sender, now_ns);
    size_t bytes_max = closed ? config->spill_bytes : config->queue_bytes_max;
    size_t traces_max = closed ? config->queue_traces_max / 2 : config->queue_traces_max;
    size_t bytes = bytes_of(&sender->fresh), traces = sender->fresh.count;

    for (const struct nv_body *body = sender->retry; body; body = body->next) {
        bytes += bytes_of(&body->traces);
        traces += body->traces.count;
    }
    return bytes > bytes_max / part || traces > traces_max / part;
}

static uint64_t oldest_ns(const struct nv_sender *sender)
{
    uint64_t oldest = sender->fresh.first != NULL ? sender->fresh.first->queued_ns : UINT64_MAX;

    for (const struct nv_body *body = sender->retry; body; body = body->next) {
        if (body->traces.first->queued_ns < oldest)
            oldest = body->traces.first->queued_ns;
    }
    return oldest;
}

uint64_t nv_sender_spill_due_ns(const struct nv_sender *sender)
{
    uint64_t oldest = oldest_ns(sender);

    if (!sender->store || oldest == UINT64_MAX)
        return UINT64_MAX;
    return oldest + sender->config->spill_age_ms * NV_NS_PER_MS;
}

bool nv_sender_wants_spill(const struct nv_sender *sender, uint64_t now_ns)
{
    if (!sender->store || (!sender->retry && sender->fresh.count == 0))
        return false;
    return over_memory(sender, now_ns, 1) ||
           (is_closed(sender, now_ns) && nv_sender_spill_due_ns(sender) <= now_ns);
}

/* The claim of a trace in a record is settled: the record is what keeps it now. */
static void settle_kept(struct nv_sender *sender, struct nv_encoded_list *list)
{
    struct nv_encoded *encoded;

    while ((encoded = nv_encoded_list_pop(list)) != NULL) {
        if (encoded->claim)
            sender->settler->settle(sender->settler->ctx, encoded->claim, NV_OUTCOME_KEPT);
        nv_outbox_end(&sender->outbox, encoded->record);
        nv_sender_drop_memory(sender, encoded);
    }
}

static bool is_whole_record(const struct nv_encoded_list *list)
{
    const struct nv_outbox_record *record = list->first->record;

    /* `remaining` alone would take the second half for the whole once the first has ended. */
    if (!record || record->remaining != list->count || record->traces != list->count)
        return false;
    for (const struct nv_encoded *e = list->first; e; e = e->next) {
        if (e->record != record)
            return false;
    }
    return true;
}

static enum nv_err move_list(struct nv_sender *sender, struct nv_encoded_list *list)
{
    enum nv_err err;

    if (is_whole_record(list)) {
        for (const struct nv_encoded *e = list->first; e; e = e->next)
            nv_send_queue_forget(sender->queue, e);
        err = nv_outbox_untake(&sender->outbox, list);
        for (const struct nv_encoded *e = list->first; err != NV_OK && e; e = e->next)
            nv_send_queue_remember(sender->queue, e);
        return err;
    }
    err = nv_outbox_put(&sender->outbox, list);
    if (err == NV_OK)
        settle_kept(sender, list);
    return err;
}

static enum nv_err move_retry_body(struct nv_sender *sender)
{
    struct nv_body *body = sender->retry;
    enum nv_err err = move_list(sender, &body->traces);

    if (err != NV_OK)
        return err;
    sender->retry = body->next;
    assert(sender->retry_count > 0);
    sender->retry_count--;
    nv_body_free(body);
    return NV_OK;
}

static enum nv_err move_fresh(struct nv_sender *sender)
{
    const struct nv_pack_limits limits = {sender->config->batch_traces,
                                          sender->config->max_body_bytes};
    struct nv_body *body = nv_body_take(&sender->fresh, &limits);
    enum nv_err err;

    if (!body)
        return NV_ERR_NO_MEMORY;
    err = move_list(sender, &body->traces);
    if (err != NV_OK) {
        /* Back to the front, in their order. */
        nv_encoded_list_append(&body->traces, &sender->fresh);
        sender->fresh = body->traces;
        body->traces = (struct nv_encoded_list){0};
    }
    nv_body_free(body);
    return err;
}

static enum nv_err move_one(struct nv_sender *sender)
{
    if (sender->retry)
        return move_retry_body(sender);
    if (sender->fresh.count > 0)
        return move_fresh(sender);
    return NV_ERR_END;
}

bool nv_sender_spill(struct nv_sender *sender, uint64_t now_ns)
{
    assert(nv_owner_is_mine(&sender->owner));
    enum nv_err err = NV_OK;

    if (now_ns < sender->store_trouble_ns || !nv_sender_wants_spill(sender, now_ns))
        return false;
    for (int i = 0; i < RECORDS_A_PUMP && err == NV_OK; i++) {
        err = move_one(sender);
        if (err == NV_OK && !over_memory(sender, now_ns, 2) &&
            nv_sender_spill_due_ns(sender) > now_ns)
            return false;
    }
    if (err == NV_OK)
        return true;
    if (err != NV_ERR_END) {
        sender->store_trouble_ns = now_ns + NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS;
        NV_LOG(NV_LOG_ERROR, "exporter", "outbox can't take traces, they stay in memory: %s",
               nv_err_info(err)->text);
    }
    return false;
}

/* Last resort at a stop: the journal still has the bytes, so the claim is given back
 * unspent. */
static void leave(struct nv_sender *sender, struct nv_encoded_list *list, uint64_t *spans)
{
    struct nv_encoded *encoded;

    while ((encoded = nv_encoded_list_pop(list)) != NULL) {
        *spans += encoded->claim != NULL ? encoded->spans : 0;
        if (encoded->claim)
            sender->settler->settle(sender->settler->ctx, encoded->claim, NV_OUTCOME_LEFT);
        /* A record of the outbox stays: it is only forgotten here. */
        if (encoded->record && --encoded->record->remaining == 0)
            free(encoded->record);
        nv_sender_drop_memory(sender, encoded);
    }
}

void nv_sender_abandon(struct nv_sender *sender)
{
    assert(nv_owner_is_mine(&sender->owner));
    enum nv_err err = sender->store != NULL ? NV_OK : NV_ERR_END;
    uint64_t left = 0;

    assert(sender->in_flight == 0);
    while (err == NV_OK)
        err = move_one(sender);
    while (sender->retry) {
        struct nv_body *body = sender->retry;

        sender->retry = body->next;
        sender->retry_count--;
        leave(sender, &body->traces, &left);
        nv_body_free(body);
    }
    leave(sender, &sender->fresh, &left);
    leave(sender, &sender->doomed, &left);
    while (sender->raw) {
        struct nv_trace *trace = sender->raw;

        sender->raw = trace->next;
        left += trace->span_count;
        if (trace->claim)
            sender->settler->settle(sender->settler->ctx, trace->claim, NV_OUTCOME_LEFT);
        nv_arena_free(trace->arena);
    }
    if (left > 0) {
        NV_LOG(NV_LOG_WARN, "exporter",
               "stopped with spans neither sent nor in the outbox spans=%llu",
               (unsigned long long)left);
    }
}
