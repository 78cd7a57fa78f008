/*
 * How often the allocator is asked on the way of a span, in the steady state: counted, so that
 * an allocation per span or per attribute cannot slip in.
 */
#include "assembly/assembly.h"
#include "base/buf.h"
#include "expect.h"
#include "exporter/encode/encode.h"
#include "http_rig.h"
#include "mapping_kit.h"
#include "oom.h"
#include "otlp_build.h"
#include "otlp/http/otlp_http.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define BODY_MAX ((size_t)64 << 20)
#define TRACES 3

static void accept_all(void *ctx, struct nv_batch *batch, nv_accept_done *done, void *done_ctx)
{
    (void)ctx;
    nv_batch_free(batch);
    done(done_ctx, NV_OK);
}

static enum nv_err admit_all(void *ctx, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    return NV_OK;
}

static const struct nv_acceptor acceptor = {.accept = accept_all, .admit = admit_all};

static void put_span(struct nv_buf *out, unsigned trace, unsigned span)
{
    (void)nv_buf_printf(out,
                        "{\"traceId\":\"%032x\",\"spanId\":\"%016x\",\"parentSpanId\":\"%s\","
                        "\"name\":\"chat gpt-4o\",\"kind\":3,\"startTimeUnixNano\":\"1000\","
                        "\"endTimeUnixNano\":\"2000\",\"attributes\":[",
                        trace, span, span == 1 ? "" : "0000000000000001");
    for (unsigned i = 0; i < 20; i++) {
        (void)nv_buf_printf(out, "{\"key\":\"app.key.%u\",\"value\":{\"stringValue\":\"%u\"}},",
                            i, span);
    }
    (void)nv_buf_printf(
        out, "{\"key\":\"gen_ai.operation.name\",\"value\":{\"stringValue\":\"chat\"}},"
             "{\"key\":\"gen_ai.request.model\",\"value\":{\"stringValue\":\"gpt-4o\"}},"
             "{\"key\":\"gen_ai.usage.input_tokens\",\"value\":{\"intValue\":\"7\"}},"
             "{\"key\":\"gen_ai.usage.output_tokens\",\"value\":{\"intValue\":\"9\"}}]}");
}

/* Traces `first` to `last`, of so many spans each. */
static struct nv_buf request_of(unsigned first, unsigned last, unsigned spans)
{
    struct nv_buf out;
    nv_buf_init(&out, BODY_MAX);
    (void)nv_buf_append_str(&out, NV_STR("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":["));
    for (unsigned t = first; t <= last; t++) {
        for (unsigned s = 1; s <= spans; s++) {
            put_span(&out, t, s);
            (void)nv_buf_append_char(&out, t == last && s == spans ? ' ' : ',');
        }
    }
    ck_assert_int_eq(nv_buf_append_str(&out, NV_STR("]}]}]}")), NV_OK);
    ck_assert_int_eq(nv_buf_reserve(&out, 1), NV_OK);
    out.bytes[out.len] = '\0';
    return out;
}

/* ---- a request, from its first byte to its answer ---------------------------------------- */

/* No helper with assertions in it between the counts: check allocates for each. */
static unsigned long ask_on(struct http_rig *rig, int fd, struct nv_str request)
{
    rig->len = 0;
    oom_count_only();
    for (int turns = 0; request.len > 0 && turns < 100000; turns++) {
        ssize_t sent = send(fd, request.ptr, request.len, MSG_NOSIGNAL);
        request = nv_str_slice(request, sent > 0 ? (size_t)sent : 0, request.len);
        http_rig_turn(rig);
    }
    http_rig_turn(rig);
    unsigned long asked = oom_count();
    (void)oom_end();
    (void)http_rig_read(rig, fd);
    ck_assert_int_eq(http_rig_status(rig, 0), 200);
    return asked;
}

/* A receiver of OTLP over HTTP, with one connection to it. */
struct receiver {
    struct http_rig rig;
    struct nv_otlp_http *service;
    struct nv_auth *auth;
    int fd;
};

static void receiver_open(struct receiver *receiver, const struct nv_acceptor *behind)
{
    size_t count;
    ck_assert_int_eq(nv_auth_new(NULL, NULL, NULL, &receiver->auth), NV_OK);
    struct nv_otlp_http_config config = {
        .acceptor = behind, .max_body_bytes = BODY_MAX, .auth = receiver->auth};
    ck_assert_int_eq(nv_otlp_http_new(&config, NULL, &receiver->service), NV_OK);
    const struct nv_http_route *routes = nv_otlp_http_routes(receiver->service, &count);
    struct nv_http_hooks hooks = nv_otlp_http_hooks(receiver->service);
    http_rig_open(&receiver->rig, routes, count, NULL, &hooks);
    receiver->fd = http_rig_connect(&receiver->rig);
    /* else the last bytes of a request may wait for an acknowledgement */
    ck_assert_int_eq(setsockopt(receiver->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)),
                     0);
}

static void receiver_close(struct receiver *receiver)
{
    (void)close(receiver->fd);
    http_rig_close(&receiver->rig);
    nv_otlp_http_free(receiver->service);
    nv_auth_free(receiver->auth);
}

static struct nv_buf posted(struct nv_str body)
{
    struct nv_buf request;
    nv_buf_init(&request, 2 * BODY_MAX);
    (void)nv_buf_printf(&request,
                        "POST /v1/traces HTTP/1.1\r\nHost: a\r\n"
                        "Content-Type: application/x-protobuf\r\nContent-Length: %zu\r\n\r\n",
                        body.len);
    ck_assert_int_eq(nv_buf_append_str(&request, body), NV_OK);
    return request;
}

/* Allocations of the third request of a connection. */
static unsigned long of_a_request(struct nv_str body)
{
    static struct receiver receiver;
    unsigned long asked = 0;
    receiver_open(&receiver, &acceptor);
    struct nv_buf request = posted(body);
    for (int i = 0; i < 3; i++)
        asked = ask_on(&receiver.rig, receiver.fd, nv_buf_str(&request));
    nv_buf_release(&request);
    receiver_close(&receiver);
    return asked;
}

/* The same as protobuf. */
static struct nv_test_decoded protobuf_of(unsigned trace, unsigned spans)
{
    struct nv_buf json = request_of(trace, trace, spans);
    struct nv_test_decoded decoded =
        nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_JSON, nv_buf_str(&json));
    ck_assert_int_eq(decoded.err, NV_OK);
    nv_buf_release(&json);
    return decoded;
}

/* Body and batch: the body is read into one block, as long as one that the connection has
 * brought before, and the items lie behind the batch. Exchange, head and reply are those of the
 * request before; what is pending lies in the exchange, a first group in the batch. */
static const struct {
    unsigned spans;
    unsigned long at_most;
} requests[] = {{1, 2}, {10, 2}, {100, 2}, {1000, 2}};

START_TEST(a_request_asks_for_what_it_holds_once)
{
    struct nv_test_decoded decoded = protobuf_of(1, requests[_i].spans);
    unsigned long asked =
        of_a_request((struct nv_str){decoded.batch->body, decoded.batch->body_len});
    ck_assert_msg(asked <= requests[_i].at_most, "%u spans: %lu", requests[_i].spans, asked);
    ck_assert_uint_ge(asked, 2); /* what counts nothing would pass */
    nv_batch_free(decoded.batch);
}
END_TEST

/* ---- a request, with all that is behind the door ----------------------------------------- */

/*
 * A gateway without its translation: receiver, journal and shard, each on its own thread.
 *
 *   test's thread: send, receive, decode, accept ─▶ committer: journal, answer ─▶ shard: complete
 *
 * The first trace stays open to the end, as there always is one of the same resource that is;
 * those of the warm-up are settled together, so that a request finds a spare block whatever
 * round of the journal the one before it is freed in.
 */
#define CHAIN_WARM 8
#define CHAIN_COUNTED 8

struct chain {
    struct receiver receiver;
    struct nv_assembly *assembly;
    struct nv_acceptor inner;
    sem_t answered, completed;
    nv_accept_done *done; /* of the one request on its way */
    void *done_ctx;
    pthread_mutex_t turning; /* of the loop, which has no thread of its own */
    pthread_mutex_t lock;    /* of the next three */
    struct nv_claim *held[CHAIN_WARM + 1];
    unsigned held_count;
    bool hold;
    unsigned long committer_asked; /* by the journal's thread so far, when it answered */
    char directory[64];
};

/* On the journal's thread. */
static void chain_answer(void *ctx, enum nv_err err)
{
    struct chain *chain = ctx;
    chain->committer_asked = oom_count_here();
    pthread_mutex_lock(&chain->turning);
    chain->done(chain->done_ctx, err);
    pthread_mutex_unlock(&chain->turning);
    (void)sem_post(&chain->answered);
}

static void chain_accept(void *ctx, struct nv_batch *batch, nv_accept_done *done,
                         void *done_ctx)
{
    struct chain *chain = ctx;
    chain->done = done;
    chain->done_ctx = done_ctx;
    chain->inner.accept(chain->inner.ctx, batch, chain_answer, chain);
}

static enum nv_err chain_admit(void *ctx, size_t bytes)
{
    struct chain *chain = ctx;
    return chain->inner.admit(chain->inner.ctx, bytes);
}

static void chain_settle(struct chain *chain, struct nv_claim *claim)
{
    nv_assembly_settler(chain->assembly).settle(chain->assembly, claim, NV_OUTCOME_DELIVERED);
}

/* On the shard's thread. */
static void chain_complete(void *ctx, struct nv_raw_trace *raw)
{
    struct chain *chain = ctx;
    struct nv_claim *claim = raw->claim;
    nv_ledger_queue(raw->span_count);
    nv_ledger_deliver(raw->span_count);
    nv_arena_free(raw->arena);
    pthread_mutex_lock(&chain->lock);
    bool hold = chain->hold;
    if (hold)
        chain->held[chain->held_count++] = claim;
    pthread_mutex_unlock(&chain->lock);
    if (!hold)
        chain_settle(chain, claim);
    (void)sem_post(&chain->completed);
}

static void chain_open(struct chain *chain)
{
    static struct nv_acceptor outer;
    struct nv_assembly_config config;
    struct nv_fail fail = {.code = NV_OK};
    const struct nv_completer completer = {.ctx = chain, .complete = chain_complete};
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(chain->directory, sizeof chain->directory, "%s/noveum-chain-XXXXXX", base);
    ck_assert_ptr_nonnull(mkdtemp(chain->directory));
    (void)sem_init(&chain->answered, 0, 0);
    (void)sem_init(&chain->completed, 0, 0);
    (void)pthread_mutex_init(&chain->lock, NULL);
    (void)pthread_mutex_init(&chain->turning, NULL);
    chain->held_count = 0; /* a case before it in the same process left one */
    nv_assembly_config_init(&config);
    config.journal_directory = chain->directory;
    config.durability = NV_DURABILITY_OS;
    config.quiet_ms = config.quiet_distributed_ms = config.quiet_logs_ms = 1;
    config.open_ms = config.remote_parent_ms = config.max_wait_ms = 1;
    chain->assembly = nv_assembly_new(&config, nv_clock_system(), &completer, &fail);
    ck_assert_msg(chain->assembly != NULL, "%s", fail.what);
    ck_assert_int_eq(nv_assembly_start(chain->assembly, &fail), NV_OK);
    chain->inner = nv_assembly_acceptor(chain->assembly);
    outer = (struct nv_acceptor){.ctx = chain, .accept = chain_accept, .admit = chain_admit};
    receiver_open(&chain->receiver, &outer);
}

static void chain_close(struct chain *chain)
{
    char command[128];
    receiver_close(&chain->receiver);
    for (unsigned i = 0; i < chain->held_count; i++)
        chain_settle(chain, chain->held[i]);
    ck_assert_int_eq(nv_assembly_stop(chain->assembly, 60 * NV_NS_PER_S), NV_OK);
    nv_assembly_free(chain->assembly);
    (void)sem_destroy(&chain->answered);
    (void)sem_destroy(&chain->completed);
    (void)pthread_mutex_destroy(&chain->lock);
    (void)pthread_mutex_destroy(&chain->turning);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", chain->directory);
    ck_assert_int_eq(system(command), 0);
}

static void wait_for(sem_t *event)
{
    while (sem_wait(event) != 0)
        continue;
}

static void chain_turn(struct chain *chain)
{
    pthread_mutex_lock(&chain->turning);
    http_rig_turn(&chain->receiver.rig);
    pthread_mutex_unlock(&chain->turning);
}

/* Sends one trace and waits until it was answered and completed. Allocations of this thread. */
static unsigned long chain_ask(struct chain *chain, unsigned trace, unsigned spans)
{
    struct nv_test_decoded decoded = protobuf_of(trace, spans);
    struct nv_buf request =
        posted((struct nv_str){decoded.batch->body, decoded.batch->body_len});
    struct nv_str left = nv_buf_str(&request);
    struct http_rig *rig = &chain->receiver.rig;
    rig->len = 0;
    unsigned long before = oom_count_here();
    for (int turns = 0; left.len > 0 && turns < 100000; turns++) {
        ssize_t sent = send(chain->receiver.fd, left.ptr, left.len, MSG_NOSIGNAL);
        left = nv_str_slice(left, sent > 0 ? (size_t)sent : 0, left.len);
        chain_turn(chain);
    }
    while (sem_trywait(&chain->answered) != 0) /* the loop only runs when it is turned */
        chain_turn(chain);
    chain_turn(chain);
    unsigned long asked = oom_count_here() - before;
    (void)http_rig_read(rig, chain->receiver.fd);
    ck_assert_int_eq(http_rig_status(rig, 0), 200);
    wait_for(&chain->completed);
    nv_buf_release(&request);
    nv_batch_free(decoded.batch);
    return asked;
}

static void chain_warm_up(struct chain *chain, unsigned spans)
{
    chain->hold = true;
    for (unsigned i = 0; i <= CHAIN_WARM; i++)
        (void)chain_ask(chain, 1 + i, spans);
    pthread_mutex_lock(&chain->lock);
    chain->hold = false;
    chain->held_count = 1; /* the first stays */
    pthread_mutex_unlock(&chain->lock);
    for (unsigned i = 1; i <= CHAIN_WARM; i++)
        chain_settle(chain, chain->held[i]);
    /* Settled before this one's round, freed in it; the second's answer says that it ended. */
    (void)chain_ask(chain, 100, spans);
    (void)chain_ask(chain, 101, spans);
}

/* Body, batch, and what is prepared of it in one block; the request's block is one that was
 * there. On the journal's thread nothing, but that its index may grow once. */
START_TEST(a_request_asks_three_times_with_all_behind_the_door)
{
    static struct chain chain;
    const unsigned spans = requests[_i].spans;
    unsigned long asked[CHAIN_COUNTED];
    chain_open(&chain);
    chain_warm_up(&chain, spans);
    unsigned long committer = chain.committer_asked;
    for (unsigned i = 0; i < CHAIN_COUNTED; i++)
        asked[i] = chain_ask(&chain, 200 + i, spans);
    committer = chain.committer_asked - committer;
    chain_close(&chain);
    for (unsigned i = 0; i < CHAIN_COUNTED; i++)
        ck_assert_msg(asked[i] == 3, "%u spans, request %u: %lu", spans, i, asked[i]);
    ck_assert_msg(committer <= 1, "%u spans, journal's thread: %lu", spans, committer);
}
END_TEST

/* ---- a trace, from complete to encoded --------------------------------------------------- */

/* What was counted at each trace, before and after it was encoded. */
struct counts {
    unsigned traces;
    unsigned long translated[TRACES], encoded[TRACES];
    size_t arena_bytes;
    bool failed;
};

static void count_trace(void *ctx, struct nv_trace *trace)
{
    struct counts *counts = ctx;
    struct nv_buf json;
    unsigned n = counts->traces++;
    counts->translated[n] = oom_count();
    nv_buf_init(&json, BODY_MAX);
    enum nv_err err = nv_encode_trace(&json, trace, NV_TRACE_ID_UUID);
    nv_buf_release(&json);
    counts->failed |= err != NV_OK;
    counts->encoded[n] = oom_count();
    counts->arena_bytes = nv_arena_bytes(trace->arena);
}

static const struct {
    unsigned spans;
    unsigned long translate, encode; /* at most */
    size_t bytes;                    /* of the arena for a span, at most */
} traces[] = {{10, 8, 10, 8192}, {100, 12, 14, 8192}, {1000, 26, 18, 6144}};

START_TEST(a_trace_lives_in_its_arena)
{
    struct counts counts = {.traces = 0};
    struct nv_mapping *mapping = nv_test_mapping_new();
    struct nv_buf request = request_of(1, TRACES, traces[_i].spans);
    oom_count_only();
    nv_test_json_translate(mapping, request.bytes, count_trace, &counts);
    (void)oom_end();
    ck_assert_uint_eq(counts.traces, TRACES);
    unsigned long translate = counts.translated[2] - counts.encoded[1];
    unsigned long encode = counts.encoded[2] - counts.translated[2];
    ck_assert(!counts.failed);
    ck_assert_msg(translate <= traces[_i].translate && encode <= traces[_i].encode,
                  "%u spans: %lu to translate, %lu to encode", traces[_i].spans, translate,
                  encode);
    /* 24 attributes each: chunks that double, never one for an attribute */
    ck_assert_uint_le(translate + encode, 3 * (unsigned long)traces[_i].spans);
    ck_assert_uint_le(counts.arena_bytes / traces[_i].spans, traces[_i].bytes);
    nv_buf_release(&request);
    nv_mapping_free(mapping);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/allocations");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_request_asks_for_what_it_holds_once, 0,
                        (int)(sizeof requests / sizeof requests[0]));
    tcase_add_loop_test(tcase, a_request_asks_three_times_with_all_behind_the_door, 0,
                        (int)(sizeof requests / sizeof requests[0]));
    tcase_add_loop_test(tcase, a_trace_lives_in_its_arena, 0,
                        (int)(sizeof traces / sizeof traces[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
