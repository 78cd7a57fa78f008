/*
 * The commands that need a configuration but no running gateway. Each prints to stdout,
 * failures to stderr, and returns the exit code.
 */
#ifndef NV_GATEWAY_COMMANDS_COMMANDS_H
#define NV_GATEWAY_COMMANDS_COMMANDS_H

#include "gateway/commands/cli.h"
#include "gateway/config/options.h"

/* Checks beyond nv_options_load: rules, prices, tokens, what the exporter demands. Silent when
 * all is well. */
int nv_command_check_config(const struct nv_options *options);
/* doctor, explain, journal, dead. */
int nv_command_run(const struct nv_cli *cli, const struct nv_options *options);

#endif
