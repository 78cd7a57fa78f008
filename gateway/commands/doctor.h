/*
 * `noveum-gateway doctor`: checks key, disk, ports, clock, the way to the backend and one round
 * trip, asks the gateway that runs here, and says in words what is wrong and what to do next.
 */
#ifndef NV_GATEWAY_COMMANDS_DOCTOR_H
#define NV_GATEWAY_COMMANDS_DOCTOR_H

#include "gateway/config/options.h"
#include "gateway/doctor/isolated.h"

/* Longest time of one check. A sanitizer's build needs seconds to load libcurl alone, and has
 * as much more as its tests give everything else: four times. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define NV_DOCTOR_CHECK_MS 20000
#else
#define NV_DOCTOR_CHECK_MS 5000
#endif

/*
 * Prints a line for each thing found, as soon as it is, a verdict, and as the last line the one
 * next step; with `json` one object for all at the end. Returns the exit code: 1 when something
 * is bad.
 */
int nv_command_doctor(const struct nv_options *options, bool json);
/*
 * Runs one check for at most `deadline_ms` and adds its findings to `all`; one that did not end
 * is a bad finding of `subject` itself, with `next` (borrowed) to do.
 */
void nv_doctor_run(nv_isolated_check *check, void *ctx, unsigned deadline_ms,
                   const char *subject, const char *next, struct nv_findings *all);

#endif
