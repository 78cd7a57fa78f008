/*
 * The server around its connections: limits, making room, deadlines, stopping.
 *
 * Each loop has its own part with its own lists, so nothing but a few totals is shared;
 * server.c does what does not depend on HTTP. At the cap of connections the one that has been
 * idle longest makes room: a crowd of idle clients can't lock out those who work. Every half
 * second all connections of a part are looked at for deadlines.
 *
 * Stopping: idle connections get one last look and go, the others go after the reply they wait
 * for.
 */
#include "net/http/http_internal.h"

#include "base/log/log.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define SWEEP_NS (500 * NV_NS_PER_MS)

void nv_http_limits_init(struct nv_http_limits *limits)
{
    *limits = (struct nv_http_limits){
        .connections_max = 10000,
        .body_bytes_max = (size_t)64 * 1024 * 1024,
        .undecoded_bytes_max = (size_t)256 * 1024 * 1024,
        .head_timeout_ms = 10000,
        .body_timeout_ms = 60000,
        .body_rate_min = 1024,
        .body_grace_ms = 10000,
        .idle_timeout_ms = 180000,
        .write_timeout_ms = 30000,
        .linger_timeout_ms = 2000,
        .linger_bytes_max = (size_t)1024 * 1024,
        .descriptors_reserved = 53,
    };
}

/* ---- one loop's part --------------------------------------------------------------------- */

/* Deadlines of one list. Expiring changes the list behind `next` only by appending. */
static void sweep(struct nv_http_list *list, uint64_t now_ns)
{
    struct nv_http_connection *next;
    for (struct nv_http_connection *at = list->first; at; at = next) {
        next = at->next;
        if (nv_http_connection_late(at, now_ns))
            nv_http_connection_expire(at);
    }
}

static struct nv_http_part *part_of(struct nv_server_part *base)
{
    return NV_CONTAINER(base, struct nv_http_part, base);
}

static void tick(struct nv_server_part *base, uint64_t now_ns)
{
    struct nv_http_part *part = part_of(base);
    if (now_ns - part->swept_ns >= SWEEP_NS) {
        part->swept_ns = now_ns;
        sweep(&part->idle, now_ns);
        sweep(&part->busy, now_ns);
    }
}

static bool make_room(struct nv_server_part *base)
{
    struct nv_http_part *part = part_of(base);
    if (!part->idle.first)
        return false;
    nv_http_connection_close(part->idle.first);
    return true;
}

static void open_connection(struct nv_server_part *base, int fd)
{
    nv_http_connection_open(part_of(base), fd);
}

static void stop(struct nv_server_part *base)
{
    struct nv_http_part *part = part_of(base);
    struct nv_http_connection *next;
    part->stopping = true;
    for (struct nv_http_connection *at = part->idle.first; at; at = next) {
        next = at->next;
        /* A request may have come meanwhile: it is answered, with Connection: close. */
        nv_http_connection_drive(at);
    }
    for (struct nv_http_connection *at = part->idle.first; at; at = next) {
        next = at->next;
        /* Who has just connected sends in a moment: closed, that request would be lost. */
        if (!nv_http_connection_awaits_first(at))
            nv_http_connection_close(at);
    }
}

static void close_all(struct nv_server_part *base)
{
    struct nv_http_part *part = part_of(base);
    while (part->idle.first)
        nv_http_connection_close(part->idle.first);
    while (part->busy.first)
        nv_http_connection_close(part->busy.first);
    nv_http_exchange_keep_none(part);
}

static const struct nv_server_actions actions = {
    .part_bytes = sizeof(struct nv_http_part),
    .tick = tick,
    .make_room = make_room,
    .open = open_connection,
    .stop = stop,
    .close = close_all,
};

/* ---- the server -------------------------------------------------------------------------- */

/* Leaves descriptors for the journal, the backend and the log. */
static void fit_descriptors(struct nv_http_limits *limits)
{
    size_t room = nv_server_room(limits->descriptors_reserved);
    if (room < limits->connections_max) {
        NV_LOG(NV_LOG_INFO, "otlp", "fewer connections than asked for limit=%zu nofile=%ld",
               room, sysconf(_SC_OPEN_MAX));
        limits->connections_max = room;
    }
}

enum nv_err nv_http_server_new(const struct nv_http_server_config *config,
                               const struct nv_loops *loops, struct nv_fail *fail,
                               struct nv_http_server **out)
{
    struct nv_http_server *server = calloc(1, sizeof *server);
    if (!server)
        return NV_ERR_NO_MEMORY;
    server->limits = config->limits;
    server->routes = config->routes;
    server->route_count = config->route_count;
    server->hooks = config->hooks;
    fit_descriptors(&server->limits);
    struct nv_server_config base = {.actions = &actions,
                                    .listener = &config->listener,
                                    .tls = &config->tls,
                                    .alpn = "http/1.1",
                                    .connections_max = server->limits.connections_max};
    enum nv_err err = nv_server_open(&server->base, &base, loops, fail);
    if (err != NV_OK) {
        nv_http_server_free(server);
        return err;
    }
    *out = server;
    return NV_OK;
}

void nv_http_server_stop_accepting(struct nv_http_server *server)
{
    nv_server_stop(&server->base);
}

bool nv_http_server_drain(struct nv_http_server *server, unsigned timeout_ms)
{
    return nv_server_drain(&server->base, timeout_ms, &server->exchanges);
}

void nv_http_server_free(struct nv_http_server *server)
{
    if (!server)
        return;
    nv_server_release(&server->base);
    assert(atomic_load(&server->exchanges) == 0);
    free(server);
}

enum nv_err nv_http_server_reload(struct nv_http_server *server, struct nv_fail *fail)
{
    return nv_server_reload(&server->base, fail);
}

const struct nv_listener *nv_http_server_listener(const struct nv_http_server *server)
{
    return server->base.listener;
}

void nv_http_server_status(const struct nv_http_server *server, struct nv_http_status *out)
{
    *out = (struct nv_http_status){
        .connections = atomic_load(&server->base.connections),
        .exchanges = atomic_load(&server->exchanges),
        .undecoded_bytes = atomic_load(&server->undecoded_bytes),
        .accepted = atomic_load(&server->base.accepted),
        .requests = atomic_load(&server->requests),
        .refused_connections = atomic_load(&server->base.refused_connections),
        .timeouts = atomic_load(&server->timeouts),
    };
}
