/*
 * A bounded queue of numbers without a lock: many threads put, one takes.
 *
 *   put ──▶ [ cell | cell | cell | ... ] ──▶ take       a power of two of cells
 *
 * Each cell has a turn that says whose it is, the next putter's or the taker's (Vyukov's
 * bounded queue). Nobody waits: put says no when it is full, take when it is empty, or when the
 * next one is still being put.
 */
#ifndef NV_TRACE_RING_H
#define NV_TRACE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct nv_trace_cell {
    _Atomic uint32_t turn;
    uint32_t value;
};

struct nv_trace_ring {
    struct nv_trace_cell *cells; /* new */
    uint32_t mask;
    _Atomic uint32_t head; /* the next to put */
    uint32_t tail;         /* the next to take */
};

/* A ring for at least `count` (up to 2^30) numbers. False: memory is refused. */
bool nv_trace_ring_init(struct nv_trace_ring *ring, uint32_t count);
/* Frees the cells; not while anybody puts or takes. */
void nv_trace_ring_release(struct nv_trace_ring *ring);
/* Empties it; not while anybody puts or takes. */
void nv_trace_ring_clear(struct nv_trace_ring *ring);
/* Any thread. False: full. */
bool nv_trace_ring_put(struct nv_trace_ring *ring, uint32_t value);
/* One thread at a time. False: nothing to take now. */
bool nv_trace_ring_take(struct nv_trace_ring *ring, uint32_t *value);

#endif
