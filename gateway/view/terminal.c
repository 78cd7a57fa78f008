/*
 * The local view.
 *
 *   head ▸ who, question, answer ▸ walk over the tree: a line a span, lines of what it did
 *                                  └▶ run of spans of no kind: "… 41 more"
 *
 * The tree is walked without recursion: a chain of 10,000 spans is an ordinary trace. Foreign
 * texts go through nv_line_put alone, which makes them harmless and cuts them to the width.
 */
#include "gateway/view/terminal.h"

#include "base/limits.h"
#include "base/text/shown.h"
#include "base/text/utf8.h"
#include "gateway/view/conversation.h"
#include "gateway/view/span_tree.h"
#include "gateway/view/terminal_facts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define NONE NV_TREE_NONE
#define INDENT_DEPTH_MAX 24
#define NAME_COLUMNS_MAX 60
/* Columns that a name leaves for what stands behind it. */
#define DURATION_COLUMNS 12
/* Of the calls of a model more is not written than can be shown of them. */
#define CALLS_BYTES_MAX NV_CAP_KIB(8)
/* Messages that are JSON text, read for question and answer; larger ones show none. */
#define TALK_ARENA NV_CAP_MIB(16)

struct view {
    const struct nv_terminal *terminal;
    const struct nv_trace *trace;
    struct nv_span_tree tree;
    struct nv_line line;
    uint32_t spans; /* printed */
    uint32_t left;  /* not printed for their number */
    bool has_tools; /* some span is a tool's: calls need not be told by models */
    bool continues[INDENT_DEPTH_MAX]; /* at this depth further siblings follow */
};

bool nv_terminal_wants_color(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    if (no_color && no_color[0] != '\0')
        return false;
    return isatty(fd) == 1 && term != NULL && strcmp(term, "dumb") != 0;
}

bool nv_terminal_colored(const struct nv_options *options, int fd)
{
    if (options->terminal_color == NV_COLOR_AUTO)
        return nv_terminal_wants_color(fd);
    return options->terminal_color == NV_COLOR_ALWAYS;
}

enum nv_err nv_terminal_escape(struct nv_str text, size_t max, struct nv_buf *buf)
{
    bool cut = text.len > max;
    text = nv_str_slice(text, 0, nv_utf8_cut(text, max));
    (void)nv_shown_append(buf, text, NV_SHOWN_LINE);
    return cut ? nv_buf_append_str(buf, NV_STR("…")) : buf->failed;
}

/* ---- the left edge ----------------------------------------------------------------------- */

/* The bars of the tree down to `depth`; the last is `at`, where the span itself hangs. */
static void begin_line(struct view *view, uint32_t depth, const char *at)
{
    struct nv_line *line = &view->line;
    nv_line_begin(line);
    nv_line_put_text(line, NV_LINE_PLAIN, "  ");
    for (uint32_t d = 1; d < depth && d < INDENT_DEPTH_MAX; d++)
        nv_line_put_text(line, NV_LINE_DIM, view->continues[d] ? "│  " : "   ");
    if (depth > 0)
        nv_line_put_text(line, NV_LINE_DIM, at);
}

static const char *branch(const struct view *view, uint32_t depth)
{
    return depth < INDENT_DEPTH_MAX && view->continues[depth] ? "├─ " : "└─ ";
}

static void put_name(struct nv_line *line, enum nv_line_style style, struct nv_str name)
{
    size_t most =
        line->room > 2 * DURATION_COLUMNS ? line->room - DURATION_COLUMNS : line->room / 2;
    nv_line_put(line, style, name, most < NAME_COLUMNS_MAX ? most : NAME_COLUMNS_MAX);
}

static void put_duration(struct nv_line *line, uint64_t ns)
{
    char text[NV_FACT_TEXT_SIZE];
    if (ns == 0)
        return; /* its source has told no time */
    nv_fact_duration(ns, text);
    nv_line_fact(line, NV_LINE_PLAIN, text);
}

/* The model, the agent or the tool, unless the span is named by it. */
static void put_what(struct nv_line *line, struct nv_str what, struct nv_str name)
{
    if (what.len == 0 || nv_str_find(name, what) != SIZE_MAX || line->full ||
        line->room < DURATION_COLUMNS)
        return;
    nv_line_put_text(line, NV_LINE_PLAIN, "  ");
    nv_line_put(line, NV_LINE_DIM, what, NAME_COLUMNS_MAX / 2);
}

/* ---- what a span did --------------------------------------------------------------------- */

/* Below a span: "input   {...}" */
static void begin_detail(struct view *view, uint32_t index, uint32_t depth, const char *label)
{
    char padded[16];
    bool more = view->tree.nodes[index].first_child != NONE;
    begin_line(view, depth + 1, more ? "│  " : "   ");
    (void)snprintf(padded, sizeof padded, "%-7s ", label);
    nv_line_put_text(&view->line, NV_LINE_DIM, padded);
}

static void write_detail(struct view *view, uint32_t index, uint32_t depth, const char *label,
                         struct nv_str text)
{
    if (text.len == 0)
        return;
    begin_detail(view, index, depth, label);
    nv_line_put(&view->line, NV_LINE_PLAIN, text, SIZE_MAX);
    nv_line_end(&view->line);
}

static void write_value(struct view *view, uint32_t index, uint32_t depth, const char *label,
                        const char *key)
{
    const struct nv_value *value =
        nv_attributes_get(&view->trace->spans[index].attributes, nv_str_from(key));
    if (!value || value->type == NV_VALUE_NULL)
        return;
    if (value->type == NV_VALUE_STRING || value->type == NV_VALUE_JSON) {
        write_detail(view, index, depth, label, nv_str_trim(value->as.string));
        return;
    }
    begin_detail(view, index, depth, label);
    nv_line_put_value(&view->line, value);
    nv_line_end(&view->line);
}

/* Tools that a model asked for, where no span tells of them: get_weather({"city":"東京"}) */
static void write_calls(struct view *view, uint32_t index, uint32_t depth)
{
    struct nv_arena *arena = nv_arena_new(TALK_ARENA);
    struct nv_buf text;
    const struct nv_value *calls = nv_attributes_get(&view->trace->spans[index].attributes,
                                                     NV_STR("llm.output.tool_calls"));
    nv_buf_init(&text, CALLS_BYTES_MAX);
    if (arena && calls)
        nv_conversation_calls(calls, arena, &text);
    write_detail(view, index, depth, "calls", nv_buf_str(&text));
    nv_buf_release(&text);
    nv_arena_free(arena);
}

static void write_details(struct view *view, uint32_t index, uint32_t depth, const char *kind)
{
    static const struct {
        const char *kind, *label, *key;
    } rows[] = {{"tool", "input", "tool.input"},
                {"tool", "output", "tool.output"},
                {"retrieval", "query", "retrieval.query"},
                {"rerank", "query", "rerank.query"},
                {"stt", "text", "stt.text"},
                {"tts", "text", "tts.input_text"}};
    const struct nv_span *span = &view->trace->spans[index];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(kind, rows[i].kind) == 0)
            write_value(view, index, depth, rows[i].label, rows[i].key);
    }
    if (strcmp(kind, "llm") == 0 && !view->has_tools)
        write_calls(view, index, depth);
    if (span->status != NV_STATUS_OK)
        write_detail(view, index, depth, "error", span->status_message);
}

static void write_span(struct view *view, uint32_t index, uint32_t depth)
{
    const struct nv_span *span = &view->trace->spans[index];
    struct nv_line *line = &view->line;
    struct nv_span_facts facts;
    char kind[16];
    bool error = span->status != NV_STATUS_OK;
    nv_span_facts_read(span, &facts);
    (void)snprintf(kind, sizeof kind, "%-9s ", facts.repeat ? "repeat" : facts.kind);
    begin_line(view, depth, branch(view, depth));
    nv_line_put_text(line, NV_LINE_DIM, kind);
    put_name(line,
             error          ? NV_LINE_RED
             : facts.repeat ? NV_LINE_DIM
                            : NV_LINE_PLAIN,
             span->name);
    put_duration(line, span->end_ns - span->start_ns);
    if (error)
        nv_line_fact(line, NV_LINE_RED, "error");
    nv_span_facts_put(&facts, line);
    put_what(line, facts.what, span->name);
    nv_line_end(line);
    write_details(view, index, depth, facts.kind);
}

/* ---- the walk ---------------------------------------------------------------------------- */

static void set_continues(struct view *view, uint32_t depth, bool more)
{
    if (depth < INDENT_DEPTH_MAX)
        view->continues[depth] = more;
}

static bool has_room(const struct view *view)
{
    return view->terminal->all || view->spans < NV_TERMINAL_SPANS_MAX;
}

/* Of siblings from `at` on: the first that has a line of its own, after a line for those
 * before it that have none. */
static uint32_t fold(struct view *view, uint32_t at, uint32_t depth)
{
    char text[40];
    uint32_t behind = at;
    bool folds = view->tree.any_kind && !view->terminal->all && at != NONE;
    uint32_t count = folds ? nv_span_tree_run(&view->tree, at, &behind) : 0;
    if (count < 2)
        return at;
    set_continues(view, depth, behind != NONE);
    if (has_room(view)) {
        (void)snprintf(text, sizeof text, "… %u more", count);
        begin_line(view, depth, branch(view, depth));
        nv_line_put_text(&view->line, NV_LINE_DIM, text);
        nv_line_end(&view->line);
    } else {
        view->left += count;
    }
    return behind;
}

static void visit(struct view *view, uint32_t index, uint32_t depth)
{
    set_continues(view, depth, view->tree.nodes[index].next_sibling != NONE);
    if (has_room(view))
        write_span(view, index, depth);
    else
        view->left++;
    view->spans++;
}

static void write_tree(struct view *view)
{
    const struct nv_tree_node *nodes = view->tree.nodes;
    uint32_t depth = 0, at = fold(view, view->tree.first_root, 0);
    while (at != NONE) {
        visit(view, at, depth);
        uint32_t next = fold(view, nodes[at].first_child, depth + 1);
        if (next != NONE) {
            depth++;
        } else {
            next = fold(view, nodes[at].next_sibling, depth);
            while (next == NONE && nodes[at].parent != NONE) {
                at = nodes[at].parent;
                depth--;
                next = fold(view, nodes[at].next_sibling, depth);
            }
        }
        at = next;
    }
    if (view->left > 0)
        (void)nv_buf_printf(view->line.buf, "  … and %u more spans\n", view->left);
}

/* ---- head and foot ----------------------------------------------------------------------- */

static void write_head(struct view *view)
{
    char text[40];
    const struct nv_trace *trace = view->trace;
    struct nv_line *line = &view->line;
    bool error = trace->status != NV_STATUS_OK || trace->error_count > 0;
    struct nv_span_facts sum;
    nv_trace_facts_read(trace, &sum);
    nv_line_begin(line);
    nv_line_put_text(line, error ? NV_LINE_RED : NV_LINE_BOLD, error ? "✗ " : "✓ ");
    put_name(line, error ? NV_LINE_RED : NV_LINE_BOLD, trace->name);
    put_duration(line, trace->end_ns - trace->start_ns);
    (void)snprintf(text, sizeof text, "%u span%s", trace->span_count,
                   trace->span_count == 1 ? "" : "s");
    nv_line_fact(line, NV_LINE_PLAIN, text);
    if (trace->error_count > 0) {
        (void)snprintf(text, sizeof text, "%u error%s", trace->error_count,
                       trace->error_count == 1 ? "" : "s");
        nv_line_fact(line, NV_LINE_RED, text);
    }
    nv_span_facts_put(&sum, line);
    nv_line_end(line);
}

/* "  question  Where is it?" */
static void write_about(struct view *view, const char *label, struct nv_str text)
{
    char padded[16];
    if (text.len == 0)
        return;
    (void)snprintf(padded, sizeof padded, "  %-9s ", label);
    nv_line_begin(&view->line);
    nv_line_put_text(&view->line, NV_LINE_DIM, padded);
    nv_line_put(&view->line, NV_LINE_PLAIN, text, SIZE_MAX);
    nv_line_end(&view->line);
}

static void write_talk(struct view *view)
{
    const struct nv_trace *trace = view->trace;
    struct nv_arena *arena = nv_arena_new(TALK_ARENA);
    struct nv_conversation talk = {0};
    if (arena)
        nv_conversation_read(&talk, arena, trace);
    write_about(view, "service", trace->origin ? trace->origin->service_name : NV_STR(""));
    write_about(view, "session", trace->session_id);
    write_about(view, "question", talk.question);
    write_about(view, "answer", talk.answer);
    nv_arena_free(arena);
}

static void write_file_name(struct view *view)
{
    static const unsigned dashes[] = {4, 6, 8, 10};
    struct nv_buf *buf = view->line.buf;
    if (!view->terminal->file_directory)
        return;
    /* not cut: who copies it wants all of it */
    (void)nv_buf_printf(buf, "%s  %s/", view->terminal->color ? "\033[2m" : "",
                        view->terminal->file_directory);
    for (unsigned i = 0, d = 0; i < NV_TRACE_ID_BYTES; i++) {
        if (!view->terminal->hex_ids && d < 4 && i == dashes[d]) {
            (void)nv_buf_append_char(buf, '-');
            d++;
        }
        (void)nv_buf_printf(buf, "%02x", view->trace->trace_id[i]);
    }
    (void)nv_buf_printf(buf, ".json%s\n", view->terminal->color ? "\033[0m" : "");
}

static bool any_tool(const struct nv_trace *trace)
{
    struct nv_span_facts facts = {.kind = ""};
    for (uint32_t i = 0; i < trace->span_count && strcmp(facts.kind, "tool") != 0; i++)
        nv_span_facts_read(&trace->spans[i], &facts);
    return strcmp(facts.kind, "tool") == 0;
}

enum nv_err nv_terminal_write(const struct nv_terminal *terminal, const struct nv_trace *trace,
                              struct nv_buf *buf)
{
    size_t columns = terminal->columns > 0 ? terminal->columns : NV_LINE_COLUMNS_DEFAULT;
    struct view view = {.terminal = terminal,
                        .trace = trace,
                        .line = {.buf = buf, .color = terminal->color, .columns = columns},
                        .has_tools = any_tool(trace)};
    enum nv_err err = nv_span_tree_make(&view.tree, trace);
    if (err != NV_OK)
        return err;
    write_head(&view);
    write_talk(&view);
    write_tree(&view);
    write_file_name(&view);
    nv_span_tree_release(&view.tree);
    return nv_buf_append_char(buf, '\n');
}
