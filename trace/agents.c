/*
 * The registry of agents.
 *
 * Records hang in buckets by a hash of their id. The hash need not resist anybody: ids are the
 * program's own, and there are at most 1024. What has been idle longest makes room at the
 * limit; it is found by looking at all, which registering at the limit may cost.
 */
#include "trace/agents.h"

#include "base/clock.h"
#include "base/text/text.h"
#include "base/text/utf8.h"
#include "trace/state.h"
#include "trace/w3c.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

#define BUCKETS 256u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static struct nv_trace_agent *buckets[BUCKETS];
static uint32_t agent_count, agents_max = NV_TRACE_AGENTS_MAX;
static uint64_t ttl_ms, registered;
static struct nv_trace_edge edges[NV_TRACE_EDGES_MAX];
static size_t edge_count;

void nv_trace_agents_lock(void)
{
    pthread_mutex_lock(&lock);
}

void nv_trace_agents_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

static uint64_t now_ns(void)
{
    return nv_clock_mono_ns(nv_clock_system());
}

void nv_trace_copy_text(char *room, size_t size, const char *text)
{
    struct nv_str whole = nv_str_from(text);
    size_t len = nv_utf8_cut(whole, size - 1);
    if (len > 0)
        memcpy(room, whole.ptr, len);
    room[len] = '\0';
}

void nv_trace_make_id(char id[NOVEUM_ID_SIZE])
{
    uint8_t bytes[16];
    nv_trace_random(bytes, sizeof bytes);
    nv_hex_encode(bytes, sizeof bytes, id);
    id[2 * sizeof bytes] = '\0';
}

/* ---- records ----------------------------------------------------------------------------- */

static struct nv_trace_agent **bucket_of(const char *id)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *at = id; *at != '\0'; at++)
        hash = (hash ^ (uint8_t)*at) * 16777619u;
    return &buckets[hash % BUCKETS];
}

struct nv_trace_agent *nv_trace_agent_find(const char *id)
{
    char cut[NOVEUM_ID_SIZE];
    if (!id)
        return NULL;
    nv_trace_copy_text(cut, sizeof cut, id);
    struct nv_trace_agent *agent = *bucket_of(cut);
    while (agent && strcmp(agent->id, cut) != 0)
        agent = agent->next;
    return agent;
}

const char *nv_trace_agent_name(const struct nv_trace_agent *agent)
{
    return agent->name[0] != '\0' ? agent->name : agent->id;
}

void nv_trace_agents_each(void (*visit)(void *ctx, const struct nv_trace_agent *agent),
                          void *ctx)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct nv_trace_agent *agent = buckets[i]; agent; agent = agent->next)
            visit(ctx, agent);
    }
}

static void drop_edges(const struct nv_trace_agent *agent)
{
    size_t kept = 0;
    for (size_t i = 0; i < edge_count; i++) {
        if (edges[i].from != agent && edges[i].to != agent)
            edges[kept++] = edges[i];
    }
    edge_count = kept;
}

/* Nobody finds it any more; a run of it may still point to it. */
static void take_out(struct nv_trace_agent *agent)
{
    struct nv_trace_agent **at = bucket_of(agent->id);
    while (*at != agent)
        at = &(*at)->next;
    *at = agent->next;
    agent_count--;
    drop_edges(agent);
    agent->gone = true;
    if (agent->running == 0)
        free(agent);
}

static uint32_t clean(uint64_t idle_ms)
{
    uint32_t cleaned = 0;
    uint64_t now = now_ns();
    for (size_t i = 0; i < BUCKETS; i++) {
        struct nv_trace_agent *agent = buckets[i];
        while (agent) {
            struct nv_trace_agent *next = agent->next;
            if (agent->running == 0 && now - agent->idle_since_ns >= idle_ms * NV_NS_PER_MS) {
                take_out(agent);
                cleaned++;
            }
            agent = next;
        }
    }
    return cleaned;
}

/* Room for one more. False: all are running. */
static bool make_room(void)
{
    struct nv_trace_agent *oldest = NULL;
    if (ttl_ms > 0)
        (void)clean(ttl_ms);
    if (agent_count < agents_max)
        return true;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct nv_trace_agent *agent = buckets[i]; agent; agent = agent->next) {
            if (agent->running == 0 &&
                (!oldest || agent->idle_since_ns < oldest->idle_since_ns))
                oldest = agent;
        }
    }
    if (oldest)
        take_out(oldest);
    return oldest != NULL;
}

static struct nv_trace_agent *make(const char *id)
{
    if (!make_room())
        return NULL;
    struct nv_trace_agent *agent = calloc(1, sizeof *agent);
    if (!agent)
        return NULL;
    if (id)
        nv_trace_copy_text(agent->id, sizeof agent->id, id);
    else
        nv_trace_make_id(agent->id);
    agent->idle_since_ns = now_ns();
    agent->number = ++registered;
    struct nv_trace_agent **bucket = bucket_of(agent->id);
    agent->next = *bucket;
    *bucket = agent;
    agent_count++;
    return agent;
}

static void describe(struct nv_trace_agent *agent, const noveum_agent_identity *identity)
{
    nv_trace_copy_text(agent->name, sizeof agent->name, identity->name);
    nv_trace_copy_text(agent->role, sizeof agent->role, identity->role);
    nv_trace_copy_text(agent->type, sizeof agent->type, identity->type);
    nv_trace_copy_text(agent->description, sizeof agent->description, identity->description);
    nv_trace_copy_text(agent->parent, sizeof agent->parent, identity->parent_id);
    agent->capability_count = 0;
    for (size_t i = 0; identity->capabilities && i < identity->capability_count &&
                       agent->capability_count < NV_TRACE_CAPABILITIES_MAX;
         i++) {
        nv_trace_copy_text(agent->capabilities[agent->capability_count++], NOVEUM_ID_SIZE,
                           identity->capabilities[i]);
    }
}

/* ---- public ------------------------------------------------------------------------------ */

noveum_result noveum_agent_register(const noveum_agent_identity *identity,
                                    char id[NOVEUM_ID_SIZE])
{
    if (id)
        id[0] = '\0';
    if (!nv_trace_on())
        return NOVEUM_OFF;
    if (!identity || identity->size < sizeof *identity) {
        nv_trace_add(NV_TRACE_COUNT_misuse, 1);
        return NOVEUM_INVALID;
    }
    const char *told = identity->id && identity->id[0] != '\0' ? identity->id : NULL;
    nv_trace_agents_lock();
    struct nv_trace_agent *agent = told ? nv_trace_agent_find(told) : NULL;
    agent = agent ? agent : make(told);
    if (agent) {
        describe(agent, identity);
        if (id)
            nv_trace_copy_text(id, NOVEUM_ID_SIZE, agent->id);
    }
    nv_trace_agents_unlock();
    if (!agent)
        nv_trace_add(NV_TRACE_COUNT_misuse, 1);
    return agent ? NOVEUM_OK : NOVEUM_NO_MEMORY;
}

void noveum_agent_unregister(const char *id)
{
    nv_trace_agents_lock();
    struct nv_trace_agent *agent = nv_trace_agent_find(id);
    if (agent)
        take_out(agent);
    nv_trace_agents_unlock();
}

noveum_agent_state noveum_agent_get_state(const char *id)
{
    noveum_agent_state state = NOVEUM_AGENT_UNKNOWN;
    nv_trace_agents_lock();
    const struct nv_trace_agent *agent = nv_trace_agent_find(id);
    if (agent && agent->running > 0)
        state = NOVEUM_AGENT_RUNNING;
    else if (agent)
        state = agent->failed ? NOVEUM_AGENT_FAILED : NOVEUM_AGENT_IDLE;
    nv_trace_agents_unlock();
    return state;
}

uint32_t noveum_agent_count(void)
{
    nv_trace_agents_lock();
    uint32_t count = agent_count;
    nv_trace_agents_unlock();
    return count;
}

void noveum_agent_limits(uint32_t most, uint64_t idle_ms)
{
    nv_trace_agents_lock();
    agents_max = most > 0 && most < NV_TRACE_AGENTS_MAX ? most : NV_TRACE_AGENTS_MAX;
    ttl_ms = idle_ms < UINT64_MAX / NV_NS_PER_MS ? idle_ms : 0;
    nv_trace_agents_unlock();
}

uint32_t noveum_agent_clean(uint64_t idle_ms)
{
    if (idle_ms >= UINT64_MAX / NV_NS_PER_MS)
        return 0;
    nv_trace_agents_lock();
    uint32_t cleaned = clean(idle_ms);
    nv_trace_agents_unlock();
    return cleaned;
}

/* ---- runs and edges ---------------------------------------------------------------------- */

void nv_trace_agent_runs(struct nv_trace_agent *agent, noveum_span span,
                         const noveum_context *context)
{
    agent->running++;
    agent->latest = span;
    agent->last = *context;
}

void nv_trace_agent_ended(struct nv_trace_agent *agent, bool failed)
{
    nv_trace_agents_lock();
    agent->failed = failed;
    agent->idle_since_ns = now_ns();
    if (agent->running > 0)
        agent->running--;
    if (agent->gone && agent->running == 0)
        free(agent);
    nv_trace_agents_unlock();
}

void nv_trace_agents_pass(const struct nv_trace_agent *from, const struct nv_trace_agent *to,
                          enum nv_trace_edge_kind kind)
{
    for (size_t i = 0; i < edge_count; i++) {
        if (edges[i].from == from && edges[i].to == to && edges[i].kind == kind) {
            edges[i].count++;
            return;
        }
    }
    if (edge_count < NV_TRACE_EDGES_MAX)
        edges[edge_count++] = (struct nv_trace_edge){from, to, kind, 1};
}

const struct nv_trace_edge *nv_trace_agents_edges(size_t *count)
{
    *count = edge_count;
    return edges;
}

void nv_trace_agents_after_fork_child(void)
{
    /* runs are the parent's spans: in the child nobody will end them */
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct nv_trace_agent *agent = buckets[i]; agent; agent = agent->next)
            agent->running = 0;
    }
    nv_trace_agents_unlock();
}
