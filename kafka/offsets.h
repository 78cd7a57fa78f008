/*
 * Which messages of a partition are not done yet, and up to where all are: the low-water mark.
 *
 *   offsets added   3  4  6  9  12        done: 3 6 12
 *   not done           4     9            mark: 4, the first that is not; none left: the position
 *
 * Offsets grow, with holes (compaction, transactions). Adding is amortised constant, a message
 * is found by halving; what is held is at most twice what is not done. One thread.
 */
#ifndef NV_KAFKA_OFFSETS_H
#define NV_KAFKA_OFFSETS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct nv_offsets {
    uint64_t *items; /* offset << 1 | done */
    size_t head, count, capacity;
    size_t open; /* not done */
};

/* Empty; allocates nothing. */
void nv_offsets_init(struct nv_offsets *offsets);
/* Frees it; usable again as if after init. */
void nv_offsets_release(struct nv_offsets *offsets);
/* Adds an offset that is larger than all before. NV_ERR_NO_MEMORY. */
enum nv_err nv_offsets_add(struct nv_offsets *offsets, int64_t offset) NV_MUST_USE;
/* That message is done; an offset that is not there is ignored. */
void nv_offsets_done(struct nv_offsets *offsets, int64_t offset);
/* Takes the offset that was added last out again. */
void nv_offsets_drop_last(struct nv_offsets *offsets, int64_t offset);
/* The first offset that is not done, `position` when all are. */
int64_t nv_offsets_mark(const struct nv_offsets *offsets, int64_t position);

#endif
