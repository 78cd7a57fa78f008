/*
 * The command line, by getopt_long.
 *
 * Sub-commands are two words at most and stand in one table. Anything left over is an error: an
 * argument that is silently ignored is a configuration that is silently not used.
 */
#include "gateway/commands/cli.h"

#include "gateway/config/option_print.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static const struct {
    const char *first, *second; /* second NULL: one word */
    enum nv_command command;
    const char *argument; /* what it takes, or NULL */
    bool several;         /* of them */
} commands[] = {
    {"help", NULL, NV_COMMAND_HELP, NULL, false},
    {"version", NULL, NV_COMMAND_VERSION, NULL, false},
    {"doctor", NULL, NV_COMMAND_DOCTOR, NULL, false},
    {"explain", NULL, NV_COMMAND_EXPLAIN, "FILE", true},
    {"redact", NULL, NV_COMMAND_REDACT, "FILE", true},
    {"journal", "check", NV_COMMAND_JOURNAL_CHECK, NULL, false},
    {"journal", "list", NV_COMMAND_JOURNAL_LIST, NULL, false},
    {"dead", "list", NV_COMMAND_DEAD_LIST, NULL, false},
    {"dead", "show", NV_COMMAND_DEAD_SHOW, "ID", false},
    {"dead", "retry", NV_COMMAND_DEAD_RETRY, "ID", false},
    {"dead", "drop", NV_COMMAND_DEAD_DROP, "ID", false},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

/* Names what may follow `first`, when anything may. */
static enum nv_err unknown_command(const char *first, const char *second, struct nv_fail *fail)
{
    char known[60] = "";
    size_t len = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(first, commands[i].first) == 0 && commands[i].second) {
            len += (size_t)snprintf(known + len, sizeof known - len, "%s%s",
                                    len > 0 ? ", " : "", commands[i].second);
            assert(len < sizeof known);
        }
    }
    if (len == 0)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "unknown command \"%.60s\"", first);
    if (!second)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "\"%s\" needs one of %s", first, known);
    return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                       "unknown command \"%s %.30s\": \"%s\" needs one of %s", first, second,
                       first, known);
}

static enum nv_err parse_command(int count, char **words, struct nv_cli *cli,
                                 struct nv_fail *fail)
{
    assert(count > 0);
    const char *second = count > 1 ? words[1] : NULL;
    for (size_t i = 0; i < COMMANDS; i++) {
        bool two = commands[i].second != NULL;
        if (strcmp(words[0], commands[i].first) != 0 ||
            (two && (!second || strcmp(second, commands[i].second) != 0)))
            continue;
        int used = two ? 2 : 1;
        int wanted = commands[i].argument != NULL ? 1 : 0;
        if (count - used < wanted) {
            return nv_fail_set(fail, NV_ERR_CONFIG, 0, "\"%s%s%s\" needs %s", commands[i].first,
                               two ? " " : "", two ? commands[i].second : "",
                               commands[i].argument);
        }
        if (count - used > wanted && !commands[i].several) {
            return nv_fail_set(fail, NV_ERR_CONFIG, 0, "unexpected argument \"%.60s\"",
                               words[used + wanted]);
        }
        cli->command = commands[i].command;
        cli->arguments = wanted == 1 ? (const char *const *)&words[used] : NULL;
        cli->argument_count = (size_t)(count - used);
        return NV_OK;
    }
    return unknown_command(words[0], second, fail);
}

static enum nv_err apply_option(int option, struct nv_cli *cli)
{
    switch (option) {
    case 'c':
        cli->config_file = optarg;
        return NV_OK;
    case 's':
        cli->sets[cli->set_count++] = optarg;
        return NV_OK;
    case 'k':
        cli->command = NV_COMMAND_CHECK_CONFIG;
        return NV_OK;
    case 'p':
        cli->command = NV_COMMAND_PRINT_CONFIG;
        return NV_OK;
    case 'd':
        cli->command = NV_COMMAND_PRINT_DOCS;
        return NV_OK;
    case 'n':
        cli->dry_run = true;
        return NV_OK;
    case 'v':
        cli->command = NV_COMMAND_VERSION;
        return NV_OK;
    case 'h':
        cli->command = NV_COMMAND_HELP;
        return NV_OK;
    default:
        return NV_ERR_CONFIG;
    }
}

enum nv_err nv_cli_parse(int argc, char **argv, struct nv_cli *cli, struct nv_fail *fail)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"set", required_argument, NULL, 's'},
                                            {"check-config", no_argument, NULL, 'k'},
                                            {"print-config", no_argument, NULL, 'p'},
                                            {"print-docs", no_argument, NULL, 'd'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"dry-run", no_argument, NULL, 'n'},
                                            {NULL, 0, NULL, 0}};
    *cli = (struct nv_cli){.command = NV_COMMAND_RUN};
    cli->sets = calloc((size_t)argc + 1, sizeof *cli->sets);
    if (!cli->sets)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    optind = 0; /* glibc: start anew, tests parse more than once */
    opterr = 0;
    for (int got = 0; (got = getopt_long(argc, argv, "c:hV", options, NULL)) != -1;) {
        if (apply_option(got == 'V' ? 'v' : got, cli) != NV_OK) {
            return nv_fail_set(fail, NV_ERR_CONFIG, 0, "unknown or incomplete option \"%.60s\"",
                               argv[optind - 1]);
        }
    }
    if (optind >= argc || cli->command == NV_COMMAND_HELP)
        return NV_OK;
    if (cli->command != NV_COMMAND_RUN) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "unexpected argument \"%.60s\"",
                           argv[optind]);
    }
    enum nv_err err = parse_command(argc - optind, argv + optind, cli, fail);
    if (err == NV_OK && cli->dry_run != (cli->command == NV_COMMAND_REDACT)) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           cli->dry_run ? "only \"redact\" has --dry-run"
                                        : "\"redact\" needs --dry-run: it changes no file");
    }
    return err;
}

void nv_cli_release(struct nv_cli *cli)
{
    free(cli->sets);
    *cli = (struct nv_cli){0};
}

static const char help_head[] =
    "noveum-gateway " NOVEUM_VERSION ": takes OTLP, delivers whole agent traces to Noveum\n"
    "\n"
    "usage: noveum-gateway [--config FILE] [--set KEY=VALUE]... [OPTION | COMMAND]\n"
    "\n"
    "  --config FILE     read a YAML file\n"
    "  --set KEY=VALUE   set one key; comes before environment and file\n"
    "  --check-config    check the configuration and exit\n"
    "  --print-config    print the configuration in force and where each value came from\n"
    "  --version         print the version\n"
    "  --help            print this\n"
    "\n"
    "  doctor            check key, endpoint, clock, ports and disk, and say what is wrong\n"
    "  explain FILE...   show how the spans of OTLP bodies are translated: traces and logs,\n"
    "                    protobuf or JSON, also in gzip or zstd; one trace in several files "
    "is\n"
    "                    put together\n"
    "  redact --dry-run FILE...\n"
    "                    show what would be masked in such bodies, by rule and place, no "
    "values\n"
    "  journal check     read the whole journal and report damage\n"
    "  journal list      list what the journal holds\n"
    "  dead list         list what could not be delivered, with the reasons\n"
    "  dead show ID      print one of them\n"
    "  dead retry ID     give it another try (ID may be `all`); what was never translated is\n"
    "                    translated by this version and stays if that fails\n"
    "  dead drop ID      remove it for good (ID may be `all`)\n"
    "\n"
    "Without NOVEUM_API_KEY traces go to files in .noveum_trace_dev and to this terminal.\n"
    "SIGTERM and SIGINT deliver and stop, SIGHUP reads the configuration again.\n"
    "Exit codes: 0 stopped, 1 start failed, 2 bad configuration or arguments, 3 state "
    "directory\n"
    "in use by another gateway.\n"
    "\n"
    "Keys, each also as environment variable (receiver.http.listen as\n"
    "NOVEUM_GATEWAY_RECEIVER_HTTP_LISTEN), with defaults:\n"
    "\n";

enum nv_err nv_cli_write_help(struct nv_buf *buf)
{
    (void)nv_buf_append_str(buf, nv_str_from(help_head));
    return nv_options_write_help(buf);
}

int nv_exit_code_of(enum nv_err err)
{
    return err == NV_ERR_LOCKED ? NV_EXIT_LOCKED : NV_EXIT_FAILED;
}
