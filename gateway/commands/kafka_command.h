/*
 * `noveum-gateway kafka inspect TRACE_ID`.
 */
#ifndef NV_GATEWAY_COMMANDS_KAFKA_COMMAND_H
#define NV_GATEWAY_COMMANDS_KAFKA_COMMAND_H

#include "gateway/commands/cli.h"
#include "gateway/config/options.h"

/*
 * Prints where the messages of a trace lie in Kafka, and whether the group is past them;
 * returns the exit code: 1 when none is found or the brokers do not answer.
 */
int nv_command_kafka_inspect(const struct nv_options *options, const struct nv_cli *cli);

#endif
