/*
 * Who is at the other end of a connection, as one number.
 */
#ifndef NV_NET_PEER_H
#define NV_NET_PEER_H

#include "base/str.h"

#include <stdint.h>

struct sockaddr;

/*
 * Stands for the network address behind a connected socket: the same for all connections of one
 * IPv4 address or one IPv6 /64 (what one customer is given, RFC 6177), different for others but
 * for hash collisions, and for this process only. Unix sockets are one client. 0: not known.
 */
uint64_t nv_peer_of(int fd);
/* The same of an address (borrowed). */
uint64_t nv_peer_of_address(const struct sockaddr *address);

/* Of the text below: an IPv6 address in brackets with its port. */
#define NV_PEER_TEXT_SIZE 56
/* Who is behind a connected socket, for people: "127.0.0.1:4711", "[::1]:4711", "a Unix
 * socket"; empty when it is not known. Borrowed from `text`. */
struct nv_str nv_peer_text(int fd, char text[NV_PEER_TEXT_SIZE]);
/* An address (borrowed) with its port, likewise; empty when it is none of IP. */
struct nv_str nv_peer_address_text(const struct sockaddr *address,
                                   char text[NV_PEER_TEXT_SIZE]);

#endif
