/*
 * Puts the receiving stage together: loops, tokens, OTLP/HTTP and OTLP/gRPC.
 *
 * HTTP and gRPC share the loops and the tokens and nothing else. Order at the end matters: the
 * loops stop first, so that nobody is in a handler while servers are freed; replies posted
 * until then are run by the stop itself.
 *
 *   loops (threads) ─┬─ HTTP server ─ /v1/traces, /v1/logs ─┐
 *     tokens ────────┤                                      ├─▶ acceptor (assembly/door)
 *                    └─ gRPC server ─ Export ───────────────┘
 *
 * The acceptor is a struct of functions (model/stage.h): this stage knows nothing of what is
 * behind it but that a batch is taken or refused with a reason.
 */
#include "otlp/receiver.h"

#include "base/processors.h"
#include "otlp/grpc/grpc_server.h"
#include "otlp/http/otlp_http.h"
#include "otlp/request/inflate.h"
#include "net/server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* Each costs memory (docs/operations.md), and behind all of them one thread writes the
 * journal. */
#define THREADS_DEFAULT_MAX 4
#define THREADS_MAX 64
/* What a head can hold at most while it grows, twice NV_HTTP1_HEAD_BYTES_MAX. */
#define HEAD_BYTES ((size_t)64 * 1024)

struct nv_receiver {
    struct nv_loops loops;
    struct nv_auth *auth;
    struct nv_otlp_http *otlp_http; /* NULL: off */
    struct nv_http_server *http;
    struct nv_grpc_server *grpc; /* NULL: off */
};

void nv_receiver_config_init(struct nv_receiver_config *config)
{
    *config = (struct nv_receiver_config){
        .http.listen = "127.0.0.1:4318",
        .grpc.listen = "127.0.0.1:4317",
        .max_body_bytes = 67108864,
        .unix_mode = 0660,
    };
    nv_http_limits_init(&config->limits);
}

/* Told: as told, up to a cap that no machine needs. Not told: what there is, within both
 * limits. */
static unsigned thread_count(const struct nv_receiver_config *config)
{
    if (config->threads > 0)
        return config->threads < THREADS_MAX ? config->threads : THREADS_MAX;
    unsigned processors = nv_processors();
    unsigned most = THREADS_DEFAULT_MAX;
    if (config->threads_max > 0 && config->threads_max < most)
        most = config->threads_max;
    return processors < most ? processors : most;
}

static bool is_on(const struct nv_receiver_endpoint *endpoint)
{
    return endpoint->listen != NULL && endpoint->listen[0] != '\0';
}

/* The budget as configured, but one request must fit: its body, what is made of it (JSON
 * becomes protobuf, compressed bytes plain ones, zstd with a window) and a head of any size. */
static size_t undecoded_bytes(const struct nv_receiver_config *config)
{
    size_t window = (size_t)1 << NV_INFLATE_ZSTD_WINDOW_LOG;
    window = config->max_body_bytes < window ? config->max_body_bytes : window;
    size_t one = 2 * config->max_body_bytes + window + HEAD_BYTES;
    return config->limits.undecoded_bytes_max > one ? config->limits.undecoded_bytes_max : one;
}

/* What gRPC may have of the descriptors: the cap, but when they are few a third of them. */
static size_t grpc_connections(const struct nv_receiver_config *config)
{
    struct nv_grpc_limits limits;
    nv_grpc_limits_init(&limits);
    size_t max = limits.connections_max < config->limits.connections_max
                     ? limits.connections_max
                     : config->limits.connections_max;
    size_t room = nv_server_room(config->limits.descriptors_reserved);
    size_t share = is_on(&config->http) && room > 3 ? room / 3 : room;
    return max < share ? max : share;
}

static enum nv_err make_http(struct nv_receiver *receiver,
                             const struct nv_receiver_config *config,
                             const struct nv_acceptor *acceptor, struct nv_fail *fail)
{
    struct nv_otlp_http_config otlp = {.acceptor = acceptor,
                                       .auth = receiver->auth,
                                       .max_body_bytes = config->max_body_bytes,
                                       .max_items = config->max_items,
                                       .max_item_bytes = config->max_item_bytes,
                                       .cors_allowed_origins = config->cors_allowed_origins};
    enum nv_err err = nv_otlp_http_new(&otlp, fail, &receiver->otlp_http);
    if (err != NV_OK)
        return err;
    struct nv_http_server_config server = {
        .listener = {.addresses = config->http.listen,
                     .unix_mode = config->unix_mode,
                     .reuse_port = config->reuse_port},
        .tls = config->http.tls,
        .limits = config->limits,
        .hooks = nv_otlp_http_hooks(receiver->otlp_http),
    };
    server.limits.body_bytes_max = config->max_body_bytes;
    /* descriptors that gRPC may take are not HTTP's to give away */
    if (is_on(&config->grpc))
        server.limits.descriptors_reserved += grpc_connections(config);
    server.limits.undecoded_bytes_max = undecoded_bytes(config);
    server.routes = nv_otlp_http_routes(receiver->otlp_http, &server.route_count);
    return nv_http_server_new(&server, &receiver->loops, fail, &receiver->http);
}

static enum nv_err make_grpc(struct nv_receiver *receiver,
                             const struct nv_receiver_config *config,
                             const struct nv_acceptor *acceptor, struct nv_fail *fail)
{
    struct nv_grpc_server_config server = {
        .listener = {.addresses = config->grpc.listen,
                     .unix_mode = config->unix_mode,
                     .reuse_port = config->reuse_port},
        .tls = config->grpc.tls,
        .acceptor = acceptor,
        .auth = receiver->auth,
    };
    nv_grpc_limits_init(&server.limits);
    server.limits.message_bytes_max = config->max_body_bytes;
    server.limits.items_max = config->max_items;
    server.limits.item_bytes_max = config->max_item_bytes;
    server.limits.connections_max = grpc_connections(config);
    server.limits.undecoded_bytes_max = undecoded_bytes(config);
    server.limits.account = config->limits.account;
    server.limits.handshake_timeout_ms = config->limits.head_timeout_ms;
    server.limits.call_timeout_ms = config->limits.body_timeout_ms;
    return nv_grpc_server_new(&server, &receiver->loops, fail, &receiver->grpc);
}

/* A port that is taken, a token file that can't be read: all of it fails here, before a thread
 * runs. */
enum nv_err nv_receiver_new(const struct nv_receiver_config *config,
                            const struct nv_acceptor *acceptor, const struct nv_clock *clock,
                            struct nv_fail *fail, struct nv_receiver **out)
{
    struct nv_receiver *receiver = calloc(1, sizeof *receiver);
    if (!receiver)
        return NV_ERR_NO_MEMORY;
    enum nv_err err = nv_loops_init(&receiver->loops, thread_count(config), clock);
    if (err == NV_OK)
        err = nv_auth_new(config->auth_token, config->auth_tokens_file, fail, &receiver->auth);
    if (err == NV_OK && is_on(&config->http))
        err = make_http(receiver, config, acceptor, fail);
    if (err == NV_OK && is_on(&config->grpc))
        err = make_grpc(receiver, config, acceptor, fail);
    if (err != NV_OK) {
        nv_receiver_free(receiver);
        return err;
    }
    *out = receiver;
    return NV_OK;
}

enum nv_err nv_receiver_start(struct nv_receiver *receiver)
{
    nv_loops_set_name(&receiver->loops, "ingest");
    return nv_loops_start(&receiver->loops);
}

void nv_receiver_stop_accepting(struct nv_receiver *receiver)
{
    if (receiver->http)
        nv_http_server_stop_accepting(receiver->http);
    if (receiver->grpc)
        nv_grpc_server_stop_accepting(receiver->grpc);
}

bool nv_receiver_drain(struct nv_receiver *receiver, unsigned timeout_ms)
{
    const struct nv_clock *clock = nv_clock_system();
    uint64_t start_ns = nv_clock_mono_ns(clock);
    bool http = receiver->http == NULL || nv_http_server_drain(receiver->http, timeout_ms);
    /* one deadline for both: HTTP may have taken all of it, and gRPC is then asked with 0 */
    uint64_t spent_ms = (nv_clock_mono_ns(clock) - start_ns) / NV_NS_PER_MS;
    unsigned left_ms = spent_ms < timeout_ms ? timeout_ms - (unsigned)spent_ms : 0;
    bool grpc = receiver->grpc == NULL || nv_grpc_server_drain(receiver->grpc, left_ms);
    return http && grpc;
}

void nv_receiver_free(struct nv_receiver *receiver)
{
    if (!receiver)
        return;
    nv_loops_stop(&receiver->loops);
    nv_http_server_free(receiver->http);
    nv_grpc_server_free(receiver->grpc);
    nv_otlp_http_free(receiver->otlp_http);
    nv_auth_free(receiver->auth);
    nv_loops_release(&receiver->loops);
    free(receiver);
}

/* All three are read again whatever the others say: a certificate that is due must not wait for
 * a typo in the tokens. The first trouble is told. */
enum nv_err nv_receiver_reload(struct nv_receiver *receiver, struct nv_fail *fail)
{
    enum nv_err first = nv_auth_reload(receiver->auth, fail);
    enum nv_err http =
        receiver->http != NULL ? nv_http_server_reload(receiver->http, fail) : NV_OK;
    enum nv_err grpc =
        receiver->grpc != NULL ? nv_grpc_server_reload(receiver->grpc, fail) : NV_OK;
    if (first != NV_OK)
        return first;
    return http != NV_OK ? http : grpc;
}

size_t nv_receiver_http_addresses(const struct nv_receiver *receiver)
{
    return receiver->http != NULL ? nv_listener_count(nv_http_server_listener(receiver->http))
                                  : 0;
}

const char *nv_receiver_http_address(const struct nv_receiver *receiver, size_t i)
{
    assert(receiver->http != NULL);
    return nv_listener_address(nv_http_server_listener(receiver->http), i);
}

size_t nv_receiver_grpc_addresses(const struct nv_receiver *receiver)
{
    return receiver->grpc != NULL ? nv_listener_count(nv_grpc_server_listener(receiver->grpc))
                                  : 0;
}

const char *nv_receiver_grpc_address(const struct nv_receiver *receiver, size_t i)
{
    assert(receiver->grpc != NULL);
    return nv_listener_address(nv_grpc_server_listener(receiver->grpc), i);
}

void nv_receiver_http_status(const struct nv_receiver *receiver, struct nv_http_status *out)
{
    *out = (struct nv_http_status){0};
    if (receiver->http)
        nv_http_server_status(receiver->http, out);
}

void nv_receiver_grpc_status(const struct nv_receiver *receiver, struct nv_grpc_status *out)
{
    *out = (struct nv_grpc_status){0};
    if (receiver->grpc)
        nv_grpc_server_status(receiver->grpc, out);
}
