/*
 * From an open trace to a raw one: its bytes are read, its groups made one list, its
 * repetitions left out.
 *
 * Two spans with the same id: an SDK that got no answer sends its request again, so they are
 * nearly always the same bytes; of two that differ the one that has ended is kept, then the
 * longer, as the one that says more, then the first. Only where one is CLIENT or PRODUCER and
 * another SERVER or CONSUMER both are: Zipkin's two sides of a call share their id (identity.c
 * gives one of them another). Items keep the order they came in.
 *
 * The spans of one trace lie close together in a request, so a run is read as one stretch when
 * not too much of others lies between. What is read is compared with the hash taken on arrival:
 * damage in a stretch costs the spans it is in, which are counted as dead letters, and no
 * others.
 */
#include "assembly/hold/gather.h"
#include "assembly/hold/shard.h"
#include "base/log/log.h"
#include "journal/journal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include "base/banned.h"

/* Beside its bytes, as far as config.work_bytes goes: an honest trace takes four times as
 * much. */
#define WORK_BASE_BYTES (UINT64_C(256) << 10)
/* Measured: 33 for an array of 40,000 tags, 35 and 36 for as many members of metadata and of an
 * input; tests/unit/mapping/engine/test_repeats.c holds the last two. */
#define WORK_FACTOR 40u
/* A span that says nothing takes as much as one that does, beside what it says. */
#define WORK_ITEM_BYTES 1024u
/* From here on a trace is read without much of others' bytes. */
#define LARGE_BYTES (UINT64_C(1) << 20)
/* Lists made while gathering, for each entry of what is held. */
#define ENTRY_BYTES 256u
/* A stretch may hold this much of others' bytes besides its own. */
#define STRETCH_SLACK 4096u

/* Of the arena, for each entry of what is held beside its bytes. */
#define ITEM_BYTES 96u

/* Until it is tried again, doubled so often: 51 s. */
#define RETRY_FIRST_NS (100 * NV_NS_PER_MS)
#define RETRIES_MAX 9

struct gathering {
    struct nv_assembly *assembly;
    const struct nv_open_trace *trace;
    struct nv_raw_trace *raw;
    const struct nv_shared_group **shared; /* of raw->groups */
    uint8_t *left_out;                     /* by number of the item */
    uint32_t damaged;
};

/* ---- duplicates -------------------------------------------------------------------------- */

/* So many are sorted by insertion: 120 comparisons at most. */
#define FEW_SPANS 16u

struct numbered {
    uint64_t span_id;
    uint32_t number;
    uint32_t length;
    uint32_t flags; /* enum nv_held_flags */
};

static int compare_numbered(const void *a, const void *b)
{
    const struct numbered *left = a;
    const struct numbered *right = b;
    if (left->span_id != right->span_id)
        return left->span_id < right->span_id ? -1 : 1;
    if ((left->flags ^ right->flags) & NV_HELD_ENDED)
        return left->flags & NV_HELD_ENDED ? -1 : 1;
    if (left->length != right->length)
        return left->length > right->length ? -1 : 1;
    return left->number < right->number ? -1 : 1;
}

/* Traces are mostly of a few spans, which come nearly in order or are put in their places
 * sooner than qsort has begun. */
static void sort_numbered(struct numbered *spans, uint32_t count)
{
    if (count > FEW_SPANS) {
        qsort(spans, count, sizeof *spans, compare_numbered);
        return;
    }
    for (uint32_t i = 1; i < count; i++) {
        const struct numbered moved = spans[i];
        uint32_t to = i;
        for (; to > 0 && compare_numbered(&spans[to - 1], &moved) > 0; to--)
            spans[to] = spans[to - 1];
        spans[to] = moved;
    }
}

/* Keeps the first of `count` spans of one id, best first, or the first of both sides of a
 * call. */
static uint32_t mark_same(const struct gathering *g, const struct numbered *spans,
                          uint32_t count)
{
    uint32_t caller = UINT32_MAX;
    uint32_t served = UINT32_MAX;
    for (uint32_t i = count; i-- > 0;) {
        if (spans[i].flags & NV_HELD_CALLER)
            caller = i;
        if (spans[i].flags & NV_HELD_SERVED)
            served = i;
    }
    bool both = caller != UINT32_MAX && served != UINT32_MAX;
    for (uint32_t i = 0; i < count; i++)
        g->left_out[spans[i].number] = both ? i != caller && i != served : i != 0;
    return count - (both ? 2 : 1);
}

/* Marks spans whose id another has; returns how many. Spans only: records share their span's
 * id. */
static uint32_t mark_duplicates(const struct gathering *g, struct numbered *spans)
{
    struct nv_held_cursor cursor = {0};
    struct nv_held_item *item;
    uint32_t count = 0;
    uint32_t number = 0;
    for (; (item = nv_held_next(g->trace, &cursor)) != NULL; number++) {
        if (nv_held_is_span(cursor.run->request->signal, item)) {
            spans[count++] = (struct numbered){item->span_id, number, item->length,
                                               item->check & NV_HELD_FLAGS};
        }
    }
    sort_numbered(spans, count);
    uint32_t duplicates = 0;
    uint32_t first = 0;
    for (uint32_t i = 1; i <= count; i++) {
        if (i < count && spans[i].span_id == spans[first].span_id)
            continue;
        if (i - first > 1)
            duplicates += mark_same(g, &spans[first], i - first);
        first = i;
    }
    return duplicates;
}

/* ---- groups ------------------------------------------------------------------------------ */

/* Groups before a new one that are searched for its resource: scopes of one come together. */
#define GROUPS_LOOKED_AT 16u

/* `from` copied to the arena, as a view; false without memory. */
static bool copy_view(struct nv_arena *arena, struct nv_str from, struct nv_str *to)
{
    *to = nv_arena_dup(arena, from);
    return from.len == 0 || to->ptr != NULL;
}

/* A group that has the same resource, or NULL. */
static const struct nv_group *with_resource(const struct gathering *g,
                                            const struct nv_shared_resource *resource)
{
    uint32_t count = g->raw->group_count;
    uint32_t first = count > GROUPS_LOOKED_AT ? count - GROUPS_LOOKED_AT : 0;
    for (uint32_t i = count; i > first; i--) {
        if (g->shared[i - 1]->resource == resource)
            return &g->raw->groups[i - 1];
    }
    return NULL;
}

/* Groups of one resource view one copy of it: translation knows it by that. */
static bool copy_group(const struct gathering *g, const struct nv_shared_group *shared,
                       struct nv_group *out)
{
    struct nv_arena *arena = g->raw->arena;
    const struct nv_group *other = with_resource(g, shared->resource);
    if (other)
        *out = *other;
    else if (!copy_view(arena, shared->group.resource, &out->resource) ||
             !copy_view(arena, shared->group.resource_schema_url, &out->resource_schema_url) ||
             !copy_view(arena, shared->group.service_name, &out->service_name))
        return false;
    return copy_view(arena, shared->group.scope, &out->scope) &&
           copy_view(arena, shared->group.scope_schema_url, &out->scope_schema_url);
}

/* Index of the run's group in the raw trace, added when new; UINT32_MAX without memory. */
static uint32_t group_of(struct gathering *g, const struct nv_held_run *run)
{
    const struct nv_shared_group *shared = run->request->groups[run->group];
    struct nv_raw_trace *raw = g->raw;
    /* From the end: neighbouring runs mostly share their group. */
    for (uint32_t i = raw->group_count; i > 0; i--) {
        if (g->shared[i - 1] == shared)
            return i - 1;
    }
    if (!copy_group(g, shared, &raw->groups[raw->group_count]))
        return UINT32_MAX;
    g->shared[raw->group_count] = shared;
    return raw->group_count++;
}

/* ---- bytes ------------------------------------------------------------------------------- */

static enum nv_err read_bytes(struct nv_assembly *assembly, const struct nv_request *request,
                              size_t offset, size_t len, char *to)
{
    if (!request->body)
        return nv_journal_read_body(assembly->journal, request->record_id, offset, len, to);
    assert(offset + len <= request->body_len);
    memcpy(to, request->body + offset, len);
    return NV_OK;
}

static void add_item(struct gathering *g, const struct nv_held_run *run, uint32_t group,
                     const struct nv_held_item *item, struct nv_str bytes)
{
    struct nv_raw_trace *raw = g->raw;
    /* The door walked the bytes that had this hash; nothing after it checks a span again, so
     * other bytes must not get that far. */
    if (nv_held_check(bytes) != (item->check & ~(uint32_t)NV_HELD_FLAGS)) {
        g->damaged += nv_held_is_span(run->request->signal, item);
        return;
    }
    raw->items[raw->item_count++] =
        (struct nv_raw_item){.bytes = bytes, .group = group, .signal = run->request->signal};
    raw->span_count += nv_held_is_span(run->request->signal, item);
}

/* Where a run's items lie in the body. */
struct stretch {
    uint32_t from;
    uint64_t to;
    uint64_t own;
};

static struct stretch measure(const struct nv_held_run *run, const union nv_held *items)
{
    struct stretch stretch = {.from = UINT32_MAX};
    for (uint32_t i = 0; i < run->count; i++) {
        const struct nv_held_item *item = &items[i].item;
        uint64_t to = (uint64_t)item->offset + item->length;
        stretch.from = item->offset < stretch.from ? item->offset : stretch.from;
        stretch.to = to > stretch.to ? to : stretch.to;
        stretch.own += item->length;
    }
    return stretch;
}

/* The bytes of one item, new in the arena. A failed read leaves zeros: caught by the hash. */
static enum nv_err read_item(struct gathering *g, const struct nv_held_run *run,
                             const struct nv_held_item *item, struct nv_str *out)
{
    char *bytes = nv_arena_alloc(g->raw->arena, item->length);
    if (!bytes)
        return NV_ERR_NO_MEMORY;
    enum nv_err err = read_bytes(g->assembly, run->request, item->offset, item->length, bytes);
    *out = err != NV_OK ? (struct nv_str){NULL, 0} : (struct nv_str){bytes, item->length};
    return NV_OK;
}

/* How much of others' bytes may be read with so many of its own; few for a trace of which the
 * double is much. */
static uint64_t spare_bytes(const struct nv_open_trace *trace, uint64_t own)
{
    return trace->bytes < LARGE_BYTES ? own : own / 16;
}

static enum nv_err gather_run(struct gathering *g, const struct nv_held_run *run,
                              const union nv_held *items, uint32_t number)
{
    uint32_t group = group_of(g, run);
    if (group == UINT32_MAX)
        return NV_ERR_NO_MEMORY;
    struct stretch stretch = measure(run, items);
    size_t len = stretch.to - stretch.from;
    char *whole = NULL;
    if (len <= stretch.own + spare_bytes(g->trace, stretch.own) + STRETCH_SLACK) {
        whole = nv_arena_raw(g->raw->arena, len);
        if (!whole)
            return NV_ERR_NO_MEMORY;
        if (read_bytes(g->assembly, run->request, stretch.from, len, whole))
            whole = NULL;
    }
    for (uint32_t i = 0; i < run->count; i++) {
        const struct nv_held_item *item = &items[i].item;
        if (g->left_out[number + i])
            continue;
        struct nv_str bytes = {whole, item->length};
        if (whole)
            bytes.ptr = whole + (item->offset - stretch.from);
        else if (read_item(g, run, item, &bytes))
            return NV_ERR_NO_MEMORY;
        add_item(g, run, group, item, bytes);
    }
    return NV_OK;
}

static enum nv_err gather_runs(struct gathering *g)
{
    const struct nv_open_trace *trace = g->trace;
    uint32_t number = 0;
    for (uint32_t i = 0; i < trace->used;) {
        const struct nv_held_run *run = &trace->held[i].run;
        enum nv_err err = gather_run(g, run, &trace->held[i + 1], number);
        if (err != NV_OK)
            return err;
        if (g->raw->project.len == 0 && run->request->project.len > 0)
            g->raw->project = nv_arena_dup(g->raw->arena, run->request->project);
        number += run->count;
        i = nv_held_run_after(trace, i);
    }
    return NV_OK;
}

/* ---- the whole --------------------------------------------------------------------------- */

/* Bytes of the trace as it is read, the stretches between its items included. */
static uint64_t raw_bytes(const struct nv_open_trace *trace)
{
    uint64_t runs = trace->used - trace->item_count;
    return trace->bytes + spare_bytes(trace, trace->bytes) + runs * STRETCH_SLACK +
           trace->group_bytes + (uint64_t)trace->used * ENTRY_BYTES;
}

uint64_t nv_gather_need(const struct nv_assembly *assembly, const struct nv_open_trace *trace)
{
    uint64_t read = trace->bytes + trace->group_bytes;
    uint64_t work =
        WORK_BASE_BYTES + read * WORK_FACTOR + (uint64_t)trace->item_count * WORK_ITEM_BYTES;
    uint64_t most = assembly->config.work_bytes;
    return raw_bytes(trace) + (work < most ? work : most);
}

bool nv_work_take(struct nv_shard *shard, uint64_t need, bool first)
{
    assert(nv_shard_is_mine(shard));
    struct nv_account *work = shard->assembly->work;
    if (shard->assembly->inline_mode)
        return true;
    return first ? nv_account_ask(work, shard, need) : nv_account_try_take(work, need);
}

void nv_work_settle(struct nv_assembly *assembly, struct nv_raw_trace *raw, uint64_t need)
{
    if (assembly->inline_mode)
        return;
    if (raw)
        nv_arena_charge(raw->arena, assembly->work, need);
    else
        nv_account_give(assembly->work, need);
}

void nv_gather_later(struct nv_shard *shard, struct nv_open_trace *trace, uint64_t now_ns)
{
    assert(nv_shard_is_mine(shard));
    nv_timers_move(&shard->timers, &trace->timer, now_ns + (RETRY_FIRST_NS << trace->tries));
    if (trace->tries == RETRIES_MAX)
        return;
    if (++trace->tries == RETRIES_MAX) {
        NV_LOG(NV_LOG_ERROR, "assembly",
               "no memory to gather a trace, it waits and is tried every 51 s spans=%" PRIu32,
               trace->span_count);
    }
}

static struct nv_raw_trace *new_raw(const struct nv_assembly *assembly,
                                    const struct nv_open_trace *trace)
{
    struct nv_arena *arena = nv_arena_new(nv_gather_need(assembly, trace));
    if (!arena)
        return NULL;
    nv_arena_expect(arena,
                    trace->bytes + trace->group_bytes + (size_t)trace->used * ITEM_BYTES);
    struct nv_raw_trace *raw = nv_arena_alloc(arena, sizeof *raw);
    if (!raw) {
        nv_arena_free(arena);
        return NULL;
    }
    raw->arena = arena;
    memcpy(raw->trace_id, trace->trace_id, NV_TRACE_ID_BYTES);
    raw->part = trace->part;
    raw->first_ns = trace->first_ns;
    raw->last_ns = trace->last_ns;
    return raw;
}

/*
 * The extent of a trace among its spans and among its log records. Only the request that came
 * last may have been cut in two: of all others the trace holds every item that it has there.
 */
static void set_places(const struct nv_open_trace *trace, struct nv_claim *claim)
{
    struct nv_upstream_part *places = &claim->places;
    memcpy(places->trace_id, trace->trace_id, NV_TRACE_ID_BYTES);
    places->part = trace->part;
    for (uint32_t i = 0; i < trace->used; i = nv_held_run_after(trace, i)) {
        const struct nv_request *request = trace->held[i].run.request;
        struct nv_place *first = &places->first[request->signal];
        if (first->record_id == 0)
            *first = (struct nv_place){request->record_id, 0};
        places->last[request->signal] = (struct nv_place){request->record_id, UINT32_MAX};
    }
    places->first[trace->held[0].run.request->signal] = claim->first;
    places->last[trace->held[trace->last_run].run.request->signal] = claim->last;
}

static struct nv_claim *new_claim(struct nv_assembly *assembly,
                                  const struct nv_open_trace *trace, uint32_t runs)
{
    struct nv_claim *claim = malloc(sizeof *claim + runs * sizeof claim->requests[0]);
    if (!claim)
        return NULL;
    *claim = (struct nv_claim){.assembly = assembly,
                               .part = trace->part,
                               .first = nv_open_trace_first(trace),
                               .last = nv_open_trace_last(trace)};
    memcpy(claim->trace_id, trace->trace_id, NV_TRACE_ID_BYTES);
    set_places(trace, claim);
    for (uint32_t i = 0; i < trace->used; i = nv_held_run_after(trace, i))
        claim->requests[claim->request_count++] = trace->held[i].run.request;
    assert(claim->request_count == runs);
    return claim;
}

static enum nv_err fill(struct gathering *g, uint32_t runs, struct nv_gathered *out)
{
    struct nv_arena *arena = g->raw->arena;
    uint32_t items = g->trace->item_count;
    g->raw->items = nv_arena_array(arena, items, sizeof *g->raw->items);
    g->raw->groups = nv_arena_array(arena, runs, sizeof *g->raw->groups);
    g->shared = nv_arena_array(arena, runs, sizeof(struct nv_shared_group *));
    g->left_out = nv_arena_alloc(arena, items);
    struct numbered *spans = nv_arena_array(arena, g->trace->span_count, sizeof *spans);
    if (!g->raw->items || !g->raw->groups || !g->shared || !g->left_out || !spans)
        return NV_ERR_NO_MEMORY;
    out->duplicates = mark_duplicates(g, spans);
    return gather_runs(g);
}

enum nv_err nv_gather(struct nv_assembly *assembly, const struct nv_open_trace *trace,
                      enum nv_incomplete incomplete, struct nv_gathered *out)
{
    uint32_t runs = 0;
    for (uint32_t i = 0; i < trace->used; i = nv_held_run_after(trace, i))
        runs++;
    *out = (struct nv_gathered){.raw = new_raw(assembly, trace)};
    struct gathering g = {.assembly = assembly, .trace = trace, .raw = out->raw};
    enum nv_err err = out->raw ? fill(&g, runs, out) : NV_ERR_NO_MEMORY;
    out->claim = err != NV_OK ? NULL : new_claim(assembly, trace, runs);
    if (!out->claim) {
        if (out->raw)
            nv_arena_free(out->raw->arena);
        return NV_ERR_NO_MEMORY;
    }
    out->damaged = g.damaged;
    out->raw->incomplete = incomplete;
    out->raw->of_records = nv_open_trace_makes(trace);
    out->raw->is_turn = (trace->record_flags & NV_ITEM_TURNS) != 0;
    /* Log records alone are no trace. The claim remains: it lets their requests go. */
    if (out->raw->span_count == 0 && !out->raw->of_records) {
        nv_arena_free(out->raw->arena);
        out->raw = NULL;
    }
    return NV_OK;
}
