/*
 * `lambda`: the gateway as an external extension of AWS Lambda.
 */
#ifndef NV_GATEWAY_COMMANDS_LAMBDA_H
#define NV_GATEWAY_COMMANDS_LAMBDA_H

#include "gateway/config/option_load.h"

/* Was the program started by Lambda, as a file of /opt/extensions? `program` is argv[0]. */
bool nv_lambda_is_extension(const char *program);
/*
 * Registers under the name of `program`, runs the gateway with defaults fit for an environment
 * that is frozen and thrown away, and ends with it. What `given` (borrowed) says comes before
 * these defaults. A gateway that cannot start is told in the log and leaves an extension that
 * does nothing: it must not fail the function. Returns the exit code of cli.h.
 */
int nv_command_lambda(const struct nv_option_sources *given, const char *program);

#endif
