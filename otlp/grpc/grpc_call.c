/*
 * A call's buffers: headers as they come, the one message, the answer.
 *
 *   body: | flag | length, 4 bytes | message |      exactly one, or the call is refused
 *
 * Knows nothing of HTTP/2. What the prefix announces is believed only as far as bytes have
 * come: the buffer doubles, and every byte of it counts against the server's budget, so that a
 * thousand prefixes of 64 MiB cost nothing (CVE-2023-32732 and the like).
 *
 * Codes of what gRPC itself finds wrong follow its table (grpc.github.io, statuscodes):
 * cardinality is UNIMPLEMENTED, a bad prefix INTERNAL.
 *
 *   begin ─▶ head ─▶ feed* ─▶ end ─▶ handle ─▶ answer (any thread) ─▶ settled on the loop
 *     each of the first three may answer at once: then `ready`, and what follows is dropped
 */
#include "otlp/grpc/grpc_internal.h"

#include "base/limits.h"
#include "otlp/request/reply.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* Room for a message follows what has come: most peers send pieces of 16 KiB. */
#define MESSAGE_FIRST_BYTES ((size_t)1024)
#define CALL_MESSAGE_BYTES 384

static const struct nv_str header_names[NV_GRPC_HEADER_COUNT] = {
    [NV_GRPC_METHOD] = NV_STR_INIT(":method"),
    [NV_GRPC_PATH] = NV_STR_INIT(":path"),
    [NV_GRPC_CONTENT_TYPE] = NV_STR_INIT("content-type"),
    [NV_GRPC_ENCODING] = NV_STR_INIT("grpc-encoding"),
    [NV_GRPC_TIMEOUT] = NV_STR_INIT("grpc-timeout"),
    [NV_GRPC_AUTHORIZATION] = NV_STR_INIT("authorization"),
    [NV_GRPC_API_KEY] = NV_STR_INIT("x-api-key"),
    [NV_GRPC_PROJECT] = NV_STR_INIT("x-noveum-project"),
};

struct nv_grpc_call *nv_grpc_call_new(struct nv_grpc_shared *shared, int32_t stream_id)
{
    struct nv_grpc_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->shared = shared;
    call->stream_id = stream_id;
    /* no deadline unless the client names one */
    call->answer_by_ns = call->close_by_ns = UINT64_MAX;
    call->receive_by_ns =
        nv_clock_mono_ns(shared->clock) + shared->limits.call_timeout_ms * NV_NS_PER_MS;
    nv_buf_init(&call->header_bytes, shared->limits.header_list_bytes);
    nv_buf_init(&call->answer_message, NV_CAP_GRPC_TEXT);
    nv_buf_init(&call->answer_details, NV_CAP_GRPC_TEXT);
    nv_buf_init(&call->out, NV_CAP_OTLP_REPLY + NV_GRPC_PREFIX_BYTES);
    atomic_fetch_add(&shared->calls, 1);
    return call;
}

/* Takes `more` of the server's budget of undecoded bytes and of the account, adds it to `*to`.
 * Added first and taken back when it is too much: two calls that look first would both pass. */
static enum nv_err count(struct nv_grpc_call *call, size_t *to, size_t more)
{
    struct nv_grpc_shared *shared = call->shared;
    struct nv_account *account = shared->limits.account;
    bool fits = atomic_fetch_add(&shared->undecoded_bytes, more) + more <=
                shared->limits.undecoded_bytes_max;
    if (fits && (!account || nv_account_try_take(account, more))) {
        *to += more;
        return NV_OK;
    }
    atomic_fetch_sub(&shared->undecoded_bytes, more);
    return NV_ERR_BUSY;
}

static void uncount(struct nv_grpc_call *call, size_t *from)
{
    atomic_fetch_sub(&call->shared->undecoded_bytes, *from);
    if (call->shared->limits.account && *from > 0)
        nv_account_give(call->shared->limits.account, *from);
    *from = 0;
}

enum nv_err nv_grpc_call_count(struct nv_grpc_call *call, size_t more)
{
    return count(call, &call->counted, more);
}

static void drop_message(struct nv_grpc_call *call)
{
    assert(call->message_len <= call->message_capacity);
    assert(call->message_capacity <= call->counted || call->message == NULL);
    uncount(call, &call->counted);
    free(call->message);
    call->message = NULL;
    call->message_len = call->message_capacity = 0;
}

/* As soon as the batch is made: an answer may take a while, and its request's bytes must not be
 * held for that. */
void nv_grpc_call_forget_request(struct nv_grpc_call *call)
{
    drop_message(call);
    uncount(call, &call->counted_headers);
    call->header_seen = 0;
    nv_buf_release(&call->header_bytes);
}

void nv_grpc_call_free(struct nv_grpc_call *call)
{
    nv_grpc_call_forget_request(call);
    nv_buf_release(&call->answer_message);
    nv_buf_release(&call->answer_details);
    nv_buf_release(&call->out);
    atomic_fetch_sub(&call->shared->calls, 1);
    free(call);
}

/* ---- headers ----------------------------------------------------------------------------- */

static enum nv_err keep_value(struct nv_grpc_call *call, struct nv_str value)
{
    if (count(call, &call->counted_headers, value.len) != NV_OK)
        return NV_ERR_BUSY;
    return nv_buf_append_str(&call->header_bytes, value);
}

enum nv_err nv_grpc_call_add_header(struct nv_grpc_call *call, struct nv_str name,
                                    struct nv_str value)
{
    /* 32 more for each, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 6.5.2). */
    call->header_list_bytes += (uint32_t)(name.len + value.len + 32);
    if (call->header_list_bytes > call->shared->limits.header_list_bytes)
        return NV_ERR_LIMIT;
    for (unsigned i = 0; i < NV_GRPC_HEADER_COUNT; i++) {
        /* others are counted and forgotten: what a call needs is known beforehand */
        if (!nv_str_eq(name, header_names[i]))
            continue;
        uint16_t bit = (uint16_t)(1u << i);
        if ((call->header_seen & bit) != 0) {
            call->header_repeated |= bit;
            return NV_OK;
        }
        call->header_seen |= bit;
        call->header_at[i] = (uint32_t)call->header_bytes.len;
        call->header_len[i] = (uint32_t)value.len;
        return keep_value(call, value);
    }
    return NV_OK;
}

struct nv_str nv_grpc_call_header(const struct nv_grpc_call *call, enum nv_grpc_header which)
{
    assert(which < NV_GRPC_HEADER_COUNT);
    if ((call->header_seen & 1u << which) == 0)
        return (struct nv_str){0};
    if (call->header_len[which] == 0)
        return NV_STR("");
    return (struct nv_str){call->header_bytes.bytes + call->header_at[which],
                           call->header_len[which]};
}

bool nv_grpc_call_repeats(const struct nv_grpc_call *call, enum nv_grpc_header which)
{
    return (call->header_repeated & 1u << which) != 0;
}

/* ---- answers ----------------------------------------------------------------------------- */

/* Any thread, once a call. The last line hands the call over: after it nothing here may be
 * touched. */
void nv_grpc_call_answer(struct nv_grpc_call *call, const struct nv_grpc_answer *answer)
{
    assert(call->out.len == 0 && answer->body.len <= NV_CAP_OTLP_REPLY);
    call->http_status = answer->http_status != 0 ? answer->http_status : 200;
    call->code = answer->code;
    call->accepts_encodings = answer->accepts_encodings;
    call->stay = answer->stay;
    if (call->http_status != 200)
        (void)nv_buf_append_str(&call->out, answer->message);
    else if (answer->code == 0 && nv_grpc_put_frame(&call->out, answer->body) != NV_OK)
        call->code = NV_GRPC_UNAVAILABLE; /* no memory: the client will try again */
    /* what does not fit is left out: the code says what matters */
    if (nv_grpc_put_message(&call->answer_message, answer->message) != NV_OK)
        nv_buf_clear(&call->answer_message);
    if (nv_grpc_put_binary(&call->answer_details, answer->details) != NV_OK)
        nv_buf_clear(&call->answer_details);
    call->shared->wake(call);
}

void nv_grpc_call_refuse(struct nv_grpc_call *call, int code, const char *message)
{
    struct nv_grpc_answer answer = {.code = code, .message = nv_str_from(message)};
    nv_grpc_call_answer(call, &answer);
}

void nv_grpc_call_fail(struct nv_grpc_call *call, enum nv_err err, const struct nv_fail *fail)
{
    const struct nv_err_info *info = nv_err_info(err);
    int retry_s = nv_reply_retry_after_s(err);
    char text[CALL_MESSAGE_BYTES];
    struct nv_grpc_answer answer = {.code = info->grpc_code,
                                    .message = nv_reply_message(err, fail, text, sizeof text),
                                    .accepts_encodings = err == NV_ERR_ENCODING};
    struct nv_buf details;
    nv_buf_init(&details, NV_CAP_OTLP_REPLY);
    bool detailed = retry_s > 0 || (fail != NULL && fail->code != NV_OK);
    if (detailed && nv_reply_status(NV_MEDIA_PROTOBUF, answer.code, answer.message, fail,
                                    retry_s, &details) == NV_OK)
        answer.details = nv_buf_str(&details);
    nv_grpc_call_answer(call, &answer);
    nv_buf_release(&details);
}

/* ---- the message ------------------------------------------------------------------------- */

void nv_grpc_call_count_refused(const struct nv_grpc_call *call, int code)
{
    const struct nv_grpc_service *service = &call->shared->service;
    if (service->refused)
        service->refused(service->ctx, code);
}

/* What gRPC itself finds wrong, before the service has the call. */
static void refuse(struct nv_grpc_call *call, int code, const char *message)
{
    nv_grpc_call_count_refused(call, code);
    nv_grpc_call_refuse(call, code, message);
}

static void fail(struct nv_grpc_call *call, enum nv_err err)
{
    nv_grpc_call_count_refused(call, nv_err_info(err)->grpc_code);
    nv_grpc_call_fail(call, err, NULL);
}

/* After the client's own deadline nobody waits for the answer. */
static void set_deadline(struct nv_grpc_call *call)
{
    struct nv_str timeout = nv_grpc_call_header(call, NV_GRPC_TIMEOUT);
    uint64_t ns;
    if (!timeout.ptr)
        return;
    if (nv_grpc_parse_timeout(timeout, &ns) != NV_OK) {
        refuse(call, NV_GRPC_INVALID_ARGUMENT, "malformed grpc-timeout");
        return;
    }
    uint64_t now_ns = nv_clock_mono_ns(call->shared->clock);
    call->answer_by_ns = ns < UINT64_MAX - now_ns ? now_ns + ns : UINT64_MAX;
}

void nv_grpc_call_begin(struct nv_grpc_call *call)
{
    atomic_fetch_add(&call->shared->requests, 1);
    call->dispatching = true;
    set_deadline(call);
    if (!call->ready)
        call->shared->service.head(call->shared->service.ctx, call);
    call->dispatching = false;
}

/* Room for `extra` bytes, never more than announced; counted before it is taken. */
static enum nv_err reserve(struct nv_grpc_call *call, size_t extra)
{
    size_t need = call->message_len + extra;
    assert(need <= call->announced);
    if (need <= call->message_capacity)
        return NV_OK;
    size_t capacity =
        call->message_capacity == 0 ? MESSAGE_FIRST_BYTES : 2 * call->message_capacity;
    capacity = capacity < need ? need : capacity;
    /* exactly at the end: most messages then waste nothing of the budget */
    capacity = capacity > call->announced ? call->announced : capacity;
    if (count(call, &call->counted, capacity - call->counted) != NV_OK)
        return NV_ERR_BUSY;
    char *grown = realloc(call->message, capacity);
    if (!grown)
        return NV_ERR_NO_MEMORY;
    call->message = grown;
    call->message_capacity = capacity;
    return NV_OK;
}

/* The prefix is complete: may the message come? */
static void begin_message(struct nv_grpc_call *call)
{
    const struct nv_grpc_service *service = &call->shared->service;
    uint32_t len;
    nv_grpc_parse_prefix(call->prefix, &call->compressed, &len);
    call->announced = len;
    if (call->compressed > 1) {
        refuse(call, NV_GRPC_INTERNAL, "compressed flag must be 0 or 1");
        return;
    }
    /* Refused here, a message has cost nothing yet. */
    enum nv_err err = len > call->shared->limits.message_bytes_max
                          ? NV_ERR_TOO_LARGE
                          : service->admit(service->ctx, call, len);
    if (err != NV_OK)
        fail(call, err);
}

static void take_message(struct nv_grpc_call *call, struct nv_str bytes)
{
    if (bytes.len > call->announced - call->message_len) {
        refuse(call, NV_GRPC_UNIMPLEMENTED, "more than one message in a unary call");
        return;
    }
    enum nv_err err = reserve(call, bytes.len);
    if (err != NV_OK) {
        fail(call, err);
        return;
    }
    memcpy(call->message + call->message_len, bytes.ptr, bytes.len);
    call->message_len += bytes.len;
}

void nv_grpc_call_feed(struct nv_grpc_call *call, struct nv_str bytes)
{
    assert(!call->received && !call->ready);
    if (call->discarding)
        return;
    call->dispatching = true;
    while (call->prefix_len < NV_GRPC_PREFIX_BYTES && bytes.len > 0 && !call->ready) {
        call->prefix[call->prefix_len++] = (uint8_t)bytes.ptr[0];
        bytes = nv_str_slice(bytes, 1, SIZE_MAX);
        if (call->prefix_len == NV_GRPC_PREFIX_BYTES)
            begin_message(call);
    }
    if (bytes.len > 0 && !call->ready)
        take_message(call, bytes);
    call->dispatching = false;
    if (call->ready)
        drop_message(call);
}

void nv_grpc_call_end(struct nv_grpc_call *call)
{
    const struct nv_grpc_service *service = &call->shared->service;
    assert(!call->received && !call->ready);
    call->received = true;
    call->dispatching = true;
    if (call->prefix_len == 0 && !call->discarding) {
        refuse(call, NV_GRPC_UNIMPLEMENTED, "no message in a unary call");
    } else if (!call->discarding && (call->prefix_len < NV_GRPC_PREFIX_BYTES ||
                                     call->message_len < call->announced)) {
        refuse(call, NV_GRPC_INTERNAL, "message ends too early");
    } else {
        call->handed = true;
        service->handle(service->ctx, call);
    }
    call->dispatching = false;
}

/* The bytes go, what was counted for them stays until the call has been answered: what is made
 * of them is in memory meanwhile. */
size_t nv_grpc_call_take_message(struct nv_grpc_call *call, char **message)
{
    size_t len = call->message_len;
    *message = call->message;
    call->message = NULL;
    call->message_len = call->message_capacity = 0;
    return len;
}

void nv_grpc_call_discard(struct nv_grpc_call *call)
{
    assert(call->dispatching && !call->received);
    call->discarding = true;
}

uint64_t nv_grpc_call_client(const struct nv_grpc_call *call)
{
    return call->client;
}

struct nv_str nv_grpc_call_sender(const struct nv_grpc_call *call)
{
    bool ours = !call->loop || nv_loop_is_current(call->loop);
    return ours && call->session && call->sender ? nv_str_from(call->sender) : NV_STR("");
}

bool nv_grpc_call_compressed(const struct nv_grpc_call *call)
{
    return call->compressed == 1;
}
