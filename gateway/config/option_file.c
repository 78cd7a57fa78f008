/*
 * A generic walk over libyaml's events.
 *
 *   MAPPING_START ─▶ key, value, key, value ... ─▶ MAPPING_END
 *                          └ scalar | sequence of scalars | mapping: the same one level deeper
 *
 * Events and not libcyaml's schema: the schema wants C structs nested as the file is, converts
 * before
 * ${env:...} could be expanded, and forgets where a value stood. The options are a flat table
 * which files, variables and arguments fill alike (docs/design/0006-configuration.md). Plain
 * recursion, bounded by NV_CONFIG_DEPTH_MAX. Duplicate keys are found by a list of the paths
 * seen so far.
 */
#include "gateway/config/option_file.h"

#include "base/limits.h"

#include <assert.h>
#include <stdio.h>
#include <yaml.h>

#include "base/banned.h"

struct walk {
    yaml_parser_t parser;
    const char *name;
    nv_config_visit *visit;
    void *visit_ctx;
    struct nv_fail *fail;
    struct nv_buf path;  /* of the place the walk is at */
    struct nv_buf seen;  /* paths, each between newlines: "\na.b\nc\n" */
    struct nv_buf value; /* of the sequence being read */
    unsigned depth;
};

static void place_of(const struct walk *walk, yaml_mark_t mark, char *out, size_t size)
{
    (void)snprintf(out, size, "%s:%zu:%zu", walk->name, mark.line + 1, mark.column + 1);
}

static enum nv_err refuse(struct walk *walk, yaml_mark_t mark, const char *what)
{
    (void)nv_fail_set(walk->fail, NV_ERR_CONFIG, mark.index, "%s", what);
    if (walk->fail && walk->fail->path[0] == '\0')
        place_of(walk, mark, walk->fail->path, sizeof walk->fail->path);
    return NV_ERR_CONFIG;
}

static enum nv_err next_event(struct walk *walk, yaml_event_t *event)
{
    if (yaml_parser_parse(&walk->parser, event) == 1)
        return NV_OK;
    memset(event, 0, sizeof *event);
    if (walk->parser.error == YAML_MEMORY_ERROR)
        return NV_ERR_NO_MEMORY;
    const char *what = walk->parser.problem;
    yaml_mark_t mark = walk->parser.problem_mark;
    if (walk->parser.error == YAML_READER_ERROR)
        mark = (yaml_mark_t){walk->parser.problem_offset, walk->parser.mark.line, 0};
    return refuse(walk, mark, what != NULL ? what : "not valid YAML");
}

static struct nv_str scalar_of(const yaml_event_t *event)
{
    return (struct nv_str){(const char *)event->data.scalar.value, event->data.scalar.length};
}

/* Plain only: "null" in quotes is a text. */
static bool is_null(const yaml_event_t *event)
{
    struct nv_str text = scalar_of(event);
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text.len == 0 || nv_str_eq(text, NV_STR("~")) || nv_str_ieq(text, NV_STR("null")));
}

static enum nv_err push_key(struct walk *walk, const yaml_event_t *event)
{
    struct nv_str key = scalar_of(event);
    if (key.len == 0 || nv_str_find_char(key, '\n') != SIZE_MAX)
        return refuse(walk, event->start_mark, "a key is empty or holds a line end");
    if (walk->path.len > 0)
        (void)nv_buf_append_char(&walk->path, '.');
    (void)nv_buf_append_str(&walk->path, key);
    if (walk->path.failed == NV_ERR_LIMIT)
        return refuse(walk, event->start_mark, "the keys down to here are too long");
    return walk->path.failed;
}

/* A path may be given once, whether as "a: {b: 1}" or as "a.b: 1". */
static enum nv_err note_path(struct walk *walk, yaml_mark_t mark)
{
    char needle[NV_CONFIG_PATH_MAX + 2];
    int len = snprintf(needle, sizeof needle, "\n%.*s\n", NV_STR_ARG(nv_buf_str(&walk->path)));
    assert(len > 0 && (size_t)len < sizeof needle);
    struct nv_str line = {needle, (size_t)len};
    if (nv_str_find(nv_buf_str(&walk->seen), line) != SIZE_MAX)
        return refuse(walk, mark, "this key is given twice");
    if (walk->seen.len > 0)
        line = nv_str_slice(line, 1, line.len);
    return nv_buf_append_str(&walk->seen, line);
}

static enum nv_err visit_entry(struct walk *walk, struct nv_config_entry *entry,
                               yaml_mark_t mark)
{
    char where[320];
    place_of(walk, mark, where, sizeof where);
    entry->path = nv_buf_str(&walk->path);
    entry->where = where;
    enum nv_err err = walk->visit(walk->visit_ctx, entry, walk->fail);
    if (err == NV_ERR_CONFIG)
        return refuse(walk, mark, "not accepted");
    return err;
}

/* Items are joined by line ends, the one character that no item can hold (option_value.h splits
 * them there). */
static enum nv_err read_sequence(struct walk *walk, yaml_mark_t key_mark)
{
    nv_buf_clear(&walk->value);
    for (;;) {
        yaml_event_t event;
        enum nv_err err = next_event(walk, &event);
        bool end = err == NV_OK && event.type == YAML_SEQUENCE_END_EVENT;
        if (err == NV_OK && event.type == YAML_SCALAR_EVENT) {
            (void)nv_buf_append_str(&walk->value, scalar_of(&event));
            err = nv_buf_append_char(&walk->value, '\n');
        } else if (err == NV_OK && !end) {
            err = refuse(walk, event.start_mark, "a list may hold plain values only");
        }
        yaml_event_delete(&event);
        if (err != NV_OK)
            return err;
        if (end)
            break;
    }
    struct nv_config_entry entry = {.value = nv_buf_str(&walk->value)};
    return visit_entry(walk, &entry, key_mark);
}

static enum nv_err read_mapping(struct walk *walk);

static enum nv_err read_value(struct walk *walk, const yaml_event_t *event,
                              yaml_mark_t key_mark)
{
    struct nv_config_entry entry = {0};
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        entry.value = scalar_of(event);
        entry.is_null = is_null(event);
        return visit_entry(walk, &entry, key_mark);
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(walk, key_mark);
    case YAML_MAPPING_START_EVENT: {
        entry.is_section = true;
        enum nv_err err = visit_entry(walk, &entry, key_mark);
        return err == NV_OK ? read_mapping(walk) : err;
    }
    default:
        /* a few lines of aliases to aliases make gigabytes */
        return refuse(walk, event->start_mark, "aliases are not supported");
    }
}

/* One key and its value; *end when the mapping is over. */
static enum nv_err read_pair(struct walk *walk, bool *end)
{
    yaml_event_t key, value;
    enum nv_err err = next_event(walk, &key);
    if (err != NV_OK)
        return err;
    *end = key.type == YAML_MAPPING_END_EVENT;
    if (*end || key.type != YAML_SCALAR_EVENT) {
        err = *end ? NV_OK : refuse(walk, key.start_mark, "a key must be plain text");
        yaml_event_delete(&key);
        return err;
    }
    size_t before = walk->path.len;
    yaml_mark_t mark = key.start_mark;
    err = push_key(walk, &key);
    yaml_event_delete(&key);
    if (err == NV_OK)
        err = note_path(walk, mark);
    if (err != NV_OK)
        return err;
    err = next_event(walk, &value);
    if (err == NV_OK)
        err = read_value(walk, &value, mark);
    yaml_event_delete(&value);
    walk->path.len = before;
    return err;
}

static enum nv_err read_mapping(struct walk *walk)
{
    if (walk->depth >= NV_CONFIG_DEPTH_MAX)
        return refuse(walk, walk->parser.mark, "nested too deeply");
    walk->depth++;
    bool end = false;
    enum nv_err err = NV_OK;
    while (err == NV_OK && !end)
        err = read_pair(walk, &end);
    walk->depth--;
    return err;
}

static enum nv_err read_stream(struct walk *walk)
{
    bool seen_document = false;
    for (;;) {
        yaml_event_t event;
        enum nv_err err = next_event(walk, &event);
        yaml_event_type_t type = event.type;
        if (err == NV_OK && type == YAML_DOCUMENT_START_EVENT) {
            if (seen_document)
                err = refuse(walk, event.start_mark, "a second document is not read");
            seen_document = true;
        } else if (err == NV_OK && type == YAML_MAPPING_START_EVENT) {
            err = read_mapping(walk);
        } else if (err == NV_OK && (type == YAML_SEQUENCE_START_EVENT ||
                                    (type == YAML_SCALAR_EVENT && !is_null(&event)))) {
            err = refuse(walk, event.start_mark, "the file must hold keys with values");
        }
        yaml_event_delete(&event);
        if (err != NV_OK || type == YAML_STREAM_END_EVENT)
            return err;
    }
}

enum nv_err nv_config_read(struct nv_str text, const char *name, nv_config_visit *visit,
                           void *visit_ctx, struct nv_fail *fail)
{
    assert(name != NULL && visit != NULL);
    struct walk walk = {.name = name, .visit = visit, .visit_ctx = visit_ctx, .fail = fail};
    if (text.len > NV_CAP_CONFIG_FILE) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "the file is larger than %zu bytes",
                           NV_CAP_CONFIG_FILE);
    }
    if (yaml_parser_initialize(&walk.parser) != 1)
        return NV_ERR_NO_MEMORY;
    nv_buf_init(&walk.path, NV_CONFIG_PATH_MAX - 1);
    nv_buf_init(&walk.seen, 2 * NV_CAP_CONFIG_FILE);
    nv_buf_init(&walk.value, NV_CAP_CONFIG_FILE);
    const unsigned char *bytes = (const unsigned char *)(text.ptr != NULL ? text.ptr : "");
    yaml_parser_set_input_string(&walk.parser, bytes, text.len);
    enum nv_err err = read_stream(&walk);
    yaml_parser_delete(&walk.parser);
    nv_buf_release(&walk.path);
    nv_buf_release(&walk.seen);
    nv_buf_release(&walk.value);
    return err;
}

/* ---- items of lists ---------------------------------------------------------------------- */

struct search {
    struct nv_config_place key, *place;
    size_t left; /* items before the one that is wanted */
    enum { BEFORE_KEY, AT_VALUE, IN_LIST, OVER } state;
    bool found;
};

static void see_item(struct search *search, const yaml_event_t *event)
{
    yaml_scalar_style_t style = event->data.scalar.style;
    bool quoted =
        style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    if (nv_str_trim(scalar_of(event)).len == 0 || search->left-- > 0)
        return;
    *search->place = (struct nv_config_place){event->start_mark.line + 1,
                                              event->start_mark.column + 1 + quoted};
    /* escapes and folded lines stand elsewhere than they are read */
    search->found = (quoted || style == YAML_PLAIN_SCALAR_STYLE) &&
                    event->end_mark.line == event->start_mark.line &&
                    event->end_mark.column - event->start_mark.column ==
                        event->data.scalar.length + (quoted ? 2 : 0);
    search->state = OVER;
}

static void see_event(struct search *search, const yaml_event_t *event)
{
    bool scalar = event->type == YAML_SCALAR_EVENT;
    if (search->state == BEFORE_KEY) {
        if (scalar && event->start_mark.line + 1 == search->key.line &&
            event->start_mark.column + 1 == search->key.column)
            search->state = AT_VALUE;
    } else if (search->state == AT_VALUE) {
        search->state = event->type == YAML_SEQUENCE_START_EVENT ? IN_LIST : OVER;
    } else if (scalar) {
        see_item(search, event);
    } else {
        search->state = OVER;
    }
}

bool nv_config_item_place(struct nv_str text, struct nv_config_place key, size_t number,
                          struct nv_config_place *place)
{
    struct search search = {.key = key, .place = place, .left = number};
    yaml_parser_t parser;
    yaml_event_t event;
    if (yaml_parser_initialize(&parser) != 1)
        return false;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    while (search.state != OVER && yaml_parser_parse(&parser, &event) == 1) {
        if (event.type == YAML_STREAM_END_EVENT)
            search.state = OVER;
        else
            see_event(&search, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return search.found;
}
