/*
 * Replay (replay.h): requests of before the restart, through the same door.
 *
 * The journal's thread replays a few requests a turn and serves new ones in between, so the
 * door is open at once; but what is new waits to be dispatched until the replay is over,
 * because shards must see requests in the order of their ids: the extent of a part is a range
 * of them. Items in the range of a settled part are left out; those of a planned part make the
 * same part again.
 *
 * A request that the decoder no longer takes (another version's, say) becomes a dead letter:
 * left in the journal it would hold its space and be complained of at every start.
 *
 *   journal ─ids─▶ [ 7 8 9 10 11 ]          notes (sorted by trace, part, state)
 *                    │ decode, index          │
 *                    ▼                        ▼
 *                items ──in the range of a settled part?──yes──▶ left out
 *                    │ no
 *                    ▼
 *                shards ◀──closing marks, then what waited── [ 12 13 ]  new, accepted meanwhile
 *
 *   open ──turns of TURN_MAX──▶ all dispatched ──finish: marks, waiting──▶ done
 *      └──────────────────────────stop: the ids that are left stay in the journal──────▶
 *
 * The closing mark (arrivals without a request) tells a shard that nothing older comes, so that
 * a plan whose items are all there may leave. A request that meets no memory is tried again in
 * the next turn: skipping it would break the order.
 */
#include "assembly/door/replay.h"
#include "journal/journal.h"
#include "assembly/door/notes.h"
#include "base/log/log.h"

#include <assert.h>
#include <stdlib.h>
#include "base/banned.h"

/* Requests replayed between two looks at the queue. */
#define TURN_MAX 32
/* Head of a request: wall time, spans, then the project. */
#define HEAD_BYTES 12u
#define PROJECT_MAX 4096u
/* Without memory to tell a shard that the replay is over, before it is tried again. */
#define RETRY_PAUSE_NS 1000000

struct nv_replay {
    uint64_t *ids; /* requests to replay */
    size_t count, next;
    struct nv_note *notes; /* sorted by trace, part, state */
    size_t note_count;
    struct nv_arrivals *waiting, **waiting_end; /* new requests' */
    bool done;
};

size_t nv_replay_write_head(struct nv_buf *out, const struct nv_request *request,
                            uint32_t spans)
{
    char bytes[HEAD_BYTES];
    uint64_t wall_ns = nv_clock_wall_ns(nv_clock_system());
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(wall_ns >> (8 * i));
    for (int i = 0; i < 4; i++)
        bytes[8 + i] = (char)(spans >> (8 * i));
    size_t before = out->len;
    (void)nv_buf_append(out, bytes, sizeof bytes);
    (void)nv_buf_append_str(out, nv_str_slice(request->project, 0, PROJECT_MAX));
    return out->len - before;
}

static bool same_part(const struct nv_note *a, const struct nv_note *b)
{
    return a->part == b->part && memcmp(a->trace_id, b->trace_id, NV_TRACE_ID_BYTES) == 0;
}

/* Tells the shards: what was settled is remembered as sent, what was only planned is a plan. */
static enum nv_err tell_shards(struct nv_assembly *assembly)
{
    struct nv_replay *replay = assembly->replay;
    enum nv_err err = NV_OK;
    for (size_t i = 0; i < replay->note_count && err == NV_OK; i++) {
        const struct nv_note *note = &replay->notes[i];
        if (i + 1 < replay->note_count && same_part(note, note + 1))
            continue; /* the last of a part says most */
        err = assembly->holder.learn(assembly, note);
    }
    return err;
}

/* ---- replaying --------------------------------------------------------------------------- */

enum nv_err nv_replay_open(struct nv_assembly *assembly, struct nv_fail *fail)
{
    struct nv_replay *replay = calloc(1, sizeof *replay);
    if (!replay)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "no memory for the replay");
    assembly->replay = replay;
    replay->waiting_end = &replay->waiting;
    enum nv_err err = nv_notes_read(assembly, &replay->notes, &replay->note_count);
    if (err == NV_OK)
        err = tell_shards(assembly);
    if (err == NV_OK) {
        err = nv_journal_list(assembly->journal, 1u << NV_RECORD_TRACES | 1u << NV_RECORD_LOGS,
                              &replay->ids, &replay->count);
    }
    if (err != NV_OK)
        return nv_fail_set(fail, err, 0, "cannot read back the journal");
    if (replay->count > 0 && !assembly->config.decode)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "the journal holds requests to be replayed");
    atomic_store(&assembly->to_replay, replay->count);
    atomic_store(&assembly->replaying, true);
    return NV_OK;
}

/* Was the item in a part that was settled? */
static bool was_settled(const struct nv_replay *replay, const uint8_t *trace_id,
                        struct nv_place place)
{
    size_t low = 0;
    size_t high = replay->note_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(replay->notes[middle].trace_id, trace_id, NV_TRACE_ID_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < replay->note_count; low++) {
        const struct nv_note *note = &replay->notes[low];
        if (memcmp(note->trace_id, trace_id, NV_TRACE_ID_BYTES) != 0)
            return false;
        if (note->state == NV_NOTE_SETTLED && !nv_place_after(note->first, place) &&
            !nv_place_after(place, note->last))
            return true;
    }
    return false;
}

/* Leaves out what was settled; returns how many items are left. */
static uint32_t leave_out_settled(const struct nv_replay *replay, struct nv_arrivals *arrivals)
{
    uint64_t record_id = arrivals->request->record_id;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < arrivals->count; i++) {
        struct nv_place place = {record_id, arrivals->items[i].ordinal};
        if (!was_settled(replay, arrivals->items[i].trace_id, place))
            arrivals->items[kept++] = arrivals->items[i];
    }
    arrivals->count = kept;
    return kept;
}

static void free_arrivals(struct nv_assembly *assembly, struct nv_arrivals *arrivals)
{
    nv_request_let_go(assembly, arrivals->request);
    nv_arrivals_free(arrivals);
}

/* Sends a request of before the restart on its way again. Takes `prepared`. */
static void resume(struct nv_assembly *assembly, struct nv_prepared *prepared, uint64_t id)
{
    struct nv_request *request = prepared->request;
    struct nv_arrivals *list = NULL;
    uint64_t spans = 0;
    request->record_id = id;
    /* From here on as any kept request: the bytes are read back when a trace is complete. */
    free(request->body);
    request->body = NULL;
    atomic_fetch_add(&assembly->memory, nv_request_bytes(request));
    while (prepared->arrivals) {
        struct nv_arrivals *arrivals = prepared->arrivals;
        prepared->arrivals = arrivals->next;
        uint32_t left = leave_out_settled(assembly->replay, arrivals);
        if (left == 0) {
            free_arrivals(assembly, arrivals);
            continue;
        }
        for (uint32_t i = 0; i < left; i++)
            spans += nv_held_is_span(request->signal, &arrivals->items[i].item);
        arrivals->next = list;
        list = arrivals;
        atomic_fetch_add(&assembly->arriving, arrivals->bytes);
    }
    nv_ledger_receive(spans, true);
    assembly->holder.take(assembly, list);
    nv_request_let_go(assembly, request);
    nv_prepared_let_go(prepared);
    atomic_fetch_add(&assembly->replayed, 1);
}

static enum nv_err decode(struct nv_assembly *assembly, enum nv_record_kind kind,
                          struct nv_str head, struct nv_buf *body, struct nv_batch **out)
{
    char *bytes;
    size_t len = nv_buf_take(body, &bytes);
    enum nv_signal signal = kind == NV_RECORD_LOGS ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES;
    enum nv_err err =
        assembly->config.decode(assembly->config.decode_ctx, signal, bytes, len, out);
    if (err != NV_OK || head.len <= HEAD_BYTES)
        return err;
    char *project = malloc(head.len - HEAD_BYTES);
    if (!project) {
        nv_batch_free(*out);
        *out = NULL;
        return NV_ERR_NO_MEMORY;
    }
    memcpy(project, head.ptr + HEAD_BYTES, head.len - HEAD_BYTES);
    free((void *)(uintptr_t)(*out)->project.ptr);
    (*out)->project = (struct nv_str){project, head.len - HEAD_BYTES};
    return NV_OK;
}

/* *why is set when it is the decoder that refuses. */
static enum nv_err prepare(struct nv_assembly *assembly, uint64_t id, struct nv_prepared **out,
                           enum nv_err *why)
{
    struct nv_buf head;
    struct nv_buf body;
    enum nv_record_kind kind;
    struct nv_batch *batch = NULL;
    nv_buf_init(&head, NV_JOURNAL_RECORD_MAX);
    nv_buf_init(&body, NV_JOURNAL_RECORD_MAX);
    enum nv_err err = nv_journal_read_record(assembly->journal, id, &kind, &head, &body);
    if (err == NV_OK)
        err = *why = decode(assembly, kind, nv_buf_str(&head), &body, &batch);
    if (err == NV_OK) {
        err = nv_request_prepare(&assembly->groups, batch, assembly->shard_count,
                                 nv_clock_mono_ns(&assembly->clock), out);
    }
    nv_batch_free(batch);
    nv_buf_release(&head);
    nv_buf_release(&body);
    return err;
}

/* ---- what no longer decodes -------------------------------------------------------------- */

static uint32_t spans_of_head(struct nv_str head)
{
    uint32_t spans = 0;
    for (size_t i = 8; i < HEAD_BYTES && i < head.len; i++)
        spans |= (uint32_t)(unsigned char)head.ptr[i] << (8 * (i - 8));
    return spans;
}

/* Writes the dead letter, on disk before the request is forgotten. */
static enum nv_err put_dead(struct nv_assembly *assembly, const struct nv_undecoded *request,
                            uint64_t *id)
{
    struct nv_buf head;
    struct nv_buf payload;
    nv_buf_init(&head, NV_JOURNAL_RECORD_MAX);
    nv_buf_init(&payload, NV_JOURNAL_RECORD_MAX);
    enum nv_err err =
        assembly->config.bury(assembly->config.bury_ctx, request, &head, &payload);
    struct nv_journal_put put = {
        .kind = NV_RECORD_DEAD_LETTER, .head = nv_buf_str(&head), .body = nv_buf_str(&payload)};
    if (err == NV_OK)
        err = nv_journal_commit(assembly->journal, &put, 1, true);
    *id = put.id;
    nv_buf_release(&head);
    nv_buf_release(&payload);
    return err;
}

/* The request's spans are received and at once dead. Read anew: the decoder took the bytes. */
static enum nv_err bury(struct nv_assembly *assembly, uint64_t id, enum nv_err why)
{
    struct nv_buf head;
    struct nv_buf body;
    enum nv_record_kind kind;
    uint64_t dead_id = 0;
    nv_buf_init(&head, NV_JOURNAL_RECORD_MAX);
    nv_buf_init(&body, NV_JOURNAL_RECORD_MAX);
    enum nv_err err = nv_journal_read_record(assembly->journal, id, &kind, &head, &body);
    bool logs = err == NV_OK && kind == NV_RECORD_LOGS;
    struct nv_undecoded request = {.signal = logs ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES,
                                   .body = nv_buf_str(&body),
                                   .project =
                                       nv_str_slice(nv_buf_str(&head), HEAD_BYTES, SIZE_MAX),
                                   .spans = logs ? 0 : spans_of_head(nv_buf_str(&head)),
                                   .why = why};
    if (err == NV_OK)
        err = put_dead(assembly, &request, &dead_id);
    if (err == NV_OK) {
        nv_ledger_receive(request.spans, true);
        nv_ledger_dead_held(NV_DEAD_UNTRANSLATABLE, request.spans);
        nv_journal_release(assembly->journal, &id, 1);
        NV_LOG(NV_LOG_ERROR, "journal",
               "a request no longer decodes, it is a dead letter id=%llu spans=%u error=\"%s\"",
               (unsigned long long)dead_id, request.spans, nv_err_info(why)->text);
    }
    nv_buf_release(&head);
    nv_buf_release(&body);
    return err;
}

/* Replays one request. NV_ERR_NO_MEMORY: try again. */
static enum nv_err replay_one(struct nv_assembly *assembly, uint64_t id)
{
    struct nv_prepared *prepared = NULL;
    enum nv_err why = NV_OK;
    enum nv_err err = prepare(assembly, id, &prepared, &why);
    if (err != NV_OK && why && why != NV_ERR_NO_MEMORY && assembly->config.bury)
        err = bury(assembly, id, why);
    else if (err == NV_OK)
        resume(assembly, prepared, id);
    if (err == NV_ERR_NO_MEMORY)
        return err;
    if (err != NV_OK && err != NV_ERR_NOT_FOUND) {
        NV_LOG(NV_LOG_ERROR, "journal",
               "cannot replay a request, the next start tries it again id=%llu error=\"%s\"",
               (unsigned long long)id, nv_err_info(err)->text);
    }
    return NV_OK;
}

/* All older requests were dispatched: what waited follows, and plans are closed. */
static void finish(struct nv_assembly *assembly)
{
    struct nv_replay *replay = assembly->replay;
    replay->done = true;
    for (uint32_t i = 0; i < assembly->shard_count; i++) {
        struct nv_arrivals *end;
        /* No error to return to: a shard that is not told would hold its planned parts for
         * ever. */
        while ((end = calloc(1, sizeof *end)) == NULL)
            nanosleep(&(struct timespec){.tv_nsec = RETRY_PAUSE_NS}, NULL);
        end->shard = i;
        assembly->holder.take(assembly, end);
    }
    assembly->holder.take(assembly, replay->waiting);
    replay->waiting = NULL;
    free(replay->ids);
    free(replay->notes);
    replay->ids = NULL;
    replay->notes = NULL;
    replay->note_count = 0;
    atomic_store(&assembly->replaying, false);
    if (replay->count > 0) {
        NV_LOG(NV_LOG_INFO, "journal", "replayed requests=%llu",
               (unsigned long long)atomic_load(&assembly->replayed));
    }
}

bool nv_replay_step(struct nv_assembly *assembly)
{
    assert(nv_owner_is_mine(&assembly->committing));
    struct nv_replay *replay = assembly->replay;
    if (!replay || replay->done)
        return false;
    for (int i = 0; i < TURN_MAX && replay->next < replay->count; i++) {
        if (replay_one(assembly, replay->ids[replay->next]))
            return true;
        replay->next++;
    }
    if (replay->next < replay->count)
        return true;
    finish(assembly);
    return false;
}

size_t nv_replay_left(const struct nv_assembly *assembly)
{
    const struct nv_replay *replay = assembly->replay;
    /* One more than the requests: the shards are to be told, too. */
    return replay && !replay->done ? replay->count - replay->next + 1 : 0;
}

void nv_replay_dispatch(struct nv_assembly *assembly, struct nv_arrivals *arrivals)
{
    assert(nv_owner_is_mine(&assembly->committing));
    struct nv_replay *replay = assembly->replay;
    if (!replay || replay->done) {
        assembly->holder.take(assembly, arrivals);
        return;
    }
    *replay->waiting_end = arrivals;
    while (*replay->waiting_end)
        replay->waiting_end = &(*replay->waiting_end)->next;
}

void nv_replay_stop(struct nv_assembly *assembly)
{
    assert(nv_owner_is_mine(&assembly->committing));
    struct nv_replay *replay = assembly->replay;
    if (!replay || replay->done)
        return;
    replay->done = true; /* what waits stays in the journal */
    atomic_store(&assembly->replay_cut, true);
    while (replay->waiting) {
        struct nv_arrivals *arrivals = replay->waiting;
        replay->waiting = arrivals->next;
        if (nv_request_unref(arrivals->request))
            nv_request_free(&assembly->groups, arrivals->request);
        nv_arrivals_free(arrivals);
    }
}

void nv_replay_free(struct nv_assembly *assembly)
{
    struct nv_replay *replay = assembly->replay;
    if (!replay)
        return;
    nv_replay_stop(assembly);
    free(replay->ids);
    free(replay->notes);
    free(replay);
    assembly->replay = NULL;
}
