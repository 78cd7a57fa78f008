/* How many processors this process may run on: what a default number of threads follows. */
#ifndef NV_BASE_PROCESSORS_H
#define NV_BASE_PROCESSORS_H

/* By its affinity (taskset, cpuset), which may be fewer than the machine has; at least 1. Any
 * thread. */
unsigned nv_processors(void);

#endif
