/*
 * Bearer tokens (RFC 6750 section 2.1), Basic credentials (RFC 7617), private keys (RFC 7468;
 * OpenPGP's armour, RFC 9580).
 *
 * `Basic` is a word of prose too, so what follows it must decode to `user:password`. A key that
 * was cut before its last line ends where its base64 does.
 */
#include "redaction/secrets/words.h"

#include "base/banned.h"

#define BEARER_MIN 16
#define BASIC_LOOK 64   /* of base64, to find the colon in */
#define LABEL_MAX 100   /* of "RSA PRIVATE KEY"; gitleaks private-key */
#define PEM_WORD_MIN 16 /* of a key without its last line */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_token(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("-._~+/=", c) != NULL);
}

static struct nv_secret_stretch none(void)
{
    return (struct nv_secret_stretch){0};
}

/* ---- credentials ------------------------------------------------------------------------- */

static bool is_behind(struct nv_str text, size_t floor, size_t at, struct nv_str word)
{
    return at >= floor + word.len &&
           nv_str_ieq(nv_str_slice(text, at - word.len, word.len), word);
}

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/*
 * Is this the base64 of text up to a colon in it? What is behind the colon is not looked at: a
 * full stop that ends the sentence, or the mask of something else, makes the password no other.
 */
static bool is_user_and_password(struct nv_str word)
{
    unsigned bits = 0;
    for (size_t i = 0; i < word.len && i < BASIC_LOOK; i++) {
        int value = sextet(word.ptr[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (unsigned)value;
        if (i % 4 == 0)
            continue;
        unsigned char byte = (unsigned char)(bits >> (6 - i % 4 * 2));
        if (byte == ':')
            return true;
        if (byte < ' ' || byte == 0x7f)
            return false;
    }
    return false;
}

struct nv_secret_stretch nv_credentials_find(struct nv_str text, size_t floor, size_t at)
{
    bool bearer = is_behind(text, floor, at, NV_STR("Bearer "));
    if (!bearer && !is_behind(text, floor, at, NV_STR("Basic ")))
        return none();
    size_t to = at;
    while (to < text.len && is_token(text.ptr[to]))
        to++;
    if (bearer && to - at >= BEARER_MIN)
        return (struct nv_secret_stretch){at, to - at, NV_SECRET_BEARER};
    if (!bearer && is_user_and_password(nv_str_slice(text, at, to - at)))
        return (struct nv_secret_stretch){at, to - at, NV_SECRET_BASIC};
    return none();
}

/* ---- private keys ------------------------------------------------------------------------ */

/* Where the body begins behind "-----BEGIN ", 0: it is no private key's. */
static size_t body_begin(struct nv_str text, size_t at)
{
    struct nv_str label = nv_str_slice(text, at, LABEL_MAX);
    size_t key = nv_str_find(label, NV_STR("PRIVATE KEY"));
    if (key == SIZE_MAX)
        return 0;
    for (size_t i = 0; i < key; i++) {
        if (!is_alnum(label.ptr[i]) && !memchr(" -_", label.ptr[i], 3))
            return 0;
    }
    size_t from = at + key + sizeof "PRIVATE KEY" - 1;
    if (nv_str_starts(nv_str_slice(text, from, SIZE_MAX), NV_STR(" BLOCK")))
        from += sizeof " BLOCK" - 1;
    return nv_str_starts(nv_str_slice(text, from, SIZE_MAX), NV_STR("-----")) ? from + 5 : 0;
}

/*
 * Where the body ends: at its last line, else at what no key holds. That is also the first line
 * of another key, so that a text of first lines alone is gone over once and not once for each.
 */
static size_t body_end(struct nv_str text, size_t from, bool *closed)
{
    size_t to = from;
    *closed = false;
    for (; to < text.len && !memchr("\"'<>{}", text.ptr[to], 6); to++) {
        struct nv_str rest = nv_str_slice(text, to, SIZE_MAX);
        *closed = text.ptr[to] == '-' && nv_str_starts(rest, NV_STR("-----END"));
        if (*closed || (text.ptr[to] == '-' && nv_str_starts(rest, NV_STR("-----BEGIN "))))
            return to;
    }
    while (to < text.len && to > from && text.ptr[to - 1] == '\\')
        to--;
    return to;
}

/* Also such as JSON escapes them. */
static size_t over_line_ends(struct nv_str text, size_t from)
{
    for (;;) {
        const struct nv_str two = nv_str_slice(text, from, 2);
        if (nv_str_eq(two, NV_STR("\\n")) || nv_str_eq(two, NV_STR("\\r")))
            from += 2;
        else if (two.len > 0 && (two.ptr[0] == '\n' || two.ptr[0] == '\r'))
            from++;
        else
            return from;
    }
}

/* Bytes of base64 in the first word of what was cut. */
static size_t first_word(struct nv_str body)
{
    size_t from = 0, to;
    while (from < body.len && memchr(" \t\r\n\\", body.ptr[from], 5))
        from += body.ptr[from] == '\\' && from + 1 < body.len ? 2 : 1;
    for (to = from; to < body.len && sextet(body.ptr[to]) >= 0;)
        to++;
    return to - from;
}

struct nv_secret_stretch nv_private_key_find(struct nv_str text, size_t floor, size_t dash)
{
    static const struct nv_str begin = NV_STR_INIT("-----BEGIN ");
    if (dash < 4 || !nv_str_eq(nv_str_slice(text, dash - 4, begin.len), begin))
        return none();
    size_t from = body_begin(text, dash - 4 + begin.len);
    if (from == 0 || nv_str_starts(nv_str_slice(text, from, SIZE_MAX), NV_STR("***")))
        return none();
    bool closed;
    size_t to = body_end(text, from, &closed);
    if (from < floor)
        from = over_line_ends(text, floor);
    struct nv_str body = nv_str_slice(text, from, to > from && from != floor ? to - from : 0);
    if (body.len == 0 || (!closed && first_word(body) < PEM_WORD_MIN))
        return none();
    return (struct nv_secret_stretch){from, body.len, NV_SECRET_PEM};
}
