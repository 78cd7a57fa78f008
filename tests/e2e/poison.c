/*
 * A trace that kills or holds the process, for test_poison.py: loaded in front of libc
 * (LD_PRELOAD).
 *
 * The gateway notes on disk which trace it translates. When it notes the one whose id is
 * "poison-trace-id!", POISON says what happens: `kill` the process, `spin` or `sleep` for ever.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void act(void)
{
    const char *how = getenv("POISON");
    volatile int forever = 1;
    if (how && strcmp(how, "kill") == 0)
        kill(getpid(), SIGKILL);
    while (how && strcmp(how, "spin") == 0 && forever) {
    }
    while (how && strcmp(how, "sleep") == 0)
        pause();
}

static ssize_t write_at(const char *name, int fd, const void *bytes, size_t len, off_t offset)
{
    static const char poison[] = "poison-trace-id!";
    ssize_t (*real)(int, const void *, size_t, off_t);
    *(void **)&real = dlsym(RTLD_NEXT, name);
    ssize_t written = real(fd, bytes, len, offset);
    if (len == 32 && memcmp(bytes, poison, 16) == 0)
        act();
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return write_at("pwrite", fd, bytes, len, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
    return write_at("pwrite64", fd, bytes, len, offset);
}
