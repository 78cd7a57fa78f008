/*
 * What is seen of an open trace and known of its services: what completion.h decides on. Any
 * thread that owns the trace.
 */
#ifndef NV_ASSEMBLY_HOLD_FACTS_H
#define NV_ASSEMBLY_HOLD_FACTS_H

#include "assembly/hold/completion.h"
#include "assembly/hold/trace_table.h"

/* What is seen of a trace. `scratch` has room for its items. */
void nv_facts_read(struct nv_services *services, const struct nv_open_trace *trace,
                   uint32_t *scratch, uint64_t now_ns, struct nv_trace_facts *out);
/*
 * Notes what a trace that leaves tells of its services. Returns the slot of a service whose
 * remote parent is missing, 0 if none.
 */
uint32_t nv_facts_learn(struct nv_services *services, const struct nv_open_trace *trace,
                        uint32_t *scratch, uint64_t now_ns);

#endif
