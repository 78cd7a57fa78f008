/*
 * Counters and the last error, and the public functions that show them.
 *
 * Counters are relaxed atomics: each is right by itself, and together they add up when nothing
 * is under way. The error text is the only thing here behind a lock, which is held for a copy.
 * The log function of the caller runs outside of it, or it could not call noveum_last_error.
 *
 * State is static and not part of a handle, because the public functions that ask for it take
 * no handle: they may be called before the start, after the end and in a child after a fork.
 *
 *   fork   parent: lock ─ fork ─ unlock        the child gets a lock that nobody holds,
 *          child:         └──── unlock         though the thread that held it is gone
 */
#include "trace/state.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

struct nv_trace_state nv_trace_state;

static pthread_mutex_t error_lock = PTHREAD_MUTEX_INITIALIZER; /* of the next two */
static char error_text[256];
static uint64_t logged_ns;

/* At the start, and in a child after a fork: what the parent counted is told by the parent. */
void nv_trace_state_reset(void)
{
    for (int i = 0; i < NV_TRACE_COUNT_END; i++)
        atomic_store(&nv_trace_state.counts[i], 0);
    atomic_store(&nv_trace_state.failures_in_a_row, 0);
    atomic_store(&nv_trace_state.last_status, 0);
    pthread_mutex_lock(&error_lock);
    error_text[0] = '\0';
    logged_ns = 0;
    pthread_mutex_unlock(&error_lock);
}

void nv_trace_state_before_fork(void)
{
    pthread_mutex_lock(&error_lock);
}

void nv_trace_state_after_fork(void)
{
    pthread_mutex_unlock(&error_lock);
}

void nv_trace_fail(const struct nv_trace_config *config, const char *format, ...)
{
    char text[sizeof error_text];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    uint64_t now = nv_clock_mono_ns(nv_clock_system());
    pthread_mutex_lock(&error_lock);
    memcpy(error_text, text, sizeof text);
    /* one line a second: a backend that is away fails each request, and what reads the log is
     * the program of somebody who has other worries; the text that is kept is always the
     * newest */
    bool due = logged_ns == 0 || now - logged_ns >= NV_NS_PER_S;
    if (due)
        logged_ns = now;
    pthread_mutex_unlock(&error_lock);
    if (due && config && config->log)
        config->log(config->user, text);
}

size_t nv_trace_give(struct nv_str text, char *room, size_t size)
{
    if (room && size > 0) {
        size_t part = text.len < size ? text.len : size - 1;
        if (part > 0)
            memcpy(room, text.ptr, part);
        room[part] = '\0';
    }
    return text.len;
}

size_t noveum_last_error(char *text, size_t size)
{
    pthread_mutex_lock(&error_lock);
    size_t len = nv_trace_give(nv_str_from(error_text), text, size);
    pthread_mutex_unlock(&error_lock);
    return len;
}

void noveum_get_counters(noveum_counters *counters)
{
    noveum_counters all = {0};
    /* The caller's struct may be older and shorter than ours, or newer and longer: its size
     * says how much of it is written, and `size` how much was. */
    if (!counters || counters->size <= sizeof counters->size)
        return;
#define COPY(name) all.name = atomic_load(&nv_trace_state.counts[NV_TRACE_COUNT_##name]);
    NV_TRACE_COUNTS(COPY)
#undef COPY
    all.open = atomic_load(&nv_trace_state.open);
    all.queued = atomic_load(&nv_trace_state.queued);
    all.failures_in_a_row = atomic_load(&nv_trace_state.failures_in_a_row);
    all.last_status = atomic_load(&nv_trace_state.last_status);
    all.size = counters->size < sizeof all ? counters->size : sizeof all;
    memcpy(counters, &all, all.size);
}

int noveum_healthy(void)
{
    return nv_trace_on() && atomic_load(&nv_trace_state.failures_in_a_row) == 0;
}

int noveum_enabled(void)
{
    return nv_trace_on() ? 1 : 0;
}

const char *noveum_version(void)
{
    return NOVEUM_TRACE_VERSION;
}

const char *noveum_result_text(noveum_result result)
{
    switch (result) {
    case NOVEUM_OK:
        return "success";
    case NOVEUM_OFF:
        return "tracing is off";
    case NOVEUM_INVALID:
        return "invalid argument or setting";
    case NOVEUM_NO_MEMORY:
        return "out of memory";
    case NOVEUM_TIMEOUT:
        return "not done in time";
    case NOVEUM_BUSY:
        return "started already";
    }
    return "unknown result";
}
