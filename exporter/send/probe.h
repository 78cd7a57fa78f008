/*
 * One question to the backend, outside of the running exporter: for `noveum-gateway doctor`.
 */
#ifndef NV_EXPORTER_SEND_PROBE_H
#define NV_EXPORTER_SEND_PROBE_H

#include "base/clock.h"
#include "exporter/answer/backend_reply.h"
#include "exporter/answer/transport.h"
#include "exporter/send/config.h"

/* What came of it. */
struct nv_probe {
    enum nv_transfer transfer;
    enum nv_cause cause;
    int status;                   /* HTTP status, 0 when none came */
    int proxy_status;             /* of a proxy's answer to CONNECT, 0 when none came */
    int64_t date_s;               /* Unix time that the reply says it is, 0: it does not */
    char location[128];           /* where a redirect points to, or "" */
    enum nv_reply_body body;      /* whose words the reply holds */
    char said[NV_REPLY_TEXT_MAX]; /* what the API said, or "" */
    uint64_t took_ms;             /* from the call to the reply */
    char detail[160]; /* the transport's own words on a failed transfer; no secrets */
};

/*
 * Asks GET {base}/v1/status with the key of `config` (borrowed, an endpoint is set) as the
 * exporter would, and waits for the reply or the configured timeout. NV_ERR_CONFIG with `fail`,
 * NO_MEMORY.
 */
enum nv_err nv_exporter_probe(const struct nv_exporter_config *config,
                              const struct nv_clock *clock, struct nv_probe *out,
                              struct nv_fail *fail) NV_MUST_USE;

#endif
