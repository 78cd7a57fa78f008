/*
 * Which traces were being translated when the process died: a trace that killed it twice is set
 * aside at the third start.
 *
 *   <journal.directory>/translating   [ magic | slot x 64 | suspect x 64 ], 32 bytes each
 *
 *   begin ▸ slot written ▸ translate, encode ▸ end ▸ slot cleared
 *                           ✗ death ▸ next start: a suspect, deaths + 1
 *
 * Written without sync: it must outlive the process, not the machine. What is set aside is a
 * dead letter (gateway/pipeline.h) and can be retried; a suspect that is translated is one no
 * more.
 */
#ifndef NV_GATEWAY_TRANSLATING_H
#define NV_GATEWAY_TRANSLATING_H

#include "gateway/process/progress.h"

/* Traces remembered of former deaths; past it those with the fewest deaths are forgotten. */
#define NV_SUSPECTS_MAX 64u
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
 * Notes that the calling thread begins with a trace; *slot is for end. False: it has killed the
 * process NV_DEATHS_MAX times; nothing begins, *slot is NV_NO_SLOT. Any thread.
 */
bool nv_translating_begin(struct nv_translating *translating,
                          const uint8_t trace_id[NV_TRACE_ID_BYTES], uint32_t part,
                          unsigned *slot);
/* That trace is done; `slot` is what begin gave, NV_NO_SLOT does nothing. Any thread. */
void nv_translating_end(struct nv_translating *translating, unsigned slot);
/* Traces set aside since the start. Any thread. */
uint64_t nv_translating_set_aside(const struct nv_translating *translating);
/* For the watcher. Borrowed. */
struct nv_progress *nv_translating_progress(struct nv_translating *translating);

#endif
