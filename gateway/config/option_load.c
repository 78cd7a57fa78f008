/*
 * Files, variables and arguments into options.
 *
 * What the user wrote is never passed over in silence: an unknown key in a file or after --set
 * is an error with the nearest name. An unknown NOVEUM_GATEWAY_ variable is an error when it
 * looks like a typo, and a warning otherwise. Kubernetes (and Docker's old links) put variables
 * into every pod beside a service called noveum-gateway; these are known by their form and
 * passed over, because a program must not fail for its neighbours:
 *
 *   NOVEUM_GATEWAY[_x]_SERVICE_HOST   _SERVICE_PORT[_name]   _PORT=tcp://...
 *   NOVEUM_GATEWAY[_x]_PORT_4318_TCP[_PROTO|_PORT|_ADDR]
 */
#include "gateway/config/option_load.h"

#include "base/limits.h"
#include "base/log/log.h"
#include "gateway/config/file_trust.h"
#include "gateway/config/memory_budget.h"
#include "gateway/config/option_expand.h"
#include "gateway/config/option_file.h"
#include "gateway/config/option_renamed.h"
#include "gateway/config/option_sdk.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define VARIABLE_PREFIX "NOVEUM_GATEWAY_"

/* Where an entry of a map was written. */
struct entry_place {
    enum nv_option_source source;
    const char *where;
};

static enum nv_err fail_at(struct nv_fail *fail, const char *where, enum nv_err err)
{
    if (err == NV_ERR_CONFIG && fail && fail->path[0] == '\0')
        (void)snprintf(fail->path, sizeof fail->path, "%s", where);
    return err;
}

static enum nv_err unknown_key(struct nv_str path, const char *where, struct nv_fail *fail)
{
    const char *near = nv_option_nearest(path);
    if (near) {
        (void)nv_fail_set(fail, NV_ERR_CONFIG, 0, "unknown key \"%.*s\", did you mean \"%s\"?",
                          NV_STR_ARG(nv_str_slice(path, 0, 48)), near);
    } else {
        (void)nv_fail_set(fail, NV_ERR_CONFIG, 0, "unknown key \"%.*s\"; --help lists all keys",
                          NV_STR_ARG(nv_str_slice(path, 0, 64)));
    }
    return fail_at(fail, where, NV_ERR_CONFIG);
}

static enum nv_err set_expanded(struct nv_options *options, size_t id, struct nv_str text,
                                enum nv_option_source source, const char *where,
                                struct nv_fail *fail)
{
    struct nv_buf value;
    nv_buf_init(&value, NV_CAP_CONFIG_FILE);
    enum nv_err err = nv_option_expand(text, getenv, &value, fail);
    if (err == NV_OK)
        err = nv_options_set(options, id, nv_buf_str(&value), source, where, fail);
    else if (err == NV_ERR_LIMIT)
        err = nv_fail_set(fail, NV_ERR_CONFIG, 0, "the value is too long");
    nv_buf_release(&value);
    return fail_at(fail, where, err);
}

/*
 * One entry of a map, as "kafka.properties.linger.ms": joins those that the same source gave
 * before, and takes the place of all that a source of lower rank gave.
 */
static enum nv_err set_entry(struct nv_options *options, size_t id, struct nv_str name,
                             struct nv_str text, struct entry_place place, struct nv_fail *fail)
{
    const struct nv_text_list *map =
        (const void *)((const char *)options + nv_option_table[id].offset);
    struct nv_buf lines;
    nv_buf_init(&lines, NV_CAP_CONFIG_FILE);
    for (size_t i = 0; options->source[id] == place.source && i < map->count; i++)
        (void)nv_buf_printf(&lines, "%s\n", map->items[i]);
    (void)nv_buf_printf(&lines, "%.*s=", NV_STR_ARG(name));
    enum nv_err err = nv_option_expand(text, getenv, &lines, fail);
    if (err == NV_OK)
        err = lines.failed;
    if (err == NV_OK)
        err = nv_options_set(options, id, nv_buf_str(&lines), place.source, place.where, fail);
    else if (err == NV_ERR_LIMIT)
        err = nv_fail_set(fail, NV_ERR_CONFIG, 0, "the value is too long");
    nv_buf_release(&lines);
    return fail_at(fail, place.where, err);
}

/* ---- file -------------------------------------------------------------------------------- */

static enum nv_err visit(void *visit_ctx, const struct nv_config_entry *entry,
                         struct nv_fail *fail)
{
    const struct nv_renamed *old = nv_renamed_rows();
    struct nv_str path = nv_renamed_now(old, entry->path, entry->where);
    size_t id = nv_option_find(path);
    bool section = nv_option_is_section(path) || nv_renamed_is_section(old, path);
    bool map = id < NV_OPTION_TOTAL && nv_option_table[id].type == NV_OPTION_MAP;
    struct nv_str name;
    size_t of = nv_option_find_entry(path, &name);
    if (of < NV_OPTION_TOTAL) {
        if (entry->is_section || entry->is_null)
            return NV_OK;
        return set_entry(visit_ctx, of, name, entry->value,
                         (struct entry_place){NV_SOURCE_FILE, entry->where}, fail);
    }
    if (id == NV_OPTION_TOTAL && !section)
        return unknown_key(entry->path, entry->where, fail);
    if (entry->is_null)
        return NV_OK;
    if (entry->is_section && (section || map))
        return NV_OK;
    if (section || entry->is_section) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "\"%.*s\" %s", NV_STR_ARG(entry->path),
                           section ? "is a section: its keys come indented below it"
                                   : "takes a value, not keys below it");
    }
    return set_expanded(visit_ctx, id, entry->value, NV_SOURCE_FILE, entry->where, fail);
}

static enum nv_err load_file(struct nv_options *options, const char *path, struct nv_fail *fail)
{
    struct nv_buf text;
    nv_buf_init(&text, NV_CAP_CONFIG_FILE);
    enum nv_err err =
        nv_file_read_trusted(path, NV_FILE_NAMED, NV_CAP_CONFIG_FILE, &text, fail);
    if (err == NV_OK)
        err = nv_config_read(nv_buf_str(&text), path, visit, options, fail);
    nv_buf_release(&text);
    return fail_at(fail, "--config", err == NV_ERR_LIMIT ? NV_ERR_CONFIG : err);
}

/* ---- environment ------------------------------------------------------------------------- */

static char variable_char(char c)
{
    return c == '.' ? '_' : (char)toupper((unsigned char)c);
}

enum nv_err nv_option_variable(size_t id, struct nv_buf *out)
{
    assert(id < NV_OPTION_TOTAL);
    (void)nv_buf_append_str(out, NV_STR(VARIABLE_PREFIX));
    for (const char *c = nv_option_table[id].path; *c != '\0'; c++)
        (void)nv_buf_append_char(out, variable_char(*c));
    return out->failed;
}

/* Is `rest`, without its prefix, the variable of the key `path`? */
static bool is_variable_of(const char *path, struct nv_str rest)
{
    size_t same = 0;
    while (same < rest.len && path[same] != '\0' && variable_char(path[same]) == rest.ptr[same])
        same++;
    return path[same] == '\0' && same == rest.len;
}

/* Row whose variable is `name`, or NV_OPTION_TOTAL. Allocates nothing: without memory a known
 * variable would be an unknown one. */
static size_t find_variable(struct nv_str name)
{
    struct nv_str rest = nv_str_slice(name, sizeof VARIABLE_PREFIX - 1, name.len);
    size_t id = 0;
    while (id < NV_OPTION_TOTAL && !is_variable_of(nv_option_table[id].path, rest))
        id++;
    return id;
}

/* The same of a key's old name, which is told. */
static size_t find_old_variable(struct nv_str name)
{
    char where[NV_OPTION_WHERE_SIZE];
    struct nv_str rest = nv_str_slice(name, sizeof VARIABLE_PREFIX - 1, name.len);
    const struct nv_renamed *row = nv_renamed_rows();
    while (row->old && !is_variable_of(row->old, rest))
        row++;
    if (!row->old)
        return NV_OPTION_TOTAL;
    (void)snprintf(where, sizeof where, "%.*s", NV_STR_ARG(name));
    return nv_option_find(nv_renamed_now(row, nv_str_from(row->old), where));
}

/* The key that a variable's name would stand for, every `_` taken as a dot, to find a near
 * one. */
static const char *nearest_to_variable(struct nv_str name)
{
    char best[NV_OPTION_WHERE_SIZE];
    size_t len = 0;
    name = nv_str_slice(name, sizeof VARIABLE_PREFIX - 1, sizeof best - 1);
    for (; len < name.len; len++)
        best[len] = (char)tolower((unsigned char)name.ptr[len]);
    /* try each number of dots from the left: assembly.quiet_ms,
     * exporter.noveum.max_in_flight */
    for (size_t i = 0; i < len; i++) {
        if (best[i] != '_')
            continue;
        best[i] = '.';
        const char *near = nv_option_nearest((struct nv_str){best, len});
        if (near)
            return near;
    }
    return NULL;
}

/*
 * NOVEUM_GATEWAY_API_KEY, NOVEUM_GATEWAY_ENDPOINT: an option's last word without its section.
 * That may be meant for us, or be an application's own way to find its gateway: said, not
 * refused.
 */
static void warn_ignored(struct nv_str name)
{
    char key[NV_OPTION_WHERE_SIZE];
    struct nv_str rest = nv_str_slice(name, sizeof VARIABLE_PREFIX - 1, sizeof key);
    struct nv_buf variable;
    for (size_t i = 0; i < rest.len; i++)
        key[i] = (char)tolower((unsigned char)rest.ptr[i]);
    const char *near = nv_option_nearest((struct nv_str){key, rest.len});
    nv_buf_init(&variable, NV_OPTION_WHERE_SIZE);
    if (near)
        (void)nv_option_variable(nv_option_find(nv_str_from(near)), &variable);
    NV_LOG(NV_LOG_WARN, "config", "unknown variable \"%.*s\" is ignored%s%.*s",
           NV_STR_ARG(name), near != NULL ? "; did you mean " : "; --help lists all keys",
           NV_STR_ARG(nv_buf_str(&variable)));
    nv_buf_release(&variable);
}

/*
 * NOVEUM_GATEWAY_ROEL, NOVEUM_ROLE, NOVEUM_GATEWAY_KIND=receive: by its name or by its value it
 * is meant to say what this process does. Passed over it would do something else.
 */
static bool looks_like_role(struct nv_str name, struct nv_str value)
{
    static const char *const words[] = {"receive", "assemble", "receiver", "assembler"};
    char word[NV_OPTION_WHERE_SIZE];
    bool ours = nv_str_starts(name, NV_STR(VARIABLE_PREFIX));
    size_t front = ours ? sizeof VARIABLE_PREFIX - 1 : sizeof "NOVEUM_" - 1;
    struct nv_str rest = nv_str_slice(name, front, sizeof word);
    for (size_t i = 0; i < rest.len; i++)
        word[i] = (char)tolower((unsigned char)rest.ptr[i]);
    struct nv_str lower = {word, rest.len};
    if (nv_str_eq(lower, NV_STR("role")))
        return true;
    if (!ours)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (nv_str_ieq(nv_str_trim(value), nv_str_from(words[i])))
            return true;
    }
    return nv_str_find(lower, NV_STR("role")) != SIZE_MAX || nv_str_eq(lower, NV_STR("roel")) ||
           nv_str_eq(lower, NV_STR("rloe")) || nv_str_eq(lower, NV_STR("orle")) ||
           nv_option_distance(lower, NV_STR("role")) <= 1;
}

static enum nv_err refuse_role(struct nv_str name, struct nv_fail *fail)
{
    (void)nv_fail_set(fail, NV_ERR_CONFIG, 0,
                      "unknown variable that looks like a role, did you mean "
                      "NOVEUM_GATEWAY_ROLE?");
    if (fail) {
        (void)snprintf(fail->path, sizeof fail->path, "%.*s",
                       NV_STR_ARG(nv_str_slice(name, 0, 96)));
    }
    return NV_ERR_CONFIG;
}

static enum nv_err unknown_variable(struct nv_str name, struct nv_fail *fail)
{
    const char *near = nearest_to_variable(name);
    size_t id = near != NULL ? nv_option_find(nv_str_from(near)) : NV_OPTION_TOTAL;
    if (id == NV_OPTION_TOTAL) {
        warn_ignored(name);
        return NV_OK;
    }
    struct nv_buf variable;
    nv_buf_init(&variable, NV_OPTION_WHERE_SIZE);
    (void)nv_option_variable(id, &variable);
    enum nv_err err =
        nv_fail_set(fail, NV_ERR_CONFIG, 0, "unknown variable, did you mean %.*s?",
                    NV_STR_ARG(nv_buf_str(&variable)));
    nv_buf_release(&variable);
    if (fail) {
        (void)snprintf(fail->path, sizeof fail->path, "%.*s",
                       NV_STR_ARG(nv_str_slice(name, 0, 96)));
    }
    return err;
}

/* Rest of `name` after its last `part`; ptr NULL when it is not there. */
static struct nv_str after_last(struct nv_str name, struct nv_str part)
{
    struct nv_str rest = {NULL, 0};
    for (size_t at; (at = nv_str_find(name, part)) != SIZE_MAX;)
        rest = name = nv_str_slice(name, at + part.len, name.len);
    return rest;
}

/* "4318_TCP", "4318_TCP_ADDR": what stands after PORT_ in the variables of a port. */
static bool is_service_port(struct nv_str text)
{
    static const char *const ends[] = {"", "_PROTO", "_PORT", "_ADDR"};
    static const char *const protocols[] = {"_TCP", "_UDP", "_SCTP"};
    size_t digits = 0;
    while (digits < text.len && isdigit((unsigned char)text.ptr[digits]))
        digits++;
    struct nv_str rest = nv_str_slice(text, digits, text.len);
    for (size_t i = 0; i < 12 && digits > 0; i++) {
        struct nv_str protocol = nv_str_from(protocols[i / 4]);
        if (nv_str_starts(rest, protocol) &&
            nv_str_eq(nv_str_slice(rest, protocol.len, rest.len), nv_str_from(ends[i % 4])))
            return true;
    }
    return false;
}

/* Set by Kubernetes for a service whose name begins with noveum-gateway, not by the user? */
static bool is_of_service(struct nv_str name, struct nv_str value)
{
    struct nv_str port = after_last(name, NV_STR("_SERVICE_PORT"));
    struct nv_str host = after_last(name, NV_STR("_SERVICE_HOST"));
    struct nv_str end = after_last(name, NV_STR("_PORT"));
    if ((host.ptr && host.len == 0) || (port.ptr && (port.len == 0 || port.ptr[0] == '_')))
        return true;
    if (end.ptr && end.len == 0 && nv_str_find(value, NV_STR("://")) != SIZE_MAX)
        return true;
    size_t at = nv_str_find(name, NV_STR("_PORT_"));
    for (; at != SIZE_MAX; at = nv_str_find(name, NV_STR("_PORT_"))) {
        name = nv_str_slice(name, at + 6, name.len);
        if (is_service_port(name))
            return true;
    }
    return false;
}

/*
 * NOVEUM_APIKEY, NOVEUM_LOG_FORMAT: whoever misspells a variable of the SDK, or leaves out
 * GATEWAY, would run in local mode and not know why. All else that begins so is the SDK's or
 * an application's own.
 */
static void warn_near(struct nv_str name)
{
    char full[NV_OPTION_WHERE_SIZE];
    const char *near = nv_sdk_near_variable(name);
    struct nv_str rest = nv_str_slice(name, sizeof "NOVEUM_" - 1, name.len);
    int len = snprintf(full, sizeof full, VARIABLE_PREFIX "%.*s", NV_STR_ARG(rest));
    if (!near && nv_str_starts(name, NV_STR("NOVEUM_")) && len > 0 &&
        (size_t)len < sizeof full &&
        find_variable((struct nv_str){full, (size_t)len}) != NV_OPTION_TOTAL)
        near = full;
    if (near) {
        NV_LOG(NV_LOG_WARN, "config", "unknown variable \"%.*s\" is ignored; did you mean %s",
               NV_STR_ARG(name), near);
    }
}

static enum nv_err load_environment(struct nv_options *options, const char *const *environment,
                                    struct nv_fail *fail)
{
    enum nv_err err = NV_OK;
    for (; *environment && err == NV_OK; environment++) {
        struct nv_str line = nv_str_from(*environment);
        size_t equals = nv_str_find_char(line, '=');
        struct nv_str name = nv_str_slice(line, 0, equals);
        if (equals == SIZE_MAX || !nv_str_starts(name, NV_STR("NOVEUM")))
            continue;
        struct nv_str value = nv_str_slice(line, equals + 1, line.len);
        if (!nv_str_starts(name, NV_STR(VARIABLE_PREFIX))) {
            if (value.len > 0 && looks_like_role(name, value))
                err = refuse_role(name, fail);
            else if (value.len > 0)
                warn_near(name);
            continue;
        }
        size_t id = find_variable(name);
        if (id == NV_OPTION_TOTAL)
            id = find_old_variable(name);
        if (id == NV_OPTION_TOTAL && is_of_service(name, value)) {
            NV_LOG(NV_LOG_DEBUG, "config", "\"%.*s\" is of a Kubernetes service, ignored",
                   NV_STR_ARG(name));
        } else if (id == NV_OPTION_TOTAL && looks_like_role(name, value)) {
            err = refuse_role(name, fail);
        } else if (id == NV_OPTION_TOTAL) {
            err = unknown_variable(name, fail);
        } else if (value.len > 0) {
            char where[NV_OPTION_WHERE_SIZE];
            (void)snprintf(where, sizeof where, "%.*s", NV_STR_ARG(name));
            err = set_expanded(options, id, value, NV_SOURCE_ENVIRONMENT, where, fail);
        }
    }
    return err;
}

/* ---- --set ------------------------------------------------------------------------------- */

/* "KEY=VALUE" */
static enum nv_err load_line(struct nv_options *options, const char *text,
                             struct entry_place place, struct nv_fail *fail)
{
    struct nv_str line = nv_str_from(text);
    size_t equals = nv_str_find_char(line, '=');
    if (equals == SIZE_MAX) {
        (void)nv_fail_set(fail, NV_ERR_CONFIG, 0, "write --set KEY=VALUE");
        return fail_at(fail, place.where, NV_ERR_CONFIG);
    }
    struct nv_str path = nv_str_trim(nv_str_slice(line, 0, equals));
    path = nv_renamed_now(nv_renamed_rows(), path, place.where);
    size_t id = nv_option_find(path);
    struct nv_str name;
    size_t of = nv_option_find_entry(path, &name);
    struct nv_str value = nv_str_slice(line, equals + 1, line.len);
    if (of < NV_OPTION_TOTAL)
        return set_entry(options, of, name, value, place, fail);
    if (id == NV_OPTION_TOTAL)
        return unknown_key(path, place.where, fail);
    return set_expanded(options, id, value, place.source, place.where, fail);
}

static enum nv_err load_lines(struct nv_options *options, const char *const *lines,
                              size_t count, struct entry_place place, struct nv_fail *fail)
{
    enum nv_err err = NV_OK;
    for (size_t i = 0; i < count && err == NV_OK; i++)
        err = load_line(options, lines[i], place, fail);
    return err;
}

enum nv_err nv_options_load(struct nv_options *options, const struct nv_option_sources *sources,
                            struct nv_fail *fail)
{
    assert(sources->environment != NULL);
    const struct entry_place fallback = {NV_SOURCE_DEFAULT, "default"};
    const struct entry_place set = {NV_SOURCE_SET, "--set"};
    enum nv_err err = nv_options_init(options);
    if (err == NV_OK)
        err = load_lines(options, sources->defaults, sources->default_count, fallback, fail);
    if (err == NV_OK && sources->directory)
        err = nv_sdk_file(options, sources->directory, fail);
    if (err == NV_OK && sources->config_file)
        err = load_file(options, sources->config_file, fail);
    if (err == NV_OK)
        err = nv_sdk_environment(options, sources->environment, fail);
    if (err == NV_OK)
        err = load_environment(options, sources->environment, fail);
    if (err == NV_OK)
        err = load_lines(options, sources->sets, sources->set_count, set, fail);
    if (err != NV_OK)
        return err;
    nv_memory_budget_from_limit(options, sources->memory_limit_bytes);
    return nv_options_finish(options, fail);
}
