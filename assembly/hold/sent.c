/*
 * The memory of sent traces (sent.h).
 *
 * Two tiers, because the two questions live differently long: "has this id been used at the
 * backend?" must be answered for an hour of traffic and costs 8 to 16 bytes a trace; "is this
 * span a repetition, and what was the trace called?" matters for as long as clients retry. The
 * older tier is a ring of hash sets, each collecting for a quarter of the time; the oldest is
 * dropped whole, so nothing is ever deleted from one. A collision of 56 bits would only give a
 * trace the number of a linked part. The older tier is no index.h: that one holds pointers
 * to items, 12 bytes a slot and the item besides, where here the slot is all there is.
 *
 *   recent   id ─▶ entry: names, span ids, parts     a list by age, the oldest falls out ─┐
 *   older    [q0][q1][q2][q3]  hash ─▶ parts         one collects, the next is dropped  ◀─┘
 *                   ▲ current
 *
 * Why it is kept at all: the backend keeps what came first under a trace id and ignores the
 * rest (docs/noveum-backend.md). A late span goes out under an id of its own, made of the
 * number of its part.
 */
#include "assembly/hold/sent.h"
#include "assembly/door/request.h"
#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/banned.h"

/* A slot is 56 bits of the hash and 8 of the number of parts; 255 stands for that many or
 * more. */
#define PARTS_MASK UINT64_C(0xff)
#define OLD_FIRST 256u

static uint64_t id_hash(const uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    return nv_str_hash((struct nv_str){(const char *)trace_id, NV_TRACE_ID_BYTES});
}

static bool id_eq(const void *item, const void *key)
{
    return memcmp(((const struct nv_sent_trace *)item)->trace_id, key, NV_TRACE_ID_BYTES) == 0;
}

/* One more than the division gives: a small `max` must not make generations that hold
 * nothing. */
void nv_sent_init(struct nv_sent *sent, uint32_t max, size_t bytes_max, uint64_t ttl_ns)
{
    memset(sent, 0, sizeof *sent);
    sent->bytes_max = bytes_max;
    sent->recent_max = max < NV_SENT_RECENT_MAX ? max : NV_SENT_RECENT_MAX;
    if (sent->recent_max == 0)
        sent->recent_max = 1;
    sent->old_max = max / NV_SENT_GENERATIONS + 1;
    sent->generation_ns = ttl_ns / NV_SENT_GENERATIONS + 1;
}

static size_t entry_bytes(const struct nv_sent_trace *entry)
{
    return sizeof *entry + entry->span_count * sizeof *entry->span_ids + entry->name_len +
           entry->session_len + entry->user_len;
}

static void free_entry(struct nv_sent *sent, struct nv_sent_trace *entry)
{
    sent->bytes -= entry_bytes(entry);
    free(entry->span_ids);
    free(entry->text);
    free(entry);
}

void nv_sent_release(struct nv_sent *sent)
{
    assert(nv_owner_is_mine(&sent->owner));
    while (sent->oldest) {
        struct nv_sent_trace *entry = sent->oldest;
        sent->oldest = entry->newer;
        free_entry(sent, entry);
    }
    nv_index_release(&sent->index);
    for (unsigned i = 0; i < NV_SENT_GENERATIONS; i++)
        free(sent->old[i].slots);
    memset(sent->old, 0, sizeof sent->old);
    sent->newest = NULL;
}

/* ---- older ------------------------------------------------------------------------------- */

/* The upper half of the hash chooses the slot and the lower bits give way to the number of
 * parts, so that both are independent. Ends: a quarter of the slots is always empty. */
static uint64_t *old_slot(const struct nv_sent_old *old, uint64_t hash)
{
    uint64_t key = hash | PARTS_MASK;
    uint32_t mask = old->capacity - 1;
    uint32_t i = (uint32_t)(hash >> 32) & mask;
    while (old->slots[i] != 0 && (old->slots[i] | PARTS_MASK) != key)
        i = (i + 1) & mask;
    return &old->slots[i];
}

/* Newest first: an id that was noted again has more parts there. */
static uint32_t old_parts(const struct nv_sent *sent, uint64_t hash)
{
    for (unsigned i = 0; i < NV_SENT_GENERATIONS; i++) {
        const struct nv_sent_old *old =
            &sent->old[(sent->current + NV_SENT_GENERATIONS - i) % NV_SENT_GENERATIONS];
        if (old->count == 0)
            continue;
        uint64_t slot = *old_slot(old, hash);
        if (slot != 0)
            return (uint32_t)(slot & PARTS_MASK);
    }
    return 0;
}

static bool old_grow(struct nv_sent_old *old)
{
    struct nv_sent_old larger = *old;
    larger.capacity = old->capacity ? old->capacity * 2 : OLD_FIRST;
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (uint32_t i = 0; i < old->capacity; i++) {
        if (old->slots[i] != 0)
            *old_slot(&larger, old->slots[i]) = old->slots[i];
    }
    free(old->slots);
    *old = larger;
    return true;
}

/* The generation that collects now; moves on when it is old or full. */
static struct nv_sent_old *old_current(struct nv_sent *sent, uint64_t now_ns)
{
    struct nv_sent_old *old = &sent->old[sent->current];
    if (old->count == 0)
        old->begun_ns = now_ns;
    if (now_ns - old->begun_ns < sent->generation_ns && old->count < sent->old_max)
        return old;
    sent->current = (sent->current + 1) % NV_SENT_GENERATIONS;
    old = &sent->old[sent->current];
    free(old->slots);
    *old = (struct nv_sent_old){.begun_ns = now_ns};
    return old;
}

static void old_note(struct nv_sent *sent, uint64_t hash, uint32_t parts, uint64_t now_ns)
{
    struct nv_sent_old *old = old_current(sent, now_ns);
    /* without memory the id is forgotten: a late span of it would be ignored by the backend,
     * and the shard goes on */
    if (old->count >= old->capacity / 4 * 3 && !old_grow(old))
        return;
    uint64_t *slot = old_slot(old, hash);
    old->count += *slot == 0;
    *slot = (hash & ~PARTS_MASK) | (parts < PARTS_MASK ? parts : PARTS_MASK);
}

/* ---- recent ------------------------------------------------------------------------------ */

static void unlink_entry(struct nv_sent *sent, struct nv_sent_trace *entry)
{
    *(entry->newer ? &entry->newer->older : &sent->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &sent->oldest) = entry->newer;
}

static void link_newest(struct nv_sent *sent, struct nv_sent_trace *entry)
{
    entry->newer = NULL;
    entry->older = sent->newest;
    *(sent->newest ? &sent->newest->newer : &sent->oldest) = entry;
    sent->newest = entry;
}

/* Into the older tier, so that its id stays known. */
static void evict_oldest(struct nv_sent *sent, uint64_t now_ns)
{
    struct nv_sent_trace *entry = sent->oldest;
    uint64_t hash = id_hash(entry->trace_id);
    old_note(sent, hash, entry->next_part, now_ns);
    nv_index_remove(&sent->index, hash, entry);
    unlink_entry(sent, entry);
    free_entry(sent, entry);
}

/* Counts `more` bytes of `entry`; the oldest go for it, never itself. */
static void count_bytes(struct nv_sent *sent, const struct nv_sent_trace *entry, size_t more)
{
    sent->bytes += more;
    while (sent->bytes > sent->bytes_max && sent->oldest != entry)
        evict_oldest(sent, entry->sent_ns);
}

struct nv_sent_trace *nv_sent_find(const struct nv_sent *sent,
                                   const uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    assert(nv_owner_is_mine(&sent->owner));
    return nv_index_find(&sent->index, id_hash(trace_id), id_eq, trace_id);
}

uint32_t nv_sent_parts(const struct nv_sent *sent, const uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    assert(nv_owner_is_mine(&sent->owner));
    const struct nv_sent_trace *entry = nv_sent_find(sent, trace_id);
    return entry ? entry->next_part : old_parts(sent, id_hash(trace_id));
}

static struct nv_sent_trace *add_entry(struct nv_sent *sent,
                                       const uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    uint64_t hash = id_hash(trace_id);
    struct nv_sent_trace *entry = calloc(1, sizeof *entry);
    if (!entry || nv_index_add(&sent->index, hash, entry)) {
        free(entry);
        return NULL;
    }
    memcpy(entry->trace_id, trace_id, NV_TRACE_ID_BYTES);
    entry->next_part = old_parts(sent, hash);
    sent->bytes += sizeof *entry;
    return entry;
}

struct nv_sent_trace *nv_sent_note(struct nv_sent *sent,
                                   const uint8_t trace_id[NV_TRACE_ID_BYTES], uint32_t part,
                                   uint64_t now_ns)
{
    assert(nv_owner_is_mine(&sent->owner));
    struct nv_sent_trace *entry = nv_sent_find(sent, trace_id);
    if (entry) {
        unlink_entry(sent, entry);
    } else {
        if (sent->index.count >= sent->recent_max)
            evict_oldest(sent, now_ns);
        entry = add_entry(sent, trace_id);
        /* Without memory for names and spans the id alone still keeps it from being used
         * again. */
        if (!entry) {
            old_note(sent, id_hash(trace_id), part + 1, now_ns);
            return NULL;
        }
    }
    link_newest(sent, entry);
    entry->sent_ns = now_ns;
    if (part + 1 > entry->next_part)
        entry->next_part = part + 1;
    count_bytes(sent, entry, 0);
    return entry;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Sorted keys without those that are known or stand there twice; how many are left. */
static uint32_t keep_new(const struct nv_sent_trace *entry, uint64_t *keys, uint32_t count)
{
    uint32_t kept = 0;
    uint32_t known = 0;
    for (uint32_t i = 0; i < count; i++) {
        while (known < entry->span_count && entry->span_ids[known] < keys[i])
            known++;
        bool is_known = known < entry->span_count && entry->span_ids[known] == keys[i];
        if (!is_known && (kept == 0 || keys[kept - 1] != keys[i]))
            keys[kept++] = keys[i];
    }
    return kept;
}

/* Merges from the end, so that nothing is overwritten that is still to be moved. */
static void merge_keys(uint64_t *all, uint32_t known, const uint64_t *keys, uint32_t count)
{
    while (count > 0) {
        uint32_t to = known + count - 1;
        if (known > 0 && all[known - 1] > keys[count - 1])
            all[to] = all[--known];
        else
            all[to] = keys[--count];
    }
}

void nv_sent_add_spans(struct nv_sent *sent, struct nv_sent_trace *entry, uint64_t *keys,
                       uint32_t count)
{
    assert(nv_owner_is_mine(&sent->owner));
    size_t most = sent->bytes_max / NV_SENT_TRACE_SHARE / sizeof *keys;
    size_t room = most > entry->span_count ? most - entry->span_count : 0;
    if (count == 0)
        return;
    qsort(keys, count, sizeof *keys, compare_ids);
    count = keep_new(entry, keys, count);
    count = count < room ? count : (uint32_t)room;
    if (count == 0)
        return;
    uint64_t *all = realloc(entry->span_ids, (entry->span_count + count) * sizeof *all);
    if (!all)
        return;
    merge_keys(all, entry->span_count, keys, count);
    entry->span_ids = all;
    entry->span_count += count;
    count_bytes(sent, entry, count * sizeof *all);
}

static bool has_key(const struct nv_sent_trace *entry, uint64_t key)
{
    return entry->span_count > 0 && bsearch(&key, entry->span_ids, entry->span_count,
                                            sizeof *entry->span_ids, compare_ids) != NULL;
}

uint64_t nv_sent_key(uint64_t span_id, uint32_t flags)
{
    uint64_t facts = flags & (NV_HELD_CALLER | NV_HELD_SERVED | NV_HELD_ENDED);
    return span_id ^ facts * UINT64_C(0x9e3779b97f4a7c15);
}

bool nv_sent_has_span(const struct nv_sent_trace *entry, uint64_t span_id, uint32_t flags)
{
    static const uint32_t roles[] = {0, NV_HELD_CALLER, NV_HELD_SERVED};
    uint32_t role = flags & (NV_HELD_CALLER | NV_HELD_SERVED);
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (role != 0 && roles[i] != 0 && roles[i] != role)
            continue;
        if (has_key(entry, nv_sent_key(span_id, roles[i] | NV_HELD_ENDED)) ||
            (!(flags & NV_HELD_ENDED) && has_key(entry, nv_sent_key(span_id, roles[i]))))
            return true;
    }
    return false;
}

void nv_sent_set_text(struct nv_sent *sent, struct nv_sent_trace *entry, struct nv_str name,
                      struct nv_str session, struct nv_str user)
{
    assert(nv_owner_is_mine(&sent->owner));
    struct nv_str texts[] = {nv_str_slice(name, 0, NV_SENT_TEXT_MAX),
                             nv_str_slice(session, 0, NV_SENT_TEXT_MAX),
                             nv_str_slice(user, 0, NV_SENT_TEXT_MAX)};
    size_t len = texts[0].len + texts[1].len + texts[2].len;
    if (entry->text || len == 0)
        return;
    entry->text = malloc(len);
    if (!entry->text)
        return;
    char *to = entry->text;
    for (unsigned i = 0; i < 3; i++) {
        if (texts[i].len > 0)
            memcpy(to, texts[i].ptr, texts[i].len);
        to += texts[i].len;
    }
    entry->name_len = (uint16_t)texts[0].len;
    entry->session_len = (uint16_t)texts[1].len;
    entry->user_len = (uint16_t)texts[2].len;
    count_bytes(sent, entry, len);
}

struct nv_str nv_sent_text(const struct nv_sent_trace *entry, unsigned which)
{
    assert(which < 3);
    const uint16_t lens[] = {entry->name_len, entry->session_len, entry->user_len};
    size_t from = 0;
    for (unsigned i = 0; i < which; i++)
        from += lens[i];
    if (lens[which] == 0)
        return (struct nv_str){NULL, 0};
    return (struct nv_str){entry->text + from, lens[which]};
}

size_t nv_sent_bytes(const struct nv_sent *sent)
{
    size_t bytes = nv_index_bytes(&sent->index) + sent->bytes;
    for (unsigned i = 0; i < NV_SENT_GENERATIONS; i++)
        bytes += sent->old[i].capacity * sizeof(uint64_t);
    return bytes;
}
