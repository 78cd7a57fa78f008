/*
 * Traces of the gateway's own work: of a sample of the traces that pass, what is noted on their
 * way until they are settled, and the spans that are made of it.
 *
 *   begin ─▶ noted ─translated─▶ ─answered─▶ ... ─settled─▶ spans as bytes ─take─▶ request
 *
 * A trace is known by its claim, which is settled exactly once, so no stage that can end one
 * needs a line for this. Telemetry that comes in (by its scope, NV_OWN_SCOPE) is never noted:
 * an endpoint that is this gateway, or leads back to it, makes no loop.
 *
 * Made only when spans are asked for; without it nothing of this is called. Any thread. What
 * finds no room is counted in noveum_telemetry_spans_total{result="lost"}.
 */
#ifndef NV_GATEWAY_TELEMETRY_OWN_TRACES_H
#define NV_GATEWAY_TELEMETRY_OWN_TRACES_H

#include "base/clock.h"
#include "gateway/telemetry/own_spans.h"

/* Traces noted at a time; of one past it nothing is noted, and one span counted as lost. */
#define NV_OWN_PASSAGES_MAX 1024u
/* Requests with one trace that become spans; later ones are counted alone. */
#define NV_OWN_ATTEMPTS_MAX 16u

struct nv_own_traces;

/* What it calls when half of the room for spans is used; it must not block. `call` NULL:
 * nobody. */
struct nv_own_wake {
    void (*call)(void *ctx);
    void *ctx;
};

/* New; `clock` is borrowed. NULL without memory. */
struct nv_own_traces *nv_own_traces_new(const struct nv_clock *clock, struct nv_own_wake wake);
/* NULL is allowed. No other thread may use it any more. */
void nv_own_traces_free(struct nv_own_traces *own);
/* A trace (borrowed) that has left assembly, is about to be translated and was drawn: whoever
 * calls samples. */
void nv_own_traces_begin(struct nv_own_traces *own, const struct nv_raw_trace *raw);
/* It is translated (borrowed), and goes to its sink. */
void nv_own_traces_translated(struct nv_own_traces *own, const struct nv_trace *trace);
/* What an exporter is to call; of NULL: nobody. Borrows `own`. */
struct nv_exporter_watch nv_own_traces_watch(struct nv_own_traces *own);
/* The settler to use instead of `inner`: it notes the end, then settles. Borrows `own`; called
 * once, before the first trace. Of NULL: `inner` itself. */
struct nv_settler nv_own_traces_settler(struct nv_own_traces *own, struct nv_settler inner);
/* Is half of the room for spans used? */
bool nv_own_traces_is_full(struct nv_own_traces *own);
/* Writes a request with all spans that have ended into the empty `body` (NV_CAP_TELEMETRY_SPANS
 * is enough), for `instance`, and returns how many; 0: there are none, `body` stays empty. */
uint64_t nv_own_traces_take(struct nv_own_traces *own, const char *instance,
                            struct nv_buf *body);

#endif
