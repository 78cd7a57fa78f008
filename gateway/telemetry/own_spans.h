/*
 * Spans of the gateway's own work as OTLP: what is noted of a trace on its way, written.
 *
 *   noveum.gateway.trace  INTERNAL   its first item came ▸ its claim was settled
 *   ├─ receive            INTERNAL   its first item came ▸ its last
 *   ├─ hold               INTERNAL   nothing more came ▸ it was complete, or had to leave
 *   ├─ translate          INTERNAL   then ▸ translated, masked, given to the sink
 *   └─ deliver            CLIENT     one request to the backend with it, and the answer
 *
 * A trace of its own: the client's trace id is an attribute. No other attribute holds anything
 * that a client sent: the rest are numbers and words of ours. Names that the semantic
 * conventions do not have begin with `noveum.gateway.`.
 */
#ifndef NV_GATEWAY_TELEMETRY_OWN_SPANS_H
#define NV_GATEWAY_TELEMETRY_OWN_SPANS_H

#include "base/buf.h"
#include "exporter/send/config.h"
#include "model/stage.h"

/* More than any span here takes, in bytes. */
#define NV_OWN_SPAN_BYTES_MAX 768u
/* Spans that nv_own_spans_write appends at most. */
#define NV_OWN_SPANS_A_TRACE_MAX 4u

/* What is noted of one trace. Times are monotonic, `wall_ns` is added to each. */
struct nv_own_passage {
    const struct nv_claim *claim; /* identifies it; never followed; NULL: none */
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    uint8_t root_id[NV_SPAN_ID_BYTES];
    uint8_t source_id[NV_TRACE_ID_BYTES]; /* the trace's own, as the client sent it */
    uint32_t part, spans, records;
    uint64_t bytes;
    enum nv_incomplete incomplete;
    const char *wait; /* static; NULL: it did not wait */
    uint64_t wall_ns; /* from monotonic to wall clock, modulo 2^64 */
    uint64_t first_ns, last_ns, complete_ns;
    uint64_t translated_ns; /* 0: it was not */
    uint32_t spans_out;     /* after translation */
    uint32_t attempts;
};

/* Appends `receive`, `hold`, `translate` (if it was) and the whole, as field
 * NV_OTLP_SCOPE_GROUP_ITEMS each; returns how many. Errors are the buffer's. */
uint32_t nv_own_spans_write(const struct nv_own_passage *passage, enum nv_outcome outcome,
                            uint64_t end_ns, struct nv_buf *out);
/* Appends `deliver` of one request. Errors are the buffer's. */
void nv_own_spans_write_attempt(const struct nv_own_passage *passage,
                                const struct nv_attempt_told *told, struct nv_buf *out);
/* Fills in `len` random bytes, never all zero. */
void nv_own_spans_random(uint8_t *id, size_t len);

#endif
