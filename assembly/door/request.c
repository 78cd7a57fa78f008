/*
 * From a batch to what assembly holds (request.h): the index of its items, by shard.
 *
 * Runs on the thread that accepted the request, so that the journal's one thread has little to
 * do. Each item's bytes are hashed once here: what is read back from the journal later is
 * compared with it, so that a span whose bytes changed on disk is never delivered.
 *
 * A SERVER or CONSUMER span without flags counts as having a remote parent: the OpenTelemetry
 * trace specification (SpanKind) says that its parent is a remote CLIENT or PRODUCER. All
 * others without flags are taken as local, which waits longer.
 *
 *   batch ─▶ request (groups shared, body taken) ─┬─▶ arrivals of shard 0: trace, item, hash
 *           refs: 1 of who prepares               ├─▶ arrivals of shard 2       one ref each
 *                                                 └─▶ and one of each trace that holds an item
 *
 * A request's body goes when the last reference does: by then each of its traces was handed on
 * and settled, or its bytes are in the journal alone.
 *
 * Two blocks, because they live differently long: what is to be held of the items is read by a
 * shard within milliseconds, the request stays until its traces are settled, minutes perhaps.
 * The second is of one size for most, and comes back as often as it goes: it is kept for the
 * next request (groups.c), so that accepting one asks the allocator once.
 */
#include "assembly/door/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/banned.h"

/* The 8 bytes of an id as a number, for comparing. */
static uint64_t id_number(const uint8_t span_id[NV_SPAN_ID_BYTES])
{
    uint64_t number;
    memcpy(&number, span_id, sizeof number);
    return number;
}

uint32_t nv_span_id_fold(uint64_t span_id)
{
    /* Fibonacci hashing: ids that differ in few bits, as counters do, spread all the same. */
    return (uint32_t)((span_id * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

uint32_t nv_held_check(struct nv_str bytes)
{
    /* 26 bits are left: enough to find damage, and nothing that an attacker could use, since
     * the journal is ours */
    return (uint32_t)nv_str_hash(bytes) & ~(uint32_t)NV_HELD_FLAGS;
}

uint32_t nv_shard_of(const uint8_t trace_id[NV_TRACE_ID_BYTES], uint32_t shard_count)
{
    if (shard_count <= 1)
        return 0;
    /* Other bits than the tables use, or a shard's table would see every n-th place only. */
    return (uint32_t)(nv_str_hash((struct nv_str){(const char *)trace_id, NV_TRACE_ID_BYTES}) >>
                      40) %
           shard_count;
}

void nv_request_ref(struct nv_request *request)
{
    atomic_fetch_add_explicit(&request->refs, 1, memory_order_relaxed);
}

bool nv_request_unref(struct nv_request *request)
{
    unsigned before = atomic_fetch_sub_explicit(&request->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    return before == 1;
}

void nv_request_free(struct nv_groups *groups, struct nv_request *request)
{
    if (!request)
        return;
    for (uint32_t i = 0; i < request->group_count; i++)
        nv_groups_drop(groups, request->groups[i]);
    free(request->body);
    free((void *)(uintptr_t)request->project.ptr);
    if (!nv_groups_keep_spare(groups, request))
        free(request);
}

void nv_request_let_go(struct nv_assembly *assembly, struct nv_request *request)
{
    if (!nv_request_unref(request))
        return;
    atomic_fetch_sub(&assembly->memory, nv_request_bytes(request));
    if (!nv_claims_hold_requests(assembly) || atomic_load(&request->keep)) {
        nv_request_free(&assembly->groups, request);
        return;
    }
    /* On a list for the committer and not released here: shards and the exporter come this way,
     * and neither may wait for the journal's locks, nor release before the note is on disk. */
    pthread_mutex_lock(&assembly->lock);
    request->next = assembly->released;
    assembly->released = request;
    pthread_mutex_unlock(&assembly->lock);
}

size_t nv_request_bytes(const struct nv_request *request)
{
    return sizeof *request + request->group_room * sizeof request->groups[0] +
           request->project.len + (request->body ? request->body_len : 0);
}

static bool id_is_zero(const uint8_t *id, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (id[i] != 0)
            return false;
    }
    return true;
}

/* Six facts in the low bits of the check: items are held by the hundred thousand, and a field
 * of their own would be 4 bytes more each. */
static uint32_t held_flags(const struct nv_item *item)
{
    uint32_t flags = 0;
    /* its own parent is nobody's child; two that share an id are told apart when it is
     * gathered */
    if (item->flags & NV_ITEM_HAS_PARENT &&
        memcmp(item->parent_id, item->span_id, NV_SPAN_ID_BYTES) != 0)
        flags |= NV_HELD_PARENT;
    if (item->flags & NV_ITEM_CLIENT)
        flags |= NV_HELD_CALLER;
    if (item->flags & NV_ITEM_SERVER)
        flags |= NV_HELD_SERVED;
    if (item->end_ns != 0)
        flags |= NV_HELD_ENDED;
    if (item->flags & NV_ITEM_MARK)
        flags |= NV_HELD_MARK;
    if (item->flags & NV_ITEM_PARENT_KNOWN_REMOTE)
        flags |= NV_HELD_REMOTE;
    else if (item->flags & NV_ITEM_SERVER && !(item->flags & NV_ITEM_PARENT_KNOWN_LOCAL))
        flags |= NV_HELD_REMOTE;
    return flags;
}

static void fill(struct nv_arrival *arrival, const struct nv_batch *batch, uint32_t ordinal)
{
    const struct nv_item *item = &batch->items[ordinal];
    assert((size_t)item->offset + item->length <= batch->body_len);
    assert(item->group < batch->group_count);
    memcpy(arrival->trace_id, item->trace_id, sizeof arrival->trace_id);
    arrival->group = item->group;
    arrival->ordinal = ordinal;
    struct nv_str bytes = {batch->body + item->offset, item->length};
    arrival->item = (struct nv_held_item){
        .span_id = id_number(item->span_id),
        .parent = batch->signal == NV_SIGNAL_LOGS ? item->flags
                                                  : nv_span_id_fold(id_number(item->parent_id)),
        .offset = item->offset,
        .length = item->length,
        .check = nv_held_check(bytes) | held_flags(item),
    };
}

/* What one more arrival adds: itself, the item that is held of it, and mostly no new trace. */
static uint64_t arrival_bytes(const struct nv_arrivals *arrivals)
{
    const struct nv_arrival *last = &arrivals->items[arrivals->count - 1];
    bool same = arrivals->count > 1 &&
                memcmp(last->trace_id, (last - 1)->trace_id, NV_TRACE_ID_BYTES) == 0;
    return sizeof *last + sizeof last->item + (same ? 0 : NV_OPEN_TRACE_BYTES);
}

/* Counts the items of each shard into counts[shard]; items without trace are left out. */
static uint32_t count_items(const struct nv_batch *batch, uint32_t shard_count,
                            uint32_t *counts)
{
    uint32_t unused = 0;
    for (uint32_t i = 0; i < batch->item_count; i++) {
        const uint8_t *id = batch->items[i].trace_id;
        if (batch->items[i].flags & NV_ITEM_LEFT_OUT)
            continue;
        if (id_is_zero(id, NV_TRACE_ID_BYTES))
            unused++;
        else
            counts[nv_shard_of(id, shard_count)]++;
    }
    return unused;
}

/* Lays out the block: a head for each shard that has items, and their items behind all. */
static enum nv_err new_prepared(const uint32_t *counts, uint32_t shard_count,
                                struct nv_request *request, struct nv_prepared **out)
{
    size_t shards = 0;
    size_t items = 0;
    for (uint32_t shard = 0; shard < shard_count; shard++) {
        shards += counts[shard] > 0;
        items += counts[shard];
    }
    struct nv_prepared *prepared =
        malloc(sizeof *prepared + shards * sizeof(struct nv_arrivals) +
               items * sizeof(struct nv_arrival));
    if (!prepared)
        return NV_ERR_NO_MEMORY;
    *prepared = (struct nv_prepared){.request = request};
    struct nv_arrivals *heads = (struct nv_arrivals *)(void *)(prepared + 1);
    struct nv_arrival *place = (struct nv_arrival *)(void *)(heads + shards);
    for (uint32_t shard = 0; shard < shard_count; shard++) {
        if (counts[shard] == 0)
            continue;
        *heads = (struct nv_arrivals){.next = prepared->arrivals,
                                      .request = request,
                                      .of = prepared,
                                      .shard = shard,
                                      .items = place};
        nv_request_ref(request);
        prepared->arrivals = heads++;
        place += counts[shard];
    }
    atomic_init(&prepared->refs, 1 + (unsigned)shards);
    *out = prepared;
    return NV_OK;
}

/* Fills the places that were laid out for it. */
static void split(const struct nv_batch *batch, uint32_t shard_count, struct nv_prepared *out)
{
    struct nv_arrivals *by_shard[NV_SHARDS_MAX];
    for (struct nv_arrivals *at = out->arrivals; at; at = at->next)
        by_shard[at->shard] = at;
    for (uint32_t i = 0; i < batch->item_count; i++) {
        if (batch->items[i].flags & NV_ITEM_LEFT_OUT ||
            id_is_zero(batch->items[i].trace_id, NV_TRACE_ID_BYTES))
            continue;
        struct nv_arrivals *to = by_shard[nv_shard_of(batch->items[i].trace_id, shard_count)];
        fill(&to->items[to->count++], batch, i);
        to->bytes += arrival_bytes(to);
        out->spans += nv_held_is_span(batch->signal, &to->items[to->count - 1].item);
    }
}

static enum nv_err new_request(struct nv_groups *groups, const struct nv_batch *batch,
                               uint64_t now_ns, struct nv_request **out)
{
    struct nv_request *request = nv_groups_take_spare(groups, batch->group_count);
    if (!request)
        return NV_ERR_NO_MEMORY;
    atomic_init(&request->refs, 1);
    request->signal = batch->signal;
    for (uint32_t i = 0; i < batch->group_count; i++) {
        const struct nv_group *group = &batch->groups[i];
        bool first = i == 0;
        struct nv_shared_group *shared =
            nv_groups_share(groups, group, first ? NULL : group - 1,
                            first ? NULL : request->groups[i - 1], batch->client, now_ns);
        if (!shared) {
            nv_request_free(groups, request);
            return NV_ERR_NO_MEMORY;
        }
        request->groups[request->group_count++] = shared;
    }
    *out = request;
    return NV_OK;
}

enum nv_err nv_request_prepare(struct nv_groups *groups, struct nv_batch *batch,
                               uint32_t shard_count, uint64_t now_ns, struct nv_prepared **out)
{
    uint32_t counts[NV_SHARDS_MAX] = {0};
    struct nv_request *request;
    assert(shard_count >= 1 && shard_count <= NV_SHARDS_MAX);
    enum nv_err err = new_request(groups, batch, now_ns, &request);
    if (err != NV_OK)
        return err;
    const uint32_t unused = count_items(batch, shard_count, counts);
    err = new_prepared(counts, shard_count, request, out);
    if (err != NV_OK) {
        nv_request_free(groups, request);
        return err;
    }
    (*out)->unused = unused;
    split(batch, shard_count, *out);
    /* Last, so that a failure leaves the batch whole to who gave it. */
    request->body = batch->body;
    request->body_len = (uint32_t)batch->body_len;
    request->project = batch->project;
    batch->body = NULL;
    batch->project = (struct nv_str){NULL, 0};
    return NV_OK;
}

void nv_prepared_let_go(struct nv_prepared *prepared)
{
    unsigned before = atomic_fetch_sub_explicit(&prepared->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1)
        free(prepared);
}

void nv_arrivals_free(struct nv_arrivals *arrivals)
{
    if (arrivals->of)
        nv_prepared_let_go(arrivals->of);
    else
        free(arrivals);
}

uint64_t nv_prepared_bytes(const struct nv_prepared *prepared)
{
    uint64_t bytes = 0;
    for (const struct nv_arrivals *at = prepared->arrivals; at; at = at->next)
        bytes += at->bytes;
    return bytes;
}

void nv_prepared_release(struct nv_groups *groups, struct nv_prepared *prepared)
{
    while (prepared->arrivals) {
        struct nv_arrivals *arrivals = prepared->arrivals;
        prepared->arrivals = arrivals->next;
        bool last = nv_request_unref(arrivals->request);
        assert(!last);
        (void)last;
        nv_arrivals_free(arrivals);
    }
    if (nv_request_unref(prepared->request))
        nv_request_free(groups, prepared->request);
    nv_prepared_let_go(prepared);
}
