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

#include <stdlib.h>

#include "base/banned.h"

static pthread_mutex_t life_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nv_trace_config *configs; /* the newest, and behind it all before */
static bool hooked;

static void at_exit(void)
{
    const struct nv_trace_config *config = nv_trace_on();
    if (config)
        (void)noveum_shutdown(config->exit_ms);
}

/* In the order in which locks are taken elsewhere: life, then worker, then the others. */
static void before_fork(void)
{
    pthread_mutex_lock(&life_lock);
    nv_trace_worker_before_fork();
    nv_trace_agents_lock();
    nv_trace_conversations_lock();
    nv_trace_pool_before_fork();
    nv_trace_state_before_fork();
}

static void after_fork_parent(void)
{
    nv_trace_state_after_fork();
    nv_trace_pool_after_fork_parent();
    nv_trace_conversations_unlock();
    nv_trace_agents_unlock();
    nv_trace_worker_after_fork_parent();
    pthread_mutex_unlock(&life_lock);
}

static void after_fork_child(void)
{
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

static bool set_hooks(void)
{
    if (!hooked) {
        hooked = nv_trace_sender_ready() && atexit(at_exit) == 0 &&
                 pthread_atfork(before_fork, after_fork_parent, after_fork_child) == 0;
    }
    return hooked;
}

/* Under the lock. */
static noveum_result start(const noveum_options *options)
{
    char why[200];
    struct nv_trace_config *config;
    if (nv_trace_on())
        return NOVEUM_BUSY;
    noveum_result result = nv_trace_config_read(options, why, &config);
    if (result == NOVEUM_OFF)
        return result;
    nv_trace_state_reset();
    if (result == NOVEUM_OK)
        result = set_hooks() ? nv_trace_worker_start(config, why) : NOVEUM_NO_MEMORY;
    if (result != NOVEUM_OK) {
        nv_trace_fail(options && result == NOVEUM_INVALID ? NULL : config, "%s",
                      why[0] != '\0' ? why : noveum_result_text(result));
        nv_trace_config_free(config);
        return result;
    }
    config->older = configs;
    configs = config;
    if (config->warning[0] != '\0')
        nv_trace_fail(config, "%s", config->warning);
    atomic_store_explicit(&nv_trace_state.config, config, memory_order_release);
    return NOVEUM_OK;
}

noveum_result noveum_start(const noveum_options *options)
{
    pthread_mutex_lock(&life_lock);
    noveum_result result = start(options);
    pthread_mutex_unlock(&life_lock);
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
    pthread_mutex_lock(&life_lock);
    noveum_result result = NOVEUM_OFF;
    if (atomic_exchange(&nv_trace_state.config, NULL)) {
        finish_open_spans();
        result = nv_trace_worker_stop(timeout_ms);
    }
    pthread_mutex_unlock(&life_lock);
    return result;
}
