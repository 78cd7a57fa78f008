/*
 * A trace that kills or holds the process, for test_poison.py: loaded in front of libc
 * (LD_PRELOAD).
 *
 * The gateway notes on disk which traces a thread is about to translate, up to eight by one
 * write. When the one whose id is "poison-trace-id!" is among them, POISON says what happens as
 * soon as the thread, at work on them, asks for the time: `kill` the process, `spin` or `sleep`
 * for ever.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
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

#define ENTRY 32

static _Thread_local int noted;

/* Among the entries behind the head of the file? With the head it is written at a start. */
static int is_noted(const char *bytes, size_t len, off_t offset)
{
    static const char poison[] = "poison-trace-id!";
    for (size_t at = 0; offset > 0 && len % ENTRY == 0 && at < len; at += ENTRY) {
        if (memcmp(bytes + at, poison, 16) == 0)
            return 1;
    }
    return 0;
}

static ssize_t write_at(const char *name, int fd, const void *bytes, size_t len, off_t offset)
{
    ssize_t (*real)(int, const void *, size_t, off_t);
    *(void **)&real = dlsym(RTLD_NEXT, name);
    noted = is_noted(bytes, len, offset);
    return real(fd, bytes, len, offset);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (noted)
        act();
    return (int)syscall(SYS_clock_gettime, clock, time);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return write_at("pwrite", fd, bytes, len, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
    return write_at("pwrite64", fd, bytes, len, offset);
}
