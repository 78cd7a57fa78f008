/*
 * `noveum-gateway traces`: the local store, read beside a gateway that runs or without one.
 */
#ifndef NV_GATEWAY_COMMANDS_TRACES_COMMAND_H
#define NV_GATEWAY_COMMANDS_TRACES_COMMAND_H

#include "gateway/commands/cli.h"
#include "gateway/config/options.h"
#include "gateway/traces/sql.h"

/* Rows of a list when --limit does not say. */
#define NV_TRACES_LIMIT_DEFAULT 20

/*
 * Opens the store of `options` to read: a new connection in *out. NV_ERR_CONFIG with `fail`
 * when none is configured, NV_ERR_NOT_FOUND when there is no file yet, else as nv_sql_open.
 */
enum nv_err nv_traces_open_store(const struct nv_options *options, struct nv_fail *fail,
                                 struct nv_sql **out) NV_MUST_USE;
/* Does what NV_COMMAND_TRACES_... of `cli` asks for; returns the exit code. */
int nv_command_traces(const struct nv_options *options, const struct nv_cli *cli);

#endif
