/*
 * Vyukov's bounded queue, with one taker.
 *
 *   turn == position          free: whoever moves head past it may write
 *   turn == position + 1      written: the taker may read
 *   turn == position + size   taken: free for the next round
 *
 * Positions are 32 bits and wrap; only differences are looked at.
 */
#include "trace/ring.h"

#include <stdlib.h>

#include "base/banned.h"

bool nv_trace_ring_init(struct nv_trace_ring *ring, uint32_t count)
{
    uint32_t size = 2;
    while (size < count)
        size *= 2;
    ring->cells = calloc(size, sizeof *ring->cells);
    if (!ring->cells)
        return false;
    ring->mask = size - 1;
    nv_trace_ring_clear(ring);
    return true;
}

void nv_trace_ring_release(struct nv_trace_ring *ring)
{
    free(ring->cells);
    ring->cells = NULL;
}

void nv_trace_ring_clear(struct nv_trace_ring *ring)
{
    for (uint32_t i = 0; i <= ring->mask; i++)
        atomic_store(&ring->cells[i].turn, i);
    atomic_store(&ring->head, 0);
    ring->tail = 0;
}

bool nv_trace_ring_put(struct nv_trace_ring *ring, uint32_t value)
{
    uint32_t at = atomic_load_explicit(&ring->head, memory_order_relaxed);
    for (;;) {
        struct nv_trace_cell *cell = &ring->cells[at & ring->mask];
        uint32_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
        int32_t ahead = (int32_t)(turn - at);
        if (ahead < 0)
            return false;
        if (ahead > 0) {
            at = atomic_load_explicit(&ring->head, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(
                       &ring->head, &at, at + 1, memory_order_relaxed, memory_order_relaxed)) {
            cell->value = value;
            atomic_store_explicit(&cell->turn, at + 1, memory_order_release);
            return true;
        }
    }
}

bool nv_trace_ring_take(struct nv_trace_ring *ring, uint32_t *value)
{
    struct nv_trace_cell *cell = &ring->cells[ring->tail & ring->mask];
    if (atomic_load_explicit(&cell->turn, memory_order_acquire) != ring->tail + 1)
        return false;
    *value = cell->value;
    atomic_store_explicit(&cell->turn, ring->tail + ring->mask + 1, memory_order_release);
    ring->tail++;
    return true;
}
