/*
 * The table of options and the struct that holds their values.
 *
 * One generic setter works on a field through its offset and type, so that adding an option is
 * one row in option_table.inc and nothing else. The field types of the struct come from the
 * same rows: a row and its field can't disagree.
 *
 *   row ─▶ offset, type ─▶ field_of ─▶ set_text, set_number, ... by type
 *                       ─▶ where it came from: default < file < environment < --set
 *
 * Sources are read in any order and the strongest wins: who set a value is kept beside it, so a
 * later reader of a weaker source changes nothing but is checked all the same. That is what
 * lets `--check-config` tell of a typo in a file whose value the environment hides today.
 *
 * What a user may have typed as a secret is put into the mask before anything else looks at it,
 * because the first thing that can go wrong quotes it.
 */
#include "gateway/config/options.h"

#include "base/text/mask.h"
#include "gateway/config/option_map.h"
#include "gateway/config/option_value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

const struct nv_option nv_option_table[NV_OPTION_TOTAL] = {
#define OPTION(field, path, type, fallback, choices, min, max, flags, help)                    \
    {path,                                                                                     \
     NV_OPTION_##type,                                                                         \
     fallback,                                                                                 \
     choices,                                                                                  \
     min,                                                                                      \
     max,                                                                                      \
     flags,                                                                                    \
     help,                                                                                     \
     offsetof(struct nv_options, field)},
#include "gateway/config/option_table.inc"
#undef OPTION
};

/* The only two places where an offset becomes a pointer. The type of the row says what stands
 * there; both come from one row of the table, so no cast below can be to another type. */
static void *field_of(struct nv_options *options, size_t id)
{
    assert(id < NV_OPTION_TOTAL);
    return (char *)options + nv_option_table[id].offset;
}

static const void *field_in(const struct nv_options *options, size_t id)
{
    assert(id < NV_OPTION_TOTAL);
    return (const char *)options + nv_option_table[id].offset;
}

/* Types that differ in what they accept, not in what they keep: a string of its own, NULL when
 * empty. */
static bool is_text(enum nv_option_type type)
{
    return type == NV_OPTION_TEXT || type == NV_OPTION_PATH || type == NV_OPTION_ADDRESS ||
           type == NV_OPTION_URL || type == NV_OPTION_PROXY;
}

static bool is_list(enum nv_option_type type)
{
    return type == NV_OPTION_LIST || type == NV_OPTION_MAP;
}

/* By the table and not by name: a new option is released without anybody thinking of it. */
void nv_options_release(struct nv_options *options)
{
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        void *field = field_of(options, id);
        if (is_text(nv_option_table[id].type))
            free(*(char **)field);
        else if (is_list(nv_option_table[id].type))
            nv_text_list_release(field);
    }
    free(options->sdk.dev_directory);
    memset(options, 0, sizeof *options);
}

enum nv_err nv_options_init(struct nv_options *options)
{
    memset(options, 0, sizeof *options);
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        if (!nv_option_table[id].fallback)
            continue;
        struct nv_fail fail = {0};
        enum nv_err err = nv_options_set(options, id, nv_str_from(nv_option_table[id].fallback),
                                         NV_SOURCE_DEFAULT, "default", &fail);
        /* a default that its own row refuses is a mistake of ours: no user can mend it */
        assert(err == NV_OK || err == NV_ERR_NO_MEMORY);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

/* ---- one value --------------------------------------------------------------------------- */

/* The copy is made before the old text is freed: when memory is short the option keeps the
 * value it had. Empty is unset, as in the environment. */
static enum nv_err set_text(char **field, struct nv_str text)
{
    char *copy = NULL;
    if (text.len > 0) {
        copy = strndup(text.ptr, text.len);
        if (!copy)
            return NV_ERR_NO_MEMORY;
    }
    free(*field);
    *field = copy;
    return NV_OK;
}

static enum nv_err set_address(char **field, struct nv_str text, struct nv_fail *fail)
{
    if (nv_option_check_addresses(text) != NV_OK) {
        return nv_fail_set(
            fail, NV_ERR_CONFIG, 0,
            "\"%.*s\" is no address: write host:port, [v6]:port, unix:/path or none",
            NV_STR_ARG(text));
    }
    return set_text(field, nv_str_trim(text));
}

static enum nv_err set_url(char **field, struct nv_str text, struct nv_fail *fail)
{
    struct nv_url url;
    const char *what = NULL;
    /* the URL itself is not repeated: it may hold a password */
    if (nv_option_parse_url(text, &url, &what) != NV_OK)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "the URL %s", what);
    return set_text(field, url.base);
}

static enum nv_err set_proxy(char **field, struct nv_str text, struct nv_fail *fail)
{
    if (nv_option_check_proxy(text) != NV_OK) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "is no proxy: write [http://][user:password@]host:port, with "
                           "special characters of the password as %%XX, or none");
    }
    return set_text(field, nv_str_trim(text));
}

/* A list replaces one of a weaker source whole. Adding to it would leave no way to take an
 * entry of the file away from the command line. */
static enum nv_err set_list(struct nv_text_list *field, struct nv_str text)
{
    struct nv_text_list list;
    enum nv_err err = nv_option_parse_list(text, &list);
    if (err != NV_OK)
        return err;
    nv_text_list_release(field);
    *field = list;
    return NV_OK;
}

/* All three kinds of number are an uint64_t, so that ranges are compared in one place. The
 * message names the units that are possible: what can't be read is mostly one that isn't. */
static enum nv_err set_number(const struct nv_option *option, uint64_t *field,
                              struct nv_str text, struct nv_fail *fail)
{
    uint64_t number = 0;
    enum nv_err err = NV_OK;
    const char *units = "a whole number";
    if (option->type == NV_OPTION_MS) {
        err = nv_option_parse_ms(text, &number);
        units = "milliseconds, or a number with ms, s, m or h";
    } else if (option->type == NV_OPTION_BYTES) {
        err = nv_option_parse_bytes(text, &number);
        units = "bytes, or a number with KB, MB, GB, KiB, MiB or GiB";
    } else {
        err = nv_str_to_uint64(text, &number);
    }
    if (err != NV_OK) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "\"%.*s\" is not %s", NV_STR_ARG(text),
                           units);
    }
    if (number < option->min || number > option->max) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "%" PRIu64 " is not within %" PRIu64 "..%" PRIu64, number,
                           option->min, option->max);
    }
    *field = number;
    return NV_OK;
}

/* The comparison is written so that NaN, which is neither below nor above, is refused. */
static enum nv_err set_rate(double *field, struct nv_str text, struct nv_fail *fail)
{
    double rate = 0;
    if (nv_str_to_double(text, &rate) != NV_OK || !(rate >= 0.0 && rate <= 1.0)) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "\"%.*s\" is not a rate within 0..1",
                           NV_STR_ARG(text));
    }
    *field = rate;
    return NV_OK;
}

static enum nv_err set_choice(const struct nv_option *option, unsigned *field,
                              struct nv_str text, struct nv_fail *fail)
{
    /* YAML 1.1 readers and people write `off` as a boolean; here it is a word like others */
    if (nv_option_parse_choice(text, option->choices, field) != NV_OK) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "\"%.*s\" is none of %s", NV_STR_ARG(text),
                           option->choices);
    }
    return NV_OK;
}

static enum nv_err set_bool(bool *field, struct nv_str text, struct nv_fail *fail)
{
    if (nv_option_parse_bool(text, field) != NV_OK) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "\"%.*s\" is neither true nor false",
                           NV_STR_ARG(text));
    }
    return NV_OK;
}

/* No default: a type that is added to the enum and forgotten here does not compile. */
static enum nv_err set_field(struct nv_options *options, size_t id, struct nv_str text,
                             struct nv_fail *fail)
{
    const struct nv_option *option = &nv_option_table[id];
    void *field = field_of(options, id);
    switch (option->type) {
    case NV_OPTION_TEXT:
    case NV_OPTION_PATH:
        return set_text(field, text);
    case NV_OPTION_ADDRESS:
        return set_address(field, text, fail);
    case NV_OPTION_URL:
        return set_url(field, text, fail);
    case NV_OPTION_PROXY:
        return set_proxy(field, text, fail);
    case NV_OPTION_BOOL:
        return set_bool(field, text, fail);
    case NV_OPTION_COUNT:
    case NV_OPTION_MS:
    case NV_OPTION_BYTES:
        return set_number(option, field, text, fail);
    case NV_OPTION_RATE:
        return set_rate(field, text, fail);
    case NV_OPTION_CHOICE:
        return set_choice(option, field, text, fail);
    case NV_OPTION_LIST:
        return set_list(field, text);
    case NV_OPTION_MAP:
        return nv_option_map_set(field, text, fail);
    }
    return NV_ERR_INTERNAL;
}

static void copy_text(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);
    if (len >= size)
        len = size - 1;
    memcpy(out, text, len);
    out[len] = '\0';
}

/* Not only what is marked as a secret: people put passwords into URLs. */
static enum nv_err remember(size_t id, struct nv_str text)
{
    const bool secret = (nv_option_table[id].flags & NV_OPTION_SECRET) != 0;
    if (nv_option_table[id].type == NV_OPTION_MAP)
        return nv_option_map_remember(text, secret);
    if (secret)
        return nv_mask_add(text);
    if (nv_option_table[id].type == NV_OPTION_URL ||
        nv_option_table[id].type == NV_OPTION_PROXY)
        return nv_mask_add_url(text);
    return NV_OK;
}

enum nv_err nv_options_set(struct nv_options *options, size_t id, struct nv_str text,
                           enum nv_option_source source, const char *where,
                           struct nv_fail *fail)
{
    assert(id < NV_OPTION_TOTAL);
    /* first of all: what follows may quote it */
    enum nv_err remembered = remember(id, text);
    if (remembered != NV_OK)
        return nv_fail_set(fail, remembered, 0, "no room to remember a secret by");
    /* also a value that loses is checked: a typo must not wait for the winner to go away */
    struct nv_options scratch;
    bool loses = source < options->source[id];
    if (loses)
        memset(&scratch, 0, sizeof scratch);
    enum nv_err err = set_field(loses ? &scratch : options, id, text, fail);
    if (loses)
        nv_options_release(&scratch);
    /* the setters know what is wrong, here is known of which option and where it was written;
     * for a secret the setter's words are dropped, since they quote; a map's do not */
    if (err == NV_ERR_CONFIG && fail) {
        char what[sizeof fail->what];
        memcpy(what, fail->what, sizeof what);
        bool secret = (nv_option_table[id].flags & NV_OPTION_SECRET) != 0 &&
                      nv_option_table[id].type != NV_OPTION_MAP;
        *fail = (struct nv_fail){0};
        (void)nv_fail_set(fail, err, 0, "%s: %s", nv_option_table[id].path,
                          secret ? "the value is not valid" : what);
        copy_text(fail->path, sizeof fail->path, where);
    }
    if (err == NV_OK && !loses) {
        options->source[id] = source;
        copy_text(options->where[id], sizeof options->where[id], where);
    }
    return err;
}

/* ---- comparing --------------------------------------------------------------------------- */

static bool same_list(const struct nv_text_list *a, const struct nv_text_list *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++)
        same = strcmp(a->items[i], b->items[i]) == 0;
    return same;
}

bool nv_option_same(const struct nv_options *a, const struct nv_options *b, size_t id)
{
    const void *left = field_in(a, id);
    const void *right = field_in(b, id);
    enum nv_option_type type = nv_option_table[id].type;
    if (is_text(type))
        return nv_str_eq(nv_str_from(*(char *const *)left), nv_str_from(*(char *const *)right));
    if (is_list(type))
        return same_list(left, right);
    if (type == NV_OPTION_BOOL)
        return *(const bool *)left == *(const bool *)right;
    if (type == NV_OPTION_CHOICE)
        return *(const unsigned *)left == *(const unsigned *)right;
    if (type == NV_OPTION_RATE) {
        /* as bits: what is asked is whether a reload changes anything, not whether numbers are
         * equal */
        return memcmp(left, right, sizeof(double)) == 0;
    }
    return *(const uint64_t *)left == *(const uint64_t *)right;
}

/* ---- lookup ------------------------------------------------------------------------------ */

/* A walk over some hundred rows: it is done once per line of a file that is read at the start
 * and on a reload, and an index would be another thing to keep in step. */
size_t nv_option_find(struct nv_str path)
{
    size_t id = 0;
    while (id < NV_OPTION_TOTAL && !nv_str_eq(path, nv_str_from(nv_option_table[id].path)))
        id++;
    return id;
}

size_t nv_option_find_entry(struct nv_str path, struct nv_str *name)
{
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        struct nv_str row = nv_str_from(nv_option_table[id].path);
        if (nv_option_table[id].type == NV_OPTION_MAP && path.len > row.len + 1 &&
            path.ptr[row.len] == '.' && nv_str_starts(path, row)) {
            *name = nv_str_slice(path, row.len + 1, path.len);
            return id;
        }
    }
    return NV_OPTION_TOTAL;
}

bool nv_option_is_section(struct nv_str path)
{
    if (path.len == 0)
        return true;
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        struct nv_str row = nv_str_from(nv_option_table[id].path);
        /* a whole part: `journal` is a section, `jour` is none */
        if (row.len > path.len && row.ptr[path.len] == '.' && nv_str_starts(row, path))
            return true;
    }
    return false;
}

/* Longer names are no typo of ours, and the row of the matrix below lies on the stack. */
#define NAME_MAX_LEN 64

/* Levenshtein's distance with one row of the matrix instead of all of it: what stands above and
 * to the left of a cell is overwritten one step later, so it is kept in `diagonal`. */
size_t nv_option_distance(struct nv_str a, struct nv_str b)
{
    size_t row[NAME_MAX_LEN + 1];
    if (a.len > NAME_MAX_LEN || b.len > NAME_MAX_LEN)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = diagonal + (a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1);
            size_t shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < shift ? change : shift;
        }
    }
    return row[b.len];
}

static struct nv_str last_part(struct nv_str path)
{
    for (size_t i = path.len; i > 0; i--) {
        if (path.ptr[i - 1] == '.')
            return nv_str_slice(path, i, path.len);
    }
    return path;
}

const char *nv_option_nearest(struct nv_str path)
{
    const char *best = NULL;
    /* a hint that is far off is worse than none: at most two letters, or a quarter of a long
     * name */
    size_t best_distance = path.len / 4 < 2 ? 3 : path.len / 4 + 1;
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        struct nv_str row = nv_str_from(nv_option_table[id].path);
        size_t distance = nv_option_distance(path, row);
        /* the right name in the wrong section counts as near, but less than any typo of two */
        if (distance > 2 && nv_str_eq(last_part(path), last_part(row)))
            distance = 2;
        if (distance < best_distance) {
            best_distance = distance;
            best = nv_option_table[id].path;
        }
    }
    return best;
}

/* ---- writing ----------------------------------------------------------------------------- */

/* Choices are one string, "a|b|c", because the same string is what help and errors print. */
static enum nv_err write_choice(const char *choices, unsigned place, struct nv_buf *buf)
{
    struct nv_str rest = nv_str_from(choices);
    for (; place > 0; place--)
        rest = nv_str_slice(rest, nv_str_find_char(rest, '|') + 1, rest.len);
    size_t bar = nv_str_find_char(rest, '|');
    return nv_buf_append_str(buf, nv_str_slice(rest, 0, bar == SIZE_MAX ? rest.len : bar));
}

static enum nv_err write_list(const struct nv_text_list *list, struct nv_buf *buf)
{
    for (size_t i = 0; i < list->count; i++)
        (void)nv_buf_printf(buf, "%s%s", i == 0 ? "" : ", ", list->items[i]);
    return buf->failed;
}

/* Also a login that is too short to be masked by its value. */
static enum nv_err write_proxy(struct nv_str proxy, struct nv_buf *buf)
{
    size_t scheme = nv_str_find(proxy, NV_STR("://"));
    size_t from = scheme == SIZE_MAX ? 0 : scheme + 3;
    size_t at = nv_proxy_login_end(proxy);
    if (at == SIZE_MAX)
        return nv_buf_append_str(buf, proxy);
    return nv_buf_printf(buf, "%.*s***%.*s", NV_STR_ARG(nv_str_slice(proxy, 0, from)),
                         NV_STR_ARG(nv_str_slice(proxy, at, proxy.len)));
}

/* The way back of nv_options_set, in the form that it reads. A secret is never written, so that
 * what `--print-config` shows can be pasted into an issue. */
enum nv_err nv_option_write(const struct nv_options *options, size_t id, struct nv_buf *buf)
{
    const struct nv_option *option = &nv_option_table[id];
    const void *field = field_in(options, id);
    if (is_text(option->type)) {
        const char *text = *(char *const *)field;
        bool secret = (option->flags & NV_OPTION_SECRET) != 0;
        if (!text)
            return buf->failed;
        if (option->type == NV_OPTION_PROXY)
            return write_proxy(nv_str_from(text), buf);
        return nv_buf_append_str(buf, nv_str_from(secret ? "***" : text));
    }
    if (option->type == NV_OPTION_BOOL)
        return nv_buf_append_str(buf, nv_str_from(*(const bool *)field ? "true" : "false"));
    if (option->type == NV_OPTION_RATE)
        return nv_buf_printf(buf, "%g", *(const double *)field);
    if (option->type == NV_OPTION_CHOICE)
        return write_choice(option->choices, *(const unsigned *)field, buf);
    if (option->type == NV_OPTION_LIST)
        return write_list(field, buf);
    if (option->type == NV_OPTION_MAP)
        return nv_option_map_write(field, (option->flags & NV_OPTION_SECRET) != 0, buf);
    return nv_buf_printf(buf, "%" PRIu64, *(const uint64_t *)field);
}

/* `auto` follows personal data: who asks for it to be taken out before delivery does not want
 * it to lie on the disk in clear text until then (docs/design/0018-encrypted-journal.md). */
bool nv_options_encrypt(const struct nv_options *options)
{
    if (options->journal_encryption == NV_ENCRYPTION_AUTO)
        return options->redaction_pii != NV_PII_OFF;
    return options->journal_encryption == NV_ENCRYPTION_ON;
}
