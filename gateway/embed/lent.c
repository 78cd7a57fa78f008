/*
 * What a thread was lent.
 *
 * The log's lines go to the caller by a sink of the thread (base/log/log.h), so that a program
 * with two pipelines can tell them apart, and one that wants none has a quiet standard error.
 */
#include "gateway/embed/lent.h"

#include "base/log/log.h"

#include "base/banned.h"

static _Thread_local struct nv_lent lent_now;

/* Defined by lent_memory.c, which only the shared library has. */
extern const bool nv_memory_is_wrapped __attribute__((weak));

static void tell(void *ctx, struct nv_str line)
{
    const struct nv_lent *lent = ctx;
    size_t len = line.len > 0 && line.ptr[line.len - 1] == '\n' ? line.len - 1 : line.len;
    if (lent->log)
        lent->log(lent->log_ctx, line.ptr, len);
}

struct nv_lent nv_lent_swap(const struct nv_lent *lent)
{
    struct nv_lent before = lent_now;
    lent_now = *lent;
    nv_log_lend(lent->active ? tell : NULL, &lent_now);
    return before;
}

const noveum_allocator *nv_lent_allocator(void)
{
    return lent_now.allocator;
}

bool nv_lent_reaches_malloc(void)
{
    return &nv_memory_is_wrapped != NULL && nv_memory_is_wrapped;
}
