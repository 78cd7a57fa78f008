/*
 * Reasons of refusals, their counters, and what a client should have done.
 *
 *   HTTP status │ gRPC code │ nv_err ──▶ reason ──▶ counter{reason}
 *                                           └─────▶ log line, folded by protocol and reason
 *
 * Most refusals in the field are one mistake made by each new user: the endpoint. SDKs append
 * /v1/traces to one variable and not to the other, and speak gRPC to a port of HTTP. The answer
 * is rarely shown by an SDK, so the same sentence goes to the gateway's log. The reasons are
 * ours and few; nothing of the client's becomes a label.
 */
#include "otlp/request/refusal.h"

#include "base/log/counters.h"
#include "base/log/log.h"
#include "base/text/shown.h"
#include "otlp/request/refused.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

#define PATH_SHOWN_MAX 60
#define SHOWN_WORD_MAX 24 /* "x-www-form-urlencoded" */
#define SHOWN_DIGITS_MAX 4
#define MESSAGE_SHOWN_MAX 400
#define SENDER_SHOWN_MAX 160
#define FROM_SIZE (SENDER_SHOWN_MAX + 60)

static const struct {
    const char *name;
    enum nv_counter counter;
} reasons[NV_REFUSAL_COUNT] = {
    [NV_REFUSAL_MALFORMED] = {"malformed", NV_COUNT_REFUSED_MALFORMED},
    [NV_REFUSAL_PROTOCOL] = {"protocol", NV_COUNT_REFUSED_PROTOCOL},
    [NV_REFUSAL_PATH] = {"path", NV_COUNT_REFUSED_PATH},
    [NV_REFUSAL_METHOD] = {"method", NV_COUNT_REFUSED_METHOD},
    [NV_REFUSAL_CONTENT_TYPE] = {"content_type", NV_COUNT_REFUSED_CONTENT_TYPE},
    [NV_REFUSAL_CONTENT_ENCODING] = {"content_encoding", NV_COUNT_REFUSED_CONTENT_ENCODING},
    [NV_REFUSAL_TOO_LARGE] = {"too_large", NV_COUNT_REFUSED_TOO_LARGE},
    [NV_REFUSAL_TOKEN] = {"token", NV_COUNT_REFUSED_TOKEN},
    [NV_REFUSAL_TIMEOUT] = {"timeout", NV_COUNT_REFUSED_TIMEOUT},
    [NV_REFUSAL_BUSY] = {"busy", NV_COUNT_REFUSED_BUSY},
    [NV_REFUSAL_INTERNAL] = {"internal", NV_COUNT_REFUSED_INTERNAL},
};

struct code {
    int code;
    enum nv_refusal reason;
};

static enum nv_refusal find(const struct code *table, size_t count, int code,
                            enum nv_refusal otherwise)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].code == code)
            return table[i].reason;
    }
    return otherwise;
}
#define FIND(table, code, otherwise)                                                           \
    find(table, sizeof table / sizeof table[0], code, otherwise)

enum nv_refusal nv_refusal_of_http(int status)
{
    static const struct code table[] = {
        {401, NV_REFUSAL_TOKEN},        {404, NV_REFUSAL_PATH},
        {405, NV_REFUSAL_METHOD},       {408, NV_REFUSAL_TIMEOUT},
        {413, NV_REFUSAL_TOO_LARGE},    {414, NV_REFUSAL_TOO_LARGE},
        {415, NV_REFUSAL_CONTENT_TYPE}, {429, NV_REFUSAL_BUSY},
        {431, NV_REFUSAL_TOO_LARGE},    {503, NV_REFUSAL_BUSY},
        {505, NV_REFUSAL_PROTOCOL}};
    return FIND(table, status, status < 500 ? NV_REFUSAL_MALFORMED : NV_REFUSAL_INTERNAL);
}

enum nv_refusal nv_refusal_of_grpc(int code)
{
    static const struct code table[] = {{3, NV_REFUSAL_MALFORMED}, {4, NV_REFUSAL_TIMEOUT},
                                        {8, NV_REFUSAL_TOO_LARGE}, {12, NV_REFUSAL_PATH},
                                        {14, NV_REFUSAL_BUSY},     {16, NV_REFUSAL_TOKEN}};
    return FIND(table, code, NV_REFUSAL_INTERNAL);
}

enum nv_refusal nv_refusal_of_error(enum nv_err err)
{
    const struct nv_err_info *info = nv_err_info(err);
    if (err == NV_ERR_ENCODING)
        return NV_REFUSAL_CONTENT_ENCODING;
    return info->retryable ? NV_REFUSAL_BUSY : nv_refusal_of_http(info->http_status);
}

/* The first, the tenth, the hundredth ... time. */
static bool is_told(uint64_t times)
{
    while (times > 1 && times % 10 == 0)
        times /= 10;
    return times == 1;
}

/* Who, and how often: behind the message, because both change and what to do does not. */
static const char *say_from(struct nv_str sender, uint64_t times, char text[FROM_SIZE])
{
    char count[40] = "";
    if (times > 1)
        (void)snprintf(count, sizeof count, " count=%" PRIu64, times);
    (void)snprintf(text, FROM_SIZE, "%s%.*s%s", sender.len > 0 ? "; sender=" : "",
                   NV_STR_ARG(nv_str_slice(sender, 0, SENDER_SHOWN_MAX)), count);
    return text;
}

void nv_refusal_note(const char *protocol, enum nv_refusal reason, struct nv_str message,
                     struct nv_str sender)
{
    static struct nv_log_site sites[2][NV_REFUSAL_COUNT];
    assert((unsigned)reason < NV_REFUSAL_COUNT);
    bool grpc = protocol[0] == 'g';
    nv_count(reason == NV_REFUSAL_BUSY ? NV_COUNT_REQUESTS_BUSY : NV_COUNT_REQUESTS_REFUSED, 1);
    nv_count(reasons[reason].counter, 1);
    message = nv_str_slice(nv_str_trim(message), 0, MESSAGE_SHOWN_MAX);
    uint64_t times = nv_refused_keep(protocol, reasons[reason].name, sender, message);
    char from[FROM_SIZE];
    if (!is_told(times))
        return;
    nv_log_write(&sites[grpc][reason], NV_LOG_WARN, "otlp",
                 "request refused protocol=%s reason=%s: %.*s%s", protocol,
                 reasons[reason].name, NV_STR_ARG(message), say_from(sender, times, from));
}

void nv_refusal_note_spans(const char *protocol, uint64_t rejected, struct nv_str message,
                           struct nv_str sender)
{
    static struct nv_log_site site;
    char from[FROM_SIZE];
    message = nv_str_slice(nv_str_trim(message), 0, MESSAGE_SHOWN_MAX);
    uint64_t times = nv_refused_keep(protocol, "spans", sender, message);
    if (!is_told(times))
        return;
    nv_log_write(&site, NV_LOG_WARN, "otlp",
                 "spans rejected protocol=%s spans=%" PRIu64 ", the others are kept: %.*s%s",
                 protocol, rejected, NV_STR_ARG(message), say_from(sender, times, from));
}

/* ---- hints ------------------------------------------------------------------------------- */

/* Where a path of this kind belongs. The first row that is found in it counts. */
static const struct {
    const char *part;
    const char *hint;
} hints[] = {
    {"/opentelemetry.proto.collector.",
     "that is OTLP/gRPC: send it to the gRPC port (4317), or set "
     "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"},
    {"/v1/traces/v1/", "OTEL_EXPORTER_OTLP_ENDPOINT is a base URL, the SDK appends /v1/traces: "
                       "take the path away"},
    {"/v1/logs/v1/",
     "OTEL_EXPORTER_OTLP_ENDPOINT is a base URL, the SDK appends /v1/logs: take "
     "the path away"},
    {"/v1/metrics/v1/",
     "OTEL_EXPORTER_OTLP_ENDPOINT is a base URL, the SDK appends /v1/metrics: "
     "take the path away"},
    {"/v1/v1/",
     "OTEL_EXPORTER_OTLP_ENDPOINT is a base URL, the SDK appends /v1/traces: take the "
     "/v1 away"},
    {"/healthz", "that is on the admin port (13133)"},
    {"/readyz", "that is on the admin port (13133)"},
    {"/status", "that is on the admin port (13133)"},
    {"/agents", "that is on the admin port (13133)"},
    {"/api/v2/spans", "that is Zipkin's: only OTLP is taken"},
    {"/api/traces", "that is Jaeger's: only OTLP is taken"},
};

/* Letters, few digits, what names are joined by; as long as words of paths and types are. */
static bool is_plain(struct nv_str word)
{
    size_t digits = 0;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool digit = c >= '0' && c <= '9';
        if (!letter && !digit && (c == '\0' || !strchr("._+-", c)))
            return false;
        digits += digit;
    }
    return word.len <= SHOWN_WORD_MAX && digits <= SHOWN_DIGITS_MAX;
}

/* False: it does not fit, and nothing behind it may stand in its place. */
static bool put(char *text, size_t size, size_t *len, struct nv_str piece)
{
    if (piece.len > size - *len)
        return false;
    if (piece.len > 0)
        memcpy(text + *len, piece.ptr, piece.len);
    *len += piece.len;
    return true;
}

struct nv_str nv_refusal_shown(struct nv_str said, char *text, size_t size)
{
    size_t len = 0;
    for (size_t at = 0, to; at < said.len; at = to + 1) {
        for (to = at; to < said.len && !memchr("/;= ,", said.ptr[to], 5);)
            to++;
        struct nv_str word = nv_str_slice(said, at, to - at);
        if (!put(text, size, &len, is_plain(word) ? word : NV_STR("…")) ||
            !put(text, size, &len, nv_str_slice(said, to, to < said.len)))
            break;
    }
    return (struct nv_str){text, len};
}

struct nv_str nv_refusal_path_hint(struct nv_str path, char *text, size_t size)
{
    const char *hint = "OTLP/HTTP is at /v1/traces, /v1/logs and /v1/metrics: set "
                       "OTEL_EXPORTER_OTLP_ENDPOINT to http://HOST:4318 without a path, or "
                       "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT to http://HOST:4318/v1/traces";
    assert(size > 0);
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (nv_str_find(path, nv_str_from(hints[i].part)) != SIZE_MAX) {
            hint = hints[i].hint;
            break;
        }
    }
    char shown[PATH_SHOWN_MAX];
    (void)snprintf(text, size, "no such path \"%.*s\"; %s",
                   NV_STR_ARG(nv_refusal_shown(path, shown, sizeof shown)), hint);
    return nv_str_from(text);
}
