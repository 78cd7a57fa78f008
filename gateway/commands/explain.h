/*
 * `noveum-gateway explain FILE...`: how the spans of OTLP bodies would be translated.
 *
 * Bodies are told apart by their content: gzip and zstd by their magic numbers, JSON by its
 * first brace, traces and log records by what decodes. What several bodies say of one trace is
 * one trace.
 */
#ifndef NV_GATEWAY_COMMANDS_EXPLAIN_H
#define NV_GATEWAY_COMMANDS_EXPLAIN_H

#include "gateway/config/options.h"
#include "mapping/mapping.h"
#include "model/batch.h"
#include "redaction/redact.h"

/* Bodies read so far. Zero-initialised is empty. */
struct nv_explain {
    struct nv_batch **batches; /* owned, as the batches are */
    size_t count, capacity;
};

/* Prints the report of every trace in the `count` files to stdout; returns the exit code. */
int nv_command_explain(const struct nv_options *options, const char *const *paths,
                       size_t count);
/*
 * Reads one body (malloc'ed, taken): decompressed, JSON or protobuf, a traces or a logs
 * request. Appends to `report` what the door would refuse in it. Errors as nv_inflate and
 * nv_request_decode, with `fail`; NV_ERR_NO_MEMORY.
 */
enum nv_err nv_explain_add(struct nv_explain *explain, char *body, size_t len,
                           struct nv_buf *report, struct nv_fail *fail) NV_MUST_USE;
/*
 * Gives every trace of all bodies, in the order they were first named, to `each`, which takes
 * it. Stops at the first error, which it returns; NV_ERR_NO_MEMORY.
 */
enum nv_err nv_explain_each(const struct nv_explain *explain,
                            enum nv_err (*each)(void *ctx, struct nv_raw_trace *raw),
                            void *ctx) NV_MUST_USE;
/* Reads a file and adds its body, as nv_explain_add; errors of both, with `fail`. */
enum nv_err nv_explain_add_file(struct nv_explain *explain, const char *path,
                                struct nv_buf *report, struct nv_fail *fail) NV_MUST_USE;
/*
 * Appends the report on every trace of all bodies, in the order they were first named, and
 * after each trace its values as `redaction` (borrowed) lets them leave; NULL: no values.
 * Errors as nv_mapping_explain and nv_redact, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_explain_write(const struct nv_explain *explain, const struct nv_mapping *mapping,
                             const struct nv_redaction_config *redaction,
                             struct nv_buf *report) NV_MUST_USE;
/* Frees what was read. */
void nv_explain_release(struct nv_explain *explain);

#endif
