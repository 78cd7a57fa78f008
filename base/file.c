/*
 * Reading of whole files.
 *
 *   open (never waits) ─▶ poll ─▶ read 4 KiB ─┬─ end ─────────▶ all is in the buffer
 *                          ▲                  ├─ max passed ──▶ NV_ERR_LIMIT
 *                          └──── more ────────┘
 *
 * A pipe is opened without waiting for who writes to it, and waited for where it is read: an
 * open that waits can't be bounded. Regular files are always ready.
 */
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

static bool is_ready(int fd, int wait_ms)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    int got;
    do
        got = poll(&poller, 1, wait_ms);
    while (got < 0 && errno == EINTR);
    return got != 0;
}

enum nv_err nv_file_read_fd(int fd, const char *path, int wait_ms, size_t max,
                            struct nv_buf *out, struct nv_fail *fail)
{
    enum nv_err err = NV_OK;
    size_t total = 0;
    char piece[4096];
    ssize_t got = 1;
    assert(fd >= 0 && path != NULL && max > 0);
    while (err == NV_OK && got != 0) {
        bool ready = is_ready(fd, wait_ms);
        got = ready ? read(fd, piece, sizeof piece) : -1;
        if (got < 0 && ready && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got < 0) {
            err = nv_fail_set(fail, NV_ERR_CONFIG, 0, "can't read \"%.60s\": %s", path,
                              ready ? strerror(errno) : "nobody writes to this pipe");
            break;
        }
        total += (size_t)got;
        err = total > max ? NV_ERR_LIMIT : nv_buf_append(out, piece, (size_t)got);
    }
    if (err == NV_ERR_LIMIT)
        (void)nv_fail_set(fail, err, 0, "\"%.60s\" is larger than %zu bytes", path, max);
    explicit_bzero(piece, sizeof piece); /* it may have been a key */
    (void)close(fd);
    return err;
}

enum nv_err nv_file_cant_open(const char *path, struct nv_fail *fail)
{
    return nv_fail_set(fail, NV_ERR_CONFIG, 0, "can't open \"%.60s\": %s", path,
                       strerror(errno));
}

enum nv_err nv_file_read(const char *path, int wait_ms, size_t max, struct nv_buf *out,
                         struct nv_fail *fail)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd < 0 ? nv_file_cant_open(path, fail)
                  : nv_file_read_fd(fd, path, wait_ms, max, out, fail);
}
