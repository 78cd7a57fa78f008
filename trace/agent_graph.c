/*
 * The registry as a drawing: DOT and Mermaid.
 *
 * Nodes get numbers in the order of registration, so that no name has to be an identifier.
 * Names are quoted: DOT wants \" for a quote, Mermaid #quot;; both get a blank for what would
 * end a line.
 */
#include "base/buf.h"
#include "base/limits.h"
#include "trace/agents.h"
#include "trace/state.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

struct drawing {
    struct nv_buf buf;
    bool dot;
    const struct nv_trace_agent *nodes[NV_TRACE_AGENTS_MAX];
    size_t count;
};

static void put_label(struct drawing *drawing, const char *text)
{
    struct nv_buf *buf = &drawing->buf;
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ')
            (void)nv_buf_append_char(buf, ' ');
        else if (*text == '"')
            (void)nv_buf_printf(buf, "%s", drawing->dot ? "\\\"" : "#quot;");
        else if (*text == '\\' && drawing->dot)
            (void)nv_buf_printf(buf, "\\\\");
        else
            (void)nv_buf_append_char(buf, *text);
    }
}

static void collect(void *ctx, const struct nv_trace_agent *agent)
{
    struct drawing *drawing = ctx;
    if (drawing->count < NV_TRACE_AGENTS_MAX)
        drawing->nodes[drawing->count++] = agent;
}

static int by_number(const void *one, const void *other)
{
    const struct nv_trace_agent *const *a = one, *const *b = other;
    return ((*a)->number > (*b)->number) - ((*a)->number < (*b)->number);
}

static void put_node(struct drawing *drawing, size_t number)
{
    const struct nv_trace_agent *agent = drawing->nodes[number];
    (void)nv_buf_printf(&drawing->buf, drawing->dot ? "    a%zu [label=\"" : "    a%zu[\"",
                        number);
    put_label(drawing, nv_trace_agent_name(agent));
    if (agent->role[0] != '\0') {
        (void)nv_buf_printf(&drawing->buf, "%s", drawing->dot ? "\\n" : "<br>");
        put_label(drawing, agent->role);
    }
    (void)nv_buf_printf(&drawing->buf, "\"]%s\n", drawing->dot ? ";" : "");
}

static void put_nodes(struct drawing *drawing)
{
    nv_trace_agents_each(collect, drawing);
    qsort(drawing->nodes, drawing->count, sizeof drawing->nodes[0], by_number);
    for (size_t i = 0; i < drawing->count; i++)
        put_node(drawing, i);
}

static size_t number_of(const struct drawing *drawing, const struct nv_trace_agent *agent)
{
    size_t number = 0;
    while (number < drawing->count && drawing->nodes[number] != agent)
        number++;
    return number;
}

static void put_parents(struct drawing *drawing)
{
    for (size_t i = 0; i < drawing->count; i++) {
        const char *id = drawing->nodes[i]->parent;
        const struct nv_trace_agent *parent = id[0] != '\0' ? nv_trace_agent_find(id) : NULL;
        if (parent) {
            (void)nv_buf_printf(&drawing->buf,
                                drawing->dot ? "    a%zu -> a%zu [style=dashed];\n"
                                             : "    a%zu -.-> a%zu\n",
                                number_of(drawing, parent), i);
        }
    }
}

static void put_edges(struct drawing *drawing)
{
    static const char *const words[] = {
        [NV_TRACE_EDGE_MESSAGE] = "messages", [NV_TRACE_EDGE_DELEGATION] = "delegates"};
    size_t count;
    const struct nv_trace_edge *edges = nv_trace_agents_edges(&count);
    for (size_t i = 0; i < count; i++) {
        size_t from = number_of(drawing, edges[i].from), to = number_of(drawing, edges[i].to);
        const char *word = words[edges[i].kind];
        if (drawing->dot) {
            (void)nv_buf_printf(&drawing->buf, "    a%zu -> a%zu [label=\"%s %" PRIu64 "\"];\n",
                                from, to, word, edges[i].count);
        } else {
            (void)nv_buf_printf(&drawing->buf, "    a%zu -->|%s %" PRIu64 "| a%zu\n", from,
                                word, edges[i].count, to);
        }
    }
}

size_t noveum_agent_graph(noveum_graph_format format, char *text, size_t size)
{
    struct drawing drawing = {.dot = format != NOVEUM_GRAPH_MERMAID};
    nv_buf_init(&drawing.buf, NV_CAP_MIB(4));
    (void)nv_buf_printf(&drawing.buf, "%s",
                        drawing.dot ? "digraph agents {\n" : "flowchart LR\n");
    nv_trace_agents_lock();
    put_nodes(&drawing);
    put_parents(&drawing);
    put_edges(&drawing);
    nv_trace_agents_unlock();
    (void)nv_buf_printf(&drawing.buf, "%s", drawing.dot ? "}\n" : "");
    bool whole = drawing.buf.failed == NV_OK;
    size_t len = nv_trace_give(whole ? nv_buf_str(&drawing.buf) : nv_str_from(""), text, size);
    nv_buf_release(&drawing.buf);
    return len;
}
