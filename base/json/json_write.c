/*
 * The JSON writer: commas by two flags, strings 16 bytes at a time, numbers without printf
 * where that is exact.
 *
 * Strings are where the time goes (message content is nine tenths of a body). Room for the
 * worst case, six bytes for one, is reserved for a piece at a time, so that the loop inside
 * writes without asking. A block of 16 bytes is copied whole; then, if it holds a byte that
 * needs attention, the output goes back to just before that byte. Escapes and UTF-8 are checked
 * in the same pass.
 *
 *   in   [ 16 clean bytes ][ ab"cdefghijklmno ]
 *   out  [ 16 copied      ][ ab ] \" , on from c
 *
 * Doubles are written with the fewest digits that read back the same. Values with up to six
 * decimals, which most are, come from integer arithmetic: the quotient of two exact doubles is
 * rounded once, just as a reader of the text would. The rest tries printf at 15, 16, 17 digits.
 */
#include "base/json/json_write.h"

#include "base/json/json_clean.h"
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

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
                                  "25262728293031323334353637383940414243444546474849"
                                  "50515253545556575859606162636465666768697071727374"
                                  "75767778798081828384858687888990919293949596979899";

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

static void begin_container(struct nv_json_writer *writer, char c)
{
    if (begin_value(writer, 1))
        writer->buf->bytes[writer->buf->len++] = c;
    writer->depth++;
    writer->comma = false;
    if (writer->depth > NV_JSON_WRITE_DEPTH_MAX && writer->buf->failed == NV_OK)
        writer->buf->failed = NV_ERR_DEPTH;
}

static void end_container(struct nv_json_writer *writer, char c)
{
    struct nv_buf *buf = writer->buf;
    assert(writer->depth > 0 && !writer->key);
    if (nv_buf_reserve(buf, 1) == NV_OK)
        buf->bytes[buf->len++] = c;
    writer->depth--;
    writer->comma = true;
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

/* Short strings, which keys and most values are: room is asked for once. False when the worst
 * case does not fit below the cap. */
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

void nv_json_write_key(struct nv_json_writer *writer, struct nv_str key)
{
    if (key.len > 0 && write_short(writer, key, true))
        return;
    nv_json_write_string(writer, key);
    (void)nv_buf_append_char(writer->buf, ':');
    writer->key = true;
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

void nv_json_write_string(struct nv_json_writer *writer, struct nv_str value)
{
    if (value.len > 0 && write_short(writer, value, false))
        return;
    if (!writer->seen || !write_seen(writer, value))
        write_long(writer, value);
}

void nv_json_write_clean(struct nv_json_writer *writer, struct nv_str text)
{
    if (!begin_value(writer, text.len + 2))
        return;
    char *out = writer->buf->bytes + writer->buf->len;
    out[0] = '"';
    memcpy(out + 1, text.ptr, text.len);
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

#define INT_TEXT_MAX 24

/* Decimal digits of `value`, right-aligned before `end`; returns the first. */
static char *put_uint(char *end, uint64_t value)
{
    while (value >= 100) {
        end -= 2;
        memcpy(end, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, digit_pairs + value * 2, 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

void nv_json_write_uint(struct nv_json_writer *writer, uint64_t value)
{
    char text[INT_TEXT_MAX];
    char *end = text + sizeof text;
    char *at = put_uint(end, value);
    put(writer, at, (size_t)(end - at));
}

void nv_json_write_int(struct nv_json_writer *writer, int64_t value)
{
    char text[INT_TEXT_MAX];
    char *end = text + sizeof text;
    char *at = put_uint(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0)
        *--at = '-';
    put(writer, at, (size_t)(end - at));
}

/* Below 2^53 every integer is a double. */
#define EXACT_INTEGER_MAX 9007199254740992.0
/* Fewer digits than these always come back from a double: what printf would find, too. */
#define SURE_INTEGER_MAX 1e15
/* With so many decimals a number is written out however small it is. */
#define PLAIN_DECIMALS_MAX 6
/* The last power of ten that is a double. */
#define DECIMALS_MAX 22

static const double powers[DECIMALS_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Text of `digits` / 10^decimals, right-aligned before `end`. */
static char *put_fixed(char *end, uint64_t digits, unsigned decimals, bool negative)
{
    char *at = end;
    for (unsigned i = 0; i < decimals; i++, digits /= 10)
        *--at = (char)('0' + digits % 10);
    *--at = '.';
    at = put_uint(at, digits);
    if (negative)
        *--at = '-';
    return at;
}

/* The same as one digit, the rest and an exponent of two digits, as printf's %g has it. */
static char *put_scientific(char *end, uint64_t digits, unsigned decimals, bool negative)
{
    char text[INT_TEXT_MAX];
    char *first = put_uint(text + sizeof text, digits);
    size_t rest = (size_t)(text + sizeof text - first) - 1;
    unsigned exponent = decimals - (unsigned)rest;
    char *at = end - 2;
    memcpy(at, digit_pairs + exponent * 2, 2);
    memcpy(at -= 2, "e-", 2);
    if (rest > 0) {
        memcpy(at -= rest, first + 1, rest);
        *--at = '.';
    }
    *--at = *first;
    if (negative)
        *--at = '-';
    return at;
}

/* Is `scaled` / 10^decimals what a reader of that text gets for `magnitude`? */
static bool reads_back(double scaled, unsigned decimals, double magnitude)
{
    double back = scaled / powers[decimals];
    return back >= magnitude && back <= magnitude;
}

/* rint of a number that is not negative, without the call: from 2^52 on all are integers, and
 * adding that rounds to one. */
static double nearest(double x)
{
    const double first = 0x1p52;
    return x < first ? x + first - first : x;
}

/*
 * Text of `value` with as few decimals as read back the same, right-aligned before `end`; NULL
 * when there are none that are exact. Past six, a number below 0.0001 has an exponent.
 */
static char *put_decimal(char *end, double value)
{
    double magnitude = fabs(value);
    if (magnitude >= EXACT_INTEGER_MAX)
        return NULL;
    double whole = (double)(uint64_t)magnitude;
    if (whole >= magnitude) {
        *--end = '0';
        return put_fixed(end, (uint64_t)magnitude, 0, signbit(value));
    }
    for (unsigned decimals = 1; decimals <= DECIMALS_MAX; decimals++) {
        bool plain = decimals <= PLAIN_DECIMALS_MAX;
        double scaled = nearest(magnitude * powers[decimals]);
        if (scaled >= (plain ? EXACT_INTEGER_MAX : SURE_INTEGER_MAX))
            return NULL;
        if (!reads_back(scaled, decimals, magnitude))
            continue;
        return plain || magnitude >= 1e-4
                   ? put_fixed(end, (uint64_t)scaled, decimals, signbit(value))
                   : put_scientific(end, (uint64_t)scaled, decimals, signbit(value));
    }
    return NULL;
}

/* Shortest of 15, 16 or 17 digits that reads back as `value`, with a point or an exponent. */
static size_t print_double(double value, char text[32])
{
    int length = 0;
    for (int digits = 15; digits <= 17; digits++) {
        length = snprintf(text, 32, "%.*g", digits, value);
        assert(length > 0 && length < 30);
        for (int i = 0; i < length; i++) {
            if (text[i] == ',') /* the decimal point of another locale */
                text[i] = '.';
        }
        double back = 0;
        if (nv_str_to_double((struct nv_str){text, (size_t)length}, &back) == NV_OK &&
            back >= value && back <= value)
            break;
    }
    struct nv_str written = {text, (size_t)length};
    if (nv_str_find_char(written, '.') != SIZE_MAX ||
        nv_str_find_char(written, 'e') != SIZE_MAX)
        return written.len;
    memcpy(text + length, ".0", 2);
    return written.len + 2;
}

void nv_json_write_double(struct nv_json_writer *writer, double value)
{
    char text[32];
    if (isnan(value)) {
        put(writer, "\"NaN\"", 5);
    } else if (isinf(value)) {
        put(writer, signbit(value) ? "\"-Infinity\"" : "\"Infinity\"",
            signbit(value) ? 11 : 10);
    } else {
        char *at = put_decimal(text + sizeof text, value);
        if (at)
            put(writer, at, (size_t)(text + sizeof text - at));
        else
            put(writer, text, print_double(value, text));
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
