/*
 * Options and environment into one configuration.
 *
 * Every setting is a row of one of three tables: numbers, texts, and lists of key=value. A row
 * says the option's place and the variables in their order; an empty variable is none
 * (OpenTelemetry, "SDK environment variables"). A variable that can't be read is no reason to
 * stay off: the default is taken, as the specification asks; an option that can't
 * be used is a mistake of the program and refused.
 *
 *   option ─▶ it      else OTEL_..._TRACES_X ─▶ it      else OTEL_..._X      else the default
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
#include "trace/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/banned.h"

/* Of headers and of the resource: a request carries both, each time. */
#define LIST_BYTES_MAX ((size_t)64 << 10)
#define WHY_SIZE 200
/* A request holds at least one span, and is one buffer. */
#define SPAN_BYTES_MOST NV_CAP_MIB(64)
#define DEFAULT_ENDPOINT "http://localhost:4318"
#define TRACES_PATH "/v1/traces"

struct reading {
    const noveum_options *options; /* complete, zero where the caller's struct ended */
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

static void set_text(struct reading *reading, char **to, const char *value)
{
    free(*to);
    *to = value ? strdup(value) : NULL;
    if (value && !*to)
        refuse(reading, NOVEUM_NO_MEMORY, "out of memory", "");
}

/* ---- numbers ----------------------------------------------------------------------------- */

/* `one` is asked before `two`. A number below `least` is one that can't be used, so it is as if
 * it was not said; one above `most` was meant to be large, so it becomes `most`. */
struct number_row {
    size_t option, config;
    const char *one, *two;
    uint32_t otherwise, least, most;
};

#define NUMBER(name, one, two, otherwise, least, most)                                         \
    {                                                                                          \
        offsetof(noveum_options, name), offsetof(struct nv_trace_config, name), one, two,      \
            otherwise, least, most                                                             \
    }

static const struct number_row numbers[] = {
    NUMBER(timeout_ms, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT", 10000,
           1, 3600000),
    NUMBER(delay_ms, "OTEL_BSP_SCHEDULE_DELAY", NULL, 1000, 1, 3600000),
    NUMBER(exit_ms, NULL, NULL, 2000, 1, 3600000),
    NUMBER(queue_spans, "OTEL_BSP_MAX_QUEUE_SIZE", NULL, 2048, 1, NV_TRACE_SPANS_MAX),
    NUMBER(open_spans, NULL, NULL, 4096, 1, NV_TRACE_SPANS_MAX),
    NUMBER(batch_spans, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", NULL, 512, 1, NV_TRACE_SPANS_MAX),
    NUMBER(attributes_max, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT", 128,
           0, 65536),
    NUMBER(events_max, "OTEL_SPAN_EVENT_COUNT_LIMIT", NULL, 128, 0, 65536),
    NUMBER(links_max, "OTEL_SPAN_LINK_COUNT_LIMIT", NULL, 128, 0, 65536),
};

static bool parse_number(const char *text, uint64_t *out)
{
    return nv_str_to_uint64(nv_str_trim(nv_str_from(text)), out) == NV_OK;
}

static void read_number(struct reading *reading, const struct number_row *row)
{
    uint64_t value = row->otherwise;
    uint32_t option;
    /* by offset, and copied, so that one loop serves fields of two structs */
    memcpy(&option, (const char *)reading->options + row->option, sizeof option);
    const char *text = first_of(NULL, row->one, row->two);
    if (option > 0)
        value = option;
    else if (text && (!parse_number(text, &value) || value < row->least))
        value = row->otherwise;
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
    if (options->value_bytes_max > 0)
        config->value_bytes_max = options->value_bytes_max;
    else if (text && parse_number(text, &value))
        config->value_bytes_max = (size_t)value;
    config->span_bytes_max =
        options->span_bytes_max > 0 ? options->span_bytes_max : NV_CAP_MIB(4);
    if (config->span_bytes_max > SPAN_BYTES_MOST)
        config->span_bytes_max = SPAN_BYTES_MOST;
    config->memory_max = options->memory_max > 0 ? options->memory_max : NV_CAP_MIB(64);
}

/* ---- lists ------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %41 becomes A, as W3C Baggage has it, which is the form of these lists by the specification;
 * a % that begins nothing stays. Ends with NUL: keys and values go on as C strings. */
static void append_decoded(struct nv_buf *buf, struct nv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        int high = text.ptr[i] == '%' && i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
        bool decoded = low >= 0;
        char byte = text.ptr[i];
        if (decoded)
            byte = (char)(high << 4 | low);
        (void)nv_buf_append_char(buf, byte);
        i += decoded ? 2 : 0;
    }
    (void)nv_buf_append_char(buf, '\0');
}

typedef void each_pair(struct reading *reading, const char *key, const char *value);

/* Calls `each` for every key=value of a list; what has no = is passed over. */
static void each_of_list(struct reading *reading, const char *list, each_pair *each)
{
    struct nv_str rest = nv_str_from(list);
    struct nv_buf pair;
    nv_buf_init(&pair, LIST_BYTES_MAX);
    while (rest.len > 0) {
        size_t comma = nv_str_find_char(rest, ',');
        struct nv_str item = nv_str_slice(rest, 0, comma);
        size_t equals = nv_str_find_char(item, '=');
        rest = comma == SIZE_MAX ? nv_str_from("") : nv_str_slice(rest, comma + 1, rest.len);
        if (equals == SIZE_MAX || equals == 0)
            continue;
        nv_buf_clear(&pair);
        append_decoded(&pair, nv_str_trim(nv_str_slice(item, 0, equals)));
        size_t value = pair.len;
        append_decoded(&pair, nv_str_trim(nv_str_slice(item, equals + 1, item.len)));
        if (pair.failed != NV_OK)
            refuse(reading, NOVEUM_NO_MEMORY, "out of memory", "");
        else
            each(reading, pair.bytes, pair.bytes + value);
    }
    nv_buf_release(&pair);
}

/* A line end in a header would begin another one. */
static void add_header(struct reading *reading, const char *name, const char *value)
{
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
static void add_resource(struct reading *reading, const char *key, const char *value)
{
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
    if (options->resource)
        each_of_list(reading, options->resource, add_resource);
    add_if(reading, "service.name", environment("OTEL_SERVICE_NAME"));
    const char *list = environment("OTEL_RESOURCE_ATTRIBUTES");
    if (list)
        each_of_list(reading, list, add_resource);
    add_if(reading, "noveum.project", environment("NOVEUM_PROJECT"));
    add_if(reading, "deployment.environment.name", environment("NOVEUM_ENVIRONMENT"));
    add_if(reading, "service.version", environment("NOVEUM_SERVICE_VERSION"));
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
    nv_buf_init(&buf, LIST_BYTES_MAX);
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
    set_text(reading, &config->ca_file,
             first_of(options->ca_file, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
                      "OTEL_EXPORTER_OTLP_CERTIFICATE"));
    set_text(reading, &config->client_certificate,
             first_of(options->client_certificate,
                      "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
                      "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"));
    set_text(reading, &config->client_key,
             first_of(options->client_key, "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
                      "OTEL_EXPORTER_OTLP_CLIENT_KEY"));
    const char *headers = first_of(options->headers, "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
                                   "OTEL_EXPORTER_OTLP_HEADERS");
    if (headers)
        each_of_list(reading, headers, add_header);
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
        (void)set_sampler(reading->config, nv_str_from(name),
                          nv_str_from(environment("OTEL_TRACES_SAMPLER_ARG")));
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
    read_resource(reading);
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
    if (!wanted(&all))
        return NOVEUM_OFF;
    reading.config = calloc(1, sizeof *reading.config);
    if (!reading.config)
        return NOVEUM_NO_MEMORY;
    nv_buf_init(&reading.config->headers, LIST_BYTES_MAX);
    nv_buf_init(&reading.config->resource, LIST_BYTES_MAX);
    read_all(&reading);
    if (reading.result == NOVEUM_OK)
        *out = reading.config;
    else
        nv_trace_config_free(reading.config);
    return reading.result;
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
