/*
 * Decompression of request bodies with a cap on the output.
 *
 * libdeflate inflates a whole member into a buffer and says when the buffer is too small; then
 * the member is inflated again into one of twice the size. That is at most twice the work, and
 * still three times faster than streaming zlib (2.7 against 0.4 GB/s here), because bodies are
 * in memory anyway and the first guess, eight times the compressed size, mostly fits. zstd
 * streams.
 *
 * Not done on purpose: raw deflate under the name "deflate" (RFC 9110 8.4.1.2 means zlib's
 * format), dictionaries, a second coding inside of the first.
 */
#include "otlp/request/inflate.h"

#include <assert.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/banned.h"

/* A growing output that never exceeds `max`. */
struct output {
    char *bytes;
    size_t len, capacity, max;
    const struct nv_room *room;
    bool windowed; /* the bytes are kept a second time while they are in the window */
};

#define FIRST_RATIO 8
#define WINDOW_BYTES_MAX ((size_t)1 << NV_INFLATE_ZSTD_WINDOW_LOG)
#define FIRST_BYTES_MIN ((size_t)1024)

enum nv_err nv_coding_parse(struct nv_str value, enum nv_coding *out)
{
    static const struct {
        struct nv_str name;
        enum nv_coding coding;
    } table[] = {
        {NV_STR_INIT(""), NV_CODING_IDENTITY},
        {NV_STR_INIT("identity"), NV_CODING_IDENTITY},
        {NV_STR_INIT("gzip"), NV_CODING_GZIP},
        {NV_STR_INIT("x-gzip"), NV_CODING_GZIP},
        {NV_STR_INIT("deflate"), NV_CODING_DEFLATE},
        {NV_STR_INIT("zstd"), NV_CODING_ZSTD},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (nv_str_ieq(value, table[i].name)) {
            *out = table[i].coding;
            return NV_OK;
        }
    }
    return NV_ERR_ENCODING;
}

/* What a zstd window has of so many bytes of output: it is written as they are, so what it has
 * not yet been given costs no memory, however large the frame says that it is. */
static size_t window_of(size_t bytes)
{
    return bytes < WINDOW_BYTES_MAX ? bytes : WINDOW_BYTES_MAX;
}

/* Doubles the room, or makes the first. NV_ERR_TOO_LARGE: it is at its cap already. */
static enum nv_err grow(struct output *output, size_t first)
{
    size_t capacity = output->capacity > 0 ? output->capacity * 2 : first;
    capacity = capacity < FIRST_BYTES_MIN ? FIRST_BYTES_MIN : capacity;
    capacity = capacity > output->max ? output->max : capacity;
    if (capacity <= output->capacity)
        return NV_ERR_TOO_LARGE;
    size_t window = output->windowed ? window_of(capacity) - window_of(output->capacity) : 0;
    enum nv_err err = nv_room_ask(output->room, capacity - output->capacity + window);
    if (err != NV_OK)
        return err;
    char *bytes = realloc(output->bytes, capacity);
    if (!bytes)
        return NV_ERR_NO_MEMORY;
    output->bytes = bytes;
    output->capacity = capacity;
    return NV_OK;
}

/* ---- gzip and zlib ----------------------------------------------------------------------- */

static enum libdeflate_result inflate_once(struct libdeflate_decompressor *decompressor,
                                           enum nv_coding coding, struct nv_str data,
                                           struct output *output, size_t *in, size_t *got)
{
    char *to = output->bytes + output->len;
    size_t room = output->capacity - output->len;
    return coding == NV_CODING_GZIP ? libdeflate_gzip_decompress_ex(decompressor, data.ptr,
                                                                    data.len, to, room, in, got)
                                    : libdeflate_zlib_decompress_ex(
                                          decompressor, data.ptr, data.len, to, room, in, got);
}

/* One member; *in bytes of `data` were its. */
static enum nv_err inflate_member(struct libdeflate_decompressor *decompressor,
                                  enum nv_coding coding, struct nv_str data,
                                  struct output *output, size_t *in)
{
    for (;;) {
        size_t got = 0;
        enum libdeflate_result result =
            inflate_once(decompressor, coding, data, output, in, &got);
        if (result == LIBDEFLATE_SUCCESS) {
            output->len += got;
            return NV_OK;
        }
        if (result != LIBDEFLATE_INSUFFICIENT_SPACE)
            return NV_ERR_MALFORMED;
        enum nv_err err = grow(output, 0);
        if (err != NV_OK)
            return err;
    }
}

static enum nv_err inflate_deflate(enum nv_coding coding, struct nv_str data,
                                   struct output *output)
{
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    enum nv_err err = decompressor != NULL ? NV_OK : NV_ERR_NO_MEMORY;
    for (int members = 0; err == NV_OK && (data.len > 0 || members == 0); members++) {
        size_t in = 0;
        bool more =
            members == 0 || (coding == NV_CODING_GZIP && members < NV_INFLATE_MEMBERS_MAX);
        err = more ? inflate_member(decompressor, coding, data, output, &in) : NV_ERR_MALFORMED;
        data = nv_str_slice(data, in, SIZE_MAX);
    }
    libdeflate_free_decompressor(decompressor);
    return err;
}

/* ---- zstd -------------------------------------------------------------------------------- */

static enum nv_err zstd_error(size_t code)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_frameParameter_windowTooLarge:
        return NV_ERR_TOO_LARGE;
    case ZSTD_error_memory_allocation:
        return NV_ERR_NO_MEMORY;
    default:
        return NV_ERR_MALFORMED;
    }
}

/* Runs until the input is used up; *hint 0 then means that the last frame was whole. */
static enum nv_err zstd_run(ZSTD_DStream *stream, ZSTD_inBuffer *in, struct output *output,
                            size_t *hint)
{
    bool full = true;
    unsigned frames = 0;
    while (in->pos < in->size || full) {
        if (output->len == output->capacity) {
            enum nv_err err = grow(output, 0);
            if (err != NV_OK)
                return err;
        }
        ZSTD_outBuffer out = {output->bytes, output->capacity, output->len};
        *hint = ZSTD_decompressStream(stream, &out, in);
        if (ZSTD_isError(*hint))
            return zstd_error(*hint);
        output->len = out.pos;
        full = out.pos == out.size && *hint != 0; /* more may be waiting inside */
        if (*hint == 0 && ++frames > NV_INFLATE_MEMBERS_MAX)
            return NV_ERR_MALFORMED;
    }
    return NV_OK;
}

static enum nv_err inflate_zstd(struct nv_str data, struct output *output)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    if (!stream || ZSTD_isError(ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax,
                                                       NV_INFLATE_ZSTD_WINDOW_LOG))) {
        ZSTD_freeDStream(stream);
        return NV_ERR_NO_MEMORY;
    }
    ZSTD_inBuffer in = {data.ptr, data.len, 0};
    size_t hint = 1;
    enum nv_err err = zstd_run(stream, &in, output, &hint);
    ZSTD_freeDStream(stream);
    return err == NV_OK && hint != 0 ? NV_ERR_MALFORMED : err;
}

/* ---- both -------------------------------------------------------------------------------- */

static const char *error_text(enum nv_err err)
{
    switch (err) {
    case NV_ERR_TOO_LARGE:
        return "body is larger than the limit after decompression";
    case NV_ERR_NO_MEMORY:
    case NV_ERR_FULL:
    case NV_ERR_BUSY:
        return nv_err_info(err)->text;
    default:
        return "compressed body is damaged or incomplete";
    }
}

enum nv_err nv_inflate(enum nv_coding coding, struct nv_str data, const struct nv_room *room,
                       char **out, size_t *out_len, struct nv_fail *fail)
{
    size_t max = room->max;
    assert(coding != NV_CODING_IDENTITY && max < SIZE_MAX / 4);
    /* One byte over the limit is room enough to see that the limit is passed. */
    struct output output = {.max = max + 1, .room = room, .windowed = coding == NV_CODING_ZSTD};
    size_t first = data.len < max / FIRST_RATIO ? data.len * FIRST_RATIO : max + 1;
    enum nv_err err = data.len > 0 ? grow(&output, first) : NV_ERR_MALFORMED;
    if (err == NV_OK) {
        err = coding == NV_CODING_ZSTD ? inflate_zstd(data, &output)
                                       : inflate_deflate(coding, data, &output);
    }
    if (err == NV_OK && output.len > max)
        err = NV_ERR_TOO_LARGE;
    if (err != NV_OK || output.len == 0) {
        free(output.bytes);
        output.bytes = NULL;
        output.len = 0;
    }
    *out = output.bytes;
    *out_len = output.len;
    return err == NV_OK ? NV_OK : nv_fail_set(fail, err, 0, "%s", error_text(err));
}
