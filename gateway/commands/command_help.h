/*
 * Help texts, made of command_table.h.
 */
#ifndef NV_GATEWAY_COMMANDS_COMMAND_HELP_H
#define NV_GATEWAY_COMMANDS_COMMAND_HELP_H

#include "gateway/commands/cli.h"

/* Columns of a line of help. */
#define NV_HELP_COLUMNS 96

/* Appends the help that `cli` asks for: of the program with all keys of the configuration, of
 * a command, or of all commands that begin with its first word. Buffer's errors. */
enum nv_err nv_command_help_write(const struct nv_cli *cli, struct nv_buf *buf);
/* Appends both tables and the notes of the general help as one JSON value, which manual pages,
 * completions and docs/commands.md are made of (tools/make-manuals.py). Buffer's errors. */
enum nv_err nv_command_help_write_json(struct nv_buf *buf);

#endif
