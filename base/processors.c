/*
 * Affinity, not the number of processors that are online: more threads than can run at once
 * only hand work over to each other. A set larger than a cpu_set_t (1,024) can't be read by
 * this call; that machine is counted by what is online.
 */
#include "base/processors.h"

#include <sched.h>
#include <unistd.h>

#include "base/banned.h"

unsigned nv_processors(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (unsigned)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}
