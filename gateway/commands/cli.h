/*
 * The command line: what is asked for, not yet done.
 */
#ifndef NV_GATEWAY_COMMANDS_CLI_H
#define NV_GATEWAY_COMMANDS_CLI_H

#include "base/buf.h"
#include "gateway/commands/command_table.h"

/* docs/operations.md#start-stop-reload */
enum nv_exit_code { NV_EXIT_OK = 0, NV_EXIT_FAILED = 1, NV_EXIT_USAGE = 2, NV_EXIT_LOCKED = 3 };

/* All texts point into argv. */
struct nv_cli {
    enum nv_command command;
    const char *config_file; /* NULL: none */
    const char **sets;       /* of --set, in order; owned */
    size_t set_count;
    /* by option: its value, "" where it takes none, NULL when it was not given */
    const char *given[NV_CLI_OPTION_COUNT];
    uint32_t limit;               /* of --limit; 0: not given */
    const char *const *arguments; /* FILEs or an ID, NULL without any */
    size_t argument_count;
    /* of HELP: the words of the command to explain, NULL: none, the help of all */
    const char *topic_first, *topic_second;
};

/* Most that --limit may ask for: that of one page of the list. */
#define NV_CLI_LIMIT_MAX 500

/*
 * Parses the arguments (borrowed; getopt may reorder them). NV_ERR_CONFIG with `fail->what` for
 * anything not understood, with the nearest word that is; NV_ERR_NO_MEMORY. Release in any
 * case.
 */
enum nv_err nv_cli_parse(int argc, char **argv, struct nv_cli *cli,
                         struct nv_fail *fail) NV_MUST_USE;
/* Frees the list of --set. */
void nv_cli_release(struct nv_cli *cli);
/* Exit code for a failure to start. */
int nv_exit_code_of(enum nv_err err);

#endif
