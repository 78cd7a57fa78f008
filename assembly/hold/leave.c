/*
 * A trace that leaves its shard: whole, remembered, claimed, noted, handed on.
 *
 *   open trace ── take ──▶ gathered [ raw, claim ] ── hand on ──▶ planned note ──▶ completer
 *       │                      │
 *       │ no memory: stays     │ nothing to send (log records alone): settled at once
 *
 * In this order, because each step is what makes the next one safe:
 *
 *   1. the bytes are read and made whole; until then the trace is unchanged and may stay
 *   2. what it tells of its services is learned, what is left out of it counted
 *   3. its claim is known to the assembly: from here on its requests are held by that
 *   4. the shard remembers it as sent: what comes later is a late part
 *   5. the trace is taken out of table and timers
 *   6. its part is noted as planned, before the first can leave: after a crash the same part is
 *      made again under the same id, which the backend knows and ignores
 *   7. the completer has it
 *
 * Several traces share one note of step 6, so a turn takes out many and hands them on together.
 */
#include "assembly/hold/leave.h"
#include "assembly/door/notes.h"
#include "assembly/hold/facts.h"
#include "assembly/hold/hasten.h"
#include "base/log/counters.h"
#include "model/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include "base/banned.h"

enum nv_err nv_leave_reserve(struct nv_shard *shard, uint32_t items)
{
    assert(nv_shard_is_mine(shard));
    if (items <= shard->scratch_capacity)
        return NV_OK;
    uint32_t *scratch = realloc(shard->scratch, items * sizeof *scratch);
    if (!scratch)
        return NV_ERR_NO_MEMORY;
    shard->scratch = scratch;
    shard->scratch_capacity = items;
    return NV_OK;
}

/* Remembers a trace that leaves, for what may come after it. */
static void remember(struct nv_shard *shard, const struct nv_open_trace *trace,
                     enum nv_incomplete incomplete, uint32_t service, uint64_t now_ns)
{
    struct nv_sent_trace *sent =
        nv_sent_note(&shard->sent, trace->trace_id, trace->part, now_ns);
    if (!sent)
        return;
    sent->cut = incomplete == NV_INCOMPLETE_CUT;
    sent->incomplete = incomplete != NV_COMPLETE;
    if (trace->part == 0)
        sent->service = service;
    /* Without memory for them it is only not recognised what comes again. */
    uint64_t *keys = malloc((trace->span_count + 1) * sizeof *keys);
    struct nv_held_cursor cursor = {0};
    struct nv_held_item *item;
    uint32_t count = 0;
    while ((item = nv_held_next(trace, &cursor)) != NULL) {
        if (!nv_held_is_span(cursor.run->request->signal, item))
            continue;
        sent->root |= !(item->check & NV_HELD_PARENT);
        if (keys)
            keys[count++] = nv_sent_key(item->span_id, item->check);
    }
    nv_sent_add_spans(&shard->sent, sent, keys, count);
    free(keys);
}

/* Names of the first part, for a later one. */
static void entitle(struct nv_shard *shard, struct nv_raw_trace *raw)
{
    const struct nv_sent_trace *sent =
        raw->part > 0 ? nv_sent_find(&shard->sent, raw->trace_id) : NULL;
    if (!sent)
        return;
    raw->first_name = nv_arena_dup(raw->arena, nv_sent_text(sent, 0));
    raw->first_session = nv_arena_dup(raw->arena, nv_sent_text(sent, 1));
    raw->first_user = nv_arena_dup(raw->arena, nv_sent_text(sent, 2));
}

/* Log records of a trace but for marks, which are records of another one. */
static uint32_t records_of(const struct nv_open_trace *trace)
{
    struct nv_held_cursor cursor = {0};
    const struct nv_held_item *item;
    uint32_t records = 0;
    while ((item = nv_held_next(trace, &cursor)) != NULL) {
        records +=
            cursor.run->request->signal == NV_SIGNAL_LOGS && (item->parent & NV_ITEM_MARK) == 0;
    }
    return records;
}

static void count_out(struct nv_shard *shard, const struct nv_open_trace *trace,
                      const struct nv_gathered *out)
{
    atomic_fetch_sub(&shard->held_spans, trace->span_count);
    atomic_fetch_sub(&shard->held_bytes, trace->bytes);
    nv_ledger_drop_held(NV_DROP_DUPLICATE, out->duplicates);
    nv_ledger_dead_held(NV_DEAD_DAMAGED, out->damaged);
    atomic_fetch_add(&shard->left_out, out->duplicates + out->damaged);
    if (!out->raw) {
        nv_ledger_leave_records(records_of(trace));
        return;
    }
    nv_count(NV_COUNT_TRACES_COMPLETED, 1);
    nv_count(NV_COUNT_TRACES_INCOMPLETE, out->raw->incomplete == NV_INCOMPLETE_ROOT ||
                                             out->raw->incomplete == NV_INCOMPLETE_PARENT);
    nv_count(NV_COUNT_TRACES_CUT, out->raw->incomplete == NV_INCOMPLETE_CUT);
    nv_count(NV_COUNT_TRACES_LATE, trace->late && !trace->after_cut && !out->raw->is_turn);
}

/* The bytes were copied: without a journal, or with nothing to send, nothing keeps the
 * requests. */
static void drop_requests(struct nv_assembly *assembly, struct nv_claim *claim)
{
    for (uint32_t i = 0; i < claim->request_count; i++)
        nv_request_let_go(assembly, claim->requests[i]);
    claim->request_count = 0;
}

enum nv_err nv_leave_take(struct nv_shard *shard, struct nv_open_trace *trace,
                          enum nv_incomplete incomplete, struct nv_gathered *out)
{
    struct nv_assembly *assembly = shard->assembly;
    assert(nv_shard_is_mine(shard));
    uint64_t now_ns = nv_clock_mono_ns(&assembly->clock);
    enum nv_err err = nv_leave_reserve(shard, trace->item_count);
    if (err == NV_OK)
        err = nv_gather(assembly, trace, incomplete, out);
    if (err != NV_OK)
        return err;
    uint32_t service = nv_facts_learn(assembly->services, trace, shard->scratch, now_ns);
    count_out(shard, trace, out);
    /* Noted as if it had been sent: a restart must not forget that spans tell of it. */
    const bool told = nv_open_trace_is_records(trace) && trace->record_flags & NV_ITEM_MARK;
    if (told) {
        out->claim->part = NV_PART_TOLD;
        out->claim->places.part = NV_PART_TOLD;
        nv_sent_note(&shard->sent, trace->trace_id, NV_PART_TOLD, now_ns);
    }
    nv_claims_add(assembly, out->claim);
    if (out->raw) {
        entitle(shard, out->raw);
        remember(shard, trace, incomplete, service, now_ns);
        out->raw->claim = out->claim;
    }
    nv_timers_remove(&shard->timers, &trace->timer);
    nv_trace_table_close(&shard->table, trace);
    if (!nv_claims_hold_requests(assembly) || (!out->raw && !told))
        drop_requests(assembly, out->claim);
    if (!out->raw)
        nv_claims_settle(assembly, out->claim);
    return NV_OK;
}

void nv_leave_hand_on(struct nv_shard *shard, struct nv_raw_trace **raws, size_t count)
{
    assert(nv_shard_is_mine(shard));
    struct nv_claim *claims[NV_TURN_MAX] = {NULL};
    assert(count <= NV_TURN_MAX);
    for (size_t i = 0; i < count; i++)
        claims[i] = raws[i]->claim;
    /* Before the first of them can leave: after a crash the same part is made again under the
     * same id, which the backend knows and ignores. */
    nv_notes_write_planned(shard->assembly, claims, count);
    const struct nv_completer *completer = &shard->assembly->completer;
    if (completer->complete_all) {
        completer->complete_all(completer->ctx, raws, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        completer->complete(completer->ctx, raws[i]);
}

enum nv_err nv_leave_alone(struct nv_shard *shard, struct nv_open_trace *trace,
                           enum nv_incomplete incomplete)
{
    assert(nv_shard_is_mine(shard));
    struct nv_gathered out;
    uint64_t need = nv_gather_need(shard->assembly, trace);
    if (!nv_work_take(shard, need, true))
        return NV_ERR_NO_MEMORY;
    enum nv_err err = nv_leave_take(shard, trace, incomplete, &out);
    nv_work_settle(shard->assembly, err != NV_OK ? NULL : out.raw, need);
    if (err == NV_OK && out.raw)
        nv_leave_hand_on(shard, &out.raw, 1);
    return err;
}

struct nv_completion nv_leave_decide(struct nv_shard *shard, const struct nv_open_trace *trace,
                                     uint64_t now_ns)
{
    assert(nv_shard_is_mine(shard));
    struct nv_trace_facts facts;
    nv_facts_read(shard->assembly->services, trace, shard->scratch, now_ns, &facts);
    struct nv_completion completion = nv_completion_decide(&shard->assembly->config, &facts);
    nv_hasten_decide(shard, trace, &completion);
    return completion;
}
