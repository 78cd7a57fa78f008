/*
 * From the tables to text in two columns, and to JSON.
 *
 *   usage ▸ summary ▸ commands ▸ options ▸ notes ▸ keys of the configuration
 *
 * Texts mark what is typed with backquotes, which manual pages set in bold; a terminal shows
 * them as they are. Lines are filled to NV_HELP_COLUMNS; all of the tables' texts are ASCII.
 *
 * The JSON is what tools/ makes documents, manual pages and completions of. It is another
 * form of the same rows and never a second text: what --help says is what the manual says.
 * Rejected: manual pages as the source, with --help made of them; a page is more than a
 * terminal shows.
 */
#include "gateway/commands/command_help.h"

#include "base/json/json_write.h"
#include "gateway/config/option_print.h"

#include <assert.h>
#include <stdio.h>

#include "base/banned.h"

#define PROGRAM "noveum-gateway"
/*
 * Where the second column begins: what stands in the first one is at most this wide but for a
 * few, and those have a line of their own.
 */
#define TEXT_COLUMN 24
#define SUMMARY "takes OTLP, delivers whole agent traces to Noveum"

static const char *const notes[] = {
    "Without NOVEUM_API_KEY traces go to files in .noveum_trace_dev, to this terminal and to "
    "the page at the admin address.",
    "SIGTERM and SIGINT deliver and stop, SIGHUP reads the configuration again.",
    "Exit codes: 0 stopped, 1 start failed, 2 bad configuration or arguments, 3 state "
    "directory in use by another gateway."};
#define NOTES (sizeof notes / sizeof notes[0])

/* ---- lines ------------------------------------------------------------------------------- */

/* `text` filled into lines that begin at `indent`; the cursor stands at `column`. */
static void fill(struct nv_str text, size_t indent, size_t column, struct nv_buf *buf)
{
    bool begins = true;
    while (text.len > 0) {
        size_t end = nv_str_find_char(text, ' ');
        struct nv_str word = nv_str_slice(text, 0, end == SIZE_MAX ? text.len : end);
        text = nv_str_slice(text, word.len + 1, text.len);
        if (!begins && column + 1 + word.len > NV_HELP_COLUMNS) {
            (void)nv_buf_append_char(buf, '\n');
            column = 0;
            begins = true;
        }
        if (begins) {
            (void)nv_buf_printf(buf, "%*s", column < indent ? (int)(indent - column) : 0, "");
            column = column < indent ? indent : column;
        } else {
            (void)nv_buf_append_char(buf, ' ');
            column++;
        }
        (void)nv_buf_append_str(buf, word);
        column += word.len;
        begins = false;
    }
    (void)nv_buf_append_char(buf, '\n');
}

/* Two columns; words that are too long have a line of their own. */
static void write_entry(const char *words, const char *text, struct nv_buf *buf)
{
    size_t len = strlen(words) + 2;
    (void)nv_buf_printf(buf, "  %s", words);
    if (len + 2 > TEXT_COLUMN) {
        (void)nv_buf_append_char(buf, '\n');
        len = 0;
    }
    fill(nv_str_from(text), TEXT_COLUMN, len, buf);
}

/*
 * The form that usage lines have everywhere: [optional], several... Sizes are asserted and
 * not cut: the texts are our own, and a cut usage line would be a wrong one.
 */
static void name_command(const struct nv_command_row *row, char *out, size_t size)
{
    int len = snprintf(out, size, "%s%s%s%s%s%s%s%s", row->first, row->second ? " " : "",
                       row->second ? row->second : "", row->argument ? " " : "",
                       row->optional ? "[" : "", row->argument ? row->argument : "",
                       row->several && row->argument ? "..." : "", row->optional ? "]" : "");
    assert(len > 0 && (size_t)len < size);
    (void)len;
}

static void name_option(const struct nv_cli_option_row *row, char *out, size_t size)
{
    char letter[8] = "";
    if (row->letter != 0)
        (void)snprintf(letter, sizeof letter, "-%c, ", row->letter);
    int len = snprintf(out, size, "%s--%s%s%s", letter, row->name, row->value ? " " : "",
                       row->value ? row->value : "");
    assert(len > 0 && (size_t)len < size);
    (void)len;
}

/* What only the makers of documents ask for is not for people. */
static bool is_hidden(enum nv_cli_option option)
{
    return option == NV_CLI_PRINT_DOCS || option == NV_CLI_PRINT_COMMANDS;
}

static void write_options(enum nv_command command, struct nv_buf *buf)
{
    char words[80];
    const struct nv_cli_option_row *rows = nv_cli_option_rows();
    (void)nv_buf_append_str(buf, NV_STR("\nOptions:\n"));
    for (int i = 0; i < NV_CLI_OPTION_COUNT; i++) {
        if (is_hidden((enum nv_cli_option)i) ||
            !nv_cli_option_fits((enum nv_cli_option)i, command))
            continue;
        name_option(&rows[i], words, sizeof words);
        write_entry(words, rows[i].text, buf);
    }
}

static void write_commands(const char *first, struct nv_buf *buf)
{
    char words[80];
    size_t count;
    const struct nv_command_row *rows = nv_command_rows(&count);
    (void)nv_buf_append_str(buf, NV_STR("\nCommands:\n"));
    for (size_t i = 0; i < count; i++) {
        if (first && strcmp(first, rows[i].first) != 0)
            continue;
        name_command(&rows[i], words, sizeof words);
        write_entry(words, rows[i].summary, buf);
    }
}

/* ---- help -------------------------------------------------------------------------------- */

/*
 * Keys come last because they are the longest part: who looks for a command need not scroll.
 */
static void write_general(struct nv_buf *buf)
{
    (void)nv_buf_append_str(buf,
                            NV_STR(PROGRAM " " NOVEUM_VERSION ": " SUMMARY "\n\nusage: " PROGRAM
                                           " [OPTION]... [COMMAND]\n"));
    write_commands(NULL, buf);
    write_options(NV_COMMAND_RUN, buf);
    (void)nv_buf_append_str(buf,
                            NV_STR("\n\"" PROGRAM " COMMAND --help\" tells more of each.\n\n"));
    for (size_t i = 0; i < NOTES; i++)
        fill(nv_str_from(notes[i]), 0, 0, buf);
    (void)nv_buf_append_str(
        buf, NV_STR("\nKeys, each also as environment variable (receiver.http.listen as\n"
                    "NOVEUM_GATEWAY_RECEIVER_HTTP_LISTEN), with defaults:\n\n"));
    (void)nv_options_write_help(buf);
}

static void write_one(const struct nv_command_row *row, struct nv_buf *buf)
{
    char words[80];
    name_command(row, words, sizeof words);
    (void)nv_buf_printf(buf, "usage: " PROGRAM " %s [OPTION]...\n\n", words);
    fill(nv_str_from(row->summary), 0, 0, buf);
    if (row->text) {
        (void)nv_buf_append_char(buf, '\n');
        fill(nv_str_from(row->text), 0, 0, buf);
    }
    write_options(row->command, buf);
}

static void write_group(const char *first, struct nv_buf *buf)
{
    (void)nv_buf_printf(buf, "usage: " PROGRAM " %s COMMAND [OPTION]...\n", first);
    write_commands(first, buf);
    (void)nv_buf_printf(buf, "\n\"" PROGRAM " %s COMMAND --help\" tells more of each.\n",
                        first);
}

/* The words were checked by the parser (cli.c), so each of them is in the table. */
enum nv_err nv_command_help_write(const struct nv_cli *cli, struct nv_buf *buf)
{
    bool takes_second = false;
    if (!cli->topic_first) {
        write_general(buf);
        return buf->failed;
    }
    (void)nv_command_is_first(cli->topic_first, &takes_second);
    if (takes_second && !cli->topic_second)
        write_group(cli->topic_first, buf);
    else
        write_one(nv_command_find(cli->topic_first, cli->topic_second), buf);
    return buf->failed;
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void write_member(struct nv_json_writer *json, const char *name, const char *text)
{
    nv_json_write_key(json, nv_str_from(name));
    if (text)
        nv_json_write_string(json, nv_str_from(text));
    else
        nv_json_write_null(json);
}

static void write_option_json(enum nv_cli_option option, struct nv_json_writer *json)
{
    const struct nv_cli_option_row *row = &nv_cli_option_rows()[option];
    const char letter[2] = {row->letter, '\0'};
    nv_json_write_begin_object(json);
    write_member(json, "name", row->name);
    write_member(json, "letter", row->letter != 0 ? letter : NULL);
    write_member(json, "value", row->value);
    write_member(json, "text", row->text);
    nv_json_write_end_object(json);
}

/* Of a command those that are its own; of the program those of all commands, too. */
static void write_options_json(enum nv_command command, struct nv_json_writer *json)
{
    nv_json_write_key(json, NV_STR("options"));
    nv_json_write_begin_array(json);
    for (int i = 0; i < NV_CLI_OPTION_COUNT; i++) {
        enum nv_cli_option option = (enum nv_cli_option)i;
        bool common = nv_cli_option_rows()[i].commands == 0;
        if (!is_hidden(option) && nv_cli_option_fits(option, command) &&
            (command == NV_COMMAND_RUN || !common))
            write_option_json(option, json);
    }
    nv_json_write_end_array(json);
}

static void write_command_json(const struct nv_command_row *row, struct nv_json_writer *json)
{
    char words[80];
    name_command(row, words, sizeof words);
    nv_json_write_begin_object(json);
    write_member(json, "words", words);
    write_member(json, "first", row->first);
    write_member(json, "second", row->second);
    write_member(json, "argument", row->argument);
    write_member(json, "summary", row->summary);
    write_member(json, "text", row->text);
    write_options_json(row->command, json);
    nv_json_write_end_object(json);
}

enum nv_err nv_command_help_write_json(struct nv_buf *buf)
{
    struct nv_json_writer json;
    size_t count;
    const struct nv_command_row *rows = nv_command_rows(&count);
    nv_json_write_init(&json, buf);
    nv_json_write_begin_object(&json);
    write_member(&json, "version", NOVEUM_VERSION);
    write_member(&json, "summary", SUMMARY);
    write_options_json(NV_COMMAND_RUN, &json);
    nv_json_write_key(&json, NV_STR("commands"));
    nv_json_write_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        write_command_json(&rows[i], &json);
    nv_json_write_end_array(&json);
    nv_json_write_key(&json, NV_STR("notes"));
    nv_json_write_begin_array(&json);
    for (size_t i = 0; i < NOTES; i++)
        nv_json_write_string(&json, nv_str_from(notes[i]));
    nv_json_write_end_array(&json);
    nv_json_write_end_object(&json);
    return nv_buf_append_char(buf, '\n');
}
