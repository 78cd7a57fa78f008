/*
 * The configuration as one flat table of options and one struct of values.
 *
 *   option_table.inc ──▶ struct nv_option[] ──▶ file, environment, --set: nv_options_set
 *                    └─▶ struct nv_options      --help, --print-config, docs/configuration.md
 *
 * A value knows where it came from. Sources have ranks, so that they may be read in any order:
 * a source of lower rank never replaces a higher one's value. One thread; immutable once the
 * stages run, reload builds a new one.
 */
#ifndef NV_GATEWAY_CONFIG_OPTIONS_H
#define NV_GATEWAY_CONFIG_OPTIONS_H

#include "base/buf.h"

enum nv_option_type {
    NV_OPTION_TEXT,
    NV_OPTION_PATH,
    NV_OPTION_ADDRESS, /* comma-separated "host:port", "[v6]:port", "unix:/path", "fd:N"; or "none"
                        */
    NV_OPTION_URL,     /* http or https, without credentials; normalised to the base */
    NV_OPTION_PROXY, /* with or without scheme and credentials, which are never shown; or "none" */
    NV_OPTION_BOOL, /* the SDK's words: true 1 yes on, false 0 no off, in any case */
    NV_OPTION_COUNT,
    NV_OPTION_MS,    /* a number of ms, or with a unit: 500ms, 5s, 10m, 1h */
    NV_OPTION_BYTES, /* a number of bytes, or with a unit: KB MB GB (1000), KiB MiB GiB (1024) */
    NV_OPTION_RATE,  /* 0 to 1 */
    NV_OPTION_CHOICE,
    NV_OPTION_LIST, /* separated by commas, or by newlines when there is one; a YAML sequence */
    NV_OPTION_MAP   /* lines of "name=value"; a YAML mapping, each key of which adds one */
};

enum nv_option_flags {
    NV_OPTION_SECRET = 1u << 0, /* never printed, not even in an error */
    NV_OPTION_RELOAD = 1u << 1  /* SIGHUP takes a new value; others need a restart */
};

/* Where a value came from, lowest rank first (--set, environment, file, default). */
enum nv_option_source {
    NV_SOURCE_DEFAULT,
    NV_SOURCE_SDK_FILE, /* noveum-trace.yaml and its kin */
    NV_SOURCE_FILE,
    NV_SOURCE_SDK_ENVIRONMENT, /* NOVEUM_API_KEY and its kin */
    NV_SOURCE_ENVIRONMENT,     /* NOVEUM_GATEWAY_... */
    NV_SOURCE_SET
};

/* A list of texts; all of it owned. */
struct nv_text_list {
    char **items;
    size_t count;
};

/* One row of the table. Static. */
struct nv_option {
    const char *path;
    enum nv_option_type type;
    const char *fallback; /* default as text, or NULL: none */
    const char *choices;  /* CHOICE: "a|b|c", else NULL */
    uint64_t min, max;
    unsigned flags; /* enum nv_option_flags */
    const char *help;
    size_t offset; /* of the field in struct nv_options */
};

/* What the fields are in C: text NULL when none was given; a choice is its place in
 * `choices`. */
typedef char *nv_option_field_TEXT;
typedef char *nv_option_field_PATH;
typedef char *nv_option_field_ADDRESS;
typedef char *nv_option_field_URL;
typedef char *nv_option_field_PROXY;
typedef bool nv_option_field_BOOL;
typedef uint64_t nv_option_field_COUNT;
typedef uint64_t nv_option_field_MS;
typedef uint64_t nv_option_field_BYTES;
typedef double nv_option_field_RATE;
typedef unsigned nv_option_field_CHOICE;
typedef struct nv_text_list nv_option_field_LIST;
typedef struct nv_text_list nv_option_field_MAP; /* "name=value", each name once */

/* NV_OPT_<field>: indexes into nv_option_table. */
enum nv_option_id {
#define OPTION(field, path, type, ...) NV_OPT_##field,
#include "gateway/config/option_table.inc"
#undef OPTION
    NV_OPTION_TOTAL
};

/* Choices that this room or no stage needs by name; stages' own are checked in
 * gateway/stages.c. */
enum nv_role_choice { NV_ROLE_ALL, NV_ROLE_RECEIVE, NV_ROLE_ASSEMBLE };
enum nv_stacks_choice { NV_STACKS_OFF, NV_STACKS_LAST, NV_STACKS_FULL };
enum nv_media_choice { NV_MEDIA_STAYS, NV_MEDIA_MARKED, NV_MEDIA_UPLOADED };
enum nv_pii_choice { NV_PII_OFF, NV_PII_REDACT, NV_PII_PSEUDONYMISE };
enum nv_encryption_choice { NV_ENCRYPTION_AUTO, NV_ENCRYPTION_ON, NV_ENCRYPTION_OFF };
enum nv_key_lost_choice { NV_KEY_LOST_REFUSE, NV_KEY_LOST_ASIDE };
enum nv_terminal_choice { NV_TERMINAL_AUTO, NV_TERMINAL_ON, NV_TERMINAL_OFF };
enum nv_color_choice { NV_COLOR_AUTO, NV_COLOR_ALWAYS, NV_COLOR_NEVER };
enum nv_log_format_choice { NV_FORMAT_AUTO, NV_FORMAT_TEXT, NV_FORMAT_JSON };

#define NV_OPTION_WHERE_SIZE 200

/* The SDK's place for files, which counts only in its dev mode or without a key: kept until all
 * is read. */
struct nv_options_sdk {
    char *dev_directory; /* owned; NULL: none, or its dev mode is on */
    enum nv_option_source dev_source;
    char dev_where[NV_OPTION_WHERE_SIZE];
};

struct nv_options {
#define OPTION(field, path, type, ...) nv_option_field_##type field;
#include "gateway/config/option_table.inc"
#undef OPTION
    enum nv_option_source source[NV_OPTION_TOTAL];
    char where[NV_OPTION_TOTAL][NV_OPTION_WHERE_SIZE]; /* "file:3:5", a variable's name, ... */
    struct nv_options_sdk sdk;
};

/* The table, NV_OPTION_TOTAL rows. Static, any thread. */
extern const struct nv_option nv_option_table[NV_OPTION_TOTAL];

/* Sets every option to its default. NV_ERR_NO_MEMORY; release in any case. */
enum nv_err nv_options_init(struct nv_options *options) NV_MUST_USE;
/* Is what is journalled encrypted? With `auto` where personal data is taken out of traces. */
bool nv_options_encrypt(const struct nv_options *options);
/* Frees all texts. The struct may be initialised again. */
void nv_options_release(struct nv_options *options);
/*
 * Checks `text` (borrowed, already expanded) by the row and stores a copy, unless the option
 * holds a value of a higher source. `where` (borrowed) is kept for messages. NV_ERR_CONFIG with
 * `fail` (path = where) says what is wrong and what is allowed; NV_ERR_NO_MEMORY.
 */
enum nv_err nv_options_set(struct nv_options *options, size_t id, struct nv_str text,
                           enum nv_option_source source, const char *where,
                           struct nv_fail *fail) NV_MUST_USE;
/* Row of a path, or NV_OPTION_TOTAL. */
size_t nv_option_find(struct nv_str path);
/* Row of a MAP below which `path` names an entry ("kafka.properties.linger.ms"), or
 * NV_OPTION_TOTAL; `*name` is then the entry's, a view into `path`. */
size_t nv_option_find_entry(struct nv_str path, struct nv_str *name);
/* Is `path` the front part of rows' paths, as "receiver.http"? */
bool nv_option_is_section(struct nv_str path);
/* Do both hold the same value of the option? Secrets are compared too. */
bool nv_option_same(const struct nv_options *a, const struct nv_options *b, size_t id);
/* Levenshtein's distance; SIZE_MAX when one of them is longer than any name here. */
size_t nv_option_distance(struct nv_str a, struct nv_str b);
/* The path most like `path` by edit distance, or NULL when none is near. Static. */
const char *nv_option_nearest(struct nv_str path);
/* Value as text, as the file would spell it; nothing for none. Secrets as `***`. Buffer's
 * errors.
 */
enum nv_err nv_option_write(const struct nv_options *options, size_t id, struct nv_buf *buf);
/*
 * Fills what depends on other values (journal.directory, exporter.file.directory in local mode)
 * and checks what only shows in combination: plain http, TLS without a key, missing files,
 * options that this version can't honour. NV_ERR_CONFIG with `fail` says what to do;
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_options_finish(struct nv_options *options, struct nv_fail *fail) NV_MUST_USE;
/* No API key: traces go to files and the terminal. */
bool nv_options_local(const struct nv_options *options);

#endif
