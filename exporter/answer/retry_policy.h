/*
 * What to do after an answer of the backend, as a pure function: the table of
 * docs/noveum-backend.md#answers.
 *
 * No state, no clock, no randomness of its own: everything comes in, so that the whole table
 * can be tested. The states that live longer than one answer are in exporter/answer/gate.h. Any
 * thread.
 */
#ifndef NV_EXPORTER_ANSWER_RETRY_POLICY_H
#define NV_EXPORTER_ANSWER_RETRY_POLICY_H

#include "exporter/answer/backend_reply.h"
#include "exporter/answer/transport.h"
#include "model/ledger.h"

enum nv_action {
    NV_ACTION_DELIVERED, /* the backend has it, or had it before */
    NV_ACTION_RETRY,     /* the same body again, not before wait_ns */
    NV_ACTION_SPLIT,     /* its halves at once: one of its traces is at fault */
    NV_ACTION_IDENTITY,  /* the same body at once without gzip */
    NV_ACTION_DEAD,      /* a body of one trace that will never pass: dead letter */
    NV_ACTION_HOLD       /* keep it, send nothing for wait_ns: nothing would pass */
};

enum nv_hold {
    NV_HOLD_NONE,
    NV_HOLD_AUTH,   /* 401, 403, 407: the key, or the proxy's login */
    NV_HOLD_CREDIT, /* 402, CREDIT_QUOTA_EXCEEDED: the plan */
    NV_HOLD_CONFIG, /* 404, TLS, ...: the endpoint */
    NV_HOLD_FOREIGN /* a page, a redirect, `success: false`: not the API's, or not its yes */
};

/* Times in ms; fields as in struct nv_exporter_config. */
struct nv_retry_knobs {
    uint32_t initial_ms, max_ms;
    uint32_t retry_after_max_ms;
    uint32_t credit_pause_ms, credit_pause_max_ms;
    uint32_t probe_ms;
};

/* One attempt and its answer. */
struct nv_attempt {
    enum nv_transfer transfer;
    int status;                /* HTTP status, 0 when none came */
    struct nv_str retry_after; /* header's value, borrowed */
    enum nv_reply_body body;   /* whose words the reply holds */
    bool credit;               /* the body's code is CREDIT_QUOTA_EXCEEDED */
    uint32_t number;           /* 1 for the first attempt with this body */
    uint32_t traces;           /* in the body, >= 1 */
    bool gzip;                 /* the body went out as gzip */
    bool gzip_proven;          /* a gzip body was accepted before */
    uint32_t holds;            /* in a row before this answer: longer waits between probes */
    bool others_pass;          /* other bodies were delivered since this one's first attempt */
    bool passed_since;         /* ... were sent and delivered since its first foreign refusal */
    /* foreign refusals of it as one trace while others passed, before this one */
    uint32_t alone;
    uint32_t foreign_row; /* bodies refused so since one was delivered */
    uint64_t wall_ns;     /* for Retry-After dates */
    uint64_t random;      /* uniform over all values, for jitter */
};

struct nv_verdict {
    enum nv_action action;
    enum nv_hold hold; /* NV_ACTION_HOLD: which */
    enum nv_dead dead; /* NV_ACTION_DEAD: ledger's reason */
    uint64_t wait_ns;  /* NV_ACTION_RETRY, NV_ACTION_HOLD */
    bool trouble;      /* the backend, not the body, is at fault: slow down for all */
    bool asked;        /* wait_ns comes from a Retry-After */
    bool foreign;      /* the answer was not the API's: proves nothing about it */
    bool first;        /* of this body */
    const char *why;   /* static text for log and dead letter */
};

/* Attempts after which a body of several traces that alone gets 500 is split (see .c). */
#define NV_RETRY_SPLIT_ATTEMPTS 4
/* Refusals of one trace by others than the API, while other traces pass, that end it: one bad
 * node of several behind an address refuses by chance. */
#define NV_RETRY_ALONE 3
/* So many bodies refused in a row by others than the API, and none delivered: what passed
 * before proves nothing any more. Enough for a bisection that meets a few such traces in a
 * row. */
#define NV_RETRY_FOREIGN_ROW 16

/* The verdict on one attempt. Total: every combination of inputs has one. */
struct nv_verdict nv_retry_decide(const struct nv_retry_knobs *knobs,
                                  const struct nv_attempt *attempt);
/*
 * Exponential backoff with full jitter: uniform in [0, min(max_ms, initial_ms * 2^(number-1))],
 * in nanoseconds. `number` counts from 1.
 */
uint64_t nv_retry_backoff_ns(const struct nv_retry_knobs *knobs, uint32_t number,
                             uint64_t random);
/*
 * Retry-After (RFC 9110 section 10.2.3): delay in seconds, or one of the three HTTP dates
 * relative to `wall_ns` (past: 0). False for anything else, such as -1, 1.5 or 1e12. The wait
 * is not bounded here but by UINT64_MAX.
 */
bool nv_retry_after_parse(struct nv_str value, uint64_t wall_ns, uint64_t *wait_ns);

#endif
