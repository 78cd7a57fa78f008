/*
 * The local store of traces: what the page and the API show (docs/design/0017-local-store.md).
 *
 *   shards ──offer──▶ [ queue, bounded ] ──▶ writer thread ──▶ traces.db ──▶ one reader
 *                         │ full: dropped, counted               └─▶ told: there is more
 *
 * A copy for people: what is delivered does not depend on it. It gets traces as they are sent,
 * after redaction, and never holds a shard up longer than it takes to write the JSON.
 */
#ifndef NV_GATEWAY_TRACES_TRACES_H
#define NV_GATEWAY_TRACES_TRACES_H

#include "exporter/encode/encode.h"
#include "gateway/traces/sql.h"
#include "gateway/traces/trace_shelf.h"

struct nv_traces;

struct nv_traces_config {
    const char *path; /* of the database; copied; its directory is made when it is missing */
    struct nv_shelf_limits limits;
    enum nv_trace_id_form form;
    size_t trace_bytes_max; /* of one trace's JSON: longer texts are cut as for the backend */
    size_t queue_bytes_max;
};

/* New store, its file opened and its thread running. NV_ERR_IO, NV_ERR_LOCKED with `fail`,
 * NV_ERR_NO_MEMORY. */
enum nv_err nv_traces_open(const struct nv_traces_config *config, struct nv_fail *fail,
                           struct nv_traces **out) NV_MUST_USE;
/* Takes a copy of the trace (borrowed), or counts it as dropped. Any thread. */
void nv_traces_offer(struct nv_traces *traces, const struct nv_trace *trace);
/* Writes what is queued and ends the thread. Once; not on the thread. */
void nv_traces_stop(struct nv_traces *traces);
/* Stops it if need be, and frees. NULL is allowed. */
void nv_traces_free(struct nv_traces *traces);
/* `told` (or NULL) is called with `ctx` (borrowed until `told` is another) by the store's
 * thread when traces were added; before and after that call it is not. Any thread. */
void nv_traces_listen(struct nv_traces *traces, void (*told)(void *ctx, int64_t last),
                      void *ctx);
/* Id of the newest trace that can be read, 0: none. Any thread. */
int64_t nv_traces_last(const struct nv_traces *traces);
/* The connection to read by: of one thread at a time, which the caller sees to. Borrowed. */
struct nv_sql *nv_traces_reader(const struct nv_traces *traces);

#endif
