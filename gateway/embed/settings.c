/*
 * Settings of an embedded pipeline.
 *
 * Read as --set reads them, so that a line of docs/configuration.md means the same in both.
 * Keys that an embedded pipeline would silently ignore (addresses, the network to the backend)
 * are refused: who sets one expects something of it.
 *
 * Three defaults differ, put in front, so that a setting of the caller wins:
 *   journal.durability      memory, until a directory is given: a library writes no file that
 *                           nobody asked for
 *   redaction.stack_traces  the table's, though there is no API key: the gateway without one
 *                           keeps traces on the machine and whole, an embedder sends them
 *   exporter.noveum.max_body_bytes  the least: no body is made here, and the check that one
 *                           fits into queue_bytes must not bind
 */
#include "gateway/embed/settings.h"

#include "gateway/config/option_load.h"

#include <string.h>

#include "base/banned.h"

static const struct nv_str sections[] = {NV_STR_INIT("memory."),   NV_STR_INIT("assembly."),
                                         NV_STR_INIT("mapping."),  NV_STR_INIT("redaction."),
                                         NV_STR_INIT("sampling."), NV_STR_INIT("journal."),
                                         NV_STR_INIT("media.")};
static const size_t single[] = {
    NV_OPT_exporter_noveum_project,         NV_OPT_exporter_noveum_environment,
    NV_OPT_exporter_noveum_service_version, NV_OPT_exporter_noveum_trace_id,
    NV_OPT_exporter_noveum_max_trace_bytes, NV_OPT_exporter_noveum_queue_bytes};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool is_used(struct nv_str key)
{
    if (nv_str_starts(key, NV_STR("media.directory")))
        return false; /* files that nothing would ever remove */
    for (size_t i = 0; i < COUNT(sections); i++) {
        if (nv_str_starts(key, sections[i]))
            return true;
    }
    for (size_t i = 0; i < COUNT(single); i++) {
        if (nv_str_eq(key, nv_str_from(nv_option_table[single[i]].path)))
            return true;
    }
    return false;
}

static struct nv_str key_of(const char *setting)
{
    struct nv_str text = nv_str_from(setting);
    size_t end = nv_str_find_char(text, '=');
    return nv_str_slice(text, 0, end == SIZE_MAX ? text.len : end);
}

/* What is not in the table at all is left to the loader, which knows the nearest name. */
static enum nv_err check(const char *setting, struct nv_fail *fail)
{
    struct nv_str key = key_of(setting);
    if (key.len == strlen(setting))
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s: write key=value", setting);
    if (is_used(key) || nv_option_find(key) == NV_OPTION_TOTAL)
        return NV_OK;
    return nv_fail_set(
        fail, NV_ERR_CONFIG, 0,
        "%.*s: an embedded pipeline has no use for it (include/noveum/pipeline.h "
        "says which settings it has)",
        NV_STR_ARG(key));
}

enum nv_err nv_embed_options(struct nv_options *options, const char *const *settings,
                             struct nv_fail *fail)
{
    static const char *const nothing[] = {NULL};
    const char *sets[NV_EMBED_SETTINGS_MAX + 3] = {"journal.durability=memory",
                                                   "redaction.stack_traces=off",
                                                   "exporter.noveum.max_body_bytes=65536"};
    size_t count = 3;
    enum nv_err err = NV_OK;
    *options = (struct nv_options){0};
    for (size_t i = 0; settings && settings[i] && err == NV_OK; i++) {
        if (nv_str_eq(key_of(settings[i]), NV_STR("journal.directory")))
            sets[0] = "journal.durability=fsync";
        if (i == NV_EMBED_SETTINGS_MAX) {
            return nv_fail_set(fail, NV_ERR_LIMIT, 0, "more than %u settings",
                               NV_EMBED_SETTINGS_MAX);
        }
        err = check(settings[i], fail);
        sets[count++] = settings[i];
    }
    struct nv_option_sources sources = {
        .sets = sets, .set_count = count, .environment = nothing};
    if (err == NV_OK)
        err = nv_options_load(options, &sources, fail);
    /* "--set" says nothing to who called a function; the text names the key. */
    fail->path[0] = '\0';
    return err;
}
