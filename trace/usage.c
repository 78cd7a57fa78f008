/*
 * CPU time by getrusage, resident memory by /proc/self/statm.
 *
 * Both are the process's, not the span's: with several requests at a time each span shows what
 * all of them used meanwhile. It costs a few microseconds a span, which is why it is off until
 * it is asked for.
 */
#include "trace/usage.h"

#include "trace/attributes.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/banned.h"

static uint64_t us_of(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

/* The second number: resident pages. */
static uint64_t resident_bytes(void)
{
    char text[128];
    uint64_t pages = 0;
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t len = read(file, text, sizeof text);
    (void)close(file);
    struct nv_str all = {text, len > 0 ? (size_t)len : 0};
    size_t blank = nv_str_find_char(all, ' ');
    if (blank == SIZE_MAX)
        return 0;
    struct nv_str rest = nv_str_slice(all, blank + 1, all.len);
    if (nv_str_to_uint64(nv_str_slice(rest, 0, nv_str_find_char(rest, ' ')), &pages) != NV_OK)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct nv_trace_usage nv_trace_usage_now(void)
{
    struct rusage used;
    struct nv_trace_usage now = {.memory_bytes = resident_bytes()};
    if (getrusage(RUSAGE_SELF, &used) == 0) {
        now.user_us = us_of(used.ru_utime);
        now.system_us = us_of(used.ru_stime);
    }
    return now;
}

void nv_trace_usage_put(struct nv_trace_span *span)
{
    struct nv_trace_usage now = nv_trace_usage_now();
    const struct nv_trace_usage *then = &span->usage;
    const noveum_attribute attributes[] = {
        noveum_double("noveum.process.cpu_user_ms",
                      (double)(now.user_us - then->user_us) / 1000),
        noveum_double("noveum.process.cpu_system_ms",
                      (double)(now.system_us - then->system_us) / 1000),
        noveum_int("noveum.process.memory_bytes", (int64_t)now.memory_bytes),
        noveum_int("noveum.process.memory_growth_bytes",
                   (int64_t)now.memory_bytes - (int64_t)then->memory_bytes),
    };
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
        nv_trace_set(span, &attributes[i]);
}
