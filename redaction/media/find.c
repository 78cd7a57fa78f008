/*
 * Finding media in texts.
 *
 *   text  ....|....|....|....        every STRIDE bytes: do WINDOW characters of base64 stand
 *                   └┬┘              there? Prose has a space before that, nearly always.
 *          ◀── run ──┴──▶            then the run around it is read: type, bytes, hash
 *
 * A run that is none is left behind whole, so that no byte is read more than a few times.
 */
#include "redaction/media/find.h"

#include "base/openssl.h"
#include "base/text/base64_text.h"

#include <assert.h>

#include "base/banned.h"

#define STRIDE 64u
#define WINDOW 16u
#define URI_HEAD_MAX 160u /* from `data:` to the comma */
#define PIECE 6144u
#define RUN_SHORT 40u  /* of what is no data URI */
#define WHOLE_MIN 24u  /* of what is said to be one */
#define REST_MIN 40u   /* of what follows where one is broken; less may be a file's ending */
#define REST_SHARE 16u /* of the rest, one in so many may be no base64; of prose, one in six */

static_assert(STRIDE + WINDOW <= NV_MEDIA_RUN_MIN, "a run has a window inside");

/* ---- reading a run ----------------------------------------------------------------------- */

static struct nv_str head_of(struct nv_str text, size_t at, uint8_t head[NV_MEDIA_HEAD_MAX])
{
    struct nv_base64_reader reader;
    nv_base64_read_init(&reader, text, at);
    size_t len = nv_base64_read(&reader, head, NV_MEDIA_HEAD_MAX);
    return (struct nv_str){(const char *)head, len};
}

static bool hash_text(EVP_MD_CTX *context, struct nv_base64_reader *reader, uint64_t *bytes)
{
    uint8_t piece[PIECE];
    size_t len;
    bool ok = true;
    while (ok && (len = nv_base64_read(reader, piece, sizeof piece)) > 0) {
        *bytes += len;
        ok = EVP_DigestUpdate(context, piece, len) == 1;
    }
    return ok;
}

/*
 * Hash and length of the base64 at `at`; found->to is set behind it. OpenSSL is loaded here, if
 * nothing has loaded it before: a gateway that sees no medium does without. A last group of one
 * character has six bits, no byte: something was cut off behind it.
 */
static enum nv_err read_run(struct nv_str text, size_t at, struct nv_media_found *found)
{
    struct nv_base64_reader reader;
    if (nv_openssl_load_crypto(NULL) != NV_OK)
        return NV_ERR_NO_MEMORY;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    nv_base64_read_init(&reader, text, at);
    found->bytes = 0;
    bool ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
              hash_text(context, &reader, &found->bytes) &&
              EVP_DigestFinal_ex(context, found->hash, NULL) == 1;
    EVP_MD_CTX_free(context);
    found->to = reader.at;
    found->text = nv_str_slice(text, at, reader.at - at);
    found->cut = reader.chars % 4 == 1;
    return ok ? NV_OK : NV_ERR_NO_MEMORY;
}

/* Texts of limited length end in dots: three of them, or the one character. */
static bool is_cut_there(struct nv_str text, size_t at)
{
    struct nv_str rest = nv_str_slice(text, at, 3);
    return nv_str_eq(rest, NV_STR("...")) || nv_str_eq(rest, NV_STR("\xe2\x80\xa6"));
}

/* ---- what follows a break ---------------------------------------------------------------- */

static bool is_padded(struct nv_str run)
{
    return nv_str_ends(run, NV_STR("=")) || nv_str_ends(run, NV_STR("%3D")) ||
           nv_str_ends(run, NV_STR("%3d")) || nv_str_ends(run, NV_STR("\\u003d"));
}

/*
 * Is `rest` more of the base64 that ends before it, at some characters that are none?
 *
 *   iVBORw0K...***AAAANSUh...     all of it: the beginning alone is no picture
 *
 * Dots and colons are those of paths and sentences, quotes end a value.
 */
static bool is_rest(struct nv_str run, struct nv_str rest)
{
    size_t bad = 0, blanks = 0;
    if (run.len < RUN_SHORT || rest.len < REST_MIN ||
        (is_padded(run) && !nv_base64_is_char(rest.ptr[0])))
        return false;
    for (size_t i = 0; i < rest.len; i++) {
        char c = rest.ptr[i];
        if (nv_base64_is_char(c) || c == '\\' || c == '=' || c == '%')
            continue;
        if (memchr(".:\"'", c, 4))
            return false;
        bad++;
        blanks += c == ' ' || c == '\t' || c == '\n' || c == '\r';
    }
    return blanks * REST_SHARE <= rest.len && bad * REST_SHARE <= rest.len + 3 * REST_SHARE;
}

/* Where a data URI in a text can't go on. A next one's `;` is such a place: linear. */
static size_t uri_stop(struct nv_str text, size_t at)
{
    static const char stops[] = " \t\r\n\"'`()[]{}<>,;&|";
    while (at < text.len && !memchr(stops, text.ptr[at], sizeof stops - 1)) {
        if (text.ptr[at] == '\\' && (at + 1 == text.len || !memchr("/u", text.ptr[at + 1], 2)))
            break;
        at++;
    }
    return at;
}

/* ---- data URIs --------------------------------------------------------------------------- */

/*
 * Where the `data:` stands that leads to base64 at `at`, and what it says; SIZE_MAX: none does.
 * Of `;base64` the comma may be missing, and the base64 then begins behind it.
 */
static size_t uri_before(struct nv_str text, size_t from, size_t at, struct nv_str *mime)
{
    if (at == from)
        return SIZE_MAX;
    size_t least = at - from > URI_HEAD_MAX ? at - URI_HEAD_MAX : from;
    struct nv_str head = nv_str_slice(text, least, at - least);
    if (!nv_str_ends(head, NV_STR(";base64,")) && !nv_str_ends(head, NV_STR(";base64")))
        return SIZE_MAX;
    size_t end = head.len -
                 (head.ptr[head.len - 1] == ',' ? sizeof ";base64," - 1 : sizeof ";base64" - 1);
    for (size_t back = end; back >= 5; back--) {
        struct nv_str scheme = nv_str_slice(head, back - 5, 5);
        if (nv_str_ieq(scheme, NV_STR("data:"))) {
            *mime = nv_str_slice(head, back, end - back);
            return least + back - 5;
        }
    }
    return SIZE_MAX;
}

/* ---- one run ----------------------------------------------------------------------------- */

/* Is the run at `at` a medium? Nothing before `from` belongs to it. */
static enum nv_err take_run(struct nv_str text, size_t from, size_t at,
                            struct nv_media_found *found, bool *is)
{
    uint8_t bytes[NV_MEDIA_HEAD_MAX];
    struct nv_media_said said = {.kind = {NULL, 0}};
    size_t uri = uri_before(text, from, at, &said.mime);
    if (uri != SIZE_MAX)
        said.kind = NV_STR("file"); /* whatever it says, it is one */
    *is = nv_media_type_of(head_of(text, at, bytes), &said, &found->type);
    if (!*is)
        return NV_OK;
    found->from = uri != SIZE_MAX ? uri : at;
    enum nv_err err = read_run(text, at, found);
    found->cut = found->cut || is_cut_there(text, found->to);
    if (uri != SIZE_MAX) {
        size_t stop = uri_stop(text, found->to);
        if (is_rest(found->text, nv_str_slice(text, found->to, stop - found->to))) {
            found->to = stop;
            found->cut = true;
        }
    }
    return err;
}

/* ---- looking for runs -------------------------------------------------------------------- */

/* Is a byte of the eight below the first of base64's characters, as blanks and quotes are? */
static bool has_separator(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return ((word - UINT64_C(0x2b2b2b2b2b2b2b2b)) & ~word & UINT64_C(0x8080808080808080)) != 0;
}

static_assert(WINDOW == 16, "two words");

static bool is_window(const char *at)
{
    if (has_separator(at) || has_separator(at + 8))
        return false;
    for (unsigned i = 0; i < WINDOW; i++) {
        if (!nv_base64_is_char(at[i]) && at[i] != '\\') /* of an escaped slash */
            return false;
    }
    return true;
}

/* Length of the indentation that ends at `at`; 0: no line begins before it. */
static size_t indent_before(struct nv_str text, size_t from, size_t at)
{
    size_t back = at;
    while (back > from && (text.ptr[back - 1] == ' ' || text.ptr[back - 1] == '\t'))
        back--;
    struct nv_str before = nv_str_slice(text, from, back - from);
    return nv_str_ends(before, NV_STR("\n")) || nv_str_ends(before, NV_STR("\\n")) ? at - back
                                                                                   : 0;
}

/* Length of what ends at `at` > `from` and may be inside a run: a character, an escape, the end
 * of a line and what indents the next. 0: nothing. */
static size_t part_before(struct nv_str text, size_t from, size_t at)
{
    char c = text.ptr[at - 1];
    if (nv_base64_is_char(c) || c == '\\' || c == '\n' || c == '\r')
        return 1;
    struct nv_str escape = nv_str_slice(text, at - 1, 3);
    if (c == '%')
        return nv_str_ieq(escape, NV_STR("%2b")) || nv_str_ieq(escape, NV_STR("%2f"));
    return indent_before(text, from, at);
}

/* Where the run around `at` may begin, not before `from`. */
static size_t begin_of_run(struct nv_str text, size_t from, size_t at)
{
    for (size_t len; at > from && (len = part_before(text, from, at)) > 0;)
        at -= len;
    return at;
}

/* Behind the base64 that begins at `at`. */
static size_t end_of_run(struct nv_str text, size_t at)
{
    struct nv_base64_reader reader;
    uint8_t piece[PIECE];
    size_t plain = at + nv_base64_plain(text, at);
    if (plain >= text.len || !memchr("\\=%\r\n", text.ptr[plain], 5))
        return plain; /* nothing stands there that may belong to it all the same */
    nv_base64_read_init(&reader, text, at);
    while (nv_base64_read(&reader, piece, sizeof piece) > 0)
        ;
    return reader.at > at ? reader.at : at;
}

/* Length of what stands between two runs: an escape, or a character. */
static size_t separator_at(struct nv_str text, size_t at)
{
    if (at + 1 >= text.len || text.ptr[at] != '\\')
        return 1;
    return text.ptr[at + 1] == 'u' ? 6 : 2;
}

/* All runs from *at on that end before or around `window`; *at: behind what was looked at. */
static enum nv_err take_around(struct nv_str text, size_t from, size_t window, size_t *at,
                               struct nv_media_found *found, bool *is)
{
    size_t begin = begin_of_run(text, from, window);
    *is = false;
    while (begin <= window) {
        size_t end = end_of_run(text, begin);
        if (begin > from && text.ptr[begin - 1] == ';' &&
            nv_str_starts(nv_str_slice(text, begin, 6), NV_STR("base64")))
            begin += 6; /* a data URI without its comma */
        if (end > window) {
            *at = end;
            if (end - begin < RUN_SHORT && (begin == from || text.ptr[begin - 1] != ','))
                return NV_OK; /* an id, a word, a path */
            return take_run(text, from, begin, found, is);
        }
        begin = end + separator_at(text, end);
    }
    *at = begin;
    return NV_OK;
}

enum nv_err nv_media_find(struct nv_str text, size_t at, struct nv_media_found *found, bool *is)
{
    enum nv_err err = NV_OK;
    size_t from = at;
    *is = false;
    while (err == NV_OK && !*is && at + WINDOW <= text.len) {
        if (!is_window(text.ptr + at)) {
            at += STRIDE;
            continue;
        }
        size_t next = at;
        err = take_around(text, from, at, &next, found, is);
        from = at = next > at ? next : at + 1;
    }
    return err;
}

/* ---- whole texts ------------------------------------------------------------------------- */

/* Where the base64 of a whole data URI begins; 0: it is none. */
static size_t uri_end(struct nv_str text)
{
    struct nv_str head = nv_str_slice(text, 0, URI_HEAD_MAX);
    if (!nv_str_ieq(nv_str_slice(head, 0, 5), NV_STR("data:")))
        return 0;
    size_t at = nv_str_find(head, NV_STR(";base64"));
    if (at == SIZE_MAX)
        return 0;
    at += sizeof ";base64" - 1;
    return at < text.len && text.ptr[at] == ',' ? at + 1 : at;
}

/* What stands from `at` on, without white space at its end. */
static struct nv_str rest_of(struct nv_str text, size_t at)
{
    struct nv_str trimmed = nv_str_trim(nv_str_slice(text, at, SIZE_MAX));
    size_t end = trimmed.len > 0 ? (size_t)(trimmed.ptr - text.ptr) + trimmed.len : at;
    return nv_str_slice(text, at, end - at);
}

static bool is_said(const struct nv_media_said *said)
{
    return said->kind.len > 0 || said->mime.len > 0 || said->format.len > 0;
}

enum nv_err nv_media_whole(struct nv_str text, const struct nv_media_said *said,
                           struct nv_media_found *found, bool *is)
{
    uint8_t bytes[NV_MEDIA_HEAD_MAX];
    struct nv_media_said all = *said;
    size_t begin = uri_end(text);
    *is = false;
    if (begin > 0)
        (void)uri_before(text, 0, begin, &all.mime);
    if (begin > 0 && all.kind.len == 0)
        all.kind = NV_STR("file");
    struct nv_str head = head_of(text, begin, bytes);
    if (head.len == 0 || (begin == 0 && text.len < WHOLE_MIN) ||
        !nv_media_type_of(head, &all, &found->type))
        return NV_OK;
    size_t end = end_of_run(text, begin);
    struct nv_str rest = rest_of(text, end);
    bool cut = is_cut_there(text, end) ||
               (is_said(&all) && is_rest(nv_str_slice(text, begin, end - begin), rest));
    if (!cut && rest.len > 0)
        return NV_OK;
    enum nv_err err = read_run(text, begin, found);
    *is = err == NV_OK;
    found->cut = found->cut || cut;
    found->from = 0;
    found->to = text.len;
    return err;
}

enum nv_err nv_media_bytes(struct nv_str bytes, const struct nv_media_said *said,
                           struct nv_media_found *found, bool *is)
{
    struct nv_str head = nv_str_slice(bytes, 0, NV_MEDIA_HEAD_MAX);
    *is = bytes.len > 0 && nv_media_type_of(head, said, &found->type);
    if (!*is)
        return NV_OK;
    found->from = 0;
    found->to = bytes.len;
    found->text = bytes;
    found->bytes = bytes.len;
    found->cut = false;
    return nv_openssl_sha256(bytes, found->hash) == NV_OK ? NV_OK : NV_ERR_NO_MEMORY;
}
