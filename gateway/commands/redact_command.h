/*
 * `noveum-gateway redact --dry-run FILE...`: what would be masked in OTLP bodies, or left out.
 *
 *   openai           span.attributes        llm.input.messages    2
 *   secret-key       resource.attributes    aws.secret_key        1
 *   3 changes in 1 traces
 *
 * Bodies are read as `explain` reads them. Rules, places and keys are shown, never a value.
 */
#ifndef NV_GATEWAY_COMMANDS_REDACT_COMMAND_H
#define NV_GATEWAY_COMMANDS_REDACT_COMMAND_H

#include "gateway/commands/explain.h"
#include "redaction/redact.h"

/* Prints what would be masked in the `count` files to stdout; returns the exit code. */
int nv_command_redact(const struct nv_options *options, const char *const *paths, size_t count);
/* Appends the lines on every trace of all bodies. Errors as nv_mapping_translate. */
enum nv_err nv_redact_report(const struct nv_explain *explain, const struct nv_mapping *mapping,
                             const struct nv_redaction_config *config,
                             struct nv_buf *report) NV_MUST_USE;

#endif
