/*
 * One child a check, and a pipe for what it found. The findings are copied as they are: both
 * ends are the same program.
 */
#include "gateway/doctor/isolated.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

/* All of it fits into a pipe (64 KiB), so that the child never waits for its reader. */
static_assert(sizeof(struct nv_findings) < 65536, "findings of one check");

static void run_child(nv_isolated_check *check, void *ctx, int fd)
{
    struct nv_findings found = {.count = 0};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    check(ctx, &found);
    _exit(write(fd, &found, sizeof found) == (ssize_t)sizeof found ? 0 : 1);
}

/* Reads until `size` bytes are there, the other end is closed, or time is up. */
static enum nv_err read_whole(int fd, void *out, size_t size, unsigned deadline_ms)
{
    const struct nv_clock *clock = nv_clock_system();
    uint64_t end_ns = nv_clock_mono_ns(clock) + deadline_ms * NV_NS_PER_MS;
    char *bytes = out;

    while (size > 0) {
        uint64_t now_ns = nv_clock_mono_ns(clock);
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int left_ms = now_ns >= end_ns ? 0 : (int)((end_ns - now_ns) / NV_NS_PER_MS) + 1;
        int ready = poll(&wait, 1, left_ms);
        if (ready == 0)
            return NV_ERR_TIMEOUT;
        ssize_t got = ready < 0 ? -1 : read(fd, bytes, size);
        if (got == 0 || (got < 0 && errno != EINTR))
            return NV_ERR_IO;
        if (got > 0) {
            bytes += got;
            size -= (size_t)got;
        }
    }
    return NV_OK;
}

static void append(const struct nv_findings *found, struct nv_findings *out)
{
    for (size_t i = 0; i < found->count && i < NV_FINDINGS_MAX; i++) {
        const struct nv_finding *one = &found->items[i];
        nv_finding_add(out, one->level, one->subject, one->next, "%s", one->text);
    }
}

enum nv_err nv_isolated_run(nv_isolated_check *check, void *ctx, unsigned deadline_ms,
                            struct nv_findings *out)
{
    struct nv_findings found;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return NV_ERR_IO;
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        run_child(check, ctx, ends[1]);
    }
    (void)close(ends[1]);
    enum nv_err err =
        child < 0 ? NV_ERR_IO : read_whole(ends[0], &found, sizeof found, deadline_ms);
    (void)close(ends[0]);
    if (child > 0) {
        if (err != NV_OK)
            (void)kill(child, SIGKILL);
        /* one that hangs in the kernel ends when it can: it is not waited for */
        (void)waitpid(child, NULL, err == NV_ERR_TIMEOUT ? WNOHANG : 0);
    }
    if (err == NV_OK)
        append(&found, out);
    return err;
}
