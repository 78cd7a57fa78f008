/*
 * A shard: holds traces, watches their deadlines, hands them on.
 *
 * The timer of a trace is a promise to look, not a verdict: when spans come it is only moved
 * forward to quiet_ms from now, and when it fires the facts are read and the true deadline is
 * set. So a span costs no search, however large its trace.
 *
 * What was acknowledged is never dropped here. Without memory to take arrivals, or with the
 * gate shut for a trace that has to be cut, they wait in a list (and, their bytes counted as
 * arriving, so does the door); without memory to gather a trace it stays and is tried again.
 *
 *   arrivals ──▶ open trace ──▶ timer fires: look ──▶ its deadline has come ──▶ leave.c
 *      │            │  ▲             │
 *      │            │  └─ not yet ───┘   set to the deadline
 *      │            └── at its cap: cut ──▶ leave.c, the next part is opened
 *      └── no memory, gate shut ──▶ stalled, in order, taken before all others
 */
#include "assembly/hold/shard.h"
#include "assembly/hold/hasten.h"
#include "assembly/hold/held.h"
#include "assembly/hold/leave.h"
#include "base/limits.h"
#include "base/log/counters.h"

#include <assert.h>
#include <stdlib.h>
#include "base/banned.h"

/* After a want of memory; between two looks at a closed gate; a walk over all open traces. */
#define RETRY_NS (100 * NV_NS_PER_MS)
#define MAY_COMPLETE_NS (4 * NV_NS_PER_MS)
#define OLDEST_CHECK_NS (2 * NV_NS_PER_S)
/* Arrivals that wait for the shard: as many requests as wait for the journal (assembly.c); the
 * bound that counts is queue_bytes. */
#define QUEUE_ITEMS_MAX 4096u
/* Of memory_bytes: names and span ids of traces that were sent. */
#define SENT_SHARE 4u
/* At a stop, between two looks at a closed gate. */
#define FINISH_PAUSE_NS 5000000

static uint64_t now_ns_of(const struct nv_shard *shard)
{
    return nv_clock_mono_ns(&shard->assembly->clock);
}

enum nv_err nv_shard_init(struct nv_shard *shard, struct nv_assembly *assembly, uint32_t number)
{
    shard->assembly = assembly;
    shard->number = number;
    shard->stalled_end = &shard->stalled;
    nv_trace_table_init(&shard->table);
    nv_timers_init(&shard->timers);
    nv_plans_init(&shard->plans);
    const struct nv_assembly_config *config = &assembly->config;
    nv_sent_init(&shard->sent, config->sent_max / assembly->shard_count,
                 config->memory_bytes / SENT_SHARE / assembly->shard_count,
                 config->sent_ttl_ms * NV_NS_PER_MS);
    if (assembly->inline_mode)
        return NV_OK;
    shard->queue = nv_queue_new(QUEUE_ITEMS_MAX, config->queue_bytes);
    return shard->queue ? NV_OK : NV_ERR_NO_MEMORY;
}

/* Lets go of a request whose spans have not left: the journal must not forget it. */
static void forget_request(struct nv_assembly *assembly, struct nv_request *request)
{
    atomic_store(&request->keep, true);
    if (nv_request_unref(request))
        nv_request_free(&assembly->groups, request);
}

static void forget_trace(struct nv_shard *shard, struct nv_open_trace *trace)
{
    nv_held_hand_over(shard, trace->span_count);
    for (uint32_t i = 0; i < trace->used; i = nv_held_run_after(trace, i))
        forget_request(shard->assembly, trace->held[i].run.request);
    nv_trace_table_close(&shard->table, trace);
}

void nv_shard_release(struct nv_shard *shard)
{
    struct nv_timer *timer;
    while ((timer = nv_timers_first(&shard->timers)) != NULL) {
        nv_timers_remove(&shard->timers, timer);
        forget_trace(shard, nv_open_trace_of(timer));
    }
    while (shard->stalled) {
        struct nv_arrivals *arrivals = shard->stalled;
        shard->stalled = arrivals->next;
        if (arrivals->request)
            nv_held_hand_over(shard, nv_arrivals_spans_left(arrivals));
        if (arrivals->request) /* else the end of the replay */
            forget_request(shard->assembly, arrivals->request);
        nv_arrivals_free(arrivals);
    }
    nv_plans_release(&shard->plans);
    nv_trace_table_release(&shard->table);
    nv_timers_release(&shard->timers);
    nv_sent_release(&shard->sent);
    nv_queue_free(shard->queue);
    free(shard->scratch);
    free(shard->record_groups);
}

static void publish(struct nv_shard *shard, uint64_t now_ns)
{
    atomic_store(&shard->open_traces, shard->table.index.count);
    atomic_store(&shard->memory_bytes, shard->table.bytes +
                                           nv_index_bytes(&shard->table.index) +
                                           nv_sent_bytes(&shard->sent));
    if (now_ns < shard->oldest_checked_ns + OLDEST_CHECK_NS && shard->oldest_checked_ns != 0)
        return;
    uint64_t oldest = UINT64_MAX;
    for (uint32_t i = 0; i < shard->timers.count; i++) {
        const struct nv_open_trace *trace = nv_open_trace_of(shard->timers.heap[i]);
        oldest = trace->first_ns < oldest ? trace->first_ns : oldest;
    }
    atomic_store(&shard->oldest_ns, oldest);
    shard->oldest_checked_ns = now_ns;
}

/* ---- completing -------------------------------------------------------------------------- */

/* Looks at a trace whose timer fired. True when it left, with something to send in `out`. */
static bool look_at(struct nv_shard *shard, struct nv_open_trace *trace, uint64_t now_ns,
                    struct nv_gathered *out)
{
    *out = (struct nv_gathered){0};
    if (nv_leave_reserve(shard, trace->item_count)) {
        nv_gather_later(shard, trace, now_ns);
        return false;
    }
    struct nv_completion completion = nv_leave_decide(shard, trace, now_ns);
    bool planned = trace->until.record_id != 0;
    /* Made again as it was, it is whole only when every older request has been replayed. */
    uint64_t again_ns = shard->replayed ? now_ns : now_ns + RETRY_NS;
    uint64_t until_ns = planned ? again_ns : completion.deadline_ns;
    if (until_ns > now_ns) {
        nv_timers_move(&shard->timers, &trace->timer, until_ns);
        return false;
    }
    if (nv_leave_take(shard, trace, completion.incomplete, out) != NV_OK) {
        nv_gather_later(shard, trace, now_ns);
        return false;
    }
    if (out->raw && !planned)
        out->raw->waited_for = nv_wait_name(completion.wait);
    return out->raw != NULL;
}

static bool may_complete(const struct nv_assembly *assembly)
{
    return !assembly->config.may_complete ||
           assembly->config.may_complete(assembly->config.may_complete_ctx);
}

static void retry_stalled(struct nv_shard *shard, uint64_t now_ns)
{
    struct nv_arrivals *list = shard->stalled;
    shard->stalled = NULL;
    shard->stalled_end = &shard->stalled;
    while (list) {
        struct nv_arrivals *arrivals = list;
        list = arrivals->next;
        nv_shard_take(shard, arrivals, now_ns);
    }
}

static struct nv_timer *first_due(struct nv_shard *shard, uint64_t now_ns)
{
    struct nv_timer *timer = nv_timers_first(&shard->timers);
    return timer && timer->deadline_ns <= now_ns ? timer : NULL;
}

/*
 * One turn: traces whose time has come are looked at and the complete ones handed on together.
 * Returns false when there is no memory for even the first: nothing was looked at.
 */
static bool take_turn(struct nv_shard *shard, uint64_t now_ns)
{
    struct nv_raw_trace *raws[NV_TURN_MAX];
    size_t count = 0;
    uint64_t bytes = 0;
    struct nv_timer *timer;
    while (count < NV_TURN_MAX && (timer = first_due(shard, now_ns)) != NULL) {
        struct nv_open_trace *trace = nv_open_trace_of(timer);
        struct nv_gathered out;
        uint64_t need = nv_gather_need(shard->assembly, trace);
        /* What is gathered waits in memory for those before it; the rest is on disk. */
        if (count > 0 && bytes + need > shard->assembly->config.turn_bytes)
            break;
        if (!nv_work_take(shard, need, count == 0)) {
            if (count == 0)
                return false;
            break;
        }
        bool left = look_at(shard, trace, now_ns, &out);
        nv_work_settle(shard->assembly, left ? out.raw : NULL, need);
        if (left) {
            bytes += need;
            raws[count++] = out.raw;
        }
    }
    nv_leave_hand_on(shard, raws, count);
    return true;
}

uint64_t nv_shard_expire(struct nv_shard *shard, uint64_t now_ns)
{
    assert(nv_shard_is_mine(shard));
    retry_stalled(shard, now_ns);
    /* one turn where an upstream has to be told of what was settled, however much is due */
    for (bool more = true; more && first_due(shard, now_ns);
         more = !shard->assembly->config.upstream.forgotten) {
        bool open = may_complete(shard->assembly);
        if (!open)
            publish(shard, now_ns);
        if (!open || !take_turn(shard, now_ns))
            return now_ns + MAY_COMPLETE_NS;
    }
    publish(shard, now_ns);
    if (!shard->stalled && !shard->assembly->inline_mode)
        nv_account_forget(shard->assembly->work, shard);
    struct nv_timer *timer = nv_timers_first(&shard->timers);
    uint64_t next = timer ? timer->deadline_ns : UINT64_MAX;
    return shard->stalled && next > now_ns + RETRY_NS ? now_ns + RETRY_NS : next;
}

/* ---- taking ------------------------------------------------------------------------------ */

/* A part that was on its way before a restart is made again as it was. */
static void apply_plan(struct nv_shard *shard, struct nv_open_trace *trace)
{
    struct nv_plan plan;
    if (shard->replayed || !nv_plans_take(&shard->plans, trace->trace_id, &plan))
        return;
    trace->part = plan.part;
    trace->until = plan.last;
    trace->late = plan.part > 0;
}

static struct nv_open_trace *open_trace(struct nv_shard *shard, const uint8_t *trace_id,
                                        uint64_t now_ns)
{
    struct nv_open_trace *trace = nv_trace_table_open(&shard->table, trace_id);
    if (!trace)
        return NULL;
    uint64_t look_ns = now_ns + shard->assembly->config.quiet_ms * NV_NS_PER_MS;
    if (nv_timers_add(&shard->timers, &trace->timer, look_ns)) {
        nv_trace_table_close(&shard->table, trace);
        return NULL;
    }
    trace->first_ns = now_ns;
    trace->last_ns = now_ns;
    trace->part = nv_sent_parts(&shard->sent, trace_id);
    if (trace->part > NV_PART_TOLD) {
        trace->part = NV_PART_TOLD;
        trace->record_flags = NV_ITEM_MARK;
    }
    const struct nv_sent_trace *sent = nv_sent_find(&shard->sent, trace_id);
    trace->after_cut = trace->part > 0 && sent && sent->cut;
    trace->late = trace->part > 0 && (!trace->after_cut || sent->root);
    trace->late_after_waiting = trace->late && sent && sent->incomplete;
    if (sent && trace->late && !trace->after_cut && sent->service != 0)
        nv_services_remote_came(shard->assembly->services, sent->service, now_ns);
    apply_plan(shard, trace);
    return trace;
}

/* A client that got no answer sends again what has long been sent: dropped. */
static bool drop_repeated(struct nv_shard *shard, const struct nv_open_trace *trace,
                          const struct nv_arrival *arrival, enum nv_signal signal)
{
    /* Log records have no id to be recognised by. Nothing of a first part that is open was
     * sent; what is twice in it is found when it is gathered. */
    if (!nv_held_is_span(signal, &arrival->item) || (trace && trace->part == 0))
        return false;
    const struct nv_sent_trace *sent = nv_sent_find(&shard->sent, arrival->trace_id);
    if (!sent || !nv_sent_has_span(sent, arrival->item.span_id, arrival->item.check))
        return false;
    nv_ledger_drop_held(NV_DROP_DUPLICATE, 1);
    atomic_fetch_add(&shard->left_out, 1);
    return true;
}

static bool is_full(const struct nv_shard *shard, const struct nv_open_trace *trace,
                    const struct nv_request *request, const struct nv_arrival *arrival)
{
    const struct nv_assembly_config *config = &shard->assembly->config;
    if (trace->item_count == 0)
        return false;
    struct nv_place place = {request->record_id, arrival->ordinal};
    if (trace->until.record_id != 0)
        return nv_place_after(place, trace->until);
    uint64_t more = arrival->item.length +
                    nv_open_trace_group_bytes(trace, request->groups[arrival->group]);
    return trace->item_count >= config->max_spans ||
           trace->bytes + more > config->max_trace_bytes;
}

/* Sends a trace that can take no more. NO_MEMORY, BUSY: not now, its arrivals wait. */
static enum nv_err cut(struct nv_shard *shard, struct nv_open_trace *trace)
{
    /* Asked like all that leave: while the start replays there is nobody yet to take it. */
    if (!may_complete(shard->assembly))
        return NV_ERR_BUSY;
    enum nv_incomplete incomplete = NV_INCOMPLETE_CUT;
    /* While the start replays, whoever is to take it may not be there yet. */
    if (!shard->replayed && shard->assembly->journal && !may_complete(shard->assembly))
        return NV_ERR_BUSY;
    if (trace->until.record_id != 0) {
        if (nv_leave_reserve(shard, trace->item_count))
            return NV_ERR_NO_MEMORY;
        incomplete = nv_leave_decide(shard, trace, trace->last_ns).incomplete;
    }
    return nv_leave_alone(shard, trace, incomplete);
}

/* Is this the prompt of the next turn, in a session whose prompts have no ids? A planned part
 * has its end. */
static bool begins_turn(const struct nv_open_trace *trace, const struct nv_request *request,
                        const struct nv_arrival *arrival)
{
    const uint32_t begins = NV_ITEM_BEGINS | NV_ITEM_TURNS;
    return request->signal == NV_SIGNAL_LOGS && (arrival->item.parent & begins) == begins &&
           (trace->record_flags & NV_ITEM_MAKES) != 0 && trace->until.record_id == 0;
}

/* Ends a group of log records before its time. BUSY: not now. */
static enum nv_err end_records(struct nv_shard *shard, struct nv_open_trace *trace)
{
    if (!may_complete(shard->assembly))
        return NV_ERR_BUSY;
    return nv_leave_alone(shard, trace, NV_COMPLETE);
}

/* Before a group of log records is opened: of as many as there may be, the oldest ends. */
static enum nv_err make_room_for_records(struct nv_shard *shard, const uint8_t *trace_id)
{
    const uint32_t max = NV_RECORD_GROUPS_MAX / shard->assembly->shard_count + 1;
    if (!shard->record_groups)
        shard->record_groups = calloc(max, NV_TRACE_ID_BYTES);
    if (!shard->record_groups)
        return NV_ERR_NO_MEMORY;
    uint8_t *place = &shard->record_groups[shard->next_group * NV_TRACE_ID_BYTES];
    struct nv_open_trace *oldest = nv_trace_table_find(&shard->table, place);
    if (oldest && nv_open_trace_is_records(oldest) && oldest->until.record_id == 0) {
        enum nv_err err = end_records(shard, oldest);
        if (err != NV_OK)
            return err;
    }
    memcpy(place, trace_id, NV_TRACE_ID_BYTES);
    shard->next_group = (shard->next_group + 1) % max;
    return NV_OK;
}

/* The trace of an arrival that has none open. */
static enum nv_err open_for(struct nv_shard *shard, const struct nv_request *request,
                            const struct nv_arrival *arrival, struct nv_open_trace **trace,
                            uint64_t now_ns)
{
    enum nv_err err = NV_OK;
    if ((arrival->item.check & NV_HELD_MARK) != 0 ||
        (request->signal == NV_SIGNAL_LOGS && (arrival->item.parent & NV_ITEM_RECORD) != 0))
        err = make_room_for_records(shard, arrival->trace_id);
    if (err == NV_OK)
        *trace = open_trace(shard, arrival->trace_id, now_ns);
    return *trace || err != NV_OK ? err : NV_ERR_NO_MEMORY;
}

/* Length of the stretch of arrivals from `from` that share trace and group. */
static uint32_t stretch_len(const struct nv_arrivals *arrivals, uint32_t from)
{
    const struct nv_arrival *first = &arrivals->items[from];
    uint32_t i = from + 1;
    while (i < arrivals->count && arrivals->items[i].group == first->group &&
           memcmp(arrivals->items[i].trace_id, first->trace_id, NV_TRACE_ID_BYTES) == 0)
        i++;
    return i - from;
}

/* Room for the next arrival, and if there is none for all of its stretch. */
static enum nv_err reserve_room(struct nv_shard *shard, struct nv_open_trace *trace,
                                const struct nv_arrivals *arrivals)
{
    if (trace->used + 2 <= trace->capacity)
        return NV_OK;
    uint32_t left = stretch_len(arrivals, arrivals->taken);
    uint32_t room = shard->assembly->config.max_spans;
    return nv_open_trace_reserve(&shard->table, trace, left < room ? left : room);
}

/* Takes the arrival at arrivals->taken into `*trace`, its trace if that is open. */
static enum nv_err take_one(struct nv_shard *shard, struct nv_arrivals *arrivals,
                            struct nv_open_trace **trace, uint64_t now_ns)
{
    const struct nv_arrival *arrival = &arrivals->items[arrivals->taken];
    struct nv_request *request = arrivals->request;
    if (drop_repeated(shard, *trace, arrival, request->signal))
        return NV_OK;
    if (*trace && is_full(shard, *trace, request, arrival)) {
        enum nv_err err = cut(shard, *trace);
        if (err != NV_OK)
            return err;
        *trace = NULL;
        /* it may be one of those that just left */
        if (drop_repeated(shard, *trace, arrival, request->signal))
            return NV_OK;
    }
    enum nv_err err = NV_OK;
    if (*trace && begins_turn(*trace, request, arrival)) {
        err = end_records(shard, *trace);
        *trace = err != NV_OK ? *trace : NULL;
    }
    if (err == NV_OK && !*trace)
        err = open_for(shard, request, arrival, trace, now_ns);
    if (err != NV_OK || reserve_room(shard, *trace, arrivals))
        return err != NV_OK ? err : NV_ERR_NO_MEMORY;
    nv_open_trace_add(*trace, request, arrival, now_ns);
    atomic_fetch_add(&shard->held_spans, nv_held_is_span(request->signal, &arrival->item));
    atomic_fetch_add(&shard->held_bytes, arrival->item.length);
    return NV_OK;
}

/* An empty trace is not left behind; the next look is at most quiet_ms away. */
static void settle_down(struct nv_shard *shard, struct nv_open_trace *trace, uint64_t now_ns)
{
    if (!trace)
        return;
    if (trace->item_count == 0) {
        nv_timers_remove(&shard->timers, &trace->timer);
        nv_trace_table_close(&shard->table, trace);
        return;
    }
    uint64_t look_ns = now_ns + shard->assembly->config.quiet_ms * NV_NS_PER_MS;
    if (trace->timer.deadline_ns > look_ns)
        nv_timers_move(&shard->timers, &trace->timer, look_ns);
}

static enum nv_err take_all(struct nv_shard *shard, struct nv_arrivals *arrivals,
                            uint64_t now_ns)
{
    enum nv_err err = NV_OK;
    while (err == NV_OK && arrivals->taken < arrivals->count) {
        const uint8_t *id = arrivals->items[arrivals->taken].trace_id;
        struct nv_open_trace *trace = nv_trace_table_find(&shard->table, id);
        do {
            err = take_one(shard, arrivals, &trace, now_ns);
            if (err == NV_OK)
                arrivals->taken++;
        } while (err == NV_OK && arrivals->taken < arrivals->count &&
                 memcmp(arrivals->items[arrivals->taken].trace_id, id, NV_TRACE_ID_BYTES) == 0);
        settle_down(shard, trace, now_ns);
    }
    return err;
}

static void end_replay(struct nv_shard *shard, uint64_t now_ns)
{
    shard->replayed = true;
    nv_plans_release(&shard->plans);
    /* Parts of before the restart wait for nothing more: their last request has come. */
    for (uint32_t i = 0; i < shard->timers.count; i++) {
        struct nv_open_trace *trace = nv_open_trace_of(shard->timers.heap[i]);
        if (trace->until.record_id != 0 && trace->timer.deadline_ns > now_ns)
            nv_timers_move(&shard->timers, &trace->timer, now_ns);
    }
}

void nv_shard_take(struct nv_shard *shard, struct nv_arrivals *arrivals, uint64_t now_ns)
{
    assert(nv_shard_is_mine(shard));
    if (!arrivals->request && !shard->stalled) {
        end_replay(shard, now_ns);
        nv_arrivals_free(arrivals);
        return;
    }
    /* Behind those that wait already: a part is noted as a range of record ids, so the order of
     * requests is kept. */
    if (shard->stalled || take_all(shard, arrivals, now_ns)) {
        arrivals->next = NULL;
        *shard->stalled_end = arrivals;
        shard->stalled_end = &arrivals->next;
        return;
    }
    /* Counted as held before it is no longer counted as arriving. */
    publish(shard, now_ns);
    uint64_t arriving = atomic_fetch_sub(&shard->assembly->arriving, arrivals->bytes);
    assert(arriving >= arrivals->bytes);
    (void)arriving;
    nv_request_let_go(shard->assembly, arrivals->request);
    nv_arrivals_free(arrivals);
}

/* ---- the thread, and its end ------------------------------------------------------------- */

/* Does what is not complete at a stop stay in the journal? */
static bool keeps(const struct nv_shard *shard)
{
    if (shard->assembly->config.upstream.forgotten)
        return true;
    return shard->assembly->journal && shard->assembly->config.on_stop == NV_ON_STOP_KEEP;
}

/* What to do with a trace at a stop: true when it is handed on. */
static bool leaves_at_stop(const struct nv_shard *shard, struct nv_completion *completion)
{
    bool whole = !atomic_load(&shard->assembly->replay_cut);
    /* the log may hold more of it that was not read yet */
    if (shard->assembly->config.upstream.forgotten)
        return false;
    if (completion->wait == NV_WAIT_QUIET && whole)
        return true;
    if (completion->incomplete != NV_COMPLETE)
        completion->incomplete = NV_INCOMPLETE_SHUTDOWN;
    return !keeps(shard);
}

static bool finish_trace(struct nv_shard *shard, struct nv_open_trace *trace)
{
    uint64_t now_ns = now_ns_of(shard);
    if (nv_leave_reserve(shard, trace->item_count))
        return false;
    struct nv_completion completion = nv_leave_decide(shard, trace, now_ns);
    if (!leaves_at_stop(shard, &completion)) {
        nv_timers_remove(&shard->timers, &trace->timer);
        forget_trace(shard, trace);
        return true;
    }
    return may_complete(shard->assembly) &&
           nv_leave_alone(shard, trace, completion.incomplete) == NV_OK;
}

bool nv_shard_finish(struct nv_shard *shard)
{
    assert(nv_shard_is_mine(shard));
    const struct timespec pause = {.tv_nsec = FINISH_PAUSE_NS};
    for (;;) {
        struct nv_timer *timer = nv_timers_first(&shard->timers);
        /* What waits behind traces that had to leave first; kept, it is in the journal. */
        if (!timer && shard->stalled && !keeps(shard)) {
            retry_stalled(shard, now_ns_of(shard));
            timer = nv_timers_first(&shard->timers);
        }
        if (timer && finish_trace(shard, nv_open_trace_of(timer)))
            continue;
        if (!timer && (!shard->stalled || keeps(shard)))
            break;
        if (shard->assembly->inline_mode ||
            now_ns_of(shard) >= atomic_load(&shard->assembly->stop_at_ns))
            break;
        nanosleep(&pause, NULL);
    }
    publish(shard, now_ns_of(shard));
    nv_account_forget(shard->assembly->work, shard);
    return nv_timers_first(&shard->timers) == NULL && shard->stalled == NULL;
}

/* The shard, and what it is made of, is this thread's from here on; or nobody's again, so that
 * who joins the thread may free it. */
static void own(struct nv_shard *shard, bool mine)
{
    struct nv_owner *owners[] = {&shard->owner, &shard->table.owner, &shard->sent.owner};
    for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
        if (mine)
            nv_owner_take(owners[i]);
        else
            nv_owner_leave(owners[i]);
    }
}

void *nv_shard_run(void *arg)
{
    struct nv_shard *shard = arg;
    uint64_t next_ns = 0;
    own(shard, true);
    for (;;) {
        void *items[NV_TURN_MAX];
        uint64_t now_ns = now_ns_of(shard);
        uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
        bool closed = atomic_load(&shard->assembly->shards_closed);
        size_t count = nv_queue_pop(shard->queue, items, NV_TURN_MAX,
                                    wait_ns < NV_NS_PER_S ? wait_ns : NV_NS_PER_S);
        if (count == 0 && closed)
            break;
        now_ns = now_ns_of(shard);
        for (size_t i = 0; i < count; i++)
            nv_shard_take(shard, items[i], now_ns);
        nv_hasten_serve(shard, now_ns);
        next_ns = nv_shard_expire(shard, now_ns);
        nv_held_serve(shard);
    }
    nv_shard_finish(shard);
    own(shard, false);
    pthread_mutex_lock(&shard->assembly->lock);
    shard->ended = true;
    pthread_cond_broadcast(&shard->assembly->changed);
    pthread_mutex_unlock(&shard->assembly->lock);
    return NULL;
}
