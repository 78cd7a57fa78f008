/*
 * A directory as the gateway would use it: made with its parents, written, synced.
 *
 * Whatever was missing is made, tried and taken away again, the innermost first, so that a run
 * before the first start says what the first start will meet.
 */
#include "gateway/doctor/checks.h"

#include "base/clock.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/banned.h"

#define PATH_SIZE 4096
/* A sync slower than this makes acknowledgements slow; a disk has 1 to 20 ms. */
#define SYNC_SLOW_MS 100
/* Less is as good as nothing: a segment of the journal and a body of the outbox. */
#define ROOM_MIN_BYTES (UINT64_C(32) << 20)

/* Makes `path` with its parents; `made` (of equal size) is the outermost that was not there, or
 * "". 0, or errno. */
static int make_directories(const char *path, char *made)
{
    char part[PATH_SIZE];
    int len = snprintf(part, sizeof part, "%s", path);

    made[0] = '\0';
    if (len <= 0 || len >= (int)sizeof part)
        return ENAMETOOLONG;
    for (char *at = part + 1;; at++) {
        char was = *at;
        if (was != '/' && was != '\0')
            continue;
        *at = '\0';
        if (mkdir(part, 0700) == 0) {
            if (made[0] == '\0')
                (void)snprintf(made, PATH_SIZE, "%s", part);
        } else if (errno != EEXIST) {
            return errno;
        }
        *at = was;
        if (was == '\0')
            return 0;
    }
}

/* Takes away what make_directories made: `path` and its parents up to `made`. */
static void remove_directories(const char *path, const char *made)
{
    char part[PATH_SIZE];

    (void)snprintf(part, sizeof part, "%s", path);
    while (made[0] != '\0' && strlen(part) >= strlen(made)) {
        char *slash = strrchr(part, '/');
        (void)rmdir(part); /* one that was not made yet is no fault */
        if (!slash || slash == part)
            return;
        *slash = '\0';
    }
}

/* Time of one write and sync in ms, or UINT64_MAX with errno set. */
static uint64_t try_sync(const char *directory)
{
    char path[PATH_SIZE + 32], block[4096];
    uint64_t started_ns = nv_clock_mono_ns(nv_clock_system());
    (void)snprintf(path, sizeof path, "%s/doctor-%ld", directory, (long)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return UINT64_MAX;
    memset(block, 0, sizeof block);
    bool good = write(fd, block, sizeof block) == (ssize_t)sizeof block && fdatasync(fd) == 0;
    int cause = errno;
    (void)close(fd);
    (void)unlink(path);
    errno = cause;
    return good ? (nv_clock_mono_ns(nv_clock_system()) - started_ns) / NV_NS_PER_MS
                : UINT64_MAX;
}

static void add_bad(const char *key, const char *directory, const char *doing, int cause,
                    struct nv_findings *out)
{
    char next[320];
    bool full = cause == ENOSPC || cause == EDQUOT;

    (void)snprintf(next, sizeof next,
                   full ? "make room on the disk of %.160s, or set %s to another directory"
                        : "make %.160s a directory that this user may write, or set %s to "
                          "another one",
                   directory, key);
    nv_finding_add(out, NV_FINDING_BAD, "disk", next, "%s: can't %s %.200s: %s", key, doing,
                   directory, strerror(cause));
}

static void add_room(const char *key, const char *directory, uint64_t wanted_bytes,
                     uint64_t took_ms, struct nv_findings *out)
{
    struct statvfs room;
    bool known = statvfs(directory, &room) == 0;
    uint64_t free_bytes = known ? (uint64_t)room.f_bavail * room.f_frsize : UINT64_MAX;
    if (known && free_bytes < ROOM_MIN_BYTES) {
        add_bad(key, directory, "write much in", ENOSPC, out);
        return;
    }
    nv_finding_add(out, NV_FINDING_OK, "disk", NULL,
                   "%s %.200s: %" PRIu64 " MB free, a sync takes %" PRIu64 " ms%s%s", key,
                   directory, known ? free_bytes / 1000000 : 0, took_ms,
                   free_bytes < wanted_bytes ? ", less room than journal.max_bytes" : "",
                   took_ms > SYNC_SLOW_MS ? ", slow: acknowledgements wait for it" : "");
}

void nv_check_disk(const char *key, const char *directory, uint64_t wanted_bytes,
                   struct nv_findings *out)
{
    char made[PATH_SIZE];
    int cause = make_directories(directory, made);
    if (cause != 0) {
        remove_directories(directory, made);
        add_bad(key, directory, "make", cause, out);
        return;
    }
    uint64_t took_ms = try_sync(directory);
    cause = errno;
    if (took_ms == UINT64_MAX)
        add_bad(key, directory, "write in", cause, out);
    else
        add_room(key, directory, wanted_bytes, took_ms, out);
    remove_directories(directory, made);
}
