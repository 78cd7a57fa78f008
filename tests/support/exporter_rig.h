/*
 * An exporter in inline mode with everything around it made up: clock, backend, disk, assembly.
 *
 *   rig_consume ─▶ exporter ─▶ flights[] ─▶ rig_answer
 *                     │
 *                     ├─▶ records[]   a store in memory that can be told to fail
 *                     └─▶ claims[]    how each trace was settled
 */
#ifndef NV_TESTS_SUPPORT_EXPORTER_RIG_H
#define NV_TESTS_SUPPORT_EXPORTER_RIG_H

#include "exporter/exporter.h"

#define RIG_TRACES_MAX 4096
#define RIG_FLIGHTS_MAX 64
#define RIG_RECORDS_MAX 4096

/* The exporter's claims are assembly's and opaque; here they only remember. */
struct nv_claim {
    unsigned settled;
    enum nv_outcome outcome;
};

struct rig_flight {
    bool busy;
    enum nv_route route;
    bool gzip;
    struct nv_str body; /* owned, inflated, with a NUL behind */
    nv_reply_done *done;
    void *done_ctx;
};

struct rig_record {
    uint64_t id; /* 0: free */
    enum nv_record_kind kind;
    struct nv_str head, payload; /* owned */
    bool synced;
};

struct nv_rig {
    struct nv_fake_clock clock;
    struct nv_exporter_config config;
    struct nv_settler settler;
    struct nv_store store;
    struct nv_transport transport;
    struct nv_exporter *exporter;
    uint64_t seed; /* of the jitter, for rig_open */
    struct nv_claim claims[RIG_TRACES_MAX];
    uint32_t trace_count;
    uint64_t span_count;
    struct rig_flight flights[RIG_FLIGHTS_MAX];
    uint32_t sent; /* requests with a body so far */
    uint32_t probes;
    enum nv_err send_fails; /* not NV_OK: what send returns */
    struct rig_record records[RIG_RECORDS_MAX];
    uint32_t record_count; /* slots of records ever used */
    uint64_t last_id;
    enum nv_err put_fails, get_fails;
};

/* Readies a rig with defaults, an endpoint on loopback and no exporter yet. */
void rig_init(struct nv_rig *rig);
/* Makes the exporter by rig->config; `with_store` as said. Resets ledger and counters. */
void rig_open(struct nv_rig *rig, bool with_store);
/* Stops and frees the exporter; records, claims and config stay. */
void rig_close(struct nv_rig *rig);
/* Frees the rest, and the exporter when it is open. */
void rig_release(struct nv_rig *rig);

/* New trace of `spans` spans named `name`; the rig's next claim goes with it. */
struct nv_trace *rig_trace(struct nv_rig *rig, const char *name, uint32_t spans);
/* Such a trace encoded and counted as queued, for a sender without an exporter. New. */
struct nv_encoded *rig_encoded(struct nv_rig *rig, const char *name, uint32_t spans);
/* Received, held and consumed: as assembly and mapping would. */
void rig_consume(struct nv_rig *rig, const char *name, uint32_t spans);
/* `count` of them, each "trace" of two spans. */
void rig_consume_many(struct nv_rig *rig, uint32_t count);
/* Pumps; then moves the clock on by `ms` and pumps again. */
void rig_run(struct nv_rig *rig, uint64_t ms);
/* The oldest request in flight, or NULL. */
struct rig_flight *rig_flight(struct nv_rig *rig);
/* How many are in flight. */
uint32_t rig_in_flight(const struct nv_rig *rig);
/* Answers a flight with a status, a Retry-After ("" none) and a body; it is over then. */
void rig_answer(struct nv_rig *rig, struct rig_flight *flight, int status,
                const char *retry_after, const char *body);
/* Answers all with 200 until nothing is in flight any more, also `ms` later. */
void rig_accept_all(struct nv_rig *rig, uint64_t ms);
/* The same, with store and transport mended first, until queue and outbox are empty. The clock
 * moves by what the pump asks for and no more, so that a missing wake-up shows: aborts the test
 * when traces wait and no timer runs, and after two hours. */
void rig_drain(struct nv_rig *rig);
/* Ends a flight without a reply. */
void rig_fail(struct nv_rig *rig, struct rig_flight *flight, enum nv_transfer transfer);
/* Traces in a flight's body; aborts the test when it is no valid envelope. */
uint32_t rig_traces_in(const struct rig_flight *flight);
bool rig_body_has(const struct rig_flight *flight, const char *text);
/* Live records of a kind. */
uint32_t rig_records(const struct nv_rig *rig, enum nv_record_kind kind);
/* What a power cut may do at worst: releases are on disk, records that nobody synced are
 * not. */
void rig_cut_power(struct nv_rig *rig);
/* Claims settled with this outcome. Aborts the test when a claim was settled twice. */
uint32_t rig_settled(const struct nv_rig *rig, enum nv_outcome outcome);
struct nv_sink_status rig_status(struct nv_rig *rig);
/* Spans delivered by the ledger. Aborts the test when the ledger's sum does not add up. */
uint64_t rig_delivered(void);
/* Spans dead-lettered for that reason. */
uint64_t rig_dead(enum nv_dead reason);

#endif
