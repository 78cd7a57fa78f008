/*
 * The journal's thread: makes requests durable, answers them, gives them to their shards, and
 * forgets what has arrived at its destination.
 *
 * One round commits everything that waits as one group, with one sync: the requests, and a
 * record of the traces that were settled since the last round. Only when that is durable are
 * the requests of settled traces released: after a crash a trace is either still whole in the
 * journal, or known to be sent (replay.c).
 *
 * A request is answered before it is dispatched: a shard that is behind makes the queue fill
 * and the door say BUSY, but does not make an acknowledgement late.
 *
 * A round, and what a crash behind each step leaves:
 *
 *   1 take what is settled        as before the round
 *   2 sync the outbox's records   record and request are there: sent twice, with the same ids
 *   3 write requests and note,    torn: the group is not there and nobody was told; whole: requests
 *     one sync                    are replayed, what the note says is left out
 *   4 answer 200, dispatch        the same
 *   5 release settled requests    some are gone, for the rest the note still stands
 *   6 sweep notes, give back      nothing: only what nobody needs any more goes
 *
 *   a request  waiting ──3──▶ kept ──4──▶ dispatched ──all traces settled──▶ released ──5──▶ gone
 *                 └──3 fails──▶ tried alone ──fails──▶ refused (503), never seen by a shard
 *
 * When 3 fails as a group, each request is tried alone: one of 16 MB may be what does not fit,
 * and the small ones beside it would be refused for it.
 */
#include "assembly/door/state.h"
#include "base/limits.h"
#include "journal/journal.h"
#include "assembly/door/notes.h"
#include "assembly/door/replay.h"
#include "base/log/log.h"
#include "model/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include "base/banned.h"

/* Requests of one sync: bounds the arrays on the stack and how long the first waits for the
 * rest.
 */
#define GROUP_MAX 256u
/* Heads and note of a round of 256 requests fit; what a larger one took is given back. */
#define HEADS_KEPT_BYTES ((size_t)64 * 1024)
/* Without requests, what was settled is written down at least this often. */
#define IDLE_NS (50 * NV_NS_PER_MS)
/* So long one that is settled waits for others. The traces of a body come back one by one, and
 * a thread that is woken for the first runs at once where processors are few: each had a note,
 * a write and two switches of its own (docs/performance.md). A kill sends again what came back
 * in this time, which the backend knows and ignores. */
#define SETTLED_GATHER_NS (5 * NV_NS_PER_MS)

/* ---- forgetting -------------------------------------------------------------------------- */

static void forget_released(struct nv_assembly *assembly)
{
    /* The replay gives requests up because of notes that the start has read. */
    if (!nv_journal_is_sure(assembly->journal))
        return;
    pthread_mutex_lock(&assembly->lock);
    struct nv_request *list = assembly->released;
    assembly->released = NULL;
    pthread_mutex_unlock(&assembly->lock);
    while (list) {
        uint64_t ids[GROUP_MAX];
        size_t count = 0;
        while (list && count < GROUP_MAX) {
            struct nv_request *request = list;
            list = request->next;
            ids[count++] = request->record_id;
            nv_request_free(&assembly->groups, request);
        }
        nv_journal_release(assembly->journal, ids, count);
    }
}

void nv_committer_abandon(struct nv_assembly *assembly)
{
    while (assembly->released) {
        struct nv_request *request = assembly->released;
        assembly->released = request->next;
        nv_request_free(&assembly->groups, request);
    }
}

/* ---- committing -------------------------------------------------------------------------- */

static void refuse(struct nv_assembly *assembly, struct nv_prepared *pending, enum nv_err err)
{
    nv_accept_done *done = pending->done;
    void *done_ctx = pending->done_ctx;
    atomic_fetch_sub(&assembly->arriving, nv_prepared_bytes(pending));
    nv_prepared_release(&assembly->groups, pending);
    done(done_ctx, err);
}

/* The request is kept: from here on it can't fail. */
static struct nv_arrivals *keep(struct nv_assembly *assembly, struct nv_prepared *pending,
                                uint64_t record_id)
{
    struct nv_request *request = pending->request;
    struct nv_arrivals *arrivals = pending->arrivals;
    request->record_id = record_id;
    /* Read back when its traces are complete: memory holds where spans are, not the spans. */
    if (assembly->journal) {
        free(request->body);
        request->body = NULL;
    }
    atomic_fetch_add(&assembly->memory, nv_request_bytes(request));
    nv_ledger_receive(pending->spans, false);
    nv_ledger_leave_records(pending->unused);
    pending->done(pending->done_ctx, NV_OK);
    nv_prepared_let_go(pending);
    /* The reference of the preparation. Each of the arrivals has one, so it is never the
     * last. */
    bool last = nv_request_unref(request);
    assert(!last && arrivals != NULL);
    (void)last;
    return arrivals;
}

static void put_of(const struct nv_prepared *pending, struct nv_buf *heads,
                   struct nv_journal_put *put)
{
    const struct nv_request *request = pending->request;
    put->kind = request->signal == NV_SIGNAL_LOGS ? NV_RECORD_LOGS : NV_RECORD_TRACES;
    put->body = (struct nv_str){request->body, request->body_len};
    put->head.len = nv_replay_write_head(heads, request, pending->spans);
}

/* Writes a group: the requests, then the claims. Record ids go to `ids`. */
static enum nv_err write_group(struct nv_assembly *assembly,
                               struct nv_prepared *const *pendings, size_t count,
                               const struct nv_claim *settled, uint64_t *ids)
{
    struct nv_journal_put puts[GROUP_MAX + 1] = {{0}};
    struct nv_buf *heads = &assembly->heads;
    assert(count <= GROUP_MAX);
    nv_buf_clear(heads);
    size_t total = 0;
    for (; total < count; total++)
        put_of(pendings[total], heads, &puts[total]);
    size_t notes = settled ? nv_notes_encode_settled(heads, settled) : 0;
    enum nv_err err = heads->failed;
    /* Not before all are encoded: the buffer moves while it grows. */
    const char *head = heads->bytes;
    for (size_t i = 0; i < total; i++) {
        puts[i].head.ptr = head;
        head += puts[i].head.len;
    }
    if (notes > 0)
        puts[total++] = (struct nv_journal_put){.kind = NV_RECORD_SENT, .body = {head, notes}};
    if (err == NV_OK && total > 0)
        err = nv_journal_commit(assembly->journal, puts, total, true);
    for (size_t i = 0; i < count && err == NV_OK; i++)
        ids[i] = puts[i].id;
    if (err == NV_OK && notes > 0)
        nv_notes_wrote_settled(assembly, puts[count].id, settled);
    if (heads->capacity > HEADS_KEPT_BYTES) /* a note of very many: seldom */
        nv_buf_release(heads);
    return err;
}

static void keep_all(struct nv_assembly *assembly, struct nv_prepared **pendings, size_t count,
                     const uint64_t *ids)
{
    struct nv_arrivals *arrivals[GROUP_MAX];
    for (size_t i = 0; i < count; i++)
        arrivals[i] = keep(assembly, pendings[i], ids[i]);
    for (size_t i = 0; i < count; i++)
        nv_replay_dispatch(assembly, arrivals[i]);
}

/* One request that could not be written together with others may still have room alone. */
static void commit_alone(struct nv_assembly *assembly, struct nv_prepared **pendings,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t id;
        enum nv_err err = write_group(assembly, &pendings[i], 1, NULL, &id);
        if (err != NV_OK)
            refuse(assembly, pendings[i], err);
        else
            keep_all(assembly, &pendings[i], 1, &id);
    }
}

/* Writes a note of what was settled by itself, after it could not be written with requests. */
static bool note_alone(struct nv_assembly *assembly, const struct nv_claim *settled)
{
    uint64_t ids[1];
    enum nv_err err = write_group(assembly, NULL, 0, settled, ids);
    if (err == NV_OK)
        return true;
    NV_LOG(NV_LOG_WARN, "journal", "cannot note what was sent error=\"%s\"",
           nv_err_info(err)->text);
    /* On a full disk space must come back: the requests go without a note. A crash before the
     * next one may then send a late part under the id of its trace, and no worse; but what took
     * their place, in the outbox say, is to be on disk first, which the note's sync would have
     * seen to.
     */
    return nv_journal_sync(assembly->journal) == NV_OK;
}

/* False: what was settled is neither noted nor may its requests be forgotten. */
static bool commit(struct nv_assembly *assembly, struct nv_prepared **pendings, size_t count,
                   const struct nv_claim *settled)
{
    uint64_t ids[GROUP_MAX];
    enum nv_err err = write_group(assembly, pendings, count, settled, ids);
    if (err == NV_OK) {
        keep_all(assembly, pendings, count, ids);
        return true;
    }
    if (err != NV_ERR_FULL && err != NV_ERR_NO_SPACE) {
        NV_LOG(NV_LOG_ERROR, "journal",
               "cannot write a group of requests requests=%zu error=\"%s\"", count,
               nv_err_info(err)->text);
    }
    bool noted = !settled || note_alone(assembly, settled);
    commit_alone(assembly, pendings, count);
    return noted;
}

static void commit_to_memory(struct nv_assembly *assembly, struct nv_prepared **pendings,
                             size_t count)
{
    uint64_t ids[GROUP_MAX];
    for (size_t i = 0; i < count; i++)
        ids[i] = atomic_fetch_add(&assembly->next_record, 1) + 1;
    keep_all(assembly, pendings, count, ids);
}

/* What an upstream is told: first what was sent, then what it need not keep any more. */
static void tell_upstream(struct nv_assembly *assembly)
{
    const struct nv_upstream *upstream = &assembly->config.upstream;
    struct nv_claim *claims = nv_claims_take(assembly);
    for (struct nv_claim *claim = claims; claim; claim = claim->next) {
        if (claim->request_count > 0)
            upstream->settled(upstream->ctx, &claim->places);
    }
    nv_claims_free(assembly, claims);
    pthread_mutex_lock(&assembly->lock);
    struct nv_request *list = assembly->released;
    assembly->released = NULL;
    pthread_mutex_unlock(&assembly->lock);
    while (list) {
        struct nv_request *request = list;
        list = request->next;
        upstream->forgotten(upstream->ctx, request->record_id);
        nv_request_free(&assembly->groups, request);
    }
}

void nv_committer_round(struct nv_assembly *assembly, struct nv_prepared **pendings,
                        size_t count)
{
    assert(nv_owner_is_mine(&assembly->committing));
    if (!assembly->journal) {
        commit_to_memory(assembly, pendings, count);
        if (assembly->config.upstream.forgotten)
            tell_upstream(assembly);
        return;
    }
    struct nv_claim *settled = nv_claims_take(assembly);
    /* Not in the group's own sync: torn by a power cut it could leave the note without the
     * outbox record that it rests on. Costs a sync a round, while traces go to the outbox. */
    if (settled && nv_journal_sync_kept(assembly->journal)) {
        nv_claims_return(assembly, settled);
        settled = NULL;
    }
    bool noted = count == 0 && !settled;
    if (!noted)
        noted = commit(assembly, pendings, count, settled);
    if (!noted) {
        nv_claims_return(assembly, settled);
        settled = NULL;
    }
    /* In this order: after a crash in between, note and request are both there and the replay
     * leaves the settled part out. The other way round neither would tell that it was sent. */
    nv_claims_free(assembly, settled);
    forget_released(assembly);
    nv_notes_sweep(assembly);
    nv_journal_maintain(assembly->journal);
}

/* ---- the thread -------------------------------------------------------------------------- */

/* Waits a little for more, so that one sync serves all requests and one note all that is
 * settled. */
static size_t gather_more(struct nv_assembly *assembly, void **items, size_t count)
{
    uint32_t gather_us = assembly->config.journal_gather_us;
    if (count == 0 && nv_claims_wait(assembly))
        return nv_queue_pop(assembly->queue, items, GROUP_MAX, SETTLED_GATHER_NS);
    if (count == 0 || count == GROUP_MAX || gather_us == 0)
        return count;
    const struct timespec pause = {.tv_nsec = (long)gather_us * 1000};
    nanosleep(&pause, NULL);
    return count + nv_queue_pop(assembly->queue, items + count, GROUP_MAX - count, 0);
}

/* The queue is closed: what is left to do is to write down what is settled. */
static void serve_settled(struct nv_assembly *assembly)
{
    pthread_mutex_lock(&assembly->lock);
    assembly->drained = true;
    pthread_cond_broadcast(&assembly->changed);
    while (!assembly->committer_exit) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += (long)IDLE_NS;
        until.tv_sec += until.tv_nsec / (long)NV_NS_PER_S;
        until.tv_nsec %= (long)NV_NS_PER_S;
        if (!assembly->settled)
            pthread_cond_timedwait(&assembly->changed, &assembly->lock, &until);
        pthread_mutex_unlock(&assembly->lock);
        nv_committer_round(assembly, NULL, 0);
        pthread_mutex_lock(&assembly->lock);
    }
    pthread_mutex_unlock(&assembly->lock);
}

/* Traces that are to be sent at the stop must be whole, as far as there is time. */
static bool must_finish_replay(const struct nv_assembly *assembly)
{
    return assembly->config.on_stop == NV_ON_STOP_SEND && nv_replay_left(assembly) > 0 &&
           nv_clock_mono_ns(&assembly->clock) < atomic_load(&assembly->stop_at_ns);
}

void *nv_committer_run(void *arg)
{
    struct nv_assembly *assembly = arg;
    nv_owner_take(&assembly->committing);
    for (;;) {
        void *items[GROUP_MAX];
        struct nv_prepared *pendings[GROUP_MAX];
        bool replaying = nv_replay_step(assembly);
        /* Read before the queue is: what was pushed before the stop is then in this turn. */
        bool stopping = atomic_load(&assembly->phase) != NV_PHASE_RUNNING;
        size_t count = nv_queue_pop(assembly->queue, items, GROUP_MAX, replaying ? 0 : IDLE_NS);
        count = gather_more(assembly, items, count);
        for (size_t i = 0; i < count; i++)
            pendings[i] = items[i];
        nv_committer_round(assembly, pendings, count);
        if (count == 0 && stopping && nv_queue_items(assembly->queue) == 0 &&
            !must_finish_replay(assembly))
            break;
    }
    nv_replay_stop(assembly);
    serve_settled(assembly);
    nv_owner_leave(&assembly->committing); /* what is left is for who joins */
    return NULL;
}
