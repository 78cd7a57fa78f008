/*
 * Threads that wake do not stop the one that runs.
 *
 * A request wakes the journal's thread, that a shard, that the sender: where there are fewer
 * processors than threads with work, each would stop the one that woke it, a request at a time,
 * and none finds its data in the cache. As SCHED_BATCH they wait for its slice to end, some
 * milliseconds at most, and find more to do then. On a processor that is free they run at once
 * as ever; to other programs on the machine, agents among them, the gateway gives way.
 */
#include "gateway/process/scheduling.h"

#include "base/log/log.h"

#include <errno.h>
#include <sched.h>

#include "base/banned.h"

bool nv_scheduling_as_batch(void)
{
    const struct sched_param none = {.sched_priority = 0};
    if (sched_getscheduler(0) != SCHED_OTHER)
        return false;
    if (sched_setscheduler(0, SCHED_BATCH, &none) == 0)
        return true;
    NV_LOG(NV_LOG_DEBUG, "gateway", "cannot be scheduled as batch errno=%d", errno);
    return false;
}
