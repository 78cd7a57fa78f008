/*
 * Life and death of a batch.
 *
 * The parts are separate malloc'ed blocks because each comes into being elsewhere: the body is
 * the receive buffer itself (never copied), the index is built by the wire walk.
 */
#include "model/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

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
