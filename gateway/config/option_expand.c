/*
 * ${env:NAME} and ${file:PATH}.
 *
 * The Collector's syntax, because users bring its files along. A reference that finds nothing
 * is an error, not an empty text: an empty key or path would only fail later, and far away.
 * Nothing that was read is ever put into a message. A dollar means nothing unless a brace
 * follows: passwords hold "$$", and a half of it taken away in silence is a key that is refused
 * for no reason to be seen.
 */
#include "gateway/config/option_expand.h"

#include "base/limits.h"
#include "gateway/config/file_trust.h"

#include <assert.h>

#include "base/banned.h"

#define REFERENCE_MAX 512

static enum nv_err expand_env(char *name, char *(*lookup)(const char *name), struct nv_buf *out,
                              struct nv_fail *fail)
{
    char *fallback = strstr(name, ":-");
    if (fallback) {
        *fallback = '\0';
        fallback += 2;
    }
    const char *value = lookup(name);
    if (fallback && (!value || value[0] == '\0'))
        value = fallback;
    if (!value) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "the environment variable %.60s is not set",
                           name);
    }
    return nv_buf_append_str(out, nv_str_from(value));
}

static enum nv_err expand_file(const char *path, struct nv_buf *out, struct nv_fail *fail)
{
    size_t before = out->len;
    enum nv_err err =
        nv_file_read_trusted(path, NV_FILE_NAMED, NV_CAP_CONFIG_VALUE_FILE, out, fail);
    if (err == NV_ERR_LIMIT)
        return NV_ERR_CONFIG;
    if (err == NV_OK && out->len > before && out->bytes[out->len - 1] == '\n')
        out->len--;
    if (err == NV_OK && out->len > before && out->bytes[out->len - 1] == '\r')
        out->len--;
    return err;
}

/* `inside` is what stands between the braces. */
static enum nv_err expand_reference(struct nv_str inside, char *(*lookup)(const char *name),
                                    struct nv_buf *out, struct nv_fail *fail)
{
    char text[REFERENCE_MAX];
    if (inside.len >= sizeof text) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "a reference is longer than %d bytes",
                           REFERENCE_MAX - 1);
    }
    memcpy(text, inside.ptr, inside.len);
    text[inside.len] = '\0';
    if (strncmp(text, "env:", 4) == 0)
        return expand_env(text + 4, lookup, out, fail);
    if (strncmp(text, "file:", 5) == 0)
        return expand_file(text + 5, out, fail);
    return nv_fail_set(
        fail, NV_ERR_CONFIG, 0,
        "\"${%.40s}\" is neither ${env:NAME} nor ${file:PATH}; write $${ for the text ${",
        text);
}

enum nv_err nv_option_expand(struct nv_str text, char *(*lookup)(const char *name),
                             struct nv_buf *out, struct nv_fail *fail)
{
    assert(lookup != NULL && out != NULL);
    enum nv_err err = NV_OK;
    while (text.len > 0 && err == NV_OK) {
        size_t dollar = nv_str_find_char(text, '$');
        err = nv_buf_append_str(out, nv_str_slice(text, 0, dollar));
        if (dollar == SIZE_MAX || err != NV_OK)
            return err;
        text = nv_str_slice(text, dollar, text.len);
        size_t used = 1;
        if (nv_str_starts(text, NV_STR("$${"))) {
            used = 3;
            err = nv_buf_append_str(out, NV_STR("${"));
        } else if (nv_str_starts(text, NV_STR("${"))) {
            size_t close = nv_str_find_char(text, '}');
            if (close == SIZE_MAX)
                return nv_fail_set(fail, NV_ERR_CONFIG, 0, "a \"${\" is not closed by \"}\"");
            used = close + 1;
            err = expand_reference(nv_str_slice(text, 2, close - 2), lookup, out, fail);
        } else {
            err = nv_buf_append_char(out, '$');
        }
        text = nv_str_slice(text, used, text.len);
    }
    return err;
}
