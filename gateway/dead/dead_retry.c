/*
 * What was kept as OTLP goes the way it went before, with today's program.
 *
 * A trace is translated here and becomes an outbox record, because its claim in assembly is
 * long settled: going through the door again would make it a late part of itself, under another
 * id. A whole request was never assembled, so the door is right for it; its traces may have
 * other spans in the journal. Sampling is left out: who asks for a trace by name wants it.
 *
 *   letter ─▶ base64 ─▶ batches ─┬─ a trace:   join ─▶ translate ─▶ redact ─▶ encode ─▶ outbox
 *                                └─ a request: door, as any client's ─▶ the letter is dropped
 *
 * Whatever fails before the last step leaves the letter where it is.
 */
#include "gateway/dead/dead_retry.h"

#include "base/limits.h"
#include "base/text/text.h"
#include "exporter/outbox/dead_letters.h"
#include "exporter/encode/encode.h"
#include "gateway/dead/raw_join.h"
#include "gateway/dead/untranslated.h"
#include "otlp/request/request.h"

#include <assert.h>
#include <pthread.h>

#include "base/banned.h"

/* New batch of a base64 text; none for an empty one. */
static enum nv_err decode(enum nv_signal signal, struct nv_str base64, struct nv_batch **out)
{
    struct nv_request_result result;
    struct nv_fail fail = {0};
    struct nv_buf body;
    char *bytes;
    *out = NULL;
    nv_buf_init(&body, NV_CAP_DEAD_LETTER);
    enum nv_err err = nv_base64_decode(&body, base64);
    if (err != NV_OK) {
        nv_buf_release(&body);
        return err;
    }
    size_t len = nv_buf_take(&body, &bytes);
    return nv_request_decode(&(struct nv_request_body){signal, NV_MEDIA_PROTOBUF, bytes, len},
                             NULL, &result, out, &fail);
}

/* ---- a trace ----------------------------------------------------------------------------- */

/* The trace in the backend's JSON. Takes `raw`. */
static enum nv_err translate(const struct nv_dead_retry *retry, struct nv_raw_trace *raw,
                             struct nv_buf *json)
{
    struct nv_trace *trace = NULL;
    struct nv_arena *arena = raw->arena;
    enum nv_err err = nv_mapping_translate(retry->mapping, raw, &trace);
    if (err != NV_OK) {
        nv_arena_free(arena);
        return err;
    }
    /* What is sent again is the trace's JSON alone: nothing would upload its media. */
    struct nv_redaction_config redaction = retry->redaction;
    if (redaction.media.mode == NV_MEDIA_UPLOAD)
        redaction.media.mode = NV_MEDIA_MARKER;
    /* a later version may leave all spans out by a rule: then there is nothing to send */
    err = trace->span_count > 0 ? nv_redact(&redaction, trace, NULL) : NV_ERR_END;
    if (err == NV_OK)
        err = nv_encode_trace(json, trace, retry->trace_id_form);
    nv_arena_free(arena);
    return err;
}

static enum nv_err join(const struct nv_otlp_letter *letter, struct nv_batch *const *batches,
                        struct nv_raw_trace **out)
{
    size_t count = batches[1] != NULL ? 2 : 1;
    if (batches[0]->item_count == 0)
        return NV_ERR_MALFORMED;
    struct nv_raw_trace *raw = nv_raw_join_first(batches, count);
    if (!raw)
        return NV_ERR_NO_MEMORY;
    raw->part = letter->part;
    raw->incomplete = letter->incomplete;
    raw->project = letter->project;
    raw->first_name = letter->first_name;
    raw->first_session = letter->first_session;
    raw->first_user = letter->first_user;
    *out = raw;
    return NV_OK;
}

static enum nv_err send_trace(const struct nv_dead_retry *retry, uint64_t id,
                              const struct nv_otlp_letter *letter)
{
    struct nv_batch *batches[2] = {NULL, NULL};
    struct nv_raw_trace *raw = NULL;
    struct nv_buf json;
    nv_buf_init(&json, retry->max_trace_bytes);
    enum nv_err err = decode(NV_SIGNAL_TRACES, letter->otlp, &batches[0]);
    if (err == NV_OK && letter->otlp_logs.len > 0)
        err = decode(NV_SIGNAL_LOGS, letter->otlp_logs, &batches[1]);
    if (err == NV_OK)
        err = join(letter, batches, &raw);
    if (err == NV_OK)
        err = translate(retry, raw, &json);
    if (err == NV_OK)
        err = retry->send(retry->ctx, id, nv_buf_str(&json));
    nv_buf_release(&json);
    nv_batch_free(batches[0]);
    nv_batch_free(batches[1]);
    return err;
}

/* ---- a request --------------------------------------------------------------------------- */

struct waiting {
    pthread_mutex_t lock; /* of the next three */
    pthread_cond_t changed;
    bool done;
    enum nv_err err;
};

static void accepted(void *done_ctx, enum nv_err err)
{
    struct waiting *waiting = done_ctx;
    (void)pthread_mutex_lock(&waiting->lock);
    waiting->done = true;
    waiting->err = err;
    (void)pthread_cond_signal(&waiting->changed);
    (void)pthread_mutex_unlock(&waiting->lock);
}

/* Takes the batch; back when it is as durable as any request that is acknowledged. Waiting is
 * right here: the command's thread has nothing else to do, and a letter must not go before
 * that. */
static enum nv_err accept_and_wait(const struct nv_acceptor *acceptor, struct nv_batch *batch)
{
    struct waiting waiting = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};
    acceptor->accept(acceptor->ctx, batch, accepted, &waiting);
    (void)pthread_mutex_lock(&waiting.lock);
    while (!waiting.done)
        (void)pthread_cond_wait(&waiting.changed, &waiting.lock);
    (void)pthread_mutex_unlock(&waiting.lock);
    (void)pthread_cond_destroy(&waiting.changed);
    (void)pthread_mutex_destroy(&waiting.lock);
    return waiting.err;
}

static enum nv_err accept_request(const struct nv_dead_retry *retry, uint64_t id,
                                  const struct nv_otlp_letter *letter)
{
    struct nv_batch *batch = NULL;
    if (!retry->acceptor)
        return NV_ERR_AGAIN;
    enum nv_err err = decode(letter->signal, letter->otlp, &batch);
    if (err == NV_OK && batch->item_count == 0)
        err = NV_ERR_MALFORMED;
    if (err == NV_OK)
        err = nv_batch_set_project(batch, letter->project);
    if (err != NV_OK) {
        nv_batch_free(batch);
        return err;
    }
    err = accept_and_wait(retry->acceptor, batch);
    return err == NV_OK ? nv_dead_letters_drop(retry->store, id) : err;
}

/* ---- either ------------------------------------------------------------------------------ */

enum nv_err nv_dead_retry(const struct nv_dead_retry *retry, uint64_t id)
{
    struct nv_otlp_letter letter;
    struct nv_buf payload;
    assert(retry->store != NULL && retry->send != NULL);
    struct nv_arena *arena = nv_arena_new(NV_CAP_DEAD_LETTER);
    if (!arena)
        return NV_ERR_NO_MEMORY;
    nv_buf_init(&payload, NV_CAP_DEAD_LETTER);
    enum nv_err err = retry->store->get(retry->store->ctx, id, &payload);
    if (err == NV_OK) {
        err = nv_otlp_letter_read(arena, nv_buf_str(&payload), &letter);
        if (err == NV_OK && letter.whole_request)
            err = accept_request(retry, id, &letter);
        else if (err == NV_OK)
            err = send_trace(retry, id, &letter);
        else if (err == NV_ERR_NOT_FOUND)
            err = retry->send(retry->ctx, id, (struct nv_str){NULL, 0});
    }
    nv_buf_release(&payload);
    nv_arena_free(arena);
    return err;
}
