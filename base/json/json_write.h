/*
 * Streaming JSON writer onto an nv_buf: the hot path of the exporter.
 *
 * The writer places commas and colons. Strings may hold any bytes: control characters are
 * escaped, and each maximal invalid UTF-8 part becomes U+FFFD (Unicode 15, section 3.9) and is
 * counted in `replaced`. Errors are the buffer's (see base/buf.h) and may be checked once, at
 * the end, in `writer.buf->failed`. Depth is bounded by NV_JSON_WRITE_DEPTH_MAX; deeper is
 * NV_ERR_DEPTH there.
 */
#ifndef NV_BASE_JSON_JSON_WRITE_H
#define NV_BASE_JSON_JSON_WRITE_H

#include "base/buf.h"
#include "base/tables/seen_texts.h"
#include "base/text/utf8.h"

#define NV_JSON_WRITE_DEPTH_MAX 256

struct nv_seen_maps; /* model/seen_maps.h */

struct nv_json_writer {
    struct nv_buf *buf; /* borrowed */
    uint64_t replaced;  /* invalid UTF-8 sequences turned into U+FFFD so far */
    /* 0: no limit. Bytes of a string or key, and of base64 before it is made: a longer one is cut
     * at a character and says in its text how much was left out. */
    size_t text_max;
    uint32_t items_max; /* 0: no limit. For who writes lists: members of one (model/value.h) */
    /* Borrowed, or NULL. Long strings that were written before to the same buffer, which only
     * grows meanwhile: they are copied from there instead of being escaped again. All that are
     * written with it must stay as they are until the last one. */
    struct nv_seen_texts *seen;
    /* Borrowed, or NULL: the same for maps of texts, of who writes values (model/value.h). */
    struct nv_seen_maps *maps;
    unsigned depth;
    bool comma; /* a value was written at this level */
    bool key;   /* a key was written, its value is due */
};

/* Starts writing at the end of `buf` (borrowed while the writer is used). */
void nv_json_write_init(struct nv_json_writer *writer, struct nv_buf *buf);
/* Opens an object: keys and values follow in turn. Past the depth limit: NV_ERR_DEPTH. */
void nv_json_write_begin_object(struct nv_json_writer *writer);
/* Closes the innermost object. Closing what is not open is a bug and asserts. */
void nv_json_write_end_object(struct nv_json_writer *writer);
/* Opens an array: values follow. Past the depth limit: NV_ERR_DEPTH. */
void nv_json_write_begin_array(struct nv_json_writer *writer);
/* Closes the innermost array. */
void nv_json_write_end_array(struct nv_json_writer *writer);
/* Writes a key, escaped, and its colon; a value must follow. Duplicates are the caller's
 * business.
 */
void nv_json_write_key(struct nv_json_writer *writer, struct nv_str key);
/*
 * The same of a key that is known to need no escape, as it stands in JSON: `quoted` with its
 * quotes and colon, NV_STR("\"name\":"). One copy of a length that the compiler knows. Whole
 * members may stand before it, with commas between them.
 */
__attribute__((always_inline)) static inline void
nv_json_write_known_key(struct nv_json_writer *writer, struct nv_str quoted)
{
    struct nv_buf *buf = writer->buf;
    bool comma = writer->comma && !writer->key;
    writer->key = true;
    writer->comma = true;
    if (nv_buf_reserve(buf, quoted.len + comma) != NV_OK)
        return;
    char *out = buf->bytes + buf->len;
    *out = ','; /* or overwritten */
    memcpy(out + comma, quoted.ptr, quoted.len);
    buf->len += quoted.len + comma;
}
/* Writes a text as a string that is known to need no escape: ids, times, names of enums. */
void nv_json_write_clean(struct nv_json_writer *writer, struct nv_str text);
/* Writes any bytes as a string: escaped, invalid UTF-8 replaced and counted. */
void nv_json_write_string(struct nv_json_writer *writer, struct nv_str value);
/* Writes an integer, exact to the last digit whatever a reader makes of it. */
void nv_json_write_int(struct nv_json_writer *writer, int64_t value);
/* The same for the upper half of 64 bits. */
void nv_json_write_uint(struct nv_json_writer *writer, uint64_t value);
/* Shortest text that reads back as the same double; NaN and infinities become strings. */
void nv_json_write_double(struct nv_json_writer *writer, double value);
/* Writes true or false. */
void nv_json_write_bool(struct nv_json_writer *writer, bool value);
/* Writes null. */
void nv_json_write_null(struct nv_json_writer *writer);
/* Base64 (RFC 4648, padded) of `bytes` as a string. */
void nv_json_write_base64(struct nv_json_writer *writer, struct nv_str bytes);
/* `json` is a whole, valid JSON text: copied as one value. */
void nv_json_write_raw(struct nv_json_writer *writer, struct nv_str json);
/* Opens a string whose content is appended in pieces, then closes it. */
void nv_json_write_string_begin(struct nv_json_writer *writer);
/* Appends to the open string, escaped. A character must not be split over two parts. */
void nv_json_write_string_part(struct nv_json_writer *writer, struct nv_str part);
/* Closes the string. */
void nv_json_write_string_end(struct nv_json_writer *writer);

#endif
