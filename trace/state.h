/*
 * What all of the library shares: whether it is on, and with what configuration; counters; the
 * last error.
 *
 *   config NULL: off, every public function returns at once
 *          set:  on; the configuration is constant, and stays in memory when it is replaced, so
 *                that who has just looked may go on reading
 *
 * One tracer a process, because the current span and the end of a process are the process's.
 */
#ifndef NV_TRACE_STATE_H
#define NV_TRACE_STATE_H

#include "base/str.h"
#include "noveum/trace.h"
#include "trace/config.h"

#include <stdatomic.h>

/* X(name): a counter of noveum_counters that only grows. */
#define NV_TRACE_COUNTS(X)                                                                     \
    X(started)                                                                                 \
    X(exported)                                                                                \
    X(dropped_full)                                                                            \
    X(dropped_memory)                                                                          \
    X(dropped_failed)                                                                          \
    X(dropped_rejected)                                                                        \
    X(dropped_stopped)                                                                         \
    X(dropped_by_caller)                                                                       \
    X(dropped_unsampled)                                                                       \
    X(unfinished)                                                                              \
    X(attributes_dropped)                                                                      \
    X(values_repaired)                                                                         \
    X(misuse)                                                                                  \
    X(requests)                                                                                \
    X(retries)

enum nv_trace_count {
#define NV_TRACE_COUNT_ENUM(name) NV_TRACE_COUNT_##name,
    NV_TRACE_COUNTS(NV_TRACE_COUNT_ENUM)
#undef NV_TRACE_COUNT_ENUM
        NV_TRACE_COUNT_END
};

struct nv_trace_state {
    struct nv_trace_config *_Atomic config;
    _Atomic uint64_t counts[NV_TRACE_COUNT_END];
    _Atomic uint64_t open;   /* spans begun and not ended */
    _Atomic uint64_t queued; /* ended and not answered for */
    _Atomic uint32_t failures_in_a_row, last_status;
};

extern struct nv_trace_state nv_trace_state;

/* The configuration while tracing is on, else NULL. Borrowed, for good. */
static inline const struct nv_trace_config *nv_trace_on(void)
{
    return atomic_load_explicit(&nv_trace_state.config, memory_order_acquire);
}

/* Adds to a counter: nv_trace_add(NV_TRACE_COUNT_misuse, 1). */
static inline void nv_trace_add(enum nv_trace_count count, uint64_t n)
{
    atomic_fetch_add_explicit(&nv_trace_state.counts[count], n, memory_order_relaxed);
}

/* Copies a text into a caller's room of `size` bytes, cut, with a NUL; nothing when that is
 * NULL or of 0 bytes. Returns the whole length, so that the caller sees what was cut. */
size_t nv_trace_give(struct nv_str text, char *room, size_t size);
/* Zeroes all counters and the error: at start and in the child of a fork. */
void nv_trace_state_reset(void);
/* Notes what went wrong, printf's text, cut to 255 bytes; tells the option `log` of `config`
 * (may be NULL), but not twice in a second. */
void nv_trace_fail(const struct nv_trace_config *config, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Locks of this file, around a fork. */
void nv_trace_state_before_fork(void);
void nv_trace_state_after_fork(void);

#endif
