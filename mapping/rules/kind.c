/*
 * Names of the kinds: what the tables write and `explain` prints.
 *
 * A linear search over eighteen names is enough: names are read when tables are parsed, never a
 * span. How a span gets its kind is in mapping/engine/condition.c and in the tables.
 */
#include "mapping/rules/kind.h"

#include <assert.h>

#include "base/banned.h"

static const struct nv_str names[NV_KIND_COUNT] = {
#define KIND_NAME(id, name) NV_STR_INIT(name),
    NV_KIND_TABLE(KIND_NAME)
#undef KIND_NAME
};

struct nv_str nv_kind_name(enum nv_kind kind)
{
    assert(kind < NV_KIND_COUNT);
    return names[kind];
}

enum nv_kind nv_kind_from_name(struct nv_str name)
{
    for (unsigned kind = 0; kind < NV_KIND_COUNT; kind++) {
        if (nv_str_ieq(names[kind], name))
            return (enum nv_kind)kind;
    }
    return NV_KIND_COUNT;
}
