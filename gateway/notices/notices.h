/*
 * What the log says of the first of each, so that nobody has to guess why nothing arrives or
 * leaves: services whose spans come, traces that wait, clients that send metrics alone. And how
 * far the replay of the journal is, when it takes more than two seconds.
 *
 *   each second ──look──▶ services learned ▸ new ones      ─┐
 *                         what is held ▸ why, until when   ─┼─▶ one line each, then silence
 *                         counters ▸ metrics and no spans  ─┘
 *
 * Refused requests are told where they are refused (otlp/request/refusal.h). All names are a
 * client's: redacted as in /status, cut, escaped by the log; their number is bounded here, the
 * number of lines by the log's own folding.
 */
#ifndef NV_GATEWAY_NOTICES_NOTICES_H
#define NV_GATEWAY_NOTICES_NOTICES_H

#include "gateway/admin/source.h"

/* Services that are named; of further ones only that there are more. */
#define NV_NOTICED_SERVICES_MAX 256
/* Looks between two at what is held: each asks every shard. */
#define NV_NOTICE_HELD_LOOKS 5
/* A wait is told when the trace has waited so long and has as long to go. */
#define NV_NOTICE_WAIT_NS (3 * NV_NS_PER_S)
/* The same reason to wait is told again after it. */
#define NV_NOTICE_AGAIN_NS (600 * NV_NS_PER_S)
/* Looks with metrics and without a span until that is told. */
#define NV_NOTICE_METRICS_LOOKS 5

/* Zero-initialised: nothing was told yet. One thread. */
struct nv_notices {
    uint64_t seen[NV_NOTICED_SERVICES_MAX]; /* hashes of names */
    size_t seen_count;
    bool more_told;
    uint64_t wait_told_ns[NV_WAIT_AGE + 1]; /* by enum nv_wait, 0: never */
    uint64_t replay_began_ns;               /* 0: none was seen */
    unsigned replay_due_s; /* when the next line of it is due (gateway/process/teller.h) */
    unsigned looks, metrics_looks;
    bool metrics_told;
};

/* Looks at `source` (borrowed for the call) and logs what is new; once a second, `now_ns` by
 * its monotonic clock. What there is no memory for is told at a later look. */
void nv_notices_look(struct nv_notices *notices, const struct nv_admin_source *source,
                     uint64_t now_ns);
/* Logs what is held and queued at a stop and what becomes of it. Before anything stops. */
void nv_notices_stop(const struct nv_admin_source *source);

#endif
