/*
 * The store: a queue of JSON, a thread that writes it, a connection that reads.
 *
 *   pop up to BATCH ──▶ begin ▸ summary, put, ... ▸ trim ▸ commit ──▶ tell the listener
 *                                        └─failed─▶ undo, all of the batch counted as dropped
 *
 * JSON is made on the shard's thread, because the trace is only lent; whether there is room is
 * asked before, so that a store that can't keep up costs a shard one look at a number. A disk
 * that fails is told once, and again when it works.
 */
#include "gateway/traces/traces.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log/counters.h"
#include "base/log/log.h"
#include "base/tables/queue.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/banned.h"

#define QUEUE_ITEMS 10000
#define BATCH 64
/* Traces grow old also when none comes. */
#define IDLE_TRIM_NS (60 * NV_NS_PER_S)

struct item {
    char *json; /* and behind it where its values come from (nv_trace.explained) */
    size_t len, explained_len;
};

struct nv_traces {
    struct nv_traces_config config;
    char *path;
    struct nv_shelf *shelf; /* the thread's */
    struct nv_sql *reader;
    struct nv_queue *queue;
    pthread_t thread;
    bool started;
    bool failing; /* the thread's */
    atomic_bool stopping;
    _Atomic int64_t last;
    pthread_mutex_t lock; /* of the next two, and of the call */
    void (*told)(void *ctx, int64_t last);
    void *told_ctx;
};

/* ---- in ---------------------------------------------------------------------------------- */

static void free_item(struct item *item)
{
    free(item->json);
    free(item);
}

static bool make_item(const struct nv_traces *traces, const struct nv_trace *trace,
                      struct item *item)
{
    struct nv_buf buf;
    nv_buf_init(&buf, traces->config.trace_bytes_max);
    bool ok = nv_encode_trace(&buf, trace, traces->config.form) == NV_OK;
    item->len = buf.len;
    /* what finds no room is not told */
    if (ok && buf.len + trace->explained.len <= traces->config.trace_bytes_max)
        ok = nv_buf_append_str(&buf, trace->explained) == NV_OK;
    if (ok)
        item->explained_len = nv_buf_take(&buf, &item->json) - item->len;
    nv_buf_release(&buf);
    return ok;
}

void nv_traces_offer(struct nv_traces *traces, const struct nv_trace *trace)
{
    /* looked at before the JSON is made; the push looks again, since others came meanwhile */
    bool room = nv_queue_bytes(traces->queue) < traces->config.queue_bytes_max;
    struct item *item = room ? calloc(1, sizeof *item) : NULL;
    if (item && make_item(traces, trace, item) &&
        nv_queue_push(traces->queue, item, item->len + item->explained_len) == NV_OK)
        return;
    if (item)
        free_item(item);
    nv_count(NV_COUNT_STORE_DROPPED, 1);
}

/* ---- the thread -------------------------------------------------------------------------- */

/* What can't be read is left out and added to *unreadable: the rest of its batch is kept. */
static enum nv_err put(struct nv_traces *traces, const struct item *item,
                       struct nv_trace_summary *summary, size_t *unreadable)
{
    struct nv_arena *arena = nv_arena_new(NV_CAP_STORE_ARENA);
    struct nv_str json = {item->json, item->len};
    struct nv_buf text;
    nv_buf_init(&text, NV_CAP_STORE_TEXT);
    enum nv_err err =
        arena ? nv_trace_summary_read(arena, json, summary, &text) : NV_ERR_NO_MEMORY;
    if (err == NV_OK) {
        nv_trace_summary_explain(summary,
                                 (struct nv_str){item->json + item->len, item->explained_len});
    }
    if (err == NV_OK)
        err = nv_shelf_put(traces->shelf, json, summary, nv_buf_str(&text));
    /* the trace's own fault, in which a retry changes nothing; all others are the disk's or
     * memory's */
    bool ours = err == NV_ERR_MALFORMED || err == NV_ERR_DEPTH || err == NV_ERR_TRUNCATED;
    *unreadable += ours;
    nv_buf_release(&text);
    nv_arena_free(arena);
    return ours ? NV_OK : err;
}

static enum nv_err write_batch(struct nv_traces *traces, void **items, size_t count,
                               size_t *unreadable)
{
    struct nv_trace_summary *summary = malloc(sizeof *summary);
    enum nv_err err = summary ? nv_shelf_begin(traces->shelf) : NV_ERR_NO_MEMORY;
    for (size_t i = 0; i < count && err == NV_OK; i++)
        err = put(traces, items[i], summary, unreadable);
    if (err == NV_OK) {
        int64_t now_us = (int64_t)(nv_clock_wall_ns(nv_clock_system()) / 1000);
        err = nv_shelf_trim(traces->shelf, now_us);
    }
    if (err == NV_OK)
        err = nv_shelf_commit(traces->shelf);
    free(summary);
    return err;
}

/* Under the lock, so that nv_traces_listen(NULL) comes back only when nobody is being told. */
static void tell(struct nv_traces *traces)
{
    int64_t last = nv_shelf_last(traces->shelf);
    if (last == atomic_exchange(&traces->last, last))
        return;
    (void)pthread_mutex_lock(&traces->lock);
    if (traces->told)
        traces->told(traces->told_ctx, last);
    (void)pthread_mutex_unlock(&traces->lock);
}

static void note_failure(struct nv_traces *traces, enum nv_err err, size_t count)
{
    if (!traces->failing) {
        NV_LOG(NV_LOG_WARN, "gateway",
               "can't keep traces in \"%s\", the page misses them, delivery goes on: %s (%s)",
               traces->path, nv_err_info(err)->text, nv_shelf_message(traces->shelf));
    }
    traces->failing = true;
    nv_shelf_undo(traces->shelf);
    nv_count(NV_COUNT_STORE_DROPPED, count);
}

static void keep(struct nv_traces *traces, void **items, size_t count)
{
    size_t unreadable = 0;
    enum nv_err err = write_batch(traces, items, count, &unreadable);
    if (err != NV_OK) {
        note_failure(traces, err, count);
        return;
    }
    if (traces->failing)
        NV_LOG(NV_LOG_INFO, "gateway", "traces are kept in \"%s\" again", traces->path);
    traces->failing = false;
    nv_count(NV_COUNT_STORE_DROPPED, unreadable);
    nv_count(NV_COUNT_STORE_KEPT, count - unreadable);
    tell(traces);
}

static void *run(void *arg)
{
    struct nv_traces *traces = arg;
    void *items[BATCH];
    for (;;) {
        size_t count = nv_queue_pop(traces->queue, items, BATCH, IDLE_TRIM_NS);
        if (count == 0 && atomic_load(&traces->stopping))
            return NULL;
        keep(traces, items, count);
        for (size_t i = 0; i < count; i++)
            free_item(items[i]);
    }
}

/* ---- life -------------------------------------------------------------------------------- */

/* The sink of files makes the same directory when it is first used, with the same mode. */
static void make_directory(const char *path)
{
    char directory[4096];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len == 0 || len >= sizeof directory)
        return;
    memcpy(directory, path, len);
    directory[len] = '\0';
    (void)mkdir(directory, 0700); /* what is wrong with it, the open says */
}

static enum nv_err start(struct nv_traces *traces)
{
    sigset_t all, before;
    /* signals are for the main thread, which waits for them */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    traces->started = pthread_create(&traces->thread, NULL, run, traces) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (traces->started)
        (void)pthread_setname_np(traces->thread, "store");
    return traces->started ? NV_OK : NV_ERR_NO_MEMORY;
}

enum nv_err nv_traces_open(const struct nv_traces_config *config, struct nv_fail *fail,
                           struct nv_traces **out)
{
    *out = NULL;
    struct nv_traces *traces = calloc(1, sizeof *traces);
    if (!traces)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    (void)pthread_mutex_init(&traces->lock, NULL);
    traces->config = *config;
    traces->path = strdup(config->path);
    traces->queue = nv_queue_new(QUEUE_ITEMS, config->queue_bytes_max);
    enum nv_err err = traces->path && traces->queue ? NV_OK : NV_ERR_NO_MEMORY;
    if (err == NV_OK) {
        make_directory(traces->path);
        err = nv_shelf_open(traces->path, &config->limits, fail, &traces->shelf);
    }
    if (err == NV_OK) {
        atomic_store(&traces->last, nv_shelf_last(traces->shelf));
        err = nv_sql_open(traces->path, true, fail, &traces->reader);
    }
    if (err == NV_OK)
        err = start(traces);
    if (err != NV_OK) {
        if (err == NV_ERR_NO_MEMORY)
            (void)nv_fail_set(fail, err, 0, "out of memory");
        nv_traces_free(traces);
        return err;
    }
    *out = traces;
    return NV_OK;
}

void nv_traces_stop(struct nv_traces *traces)
{
    if (!traces->started)
        return;
    traces->started = false;
    atomic_store(&traces->stopping, true);
    nv_queue_close(traces->queue);
    (void)pthread_join(traces->thread, NULL);
}

void nv_traces_free(struct nv_traces *traces)
{
    if (!traces)
        return;
    nv_traces_stop(traces);
    nv_sql_close(traces->reader);
    nv_shelf_close(traces->shelf);
    nv_queue_free(traces->queue);
    (void)pthread_mutex_destroy(&traces->lock);
    free(traces->path);
    free(traces);
}

void nv_traces_listen(struct nv_traces *traces, void (*told)(void *ctx, int64_t last),
                      void *ctx)
{
    (void)pthread_mutex_lock(&traces->lock);
    traces->told = told;
    traces->told_ctx = ctx;
    (void)pthread_mutex_unlock(&traces->lock);
}

int64_t nv_traces_last(const struct nv_traces *traces)
{
    return atomic_load(&traces->last);
}

struct nv_sql *nv_traces_reader(const struct nv_traces *traces)
{
    return traces->reader;
}
