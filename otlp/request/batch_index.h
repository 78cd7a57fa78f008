/*
 * The index of a batch while the walk over its body fills it: items and groups, two arrays that
 * grow. What they hold together over all requests is bounded by `room`.
 *
 * Both belong to the batch from the first moment, so that whoever frees that frees them,
 * whatever became of the walk. One thread at a time.
 */
#ifndef NV_OTLP_REQUEST_BATCH_INDEX_H
#define NV_OTLP_REQUEST_BATCH_INDEX_H

#include "base/error.h"
#include "model/batch.h"
#include "otlp/request/room.h"

/* Items and groups that there is room for at first, at least; then it doubles. */
#define NV_BATCH_INDEX_FIRST 16u

struct nv_batch_index {
    struct nv_batch *batch;     /* borrowed; its body is set */
    const struct nv_room *room; /* borrowed; NULL: nobody is asked */
    uint32_t items_max;         /* at most as many items */
    uint32_t item_capacity;     /* 0 at first, as all that follows */
    uint32_t group_capacity;
    bool group_open; /* the last group is that of the ScopeSpans being walked */
};

/* For how many items a batch is to have room inside (nv_batch_new), by the length of its body:
 * enough for ordinary spans, and never more than 64 KiB. */
uint32_t nv_batch_index_inside(size_t body_len);
/* Opens a group, empty until its ScopeSpans and its ResourceSpans have ended: their fields have
 * no order. Nothing when one is open. NV_ERR_BUSY when the account has no room, NO_MEMORY. */
enum nv_err nv_batch_index_open_group(struct nv_batch_index *index) NV_MUST_USE;
/*
 * Adds a copy of the item, whose offset and length lie in the body. NV_ERR_TOO_LARGE past
 * items_max, with `fail` (never NULL) set; else as above.
 */
enum nv_err nv_batch_index_add(struct nv_batch_index *index, const struct nv_item *item,
                               struct nv_fail *fail) NV_MUST_USE;
/* Gives back what is much too large, once the walk has ended: batches wait in memory. */
void nv_batch_index_trim(struct nv_batch_index *index);

#endif
