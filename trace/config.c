/*
 * Options and environment into one configuration.
 *
 * Every setting is a row of one of three tables: numbers, texts, and lists of key=value. A row
 * says the option's place and the variables in their order; an empty variable is none
 * (OpenTelemetry, "SDK environment variables"). A variable that can't be read is no reason to
 * stay off: the default is taken, as the specification asks, and the first of them is told; an
 * option that can't be used is a mistake of the program and refused.
 *
 *   option ─▶ it, else OTEL_..._TRACES_X ─▶ it, else OTEL_..._X, else the file, else the default
 *
 * The order is OpenTelemetry's: the more particular variable wins, and what the program says
 * wins over both. Resources alone are added up, because each source knows other things of the
 * process.
 *
 * Everything is read once and never changes: a configuration is shared by all threads without a
 * lock, and spans that were begun under it keep it until they are sent.
 */
#include "trace/config.h"

#include "base/limits.h"
#include "model/otlp_fields.h"
#include "trace/config_file.h"
#include "trace/config_list.h"
#include "trace/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/banned.h"

#define WHY_SIZE 200
/* A request holds at least one span, and is one buffer. */
#define SPAN_BYTES_MOST NV_CAP_MIB(64)
#define DEFAULT_ENDPOINT "http://localhost:4318"
#define TRACES_PATH "/v1/traces"

struct reading {
    const noveum_options *options; /* complete, zero where the caller's struct ended */
    struct nv_trace_file file;
    struct nv_trace_config *config;
    char *why;
    noveum_result result;
};

/* Read at the start only. getenv is not safe beside setenv, and a library can't know what other
 * threads do later. */
static const char *environment(const char *name)
{
    const char *value = name ? getenv(name) : NULL;
    return value && value[0] != '\0' ? value : NULL;
}

/* The words that the SDK takes. */
static bool is_true(const char *text)
{
    return text && (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0 ||
                    strcasecmp(text, "yes") == 0 || strcasecmp(text, "on") == 0);
}

static bool is_false(const char *text)
{
    return text && (strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0 ||
                    strcasecmp(text, "no") == 0 || strcasecmp(text, "off") == 0);
}

static const char *first_of(const char *option, const char *one, const char *two)
{
    if (option && option[0] != '\0')
        return option;
    const char *value = environment(one);
    return value ? value : environment(two);
}

/* The first trouble is told: what follows from it would only hide it. */
static void refuse(struct reading *reading, noveum_result result, const char *what,
                   const char *value)
{
    if (reading->result != NOVEUM_OK)
        return;
    reading->result = result;
    (void)snprintf(reading->why, WHY_SIZE, "%s: %.100s", what, value);
}

/* Likewise of what the program can't mend. No values: headers and the like are secrets. */
static void warn(struct reading *reading, const char *what, const char *why)
{
    char *warning = reading->config->warning;
    if (warning[0] == '\0')
        (void)snprintf(warning, sizeof reading->config->warning, "%s: %s", what, why);
}

static const char *from_file(const struct reading *reading, const char *key)
{
    return key ? nv_trace_file_get(&reading->file, key) : NULL;
}

static void set_text(struct reading *reading, char **to, const char *value)
{
    free(*to);
    *to = value ? strdup(value) : NULL;
    if (value && !*to)
        refuse(reading, NOVEUM_NO_MEMORY, "out of memory", "");
}

/* ---- numbers ----------------------------------------------------------------------------- */

/* `one` is asked before `two`, and then the file, which counts in seconds. A number below
 * `least` is one that can't be used, so it is as if it was not said; one above `most` was meant
 * to be large, so it becomes `most`. */
struct number_row {
    size_t option, config; /* option NO_OPTION: there is none */
    const char *one, *two, *file;
    uint32_t otherwise, least, most;
};

#define NO_OPTION SIZE_MAX
#define FIELD(name) offsetof(noveum_options, name), offsetof(struct nv_trace_config, name)
#define LIMIT(name) NO_OPTION, offsetof(struct nv_trace_config, name)

static const struct number_row numbers[] = {
    {FIELD(timeout_ms), "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT",
     "transport.timeout", 10000, 1, 3600000},
    {FIELD(delay_ms), "OTEL_BSP_SCHEDULE_DELAY", NULL, "transport.batch_timeout", 1000, 1,
     3600000},
    {FIELD(exit_ms), NULL, NULL, NULL, 2000, 1, 3600000},
    {FIELD(queue_spans), "OTEL_BSP_MAX_QUEUE_SIZE", NULL, NULL, 2048, 1, NV_TRACE_SPANS_MAX},
    {FIELD(open_spans), NULL, NULL, NULL, 4096, 1, NV_TRACE_SPANS_MAX},
    {FIELD(batch_spans), "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", NULL, NULL, 512, 1,
     NV_TRACE_SPANS_MAX},
    {FIELD(attributes_max), "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT",
     NULL, 128, 0, 65536},
    {FIELD(events_max), "OTEL_SPAN_EVENT_COUNT_LIMIT", NULL, NULL, 128, 0, 65536},
    {FIELD(links_max), "OTEL_SPAN_LINK_COUNT_LIMIT", NULL, NULL, 128, 0, 65536},
    {LIMIT(event_attributes_max), "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
     "OTEL_ATTRIBUTE_COUNT_LIMIT", NULL, 128, 0, 65536},
    {LIMIT(link_attributes_max), "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
     "OTEL_ATTRIBUTE_COUNT_LIMIT", NULL, 128, 0, 65536},
};

static bool parse_number(const char *text, uint64_t *out)
{
    return nv_str_to_uint64(nv_str_trim(nv_str_from(text)), out) == NV_OK;
}

/* Milliseconds of the file's seconds. */
static bool parse_seconds(const char *text, uint64_t *out)
{
    double seconds = 0;
    if (nv_str_to_double(nv_str_from(text), &seconds) != NV_OK ||
        !(seconds > 0 && seconds < UINT32_MAX))
        return false;
    *out = (uint64_t)(seconds * 1000);
    return true;
}

static uint64_t told_number(struct reading *reading, const struct number_row *row)
{
    uint64_t value = 0;
    const char *name = environment(row->one) ? row->one : row->two;
    const char *text = environment(name);
    if (text) {
        if (parse_number(text, &value) && value >= row->least)
            return value;
        warn(reading, name, "no number that can be used; the default is used");
        return row->otherwise;
    }
    text = from_file(reading, row->file);
    if (!text)
        return row->otherwise;
    if (parse_seconds(text, &value) && value >= row->least)
        return value;
    warn(reading, row->file, "no number of seconds; the default is used");
    return row->otherwise;
}

static void read_number(struct reading *reading, const struct number_row *row)
{
    uint32_t option = 0;
    /* by offset, and copied, so that one loop serves fields of two structs */
    if (row->option != NO_OPTION)
        memcpy(&option, (const char *)reading->options + row->option, sizeof option);
    uint64_t value = option > 0 ? option : told_number(reading, row);
    if (value > row->most)
        value = row->most;
    uint32_t number = (uint32_t)value;
    memcpy((char *)reading->config + row->config, &number, sizeof number);
}

/* size_t and not uint32_t, and of memory_max there is no variable in the specification: no
 * rows. */
static void read_sizes(struct reading *reading)
{
    struct nv_trace_config *config = reading->config;
    const noveum_options *options = reading->options;
    const char *text = first_of(NULL, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                                "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT");
    uint64_t value = 0;
    config->value_bytes_max = SIZE_MAX;
    if (options->value_bytes_max > 0) {
        config->value_bytes_max = options->value_bytes_max;
    } else if (text && parse_number(text, &value)) {
        config->value_bytes_max = (size_t)value;
    } else if (text) {
        warn(reading, "OTEL_[SPAN_]ATTRIBUTE_VALUE_LENGTH_LIMIT",
             "no number; there is no limit");
    }
    config->span_bytes_max =
        options->span_bytes_max > 0 ? options->span_bytes_max : NV_CAP_MIB(4);
    if (config->span_bytes_max > SPAN_BYTES_MOST)
        config->span_bytes_max = SPAN_BYTES_MOST;
    config->memory_max = options->memory_max > 0 ? options->memory_max : NV_CAP_MIB(64);
}

/* ---- lists ------------------------------------------------------------------------------- */

static void read_list(struct reading *reading, const char *list, nv_trace_pair *each)
{
    if (list && nv_trace_list_each(list, each, reading) != NV_OK)
        refuse(reading, NOVEUM_NO_MEMORY, "out of memory", "");
}

/* A line end in a header would begin another one. */
static void add_header(void *ctx, const char *name, const char *value)
{
    struct reading *reading = ctx;
    struct nv_buf *headers = &reading->config->headers;
    if (name[strcspn(name, "\r\n: ")] != '\0' || value[strcspn(value, "\r\n")] != '\0') {
        refuse(reading, NOVEUM_INVALID, "headers", name);
        return;
    }
    if (nv_buf_printf(headers, "%s: %s", name, value) != NV_OK ||
        nv_buf_append_char(headers, '\0') != NV_OK)
        refuse(reading, NOVEUM_NO_MEMORY, "out of memory", "");
}

/* The first to say a key keeps it. */
static void add_resource(void *ctx, const char *key, const char *value)
{
    struct reading *reading = ctx;
    struct nv_buf *resource = &reading->config->resource;
    noveum_attribute attribute = noveum_str(key, value);
    struct nv_trace_value made;
    size_t at, len;
    if (!nv_trace_value_make(&attribute, SIZE_MAX, &made) ||
        nv_trace_value_find(resource, made.key, &at, &len))
        return;
    if (nv_buf_reserve(resource, nv_trace_value_size(&made)) != NV_OK)
        refuse(reading, NOVEUM_NO_MEMORY, "out of memory", "");
    else
        nv_trace_value_put(resource, NV_OTLP_RESOURCE_ATTRIBUTES, &made);
}

static void add_if(struct reading *reading, const char *key, const char *value)
{
    if (value)
        add_resource(reading, key, value);
}

/* Last, so that each of them gives way to what was told. service.name must be there by the
 * specification, and this is the spelling that it asks for when nobody told one. */
static void add_process(struct reading *reading)
{
    char service[80];
    (void)snprintf(service, sizeof service, "unknown_service:%.60s",
                   program_invocation_short_name);
    add_resource(reading, "service.name", service);
    add_resource(reading, "telemetry.sdk.name", "noveum-trace");
    add_resource(reading, "telemetry.sdk.language", "c");
    add_resource(reading, "telemetry.sdk.version", NOVEUM_TRACE_VERSION);
}

static void read_resource(struct reading *reading)
{
    const noveum_options *options = reading->options;
    add_if(reading, "service.name", options->service_name);
    read_list(reading, options->resource, add_resource);
    add_if(reading, "service.name", environment("OTEL_SERVICE_NAME"));
    read_list(reading, environment("OTEL_RESOURCE_ATTRIBUTES"), add_resource);
    add_if(reading, "noveum.project", environment("NOVEUM_PROJECT"));
    add_if(reading, "deployment.environment.name", environment("NOVEUM_ENVIRONMENT"));
    add_if(reading, "service.version", environment("NOVEUM_SERVICE_VERSION"));
    add_if(reading, "noveum.project", from_file(reading, "project"));
    add_if(reading, "deployment.environment.name", from_file(reading, "environment"));
    add_if(reading, "service.version", from_file(reading, "service_version"));
    add_process(reading);
}

/* ---- where to ---------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    return nv_str_ends(nv_str_from(text), nv_str_from(end));
}

/* `whole`: the variable for traces names the very URL; the general one, and the option, name a
 * base that the path is added to. A path that stands there already is not added twice. */
static void set_endpoint(struct reading *reading, const char *url, bool whole)
{
    struct nv_buf buf;
    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0) {
        refuse(reading, NOVEUM_INVALID, "endpoint is neither http:// nor https://", url);
        return;
    }
    nv_buf_init(&buf, NV_TRACE_LIST_BYTES_MAX);
    (void)nv_buf_append_str(&buf, nv_str_from(url));
    if (!whole && !ends_with(url, TRACES_PATH))
        (void)nv_buf_printf(&buf, "%s", &TRACES_PATH[ends_with(url, "/") ? 1 : 0]);
    (void)nv_buf_append_char(&buf, '\0');
    if (buf.failed != NV_OK)
        refuse(reading, NOVEUM_NO_MEMORY, "out of memory for the endpoint", "");
    else
        (void)nv_buf_take(&buf, &reading->config->endpoint);
    nv_buf_release(&buf);
}

static void read_endpoint(struct reading *reading)
{
    /* an empty option is none, as an empty variable is */
    const char *option = first_of(reading->options->endpoint, NULL, NULL);
    const char *whole = environment("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    const char *base = environment("OTEL_EXPORTER_OTLP_ENDPOINT");
    if (option)
        set_endpoint(reading, option, false);
    else if (whole)
        set_endpoint(reading, whole, true);
    else
        set_endpoint(reading, base ? base : DEFAULT_ENDPOINT, false);
}

static void read_transport(struct reading *reading)
{
    const noveum_options *options = reading->options;
    struct nv_trace_config *config = reading->config;
    read_endpoint(reading);
    const char *ca_file = first_of(options->ca_file, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
                                   "OTEL_EXPORTER_OTLP_CERTIFICATE");
    set_text(reading, &config->ca_file,
             ca_file ? ca_file : from_file(reading, "transport.ca_bundle"));
    set_text(reading, &config->client_certificate,
             first_of(options->client_certificate,
                      "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
                      "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"));
    set_text(reading, &config->client_key,
             first_of(options->client_key, "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
                      "OTEL_EXPORTER_OTLP_CLIENT_KEY"));
    const char *headers = first_of(options->headers, "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
                                   "OTEL_EXPORTER_OTLP_HEADERS");
    read_list(reading, headers, add_header);
}

/* Only what OpenTelemetry names, and of the file its switch. */
static void read_compression(struct reading *reading)
{
    const char *option = first_of(reading->options->compression, NULL, NULL);
    const char *told = first_of(NULL, "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
                                "OTEL_EXPORTER_OTLP_COMPRESSION");
    const char *word = option ? option : told;
    if (!word)
        word = is_true(from_file(reading, "transport.compression")) ? "gzip" : "none";
    reading->config->gzip = strcmp(word, "gzip") == 0;
    if (reading->config->gzip || strcmp(word, "none") == 0)
        return;
    if (option) {
        refuse(reading, NOVEUM_INVALID, "compression is neither gzip nor none", option);
    } else {
        warn(reading, "OTEL_EXPORTER_OTLP_[TRACES_]COMPRESSION",
             "neither gzip nor none; bodies are not compressed");
    }
}

static void check_protocol(struct reading *reading)
{
    const char *told =
        first_of(NULL, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL");
    if (told && strcmp(told, "http/protobuf") != 0) {
        warn(reading, "OTEL_EXPORTER_OTLP_[TRACES_]PROTOCOL",
             "this library speaks http/protobuf alone (port 4318), and does so");
    }
}

/* ---- sampling and switches --------------------------------------------------------------- */

static const struct {
    const char *name;
    enum nv_trace_sampler sampler;
    bool parent_based;
} samplers[] = {
    {"always_on", NV_TRACE_SAMPLE_ALL, false},
    {"always_off", NV_TRACE_SAMPLE_NONE, false},
    {"traceidratio", NV_TRACE_SAMPLE_RATIO, false},
    {"parentbased_always_on", NV_TRACE_SAMPLE_ALL, true},
    {"parentbased_always_off", NV_TRACE_SAMPLE_NONE, true},
    {"parentbased_traceidratio", NV_TRACE_SAMPLE_RATIO, true},
};

static bool set_sampler(struct nv_trace_config *config, struct nv_str name, struct nv_str ratio)
{
    double number = 1;
    if (ratio.len > 0 &&
        (nv_str_to_double(ratio, &number) != NV_OK || !(number >= 0 && number <= 1)))
        return false;
    for (size_t i = 0; i < sizeof samplers / sizeof samplers[0]; i++) {
        if (!nv_str_eq(name, nv_str_from(samplers[i].name)))
            continue;
        config->sampler = samplers[i].sampler;
        config->parent_based = samplers[i].parent_based;
        /* 63 bits: 2^64 has no place in an uint64_t when the ratio is 1 */
        config->sample_below = (uint64_t)(number * (double)(UINT64_C(1) << 63));
        return true;
    }
    return false;
}

static void read_sampler(struct reading *reading)
{
    const char *option = reading->options->sampler;
    const char *name = environment("OTEL_TRACES_SAMPLER");
    /* the specification's default, parentbased_always_on; also for a name that it does not
     * have */
    reading->config->parent_based = true;
    if (option) {
        struct nv_str text = nv_str_from(option);
        size_t equals = nv_str_find_char(text, '=');
        struct nv_str ratio =
            equals == SIZE_MAX ? nv_str_from("") : nv_str_slice(text, equals + 1, text.len);
        if (!set_sampler(reading->config, nv_str_slice(text, 0, equals), ratio))
            refuse(reading, NOVEUM_INVALID, "sampler", option);
    } else if (name) {
        if (!set_sampler(reading->config, nv_str_from(name),
                         nv_str_from(environment("OTEL_TRACES_SAMPLER_ARG")))) {
            warn(reading, "OTEL_TRACES_SAMPLER[_ARG]",
                 "no sampler of OpenTelemetry, or no ratio; every trace is sent");
        }
    } else if (from_file(reading, "tracing.sample_rate")) {
        if (!set_sampler(reading->config, NV_STR("parentbased_traceidratio"),
                         nv_str_from(from_file(reading, "tracing.sample_rate"))))
            warn(reading, "tracing.sample_rate", "no number from 0 to 1; every trace is sent");
    }
}

static bool says(const char *variable, const char *word)
{
    const char *value = environment(variable);
    return value && strcasecmp(value, word) == 0;
}

/* A library that many programs link must do nothing unless somebody asked for it: an endpoint,
 * by option or by variable, is the asking. OTEL_SDK_DISABLED is stronger than all of it, since
 * it is how an operator silences a program that he can't change. */
static bool wanted(const noveum_options *options)
{
    if (options->enabled == NOVEUM_NEVER || says("OTEL_SDK_DISABLED", "true"))
        return false;
    if (options->enabled == NOVEUM_ON || first_of(options->endpoint, NULL, NULL))
        return true;
    return !says("OTEL_TRACES_EXPORTER", "none") &&
           first_of(NULL, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT");
}

static void read_hooks(struct reading *reading)
{
    const noveum_options *options = reading->options;
    struct nv_trace_config *config = reading->config;
    const char *variable = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
    config->content = !says(variable, "false") && !says(variable, "no_content");
    config->performance = options->performance != 0 || says("NOVEUM_PERFORMANCE", "true");
    config->redact = options->redact;
    config->before_send = options->before_send;
    config->log = options->log;
    config->user = options->user;
}

static void read_all(struct reading *reading)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        read_number(reading, &numbers[i]);
    read_sizes(reading);
    read_sampler(reading);
    read_hooks(reading);
    read_transport(reading);
    read_compression(reading);
    check_protocol(reading);
    read_resource(reading);
}

/* A file that the program names must be good; one that only lies there is told of. */
static void read_file(struct reading *reading)
{
    char why[NV_TRACE_FILE_WHY_SIZE];
    const char *path = first_of(reading->options->config_file, NULL, NULL);
    enum nv_err err = nv_trace_file_read(&reading->file, path, why);
    if (err == NV_ERR_NO_MEMORY)
        refuse(reading, NOVEUM_NO_MEMORY, "out of memory for the file", "");
    else if (err != NV_OK && path)
        refuse(reading, NOVEUM_INVALID, "config_file", why);
    else if (err != NV_OK)
        warn(reading, "not used", why);
    if (err != NV_OK)
        nv_buf_clear(&reading->file.pairs); /* not half of it */
}

static noveum_result read_wanted(struct reading *reading, struct nv_trace_config **out)
{
    reading->config = calloc(1, sizeof *reading->config);
    if (!reading->config)
        return NOVEUM_NO_MEMORY;
    nv_buf_init(&reading->config->headers, NV_TRACE_LIST_BYTES_MAX);
    nv_buf_init(&reading->config->resource, NV_TRACE_LIST_BYTES_MAX);
    read_file(reading);
    bool off = reading->options->enabled != NOVEUM_ON &&
               is_false(from_file(reading, "tracing.enabled"));
    if (!off)
        read_all(reading);
    nv_trace_file_release(&reading->file);
    if (reading->result == NOVEUM_OK && off)
        reading->result = NOVEUM_OFF;
    if (reading->result == NOVEUM_OK)
        *out = reading->config;
    else
        nv_trace_config_free(reading->config);
    return reading->result;
}

noveum_result nv_trace_config_read(const noveum_options *options, char why[WHY_SIZE],
                                   struct nv_trace_config **out)
{
    noveum_options all = noveum_default_options();
    struct reading reading = {.options = &all, .why = why};
    *out = NULL;
    why[0] = '\0';
    /* a caller that zeroed the struct and forgot noveum_default_options: nothing in it can be
     * told from "not set" */
    if (options && options->size <= sizeof options->size) {
        refuse(&reading, NOVEUM_INVALID, "options", "size is not set");
        return reading.result;
    }
    if (options)
        memcpy(&all, options, options->size < sizeof all ? options->size : sizeof all);
    return wanted(&all) ? read_wanted(&reading, out) : NOVEUM_OFF;
}

void nv_trace_config_free(struct nv_trace_config *config)
{
    if (!config)
        return;
    free(config->endpoint);
    free(config->ca_file);
    free(config->client_certificate);
    free(config->client_key);
    nv_buf_release(&config->headers);
    nv_buf_release(&config->resource);
    free(config);
}
