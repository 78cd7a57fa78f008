/*
 * What `explain` shows of a translated trace: the values of its spans, as they would leave.
 */
#ifndef NV_GATEWAY_COMMANDS_EXPLAIN_VALUES_H
#define NV_GATEWAY_COMMANDS_EXPLAIN_VALUES_H

#include "model/trace.h"

/*
 * Appends the attributes of each span of `trace` (borrowed, redacted before), a line each, cut
 * to `columns`: `  llm.model = gpt-4o`. Texts stand as they are, all else as JSON. Buffer's
 * errors.
 */
enum nv_err nv_explain_values_write(const struct nv_trace *trace, size_t columns,
                                    struct nv_buf *report);

#endif
