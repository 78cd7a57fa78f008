/* A translated trace as one element of queue, outbox and body. */
#ifndef NV_EXPORTER_ENCODE_ENCODE_WHOLE_H
#define NV_EXPORTER_ENCODE_ENCODE_WHOLE_H

#include "exporter/encode/encode.h"
#include "exporter/encode/encoded.h"

/*
 * Encodes a trace (borrowed) into a new element that is to settle its claim: at most
 * `max_bytes` of JSON, cut where it would be more; what can't be encoded even so is a stub, and
 * `why` of the element says so. NULL without memory. Any thread.
 */
struct nv_encoded *nv_encode_whole(const struct nv_trace *trace, enum nv_trace_id_form form,
                                   size_t max_bytes);

#endif
