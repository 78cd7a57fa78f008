/*
 * Any bytes as what an HTTP/2 client sends after its preface, to the gRPC service.
 *
 * The first byte says in how large pieces the rest arrives (0: all at once) and whether the
 * service answers at once or after everything was read. Whatever comes: nothing is left behind,
 * and what is sent back is bounded.
 */
#include "otlp/grpc/grpc_internal.h"
#include "otlp/grpc/otlp_grpc.h"

#include <stdlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CALLS_MAX 1024
#define ANSWER_BYTES_MAX ((size_t)4 << 20)

static struct nv_grpc_call *woken[CALLS_MAX];
static unsigned woken_count;
static struct {
    nv_accept_done *done;
    void *ctx;
} waiting[CALLS_MAX];
static unsigned waiting_count;
static bool answer_later;

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void on_accept(void *ctx, struct nv_batch *batch, nv_accept_done *done, void *done_ctx)
{
    (void)ctx;
    nv_batch_free(batch);
    if (answer_later && waiting_count < CALLS_MAX) {
        waiting[waiting_count].done = done;
        waiting[waiting_count++].ctx = done_ctx;
    } else {
        done(done_ctx, NV_OK);
    }
}

static enum nv_err on_admit(void *ctx, size_t bytes)
{
    (void)ctx;
    return bytes % 251 == 250 ? NV_ERR_FULL : NV_OK;
}

static void on_wake(struct nv_grpc_call *call)
{
    if (call->dispatching) {
        call->ready = true;
        return;
    }
    require(woken_count < CALLS_MAX);
    woken[woken_count++] = call;
}

static void settle(void)
{
    for (unsigned i = 0; i < woken_count; i++) {
        woken[i]->ready = true;
        (void)nv_grpc_call_settle(woken[i]);
    }
    woken_count = 0;
}

static void answer_waiting(void)
{
    for (unsigned i = 0; i < waiting_count; i++)
        waiting[i].done(waiting[i].ctx, NV_OK);
    waiting_count = 0;
    settle();
}

static void pull(struct nv_grpc_session *session)
{
    struct nv_buf out;
    nv_buf_init(&out, ANSWER_BYTES_MAX);
    require(nv_grpc_session_pull(session, ANSWER_BYTES_MAX / 2, &out) == NV_OK);
    nv_buf_release(&out);
}

static void feed(struct nv_grpc_session *session, struct nv_str bytes, size_t piece)
{
    while (bytes.len > 0 && !nv_grpc_session_done(session)) {
        struct nv_str part = nv_str_slice(bytes, 0, piece);
        if (nv_grpc_session_feed(session, part) != NV_OK)
            break;
        pull(session);
        bytes = nv_str_slice(bytes, part.len, SIZE_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct nv_acceptor acceptor = {.accept = on_accept, .admit = on_admit};
    struct nv_otlp_grpc otlp = {.acceptor = &acceptor, .message_bytes_max = 1 << 20};
    struct nv_fake_clock clock;
    struct nv_grpc_shared shared = {.wake = on_wake};
    if (size == 0)
        return 0;
    nv_fake_clock_init(&clock, NV_NS_PER_S, 0);
    nv_grpc_limits_init(&shared.limits);
    shared.limits.undecoded_bytes_max = 1 << 20;
    shared.clock = &clock.clock;
    shared.service = nv_otlp_grpc_service(&otlp);
    require(nv_auth_new(NULL, NULL, NULL, &otlp.auth) == NV_OK);
    struct nv_grpc_session *session = nv_grpc_session_new(&shared, NULL, NULL);
    require(session != NULL);
    answer_later = (data[0] & 0x80) != 0;
    size_t piece = (data[0] & 0x7f) != 0 ? data[0] & 0x7f : SIZE_MAX;
    require(nv_grpc_session_feed(session, NV_STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == NV_OK);
    feed(session, (struct nv_str){(const char *)data + 1, size - 1}, piece);
    answer_waiting();
    pull(session);
    nv_fake_clock_advance(&clock, 70 * NV_NS_PER_S);
    (void)nv_grpc_session_tick(session, clock.mono);
    nv_grpc_session_shutdown(session);
    pull(session);
    nv_grpc_session_free(session);
    settle();
    require(atomic_load(&shared.calls) == 0);
    require(atomic_load(&shared.undecoded_bytes) == 0);
    nv_auth_free(otlp.auth);
    return 0;
}
