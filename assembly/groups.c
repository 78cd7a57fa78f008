/*
 * One copy of what requests have in common: resources and scopes (request.h).
 *
 * A process sends the same resource with every request, and a scope or two. Kept once, they cost
 * nothing however many traces are open, and a trace that completes needs to read only its spans
 * from the journal. The key is the lengths and bytes of all parts, so that equal means equal.
 *
 * Deliberately not done: a cap of its own. Each group is held by a request, and what requests hold
 * is bounded by assembly.memory_bytes.
 */
#include "assembly/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/banned.h"

#define PARTS 5

void nv_groups_init(struct nv_groups *groups, struct nv_services *services)
{
    pthread_mutex_init(&groups->lock, NULL);
    nv_index_init(&groups->index);
    groups->services = services;
}

void nv_groups_release(struct nv_groups *groups)
{
    assert(groups->index.count == 0);
    nv_index_release(&groups->index);
    pthread_mutex_destroy(&groups->lock);
}

static void parts_of(struct nv_group *group, struct nv_str *parts[PARTS])
{
    parts[0] = &group->resource;
    parts[1] = &group->scope;
    parts[2] = &group->resource_schema_url;
    parts[3] = &group->scope_schema_url;
    parts[4] = &group->service_name;
}

static bool group_eq(const void *item, const void *key)
{
    struct nv_group a = ((const struct nv_shared_group *)item)->group;
    struct nv_group b = *(const struct nv_group *)key;
    struct nv_str *left[PARTS];
    struct nv_str *right[PARTS];
    parts_of(&a, left);
    parts_of(&b, right);
    for (int i = 0; i < PARTS; i++) {
        if (!nv_str_eq(*left[i], *right[i]))
            return false;
    }
    return true;
}

static uint64_t group_hash(const struct nv_group *group)
{
    struct nv_group copy = *group;
    struct nv_str *parts[PARTS];
    parts_of(&copy, parts);
    uint64_t hash = 0;
    for (int i = 0; i < PARTS; i++)
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) + nv_str_hash(*parts[i]);
    return hash;
}

/* A copy of `group` that owns its bytes, or NULL. */
static struct nv_shared_group *copy_group(const struct nv_group *group)
{
    struct nv_group copy = *group;
    struct nv_str *parts[PARTS];
    parts_of(&copy, parts);
    size_t len = 0;
    for (int i = 0; i < PARTS; i++)
        len += parts[i]->len;
    struct nv_shared_group *shared = malloc(sizeof *shared + len);
    if (!shared)
        return NULL;
    *shared = (struct nv_shared_group){.refs = 0, .len = (uint32_t)len};
    char *to = shared->bytes;
    for (int i = 0; i < PARTS; i++) {
        if (parts[i]->len > 0)
            memcpy(to, parts[i]->ptr, parts[i]->len);
        parts[i]->ptr = to;
        to += parts[i]->len;
    }
    shared->group = copy;
    return shared;
}

static struct nv_shared_group *add_group(struct nv_groups *groups, const struct nv_group *group,
                                         uint64_t hash, uint64_t client)
{
    struct nv_shared_group *shared = copy_group(group);
    if (!shared)
        return NULL;
    shared->hash = hash;
    shared->client = client;
    if (nv_index_add(&groups->index, hash, shared)) {
        free(shared);
        return NULL;
    }
    return shared;
}

uint32_t nv_group_service(struct nv_services *services, struct nv_shared_group *shared,
                          uint64_t now_ns)
{
    uint32_t id = atomic_load(&shared->service);
    if (nv_services_valid(services, id))
        return id;
    id = nv_services_id(services, shared->group.service_name, shared->client, now_ns);
    atomic_store(&shared->service, id);
    return id;
}

struct nv_shared_group *nv_groups_share(struct nv_groups *groups, const struct nv_group *group,
                                        uint64_t client, uint64_t now_ns)
{
    uint64_t hash = group_hash(group);
    pthread_mutex_lock(&groups->lock);
    struct nv_shared_group *shared = nv_index_find(&groups->index, hash, group_eq, group);
    if (!shared)
        shared = add_group(groups, group, hash, client);
    if (shared) {
        shared->refs++;
        (void)nv_group_service(groups->services, shared, now_ns);
    }
    pthread_mutex_unlock(&groups->lock);
    return shared;
}

void nv_groups_drop(struct nv_groups *groups, struct nv_shared_group *shared)
{
    pthread_mutex_lock(&groups->lock);
    assert(shared->refs > 0);
    bool last = --shared->refs == 0;
    if (last)
        nv_index_remove(&groups->index, shared->hash, shared);
    pthread_mutex_unlock(&groups->lock);
    if (last)
        free(shared);
}
