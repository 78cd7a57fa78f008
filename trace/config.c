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
#include "trace/config_transport.h"
#include "trace/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/banned.h"

/* A request holds at least one span, and is one buffer. */
#define SPAN_BYTES_MOST NV_CAP_MIB(64)

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

static uint64_t told_number(struct nv_trace_reading *reading, const struct number_row *row)
{
    uint64_t value = 0;
    const char *name = nv_trace_environment(row->one) ? row->one : row->two;
    const char *text = nv_trace_environment(name);
    if (text) {
        if (parse_number(text, &value) && value >= row->least)
            return value;
        nv_trace_warn(reading, name, "no number that can be used; the default is used");
        return row->otherwise;
    }
    text = nv_trace_from_file(reading, row->file);
    if (!text)
        return row->otherwise;
    if (parse_seconds(text, &value) && value >= row->least)
        return value;
    nv_trace_warn(reading, row->file, "no number of seconds; the default is used");
    return row->otherwise;
}

static void read_number(struct nv_trace_reading *reading, const struct number_row *row)
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
static void read_sizes(struct nv_trace_reading *reading)
{
    struct nv_trace_config *config = reading->config;
    const noveum_options *options = reading->options;
    const char *text = nv_trace_first_of(NULL, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                                         "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT");
    uint64_t value = 0;
    config->value_bytes_max = SIZE_MAX;
    if (options->value_bytes_max > 0) {
        config->value_bytes_max = options->value_bytes_max;
    } else if (text && parse_number(text, &value)) {
        config->value_bytes_max = (size_t)value;
    } else if (text) {
        nv_trace_warn(reading, "OTEL_[SPAN_]ATTRIBUTE_VALUE_LENGTH_LIMIT",
                      "no number; there is no limit");
    }
    config->span_bytes_max =
        options->span_bytes_max > 0 ? options->span_bytes_max : NV_CAP_MIB(4);
    if (config->span_bytes_max > SPAN_BYTES_MOST)
        config->span_bytes_max = SPAN_BYTES_MOST;
    config->memory_max = options->memory_max > 0 ? options->memory_max : NV_CAP_MIB(64);
}

/* ---- lists ------------------------------------------------------------------------------- */

/* The first to say a key keeps it. */
static void add_resource(void *ctx, const char *key, const char *value)
{
    struct nv_trace_reading *reading = ctx;
    struct nv_buf *resource = &reading->config->resource;
    noveum_attribute attribute = noveum_str(key, value);
    struct nv_trace_value made;
    size_t at, len;
    if (!nv_trace_value_make(&attribute, SIZE_MAX, &made) ||
        nv_trace_value_find(resource, made.key, &at, &len))
        return;
    enum nv_err err = nv_buf_reserve(resource, nv_trace_value_size(&made));
    nv_trace_refuse_failed(reading, "resource", err);
    if (err == NV_OK)
        nv_trace_value_put(resource, NV_OTLP_RESOURCE_ATTRIBUTES, &made);
}

static void add_if(struct nv_trace_reading *reading, const char *key, const char *value)
{
    if (value)
        add_resource(reading, key, value);
}

/* Last, so that each of them gives way to what was told. service.name must be there by the
 * specification, and this is the spelling that it asks for when nobody told one. */
static void add_process(struct nv_trace_reading *reading)
{
    char service[80];
    (void)snprintf(service, sizeof service, "unknown_service:%.60s",
                   program_invocation_short_name);
    add_resource(reading, "service.name", service);
    add_resource(reading, "telemetry.sdk.name", "noveum-trace");
    add_resource(reading, "telemetry.sdk.language", "c");
    add_resource(reading, "telemetry.sdk.version", NOVEUM_TRACE_VERSION);
}

static void read_resource(struct nv_trace_reading *reading)
{
    const noveum_options *options = reading->options;
    add_if(reading, "service.name", options->service_name);
    nv_trace_read_list(reading, "resource", options->resource, add_resource);
    add_if(reading, "service.name", nv_trace_environment("OTEL_SERVICE_NAME"));
    nv_trace_read_list(reading, "OTEL_RESOURCE_ATTRIBUTES",
                       nv_trace_environment("OTEL_RESOURCE_ATTRIBUTES"), add_resource);
    add_if(reading, "noveum.project", nv_trace_environment("NOVEUM_PROJECT"));
    add_if(reading, "deployment.environment.name", nv_trace_environment("NOVEUM_ENVIRONMENT"));
    add_if(reading, "service.version", nv_trace_environment("NOVEUM_SERVICE_VERSION"));
    add_if(reading, "noveum.project", nv_trace_from_file(reading, "project"));
    add_if(reading, "deployment.environment.name", nv_trace_from_file(reading, "environment"));
    add_if(reading, "service.version", nv_trace_from_file(reading, "service_version"));
    add_process(reading);
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

static void read_sampler(struct nv_trace_reading *reading)
{
    const char *option = reading->options->sampler;
    const char *name = nv_trace_environment("OTEL_TRACES_SAMPLER");
    /* the specification's default, parentbased_always_on; also for a name that it does not
     * have */
    reading->config->parent_based = true;
    if (option) {
        struct nv_str text = nv_str_from(option);
        size_t equals = nv_str_find_char(text, '=');
        struct nv_str ratio =
            equals == SIZE_MAX ? nv_str_from("") : nv_str_slice(text, equals + 1, text.len);
        if (!set_sampler(reading->config, nv_str_slice(text, 0, equals), ratio))
            nv_trace_refuse(reading, NOVEUM_INVALID, "sampler", option);
    } else if (name) {
        if (!set_sampler(reading->config, nv_str_from(name),
                         nv_str_from(nv_trace_environment("OTEL_TRACES_SAMPLER_ARG")))) {
            nv_trace_warn(reading, "OTEL_TRACES_SAMPLER[_ARG]",
                          "no sampler of OpenTelemetry, or no ratio; every trace is sent");
        }
    } else if (nv_trace_from_file(reading, "tracing.sample_rate")) {
        if (!set_sampler(reading->config, NV_STR("parentbased_traceidratio"),
                         nv_str_from(nv_trace_from_file(reading, "tracing.sample_rate")))) {
            nv_trace_warn(reading, "tracing.sample_rate",
                          "no number from 0 to 1; every trace is sent");
        }
    }
}

static void read_hooks(struct nv_trace_reading *reading)
{
    const noveum_options *options = reading->options;
    struct nv_trace_config *config = reading->config;
    const char *variable = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
    config->content =
        !nv_trace_says(variable, "false") && !nv_trace_says(variable, "no_content");
    config->performance =
        options->performance != 0 || nv_trace_says("NOVEUM_PERFORMANCE", "true");
    config->redact = options->redact;
    config->before_send = options->before_send;
    config->log = options->log;
    config->user = options->user;
}

static void read_all(struct nv_trace_reading *reading)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        read_number(reading, &numbers[i]);
    read_sizes(reading);
    read_sampler(reading);
    read_hooks(reading);
    nv_trace_read_transport(reading);
    read_resource(reading);
}

/* A file that the program names must be good; one that only lies there is told of. */
static void read_file(struct nv_trace_reading *reading)
{
    char why[NV_TRACE_FILE_WHY_SIZE];
    const char *path = nv_trace_first_of(reading->options->config_file, NULL, NULL);
    enum nv_err err = nv_trace_file_read(&reading->file, path, why);
    if (err == NV_ERR_NO_MEMORY)
        nv_trace_refuse(reading, NOVEUM_NO_MEMORY, "out of memory for the file", "");
    else if (err != NV_OK && path)
        nv_trace_refuse(reading, NOVEUM_INVALID, "config_file", why);
    else if (err != NV_OK)
        nv_trace_warn(reading, "not used", why);
    if (err != NV_OK)
        nv_buf_clear(&reading->file.pairs); /* not half of it */
}

static noveum_result read_wanted(struct nv_trace_reading *reading, struct nv_trace_config **out)
{
    reading->config = calloc(1, sizeof *reading->config);
    if (!reading->config)
        return NOVEUM_NO_MEMORY;
    nv_buf_init(&reading->config->headers, NV_TRACE_LIST_BYTES_MAX);
    nv_buf_init(&reading->config->resource, NV_TRACE_LIST_BYTES_MAX);
    nv_buf_init(&reading->config->settings, NV_TRACE_LIST_BYTES_MAX);
    read_file(reading);
    bool off = reading->options->enabled != NOVEUM_ON &&
               (nv_trace_is_false(nv_trace_from_file(reading, "tracing.enabled")) ||
                (reading->options->stages && !nv_trace_api_key(reading)));
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

noveum_result nv_trace_config_read(const noveum_options *options, char why[200],
                                   struct nv_trace_config **out)
{
    noveum_options all = noveum_default_options();
    struct nv_trace_reading reading = {.options = &all, .why = why};
    *out = NULL;
    why[0] = '\0';
    /* a caller that zeroed the struct and forgot noveum_default_options: nothing in it can be
     * told from "not set" */
    if (options && options->size <= sizeof options->size) {
        nv_trace_refuse(&reading, NOVEUM_INVALID, "options", "size is not set");
        return reading.result;
    }
    if (options)
        memcpy(&all, options, options->size < sizeof all ? options->size : sizeof all);
    return nv_trace_is_wanted(&all) ? read_wanted(&reading, out) : NOVEUM_OFF;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_bytes(const struct nv_buf *a, const struct nv_buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

static bool same_receiver(const struct nv_trace_config *a, const struct nv_trace_config *b)
{
    return same_text(a->endpoint, b->endpoint) &&
           same_text(a->shown_endpoint, b->shown_endpoint) &&
           same_text(a->ca_file, b->ca_file) &&
           same_text(a->client_certificate, b->client_certificate) &&
           same_text(a->client_key, b->client_key) && same_bytes(&a->headers, &b->headers) &&
           same_bytes(&a->settings, &b->settings) && a->stages == b->stages &&
           a->gzip == b->gzip && a->timeout_ms == b->timeout_ms;
}

static bool same_limits(const struct nv_trace_config *a, const struct nv_trace_config *b)
{
    return a->delay_ms == b->delay_ms && a->exit_ms == b->exit_ms &&
           a->queue_spans == b->queue_spans && a->open_spans == b->open_spans &&
           a->batch_spans == b->batch_spans && a->attributes_max == b->attributes_max &&
           a->events_max == b->events_max && a->links_max == b->links_max &&
           a->event_attributes_max == b->event_attributes_max &&
           a->link_attributes_max == b->link_attributes_max &&
           a->value_bytes_max == b->value_bytes_max && a->span_bytes_max == b->span_bytes_max &&
           a->memory_max == b->memory_max;
}

static bool same_program(const struct nv_trace_config *a, const struct nv_trace_config *b)
{
    return a->content == b->content && a->performance == b->performance &&
           a->redact == b->redact && a->before_send == b->before_send && a->log == b->log &&
           a->user == b->user;
}

bool nv_trace_config_equals(const struct nv_trace_config *a, const struct nv_trace_config *b)
{
    return same_receiver(a, b) && same_limits(a, b) && same_program(a, b) &&
           same_bytes(&a->resource, &b->resource) && a->sampler == b->sampler &&
           a->parent_based == b->parent_based && a->sample_below == b->sample_below &&
           strcmp(a->warning, b->warning) == 0;
}

void nv_trace_config_free(struct nv_trace_config *config)
{
    if (!config)
        return;
    free(config->endpoint);
    free(config->shown_endpoint);
    free(config->ca_file);
    free(config->client_certificate);
    free(config->client_key);
    nv_buf_release(&config->headers);
    nv_buf_release(&config->resource);
    nv_buf_release(&config->settings);
    free(config);
}
