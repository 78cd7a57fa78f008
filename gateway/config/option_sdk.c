/*
 * The SDK's variables and files in terms of our options.
 *
 * One table for both. A row says which option is meant and how its text is turned: the SDK
 * counts seconds where we count ms, has switches where we have choices, and its dev mode is a
 * directory here. What the SDK knows and we don't (batch threads, capture flags) has no row and
 * no effect. Where the SDK refuses a setting as unsupported (redact_pii, encrypt_data) it would
 * not have started, so such a file can't be in use.
 */
#include "gateway/config/option_sdk.h"

#include "base/limits.h"
#include "gateway/config/file_trust.h"
#include "gateway/config/option_file.h"
#include "gateway/config/option_value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

enum turn {
    AS_IS,
    BOOLEAN,       /* the SDK's words for true and false */
    SECONDS,       /* 5 or 2.5 seconds into ms */
    LEVEL,         /* Python's names of log levels */
    DEBUG_SWITCH,  /* true: log.level debug */
    PII_SWITCH,    /* true: pseudonymise, which is what the SDK does on export */
    STACKS_SWITCH, /* true: full */
    PATTERNS,      /* a list without labels, or a mapping of labels: LABEL=PATTERN */
    REGIONS,       /* an empty list is none */
    DEV_SWITCH, /* true: files in .noveum_trace_dev unless dev_traces_dir names another place */
    DEV_DIRECTORY /* only when dev mode is on, or without a key */
};

struct row {
    const char *variable; /* NULL: only in files */
    const char *key;      /* NULL: only a variable */
    size_t id;
    enum turn turn;
};

/* Later rows of the same option win: endpoint over transport.endpoint, log_level over debug. */
static const struct row rows[] = {
    {"NOVEUM_API_KEY", "api_key", NV_OPT_exporter_noveum_api_key, AS_IS},
    {"NOVEUM_PROJECT", "project", NV_OPT_exporter_noveum_project, AS_IS},
    {"NOVEUM_ENVIRONMENT", "environment", NV_OPT_exporter_noveum_environment, AS_IS},
    {"NOVEUM_SERVICE_VERSION", "service_version", NV_OPT_exporter_noveum_service_version,
     AS_IS},
    {NULL, "transport.endpoint", NV_OPT_exporter_noveum_endpoint, AS_IS},
    {"NOVEUM_ENDPOINT", "endpoint", NV_OPT_exporter_noveum_endpoint, AS_IS},
    {NULL, "transport.timeout", NV_OPT_exporter_noveum_timeout_ms, SECONDS},
    {NULL, "transport.batch_size", NV_OPT_exporter_noveum_batch_traces, AS_IS},
    {NULL, "transport.batch_timeout", NV_OPT_exporter_noveum_batch_ms, SECONDS},
    {"NOVEUM_SSL_VERIFY", "transport.ssl_verify", NV_OPT_exporter_noveum_ssl_verify, BOOLEAN},
    {"NOVEUM_CA_BUNDLE", "transport.ca_bundle", NV_OPT_exporter_noveum_ca_bundle, AS_IS},
    {"NOVEUM_ALLOW_INSECURE_TRANSPORT", "transport.allow_insecure_transport",
     NV_OPT_exporter_noveum_allow_insecure_transport, BOOLEAN},
    {NULL, "tracing.sample_rate", NV_OPT_sampling_rate, AS_IS},
    {NULL, "tracing.capture_stack_traces", NV_OPT_redaction_stack_traces, STACKS_SWITCH},
    {"NOVEUM_PII_ENABLED", "security.pii_enabled", NV_OPT_redaction_pii, PII_SWITCH},
    {"NOVEUM_PII_SALT", "security.pii_salt", NV_OPT_redaction_pii_salt, AS_IS},
    {NULL, "security.custom_redaction_patterns", NV_OPT_redaction_patterns, PATTERNS},
    {NULL, "security.pii_phone_regions", NV_OPT_redaction_phone_regions, REGIONS},
    {"NOVEUM_DEV_MODE", "dev_mode", NV_OPT_exporter_file_directory, DEV_SWITCH},
    {"NOVEUM_DEV_TRACES_DIR", "dev_traces_dir", NV_OPT_exporter_file_directory, DEV_DIRECTORY},
    {"NOVEUM_LOG_LEVEL", "log_level", NV_OPT_log_level, LEVEL},
    {"NOVEUM_DEBUG", "debug", NV_OPT_log_level, DEBUG_SWITCH},
};
/* Begins what a mapping of patterns says. */
#define LABELLED "\n"
#define ROWS (sizeof rows / sizeof rows[0])

/* What one source said, by row; "" after `given` is a value too (a false boolean in the
 * SDK). */
struct said {
    char *text[ROWS];
    char where[ROWS][NV_OPTION_WHERE_SIZE];
};

static enum nv_err wrong(struct nv_fail *fail, const char *where, const char *format,
                         struct nv_str text)
{
    enum nv_err err =
        nv_fail_set(fail, NV_ERR_CONFIG, 0, "\"%.*s\" %s", NV_STR_ARG(text), format);
    if (fail)
        (void)snprintf(fail->path, sizeof fail->path, "%s", where);
    return err;
}

static enum nv_err turn_seconds(struct nv_str text, struct nv_buf *out)
{
    double seconds = 0;
    if (nv_str_to_double(text, &seconds) != NV_OK || !(seconds >= 0 && seconds < 1e6))
        return NV_ERR_CONFIG;
    return nv_buf_printf(out, "%" PRIu64, (uint64_t)(seconds * 1000.0 + 0.5));
}

/* Items of a list get an empty label; those of a mapping have theirs (visit_pattern), behind a
 * line that says so. */
static enum nv_err turn_patterns(struct nv_str text, struct nv_buf *out)
{
    bool labelled = nv_str_starts(text, NV_STR(LABELLED));
    if (labelled)
        return nv_buf_append_str(out, nv_str_slice(text, sizeof LABELLED - 1, text.len));
    while (text.len > 0) {
        size_t end = nv_str_find_char(text, '\n');
        (void)nv_buf_printf(out, "=%.*s\n", NV_STR_ARG(nv_str_slice(text, 0, end)));
        text = nv_str_slice(text, end == SIZE_MAX ? text.len : end + 1, text.len);
    }
    return out->failed;
}

static const char *turn_level(struct nv_str text)
{
    static const char *const names[][2] = {{"DEBUG", "debug"},  {"INFO", "info"},
                                           {"WARNING", "warn"}, {"WARN", "warn"},
                                           {"ERROR", "error"},  {"CRITICAL", "error"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (nv_str_ieq(text, nv_str_from(names[i][0])))
            return names[i][1];
    }
    return NULL;
}

/* A switch of the SDK: what it sets when it is on. */
static const char *switch_value(enum turn turn)
{
    switch (turn) {
    case DEBUG_SWITCH:
        return "debug";
    case PII_SWITCH:
        return "pseudonymise";
    case STACKS_SWITCH:
        return "full";
    default:
        assert(turn == DEV_SWITCH);
        return ".noveum_trace_dev";
    }
}

/* Our text of the SDK's text; *skip when it sets nothing. */
static enum nv_err turn_text(enum turn turn, struct nv_str text, struct nv_buf *out, bool *skip)
{
    bool on = false;
    const char *level = NULL;
    *skip = false;
    switch (turn) {
    case AS_IS:
    case DEV_DIRECTORY:
        return nv_buf_append_str(out, text);
    case PATTERNS:
        return turn_patterns(text, out);
    case REGIONS:
        return nv_buf_append_str(out, text.len > 0 ? text : NV_STR("none"));
    case SECONDS:
        return turn_seconds(text, out);
    case LEVEL:
        level = turn_level(text);
        return level == NULL ? NV_ERR_CONFIG : nv_buf_append_str(out, nv_str_from(level));
    case BOOLEAN:
        if (nv_option_parse_bool(text, &on) != NV_OK)
            return NV_ERR_CONFIG;
        return nv_buf_append_str(out, nv_str_from(on ? "true" : "false"));
    default:
        if (nv_option_parse_bool(text, &on) != NV_OK)
            return NV_ERR_CONFIG;
        *skip = !on && turn != PII_SWITCH && turn != STACKS_SWITCH;
        return nv_buf_append_str(out, nv_str_from(on ? switch_value(turn) : "off"));
    }
}

static enum nv_err apply_row(struct nv_options *options, const struct said *said, size_t i,
                             enum nv_option_source source, struct nv_fail *fail)
{
    struct nv_buf text;
    bool skip = false;
    nv_buf_init(&text, NV_CAP_CONFIG_FILE);
    struct nv_str sdk = nv_str_from(said->text[i]);
    enum nv_err err = turn_text(rows[i].turn, sdk, &text, &skip);
    if (err == NV_ERR_CONFIG)
        err = wrong(fail, said->where[i], "is not understood here", sdk);
    if (err == NV_OK && !skip) {
        err = nv_options_set(options, rows[i].id, nv_buf_str(&text), source, said->where[i],
                             fail);
    }
    nv_buf_release(&text);
    return err;
}

static bool dev_mode_on(const struct said *said)
{
    bool on = false;
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].turn == DEV_SWITCH && said->text[i] &&
            nv_option_parse_bool(nv_str_from(said->text[i]), &on) != NV_OK)
            return false;
    }
    return on;
}

/* Kept for nv_options_finish, which knows whether there is a key; a variable goes before a
 * file. */
static enum nv_err keep_directory(struct nv_options *options, const struct said *said, size_t i,
                                  enum nv_option_source source)
{
    struct nv_options_sdk *sdk = &options->sdk;
    if (said->text[i][0] == '\0' || (sdk->dev_directory && sdk->dev_source > source))
        return NV_OK;
    char *copy = strdup(said->text[i]);
    if (!copy)
        return NV_ERR_NO_MEMORY;
    free(sdk->dev_directory);
    sdk->dev_directory = copy;
    sdk->dev_source = source;
    memcpy(sdk->dev_where, said->where[i], sizeof sdk->dev_where);
    return NV_OK;
}

static enum nv_err apply(struct nv_options *options, const struct said *said,
                         enum nv_option_source source, struct nv_fail *fail)
{
    bool dev_mode = dev_mode_on(said);
    for (size_t i = 0; i < ROWS; i++) {
        if (!said->text[i])
            continue;
        enum nv_err err = rows[i].turn == DEV_DIRECTORY && !dev_mode
                              ? keep_directory(options, said, i, source)
                              : apply_row(options, said, i, source, fail);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

static void release(struct said *said)
{
    for (size_t i = 0; i < ROWS; i++)
        free(said->text[i]);
}

static enum nv_err note(struct said *said, size_t i, struct nv_str text, const char *where)
{
    free(said->text[i]);
    said->text[i] = strndup(text.len > 0 ? text.ptr : "", text.len);
    (void)snprintf(said->where[i], sizeof said->where[i], "%s", where);
    return said->text[i] == NULL ? NV_ERR_NO_MEMORY : NV_OK;
}

/* ---- variables --------------------------------------------------------------------------- */

enum nv_err nv_sdk_environment(struct nv_options *options, const char *const *environment,
                               struct nv_fail *fail)
{
    assert(environment != NULL);
    struct said said = {0};
    enum nv_err err = NV_OK;
    for (; *environment && err == NV_OK; environment++) {
        struct nv_str line = nv_str_from(*environment);
        size_t equals = nv_str_find_char(line, '=');
        struct nv_str value =
            nv_str_slice(line, equals == SIZE_MAX ? line.len : equals + 1, line.len);
        for (size_t i = 0; i < ROWS && value.len > 0 && err == NV_OK; i++) {
            if (rows[i].variable &&
                nv_str_eq(nv_str_slice(line, 0, equals), nv_str_from(rows[i].variable)))
                err = note(&said, i, value, rows[i].variable);
        }
    }
    if (err == NV_OK)
        err = apply(options, &said, NV_SOURCE_SDK_ENVIRONMENT, fail);
    release(&said);
    return err;
}

static bool is_longer_form(struct nv_str name, struct nv_str known)
{
    return nv_str_starts(name, known) && name.len > known.len && name.ptr[known.len] == '_';
}

const char *nv_sdk_near_variable(struct nv_str name)
{
    const char *near = NULL;
    size_t least = 3;
    /* its TypeScript side's, of no meaning here */
    if (nv_str_eq(name, NV_STR("NOVEUM_DEBUG_LOGS")))
        return NULL;
    for (size_t i = 0; i < ROWS; i++) {
        if (!rows[i].variable)
            continue;
        struct nv_str known = nv_str_from(rows[i].variable);
        size_t distance = nv_option_distance(name, known);
        if (distance == 0)
            return NULL;
        /* NOVEUM_PROJECT_ID, but a typo is nearer */
        if (distance > 2 && is_longer_form(name, known))
            distance = 2;
        if (distance < least) {
            least = distance;
            near = rows[i].variable;
        }
    }
    return near;
}

/* ---- files ------------------------------------------------------------------------------- */

/* A pattern of a mapping: `entry` is a key below that of row i. */
static enum nv_err note_pattern(struct said *said, size_t i,
                                const struct nv_config_entry *entry)
{
    struct nv_str label = nv_str_slice(entry->path, strlen(rows[i].key) + 1, entry->path.len);
    const char *before = said->text[i] ? said->text[i] : LABELLED;
    struct nv_buf text;
    nv_buf_init(&text, NV_CAP_CONFIG_FILE);
    enum nv_err err = nv_buf_printf(&text, "%s%.*s=%.*s\n", before, NV_STR_ARG(label),
                                    NV_STR_ARG(entry->value));
    if (err == NV_OK)
        err = note(said, i, nv_buf_str(&text), entry->where);
    nv_buf_release(&text);
    return err;
}

static bool is_below(struct nv_str path, struct nv_str key)
{
    return nv_str_starts(path, key) && path.len > key.len + 1 && path.ptr[key.len] == '.';
}

static enum nv_err visit(void *visit_ctx, const struct nv_config_entry *entry,
                         struct nv_fail *fail)
{
    struct said *said = visit_ctx;
    (void)fail;
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].turn == PATTERNS && is_below(entry->path, nv_str_from(rows[i].key)))
            return note_pattern(said, i, entry);
        if (!rows[i].key || !nv_str_eq(entry->path, nv_str_from(rows[i].key)))
            continue;
        if (!entry->is_null && !entry->is_section)
            return note(said, i, entry->value, entry->where);
    }
    return NV_OK;
}

static enum nv_err read_sdk_file(struct nv_options *options, const char *path,
                                 struct nv_fail *fail)
{
    struct nv_buf text;
    struct said said = {0};
    nv_buf_init(&text, NV_CAP_CONFIG_FILE);
    enum nv_err err =
        nv_file_read_trusted(path, NV_FILE_FOUND, NV_CAP_CONFIG_FILE, &text, fail);
    if (err == NV_OK)
        err = nv_config_read(nv_buf_str(&text), path, visit, &said, fail);
    if (err == NV_OK)
        err = apply(options, &said, NV_SOURCE_SDK_FILE, fail);
    release(&said);
    nv_buf_release(&text);
    return err == NV_ERR_LIMIT ? NV_ERR_CONFIG : err;
}

enum nv_err nv_sdk_file(struct nv_options *options, const char *directory, struct nv_fail *fail)
{
    static const char *const names[] = {"noveum-trace.yaml", "noveum-trace.yml",
                                        "noveum-trace.json", ".noveum-trace.yaml",
                                        ".noveum-trace.yml", ".noveum-trace.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[4096];
        int len = snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        if (len > 0 && (size_t)len < sizeof path && access(path, F_OK) == 0)
            return read_sdk_file(options, path, fail);
    }
    return NV_OK;
}

const char *nv_sdk_variable(size_t id)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].id == id && rows[i].variable)
            return rows[i].variable;
    }
    return NULL;
}

const char *nv_sdk_key(size_t id)
{
    for (size_t i = ROWS; i > 0; i--) {
        if (rows[i - 1].id == id && rows[i - 1].key != NULL)
            return rows[i - 1].key;
    }
    return NULL;
}
