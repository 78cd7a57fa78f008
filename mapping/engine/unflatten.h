/*
 * Turns flattened attributes back into a tree.
 *
 *   key   llm.input_messages.{i}.message.tool_calls.{j}.tool_call.function.name    numbers [12, 0]
 *   path below the prefix `llm.input_messages`
 *
 *   builder ─▶ [ {message: {tool_calls: [ {tool_call: {function: {name: ...}}} ]}} ]
 *
 * Arrays are ordered by number, 10 after 9; gaps are allowed and closed (trap 12: attribute
 * limits cut keys out of the middle). A number above the cap, or a value past the total cap, is
 * refused with NV_ERR_LIMIT, so that its attribute stays as it was. Keys that hold no number
 * where the pattern wants one (`gen_ai.prompt.prompt_filter_results`) never get here: they fold
 * differently. A name that is both a leaf and a parent keeps the leaf under the empty name.
 */
#ifndef NV_MAPPING_ENGINE_UNFLATTEN_H
#define NV_MAPPING_ENGINE_UNFLATTEN_H

#include "model/value.h"

/* Highest index, most values of one builder, most levels of one key. */
#define NV_UNFLATTEN_INDEX_MAX 10000u
#define NV_UNFLATTEN_VALUES_MAX 100000u
#define NV_UNFLATTEN_DEPTH_MAX 24u

struct nv_unflatten_node;

struct nv_unflatten {
    struct nv_arena *arena; /* borrowed; everything is in it */
    struct nv_unflatten_node *root;
    struct nv_unflatten_node **slots; /* hash of all nodes; a power of two */
    uint32_t slot_count;
    uint32_t nodes;
    uint32_t values; /* added so far */
};

/* Readies an empty builder; `arena` is borrowed for its life. Allocates nothing. */
void nv_unflatten_init(struct nv_unflatten *builder, struct nv_arena *arena);
/*
 * Adds a value. `folded` is the rest of the key behind the prefix, without a leading dot, in
 * which each number stands as `{i}`, `{j}`, ... (any one letter); `numbers` gives them in
 * order, `count` of them. Key and value are borrowed. A second value at one place replaces the
 * first. Errors: NV_ERR_LIMIT (caps above), NV_ERR_MALFORMED (fewer numbers than placeholders),
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_unflatten_add(struct nv_unflatten *builder, struct nv_str folded,
                             const uint32_t *numbers, unsigned count,
                             const struct nv_value *value) NV_MUST_USE;
/* The tree: ARRAY, MAP, a leaf, or NULL when nothing was added. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_unflatten_finish(struct nv_unflatten *builder, struct nv_value *out) NV_MUST_USE;

#endif
