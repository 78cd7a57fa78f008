/*
 * The table of docs/design/0003-completion.md as code: one row, one line.
 *
 * Rows raise the wait, the longest wins, the age of the trace ends all waiting. What is said
 * about a trace that is sent with something missing follows from the facts, not from the row: a
 * trace whose remote parents were learned never to come is sent early, and still has no root.
 *
 * Deliberately not done: guessing from span kinds. A client call to a model is a client span
 * without a server child and by itself means nothing.
 *
 *   seen of the trace                                  waits, from its last arrival
 *   ────────────────────────────────────────────────   ─────────────────────────────────
 *   nothing else                                       quiet_ms
 *   a service that sends log records                   quiet_logs_ms
 *   several services, or one known to be distributed   quiet_distributed_ms
 *   a remote parent is missing, and mostly comes       remote_parent_ms
 *   a local parent is missing, or no span is there     open_ms
 *   late, after it was waited for once                 quiet_distributed_ms, else quiet_ms
 *   log records of an agent's turn alone               quiet_logs_ms; 20 times when one is due
 *   any                                                at most max_wait_ms from its first
 *
 * A pure function of configuration and facts, with no clock of its own: the same facts give the
 * same deadline in a test, in a replay and in two shards. A late trace has no rows for what is
 * missing, because what it misses has left before it.
 */
#include "assembly/hold/completion.h"

#include "base/banned.h"

struct decision {
    uint64_t wait_ms;
    enum nv_wait wait;
};

static void raise_to(struct decision *decision, bool applies, uint64_t wait_ms,
                     enum nv_wait wait)
{
    if (applies && wait_ms > decision->wait_ms)
        *decision = (struct decision){wait_ms, wait};
}

static uint64_t after(uint64_t from_ns, uint64_t wait_ms)
{
    if (wait_ms > (UINT64_MAX - from_ns) / NV_NS_PER_MS)
        return UINT64_MAX;
    return from_ns + wait_ms * NV_NS_PER_MS;
}

static struct decision longest(const struct nv_assembly_config *config,
                               const struct nv_trace_facts *facts)
{
    struct decision decision = {config->quiet_ms, NV_WAIT_QUIET};
    if (facts->records) {
        decision.wait = NV_WAIT_RECORDS;
        raise_to(&decision, true, config->quiet_logs_ms, NV_WAIT_RECORDS);
        raise_to(&decision, facts->due, config->quiet_logs_ms * NV_RECORDS_DUE_FACTOR,
                 NV_WAIT_RECORDS);
        return decision;
    }
    if (facts->late) {
        raise_to(&decision, facts->late_after_waiting, config->quiet_distributed_ms,
                 NV_WAIT_DISTRIBUTED);
        return decision;
    }
    raise_to(&decision, facts->logs, config->quiet_logs_ms, NV_WAIT_LOGS);
    raise_to(&decision, facts->several_services || facts->distributed,
             config->quiet_distributed_ms, NV_WAIT_DISTRIBUTED);
    raise_to(&decision, facts->missing_remote, config->remote_parent_ms, NV_WAIT_REMOTE_PARENT);
    raise_to(&decision, facts->missing_local || !facts->spans, config->open_ms, NV_WAIT_OPEN);
    return decision;
}

static enum nv_incomplete missing(const struct nv_trace_facts *facts)
{
    if (facts->late || facts->records)
        return NV_COMPLETE;
    if (!facts->root)
        return NV_INCOMPLETE_ROOT;
    if (facts->missing_local || facts->missing_remote || facts->missing_unlikely)
        return NV_INCOMPLETE_PARENT;
    return NV_COMPLETE;
}

struct nv_completion nv_completion_decide(const struct nv_assembly_config *config,
                                          const struct nv_trace_facts *facts)
{
    struct decision decision = longest(config, facts);
    struct nv_completion completion = {.deadline_ns = after(facts->last_ns, decision.wait_ms),
                                       .wait = decision.wait,
                                       .incomplete = missing(facts)};
    uint64_t age_ns = after(facts->first_ns, config->max_wait_ms);
    if (age_ns < completion.deadline_ns) {
        completion.deadline_ns = age_ns;
        completion.wait = NV_WAIT_AGE;
        completion.incomplete = NV_INCOMPLETE_CUT;
    }
    return completion;
}
