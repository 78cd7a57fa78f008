/*
 * sd_notify(3) without libsystemd: tells a service manager how far we are.
 */
#ifndef NV_GATEWAY_PROCESS_NOTIFY_H
#define NV_GATEWAY_PROCESS_NOTIFY_H

#include <stdbool.h>

/*
 * Sends `state` ("READY=1", "STOPPING=1", "RELOADING=1") to the socket NOTIFY_SOCKET names.
 * False when there is none or it can't be reached: never a reason to stop.
 */
bool nv_notify(const char *state);
/*
 * "WATCHDOG=1" when a watchdog is set for this process (WATCHDOG_USEC, WATCHDOG_PID of
 * sd_watchdog_enabled(3)); to be called several times in its time, and not when a restart would
 * help. False when none is set or nothing was sent.
 */
bool nv_notify_watchdog(void);

#endif
