/* gzip of request bodies and of records, whole or in pieces. One thread at a time. */
#ifndef NV_EXPORTER_ENCODE_COMPRESS_H
#define NV_EXPORTER_ENCODE_COMPRESS_H

#include "base/buf.h"

/*
 * Level 1 is igzip's second where the program was built with it and the processor has the
 * instructions that it is written for, else libdeflate's first; 2 to 12 are libdeflate's. CPU
 * and size of 2.3 MB of real bodies, in one run (docs/dependencies.md):
 *
 *   level   1 igzip   1 libdeflate   2      3 to 12
 *   ns/B    1.6       3.8            6.5    more
 *   ratio   5.8       6.2            6.5    more
 */
#define NV_GZIP_LEVEL 1
#define NV_GZIP_LEVEL_MAX 12

struct nv_compressor;

enum nv_gzip_library { NV_GZIP_IGZIP, NV_GZIP_LIBDEFLATE };

/* The one that level 1 goes through here: by build and processor. */
enum nv_gzip_library nv_gzip_fastest(void);
/* New, or NULL without memory. `level` 1..NV_GZIP_LEVEL_MAX. */
struct nv_compressor *nv_compressor_new(int level);
/*
 * The same by the library that is named, so that tests and measurements reach both on one
 * machine. NV_GZIP_IGZIP only where nv_gzip_fastest is that; it has level 1 alone.
 */
struct nv_compressor *nv_compressor_new_by(enum nv_gzip_library library, int level);
/* NULL is allowed. */
void nv_compressor_free(struct nv_compressor *compressor);
/* Appends `input` as one gzip member. Errors are the buffer's. */
enum nv_err nv_compress_gzip(struct nv_compressor *compressor, struct nv_str input,
                             struct nv_buf *out) NV_MUST_USE;
/*
 * The same of pieces where they stand, which saves whoever has them a copy: begin, each piece,
 * end, which appends the member. `len` is what the pieces will have together: `out` gets room
 * for that, and has to be left alone until the end. False: not by this compressor, or too
 * little room; nothing was appended then, and nv_compress_gzip is the way.
 */
bool nv_compress_begin(struct nv_compressor *compressor, size_t len,
                       struct nv_buf *out) NV_MUST_USE;
void nv_compress_piece(struct nv_compressor *compressor, struct nv_str piece);
bool nv_compress_end(struct nv_compressor *compressor, struct nv_buf *out) NV_MUST_USE;
/*
 * Appends the `len` bytes that `input`, one gzip member and nothing behind it, stands for.
 * NV_ERR_MALFORMED when it is no such member or of another length; else the buffer's errors.
 */
enum nv_err nv_gzip_decompress(struct nv_str input, size_t len, struct nv_buf *out) NV_MUST_USE;

#endif
