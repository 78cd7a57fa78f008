/*
 * A disk that is slow or fails, for test_pressure.py: loaded in front of libc (LD_PRELOAD).
 *
 * SLOW_DISK_MS: every sync takes so many milliseconds more. SLOW_DISK_FAILS: every so many-th
 * sync fails with EIO and syncs nothing, as a disk does whose cache could not be written.
 * Syncs are where a journal waits, and where an error must not be asked about twice.
 * SLOW_DISK_READ_MS: every read at an offset takes so many milliseconds more.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

static long setting(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtol(text, NULL, 10) : 0;
}

static int sync_late(const char *name, int fd)
{
    static atomic_long calls;
    const long ms = setting("SLOW_DISK_MS"), fails = setting("SLOW_DISK_FAILS");
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, name);
    nanosleep(&pause, NULL);
    if (fails > 0 && atomic_fetch_add(&calls, 1) % fails == fails - 1) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fdatasync(int fd)
{
    return sync_late("fdatasync", fd);
}

int fsync(int fd)
{
    return sync_late("fsync", fd);
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset)
{
    const long ms = setting("SLOW_DISK_READ_MS");
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    ssize_t (*real)(int, void *, size_t, off_t);
    *(void **)&real = dlsym(RTLD_NEXT, "pread");
    nanosleep(&pause, NULL);
    return real(fd, bytes, count, offset);
}

ssize_t pread64(int fd, void *bytes, size_t count, off_t offset)
{
    return pread(fd, bytes, count, offset);
}
