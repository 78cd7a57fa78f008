/*
 * Every command and every option of the command line, one row each. Parsing, the help texts,
 * manual pages, completions and docs/commands.md are made of these rows and of nothing else.
 *
 *   noveum-gateway [OPTION]... [FIRST [SECOND] [ARGUMENT]...]
 */
#ifndef NV_GATEWAY_COMMANDS_COMMAND_TABLE_H
#define NV_GATEWAY_COMMANDS_COMMAND_TABLE_H

#include "base/error.h"
#include "base/str.h"

enum nv_command {
    NV_COMMAND_RUN,
    NV_COMMAND_HELP, /* [COMMAND [SECOND]] */
    NV_COMMAND_VERSION,
    NV_COMMAND_CHECK_CONFIG,
    NV_COMMAND_PRINT_CONFIG,
    NV_COMMAND_PRINT_DOCS,
    NV_COMMAND_PRINT_COMMANDS,
    NV_COMMAND_DEMO,
    NV_COMMAND_LAMBDA,
    NV_COMMAND_DOCTOR,
    NV_COMMAND_HEALTH,
    NV_COMMAND_TRACES_LIST,
    NV_COMMAND_TRACES_SHOW, /* ID */
    NV_COMMAND_TRACES_FOLLOW,
    NV_COMMAND_TRACES_SEARCH, /* TEXT... */
    NV_COMMAND_TRACES_EXPORT, /* [ID] */
    NV_COMMAND_EXPLAIN,       /* FILE... */
    NV_COMMAND_REDACT,        /* --dry-run FILE... */
    NV_COMMAND_JOURNAL_CHECK,
    NV_COMMAND_JOURNAL_LIST,
    NV_COMMAND_DEAD_LIST,
    NV_COMMAND_DEAD_SHOW,     /* ID */
    NV_COMMAND_DEAD_RETRY,    /* ID or all */
    NV_COMMAND_DEAD_DROP,     /* ID or all */
    NV_COMMAND_KAFKA_INSPECT, /* TRACE_ID */
    NV_COMMAND_COUNT
};

/* X(id, name, letter or 0, value or NULL, commands, text); commands: of which it is, as bits
 * NV_OF(command); 0: of all. In the order in which help lists them. */
#define NV_OF(command) (UINT64_C(1) << (command))
#define NV_OF_TRACES                                                                           \
    (NV_OF(NV_COMMAND_TRACES_LIST) | NV_OF(NV_COMMAND_TRACES_SEARCH) |                         \
     NV_OF(NV_COMMAND_TRACES_SHOW) | NV_OF(NV_COMMAND_TRACES_FOLLOW))
#define NV_OF_LISTS (NV_OF(NV_COMMAND_TRACES_LIST) | NV_OF(NV_COMMAND_TRACES_SEARCH))
#define NV_CLI_OPTION_TABLE(X)                                                                 \
    X(CONFIG, "config", 'c', "FILE", 0, "read a YAML file")                                    \
    X(SET, "set", 0, "KEY=VALUE", 0, "set one key; comes before environment and file")         \
    X(COLOR, "color", 0, "WHEN", NV_OF(NV_COMMAND_RUN) | NV_OF_TRACES,                         \
      "colours: `auto` (on a terminal, unless NO_COLOR is set), `always` or `never`")          \
    X(OPEN, "open", 0, NULL, NV_OF(NV_COMMAND_RUN) | NV_OF(NV_COMMAND_DEMO),                   \
      "open the page in a browser, where there is one")                                        \
    X(JSON, "json", 0, NULL,                                                                   \
      NV_OF_TRACES | NV_OF(NV_COMMAND_DOCTOR) | NV_OF(NV_COMMAND_HEALTH) |                     \
          NV_OF(NV_COMMAND_VERSION),                                                           \
      "print JSON for programs: one value, or one a line where there are several")             \
    X(ALL, "all", 'a', NULL, NV_OF(NV_COMMAND_TRACES_SHOW) | NV_OF(NV_COMMAND_TRACES_FOLLOW),  \
      "show every span, those of no kind too")                                                 \
    X(LIMIT, "limit", 'n', "N", NV_OF_LISTS, "print at most so many traces, 20 without it")    \
    X(SESSION, "session", 0, "NAME", NV_OF_LISTS | NV_OF(NV_COMMAND_TRACES_EXPORT),            \
      "only traces of this session")                                                           \
    X(ERRORS, "errors", 0, NULL, NV_OF_LISTS, "only traces with errors")                       \
    X(DRY_RUN, "dry-run", 0, NULL, NV_OF(NV_COMMAND_REDACT), "change nothing")                 \
    X(CHECK_CONFIG, "check-config", 0, NULL, NV_OF(NV_COMMAND_RUN),                            \
      "check the configuration and exit")                                                      \
    X(PRINT_CONFIG, "print-config", 0, NULL, NV_OF(NV_COMMAND_RUN),                            \
      "print the configuration in force and where each value came from")                       \
    X(PRINT_DOCS, "print-docs", 0, NULL, NV_OF(NV_COMMAND_RUN), "print docs/configuration.md") \
    X(PRINT_COMMANDS, "print-commands", 0, NULL, NV_OF(NV_COMMAND_RUN),                        \
      "print these tables as JSON")                                                            \
    X(VERSION, "version", 'V', NULL, NV_OF(NV_COMMAND_RUN), "print the version")               \
    X(HELP, "help", 'h', NULL, 0, "print help, of a command behind it")

enum nv_cli_option {
#define NV_CLI_OPTION_ENUM(id, name, letter, value, commands, text) NV_CLI_##id,
    NV_CLI_OPTION_TABLE(NV_CLI_OPTION_ENUM)
#undef NV_CLI_OPTION_ENUM
        NV_CLI_OPTION_COUNT
};

struct nv_cli_option_row {
    const char *name;
    char letter;       /* 0: none */
    const char *value; /* name of what it takes; NULL: nothing */
    uint64_t commands; /* 0: all */
    const char *text;
};

struct nv_command_row {
    enum nv_command command;
    const char *first, *second; /* second NULL: one word */
    const char *argument;       /* name of what it takes; NULL: nothing */
    bool optional, several;     /* of arguments: none will do; more than one */
    const char *summary;        /* one sentence without a full stop */
    const char *text;           /* further sentences for its own help; NULL: none */
};

/* The options, by enum nv_cli_option. Static. */
const struct nv_cli_option_row *nv_cli_option_rows(void);
/* The commands, NV_COMMAND_RUN and those that are options left out, in the order of help.
 * Static. */
const struct nv_command_row *nv_command_rows(size_t *count);
/* The row of two words, or of the first alone; of `traces` alone its list. Static; NULL:
 * none. */
const struct nv_command_row *nv_command_find(const char *first, const char *second);
/* Does any command begin with this word, and does it then take a second? */
bool nv_command_is_first(const char *first, bool *takes_second);
/* The first word of a command nearest to `word`, or with `first` its second word; NULL when
 * none is near. Static. */
const char *nv_command_nearest(const char *first, const char *word);
/* The name of the option nearest to `word` (without dashes), static, or NULL. */
const char *nv_command_option_nearest(const char *word);
/* Is the option one of the command's? */
bool nv_cli_option_fits(enum nv_cli_option option, enum nv_command command);

#endif
