/*
 * Made-up OTLP traces of a fixed shape, as protobuf requests whose trace ids can be replaced in
 * place, so that a request costs the load generator sixteen bytes a span and not an encoding.
 *
 *   genai   8-span agent traces: root, 3 model calls with 1.5 KB in and out, 2 tools, retrieval,
 *           embedding; about 10.6 attributes and 2 KB a span
 *   small   8-span traces of 10 short attributes, about 360 bytes a span
 *   chat    a long conversation: a root and 7 model calls, each of which sends again what was
 *           said before, 12 to 19 KB, as agents do
 *   tools   the traces of genai whose tools answer with 40 KB, about 12 KB a span
 *
 * payload_make_one makes one trace of them: each root but the first is the first one's child.
 */
#ifndef NV_BENCH_PAYLOAD_H
#define NV_BENCH_PAYLOAD_H

#include "base/buf.h"

#define PAYLOAD_TRACE_SPANS 8

enum payload_shape { PAYLOAD_GENAI, PAYLOAD_SMALL, PAYLOAD_CHAT, PAYLOAD_TOOLS };

/* A request and the places of its spans' trace ids, in order; `trace_spans` in a row belong to
 * one trace. */
struct payload {
    struct nv_buf body;
    size_t *id_offsets;
    unsigned spans;
    unsigned trace_spans;
    bool json; /* ids stand in it as digits */
};

/* The shape of that name, genai for any that is none. */
enum payload_shape payload_shape_of(const char *name);

/* Makes a request of `traces` whole traces. The same seed gives the same bytes. NO_MEMORY,
 * LIMIT.
 */
enum nv_err payload_make(struct payload *payload, enum payload_shape shape, unsigned traces,
                         uint64_t seed) NV_MUST_USE;
/* The same with `traces` times 8 spans of a single trace. */
enum nv_err payload_make_one(struct payload *payload, enum payload_shape shape, unsigned traces,
                             uint64_t seed) NV_MUST_USE;
/* One span of each of `traces` traces, the one at place `slice` (0 to 7): eight such requests
 * of one seed, given the same ids, are whole traces. */
enum nv_err payload_make_slice(struct payload *payload, enum payload_shape shape,
                               unsigned traces, uint64_t seed, unsigned slice) NV_MUST_USE;
/* Writes the body anew as OTLP/JSON. NO_MEMORY, LIMIT. */
enum nv_err payload_to_json(struct payload *payload) NV_MUST_USE;
/* Gives every trace in it an id made of `run` and `*next_trace`, which moves on. */
void payload_renew(struct payload *payload, uint64_t run, uint64_t *next_trace);
void payload_release(struct payload *payload);

#endif
