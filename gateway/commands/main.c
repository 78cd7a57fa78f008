/*
 * The entry of the program: from the command line to one function each.
 *
 * Kept small on purpose: everything it calls is in the library and tested there. Configuration
 * is loaded before any thread exists, and every failure of it ends here with exit code 2.
 */
#include "base/text/shown.h"
#include "base/limits.h"
#include "base/log/log.h"
#include "gateway/commands/cli.h"
#include "base/text/mask.h"
#include "gateway/commands/commands.h"
#include "gateway/commands/demo.h"
#include "gateway/commands/lambda.h"
#include "gateway/process/descriptors.h"
#include "gateway/process/memory_limit.h"
#include "gateway/config/option_print.h"
#include "gateway/commands/run.h"
#include "gateway/commands/command_help.h"
#include "gateway/commands/version.h"
#include "noveum_commit.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/banned.h"

static int print(struct nv_buf *text)
{
    if (text->failed == NV_OK)
        nv_mask_buf(text);
    nv_shown_print(stdout, nv_buf_str(text), NV_SHOWN_LINES);
    int code = text->failed == NV_OK ? NV_EXIT_OK : NV_EXIT_FAILED;
    nv_buf_release(text);
    return code;
}

/* What needs no configuration. */
static bool runs_bare(enum nv_command command)
{
    return command == NV_COMMAND_HELP || command == NV_COMMAND_VERSION ||
           command == NV_COMMAND_PRINT_DOCS || command == NV_COMMAND_PRINT_COMMANDS;
}

static int run_bare(const struct nv_cli *cli)
{
    struct nv_buf text;
    nv_buf_init(&text, NV_CAP_HELP);
    if (cli->command == NV_COMMAND_HELP)
        (void)nv_command_help_write(cli, &text);
    else if (cli->command == NV_COMMAND_PRINT_DOCS)
        (void)nv_options_write_docs(&text);
    else if (cli->command == NV_COMMAND_PRINT_COMMANDS)
        (void)nv_command_help_write_json(&text);
    else
        (void)nv_version_write(NOVEUM_COMMIT, cli->given[NV_CLI_JSON] != NULL, &text);
    return print(&text);
}

static int run_configured(const struct nv_cli *cli, const struct nv_options *options,
                          const struct nv_option_sources *sources)
{
    struct nv_buf text;
    const struct nv_run_extras extras = {.open = cli->given[NV_CLI_OPEN] != NULL};
    switch (cli->command) {
    case NV_COMMAND_RUN:
        return nv_run(options, sources, &extras);
    case NV_COMMAND_CHECK_CONFIG:
        return nv_command_check_config(options);
    case NV_COMMAND_PRINT_CONFIG:
        nv_buf_init(&text, NV_CAP_HELP);
        (void)nv_options_write_config(options, &text);
        return print(&text);
    default:
        return nv_command_run(cli, options);
    }
}

/* What could not be printed is a failure: a pipe to a file on a full disk has not got it. */
static int flush(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return code;
    (void)fprintf(stderr, "noveum-gateway: can't write the output: %s\n", strerror(errno));
    return code == NV_EXIT_OK ? NV_EXIT_FAILED : code;
}

int main(int argc, char **argv)
{
    struct nv_cli cli;
    struct nv_options options = {0};
    struct nv_fail fail = {0};
    int code = NV_EXIT_USAGE;
    nv_descriptors_hold_standard();
    if (nv_cli_parse(argc, argv, &cli, &fail) != NV_OK) {
        nv_run_print_failure(&fail);
        (void)fputs("noveum-gateway: --help shows what can be asked for\n", stderr);
    } else if (runs_bare(cli.command)) {
        code = run_bare(&cli);
    } else {
        struct nv_option_sources sources = {
            .config_file = cli.config_file,
            .sets = cli.sets,
            .set_count = cli.set_count,
            .environment = (const char *const *)environ,
            .directory = ".",
            .memory_limit_bytes =
                nv_memory_limit(nv_memory_places_system(), nv_memory_machine_bytes())};
        nv_log_hold();
        if (cli.command == NV_COMMAND_DEMO)
            code = nv_command_demo(&sources, cli.given[NV_CLI_OPEN] != NULL);
        else if (cli.command == NV_COMMAND_LAMBDA ||
                 (argc == 1 && nv_lambda_is_extension(argv[0])))
            code = nv_command_lambda(&sources, argv[0]);
        else if (nv_run_load(&options, &sources))
            code = run_configured(&cli, &options, &sources);
        nv_options_release(&options);
    }
    nv_cli_release(&cli);
    return flush(code);
}
