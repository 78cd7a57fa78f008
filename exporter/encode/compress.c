/*
 * gzip through igzip (ISA-L) and libdeflate.
 *
 * Both libraries' one-shot calls are several times faster than zlib's (docs/dependencies.md),
 * and bytes that are together already are best given at once: a stream of igzip copies at each
 * joint what its window holds, and up to as much behind it. That is still less than copying
 * pieces together that are much larger than the window.
 *
 *   level 1, fast processor --> igzip -- did not fit --+
 *   every other ---------------------------------------+--> libdeflate, bounded by itself
 *   pieces, level 1, fast processor --> igzip -- did not fit --> to the caller
 *
 * igzip's own bound is not documented: a call that lacks room is made again by libdeflate,
 * whose output is bounded beforehand. A build without ISA-L's headers (NOVEUM_IGZIP) has
 * libdeflate alone. Only our own records are inflated, to a length that is
 * known; replies are not: the gateway asks for identity.
 */
#include "exporter/encode/compress.h"

#include <assert.h>
#include <stdlib.h>

#include <libdeflate.h>
#ifdef NOVEUM_IGZIP
#include <isa-l/igzip_lib.h>
#endif

#include "base/banned.h"

struct nv_compressor {
    int level;
    struct libdeflate_compressor *deflate; /* made when first needed */
    struct igzip *igzip;                   /* NULL: not by igzip */
    bool fits;                             /* a stream is open, and had room so far */
};

#ifdef NOVEUM_IGZIP

/* A larger room makes longer blocks, so fewer Huffman tables; the next size gains nothing
 * (docs/performance.md). 332 KB, beside bodies of megabytes. */
#define IGZIP_LEVEL 2
#define IGZIP_ROOM ISAL_DEF_LVL2_LARGE

struct igzip {
    struct isal_zstream stream;
    uint8_t room[IGZIP_ROOM];
};

/* igzip without these instructions is plain C, slower than libdeflate. */
enum nv_gzip_library nv_gzip_fastest(void)
{
#if defined __x86_64__
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul")
               ? NV_GZIP_IGZIP
               : NV_GZIP_LIBDEFLATE;
#elif defined __aarch64__
    return NV_GZIP_IGZIP;
#else
    return NV_GZIP_LIBDEFLATE;
#endif
}

static struct igzip *igzip_new(void)
{
    return malloc(sizeof(struct igzip));
}

/* What the one-shot call and the stream have in common, after igzip's own beginning. */
static void set_stream(struct igzip *igzip, char *out, size_t room)
{
    struct isal_zstream *stream = &igzip->stream;
    stream->level = IGZIP_LEVEL;
    stream->level_buf = igzip->room;
    stream->level_buf_size = IGZIP_ROOM;
    stream->gzip_flag = IGZIP_GZIP;
    stream->flush = NO_FLUSH;
    stream->next_out = (uint8_t *)out;
    stream->avail_out = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
}

static void set_input(struct isal_zstream *stream, struct nv_str input)
{
    stream->next_in = (uint8_t *)(uintptr_t)input.ptr;
    stream->avail_in = (uint32_t)input.len;
}

/* Into `room` bytes at `out`; 0: did not fit. */
static size_t by_igzip(struct igzip *igzip, struct nv_str input, char *out, size_t room)
{
    struct isal_zstream *stream = &igzip->stream;
    if (input.len > UINT32_MAX)
        return 0;
    isal_deflate_stateless_init(stream);
    set_stream(igzip, out, room);
    stream->end_of_stream = 1;
    set_input(stream, input);
    if (isal_deflate_stateless(stream) != COMP_OK || stream->avail_in != 0)
        return 0;
    return stream->total_out;
}

static void stream_begin(struct igzip *igzip, char *out, size_t room)
{
    isal_deflate_init(&igzip->stream);
    set_stream(igzip, out, room);
}

/* Up to a window of it may be kept inside for the next call. False: did not fit. */
static bool stream_add(struct igzip *igzip, struct nv_str piece)
{
    set_input(&igzip->stream, piece);
    return isal_deflate(&igzip->stream) == COMP_OK && igzip->stream.avail_in == 0;
}

/* What was written in all; 0: did not fit. */
static size_t stream_end(struct igzip *igzip)
{
    struct isal_zstream *stream = &igzip->stream;
    stream->end_of_stream = 1;
    bool all = stream_add(igzip, NV_STR(""));
    return all && stream->internal_state.state == ZSTATE_END ? stream->total_out : 0;
}

#else

enum nv_gzip_library nv_gzip_fastest(void)
{
    return NV_GZIP_LIBDEFLATE;
}

static struct igzip *igzip_new(void)
{
    return NULL;
}

static size_t by_igzip(struct igzip *igzip, struct nv_str input, char *out, size_t room)
{
    (void)igzip, (void)input, (void)out, (void)room;
    return 0;
}

static void stream_begin(struct igzip *igzip, char *out, size_t room)
{
    (void)igzip, (void)out, (void)room;
}

static bool stream_add(struct igzip *igzip, struct nv_str piece)
{
    (void)igzip, (void)piece;
    return false;
}

static size_t stream_end(struct igzip *igzip)
{
    (void)igzip;
    return 0;
}

#endif

static bool need_deflate(struct nv_compressor *compressor)
{
    if (!compressor->deflate)
        compressor->deflate = libdeflate_alloc_compressor(compressor->level);
    return compressor->deflate != NULL;
}

struct nv_compressor *nv_compressor_new(int level)
{
    return nv_compressor_new_by(level == NV_GZIP_LEVEL ? nv_gzip_fastest() : NV_GZIP_LIBDEFLATE,
                                level);
}

struct nv_compressor *nv_compressor_new_by(enum nv_gzip_library library, int level)
{
    struct nv_compressor *compressor = calloc(1, sizeof *compressor);

    assert(level >= 1 && level <= NV_GZIP_LEVEL_MAX);
    assert(library == NV_GZIP_LIBDEFLATE ||
           (nv_gzip_fastest() == NV_GZIP_IGZIP && level == NV_GZIP_LEVEL));
    if (!compressor)
        return NULL;
    compressor->level = level;
    bool igzip = library == NV_GZIP_IGZIP;
    if (igzip)
        compressor->igzip = igzip_new();
    if (igzip ? !compressor->igzip : !need_deflate(compressor)) {
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
    free(compressor->igzip);
    free(compressor);
}

enum nv_err nv_compress_gzip(struct nv_compressor *compressor, struct nv_str input,
                             struct nv_buf *out)
{
    /* Of any level: without a compressor. */
    size_t bound = libdeflate_gzip_compress_bound(NULL, input.len);
    enum nv_err err = nv_buf_reserve(out, bound);
    size_t written = 0;

    if (err != NV_OK)
        return err;
    if (!input.ptr)
        input = NV_STR("");
    if (compressor->igzip)
        written = by_igzip(compressor->igzip, input, out->bytes + out->len, bound);
    if (written == 0) {
        if (!need_deflate(compressor))
            return NV_ERR_NO_MEMORY;
        written = libdeflate_gzip_compress(compressor->deflate, input.ptr, input.len,
                                           out->bytes + out->len, bound);
    }
    assert(written > 0);
    out->len += written;
    return NV_OK;
}

bool nv_compress_begin(struct nv_compressor *compressor, size_t len, struct nv_buf *out)
{
    size_t bound = libdeflate_gzip_compress_bound(NULL, len);

    compressor->fits =
        compressor->igzip != NULL && len <= UINT32_MAX && nv_buf_reserve(out, bound) == NV_OK;
    if (compressor->fits)
        stream_begin(compressor->igzip, out->bytes + out->len, bound);
    return compressor->fits;
}

void nv_compress_piece(struct nv_compressor *compressor, struct nv_str piece)
{
    if (compressor->fits && piece.len > 0)
        compressor->fits = stream_add(compressor->igzip, piece);
}

bool nv_compress_end(struct nv_compressor *compressor, struct nv_buf *out)
{
    size_t written = compressor->fits ? stream_end(compressor->igzip) : 0;

    compressor->fits = false;
    out->len += written;
    return written > 0;
}

enum nv_err nv_gzip_decompress(struct nv_str input, size_t len, struct nv_buf *out)
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
