/*
 * What the caller of noveum/pipeline.h lends for the time of one call: where memory comes from
 * and who is told of the log.
 *
 *   noveum_pipeline_x ──lend──▶ this thread's ◀── __wrap_malloc (lent_memory.c), the log
 *                     ──give back──▶ what was lent before
 *
 * A thread's own and not the process's: two pipelines on two threads have two allocators, and
 * nothing that is lent outlives its call. Given back in the opposite order, so that a pipeline
 * may be used within an allocator of another.
 */
#ifndef NV_GATEWAY_EMBED_LENT_H
#define NV_GATEWAY_EMBED_LENT_H

#include "noveum/pipeline.h"

#include <stdbool.h>

/* All borrowed while it is lent. */
struct nv_lent {
    const noveum_allocator *allocator; /* NULL: libc's */
    void (*log)(void *ctx, const char *line, size_t len);
    void *log_ctx;
    bool active; /* false: the log goes where the process's goes */
};

/* Lends for the calling thread, in the place of what was lent before, which it returns. */
struct nv_lent nv_lent_swap(const struct nv_lent *lent);
/* The allocator that the calling thread was lent, or NULL. Borrowed. */
const noveum_allocator *nv_lent_allocator(void);
/*
 * Is malloc of this copy of the library the one that asks for it? The shared library's is; a
 * program that links the archive has libc's, and an allocator must be refused there.
 */
bool nv_lent_reaches_malloc(void);

#endif
