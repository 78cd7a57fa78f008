/*
 * What is seen of a trace: the eyes of completion.c.
 *
 * Runs when a trace's timer fires, not when spans come: at most about once each quiet_ms a
 * trace. A parent counts as come when its id, folded to 32 bits, is among the trace's; a false
 * match, one in four thousand millions a pair, would at worst send a trace before its waiting
 * was over.
 *
 * Small traces are searched straight, large ones through a sorted copy of the ids.
 *
 *   item ──parent?──no──▶ root
 *             │ yes
 *             ├─ parent's id among the trace's ──▶ nothing is missing
 *             ├─ not remote ─────────────────────▶ missing_local     its own process sends it soon
 *             ├─ remote, service known for none ─▶ missing_unlikely  not worth waiting for
 *             └─ remote ─────────────────────────▶ missing_remote    another process, another path
 *
 * What is learned is the other way round and only when the trace has left: a remote parent that
 * came forgives its service all those that did not, one that was waited for in vain does not
 * stand alone (services.c says how often). A late trace teaches nothing of parents: its own may
 * have left with an earlier part.
 */
#include "assembly/hold/facts.h"

#include <assert.h>
#include <stdlib.h>
#include "base/banned.h"

#define STRAIGHT_MAX 16u

struct id_set {
    const uint32_t *ids;
    uint32_t count;
};

static int compare_ids(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static struct id_set span_ids(const struct nv_open_trace *trace, uint32_t *scratch)
{
    struct nv_held_cursor cursor = {0};
    struct nv_held_item *item;
    uint32_t count = 0;
    while ((item = nv_held_next(trace, &cursor)) != NULL) {
        if (nv_held_is_span(cursor.run->request->signal, item))
            scratch[count++] = nv_span_id_fold(item->span_id);
    }
    assert(count == trace->span_count);
    if (count > STRAIGHT_MAX)
        qsort(scratch, count, sizeof *scratch, compare_ids);
    return (struct id_set){scratch, count};
}

static bool has_id(struct id_set set, uint32_t id)
{
    if (set.count > STRAIGHT_MAX)
        return bsearch(&id, set.ids, set.count, sizeof id, compare_ids) != NULL;
    for (uint32_t i = 0; i < set.count; i++) {
        if (set.ids[i] == id)
            return true;
    }
    return false;
}

static uint32_t service_of(struct nv_services *services, const struct nv_held_run *run,
                           uint64_t now_ns)
{
    return nv_group_service(services, run->request->groups[run->group], now_ns);
}

/* Facts of the services: how many, and what is known of each. */
static unsigned read_services(struct nv_services *services, const struct nv_open_trace *trace,
                              uint64_t now_ns, struct nv_trace_facts *out)
{
    unsigned all = 0;
    uint32_t last = UINT32_MAX;
    uint32_t first = service_of(services, &trace->held[0].run, now_ns);
    for (uint32_t i = 0; i < trace->used; i = nv_held_run_after(trace, i)) {
        uint32_t service = service_of(services, &trace->held[i].run, now_ns);
        if (service == last)
            continue;
        last = service;
        out->several_services |= service != first;
        all |= nv_services_known(services, service, now_ns);
    }
    out->distributed = all & NV_LEARNED_DISTRIBUTED;
    out->logs = all & NV_LEARNED_LOGS;
    return all;
}

static void note_missing(struct nv_services *services, const struct nv_held_run *run,
                         const struct nv_held_item *item, uint64_t now_ns,
                         struct nv_trace_facts *out)
{
    if (!(item->check & NV_HELD_REMOTE))
        out->missing_local = true;
    else if (nv_services_known(services, service_of(services, run, now_ns), now_ns) &
             NV_LEARNED_NO_REMOTE)
        out->missing_unlikely = true;
    else
        out->missing_remote = true;
}

/* Is a record of the turn still to come? By the last one, or because a tool that was let run
 * has not told of its end. */
static bool record_due(const struct nv_open_trace *trace, uint32_t *scratch)
{
    struct nv_held_cursor cursor = {0};
    struct nv_held_item *item;
    struct id_set closed = {scratch, 0};
    bool due = false;
    while ((item = nv_held_next(trace, &cursor)) != NULL) {
        due = (item->parent & NV_ITEM_DUE) != 0;
        if (item->parent & NV_ITEM_CLOSES)
            scratch[closed.count++] = nv_span_id_fold(item->span_id);
    }
    if (closed.count > STRAIGHT_MAX)
        qsort(scratch, closed.count, sizeof *scratch, compare_ids);
    cursor = (struct nv_held_cursor){0};
    while (!due && (item = nv_held_next(trace, &cursor)) != NULL) {
        due = (item->parent & NV_ITEM_OPENS) != 0 &&
              !has_id(closed, nv_span_id_fold(item->span_id));
    }
    return due;
}

void nv_facts_read(struct nv_services *services, const struct nv_open_trace *trace,
                   uint32_t *scratch, uint64_t now_ns, struct nv_trace_facts *out)
{
    assert(trace->used > 0);
    *out = (struct nv_trace_facts){.first_ns = trace->first_ns,
                                   .last_ns = trace->last_ns,
                                   .spans = trace->span_count > 0,
                                   .late = trace->late,
                                   .late_after_waiting = trace->late_after_waiting};
    read_services(services, trace, now_ns, out);
    if (nv_open_trace_is_records(trace)) {
        out->records = true;
        out->due = nv_open_trace_makes(trace) && record_due(trace, scratch);
        return;
    }
    struct id_set ids = span_ids(trace, scratch);
    struct nv_held_cursor cursor = {0};
    struct nv_held_item *item;
    while ((item = nv_held_next(trace, &cursor)) != NULL) {
        if (!nv_held_is_span(cursor.run->request->signal, item))
            continue;
        if (!(item->check & NV_HELD_PARENT))
            out->root = true;
        else if (!has_id(ids, item->parent))
            note_missing(services, cursor.run, item, now_ns, out);
    }
}

/* One service with a missing remote parent, 0 if none; those that came are noted. */
static uint32_t learn_remote(struct nv_services *services, const struct nv_open_trace *trace,
                             struct id_set ids, uint64_t now_ns)
{
    struct nv_held_cursor cursor = {0};
    struct nv_held_item *item;
    uint32_t vain = 0;
    uint32_t came = 0;
    while ((item = nv_held_next(trace, &cursor)) != NULL) {
        if ((~item->check & (NV_HELD_PARENT | NV_HELD_REMOTE)) != 0)
            continue;
        uint32_t service = service_of(services, cursor.run, now_ns);
        if (!has_id(ids, item->parent))
            vain = service;
        else if (service != came)
            nv_services_remote_came(services, came = service, now_ns);
    }
    if (vain != 0)
        nv_services_learn(services, vain, NV_LEARNED_NO_REMOTE, now_ns);
    return vain;
}

uint32_t nv_facts_learn(struct nv_services *services, const struct nv_open_trace *trace,
                        uint32_t *scratch, uint64_t now_ns)
{
    struct nv_trace_facts facts = {0};
    read_services(services, trace, now_ns, &facts);
    for (uint32_t i = 0; i < trace->used; i = nv_held_run_after(trace, i)) {
        const struct nv_held_run *run = &trace->held[i].run;
        unsigned learned = facts.several_services ? NV_LEARNED_DISTRIBUTED : 0;
        if (run->request->signal == NV_SIGNAL_LOGS)
            learned |= NV_LEARNED_LOGS;
        nv_services_learn(services, service_of(services, run, now_ns), learned, now_ns);
    }
    return trace->late ? 0 : learn_remote(services, trace, span_ids(trace, scratch), now_ns);
}
