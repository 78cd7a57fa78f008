/*
 * The command line, by getopt_long, over the two tables of command_table.h.
 *
 *   getopt ▸ what was given, by option ▸ words ▸ row of the command ▸ do the options fit it?
 *
 * Anything left over is an error: an argument that is silently ignored is a configuration
 * that is silently not used.
 *
 * Options may stand before or behind the words, as getopt of glibc allows it; what they mean
 * is decided at the end, when the command is known. So `--json traces list` and `traces list
 * --json` are the same, and an option that the command has not is told with the command's
 * name.
 *
 * Nothing is copied: what is kept points into argv, which lives as long as the process.
 */
#include "gateway/commands/cli.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define FIRST_CODE 256 /* of getopt: above every letter */

/* ---- commands ---------------------------------------------------------------------------- */

/* "list, show, retry, drop" */
static void list_seconds(const char *first, char *known, size_t size)
{
    size_t count, len = 0;
    const struct nv_command_row *rows = nv_command_rows(&count);
    known[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (strcmp(first, rows[i].first) != 0)
            continue;
        len += (size_t)snprintf(known + len, size - len, "%s%s", len > 0 ? ", " : "",
                                rows[i].second);
        assert(len < size);
    }
}

/* Names what may follow `first`, when anything may, and what is nearest. */
static enum nv_err unknown_command(const char *first, const char *second, struct nv_fail *fail)
{
    char known[80];
    bool takes_second = false;
    if (!nv_command_is_first(first, &takes_second)) {
        const char *near = nv_command_nearest(NULL, first);
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "unknown command \"%.60s\"%s%s%s", first,
                           near ? ", did you mean \"" : "", near ? near : "",
                           near ? "\"?" : "");
    }
    list_seconds(first, known, sizeof known);
    if (!second)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "\"%s\" needs one of %s", first, known);
    const char *near = nv_command_nearest(first, second);
    if (near) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "unknown command \"%s %.30s\", did you mean \"%s %s\"? \"%s\" needs "
                           "one of %s",
                           first, second, first, near, first, known);
    }
    return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                       "unknown command \"%s %.30s\": \"%s\" needs one of %s", first, second,
                       first, known);
}

/* `words[most]` is the first that is too much: that one is named, not the last. */
static enum nv_err take_arguments(const struct nv_command_row *row, int count, char **words,
                                  struct nv_cli *cli, struct nv_fail *fail)
{
    if (count == 0 && row->argument && !row->optional) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "\"%s%s%s\" needs %s", row->first,
                           row->second ? " " : "", row->second ? row->second : "",
                           row->argument);
    }
    int most = row->argument ? 1 : 0;
    if (count > most && !row->several) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "unexpected argument \"%.60s\"",
                           words[most]);
    }
    cli->arguments = count > 0 ? (const char *const *)words : NULL;
    cli->argument_count = (size_t)count;
    return NV_OK;
}

static enum nv_err parse_command(int count, char **words, struct nv_cli *cli,
                                 struct nv_fail *fail)
{
    assert(count > 0);
    const char *second = count > 1 ? words[1] : NULL;
    const struct nv_command_row *row = nv_command_find(words[0], second);
    if (!row)
        return unknown_command(words[0], second, fail);
    int used = row->second && second ? 2 : 1;
    cli->command = row->command;
    return take_arguments(row, count - used, words + used, cli, fail);
}

/* Help is given for whatever can be made of the words. */
static enum nv_err parse_topic(int count, char *const *words, struct nv_cli *cli,
                               struct nv_fail *fail)
{
    bool takes_second = false;
    cli->command = NV_COMMAND_HELP;
    if (count == 0)
        return NV_OK;
    if (!nv_command_is_first(words[0], &takes_second))
        return unknown_command(words[0], NULL, fail);
    cli->topic_first = words[0];
    if (!takes_second || count == 1)
        return NV_OK;
    cli->topic_second = words[1];
    return nv_command_find(words[0], words[1]) ? NV_OK
                                               : unknown_command(words[0], words[1], fail);
}

/* ---- options ----------------------------------------------------------------------------- */

static enum nv_err unknown_option(const char *word, struct nv_fail *fail)
{
    bool is_long = word[0] == '-' && word[1] == '-';
    char name[40];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    const char *near = is_long ? nv_command_option_nearest(name + 2) : NULL;
    return nv_fail_set(fail, NV_ERR_CONFIG, 0, "unknown or incomplete option \"%.60s\"%s%s%s",
                       word, near ? ", did you mean \"--" : "", near ? near : "",
                       near ? "\"?" : "");
}

static enum nv_err take_limit(struct nv_cli *cli, const char *value, struct nv_fail *fail)
{
    uint64_t limit = 0;
    if (nv_str_to_uint64(nv_str_from(value), &limit) != NV_OK || limit < 1 ||
        limit > NV_CLI_LIMIT_MAX) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "--limit is a number from 1 to %d",
                           NV_CLI_LIMIT_MAX);
    }
    cli->limit = (uint32_t)limit;
    return NV_OK;
}

/* Colours of the program that runs are a key of the configuration: this is short for it. */
static enum nv_err take_color(struct nv_cli *cli, const char *value, struct nv_fail *fail)
{
    static const char *const keys[][2] = {{"auto", "terminal.color=auto"},
                                          {"always", "terminal.color=always"},
                                          {"never", "terminal.color=never"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(value, keys[i][0]) == 0) {
            cli->sets[cli->set_count++] = keys[i][1];
            return NV_OK;
        }
    }
    return nv_fail_set(fail, NV_ERR_CONFIG, 0, "--color is auto, always or never");
}

/*
 * What is a command in the form of an option (--check-config, as other servers have it) is
 * turned into that command here, so that nothing behind knows the difference.
 */
static enum nv_err take_option(enum nv_cli_option option, struct nv_cli *cli,
                               struct nv_fail *fail)
{
    static const struct {
        enum nv_cli_option option;
        enum nv_command command;
    } whole[] = {{NV_CLI_CHECK_CONFIG, NV_COMMAND_CHECK_CONFIG},
                 {NV_CLI_PRINT_CONFIG, NV_COMMAND_PRINT_CONFIG},
                 {NV_CLI_PRINT_DOCS, NV_COMMAND_PRINT_DOCS},
                 {NV_CLI_PRINT_COMMANDS, NV_COMMAND_PRINT_COMMANDS},
                 {NV_CLI_VERSION, NV_COMMAND_VERSION}};
    cli->given[option] = optarg ? optarg : "";
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        if (whole[i].option == option)
            cli->command = whole[i].command;
    }
    if (option == NV_CLI_CONFIG)
        cli->config_file = optarg;
    else if (option == NV_CLI_SET)
        cli->sets[cli->set_count++] = optarg;
    else if (option == NV_CLI_LIMIT)
        return take_limit(cli, optarg, fail);
    else if (option == NV_CLI_COLOR)
        return take_color(cli, optarg, fail);
    return NV_OK;
}

/* "c:n:Vh" and the long names, of the table. */
static void make_getopt(struct option *longs, char *shorts)
{
    const struct nv_cli_option_row *rows = nv_cli_option_rows();
    for (int i = 0; i < NV_CLI_OPTION_COUNT; i++) {
        longs[i] =
            (struct option){rows[i].name, rows[i].value ? required_argument : no_argument, NULL,
                            FIRST_CODE + i};
        if (rows[i].letter == 0)
            continue;
        *shorts++ = rows[i].letter;
        if (rows[i].value)
            *shorts++ = ':';
    }
    longs[NV_CLI_OPTION_COUNT] = (struct option){0};
    *shorts = '\0';
}

/* The option of a code of getopt; COUNT: none. */
static int option_of(int code)
{
    const struct nv_cli_option_row *rows = nv_cli_option_rows();
    if (code >= FIRST_CODE)
        return code - FIRST_CODE;
    int i = 0;
    while (i < NV_CLI_OPTION_COUNT && rows[i].letter != code)
        i++;
    return i;
}

static enum nv_err parse_options(int argc, char **argv, struct nv_cli *cli,
                                 struct nv_fail *fail)
{
    struct option longs[NV_CLI_OPTION_COUNT + 1];
    char shorts[2 * NV_CLI_OPTION_COUNT + 1];
    enum nv_err err = NV_OK;
    make_getopt(longs, shorts);
    optind = 0; /* glibc: start anew, tests parse more than once */
    opterr = 0;
    for (int got = 0;
         err == NV_OK && (got = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        int option = got == '?' ? NV_CLI_OPTION_COUNT : option_of(got);
        err = option == NV_CLI_OPTION_COUNT
                  ? unknown_option(argv[optind - 1], fail)
                  : take_option((enum nv_cli_option)option, cli, fail);
    }
    return err;
}

/*
 * `redact` without --dry-run is refused and not taken for it: it would look like a command
 * that changes files, and one day somebody would rely on that.
 */
static enum nv_err check_fit(const struct nv_cli *cli, const char *name, struct nv_fail *fail)
{
    for (int i = 0; i < NV_CLI_OPTION_COUNT; i++) {
        if (!cli->given[i] || nv_cli_option_fits((enum nv_cli_option)i, cli->command))
            continue;
        const char *option = nv_cli_option_rows()[i].name;
        if (!name) {
            return nv_fail_set(fail, NV_ERR_CONFIG, 0, "--%s needs a command before it",
                               option);
        }
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "\"%s\" has no --%s; \"noveum-gateway %s --help\" shows what it has",
                           name, option, name);
    }
    if (cli->command == NV_COMMAND_REDACT && !cli->given[NV_CLI_DRY_RUN]) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "\"redact\" needs --dry-run: it changes no file");
    }
    return NV_OK;
}

/*
 * Room for all settings is taken once, by the number of words: there can't be more of them.
 * --help goes before every complaint about words, for who asks for help has reason to.
 */
enum nv_err nv_cli_parse(int argc, char **argv, struct nv_cli *cli, struct nv_fail *fail)
{
    *cli = (struct nv_cli){.command = NV_COMMAND_RUN};
    cli->sets = calloc((size_t)argc + 1, sizeof *cli->sets);
    if (!cli->sets)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    enum nv_err err = parse_options(argc, argv, cli, fail);
    if (err != NV_OK)
        return err;
    int count = argc - optind;
    char **words = argv + optind;
    if (cli->given[NV_CLI_HELP])
        return parse_topic(count, words, cli, fail);
    if (cli->command != NV_COMMAND_RUN && count > 0)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "unexpected argument \"%.60s\"", words[0]);
    if (cli->command != NV_COMMAND_RUN)
        return NV_OK;
    if (count == 0)
        return check_fit(cli, NULL, fail);
    err = parse_command(count, words, cli, fail);
    if (err == NV_OK)
        err = check_fit(cli, words[0], fail);
    if (err == NV_OK && cli->command == NV_COMMAND_HELP)
        return parse_topic(count - 1, words + 1, cli, fail);
    return err;
}

void nv_cli_release(struct nv_cli *cli)
{
    free(cli->sets);
    *cli = (struct nv_cli){0};
}

int nv_exit_code_of(enum nv_err err)
{
    return err == NV_ERR_LOCKED ? NV_EXIT_LOCKED : NV_EXIT_FAILED;
}
