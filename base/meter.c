/*
 * The meter's one word of state a thread; everything else is inline.
 *
 *   thread ──▶ { spent, limit }      limit UINT64_MAX until somebody starts it
 *
 * Threads that never start a meter count without a limit: what they do is measured by nobody,
 * and a branch to find that out would cost more than the addition.
 */
#include "base/meter.h"

#include "base/banned.h"

_Thread_local struct nv_meter nv_meter_here = {.spent = 0, .limit = UINT64_MAX};
