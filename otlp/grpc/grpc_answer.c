/*
 * How the answer of a call looks in HTTP/2 (gRPC's PROTOCOL-HTTP2.md, "Responses").
 *
 *   success      HEADERS, DATA (prefix and message), HEADERS (trailers)
 *   error        HEADERS with everything, END_STREAM: "Trailers-Only"
 *   not gRPC     HEADERS, DATA with a line of text for whoever has lost the way
 *
 * nghttp2 copies fields when they are submitted and asks for DATA as the peer's window allows;
 * the message is sent from the call's own buffer. When to answer is the session's business.
 */
#include "otlp/grpc/grpc_internal.h"

#include "otlp/request/reply.h"

#include <nghttp2/nghttp2.h>

#include <assert.h>
#include <stdio.h>

#include "base/banned.h"

#define HEADERS_SENT_MAX 8

static struct nv_grpc_call *call_of(nghttp2_session *h2, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(h2, stream_id);
}

/* Header fields as nghttp2 takes them. */
struct fields {
    nghttp2_nv nv[HEADERS_SENT_MAX];
    size_t count;
};

static void add_field(struct fields *fields, const char *name, struct nv_str value)
{
    static uint8_t none;
    assert(fields->count < HEADERS_SENT_MAX);
    fields->nv[fields->count++] = (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name,
        .namelen = strlen(name),
        .value = value.len > 0 ? (uint8_t *)(uintptr_t)value.ptr : &none,
        .valuelen = value.len,
    };
}

static void add_status(struct fields *fields, int code, char text[16])
{
    (void)snprintf(text, 16, "%d", code);
    add_field(fields, "grpc-status", nv_str_from(text));
}

static void submit_error(nghttp2_session *h2, struct nv_grpc_call *call)
{
    struct fields fields = {.count = 0};
    char code[16];
    add_field(&fields, ":status", NV_STR("200"));
    add_field(&fields, "content-type", NV_STR("application/grpc"));
    add_status(&fields, call->code, code);
    if (call->answer_message.len > 0)
        add_field(&fields, "grpc-message", nv_buf_str(&call->answer_message));
    if (call->answer_details.len > 0)
        add_field(&fields, "grpc-status-details-bin", nv_buf_str(&call->answer_details));
    if (call->accepts_encodings)
        add_field(&fields, "grpc-accept-encoding", NV_STR("identity,gzip,deflate,zstd"));
    (void)nghttp2_submit_response(h2, call->stream_id, fields.nv, fields.count, NULL);
}

/* The answer is all sent: trailers, unless the stream is to stay. */
static ssize_t end_data(nghttp2_session *h2, struct nv_grpc_call *call, uint32_t *flags)
{
    struct fields trailers = {.count = 0};
    char code[16];
    if (call->stay)
        return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (call->http_status != 200)
        return 0; /* plain HTTP has no trailers */
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    add_status(&trailers, call->code, code);
    if (nghttp2_submit_trailer(h2, call->stream_id, trailers.nv, trailers.count) != 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return 0;
}

static ssize_t on_h2_read_data(nghttp2_session *h2, int32_t stream_id, uint8_t *bytes,
                               size_t size, uint32_t *flags, nghttp2_data_source *source,
                               void *user)
{
    struct nv_grpc_call *call = call_of(h2, stream_id);
    (void)source;
    (void)user;
    assert(call != NULL);
    struct nv_str rest = nv_str_slice(nv_buf_str(&call->out), call->sent, size);
    if (rest.len == 0)
        return end_data(h2, call, flags);
    memcpy(bytes, rest.ptr, rest.len);
    call->sent += rest.len;
    if (call->sent == call->out.len && !call->stay && end_data(h2, call, flags) != 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return (ssize_t)rest.len;
}

/* The response of a call, or the text that tells another client what it has found. */
static void submit_body(nghttp2_session *h2, struct nv_grpc_call *call)
{
    struct fields fields = {.count = 0};
    nghttp2_data_provider provider = {.read_callback = on_h2_read_data};
    char status[16];
    bool grpc = call->http_status == 200;
    (void)snprintf(status, sizeof status, "%d", call->http_status);
    add_field(&fields, ":status", nv_str_from(status));
    add_field(&fields, "content-type",
              grpc ? NV_STR("application/grpc") : NV_STR("text/plain"));
    (void)nghttp2_submit_response(h2, call->stream_id, fields.nv, fields.count, &provider);
}

void nv_grpc_answer_submit(struct nghttp2_session *h2, struct nv_grpc_call *call)
{
    assert(call->submitted);
    if (call->code == NV_GRPC_OK || call->http_status != 200)
        submit_body(h2, call);
    else
        submit_error(h2, call);
}

void nv_grpc_answer_expired(struct nghttp2_session *h2, int32_t stream_id)
{
    struct fields fields = {.count = 0};
    char code[16];
    add_field(&fields, ":status", NV_STR("200"));
    add_field(&fields, "content-type", NV_STR("application/grpc"));
    add_status(&fields, NV_GRPC_DEADLINE_EXCEEDED, code);
    (void)nghttp2_submit_response(h2, stream_id, fields.nv, fields.count, NULL);
}
