/*
 * Personal data: the salt, the user's patterns and values that pass, checked before anything
 * starts.
 *
 * A pattern is LABEL=PATTERN, as a label has no `=` and a pattern may have one. What is set
 * without `redaction.pii` is refused: somebody who writes patterns expects them to be used.
 */
#include "gateway/config/option_personal.h"

#include "base/limits.h"
#include "base/text/mask.h"
#include "gateway/config/file_trust.h"
#include "gateway/config/option_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/banned.h"

#define SALT_FILE_MAX NV_CAP_KIB(64)

static enum nv_err refuse(const struct nv_options *options, size_t id, struct nv_fail *fail,
                          const char *what)
{
    (void)nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s: %s", nv_option_table[id].path, what);
    if (fail) {
        (void)snprintf(fail->path, sizeof fail->path, "%.*s", (int)sizeof fail->path - 1,
                       options->where[id]);
    }
    return NV_ERR_CONFIG;
}

/* ---- the salt ---------------------------------------------------------------------------- */

static enum nv_err read_salt_file(const struct nv_options *options, struct nv_buf *salt,
                                  struct nv_fail *fail)
{
    const char *path = options->redaction_pii_salt_file;
    struct stat info;
    /* whoever knows the salt can try all telephone numbers against the pseudonyms */
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_IROTH)) {
        return refuse(options, NV_OPT_redaction_pii_salt_file, fail,
                      "everybody can read the file; chmod o-rwx it");
    }
    return nv_file_read_trusted(path, NV_FILE_NAMED, SALT_FILE_MAX, salt, fail);
}

static enum nv_err check_salt(const struct nv_options *options, size_t id, struct nv_str salt,
                              struct nv_fail *fail)
{
    if (nv_str_trim(salt).len == 0) {
        return refuse(options, id, fail,
                      "pseudonyms need a salt: set redaction.pii_salt_file (or "
                      "redaction.pii_salt, NOVEUM_PII_SALT)");
    }
    /* it is in the SDK's source: pseudonyms by it are none */
    if (nv_str_eq(nv_str_trim(salt), NV_STR(NV_PERSONAL_SALT_SHARED))) {
        return refuse(
            options, id, fail,
            "the SDK's old salt, which everybody knows; make one: openssl rand -hex 32");
    }
    if (salt.len < NV_PERSONAL_SALT_MIN) {
        return refuse(options, id, fail,
                      "shorter than 8 bytes can be guessed; make one: openssl rand -hex 32");
    }
    return NV_OK;
}

/* A line end is not of the salt, nor are spaces around it. */
static void trim(struct nv_buf *salt)
{
    struct nv_str text = nv_str_trim(nv_buf_str(salt));
    if (text.len > 0)
        memmove(salt->bytes, text.ptr, text.len);
    salt->len = text.len;
}

/* A salt that is not needed is read all the same: that it can't be is found at the start and
 * not on the day that somebody turns pseudonyms on. */
static enum nv_err read_salt(const struct nv_options *options, struct nv_buf *salt,
                             struct nv_fail *fail)
{
    bool pseudonyms = options->redaction_pii == NV_PII_PSEUDONYMISE;
    size_t id = NV_OPT_redaction_pii;
    enum nv_err err = NV_OK;
    if (options->redaction_pii_salt && options->redaction_pii_salt_file) {
        return refuse(options, NV_OPT_redaction_pii_salt_file, fail,
                      "there is redaction.pii_salt too: remove one of them");
    }
    if (options->redaction_pii_salt_file) {
        id = NV_OPT_redaction_pii_salt_file;
        err = read_salt_file(options, salt, fail);
        trim(salt);
        if (err == NV_OK)
            err = nv_mask_add(nv_buf_str(salt));
    } else if (options->redaction_pii_salt) {
        id = NV_OPT_redaction_pii_salt;
        err = nv_buf_append_str(salt, nv_str_from(options->redaction_pii_salt));
    }
    return err == NV_OK && pseudonyms ? check_salt(options, id, nv_buf_str(salt), fail) : err;
}

/* ---- patterns ---------------------------------------------------------------------------- */

static enum nv_err split_patterns(const struct nv_options *options,
                                  struct nv_personal_pattern *patterns, struct nv_fail *fail)
{
    for (size_t i = 0; i < options->redaction_patterns.count; i++) {
        struct nv_str item = nv_str_from(options->redaction_patterns.items[i]);
        size_t equals = nv_str_find_char(item, '=');
        if (equals == SIZE_MAX) {
            char what[100];
            (void)snprintf(what, sizeof what, "item %zu: write LABEL=PATTERN, or =PATTERN",
                           i + 1);
            return refuse(options, NV_OPT_redaction_patterns, fail, what);
        }
        patterns[i].label = nv_str_trim(nv_str_slice(item, 0, equals));
        patterns[i].pattern = nv_str_slice(item, equals + 1, item.len);
    }
    return NV_OK;
}

/* Splits "file:line:column", the place of a key; false: it is none. */
static bool split_place(struct nv_str where, struct nv_str *file, struct nv_config_place *place)
{
    size_t colons[2] = {SIZE_MAX, SIZE_MAX};
    for (size_t i = where.len; i > 0 && colons[0] == SIZE_MAX; i--) {
        if (where.ptr[i - 1] == ':')
            colons[colons[1] == SIZE_MAX ? 1 : 0] = i - 1;
    }
    uint64_t line = 0, column = 0;
    if (colons[0] == SIZE_MAX ||
        nv_str_to_uint64(nv_str_slice(where, colons[0] + 1, colons[1] - colons[0] - 1),
                         &line) != NV_OK ||
        nv_str_to_uint64(nv_str_slice(where, colons[1] + 1, where.len), &column) != NV_OK)
        return false;
    *file = nv_str_slice(where, 0, colons[0]);
    *place = (struct nv_config_place){(size_t)line, (size_t)column};
    return true;
}

/* Puts the place of byte `offset` of an item of the patterns in fail->path, if they are a list
 * in the configuration's file; that is read again for it. */
static void place_in_file(const struct nv_options *options, size_t number, size_t offset,
                          struct nv_fail *fail)
{
    struct nv_str where = nv_str_from(options->where[NV_OPT_redaction_patterns]), file;
    struct nv_config_place place;
    struct nv_buf text;
    char path[NV_OPTION_WHERE_SIZE];
    if (!fail || options->source[NV_OPT_redaction_patterns] != NV_SOURCE_FILE ||
        !split_place(where, &file, &place))
        return;
    (void)snprintf(path, sizeof path, "%.*s", NV_STR_ARG(file));
    nv_buf_init(&text, NV_CAP_CONFIG_FILE);
    if (nv_file_read_trusted(path, NV_FILE_NAMED, NV_CAP_CONFIG_FILE, &text, NULL) == NV_OK &&
        nv_config_item_place(nv_buf_str(&text), place, number, &place)) {
        (void)snprintf(fail->path, sizeof fail->path, "%.140s:%zu:%zu", path, place.line,
                       place.column + offset);
    }
    nv_buf_release(&text);
}

/* What nv_pii_new says of pattern number fail->path, in the words of the option. */
static enum nv_err refuse_pattern(const struct nv_options *options,
                                  const struct nv_personal_pattern *patterns,
                                  const struct nv_fail *why, struct nv_fail *fail)
{
    uint64_t number = 0;
    char what[sizeof fail->what];
    size_t before = 0;
    if (nv_str_to_uint64(nv_str_from(why->path), &number) == NV_OK &&
        number < options->redaction_patterns.count) {
        const char *item = options->redaction_patterns.items[number];
        /* counted in what the user wrote, label and all */
        before = (size_t)(patterns[number].pattern.ptr - item) + why->offset;
    }
    (void)snprintf(what, sizeof what, "item %u, column %zu, offset %zu in the pattern: %.60s",
                   (unsigned)number + 1, before + 1, why->offset, why->what);
    enum nv_err err = refuse(options, NV_OPT_redaction_patterns, fail, what);
    place_in_file(options, (size_t)number, before, fail);
    return err;
}

/* New views of a list's items; NULL without memory. */
static struct nv_str *views(const struct nv_text_list *list)
{
    struct nv_str *items = calloc(list->count + 1, sizeof *items);
    for (size_t i = 0; items && i < list->count; i++)
        items[i] = nv_str_from(list->items[i]);
    return items;
}

static bool is_none(const struct nv_text_list *list)
{
    return list->count == 1 && nv_str_eq(nv_str_from(list->items[0]), NV_STR("none"));
}

/* What nv_pii_new refused, at the option that it is of. */
static enum nv_err refuse_rules(const struct nv_options *options,
                                const struct nv_personal_pattern *patterns,
                                const struct nv_fail *why, struct nv_fail *fail)
{
    if (nv_str_starts(nv_str_from(why->path), NV_STR("region")))
        return refuse(options, NV_OPT_redaction_phone_regions, fail, why->what);
    return refuse_pattern(options, patterns, why, fail);
}

static enum nv_err add_keys(const struct nv_options *options, struct nv_pii *pii,
                            struct nv_fail *fail)
{
    for (size_t i = 0; i < options->redaction_pii_keys.count; i++) {
        const char *item = options->redaction_pii_keys.items[i];
        const char *wrong = nv_pii_add_key(pii, nv_str_from(item));
        if (wrong) {
            char what[160];
            (void)snprintf(what, sizeof what, "\"%.48s\" %s", item, wrong);
            return refuse(options, NV_OPT_redaction_pii_keys, fail, what);
        }
    }
    return NV_OK;
}

/* `patterns` and the views are borrowed by nv_pii_new for the call alone, and freed here. */
static enum nv_err make(const struct nv_options *options, struct nv_str salt,
                        struct nv_personal_pattern *patterns, struct nv_pii **out,
                        struct nv_fail *fail)
{
    const struct nv_text_list *regions = &options->redaction_phone_regions;
    struct nv_personal_setup setup = {.mode = options->redaction_pii == NV_PII_REDACT
                                                  ? NV_PERSONAL_REDACT
                                                  : NV_PERSONAL_PSEUDONYMISE,
                                      .salt = salt,
                                      .patterns = patterns,
                                      .pattern_count = options->redaction_patterns.count,
                                      .allowed = views(&options->redaction_pii_allow),
                                      .allowed_count = options->redaction_pii_allow.count,
                                      .regions = views(regions),
                                      .region_count = is_none(regions) ? 0 : regions->count};
    struct nv_fail why = {0};
    enum nv_err err = setup.allowed && setup.regions ? split_patterns(options, patterns, fail)
                                                     : NV_ERR_NO_MEMORY;
    if (err == NV_OK) {
        err = nv_pii_new(&setup, out, &why);
        if (err == NV_ERR_CONFIG)
            err = refuse_rules(options, patterns, &why, fail);
    }
    free((void *)(uintptr_t)setup.allowed);
    free((void *)(uintptr_t)setup.regions);
    return err == NV_OK ? add_keys(options, *out, fail) : err;
}

/* ---- all of it --------------------------------------------------------------------------- */

/* What the SDK's file says of patterns without switching them on has no effect there either. */
static bool is_ours(const struct nv_options *options, size_t id)
{
    return options->source[id] > NV_SOURCE_SDK_FILE;
}

static enum nv_err check_off(const struct nv_options *options, struct nv_fail *fail)
{
    static const char what[] = "has no effect while redaction.pii is off: set that too";
    if (options->redaction_patterns.count > 0 && is_ours(options, NV_OPT_redaction_patterns))
        return refuse(options, NV_OPT_redaction_patterns, fail, what);
    if (options->redaction_pii_allow.count > 0)
        return refuse(options, NV_OPT_redaction_pii_allow, fail, what);
    if (options->redaction_pii_keys.count > 0)
        return refuse(options, NV_OPT_redaction_pii_keys, fail, what);
    return NV_OK;
}

enum nv_err nv_options_personal(const struct nv_options *options, struct nv_pii **out,
                                struct nv_fail *fail)
{
    struct nv_buf salt;
    *out = NULL;
    if (options->redaction_pii == NV_PII_OFF)
        return check_off(options, fail);
    struct nv_personal_pattern *patterns =
        calloc(options->redaction_patterns.count + 1, sizeof *patterns);
    if (!patterns)
        return NV_ERR_NO_MEMORY;
    nv_buf_init(&salt, SALT_FILE_MAX);
    enum nv_err err = read_salt(options, &salt, fail);
    if (err == NV_OK)
        err = make(options, nv_buf_str(&salt), patterns, out, fail);
    if (err != NV_OK) {
        nv_pii_free(*out);
        *out = NULL;
    }
    if (salt.bytes)
        explicit_bzero(salt.bytes, salt.capacity);
    nv_buf_release(&salt);
    free(patterns);
    return err;
}
