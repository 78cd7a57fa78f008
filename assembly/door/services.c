/*
 * The table of services.h.
 *
 * Facts are kept as the time they were last seen and not as a rate: what matters is whether
 * waiting longer can pay, and one trace of the last hour in which it did is reason enough. Only
 * "its remote parents never come" needs several witnesses, because it makes waits shorter, and
 * one parent that did come disproves it for an hour.
 *
 * Whoever sends can make up names, so a full table must not be lost to them: a name of which
 * nothing is known costs nothing to forget, one client's names go first when it brought more
 * than a quarter, and what is left is weighed by traffic, halved every ten minutes. The worst
 * are found some at a time, so that a flood of names is not a walk over the table each.
 *
 * Names are cut to 127 bytes: two services that differ only behind that share a slot, which at
 * worst makes one of them wait as long as the other.
 */
#include "assembly/door/services.h"
#include "base/tables/index.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/banned.h"

#define SLOT_BITS 10u
#define VICTIMS_MAX 64u
#define OWNERS_MAX (2 * NV_SERVICES_MAX) /* a power of two */

static_assert(NV_SERVICES_MAX == 1u << SLOT_BITS, "a slot fits into an id");

struct service {
    char name[sizeof((struct nv_service_facts *)0)->name];
    uint32_t name_len;
    uint32_t id;
    uint64_t client; /* who brought the name */
    uint32_t weight; /* as of weighed_ns */
    uint64_t weighed_ns;
    uint64_t seen_ns;
    uint64_t distributed_ns; /* 0: never */
    uint64_t logs_ns;
    uint64_t vain_ns;
    uint64_t came_ns;
    uint32_t vain; /* waits in vain since the last remote parent that came */
};

/* A service that may go, as it was when it was chosen. */
struct victim {
    uint32_t id;
    bool known, within_share;
    uint32_t weight;
    uint64_t seen_ns;
};

struct owner {
    uint64_t client;
    uint32_t count; /* 0: the place is free */
};

struct nv_services {
    pthread_mutex_t lock; /* of all but `ids` */
    struct nv_index by_name;
    uint32_t count;
    struct service *slots[NV_SERVICES_MAX]; /* slots[0] unused */
    _Atomic uint32_t ids[NV_SERVICES_MAX];  /* of the slots, for who takes no lock */
    struct victim victims[NV_SERVICES_MAX]; /* worst first */
    uint32_t victim_next, victim_count;
    struct owner owners[OWNERS_MAX]; /* while victims are chosen */
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

/* ---- who goes ---------------------------------------------------------------------------- */

static uint32_t slot_of(uint32_t id)
{
    return id & (NV_SERVICES_MAX - 1);
}

static struct service *find(struct nv_services *services, uint32_t id)
{
    struct service *service =
        slot_of(id) < services->count ? services->slots[slot_of(id)] : NULL;
    return service && service->id == id ? service : NULL;
}

/* Traffic, of which what lies back counts less. */
static uint32_t weigh(struct service *service, uint64_t now_ns)
{
    uint64_t past = now_ns > service->weighed_ns ? now_ns - service->weighed_ns : 0;
    uint64_t halvings = past / NV_SERVICES_HALF_LIFE_NS;
    service->weight = halvings < 32 ? service->weight >> halvings : 0;
    service->weighed_ns += halvings * NV_SERVICES_HALF_LIFE_NS;
    return service->weight;
}

static unsigned known(const struct service *service, uint64_t now_ns);

static struct owner *owner_of(struct nv_services *services, uint64_t client)
{
    struct nv_str bytes = {(const char *)&client, sizeof client};
    uint32_t at = (uint32_t)nv_str_hash(bytes) & (OWNERS_MAX - 1);
    while (services->owners[at].count != 0 && services->owners[at].client != client)
        at = (at + 1) & (OWNERS_MAX - 1);
    services->owners[at].client = client;
    return &services->owners[at];
}

static int compare_victims(const void *a, const void *b)
{
    const struct victim *left = a;
    const struct victim *right = b;
    if (left->known != right->known)
        return left->known ? 1 : -1;
    if (left->within_share != right->within_share)
        return left->within_share ? 1 : -1;
    if (left->weight != right->weight)
        return left->weight < right->weight ? -1 : 1;
    return left->seen_ns < right->seen_ns ? -1 : left->seen_ns > right->seen_ns;
}

/* One walk over the table for the next VICTIMS_MAX names. */
static void choose_victims(struct nv_services *services, uint64_t now_ns)
{
    memset(services->owners, 0, sizeof services->owners);
    for (uint32_t i = 1; i < services->count; i++)
        owner_of(services, services->slots[i]->client)->count++;
    for (uint32_t i = 1; i < services->count; i++) {
        struct service *service = services->slots[i];
        services->victims[i - 1] = (struct victim){
            .id = service->id,
            .known = known(service, now_ns) != 0,
            .within_share =
                owner_of(services, service->client)->count <= NV_SERVICES_CLIENT_MAX,
            .weight = weigh(service, now_ns),
            .seen_ns = service->seen_ns,
        };
    }
    uint32_t count = services->count - 1;
    qsort(services->victims, count, sizeof services->victims[0], compare_victims);
    services->victim_next = 0;
    services->victim_count = count < VICTIMS_MAX ? count : VICTIMS_MAX;
}

/* The slot of the one that is worth least, forgotten. */
static struct service *reuse_slot(struct nv_services *services, uint64_t now_ns)
{
    struct service *service = NULL;
    while (!service) {
        if (services->victim_next == services->victim_count)
            choose_victims(services, now_ns);
        const struct victim *victim = &services->victims[services->victim_next++];
        service = find(services, victim->id);
        /* seen since: it is worth another look; right after a choice none was */
        if (service && service->seen_ns != victim->seen_ns)
            service = NULL;
    }
    struct nv_str name = {service->name, service->name_len};
    nv_index_remove(&services->by_name, nv_str_hash(name), service);
    *service = (struct service){.id = service->id + NV_SERVICES_MAX};
    return service;
}

static struct service *fresh_slot(struct nv_services *services, uint64_t now_ns)
{
    if (services->count == NV_SERVICES_MAX)
        return reuse_slot(services, now_ns);
    struct service *service = calloc(1, sizeof *service);
    if (!service)
        return NULL;
    service->id = services->count;
    services->slots[services->count++] = service;
    return service;
}

static struct service *add(struct nv_services *services, struct nv_str name, uint64_t client,
                           uint64_t now_ns)
{
    struct service *service = fresh_slot(services, now_ns);
    if (!service)
        return NULL;
    service->client = client;
    service->seen_ns = stamp(now_ns);
    service->weighed_ns = now_ns;
    if (name.len > 0)
        memcpy(service->name, name.ptr, name.len);
    service->name_len = (uint32_t)name.len;
    if (nv_index_add(&services->by_name, nv_str_hash(name), service)) {
        /* only a growing table can be out of memory: the slot is the last one */
        assert(slot_of(service->id) == services->count - 1);
        services->slots[--services->count] = NULL;
        free(service);
        return NULL;
    }
    atomic_store(&services->ids[slot_of(service->id)], service->id);
    return service;
}

/* ---- the table --------------------------------------------------------------------------- */

uint32_t nv_services_id(struct nv_services *services, struct nv_str name, uint64_t client,
                        uint64_t now_ns)
{
    name = nv_str_slice(name, 0, sizeof services->slots[0]->name - 1);
    pthread_mutex_lock(&services->lock);
    struct service *service =
        nv_index_find(&services->by_name, nv_str_hash(name), name_eq, &name);
    if (!service)
        service = add(services, name, client, now_ns);
    if (service)
        service->seen_ns = stamp(now_ns);
    uint32_t id = service ? service->id : 0;
    pthread_mutex_unlock(&services->lock);
    return id;
}

bool nv_services_valid(const struct nv_services *services, uint32_t id)
{
    return id != 0 && atomic_load(&services->ids[slot_of(id)]) == id;
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

unsigned nv_services_known(struct nv_services *services, uint32_t id, uint64_t now_ns)
{
    pthread_mutex_lock(&services->lock);
    const struct service *service = find(services, id);
    unsigned facts = service ? known(service, now_ns) : 0;
    pthread_mutex_unlock(&services->lock);
    return facts;
}

static void learn(struct service *service, unsigned facts, uint64_t now_ns)
{
    uint32_t weight = weigh(service, now_ns);
    service->weight = weight < UINT32_MAX ? weight + 1 : weight;
    service->seen_ns = stamp(now_ns);
    if (facts & NV_LEARNED_DISTRIBUTED)
        service->distributed_ns = stamp(now_ns);
    if (facts & NV_LEARNED_LOGS)
        service->logs_ns = stamp(now_ns);
    if (facts & NV_LEARNED_NO_REMOTE) {
        service->vain = lately(service->vain_ns, now_ns) ? service->vain + 1 : 1;
        service->vain_ns = stamp(now_ns);
    }
}

void nv_services_learn(struct nv_services *services, uint32_t id, unsigned facts,
                       uint64_t now_ns)
{
    pthread_mutex_lock(&services->lock);
    struct service *service = find(services, id);
    if (service)
        learn(service, facts, now_ns);
    pthread_mutex_unlock(&services->lock);
}

void nv_services_remote_came(struct nv_services *services, uint32_t id, uint64_t now_ns)
{
    pthread_mutex_lock(&services->lock);
    struct service *service = find(services, id);
    if (service) {
        service->came_ns = stamp(now_ns);
        service->vain = 0;
    }
    pthread_mutex_unlock(&services->lock);
}

size_t nv_services_read(struct nv_services *services, uint64_t now_ns,
                        struct nv_service_facts *out, size_t max)
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
        row->remote_parents_missing = facts & NV_LEARNED_NO_REMOTE;
        row->seen_ns_before = now_ns > service->seen_ns ? now_ns - service->seen_ns : 0;
    }
    pthread_mutex_unlock(&services->lock);
    return n;
}
