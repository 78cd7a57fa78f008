/*
 * Whether anything may be sent now, and how much at once: the state between single answers.
 *
 *            success: one wider                      HOLD: closed until a person or a probe mends
 * it [ open, width 1..max ] ──trouble──▶ [ closed until t ] ──t──▶ [ open, width 1 ]
 *
 * Also holds the retry budget: attempts that repeat an earlier one are paid from a bucket that
 * fills by a tenth of what is attempted, so that a failing backend is never asked much more
 * often than a healthy one (F8 of the fault table, docs/operations.md). Times are monotonic.
 * One thread.
 */
#ifndef NV_EXPORTER_ANSWER_GATE_H
#define NV_EXPORTER_ANSWER_GATE_H

#include "exporter/answer/retry_policy.h"

/* Bodies never tried that may still go while answers are not the API's: if one passes, it was a
 * firewall that disliked one trace, and nobody needed to wait. */
#define NV_GATE_PILOTS 3
/* Troubles in a row after which all sending pauses, not only the body that failed. */
#define NV_GATE_TROUBLES_MAX 3

struct nv_gate {
    enum nv_hold hold; /* kept until the first success after until_ns */
    uint64_t until_ns; /* closed before */
    uint32_t holds;    /* in a row */
    uint32_t troubles; /* in a row */
    uint32_t pilots;   /* left while hold is NV_HOLD_FOREIGN */
    uint32_t width;    /* requests at once */
    uint32_t width_max;
    uint64_t budget;    /* thousandths of a retry */
    uint64_t filled_ns; /* when the budget was filled last */
    const char *why;    /* static text of the last trouble or hold */
};

/* Open, one request at a time at first, with a full budget. */
void nv_gate_init(struct nv_gate *gate, uint32_t width_max, uint64_t now_ns);
/* May one more request start while `in_flight` run? */
bool nv_gate_is_open(const struct nv_gate *gate, uint32_t in_flight, uint64_t now_ns);
/* Closed by answers that are not the API's, but a body that was never tried may go to see? */
bool nv_gate_takes_pilot(const struct nv_gate *gate, uint32_t in_flight);
/* Held for the key and due to be probed? */
bool nv_gate_wants_probe(const struct nv_gate *gate, uint64_t now_ns);
/* An attempt is made: fills the budget. */
void nv_gate_attempt(struct nv_gate *gate, uint64_t now_ns);
/* Pays for a retry; false when there is not enough. */
bool nv_gate_pay_retry(struct nv_gate *gate, uint64_t now_ns);
/* When a retry can be paid, if nothing else happens. */
uint64_t nv_gate_retry_due_ns(const struct nv_gate *gate, uint64_t now_ns);
/* An attempt succeeded; `was_retry` gives its price back. True when a hold ends by it. */
bool nv_gate_success(struct nv_gate *gate, bool was_retry, uint64_t now_ns);
/* A verdict with `trouble` or NV_ACTION_HOLD. `random` as in struct nv_attempt. */
void nv_gate_failure(struct nv_gate *gate, const struct nv_retry_knobs *knobs,
                     const struct nv_verdict *verdict, uint64_t now_ns, uint64_t random);
/* The probe found the key good, or no answer to the question: lets one body through. */
void nv_gate_let_through(struct nv_gate *gate, uint64_t now_ns);

#endif
