/*
 * The command line: what is asked for, not yet done.
 */
#ifndef NV_GATEWAY_COMMANDS_CLI_H
#define NV_GATEWAY_COMMANDS_CLI_H

#include "base/buf.h"

enum nv_command {
    NV_COMMAND_RUN,
    NV_COMMAND_HELP,
    NV_COMMAND_VERSION,
    NV_COMMAND_CHECK_CONFIG,
    NV_COMMAND_PRINT_CONFIG,
    NV_COMMAND_PRINT_DOCS,
    NV_COMMAND_DOCTOR,
    NV_COMMAND_EXPLAIN, /* FILE... */
    NV_COMMAND_REDACT,  /* --dry-run FILE... */
    NV_COMMAND_JOURNAL_CHECK,
    NV_COMMAND_JOURNAL_LIST,
    NV_COMMAND_DEAD_LIST,
    NV_COMMAND_DEAD_SHOW,  /* ID */
    NV_COMMAND_DEAD_RETRY, /* ID or all */
    NV_COMMAND_DEAD_DROP   /* ID or all */
};

/* docs/operations.md#start-stop-reload */
enum nv_exit_code { NV_EXIT_OK = 0, NV_EXIT_FAILED = 1, NV_EXIT_USAGE = 2, NV_EXIT_LOCKED = 3 };

/* All texts point into argv. */
struct nv_cli {
    enum nv_command command;
    const char *config_file; /* NULL: none */
    const char **sets;       /* of --set, in order; owned */
    size_t set_count;
    bool dry_run;                 /* of `redact`, which has no other way */
    const char *const *arguments; /* FILEs or an ID, NULL when the command takes none */
    size_t argument_count;
};

/*
 * Parses the arguments (borrowed; getopt may reorder them). NV_ERR_CONFIG with `fail->what` for
 * anything not understood; NV_ERR_NO_MEMORY. Release in any case.
 */
enum nv_err nv_cli_parse(int argc, char **argv, struct nv_cli *cli,
                         struct nv_fail *fail) NV_MUST_USE;
/* Frees the list of --set. */
void nv_cli_release(struct nv_cli *cli);
/* Appends the text of --help. Buffer's errors. */
enum nv_err nv_cli_write_help(struct nv_buf *buf);
/* Exit code for a failure to start. */
int nv_exit_code_of(enum nv_err err);

#endif
