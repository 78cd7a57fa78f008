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

#endif
