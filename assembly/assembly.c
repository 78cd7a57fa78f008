/*
 * The assembly as a whole: made, started, asked at the door, stopped, freed.
 *
 * Start order is journal, shards, committer, and stop order the reverse of the flow: the door
 * closes, the committer writes what was accepted, then the shards hand on what is complete. The
 * committer outlives the shards, because claims come back until the exporter has drained too.
 *
 *   door ─▶ queue ─▶ committer ─▶ shard queues ─▶ shards ─▶ completer ─▶ ... ─▶ settler ─┐
 *                       ▲   one thread     one thread each                               │
 *                       └──────────────────── claims, under `lock` ◀─────────────────────┘
 *
 * With shards == 0 the same functions are called one within the other on the caller's thread,
 * which is how units, goldens and embedders run it; the queues are then NULL.
 *
 * What is shared between threads: the queues, the counters (atomics), the services and groups
 * (locks of their own), the list of settled claims under `lock`. A shard's table is its own.
 */
#include "assembly/assembly.h"
#include "assembly/door/notes.h"
#include "assembly/door/replay.h"
#include "assembly/hold/shard.h"
#include "journal/journal.h"
#include "base/log/log.h"
#include "model/ledger.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/banned.h"

/* Sixteen groups of the committer; the bound that counts is queue_bytes. */
#define QUEUE_ITEMS_MAX 4096u

void nv_assembly_config_init(struct nv_assembly_config *config)
{
    *config = (struct nv_assembly_config){
        .quiet_ms = 1000,
        .quiet_distributed_ms = 7000,
        .quiet_logs_ms = 6000,
        .open_ms = 600000,
        .remote_parent_ms = 60000,
        .max_wait_ms = 3600000,
        .max_spans = 10000,
        .max_trace_bytes = UINT64_C(16) << 20,
        .memory_bytes = UINT64_C(128) << 20,
        .on_stop = NV_ON_STOP_KEEP,
        .durability = NV_DURABILITY_FSYNC,
        .journal_max_bytes = UINT64_C(8) << 30,
        .journal_segment_bytes = 64u << 20,
        .shards = 1,
        .queue_bytes = UINT64_C(64) << 20,
        .turn_bytes = UINT64_C(32) << 20,
        .work_bytes = UINT64_C(128) << 20,
        .sent_max = 500000,
        .sent_ttl_ms = 3600000,
    };
}

static enum nv_err check_config(const struct nv_assembly_config *config, struct nv_fail *fail)
{
    if (config->shards > NV_SHARDS_MAX)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "at most %u shards", NV_SHARDS_MAX);
    if (config->max_spans == 0 || config->max_trace_bytes == 0 || config->memory_bytes == 0) {
        return nv_fail_set(
            fail, NV_ERR_CONFIG, 0,
            "assembly.max_spans, max_trace_bytes and memory_bytes must be positive");
    }
    if (config->upstream.forgotten &&
        (config->shards != 0 || config->durability != NV_DURABILITY_MEMORY))
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "an upstream needs no journal or threads");
    if (config->queue_bytes == 0)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "queue_bytes must be positive");
    if (config->durability != NV_DURABILITY_MEMORY && !config->journal_directory)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "journal.directory is not set");
    return NV_OK;
}

static uint64_t now_ns_of(const struct nv_assembly *assembly)
{
    return nv_clock_mono_ns(&assembly->clock);
}

/* ---- from the door to the shards --------------------------------------------------------- */

/* Waits for room: what is journalled can't be refused any more. A shard that is behind holds
 * the committer up, and that the door, which then answers 429. */
static void dispatch_one(struct nv_assembly *assembly, struct nv_arrivals *arrivals)
{
    struct nv_shard *shard = &assembly->shards[arrivals->shard];
    size_t bytes = sizeof *arrivals + arrivals->count * sizeof arrivals->items[0];
    if (!shard->queue) {
        nv_shard_take(shard, arrivals, now_ns_of(assembly));
        return;
    }
    enum nv_err err = nv_queue_push_wait(shard->queue, arrivals, bytes);
    assert(err == NV_OK);
    (void)err;
}

static void take_arrivals(struct nv_assembly *assembly, struct nv_arrivals *arrivals)
{
    while (arrivals) {
        struct nv_arrivals *next = arrivals->next;
        dispatch_one(assembly, arrivals);
        arrivals = next;
    }
}

/* What was settled is remembered as sent, what was only planned is a plan, too. */
static enum nv_err learn_note(struct nv_assembly *assembly, const struct nv_note *note)
{
    struct nv_shard *shard =
        &assembly->shards[nv_shard_of(note->trace_id, assembly->shard_count)];
    nv_sent_note(&shard->sent, note->trace_id, note->part, now_ns_of(assembly));
    if (note->state != NV_NOTE_PLANNED)
        return NV_OK;
    return nv_plans_add(&shard->plans, note->trace_id, note->part, note->last);
}

/* ---- made -------------------------------------------------------------------------------- */

static enum nv_err make_parts(struct nv_assembly *assembly)
{
    const struct nv_assembly_config *config = &assembly->config;
    assembly->inline_mode = config->shards == 0;
    /* inline there is one shard as well, without a thread */
    assembly->shard_count = config->shards ? config->shards : 1;
    assembly->services = nv_services_new();
    if (!assembly->services)
        return NV_ERR_NO_MEMORY;
    nv_groups_init(&assembly->groups, assembly->services);
    assembly->shards = calloc(assembly->shard_count, sizeof *assembly->shards);
    if (!assembly->shards)
        return NV_ERR_NO_MEMORY;
    if (!assembly->inline_mode)
        assembly->queue = nv_queue_new(QUEUE_ITEMS_MAX, config->queue_bytes);
    enum nv_err err = assembly->inline_mode || assembly->queue ? NV_OK : NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < assembly->shard_count; i++) {
        enum nv_err shard_err = nv_shard_init(&assembly->shards[i], assembly, i);
        err = err != NV_OK ? err : shard_err;
    }
    return err;
}

struct nv_assembly *nv_assembly_new(const struct nv_assembly_config *config,
                                    const struct nv_clock *clock,
                                    const struct nv_completer *completer, struct nv_fail *fail)
{
    if (check_config(config, fail))
        return NULL;
    struct nv_assembly *assembly = calloc(1, sizeof *assembly);
    if (!assembly) {
        nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "no memory for assembly");
        return NULL;
    }
    assembly->config = *config;
    assembly->clock = *clock;
    assembly->completer = *completer;
    assembly->holder = (struct nv_holder){.take = take_arrivals, .learn = learn_note};
    assembly->settled_end = &assembly->settled;
    nv_buf_init(&assembly->heads, NV_CAP_RECORD);
    pthread_mutex_init(&assembly->lock, NULL);
    nv_account_init(&assembly->own_work, 2 * config->work_bytes);
    assembly->work = config->account ? config->account : &assembly->own_work;
    pthread_mutex_init(&assembly->notes.lock, NULL);
    pthread_cond_init(&assembly->changed, NULL);
    if (config->journal_directory)
        assembly->journal_directory = strdup(config->journal_directory);
    assembly->config.journal_directory = assembly->journal_directory;
    bool copied = !config->journal_directory || assembly->journal_directory;
    /* free() takes what is half made: everything it looks at is zero or whole */
    if (!copied || make_parts(assembly)) {
        nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "no memory for assembly");
        nv_assembly_free(assembly);
        return NULL;
    }
    return assembly;
}

/* ---- start ------------------------------------------------------------------------------- */

static enum nv_err open_journal(struct nv_assembly *assembly, struct nv_fail *fail)
{
    const struct nv_assembly_config *config = &assembly->config;
    if (config->durability == NV_DURABILITY_MEMORY)
        return NV_OK;
    const struct nv_journal_config journal = {.directory = config->journal_directory,
                                              .sync = config->durability == NV_DURABILITY_FSYNC,
                                              .max_bytes = config->journal_max_bytes,
                                              .segment_bytes = config->journal_segment_bytes,
                                              .reserve = NV_JOURNAL_RESERVE,
                                              .encrypt = config->journal_encrypt,
                                              .stay_encrypted = config->journal_stay_encrypted,
                                              .key_file = config->journal_key_file,
                                              .set_locked_aside =
                                                  config->journal_set_locked_aside,
                                              .reading = config->journal_reading,
                                              .ops = config->file_ops};
    enum nv_err err = nv_journal_open(&journal, &assembly->journal, fail);
    if (err != NV_OK && fail && fail->path[0] == '\0')
        (void)snprintf(fail->path, sizeof fail->path, "journal.directory");
    return err != NV_OK ? err : nv_replay_open(assembly, fail);
}

/* Those that run are stopped by free() when one can't be made. */
static enum nv_err start_threads(struct nv_assembly *assembly)
{
    for (uint32_t i = 0; i < assembly->shard_count; i++) {
        struct nv_shard *shard = &assembly->shards[i];
        if (pthread_create(&shard->thread, NULL, nv_shard_run, shard))
            return NV_ERR_NO_MEMORY;
        (void)pthread_setname_np(shard->thread, "shard");
        shard->running = true;
    }
    if (pthread_create(&assembly->committer, NULL, nv_committer_run, assembly))
        return NV_ERR_NO_MEMORY;
    (void)pthread_setname_np(assembly->committer, "journal");
    assembly->committer_running = true;
    return NV_OK;
}

/* As far as memory reaches; the ticks go on from there. */
static void replay_inline(struct nv_assembly *assembly)
{
    size_t before;
    do {
        before = nv_replay_left(assembly);
        nv_replay_step(assembly);
    } while (nv_replay_left(assembly) < before);
}

enum nv_err nv_assembly_start(struct nv_assembly *assembly, struct nv_fail *fail)
{
    assert(atomic_load(&assembly->phase) == NV_PHASE_NEW);
    enum nv_err err = open_journal(assembly, fail);
    if (err != NV_OK)
        return err;
    atomic_store(&assembly->phase, NV_PHASE_RUNNING);
    if (!assembly->inline_mode) {
        err = start_threads(assembly);
        return err != NV_OK ? nv_fail_set(fail, err, 0, "cannot start threads") : NV_OK;
    }
    replay_inline(assembly);
    return NV_OK;
}

/* ---- the door ---------------------------------------------------------------------------- */

static uint64_t memory_held(const struct nv_assembly *assembly)
{
    uint64_t bytes = atomic_load(&assembly->memory) + atomic_load(&assembly->groups.bytes);
    for (uint32_t i = 0; i < assembly->shard_count; i++)
        bytes += atomic_load(&assembly->shards[i].memory_bytes);
    return bytes;
}

/* Asked at the head of a request and again with its batch: between the two others have come.
 * Full is what time alone mends slowly (503), busy what passes in milliseconds (429). */
static enum nv_err admit(void *ctx, size_t bytes)
{
    struct nv_assembly *assembly = ctx;
    if (atomic_load(&assembly->phase) != NV_PHASE_RUNNING)
        return NV_ERR_STOPPING;
    /* With a journal the bytes themselves are not held in memory. */
    uint64_t more = assembly->journal ? 0 : bytes;
    if (memory_held(assembly) + more > assembly->config.memory_bytes)
        return NV_ERR_FULL;
    if (assembly->journal && nv_journal_is_full(assembly->journal, bytes))
        return NV_ERR_FULL;
    if (assembly->queue && nv_queue_bytes(assembly->queue) >= assembly->config.queue_bytes)
        return NV_ERR_BUSY;
    return NV_OK;
}

/*
 * Counts what the shards will hold of a request before they do: many at once would else pass
 * while there is room for one. One alone always passes, or the largest would never.
 */
static enum nv_err reserve(struct nv_assembly *assembly, const struct nv_prepared *prepared)
{
    uint64_t more = nv_prepared_bytes(prepared);
    uint64_t before = atomic_fetch_add(&assembly->arriving, more);
    if (before == 0 || memory_held(assembly) + before + more <= assembly->config.memory_bytes)
        return NV_OK;
    atomic_fetch_sub(&assembly->arriving, more);
    return NV_ERR_BUSY;
}

/* Sends a request on to the journal; it is answered there. Takes it on success only. The size
 * is read before: behind the push the request may be answered and freed on the committer's
 * thread. */
static enum nv_err submit(struct nv_assembly *assembly, struct nv_prepared *pending)
{
    uint64_t reserved = nv_prepared_bytes(pending);
    enum nv_err err = reserve(assembly, pending);
    if (err != NV_OK)
        return err;
    if (!assembly->queue) {
        nv_committer_round(assembly, &pending, 1);
        return NV_OK;
    }
    /* This queue empties in milliseconds: BUSY (429). FULL (503) is for a disk that stays
     * full. */
    err = nv_queue_push(assembly->queue, pending, pending->request->body_len);
    if (err != NV_OK)
        atomic_fetch_sub(&assembly->arriving, reserved);
    return err == NV_ERR_FULL ? NV_ERR_BUSY : err;
}

static void accept_batch(void *ctx, struct nv_batch *batch, nv_accept_done *done,
                         void *done_ctx)
{
    struct nv_assembly *assembly = ctx;
    struct nv_prepared *pending = NULL;
    enum nv_err err = batch->item_count == 0 ? NV_OK : admit(assembly, batch->body_len);
    if (err == NV_OK && batch->item_count > 0) {
        err = nv_request_prepare(&assembly->groups, batch, assembly->shard_count,
                                 now_ns_of(assembly), &pending);
    }
    /* what is kept of it has been copied or taken by now */
    nv_batch_free(batch);
    /* Log records that name no trace can join none: answered and counted, never journalled. */
    if (pending && !pending->arrivals) {
        nv_ledger_leave_records(pending->unused);
        nv_prepared_release(&assembly->groups, pending);
        pending = NULL;
    }
    if (pending) {
        pending->done = done;
        pending->done_ctx = done_ctx;
        err = submit(assembly, pending);
        if (err == NV_OK)
            return;
        nv_prepared_release(&assembly->groups, pending);
    }
    done(done_ctx, err);
}

struct nv_acceptor nv_assembly_acceptor(struct nv_assembly *assembly)
{
    return (struct nv_acceptor){.ctx = assembly, .accept = accept_batch, .admit = admit};
}

static void note_taken(void *done_ctx, enum nv_err err)
{
    *(enum nv_err *)done_ctx = err;
}

enum nv_err nv_assembly_take(struct nv_assembly *assembly, struct nv_batch *batch,
                             uint64_t record_id)
{
    assert(assembly->config.upstream.forgotten != NULL && record_id > 0);
    enum nv_err err = NV_ERR_INTERNAL;
    atomic_store(&assembly->next_record, record_id - 1);
    accept_batch(assembly, batch, note_taken, &err);
    /* nothing in it is of use: it was never held */
    if (err == NV_OK && atomic_load(&assembly->next_record) != record_id)
        assembly->config.upstream.forgotten(assembly->config.upstream.ctx, record_id);
    return err;
}

uint64_t nv_assembly_tick(struct nv_assembly *assembly)
{
    if (!assembly->inline_mode)
        return UINT64_MAX;
    nv_replay_step(assembly);
    uint64_t next_ns = nv_shard_expire(&assembly->shards[0], now_ns_of(assembly));
    nv_committer_round(assembly, NULL, 0);
    return next_ns;
}

void nv_assembly_tell(struct nv_assembly *assembly)
{
    assert(assembly->config.upstream.forgotten != NULL);
    nv_committer_round(assembly, NULL, 0);
}

void nv_assembly_remember(struct nv_assembly *assembly, const struct nv_raw_trace *raw,
                          struct nv_str name, struct nv_str session, struct nv_str user)
{
    /* Later parts are named after the first. No lock: completers run on the shard's own
     * thread. */
    if (raw->part > 0)
        return;
    struct nv_shard *shard =
        &assembly->shards[nv_shard_of(raw->trace_id, assembly->shard_count)];
    assert(nv_shard_is_mine(shard));
    struct nv_sent_trace *sent = nv_sent_find(&shard->sent, raw->trace_id);
    if (sent)
        nv_sent_set_text(&shard->sent, sent, name, session, user);
}

/* ---- stop -------------------------------------------------------------------------------- */

/* Past the deadline a thread that only looks at the time every now and then gets so much
 * more. */
#define GRACE_NS (500 * NV_NS_PER_MS)

/* The moment that lies `wait_ns` ahead on the system's clock, whatever clock the assembly
 * has. */
static struct timespec moment_in(uint64_t wait_ns)
{
    const uint64_t year_ns = UINT64_C(31536000) * NV_NS_PER_S;
    struct timespec at;
    wait_ns = (wait_ns < year_ns ? wait_ns : year_ns) + GRACE_NS;
    clock_gettime(CLOCK_MONOTONIC, &at);
    uint64_t ns = (uint64_t)at.tv_nsec + wait_ns % NV_NS_PER_S;
    at.tv_sec += (time_t)(wait_ns / NV_NS_PER_S + ns / NV_NS_PER_S);
    at.tv_nsec = (long)(ns % NV_NS_PER_S);
    return at;
}

/* Waits for `done`, which is set under the lock and told by `changed`. False: time is up. */
static bool wait_until(struct nv_assembly *assembly, const bool *done,
                       const struct timespec *until)
{
    int failed = 0;
    pthread_mutex_lock(&assembly->lock);
    while (!*done && failed != ETIMEDOUT) {
        failed =
            pthread_cond_clockwait(&assembly->changed, &assembly->lock, CLOCK_MONOTONIC, until);
    }
    bool is_done = *done;
    pthread_mutex_unlock(&assembly->lock);
    return is_done;
}

/* Joins a thread that ends in time: not with pthread_clockjoin_np, which libtsan does not
 * know. */
static bool join_shard(struct nv_assembly *assembly, struct nv_shard *shard,
                       const struct timespec *until)
{
    if (shard->running && !wait_until(assembly, &shard->ended, until))
        return false;
    if (shard->running)
        pthread_join(shard->thread, NULL);
    shard->running = false;
    return true;
}

static void stop_threads(struct nv_assembly *assembly, uint64_t wait_ns)
{
    const struct timespec until = moment_in(wait_ns);
    nv_queue_close(assembly->queue);
    /* Else the committer still waits for a shard to take what it has for it. */
    if (assembly->committer_running && !wait_until(assembly, &assembly->drained, &until))
        assembly->stuck = true;
    atomic_store(&assembly->shards_closed, true);
    for (uint32_t i = 0; i < assembly->shard_count; i++) {
        struct nv_shard *shard = &assembly->shards[i];
        nv_queue_close(shard->queue);
        if (!join_shard(assembly, shard, &until))
            assembly->stuck = true;
    }
}

bool nv_assembly_is_stuck(const struct nv_assembly *assembly)
{
    return assembly->stuck;
}

/* `wait_ns`: how long its threads are waited for. */
static enum nv_err stop(struct nv_assembly *assembly, uint64_t deadline_ns, uint64_t wait_ns)
{
    /* Whoever comes first stops it: free() stops, too. */
    int running = NV_PHASE_RUNNING;
    if (!atomic_compare_exchange_strong(&assembly->phase, &running, NV_PHASE_STOPPING))
        return NV_OK;
    uint64_t now_ns = now_ns_of(assembly);
    bool forever = deadline_ns > UINT64_MAX - now_ns;
    atomic_store(&assembly->stop_at_ns, forever ? UINT64_MAX : now_ns + deadline_ns);
    if (assembly->inline_mode) {
        nv_shard_finish(&assembly->shards[0]);
        nv_committer_round(assembly, NULL, 0);
    } else {
        stop_threads(assembly, wait_ns);
    }
    atomic_store(&assembly->phase, NV_PHASE_STOPPED);
    if (assembly->stuck)
        return NV_ERR_TIMEOUT;
    for (uint32_t i = 0; i < assembly->shard_count; i++) {
        if (assembly->shards[i].table.index.count > 0 || assembly->shards[i].stalled)
            return NV_ERR_TIMEOUT;
    }
    return NV_OK;
}

enum nv_err nv_assembly_stop(struct nv_assembly *assembly, uint64_t deadline_ns)
{
    return stop(assembly, deadline_ns, deadline_ns);
}

static void stop_committer(struct nv_assembly *assembly)
{
    pthread_mutex_lock(&assembly->lock);
    assembly->committer_exit = true;
    pthread_cond_broadcast(&assembly->changed);
    pthread_mutex_unlock(&assembly->lock);
    pthread_join(assembly->committer, NULL);
    assembly->committer_running = false;
}

void nv_assembly_free(struct nv_assembly *assembly)
{
    if (!assembly)
        return;
    /* a thread that did not end in time still uses all of this: the process must end without
     * freeing */
    assert(!assembly->stuck);
    (void)stop(assembly, 0, UINT64_MAX);
    if (assembly->committer_running)
        stop_committer(assembly);
    /* What was settled after the last round, which inline is everything since the last tick.
     * What is not settled by now stays in the journal for the next start. */
    if (assembly->journal)
        nv_committer_round(assembly, NULL, 0);
    nv_buf_release(&assembly->heads);
    nv_claims_abandon(assembly);
    nv_committer_abandon(assembly);
    for (uint32_t i = 0; assembly->shards && i < assembly->shard_count; i++)
        nv_shard_release(&assembly->shards[i]);
    nv_replay_free(assembly);
    nv_notes_release(&assembly->notes);
    nv_journal_close(assembly->journal);
    if (assembly->services)
        nv_groups_release(&assembly->groups);
    nv_services_free(assembly->services);
    nv_queue_free(assembly->queue);
    pthread_cond_destroy(&assembly->changed);
    pthread_mutex_destroy(&assembly->lock);
    nv_account_release(&assembly->own_work);
    pthread_mutex_destroy(&assembly->notes.lock);
    free(assembly->shards);
    free(assembly->journal_directory);
    free(assembly);
}

/* ---- what it knows of itself ------------------------------------------------------------- */

void nv_assembly_read_status(struct nv_assembly *assembly, struct nv_assembly_status *out)
{
    uint64_t now_ns = now_ns_of(assembly);
    uint64_t oldest_ns = UINT64_MAX;
    *out = (struct nv_assembly_status){.memory_bytes = memory_held(assembly),
                                       .claims = atomic_load(&assembly->claims),
                                       .replaying = atomic_load(&assembly->replaying),
                                       .replayed = atomic_load(&assembly->replayed),
                                       .to_replay = atomic_load(&assembly->to_replay)};
    for (uint32_t i = 0; i < assembly->shard_count; i++) {
        struct nv_shard *shard = &assembly->shards[i];
        uint64_t first_ns = atomic_load(&shard->oldest_ns);
        out->open_traces += atomic_load(&shard->open_traces);
        out->held_spans += atomic_load(&shard->held_spans);
        out->held_bytes += atomic_load(&shard->held_bytes);
        out->left_out += atomic_load(&shard->left_out);
        if (first_ns != 0 && first_ns < oldest_ns)
            oldest_ns = first_ns;
    }
    if (out->open_traces > 0 && oldest_ns < now_ns)
        out->oldest_age_ns = now_ns - oldest_ns;
    if (!assembly->journal)
        return;
    struct nv_journal_status journal;
    nv_journal_read_status(assembly->journal, &journal);
    out->journal_bytes = journal.file_bytes;
    out->journal_capacity = nv_journal_capacity(assembly->journal);
    out->journal_records = journal.records;
    out->journal_damaged = journal.damaged;
    out->journal_missing = journal.missing;
    out->journal_exposed = journal.exposed;
    out->journal_locked = journal.locked;
    out->journal_key_source = journal.encrypted ? nv_key_source_name(journal.key_source) : NULL;
    memcpy(out->journal_key_id, journal.key_id, sizeof out->journal_key_id);
    struct nv_journal_trouble trouble;
    out->journal_full = nv_journal_refusal(assembly->journal, &trouble);
    out->refusal = trouble.err;
    out->refused_doing = trouble.doing;
    out->refused_errno = trouble.error;
}

size_t nv_assembly_read_services(struct nv_assembly *assembly, struct nv_service_facts *out,
                                 size_t max)
{
    return nv_services_read(assembly->services, now_ns_of(assembly), out, max);
}
