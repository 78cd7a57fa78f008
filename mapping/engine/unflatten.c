/*
 * The builder of mapping/engine/unflatten.h.
 *
 *   node ─┬─ leaf value
 *         └─ children: first ─▶ next ─▶ ...     each with a name or a number
 *                      hash ─▶ found by (parent, name or number), open addressing, in the arena
 *
 * A node finds its child by a hash over all nodes of the builder, so that ten thousand messages
 * cost ten thousand steps and not their square. At the end numbered children are sorted by
 * number. Names and numbers under one node (`prompt.0` beside `prompt.name`) make an object
 * whose numbers are names. The table is not index.h because it lies in the trace's arena:
 * a failure leaves nothing to free, and its probes count as work.
 *
 *   a.0.b = 1   a.2.b = 3   a.1.b = 2   x = 4
 *
 *   root ┬ a ┬ 0 ─ b: 1          {"a": [{"b": 1}, {"b": 2}, {"b": 3}], "x": 4}
 *        │   ├ 2 ─ b: 3
 *        │   └ 1 ─ b: 2          sorted at the end; most come in order, and then
 *        └ x: 4                  nothing is sorted
 *
 * Numbers say an order, not a place: a list with gaps (0, 2, 7) becomes one without, because
 * what was lost on the way left no value to put there.
 */
#include "mapping/engine/unflatten.h"

#include "base/meter.h"
#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

#define FIRST_SLOTS 64u
#define NOT_A_NUMBER UINT32_MAX

struct nv_unflatten_node {
    struct nv_unflatten_node *parent, *first, *last, *next;
    struct nv_str name;
    uint32_t number; /* NOT_A_NUMBER for names */
    uint32_t numbered, named;
    bool has_leaf;
    struct nv_value leaf;
};

void nv_unflatten_init(struct nv_unflatten *builder, struct nv_arena *arena)
{
    *builder = (struct nv_unflatten){.arena = arena};
}

/* ---- nodes and their hash ---------------------------------------------------------------- */

static uint64_t node_hash(const struct nv_unflatten_node *parent, struct nv_str name,
                          uint32_t number)
{
    /* Odd constants of splitmix64 and xxHash; what a client chooses is in the seeded hash. */
    const uint64_t at = (uint64_t)(uintptr_t)parent * UINT64_C(0x9e3779b97f4a7c15);
    const uint64_t own = number == NOT_A_NUMBER ? nv_str_hash(name) : nv_number_hash(number);
    const uint64_t mixed = (at ^ own) * UINT64_C(0x165667b19e3779f9);
    return mixed ^ (mixed >> 29);
}

static bool is_child(const struct nv_unflatten_node *node,
                     const struct nv_unflatten_node *parent, struct nv_str name,
                     uint32_t number)
{
    return node->parent == parent && node->number == number && nv_str_eq(node->name, name);
}

/* Is not in the table yet, and there is room: nothing is compared. */
static void slot_put(struct nv_unflatten_node **slots, uint32_t slot_count,
                     struct nv_unflatten_node *node)
{
    uint64_t at = node_hash(node->parent, node->name, node->number) & (slot_count - 1);
    while (slots[at])
        at = (at + 1) & (slot_count - 1);
    slots[at] = node;
}

/* The old table stays in the arena. All of them together are smaller than the last, since each
 * is half of the next. */
static enum nv_err grow_slots(struct nv_unflatten *builder)
{
    /* half full at most, so that a search that fails ends soon */
    if (builder->nodes * 2 < builder->slot_count)
        return NV_OK;
    const uint32_t count = builder->slot_count == 0 ? FIRST_SLOTS : builder->slot_count * 2;
    struct nv_unflatten_node **slots = nv_arena_array(builder->arena, count, sizeof *slots);
    if (!slots)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < builder->slot_count; i++) {
        if (builder->slots[i])
            slot_put(slots, count, builder->slots[i]);
    }
    builder->slots = slots;
    builder->slot_count = count;
    return NV_OK;
}

static struct nv_unflatten_node *new_child(struct nv_unflatten *builder,
                                           struct nv_unflatten_node *parent, struct nv_str name,
                                           uint32_t number)
{
    struct nv_unflatten_node *node = nv_arena_alloc(builder->arena, sizeof *node);
    if (!node)
        return NULL;
    node->parent = parent;
    node->name = name;
    node->number = number;
    if (!parent->last)
        parent->first = node;
    else
        parent->last->next = node;
    parent->last = node;
    if (number == NOT_A_NUMBER)
        parent->named++;
    else
        parent->numbered++;
    builder->nodes++;
    slot_put(builder->slots, builder->slot_count, node);
    return node;
}

static enum nv_err child_of(struct nv_unflatten *builder, struct nv_unflatten_node *parent,
                            struct nv_str name, uint32_t number, struct nv_unflatten_node **out)
{
    enum nv_err err = grow_slots(builder);
    if (err != NV_OK)
        return err;
    assert(builder->nodes < builder->slot_count);
    uint64_t at = node_hash(parent, name, number) & (builder->slot_count - 1);
    for (; builder->slots[at]; at = (at + 1) & (builder->slot_count - 1)) {
        (void)nv_meter_spend(1);
        if (is_child(builder->slots[at], parent, name, number)) {
            *out = builder->slots[at];
            return NV_OK;
        }
    }
    *out = new_child(builder, parent, name, number);
    return !*out ? NV_ERR_NO_MEMORY : NV_OK;
}

/* ---- adding ------------------------------------------------------------------------------ */

static bool is_placeholder(struct nv_str part)
{
    return part.len == 3 && part.ptr[0] == '{' && part.ptr[2] == '}';
}

/* The next part of a dotted key; *rest is what is behind its dot. */
static struct nv_str next_part(struct nv_str *rest)
{
    const size_t dot = nv_str_find_char(*rest, '.');
    if (dot == SIZE_MAX) {
        const struct nv_str part = *rest;
        *rest = nv_str_slice(*rest, rest->len, 0);
        return part;
    }
    const struct nv_str part = nv_str_slice(*rest, 0, dot);
    *rest = nv_str_slice(*rest, dot + 1, rest->len);
    return part;
}

/* Checks a key before anything is added, so that a refused one leaves no empty nodes. */
static enum nv_err check_key(struct nv_str folded, const uint32_t *numbers, unsigned count)
{
    unsigned depth = 0, used = 0;
    for (struct nv_str rest = folded; rest.len > 0; depth++) {
        if (!is_placeholder(next_part(&rest)))
            continue;
        if (used >= count)
            return NV_ERR_MALFORMED;
        if (numbers[used++] > NV_UNFLATTEN_INDEX_MAX)
            return NV_ERR_LIMIT;
    }
    return depth > NV_UNFLATTEN_DEPTH_MAX ? NV_ERR_LIMIT : NV_OK;
}

enum nv_err nv_unflatten_add(struct nv_unflatten *builder, struct nv_str folded,
                             const uint32_t *numbers, unsigned count,
                             const struct nv_value *value)
{
    enum nv_err err = check_key(folded, numbers, count);
    if (err != NV_OK)
        return err;
    if (builder->values >= NV_UNFLATTEN_VALUES_MAX)
        return NV_ERR_LIMIT;
    if (!builder->root)
        builder->root = nv_arena_alloc(builder->arena, sizeof *builder->root);
    struct nv_unflatten_node *node = builder->root;
    if (!node)
        return NV_ERR_NO_MEMORY;
    unsigned used = 0;
    for (struct nv_str rest = folded; err == NV_OK && rest.len > 0;) {
        const struct nv_str part = next_part(&rest);
        const bool numbered = is_placeholder(part);
        const uint32_t number = numbered ? numbers[used++] : NOT_A_NUMBER;
        err = child_of(builder, node, numbered ? NV_STR("") : part, number, &node);
    }
    if (err != NV_OK)
        return err;
    builder->values += node->has_leaf ? 0 : 1;
    node->has_leaf = true;
    node->leaf = *value;
    return NV_OK;
}

/* ---- finishing --------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    const struct nv_unflatten_node *const *left = a, *const *right = b;
    return ((*left)->number > (*right)->number) - ((*left)->number < (*right)->number);
}

static enum nv_err finish_node(struct nv_arena *arena, const struct nv_unflatten_node *node,
                               struct nv_value *out);

static enum nv_err finish_array(struct nv_arena *arena, const struct nv_unflatten_node *node,
                                struct nv_value *out)
{
    const uint32_t count = node->numbered;
    const struct nv_unflatten_node **nodes = nv_arena_array(arena, count, sizeof *nodes);
    struct nv_value *items = nv_arena_array(arena, count, sizeof *items);
    if (!nodes || !items)
        return NV_ERR_NO_MEMORY;
    uint32_t at = 0;
    bool sorted = true;
    for (const struct nv_unflatten_node *child = node->first; child; child = child->next) {
        sorted = sorted && (at == 0 || nodes[at - 1]->number < child->number);
        nodes[at++] = child;
    }
    assert(at == count);
    if (!sorted)
        qsort(nodes, count, sizeof *nodes, by_number);
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < count; i++)
        err = finish_node(arena, nodes[i], &items[i]);
    *out = (struct nv_value){.type = NV_VALUE_ARRAY, .as.array = {items, count}};
    return err;
}

/* A value of its own beside members (`a` and `a.b` both sent) has the empty name: both were
 * said. */
static enum nv_err finish_map(struct nv_arena *arena, const struct nv_unflatten_node *node,
                              struct nv_value *out)
{
    const uint32_t count = node->named + node->numbered + (node->has_leaf ? 1 : 0);
    struct nv_map map = {nv_arena_array(arena, count, sizeof(struct nv_attribute)), 0};
    if (!map.items)
        return NV_ERR_NO_MEMORY;
    if (node->has_leaf)
        map.items[map.count++] = (struct nv_attribute){NV_STR(""), node->leaf};
    enum nv_err err = NV_OK;
    for (const struct nv_unflatten_node *child = node->first; err == NV_OK && child;
         child = child->next) {
        struct nv_attribute *member = &map.items[map.count++];
        member->key = child->name;
        if (child->number != NOT_A_NUMBER) {
            member->key = nv_arena_printf(arena, "%u", child->number);
            if (!member->key.ptr)
                return NV_ERR_NO_MEMORY;
        }
        err = finish_node(arena, child, &member->value);
    }
    *out = (struct nv_value){.type = NV_VALUE_MAP, .as.map = map};
    return err;
}

static enum nv_err finish_node(struct nv_arena *arena, const struct nv_unflatten_node *node,
                               struct nv_value *out)
{
    (void)nv_meter_spend(1);
    if (!node->first) {
        *out = node->has_leaf ? node->leaf : nv_value_null();
        return NV_OK;
    }
    if (node->named == 0 && !node->has_leaf)
        return finish_array(arena, node, out);
    return finish_map(arena, node, out);
}

enum nv_err nv_unflatten_finish(struct nv_unflatten *builder, struct nv_value *out)
{
    *out = nv_value_null();
    return !builder->root ? NV_OK : finish_node(builder->arena, builder->root, out);
}
