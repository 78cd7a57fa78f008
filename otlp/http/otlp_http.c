/*
 * OTLP/HTTP to the letter of the specification ("OTLP/HTTP", "Failures") and RFC 9110.
 *
 * Nothing is kept between head and body: media type and coding are read from the headers again,
 * which is cheaper than state that has to be freed when a client goes away half way. State
 * exists from the moment the batch is handed over until the acceptor's `done`, which may run on
 * any thread.
 *
 * Every error carries a google.rpc.Status in the request's encoding; JSON when the request
 * named none. Only 429 and 503 carry Retry-After: these alone are to be sent again.
 *
 *   gate (CORS, token) ─▶ head: media, coding, admit ─▶ body ─▶ inflate ─▶ decode ─▶ accept ─▶ done
 *          └─ answered                └─ answered, the body is not read
 */
#include "otlp/http/otlp_http.h"

#include "base/log/counters.h"
#include "base/limits.h"
#include "otlp/http/cors.h"
#include "net/http/http1.h"
#include "otlp/request/inflate.h"
#include "otlp/request/refusal.h"
#include "otlp/request/reply.h"
#include "otlp/request/request.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define MESSAGE_BYTES 384
#define FORM_SHOWN_MAX 48
/* The longest that Chromium keeps one. */
#define PREFLIGHT_SECONDS "7200"

/* What a path takes. Metrics are accepted, so that SDKs which send all signals stay quiet. */
enum target { TARGET_TRACES, TARGET_LOGS, TARGET_METRICS, TARGET_COUNT };

struct endpoint {
    struct nv_otlp_http *service;
    enum target target;
};

#define ROUTES 7

struct nv_otlp_http {
    const struct nv_acceptor *acceptor;
    struct nv_auth *auth;
    size_t max_body_bytes;
    uint32_t max_items;
    size_t max_item_bytes;
    char *cors; /* NULL: off */
    struct endpoint endpoints[TARGET_COUNT];
    struct nv_http_route routes[ROUTES];
};

/* How the body of a request is to be read. */
struct form {
    enum nv_media media;
    enum nv_coding coding;
};

/* A request that the acceptor has; it lies in the exchange's own room. */
struct pending {
    struct nv_http_exchange *exchange;
    enum nv_signal signal;
    enum nv_media media;
    struct nv_request_result result;
};
static_assert(sizeof(struct pending) <= NV_HTTP_ROOM_BYTES, "it lies in the request's room");

/* ---- replies ----------------------------------------------------------------------------- */

static struct nv_str media_name(enum nv_media media)
{
    return media == NV_MEDIA_JSON ? NV_STR("application/json")
                                  : NV_STR("application/x-protobuf");
}

/* The media type without parameters, in any case. False for other types and for none. */
static bool parse_media(struct nv_str value, enum nv_media *out)
{
    struct nv_str type = nv_str_trim(nv_str_slice(value, 0, nv_str_find_char(value, ';')));
    bool json = nv_str_ieq(type, NV_STR("application/json"));
    *out = json ? NV_MEDIA_JSON : NV_MEDIA_PROTOBUF;
    return json || nv_str_ieq(type, NV_STR("application/x-protobuf"));
}

/* The encoding of an answer when the request's own may not be known. */
static enum nv_media reply_media(const struct nv_http_exchange *exchange)
{
    enum nv_media media;
    struct nv_str value = nv_http_request_header(exchange, NV_STR("content-type"));
    return parse_media(value, &media) ? media : NV_MEDIA_JSON;
}

/* Codes with which a client decides the same about sending again: 429 and 503 are
 * UNAVAILABLE. */
static int grpc_code_of(int http_status)
{
    switch (http_status) {
    case 401:
        return NV_GRPC_UNAUTHENTICATED;
    case 404:
    case 405:
    case 505:
        return NV_GRPC_UNIMPLEMENTED;
    case 408:
        return NV_GRPC_DEADLINE_EXCEEDED;
    case 413:
        return NV_GRPC_RESOURCE_EXHAUSTED;
    case 429:
    case 503:
        return NV_GRPC_UNAVAILABLE;
    default:
        return http_status < 500 ? NV_GRPC_INVALID_ARGUMENT : NV_GRPC_INTERNAL;
    }
}

/* What the server said, and what to do about it. */
static struct nv_str advise(const struct nv_http_exchange *exchange, int status,
                            struct nv_str message, char *text, size_t size)
{
    const char *advice = NULL;
    switch (status) {
    case 404:
        return nv_refusal_path_hint(nv_http_request_path(exchange), text, size);
    case 405:
        advice = "OTLP requests are POST";
        break;
    case 505:
        advice = "OTLP/gRPC has a port of its own (receiver.grpc.listen, 4317); or set "
                 "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf";
        break;
    default:
        if (!nv_str_eq(message, NV_STR(NV_HTTP1_WHY_TLS)))
            return message;
        advice = "use http://, or set receiver.http.tls.cert_file and key_file";
    }
    (void)snprintf(text, size, "%.*s: %s", NV_STR_ARG(message), advice);
    return nv_str_from(text);
}

static void error_body(void *ctx, struct nv_http_exchange *exchange, int status,
                       struct nv_str message, struct nv_buf *body, struct nv_str *content_type)
{
    enum nv_media media = reply_media(exchange);
    char text[MESSAGE_BYTES];
    char sender[NV_SENDER_TEXT_SIZE];
    bool tls = nv_str_eq(message, NV_STR(NV_HTTP1_WHY_TLS));
    (void)ctx;
    *content_type = media_name(media);
    message = advise(exchange, status, message, text, sizeof text);
    if (nv_reply_status(media, grpc_code_of(status), message, NULL, 0, body) != NV_OK)
        nv_buf_clear(body);
    nv_refusal_note("http", tls ? NV_REFUSAL_PROTOCOL : nv_refusal_of_http(status), message,
                    nv_http_request_sender(exchange, sender));
}

/* Any thread: what it reads of the exchange does not change after the handler was called. */
static void reply_error(struct nv_http_exchange *exchange, enum nv_media media, enum nv_err err,
                        const struct nv_fail *fail)
{
    const struct nv_err_info *info = nv_err_info(err);
    int seconds = nv_reply_retry_after_s(err);
    char text[MESSAGE_BYTES], sender[NV_SENDER_TEXT_SIZE], retry[40] = "";
    struct nv_buf body;
    nv_buf_init(&body, NV_CAP_OTLP_REPLY);
    struct nv_str message = nv_reply_message(err, fail, text, sizeof text);
    if (nv_reply_status(media, info->grpc_code, message, fail, seconds, &body) != NV_OK)
        nv_buf_clear(&body);
    if (seconds > 0)
        snprintf(retry, sizeof retry, "Retry-After: %d\r\n", seconds);
    nv_refusal_note("http", nv_refusal_of_error(err), message,
                    nv_http_request_sender(exchange, sender));
    struct nv_http_reply reply = {.status = info->http_status,
                                  .content_type = media_name(media),
                                  .headers = nv_str_from(retry),
                                  .body = nv_buf_str(&body)};
    nv_http_reply_send(exchange, &reply);
    nv_buf_release(&body);
}

static void reply_success(struct nv_http_exchange *exchange, enum nv_signal signal,
                          enum nv_media media, uint64_t rejected, struct nv_str message)
{
    struct nv_buf body;
    nv_buf_init(&body, NV_CAP_OTLP_REPLY);
    if (nv_reply_success(signal, media, rejected, message, &body) != NV_OK) {
        nv_buf_release(&body);
        reply_error(exchange, media, NV_ERR_NO_MEMORY, NULL);
        return;
    }
    nv_count(rejected > 0 ? NV_COUNT_REQUESTS_PARTIAL : NV_COUNT_REQUESTS_OK, 1);
    nv_http_reply_text(exchange, 200, media_name(media), nv_buf_str(&body));
    nv_buf_release(&body);
}

/* ---- gate: CORS and tokens --------------------------------------------------------------- */

/* What does not fit is left out: these are for browsers, and none of them carries data. */
static void add_header(struct nv_http_exchange *exchange, const char *name, struct nv_str value)
{
    char line[512];
    int len = snprintf(line, sizeof line, "%s: %.*s", name, NV_STR_ARG(value));
    if (len > 0 && (size_t)len < sizeof line)
        nv_http_exchange_add_header(exchange, (struct nv_str){line, (size_t)len});
}

/* Headers a page wants to send: echoed, as the origin is trusted with all of them. */
static void add_preflight(struct nv_http_exchange *exchange)
{
    struct nv_str wanted =
        nv_http_request_header(exchange, NV_STR("access-control-request-headers"));
    bool usable = wanted.len > 0 && wanted.len < 400;
    add_header(exchange, "Access-Control-Allow-Methods", NV_STR("POST, OPTIONS"));
    add_header(exchange, "Access-Control-Allow-Headers",
               usable ? wanted
                      : NV_STR("content-type, content-encoding, authorization, x-api-key, "
                               "x-noveum-project"));
    add_header(exchange, "Access-Control-Max-Age", NV_STR(PREFLIGHT_SECONDS));
}

/* Adds what the browser looks for. True when the request was a preflight and is answered. */
static bool handle_cors(const struct nv_otlp_http *service, struct nv_http_exchange *exchange)
{
    if (!service->cors)
        return false;
    struct nv_str origin = nv_http_request_header(exchange, NV_STR("origin"));
    bool allowed = origin.len > 0 && nv_cors_allows(nv_str_from(service->cors), origin);
    /* Also where it is refused: a cache must not give the answer for one origin to another. */
    nv_http_exchange_add_header(exchange, NV_STR("Vary: Origin"));
    if (allowed) {
        add_header(exchange, "Access-Control-Allow-Origin", origin);
        add_header(exchange, "Access-Control-Expose-Headers", NV_STR("Retry-After"));
    }
    struct nv_str method =
        nv_http_request_header(exchange, NV_STR("access-control-request-method"));
    if (nv_http_request_method(exchange) != NV_HTTP_OPTIONS || origin.len == 0 ||
        method.len == 0)
        return false;
    if (allowed)
        add_preflight(exchange);
    nv_http_reply_text(exchange, 204, NV_STR(""), NV_STR(""));
    return true;
}

static void gate(void *ctx, struct nv_http_exchange *exchange)
{
    struct nv_otlp_http *service = ctx;
    /* Preflights come first: browsers send them without credentials. */
    if (handle_cors(service, exchange) || !nv_auth_required(service->auth))
        return;
    /* Of two a proxy in front may have looked at the other one. */
    bool once = nv_http_request_header_count(exchange, NV_STR("authorization")) <= 1 &&
                nv_http_request_header_count(exchange, NV_STR("x-api-key")) <= 1;
    struct nv_str authorization = nv_http_request_header(exchange, NV_STR("authorization"));
    struct nv_str api_key = nv_http_request_header(exchange, NV_STR("x-api-key"));
    if (!once || nv_auth_check(service->auth, authorization, api_key) != NV_OK) {
        /* 401 must name a scheme (RFC 9110 11.6.1). */
        add_header(exchange, "WWW-Authenticate", NV_STR("Bearer realm=\"noveum-gateway\""));
        nv_http_reply_error(exchange, 401, NV_STR("missing or unknown token"));
    }
}

/* ---- head and body ----------------------------------------------------------------------- */

/* 415, and what would have been taken (RFC 9110 15.5.16). */
static enum nv_err refuse_form(struct nv_fail *fail, enum nv_err err, struct nv_str value)
{
    char shown[FORM_SHOWN_MAX];
    value = nv_refusal_shown(value, shown, sizeof shown);
    if (err == NV_ERR_MEDIA_TYPE) {
        return nv_fail_set(fail, err, 0,
                           "Content-Type \"%.*s\" is not taken: send application/x-protobuf or "
                           "application/json",
                           NV_STR_ARG(value));
    }
    return nv_fail_set(
        fail, err, 0,
        "Content-Encoding \"%.*s\" is not taken: send gzip, deflate, zstd or none",
        NV_STR_ARG(value));
}

static enum nv_err read_form(const struct nv_http_exchange *exchange, struct form *form,
                             struct nv_fail *fail)
{
    struct nv_str type = nv_http_request_header(exchange, NV_STR("content-type"));
    struct nv_str coding = nv_http_request_header(exchange, NV_STR("content-encoding"));
    if (nv_http_request_header_count(exchange, NV_STR("content-type")) != 1 ||
        !parse_media(type, &form->media))
        return refuse_form(fail, NV_ERR_MEDIA_TYPE, type);
    if (nv_http_request_header_count(exchange, NV_STR("content-encoding")) > 1)
        return refuse_form(fail, NV_ERR_ENCODING, coding);
    enum nv_err err = nv_coding_parse(coding, &form->coding);
    return err == NV_OK ? NV_OK : refuse_form(fail, err, coding);
}

static void on_head(void *ctx, struct nv_http_exchange *exchange)
{
    const struct endpoint *endpoint = ctx;
    const struct nv_acceptor *acceptor = endpoint->service->acceptor;
    struct form form;
    struct nv_fail fail = {.code = NV_OK};
    enum nv_err err = read_form(exchange, &form, &fail);
    size_t length = nv_http_request_length(exchange);
    if (err == NV_OK && endpoint->target != TARGET_METRICS) {
        /* chunks announce no length: they are asked about as they come */
        err = acceptor->admit(acceptor->ctx, length != SIZE_MAX ? length : 0);
    }
    if (err == NV_ERR_MEDIA_TYPE) {
        nv_http_exchange_add_header(exchange,
                                    NV_STR("Accept: application/x-protobuf, application/json"));
    } else if (err == NV_ERR_ENCODING) {
        nv_http_exchange_add_header(exchange, NV_STR("Accept-Encoding: gzip, deflate, zstd"));
    }
    if (err != NV_OK)
        reply_error(exchange, reply_media(exchange), err, &fail);
}

static void on_done(void *done_ctx, enum nv_err err)
{
    struct pending *pending = done_ctx;
    const struct nv_request_result *result = &pending->result;
    if (err == NV_OK) {
        nv_request_count(result);
        reply_success(pending->exchange, pending->signal, pending->media, result->rejected,
                      nv_str_from(result->message));
    } else {
        reply_error(pending->exchange, pending->media, err, NULL);
    }
}

/* What is made of a body counts as the body does: 64 KB of zstd may become 64 MB. */
static enum nv_err take_room(void *ctx, size_t bytes)
{
    return nv_http_request_count(ctx, bytes);
}

/* The body after its coding was undone: new, of *len bytes. */
static enum nv_err take_body(const struct nv_otlp_http *service,
                             struct nv_http_exchange *exchange, enum nv_coding coding,
                             char **body, size_t *len, struct nv_fail *fail)
{
    *len = nv_http_request_take_body(exchange, body);
    if (coding == NV_CODING_IDENTITY)
        return NV_OK;
    char *compressed = *body;
    struct nv_str data = {compressed, *len};
    const struct nv_room room = {service->max_body_bytes, take_room, exchange};
    enum nv_err err = nv_inflate(coding, data, &room, body, len, fail);
    free(compressed);
    return err;
}

static enum nv_err decode(const struct endpoint *endpoint, const struct form *form,
                          struct pending *pending, struct nv_batch **batch,
                          struct nv_fail *fail)
{
    const struct nv_otlp_http *service = endpoint->service;
    const struct nv_room room = {service->max_body_bytes, take_room, pending->exchange};
    struct nv_request_limits limits = {.body_max_bytes = service->max_body_bytes,
                                       .items_max = service->max_items,
                                       .item_bytes_max = service->max_item_bytes,
                                       .room = &room};
    char *body = NULL;
    size_t len = 0;
    enum nv_err err = take_body(service, pending->exchange, form->coding, &body, &len, fail);
    if (err != NV_OK)
        return err;
    nv_count(NV_COUNT_REQUEST_BYTES, len);
    err = nv_request_decode(&(struct nv_request_body){pending->signal, form->media, body, len},
                            &limits, &pending->result, batch, fail);
    if (err != NV_OK)
        return err;
    (*batch)->client = nv_http_request_client(pending->exchange);
    return nv_batch_set_project(
        *batch, nv_http_request_header(pending->exchange, NV_STR("x-noveum-project")));
}

/* The client is told, and rarely looks: a partial success is a success to most SDKs. On
 * the loop, which alone knows the sender. */
static void note_rejected(const struct nv_http_exchange *exchange,
                          const struct nv_request_result *result)
{
    char sender[NV_SENDER_TEXT_SIZE];
    if (result->rejected == 0)
        return;
    nv_refusal_note_spans("http", result->rejected, nv_str_from(result->message),
                          nv_http_request_sender(exchange, sender));
}

static void handle_items(const struct endpoint *endpoint, struct nv_http_exchange *exchange,
                         const struct form *form)
{
    const struct nv_acceptor *acceptor = endpoint->service->acceptor;
    struct nv_fail fail = {.code = NV_OK};
    struct nv_batch *batch = NULL;
    struct pending *pending = nv_http_request_room(exchange);
    pending->exchange = exchange;
    pending->signal = endpoint->target == TARGET_LOGS ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES;
    pending->media = form->media;
    enum nv_err err = decode(endpoint, form, pending, &batch, &fail);
    if (err == NV_OK)
        note_rejected(exchange, &pending->result);
    if (err != NV_OK) {
        nv_batch_free(batch);
        reply_error(exchange, form->media, err, &fail);
    } else if (batch->item_count == 0) { /* nothing to keep: all good, or all rejected */
        nv_batch_free(batch);
        on_done(pending, NV_OK);
    } else {
        acceptor->accept(acceptor->ctx, batch, on_done, pending);
    }
}

static void on_body(void *ctx, struct nv_http_exchange *exchange)
{
    const struct endpoint *endpoint = ctx;
    struct form form = {.media = NV_MEDIA_JSON};
    enum nv_err err = read_form(exchange, &form, NULL);
    assert(err == NV_OK); /* on_head saw the same headers */
    if (err != NV_OK) {
        reply_error(exchange, form.media, err, NULL);
    } else if (endpoint->target == TARGET_METRICS) {
        nv_count(NV_COUNT_METRIC_POINTS, 1);
        reply_success(exchange, NV_SIGNAL_TRACES, form.media, 0, NV_STR(""));
    } else {
        handle_items(endpoint, exchange, &form);
    }
}

/* ---- life -------------------------------------------------------------------------------- */

static void set_routes(struct nv_otlp_http *service)
{
    static const struct {
        struct nv_str path;
        enum target target;
    } table[ROUTES] = {
        {NV_STR_INIT("/v1/traces"), TARGET_TRACES},
        {NV_STR_INIT("/v1/logs"), TARGET_LOGS},
        {NV_STR_INIT("/v1/metrics"), TARGET_METRICS},
        /* An endpoint written with a slash at its end, by hand or by joining. */
        {NV_STR_INIT("/v1/traces/"), TARGET_TRACES},
        {NV_STR_INIT("/v1/logs/"), TARGET_LOGS},
        {NV_STR_INIT("/v1/metrics/"), TARGET_METRICS},
        /* OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is used as it is, also without a path. */
        {NV_STR_INIT("/"), TARGET_TRACES},
    };
    for (size_t i = 0; i < TARGET_COUNT; i++)
        service->endpoints[i] = (struct endpoint){service, (enum target)i};
    for (size_t i = 0; i < ROUTES; i++) {
        service->routes[i] =
            (struct nv_http_route){.path = table[i].path,
                                   .methods = NV_HTTP_POST,
                                   .handler = {.ctx = &service->endpoints[table[i].target],
                                               .head = on_head,
                                               .handle = on_body}};
    }
}

enum nv_err nv_otlp_http_new(const struct nv_otlp_http_config *config, struct nv_fail *fail,
                             struct nv_otlp_http **out)
{
    struct nv_str origins = nv_str_trim(nv_str_from(config->cors_allowed_origins));
    if (!nv_cors_list_valid(origins)) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "cors.allowed_origins wants https://host[:port] or '*': '%.*s'",
                           NV_STR_ARG(origins));
    }
    struct nv_otlp_http *service = calloc(1, sizeof *service);
    if (!service)
        return NV_ERR_NO_MEMORY;
    service->acceptor = config->acceptor;
    service->auth = config->auth;
    service->max_body_bytes = config->max_body_bytes;
    service->max_items = config->max_items;
    service->max_item_bytes = config->max_item_bytes;
    set_routes(service);
    if (origins.len > 0) {
        service->cors = strdup(config->cors_allowed_origins);
        if (!service->cors) {
            nv_otlp_http_free(service);
            return NV_ERR_NO_MEMORY;
        }
    }
    *out = service;
    return NV_OK;
}

void nv_otlp_http_free(struct nv_otlp_http *service)
{
    if (service) {
        free(service->cors);
        free(service);
    }
}

const struct nv_http_route *nv_otlp_http_routes(const struct nv_otlp_http *service,
                                                size_t *count)
{
    *count = ROUTES;
    return service->routes;
}

struct nv_http_hooks nv_otlp_http_hooks(struct nv_otlp_http *service)
{
    return (struct nv_http_hooks){.ctx = service, .gate = gate, .error_body = error_body};
}
