/*
 * Made-up OTLP traces of a fixed shape, as protobuf requests whose trace ids can be replaced in
 * place, so that a request costs the load generator sixteen bytes a span and not an encoding.
 *
 *   genai   8-span agent traces: root, 3 model calls with 1.5 KB in and out, 2 tools, retrieval,
 *           embedding; about 10.6 attributes and 2 KB a span
 *   small   8-span traces of 10 short attributes, about 360 bytes a span
 *
 * payload_make_one makes one trace of them: each root but the first is the first one's child.
 */
#ifndef NV_BENCH_PAYLOAD_H
#define NV_BENCH_PAYLOAD_H

#include "base/buf.h"

#define PAYLOAD_TRACE_SPANS 8

enum payload_shape { PAYLOAD_GENAI, PAYLOAD_SMALL };

/* A request and the places of its spans' trace ids, in order; 8 in a row belong to one
 * trace. */
struct payload {
    struct nv_buf body;
    size_t *id_offsets;
    unsigned spans;
};

/* Makes a request of `traces` whole traces. The same seed gives the same bytes. NO_MEMORY,
 * LIMIT.
 */
enum nv_err payload_make(struct payload *payload, enum payload_shape shape, unsigned traces,
                         uint64_t seed) NV_MUST_USE;
/* The same with `traces` times 8 spans of a single trace. */
enum nv_err payload_make_one(struct payload *payload, enum payload_shape shape, unsigned traces,
                             uint64_t seed) NV_MUST_USE;
/* Gives every trace in it an id made of `run` and `*next_trace`, which moves on. */
void payload_renew(struct payload *payload, uint64_t run, uint64_t *next_trace);
void payload_release(struct payload *payload);

#endif
