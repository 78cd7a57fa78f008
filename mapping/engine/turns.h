/*
 * Spans of the log records of a coding agent that sends none
 * (docs/design/0015-traces-of-log-records.md).
 *
 *   user_prompt ─────────────▶ root     agent, from the first to the last of all times
 *   api_request ─────────────▶  ├ call  model call, duration before the record's time
 *   tool_decision ─▶ joins ─┐   │
 *   tool_result ────────────┴▶  ├ tool
 *   anything else ───────────▶  └ stays a record: of the call it belongs to, else of the root
 *
 * Evaluations, the records that are no agent's, have a root without an agent: an evaluator's
 * span, which they are evaluations of.
 *
 * What is made are Span messages of OTLP, with the record's own attributes: from there on they
 * go through the tables as if the agent had sent them. What a record is says
 * model/agent_records.inc.
 */
#ifndef NV_MAPPING_ENGINE_TURNS_H
#define NV_MAPPING_ENGINE_TURNS_H

#include "model/trace.h"

/*
 * Replaces the log records of `raw` (of_records) by spans and by the records that stay with
 * them; sets span_count and, where the trace is a turn of a session, turn_id. The same records
 * give the same bytes. All new bytes lie in the raw trace's arena. `*unused`: records that
 * nothing became of. NV_ERR_NO_MEMORY: `raw` is unchanged.
 */
enum nv_err nv_turns_make_spans(struct nv_raw_trace *raw, uint32_t *unused) NV_MUST_USE;

#endif
