/*
 * One-shot gzip through libdeflate.
 *
 * A body is whole in memory before it is sent, so nothing is gained by a stream, and
 * libdeflate's one-shot call is several times faster than zlib's (docs/dependencies.md). The
 * output is bounded beforehand by libdeflate itself, so a call never runs out of room. Only our
 * own records are inflated, to a length that is known; replies are not: the gateway asks for
 * identity.
 */
#include "exporter/encode/compress.h"

#include <assert.h>
#include <stdlib.h>

#include <libdeflate.h>

#include "base/banned.h"

struct nv_compressor {
    struct libdeflate_compressor *deflate;
};

struct nv_compressor *nv_compressor_new(int level)
{
    struct nv_compressor *compressor = calloc(1, sizeof *compressor);

    assert(level >= 1 && level <= 12);
    if (!compressor)
        return NULL;
    compressor->deflate = libdeflate_alloc_compressor(level);
    if (!compressor->deflate) {
        free(compressor);
        return NULL;
    }
    return compressor;
}

void nv_compressor_free(struct nv_compressor *compressor)
{
    if (!compressor)
        return;
    libdeflate_free_compressor(compressor->deflate);
    free(compressor);
}

enum nv_err nv_compress_gzip(struct nv_compressor *compressor, struct nv_str input,
                             struct nv_buf *out)
{
    size_t bound = libdeflate_gzip_compress_bound(compressor->deflate, input.len);
    enum nv_err err = nv_buf_reserve(out, bound);
    size_t written;

    if (err != NV_OK)
        return err;
    written = libdeflate_gzip_compress(compressor->deflate, input.ptr != NULL ? input.ptr : "",
                                       input.len, out->bytes + out->len, bound);
    assert(written > 0);
    out->len += written;
    return NV_OK;
}

enum nv_err nv_decompress_gzip(struct nv_str input, size_t len, struct nv_buf *out)
{
    struct libdeflate_decompressor *inflate = libdeflate_alloc_decompressor();
    enum libdeflate_result result;
    size_t used = 0;
    enum nv_err err = inflate != NULL ? nv_buf_reserve(out, len) : NV_ERR_NO_MEMORY;

    if (err == NV_OK) {
        result = libdeflate_gzip_decompress_ex(inflate, input.ptr, input.len,
                                               out->bytes + out->len, len, &used, NULL);
        /* Without a place for the length written, exactly `len` bytes are success. */
        if (result != LIBDEFLATE_SUCCESS || used != input.len)
            err = NV_ERR_MALFORMED;
        else
            out->len += len;
    }
    libdeflate_free_decompressor(inflate);
    return err;
}
