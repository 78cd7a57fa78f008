/*
 * The local view: each completed trace as a tree on the terminal.
 *
 *   ✗ support agent  3.50 s  45 spans  1 error  340→61 tokens  $0.000102  first token 310 ms
 *     service   shop
 *     session   s-17
 *     question  Where is my order 7?
 *     answer    I could not find out. Please try again.
 *     agent     invoke_agent support  3.50 s
 *     ├─ llm       chat gpt-4o-mini  1.30 s  120→30 tokens  $0.000036  first token 310 ms
 *     ├─ tool      get_order  250 ms  error
 *     │     input   {"id":7}
 *     │     error   order service: 503
 *     └─ … 41 more
 *     .noveum_trace_dev/4bdd6520-a260-32ed-5f00-d3897e6a87dc.json
 *
 * Each line is cut to the terminal's width. Siblings of no kind, with nothing of a kind or an
 * error below them, are one line; a trace without any kind is shown as it is. Names and texts
 * are the application's: control characters are shown escaped, so that a trace can't steer the
 * terminal.
 */
#ifndef NV_GATEWAY_VIEW_TERMINAL_H
#define NV_GATEWAY_VIEW_TERMINAL_H

#include "gateway/config/options.h"
#include "model/trace.h"

/* Spans of one trace that are printed; the rest is only counted. */
#define NV_TERMINAL_SPANS_MAX 200

struct nv_terminal {
    bool color;     /* ANSI colours: errors red, kinds dim */
    bool hex_ids;   /* form of trace ids in file names */
    bool all;       /* every span has its line: none is folded or left out */
    size_t columns; /* of a line; 0: NV_LINE_COLUMNS_DEFAULT */
    /* where the trace's file will be; NULL: no last line. Borrowed */
    const char *file_directory;
};

/* Colour only on a terminal, and not with NO_COLOR set (no-color.org) or TERM=dumb. */
bool nv_terminal_wants_color(int fd);
/* The same, unless `terminal.color` decides. */
bool nv_terminal_colored(const struct nv_options *options, int fd);
/* Appends the trace (borrowed) as text. NV_ERR_NO_MEMORY, buffer's errors. */
enum nv_err nv_terminal_write(const struct nv_terminal *terminal, const struct nv_trace *trace,
                              struct nv_buf *buf) NV_MUST_USE;
/* Appends `text` on one line, with control characters and invalid UTF-8 as \xNN, at most
 * `max` bytes of it (an ellipsis follows a cut). Buffer's errors. */
enum nv_err nv_terminal_escape(struct nv_str text, size_t max, struct nv_buf *buf);

#endif
