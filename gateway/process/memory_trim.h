/*
 * When malloc is to give back what a burst has left with it.
 */
#ifndef NV_GATEWAY_PROCESS_MEMORY_TRIM_H
#define NV_GATEWAY_PROCESS_MEMORY_TRIM_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds between two looks. */
#define NV_MEMORY_TRIM_LOOK_S 10

/* Zero-initialised is ready. One thread. */
struct nv_memory_trim {
    uint64_t seen_bytes;    /* of requests, at the last look */
    uint64_t trimmed_bytes; /* at the last time it was due */
    bool trimmed;           /* it was due before */
};

/*
 * A look: `request_bytes` of all requests so far and the spans that wait for the backend now.
 * True when there was much to do since the last time (or the journal may have been replayed),
 * and hardly anything since the last look.
 */
bool nv_memory_trim_due(struct nv_memory_trim *trim, uint64_t request_bytes,
                        uint64_t queued_spans);
/* A look at the process's counters; has malloc give its free pages back when it is due. */
void nv_memory_trim_look(struct nv_memory_trim *trim);

#endif
