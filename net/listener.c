/*
 * Accepting on several loops from the same sockets.
 *
 *   listener ─ sockets[ ] (shared)
 *            └ shares[loop] ─ watches[socket], spare descriptor, tick
 *
 * A ready socket wakes every idle loop; each takes one connection and goes back to its work,
 * the losers get EAGAIN. That costs a wake-up a connection, which is small beside the three-way
 * handshake, and spreads a handful of long-lived connections evenly.
 *
 * Without descriptors accept(2) fails while the socket stays ready, which would spin. The spare
 * descriptor turns that into: take one, close it, rest until the next tick.
 */
#include "net/listener.h"

#include "base/log/log.h"
#include "net/listener_address.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

struct watch {
    struct nv_io io;
    struct share *share;
};

/* One loop's part. */
struct share {
    struct nv_listener *listener;
    struct nv_loop *loop;
    struct nv_loop_tick tick;
    int spare_fd;
    bool resting; /* until the next tick */
    bool stopped;
    struct watch watches[NV_LISTENER_SOCKETS_MAX];
};

struct nv_listener {
    struct nv_listener_sockets sockets;
    struct nv_accepter accepter;
    struct share *shares;
    unsigned share_count;
    atomic_uint active; /* shares that still accept */
};

enum nv_err nv_listener_open(const struct nv_listener_config *config, struct nv_fail *fail,
                             struct nv_listener **out)
{
    struct nv_listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return NV_ERR_NO_MEMORY;
    enum nv_err err = nv_listener_bind(config, &listener->sockets, fail);
    if (err != NV_OK) {
        nv_listener_free(listener);
        return err;
    }
    *out = listener;
    return NV_OK;
}

static void set_wanted(struct share *share, unsigned what)
{
    for (size_t i = 0; i < share->listener->sockets.count; i++) {
        if (nv_io_want(&share->watches[i].io, what) != NV_OK)
            NV_LOG(NV_LOG_ERROR, "otlp", "cannot watch a listening socket");
    }
}

/* The socket stays ready: without looking away the loop would spin on it. */
static void rest(struct share *share)
{
    share->resting = true;
    set_wanted(share, NV_IO_NONE);
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void count_refused(const struct nv_accepter *accepter)
{
    if (accepter->refused)
        accepter->refused(accepter->ctx);
}

/* No descriptors: refuse one client with the spare, so that it learns of it, then rest. */
static void refuse_one(struct share *share, int fd)
{
    NV_LOG(NV_LOG_WARN, "otlp", "out of file descriptors, refusing connections");
    if (share->spare_fd >= 0) {
        close(share->spare_fd);
        int refused = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (refused >= 0) {
            close(refused);
            count_refused(&share->listener->accepter);
        }
    }
    share->spare_fd = open_spare();
    rest(share);
}

/* Takes one connection. False when there is none or none is to be taken. */
static bool accept_one(struct share *share, int fd)
{
    const struct nv_accepter *accepter = &share->listener->accepter;
    if (!accepter->wanted(accepter->ctx, share->loop)) {
        rest(share);
        return false;
    }
    int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) {
        accepter->accepted(accepter->ctx, share->loop, accepted);
        return true;
    }
    int failed = errno;
    if (failed == EMFILE || failed == ENFILE || failed == ENOBUFS || failed == ENOMEM)
        refuse_one(share, fd);
    /* the client went away before it was taken: there may be others behind it */
    return failed == EINTR || failed == ECONNABORTED;
}

/* One a turn: others of the same burst are for other loops. */
static void on_ready(struct nv_io *io, unsigned what)
{
    struct watch *watch = NV_CONTAINER(io, struct watch, io);
    (void)what;
    (void)accept_one(watch->share, io->fd);
}

static void on_tick(struct nv_loop_tick *tick, uint64_t now_ns)
{
    struct share *share = NV_CONTAINER(tick, struct share, tick);
    (void)now_ns;
    if (share->resting) {
        share->resting = false;
        set_wanted(share, NV_IO_READ);
    }
    if (share->spare_fd < 0)
        share->spare_fd = open_spare();
}

static enum nv_err attach_loop(struct nv_listener *listener, struct nv_loop *loop)
{
    struct share *share = &listener->shares[listener->share_count++];
    *share = (struct share){.listener = listener, .loop = loop, .spare_fd = open_spare()};
    share->tick.run = on_tick;
    nv_loop_add_tick(loop, &share->tick);
    atomic_fetch_add(&listener->active, 1);
    enum nv_err err = share->spare_fd >= 0 ? NV_OK : NV_ERR_IO;
    for (size_t i = 0; i < listener->sockets.count && err == NV_OK; i++) {
        struct watch *watch = &share->watches[i];
        watch->share = share;
        err = nv_io_init(&watch->io, loop, listener->sockets.items[i].fd, on_ready);
        if (err == NV_OK)
            err = nv_io_want(&watch->io, NV_IO_READ);
    }
    return err;
}

enum nv_err nv_listener_attach(struct nv_listener *listener, const struct nv_loops *loops,
                               struct nv_accepter accepter)
{
    assert(listener->shares == NULL && accepter.accepted != NULL && accepter.wanted != NULL);
    listener->accepter = accepter;
    listener->shares = calloc(loops->count, sizeof *listener->shares);
    enum nv_err err = listener->shares != NULL ? NV_OK : NV_ERR_NO_MEMORY;
    for (unsigned i = 0; i < loops->count && err == NV_OK; i++)
        err = attach_loop(listener, loops->items[i]);
    return err;
}

static void close_sockets(struct nv_listener *listener)
{
    for (size_t i = 0; i < listener->sockets.count; i++)
        nv_listener_socket_close(&listener->sockets.items[i]);
}

static void stop_share(struct share *share)
{
    if (share->stopped)
        return;
    share->stopped = true;
    nv_loop_remove_tick(share->loop, &share->tick);
    for (size_t i = 0; i < share->listener->sockets.count; i++)
        nv_io_release(&share->watches[i].io);
    if (share->spare_fd >= 0) {
        close(share->spare_fd);
        share->spare_fd = -1;
    }
    /* who stops last closes: the descriptors are in the epoll sets of all of them */
    if (atomic_fetch_sub(&share->listener->active, 1) == 1)
        close_sockets(share->listener);
}

void nv_listener_stop(struct nv_listener *listener, struct nv_loop *loop)
{
    for (unsigned i = 0; i < listener->share_count; i++) {
        struct share *share = &listener->shares[i];
        if (share->loop != loop || share->stopped)
            continue;
        for (size_t s = 0; s < listener->sockets.count; s++) {
            /* the kernel has accepted these for us: closing now would reset them */
            while (!share->resting && accept_one(share, listener->sockets.items[s].fd)) {
            }
        }
        stop_share(share);
    }
}

void nv_listener_free(struct nv_listener *listener)
{
    if (!listener)
        return;
    for (unsigned i = 0; i < listener->share_count; i++)
        stop_share(&listener->shares[i]);
    close_sockets(listener);
    free(listener->shares);
    free(listener);
}

size_t nv_listener_count(const struct nv_listener *listener)
{
    return listener->sockets.count;
}

const char *nv_listener_address(const struct nv_listener *listener, size_t i)
{
    assert(i < listener->sockets.count);
    return listener->sockets.items[i].name;
}
