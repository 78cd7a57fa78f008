/*
 * noveum/direct.h: noveum/trace.h straight to Noveum's API, without a gateway: spans go through
 * the stages of noveum/pipeline.h inside the program.
 *
 *     noveum_options options = noveum_default_options();
 *     options.stages = noveum_direct();                NOVEUM_API_KEY and NOVEUM_PROJECT are set
 *     noveum_start(&options);
 *
 *   begin, end ─▶ libnoveum-trace ──spans──▶ libnoveum: hold until whole ▸ translate ▸ mask
 *                  its thread,                                                        │
 *                  retries, gzip ◀──────────────────────traces────────────────────────┘
 *                       └──▶ POST /v1/traces
 *
 * What is not delivered when the process ends is lost and counted: a journal is the gateway's.
 *
 * C11 or C++17. Link with both libraries (pkg-config noveum-trace noveum).
 */
#ifndef NOVEUM_DIRECT_H
#define NOVEUM_DIRECT_H

#include <noveum/pipeline.h>
#include <noveum/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The eight functions below are for the table alone. */
static inline void *noveum_direct_open(const char *const *settings, char *why, size_t why_size)
{
    noveum_pipeline_options options;
    noveum_pipeline *pipeline = NULL;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.settings = settings;
    (void)noveum_pipeline_open(&options, &pipeline, why, why_size);
    return pipeline;
}

static inline int noveum_direct_accept(void *stages, const void *bytes, size_t length,
                                       uint64_t *rejected)
{
    noveum_pipeline_receipt receipt;
    memset(&receipt, 0, sizeof receipt);
    receipt.size = sizeof receipt;
    noveum_pipeline_result result = noveum_pipeline_accept(
        (noveum_pipeline *)stages, NOVEUM_PIPELINE_TRACES, bytes, length, &receipt);
    *rejected = receipt.rejected;
    if (result == NOVEUM_PIPELINE_OK)
        return 0;
    return result == NOVEUM_PIPELINE_FULL || result == NOVEUM_PIPELINE_NO_MEMORY ? 1 : -1;
}

static inline uint64_t noveum_direct_tick(void *stages)
{
    return noveum_pipeline_tick((noveum_pipeline *)stages);
}

static inline void noveum_direct_finish(void *stages)
{
    (void)noveum_pipeline_finish((noveum_pipeline *)stages);
}

static inline int noveum_direct_pull(void *stages, noveum_stages_payload *payload)
{
    noveum_pipeline_payload pulled;
    if (noveum_pipeline_pull((noveum_pipeline *)stages, &pulled) != NOVEUM_PIPELINE_OK)
        return 0;
    payload->id = pulled.id;
    payload->json = pulled.json;
    payload->length = pulled.json_len;
    payload->spans = pulled.spans;
    return 1;
}

static inline void noveum_direct_settle(void *stages, const noveum_stages_payload *payload,
                                        int delivered)
{
    noveum_pipeline_payload pulled;
    memset(&pulled, 0, sizeof pulled);
    pulled.id = payload->id;
    pulled.json = payload->json;
    pulled.json_len = payload->length;
    pulled.spans = payload->spans;
    (void)noveum_pipeline_settle((noveum_pipeline *)stages, &pulled,
                                 delivered ? NOVEUM_PIPELINE_DELIVERED
                                           : NOVEUM_PIPELINE_REFUSED);
}

static inline uint64_t noveum_direct_left_out(void *stages)
{
    noveum_pipeline_status status;
    memset(&status, 0, sizeof status);
    status.size = sizeof status;
    (void)noveum_pipeline_read_status((noveum_pipeline *)stages, &status);
    return status.sampled + status.placeholders + status.untranslated + status.left_out;
}

static inline void noveum_direct_close(void *stages)
{
    noveum_pipeline_close((noveum_pipeline *)stages);
}

/* The stages of libnoveum, for the option `stages`: a constant. */
static inline const noveum_stages *noveum_direct(void)
{
    static const noveum_stages stages = {
        sizeof stages,        noveum_direct_open,     noveum_direct_accept,
        noveum_direct_tick,   noveum_direct_finish,   noveum_direct_pull,
        noveum_direct_settle, noveum_direct_left_out, noveum_direct_close};
    return &stages;
}

#ifdef __cplusplus
}
#endif

#endif
