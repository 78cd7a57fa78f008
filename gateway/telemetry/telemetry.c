/*
 * The thread that sends the gateway's own telemetry.
 *
 *   step: due?           ─▶ metrics: text ─▶ body ─▶ send     every interval, the first at once
 *         due, half full ─▶ spans: taken   ─▶ body ─▶ send
 *         stopping?      ─▶ each once more, then the end, or the deadline
 *
 * The transport is the exporter's: TLS, timeouts and caps of replies are the same, and so is
 * what it refuses (redirects, other schemes). It has its own loop, connections and thread, so
 * that an endpoint that hangs holds up nothing that is delivered.
 */
#include "gateway/telemetry/telemetry.h"

#include "base/limits.h"
#include "base/log/log.h"
#include "base/text/mask.h"
#include "exporter/send/config.h"
#include "exporter/send/send_thread.h"
#include "gateway/telemetry/own_metrics.h"
#include "gateway/telemetry/own_resource.h"
#include "gateway/telemetry/own_traces.h"
#include "gateway/telemetry/shipment.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

struct nv_telemetry {
    struct nv_telemetry_config config;
    char instance[NV_OWN_INSTANCE_BYTES];
    uint64_t start_wall_ns;
    struct nv_exporter_config sends; /* borrowed by the thread */
    struct nv_send_thread *thread;
    bool started;
    _Atomic uint64_t stop_at_ns; /* monotonic; 0: it runs */
    struct nv_buf text;
    struct nv_shipment metrics;
    struct nv_own_traces *traces; /* NULL: no spans */
    struct nv_shipment spans;
    uint64_t due_ns;
    bool said_last; /* the last metrics are on their way, or failed */
    size_t header_count;
    char *headers[]; /* "name: value" */
};

/* ---- metrics ----------------------------------------------------------------------------- */

/* Wall clocks are set while we run: points must not be before the start. */
static struct nv_own_times times_of(const struct nv_telemetry *telemetry)
{
    uint64_t now_ns = nv_clock_wall_ns(telemetry->config.clock);
    uint64_t start_ns = telemetry->start_wall_ns;
    return (struct nv_own_times){start_ns, now_ns > start_ns ? now_ns : start_ns + 1};
}

static enum nv_err make_metrics(struct nv_telemetry *telemetry, struct nv_buf *body)
{
    struct nv_own_request request;
    struct nv_own_times times = times_of(telemetry);
    nv_buf_clear(&telemetry->text);
    enum nv_err err = telemetry->config.read_metrics(telemetry->config.ctx, &telemetry->text);
    if (err != NV_OK)
        return err;
    nv_mask_buf(&telemetry->text);
    nv_own_request_begin(body, telemetry->instance, &request);
    err = nv_own_metrics_write(nv_buf_str(&telemetry->text), &times, body);
    return err == NV_OK ? nv_own_request_end(body, &request) : err;
}

static void send_metrics(struct nv_telemetry *telemetry)
{
    struct nv_shipment *metrics = &telemetry->metrics;
    if (metrics->flying || nv_clock_mono_ns(telemetry->config.clock) < metrics->not_before_ns)
        return;
    nv_buf_clear(&metrics->body);
    enum nv_err err = make_metrics(telemetry, &metrics->body);
    if (err == NV_OK) {
        nv_shipment_send(metrics);
    } else {
        NV_LOG(NV_LOG_WARN, "telemetry", "metrics can't be written: %s",
               nv_err_info(err)->text);
        nv_buf_clear(&metrics->body);
    }
}

/* ---- spans ------------------------------------------------------------------------------- */

/* What waits to be tried again goes before what has ended since. */
static void send_spans(struct nv_telemetry *telemetry)
{
    struct nv_shipment *spans = &telemetry->spans;
    if (!telemetry->traces || spans->flying)
        return;
    if (spans->body.len == 0)
        spans->spans = nv_own_traces_take(telemetry->traces, telemetry->instance, &spans->body);
    nv_shipment_send(spans);
}

/* Between the intervals: what is to be tried again, and what would soon be lost. Returns when
 * it wants to be asked again. */
static uint64_t look_at_spans(struct nv_telemetry *telemetry, uint64_t now_ns)
{
    const struct nv_shipment *spans = &telemetry->spans;
    if (!telemetry->traces)
        return UINT64_MAX;
    if (spans->body.len > 0 || nv_own_traces_is_full(telemetry->traces))
        send_spans(telemetry);
    bool waits = spans->body.len > 0 && !spans->flying && spans->not_before_ns > now_ns;
    return waits ? spans->not_before_ns : UINT64_MAX;
}

static void wake(void *ctx)
{
    const struct nv_telemetry *telemetry = ctx;
    nv_send_thread_wake(telemetry->thread);
}

struct nv_own_traces *nv_telemetry_traces(const struct nv_telemetry *telemetry)
{
    return telemetry ? telemetry->traces : NULL;
}

/* ---- the thread -------------------------------------------------------------------------- */

static uint64_t end_step(struct nv_telemetry *telemetry, uint64_t now_ns, uint64_t stop_at_ns,
                         bool *finished)
{
    if (!telemetry->said_last && !telemetry->metrics.flying && !telemetry->spans.flying) {
        telemetry->said_last = true;
        telemetry->metrics.not_before_ns = 0;
        telemetry->spans.not_before_ns = 0;
        send_metrics(telemetry);
    }
    send_spans(telemetry);
    if ((telemetry->metrics.flying || telemetry->spans.flying) && now_ns < stop_at_ns)
        return stop_at_ns - now_ns;
    const struct nv_transport *transport = telemetry->metrics.transport;
    transport->cancel_all(transport->ctx);
    *finished = true;
    return UINT64_MAX;
}

static uint64_t step(void *ctx, bool *finished)
{
    struct nv_telemetry *telemetry = ctx;
    uint64_t now_ns = nv_clock_mono_ns(telemetry->config.clock);
    uint64_t interval_ns = telemetry->config.options->telemetry_interval_ms * NV_NS_PER_MS;
    uint64_t stop_at_ns = atomic_load(&telemetry->stop_at_ns);
    if (stop_at_ns != 0)
        return end_step(telemetry, now_ns, stop_at_ns, finished);
    if (now_ns >= telemetry->due_ns) {
        telemetry->due_ns = now_ns + interval_ns;
        send_metrics(telemetry);
        send_spans(telemetry);
    }
    uint64_t again_ns = look_at_spans(telemetry, now_ns);
    return (again_ns < telemetry->due_ns ? again_ns : telemetry->due_ns) - now_ns;
}

/* ---- life -------------------------------------------------------------------------------- */

/* Options have "name=value". */
static bool copy_headers(struct nv_telemetry *telemetry, const struct nv_text_list *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct nv_str entry = nv_str_from(from->items[i]);
        size_t equals = nv_str_find_char(entry, '=');
        char *line = malloc(entry.len + 2);
        if (!line)
            return false;
        memcpy(line, entry.ptr, equals);
        memcpy(line + equals, ": ", 2);
        memcpy(line + equals + 2, entry.ptr + equals + 1, entry.len - equals);
        telemetry->headers[telemetry->header_count++] = line;
    }
    return true;
}

/* What transport and thread are told; the rest of the exporter's configuration means nothing
 * here. */
static void configure(const struct nv_telemetry *telemetry, struct nv_exporter_config *out)
{
    const struct nv_options *options = telemetry->config.options;
    nv_exporter_config_init(out);
    out->endpoint = options->telemetry_otlp_endpoint;
    out->headers = (const char *const *)telemetry->headers;
    out->header_count = telemetry->header_count;
    out->content_type = "application/x-protobuf";
    out->ca_bundle_file = options->telemetry_otlp_ca_bundle;
    out->client_cert_file = options->telemetry_otlp_client_cert_file;
    out->client_key_file = options->telemetry_otlp_client_key_file;
    out->timeout_ms = (uint32_t)options->telemetry_otlp_timeout_ms;
    out->max_in_flight = 2; /* metrics and spans */
}

static enum nv_err open_thread(struct nv_telemetry *telemetry, struct nv_fail *fail)
{
    struct nv_endpoint endpoint;
    const struct nv_send_work work = {step, telemetry, "telemetry"};
    configure(telemetry, &telemetry->sends);
    struct nv_str base = nv_str_from(telemetry->sends.endpoint);
    /* people copy the address of one signal */
    if (nv_str_ends(base, NV_STR("/v1/metrics")))
        base.len -= sizeof "/v1/metrics" - 1;
    if (nv_endpoint_parse(base, &endpoint, NULL) != NV_OK) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "telemetry.otlp.endpoint: no address that the gateway can use, such "
                           "as http://127.0.0.1:4318");
    }
    telemetry->thread =
        nv_send_thread_new(&telemetry->sends, &endpoint, &work, telemetry->config.clock, fail);
    if (!telemetry->thread)
        return fail->code != NV_OK ? fail->code : NV_ERR_NO_MEMORY;
    telemetry->metrics.transport = nv_send_thread_transport(telemetry->thread);
    telemetry->spans.transport = telemetry->metrics.transport;
    return NV_OK;
}

static bool make_parts(struct nv_telemetry *telemetry)
{
    const struct nv_options *options = telemetry->config.options;
    const struct nv_own_wake on_full = {.call = wake, .ctx = telemetry};
    telemetry->metrics = (struct nv_shipment){
        .signal = "metrics", .route = NV_ROUTE_METRICS, .clock = telemetry->config.clock};
    telemetry->spans = (struct nv_shipment){
        .signal = "traces", .route = NV_ROUTE_TRACES, .clock = telemetry->config.clock};
    nv_buf_init(&telemetry->text, NV_CAP_METRICS);
    nv_buf_init(&telemetry->metrics.body, NV_CAP_TELEMETRY_METRICS);
    nv_buf_init(&telemetry->spans.body, NV_CAP_TELEMETRY_SPANS);
    if (options->telemetry_sampling_rate > 0) {
        telemetry->traces = nv_own_traces_new(telemetry->config.clock, on_full);
        if (!telemetry->traces)
            return false;
    }
    return copy_headers(telemetry, &options->telemetry_otlp_headers);
}

enum nv_err nv_telemetry_new(const struct nv_telemetry_config *config, struct nv_fail *fail,
                             struct nv_telemetry **out)
{
    const struct nv_text_list *headers = &config->options->telemetry_otlp_headers;
    *out = NULL;
    if (!config->options->telemetry_otlp_endpoint)
        return NV_OK;
    struct nv_telemetry *telemetry =
        calloc(1, sizeof *telemetry + headers->count * sizeof telemetry->headers[0]);
    if (!telemetry)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    telemetry->config = *config;
    telemetry->start_wall_ns = nv_clock_wall_ns(config->clock);
    nv_own_instance(telemetry->instance);
    enum nv_err err = NV_OK;
    if (!make_parts(telemetry))
        err = nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    if (err == NV_OK)
        err = open_thread(telemetry, fail);
    if (err != NV_OK) {
        nv_telemetry_free(telemetry);
        return err;
    }
    *out = telemetry;
    return NV_OK;
}

enum nv_err nv_telemetry_start(struct nv_telemetry *telemetry)
{
    if (!telemetry)
        return NV_OK;
    enum nv_err err = nv_send_thread_start(telemetry->thread);
    telemetry->started = err == NV_OK;
    if (err != NV_OK)
        return err;
    NV_LOG(NV_LOG_INFO, "telemetry", "own telemetry is sent to=%s interval_ms=%" PRIu64,
           telemetry->config.options->telemetry_otlp_endpoint,
           telemetry->config.options->telemetry_interval_ms);
    nv_send_thread_wake(telemetry->thread);
    return NV_OK;
}

void nv_telemetry_stop(struct nv_telemetry *telemetry, uint64_t wait_ms)
{
    if (!telemetry || !telemetry->started)
        return;
    atomic_store(&telemetry->stop_at_ns,
                 nv_clock_mono_ns(telemetry->config.clock) + wait_ms * NV_NS_PER_MS + 1);
    nv_send_thread_wake(telemetry->thread);
    nv_send_thread_join(telemetry->thread);
    telemetry->started = false;
}

void nv_telemetry_free(struct nv_telemetry *telemetry)
{
    if (!telemetry)
        return;
    assert(!telemetry->started);
    nv_send_thread_free(telemetry->thread);
    nv_buf_release(&telemetry->text);
    nv_buf_release(&telemetry->metrics.body);
    nv_buf_release(&telemetry->spans.body);
    nv_own_traces_free(telemetry->traces);
    for (size_t i = 0; i < telemetry->header_count; i++) {
        explicit_bzero(telemetry->headers[i], strlen(telemetry->headers[i]));
        free(telemetry->headers[i]);
    }
    free(telemetry);
}
