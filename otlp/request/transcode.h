/*
 * OTLP/JSON to the protobuf it stands for, in one pass, without a tree in between.
 *
 * Reads the proto3 JSON mapping with OTLP's changes (ids in hex, enums as integers) and what
 * real exporters send beside it; docs/otlp.md lists the dialects.
 */
#ifndef NV_OTLP_REQUEST_TRANSCODE_H
#define NV_OTLP_REQUEST_TRANSCODE_H

#include "base/buf.h"
#include "model/batch.h"

/* Keys of one object that may come twice; more is an attack, not an accident. */
#define NV_TRANSCODE_DUPLICATES_MAX 16
/* How often all that was written may be moved to cut duplicates out, over all objects: nested
 * ones around a large value would have it moved at every level. */
#define NV_TRANSCODE_CUTS_MAX 8

/*
 * Appends the request message of `signal` that `json` (borrowed) holds to `out`. Adds the
 * number of integers outside int64, written as doubles, to `*int_range`. An id that is not hex
 * is left out, one of a wrong length is written as it is: the walk rejects that span alone.
 *
 * NV_ERR_MALFORMED, NV_ERR_TRUNCATED, NV_ERR_DEPTH with `fail` (never NULL) set: not JSON, or a
 * known field of another type or out of range. Otherwise the buffer's errors.
 */
enum nv_err nv_transcode(enum nv_signal signal, struct nv_str json, struct nv_buf *out,
                         uint64_t *int_range, struct nv_fail *fail) NV_MUST_USE;

#endif
