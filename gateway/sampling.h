/*
 * Which traces are kept: sampling.rate and sampling.keep_errors.
 *
 * Decided by the trace id alone, so that every instance and every part of a trace decides
 * alike. Reload changes the values while other threads read them.
 */
#ifndef NV_GATEWAY_SAMPLING_H
#define NV_GATEWAY_SAMPLING_H

#include "model/batch.h"

#include <stdatomic.h>

struct nv_sampling {
    _Atomic uint64_t kept_below; /* hashes below it are kept; UINT64_MAX: all */
    _Atomic bool keep_errors;
};

/* Sets both values; `rate` is within 0..1. Any thread. */
void nv_sampling_set(struct nv_sampling *sampling, double rate, bool keep_errors);
/* Does the rate keep this trace (errors aside)? `trace_id` as the client sent it. Any
 * thread. */
bool nv_sampling_keeps(const struct nv_sampling *sampling,
                       const uint8_t trace_id[NV_TRACE_ID_BYTES]);
/* Are traces with errors kept whatever the rate? Any thread. */
bool nv_sampling_keeps_errors(const struct nv_sampling *sampling);

#endif
