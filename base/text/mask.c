/*
 * Masking by value, at the outermost writers.
 *
 * Words like "token" betray where a secret may be; only its value tells where it is. A backend,
 * a proxy or a client may echo a key anywhere, so nothing is asked of the places where text is
 * made: whoever writes it out masks it, whole, after all else was done to it.
 *
 *   patterns[]   only ever appended to: slot first, then the count, so readers need no lock
 *   first[256]   bytes with which any pattern, or an escape, may begin: most text is passed by
 *
 * Escapes are undone while comparing instead of kept as variants: each byte of a secret may be
 * written in several ways, and no producer writes all of them the same. Base64 has no such
 * freedom, but three alignments: of each the characters are kept that depend on the secret
 * alone.
 */
#include "base/text/mask.h"

#include "base/text/text.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

/* A secret as it is, and its base64 at three alignments. */
#define PATTERNS_EACH 4
#define PATTERNS_MAX (NV_MASK_SECRETS_MAX * PATTERNS_EACH)
/* JSON in JSON four deep; more would cost its square. */
#define SLASHES_MAX 15u
/* Longer values are no keys but files put in their place; their beginning is enough. */
#define SECRET_BYTES_MAX 4096u

struct pattern {
    char *bytes; /* owned */
    size_t len;
    bool base64; /* compared as it is, but for the two alphabets */
};

static struct pattern patterns[PATTERNS_MAX];
static _Atomic size_t pattern_count;
static _Atomic bool first[256];
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER; /* by who adds alone */

static const struct nv_str masked = NV_STR_INIT("***");

/* ---- remembering ------------------------------------------------------------------------- */

static bool is_known(struct nv_str bytes, bool base64)
{
    size_t count = atomic_load(&pattern_count);

    for (size_t i = 0; i < count; i++) {
        if (patterns[i].base64 == base64 &&
            nv_str_eq(bytes, (struct nv_str){patterns[i].bytes, patterns[i].len}))
            return true;
    }
    return false;
}

static char standard(char c)
{
    return (char)(c == '-' ? '+' : c == '_' ? '/' : c);
}

static void note_first(struct nv_str bytes, bool base64)
{
    atomic_store(&first[(unsigned char)bytes.ptr[0]], true);
    if (base64 && bytes.ptr[0] == '+')
        atomic_store(&first['-'], true);
    if (base64 && bytes.ptr[0] == '/')
        atomic_store(&first['_'], true);
    if (bytes.ptr[0] == ' ')
        atomic_store(&first['+'], true);
    atomic_store(&first['\\'], true);
    atomic_store(&first['%'], true);
}

/* Under the lock. */
static enum nv_err append(struct nv_str bytes, bool base64)
{
    size_t at = atomic_load(&pattern_count);
    char *copy;

    if (bytes.len < NV_MASK_BYTES_MIN || is_known(bytes, base64))
        return NV_OK;
    if (at == PATTERNS_MAX)
        return NV_ERR_LIMIT;
    copy = malloc(bytes.len);
    if (!copy)
        return NV_ERR_NO_MEMORY;
    memcpy(copy, bytes.ptr, bytes.len);
    patterns[at] = (struct pattern){copy, bytes.len, base64};
    note_first(bytes, base64);
    atomic_store(&pattern_count, at + 1);
    return NV_OK;
}

/*
 * `shift` bytes of something else stand before the secret in its group of three. Characters
 * that hold bits of a neighbour are left out: at the front shift + 1 of them (none without), at
 * the end the last group when it is not full.
 */
static enum nv_err append_base64(struct nv_str secret, size_t shift)
{
    char shifted[SECRET_BYTES_MAX + 2] = {0};
    struct nv_buf text;
    size_t total = shift + secret.len, front = shift == 0 ? 0 : shift + 1;
    size_t whole = total / 3 * 4 + (total % 3 == 0 ? 0 : total % 3);
    enum nv_err err;

    memcpy(shifted + shift, secret.ptr, secret.len);
    nv_buf_init(&text, sizeof shifted * 2);
    err = nv_base64_encode(&text, (struct nv_str){shifted, total});
    if (err == NV_OK)
        err = append((struct nv_str){text.bytes + front, whole - front}, true);
    if (text.bytes)
        explicit_bzero(text.bytes, text.len);
    explicit_bzero(shifted, sizeof shifted);
    nv_buf_release(&text);
    return err;
}

static bool is_number(struct nv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return true;
}

enum nv_err nv_mask_add(struct nv_str secret)
{
    enum nv_err err;

    secret = nv_str_slice(secret, 0, SECRET_BYTES_MAX);
    if (secret.len < NV_MASK_BYTES_MIN || is_number(secret))
        return NV_OK;
    (void)pthread_mutex_lock(&adding);
    err = append(secret, false);
    for (size_t shift = 0; shift < 3 && err == NV_OK; shift++)
        err = append_base64(secret, shift);
    (void)pthread_mutex_unlock(&adding);
    return err;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Of a login with %XX in it: what is sent, by Basic authentication, has none. */
static enum nv_err add_decoded(struct nv_str login)
{
    char plain[SECRET_BYTES_MAX];
    size_t len = 0, i = 0;

    for (; i < login.len && len < sizeof plain; len++) {
        int high = i + 2 < login.len ? hex(login.ptr[i + 1]) : -1;
        int low = i + 2 < login.len ? hex(login.ptr[i + 2]) : -1;
        bool escape = login.ptr[i] == '%' && high >= 0 && low >= 0;
        plain[len] = login.ptr[i];
        if (escape)
            plain[len] = (char)(high << 4 | low);
        i += escape ? 3 : 1;
    }
    struct nv_str whole = {plain, i < login.len ? 0 : len};
    enum nv_err err = nv_mask_add(nv_str_slice(whole, nv_str_find_char(whole, ':') + 1, len));
    return err == NV_OK ? nv_mask_add(whole) : err;
}

enum nv_err nv_mask_add_url(struct nv_str url)
{
    struct nv_str rest = url;
    size_t scheme = nv_str_find(rest, NV_STR("://"));
    size_t end, colon;
    struct nv_str login, password;
    enum nv_err err;

    rest = nv_str_slice(rest, scheme == SIZE_MAX ? 0 : scheme + 3, SIZE_MAX);
    end = nv_str_find_char(rest, '/');
    login = nv_str_slice(rest, 0, end);
    for (end = login.len; end > 0 && login.ptr[end - 1] != '@'; end--)
        continue;
    if (end == 0)
        return NV_OK;
    login = nv_str_slice(login, 0, end - 1);
    colon = nv_str_find_char(login, ':');
    if (colon == SIZE_MAX)
        return NV_OK;
    password = nv_str_slice(login, colon + 1, SIZE_MAX);
    err = nv_mask_add(password);
    if (err == NV_OK)
        err = nv_mask_add(login);
    return err == NV_OK && nv_str_find_char(login, '%') != SIZE_MAX ? add_decoded(login) : err;
}

void nv_mask_clear(void)
{
    size_t count = atomic_exchange(&pattern_count, 0);

    for (size_t i = 0; i < count; i++) {
        explicit_bzero(patterns[i].bytes, patterns[i].len);
        free(patterns[i].bytes);
    }
    for (size_t i = 0; i < 256; i++)
        atomic_store(&first[i], false);
}

/* ---- finding ----------------------------------------------------------------------------- */

/* Is `text` at `at` two hex digits of `byte`? */
static bool is_hex(struct nv_str text, size_t at, unsigned char byte)
{
    return at + 2 <= text.len && hex(text.ptr[at]) == byte >> 4 &&
           hex(text.ptr[at + 1]) == (byte & 15);
}

/* Bytes of text at `at` that stand for `byte`, 0: none. */
static size_t stands_for(struct nv_str text, size_t at, unsigned char byte)
{
    char c = text.ptr[at];
    size_t slashes = 0, escape = 0;

    if ((unsigned char)c == byte && c != '\\')
        return 1;
    if (c == '%')
        return is_hex(text, at + 1, byte) ? 3 : 0;
    if (c == '+' && byte == ' ')
        return 1;
    /* Text in JSON in JSON doubles them. */
    while (slashes < SLASHES_MAX && at + slashes < text.len && text.ptr[at + slashes] == '\\')
        slashes++;
    at += slashes;
    if (slashes == 0)
        return 0;
    /* \u0075 before \u: the escaped letter may be the one that begins an escape. */
    if (at < text.len && text.ptr[at] == 'x')
        escape = is_hex(text, at + 1, byte) ? slashes + 3 : 0;
    else if (nv_str_starts(nv_str_slice(text, at, SIZE_MAX), NV_STR("u00")))
        escape = is_hex(text, at + 3, byte) ? slashes + 5 : 0;
    if (escape != 0)
        return escape;
    if (byte == '\\')
        return slashes;
    return at < text.len && (unsigned char)text.ptr[at] == byte ? slashes + 1 : 0;
}

/* Bytes of text at `at` that are the pattern, or its beginning up to the end; 0: neither. */
static size_t match(const struct pattern *pattern, struct nv_str text, size_t from)
{
    size_t at = from;

    for (size_t i = 0; i < pattern->len; i++) {
        size_t n;

        if (at >= text.len)
            return i >= NV_MASK_BYTES_MIN ? at - from : 0;
        if (pattern->base64)
            n = standard(text.ptr[at]) == pattern->bytes[i] ? 1 : 0;
        else
            n = stands_for(text, at, (unsigned char)pattern->bytes[i]);
        if (n == 0)
            return 0;
        at += n;
    }
    return at - from;
}

static size_t longest_match(struct nv_str text, size_t at)
{
    size_t count = atomic_load(&pattern_count), longest = 0;

    for (size_t i = 0; i < count; i++) {
        size_t len = match(&patterns[i], text, at);

        longest = len > longest ? len : longest;
    }
    return longest;
}

size_t nv_mask_text(char *text, size_t len)
{
    const struct nv_str all = {text, len};
    size_t to = 0;

    if (atomic_load(&pattern_count) == 0)
        return len;
    for (size_t at = 0; at < len;) {
        size_t secret = 0;

        if (atomic_load_explicit(&first[(unsigned char)text[at]], memory_order_relaxed))
            secret = longest_match(all, at);
        if (secret < NV_MASK_BYTES_MIN) {
            text[to++] = text[at++];
            continue;
        }
        memcpy(text + to, masked.ptr, masked.len);
        to += masked.len;
        at += secret;
    }
    assert(to <= len);
    return to;
}

void nv_mask_buf(struct nv_buf *buf)
{
    if (buf->len > 0)
        buf->len = nv_mask_text(buf->bytes, buf->len);
}

bool nv_mask_print(struct nv_buf *buf, struct nv_output *output)
{
    nv_mask_buf(buf);
    return nv_output_write(output, nv_buf_str(buf));
}
