/*
 * Fuzzes gzip out: what either library writes, at once or in pieces, zlib reads back to the
 * same bytes.
 *
 * The first byte says how often the rest is repeated (windows and long matches), by which
 * library and at which of libdeflate's levels. The compressors live on, as a sender's do, so
 * that what one input leaves behind meets the next.
 */
#include "exporter/encode/compress.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct nv_compressor *compressor_of(uint8_t choice)
{
    static struct nv_compressor *made[4];
    static const int levels[] = {NV_GZIP_LEVEL, NV_GZIP_LEVEL, 2, 6};
    unsigned which = choice % 4;

    if (!made[which]) {
        made[which] = which == 0 ? nv_compressor_new(levels[which])
                                 : nv_compressor_new_by(NV_GZIP_LIBDEFLATE, levels[which]);
    }
    if (!made[which])
        abort();
    return made[which];
}

static void check(struct nv_str gzip, struct nv_str expected)
{
    char *back = malloc(expected.len + 1);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)gzip.ptr,
                  .avail_in = (uInt)gzip.len,
                  .next_out = (Bytef *)back,
                  .avail_out = (uInt)expected.len + 1};

    if (!back || inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        abort();
    if (inflate(&z, Z_FINISH) != Z_STREAM_END || z.avail_in != 0 ||
        z.total_out != expected.len ||
        (expected.len > 0 && memcmp(back, expected.ptr, expected.len) != 0))
        abort();
    (void)inflateEnd(&z);
    free(back);
}

/* In pieces of a length that grows, from `step` on. */
static bool by_pieces(struct nv_compressor *compressor, struct nv_str text, size_t step,
                      struct nv_buf *gzip)
{
    if (!nv_compress_begin(compressor, text.len, gzip))
        return false;
    for (size_t at = 0, len = step; at < text.len; at += len, len = len * 3 / 2 + 1)
        nv_compress_piece(compressor, nv_str_slice(text, at, len));
    return nv_compress_end(compressor, gzip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nv_buf text, gzip;

    if (size == 0)
        return 0;
    nv_buf_init(&text, SIZE_MAX);
    nv_buf_init(&gzip, SIZE_MAX);
    for (unsigned i = 0; i <= data[0] / 4u; i++) {
        if (nv_buf_append(&text, data + 1, size - 1) != NV_OK)
            abort();
    }
    if (nv_compress_gzip(compressor_of(data[0]), nv_buf_str(&text), &gzip) != NV_OK)
        abort();
    check(nv_buf_str(&gzip), nv_buf_str(&text));
    nv_buf_clear(&gzip);
    if (by_pieces(compressor_of(data[0]), nv_buf_str(&text), data[1 % size], &gzip))
        check(nv_buf_str(&gzip), nv_buf_str(&text));
    else if (gzip.len != 0)
        abort();
    nv_buf_release(&text);
    nv_buf_release(&gzip);
    return 0;
}
