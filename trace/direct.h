/*
 * Spans through the stages of a gateway inside the program, and finished traces as bodies for
 * Noveum's API.
 *
 *   request ─accept─▶ [ stages ] ─pull─▶ traces ─▶ one body for many ─▶ the worker posts it
 *                                                   └ refused ─split─▶ one body each
 *
 * Belongs to the sending thread, but where it is opened and closed while there is none.
 */
#ifndef NV_TRACE_DIRECT_H
#define NV_TRACE_DIRECT_H

#include "base/buf.h"
#include "trace/config.h"

/* As the SDK's batches. */
#define NV_TRACE_DIRECT_TRACES 100

struct nv_trace_direct {
    const noveum_stages *stages;
    void *pipeline; /* NULL: not open */
    struct nv_buf body;
    noveum_stages_payload
        traces[NV_TRACE_DIRECT_TRACES]; /* pulled; from `next` on not settled */
    size_t count, next, in_body;
    bool alone;    /* one trace a body, until all that are pulled are settled */
    uint64_t held; /* spans that the stages took and that are not answered for */
    uint64_t left_out;
};

/* What became of a request. */
enum nv_trace_taken { NV_TRACE_TAKEN, NV_TRACE_NO_ROOM, NV_TRACE_NOT_TAKEN };

/* Opens the stages that the configuration names. NOVEUM_OK, NOVEUM_NO_MEMORY, NOVEUM_INVALID,
 * and why in words. */
noveum_result nv_trace_direct_open(struct nv_trace_direct *direct,
                                   const struct nv_trace_config *config, char *why,
                                   size_t why_size);
/* Closes them, with what they hold, and frees all; also what was never opened. */
void nv_trace_direct_close(struct nv_trace_direct *direct);
/* Leaves them alone: in the child of a fork they are a copy of the parent's. */
void nv_trace_direct_forget(struct nv_trace_direct *direct);

/* Gives a request of so many spans; NV_TRACE_TAKEN: *rejected of them are answered for by
 * that. */
enum nv_trace_taken nv_trace_direct_accept(struct nv_trace_direct *direct, struct nv_str body,
                                           uint64_t spans, uint64_t *rejected);
/* Lets time pass; in how many ns again. */
uint64_t nv_trace_direct_tick(struct nv_trace_direct *direct);
/* A body of traces that are whole, borrowed until the next call; empty: there is none. Asked
 * again without a settle: of the same traces. NV_ERR_NO_MEMORY, NV_ERR_LIMIT: it is too
 * large. */
enum nv_err nv_trace_direct_body(struct nv_trace_direct *direct,
                                 struct nv_str *body) NV_MUST_USE;
/* From now on a body is one trace. False: it was. */
bool nv_trace_direct_split(struct nv_trace_direct *direct);
/* Settles the traces of the last body; how many spans they were. */
uint64_t nv_trace_direct_settle(struct nv_trace_direct *direct, bool delivered);
/* Spans that the stages have left out since it was asked last; they are answered for by
 * that. */
uint64_t nv_trace_direct_left_out(struct nv_trace_direct *direct);

#endif
