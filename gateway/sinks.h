/*
 * The sinks of a gateway: which there are, which are wanted, and all of them called as one.
 *
 *   NV_SINK_TABLE ──wanted by the options?──▶ open ──▶ [ keeper | observer | observer ... ]
 *   trace ──nv_sinks_observe──▶ each observer, in the table's order
 *         ──nv_sinks_consume──▶ the keeper
 *
 * Another exporter is one file, which defines a `const struct nv_sink_row`, and one row in
 * NV_SINK_TABLE. What a sink promises stands in model/sink.h.
 */
#ifndef NV_GATEWAY_SINKS_H
#define NV_GATEWAY_SINKS_H

#include "gateway/config/options.h"
#include "model/sink.h"
#include "model/stage.h"
#include "model/store.h"

/* X(row): in the order in which they are opened and observe. */
#define NV_SINK_TABLE(X)                                                                       \
    X(nv_sink_noveum)                                                                          \
    X(nv_sink_files)                                                                           \
    X(nv_sink_terminal)                                                                        \
    X(nv_sink_store)                                                                           \
    X(nv_sink_tip)                                                                             \
    X(nv_sink_agents)

/* Sinks that one gateway may have open. */
#define NV_SINKS_MAX 8

struct nv_agent_series;
struct nv_own_traces;
struct nv_traces;
struct nv_media_files;

/* What a sink may use. All borrowed until it is freed. */
struct nv_sink_needs {
    const struct nv_options *options;
    const struct nv_settler *settler;
    const struct nv_store *store;   /* NULL: memory only */
    const struct nv_store *letters; /* without a store: of dead letters; NULL: none */
    const struct nv_clock *clock;
    struct nv_traces *traces;             /* the local store; NULL: none */
    struct nv_media_files *media_files;   /* NULL: none */
    struct nv_agent_series *agent_series; /* NULL: none, or no memory */
    struct nv_own_traces *own_traces;     /* NULL: none */
};

struct nv_sink_row {
    /* Do the options ask for it, at the start? */
    bool (*wanted)(const struct nv_options *options);
    /* Opens and starts it; `out` is zero and stays so on failure. Errors with `fail`. */
    enum nv_err (*open)(const struct nv_sink_needs *needs, struct nv_fail *fail,
                        struct nv_sink *out);
    /* Takes over what may change while it runs. NULL: nothing may. */
    void (*reload)(struct nv_sink *sink, const struct nv_options *options);
};

#define NV_SINK_DECLARE(row) extern const struct nv_sink_row row;
NV_SINK_TABLE(NV_SINK_DECLARE)
#undef NV_SINK_DECLARE

struct nv_sinks {
    struct nv_sink items[NV_SINKS_MAX];
    const struct nv_sink_row *rows[NV_SINKS_MAX]; /* of items */
    unsigned count;
    const struct nv_sink *keeper; /* in items; NULL: not open */
};

/* The rows of NV_SINK_TABLE. Static. */
const struct nv_sink_row *const *nv_sinks_table(size_t *count);
/*
 * Opens those of `rows` (borrowed) that are wanted. NV_ERR_CONFIG when not exactly one of them
 * keeps or they are too many, else what their open says; `fail` is set. Free it in any case.
 */
enum nv_err nv_sinks_open(struct nv_sinks *sinks, const struct nv_sink_row *const *rows,
                          size_t count, const struct nv_sink_needs *needs,
                          struct nv_fail *fail) NV_MUST_USE;
/* As in model/sink.h, of all that observe and of the one that keeps. */
void nv_sinks_observe(const struct nv_sinks *sinks, const struct nv_trace *trace);
/* Takes the trace, whatever becomes of it: to the keeper, which settles it. */
void nv_sinks_consume(const struct nv_sinks *sinks, struct nv_trace *trace);
/* The keeper's: NV_OK, or why no more should be accepted (model/sink.h). Any thread. */
enum nv_err nv_sinks_pressure(const struct nv_sinks *sinks) NV_MUST_USE;
/* The keeper's, for `/status` and doctor. Any thread. */
void nv_sinks_status(const struct nv_sinks *sinks, struct nv_sink_status *out);
/* Hands the keeper a dead letter (borrowed) to try again. Errors are the keeper's. */
enum nv_err nv_sinks_again(const struct nv_sinks *sinks, uint64_t id,
                           struct nv_str json) NV_MUST_USE;
/* One thread, as stop and free. */
void nv_sinks_reload(struct nv_sinks *sinks, const struct nv_options *options);
/* The keeper first, with all the time: observers have nothing to lose. */
void nv_sinks_stop(const struct nv_sinks *sinks, uint32_t deadline_ms);
/* Usable again as if zero. */
void nv_sinks_release(struct nv_sinks *sinks);

#endif
