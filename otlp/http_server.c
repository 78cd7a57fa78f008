/*
 * The server around its connections: limits, accepting, deadlines, stopping.
 *
 * Each loop has its own part with its own lists, so nothing but a few totals is shared. At the cap
 * of connections the one that has been idle longest makes room: a crowd of idle clients can't lock
 * out those who work. Every half second all connections of a part are looked at for deadlines.
 *
 * Stopping: the listener is closed, idle connections get one last look and go, the others go after
 * the reply they wait for.
 */
#include "otlp/http_internal.h"

#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/banned.h"

#define SWEEP_NS (500 * NV_NS_PER_MS)
#define CONNECTIONS_MIN 4
#define POLL_NS 2000000L

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
        .descriptors_reserved = 40,
    };
}

/* ---- one loop's part ---------------------------------------------------------------------- */

/* Deadlines of one list. Expiring changes the list behind `next` only by appending. */
static void sweep(struct nv_http_list *list, uint64_t now_ns)
{
    struct nv_http_connection *next;
    for (struct nv_http_connection *at = list->first; at != NULL; at = next) {
        next = at->next;
        if (nv_http_connection_late(at, now_ns)) {
            nv_http_connection_expire(at);
        }
    }
}

static void on_tick(struct nv_loop_tick *tick, uint64_t now_ns)
{
    struct nv_http_part *part = NV_CONTAINER(tick, struct nv_http_part, tick);
    if (now_ns - part->swept_ns >= SWEEP_NS) {
        part->swept_ns = now_ns;
        sweep(&part->idle, now_ns);
        sweep(&part->busy, now_ns);
    }
}

static struct nv_http_part *part_of(struct nv_http_server *server, const struct nv_loop *loop)
{
    for (unsigned i = 0; i < server->part_count; i++) {
        if (server->parts[i].loop == loop) {
            return &server->parts[i];
        }
    }
    assert(false && "the loops of the listener are those of the server");
    return NULL;
}

static bool on_wanted(void *ctx, struct nv_loop *loop)
{
    struct nv_http_server *server = ctx;
    if (atomic_load(&server->connections) < server->limits.connections_max) {
        return true;
    }
    struct nv_http_part *part = part_of(server, loop);
    atomic_fetch_add(&server->refused_connections, 1);
    if (part->idle.first == NULL) {
        return false; /* all are at work: the new one waits in the queue */
    }
    nv_http_connection_close(part->idle.first);
    return true;
}

static void on_accepted(void *ctx, struct nv_loop *loop, int fd)
{
    struct nv_http_server *server = ctx;
    atomic_fetch_add(&server->accepted, 1);
    nv_http_connection_open(part_of(server, loop), fd);
}

static void stop_part(struct nv_loop_task *task)
{
    struct nv_http_part *part = NV_CONTAINER(task, struct nv_http_part, stop_task);
    struct nv_http_connection *next;
    nv_listener_stop(part->server->listener, part->loop);
    part->stopping = true;
    for (struct nv_http_connection *at = part->idle.first; at != NULL; at = next) {
        next = at->next;
        /* A request may have come meanwhile: it is answered, with Connection: close. */
        nv_http_connection_drive(at);
    }
    while (part->idle.first != NULL) {
        nv_http_connection_close(part->idle.first);
    }
    atomic_fetch_sub(&part->server->stops_due, 1);
}

static void close_part(struct nv_loop_task *task)
{
    struct nv_http_part *part = NV_CONTAINER(task, struct nv_http_part, close_task);
    while (part->idle.first != NULL) {
        nv_http_connection_close(part->idle.first);
    }
    while (part->busy.first != NULL) {
        nv_http_connection_close(part->busy.first);
    }
    atomic_fetch_sub(&part->server->stops_due, 1);
}

/* ---- the server --------------------------------------------------------------------------- */

/* Leaves descriptors for the journal, the backend and the log. */
static void fit_descriptors(struct nv_http_limits *limits)
{
    struct rlimit rlimit;
    if (getrlimit(RLIMIT_NOFILE, &rlimit) != 0 || rlimit.rlim_cur == RLIM_INFINITY) {
        return;
    }
    size_t reserved = limits->descriptors_reserved;
    size_t room = rlimit.rlim_cur > reserved ? (size_t)rlimit.rlim_cur - reserved : 0;
    room = room < CONNECTIONS_MIN ? CONNECTIONS_MIN : room;
    if (room < limits->connections_max) {
        NV_LOG(NV_LOG_INFO, "otlp", "fewer connections than asked for limit=%zu nofile=%llu", room,
               (unsigned long long)rlimit.rlim_cur);
        limits->connections_max = room;
    }
}

static enum nv_err make_parts(struct nv_http_server *server, const struct nv_loops *loops)
{
    server->parts = calloc(loops->count, sizeof(*server->parts));
    if (server->parts == NULL) {
        return NV_ERR_NO_MEMORY;
    }
    server->part_count = loops->count;
    for (unsigned i = 0; i < loops->count; i++) {
        struct nv_http_part *part = &server->parts[i];
        part->server = server;
        part->loop = loops->items[i];
        part->tick.run = on_tick;
        part->stop_task.run = stop_part;
        part->close_task.run = close_part;
        nv_loop_add_tick(part->loop, &part->tick);
    }
    struct nv_accepter accepter = {.ctx = server, .accepted = on_accepted, .wanted = on_wanted};
    return nv_listener_attach(server->listener, loops, accepter);
}

enum nv_err nv_http_server_new(const struct nv_http_server_config *config,
                               const struct nv_loops *loops, struct nv_fail *fail,
                               struct nv_http_server **out)
{
    struct nv_http_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return NV_ERR_NO_MEMORY;
    }
    server->limits = config->limits;
    server->routes = config->routes;
    server->route_count = config->route_count;
    server->hooks = config->hooks;
    fit_descriptors(&server->limits);
    enum nv_err err = NV_OK;
    if (nv_tls_wanted(&config->tls)) {
        err = nv_tls_new(&config->tls, "http/1.1", fail, &server->tls);
    }
    if (err == NV_OK) {
        err = nv_listener_open(&config->listener, fail, &server->listener);
    }
    if (err == NV_OK) {
        err = make_parts(server, loops);
    }
    if (err != NV_OK) {
        nv_http_server_free(server);
        return err;
    }
    *out = server;
    return NV_OK;
}

static void pause_briefly(void)
{
    struct timespec pause = {0, POLL_NS};
    (void)nanosleep(&pause, NULL);
}

/* Has every part do a task, on its own thread, and waits for them. */
static void on_all_parts(struct nv_http_server *server, bool stop)
{
    atomic_store(&server->stops_due, server->part_count);
    for (unsigned i = 0; i < server->part_count; i++) {
        struct nv_http_part *part = &server->parts[i];
        struct nv_loop_task *task = stop ? &part->stop_task : &part->close_task;
        if (nv_loop_is_current(part->loop)) {
            task->run(task); /* a loop without a thread */
        } else {
            nv_loop_post(part->loop, task);
        }
    }
    while (atomic_load(&server->stops_due) > 0) {
        pause_briefly();
    }
}

void nv_http_server_stop_accepting(struct nv_http_server *server)
{
    if (!atomic_exchange(&server->stopping, true)) {
        on_all_parts(server, true);
    }
}

bool nv_http_server_drain(struct nv_http_server *server, unsigned timeout_ms)
{
    const struct nv_clock *clock = nv_clock_system();
    uint64_t end_ns = nv_clock_mono_ns(clock) + timeout_ms * NV_NS_PER_MS;
    assert(atomic_load(&server->stopping));
    while (atomic_load(&server->connections) > 0 && nv_clock_mono_ns(clock) < end_ns) {
        pause_briefly();
    }
    bool answered = atomic_load(&server->exchanges) == 0;
    on_all_parts(server, false);
    return answered;
}

void nv_http_server_free(struct nv_http_server *server)
{
    if (server == NULL) {
        return;
    }
    for (unsigned i = 0; i < server->part_count; i++) {
        atomic_store(&server->stops_due, 1);
        close_part(&server->parts[i].close_task);
        nv_loop_remove_tick(server->parts[i].loop, &server->parts[i].tick);
    }
    assert(atomic_load(&server->exchanges) == 0);
    nv_listener_free(server->listener);
    nv_tls_free(server->tls);
    free(server->parts);
    free(server);
}

enum nv_err nv_http_server_reload(struct nv_http_server *server, struct nv_fail *fail)
{
    return server->tls != NULL ? nv_tls_reload(server->tls, fail) : NV_OK;
}

const struct nv_listener *nv_http_server_listener(const struct nv_http_server *server)
{
    return server->listener;
}

void nv_http_server_status(const struct nv_http_server *server, struct nv_http_status *out)
{
    *out = (struct nv_http_status){
        .connections = atomic_load(&server->connections),
        .exchanges = atomic_load(&server->exchanges),
        .undecoded_bytes = atomic_load(&server->undecoded_bytes),
        .accepted = atomic_load(&server->accepted),
        .requests = atomic_load(&server->requests),
        .refused_connections = atomic_load(&server->refused_connections),
        .timeouts = atomic_load(&server->timeouts),
    };
}
