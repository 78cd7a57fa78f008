/* gzip of request bodies and of records, in one call each. One thread at a time. */
#ifndef NV_EXPORTER_ENCODE_COMPRESS_H
#define NV_EXPORTER_ENCODE_COMPRESS_H

#include "base/buf.h"

/* Fastest level that still shrinks GenAI JSON about tenfold (docs/dependencies.md). */
#define NV_GZIP_LEVEL 1

struct nv_compressor;

/* New, or NULL without memory. `level` 1..12. */
struct nv_compressor *nv_compressor_new(int level);
/* NULL is allowed. */
void nv_compressor_free(struct nv_compressor *compressor);
/* Appends `input` as one gzip member. Errors are the buffer's. */
enum nv_err nv_compress_gzip(struct nv_compressor *compressor, struct nv_str input,
                             struct nv_buf *out) NV_MUST_USE;
/*
 * Appends the `len` bytes that `input`, one gzip member and nothing behind it, stands for.
 * NV_ERR_MALFORMED when it is no such member or of another length; else the buffer's errors.
 */
enum nv_err nv_decompress_gzip(struct nv_str input, size_t len, struct nv_buf *out) NV_MUST_USE;

#endif
