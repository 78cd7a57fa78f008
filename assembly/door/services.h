/*
 * What was learned of the services that send: the memory behind the waits of
 * docs/design/0003-completion.md.
 *
 *   services  name ──▶ id = [ generation 22 bits | slot 10 bits ]   slots [ - | "shop" | "agent" ]
 *
 * Three facts a service, each kept for an hour after it was last seen: it took part in traces
 * of several services, its content came as log records, its remote parents never come. When all
 * slots are taken a new name takes the place of the one that is worth least; an id of before
 * that is stale, knows and learns nothing, and is asked for again by its name. Any thread; one
 * lock, taken a few times a trace.
 */
#ifndef NV_ASSEMBLY_DOOR_SERVICES_H
#define NV_ASSEMBLY_DOOR_SERVICES_H

#include "base/clock.h"
#include "base/str.h"

#define NV_SERVICES_MAX 1024u
/* When the table is full, names of a client that brought more than so many go before others. */
#define NV_SERVICES_CLIENT_MAX (NV_SERVICES_MAX / 4)
/* What a service sent counts half as much after so long. */
#define NV_SERVICES_HALF_LIFE_NS (UINT64_C(600) * NV_NS_PER_S)
/* A fact is forgotten so long after it was last seen (docs/design/0003-completion.md: an
 * hour). */
#define NV_SERVICES_MEMORY_NS (UINT64_C(3600) * NV_NS_PER_S)
/* So many traces in a row must have waited in vain before a remote parent is taken as lost. */
#define NV_SERVICES_VAIN_MIN 3u

enum nv_learned {
    NV_LEARNED_DISTRIBUTED = 1u << 0,
    NV_LEARNED_LOGS = 1u << 1,
    NV_LEARNED_NO_REMOTE = 1u << 2 /* learning it once is one wait in vain */
};

/* What was learned of one service (docs/design/0003-completion.md). */
struct nv_service_facts {
    char name[128];              /* cut; may hold any bytes, NUL-terminated */
    bool distributed;            /* lately took part in traces of several services */
    bool logs;                   /* its content lately came as log records */
    bool remote_parents_missing; /* its remote parents lately never came */
    uint64_t seen_ns_before;     /* age of the last trace */
};

struct nv_services;

/* New table, or NULL without memory. */
struct nv_services *nv_services_new(void);
/* NULL is allowed. */
void nv_services_free(struct nv_services *services);
/*
 * Id of a service; makes one for a new name that `client` (nv_batch.client) brought. In a full
 * table it takes the place of, in this order: a service of which nothing is known; one of a
 * client with more than its share; the one with least traffic; the one unseen for longest. 0
 * without memory. Costs the same however many names come.
 */
uint32_t nv_services_id(struct nv_services *services, struct nv_str name, uint64_t client,
                        uint64_t now_ns);
/* Is it the id of a service still? False for 0. Takes no lock. */
bool nv_services_valid(const struct nv_services *services, uint32_t id);
/* What is known of an id now: enum nv_learned, or-ed. A stale id or 0: nothing, here and
 * below. */
unsigned nv_services_known(struct nv_services *services, uint32_t id, uint64_t now_ns);
/* Notes that a trace had the service, which counts as its traffic, and the facts (enum
 * nv_learned, or-ed, may be 0) seen in it. */
void nv_services_learn(struct nv_services *services, uint32_t id, unsigned facts,
                       uint64_t now_ns);
/* A remote parent of the service did come: takes back NV_LEARNED_NO_REMOTE. */
void nv_services_remote_came(struct nv_services *services, uint32_t id, uint64_t now_ns);
/* Copies up to `max` services into `out`; returns how many. */
size_t nv_services_read(struct nv_services *services, uint64_t now_ns,
                        struct nv_service_facts *out, size_t max);

#endif
