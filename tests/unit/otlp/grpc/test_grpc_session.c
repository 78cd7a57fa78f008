/*
 * HTTP/2 under gRPC: what a peer may do, what it may not, and how sessions end.
 *
 * Names that begin with P08 are lines of the OTLP conformance list, section P. Frames that no
 * client library would send are written byte by byte.
 */
#include "grpc_rig.h"

#include "expect.h"
#include "oom.h"
#include "otlp/request/reply.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "base/banned.h"

static struct grpc_rig rig;
static struct {
    unsigned heads, handled;
    size_t message_len;
    bool later;
    struct nv_grpc_call *call;
} served;

static void on_head(void *ctx, struct nv_grpc_call *call)
{
    (void)ctx;
    (void)call;
    served.heads++;
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
    char *message;
    (void)ctx;
    served.handled++;
    served.message_len = nv_grpc_call_take_message(call, &message);
    free(message);
    served.call = call;
    if (!served.later)
        nv_grpc_call_answer(call, &(struct nv_grpc_answer){.body = NV_STR("ok")});
}

static void set_up(void)
{
    memset(&served, 0, sizeof served);
    grpc_rig_open(&rig, (struct nv_grpc_service){
                            .head = on_head, .admit = on_admit, .handle = on_handle});
}

static void tear_down(void)
{
    grpc_rig_close(&rig);
}

static const struct grpc_rig_stream *ask(const struct grpc_rig_header *more,
                                         struct nv_str message)
{
    struct nv_buf body;
    nv_buf_init(&body, 80 << 20);
    grpc_rig_frame(&body, 0, message);
    int32_t id = grpc_rig_request(&rig, "/x", more, nv_buf_str(&body), true);
    grpc_rig_pump(&rig);
    nv_buf_release(&body);
    return grpc_rig_stream(&rig, id);
}

static void flood(uint8_t type, uint8_t flags, uint32_t stream, struct nv_str payload,
                  unsigned n)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 64 << 20);
    for (unsigned i = 0; i < n; i++)
        grpc_rig_put_frame(&buf, type, flags, stream, payload);
    grpc_rig_raw(&rig, nv_buf_str(&buf));
    grpc_rig_pump(&rig);
    nv_buf_release(&buf);
}

/* ---- what is announced ------------------------------------------------------------------- */

START_TEST(P08_settings)
{
    nghttp2_session *client = rig.client;
    ck_assert_uint_eq(
        nghttp2_session_get_remote_settings(client, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
        100);
    ck_assert_uint_eq(
        nghttp2_session_get_remote_settings(client, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE),
        16384);
    ck_assert_uint_eq(
        nghttp2_session_get_remote_settings(client, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE),
        1 << 20);
    ck_assert_int_eq(nghttp2_session_get_remote_window_size(client), 4 << 20);
}
END_TEST

/* The 101st waits in the client until one of the hundred has ended. */
START_TEST(P08_max_concurrent_streams)
{
    served.later = true;
    int32_t last = 0;
    for (int i = 0; i < 101; i++)
        last = grpc_rig_request(&rig, "/x", NULL, NV_STR(""), false);
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(served.heads, 100);
    grpc_rig_cancel(&rig, 1);
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(served.heads, 101);
    ck_assert_int_gt(last, 0);
}
END_TEST

/* :method POST, :scheme http, :path / and :authority "a", as HPACK writes them */
#define RAW_REQUEST                                                                            \
    NV_STR("\x83\x86\x84\x01\x01"                                                              \
           "a")

/* A client that ignores the limit has broken the protocol. */
START_TEST(P08_streams_past_the_limit_are_not_served)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 20);
    for (uint32_t i = 0; i < 150; i++) {
        grpc_rig_put_frame(&buf, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 2 * i + 1,
                           RAW_REQUEST);
    }
    grpc_rig_raw(&rig, nv_buf_str(&buf));
    ck_assert_uint_eq(served.heads, 100);
    ck_assert_uint_eq(atomic_load(&rig.shared.calls), 100);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(P08_ping_is_answered)
{
    ck_assert_int_eq(nghttp2_submit_ping(rig.client, 0, NULL), 0);
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(rig.ping_acks, 1);
}
END_TEST

/* ---- flow control ------------------------------------------------------------------------ */

/* Messages far larger than the windows go through: neither side waits for the other. */
START_TEST(P08_flow_control_does_not_deadlock)
{
    static const size_t lengths[] = {0, 1, 65535, 65536, 1 << 20, (1 << 20) + 1, 9 << 20};
    char *message = calloc(1, lengths[_i] + 1);
    ck_assert_ptr_nonnull(message);
    const struct grpc_rig_stream *stream = ask(NULL, (struct nv_str){message, lengths[_i]});
    ck_assert_int_eq(stream->grpc_status, 0);
    ck_assert_uint_eq(served.message_len, lengths[_i]);
    free(message);
}
END_TEST

START_TEST(P08_many_uploads_share_the_connection)
{
    size_t len = 300000;
    char *message = calloc(1, len);
    struct nv_buf body;
    int32_t ids[20];
    ck_assert_ptr_nonnull(message);
    nv_buf_init(&body, 1 << 20);
    grpc_rig_frame(&body, 0, (struct nv_str){message, len});
    for (int i = 0; i < 20; i++)
        ids[i] = grpc_rig_request(&rig, "/x", NULL, nv_buf_str(&body), true);
    grpc_rig_pump(&rig);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(grpc_rig_stream(&rig, ids[i])->grpc_status, 0);
    ck_assert_uint_eq(served.handled, 20);
    nv_buf_release(&body);
    free(message);
}
END_TEST

START_TEST(message_in_single_bytes)
{
    struct nv_buf body;
    nv_buf_init(&body, 1000);
    grpc_rig_frame(&body, 0, NV_STR("hello"));
    struct nv_buf frames;
    nv_buf_init(&frames, 1000);
    int32_t id = grpc_rig_request(&rig, "/x", NULL, NV_STR(""), false);
    grpc_rig_pump(&rig);
    for (size_t i = 0; i < body.len; i++) {
        grpc_rig_put_frame(&frames, NGHTTP2_DATA,
                           i + 1 == body.len ? NGHTTP2_FLAG_END_STREAM : 0, (uint32_t)id,
                           (struct nv_str){body.bytes + i, 1});
    }
    for (size_t i = 0; i < frames.len; i++)
        grpc_rig_raw(&rig, (struct nv_str){frames.bytes + i, 1});
    ck_assert_uint_eq(served.handled, 1);
    ck_assert_uint_eq(served.message_len, 5);
    nv_buf_release(&body);
    nv_buf_release(&frames);
}
END_TEST

/* What is held of messages is bounded over all calls; the one too many is told to wait. */
START_TEST(budget_of_undecoded_bytes)
{
    char bytes[40000] = {0};
    struct nv_buf body;
    nv_buf_init(&body, 100000);
    grpc_rig_frame(&body, 0, (struct nv_str){bytes, sizeof bytes});
    rig.shared.limits.undecoded_bytes_max = 100000;
    int32_t first =
        grpc_rig_request(&rig, "/x", NULL, nv_str_slice(nv_buf_str(&body), 0, 40000), false);
    int32_t second =
        grpc_rig_request(&rig, "/x", NULL, nv_str_slice(nv_buf_str(&body), 0, 40000), false);
    grpc_rig_pump(&rig);
    int32_t third = grpc_rig_request(&rig, "/x", NULL, nv_buf_str(&body), true);
    grpc_rig_pump(&rig);
    ck_assert_int_eq(grpc_rig_stream(&rig, third)->grpc_status, NV_GRPC_UNAVAILABLE);
    ck_assert_str_ne(grpc_rig_stream(&rig, third)->details, "");
    ck_assert_int_eq(grpc_rig_stream(&rig, first)->grpc_status, -1);
    grpc_rig_cancel(&rig, first);
    grpc_rig_cancel(&rig, second);
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(atomic_load(&rig.shared.undecoded_bytes), 0);
    nv_buf_release(&body);
}
END_TEST

/* A prefix that announces 64 MiB costs nothing until bytes come. */
START_TEST(announced_is_not_allocated)
{
    for (int i = 0; i < 90; i++) {
        (void)grpc_rig_request(&rig, "/x", NULL,
                               NV_STR("\0\4\0\0\0"
                                      "x"),
                               false);
    }
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(served.heads, 90);
    ck_assert_uint_le(atomic_load(&rig.shared.undecoded_bytes), (size_t)90 * 1100);
}
END_TEST

/* Headers that are kept until the call is answered count like messages. */
START_TEST(budget_holds_headers_too)
{
    char token[4001];
    memset(token, 't', sizeof token - 1);
    token[sizeof token - 1] = '\0';
    const struct grpc_rig_header more[] = {{"authorization", token}, {"", NULL}};
    int32_t ids[4];
    rig.shared.limits.undecoded_bytes_max = 13000;
    for (int i = 0; i < 4; i++) {
        ids[i] = grpc_rig_request(&rig, "/x", more, NV_STR(""), false);
        grpc_rig_pump(&rig);
    }
    ck_assert_uint_eq(served.heads, 3);
    ck_assert(!grpc_rig_stream(&rig, ids[2])->closed);
    ck_assert(grpc_rig_stream(&rig, ids[3])->closed);
    /* "not processed, may be sent again" (RFC 9113 section 8.7) */
    ck_assert_uint_eq(grpc_rig_stream(&rig, ids[3])->error, NGHTTP2_REFUSED_STREAM);
    ck_assert_uint_gt(atomic_load(&rig.shared.undecoded_bytes), 12000);
    grpc_rig_cancel(&rig, ids[0]);
    (void)grpc_rig_request(&rig, "/x", more, NV_STR(""), false);
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(served.heads, 4);
}
END_TEST

/* ---- headers ----------------------------------------------------------------------------- */

START_TEST(P08_header_list_is_capped)
{
    char value[9000];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    struct grpc_rig_header one[] = {{"a", value}, {"", NULL}};
    struct grpc_rig_header two[] = {{"a", value}, {"b", value}, {"", NULL}};
    ck_assert_int_eq(ask(one, NV_STR(""))->grpc_status, 0);
    const struct grpc_rig_stream *stream = ask(two, NV_STR(""));
    ck_assert(stream->closed);
    ck_assert_uint_ne(stream->error, 0);
    ck_assert_int_eq(stream->grpc_status, -1);
    ck_assert_int_eq(ask(NULL, NV_STR(""))->grpc_status, 0);
}
END_TEST

/* HPACK bomb: one long header kept in the table, then named again and again. */
START_TEST(P08_hpack_bomb)
{
    struct nv_buf block, frames;
    char value[4000];
    memset(value, 'v', sizeof value);
    nv_buf_init(&block, 100000);
    nv_buf_init(&frames, 100000);
    /* literal with indexing, new name "x", value of 4,000 bytes (length as HPACK integer) */
    (void)nv_buf_append_str(&block, NV_STR("\x83\x86\x84\x40\x01x\x7f\xa1\x1e"));
    (void)nv_buf_append(&block, value, sizeof value);
    for (int i = 0; i < 10000; i++)
        (void)nv_buf_append_char(&block, (char)0xbe); /* index 62: the newest entry */
    grpc_rig_put_frame(&frames, NGHTTP2_HEADERS,
                       NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1,
                       nv_buf_str(&block));
    grpc_rig_raw(&rig, nv_buf_str(&frames));
    ck_assert_uint_eq(served.heads, 0);
    ck_assert_uint_eq(served.handled, 0);
    nv_buf_release(&block);
    nv_buf_release(&frames);
}
END_TEST

START_TEST(P08_continuation_flood)
{
    struct nv_buf frames;
    nv_buf_init(&frames, 1 << 20);
    grpc_rig_put_frame(&frames, NGHTTP2_HEADERS, 0, 1, NV_STR("\x83\x86\x84"));
    for (int i = 0; i < 1000; i++)
        grpc_rig_put_frame(&frames, NGHTTP2_CONTINUATION, 0, 1, NV_STR(""));
    grpc_rig_raw(&rig, nv_buf_str(&frames));
    grpc_rig_pump(&rig);
    ck_assert(rig.fed != NV_OK || nv_grpc_session_done(rig.session));
    nv_buf_release(&frames);
}
END_TEST

/* ---- floods ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    uint8_t type, flags;
    struct nv_str payload;
} floods[] = {
    {"PING", NGHTTP2_PING, 0, NV_STR_INIT("12345678")},
    {"SETTINGS", NGHTTP2_SETTINGS, 0, NV_STR_INIT("")},
    {"SETTINGS with entries", NGHTTP2_SETTINGS, 0, NV_STR_INIT("\0\4\0\0\1\0")},
    {"WINDOW_UPDATE", NGHTTP2_WINDOW_UPDATE, 0, NV_STR_INIT("\0\0\0\1")},
    {"unknown PRIORITY", NGHTTP2_PRIORITY, 0, NV_STR_INIT("\0\0\0\0\0")},
    {"PING answers", NGHTTP2_PING, NGHTTP2_FLAG_ACK, NV_STR_INIT("12345678")},
};

START_TEST(P08_floods_end_the_connection)
{
    uint32_t stream = floods[_i].type == NGHTTP2_PRIORITY ? 1 : 0;
    bool harmless = _i == 5; /* costs us nothing to read */
    flood(floods[_i].type, floods[_i].flags, stream, floods[_i].payload, 3000);
    bool over = rig.fed != NV_OK || nv_grpc_session_done(rig.session);
    ck_assert_msg(over != harmless, "%s", floods[_i].name);
    ck_assert_uint_eq(atomic_load(&rig.shared.floods), !harmless);
}
END_TEST

/* As grpc_session.c has it. */
#define ALLOWANCE_MAX 2000

/* However long nothing came: the second before fills up what the greeting took. */
START_TEST(P08_as_many_frames_at_once_as_are_allowed_and_one_more)
{
    for (int second = 0; second < 5; second++)
        ck_assert(grpc_rig_advance(&rig, 1000));
    for (int i = 0; i < ALLOWANCE_MAX / 100; i++) /* as many answers as wait at once */
        flood(NGHTTP2_PING, 0, 0, NV_STR("12345678"), 100);
    ck_assert_int_eq(rig.fed, NV_OK);
    ck_assert(!nv_grpc_session_done(rig.session));
    ck_assert_uint_eq(atomic_load(&rig.shared.floods), 0);
    flood(NGHTTP2_PING, 0, 0, NV_STR("12345678"), 1);
    ck_assert(rig.fed != NV_OK || nv_grpc_session_done(rig.session));
    ck_assert_uint_eq(atomic_load(&rig.shared.floods), 1);
}
END_TEST

/* The same frames, but no faster than anybody needs them. */
START_TEST(P08_what_is_no_flood)
{
    for (int second = 0; second < 100; second++) {
        flood(NGHTTP2_PING, 0, 0, NV_STR("12345678"), 90);
        ck_assert(grpc_rig_advance(&rig, 1000));
    }
    ck_assert_int_eq(rig.fed, NV_OK);
    ck_assert(!nv_grpc_session_done(rig.session));
    ck_assert_uint_eq(atomic_load(&rig.shared.floods), 0);
}
END_TEST

START_TEST(P08_empty_data_flood)
{
    int32_t id = grpc_rig_request(&rig, "/x", NULL, NV_STR(""), false);
    grpc_rig_pump(&rig);
    flood(NGHTTP2_DATA, 0, (uint32_t)id, NV_STR(""), 3000);
    ck_assert(nv_grpc_session_done(rig.session));
    ck_assert_uint_eq(rig.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
}
END_TEST

/* CVE-2023-44487: open and reset, over and over. */
START_TEST(P08_rapid_reset)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 20);
    for (uint32_t i = 0; i < 5000; i++) {
        grpc_rig_put_frame(&buf, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 2 * i + 1,
                           RAW_REQUEST);
        grpc_rig_put_frame(&buf, NGHTTP2_RST_STREAM, 0, 2 * i + 1, NV_STR("\0\0\0\x08"));
    }
    grpc_rig_raw(&rig, nv_buf_str(&buf));
    grpc_rig_pump(&rig);
    ck_assert_uint_gt(served.heads, 100);
    ck_assert_uint_lt(served.heads, 300);
    ck_assert_uint_eq(rig.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    ck_assert(nv_grpc_session_done(rig.session));
    nv_buf_release(&buf);
}
END_TEST

/* A client whose calls are answered may cancel as many as it likes. */
START_TEST(P08_cancelling_among_calls_is_no_flood)
{
    for (int i = 0; i < 120; i++) {
        int32_t id = grpc_rig_request(&rig, "/x", NULL, NV_STR(""), false);
        grpc_rig_pump(&rig);
        grpc_rig_cancel(&rig, id);
        ck_assert_int_eq(ask(NULL, NV_STR(""))->grpc_status, 0);
        ck_assert(grpc_rig_advance(&rig, 50));
    }
    ck_assert_uint_eq(atomic_load(&rig.shared.floods), 0);
}
END_TEST

/* ---- broken bytes ------------------------------------------------------------------------ */

START_TEST(not_http2)
{
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX",
    };
    struct nv_grpc_session *session = nv_grpc_session_new(&rig.shared, NULL, NULL);
    ck_assert_ptr_nonnull(session);
    ck_assert_int_eq(nv_grpc_session_feed(session, nv_str_from(texts[_i])), NV_ERR_MALFORMED);
    nv_grpc_session_free(session);
}
END_TEST

START_TEST(frame_too_large)
{
    grpc_rig_raw(&rig, NV_STR("\xff\xff\xff\x00\x00\x00\x00\x00\x01"));
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(rig.goaway_error, NGHTTP2_FRAME_SIZE_ERROR);
    ck_assert(nv_grpc_session_done(rig.session));
}
END_TEST

/* ---- time -------------------------------------------------------------------------------- */

START_TEST(no_greeting)
{
    struct nv_grpc_session *session = nv_grpc_session_new(&rig.shared, NULL, NULL);
    ck_assert_ptr_nonnull(session);
    nv_fake_clock_advance(&rig.clock, 9999 * NV_NS_PER_MS);
    ck_assert(nv_grpc_session_tick(session, rig.clock.mono));
    nv_fake_clock_advance(&rig.clock, NV_NS_PER_MS);
    ck_assert(!nv_grpc_session_tick(session, rig.clock.mono));
    nv_grpc_session_free(session);
}
END_TEST

START_TEST(message_that_never_ends)
{
    int32_t id = grpc_rig_request(&rig, "/x", NULL,
                                  NV_STR("\0\0\0\0\5"
                                         "ab"),
                                  false);
    grpc_rig_pump(&rig);
    ck_assert(grpc_rig_advance(&rig, 59999));
    ck_assert(!grpc_rig_stream(&rig, id)->closed);
    ck_assert(grpc_rig_advance(&rig, 1));
    ck_assert(grpc_rig_stream(&rig, id)->closed);
    ck_assert_int_eq(grpc_rig_stream(&rig, id)->grpc_status, NV_GRPC_DEADLINE_EXCEEDED);
    ck_assert_uint_eq(served.handled, 0);
    ck_assert_uint_eq(atomic_load(&rig.shared.timeouts), 1);
}
END_TEST

/* A peer that opens no window for its answer keeps the call no longer than one that reads
 * none. */
START_TEST(answer_that_is_never_let_in)
{
    nghttp2_settings_entry closed = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    ck_assert_int_eq(nghttp2_submit_settings(rig.client, 0, &closed, 1), 0);
    int32_t id = grpc_rig_request(&rig, "/x", NULL, NV_STR("\0\0\0\0\0"), true);
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(served.handled, 1);
    ck_assert(grpc_rig_advance(&rig, 29999));
    ck_assert(!grpc_rig_stream(&rig, id)->closed);
    ck_assert(nv_grpc_session_busy(rig.session));
    ck_assert(grpc_rig_advance(&rig, 1));
    ck_assert(grpc_rig_stream(&rig, id)->closed);
    ck_assert_uint_eq(grpc_rig_stream(&rig, id)->error, NGHTTP2_CANCEL);
    ck_assert(!nv_grpc_session_busy(rig.session));
    ck_assert_uint_eq(atomic_load(&rig.shared.calls), 0);
    ck_assert_uint_eq(atomic_load(&rig.shared.timeouts), 1);
}
END_TEST

START_TEST(P08_silent_peer_is_pinged)
{
    ck_assert(grpc_rig_advance(&rig, 119999));
    ck_assert_uint_eq(rig.pings, 0);
    ck_assert(grpc_rig_advance(&rig, 1));
    ck_assert_uint_eq(rig.pings, 1); /* the client has answered: alive */
    ck_assert(grpc_rig_advance(&rig, 119999));
    ck_assert_uint_eq(rig.pings, 1);
}
END_TEST

START_TEST(P08_dead_peer_is_closed)
{
    struct nv_buf out;
    nv_buf_init(&out, 1000);
    nv_fake_clock_advance(&rig.clock, 120 * NV_NS_PER_S);
    ck_assert(nv_grpc_session_tick(rig.session, rig.clock.mono));
    ck_assert_int_eq(nv_grpc_session_pull(rig.session, 1000, &out), NV_OK);
    ck_assert_uint_eq(out.len, 17);
    nv_fake_clock_advance(&rig.clock, 19999 * NV_NS_PER_MS);
    ck_assert(nv_grpc_session_tick(rig.session, rig.clock.mono));
    nv_fake_clock_advance(&rig.clock, NV_NS_PER_MS);
    ck_assert(!nv_grpc_session_tick(rig.session, rig.clock.mono));
    nv_buf_release(&out);
}
END_TEST

/* ---- the end ----------------------------------------------------------------------------- */

START_TEST(P08_shutdown_lets_calls_end)
{
    served.later = true;
    int32_t id = grpc_rig_request(&rig, "/x", NULL, NV_STR("\0\0\0\0\0"), true);
    grpc_rig_pump(&rig);
    nv_grpc_session_shutdown(rig.session);
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(rig.goaways, 1);
    ck_assert_int_eq(rig.goaway_last, INT32_MAX);
    ck_assert_uint_eq(rig.goaway_error, 0);
    ck_assert(grpc_rig_advance(&rig, 100));
    ck_assert_uint_eq(rig.goaways, 2);
    ck_assert_int_eq(rig.goaway_last, id);
    ck_assert(!nv_grpc_session_done(rig.session));
    nv_grpc_call_answer(served.call, &(struct nv_grpc_answer){.body = NV_STR("")});
    grpc_rig_pump(&rig);
    ck_assert_int_eq(grpc_rig_stream(&rig, id)->grpc_status, 0);
    ck_assert(nv_grpc_session_done(rig.session));
}
END_TEST

START_TEST(session_gone_with_calls_waiting)
{
    served.later = true;
    (void)grpc_rig_request(&rig, "/x", NULL, NV_STR("\0\0\0\0\0"), true);
    grpc_rig_pump(&rig);
    struct nv_grpc_call *call = served.call;
    nv_grpc_session_free(rig.session);
    rig.session = NULL;
    ck_assert_uint_eq(atomic_load(&rig.shared.calls), 1);
    nv_grpc_call_answer(call, &(struct nv_grpc_answer){.body = NV_STR("")});
}
END_TEST

/* A session that cannot be made leaves nothing behind, and the next one works. */
START_TEST(every_allocation_failing_once)
{
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        struct nv_grpc_session *session = nv_grpc_session_new(&rig.shared, NULL, NULL);
        bool failed = oom_end();
        ck_assert_int_eq(session == NULL, failed);
        nv_grpc_session_free(session);
        if (!failed)
            break;
    }
    ck_assert_int_eq(ask(NULL, NV_STR("x"))->grpc_status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/grpc_session");
    TCase *tc = tcase_create("grpc_session");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, P08_settings);
    tcase_add_test(tc, P08_max_concurrent_streams);
    tcase_add_test(tc, P08_streams_past_the_limit_are_not_served);
    tcase_add_test(tc, P08_ping_is_answered);
    tcase_add_loop_test(tc, P08_flow_control_does_not_deadlock, 0, 7);
    tcase_add_test(tc, P08_many_uploads_share_the_connection);
    tcase_add_test(tc, message_in_single_bytes);
    tcase_add_test(tc, budget_of_undecoded_bytes);
    tcase_add_test(tc, announced_is_not_allocated);
    tcase_add_test(tc, budget_holds_headers_too);
    tcase_add_test(tc, P08_header_list_is_capped);
    tcase_add_test(tc, P08_hpack_bomb);
    tcase_add_test(tc, P08_continuation_flood);
    tcase_add_loop_test(tc, P08_floods_end_the_connection, 0, 6);
    tcase_add_test(tc, P08_what_is_no_flood);
    tcase_add_test(tc, P08_as_many_frames_at_once_as_are_allowed_and_one_more);
    tcase_add_test(tc, P08_empty_data_flood);
    tcase_add_test(tc, P08_rapid_reset);
    tcase_add_test(tc, P08_cancelling_among_calls_is_no_flood);
    tcase_add_loop_test(tc, not_http2, 0, 4);
    tcase_add_test(tc, frame_too_large);
    tcase_add_test(tc, no_greeting);
    tcase_add_test(tc, message_that_never_ends);
    tcase_add_test(tc, answer_that_is_never_let_in);
    tcase_add_test(tc, P08_silent_peer_is_pinged);
    tcase_add_test(tc, P08_dead_peer_is_closed);
    tcase_add_test(tc, P08_shutdown_lets_calls_end);
    tcase_add_test(tc, session_gone_with_calls_waiting);
    tcase_add_test(tc, every_allocation_failing_once);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
