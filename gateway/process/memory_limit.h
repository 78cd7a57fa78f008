/*
 * How much memory the control group lets this process have.
 */
#ifndef NV_GATEWAY_PROCESS_MEMORY_LIMIT_H
#define NV_GATEWAY_PROCESS_MEMORY_LIMIT_H

#include <stdint.h>

/* Where the kernel tells it: /proc/self/cgroup and the mount of the control groups. */
struct nv_memory_places {
    const char *groups; /* file of lines "id:controllers:path" (cgroups(7)) */
    const char *mount;  /* version 2 at its root, version 1 in its directory `memory` */
};

/* The places on a Linux system. Static. */
const struct nv_memory_places *nv_memory_places_system(void);
/*
 * The least memory limit of the process' control group and of those above it, in bytes; 0 when
 * there is none below `machine_bytes`, or nothing can be read. Any thread.
 */
uint64_t nv_memory_limit(const struct nv_memory_places *places, uint64_t machine_bytes);
/* The machine's memory in bytes; UINT64_MAX when it is not known. Any thread. */
uint64_t nv_memory_machine_bytes(void);

#endif
