/*
 * Rows of the store's list as a table, and as a line of JSON each.
 */
#ifndef NV_GATEWAY_COMMANDS_TRACES_TABLE_H
#define NV_GATEWAY_COMMANDS_TRACES_TABLE_H

#include "gateway/view/terminal.h"

/* Characters of an id that are shown at least; as many as tell the rows apart. */
#define NV_TABLE_ID_MIN 8

/*
 * Appends the rows of `list`, an answer of nv_trace_list_write (borrowed), a line each: id,
 * local time, state, duration, tokens, cost, name, question; nothing without rows. Errors as
 * nv_value_from_json and the buffer's.
 */
enum nv_err nv_traces_table_write(struct nv_str list, const struct nv_terminal *terminal,
                                  struct nv_buf *out) NV_MUST_USE;
/* The same rows as they are, one JSON value a line. Errors likewise. */
enum nv_err nv_traces_table_lines(struct nv_str list, struct nv_buf *out) NV_MUST_USE;

#endif
