/*
 * The watch of progress.h.
 *
 * Between two looks a slot's time is what its thread spent of CPU, or, when the thread sleeps
 * (a lock, a disk that does not answer), the time between the looks. A watcher that was itself
 * kept from running counts at most LOOK_NS_MAX for one look. The state of a thread is field 3
 * of /proc/self/task/TID/stat (proc(5)): R can run, S and D sleep.
 *
 *   a shard, at each trace:     id, tid, clock ─▶ turn odd ... work ... turn even
 *   the watcher, each look:     same odd turn as before?  ─▶ its time grows
 *                               another turn, or even     ─▶ 0
 *
 * CPU time and not wall time, because a machine that is short of processors starves a thread
 * for seconds without anything being wrong; a supervisor that restarted us for that would make
 * it worse. The shard pays a few relaxed stores a trace and never waits for the watcher.
 */
#include "gateway/process/progress.h"

#include "base/log/log.h"
#include "base/text/text.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

#define LOOK_NS_MAX (2 * NV_NS_PER_S)

void nv_progress_init(struct nv_progress *progress)
{
    *progress = (struct nv_progress){.times = nv_thread_times_system};
    pthread_mutex_init(&progress->lock, NULL);
}

void nv_progress_release(struct nv_progress *progress)
{
    pthread_mutex_destroy(&progress->lock);
}

static bool is_runnable(int tid)
{
    char path[64];
    char stat[128] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, stat, sizeof stat - 1) : -1;
    if (fd >= 0)
        close(fd);
    /* without /proc a thread counts by its CPU time alone */
    const char *name_end = len > 0 ? strrchr(stat, ')') : NULL;
    return name_end == NULL || (name_end[1] == ' ' && name_end[2] == 'R');
}

/* False when the thread has ended: its clock is gone with it. */
bool nv_thread_times_system(struct nv_thread_id thread, uint64_t *cpu_ns, bool *runnable)
{
    struct timespec cpu;
    if (clock_gettime(thread.clock, &cpu) != 0)
        return false;
    *cpu_ns = (uint64_t)cpu.tv_sec * NV_NS_PER_S + (uint64_t)cpu.tv_nsec;
    *runnable = is_runnable(thread.tid);
    return true;
}

void nv_progress_begin(struct nv_progress *progress, unsigned slot,
                       const uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    /* asked once a thread: a system call for each trace would cost more than the rest of the
     * function */
    static _Thread_local int tid;
    struct nv_progress_slot *own = &progress->slots[slot];
    uint64_t id[2];
    clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
    if (tid == 0)
        tid = (int)gettid();
    (void)pthread_getcpuclockid(pthread_self(), &clock);
    memcpy(id, trace_id, sizeof id);
    atomic_store_explicit(&own->id[0], id[0], memory_order_relaxed);
    atomic_store_explicit(&own->id[1], id[1], memory_order_relaxed);
    atomic_store_explicit(&own->tid, tid, memory_order_relaxed);
    atomic_store_explicit(&own->clock, (int)clock, memory_order_relaxed);
    /* last, and released: who sees the odd turn sees the id and the clock that belong to it */
    atomic_fetch_add_explicit(&own->turn, 1, memory_order_release);
}

void nv_progress_end(struct nv_progress *progress, unsigned slot)
{
    uint64_t turn = atomic_fetch_add(&progress->slots[slot].turn, 1);
    assert(turn % 2 == 1);
    (void)turn;
}

static void read_id(const struct nv_progress_slot *slot, uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    uint64_t id[2] = {atomic_load(&slot->id[0]), atomic_load(&slot->id[1])};
    memcpy(trace_id, id, sizeof id);
}

/* When a level is passed, not while it is: two lines a stuck trace. */
static void tell(const struct nv_progress_slot *slot, uint64_t before_ns)
{
    static const uint64_t levels[] = {NV_STUCK_TOLD_NS, NV_STUCK_FATAL_NS};
    char hex[2 * NV_TRACE_ID_BYTES];
    uint8_t id[NV_TRACE_ID_BYTES];
    read_id(slot, id);
    nv_hex_encode(id, sizeof id, hex);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (before_ns < levels[i] && slot->stuck_ns >= levels[i]) {
            NV_LOG(NV_LOG_ERROR, "gateway",
                   "a shard makes no progress with a trace id=%.32s seconds=%u%s", hex,
                   (unsigned)(slot->stuck_ns / NV_NS_PER_S),
                   i > 0 ? ", /healthz fails until it does" : "");
        }
    }
}

/* A trace that ended and another that began between two looks is another turn, so short traces
 * never add up to a long one. */
static void look_at(struct nv_progress *progress, struct nv_progress_slot *slot,
                    uint64_t now_ns)
{
    uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
    struct nv_thread_id thread = {atomic_load(&slot->tid),
                                  (clockid_t)atomic_load(&slot->clock)};
    uint64_t cpu_ns = 0;
    bool runnable = false;
    bool same = turn == slot->seen_turn;
    if (turn % 2 == 0 || !progress->times(thread, &cpu_ns, &runnable)) {
        slot->stuck_ns = 0;
        slot->seen_turn = 0;
        return;
    }
    uint64_t before_ns = slot->stuck_ns;
    uint64_t passed_ns = now_ns - slot->seen_ns;
    if (!same)
        slot->stuck_ns = 0;
    else if (runnable)
        slot->stuck_ns += cpu_ns - slot->seen_cpu_ns;
    else
        slot->stuck_ns += passed_ns < LOOK_NS_MAX ? passed_ns : LOOK_NS_MAX;
    slot->seen_turn = turn;
    slot->seen_cpu_ns = cpu_ns;
    slot->seen_ns = now_ns;
    if (same)
        tell(slot, before_ns);
}

void nv_progress_look(struct nv_progress *progress, uint64_t now_ns)
{
    const struct nv_progress_slot *worst = &progress->slots[0];
    for (unsigned i = 0; i < NV_PROGRESS_SLOTS; i++) {
        look_at(progress, &progress->slots[i], now_ns);
        if (progress->slots[i].stuck_ns > worst->stuck_ns)
            worst = &progress->slots[i];
    }
    /* the result is for other threads (/healthz, /status); the slots are the watcher's own */
    pthread_mutex_lock(&progress->lock);
    progress->stuck_ns = worst->stuck_ns;
    read_id(worst, progress->trace_id);
    pthread_mutex_unlock(&progress->lock);
}

uint64_t nv_progress_stuck(struct nv_progress *progress, uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    pthread_mutex_lock(&progress->lock);
    uint64_t stuck_ns = progress->stuck_ns;
    memcpy(trace_id, progress->trace_id, NV_TRACE_ID_BYTES);
    pthread_mutex_unlock(&progress->lock);
    return stuck_ns;
}
