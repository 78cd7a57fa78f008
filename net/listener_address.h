/*
 * Addresses in words become bound sockets: TCP, Unix, inherited. Used by listener.c alone.
 */
#ifndef NV_NET_LISTENER_ADDRESS_H
#define NV_NET_LISTENER_ADDRESS_H

#include "net/listener.h"

#include <sys/types.h>

#define NV_LISTENER_SOCKETS_MAX 16

/* A bound, listening, non-blocking socket. */
struct nv_listener_socket {
    int fd;
    char name[NV_LISTENER_NAME_BYTES];      /* "127.0.0.1:4318", "unix:/path" */
    char unix_path[NV_LISTENER_NAME_BYTES]; /* file to remove at the end, or "" */
    dev_t unix_device;
    ino_t unix_inode;
};

struct nv_listener_sockets {
    struct nv_listener_socket items[NV_LISTENER_SOCKETS_MAX];
    size_t count;
};

/*
 * Binds all addresses of `config` and appends them to `sockets`. NV_ERR_CONFIG with what to do
 * in `fail`, NV_ERR_IO; what was bound before stays in `sockets` and is to be closed.
 */
enum nv_err nv_listener_bind(const struct nv_listener_config *config,
                             struct nv_listener_sockets *sockets,
                             struct nv_fail *fail) NV_MUST_USE;
/* Closes a socket; a Unix socket's file is removed when it is still the one that was made. */
void nv_listener_socket_close(struct nv_listener_socket *socket);

#endif
