/*
 * The functions of noveum/pipeline.h.
 *
 * Each lends the caller's allocator and log to this thread for its time (lent.h) and translates
 * errors; all that is below knows nothing of an embedder. A call that is given nonsense (NULL,
 * a foreign handle, a struct without its size) says INVALID and does nothing: asserts are for
 * what this library could have got wrong.
 *
 *   accept ─▶ decode ─▶ assembly (inline) ─▶ translate ─▶ encode ─▶ ready ─ pull ▸ pulled ─ settle
 *                           ▲ tick: time passes only here
 *
 * No thread, no socket: stages run inside the call, on the caller's clock, so that an embedder
 * can feed and pull from its own loop, or a test from a script. Spans are counted at each
 * border, and what is in none of the counts is what is held.
 */
#include "gateway/embed/embed.h"

#include "otlp/request/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* How soon tick wants to be called again when a trace found no memory. */
#define STUCK_NS (20 * NV_NS_PER_MS)

/* ---- results ----------------------------------------------------------------------------- */

static noveum_pipeline_result result_of(enum nv_err err)
{
    switch (err) {
    case NV_OK:
        return NOVEUM_PIPELINE_OK;
    case NV_ERR_CONFIG:
        return NOVEUM_PIPELINE_INVALID;
    case NV_ERR_NO_MEMORY:
        return NOVEUM_PIPELINE_NO_MEMORY;
    case NV_ERR_MALFORMED:
    case NV_ERR_TRUNCATED:
    case NV_ERR_DEPTH:
        return NOVEUM_PIPELINE_MALFORMED;
    case NV_ERR_TOO_LARGE:
    case NV_ERR_LIMIT:
        return NOVEUM_PIPELINE_TOO_LARGE;
    case NV_ERR_BUSY:
    case NV_ERR_FULL:
    case NV_ERR_NO_SPACE:
        return NOVEUM_PIPELINE_FULL;
    case NV_ERR_STOPPING:
        return NOVEUM_PIPELINE_CLOSED;
    default:
        return NOVEUM_PIPELINE_IO;
    }
}

const char *noveum_pipeline_result_text(noveum_pipeline_result result)
{
    switch (result) {
    case NOVEUM_PIPELINE_OK:
        return "done";
    case NOVEUM_PIPELINE_EMPTY:
        return "nothing is ready";
    case NOVEUM_PIPELINE_INVALID:
        return "an argument or a setting can't be used";
    case NOVEUM_PIPELINE_NO_MEMORY:
        return "out of memory";
    case NOVEUM_PIPELINE_MALFORMED:
        return "no OTLP request";
    case NOVEUM_PIPELINE_TOO_LARGE:
        return "too large";
    case NOVEUM_PIPELINE_FULL:
        return "full, come again";
    case NOVEUM_PIPELINE_CLOSED:
        return "finished, nothing is accepted";
    case NOVEUM_PIPELINE_IO:
        return "the journal failed";
    }
    return "no result of noveum/pipeline.h";
}

const char *noveum_pipeline_version(void)
{
    return NOVEUM_VERSION;
}

/* "where: what", at most `size` bytes with the NUL. */
static void write_why(const struct nv_fail *fail, enum nv_err err, char *why, size_t size)
{
    if (!why || size == 0)
        return;
    const char *what = fail->what[0] != '\0' ? fail->what : nv_err_info(err)->text;
    if (err == NV_OK)
        why[0] = '\0';
    else
        (void)snprintf(why, size, "%s%s%s", fail->path, fail->path[0] ? ": " : "", what);
}

/* ---- opening and closing ----------------------------------------------------------------- */

static uint64_t now_ns(void *ctx)
{
    const struct noveum_pipeline *pipeline = ctx;
    return pipeline->now_ns(pipeline->clock_ctx);
}

/* `size` is how a struct of an older header is told from one that was not set. */
static enum nv_err check_options(const noveum_pipeline_options *options, struct nv_fail *fail)
{
    const noveum_allocator *given = options->allocator;
    if (options->size < sizeof *options)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "`size` is not that of the options");
    if (given && (!given->allocate || !given->resize || !given->release))
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "an allocator has three functions");
    if (given && !nv_lent_reaches_malloc()) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "an allocator needs libnoveum.so: the archive has libc's malloc");
    }
    return NV_OK;
}

/* The allocator moves into the pipeline: the caller's struct is not needed after the call. */
static void set_up(struct noveum_pipeline *pipeline, const noveum_pipeline_options *options,
                   const struct nv_lent *lent)
{
    pipeline->lent = *lent;
    if (lent->allocator) {
        pipeline->allocator = *lent->allocator;
        pipeline->lent.allocator = &pipeline->allocator;
    }
    pipeline->clock = *nv_clock_system();
    if (options->now_ns) {
        pipeline->now_ns = options->now_ns;
        pipeline->clock_ctx = options->clock_ctx;
        pipeline->clock = (struct nv_clock){pipeline, now_ns, now_ns};
    }
}

static enum nv_err open_lent(const noveum_pipeline_options *options, const struct nv_lent *lent,
                             struct nv_fail *fail, noveum_pipeline **out)
{
    struct noveum_pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (!pipeline)
        return NV_ERR_NO_MEMORY;
    set_up(pipeline, options, lent);
    enum nv_err err = nv_embed_open(pipeline, options->settings, fail);
    if (err != NV_OK) {
        nv_embed_release(pipeline);
        free(pipeline);
        return err;
    }
    *out = pipeline;
    return NV_OK;
}

noveum_pipeline_result noveum_pipeline_open(const noveum_pipeline_options *options,
                                            noveum_pipeline **out, char *why, size_t why_size)
{
    static const noveum_pipeline_options none = {.size = sizeof none};
    struct nv_fail fail = {0};
    if (!out)
        return NOVEUM_PIPELINE_INVALID;
    *out = NULL;
    options = options ? options : &none;
    enum nv_err err = check_options(options, &fail);
    if (err == NV_OK) {
        const struct nv_lent lent = {options->allocator, options->log, options->log_ctx, true};
        /* the thread may be within another pipeline's call, whose allocator comes back
         * afterwards */
        struct nv_lent before = nv_lent_swap(&lent);
        err = open_lent(options, &lent, &fail, out);
        (void)nv_lent_swap(&before);
    }
    write_why(&fail, err, why, why_size);
    /* More settings than there are rows is a mistake of the caller's, not a size of data. */
    return err == NV_ERR_LIMIT ? NOVEUM_PIPELINE_INVALID : result_of(err);
}

void noveum_pipeline_close(noveum_pipeline *pipeline)
{
    if (!pipeline)
        return;
    /* It lies in the pipeline, which goes before the last block is given back. */
    noveum_allocator allocator = pipeline->allocator;
    struct nv_lent lent = pipeline->lent;
    if (lent.allocator)
        lent.allocator = &allocator;
    struct nv_lent before = nv_lent_swap(&lent);
    nv_embed_release(pipeline);
    free(pipeline);
    (void)nv_lent_swap(&before);
}

/* ---- in ---------------------------------------------------------------------------------- */

static void note(void *ctx, enum nv_err err)
{
    *(enum nv_err *)ctx = err;
}

static enum nv_err accept_bytes(struct noveum_pipeline *pipeline, enum nv_signal signal,
                                struct nv_str bytes, struct nv_request_result *result,
                                struct nv_fail *fail)
{
    struct nv_request_body request = {.signal = signal, .len = bytes.len};
    struct nv_batch *batch;
    if (bytes.len > NV_REQUEST_BODY_MAX_BYTES)
        return NV_ERR_TOO_LARGE;
    if (pipeline->finishing)
        return NV_ERR_STOPPING;
    /* copied: the caller's bytes are his again when the call returns, and spans live on as
     * views */
    request.bytes = bytes.len > 0 ? malloc(bytes.len) : NULL;
    if (bytes.len > 0 && !request.bytes)
        return NV_ERR_NO_MEMORY;
    if (bytes.len > 0)
        memcpy(request.bytes, bytes.ptr, bytes.len);
    enum nv_err err = nv_request_decode(&request, NULL, result, &batch, fail);
    if (err != NV_OK)
        return err;
    struct nv_acceptor acceptor = nv_assembly_acceptor(pipeline->assembly);
    acceptor.accept(acceptor.ctx, batch, note, &err); /* inline: `err` is set when it returns */
    return err;
}

/* As much as the caller's struct has room for: it may be of an older header. */
static void write_receipt(const struct nv_request_result *result, enum nv_err err,
                          const struct nv_fail *fail, noveum_pipeline_receipt *receipt)
{
    size_t size = receipt->size < sizeof *receipt ? receipt->size : sizeof *receipt;
    noveum_pipeline_receipt told = {.size = size};
    if (err == NV_OK) {
        told.accepted = result->accepted;
        told.rejected = result->rejected;
        (void)snprintf(told.why, sizeof told.why, "%s", result->message);
    } else {
        write_why(fail, err, told.why, sizeof told.why);
    }
    memcpy(receipt, &told, size);
}

noveum_pipeline_result noveum_pipeline_accept(noveum_pipeline *pipeline,
                                              noveum_pipeline_signal signal, const void *bytes,
                                              size_t len, noveum_pipeline_receipt *receipt)
{
    bool traces = signal == NOVEUM_PIPELINE_TRACES;
    struct nv_request_result result = {0};
    struct nv_fail fail = {0};
    if (!pipeline || (!bytes && len > 0) || (!traces && signal != NOVEUM_PIPELINE_LOGS) ||
        (receipt && receipt->size < sizeof receipt->size))
        return NOVEUM_PIPELINE_INVALID;
    struct nv_lent before = nv_lent_swap(&pipeline->lent);
    enum nv_err err = accept_bytes(pipeline, traces ? NV_SIGNAL_TRACES : NV_SIGNAL_LOGS,
                                   (struct nv_str){bytes, len}, &result, &fail);
    (void)nv_lent_swap(&before);
    if (err == NV_OK && traces) {
        pipeline->counts.accepted += result.accepted;
        pipeline->counts.rejected += result.rejected;
    }
    if (receipt)
        write_receipt(&result, err, &fail, receipt);
    return result_of(err);
}

/* ---- time -------------------------------------------------------------------------------- */

uint64_t noveum_pipeline_tick(noveum_pipeline *pipeline)
{
    if (!pipeline)
        return UINT64_MAX;
    struct nv_lent before = nv_lent_swap(&pipeline->lent);
    (void)nv_embed_unstick(pipeline);
    uint64_t due_ns = nv_assembly_tick(pipeline->assembly);
    uint64_t at_ns = nv_clock_mono_ns(&pipeline->clock);
    (void)nv_lent_swap(&before);
    uint64_t wait_ns = due_ns == UINT64_MAX ? UINT64_MAX : due_ns > at_ns ? due_ns - at_ns : 0;
    return pipeline->stuck && wait_ns > STUCK_NS ? STUCK_NS : wait_ns;
}

noveum_pipeline_result noveum_pipeline_finish(noveum_pipeline *pipeline)
{
    if (!pipeline)
        return NOVEUM_PIPELINE_INVALID;
    struct nv_lent before = nv_lent_swap(&pipeline->lent);
    pipeline->finishing = true;
    enum nv_err err = nv_assembly_stop(pipeline->assembly, 0);
    bool all = nv_embed_unstick(pipeline);
    (void)nv_lent_swap(&before);
    /* Inline there is nothing to wait for: what it could not do in no time found no memory. */
    return err == NV_OK && all ? NOVEUM_PIPELINE_OK : NOVEUM_PIPELINE_NO_MEMORY;
}

/* ---- out --------------------------------------------------------------------------------- */

noveum_pipeline_result noveum_pipeline_pull(noveum_pipeline *pipeline,
                                            noveum_pipeline_payload *payload)
{
    if (!pipeline || !payload)
        return NOVEUM_PIPELINE_INVALID;
    *payload = (noveum_pipeline_payload){0};
    struct nv_ready *ready = nv_ready_take(&pipeline->ready, 0);
    if (!ready)
        return NOVEUM_PIPELINE_EMPTY;
    /* kept until it is settled: the payload borrows its bytes */
    nv_ready_push(&pipeline->pulled, ready);
    *payload = (noveum_pipeline_payload){.id = ready->id,
                                         .json = ready->encoded->json,
                                         .json_len = ready->encoded->json_len,
                                         .spans = ready->encoded->spans,
                                         .stub = ready->encoded->why};
    return NOVEUM_PIPELINE_OK;
}

noveum_pipeline_result noveum_pipeline_settle(noveum_pipeline *pipeline,
                                              noveum_pipeline_payload *payload,
                                              noveum_pipeline_outcome outcome)
{
    bool delivered = outcome == NOVEUM_PIPELINE_DELIVERED;
    if (!pipeline || !payload || payload->id == 0 ||
        (!delivered && outcome != NOVEUM_PIPELINE_REFUSED))
        return NOVEUM_PIPELINE_INVALID;
    struct nv_ready *ready = nv_ready_take(&pipeline->pulled, payload->id);
    if (!ready)
        return NOVEUM_PIPELINE_INVALID;
    uint64_t spans = ready->encoded->spans;
    struct nv_lent before = nv_lent_swap(&pipeline->lent);
    struct nv_claim *claim = nv_ready_give_claim(ready);
    if (delivered)
        nv_ledger_deliver(spans);
    else
        nv_ledger_dead_queued(NV_DEAD_REJECTED, spans);
    pipeline->settler.settle(pipeline->settler.ctx, claim,
                             delivered ? NV_OUTCOME_DELIVERED : NV_OUTCOME_DROPPED);
    (void)nv_lent_swap(&before);
    *(delivered ? &pipeline->counts.delivered : &pipeline->counts.refused) += spans;
    *payload = (noveum_pipeline_payload){0};
    return NOVEUM_PIPELINE_OK;
}

/* ---- what is where ----------------------------------------------------------------------- */

noveum_pipeline_result noveum_pipeline_read_status(const noveum_pipeline *pipeline,
                                                   noveum_pipeline_status *status)
{
    if (!pipeline || !status || status->size < sizeof status->size)
        return NOVEUM_PIPELINE_INVALID;
    struct nv_assembly_status held;
    nv_assembly_read_status(pipeline->assembly, &held);
    const struct nv_embed_counts *counts = &pipeline->counts;
    noveum_pipeline_status now = {.size = status->size < sizeof now ? status->size : sizeof now,
                                  .accepted = counts->accepted,
                                  .replayed = counts->replayed,
                                  .rejected = counts->rejected,
                                  .ready = pipeline->ready.spans,
                                  .pulled = pipeline->pulled.spans,
                                  .delivered = counts->delivered,
                                  .refused = counts->refused,
                                  .sampled = counts->sampled,
                                  .placeholders = counts->placeholders,
                                  .untranslated = counts->untranslated,
                                  .left_out = held.left_out,
                                  .open_traces = held.open_traces,
                                  .held_bytes = held.memory_bytes,
                                  .ready_bytes =
                                      pipeline->ready.bytes + pipeline->pulled.bytes};
    /* not counted but computed: the sum is right by construction, and a span that was forgotten
     * would show here for ever, which the tests look for */
    now.held = now.accepted + now.replayed - now.ready - now.pulled - now.delivered -
               now.refused - now.sampled - now.placeholders - now.untranslated - now.left_out;
    memcpy(status, &now, now.size);
    return NOVEUM_PIPELINE_OK;
}
