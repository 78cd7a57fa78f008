/*
 * When is a trace complete? A pure function: facts in, deadline out
 * (docs/design/0003-completion.md).
 *
 * A trace is sent when the longest wait that applies has passed since its last span came; its
 * rows are enum nv_wait. No clock, no state, no allocation.
 */
#ifndef NV_ASSEMBLY_HOLD_COMPLETION_H
#define NV_ASSEMBLY_HOLD_COMPLETION_H

#include "assembly/door/config.h"
#include "base/clock.h"
#include "model/stage.h"

/* The rows of the table, in the order of their default waits. */
enum nv_wait {
    NV_WAIT_QUIET,         /* nothing can be missing: quiet_ms */
    NV_WAIT_LOGS,          /* content may still come as log records: quiet_logs_ms */
    NV_WAIT_RECORDS,       /* log records of an agent's turn, which may go on: the same */
    NV_WAIT_DISTRIBUTED,   /* other services may still send: quiet_distributed_ms */
    NV_WAIT_REMOTE_PARENT, /* only remote parents are missing: remote_parent_ms */
    NV_WAIT_OPEN,          /* a local parent is missing, or only log records came: open_ms */
    NV_WAIT_AGE            /* max_wait_ms after the first span ends all waiting */
};

/* What is seen of a trace and known of its services. */
struct nv_trace_facts {
    uint64_t first_ns; /* arrival of its first span, monotonic */
    uint64_t last_ns;  /* arrival of its last span or log record */
    bool spans;        /* any span at all (else only log records) */
    bool root;         /* a span without parent came */
    bool several_services;
    bool missing_local;    /* a parent that is not known to be remote has not come */
    bool missing_remote;   /* a remote parent has not come, of a service whose others do come */
    bool missing_unlikely; /* a remote parent has not come, of a service whose never come */
    bool distributed;      /* learned of one of its services */
    bool logs;             /* likewise */
    bool late;             /* part > 0 of a trace that was sent, not cut: parents came before */
    bool late_after_waiting; /* and that trace was sent with something missing */
    bool records;            /* log records of an agent, of which spans are made */
    bool due;                /* and what they tell of has not ended: another must come */
};

/* How much longer than after a record that may be the last: two minutes by default, for a model
 * that thinks and a tool that works. */
#define NV_RECORDS_DUE_FACTOR 20u

struct nv_completion {
    uint64_t deadline_ns;          /* monotonic; saturates */
    enum nv_wait wait;             /* the row that decided */
    enum nv_incomplete incomplete; /* what to say when it is sent at that deadline */
};

/* The deadline. Late parts wait quiet_ms, or quiet_distributed_ms when their trace was
 * incomplete: what they continue has been sent already, so their parents are not waited for. */
struct nv_completion nv_completion_decide(const struct nv_assembly_config *config,
                                          const struct nv_trace_facts *facts);

#endif
