/*
 * `noveum-gateway journal check|list` and `dead list|show|retry|drop`.
 */
#ifndef NV_GATEWAY_COMMANDS_JOURNAL_COMMANDS_H
#define NV_GATEWAY_COMMANDS_JOURNAL_COMMANDS_H

#include "gateway/commands/cli.h"
#include "gateway/config/options.h"

/* Prints the journal's files, with `list` its records too; returns the exit code: 1 on
 * damage. */
int nv_command_journal(const struct nv_options *options, bool list);
/* Lists, shows, retries or drops dead letters; in the running gateway when there is one.
 * Both are borrowed. Returns the exit code of cli.h; what is wrong is printed: NV_EXIT_USAGE
 * when the argument is no id. */
int nv_command_dead(const struct nv_options *options, const struct nv_cli *cli);

#endif
