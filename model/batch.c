/*
 * Life and death of a batch.
 *
 * The parts are separate malloc'ed blocks because each comes into being elsewhere: the body is
 * the receive buffer itself (never copied), the index is built by the wire walk.
 */
#include "model/batch.h"

#include <stdlib.h>

#include "base/banned.h"

void nv_batch_free(struct nv_batch *batch)
{
    if (!batch)
        return;
    free(batch->body);
    free(batch->items);
    free(batch->groups);
    free((void *)(uintptr_t)batch->project.ptr);
    free(batch);
}
