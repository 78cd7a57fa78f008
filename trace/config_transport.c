/*
 * Endpoint, headers, TLS and compression.
 *
 * What is meant for an OTLP receiver is not read when spans go to Noveum, and the other way
 * round: each has secrets that are none of the other's.
 */
#include "trace/config_transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/banned.h"

#define DEFAULT_ENDPOINT "http://localhost:4318"
#define DIRECT_ENDPOINT "https://api.noveum.ai/api"
#define TRACES_PATH "/v1/traces"

/* A text of two pieces and its NUL; `what` it is, for who is refused. */
static void add_line(struct nv_trace_reading *reading, struct nv_buf *lines, const char *what,
                     const char *start, const char *end)
{
    (void)nv_buf_printf(lines, "%s%s", start, end);
    nv_trace_refuse_failed(reading, what, nv_buf_append_char(lines, '\0'));
}

/* A line end in a header would begin another one. */
static void add_header(void *ctx, const char *name, const char *value)
{
    struct nv_trace_reading *reading = ctx;
    struct nv_buf *headers = &reading->config->headers;
    if (name[strcspn(name, "\r\n: ")] != '\0' || value[strcspn(value, "\r\n")] != '\0') {
        nv_trace_refuse(reading, NOVEUM_INVALID, "headers", name);
        return;
    }
    (void)nv_buf_printf(headers, "%s: ", name);
    add_line(reading, headers, "headers", value, "");
}

static void add_bearer(struct nv_trace_reading *reading, const char *key)
{
    if (key[strcspn(key, "\r\n")] != '\0')
        nv_trace_refuse(reading, NOVEUM_INVALID, "api_key", "it has more than one line");
    else
        add_line(reading, &reading->config->headers, "api_key", "Authorization: Bearer ", key);
}

static bool ends_with(const char *text, const char *end)
{
    return nv_str_ends(nv_str_from(text), nv_str_from(end));
}

/* Without what stands before an @ and behind a question mark: both may be secrets. */
static void set_shown(struct nv_trace_reading *reading)
{
    const char *url = reading->config->endpoint;
    const char *host = strstr(url, "://") + 3;
    size_t authority = strcspn(host, "/?#");
    const char *login = memrchr(host, '@', authority);
    struct nv_buf buf;
    nv_buf_init(&buf, NV_TRACE_LIST_BYTES_MAX);
    (void)nv_buf_append(&buf, url, (size_t)(host - url));
    host = login ? login + 1 : host;
    (void)nv_buf_append(&buf, host, strcspn(host, "?#"));
    (void)nv_buf_append_char(&buf, '\0');
    nv_trace_refuse_failed(reading, "endpoint", buf.failed);
    if (buf.failed == NV_OK)
        (void)nv_buf_take(&buf, &reading->config->shown_endpoint);
    nv_buf_release(&buf);
}

/* `whole`: the variable for traces names the very URL; the general one, and the option, name a
 * base that the path is added to. A path that stands there already is not added twice. */
static void set_endpoint(struct nv_trace_reading *reading, const char *url, bool whole)
{
    struct nv_buf buf;
    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0) {
        nv_trace_refuse(reading, NOVEUM_INVALID, "endpoint is neither http:// nor https://",
                        strchr(url, '@') ? "(hidden)" : url);
        return;
    }
    nv_buf_init(&buf, NV_TRACE_LIST_BYTES_MAX);
    (void)nv_buf_append_str(&buf, nv_str_from(url));
    if (!whole && !ends_with(url, TRACES_PATH))
        (void)nv_buf_printf(&buf, "%s", &TRACES_PATH[ends_with(url, "/") ? 1 : 0]);
    (void)nv_buf_append_char(&buf, '\0');
    nv_trace_refuse_failed(reading, "endpoint", buf.failed);
    if (buf.failed == NV_OK)
        (void)nv_buf_take(&buf, &reading->config->endpoint);
    nv_buf_release(&buf);
    if (reading->config->endpoint)
        set_shown(reading);
}

/* Only what OpenTelemetry names, and of the file its switch. */
static void read_compression(struct nv_trace_reading *reading)
{
    const char *option = nv_trace_first_of(reading->options->compression, NULL, NULL);
    const char *word = option;
    if (!word && !reading->options->stages) {
        word = nv_trace_first_of(NULL, "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
                                 "OTEL_EXPORTER_OTLP_COMPRESSION");
    }
    bool file = nv_trace_is_true(nv_trace_from_file(reading, "transport.compression"));
    if (!word)
        word = file ? "gzip" : "none";
    reading->config->gzip = strcmp(word, "gzip") == 0;
    if (reading->config->gzip || strcmp(word, "none") == 0)
        return;
    if (option) {
        nv_trace_refuse(reading, NOVEUM_INVALID, "compression is neither gzip nor none",
                        option);
    } else {
        nv_trace_warn(reading, "OTEL_EXPORTER_OTLP_[TRACES_]COMPRESSION",
                      "neither gzip nor none; bodies are not compressed");
    }
}

/* ---- an OTLP receiver -------------------------------------------------------------------- */

static void read_endpoint(struct nv_trace_reading *reading)
{
    /* an empty option is none, as an empty variable is */
    const char *option = nv_trace_first_of(reading->options->endpoint, NULL, NULL);
    const char *whole = nv_trace_environment("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    const char *base = nv_trace_environment("OTEL_EXPORTER_OTLP_ENDPOINT");
    if (option)
        set_endpoint(reading, option, false);
    else if (whole)
        set_endpoint(reading, whole, true);
    else
        set_endpoint(reading, base ? base : DEFAULT_ENDPOINT, false);
}

static void check_protocol(struct nv_trace_reading *reading)
{
    const char *told = nv_trace_first_of(NULL, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
                                         "OTEL_EXPORTER_OTLP_PROTOCOL");
    if (told && strcmp(told, "http/protobuf") != 0) {
        nv_trace_warn(reading, "OTEL_EXPORTER_OTLP_[TRACES_]PROTOCOL",
                      "this library speaks http/protobuf alone (port 4318), and does so");
    }
}

static void read_receiver(struct nv_trace_reading *reading)
{
    const noveum_options *options = reading->options;
    struct nv_trace_config *config = reading->config;
    read_endpoint(reading);
    check_protocol(reading);
    const char *ca_file =
        nv_trace_first_of(options->ca_file, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
                          "OTEL_EXPORTER_OTLP_CERTIFICATE");
    nv_trace_keep_text(reading, &config->ca_file,
                       ca_file ? ca_file : nv_trace_from_file(reading, "transport.ca_bundle"));
    nv_trace_keep_text(reading, &config->client_certificate,
                       nv_trace_first_of(options->client_certificate,
                                         "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
                                         "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"));
    nv_trace_keep_text(reading, &config->client_key,
                       nv_trace_first_of(options->client_key,
                                         "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
                                         "OTEL_EXPORTER_OTLP_CLIENT_KEY"));
    nv_trace_read_list(reading, "headers",
                       nv_trace_first_of(options->headers, "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
                                         "OTEL_EXPORTER_OTLP_HEADERS"),
                       add_header);
}

/* ---- Noveum's API ------------------------------------------------------------------------ */

/* By name, since what a name leads to is looked up only when it is connected to. */
static bool is_this_host(const char *url)
{
    static const char *const hosts[] = {"http://localhost", "http://127.0.0.1", "http://[::1]"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        size_t len = strlen(hosts[i]);
        if (strncasecmp(url, hosts[i], len) == 0 && strchr(":/", url[len]))
            return true;
    }
    return false;
}

/* A key does not go over a network in the clear unless somebody wants it. */
static void check_direct_endpoint(struct nv_trace_reading *reading, const char *url)
{
    const char *unsafe = nv_trace_environment("NOVEUM_ALLOW_INSECURE_TRANSPORT");
    if (!unsafe)
        unsafe = nv_trace_from_file(reading, "transport.allow_insecure_transport");
    if (strchr(url, '@'))
        nv_trace_refuse(reading, NOVEUM_INVALID, "endpoint", "may hold no login");
    else if (strncasecmp(url, "http://", 7) == 0 && !is_this_host(url) &&
             !nv_trace_is_true(unsafe))
        nv_trace_refuse(reading, NOVEUM_INVALID, "the key would go over plain http", url);
}

static void read_direct_endpoint(struct nv_trace_reading *reading)
{
    const char *url = nv_trace_first_of(reading->options->endpoint, "NOVEUM_ENDPOINT", NULL);
    if (!url)
        url = nv_trace_from_file(reading, "endpoint");
    if (!url)
        url = nv_trace_from_file(reading, "transport.endpoint");
    set_endpoint(reading, url ? url : DIRECT_ENDPOINT, false);
    if (reading->config->endpoint)
        check_direct_endpoint(reading, reading->config->endpoint);
}

const char *nv_trace_api_key(const struct nv_trace_reading *reading)
{
    const char *key = nv_trace_first_of(reading->options->api_key, "NOVEUM_API_KEY", NULL);
    return key ? key : nv_trace_from_file(reading, "api_key");
}

static void add_setting(struct nv_trace_reading *reading, const char *key, const char *value)
{
    add_line(reading, &reading->config->settings, "settings", key, value);
}

/* What names the program; the caller's own come last and win. A journal would bring spans back
 * in another process, which has not counted them. */
static void read_settings(struct nv_trace_reading *reading)
{
    static const char *const rows[][3] = {
        {"exporter.noveum.project=", "NOVEUM_PROJECT", "project"},
        {"exporter.noveum.environment=", "NOVEUM_ENVIRONMENT", "environment"},
        {"exporter.noveum.service_version=", "NOVEUM_SERVICE_VERSION", "service_version"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *value = nv_trace_environment(rows[i][1]);
        value = value ? value : nv_trace_from_file(reading, rows[i][2]);
        if (value)
            add_setting(reading, rows[i][0], value);
    }
    const char *const *setting = reading->options->settings;
    for (; setting && *setting; setting++) {
        if (nv_str_starts(nv_str_from(*setting), NV_STR("journal.")))
            nv_trace_refuse(reading, NOVEUM_INVALID, "settings", "journal.* is the gateway's");
        else
            add_setting(reading, *setting, "");
    }
}

static void read_direct(struct nv_trace_reading *reading)
{
    const noveum_options *options = reading->options;
    struct nv_trace_config *config = reading->config;
    const char *key = nv_trace_api_key(reading);
    const char *ca_file = nv_trace_first_of(options->ca_file, "NOVEUM_CA_BUNDLE", NULL);
    config->stages = options->stages;
    if (options->stages->size < sizeof *options->stages)
        nv_trace_refuse(reading, NOVEUM_INVALID, "stages", "size is not set");
    if (!key)
        nv_trace_refuse(reading, NOVEUM_INVALID, "api_key", "there is none");
    else
        add_bearer(reading, key);
    read_direct_endpoint(reading);
    nv_trace_keep_text(reading, &config->ca_file,
                       ca_file ? ca_file : nv_trace_from_file(reading, "transport.ca_bundle"));
    nv_trace_read_list(reading, "headers", options->headers, add_header);
    read_settings(reading);
}

/* ---- both -------------------------------------------------------------------------------- */

/* A library that many programs link must do nothing unless somebody asked for it: an endpoint,
 * by option or by variable, is the asking; with stages a key, which may stand in the file.
 * OTEL_SDK_DISABLED is stronger than all of it, since it is how an operator silences a program
 * that he can't change. */
bool nv_trace_is_wanted(const noveum_options *options)
{
    if (options->enabled == NOVEUM_NEVER || nv_trace_says("OTEL_SDK_DISABLED", "true"))
        return false;
    if (options->enabled == NOVEUM_ON)
        return true;
    if (!options->stages && nv_trace_first_of(options->endpoint, NULL, NULL))
        return true;
    return !nv_trace_says("OTEL_TRACES_EXPORTER", "none") &&
           (options->stages || nv_trace_first_of(NULL, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                                                 "OTEL_EXPORTER_OTLP_ENDPOINT"));
}

void nv_trace_read_transport(struct nv_trace_reading *reading)
{
    read_compression(reading);
    if (reading->options->stages)
        read_direct(reading);
    else
        read_receiver(reading);
}
