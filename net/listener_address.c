/*
 * From "127.0.0.1:4318,unix:/run/x.sock" to sockets that listen.
 *
 * A plain bind without SO_REUSEPORT is what makes a second gateway on the same port fail with a
 * message instead of sharing the traffic unseen. For a handover without a gap the service
 * manager (or the old process) passes the listening sockets on: LISTEN_FDS, sd_listen_fds(3);
 * they are recognised by the address that they are bound to, so the configuration stays the
 * same.
 *
 * "[::]:4318" is everything, as it is for most programs on Linux: its socket takes IPv4 too,
 * whatever net.ipv6.bindv6only says, unless another entry asks for the IPv4 side. ":4318" is
 * two sockets.
 *
 * A Unix socket's file that nobody listens on is a leftover of a crash and is replaced; a live
 * one is an error. Its mode is set before bind, so that it is never wider than asked for.
 */
#include "net/listener_address.h"

#include "base/str.h"
#include "net/peer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/banned.h"

#define BACKLOG 1024
#define FIRST_INHERITED_FD 3 /* SD_LISTEN_FDS_START */
#define INHERITED_MAX 64
#define UNIX_MODE_DEFAULT 0660

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

/* What is being bound, for one entry of the list. */
struct binding {
    const struct nv_listener_config *config;
    struct nv_listener_sockets *sockets;
    struct nv_fail *fail;
    const char *text; /* the entry, for messages */
    bool dual;        /* an IPv6 socket takes IPv4 too */
};

/* How many sockets were handed over to this process. */
static int inherited_count(void)
{
    int64_t pid = 0, count = 0;
    const char *text = getenv("LISTEN_PID");
    if (text && (nv_str_to_int64(nv_str_from(text), &pid) != NV_OK || pid != getpid()))
        return 0; /* meant for another process */
    if (nv_str_to_int64(nv_str_from(getenv("LISTEN_FDS")), &count) != NV_OK || count < 0 ||
        count > INHERITED_MAX)
        return 0;
    return (int)count;
}

static enum nv_err refuse(const struct binding *binding, const char *why)
{
    return nv_fail_set(binding->fail, NV_ERR_CONFIG, 0, "cannot listen on '%s': %s",
                       binding->text, why);
}

static enum nv_err refuse_errno(const struct binding *binding)
{
    char text[96];
    if (errno == EADDRINUSE && inherited_count() > 0) {
        return refuse(binding, "address in use, by none of the sockets handed over "
                               "(LISTEN_FDS); give both the same address");
    }
    if (errno == EADDRINUSE)
        return refuse(binding, "address in use; stop the other program or choose another");
    return refuse(binding, strerror_r(errno, text, sizeof text));
}

/* ---- names ------------------------------------------------------------------------------- */

static void write_name(int fd, char name[NV_LISTENER_NAME_BYTES])
{
    union address address = {.storage = {0}};
    socklen_t len = sizeof address;
    if (getsockname(fd, &address.any, &len) != 0) {
        snprintf(name, NV_LISTENER_NAME_BYTES, "fd:%d", fd);
    } else if (address.any.sa_family != AF_UNIX) {
        (void)nv_peer_address_text(&address.any, name);
    } else {
        bool abstract = address.un.sun_path[0] == '\0';
        snprintf(name, NV_LISTENER_NAME_BYTES, "unix:%s%.*s", abstract ? "@" : "",
                 (int)(sizeof address.un.sun_path - 1), address.un.sun_path + abstract);
    }
}

static enum nv_err add_socket(const struct binding *binding, int fd)
{
    struct nv_listener_sockets *sockets = binding->sockets;
    if (sockets->count == NV_LISTENER_SOCKETS_MAX) {
        close(fd);
        return refuse(binding, "too many addresses");
    }
    struct nv_listener_socket *entry = &sockets->items[sockets->count++];
    *entry = (struct nv_listener_socket){.fd = fd};
    write_name(fd, entry->name);
    return NV_OK;
}

/* ---- inherited --------------------------------------------------------------------------- */

static bool same_address(const union address *a, socklen_t a_len, const union address *b,
                         socklen_t b_len)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET) {
        return a->in.sin_port == b->in.sin_port &&
               a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
    }
    if (a->any.sa_family == AF_INET6) {
        return a->in6.sin6_port == b->in6.sin6_port &&
               memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof a->in6.sin6_addr) == 0;
    }
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool set_option(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

static bool set_v6only(int fd, int only)
{
    return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == 0;
}

static enum nv_err use_socket(const struct binding *binding, int fd)
{
    int listening = 0;
    socklen_t len = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening)
        return refuse(binding, "the descriptor is not a listening socket");
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return refuse_errno(binding);
    (void)set_option(fd, IPPROTO_TCP,
                     TCP_NODELAY); /* fails on a Unix socket, which needs none */
    return add_socket(binding, fd);
}

/* A socket handed over for this address, or -1. */
static int find_inherited(const union address *address, socklen_t len)
{
    int end = FIRST_INHERITED_FD + inherited_count();
    for (int fd = FIRST_INHERITED_FD; fd < end; fd++) {
        union address bound = {.storage = {0}};
        socklen_t bound_len = sizeof bound;
        if (getsockname(fd, &bound.any, &bound_len) == 0 &&
            same_address(address, len, &bound, bound_len))
            return fd;
    }
    return -1;
}

bool nv_listener_unclaimed(int *fd, char name[NV_LISTENER_NAME_BYTES])
{
    int end = FIRST_INHERITED_FD + inherited_count();
    for (int i = *fd < FIRST_INHERITED_FD ? FIRST_INHERITED_FD : *fd; i < end; i++) {
        /* What came through exec(2) has it not; what is taken gets it. */
        int flags = fcntl(i, F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC) != 0)
            continue;
        write_name(i, name);
        *fd = i + 1;
        return true;
    }
    return false;
}

/* ---- TCP --------------------------------------------------------------------------------- */

static enum nv_err bind_tcp(const struct binding *binding, const struct addrinfo *info)
{
    union address address = {.storage = {0}};
    assert(info->ai_addrlen <= sizeof address);
    memcpy(&address, info->ai_addr, info->ai_addrlen);
    int fd = find_inherited(&address, info->ai_addrlen);
    if (fd >= 0)
        return use_socket(binding, fd);
    fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* TCP_NODELAY is inherited by accepted sockets (Linux). */
    if (fd < 0 || !set_option(fd, SOL_SOCKET, SO_REUSEADDR) ||
        !set_option(fd, IPPROTO_TCP, TCP_NODELAY) ||
        (info->ai_family == AF_INET6 && !set_v6only(fd, !binding->dual)) ||
        (binding->config->reuse_port && !set_option(fd, SOL_SOCKET, SO_REUSEPORT)) ||
        bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        errno = saved;
        return saved == EAFNOSUPPORT || saved == EADDRNOTAVAIL ? NV_ERR_NOT_FOUND
                                                               : refuse_errno(binding);
    }
    return add_socket(binding, fd);
}

/* Splits "host:port", "[v6]:port" or ":port" in place. */
static bool split_host_port(char *text, char **host, char **port)
{
    uint64_t number = 0;
    char *colon = strrchr(text, ':');
    /* getaddrinfo would take 99999 for 34463. */
    if (!colon || nv_str_to_uint64(nv_str_from(colon + 1), &number) != NV_OK ||
        number > UINT16_MAX)
        return false;
    *colon = '\0';
    *port = colon + 1;
    *host = text;
    if (text[0] == '[') {
        size_t len = strlen(text);
        if (text[len - 1] != ']')
            return false;
        text[len - 1] = '\0';
        *host = text + 1;
        return true;
    }
    return strchr(text, ':') == NULL; /* IPv6 needs its brackets */
}

/* Is the IPv4 side of this port asked for by an entry of its own? */
static bool has_ipv4_any(const struct nv_listener_config *config, const char *port)
{
    struct nv_str rest = nv_str_from(config->addresses);
    bool found = false;
    while (rest.len > 0 && !found) {
        size_t comma = nv_str_find_char(rest, ',');
        struct nv_str entry = nv_str_trim(nv_str_slice(rest, 0, comma));
        size_t colon = nv_str_starts(entry, NV_STR("0.0.0.0:")) ? 7 : 0;
        found = nv_str_find_char(entry, ':') == colon && strcmp(port, "0") != 0 &&
                nv_str_eq(nv_str_slice(entry, colon + 1, SIZE_MAX), nv_str_from(port));
        rest = comma == SIZE_MAX ? (struct nv_str){NULL, 0}
                                 : nv_str_slice(rest, comma + 1, SIZE_MAX);
    }
    return found;
}

static enum nv_err bind_addresses(const struct binding *binding, const struct addrinfo *list)
{
    /* A name may stand for addresses of a family that this machine has not: one must do. */
    enum nv_err err = NV_OK;
    size_t before = binding->sockets->count;
    for (const struct addrinfo *info = list; info && err == NV_OK; info = info->ai_next) {
        err = bind_tcp(binding, info);
        err = err == NV_ERR_NOT_FOUND ? NV_OK : err;
    }
    if (err == NV_OK && binding->sockets->count == before)
        return refuse(binding, "this machine has no such address");
    return err;
}

static enum nv_err bind_host(const struct binding *binding, char *text)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char *host, *port;
    if (!split_host_port(text, &host, &port))
        return refuse(binding, "want host:port, [ipv6]:port, unix:/path or fd:N");
    int failed = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &list);
    if (failed != 0)
        return refuse(binding, gai_strerror(failed));
    struct binding own = *binding;
    own.dual = strcmp(host, "::") == 0 && !has_ipv4_any(binding->config, port);
    enum nv_err err = bind_addresses(&own, list);
    freeaddrinfo(list);
    return err;
}

/* ---- Unix -------------------------------------------------------------------------------- */

/* Removes a socket file that nobody listens on. False, with errno, when it is in use or
 * foreign. */
static bool remove_stale(const struct sockaddr_un *address, socklen_t len)
{
    struct stat info;
    if (lstat(address->sun_path, &info) != 0)
        return errno == ENOENT;
    if (!S_ISSOCK(info.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool dead = fd >= 0 && connect(fd, (const struct sockaddr *)address, len) != 0 &&
                errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    errno = EADDRINUSE;
    return dead && unlink(address->sun_path) == 0;
}

static enum nv_err bind_path(const struct binding *binding, const union address *address,
                             socklen_t len)
{
    mode_t mode =
        binding->config->unix_mode != 0 ? binding->config->unix_mode : UNIX_MODE_DEFAULT;
    bool named = address->un.sun_path[0] != '\0';
    if (named && !remove_stale(&address->un, len))
        return refuse_errno(binding);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || fchmod(fd, mode) != 0 || bind(fd, &address->any, len) != 0 ||
        (named && chmod(address->un.sun_path, mode) != 0) || listen(fd, BACKLOG) != 0) {
        enum nv_err err = refuse_errno(binding);
        if (fd >= 0)
            close(fd);
        return err;
    }
    enum nv_err err = add_socket(binding, fd);
    struct stat info;
    if (err == NV_OK && named && lstat(address->un.sun_path, &info) == 0) {
        struct nv_listener_socket *entry =
            &binding->sockets->items[binding->sockets->count - 1];
        memcpy(entry->unix_path, address->un.sun_path, sizeof address->un.sun_path);
        entry->unix_device = info.st_dev;
        entry->unix_inode = info.st_ino;
    }
    return err;
}

static enum nv_err bind_unix(const struct binding *binding, const char *path)
{
    union address address = {.storage = {0}};
    size_t len = strlen(path);
    if (len < 2 || len >= sizeof address.un.sun_path)
        return refuse(binding, "the path of a Unix socket has 2 to 107 characters");
    static_assert(sizeof address.un.sun_path < NV_LISTENER_NAME_BYTES - 6, "names fit");
    address.un.sun_family = AF_UNIX;
    memcpy(address.un.sun_path, path, len);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    if (path[0] == '@') {
        address.un.sun_path[0] = '\0';
        size--; /* an abstract name is not terminated */
    }
    int fd = find_inherited(&address, size);
    return fd >= 0 ? use_socket(binding, fd) : bind_path(binding, &address, size);
}

/* ---- all --------------------------------------------------------------------------------- */

static enum nv_err bind_fd(const struct binding *binding, const char *digits)
{
    int64_t fd = 0;
    if (nv_str_to_int64(nv_str_from(digits), &fd) != NV_OK || fd < 0 || fd > INT32_MAX)
        return refuse(binding, "want fd:N with the number of an open socket");
    return use_socket(binding, (int)fd);
}

static enum nv_err bind_one(struct binding *binding, struct nv_str entry)
{
    char text[NV_LISTENER_NAME_BYTES], copy[NV_LISTENER_NAME_BYTES];
    entry = nv_str_trim(entry);
    snprintf(text, sizeof text, "%.*s", NV_STR_ARG(entry));
    memcpy(copy, text, sizeof copy);
    binding->text = text;
    if (entry.len == 0 || entry.len >= sizeof text)
        return refuse(binding, "want host:port, [ipv6]:port, unix:/path or fd:N");
    if (strncmp(copy, "unix:", 5) == 0)
        return bind_unix(binding, copy + 5);
    if (strncmp(copy, "fd:", 3) == 0)
        return bind_fd(binding, copy + 3);
    return bind_host(binding, copy);
}

enum nv_err nv_listener_bind(const struct nv_listener_config *config,
                             struct nv_listener_sockets *sockets, struct nv_fail *fail)
{
    struct binding binding = {.config = config, .sockets = sockets, .fail = fail};
    struct nv_str rest = nv_str_from(config->addresses);
    enum nv_err err = NV_OK;
    do {
        size_t comma = nv_str_find_char(rest, ',');
        err = bind_one(&binding, nv_str_slice(rest, 0, comma));
        rest = comma == SIZE_MAX ? (struct nv_str){NULL, 0}
                                 : nv_str_slice(rest, comma + 1, SIZE_MAX);
    } while (err == NV_OK && rest.len > 0);
    return err;
}

void nv_listener_socket_close(struct nv_listener_socket *socket)
{
    struct stat info;
    if (socket->fd >= 0) {
        close(socket->fd);
        socket->fd = -1;
    }
    if (socket->unix_path[0] != '\0' && lstat(socket->unix_path, &info) == 0 &&
        info.st_dev == socket->unix_device && info.st_ino == socket->unix_inode)
        unlink(socket->unix_path);
    socket->unix_path[0] = '\0';
}
