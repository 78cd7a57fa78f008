/*
 * How the process asks for the processors.
 */
#ifndef NV_GATEWAY_PROCESS_SCHEDULING_H
#define NV_GATEWAY_PROCESS_SCHEDULING_H

#include <stdbool.h>

/*
 * Makes SCHED_BATCH (sched(7)) of SCHED_OTHER for the calling thread and all that it makes from
 * now on; call before there are others. Any other policy was somebody's choice and stays.
 * False: it stays as it was, or the system refuses, and all goes on.
 */
bool nv_scheduling_as_batch(void);

#endif
