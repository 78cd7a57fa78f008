/*
 * The gateway's own metrics and spans, sent to an OTLP endpoint (telemetry.*): off unless an
 * endpoint is set, and then without a thread, a lock or a byte.
 *
 *   /metrics ──text──▶ own_metrics ─┐
 *                                   ├─▶ shipment ──▶ transport of exporter/send ──▶ endpoint
 *   stages ──▶ own_traces ──spans───┘
 *
 * One thread ("telemetry"). Nothing waits for it: what can't be sent is counted
 * (noveum_telemetry_...) and logged folded. No telemetry is made about its sending.
 */
#ifndef NV_GATEWAY_TELEMETRY_TELEMETRY_H
#define NV_GATEWAY_TELEMETRY_TELEMETRY_H

#include "base/clock.h"
#include "gateway/config/options.h"

struct nv_telemetry;
struct nv_own_traces; /* gateway/telemetry/own_traces.h */

/* All borrowed for the life of the telemetry. */
struct nv_telemetry_config {
    const struct nv_options *options;
    const struct nv_clock *clock;
    /* Appends the text of /metrics; on the telemetry's thread. Errors: the buffer's. */
    enum nv_err (*read_metrics)(void *ctx, struct nv_buf *text);
    void *ctx;
};

/*
 * New, not started; *out is NULL when no endpoint is set. NV_ERR_CONFIG with `fail` (endpoint,
 * certificates), NV_ERR_NO_MEMORY, NV_ERR_IO.
 */
enum nv_err nv_telemetry_new(const struct nv_telemetry_config *config, struct nv_fail *fail,
                             struct nv_telemetry **out) NV_MUST_USE;
/* Starts the thread, which sends metrics at once and then every interval. NV_ERR_NO_MEMORY,
 * NV_ERR_IO. NULL is allowed: NV_OK. */
enum nv_err nv_telemetry_start(struct nv_telemetry *telemetry) NV_MUST_USE;
/* Sends what there is a last time, within `wait_ms`, and ends the thread. NULL, and one that
 * was not started, are allowed. */
void nv_telemetry_stop(struct nv_telemetry *telemetry, uint64_t wait_ms);
/* Where traces are to be noted for spans, borrowed; NULL: nowhere (`telemetry` may be NULL). */
struct nv_own_traces *nv_telemetry_traces(const struct nv_telemetry *telemetry);
/* Frees one that was stopped or never started. NULL is allowed. */
void nv_telemetry_free(struct nv_telemetry *telemetry);

#endif
