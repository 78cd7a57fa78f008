/*
 * The JSON writer: commas by two flags, strings 16 bytes at a time.
 *
 * Strings are where the time goes (message content is nine tenths of a body). Room for the
 * worst case, six bytes for one, is reserved for a piece at a time, so that the loop inside
 * writes without asking. A block of 16 bytes is copied whole; then, if it holds a byte that
 * needs attention, the output goes back to just before that byte. Escapes and UTF-8 are checked
 * in the same pass.
 *
 *   in   [ 16 clean bytes ][ ab"cdefghijklmno ]
 *   out  [ 16 copied      ][ ab ] \" , on from c
 */
#include "base/json/json_write.h"

#include "base/json/json_clean.h"
#include "base/json/json_number.h"
#include "base/text/text.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "base/banned.h"

/* Input bytes for which the worst case is reserved at once. */
#define PIECE_MAX ((size_t)4096)
#define EXPANSION 6
/* A block store may pass the last byte written, and the last character may pass its piece. */
#define SLACK 24
/* Input bytes of a piece when the buffer is near its cap. */
#define SMALL_PIECE_MAX ((size_t)64)

void nv_json_write_init(struct nv_json_writer *writer, struct nv_buf *buf)
{
    *writer = (struct nv_json_writer){.buf = buf};
}

/* Comma where one is due; reserves `room` more bytes. False when the buffer has failed. */
static inline bool begin_value(struct nv_json_writer *writer, size_t room)
{
    struct nv_buf *buf = writer->buf;
    bool comma = writer->comma && !writer->key;
    writer->key = false;
    writer->comma = true;
    if (nv_buf_reserve(buf, room + (comma ? 1 : 0)) != NV_OK)
        return false;
    if (comma)
        buf->bytes[buf->len++] = ',';
    return true;
}

static inline void put(struct nv_json_writer *writer, const char *bytes, size_t len)
{
    if (!begin_value(writer, len))
        return;
    memcpy(writer->buf->bytes + writer->buf->len, bytes, len);
    writer->buf->len += len;
}

/* Is there room for `room` bytes as it is? Then nothing has failed either. Nothing is called
 * for what nearly always holds: functions that call none keep no registers for others. */
static inline bool has_room(const struct nv_buf *buf, size_t room)
{
    return room <= buf->capacity - buf->len && buf->failed == NV_OK;
}

static __attribute__((noinline)) void begin_container_slow(struct nv_json_writer *writer,
                                                           char c)
{
    if (begin_value(writer, 1))
        writer->buf->bytes[writer->buf->len++] = c;
    writer->depth++;
    writer->comma = false;
    if (writer->depth > NV_JSON_WRITE_DEPTH_MAX && writer->buf->failed == NV_OK)
        writer->buf->failed = NV_ERR_DEPTH;
}

static inline void begin_container(struct nv_json_writer *writer, char c)
{
    struct nv_buf *buf = writer->buf;
    if (!has_room(buf, 2) || writer->depth >= NV_JSON_WRITE_DEPTH_MAX) {
        begin_container_slow(writer, c);
        return;
    }
    char *out = buf->bytes + buf->len;
    const bool comma = writer->comma && !writer->key;
    *out = ','; /* or overwritten */
    out[comma] = c;
    buf->len += 1 + (size_t)comma;
    writer->depth++;
    writer->comma = writer->key = false;
}

static inline void end_container(struct nv_json_writer *writer, char c)
{
    struct nv_buf *buf = writer->buf;
    assert(writer->depth > 0 && !writer->key);
    writer->depth--;
    writer->comma = true;
    if (has_room(buf, 1))
        buf->bytes[buf->len++] = c;
    else
        (void)nv_buf_append_char(buf, c);
}

void nv_json_write_begin_object(struct nv_json_writer *writer)
{
    begin_container(writer, '{');
}

void nv_json_write_end_object(struct nv_json_writer *writer)
{
    end_container(writer, '}');
}

void nv_json_write_begin_array(struct nv_json_writer *writer)
{
    begin_container(writer, '[');
}

void nv_json_write_end_array(struct nv_json_writer *writer)
{
    end_container(writer, ']');
}

/* ---- strings ----------------------------------------------------------------------------- */

static char *put_escape(char *out, unsigned char c)
{
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    static const char hex[] = "0123456789abcdef";
    *out++ = '\\';
    if (c >= 0x20) {
        *out++ = (char)c;
    } else if (letters[c] != 0) {
        *out++ = letters[c];
    } else {
        memcpy(out, "u00", 3);
        out[3] = hex[c >> 4];
        out[4] = hex[c & 15];
        out += 5;
    }
    return out;
}

/* Writes characters from a non-ASCII one up to the next ASCII one or `end`; a sequence may
 * reach past `end` up to `limit`. */
static const char *put_utf8(const char *in, const char *end, const char *limit, char **out_at,
                            uint64_t *replaced)
{
    char *out = *out_at;
    while (in < end && (unsigned char)*in >= 0x80) {
        size_t invalid;
        size_t length = nv_utf8_char((struct nv_str){in, (size_t)(limit - in)}, &invalid);
        if (length == 0) {
            memcpy(out, NV_UTF8_REPLACEMENT, 3);
            out += 3;
            in += invalid;
            ++*replaced;
            continue;
        }
        for (size_t i = 0; i < length; i++)
            *out++ = *in++;
    }
    *out_at = out;
    return in;
}

/* Escapes from `in` up to about `end`; returns where it stopped, at most 3 bytes behind
 * `end`. */
static const char *escape_piece(const char *in, const char *end, const char *limit, char **out,
                                uint64_t *replaced)
{
    while (in < end) {
        in = nv_json_copy_clean(in, end, out);
        if (in >= end)
            break;
        if ((unsigned char)*in >= 0x80)
            in = put_utf8(in, end, limit, out, replaced);
        else
            *out = put_escape(*out, (unsigned char)*in++);
    }
    return in;
}

/* Near the cap the worst case has no room: through a small buffer, so that the cap stays
 * exact. */
static const char *escape_near_cap(struct nv_json_writer *writer, const char *in,
                                   const char *limit)
{
    char text[SMALL_PIECE_MAX * EXPANSION + SLACK];
    char *out = text;
    size_t piece =
        (size_t)(limit - in) < SMALL_PIECE_MAX ? (size_t)(limit - in) : SMALL_PIECE_MAX;
    in = escape_piece(in, in + piece, limit, &out, &writer->replaced);
    assert((size_t)(out - text) <= sizeof text);
    (void)nv_buf_append(writer->buf, text, (size_t)(out - text));
    return in;
}

static void write_escaped(struct nv_json_writer *writer, struct nv_str s)
{
    struct nv_buf *buf = writer->buf;
    const char *in = s.ptr;
    const char *limit = s.len > 0 ? s.ptr + s.len : s.ptr;
    while (in < limit && buf->failed == NV_OK) {
        size_t piece = (size_t)(limit - in) < PIECE_MAX ? (size_t)(limit - in) : PIECE_MAX;
        size_t worst = piece * EXPANSION + SLACK;
        if (worst > buf->max - buf->len) {
            in = escape_near_cap(writer, in, limit);
            continue;
        }
        if (nv_buf_reserve(buf, worst) != NV_OK)
            return;
        char *out = buf->bytes + buf->len;
        in = escape_piece(in, in + piece, limit, &out, &writer->replaced);
        assert((size_t)(out - buf->bytes) <= buf->len + worst);
        buf->len = (size_t)(out - buf->bytes);
    }
}

/* Opening quote, text, closing quote and colon. */
#define AROUND_TEXT 4

/* Short strings that need no escape, which keys and most values are. False, and nothing is
 * written, of any other, or when there is no room yet. */
static inline bool write_plain(struct nv_json_writer *writer, struct nv_str s, bool key)
{
    struct nv_buf *buf = writer->buf;
    if (s.len - 1 >= SMALL_PIECE_MAX || !has_room(buf, s.len + AROUND_TEXT))
        return false;
    const bool comma = writer->comma && !writer->key;
    char *out = buf->bytes + buf->len;
    out[0] = ','; /* or overwritten */
    out += comma;
    *out++ = '"';
    if (!nv_json_copy_short(s.ptr, s.len, out))
        return false;
    out += s.len;
    *out++ = '"';
    if (key)
        *out++ = ':';
    writer->key = key;
    writer->comma = true;
    buf->len = (size_t)(out - buf->bytes);
    return true;
}

/* The same of any short string: room is asked for once. False when the worst case does not fit
 * below the cap. */
static bool write_short(struct nv_json_writer *writer, struct nv_str s, bool key)
{
    struct nv_buf *buf = writer->buf;
    size_t worst = s.len * EXPANSION + SLACK;
    if (s.len > SMALL_PIECE_MAX || worst > buf->max - buf->len)
        return false;
    bool comma = writer->comma && !writer->key;
    writer->key = key;
    writer->comma = true;
    if (nv_buf_reserve(buf, worst) != NV_OK)
        return true;
    char *out = buf->bytes + buf->len;
    if (comma)
        *out++ = ',';
    *out++ = '"';
    if (nv_json_copy_short(s.ptr, s.len, out))
        out += s.len;
    else
        (void)escape_piece(s.ptr, s.ptr + s.len, s.ptr + s.len, &out, &writer->replaced);
    *out++ = '"';
    if (key)
        *out++ = ':';
    assert((size_t)(out - buf->bytes) <= buf->len + worst);
    buf->len = (size_t)(out - buf->bytes);
    return true;
}

/* Inside a string: what is missing of it. */
static void write_left_out(struct nv_json_writer *writer, size_t missing, size_t all)
{
    (void)nv_buf_printf(writer->buf, "[cut by noveum-gateway: %zu of %zu bytes left out]",
                        missing, all);
}

static __attribute__((noinline)) void write_key_slow(struct nv_json_writer *writer,
                                                     struct nv_str key)
{
    if (key.len > 0 && write_short(writer, key, true))
        return;
    nv_json_write_string(writer, key);
    (void)nv_buf_append_char(writer->buf, ':');
    writer->key = true;
}

void nv_json_write_key(struct nv_json_writer *writer, struct nv_str key)
{
    if (!write_plain(writer, key, true))
        write_key_slow(writer, key);
}

/* The string as it stands in the buffer already, quotes and all. */
static bool write_seen(struct nv_json_writer *writer, struct nv_str value)
{
    struct nv_buf *buf = writer->buf;
    const struct nv_seen_text *seen = nv_seen_find(writer->seen, value);
    if (!seen || seen->len + 1 > buf->max - buf->len)
        return false;
    if (begin_value(writer, seen->len)) {
        memcpy(buf->bytes + buf->len, buf->bytes + seen->from, seen->len);
        buf->len += seen->len;
    }
    return true;
}

static void write_long(struct nv_json_writer *writer, struct nv_str value)
{
    const uint64_t replaced = writer->replaced;
    bool cut = writer->text_max > 0 && value.len > writer->text_max;
    struct nv_str kept = {value.ptr, cut ? nv_utf8_cut(value, writer->text_max) : value.len};
    nv_json_write_string_begin(writer);
    const size_t from = writer->buf->len - 1;
    write_escaped(writer, kept);
    if (cut)
        write_left_out(writer, value.len - kept.len, value.len);
    nv_json_write_string_end(writer);
    /* what was replaced is counted each time that it is written */
    if (writer->seen && !cut && writer->replaced == replaced && writer->buf->failed == NV_OK)
        nv_seen_put(writer->seen, value, from, writer->buf->len - from);
}

static __attribute__((noinline)) void write_string_slow(struct nv_json_writer *writer,
                                                        struct nv_str value)
{
    if (value.len > 0 && write_short(writer, value, false))
        return;
    if (!writer->seen || !write_seen(writer, value))
        write_long(writer, value);
}

void nv_json_write_string(struct nv_json_writer *writer, struct nv_str value)
{
    if (!write_plain(writer, value, false))
        write_string_slow(writer, value);
}

void nv_json_write_clean(struct nv_json_writer *writer, struct nv_str text)
{
    if (!begin_value(writer, text.len + 2))
        return;
    char *out = writer->buf->bytes + writer->buf->len;
    out[0] = '"';
    nv_json_copy_text(text.ptr, text.len, out + 1);
    out[text.len + 1] = '"';
    writer->buf->len += text.len + 2;
}

void nv_json_write_string_begin(struct nv_json_writer *writer)
{
    put(writer, "\"", 1);
}

void nv_json_write_string_part(struct nv_json_writer *writer, struct nv_str part)
{
    write_escaped(writer, part);
}

void nv_json_write_string_end(struct nv_json_writer *writer)
{
    (void)nv_buf_append_char(writer->buf, '"');
}

void nv_json_write_base64(struct nv_json_writer *writer, struct nv_str bytes)
{
    bool cut = writer->text_max > 0 && bytes.len > writer->text_max;
    /* A multiple of three needs no padding before the text that follows. */
    struct nv_str kept = {bytes.ptr, cut ? writer->text_max - writer->text_max % 3 : bytes.len};
    nv_json_write_string_begin(writer);
    (void)nv_base64_encode(writer->buf, kept);
    if (cut)
        write_left_out(writer, bytes.len - kept.len, bytes.len);
    nv_json_write_string_end(writer);
}

/* ---- everything else --------------------------------------------------------------------- */

/* Of which the second half is never used, but copied. */
#define NUMBER_ROOM ((size_t)2 * NV_JSON_NUMBER_MAX)

/* A number's text from `at` to `end`, which is the middle of NUMBER_ROOM bytes: where there is
 * room, one copy of a length that is known. */
static inline void put_number(struct nv_json_writer *writer, const char *at, const char *end)
{
    struct nv_buf *buf = writer->buf;
    if (!has_room(buf, NV_JSON_NUMBER_MAX + 1)) {
        put(writer, at, (size_t)(end - at));
        return;
    }
    char *out = buf->bytes + buf->len;
    const bool comma = writer->comma && !writer->key;
    *out = ','; /* or overwritten */
    out += comma;
    memcpy(out, at, NV_JSON_NUMBER_MAX);
    buf->len += (size_t)comma + (size_t)(end - at);
    writer->key = false;
    writer->comma = true;
}

void nv_json_write_uint(struct nv_json_writer *writer, uint64_t value)
{
    char text[NUMBER_ROOM];
    char *end = text + NV_JSON_NUMBER_MAX;
    put_number(writer, nv_json_number_uint(end, value), end);
}

void nv_json_write_int(struct nv_json_writer *writer, int64_t value)
{
    char text[NUMBER_ROOM];
    char *end = text + NV_JSON_NUMBER_MAX;
    char *at = nv_json_number_uint(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0)
        *--at = '-';
    put_number(writer, at, end);
}

void nv_json_write_double(struct nv_json_writer *writer, double value)
{
    char text[NUMBER_ROOM];
    if (isnan(value)) {
        put(writer, "\"NaN\"", 5);
    } else if (isinf(value)) {
        put(writer, signbit(value) ? "\"-Infinity\"" : "\"Infinity\"",
            signbit(value) ? 11 : 10);
    } else {
        char *at = nv_json_number_decimal(text + NV_JSON_NUMBER_MAX, value);
        if (at)
            put_number(writer, at, text + NV_JSON_NUMBER_MAX);
        else
            put(writer, text, nv_json_number_print(value, text));
    }
}

void nv_json_write_bool(struct nv_json_writer *writer, bool value)
{
    put(writer, value ? "true" : "false", value ? 4 : 5);
}

void nv_json_write_null(struct nv_json_writer *writer)
{
    put(writer, "null", 4);
}

void nv_json_write_raw(struct nv_json_writer *writer, struct nv_str json)
{
    put(writer, json.ptr, json.len);
}
