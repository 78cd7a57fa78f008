/*
 * The endpoint and the rest of the exporter's configuration, checked before anything starts.
 *
 * The rules are the SDK's (docs/noveum-backend.md#sdk-configuration): http or https, no
 * credentials in the URL, plain http only to this machine unless it is allowed. Some old
 * documents name the full /v1/traces URL; both forms are accepted, because the doubled path is
 * a 404 that people lose hours on. The parse is strict on purpose and does not follow RFC 3986
 * into its corners: a URL that needs them is more likely a mistake than an endpoint.
 *
 *   https://api.noveum.ai/api                  as in the SDK's documents
 *   https://api.noveum.ai/api/                 people add it
 *   https://api.noveum.ai/api/v1/traces        some documents name it
 *     all are {base} = https://api.noveum.ai/api
 *     {base}/v1/traces  {base}/v1/status  {base}/v1/image  {base}/v1/audio
 *
 * Every refusal names the option, not the part of the URL's grammar that was broken: who reads
 * it has a file or an environment to mend.
 */
#include "exporter/send/endpoint.h"

#include "exporter/encode/compress.h"
#include "exporter/send/authorities.h"
#include "exporter/send/packing.h"

#include <assert.h>
#include <stdio.h>

#include "base/banned.h"

#define REFUSE(fail, ...) nv_fail_set((fail), NV_ERR_CONFIG, 0, __VA_ARGS__)

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* No `?`, `#`, blank or quote: behind a query or a fragment the route that is added would be a
 * part of it. */
static bool safe_characters(struct nv_str s)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-._~:/[]%+,=";

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\0' || !strchr(safe, s.ptr[i]))
            return false;
    }
    return true;
}

/* All of 127/8, and digits to the end: 127.example.org is somebody else's name. */
static bool dotted_loopback(struct nv_str host)
{
    if (!nv_str_starts(host, NV_STR("127.")))
        return false;
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9'))
            return false;
    }
    return true;
}

static bool is_loopback(struct nv_str host)
{
    return nv_str_ieq(host, NV_STR("localhost")) || nv_str_eq(host, NV_STR("[::1]")) ||
           dotted_loopback(host);
}

/* host[:port] in `authority`; the host alone goes to `host`. */
static enum nv_err split_host(struct nv_str authority, struct nv_str *host,
                              struct nv_fail *fail)
{
    size_t end = authority.len;
    uint64_t port = 0;

    if (authority.len > 0 && authority.ptr[0] == '[') {
        end = nv_str_find_char(authority, ']');
        if (end == SIZE_MAX)
            return REFUSE(fail, "exporter.noveum.endpoint: the IPv6 address lacks its ']'");
        end++;
    } else if (nv_str_find_char(authority, ':') != SIZE_MAX) {
        end = nv_str_find_char(authority, ':');
    }
    *host = nv_str_slice(authority, 0, end);
    if (host->len == 0)
        return REFUSE(fail, "exporter.noveum.endpoint: there is no host in it");
    if (end == authority.len)
        return NV_OK;
    if (authority.ptr[end] != ':' ||
        nv_str_to_uint64(nv_str_slice(authority, end + 1, SIZE_MAX), &port) != NV_OK ||
        port == 0 || port > 65535) {
        return REFUSE(fail,
                      "exporter.noveum.endpoint: the port must be a number from 1 to 65535");
    }
    return NV_OK;
}

/* One route is taken off, not two: a base that ends in it twice is refused by the backend and
 * seen, and guessing further would hide which address is used. */
static struct nv_str without_route(struct nv_str url)
{
    static const struct nv_str route = NV_STR_INIT("/v1/traces");

    while (nv_str_ends(url, NV_STR("/")))
        url.len--;
    if (nv_str_ends(url, route))
        url.len -= route.len;
    while (nv_str_ends(url, NV_STR("/")))
        url.len--;
    return url;
}

/* Credentials are looked for before other stray characters, so that they are told as what they
 * are. The length leaves room for the longest route. */
enum nv_err nv_endpoint_parse(struct nv_str text, struct nv_endpoint *out, struct nv_fail *fail)
{
    struct nv_str rest = text;
    struct nv_str host = {0};
    struct nv_str base;
    size_t scheme = nv_str_find(text, NV_STR("://"));
    enum nv_err err;

    *out = (struct nv_endpoint){0};
    out->tls = scheme == 5 && nv_str_ieq(nv_str_slice(text, 0, 5), NV_STR("https"));
    if (!out->tls && !(scheme == 4 && nv_str_ieq(nv_str_slice(text, 0, 4), NV_STR("http"))))
        return REFUSE(fail, "exporter.noveum.endpoint must begin with https:// (or http://)");
    if (nv_str_find_char(text, '@') != SIZE_MAX)
        return REFUSE(fail, "exporter.noveum.endpoint must hold no credentials; use api_key");
    if (!safe_characters(text)) {
        return REFUSE(fail,
                      "exporter.noveum.endpoint: query, fragment or a stray character in it");
    }
    if (text.len > NV_ENDPOINT_URL_MAX - 32) {
        return REFUSE(fail, "exporter.noveum.endpoint is longer than %d bytes",
                      NV_ENDPOINT_URL_MAX - 32);
    }
    rest = nv_str_slice(text, scheme + 3, SIZE_MAX);
    err = split_host(nv_str_slice(rest, 0, nv_str_find_char(rest, '/')), &host, fail);
    if (err != NV_OK)
        return err;
    out->loopback = is_loopback(host);
    base = without_route(text);
    (void)snprintf(out->traces_url, sizeof out->traces_url, "%.*s/v1/traces", NV_STR_ARG(base));
    (void)snprintf(out->status_url, sizeof out->status_url, "%.*s/v1/status", NV_STR_ARG(base));
    (void)snprintf(out->image_url, sizeof out->image_url, "%.*s/v1/image", NV_STR_ARG(base));
    (void)snprintf(out->audio_url, sizeof out->audio_url, "%.*s/v1/audio", NV_STR_ARG(base));
    (void)snprintf(out->metrics_url, sizeof out->metrics_url, "%.*s/v1/metrics",
                   NV_STR_ARG(base));
    assert(strlen(out->traces_url) < sizeof out->traces_url - 1);
    return NV_OK;
}

void nv_exporter_config_init(struct nv_exporter_config *config)
{
    *config = (struct nv_exporter_config){
        .tls_verify = true,
        .compression = NV_COMPRESSION_AUTO,
        .compression_level = NV_GZIP_LEVEL,
        .trace_id_form = NV_TRACE_ID_UUID,
        .timeout_ms = 30000,
        .connect_timeout_ms = 10000,
        .max_in_flight = 4,
        .batch_traces = 100,
        .batch_ms = 1000,
        .max_body_bytes = (size_t)4 << 20,
        /* Memory: the queue for a burst that the backend takes in seconds, the spill at half of
         * it so that an outage leaves room for what is on its way. */
        .queue_bytes_max = (size_t)64 << 20,
        .max_trace_bytes = (size_t)16 << 20,
        .queue_traces_max = 200000,
        .spill_bytes = (size_t)32 << 20,
        .spill_age_ms = 30000,

        /* Retries and pauses as docs/noveum-backend.md#answers asks; drain: see
         * NV_SENDER_DRAIN_COST. */
        .retry_initial_ms = 500,
        .retry_max_ms = 5000,
        .retry_after_max_ms = 300000,
        .credit_pause_ms = 300000,
        .credit_pause_max_ms = 3600000,
        .probe_ms = 60000,
        .identity_ms = 600000,
        .drain_requests_per_s = 10,
        .media_wait_ms = 10000,
    };
}

/* A blank at the end of a key that was pasted is the most common mistake; a header would carry
 * it and the backend answer 401. The key is not quoted. */
static enum nv_err check_key(const char *key, struct nv_fail *fail)
{
    if (or_empty(key)[0] == '\0') {
        return REFUSE(fail,
                      "exporter.noveum.api_key is missing: set NOVEUM_API_KEY, or leave the "
                      "endpoint unset for local mode");
    }
    for (const char *c = key; *c != '\0'; c++) {
        if (*c <= 0x20 || *c > 0x7e) {
            return REFUSE(fail,
                          "exporter.noveum.api_key holds a blank or a character that can't "
                          "stand in a header");
        }
    }
    return NV_OK;
}

static enum nv_err check_certificates(const struct nv_exporter_config *config,
                                      struct nv_fail *fail)
{
    struct nv_authorities *authorities = NULL;
    enum nv_err err =
        nv_authorities_new(config->ca_files, config->ca_file_count, fail, &authorities);

    nv_authorities_free(authorities);
    if (err != NV_OK || or_empty(config->client_cert_file)[0] == '\0')
        return err;
    return nv_authorities_check_pair(config->client_cert_file,
                                     or_empty(config->client_key_file),
                                     config->client_key_password, fail);
}

/* A key over plain http, or to whoever shows a certificate, is a key given away. Both need the
 * same word, which nobody sets by accident; only this machine is free of it. */
static enum nv_err check_backend(const struct nv_exporter_config *config, struct nv_fail *fail)
{
    struct nv_endpoint endpoint;
    enum nv_err err = nv_endpoint_parse(nv_str_from(config->endpoint), &endpoint, fail);

    if (err != NV_OK)
        return err;
    if (!endpoint.tls && !endpoint.loopback && !config->allow_insecure_transport) {
        return REFUSE(fail, "exporter.noveum.endpoint is plain http: use https, or set "
                            "exporter.noveum.allow_insecure_transport");
    }
    if (!config->tls_verify && !config->allow_insecure_transport) {
        return REFUSE(fail, "exporter.noveum.ssl_verify is off: that also needs "
                            "exporter.noveum.allow_insecure_transport");
    }
    err = check_key(config->api_key, fail);
    return err == NV_OK ? check_certificates(config, fail) : err;
}

/* Zero is refused: a time, a size or a number of none would stop the exporter without a word.
 * The row for which it means something adds one. */
static enum nv_err check_range(const char *key, uint64_t value, uint64_t max,
                               struct nv_fail *fail)
{
    if (value >= 1 && value <= max)
        return NV_OK;
    return REFUSE(fail, "exporter.%s must lie in 1..%llu", key, (unsigned long long)max);
}

static enum nv_err check_ranges(const struct nv_exporter_config *config, struct nv_fail *fail)
{
    const struct {
        const char *key;
        uint64_t value, max;
    } rows[] = {
        {"noveum.timeout_ms", config->timeout_ms, 3600000},
        {"noveum.connect_timeout_ms", config->connect_timeout_ms, 3600000},
        {"noveum.max_in_flight", config->max_in_flight, 64},
        {"noveum.compression_level", config->compression_level, NV_GZIP_LEVEL_MAX},
        /* 0 is a value here, too: the sender's own thread */
        {"noveum.compression_threads", config->compression_threads + UINT64_C(1),
         NV_PACKING_THREADS_MAX + 1},
        {"noveum.batch_traces", config->batch_traces, NV_EXPORTER_BATCH_TRACES_MAX},
        /* 0 is a value here: send at once */
        {"noveum.batch_ms", config->batch_ms + UINT64_C(1), 3600001},
        {"noveum.max_body_bytes", config->max_body_bytes, (uint64_t)1 << 30},
        {"noveum.queue_bytes", config->queue_bytes_max, UINT64_MAX},
        {"noveum.queue_traces", config->queue_traces_max, UINT32_MAX},
        {"noveum.spill_bytes", config->spill_bytes, config->queue_bytes_max},
        {"noveum.max_trace_bytes", config->max_trace_bytes, (uint64_t)1 << 30},
        {"noveum.retry_initial_ms", config->retry_initial_ms, 3600000},
        {"noveum.retry_max_ms", config->retry_max_ms, 3600000},
        {"noveum.probe_ms", config->probe_ms, 86400000},
        {"noveum.credit_pause_ms", config->credit_pause_ms, 86400000},
        {"noveum.retry_after_max_ms", config->retry_after_max_ms, 86400000},
        {"noveum.credit_pause_max_ms", config->credit_pause_max_ms, 86400000},
        {"noveum.identity_ms", config->identity_ms, 86400000},
        {"noveum.drain_requests_per_s", config->drain_requests_per_s, 10000},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (check_range(rows[i].key, rows[i].value, rows[i].max, fail) != NV_OK)
            return NV_ERR_CONFIG;
    }
    return NV_OK;
}

enum nv_err nv_exporter_check(const struct nv_exporter_config *config, struct nv_fail *fail)
{
    bool backend = or_empty(config->endpoint)[0] != '\0';

    if (!backend && or_empty(config->file_directory)[0] == '\0') {
        return REFUSE(fail, "nowhere to send to: set exporter.noveum.api_key and endpoint, or "
                            "exporter.file.directory");
    }
    enum nv_err err = backend ? check_backend(config, fail) : NV_OK;
    if (err != NV_OK)
        return err;
    return check_ranges(config, fail);
}

const char *nv_endpoint_url(const struct nv_endpoint *endpoint, enum nv_route route)
{
    switch (route) {
    case NV_ROUTE_STATUS:
        return endpoint->status_url;
    case NV_ROUTE_IMAGE:
        return endpoint->image_url;
    case NV_ROUTE_AUDIO:
        return endpoint->audio_url;
    case NV_ROUTE_METRICS:
        return endpoint->metrics_url;
    default:
        return endpoint->traces_url;
    }
}
