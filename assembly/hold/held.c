/*
 * Looking at what is held.
 *
 * The traces of a shard belong to its thread, so it is that thread which looks: the asker
 * leaves its question, wakes the shard and waits a moment. One question at a time; a question
 * is taken back when nobody has begun with it, so that a shard which is busy with one huge
 * trace costs the asker a second and nothing else.
 *
 *   asker:  [look] = mine ──wake──▶ waits ─┬─ done ──▶ takes what was found
 *                                          └─ time is up, not begun ──▶ [look] = NULL
 *
 * What is copied is taken from the account of work, as for a trace that leaves, but without a
 * reservation: looking never goes before sending.
 */
#include "assembly/hold/held.h"

#include "assembly/hold/leave.h"
#include "assembly/hold/shard.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

#define WAIT_NS NV_NS_PER_S

struct nv_held_look {
    const struct nv_held_ask *ask;
    struct nv_held_trace *out;
    size_t count;
    bool begun, done; /* under the assembly's lock */
};

/* ---- words ------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
} words[] = {
    [NV_WAIT_QUIET] = {"quiet", "All of it seems to be here; it leaves when nothing more comes "
                                "for a moment."},
    [NV_WAIT_LOGS] = {"logs",
                      "Its services send content as log records, which may still come."},
    [NV_WAIT_RECORDS] = {"records", "It is made of a coding agent's log records, and the turn "
                                    "may go on."},
    [NV_WAIT_DISTRIBUTED] = {"distributed", "Other services may still send spans of it."},
    [NV_WAIT_REMOTE_PARENT] = {"remote_parent", "The span that called it, in another service, "
                                                "has not come."},
    [NV_WAIT_OPEN] = {"open", "A span that others name as their parent has not come: it is "
                              "probably still running."},
    [NV_WAIT_AGE] = {"age", "It has been waited for as long as a trace may be."},
};

const char *nv_wait_name(enum nv_wait wait)
{
    assert((size_t)wait < sizeof words / sizeof words[0]);
    return words[wait].name;
}

const char *nv_wait_text(enum nv_wait wait)
{
    assert((size_t)wait < sizeof words / sizeof words[0]);
    return words[wait].text;
}

/* ---- the shard's side -------------------------------------------------------------------- */

/* The newest of the shard's traces, newest first. */
static size_t find_newest(const struct nv_shard *shard, struct nv_open_trace **found,
                          size_t max)
{
    size_t count = 0;
    assert(max > 0);
    for (uint32_t i = 0; i < shard->timers.count; i++) {
        struct nv_open_trace *trace = nv_open_trace_of(shard->timers.heap[i]);
        if (trace->item_count == 0)
            continue;
        if (count == max && trace->first_ns <= found[count - 1]->first_ns)
            continue;
        size_t at = count < max ? count++ : count - 1;
        for (; at > 0 && found[at - 1]->first_ns < trace->first_ns; at--)
            found[at] = found[at - 1];
        found[at] = trace;
    }
    return count;
}

/* Its bytes, when there is room for them. */
static struct nv_raw_trace *copy_raw(struct nv_shard *shard, const struct nv_open_trace *trace,
                                     enum nv_incomplete incomplete)
{
    struct nv_gathered gathered = {0};
    uint64_t need = nv_gather_need(shard->assembly, trace);
    if (!nv_work_take(shard, need, false))
        return NULL;
    if (nv_gather(shard->assembly, trace, incomplete, &gathered) != NV_OK)
        gathered = (struct nv_gathered){0};
    free(gathered.claim); /* the references in it are the trace's */
    nv_work_settle(shard->assembly, gathered.raw, need);
    return gathered.raw;
}

static void look_at(struct nv_shard *shard, const struct nv_open_trace *trace,
                    const struct nv_held_ask *ask, struct nv_held_trace *out)
{
    uint64_t now_ns = nv_clock_mono_ns(&shard->assembly->clock);
    struct nv_completion completion = {.deadline_ns = trace->timer.deadline_ns,
                                       .wait = NV_WAIT_QUIET};
    if (nv_leave_reserve(shard, trace->item_count) == NV_OK)
        completion = nv_leave_decide(shard, trace, now_ns);
    *out = (struct nv_held_trace){.part = trace->part,
                                  .wait = completion.wait,
                                  .root = completion.incomplete != NV_INCOMPLETE_ROOT,
                                  .age_ns = now_ns - trace->first_ns,
                                  .quiet_ns = now_ns - trace->last_ns,
                                  .spans = trace->span_count,
                                  .records = trace->item_count - trace->span_count,
                                  .bytes = trace->bytes};
    memcpy(out->trace_id, trace->trace_id, NV_TRACE_ID_BYTES);
    if (completion.deadline_ns > now_ns)
        out->left_ns = completion.deadline_ns - now_ns;
    if (trace->bytes <= ask->raw_bytes_max)
        out->raw = copy_raw(shard, trace, completion.incomplete);
}

static void look(struct nv_shard *shard, struct nv_held_look *look)
{
    assert(nv_shard_is_mine(shard));
    struct nv_open_trace *found[NV_HELD_LOOK_MAX];
    size_t count = 0;
    if (look->ask->trace_id) {
        found[0] = nv_trace_table_find(&shard->table, look->ask->trace_id);
        count = found[0] && found[0]->item_count > 0;
    } else {
        count = find_newest(shard, found, look->ask->max);
    }
    for (size_t i = 0; i < count; i++)
        look_at(shard, found[i], look->ask, &look->out[i]);
    look->count = count;
}

void nv_held_serve(struct nv_shard *shard)
{
    struct nv_assembly *assembly = shard->assembly;
    if (!atomic_load_explicit(&shard->asked, memory_order_relaxed))
        return;
    pthread_mutex_lock(&assembly->lock);
    struct nv_held_look *mine = shard->look;
    if (mine)
        mine->begun = true;
    atomic_store(&shard->asked, false);
    pthread_mutex_unlock(&assembly->lock);
    if (!mine)
        return;
    look(shard, mine);
    pthread_mutex_lock(&assembly->lock);
    mine->done = true;
    shard->look = NULL;
    pthread_cond_broadcast(&assembly->changed);
    pthread_mutex_unlock(&assembly->lock);
}

/* ---- the asker's side -------------------------------------------------------------------- */

static struct timespec second_from_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(WAIT_NS / NV_NS_PER_S);
    return at;
}

/* Leaves the question with the shard and waits for it; under the lock. False: taken back. */
static bool wait_for(struct nv_assembly *assembly, struct nv_shard *shard,
                     struct nv_held_look *mine)
{
    const struct timespec until = second_from_now();
    int failed = 0;
    while (shard->look && failed != ETIMEDOUT && !shard->ended) {
        failed = pthread_cond_clockwait(&assembly->changed, &assembly->lock, CLOCK_MONOTONIC,
                                        &until);
    }
    if (shard->look || shard->ended)
        return false;
    shard->look = mine;
    atomic_store(&shard->asked, true);
    nv_queue_wake(shard->queue);
    while (!mine->done && (mine->begun || (failed != ETIMEDOUT && !shard->ended))) {
        if (mine->begun) {
            (void)pthread_cond_wait(&assembly->changed, &assembly->lock);
        } else {
            failed = pthread_cond_clockwait(&assembly->changed, &assembly->lock,
                                            CLOCK_MONOTONIC, &until);
        }
    }
    if (!mine->done)
        shard->look = NULL;
    return mine->done;
}

static size_t ask_shard(struct nv_assembly *assembly, struct nv_shard *shard,
                        const struct nv_held_ask *ask, struct nv_held_trace *out)
{
    struct nv_held_look mine = {.ask = ask, .out = out};
    if (assembly->inline_mode) {
        look(shard, &mine);
        return mine.count;
    }
    pthread_mutex_lock(&assembly->lock);
    bool done = wait_for(assembly, shard, &mine);
    pthread_mutex_unlock(&assembly->lock);
    return done ? mine.count : 0;
}

static void forget(struct nv_held_trace *traces, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (traces[i].raw)
            nv_arena_free(traces[i].raw->arena);
    }
}

static int by_age(const void *a, const void *b)
{
    const struct nv_held_trace *left = a, *right = b;
    return left->age_ns < right->age_ns ? -1 : left->age_ns > right->age_ns;
}

size_t nv_assembly_read_held(struct nv_assembly *assembly, const struct nv_held_ask *ask,
                             struct nv_held_trace *out)
{
    assert(ask->max <= NV_HELD_LOOK_MAX && (ask->max > 0 || ask->trace_id));
    size_t count = 0;
    if (atomic_load(&assembly->phase) == NV_PHASE_NEW)
        return 0;
    if (ask->trace_id) {
        uint32_t number = nv_shard_of(ask->trace_id, assembly->shard_count);
        return ask_shard(assembly, &assembly->shards[number], ask, out);
    }
    struct nv_held_trace *all = calloc(2 * ask->max, sizeof *all);
    for (uint32_t i = 0; all && i < assembly->shard_count; i++) {
        count += ask_shard(assembly, &assembly->shards[i], ask, all + count);
        qsort(all, count, sizeof *all, by_age);
        forget(all, ask->max, count);
        count = count < ask->max ? count : ask->max;
    }
    if (all)
        memcpy(out, all, count * sizeof *all);
    free(all);
    return count;
}

void nv_held_hand_over(const struct nv_shard *shard, uint64_t spans)
{
    if (shard->assembly->config.upstream.forgotten)
        nv_ledger_drop_held(NV_DROP_HANDED_OVER, spans);
}

uint64_t nv_arrivals_spans_left(const struct nv_arrivals *arrivals)
{
    uint64_t spans = 0;
    for (uint32_t i = arrivals->taken; i < arrivals->count; i++)
        spans += nv_held_is_span(arrivals->request->signal, &arrivals->items[i].item);
    return spans;
}
