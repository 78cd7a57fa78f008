/*
 * Content-Encoding of a request body, undone within one limit: gzip, zlib ("deflate") and zstd.
 *
 * The limit counts bytes after decompression, for every coding alike (CVE-2024-36129). Memory
 * follows the data: what a header claims about its size is never allocated, and at most twice
 * the limit is ever held. One coding only: "gzip, gzip" is refused. Any thread, no shared
 * state.
 */
#ifndef NV_OTLP_REQUEST_INFLATE_H
#define NV_OTLP_REQUEST_INFLATE_H

#include "base/str.h"
#include "otlp/request/room.h"

enum nv_coding { NV_CODING_IDENTITY, NV_CODING_GZIP, NV_CODING_DEFLATE, NV_CODING_ZSTD };

/* The largest window a zstd frame may ask for (RFC 8878 3.1.1.1.2 recommends 8 MiB). */
#define NV_INFLATE_ZSTD_WINDOW_LOG 23
/* Members of one gzip body or frames of one zstd body. */
#define NV_INFLATE_MEMBERS_MAX 65536

/*
 * The value of Content-Encoding, in any case: "", "identity", "gzip", "x-gzip", "deflate",
 * "zstd". NV_ERR_ENCODING for all others, lists included.
 */
enum nv_err nv_coding_parse(struct nv_str value, enum nv_coding *out) NV_MUST_USE;
/*
 * Decodes `data` (borrowed) to at most room->max bytes, all memory asked of `room`. On NV_OK
 * *out is new (free() it; NULL when *out_len is 0). NV_ERR_TOO_LARGE past room->max or with a
 * larger window; NV_ERR_MALFORMED for anything that is not one or more whole, intact members
 * without bytes behind them; NV_ERR_NO_MEMORY, or what `room` said. `fail` (may be NULL) says
 * which. `coding` is not NV_CODING_IDENTITY.
 */
enum nv_err nv_inflate(enum nv_coding coding, struct nv_str data, const struct nv_room *room,
                       char **out, size_t *out_len, struct nv_fail *fail) NV_MUST_USE;

#endif
