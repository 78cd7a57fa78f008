/*
 * Tables of layouts: whose they are, and how a span's layout is found in one.
 *
 *   pool [ busy, table ] x 16      a thread takes one for the time of a trace: two atomics
 *   keys ─▶ hash of their lengths, first and last bytes ─▶ bucket ─▶ compared whole
 *
 * A thread begins with the place that it had before, so that a table stays with its processor
 * and with what its thread translates. What is in a table is learnt when it is met for the
 * second time: who sends keys that never come again, makes no layouts. A full table is emptied,
 * because what comes next is as likely as what came before, and one arena is all that has to be
 * kept.
 */
#include "mapping/engine/layout_table.h"

#include "base/known.h"
#include "base/limits.h"
#include "base/meter.h"
#include "model/absent.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

/* Layouts of a bucket that are looked at; more are not learnt. */
#define BUCKET_LOOKS 8u

/* As large as a line of the cache, for each is another thread's. */
struct place {
    atomic_flag busy; /* who sets it has the table */
    struct nv_layout_table *table;
    char apart[64 - 2 * sizeof(void *)];
};

struct nv_layout_pool {
    struct place places[NV_LAYOUT_TABLES];
};

/* Where this thread looks first: what it took last. */
static _Thread_local unsigned mine;

struct nv_layout_pool *nv_layout_pool_new(void)
{
    struct nv_layout_pool *pool = calloc(1, sizeof *pool);
    for (unsigned i = 0; pool && i < NV_LAYOUT_TABLES; i++)
        atomic_flag_clear(&pool->places[i].busy);
    return pool;
}

void nv_layout_pool_free(struct nv_layout_pool *pool)
{
    for (unsigned i = 0; pool && i < NV_LAYOUT_TABLES; i++) {
        struct nv_layout_table *table = pool->places[i].table;
        if (table && table->arena)
            nv_arena_free(table->arena);
        free(table);
    }
    free(pool);
}

struct nv_layout_table *nv_layout_table_take(struct nv_layout_pool *pool)
{
    for (unsigned i = 0; i < NV_LAYOUT_TABLES; i++) {
        const unsigned at = (mine + i) % NV_LAYOUT_TABLES;
        struct place *place = &pool->places[at];
        if (atomic_flag_test_and_set_explicit(&place->busy, memory_order_acquire))
            continue;
        mine = at;
        if (!place->table)
            place->table = calloc(1, sizeof *place->table);
        if (!place->table)
            atomic_flag_clear_explicit(&place->busy, memory_order_release);
        return place->table;
    }
    return NULL;
}

void nv_layout_table_give(struct nv_layout_pool *pool, struct nv_layout_table *table)
{
    for (unsigned i = 0; table && i < NV_LAYOUT_TABLES; i++) {
        struct place *place = &pool->places[(mine + i) % NV_LAYOUT_TABLES];
        if (place->table != table)
            continue;
        atomic_flag_clear_explicit(&place->busy, memory_order_release);
        return;
    }
}

static void empty(struct nv_layout_table *table)
{
    memset(table->buckets, 0, sizeof table->buckets);
    memset(table->met, 0, sizeof table->met);
    table->kind = NULL;
    table->last = NULL;
    if (table->arena)
        nv_arena_reset(table->arena);
}

void *nv_layout_table_alloc(struct nv_layout_table *table, size_t count, size_t size)
{
    if (!table->arena)
        table->arena = nv_arena_new(NV_CAP_LAYOUTS);
    void *bytes = table->arena ? nv_arena_array(table->arena, count, size) : NULL;
    if (!bytes)
        empty(table);
    return bytes;
}

/* ---- finding ----------------------------------------------------------------------------- */

static inline uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

/* Of the length and both ends; keys that differ between them are told apart by comparing. */
static inline uint64_t mix_key(uint64_t hash, struct nv_str key)
{
    if (key.len < 8)
        return mix(hash, key.len > 0 ? nv_known_short(key) ^ key.len << 56 : 0);
    hash = mix(hash, nv_known_word(key.ptr) ^ key.len << 56);
    return mix(hash, nv_known_word(key.ptr + key.len - 8));
}

static inline uint64_t differs(const char *a, const char *b)
{
    return nv_known_word(a) ^ nv_known_word(b);
}

/* As nv_str_eq, without a call or a loop for keys, which have 8 to 32 bytes. */
static inline bool same_key(struct nv_str a, struct nv_str b)
{
    if (a.len != b.len)
        return false;
    if (a.len < 8)
        return a.len == 0 || nv_known_short(a) == nv_known_short(b);
    const size_t last = a.len - 8;
    if (a.len <= 16)
        return (differs(a.ptr, b.ptr) | differs(a.ptr + last, b.ptr + last)) == 0;
    if (a.len > 32)
        return memcmp(a.ptr, b.ptr, a.len) == 0;
    return (differs(a.ptr, b.ptr) | differs(a.ptr + 8, b.ptr + 8) |
            differs(a.ptr + last - 8, b.ptr + last - 8) |
            differs(a.ptr + last, b.ptr + last)) == 0;
}

/* Has the span the keys of a layout, in its scope, and says as much? */
static inline bool is_of(const struct nv_layout *layout, const struct nv_translation *t,
                         const struct nv_span_work *work)
{
    const struct nv_attribute *items = work->source.items;
    const uint32_t count = layout->count;
    uint64_t other = count ^ work->source.count, absent = 0;
    for (unsigned word = 0; word < NV_SIGNS_MAX / 64; word++)
        other |= layout->scope.bits[word] ^ t->scratch.scope_signs.bits[word];
    if (other != 0)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!same_key(layout->keys[i], items[i].key))
            return false;
        absent |= (uint64_t)nv_value_absent(&items[i].value) << i;
    }
    return absent == layout->absent;
}

/* Was the hash met before? Notes it. */
static bool met_before(struct nv_layout_table *table, uint64_t hash)
{
    uint32_t *met = &table->met[hash % NV_LAYOUT_BUCKETS];
    const uint32_t tag = (uint32_t)(hash >> 32) | 1; /* 0: free */
    const bool before = *met == tag;
    *met = tag;
    return before;
}

/* By the hash of all keys, when it was not the one that was expected. */
static __attribute__((noinline)) struct nv_layout *
find_by_hash(struct nv_translation *t, const struct nv_span_work *work, bool *due)
{
    struct nv_layout_table *table = t->layouts;
    const struct nv_attribute *items = work->source.items;
    uint64_t hash = t->scratch.scope_signs.bits[0], absent = 0;
    unsigned looks = 0;
    for (uint32_t i = 0; i < work->source.count; i++) {
        hash = mix_key(hash, items[i].key);
        absent |= (uint64_t)nv_value_absent(&items[i].value) << i;
    }
    hash = mix(hash, absent ^ work->source.count);
    table->hash = hash;
    table->absent = absent;
    struct nv_layout *layout = table->buckets[hash % NV_LAYOUT_BUCKETS];
    while (layout && (layout->hash != hash || !is_of(layout, t, work))) {
        layout = layout->next;
        looks++;
    }
    if (!layout)
        *due = met_before(table, hash) && looks < BUCKET_LOOKS;
    return layout;
}

/* Puts one first of those behind a layout; it stood at `at`, or what stands there goes. */
static inline void put_first(struct nv_layout *last, struct nv_layout *layout, unsigned at)
{
    for (; at > 0; at--)
        last->behind[at] = last->behind[at - 1];
    last->behind[0] = layout;
}

/* What came behind a layout when it came before is what mostly comes again; a few, because
 * programs do one thing and then another. NULL: it is none of them. */
static inline struct nv_layout *find_behind(struct nv_layout *last,
                                            const struct nv_translation *t,
                                            const struct nv_span_work *work)
{
    for (unsigned i = 0; last && i < NV_LAYOUT_BEHIND && last->behind[i]; i++) {
        struct nv_layout *layout = last->behind[i];
        if (!is_of(layout, t, work))
            continue;
        put_first(last, layout, i);
        return layout;
    }
    return NULL;
}

const struct nv_layout *nv_layout_find(struct nv_translation *t,
                                       const struct nv_span_work *work, bool *due)
{
    struct nv_layout_table *table = t->layouts;
    *due = false;
    if (!table || work->source.count > NV_LAYOUT_ATTRIBUTES_MAX)
        return NULL;
    struct nv_layout *layout = find_behind(table->last, t, work);
    if (!layout) {
        layout = find_by_hash(t, work, due);
        if (table->last && layout)
            put_first(table->last, layout, NV_LAYOUT_BEHIND - 1);
    }
    table->kind = NULL;
    table->last = layout;
    if (layout)
        (void)nv_meter_spend(work->source.count);
    return layout;
}

/* ---- scopes ------------------------------------------------------------------------------ */

struct nv_signs nv_layout_scope_signs(struct nv_layout_table *table,
                                      const struct nv_rules *rules, struct nv_str name)
{
    if (!table || name.len == 0 || name.len > NV_LAYOUT_SCOPE_BYTES)
        return nv_rules_scope_signs(rules, name);
    for (unsigned i = 0; i < NV_LAYOUT_SCOPES; i++) {
        const struct nv_layout_scope *known = &table->scopes[i];
        if (known->len == name.len && memcmp(known->name, name.ptr, name.len) == 0)
            return known->signs;
    }
    struct nv_layout_scope *scope = &table->scopes[table->next_scope++ % NV_LAYOUT_SCOPES];
    scope->signs = nv_rules_scope_signs(rules, name);
    scope->len = (uint32_t)name.len;
    memcpy(scope->name, name.ptr, name.len);
    return scope->signs;
}

uint16_t nv_layout_key_of(struct nv_layout_table *table, const struct nv_rules *rules,
                          struct nv_str key)
{
    struct nv_key_match match;
    const struct nv_known_text form = nv_known_form(key);
    const uint64_t hash = mix(mix(form.words[0], form.words[3]), form.len);
    struct nv_layout_key *known = table ? &table->keys[hash % NV_LAYOUT_KEYS] : NULL;
    if (known && form.len != 0 && nv_known_same(&known->text, &form))
        return known->key;
    nv_rules_find(rules, key, &match);
    if (known && form.len != 0)
        *known = (struct nv_layout_key){form, match.key};
    return match.key;
}
