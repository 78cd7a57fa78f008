/*
 * `noveum-gateway explain FILE`: how the spans of an OTLP body would be translated.
 */
#ifndef NV_GATEWAY_EXPLAIN_H
#define NV_GATEWAY_EXPLAIN_H

#include "gateway/options.h"
#include "mapping/mapping.h"
#include "model/batch.h"

/* Prints the report of every trace in `path` to stdout; returns the exit code. */
int nv_command_explain(const struct nv_options *options, const char *path);
/*
 * Appends the report on `body` (malloc'ed, taken): JSON when it begins with `{`, else protobuf; a
 * traces request. Errors as nv_request_decode with `fail`, as nv_mapping_explain, NO_MEMORY.
 */
enum nv_err nv_explain_body(const struct nv_mapping *mapping, char *body, size_t len,
                            struct nv_buf *report, struct nv_fail *fail);

#endif
