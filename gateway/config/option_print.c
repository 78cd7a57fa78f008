/*
 * The table of options as text.
 *
 * docs/configuration.md is a build product kept in the tree, so that it can be read without a
 * build; a test compares it with what the program prints. Nothing about an option is written
 * here: this file knows layout only.
 *
 *   option_table.inc ─▶ this file ─┬─▶ --help           path, default, help
 *                                  ├─▶ --print-config   YAML that can be read again, and from where
 *                                  └─▶ --print-docs     docs/configuration.md
 */
#include "gateway/config/option_print.h"

#include "gateway/config/option_load.h"
#include "gateway/config/option_sdk.h"

#include <assert.h>

#include "base/banned.h"

/* ---- --help ------------------------------------------------------------------------------ */

enum nv_err nv_options_write_help(struct nv_buf *buf)
{
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        const struct nv_option *option = &nv_option_table[id];
        const char *fallback = option->fallback != NULL ? option->fallback : "none";
        (void)nv_buf_printf(buf, "  %s  (%s)\n      %s\n", option->path, fallback,
                            option->help);
    }
    return buf->failed;
}

/* ---- --print-config ---------------------------------------------------------------------- */

static size_t depth_of(struct nv_str path)
{
    size_t depth = 0;
    for (size_t i = 0; i < path.len; i++)
        depth += path.ptr[i] == '.' ? 1 : 0;
    return depth;
}

/* The first `depth` parts of a path, with the dot behind them. */
static struct nv_str front(struct nv_str path, size_t depth)
{
    size_t len = 0;
    while (depth > 0 && len < path.len)
        depth -= path.ptr[len++] == '.' ? 1 : 0;
    return nv_str_slice(path, 0, len);
}

/* Lines that open the sections of `path` which `previous` was not in. Rows of a section stand
 * together in the table, so one row before is all that has to be known. */
static void open_sections(struct nv_str previous, struct nv_str path, struct nv_buf *buf)
{
    for (size_t depth = 1; depth <= depth_of(path); depth++) {
        struct nv_str section = front(path, depth);
        if (nv_str_starts(previous, section))
            continue;
        size_t parent = front(path, depth - 1).len;
        struct nv_str name = nv_str_slice(section, parent, section.len - parent - 1);
        (void)nv_buf_printf(buf, "%*s%.*s:\n", (int)(2 * (depth - 1)), "", NV_STR_ARG(name));
    }
}

/* Texts go between double quotes, with what YAML wants escaped in them. */
static void write_quoted(struct nv_str text, struct nv_buf *buf)
{
    (void)nv_buf_append_char(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            (void)nv_buf_printf(buf, "\\%c", c);
        else if (c == '$' && i + 1 < text.len && text.ptr[i + 1] == '{')
            (void)nv_buf_append_str(buf, NV_STR("$$"));
        else if (c < ' ' || c == 0x7f)
            (void)nv_buf_printf(buf, "\\x%02x", c);
        else
            (void)nv_buf_append_char(buf, (char)c);
    }
    (void)nv_buf_append_char(buf, '"');
}

/* Only texts are quoted: a number in quotes would still be read, but reads like a text. */
static void write_value(const struct nv_options *options, size_t id, struct nv_buf *buf)
{
    enum nv_option_type type = nv_option_table[id].type;
    struct nv_buf value;
    nv_buf_init(&value, buf->max);
    (void)nv_option_write(options, id, &value);
    bool plain = type == NV_OPTION_BOOL || type == NV_OPTION_COUNT || type == NV_OPTION_MS ||
                 type == NV_OPTION_BYTES || type == NV_OPTION_RATE || type == NV_OPTION_CHOICE;
    if (plain)
        (void)nv_buf_append_str(buf, nv_buf_str(&value));
    else if (value.len > 0)
        write_quoted(nv_buf_str(&value), buf);
    nv_buf_release(&value);
}

enum nv_err nv_options_write_config(const struct nv_options *options, struct nv_buf *buf)
{
    struct nv_str previous = NV_STR("");
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        struct nv_str path = nv_str_from(nv_option_table[id].path);
        size_t depth = depth_of(path);
        open_sections(previous, path, buf);
        struct nv_str name = nv_str_slice(path, front(path, depth).len, path.len);
        (void)nv_buf_printf(buf, "%*s%.*s: ", (int)(2 * depth), "", NV_STR_ARG(name));
        write_value(options, id, buf);
        /* as a comment, so that the output stays a configuration */
        const char *where = options->where[id][0] != '\0' ? options->where[id] : "default";
        (void)nv_buf_printf(buf, "  # %s\n", where);
        previous = path;
    }
    return buf->failed;
}

/* ---- docs/configuration.md --------------------------------------------------------------- */

/* Words that hold for all options. What is said here of sources and forms has its test beside
 * the readers (option_load.h, option_value.h). */
static const char docs_head[] =
    "# Configuration\n"
    "\n"
    "<!-- made by `noveum-gateway --print-docs` from gateway/config/option_table.inc; do not "
    "edit "
    "-->\n"
    "\n"
    "Every key can be given in four ways. The first that is there counts:\n"
    "\n"
    "1. `--set KEY=VALUE` on the command line, as often as needed;\n"
    "2. an environment variable: `NOVEUM_GATEWAY_` and the key in capitals with `_` for `.`;\n"
    "   Noveum's own SDK's variables come next (last column);\n"
    "3. the YAML file of `--config FILE`; then the SDK's `noveum-trace.yaml`, `.yml` or "
    "`.json` "
    "in\n"
    "   the working directory;\n"
    "4. the default.\n"
    "\n"
    "`${env:NAME}`, `${env:NAME:-text}` and `${file:PATH}` are replaced in values; `$${` is "
    "the "
    "text\n"
    "`${`, any other dollar stays as it is. Durations are milliseconds or a number with `ms`, "
    "`s`, "
    "`m`, `h`; sizes are bytes or a\n"
    "number with `KB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`. Switches take `true 1 yes on` and\n"
    "`false 0 no off`. Lists are YAML lists, or texts with commas. An empty variable counts as "
    "not\n"
    "set. An unknown key is an error that names the place and the nearest key.\n"
    "\n"
    "`noveum-gateway --check-config` checks and says nothing when all is well; "
    "`--print-config`\n"
    "prints every value in force with where it came from, secrets masked. SIGHUP reads "
    "everything\n"
    "again; keys marked *reload* change at once, changes of others are named in the log and "
    "wait "
    "for\n"
    "a restart.\n"
    "\n"
    "Without `exporter.noveum.api_key` the gateway runs in local mode: traces go to files in\n"
    "`.noveum_trace_dev` and are printed on the terminal.\n";

static const char *type_text(enum nv_option_type type)
{
    static const char *const texts[] = {
        [NV_OPTION_TEXT] = "text",          [NV_OPTION_PATH] = "path",
        [NV_OPTION_ADDRESS] = "address",    [NV_OPTION_URL] = "URL",
        [NV_OPTION_BOOL] = "switch",        [NV_OPTION_COUNT] = "number",
        [NV_OPTION_MS] = "duration",        [NV_OPTION_BYTES] = "size",
        [NV_OPTION_RATE] = "number 0 to 1", [NV_OPTION_CHOICE] = "choice",
        [NV_OPTION_LIST] = "list",          [NV_OPTION_MAP] = "names and values",
        [NV_OPTION_PROXY] = "proxy"};
    return texts[type];
}

static struct nv_str first_part(const char *path)
{
    struct nv_str text = nv_str_from(path);
    return nv_str_slice(text, 0, nv_str_find_char(text, '.'));
}

static void write_choices(const char *choices, struct nv_buf *buf)
{
    for (const char *c = choices; *c != '\0'; c++) {
        if (*c == '|')
            (void)nv_buf_append_str(buf, NV_STR("`, `"));
        else
            (void)nv_buf_append_char(buf, *c);
    }
}

static void write_type(const struct nv_option *option, struct nv_buf *buf)
{
    if (option->type == NV_OPTION_CHOICE) {
        (void)nv_buf_append_char(buf, '`');
        write_choices(option->choices, buf);
        (void)nv_buf_append_char(buf, '`');
    } else {
        (void)nv_buf_append_str(buf, nv_str_from(type_text(option->type)));
    }
    if ((option->flags & NV_OPTION_SECRET) != 0)
        (void)nv_buf_append_str(buf, NV_STR(", secret"));
    if ((option->flags & NV_OPTION_RELOAD) != 0)
        (void)nv_buf_append_str(buf, NV_STR(", reload"));
}

static void write_sdk(size_t id, struct nv_buf *buf)
{
    const char *variable = nv_sdk_variable(id);
    const char *key = nv_sdk_key(id);
    if (variable)
        (void)nv_buf_printf(buf, "`%s`", variable);
    if (key)
        (void)nv_buf_printf(buf, "%s`%s`", variable != NULL ? ", " : "", key);
}

static void write_row(size_t id, struct nv_buf *buf)
{
    assert(id < NV_OPTION_TOTAL);
    const struct nv_option *option = &nv_option_table[id];
    (void)nv_buf_printf(buf, "| `%s` | ", option->path);
    write_type(option, buf);
    if (option->fallback)
        (void)nv_buf_printf(buf, " | `%s` | %s | ", option->fallback, option->help);
    else
        (void)nv_buf_printf(buf, " | | %s | ", option->help);
    write_sdk(id, buf);
    (void)nv_buf_append_str(buf, NV_STR(" |\n"));
}

enum nv_err nv_options_write_docs(struct nv_buf *buf)
{
    struct nv_str section = NV_STR("");
    (void)nv_buf_append_str(buf, nv_str_from(docs_head));
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        struct nv_str mine = first_part(nv_option_table[id].path);
        if (!nv_str_eq(mine, section)) {
            (void)nv_buf_printf(buf, "\n## %.*s\n\n", NV_STR_ARG(mine));
            (void)nv_buf_append_str(buf, NV_STR("| key | kind | default | meaning | of the SDK "
                                                "|\n|---|---|---|---|---|\n"));
        }
        section = mine;
        write_row(id, buf);
    }
    return buf->failed;
}
