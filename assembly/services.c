/*
 * The table of services.h.
 *
 * Facts are kept as the time they were last seen and not as a rate: what matters is whether waiting
 * longer can pay, and one trace of the last hour in which it did is reason enough. Only "its remote
 * parents never come" needs several witnesses, because it makes waits shorter, and one parent that
 * did come disproves it for an hour.
 *
 * Names are cut to 127 bytes: two services that differ only behind that share a slot, which at
 * worst makes one of them wait as long as the other.
 */
#include "assembly/services.h"
#include "assembly/index.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/banned.h"

struct service {
    char name[sizeof((struct nv_service_facts *)0)->name];
    uint32_t name_len;
    uint32_t slot;
    uint64_t seen_ns;
    uint64_t distributed_ns; /* 0: never */
    uint64_t logs_ns;
    uint64_t vain_ns;
    uint64_t came_ns;
    uint32_t vain; /* waits in vain since the last remote parent that came */
};

struct nv_services {
    pthread_mutex_t lock;
    struct nv_index by_name;
    uint32_t count;
    struct service *slots[NV_SERVICES_MAX]; /* slots[0] unused */
};

struct nv_services *nv_services_new(void)
{
    struct nv_services *services = calloc(1, sizeof *services);
    if (!services)
        return NULL;
    pthread_mutex_init(&services->lock, NULL);
    nv_index_init(&services->by_name);
    services->count = 1;
    return services;
}

void nv_services_free(struct nv_services *services)
{
    if (!services)
        return;
    for (uint32_t i = 1; i < services->count; i++)
        free(services->slots[i]);
    nv_index_release(&services->by_name);
    pthread_mutex_destroy(&services->lock);
    free(services);
}

static bool name_eq(const void *item, const void *key)
{
    const struct service *service = item;
    const struct nv_str *name = key;
    return nv_str_eq((struct nv_str){service->name, service->name_len}, *name);
}

/* Times start at 1 so that 0 can mean never, also with a clock that starts at 0. */
static uint64_t stamp(uint64_t now_ns)
{
    return now_ns ? now_ns : 1;
}

static bool lately(uint64_t seen_ns, uint64_t now_ns)
{
    return seen_ns != 0 && now_ns < seen_ns + NV_SERVICES_MEMORY_NS;
}

/* A slot nobody was seen in for an hour, forgotten; NULL when there is none. */
static struct service *reuse_slot(struct nv_services *services, uint64_t now_ns)
{
    struct service *oldest = services->slots[1];
    for (uint32_t i = 2; i < services->count; i++) {
        if (services->slots[i]->seen_ns < oldest->seen_ns)
            oldest = services->slots[i];
    }
    if (lately(oldest->seen_ns, now_ns))
        return NULL;
    struct nv_str name = {oldest->name, oldest->name_len};
    nv_index_remove(&services->by_name, nv_str_hash(name), oldest);
    *oldest = (struct service){.slot = oldest->slot};
    return oldest;
}

static struct service *fresh_slot(struct nv_services *services, uint64_t now_ns)
{
    if (services->count == NV_SERVICES_MAX)
        return reuse_slot(services, now_ns);
    struct service *service = calloc(1, sizeof *service);
    if (!service)
        return NULL;
    service->slot = services->count;
    services->slots[services->count++] = service;
    return service;
}

static struct service *add(struct nv_services *services, struct nv_str name, uint64_t now_ns)
{
    struct service *service = fresh_slot(services, now_ns);
    if (!service)
        return NULL;
    service->seen_ns = stamp(now_ns);
    if (nv_index_add(&services->by_name, nv_str_hash(name), service)) {
        if (service->slot == services->count - 1) {
            services->count--;
            free(service);
        }
        return NULL;
    }
    if (name.len > 0)
        memcpy(service->name, name.ptr, name.len);
    service->name_len = (uint32_t)name.len;
    return service;
}

uint32_t nv_services_slot(struct nv_services *services, struct nv_str name, uint64_t now_ns)
{
    name = nv_str_slice(name, 0, sizeof services->slots[0]->name - 1);
    pthread_mutex_lock(&services->lock);
    struct service *service = nv_index_find(&services->by_name, nv_str_hash(name), name_eq, &name);
    if (!service)
        service = add(services, name, now_ns);
    if (service)
        service->seen_ns = stamp(now_ns);
    uint32_t slot = service ? service->slot : 0;
    pthread_mutex_unlock(&services->lock);
    return slot;
}

static unsigned known(const struct service *service, uint64_t now_ns)
{
    unsigned facts = 0;
    if (lately(service->distributed_ns, now_ns))
        facts |= NV_LEARNED_DISTRIBUTED;
    if (lately(service->logs_ns, now_ns))
        facts |= NV_LEARNED_LOGS;
    if (service->vain >= NV_SERVICES_VAIN_MIN && lately(service->vain_ns, now_ns) &&
        !lately(service->came_ns, now_ns))
        facts |= NV_LEARNED_NO_REMOTE;
    return facts;
}

unsigned nv_services_known(struct nv_services *services, uint32_t slot, uint64_t now_ns)
{
    if (slot == 0)
        return 0;
    pthread_mutex_lock(&services->lock);
    assert(slot < services->count);
    unsigned facts = known(services->slots[slot], now_ns);
    pthread_mutex_unlock(&services->lock);
    return facts;
}

void nv_services_learn(struct nv_services *services, uint32_t slot, unsigned facts, uint64_t now_ns)
{
    if (slot == 0)
        return;
    pthread_mutex_lock(&services->lock);
    assert(slot < services->count);
    struct service *service = services->slots[slot];
    service->seen_ns = stamp(now_ns);
    if (facts & NV_LEARNED_DISTRIBUTED)
        service->distributed_ns = stamp(now_ns);
    if (facts & NV_LEARNED_LOGS)
        service->logs_ns = stamp(now_ns);
    if (facts & NV_LEARNED_NO_REMOTE) {
        service->vain = lately(service->vain_ns, now_ns) ? service->vain + 1 : 1;
        service->vain_ns = stamp(now_ns);
    }
    pthread_mutex_unlock(&services->lock);
}

void nv_services_remote_came(struct nv_services *services, uint32_t slot, uint64_t now_ns)
{
    if (slot == 0)
        return;
    pthread_mutex_lock(&services->lock);
    assert(slot < services->count);
    services->slots[slot]->came_ns = stamp(now_ns);
    services->slots[slot]->vain = 0;
    pthread_mutex_unlock(&services->lock);
}

size_t nv_services_read(struct nv_services *services, uint64_t now_ns, struct nv_service_facts *out,
                        size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&services->lock);
    for (uint32_t i = 1; i < services->count && n < max; i++) {
        const struct service *service = services->slots[i];
        unsigned facts = known(service, now_ns);
        struct nv_service_facts *row = &out[n++];
        memcpy(row->name, service->name, sizeof row->name);
        row->distributed = facts & NV_LEARNED_DISTRIBUTED;
        row->logs = facts & NV_LEARNED_LOGS;
        row->no_remote_parents = facts & NV_LEARNED_NO_REMOTE;
        row->seen_ns_before = now_ns > service->seen_ns ? now_ns - service->seen_ns : 0;
    }
    pthread_mutex_unlock(&services->lock);
    return n;
}
