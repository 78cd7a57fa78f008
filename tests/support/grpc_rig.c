/*
 * The client half of the gRPC tests: plain use of nghttp2, everything that comes is written
 * down.
 */
#include "grpc_rig.h"

#include <nghttp2/nghttp2.h>

#include <arpa/inet.h>
#include <assert.h>
#include <check.h>
#include <stdlib.h>

#include "base/banned.h"

#define HEADERS_MAX 40

/* What is to be sent on a stream. */
struct upload {
    struct nv_str rest;
    bool end;
};
static struct upload uploads[GRPC_RIG_STREAMS];

static struct grpc_rig_stream *stream_at(struct grpc_rig *rig, int32_t id)
{
    unsigned at = (unsigned)(id - 1) / 2;
    assert(id > 0 && at < GRPC_RIG_STREAMS);
    return &rig->streams[at];
}

const struct grpc_rig_stream *grpc_rig_stream(const struct grpc_rig *rig, int32_t id)
{
    return &rig->streams[(unsigned)(id - 1) / 2];
}

/* ---- what comes -------------------------------------------------------------------------- */

static void keep(char *out, size_t size, struct nv_str value)
{
    size_t len = value.len < size ? value.len : size - 1;
    memcpy(out, value.ptr, len);
    out[len] = '\0';
}

static int on_h2_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
                        size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                        void *user)
{
    struct grpc_rig_stream *stream = stream_at(user, frame->hd.stream_id);
    struct nv_str field = {(const char *)name, name_len};
    struct nv_str text = {(const char *)value, value_len};
    (void)h2;
    (void)flags;
    if (nv_str_eq(field, NV_STR(":status")))
        stream->http_status = (int)strtol((const char *)value, NULL, 10);
    else if (nv_str_eq(field, NV_STR("grpc-status")))
        stream->grpc_status = (int)strtol((const char *)value, NULL, 10);
    else if (nv_str_eq(field, NV_STR("grpc-message")))
        keep(stream->message, sizeof stream->message, text);
    else if (nv_str_eq(field, NV_STR("grpc-status-details-bin")))
        keep(stream->details, sizeof stream->details, text);
    else if (nv_str_eq(field, NV_STR("content-type")))
        keep(stream->content_type, sizeof stream->content_type, text);
    else if (nv_str_eq(field, NV_STR("grpc-accept-encoding")))
        keep(stream->accept_encoding, sizeof stream->accept_encoding, text);
    return 0;
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    struct grpc_rig *rig = user;
    (void)h2;
    if (frame->hd.type == NGHTTP2_HEADERS) {
        struct grpc_rig_stream *stream = stream_at(rig, frame->hd.stream_id);
        stream->header_blocks++;
        stream->trailers_only =
            stream->header_blocks == 1 && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
        rig->goaways++;
        rig->goaway_error = frame->goaway.error_code;
        rig->goaway_last = frame->goaway.last_stream_id;
    } else if (frame->hd.type == NGHTTP2_PING) {
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
            rig->ping_acks++;
        else
            rig->pings++;
    } else if (frame->hd.type == NGHTTP2_SETTINGS) {
        rig->settings++;
    }
    return 0;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *user)
{
    struct grpc_rig_stream *stream = stream_at(user, id);
    (void)h2;
    (void)flags;
    ck_assert_uint_le(stream->body_len + len, sizeof stream->body);
    memcpy(stream->body + stream->body_len, bytes, len);
    stream->body_len += len;
    return 0;
}

static int on_close(nghttp2_session *h2, int32_t id, uint32_t error, void *user)
{
    struct grpc_rig_stream *stream = stream_at(user, id);
    (void)h2;
    stream->closed = true;
    stream->error = error;
    return 0;
}

/* ---- what is sent ------------------------------------------------------------------------ */

static ssize_t on_h2_read_data(nghttp2_session *h2, int32_t id, uint8_t *bytes, size_t size,
                               uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct upload *upload = source->ptr;
    (void)h2;
    (void)id;
    (void)user;
    struct nv_str piece = nv_str_slice(upload->rest, 0, size);
    if (piece.len > 0)
        memcpy(bytes, piece.ptr, piece.len);
    upload->rest = nv_str_slice(upload->rest, piece.len, SIZE_MAX);
    if (upload->rest.len == 0 && upload->end)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (piece.len == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)piece.len;
}

static nghttp2_nv field_of(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .namelen = strlen(name),
                        .value = (uint8_t *)(uintptr_t)value,
                        .valuelen = strlen(value)};
}

static size_t make_headers(nghttp2_nv *out, const char *path,
                           const struct grpc_rig_header *more)
{
    const struct grpc_rig_header usual[] = {
        {":method", "POST"},    {":scheme", "http"}, {":path", path},
        {":authority", "test"}, {"te", "trailers"},  {"content-type", "application/grpc"},
        {"user-agent", "rig"}};
    size_t count = 0;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        const char *value = usual[i].value;
        for (const struct grpc_rig_header *at = more; at && at->name[0] != '\0'; at++) {
            if (strcmp(at->name, usual[i].name) == 0)
                value = at->value;
        }
        if (value)
            out[count++] = field_of(usual[i].name, value);
    }
    for (const struct grpc_rig_header *at = more; at && at->name[0] != '\0'; at++) {
        bool known = false;
        for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
            known |= strcmp(at->name, usual[i].name) == 0;
        ck_assert_uint_lt(count, HEADERS_MAX);
        if (!known)
            out[count++] = field_of(at->name, at->value);
    }
    return count;
}

int32_t grpc_rig_request(struct grpc_rig *rig, const char *path,
                         const struct grpc_rig_header *more, struct nv_str body, bool end)
{
    nghttp2_nv headers[HEADERS_MAX];
    size_t count = make_headers(headers, path, more);
    int32_t next = (int32_t)nghttp2_session_get_next_stream_id(rig->client);
    struct upload *upload = &uploads[(unsigned)(next - 1) / 2];
    *upload = (struct upload){body, end};
    nghttp2_data_provider provider = {.source.ptr = upload, .read_callback = on_h2_read_data};
    bool no_data = body.len == 0 && end;
    int32_t id = nghttp2_submit_request(rig->client, NULL, headers, count,
                                        no_data ? NULL : &provider, NULL);
    ck_assert_int_eq(id, next);
    *stream_at(rig, id) = (struct grpc_rig_stream){.grpc_status = -1};
    return id;
}

void grpc_rig_end(struct grpc_rig *rig, int32_t id)
{
    uploads[(unsigned)(id - 1) / 2].end = true;
    (void)nghttp2_session_resume_data(rig->client, id);
}

void grpc_rig_cancel(struct grpc_rig *rig, int32_t id)
{
    ck_assert_int_eq(nghttp2_submit_rst_stream(rig->client, 0, id, NGHTTP2_CANCEL), 0);
}

void grpc_rig_frame(struct nv_buf *buf, uint8_t flag, struct nv_str message)
{
    uint32_t len = htonl((uint32_t)message.len);
    (void)nv_buf_append_char(buf, (char)flag);
    (void)nv_buf_append(buf, &len, 4);
    ck_assert_int_eq(nv_buf_append_str(buf, message), NV_OK);
}

void grpc_rig_put_frame(struct nv_buf *buf, uint8_t type, uint8_t flags, uint32_t stream,
                        struct nv_str payload)
{
    uint32_t len = htonl((uint32_t)payload.len << 8 | type);
    uint32_t id = htonl(stream);
    (void)nv_buf_append(buf, &len, 4);
    (void)nv_buf_append_char(buf, (char)flags);
    (void)nv_buf_append(buf, &id, 4);
    ck_assert_int_eq(nv_buf_append_str(buf, payload), NV_OK);
}

void grpc_rig_put_header(struct nv_buf *buf, const char *name, const char *value)
{
    ck_assert(strlen(name) < 127 && strlen(value) < 127);
    (void)nv_buf_append_char(buf, 0);
    (void)nv_buf_append_char(buf, (char)strlen(name));
    (void)nv_buf_append_str(buf, nv_str_from(name));
    (void)nv_buf_append_char(buf, (char)strlen(value));
    ck_assert_int_eq(nv_buf_append_str(buf, nv_str_from(value)), NV_OK);
}

void grpc_rig_put_call(struct nv_buf *buf, uint32_t stream, const char *path,
                       struct nv_str message)
{
    struct nv_buf headers, body;
    nv_buf_init(&headers, 1000);
    nv_buf_init(&body, 5000);
    grpc_rig_put_header(&headers, ":method", "POST");
    grpc_rig_put_header(&headers, ":scheme", "http");
    grpc_rig_put_header(&headers, ":path", path);
    grpc_rig_put_header(&headers, ":authority", "test");
    grpc_rig_put_header(&headers, "content-type", "application/grpc");
    grpc_rig_put_header(&headers, "x-noveum-project", "shop");
    grpc_rig_frame(&body, 0, message);
    grpc_rig_put_frame(buf, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, stream,
                       nv_buf_str(&headers));
    grpc_rig_put_frame(buf, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, nv_buf_str(&body));
    nv_buf_release(&headers);
    nv_buf_release(&body);
}

/* ---- moving bytes ------------------------------------------------------------------------ */

void grpc_rig_raw(struct grpc_rig *rig, struct nv_str bytes)
{
    rig->fed = nv_grpc_session_feed(rig->session, bytes);
}

static bool to_session(struct grpc_rig *rig)
{
    const uint8_t *bytes;
    ssize_t len = nghttp2_session_mem_send(rig->client, &bytes);
    ck_assert_int_ge(len, 0);
    if (len == 0)
        return false;
    grpc_rig_raw(rig, (struct nv_str){(const char *)bytes, (size_t)len});
    return true;
}

static bool to_client(struct grpc_rig *rig)
{
    struct nv_buf out;
    nv_buf_init(&out, 1 << 20);
    ck_assert_int_eq(nv_grpc_session_pull(rig->session, 1000, &out), NV_OK);
    bool moved = out.len > 0;
    if (moved) {
        ck_assert_int_eq(nghttp2_session_mem_recv(rig->client, (uint8_t *)out.bytes, out.len),
                         (ssize_t)out.len);
    }
    nv_buf_release(&out);
    return moved;
}

static bool settle(struct grpc_rig *rig)
{
    unsigned count = rig->woken_count;
    rig->woken_count = 0;
    for (unsigned i = 0; i < count; i++) {
        rig->woken[i]->ready = true;
        (void)nv_grpc_call_settle(rig->woken[i]);
    }
    return count > 0;
}

void grpc_rig_pump(struct grpc_rig *rig)
{
    bool moved = true;
    while (moved && rig->fed == NV_OK) {
        moved = settle(rig);
        moved |= to_session(rig);
        moved |= to_client(rig);
    }
    (void)to_client(rig);
}

bool grpc_rig_advance(struct grpc_rig *rig, unsigned ms)
{
    nv_fake_clock_advance(&rig->clock, ms * NV_NS_PER_MS);
    bool fine = nv_grpc_session_tick(rig->session, rig->clock.mono);
    grpc_rig_pump(rig);
    return fine;
}

/* ---- life -------------------------------------------------------------------------------- */

static void wake(struct nv_grpc_call *call)
{
    struct grpc_rig *rig = NV_CONTAINER(call->shared, struct grpc_rig, shared);
    if (call->dispatching) {
        call->ready = true;
        return;
    }
    ck_assert_uint_lt(rig->woken_count, GRPC_RIG_STREAMS);
    rig->woken[rig->woken_count++] = call;
}

static void *new_client(struct grpc_rig *rig)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *client;
    ck_assert_int_eq(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_h2_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    ck_assert_int_eq(nghttp2_session_client_new(&client, callbacks, rig), 0);
    nghttp2_session_callbacks_del(callbacks);
    ck_assert_int_eq(nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, NULL, 0), 0);
    return client;
}

void grpc_rig_open(struct grpc_rig *rig, struct nv_grpc_service service)
{
    *rig = (struct grpc_rig){.fed = NV_OK};
    nv_fake_clock_init(&rig->clock, 1000 * NV_NS_PER_S, 0);
    nv_grpc_limits_init(&rig->shared.limits);
    rig->shared.service = service;
    rig->shared.clock = &rig->clock.clock;
    rig->shared.wake = wake;
    rig->session = nv_grpc_session_new(&rig->shared, NULL, rig);
    ck_assert_ptr_nonnull(rig->session);
    rig->client = new_client(rig);
    grpc_rig_pump(rig);
}

void grpc_rig_close(struct grpc_rig *rig)
{
    nv_grpc_session_free(rig->session);
    rig->session = NULL;
    (void)settle(rig);
    ck_assert_uint_eq(atomic_load(&rig->shared.calls), 0);
    ck_assert_uint_eq(atomic_load(&rig->shared.undecoded_bytes), 0);
    nghttp2_session_del(rig->client);
}
