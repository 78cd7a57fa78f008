/*
 * Threads that pack bodies, so that one core's gzip is not the whole gateway's.
 *
 *   sender ──put──▶ [waiting] ──▶ thread: nv_packer_pack ──▶ [done] ──take──▶ sender
 *                                                             │
 *                                                             └─ ready: wakes the sender
 *
 * From put to take a body and its traces are the threads' to read, and its wire theirs to
 * write. put, take, recall and wait are the sender's thread's.
 */
#ifndef NV_EXPORTER_SEND_PACKING_H
#define NV_EXPORTER_SEND_PACKING_H

#include "exporter/encode/packer.h"

/* More threads than a gateway's other stages can feed: gzip is a quarter of what a span
 * costs. */
#define NV_PACKING_THREADS_MAX 16u

struct nv_packing;

/* New, without a thread yet: they start as bodies wait, `threads` (0..NV_PACKING_THREADS_MAX)
 * at most. `level` of gzip. NULL without memory. */
struct nv_packing *nv_packing_new(uint32_t threads, int level);
/* Ends the threads and frees it; every body must have been taken. NULL is allowed. */
void nv_packing_free(struct nv_packing *packing);
/* Who is told, on the thread that packed it and under a lock, that a body is done; before the
 * first put. `ready` NULL: nobody. `ctx` is borrowed until nv_packing_free. */
void nv_packing_set_ready(struct nv_packing *packing, void (*ready)(void *ctx), void *ctx);
/* Takes a body, to be packed with `wall_ns`, until it is taken back by nv_packing_take. When
 * there is no thread and none can be started it is packed here and now. */
void nv_packing_put(struct nv_packing *packing, struct nv_body *body, uint64_t wall_ns);
/* The next body that is done, in no order, with `*err` of packing it: the caller's again. NULL:
 * none at present. */
struct nv_body *nv_packing_take(struct nv_packing *packing, enum nv_err *err);
/* Ends what no thread has begun: done with NV_ERR_STOPPING, its wire empty. */
void nv_packing_recall(struct nv_packing *packing);
/* Waits until all that was put is done. Takes as long as packing takes, not longer. */
void nv_packing_wait(struct nv_packing *packing);

#endif
