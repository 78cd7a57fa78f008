/*
 * gzip for the bodies of requests, so that the library needs nothing but libcurl.
 *
 *   body ─▶ [ header | one block of fixed Huffman codes | end | CRC-32, length ]
 *
 * RFC 1951 and 1952. Matches are looked for at one place each (the last with the same four
 * bytes), codes are the fixed ones: requests repeat the same keys, which is most of what there
 * is to gain. Cost: linear in the body. One thread at a time.
 */
#ifndef NV_TRACE_GZIP_H
#define NV_TRACE_GZIP_H

#include "base/buf.h"

struct nv_trace_gzip;

/* A new compressor of 64 KiB and what its bodies need, or NULL: memory is refused. */
struct nv_trace_gzip *nv_trace_gzip_new(void);
/* Frees it. NULL is allowed. */
void nv_trace_gzip_free(struct nv_trace_gzip *gzip);
/* `body` compressed, borrowed until the next call; an empty view where that would not be
 * shorter, the body is 4 GiB or more, or memory is refused: then send it as it is. */
struct nv_str nv_trace_gzip_body(struct nv_trace_gzip *gzip, struct nv_str body);

#endif
