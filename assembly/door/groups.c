/*
 * One copy of what requests have in common: resources and scopes (request.h).
 *
 *   group [ resource ▸ | scope bytes ]   group [ resource ▸ | scope bytes ]
 *                    └──────▶ resource [ bytes, counted ] ◀──┘
 *
 * A process sends the same resource with every request, and a scope or two. Kept once, they
 * cost nothing however many traces are open, and a trace that completes needs to read only its
 * spans from the journal. The key is the lengths and bytes of all parts, so that equal means
 * equal. A resource is kept apart from its scopes, and looked at once a request: the scopes of
 * a request may be many and view the same large one.
 *
 * The blocks of requests that were settled wait here for the next ones, under the lock that
 * each request takes for its groups anyway: a request lives for minutes, and is made on one
 * thread and freed on another, so that neither stack nor arena would do.
 *
 * Deliberately not done: a cap of its own. What is held here is counted in `bytes`, which the
 * door adds to what the shards hold (assembly.memory_bytes).
 */
#include "assembly/door/request.h"
#include "base/asan.h"
#include "base/limits.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "base/banned.h"

/* A group of an index, its place in it included. */
#define PLACE_BYTES (2 * (sizeof(void *) + sizeof(uint32_t)))

/* Groups that every request has room for: an SDK sends its own scope and that of two or three
 * libraries. 8 bytes each. */
#define GROUPS_COMMON 4u

/* ---- spare requests ---------------------------------------------------------------------- */

static size_t request_size(uint32_t group_room)
{
    return sizeof(struct nv_request) + group_room * sizeof(struct nv_shared_group *);
}

/* A spare is as good as freed, but AddressSanitizer doesn't know. The link, first in it, stays
 * seen: LeakSanitizer follows none that is hidden. */
static void hide(struct nv_request *spare)
{
    const size_t link = offsetof(struct nv_request, record_id);
    nv_asan_hide((char *)spare + link, request_size(GROUPS_COMMON) - link);
}

/* The first of the spare ones, of which there is one; under the lock. */
static struct nv_request *take_first(struct nv_groups *groups)
{
    const size_t link = offsetof(struct nv_request, record_id);
    struct nv_request *spare = groups->spare;
    groups->spare = spare->next;
    groups->spare_count--;
    nv_asan_show((char *)spare + link, request_size(GROUPS_COMMON) - link);
    return spare;
}

struct nv_request *nv_groups_take_spare(struct nv_groups *groups, uint32_t group_count)
{
    const uint32_t room = group_count > GROUPS_COMMON ? group_count : GROUPS_COMMON;
    struct nv_request *request = NULL;
    if (room == GROUPS_COMMON) {
        pthread_mutex_lock(&groups->lock);
        if (groups->spare)
            request = take_first(groups);
        pthread_mutex_unlock(&groups->lock);
    }
    if (!request)
        request = malloc(request_size(room));
    if (request)
        *request = (struct nv_request){.group_room = room};
    return request;
}

bool nv_groups_keep_spare(struct nv_groups *groups, struct nv_request *request)
{
    if (request->group_room != GROUPS_COMMON)
        return false;
    pthread_mutex_lock(&groups->lock);
    const bool kept = groups->spare_count < NV_REQUEST_SPARES_MAX;
    if (kept) {
        request->next = groups->spare;
        groups->spare = request;
        groups->spare_count++;
        hide(request);
    }
    pthread_mutex_unlock(&groups->lock);
    return kept;
}

/* ---- made and released ------------------------------------------------------------------- */

void nv_groups_init(struct nv_groups *groups, struct nv_services *services)
{
    pthread_mutex_init(&groups->lock, NULL);
    nv_index_init(&groups->index);
    nv_index_init(&groups->resources);
    groups->services = services;
    atomic_init(&groups->bytes, 0);
    groups->spare = NULL;
    groups->spare_count = 0;
}

void nv_groups_release(struct nv_groups *groups)
{
    assert(groups->index.count == 0 && groups->resources.count == 0);
    assert(atomic_load(&groups->bytes) == 0);
    nv_index_release(&groups->index);
    nv_index_release(&groups->resources);
    while (groups->spare) {
        struct nv_request *spare = take_first(groups);
        free(spare);
    }
    pthread_mutex_destroy(&groups->lock);
}

static uint64_t mix(uint64_t hash, struct nv_str part)
{
    return hash * UINT64_C(0x9e3779b97f4a7c15) + nv_str_hash(part);
}

/* Appends a part and lets the view see the copy. */
static void copy_part(char **to, struct nv_str *part)
{
    if (part->len > 0)
        memcpy(*to, part->ptr, part->len);
    part->ptr = *to;
    *to += part->len;
}

/* ---- resources --------------------------------------------------------------------------- */

static bool resource_eq(const void *item, const void *key)
{
    const struct nv_shared_resource *shared = item;
    const struct nv_group *group = key;
    return nv_str_eq(shared->resource, group->resource) &&
           nv_str_eq(shared->schema_url, group->resource_schema_url) &&
           nv_str_eq(shared->service_name, group->service_name);
}

static uint64_t resource_hash(const struct nv_group *group)
{
    return mix(mix(nv_str_hash(group->resource), group->resource_schema_url),
               group->service_name);
}

static size_t resource_bytes(const struct nv_shared_resource *shared)
{
    return sizeof *shared + shared->len + PLACE_BYTES;
}

static struct nv_shared_resource *add_resource(struct nv_groups *groups,
                                               const struct nv_group *group, uint64_t hash)
{
    size_t len = group->resource.len + group->resource_schema_url.len + group->service_name.len;
    struct nv_shared_resource *shared = malloc(sizeof *shared + len);
    if (!shared)
        return NULL;
    *shared = (struct nv_shared_resource){.hash = hash,
                                          .resource = group->resource,
                                          .schema_url = group->resource_schema_url,
                                          .service_name = group->service_name,
                                          .len = (uint32_t)len};
    char *to = shared->bytes;
    copy_part(&to, &shared->resource);
    copy_part(&to, &shared->schema_url);
    copy_part(&to, &shared->service_name);
    if (nv_index_add(&groups->resources, hash, shared)) {
        free(shared);
        return NULL;
    }
    atomic_fetch_add(&groups->bytes, resource_bytes(shared));
    return shared;
}

/* Drops a reference; what is to be freed, or NULL. */
static struct nv_shared_resource *drop_resource(struct nv_groups *groups,
                                                struct nv_shared_resource *shared)
{
    assert(shared->refs > 0);
    if (--shared->refs > 0)
        return NULL;
    nv_index_remove(&groups->resources, shared->hash, shared);
    atomic_fetch_sub(&groups->bytes, resource_bytes(shared));
    return shared;
}

/* ---- groups ------------------------------------------------------------------------------ */

/* What a group is looked up by: its resource is known to be shared. */
struct group_key {
    const struct nv_shared_resource *resource;
    struct nv_str scope, scope_schema_url;
};

static bool group_eq(const void *item, const void *key)
{
    const struct nv_shared_group *shared = item;
    const struct group_key *wanted = key;
    return shared->resource == wanted->resource &&
           nv_str_eq(shared->group.scope, wanted->scope) &&
           nv_str_eq(shared->group.scope_schema_url, wanted->scope_schema_url);
}

static size_t group_bytes(const struct nv_shared_group *shared)
{
    return sizeof *shared + shared->len + PLACE_BYTES;
}

/* A new group of `resource`, which is counted once more. */
static struct nv_shared_group *add_group(struct nv_groups *groups, const struct group_key *key,
                                         struct nv_shared_resource *resource, uint64_t hash,
                                         uint64_t client)
{
    size_t len = key->scope.len + key->scope_schema_url.len;
    struct nv_shared_group *shared = malloc(sizeof *shared + len);
    if (!shared)
        return NULL;
    *shared = (struct nv_shared_group){.group = {.resource = resource->resource,
                                                 .scope = key->scope,
                                                 .resource_schema_url = resource->schema_url,
                                                 .scope_schema_url = key->scope_schema_url,
                                                 .service_name = resource->service_name},
                                       .resource = resource,
                                       .hash = hash,
                                       .client = client,
                                       .len = (uint32_t)len};
    char *to = shared->bytes;
    copy_part(&to, &shared->group.scope);
    copy_part(&to, &shared->group.scope_schema_url);
    if (nv_index_add(&groups->index, hash, shared)) {
        free(shared);
        return NULL;
    }
    resource->refs++;
    atomic_fetch_add(&groups->bytes, group_bytes(shared));
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

static bool same_view(struct nv_str a, struct nv_str b)
{
    return a.ptr == b.ptr && a.len == b.len;
}

static bool same_resource(const struct nv_group *a, const struct nv_group *b)
{
    return same_view(a->resource, b->resource) &&
           same_view(a->resource_schema_url, b->resource_schema_url) &&
           same_view(a->service_name, b->service_name);
}

struct nv_shared_group *nv_groups_share(struct nv_groups *groups, const struct nv_group *group,
                                        const struct nv_group *before,
                                        const struct nv_shared_group *shared_before,
                                        uint64_t client, uint64_t now_ns)
{
    bool known = before && same_resource(before, group);
    uint64_t hash = known ? shared_before->resource->hash : resource_hash(group);
    struct nv_shared_resource *unused = NULL;
    struct nv_shared_group *shared = NULL;
    pthread_mutex_lock(&groups->lock);
    struct nv_shared_resource *resource =
        known ? shared_before->resource
              : nv_index_find(&groups->resources, hash, resource_eq, group);
    if (!resource)
        resource = add_resource(groups, group, hash);
    if (resource) {
        struct group_key key = {resource, group->scope, group->scope_schema_url};
        uint64_t own = mix(mix(hash, group->scope), group->scope_schema_url);
        resource->refs++;
        shared = nv_index_find(&groups->index, own, group_eq, &key);
        if (!shared)
            shared = add_group(groups, &key, resource, own, client);
        if (shared) {
            shared->refs++;
            (void)nv_group_service(groups->services, shared, now_ns);
        }
        unused = drop_resource(groups, resource);
    }
    pthread_mutex_unlock(&groups->lock);
    free(unused);
    return shared;
}

void nv_groups_drop(struct nv_groups *groups, struct nv_shared_group *shared)
{
    struct nv_shared_resource *unused = NULL;
    pthread_mutex_lock(&groups->lock);
    assert(shared->refs > 0);
    bool last = --shared->refs == 0;
    if (last) {
        nv_index_remove(&groups->index, shared->hash, shared);
        atomic_fetch_sub(&groups->bytes, group_bytes(shared));
        unused = drop_resource(groups, shared->resource);
    }
    pthread_mutex_unlock(&groups->lock);
    free(unused);
    if (last)
        free(shared);
}
