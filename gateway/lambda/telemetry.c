/*
 * A server with one route, a ring of request ids, a condition.
 *
 *   platform ──POST / [records]──▶ loop: runtimeDone? ▸ ring, broadcast ──▶ who waits
 *
 * Records of an invocation may come before anybody waits for it, and in either order with its
 * event: so they are remembered. Waiting goes by the clock on the wall, since the deadline of
 * an invocation is told as one, and a thawed process has missed none of it.
 */
#include "gateway/lambda/telemetry.h"

#include "base/limits.h"
#include "base/log/log.h"
#include "net/http/http_server.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

#define CONNECTIONS_MAX 8
#define DRAIN_MS 50
#define URI_SIZE 320

struct nv_lambda_telemetry {
    struct nv_loops loops;
    struct nv_http_server *server;
    struct nv_http_route route;
    char uri[URI_SIZE];
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    char done[NV_LAMBDA_DONE_MAX][NV_LAMBDA_ID_SIZE];
    unsigned next;
    bool ended;
};

/* The ring forgets the oldest: an id that nobody waits for must not cost memory for good. */
static void note(void *ctx, struct nv_str request_id)
{
    struct nv_lambda_telemetry *telemetry = ctx;
    struct nv_str cut = nv_str_slice(request_id, 0, NV_LAMBDA_ID_SIZE - 1);
    pthread_mutex_lock(&telemetry->lock);
    (void)snprintf(telemetry->done[telemetry->next], NV_LAMBDA_ID_SIZE, "%.*s",
                   NV_STR_ARG(cut));
    telemetry->next = (telemetry->next + 1) % NV_LAMBDA_DONE_MAX;
    pthread_cond_broadcast(&telemetry->changed);
    pthread_mutex_unlock(&telemetry->lock);
}

/* Answered 200 whatever it is: the platform would only send it again. */
static void handle(void *ctx, struct nv_http_exchange *exchange)
{
    char *body = NULL;
    size_t len = nv_http_request_take_body(exchange, &body);
    if (nv_lambda_records_read((struct nv_str){body, len}, note, ctx) != NV_OK)
        NV_LOG(NV_LOG_WARN, "lambda", "telemetry that is not understood bytes=%zu", len);
    free(body);
    nv_http_reply_text(exchange, 200, NV_STR("text/plain"), NV_STR(""));
}

static enum nv_err open_server(struct nv_lambda_telemetry *telemetry, const char *host,
                               struct nv_fail *fail)
{
    char address[URI_SIZE];
    (void)snprintf(address, sizeof address, "%.255s:0", host);
    telemetry->route = (struct nv_http_route){.path = NV_STR_INIT("/"),
                                              .methods = NV_HTTP_POST,
                                              .body_bytes_max = NV_CAP_LAMBDA_ANSWER,
                                              .handler = {.ctx = telemetry, .handle = handle}};
    struct nv_http_server_config config = {
        .listener = {.addresses = address}, .routes = &telemetry->route, .route_count = 1};
    nv_http_limits_init(&config.limits);
    config.limits.connections_max = CONNECTIONS_MAX;
    config.limits.body_bytes_max = NV_CAP_LAMBDA_ANSWER;
    config.limits.undecoded_bytes_max = 2 * NV_CAP_LAMBDA_ANSWER;
    enum nv_err err = nv_http_server_new(&config, &telemetry->loops, fail, &telemetry->server);
    if (err != NV_OK)
        return err;
    const char *bound = nv_listener_address(nv_http_server_listener(telemetry->server), 0);
    (void)snprintf(telemetry->uri, sizeof telemetry->uri, "http://%.255s%s/", host,
                   strrchr(bound, ':'));
    return nv_loops_start(&telemetry->loops);
}

enum nv_err nv_lambda_telemetry_start(const char *host, struct nv_fail *fail,
                                      struct nv_lambda_telemetry **out)
{
    struct nv_lambda_telemetry *telemetry = calloc(1, sizeof *telemetry);
    *out = NULL;
    if (!telemetry)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    int failed = pthread_mutex_init(&telemetry->lock, NULL) +
                 pthread_cond_init(&telemetry->changed, NULL);
    assert(failed == 0);
    (void)failed;
    enum nv_err err = nv_loops_init(&telemetry->loops, 1, nv_clock_system());
    if (err == NV_OK)
        err = open_server(telemetry, host, fail);
    if (err != NV_OK) {
        (void)nv_fail_set(fail, err, 0, "can't listen for telemetry at %.100s: %s", host,
                          nv_err_info(err)->text);
        nv_lambda_telemetry_stop(telemetry);
        return err;
    }
    *out = telemetry;
    return NV_OK;
}

const char *nv_lambda_telemetry_uri(const struct nv_lambda_telemetry *telemetry)
{
    return telemetry->uri;
}

static bool is_done(const struct nv_lambda_telemetry *telemetry, const char *request_id)
{
    for (unsigned i = 0; i < NV_LAMBDA_DONE_MAX; i++) {
        if (strcmp(telemetry->done[i], request_id) == 0)
            return true;
    }
    return false;
}

bool nv_lambda_telemetry_wait(struct nv_lambda_telemetry *telemetry, const char *request_id,
                              uint64_t until_ms)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                                   .tv_nsec = (long)(until_ms % 1000) * 1000000};
    int failed = 0;
    assert(request_id[0] != '\0');
    pthread_mutex_lock(&telemetry->lock);
    while (!is_done(telemetry, request_id) && !telemetry->ended && failed != ETIMEDOUT)
        failed = pthread_cond_timedwait(&telemetry->changed, &telemetry->lock, &until);
    bool done = is_done(telemetry, request_id);
    pthread_mutex_unlock(&telemetry->lock);
    return done;
}

void nv_lambda_telemetry_end(struct nv_lambda_telemetry *telemetry)
{
    if (!telemetry)
        return;
    pthread_mutex_lock(&telemetry->lock);
    telemetry->ended = true;
    pthread_cond_broadcast(&telemetry->changed);
    pthread_mutex_unlock(&telemetry->lock);
}

void nv_lambda_telemetry_stop(struct nv_lambda_telemetry *telemetry)
{
    if (!telemetry)
        return;
    if (telemetry->server) {
        nv_http_server_stop_accepting(telemetry->server);
        (void)nv_http_server_drain(telemetry->server, DRAIN_MS);
    }
    nv_loops_stop(&telemetry->loops);
    nv_http_server_free(telemetry->server);
    nv_loops_release(&telemetry->loops);
    (void)pthread_cond_destroy(&telemetry->changed);
    (void)pthread_mutex_destroy(&telemetry->lock);
    free(telemetry);
}
