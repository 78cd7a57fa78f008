/*
 * Dispatch of the commands, and --check-config.
 *
 * --check-config makes every stage read its part, so that a mistake in a rules file shows
 * before the restart that would trip over it; no port is bound and nothing is written.
 *
 * What can't be known without doing it (is the port free, does the key work) is the doctor's:
 * this one is run by configuration management on another machine than the gateway's.
 */
#include "gateway/commands/commands.h"

#include "gateway/commands/doctor.h"
#include "gateway/commands/explain.h"
#include "gateway/commands/health.h"
#include "gateway/commands/journal_commands.h"
#include "gateway/commands/kafka_command.h"
#include "gateway/commands/redact_command.h"
#include "gateway/commands/run.h"
#include "gateway/commands/traces_command.h"
#include "gateway/stages.h"
#include "net/auth.h"

#include <assert.h>

#include "base/banned.h"

static enum nv_err check_mapping(const struct nv_options *options, struct nv_fail *fail)
{
    struct nv_mapping_config config;
    nv_stage_mapping(options, &config);
    struct nv_mapping *mapping = nv_mapping_new(&config, fail);
    bool made = mapping != NULL;
    nv_mapping_free(mapping);
    return made ? NV_OK : NV_ERR_CONFIG;
}

static enum nv_err check_exporter(const struct nv_options *options, struct nv_fail *fail)
{
    struct nv_exporter_config config;
    nv_stage_exporter(options, &config);
    return nv_exporter_check(&config, fail);
}

static enum nv_err check_tokens(const struct nv_options *options, struct nv_fail *fail)
{
    struct nv_auth *auth = NULL;
    enum nv_err err = nv_auth_new(options->receiver_auth_token,
                                  options->receiver_auth_tokens_file, fail, &auth);
    nv_auth_free(auth);
    return err;
}

int nv_command_check_config(const struct nv_options *options)
{
    struct nv_fail fail = {0};
    enum nv_err err = check_mapping(options, &fail);
    if (err == NV_OK)
        err = check_exporter(options, &fail);
    if (err == NV_OK)
        err = check_tokens(options, &fail);
    if (err == NV_OK)
        return NV_EXIT_OK;
    nv_run_print_failure(&fail);
    return NV_EXIT_USAGE;
}

int nv_command_run(const struct nv_cli *cli, const struct nv_options *options)
{
    assert(cli->command != NV_COMMAND_RUN);
    switch (cli->command) {
    case NV_COMMAND_EXPLAIN:
        return nv_command_explain(options, cli->arguments, cli->argument_count);
    case NV_COMMAND_REDACT:
        return nv_command_redact(options, cli->arguments, cli->argument_count);
    case NV_COMMAND_HEALTH:
        return nv_command_health(options, cli->given[NV_CLI_JSON] != NULL);
    case NV_COMMAND_TRACES_LIST:
    case NV_COMMAND_TRACES_SHOW:
    case NV_COMMAND_TRACES_FOLLOW:
    case NV_COMMAND_TRACES_SEARCH:
    case NV_COMMAND_TRACES_EXPORT:
        return nv_command_traces(options, cli);
    case NV_COMMAND_DOCTOR:
        return nv_command_doctor(options, cli->given[NV_CLI_JSON] != NULL);
    case NV_COMMAND_JOURNAL_CHECK:
    case NV_COMMAND_JOURNAL_LIST:
        return nv_command_journal(options, cli->command == NV_COMMAND_JOURNAL_LIST);
    case NV_COMMAND_KAFKA_INSPECT:
        return nv_command_kafka_inspect(options, cli);
    default:
        return nv_command_dead(options, cli);
    }
}
