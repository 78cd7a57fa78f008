/*
 * What takes long says so: silence for two seconds, then a line after 2, 4, 8, 16 and 30
 * seconds, and each 30 from there on.
 *
 *   work  ├── start ──────────────────────────── end ─▶
 *   lines │          2 s   4 s      8 s   ...     └ the caller's, when any was told
 *
 * A thread of its own waits, so that who works needs no clock and may block.
 */
#ifndef NV_GATEWAY_PROCESS_TELLER_H
#define NV_GATEWAY_PROCESS_TELLER_H

#include <stdbool.h>

#define NV_TELL_FIRST_S 2u
#define NV_TELL_EVERY_S 30u

struct nv_teller;

/* Seconds from the start at which the line after that at `seconds` is due; 0: the first. */
unsigned nv_teller_after(unsigned seconds);
/*
 * New teller that calls `tell` with `ctx` (borrowed until it ends) and the seconds since the
 * start, on a thread of its own, at the times above; `unit_ms` is how long such a second takes,
 * 1000 but in tests. NULL: no memory or no thread, then nothing is told.
 */
struct nv_teller *nv_teller_start(void (*tell)(void *ctx, unsigned seconds), void *ctx,
                                  unsigned unit_ms);
/* Ends and frees it; `tell` runs no more. Whether it was called. NULL is allowed. */
bool nv_teller_end(struct nv_teller *teller);

#endif
