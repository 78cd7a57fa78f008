/*
 * Life and death of a batch.
 *
 *   [ batch, first group | items ]      [ body ]     most requests: two blocks
 *   [ batch, first group | unused ]     [ body ] [ items ] [ groups ]
 *
 * The body is a block of its own because it is the receive buffer itself (never copied) and is
 * moved on to the journal, while the rest lives as long as the request is read. Items and
 * groups move out when the wire walk finds more than were thought of.
 */
#include "model/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct nv_batch *nv_batch_new(enum nv_signal signal, uint32_t items_inside)
{
    struct nv_batch *batch = malloc(sizeof *batch + items_inside * sizeof *batch->items);
    if (!batch)
        return NULL;
    *batch = (struct nv_batch){.signal = signal, .items_inside = items_inside};
    return batch;
}

/* A batch that was made otherwise has none inside, whatever lies behind it. */
static bool items_are_inside(struct nv_batch *batch)
{
    return batch->items_inside > 0 && batch->items == nv_batch_room_inside(batch);
}

enum nv_err nv_batch_set_project(struct nv_batch *batch, struct nv_str project)
{
    if (project.len == 0 || project.len > NV_BATCH_PROJECT_MAX)
        return NV_OK;
    char *copy = malloc(project.len);
    if (!copy)
        return NV_ERR_NO_MEMORY;
    memcpy(copy, project.ptr, project.len);
    batch->project.ptr = copy;
    batch->project.len = project.len;
    return NV_OK;
}

void nv_batch_drop_index(struct nv_batch *batch)
{
    if (!items_are_inside(batch))
        free(batch->items);
    if (batch->groups != &batch->first_group)
        free(batch->groups);
    batch->items = NULL;
    batch->groups = NULL;
    batch->item_count = batch->group_count = 0;
}

void nv_batch_free(struct nv_batch *batch)
{
    if (!batch)
        return;
    free(batch->body);
    nv_batch_drop_index(batch);
    free((void *)(uintptr_t)batch->project.ptr);
    free(batch);
}
