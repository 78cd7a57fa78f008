/*
 * The SDK's file, in JSON or in the part of YAML that configuration files are written in.
 *
 *   line ─▶ indentation ─▶ which mappings are open ─▶ path ─┐
 *           key ▸ value ────────────────────────────────────┴▶ path, NUL, text, NUL
 *
 * A reader of all of YAML is larger than this library. What is not understood is refused by its
 * line: half a file that was read wrong is worse than one that was not read.
 */
#include "trace/config_file.h"

#include "base/json/json_read.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define FILE_MAX NV_CAP_KIB(64)
#define PATH_MAX_BYTES ((size_t)120)
#define LEVELS_MAX 4
#define JSON_DEPTH 8
#define NO_INDENT SIZE_MAX

static const char *const names[] = {"noveum-trace.yaml", "noveum-trace.yml",
                                    "noveum-trace.json", ".noveum-trace.yaml",
                                    ".noveum-trace.yml", ".noveum-trace.json"};

/* Where the reader is. A level is a mapping whose keys stand under a key of the one before. */
struct parse {
    struct nv_buf *pairs;
    char *why;
    unsigned line;
    char path[PATH_MAX_BYTES];
    size_t lengths[JSON_DEPTH + 1]; /* of the path, by level */
    size_t indents[LEVELS_MAX + 1]; /* of the keys of a level; NO_INDENT: none was seen */
    unsigned level;
    size_t passed_over; /* lines deeper than this belong to what is not read */
};

static enum nv_err bad(struct parse *parse, const char *what)
{
    (void)snprintf(parse->why, NV_TRACE_FILE_WHY_SIZE, "line %u: %s", parse->line, what);
    return NV_ERR_MALFORMED;
}

/* ---- what is found ----------------------------------------------------------------------- */

/* Puts a key behind the path of its level. */
static enum nv_err set_key(struct parse *parse, struct nv_str key)
{
    size_t len = parse->lengths[parse->level];
    size_t dot = len > 0;
    if (key.len == 0 || len + dot + key.len >= sizeof parse->path)
        return bad(parse, "a key is empty or too long");
    if (dot)
        parse->path[len] = '.';
    memcpy(parse->path + len + dot, key.ptr, key.len);
    parse->path[len + dot + key.len] = '\0';
    return NV_OK;
}

/* A NUL in a text ends it: the pairs are kept as C strings. */
static enum nv_err keep(struct parse *parse, struct nv_str text)
{
    size_t nul = nv_str_find_char(text, '\0');
    (void)nv_buf_append(parse->pairs, parse->path, strlen(parse->path) + 1);
    (void)nv_buf_append_str(parse->pairs, nv_str_slice(text, 0, nul));
    return nv_buf_append_char(parse->pairs, '\0');
}

static void open_level(struct parse *parse)
{
    parse->level++;
    parse->lengths[parse->level] = strlen(parse->path);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static enum nv_err unescaped(struct nv_buf *room, const struct nv_json_reader *reader)
{
    nv_buf_clear(room);
    return nv_json_unescape_to(room, reader->raw);
}

static enum nv_err json_value(struct parse *parse, struct nv_json_reader *reader,
                              enum nv_json_token token, struct nv_buf *room)
{
    enum nv_err err;
    switch (token) {
    case NV_JSON_OBJECT_BEGIN:
        open_level(parse);
        return NV_OK;
    case NV_JSON_STRING:
        err = unescaped(room, reader);
        return err == NV_OK ? keep(parse, nv_buf_str(room)) : err;
    case NV_JSON_NUMBER:
        return keep(parse, reader->raw);
    case NV_JSON_TRUE:
        return keep(parse, NV_STR("true"));
    case NV_JSON_FALSE:
        return keep(parse, NV_STR("false"));
    default:
        return nv_json_skip(reader, token);
    }
}

static enum nv_err json_step(struct parse *parse, struct nv_json_reader *reader,
                             enum nv_json_token token, struct nv_buf *room)
{
    if (token == NV_JSON_OBJECT_END) {
        parse->level--;
        return NV_OK;
    }
    enum nv_err err = unescaped(room, reader); /* a key: nothing else is in an object */
    if (err == NV_OK)
        err = set_key(parse, nv_buf_str(room));
    return err == NV_OK ? json_value(parse, reader, nv_json_next(reader), room) : err;
}

static enum nv_err parse_json(struct parse *parse, struct nv_str text)
{
    struct nv_json_reader reader;
    struct nv_buf room;
    enum nv_err err = NV_OK;
    nv_buf_init(&room, FILE_MAX);
    nv_json_read_init(&reader, text, JSON_DEPTH);
    enum nv_json_token token = nv_json_next(&reader);
    if (token != NV_JSON_OBJECT_BEGIN)
        err = NV_ERR_MALFORMED;
    while (err == NV_OK && (token = nv_json_next(&reader)) != NV_JSON_END) {
        if (token == NV_JSON_ERROR)
            err = reader.err;
        else
            err = json_step(parse, &reader, token, &room);
    }
    nv_buf_release(&room);
    if (err == NV_OK || err == NV_ERR_NO_MEMORY)
        return err;
    if (parse->why[0] == '\0') {
        (void)snprintf(parse->why, NV_TRACE_FILE_WHY_SIZE, "byte %zu: %s", reader.pos,
                       reader.what ? reader.what : "no JSON object, or nested too deeply");
    }
    return NV_ERR_MALFORMED;
}

/* ---- YAML -------------------------------------------------------------------------------- */

/* The text between quotes at the start of *rest, which is moved behind them. */
static bool quoted(struct nv_str *rest, struct nv_buf *room)
{
    char quote = rest->ptr[0];
    nv_buf_clear(room);
    for (size_t i = 1; i < rest->len; i++) {
        char c = rest->ptr[i];
        char next = i + 1 < rest->len ? rest->ptr[i + 1] : '\0';
        bool doubled = quote == '\'' && c == '\'' && next == '\'';
        bool escaped = quote == '"' && c == '\\';
        if (escaped && !strchr("\"\\/", next))
            return false; /* \n, \x41: nothing that a setting needs */
        if (c == quote && !doubled) {
            *rest = nv_str_slice(*rest, i + 1, rest->len);
            return nv_buf_append(room, "", 0) == NV_OK;
        }
        i += doubled || escaped;
        (void)nv_buf_append_char(room, rest->ptr[i]);
    }
    return false;
}

/* Without a comment, which begins where the line does or behind a space. */
static struct nv_str uncommented(struct nv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '#' && (i == 0 || text.ptr[i - 1] == ' ' || text.ptr[i - 1] == '\t'))
            return nv_str_trim(nv_str_slice(text, 0, i));
    }
    return nv_str_trim(text);
}

/* The key at the start of *rest, which is moved behind its colon. */
static enum nv_err yaml_key(struct parse *parse, struct nv_str *rest, struct nv_buf *room)
{
    struct nv_str key = *rest;
    if (rest->ptr[0] == '"' || rest->ptr[0] == '\'') {
        if (!quoted(rest, room) || rest->len == 0 || rest->ptr[0] != ':')
            return bad(parse, "a key in quotes and a colon were expected");
        *rest = nv_str_slice(*rest, 1, rest->len);
        return set_key(parse, nv_buf_str(room));
    }
    for (size_t i = 0; i < rest->len; i++) {
        bool ends = i + 1 == rest->len || rest->ptr[i + 1] == ' ' || rest->ptr[i + 1] == '\t';
        if (rest->ptr[i] != ':' || !ends)
            continue;
        key.len = i;
        *rest = nv_str_slice(*rest, i + 1, rest->len);
        return set_key(parse, nv_str_trim(key));
    }
    return bad(parse, "neither a key with a colon nor an item of a list");
}

static bool is_null(struct nv_str value)
{
    return nv_str_eq(value, NV_STR("~")) || nv_str_ieq(value, NV_STR("null"));
}

/* `indent`: of the line. */
static enum nv_err yaml_value(struct parse *parse, struct nv_str rest, size_t indent,
                              struct nv_buf *room)
{
    struct nv_str value = uncommented(rest);
    rest = nv_str_trim(rest);
    if (value.len == 0) {
        if (parse->level == LEVELS_MAX)
            return bad(parse, "nested too deeply");
        open_level(parse);
        parse->indents[parse->level] = NO_INDENT;
        return NV_OK;
    }
    if (rest.ptr[0] == '"' || rest.ptr[0] == '\'') {
        if (!quoted(&rest, room) || uncommented(rest).len > 0)
            return bad(parse, "a text in quotes on this line was expected");
        return keep(parse, nv_buf_str(room));
    }
    if (value.ptr[0] == '|' || value.ptr[0] == '>') {
        parse->passed_over = indent;
        return NV_OK;
    }
    if (value.ptr[0] == '[' && value.ptr[value.len - 1] == ']')
        return NV_OK;
    if (nv_str_eq(value, NV_STR("{}")) || is_null(value))
        return NV_OK;
    if (strchr("[]{}&*!%@`", value.ptr[0]))
        return bad(parse, "only plain and quoted texts are read here");
    return keep(parse, value);
}

/* Closes the mappings that a line so far to the left is not in. */
static enum nv_err yaml_indent(struct parse *parse, size_t indent)
{
    while (parse->level > 0 && (indent < parse->indents[parse->level] ||
                                parse->indents[parse->level] == NO_INDENT)) {
        bool opens = parse->indents[parse->level] == NO_INDENT &&
                     indent > parse->indents[parse->level - 1];
        if (opens)
            break;
        parse->level--;
    }
    if (parse->indents[parse->level] == NO_INDENT)
        parse->indents[parse->level] = indent;
    return parse->indents[parse->level] == indent ? NV_OK
                                                  : bad(parse, "indented like no line above");
}

static enum nv_err yaml_line(struct parse *parse, struct nv_str line, struct nv_buf *room)
{
    size_t indent = 0;
    while (indent < line.len && line.ptr[indent] == ' ')
        indent++;
    struct nv_str rest = nv_str_slice(line, indent, line.len);
    if (uncommented(rest).len == 0 || nv_str_eq(nv_str_trim(line), NV_STR("---")))
        return NV_OK;
    if (parse->passed_over != NO_INDENT && indent > parse->passed_over)
        return NV_OK;
    parse->passed_over = NO_INDENT;
    if (rest.ptr[0] == '\t')
        return bad(parse, "a tab is no indentation");
    if (rest.ptr[0] == '-' && (rest.len == 1 || rest.ptr[1] == ' ')) {
        parse->passed_over = indent;
        return NV_OK;
    }
    enum nv_err err = yaml_indent(parse, indent);
    if (err == NV_OK)
        err = yaml_key(parse, &rest, room);
    return err == NV_OK ? yaml_value(parse, rest, indent, room) : err;
}

static enum nv_err parse_yaml(struct parse *parse, struct nv_str text)
{
    struct nv_buf room;
    enum nv_err err = NV_OK;
    nv_buf_init(&room, FILE_MAX);
    parse->indents[0] = NO_INDENT;
    parse->passed_over = NO_INDENT;
    if (nv_str_starts(text, NV_STR("\xef\xbb\xbf")))
        text = nv_str_slice(text, 3, text.len);
    while (err == NV_OK && text.len > 0) {
        size_t end = nv_str_find_char(text, '\n');
        struct nv_str line = nv_str_slice(text, 0, end);
        if (nv_str_ends(line, NV_STR("\r")))
            line.len--;
        text = end == SIZE_MAX ? nv_str_from(NULL) : nv_str_slice(text, end + 1, text.len);
        parse->line++;
        err = yaml_line(parse, line, &room);
    }
    if (room.failed == NV_ERR_NO_MEMORY)
        err = NV_ERR_NO_MEMORY;
    nv_buf_release(&room);
    return err;
}

/* ---- files ------------------------------------------------------------------------------- */

enum nv_err nv_trace_file_parse(struct nv_trace_file *file, struct nv_str text, bool json,
                                char why[NV_TRACE_FILE_WHY_SIZE])
{
    struct parse parse = {.pairs = &file->pairs, .why = why};
    why[0] = '\0';
    /* never reached: 6 bytes of a file become a path, a value and two NULs at most, 1.3 MiB
     * of a whole one */
    nv_buf_init(&file->pairs, NV_CAP_MIB(2));
    enum nv_err err = json ? parse_json(&parse, text) : parse_yaml(&parse, text);
    if (err == NV_OK)
        err = file->pairs.failed;
    return err == NV_OK || err == NV_ERR_NO_MEMORY ? err : NV_ERR_MALFORMED;
}

/* The whole of an open file in `text`. Not of a pipe or a device, which may never end. */
static enum nv_err read_whole(int fd, struct nv_buf *text, char why[NV_TRACE_FILE_WHY_SIZE])
{
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size > (off_t)FILE_MAX) {
        (void)snprintf(why, NV_TRACE_FILE_WHY_SIZE, "no file of at most 64 KiB");
        return NV_ERR_MALFORMED;
    }
    if (nv_buf_reserve(text, FILE_MAX) != NV_OK)
        return NV_ERR_NO_MEMORY;
    while (text->len < FILE_MAX) {
        ssize_t got = read(fd, text->bytes + text->len, FILE_MAX - text->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            (void)snprintf(why, NV_TRACE_FILE_WHY_SIZE, "can't be read");
        if (got <= 0)
            return got == 0 ? NV_OK : NV_ERR_MALFORMED;
        text->len += (size_t)got;
    }
    return NV_OK;
}

/* Not blocking, for a path that is a pipe. */
static enum nv_err read_path(struct nv_trace_file *file, const char *path,
                             char why[NV_TRACE_FILE_WHY_SIZE])
{
    struct nv_buf text;
    char reason[NV_TRACE_FILE_WHY_SIZE] = "can't be opened";
    enum nv_err err = NV_ERR_MALFORMED;
    nv_buf_init(&text, FILE_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0) {
        err = read_whole(fd, &text, reason);
        (void)close(fd);
    }
    if (err == NV_OK) {
        bool json = nv_str_ends(nv_str_from(path), NV_STR(".json"));
        err = nv_trace_file_parse(file, nv_buf_str(&text), json, reason);
    }
    if (err == NV_ERR_MALFORMED)
        (void)snprintf(why, NV_TRACE_FILE_WHY_SIZE, "%.60s: %.130s", path, reason);
    nv_buf_release(&text);
    return err;
}

enum nv_err nv_trace_file_read(struct nv_trace_file *file, const char *path,
                               char why[NV_TRACE_FILE_WHY_SIZE])
{
    nv_buf_init(&file->pairs, FILE_MAX);
    why[0] = '\0';
    if (path)
        return read_path(file, path, why);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (access(names[i], F_OK) == 0)
            return read_path(file, names[i], why);
    }
    return NV_OK;
}

void nv_trace_file_release(struct nv_trace_file *file)
{
    nv_buf_release(&file->pairs);
}

const char *nv_trace_file_get(const struct nv_trace_file *file, const char *key)
{
    const char *at = file->pairs.bytes;
    const char *end = at ? at + file->pairs.len : NULL;
    while (at && at < end) {
        const char *text = at + strlen(at) + 1;
        if (strcmp(at, key) == 0)
            return text[0] != '\0' ? text : NULL;
        at = text + strlen(text) + 1;
    }
    return NULL;
}
