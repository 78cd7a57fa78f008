/*
 * `noveum-gateway doctor`: checks key, endpoint, clock, ports, disk and one round trip, in
 * words.
 */
#ifndef NV_GATEWAY_COMMANDS_DOCTOR_H
#define NV_GATEWAY_COMMANDS_DOCTOR_H

#include "exporter/send/probe.h"
#include "gateway/commands/running.h"
#include "gateway/config/options.h"

/* Prints a line a check; returns the exit code: 1 when one of them failed. */
int nv_command_doctor(const struct nv_options *options);

/* ---- single checks: append a line, return whether all is well ---------------------------- */

/* Is there a key, where does it come from, does it look like one? Never the key itself. */
bool nv_doctor_key(const struct nv_options *options, struct nv_buf *out);
/* What one probe of the backend says. */
bool nv_doctor_reply(const struct nv_probe *probe, struct nv_buf *out);
/*
 * What the gateway that runs on this journal says of its exporter; `keyless`: doctor itself was
 * given no key.
 */
bool nv_doctor_status(const struct nv_running *running, bool keyless, struct nv_buf *out);
/* Is `wall_ns` a time that traces may carry, and is the clock kept in step? */
bool nv_doctor_clock(uint64_t wall_ns, bool in_step, struct nv_buf *out);
/*
 * Can everything of `key` ("receiver.http.listen") be bound, or is it served by the gateway
 * that runs here? That one was told to listen on `served`; NULL: none runs.
 */
bool nv_doctor_ports(const char *key, const char *addresses, const char *served,
                     struct nv_buf *out);
/* Can files be made and synced in `directory`, and is there room? */
bool nv_doctor_disk(const char *key, const char *directory, uint64_t wanted_bytes,
                    struct nv_buf *out);

#endif
