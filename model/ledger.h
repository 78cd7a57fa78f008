/*
 * Where every received span is: the counters that must add up (docs/metrics.md).
 *
 *   received ──▶ held ──▶ queued ──▶ delivered | dropped{reason} | dead-lettered{reason}
 *   rejected{reason}: refused at the door, never received
 *
 * A span is in exactly one place. Moves are made under one lock, a batch or a trace at a time,
 * so that received = delivered + dropped + dead-lettered + held + queued at every scrape. After
 * a restart, replayed spans are received again by the new process (and counted in
 * noveum_spans_replayed_total).
 */
#ifndef NV_MODEL_LEDGER_H
#define NV_MODEL_LEDGER_H

#include "base/buf.h"

/* X(id, name): why spans are refused at the door */
#define NV_REJECT_TABLE(X)                                                                     \
    X(NV_REJECT_TRACE_ID, "trace_id")                                                          \
    X(NV_REJECT_SPAN_ID, "span_id")                                                            \
    X(NV_REJECT_TOO_LARGE, "too_large")

/* X(id, name): why spans are dropped; sampled, rule and not_ai are 0 unless the user configured
 * it (sampling.rate, mapping.rules_file, mapping.spans); placeholders and duplicates repeat a
 * span that is delivered; handed_over: read again from the log by who has its partition now;
 * rekeyed: written to the log again under its trace id, and received from there */
#define NV_DROP_TABLE(X)                                                                       \
    X(NV_DROP_SAMPLED, "sampled")                                                              \
    X(NV_DROP_PLACEHOLDER, "placeholder")                                                      \
    X(NV_DROP_DUPLICATE, "duplicate")                                                          \
    X(NV_DROP_RULE, "rule")                                                                    \
    X(NV_DROP_NOT_AI, "not_ai")                                                                \
    X(NV_DROP_HANDED_OVER, "handed_over")                                                      \
    X(NV_DROP_REKEYED, "rekeyed")

/* X(id, name): why spans end as dead letters */
#define NV_DEAD_TABLE(X)                                                                       \
    X(NV_DEAD_REJECTED, "rejected")                                                            \
    X(NV_DEAD_TOO_LARGE, "too_large")                                                          \
    X(NV_DEAD_UNTRANSLATABLE, "untranslatable")                                                \
    X(NV_DEAD_DAMAGED, "damaged")

#define NV_LEDGER_ENUM(id, name) id,
enum nv_reject { NV_REJECT_TABLE(NV_LEDGER_ENUM) NV_REJECT_COUNT };
enum nv_drop { NV_DROP_TABLE(NV_LEDGER_ENUM) NV_DROP_COUNT };
enum nv_dead { NV_DEAD_TABLE(NV_LEDGER_ENUM) NV_DEAD_COUNT };
#undef NV_LEDGER_ENUM

/* All counts at one moment. */
struct nv_ledger {
    uint64_t received, replayed;
    uint64_t held, queued;
    uint64_t delivered;
    uint64_t rejected[NV_REJECT_COUNT];
    uint64_t dropped[NV_DROP_COUNT];
    uint64_t dead[NV_DEAD_COUNT];
};

/* All below: any thread; `spans` may be 0; moving more than is there is a bug and asserts. */

/* Refused at the door; never received. */
void nv_ledger_reject(enum nv_reject reason, uint64_t spans);
/* Received, into held; `replayed`: from the journal after a restart. */
void nv_ledger_receive(uint64_t spans, bool replayed);
/* Received and delivered at once: by a receiver whose log has them. */
void nv_ledger_pass(uint64_t spans);
/* Held into queued: the trace is complete and on its way. */
void nv_ledger_queue(uint64_t spans);
/* An outbox record found at the start: received (as replayed), into queued. */
void nv_ledger_requeue(uint64_t spans);
/* Queued into delivered. */
void nv_ledger_deliver(uint64_t spans);
/* Held into dropped. Logged by reason, with what to do, whenever the reason's count has
 * doubled: at info what a configured policy drops, at debug what repeats or goes elsewhere. */
void nv_ledger_drop_held(enum nv_drop reason, uint64_t spans);
/* Counts log records that become part of no trace (NV_COUNT_LOG_RECORDS_UNUSED); no span is
 * moved by it. Logged at info whenever their count has doubled. */
void nv_ledger_leave_records(uint64_t records);
/* Held into dead-lettered. */
void nv_ledger_dead_held(enum nv_dead reason, uint64_t spans);
/* Queued into dead-lettered. */
void nv_ledger_dead_queued(enum nv_dead reason, uint64_t spans);
/* A consistent copy. */
void nv_ledger_read(struct nv_ledger *out);
/* Appends all of it in Prometheus text format. Errors are the buffer's. */
enum nv_err nv_ledger_write(struct nv_buf *buf);
/* Back to zero: for tests. */
void nv_ledger_reset(void);

#endif
