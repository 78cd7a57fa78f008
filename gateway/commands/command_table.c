/*
 * The rows themselves.
 *
 *   this table ─┬─ cli.c            what is accepted
 *               ├─ command_help.c   --help, in two columns
 *               └─ --print-commands ▸ docs/commands.md, manual pages, completions (tools/)
 *
 * One table, so that nothing can be accepted and not be told, or the other way round.
 *
 * Words of a command are two at most. What is nearest is found by the same distance as with
 * keys of the configuration: up to two letters wrong, or a third of a long word.
 */
#include "gateway/commands/command_table.h"

#include "gateway/config/options.h"

#include <assert.h>

#include "base/banned.h"

static const struct nv_cli_option_row options[] = {
#define OPTION_ROW(id, name, letter, value, commands, text)                                    \
    [NV_CLI_##id] = {name, letter, value, commands, text},
    NV_CLI_OPTION_TABLE(OPTION_ROW)
#undef OPTION_ROW
};

static const struct nv_command_row commands[] = {
    {NV_COMMAND_DEMO, "demo", NULL, NULL, false, false,
     "show the page with captured traces of ten conventions, without key or application",
     "Ports are any that are free, and all that is written goes away with it; Ctrl-C ends it."},
    {NV_COMMAND_LAMBDA, "lambda", NULL, NULL, false, false,
     "run as an external extension of AWS Lambda",
     "What a function has sent leaves before its environment is frozen. Below "
     "`/opt/extensions/` it is what the program does without a command."},
    {NV_COMMAND_DOCTOR, "doctor", NULL, NULL, false, false,
     "check key, endpoint, clock, ports and disk, and say what is wrong",
     "Give it the options and the environment of the gateway that it is to judge."},
    {NV_COMMAND_HEALTH, "health", NULL, NULL, false, false,
     "say whether the gateway is ready: exit code 0, else 1 and why",
     "For containers: HEALTHCHECK CMD [\"noveum-gateway\", \"health\"]. It asks `/readyz` at "
     "`admin.listen` of the same configuration; where that says port 0 or `none`, the gateway "
     "that runs on `journal.directory` says where it is, over its control socket."},
    {NV_COMMAND_TRACES_LIST, "traces", "list", NULL, false, false,
     "list the newest traces of the local store",
     "`traces` alone does the same. The store is `store.file`, which local mode and "
     "`admin.ui` write; it is only read, beside a gateway that runs or without one."},
    {NV_COMMAND_TRACES_SHOW, "traces", "show", "ID", false, false,
     "print one trace as a tree, with its conversation and tool calls",
     "ID is the id in the list, the id that the application used, or the first characters of "
     "either, as long as no other trace begins so."},
    {NV_COMMAND_TRACES_FOLLOW, "traces", "follow", NULL, false, false,
     "print traces as they arrive, until it is stopped", NULL},
    {NV_COMMAND_TRACES_SEARCH, "traces", "search", "TEXT", false, true,
     "list traces that hold all these texts",
     "The search is literal, in any case of letters, also inside words."},
    {NV_COMMAND_TRACES_EXPORT, "traces", "export", "ID", true, false,
     "print traces as JSON, one a line: all, one, or a session",
     "Each line is a trace as it is delivered, oldest first."},
    {NV_COMMAND_EXPLAIN, "explain", NULL, "FILE", false, true,
     "show how the spans of OTLP bodies are translated, and what no row knows",
     "Bodies are traces and logs, protobuf or JSON, also in gzip or zstd; FILE may be `-` for "
     "standard input. One trace in several files is put together. Of "
     "each field it shows which key won, of each span the attributes that no row knows "
     "(unmapped) and the values as they would leave, redacted and cut to the width."},
    {NV_COMMAND_REDACT, "redact", NULL, "FILE", false, true,
     "show what would be masked in such bodies, by rule and place, no values",
     "It needs --dry-run: no file is changed."},
    {NV_COMMAND_JOURNAL_CHECK, "journal", "check", NULL, false, false,
     "read the whole journal and report damage", NULL},
    {NV_COMMAND_JOURNAL_LIST, "journal", "list", NULL, false, false,
     "list what the journal holds", NULL},
    {NV_COMMAND_DEAD_LIST, "dead", "list", NULL, false, false,
     "list what could not be delivered, with the reasons", NULL},
    {NV_COMMAND_DEAD_SHOW, "dead", "show", "ID", false, false, "print one of them", NULL},
    {NV_COMMAND_DEAD_RETRY, "dead", "retry", "ID", false, false,
     "give it another try (ID may be `all`)",
     "What was never translated is translated by this version and stays if that fails."},
    {NV_COMMAND_DEAD_DROP, "dead", "drop", "ID", false, false,
     "remove it for good (ID may be `all`)", NULL},
    {NV_COMMAND_KAFKA_INSPECT, "kafka", "inspect", "TRACE_ID", false, false,
     "show where the messages of a trace lie in Kafka, and whether they are delivered",
     "It reads the partition that the id leads to and, when nothing is there, all others, from "
     "the beginning; at most 2,000,000 messages, 4 GiB and two minutes. Nothing is committed."},
    {NV_COMMAND_VERSION, "version", NULL, NULL, false, false,
     "print the version, the commit, and the libraries in use", NULL},
    {NV_COMMAND_HELP, "help", NULL, "COMMAND", true, true, "print the help of a command", NULL},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

const struct nv_cli_option_row *nv_cli_option_rows(void)
{
    return options;
}

const struct nv_command_row *nv_command_rows(size_t *count)
{
    *count = COMMANDS;
    return commands;
}

/* What a first word does that stands alone. */
static bool is_default(const struct nv_command_row *row)
{
    return row->command == NV_COMMAND_TRACES_LIST;
}

/*
 * A word that needs a second one and has none is no command, but for the one that stands
 * alone: `traces` is what people type first.
 */
const struct nv_command_row *nv_command_find(const char *first, const char *second)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct nv_command_row *row = &commands[i];
        if (strcmp(first, row->first) != 0)
            continue;
        if (!row->second || (second ? strcmp(second, row->second) == 0 : is_default(row)))
            return row;
    }
    return NULL;
}

bool nv_command_is_first(const char *first, bool *takes_second)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(first, commands[i].first) == 0) {
            *takes_second = commands[i].second != NULL;
            return true;
        }
    }
    return false;
}

/* ---- nearest ----------------------------------------------------------------------------- */

struct nearest {
    struct nv_str word;
    size_t distance;
    const char *name;
};

/*
 * One past the greatest distance that is taken for a typo, so that what is nearer always
 * wins.
 */
static struct nearest nearest_to(const char *word)
{
    struct nv_str text = nv_str_from(word);
    return (struct nearest){.word = text, .distance = text.len / 3 < 2 ? 3 : text.len / 3 + 1};
}

static void consider(struct nearest *nearest, const char *name)
{
    struct nv_str text = nv_str_from(name);
    size_t distance = nv_option_distance(nearest->word, text);
    /* a word cut short is as near as a typo of one letter */
    if (nearest->word.len >= 3 && nv_str_starts(text, nearest->word))
        distance = 1;
    /* all letters wrong is not near, however short the word */
    if (distance < nearest->distance && distance < text.len) {
        nearest->distance = distance;
        nearest->name = name;
    }
}

const char *nv_command_nearest(const char *first, const char *word)
{
    struct nearest nearest = nearest_to(word);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (!first)
            consider(&nearest, commands[i].first);
        else if (strcmp(first, commands[i].first) == 0 && commands[i].second)
            consider(&nearest, commands[i].second);
    }
    return nearest.name;
}

const char *nv_command_option_nearest(const char *word)
{
    struct nearest nearest = nearest_to(word);
    for (size_t i = 0; i < NV_CLI_OPTION_COUNT; i++)
        consider(&nearest, options[i].name);
    return nearest.name;
}

/*
 * A bit for each command: one more than 64 of them would need another form, and the assert
 * says so before a shift does something else.
 */
bool nv_cli_option_fits(enum nv_cli_option option, enum nv_command command)
{
    assert((unsigned)command < NV_COMMAND_COUNT && NV_COMMAND_COUNT <= 64);
    return options[option].commands == 0 || (options[option].commands & NV_OF(command)) != 0;
}
