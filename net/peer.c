/*
 * The number of peer.h.
 *
 *   AF_INET    4 bytes                         \
 *   AF_INET6   8 bytes, or the 4 it maps        >  seeded hash, never 0
 *   AF_UNIX    nothing                         /
 *
 * The port is left out, or every connection would be a client of its own; so is what a request
 * says of itself, which costs nothing to change. Hashed, because a share is all it is needed
 * for and addresses are personal data that should not lie around.
 */
#include "net/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/banned.h"

#define IPV6_NETWORK_BYTES 8u

static uint64_t number_of(int family, const void *bytes, size_t len)
{
    char key[1 + IPV6_NETWORK_BYTES] = {(char)family};
    memcpy(key + 1, bytes, len);
    uint64_t hash = nv_str_hash((struct nv_str){key, 1 + len});
    return hash != 0 ? hash : 1;
}

uint64_t nv_peer_of_address(const struct sockaddr *address)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    switch (address->sa_family) {
    case AF_INET:
        memcpy(&in, address, sizeof in);
        return number_of(AF_INET, &in.sin_addr, sizeof in.sin_addr);
    case AF_INET6:
        memcpy(&in6, address, sizeof in6);
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
            return number_of(AF_INET, in6.sin6_addr.s6_addr + 12, 4);
        return number_of(AF_INET6, in6.sin6_addr.s6_addr, IPV6_NETWORK_BYTES);
    case AF_UNIX:
        return number_of(AF_UNIX, "", 0);
    default:
        return 0;
    }
}

uint64_t nv_peer_of(int fd)
{
    struct sockaddr_storage storage = {0};
    socklen_t len = sizeof storage;
    if (getpeername(fd, (struct sockaddr *)&storage, &len) != 0)
        return 0;
    return nv_peer_of_address((const struct sockaddr *)&storage);
}

struct nv_str nv_peer_address_text(const struct sockaddr *address, char text[NV_PEER_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "";
    text[0] = '\0';
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        (void)inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
        (void)snprintf(text, NV_PEER_TEXT_SIZE, "%s:%u", host, ntohs(in.sin_port));
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof in6);
        (void)inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof host);
        (void)snprintf(text, NV_PEER_TEXT_SIZE, "[%s]:%u", host, ntohs(in6.sin6_port));
    }
    return nv_str_from(text);
}

struct nv_str nv_peer_text(int fd, char text[NV_PEER_TEXT_SIZE])
{
    struct sockaddr_storage storage = {0};
    socklen_t len = sizeof storage;
    text[0] = '\0';
    if (getpeername(fd, (struct sockaddr *)&storage, &len) != 0)
        return nv_str_from(text);
    if (storage.ss_family == AF_UNIX)
        (void)snprintf(text, NV_PEER_TEXT_SIZE, "a Unix socket");
    else
        (void)nv_peer_address_text((const struct sockaddr *)&storage, text);
    return nv_str_from(text);
}
