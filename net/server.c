/*
 * Listener, parts and the order of stopping, for servers of any protocol.
 *
 * Stopping has two steps, and both run on the loops: a part belongs to its loop's thread, so
 * that nothing in it needs a lock. The caller polls a counter rather than waiting on a
 * condition: it happens twice in the life of a process, and a loop without a thread (in tests)
 * does the task where it stands.
 *
 * Not done here: what is idle and what is at work, deadlines, and goodbyes; they are the
 * protocol's.
 */
#include "net/server.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/banned.h"

#define POLL_NS 2000000L
#define CONNECTIONS_MIN 4
/* Reserved of all descriptors: what is open beside connections grows with the machine. */
#define RESERVED_PART 8

/* ---- on the loops ------------------------------------------------------------------------ */

static struct nv_server_part *part_of(const struct nv_server *server,
                                      const struct nv_loop *loop)
{
    for (unsigned i = 0; i < server->part_count; i++) {
        if (server->parts[i]->loop == loop)
            return server->parts[i];
    }
    assert(false && "the loops of the listener are those of the server");
    return NULL;
}

static bool on_wanted(void *ctx, struct nv_loop *loop)
{
    struct nv_server *server = ctx;
    if (atomic_load(&server->connections) < server->connections_max)
        return true;
    atomic_fetch_add(&server->refused_connections, 1);
    return server->actions->make_room(
        part_of(server, loop)); /* else the new one waits in line */
}

static void on_accepted(void *ctx, struct nv_loop *loop, int fd)
{
    struct nv_server *server = ctx;
    atomic_fetch_add(&server->accepted, 1);
    server->actions->open(part_of(server, loop), fd);
}

static void on_refused(void *ctx)
{
    struct nv_server *server = ctx;
    atomic_fetch_add(&server->refused_connections, 1);
}

static void on_tick(struct nv_loop_tick *tick, uint64_t now_ns)
{
    struct nv_server_part *part = NV_CONTAINER(tick, struct nv_server_part, tick);
    part->server->actions->tick(part, now_ns);
}

static void on_stop(struct nv_loop_task *task)
{
    struct nv_server_part *part = NV_CONTAINER(task, struct nv_server_part, stop_task);
    nv_listener_stop(part->server->listener, part->loop); /* takes what is in the queue first */
    part->server->actions->stop(part);
    atomic_fetch_sub(&part->server->tasks_due, 1);
}

static void on_close(struct nv_loop_task *task)
{
    struct nv_server_part *part = NV_CONTAINER(task, struct nv_server_part, close_task);
    part->server->actions->close(part);
    atomic_fetch_sub(&part->server->tasks_due, 1);
}

/* ---- life -------------------------------------------------------------------------------- */

size_t nv_server_room(size_t reserved)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    size_t all = (size_t)limit.rlim_cur;
    size_t kept = reserved + all / RESERVED_PART;
    size_t room = all > kept ? all - kept : 0;
    return room < CONNECTIONS_MIN ? CONNECTIONS_MIN : room;
}

static enum nv_err add_part(struct nv_server *server, struct nv_loop *loop)
{
    assert(server->actions->part_bytes >= sizeof(struct nv_server_part));
    struct nv_server_part *part = calloc(1, server->actions->part_bytes);
    if (!part)
        return NV_ERR_NO_MEMORY;
    part->server = server;
    part->loop = loop;
    part->tick.run = on_tick;
    part->stop_task.run = on_stop;
    part->close_task.run = on_close;
    nv_loop_add_tick(loop, &part->tick);
    server->parts[server->part_count++] = part;
    return NV_OK;
}

static enum nv_err make_parts(struct nv_server *server, const struct nv_loops *loops)
{
    enum nv_err err = NV_OK;
    assert(loops->count > 0);
    server->parts = calloc(loops->count, sizeof *server->parts);
    if (!server->parts)
        return NV_ERR_NO_MEMORY;
    for (unsigned i = 0; i < loops->count && err == NV_OK; i++)
        err = add_part(server, loops->items[i]);
    if (err != NV_OK)
        return err;
    struct nv_accepter accepter = {
        .ctx = server, .accepted = on_accepted, .wanted = on_wanted, .refused = on_refused};
    return nv_listener_attach(server->listener, loops, accepter);
}

enum nv_err nv_server_open(struct nv_server *server, const struct nv_server_config *config,
                           const struct nv_loops *loops, struct nv_fail *fail)
{
    enum nv_err err = NV_OK;
    assert(server->listener == NULL && server->parts == NULL);
    server->actions = config->actions;
    server->connections_max = config->connections_max;
    if (nv_tls_wanted(config->tls))
        err = nv_tls_new(config->tls, config->alpn, fail, &server->tls);
    if (err == NV_OK)
        err = nv_listener_open(config->listener, fail, &server->listener);
    return err == NV_OK ? make_parts(server, loops) : err;
}

static void pause_briefly(void)
{
    struct timespec pause = {0, POLL_NS};
    (void)nanosleep(&pause, NULL);
}

/* Has every part do a task, on its own thread, and waits for them. */
static void on_all_parts(struct nv_server *server, bool stop)
{
    atomic_store(&server->tasks_due, server->part_count);
    for (unsigned i = 0; i < server->part_count; i++) {
        struct nv_server_part *part = server->parts[i];
        struct nv_loop_task *task = stop ? &part->stop_task : &part->close_task;
        if (nv_loop_is_current(part->loop))
            task->run(task); /* a loop without a thread */
        else
            nv_loop_post(part->loop, task);
    }
    while (atomic_load(&server->tasks_due) > 0)
        pause_briefly();
}

void nv_server_stop(struct nv_server *server)
{
    if (!atomic_exchange(&server->stopping, true))
        on_all_parts(server, true);
}

bool nv_server_drain(struct nv_server *server, unsigned timeout_ms,
                     const atomic_size_t *requests)
{
    const struct nv_clock *clock = nv_clock_system();
    uint64_t end_ns = nv_clock_mono_ns(clock) + timeout_ms * NV_NS_PER_MS;
    assert(atomic_load(&server->stopping));
    while (atomic_load(&server->connections) > 0 && nv_clock_mono_ns(clock) < end_ns)
        pause_briefly();
    bool answered = atomic_load(requests) == 0;
    on_all_parts(server, false);
    return answered;
}

void nv_server_release(struct nv_server *server)
{
    for (unsigned i = 0; i < server->part_count; i++) {
        struct nv_server_part *part = server->parts[i];
        server->actions->close(part);
        nv_loop_remove_tick(part->loop, &part->tick);
    }
    assert(atomic_load(&server->connections) == 0);
    nv_listener_free(server->listener);
    nv_tls_free(server->tls);
    for (unsigned i = 0; i < server->part_count; i++)
        free(server->parts[i]);
    free(server->parts);
    server->listener = NULL;
    server->tls = NULL;
    server->parts = NULL;
    server->part_count = 0;
}

enum nv_err nv_server_reload(struct nv_server *server, struct nv_fail *fail)
{
    return server->tls != NULL ? nv_tls_reload(server->tls, fail) : NV_OK;
}
