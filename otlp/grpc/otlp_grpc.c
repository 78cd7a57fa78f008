/*
 * OTLP/gRPC to the letter of the specification ("OTLP/gRPC", "Failures") and of gRPC's HTTP/2
 * mapping.
 *
 * The same door as OTLP/HTTP (nv_request_decode, the acceptor), other words for the verdicts: a
 * full queue is UNAVAILABLE with RetryInfo, a message that is too large RESOURCE_EXHAUSTED
 * without, since clients take RetryInfo for leave to send the same again.
 *
 * Nothing is kept between head and message but the call itself; state exists from the moment
 * the batch is handed over until the acceptor's `done`, which may run on any thread.
 *
 *   head ─▶ gRPC? token? method? coding? ─▶ admit ─▶ message ─▶ inflate ─▶ decode ─▶ accept ─▶ done
 *     └─ refused before its bytes are read       └─ FULL: before they are paid for
 */
#include "otlp/grpc/otlp_grpc.h"

#include "base/log/counters.h"
#include "base/limits.h"
#include "base/text/wire.h"
#include "otlp/grpc/grpc_text.h"
#include "otlp/request/inflate.h"
#include "otlp/request/refusal.h"
#include "otlp/request/reply.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

#define MESSAGE_BYTES 384
#define ENCODING_SHOWN_MAX 32
#define COLLECTOR "/opentelemetry.proto.collector."
/* grpc.health.v1.HealthCheckResponse.ServingStatus */
#define HEALTH_SERVING 1
#define HEALTH_NOT_SERVING 2
#define GRPC_NOT_FOUND 5

enum method {
    METHOD_TRACES,
    METHOD_LOGS,
    METHOD_METRICS,
    METHOD_HEALTH_CHECK,
    METHOD_HEALTH_WATCH,
    METHOD_UNKNOWN
};

static const struct nv_str method_paths[METHOD_UNKNOWN] = {
    [METHOD_TRACES] = NV_STR_INIT(COLLECTOR "trace.v1.TraceService/Export"),
    [METHOD_LOGS] = NV_STR_INIT(COLLECTOR "logs.v1.LogsService/Export"),
    [METHOD_METRICS] = NV_STR_INIT(COLLECTOR "metrics.v1.MetricsService/Export"),
    [METHOD_HEALTH_CHECK] = NV_STR_INIT("/grpc.health.v1.Health/Check"),
    [METHOD_HEALTH_WATCH] = NV_STR_INIT("/grpc.health.v1.Health/Watch"),
};

/* A call that the acceptor has. */
struct pending {
    struct nv_grpc_call *call;
    enum nv_signal signal;
    struct nv_request_result result;
};

static enum method method_of(const struct nv_grpc_call *call)
{
    struct nv_str path = nv_grpc_call_header(call, NV_GRPC_PATH);
    unsigned method = 0;
    while (method < METHOD_UNKNOWN && !nv_str_eq(path, method_paths[method]))
        method++;
    return (enum method)method;
}

/* Probes of Kubernetes and load balancers have no token, and learn nothing but one bit. */
static bool is_health(enum method method)
{
    return method == METHOD_HEALTH_CHECK || method == METHOD_HEALTH_WATCH;
}

/* ---- head -------------------------------------------------------------------------------- */

static void note_failure(const struct nv_grpc_call *call, enum nv_err err,
                         const struct nv_fail *why)
{
    char text[MESSAGE_BYTES];
    nv_refusal_note("grpc", nv_refusal_of_error(err),
                    nv_reply_message(err, why, text, sizeof text), nv_grpc_call_sender(call));
}

static void fail(struct nv_grpc_call *call, enum nv_err err, const struct nv_fail *why)
{
    note_failure(call, err, why);
    nv_grpc_call_fail(call, err, why);
}

static void refuse_encoding(struct nv_grpc_call *call)
{
    char shown[ENCODING_SHOWN_MAX];
    struct nv_fail why = {.code = NV_OK};
    struct nv_str encoding =
        nv_refusal_shown(nv_grpc_call_header(call, NV_GRPC_ENCODING), shown, sizeof shown);
    (void)nv_fail_set(&why, NV_ERR_ENCODING, 0,
                      "grpc-encoding \"%.*s\" is not taken: send gzip, deflate, zstd or none",
                      NV_STR_ARG(encoding));
    fail(call, NV_ERR_ENCODING, &why);
}

static void refuse(struct nv_grpc_call *call, int code, const char *message)
{
    nv_refusal_note("grpc", nv_refusal_of_grpc(code), nv_str_from(message),
                    nv_grpc_call_sender(call));
    nv_grpc_call_refuse(call, code, message);
}

static bool is_grpc(const struct nv_grpc_call *call)
{
    return nv_grpc_is_content_type(nv_grpc_call_header(call, NV_GRPC_CONTENT_TYPE)) &&
           nv_str_eq(nv_grpc_call_header(call, NV_GRPC_METHOD), NV_STR("POST"));
}

/* What is not gRPC at all is answered as HTTP would, when all of it has come. */
static void refuse_http(struct nv_grpc_call *call)
{
    struct nv_grpc_answer answer = {.http_status = 405,
                                    .code = NV_GRPC_INTERNAL,
                                    .message = NV_STR("method must be POST\n")};
    if (!nv_grpc_is_content_type(nv_grpc_call_header(call, NV_GRPC_CONTENT_TYPE))) {
        answer.http_status = 415;
        answer.message = NV_STR("this is OTLP/gRPC: content-type must be application/grpc\n");
    }
    nv_refusal_note("grpc", nv_refusal_of_http(answer.http_status), answer.message,
                    nv_grpc_call_sender(call));
    nv_grpc_call_answer(call, &answer);
}

static enum nv_err check_token(const struct nv_otlp_grpc *otlp, const struct nv_grpc_call *call)
{
    if (!nv_auth_required(otlp->auth))
        return NV_OK;
    /* two tokens: a proxy in front may have looked at the other one */
    if (nv_grpc_call_repeats(call, NV_GRPC_AUTHORIZATION) ||
        nv_grpc_call_repeats(call, NV_GRPC_API_KEY))
        return NV_ERR_UNAUTHENTICATED;
    return nv_auth_check(otlp->auth, nv_grpc_call_header(call, NV_GRPC_AUTHORIZATION),
                         nv_grpc_call_header(call, NV_GRPC_API_KEY));
}

static void on_head(void *ctx, struct nv_grpc_call *call)
{
    const struct nv_otlp_grpc *otlp = ctx;
    enum method method = method_of(call);
    enum nv_coding coding;
    /* answered when the request has ended: a reply to half a request is a reset for many
     * clients */
    if (!is_grpc(call)) {
        nv_grpc_call_discard(call);
        return;
    }
    enum nv_err err = is_health(method) ? NV_OK : check_token(otlp, call);
    if (err != NV_OK)
        fail(call, err, NULL);
    else if (method == METHOD_UNKNOWN)
        refuse(call, NV_GRPC_UNIMPLEMENTED, "unknown service or method");
    else if (nv_coding_parse(nv_grpc_call_header(call, NV_GRPC_ENCODING), &coding) != NV_OK)
        refuse_encoding(call);
}

/* Asked with the length that the frame tells, before a byte of it is kept. */
static enum nv_err on_admit(void *ctx, struct nv_grpc_call *call, size_t len)
{
    const struct nv_otlp_grpc *otlp = ctx;
    enum method method = method_of(call);
    enum nv_err err = NV_OK;
    if (method == METHOD_TRACES || method == METHOD_LOGS)
        err = otlp->acceptor->admit(otlp->acceptor->ctx, len);
    return err;
}

static void on_refused(void *ctx, int code)
{
    (void)ctx;
    nv_refusal_note("grpc", nv_refusal_of_grpc(code),
                    NV_STR("a call broke a limit of size, time or memory"), NV_STR(""));
}

/* ---- export ------------------------------------------------------------------------------ */

static void answer_success(struct nv_grpc_call *call, enum nv_signal signal, uint64_t rejected,
                           struct nv_str message)
{
    struct nv_buf body;
    nv_buf_init(&body, NV_CAP_OTLP_REPLY);
    enum nv_err err = nv_reply_success(signal, NV_MEDIA_PROTOBUF, rejected, message, &body);
    if (err == NV_OK) {
        struct nv_grpc_answer answer = {.body = nv_buf_str(&body)};
        nv_count(rejected > 0 ? NV_COUNT_REQUESTS_PARTIAL : NV_COUNT_REQUESTS_OK, 1);
        nv_grpc_call_answer(call, &answer);
    } else {
        fail(call, NV_ERR_NO_MEMORY, NULL);
    }
    nv_buf_release(&body);
}

/* Runs on the committer's thread: the call finds its way back to its own loop. */
static void on_done(void *done_ctx, enum nv_err err)
{
    struct pending *pending = done_ctx;
    if (err == NV_OK) {
        nv_request_count(&pending->result);
        answer_success(pending->call, pending->signal, pending->result.rejected,
                       nv_str_from(pending->result.message));
    } else {
        fail(pending->call, err, NULL);
    }
    free(pending);
}

static enum nv_coding coding_of(const struct nv_grpc_call *call)
{
    enum nv_coding coding = NV_CODING_IDENTITY;
    enum nv_err err = nv_coding_parse(nv_grpc_call_header(call, NV_GRPC_ENCODING), &coding);
    assert(err == NV_OK); /* on_head saw the same header */
    return err == NV_OK ? coding : NV_CODING_IDENTITY;
}

static enum nv_err take_room(void *ctx, size_t bytes)
{
    return nv_grpc_call_count(ctx, bytes);
}

/* The message after its encoding was undone: new, of *len bytes. */
static enum nv_err take_message(const struct nv_otlp_grpc *otlp, struct nv_grpc_call *call,
                                char **message, size_t *len, struct nv_fail *why)
{
    enum nv_coding coding = coding_of(call);
    bool compressed = nv_grpc_call_compressed(call);
    *len = nv_grpc_call_take_message(call, message);
    if (!compressed)
        return NV_OK;
    char *data = *message;
    const struct nv_room room = {otlp->message_bytes_max, take_room, call};
    enum nv_err err = nv_inflate(coding, (struct nv_str){data, *len}, &room, message, len, why);
    free(data);
    return err;
}

static enum nv_err decode(const struct nv_otlp_grpc *otlp, struct pending *pending,
                          struct nv_batch **batch, struct nv_fail *why)
{
    const struct nv_room room = {otlp->message_bytes_max, take_room, pending->call};
    struct nv_request_limits limits = {.body_max_bytes = otlp->message_bytes_max,
                                       .items_max = otlp->items_max,
                                       .item_bytes_max = otlp->item_bytes_max,
                                       .room = &room};
    char *message = NULL;
    size_t len = 0;
    enum nv_err err = take_message(otlp, pending->call, &message, &len, why);
    if (err != NV_OK)
        return err;
    nv_count(NV_COUNT_REQUEST_BYTES, len);
    err = nv_request_decode(
        &(struct nv_request_body){pending->signal, NV_MEDIA_PROTOBUF, message, len}, &limits,
        &pending->result, batch, why);
    if (err != NV_OK)
        return err;
    (*batch)->client = nv_grpc_call_client(pending->call);
    return nv_batch_set_project(*batch, nv_grpc_call_header(pending->call, NV_GRPC_PROJECT));
}

static void handle_export(const struct nv_otlp_grpc *otlp, struct nv_grpc_call *call,
                          enum nv_signal signal)
{
    const struct nv_acceptor *acceptor = otlp->acceptor;
    struct nv_fail why = {.code = NV_OK};
    struct nv_batch *batch = NULL;
    if (nv_grpc_call_compressed(call) && coding_of(call) == NV_CODING_IDENTITY) {
        /* gRPC's compression.md: INTERNAL, whatever the bytes are */
        refuse(call, NV_GRPC_INTERNAL, "compressed flag without grpc-encoding");
        return;
    }
    struct pending *pending = calloc(1, sizeof *pending);
    if (!pending) {
        fail(call, NV_ERR_NO_MEMORY, NULL);
        return;
    }
    pending->call = call;
    pending->signal = signal;
    enum nv_err err = decode(otlp, pending, &batch, &why);
    if (err == NV_OK && pending->result.rejected > 0) {
        nv_refusal_note_spans("grpc", pending->result.rejected,
                              nv_str_from(pending->result.message), nv_grpc_call_sender(call));
    }
    if (err != NV_OK) {
        nv_batch_free(batch);
        free(pending);
        fail(call, err, &why);
    } else if (batch->item_count == 0) { /* nothing to keep: all good, or all rejected */
        nv_batch_free(batch);
        on_done(pending, NV_OK);
    } else {
        acceptor->accept(acceptor->ctx, batch, on_done, pending);
    }
}

/* ---- health ------------------------------------------------------------------------------ */

/* grpc.health.v1.HealthCheckRequest.service: "" is the server, else one of the services. */
static bool knows_service(struct nv_str service)
{
    if (service.len == 0)
        return true;
    for (unsigned i = 0; i <= METHOD_METRICS; i++) {
        struct nv_str path = method_paths[i];
        struct nv_str name = nv_str_slice(path, 1, path.len - 1 - strlen("/Export"));
        if (nv_str_eq(service, name))
            return true;
    }
    return false;
}

/* grpc.health.v1.HealthCheckRequest.service */
enum { HEALTH_SERVICE = 1 };

static enum nv_err requested_service(struct nv_str message, struct nv_str *service)
{
    struct nv_wire wire = nv_wire_read(message);
    struct nv_wire_field field;
    enum nv_err err = nv_wire_next(&wire, &field);
    for (; err == NV_OK; err = nv_wire_next(&wire, &field)) {
        if (field.number == HEALTH_SERVICE && field.type == NV_WIRE_BYTES)
            *service = field.bytes;
    }
    return err == NV_ERR_END ? NV_OK : err;
}

static void handle_health(const struct nv_otlp_grpc *otlp, struct nv_grpc_call *call,
                          bool watch)
{
    struct nv_str service = {0};
    char *message;
    size_t len = nv_grpc_call_take_message(call, &message);
    enum nv_err err = requested_service((struct nv_str){message, len}, &service);
    bool known = knows_service(service);
    /* serving means what /readyz means: a request sent now would be kept */
    bool serving = otlp->acceptor->admit(otlp->acceptor->ctx, 0) == NV_OK;
    char body[2] = {1 << 3, serving ? HEALTH_SERVING : HEALTH_NOT_SERVING};
    free(message);
    if (err != NV_OK) {
        nv_grpc_call_fail(call, err, NULL);
    } else if (!known) {
        nv_grpc_call_refuse(call, GRPC_NOT_FOUND, "unknown service");
    } else {
        struct nv_grpc_answer answer = {.body = {body, sizeof body}, .stay = watch};
        nv_grpc_call_answer(call, &answer);
    }
}

/* ---- the service ------------------------------------------------------------------------- */

static void on_handle(void *ctx, struct nv_grpc_call *call)
{
    const struct nv_otlp_grpc *otlp = ctx;
    enum method method = method_of(call);
    if (!is_grpc(call)) {
        refuse_http(call);
        return;
    }
    switch (method) {
    case METHOD_TRACES:
    case METHOD_LOGS:
        handle_export(otlp, call, method == METHOD_LOGS ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES);
        return;
    /* metrics are not ours, but an exporter that is refused logs an error a minute for ever */
    case METHOD_METRICS:
        nv_count(NV_COUNT_METRIC_POINTS, 1);
        answer_success(call, NV_SIGNAL_TRACES, 0, NV_STR(""));
        return;
    case METHOD_HEALTH_CHECK:
    case METHOD_HEALTH_WATCH:
        handle_health(otlp, call, method == METHOD_HEALTH_WATCH);
        return;
    case METHOD_UNKNOWN:
        break;
    }
    assert(false && "on_head refuses unknown methods");
    refuse(call, NV_GRPC_UNIMPLEMENTED, "unknown service or method");
}

struct nv_grpc_service nv_otlp_grpc_service(struct nv_otlp_grpc *otlp)
{
    return (struct nv_grpc_service){.ctx = otlp,
                                    .head = on_head,
                                    .admit = on_admit,
                                    .handle = on_handle,
                                    .refused = on_refused};
}
