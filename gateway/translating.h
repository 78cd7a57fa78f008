/*
 * Which traces were being translated when the process died: a trace that killed it twice is set
 * aside at the third start.
 *
 *   <journal.directory>/translating   [ magic | slot x 64 x 8 | suspect x 512 ], 32 bytes each
 *
 *   begin ▸ 8 traces of a turn in the slot ▸ translate, encode each ▸ begin ... ▸ end ▸ cleared
 *                                             ✗ death ▸ next start: suspects, deaths + 1
 *
 * One write notes up to 8 traces, so a death makes suspects of those beside the guilty one,
 * too. A suspect is noted alone when it comes again: its second death is its own.
 *
 * Written without sync: it must outlive the process, not the machine. What is set aside is a
 * dead letter (gateway/pipeline.h) and can be retried; a suspect that is translated is one no
 * more.
 */
#ifndef NV_GATEWAY_TRANSLATING_H
#define NV_GATEWAY_TRANSLATING_H

#include "gateway/process/progress.h"
#include "model/trace.h"

/* Traces that are noted together. */
#define NV_NOTED_MAX 8u
/* Traces remembered of former deaths: all that one death makes suspects of. Past it those with
 * the fewest deaths are forgotten. */
#define NV_SUSPECTS_MAX (NV_PROGRESS_SLOTS * NV_NOTED_MAX)
/* So many deaths, and the trace is not tried again. */
#define NV_DEATHS_MAX 2u
/* No slot was free: the trace is translated without being noted. */
#define NV_NO_SLOT NV_PROGRESS_SLOTS

struct nv_translating;

/* New, noting nothing on disk before open; NULL without memory. */
struct nv_translating *nv_translating_new(void);
/* NULL is allowed. */
void nv_translating_free(struct nv_translating *translating);
/*
 * Reads what the last run left in `directory` (borrowed; its lock is held) and notes there from
 * now on. A file that can't be used is told in the log: then nothing is noted. Before the first
 * begin.
 */
void nv_translating_open(struct nv_translating *translating, const char *directory);
/*
 * Notes that the calling thread begins with the first of these traces (borrowed, count >= 1)
 * and returns how many are noted, at most NV_NOTED_MAX; those that it noted before are done. 0:
 * the first has killed the process NV_DEATHS_MAX times, nothing is noted. *slot is NV_NO_SLOT
 * before the first call of a turn, and for the others what the last left there. Any thread.
 * With NULL for `translating`, all are as if noted; the same holds for next, lived and end.
 */
size_t nv_translating_begin(struct nv_translating *translating,
                            struct nv_raw_trace *const *traces, size_t count, unsigned *slot);
/* The thread is now at the next of them (for the watcher). NV_NO_SLOT does nothing. */
void nv_translating_next(struct nv_translating *translating, unsigned slot);
/* That one is done: it is innocent. NV_NO_SLOT does nothing. */
void nv_translating_lived(struct nv_translating *translating, unsigned slot);
/* The turn is over; gives the slot back. NV_NO_SLOT does nothing. */
void nv_translating_end(struct nv_translating *translating, unsigned slot);
/* Traces set aside since the start. Any thread. */
uint64_t nv_translating_set_aside(const struct nv_translating *translating);
/* For the watcher. Borrowed. */
struct nv_progress *nv_translating_progress(struct nv_translating *translating);

#endif
