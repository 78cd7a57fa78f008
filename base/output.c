/*
 * Writing without being held up (output.h).
 *
 * The descriptors are shared with other processes, so they stay blocking: O_NONBLOCK would be
 * theirs, too. poll says that a pipe has room for PIPE_BUF bytes, and a write of no more than
 * that then does not wait.
 */
#include "base/output.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_output standard_output = NV_OUTPUT_INIT(STDOUT_FILENO);

struct nv_output *nv_output_stdout(void)
{
    return &standard_output;
}

static uint64_t now_ms(void)
{
    return nv_clock_mono_ns(nv_clock_system()) / NV_NS_PER_MS;
}

/* May it be written to before `until_ms`? True on errors, too: the write will tell. */
static bool wait_ready(int fd, uint64_t until_ms)
{
    for (;;) {
        struct pollfd poller = {.fd = fd, .events = POLLOUT};
        uint64_t now = now_ms();
        int got = poll(&poller, 1, now < until_ms ? (int)(until_ms - now) : 0);
        if (got >= 0 || errno != EINTR)
            return got != 0;
    }
}

/* Writes from the front of *text as much as goes; false when nothing more does. */
static bool write_some(int fd, struct nv_str *text, uint64_t until_ms)
{
    if (!wait_ready(fd, until_ms))
        return false;
    ssize_t written = write(fd, text->ptr, text->len < PIPE_BUF ? text->len : PIPE_BUF);
    if (written > 0)
        *text = nv_str_slice(*text, (size_t)written, text->len);
    else if (written == 0 || (errno != EINTR && errno != EAGAIN) || now_ms() >= until_ms)
        return false;
    return true;
}

static bool write_all(struct nv_output *output, struct nv_str *text)
{
    uint64_t until_ms = now_ms() + (output->stalled ? 0 : NV_OUTPUT_WAIT_MS);
    while (text->len > 0) {
        if (!write_some(output->fd, text, until_ms))
            return false;
    }
    return true;
}

bool nv_output_write(struct nv_output *output, struct nv_str text)
{
    struct nv_str newline = NV_STR("\n");
    (void)pthread_mutex_lock(&output->lock);
    if (output->torn)
        output->torn = !write_all(output, &newline);
    struct nv_str rest = text;
    bool whole = !output->torn && write_all(output, &rest);
    output->torn |= rest.len > 0 && rest.len < text.len;
    output->stalled = !whole;
    (void)pthread_mutex_unlock(&output->lock);
    return whole;
}

void nv_output_write_now(int fd, struct nv_str text)
{
    struct pollfd poller = {.fd = fd, .events = POLLOUT};
    assert(text.len <= PIPE_BUF);
    if (poll(&poller, 1, 0) > 0) {
        ssize_t written = write(fd, text.ptr, text.len);
        (void)written;
    }
}
