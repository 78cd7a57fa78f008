/*
 * sd_notify(3) by hand: one datagram to a Unix socket.
 *
 * libsystemd would be a dependency for thirty lines, and its users have met CVE-2024-3094.
 * An address that begins with `@` is abstract: its first byte is NUL.
 */
#include "gateway/process/notify.h"

#include "base/str.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/banned.h"

bool nv_notify(const char *state)
{
    assert(state != NULL && state[0] != '\0');
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
        return false;
    size_t len = strlen(path);
    memcpy(address.sun_path, path, len);
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    size_t sent = strlen(state);
    bool ok = sendto(fd, state, sent, MSG_NOSIGNAL, (const struct sockaddr *)&address, size) ==
              (ssize_t)sent;
    (void)close(fd);
    return ok;
}

bool nv_notify_watchdog(void)
{
    int64_t timeout_us = 0, pid = 0;
    const char *of = getenv("WATCHDOG_PID");
    if (nv_str_to_int64(nv_str_from(getenv("WATCHDOG_USEC")), &timeout_us) != NV_OK ||
        timeout_us <= 0)
        return false;
    if (of && (nv_str_to_int64(nv_str_from(of), &pid) != NV_OK || pid != (int64_t)getpid()))
        return false;
    return nv_notify("WATCHDOG=1");
}
