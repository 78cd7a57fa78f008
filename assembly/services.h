/*
 * What was learned of the services that send: the memory behind the waits of design.md section 2a.
 *
 *   services  name ──▶ slot      slots [ 0: the rest | 1: "shop" | 2: "agent" | ... max ]
 *
 * Three facts a service, each kept for an hour after it was last seen: it took part in traces of
 * several services, its content came as log records, its remote parents never come. Slot 0 stands
 * for every service beyond the bound and learns nothing. Any thread; one lock, taken a few times a
 * trace.
 */
#ifndef NV_ASSEMBLY_SERVICES_H
#define NV_ASSEMBLY_SERVICES_H

#include "assembly/assembly.h"

#define NV_SERVICES_MAX 1024u
/* A fact is forgotten so long after it was last seen (design.md section 2a: an hour). */
#define NV_SERVICES_MEMORY_NS (UINT64_C(3600) * NV_NS_PER_S)
/* So many traces in a row must have waited in vain before a remote parent is taken as lost. */
#define NV_SERVICES_VAIN_MIN 3u

enum nv_learned {
    NV_LEARNED_DISTRIBUTED = 1u << 0,
    NV_LEARNED_LOGS = 1u << 1,
    NV_LEARNED_NO_REMOTE = 1u << 2 /* learning it once is one wait in vain */
};

struct nv_services;

/* New table, or NULL without memory. */
struct nv_services *nv_services_new(void);
/* NULL is allowed. */
void nv_services_free(struct nv_services *services);
/*
 * Slot of a service; makes one for a new name, in place of the one unseen for longest when all are
 * taken and that one is older than an hour; else 0 (also without memory).
 */
uint32_t nv_services_slot(struct nv_services *services, struct nv_str name, uint64_t now_ns);
/* What is known of a slot now: enum nv_learned, or-ed. */
unsigned nv_services_known(struct nv_services *services, uint32_t slot, uint64_t now_ns);
/* Notes that a trace had the service, and the facts (enum nv_learned, or-ed, may be 0) seen in it.
 */
void nv_services_learn(struct nv_services *services, uint32_t slot, unsigned facts,
                       uint64_t now_ns);
/* A remote parent of the service did come: takes back NV_LEARNED_NO_REMOTE. */
void nv_services_remote_came(struct nv_services *services, uint32_t slot, uint64_t now_ns);
/* Copies up to `max` services into `out`; returns how many. */
size_t nv_services_read(struct nv_services *services, uint64_t now_ns, struct nv_service_facts *out,
                        size_t max);

#endif
