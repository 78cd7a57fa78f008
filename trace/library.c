/*
 * The library's life: start, flush, stop, the end of the process, forks.
 *
 *   start ▸ configuration ▸ queue ▸ hooks (once) ▸ on      stop ▸ off ▸ open spans end ▸ queue sent
 *
 * Being on is one pointer that is set last and cleared first, so that nobody meets a half-made
 * tracer. The hooks, atexit and pthread_atfork, can't be taken back and are set once a process.
 */
#include "trace/agents.h"
#include "trace/conversations.h"
#include "trace/span.h"
#include "trace/w3c.h"
#include "trace/worker.h"
#include "trace/attributes.h"
#include "trace/send.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static pthread_mutex_t life_lock = PTHREAD_MUTEX_INITIALIZER; /* start, stop */
static struct nv_trace_config *configs; /* the newest, and behind it all before */
static uint32_t config_count;
/* The process that is setting the hooks, HOOKED when they are set, 0 before. */
static _Atomic pid_t hooking;
#define HOOKED (-1)
/* Handlers of a fork that this thread is in: they are there twice when a fork met the setting
 * of them. */
static _Thread_local int forking;

static void at_exit(void)
{
    const struct nv_trace_config *config = nv_trace_on();
    if (config)
        (void)noveum_shutdown(config->exit_ms);
}

/* In the order in which locks are taken elsewhere: life, then worker, then the others. */
static void before_fork(void)
{
    if (forking++ > 0)
        return;
    pthread_mutex_lock(&life_lock);
    nv_trace_worker_before_fork();
    nv_trace_agents_lock();
    nv_trace_conversations_lock();
    nv_trace_pool_before_fork();
    nv_trace_state_before_fork();
}

static void after_fork_parent(void)
{
    if (--forking > 0)
        return;
    nv_trace_state_after_fork();
    nv_trace_pool_after_fork_parent();
    nv_trace_conversations_unlock();
    nv_trace_agents_unlock();
    nv_trace_worker_after_fork_parent();
    pthread_mutex_unlock(&life_lock);
}

static void after_fork_child(void)
{
    if (--forking > 0)
        return;
    nv_trace_state_after_fork();
    nv_trace_pool_after_fork_child();
    nv_trace_conversations_unlock();
    nv_trace_agents_after_fork_child();
    nv_trace_worker_after_fork_child();
    nv_trace_random_after_fork();
    nv_trace_state_reset();
    atomic_store(&nv_trace_state.open, 0);
    pthread_mutex_unlock(&life_lock);
}

/* Under the lock of life, so that no fork leaves a lock of libcurl's or libc's locked. */
static bool begin_others(void)
{
    pthread_mutex_lock(&life_lock);
    bool begun = nv_trace_sender_ready() && atexit(at_exit) == 0;
    pthread_mutex_unlock(&life_lock);
    return begun;
}

/* Before a lock of ours is taken for the first time: a fork that knows nothing of it would
 * leave it locked in the child for ever. Where another thread is at it, it is waited for,
 * unless that thread is the parent's. */
static bool set_hooks(void)
{
    pid_t seen = atomic_load(&hooking);
    pid_t self = getpid();
    while (seen != HOOKED) {
        if (seen == self) {
            (void)sched_yield();
            seen = atomic_load(&hooking);
        } else if (atomic_compare_exchange_strong(&hooking, &seen, self)) {
            bool set = pthread_atfork(before_fork, after_fork_parent, after_fork_child) == 0 &&
                       begin_others();
            atomic_store(&hooking, set ? HOOKED : 0);
            return set;
        }
    }
    return true;
}

/* The one that says the same as `fresh`, so that a program which starts and stops for each of
 * its requests does not grow. NULL: none does. */
static struct nv_trace_config *known_as(const struct nv_trace_config *fresh)
{
    struct nv_trace_config *known = configs;
    while (known && !nv_trace_config_equals(known, fresh))
        known = known->older;
    return known;
}

static noveum_result begin(struct nv_trace_config *config, char why[200])
{
    nv_trace_state_reset();
    noveum_result result = nv_trace_worker_start(config, why);
    if (result == NOVEUM_OK) {
        memcpy(why, config->warning, sizeof config->warning);
        atomic_store_explicit(&nv_trace_state.config, config, memory_order_release);
    }
    return result;
}

static noveum_result begin_fresh(struct nv_trace_config *config, char why[200])
{
    if (config_count == NV_TRACE_CONFIGS_MAX) {
        (void)snprintf(why, 200, "started with more than %u different configurations",
                       NV_TRACE_CONFIGS_MAX);
        nv_trace_config_free(config);
        return NOVEUM_NO_MEMORY;
    }
    noveum_result result = begin(config, why);
    if (result != NOVEUM_OK) {
        nv_trace_config_free(config);
        return result;
    }
    config->older = configs;
    configs = config;
    config_count++;
    return NOVEUM_OK;
}

/* Under the lock. */
static noveum_result start(const noveum_options *options, char why[200])
{
    struct nv_trace_config *config;
    if (nv_trace_on())
        return NOVEUM_BUSY;
    noveum_result result = nv_trace_config_read(options, why, &config);
    if (result == NOVEUM_OFF)
        return result;
    if (result != NOVEUM_OK) {
        nv_trace_state_reset();
        return result;
    }
    struct nv_trace_config *known = known_as(config);
    if (!known)
        return begin_fresh(config, why);
    nv_trace_config_free(config);
    return begin(known, why);
}

/* Outside of the lock: the program's function may fork, or run another program. */
static void tell(const noveum_options *options, noveum_result result, const char *why)
{
    struct nv_trace_config teller = {.log = NULL};
    if (options && options->size >= offsetof(noveum_options, performance)) {
        teller.log = options->log;
        teller.user = options->user;
    }
    if (result < 0 && result != NOVEUM_BUSY)
        nv_trace_fail(&teller, "%s", why[0] != '\0' ? why : noveum_result_text(result));
    else if (result == NOVEUM_OK && why[0] != '\0')
        nv_trace_fail(&teller, "%s", why);
}

noveum_result noveum_start(const noveum_options *options)
{
    char why[200] = "";
    noveum_result result = NOVEUM_NO_MEMORY;
    if (set_hooks()) {
        pthread_mutex_lock(&life_lock);
        result = start(options, why);
        pthread_mutex_unlock(&life_lock);
    }
    tell(options, result, why);
    return result;
}

noveum_result noveum_flush(uint32_t timeout_ms)
{
    return nv_trace_on() ? nv_trace_worker_flush(timeout_ms) : NOVEUM_OFF;
}

static void finish_open_spans(void)
{
    const noveum_attribute unfinished = noveum_bool("noveum.unfinished", 1);
    for (uint32_t i = 0; i < nv_trace_span_slots(); i++) {
        struct nv_trace_span *span = nv_trace_span_at(i);
        pthread_mutex_lock(&span->lock);
        noveum_span handle = nv_trace_span_handle(span);
        bool ours = span->state == NV_TRACE_SPAN_OPEN && !span->inherited;
        if (ours && span->sampled) {
            nv_trace_set(span, &unfinished);
            nv_trace_add(NV_TRACE_COUNT_unfinished, 1);
        }
        pthread_mutex_unlock(&span->lock);
        if (ours)
            nv_trace_end(handle, 0, false);
    }
}

noveum_result noveum_shutdown(uint32_t timeout_ms)
{
    noveum_result result = NOVEUM_OFF;
    if (!nv_trace_on())
        return result; /* never started, perhaps: then no fork has taken care of the lock */
    pthread_mutex_lock(&life_lock);
    if (atomic_exchange(&nv_trace_state.config, NULL)) {
        finish_open_spans();
        result = nv_trace_worker_stop(timeout_ms);
    }
    pthread_mutex_unlock(&life_lock);
    return result;
}
