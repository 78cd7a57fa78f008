/*
 * Lines of a terminal: as wide as it is, in colours or without, foreign text made harmless.
 *
 *   begin ──▶ put, fact, fact, ... ──▶ end
 */
#ifndef NV_GATEWAY_VIEW_LINE_H
#define NV_GATEWAY_VIEW_LINE_H

#include "base/buf.h"
#include "model/value.h"

/* What is taken where neither COLUMNS nor the terminal says it: logs, pipes. */
#define NV_LINE_COLUMNS_DEFAULT 120
/* Narrower ones are treated as this wide, wider ones likewise. */
#define NV_LINE_COLUMNS_MIN 20
#define NV_LINE_COLUMNS_MAX 1000

enum nv_line_style { NV_LINE_PLAIN, NV_LINE_DIM, NV_LINE_BOLD, NV_LINE_RED };

struct nv_line {
    struct nv_buf *buf; /* borrowed */
    bool color;
    size_t columns; /* of the whole line */
    size_t room;    /* what is left of it */
    bool full;      /* a fact did not fit: the line is at its end */
};

/* Columns of the terminal on `fd`: of the variable COLUMNS, else as it says, else the default;
 * within the two bounds. Any thread. */
size_t nv_line_columns(int fd);
/* Begins a line. */
void nv_line_begin(struct nv_line *line);
/* Appends foreign text (any bytes), cut to `most` columns and to what is left. */
void nv_line_put(struct nv_line *line, enum nv_line_style style, struct nv_str text,
                 size_t most);
/* The same of text of ours, which is one line and may be shown. */
void nv_line_put_text(struct nv_line *line, enum nv_line_style style, const char *text);
/* Appends a value, plain and cut to what is left: a text as it is, anything else as JSON, of
 * which no more is written than can be shown. */
void nv_line_put_value(struct nv_line *line, const struct nv_value *value);
/* Appends two spaces and text of ours whole, or, where it does not fit, nothing from then on: a
 * number that is cut would be another number. */
void nv_line_fact(struct nv_line *line, enum nv_line_style style, const char *text);
/* Ends it. */
void nv_line_end(struct nv_line *line);

#endif
