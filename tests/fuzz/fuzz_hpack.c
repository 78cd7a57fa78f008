/*
 * Any bytes as header blocks of HTTP/2: each input is cut into blocks by its own lengths, and
 * each block opens a stream, so that entries of the dynamic table made by one are named by the
 * next.
 *
 *   input = | length | block ... | length | block ... |
 *
 * What is kept of headers must stay within its bound, whatever the table makes of a few bytes.
 */
#include "otlp/grpc/grpc_internal.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void on_head(void *ctx, struct nv_grpc_call *call)
{
    (void)ctx;
    for (unsigned i = 0; i < NV_GRPC_HEADER_COUNT; i++) {
        struct nv_str value = nv_grpc_call_header(call, (enum nv_grpc_header)i);
        require(value.len <= call->shared->limits.header_list_bytes);
        for (size_t at = 0; at < value.len; at++)
            require(value.ptr[at] != '\0' && value.ptr[at] != '\n');
    }
    nv_grpc_call_refuse(call, 12, "no");
}

static enum nv_err on_admit(void *ctx, struct nv_grpc_call *call, size_t len)
{
    (void)ctx;
    (void)call;
    (void)len;
    return NV_OK;
}

static void on_handle(void *ctx, struct nv_grpc_call *call)
{
    (void)ctx;
    nv_grpc_call_refuse(call, 12, "no");
}

static void on_wake(struct nv_grpc_call *call)
{
    require(call->dispatching);
    call->ready = true;
}

static bool feed_block(struct nv_grpc_session *session, uint32_t stream, struct nv_str block)
{
    struct nv_buf frame, out;
    uint32_t head = htonl((uint32_t)block.len << 8 | 1); /* HEADERS */
    uint32_t id = htonl(stream);
    nv_buf_init(&frame, 1000);
    nv_buf_init(&out, 1 << 20);
    (void)nv_buf_append(&frame, &head, 4);
    (void)nv_buf_append_char(&frame, 5); /* END_HEADERS, END_STREAM */
    (void)nv_buf_append(&frame, &id, 4);
    require(nv_buf_append_str(&frame, block) == NV_OK);
    bool fine = nv_grpc_session_feed(session, nv_buf_str(&frame)) == NV_OK;
    require(nv_grpc_session_pull(session, 1 << 19, &out) == NV_OK);
    nv_buf_release(&frame);
    nv_buf_release(&out);
    return fine && !nv_grpc_session_done(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nv_fake_clock clock;
    struct nv_grpc_shared shared = {.wake = on_wake};
    struct nv_str rest = {(const char *)data, size};
    uint32_t stream = 1;
    nv_fake_clock_init(&clock, NV_NS_PER_S, 0);
    nv_grpc_limits_init(&shared.limits);
    shared.clock = &clock.clock;
    shared.service =
        (struct nv_grpc_service){.head = on_head, .admit = on_admit, .handle = on_handle};
    struct nv_grpc_session *session = nv_grpc_session_new(&shared, NULL, NULL);
    require(session != NULL);
    require(nv_grpc_session_feed(session, NV_STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                                 "\0\0\0\4\0\0\0\0\0")) == NV_OK);
    while (rest.len > 0) {
        struct nv_str block = nv_str_slice(rest, 1, (uint8_t)rest.ptr[0]);
        rest = nv_str_slice(rest, 1 + block.len, SIZE_MAX);
        if (!feed_block(session, stream, block))
            break;
        stream += 2;
    }
    nv_grpc_session_free(session);
    require(atomic_load(&shared.calls) == 0);
    return 0;
}
