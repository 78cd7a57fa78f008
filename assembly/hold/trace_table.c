/*
 * Open traces (trace_table.h).
 *
 * Most traces come in one or two requests: the array of a trace is made exactly as large as its
 * first request needs and grows by half from there. Nothing is looked up when items are added;
 * duplicates and missing parents are found when the trace's timer fires (facts.c), so that a
 * span costs the same in a small and in a large trace.
 *
 *   held  [ RUN | item | item ]  full ──▶ room for half as many more, moved whole
 *
 * Items are found by their place and never by a pointer, so that the array may move; the index
 * of the last run is kept, for nearly every arrival continues it.
 */
#include "assembly/hold/trace_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/banned.h"

/* Back from the last: services that send a trace in turn are fewer. */
#define RUNS_LOOKED_AT 16

/* What malloc adds to a block; for budgets only. */
#define MALLOC_OVERHEAD 16u

static_assert(sizeof(union nv_held) == 24, "an item is 24 bytes: 800,000 must fit in 20 MB");

void nv_trace_table_init(struct nv_trace_table *table)
{
    nv_index_init(&table->index);
    table->bytes = 0;
    table->owner = (struct nv_owner){0};
}

void nv_trace_table_release(struct nv_trace_table *table)
{
    assert(nv_owner_is_mine(&table->owner));
    assert(table->index.count == 0);
    nv_index_release(&table->index);
}

static uint64_t id_hash(const uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    return nv_str_hash((struct nv_str){(const char *)trace_id, NV_TRACE_ID_BYTES});
}

static bool id_eq(const void *item, const void *key)
{
    return memcmp(((const struct nv_open_trace *)item)->trace_id, key, NV_TRACE_ID_BYTES) == 0;
}

struct nv_open_trace *nv_trace_table_find(const struct nv_trace_table *table,
                                          const uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    assert(nv_owner_is_mine(&table->owner));
    return nv_index_find(&table->index, id_hash(trace_id), id_eq, trace_id);
}

struct nv_open_trace *nv_trace_table_open(struct nv_trace_table *table,
                                          const uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    assert(nv_owner_is_mine(&table->owner));
    struct nv_open_trace *trace = calloc(1, sizeof *trace);
    if (!trace)
        return NULL;
    memcpy(trace->trace_id, trace_id, NV_TRACE_ID_BYTES);
    if (nv_index_add(&table->index, id_hash(trace_id), trace)) {
        free(trace);
        return NULL;
    }
    table->bytes += sizeof *trace + MALLOC_OVERHEAD;
    return trace;
}

static size_t held_bytes(const struct nv_open_trace *trace)
{
    return trace->capacity ? trace->capacity * sizeof trace->held[0] + MALLOC_OVERHEAD : 0;
}

void nv_trace_table_close(struct nv_trace_table *table, struct nv_open_trace *trace)
{
    assert(nv_owner_is_mine(&table->owner));
    nv_index_remove(&table->index, id_hash(trace->trace_id), trace);
    table->bytes -= held_bytes(trace) + sizeof *trace + MALLOC_OVERHEAD;
    free(trace->held);
    free(trace);
}

enum nv_err nv_open_trace_reserve(struct nv_trace_table *table, struct nv_open_trace *trace,
                                  uint32_t items)
{
    assert(nv_owner_is_mine(&table->owner));
    /* Each item may open a run of its own when a request's groups alternate. */
    uint64_t need = (uint64_t)trace->used + items + 1;
    if (need <= trace->capacity)
        return NV_OK;
    uint64_t capacity = (uint64_t)trace->used + trace->used / 2;
    if (capacity < need)
        capacity = need;
    if (capacity > UINT32_MAX / 2)
        return NV_ERR_NO_MEMORY;
    union nv_held *held = realloc(trace->held, capacity * sizeof *held);
    if (!held)
        return NV_ERR_NO_MEMORY;
    table->bytes -= held_bytes(trace);
    trace->held = held;
    trace->capacity = (uint32_t)capacity;
    table->bytes += held_bytes(trace);
    return NV_OK;
}

uint64_t nv_open_trace_group_bytes(const struct nv_open_trace *trace,
                                   const struct nv_shared_group *group)
{
    bool resource = false;
    uint32_t at = trace->last_run;
    for (int i = 0; i < RUNS_LOOKED_AT && trace->used > 0; i++) {
        const struct nv_held_run *run = &trace->held[at].run;
        const struct nv_shared_group *other = run->request->groups[run->group];
        if (other == group)
            return 0;
        resource = resource || other->resource == group->resource;
        if (run->before == at)
            break;
        at = run->before;
    }
    return group->len + (resource ? 0 : group->resource->len);
}

static void begin_run(struct nv_open_trace *trace, struct nv_request *request, uint32_t group)
{
    uint32_t before = trace->used > 0 ? trace->last_run : 0;
    uint64_t more = nv_open_trace_group_bytes(trace, request->groups[group]);
    uint64_t room = UINT32_MAX - trace->group_bytes;
    trace->group_bytes += (uint32_t)(more < room ? more : room);
    nv_request_ref(request);
    trace->last_run = trace->used++;
    trace->held[trace->last_run].run =
        (struct nv_held_run){.request = request, .group = group, .count = 0, .before = before};
}

void nv_open_trace_add(struct nv_open_trace *trace, struct nv_request *request,
                       const struct nv_arrival *arrival, uint64_t now_ns)
{
    struct nv_held_run *run = trace->used ? &trace->held[trace->last_run].run : NULL;
    assert(trace->used < trace->capacity);
    if (!run) {
        trace->first_ns = now_ns;
        trace->first_ordinal = arrival->ordinal;
    }
    if (!run || run->request != request || run->group != arrival->group)
        begin_run(trace, request, arrival->group);
    assert(trace->used < trace->capacity);
    trace->held[trace->last_run].run.count++;
    trace->held[trace->used++].item = arrival->item;
    trace->last_ordinal = arrival->ordinal;
    trace->last_ns = now_ns;
    trace->bytes += arrival->item.length;
    trace->item_count++;
    if (nv_held_is_span(request->signal, &arrival->item))
        trace->span_count++;
    else if (arrival->item.check & NV_HELD_MARK)
        trace->record_flags |= NV_ITEM_MARK;
    else
        trace->record_flags |= arrival->item.parent;
}

struct nv_place nv_open_trace_first(const struct nv_open_trace *trace)
{
    assert(trace->used > 0);
    return (struct nv_place){trace->held[0].run.request->record_id, trace->first_ordinal};
}

struct nv_place nv_open_trace_last(const struct nv_open_trace *trace)
{
    assert(trace->used > 0);
    return (struct nv_place){trace->held[trace->last_run].run.request->record_id,
                             trace->last_ordinal};
}

struct nv_held_item *nv_held_next(const struct nv_open_trace *trace,
                                  struct nv_held_cursor *cursor)
{
    if (cursor->left == 0) {
        if (cursor->next >= trace->used)
            return NULL;
        cursor->run = &trace->held[cursor->next++].run;
        cursor->left = cursor->run->count;
        assert(cursor->left > 0);
    }
    cursor->left--;
    return &trace->held[cursor->next++].item;
}
