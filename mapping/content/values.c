/*
 * Growing lists of values.
 *
 *   push: items ─▶ full ─▶ twice as many in the arena, the old ones left behind
 *
 * Arenas free nothing, so a list that grows one by one would cost its square; doubling leaves
 * behind at most what is kept. The meter is told of what is copied, for a client decides how
 * long lists are.
 */
#include "mapping/content/values.h"

#include "base/meter.h"

#include <assert.h>

#include "base/banned.h"

/* Parts of most messages: one to three. */
#define FIRST_CAPACITY 4

enum nv_err nv_values_push(struct nv_values *values, struct nv_arena *arena,
                           struct nv_value value)
{
    if (values->count == values->capacity) {
        const uint32_t capacity = values->capacity == 0 ? FIRST_CAPACITY : values->capacity * 2;
        struct nv_value *items = nv_arena_array(arena, capacity, sizeof *items);
        if (!items)
            return NV_ERR_NO_MEMORY;
        (void)nv_meter_spend(values->count / 2);
        if (values->count > 0)
            memcpy(items, values->items, values->count * sizeof *items);
        values->items = items;
        values->capacity = capacity;
    }
    assert(values->count < values->capacity);
    values->items[values->count++] = value;
    return NV_OK;
}

enum nv_err nv_values_reserve(struct nv_values *values, struct nv_arena *arena, uint32_t more)
{
    assert(values->count == 0);
    if (more <= values->capacity)
        return NV_OK;
    struct nv_value *items = nv_arena_array(arena, more, sizeof *items);
    if (!items)
        return NV_ERR_NO_MEMORY;
    values->items = items;
    values->capacity = more;
    return NV_OK;
}

enum nv_err nv_values_join(const struct nv_values *texts, struct nv_arena *arena,
                           struct nv_str separator, struct nv_str *out)
{
    *out = texts->count == 1 ? texts->items[0].as.string : NV_STR("");
    if (texts->count <= 1)
        return NV_OK;
    size_t len = 0;
    for (uint32_t i = 0; i < texts->count; i++)
        len += texts->items[i].as.string.len + separator.len;
    char *bytes = nv_arena_raw(arena, len);
    if (!bytes)
        return NV_ERR_NO_MEMORY;
    size_t at = 0;
    for (uint32_t i = 0; i < texts->count; i++) {
        const struct nv_str text = texts->items[i].as.string;
        if (text.len > 0)
            memcpy(bytes + at, text.ptr, text.len);
        at += text.len;
        memcpy(bytes + at, separator.ptr, separator.len);
        at += separator.len;
    }
    assert(at == len);
    *out = (struct nv_str){bytes, len - separator.len};
    return NV_OK;
}
