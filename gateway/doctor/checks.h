/*
 * The doctor's checks: each tries the real thing with the program's own code and adds what it
 * found. None fails: what can't be done is a finding. Nothing stays behind.
 *
 * Of a fault only the cause is bad, not what follows from it: the first bad line of a run is
 * the one to act on.
 */
#ifndef NV_GATEWAY_DOCTOR_CHECKS_H
#define NV_GATEWAY_DOCTOR_CHECKS_H

#include "exporter/send/probe.h"
#include "gateway/config/options.h"
#include "gateway/doctor/finding.h"
#include "gateway/doctor/running.h"
#include "kafka/probe.h"

/* ---- check_settings.c -------------------------------------------------------------------- */

/* Is there a key, where does it come from, does it look like one? Never the key itself. */
void nv_check_key(const struct nv_options *options, struct nv_findings *out);
/* Which project do traces go to that name none? Says nothing in local mode. */
void nv_check_project(const struct nv_options *options, struct nv_findings *out);
/* Is `wall_ns` a time that traces may carry, and is the clock kept in step? */
void nv_check_clock(uint64_t wall_ns, bool in_step, struct nv_findings *out);

/* ---- check_disk.c ------------------------------------------------------------------------ */

/*
 * Can files be made and synced in `directory` of the option `key`, made with its parents where
 * they are missing, and is there room? What was made is removed. `wanted_bytes`: what it may
 * grow to, 0: not known.
 */
void nv_check_disk(const char *key, const char *directory, uint64_t wanted_bytes,
                   struct nv_findings *out);

/* ---- check_ports.c ----------------------------------------------------------------------- */

/*
 * Can everything of `key` ("receiver.http.listen") be bound, or is it served by `running`,
 * which was told to listen on `served` (NULL: none runs, or it does not say)? Else: who has it,
 * by the tables below `proc` ("/proc").
 */
void nv_check_ports(const char *key, const char *addresses, const char *served,
                    const struct nv_running *running, const char *proc,
                    struct nv_findings *out);

/* ---- check_backend.c --------------------------------------------------------------------- */

/* What one probe of the backend says, about key, endpoint, way and clock; `wall_ns`: now. */
void nv_check_reply(const struct nv_probe *probe, uint64_t wall_ns, struct nv_findings *out);
/*
 * Asks the backend of `options` as the exporter would, for at most `deadline_ms`. Says nothing
 * in local mode.
 */
void nv_check_backend(const struct nv_options *options, unsigned deadline_ms,
                      struct nv_findings *out);

/* ---- check_kafka.c ----------------------------------------------------------------------- */

/* What a probe of the brokers says: topics, their settings, keys, clocks; `wall_ns`: now. */
void nv_check_kafka_probe(const struct nv_kafka_probe *probe,
                          const struct nv_kafka_config *config, uint64_t wall_ns,
                          struct nv_findings *out);
/* Asks the brokers of `options`, for at most some four seconds. Says nothing in role all. */
void nv_check_kafka(const struct nv_options *options, struct nv_findings *out);

/* ---- check_gateway.c --------------------------------------------------------------------- */

/*
 * What the gateway that runs on this journal says of itself: exporter, what it holds, waits for
 * and refuses. Nothing when none runs. `keyless`: doctor itself was given no key.
 */
void nv_check_gateway(const struct nv_running *running, bool keyless, struct nv_findings *out);

#endif
