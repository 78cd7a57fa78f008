/*
 * Over utf8proc. Python's str.lower() follows Unicode's SpecialCasing, utf8proc's doesn't: it
 * has two rules that no language decides, of which the second looks around.
 *
 *   value ─▶ composed (NFC) ─▶ without white space ─▶ lower case ─▶ hashed (pseudonym.c)
 *            └ all ASCII: two passes by hand, no allocation
 *
 * What comes out must be what the vendor's SDK makes of the same value, byte for byte, or the
 * same person has one pseudonym from the SDK and another one from here. So questions that
 * Unicode leaves open are answered as Python answers them: white space is str.isspace, a
 * digit is what int() reads, a word is what \w matches.
 *
 * Bad UTF-8 is a character of its own, one byte long, which is neither digit nor word:
 * nothing matches across it, and a scan goes on behind it.
 */
#include "redaction/personal/characters.h"

#include "base/text/utf8.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "base/banned.h"

#define BAD UINT32_MAX
#define CAPITAL_I_DOT 0x130u
#define CAPITAL_SIGMA 0x3a3u
#define FINAL_SIGMA 0x3c2u
#define SMALL_SIGMA 0x3c3u

static bool is_ascii_alnum(uint32_t code)
{
    return (code >= '0' && code <= '9') || ((code | 0x20u) >= 'a' && (code | 0x20u) <= 'z');
}

/*
 * ASCII first: it is nearly all of it, and utf8proc's decoding is a call into another
 * library.
 */
struct nv_character nv_character_at(struct nv_str text, size_t at)
{
    struct nv_character none = {BAD, 0};
    if (at >= text.len)
        return none;
    unsigned char first = (unsigned char)text.ptr[at];
    if (first < 0x80)
        return (struct nv_character){first, 1};
    utf8proc_int32_t code = 0;
    utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)text.ptr + at,
                                            (utf8proc_ssize_t)(text.len - at), &code);
    if (len <= 0)
        return (struct nv_character){BAD, 1};
    return (struct nv_character){(uint32_t)code, (size_t)len};
}

/*
 * Goes back to a byte that may begin a character, four at most, and reads it forwards: a
 * character that does not end at `at` is none, as in a text that is cut in the middle of one.
 */
struct nv_character nv_character_before(struct nv_str text, size_t at)
{
    size_t from = at;
    while (from > 0 && at - from < 4) {
        from--;
        if (((unsigned char)text.ptr[from] & 0xc0u) != 0x80u)
            break;
    }
    struct nv_character found = nv_character_at(nv_str_slice(text, 0, at), from);
    if (at > 0 && found.len != at - from)
        return (struct nv_character){BAD, 1};
    return found;
}

static utf8proc_category_t category(uint32_t code)
{
    return code == BAD ? UTF8PROC_CATEGORY_CN : utf8proc_category((utf8proc_int32_t)code);
}

int nv_digit_value(uint32_t code)
{
    if (code < 0x80)
        return code >= '0' && code <= '9' ? (int)(code - '0') : -1;
    if (category(code) != UTF8PROC_CATEGORY_ND)
        return -1;
    /* Digits come in tens, from zero up; those of mathematics are five tens in a row. */
    uint32_t zero = code;
    while (category(zero - 1) == UTF8PROC_CATEGORY_ND)
        zero--;
    return (int)((code - zero) % 10);
}

/*
 * PCRE2 has Unicode's tables of its own release, utf8proc has those of another: of characters
 * above the first plane that one of them has as a digit and the other not yet, neither is
 * sure.
 */
bool nv_character_is_unsure_digit(uint32_t code)
{
    utf8proc_category_t c = code < 0x10000 ? UTF8PROC_CATEGORY_LO : category(code);
    return code != BAD && (c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_CN);
}

bool nv_character_is_word(uint32_t code)
{
    if (code < 0x80)
        return is_ascii_alnum(code) || code == '_';
    utf8proc_category_t c = category(code);
    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO) ||
           (c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO);
}

/*
 * By bytes that begin one, also in what is not UTF-8: lengths are only compared with each
 * other.
 */
size_t nv_character_count(struct nv_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xc0u) != 0x80u;
    return count;
}

/* ---- the canonical form ------------------------------------------------------------------ */

/* Python's str.isspace. */
bool nv_character_is_white(uint32_t code)
{
    if (code < 0x80)
        return (code >= 9 && code <= 13) || (code >= 0x1c && code <= 0x20);
    if (code == 0x85)
        return true;
    utf8proc_category_t c = category(code);
    return c >= UTF8PROC_CATEGORY_ZS && c <= UTF8PROC_CATEGORY_ZP;
}

/* By blocks, as libphonenumber's matcher asks it. */
bool nv_character_is_latin(uint32_t code)
{
    static const uint32_t blocks[][2] = {{0, 0x24f}, {0x300, 0x36f}, {0x1e00, 0x1eff}};
    bool inside = false;
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        inside |= code >= blocks[i][0] && code <= blocks[i][1];
    if (!inside)
        return false;
    utf8proc_category_t c = category(code);
    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO) ||
           c == UTF8PROC_CATEGORY_MN;
}

bool nv_character_is_currency(uint32_t code)
{
    return code != UINT32_MAX && category(code) == UTF8PROC_CATEGORY_SC;
}

static bool is_cased(uint32_t code)
{
    utf8proc_category_t c = category(code);
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LT;
}

/* Case_Ignorable of Unicode's DerivedCoreProperties: what words have inside. */
static bool is_inside_words(uint32_t code)
{
    static const uint32_t marks[] = {'\'',   '.',    ':',    '^',    '`',    0xb7,
                                     0x2018, 0x2019, 0x2024, 0x2027, 0xfe13, 0xfe52,
                                     0xfe55, 0xff07, 0xff0e, 0xff1a};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (code == marks[i])
            return true;
    }
    utf8proc_category_t c = category(code);
    return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_ME ||
           c == UTF8PROC_CATEGORY_CF || c == UTF8PROC_CATEGORY_LM || c == UTF8PROC_CATEGORY_SK;
}

/* A sigma at the end of a word has a form of its own; `text` is without white space. */
static bool is_final_sigma(struct nv_str text, size_t at, size_t len)
{
    struct nv_character c = nv_character_before(text, at);
    size_t i = at;
    while (c.len > 0 && is_inside_words(c.code)) {
        i -= c.len;
        c = nv_character_before(text, i);
    }
    if (c.len == 0 || !is_cased(c.code))
        return false;
    i = at + len;
    c = nv_character_at(text, i);
    while (c.len > 0 && is_inside_words(c.code)) {
        i += c.len;
        c = nv_character_at(text, i);
    }
    return c.len == 0 || !is_cased(c.code);
}

static void append_code(struct nv_buf *out, uint32_t code)
{
    char bytes[4];
    size_t len = nv_utf8_put(code, bytes);
    (void)nv_buf_append(out, bytes, len);
}

static void append_lower(struct nv_buf *out, struct nv_str text)
{
    for (size_t i = 0; i < text.len;) {
        struct nv_character c = nv_character_at(text, i);
        if (c.code == CAPITAL_I_DOT)
            (void)nv_buf_append_str(out, NV_STR("i\xcc\x87"));
        else if (c.code == CAPITAL_SIGMA)
            append_code(out, is_final_sigma(text, i, c.len) ? FINAL_SIGMA : SMALL_SIGMA);
        else
            append_code(out, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c.code));
        i += c.len;
    }
}

/*
 * Composed before white space goes, since a mark behind a space would else join the letter
 * before it. The copies are freed at once: values are as short as a name or an address.
 */
static enum nv_err append_unicode(struct nv_buf *out, struct nv_str value)
{
    utf8proc_uint8_t *composed = NULL;
    struct nv_buf solid;
    utf8proc_ssize_t len =
        utf8proc_map((const utf8proc_uint8_t *)value.ptr, (utf8proc_ssize_t)value.len,
                     &composed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (len < 0)
        return len == UTF8PROC_ERROR_NOMEM ? NV_ERR_NO_MEMORY : NV_ERR_MALFORMED;
    struct nv_str text = {(const char *)composed, (size_t)len};
    nv_buf_init(&solid, text.len + 1);
    for (size_t i = 0; i < text.len;) {
        struct nv_character c = nv_character_at(text, i);
        if (!nv_character_is_white(c.code))
            (void)nv_buf_append(&solid, text.ptr + i, c.len);
        i += c.len;
    }
    append_lower(out, nv_buf_str(&solid));
    enum nv_err err = solid.failed != NV_OK ? solid.failed : out->failed;
    nv_buf_release(&solid);
    free(composed);
    return err;
}

/*
 * ASCII is its own composed form and has no special casing: nothing of Unicode is asked of
 * it.
 */
enum nv_err nv_canonical_append(struct nv_buf *out, struct nv_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.ptr[i] >= 0x80)
            return append_unicode(out, value);
    }
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (!nv_character_is_white((unsigned char)c))
            (void)nv_buf_append_char(out, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
    }
    return out->failed;
}
