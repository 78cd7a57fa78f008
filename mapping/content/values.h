/*
 * Growing lists of values in an arena: parts, calls, messages while they are gathered.
 */
#ifndef NV_MAPPING_CONTENT_VALUES_H
#define NV_MAPPING_CONTENT_VALUES_H

#include "model/value.h"

/* A growing list of values in an arena. */
struct nv_values {
    struct nv_value *items;
    uint32_t count;
    uint32_t capacity;
};

/* Appends. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_values_push(struct nv_values *values, struct nv_arena *arena,
                           struct nv_value value) NV_MUST_USE;

/* Makes room for `more` in an empty list. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_values_reserve(struct nv_values *values, struct nv_arena *arena,
                              uint32_t more) NV_MUST_USE;

/* Joins STRINGs with `separator`. `out` is borrowed (from the only one) or in the arena.
 * Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_values_join(const struct nv_values *texts, struct nv_arena *arena,
                           struct nv_str separator, struct nv_str *out) NV_MUST_USE;

#endif
