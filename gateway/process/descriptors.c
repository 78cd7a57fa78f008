/*
 * The soft limit of descriptors is raised to the hard one.
 *
 * The soft limit is 1024 nearly everywhere, only because select() can't count further; nothing
 * here or in the libraries used calls it (epoll and poll do). systemd's advice is to raise it
 * in such programs rather than in their units. Deliberately not done: raising the hard limit,
 * which is the administrator's word even where the process could, and an option for it: `ulimit
 * -Hn` is one.
 */
#include "gateway/process/descriptors.h"

#include "base/log/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/banned.h"

void nv_descriptors_hold_standard(void)
{
    int fd;
    /* the lowest that is free is given, so this ends above the three */
    do
        fd = open("/dev/null", O_RDWR); /* NOLINT(android-cloexec-open): as the three are */
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        (void)close(fd);
}

uint64_t nv_descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        NV_LOG(NV_LOG_DEBUG, "gateway", "cannot read the limit of descriptors errno=%d", errno);
        return UINT64_MAX;
    }
    struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    assert(limit.rlim_cur <= limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
        limit = raised;
    } else {
        NV_LOG(NV_LOG_DEBUG, "gateway",
               "cannot raise the limit of descriptors errno=%d soft=%" PRIu64 " hard=%" PRIu64,
               errno, (uint64_t)limit.rlim_cur, (uint64_t)limit.rlim_max);
    }
    if (limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    if (limit.rlim_cur < NV_DESCRIPTORS_PLENTY) {
        NV_LOG(NV_LOG_INFO, "gateway",
               "few file descriptors, fewer connections are kept limit=%" PRIu64,
               (uint64_t)limit.rlim_cur);
    }
    return limit.rlim_cur;
}
