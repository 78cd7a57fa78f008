/*
 * The local view.
 *
 *   spans ──sort ids──▶ parent of each ──▶ first child, next sibling ──▶ walk, depth by depth
 *
 * The tree is walked without recursion: a chain of 10,000 spans is an ordinary trace. Spans
 * whose parent is missing stand beside the root; spans in a ring of parents would never be
 * reached, so what the walk left over is printed at the end like roots. Everything that is not
 * plain text in a name is escaped before it reaches the terminal.
 */
#include "gateway/view/terminal.h"

#include "base/text/shown.h"
#include "base/text/utf8.h"
#include "gateway/view/terminal_facts.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define NONE UINT32_MAX
#define INDENT_DEPTH_MAX 24
#define NAME_BYTES_MAX 60

#define RED "\033[31m"
#define DIM "\033[2m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

struct node {
    uint32_t parent, first_child, next_sibling;
    bool printed;
};

struct view {
    const struct nv_terminal *terminal;
    const struct nv_trace *trace;
    struct node *nodes;
    uint32_t *by_id; /* indexes of spans, sorted by span id */
    struct nv_buf *buf;
    uint32_t lines;
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

static void style(const struct view *view, const char *code)
{
    if (view->terminal->color)
        (void)nv_buf_append_str(view->buf, nv_str_from(code));
}

/* ---- the tree ---------------------------------------------------------------------------- */

/* By index where ids are equal, so that the first span of an id is found as its children's
 * parent, on every run. */
static int compare_ids(const void *a, const void *b, void *ctx)
{
    const struct nv_span *spans = ctx;
    const uint32_t *left = a, *right = b;
    int order = memcmp(spans[*left].span_id, spans[*right].span_id, NV_SPAN_ID_BYTES);
    return order != 0 ? order : (*left > *right) - (*left < *right);
}

static uint32_t find_span(const struct view *view, const uint8_t *id)
{
    uint32_t low = 0, high = view->trace->span_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t index = view->by_id[middle];
        if (memcmp(view->trace->spans[index].span_id, id, NV_SPAN_ID_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == view->trace->span_count)
        return NONE;
    uint32_t index = view->by_id[low];
    bool same = memcmp(view->trace->spans[index].span_id, id, NV_SPAN_ID_BYTES) == 0;
    return same ? index : NONE;
}

/* A span that names itself as its parent is a root. */
static void link_nodes(struct view *view)
{
    uint32_t count = view->trace->span_count;
    for (uint32_t i = 0; i < count; i++) {
        const struct nv_span *span = &view->trace->spans[i];
        uint32_t parent = span->has_parent ? find_span(view, span->parent_id) : NONE;
        view->nodes[i] = (struct node){parent == i ? NONE : parent, NONE, NONE, false};
    }
    /* backwards, each put in front: children end up in the order of the spans */
    for (uint32_t i = count; i > 0; i--) {
        uint32_t parent = view->nodes[i - 1].parent;
        if (parent == NONE)
            continue;
        view->nodes[i - 1].next_sibling = view->nodes[parent].first_child;
        view->nodes[parent].first_child = i - 1;
    }
}

/* ---- one line a span --------------------------------------------------------------------- */

static void write_indent(struct view *view, uint32_t depth)
{
    (void)nv_buf_append_str(view->buf, NV_STR("  "));
    style(view, DIM);
    for (uint32_t d = 1; d < depth && d < INDENT_DEPTH_MAX; d++)
        (void)nv_buf_append_str(view->buf, view->continues[d] ? NV_STR("│  ") : NV_STR("   "));
    if (depth > 0) {
        bool more = depth < INDENT_DEPTH_MAX && view->continues[depth];
        (void)nv_buf_append_str(view->buf, more ? NV_STR("├─ ") : NV_STR("└─ "));
    }
    style(view, PLAIN);
}

static void write_error(struct view *view, struct nv_str message)
{
    style(view, RED);
    (void)nv_buf_append_str(view->buf, NV_STR("  "));
    if (message.len == 0)
        message = NV_STR("error");
    (void)nv_terminal_escape(message, 2 * (size_t)NAME_BYTES_MAX, view->buf);
    style(view, PLAIN);
}

static void write_span(struct view *view, uint32_t index, uint32_t depth)
{
    const struct nv_span *span = &view->trace->spans[index];
    struct nv_span_facts facts;
    nv_span_facts_read(span, &facts);
    bool error = span->status != NV_STATUS_OK;
    write_indent(view, depth);
    style(view, DIM);
    (void)nv_buf_printf(view->buf, "%-9s ", facts.kind);
    style(view, PLAIN);
    style(view, error ? RED : "");
    (void)nv_terminal_escape(span->name, NAME_BYTES_MAX, view->buf);
    style(view, error ? PLAIN : "");
    (void)nv_buf_printf(view->buf, "  %.0f ms", (double)(span->end_ns - span->start_ns) / 1e6);
    if (facts.model.len > 0 && nv_str_find(span->name, facts.model) == SIZE_MAX) {
        (void)nv_buf_append_str(view->buf, NV_STR("  "));
        (void)nv_terminal_escape(facts.model, NAME_BYTES_MAX, view->buf);
    }
    (void)nv_span_facts_write(&facts, view->buf);
    if (error)
        write_error(view, span->status_message);
    (void)nv_buf_append_char(view->buf, '\n');
}

/* All spans are visited, also past the limit: how many are left out is told at the end. */
static void visit(struct view *view, uint32_t index, uint32_t depth)
{
    assert(!view->nodes[index].printed);
    view->nodes[index].printed = true;
    if (view->lines++ < NV_TERMINAL_SPANS_MAX)
        write_span(view, index, depth);
}

/* Prints `root` and all below it, children before siblings. */
static void walk(struct view *view, uint32_t root)
{
    uint32_t at = root, depth = 0;
    visit(view, root, 0);
    for (;;) {
        uint32_t child = view->nodes[at].first_child;
        uint32_t next = child != NONE && !view->nodes[child].printed ? child : NONE;
        if (next != NONE) {
            depth++;
        } else {
            /* up by the parents until one has a sibling left; `continues` of the depths below
             * is written anew on the way down */
            while (at != root && view->nodes[at].next_sibling == NONE) {
                at = view->nodes[at].parent;
                depth--;
            }
            if (at == root)
                return;
            next = view->nodes[at].next_sibling;
        }
        at = next;
        if (depth < INDENT_DEPTH_MAX)
            view->continues[depth] = view->nodes[at].next_sibling != NONE;
        visit(view, at, depth);
    }
}

static void write_tree(struct view *view)
{
    uint32_t count = view->trace->span_count;
    for (uint32_t i = 0; i < count; i++) {
        if (view->nodes[i].parent == NONE)
            walk(view, i);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!view->nodes[i].printed)
            visit(view, i, 0); /* a ring of parents */
    }
    if (view->lines > NV_TERMINAL_SPANS_MAX) {
        (void)nv_buf_printf(view->buf, "  ... and %u more spans\n",
                            view->lines - NV_TERMINAL_SPANS_MAX);
    }
}

/* ---- head and foot ----------------------------------------------------------------------- */

static void write_head(struct view *view)
{
    const struct nv_trace *trace = view->trace;
    bool error = trace->status != NV_STATUS_OK || trace->error_count > 0;
    struct nv_span_facts sum;
    nv_trace_facts_read(trace, &sum);
    style(view, error ? RED : BOLD);
    (void)nv_buf_append_str(view->buf, error ? NV_STR("✗ ") : NV_STR("✓ "));
    (void)nv_terminal_escape(trace->name, NAME_BYTES_MAX, view->buf);
    style(view, PLAIN);
    (void)nv_buf_printf(view->buf, "  %.0f ms  %u span%s",
                        (double)(trace->end_ns - trace->start_ns) / 1e6, trace->span_count,
                        trace->span_count == 1 ? "" : "s");
    if (trace->error_count > 0) {
        (void)nv_buf_printf(view->buf, "  %u error%s", trace->error_count,
                            trace->error_count == 1 ? "" : "s");
    }
    (void)nv_span_facts_write(&sum, view->buf);
    (void)nv_buf_append_char(view->buf, '\n');
}

/* Spelled as the file is, so that it can be copied into the next command. */
static void write_file_name(struct view *view)
{
    static const unsigned dashes[] = {4, 6, 8, 10};
    if (!view->terminal->file_directory)
        return;
    style(view, DIM);
    (void)nv_buf_printf(view->buf, "  %s/", view->terminal->file_directory);
    for (unsigned i = 0, d = 0; i < NV_TRACE_ID_BYTES; i++) {
        if (!view->terminal->hex_ids && d < 4 && i == dashes[d]) {
            (void)nv_buf_append_char(view->buf, '-');
            d++;
        }
        (void)nv_buf_printf(view->buf, "%02x", view->trace->trace_id[i]);
    }
    (void)nv_buf_append_str(view->buf, NV_STR(".json"));
    style(view, PLAIN);
    (void)nv_buf_append_char(view->buf, '\n');
}

enum nv_err nv_terminal_write(const struct nv_terminal *terminal, const struct nv_trace *trace,
                              struct nv_buf *buf)
{
    assert(trace->span_count == 0 || trace->spans != NULL);
    size_t count = trace->span_count > 0 ? trace->span_count : 1;
    struct view view = {.terminal = terminal, .trace = trace, .buf = buf};
    view.nodes = calloc(count, sizeof *view.nodes);
    view.by_id = calloc(count, sizeof *view.by_id);
    enum nv_err err = NV_ERR_NO_MEMORY;
    if (view.nodes && view.by_id) {
        for (uint32_t i = 0; i < trace->span_count; i++)
            view.by_id[i] = i;
        qsort_r(view.by_id, trace->span_count, sizeof *view.by_id, compare_ids, trace->spans);
        link_nodes(&view);
        write_head(&view);
        write_tree(&view);
        write_file_name(&view);
        err = nv_buf_append_char(buf, '\n');
    }
    free(view.nodes);
    free(view.by_id);
    return err;
}
