/*
 * Numbers of agents for /metrics: who ran how often, what it cost, which tools failed.
 *
 *   trace ─▶ facts of each span ─▶ (service, agent)         runs, errors, tokens, cost, time
 *                               ├▶ (service, agent, tool)   calls, errors, time
 *                               └▶ (service, agent, model)  calls, errors, tokens, cost, time
 *
 * Labels are named as OpenTelemetry's attributes are in Prometheus (service.name becomes
 * service_name), values are names that clients chose: cut, without a character that hides or
 * moves anything, escaped. What is the same after that is one series. There are so many series
 * and no more: what comes when they are all taken counts for `_other`, so sums over a metric
 * are always whole. Series stay until the program ends, as counters must. No content.
 */
#ifndef NV_GATEWAY_AGENTS_AGENT_SERIES_H
#define NV_GATEWAY_AGENTS_AGENT_SERIES_H

#include "base/buf.h"
#include "gateway/agents/agent_facts.h"

/* X(id, name, labels besides service_name and gen_ai_agent_name, type, help). A name's end says
 * its unit: seconds and usd are kept in billionths. */
#define NV_AGENT_METRICS(X)                                                                    \
    X(NV_AGENT_RUNS, "noveum_agent_runs_total", "", "counter", "Runs of agents")               \
    X(NV_AGENT_RUN_ERRORS, "noveum_agent_run_errors_total", "", "counter",                     \
      "Runs of agents that failed")                                                            \
    X(NV_AGENT_SPANS, "noveum_agent_spans_total", "", "counter", "Spans of agents")            \
    X(NV_AGENT_SPAN_ERRORS, "noveum_agent_span_errors_total", "", "counter",                   \
      "Spans of agents that failed")                                                           \
    X(NV_AGENT_INPUT_TOKENS, "noveum_agent_tokens_total", "gen_ai_token_type=\"input\"",       \
      "counter", "Tokens that agents used")                                                    \
    X(NV_AGENT_OUTPUT_TOKENS, "noveum_agent_tokens_total", "gen_ai_token_type=\"output\"",     \
      "counter", "Tokens that agents used")                                                    \
    X(NV_AGENT_CACHED_TOKENS, "noveum_agent_cached_tokens_total", "", "counter",               \
      "Input tokens that came from a cache")                                                   \
    X(NV_AGENT_REASONING_TOKENS, "noveum_agent_reasoning_tokens_total", "", "counter",         \
      "Output tokens of reasoning")                                                            \
    X(NV_AGENT_COST, "noveum_agent_cost_usd_total", "", "counter",                             \
      "What agents cost in US dollars, as told or by the table of prices")                     \
    X(NV_AGENT_RUN_SECONDS, "noveum_agent_run_duration_seconds", "le=\"...\"", "histogram",    \
      "How long runs of agents took")

#define NV_AGENT_TOOL_METRICS(X)                                                               \
    X(NV_AGENT_TOOL_CALLS, "noveum_agent_tool_calls_total", "", "counter",                     \
      "Calls of tools by agents")                                                              \
    X(NV_AGENT_TOOL_ERRORS, "noveum_agent_tool_errors_total", "", "counter",                   \
      "Calls of tools that failed")                                                            \
    X(NV_AGENT_TOOL_SECONDS, "noveum_agent_tool_seconds_total", "", "counter",                 \
      "Time that calls of tools took")

#define NV_AGENT_MODEL_METRICS(X)                                                              \
    X(NV_AGENT_MODEL_CALLS, "noveum_agent_model_calls_total", "", "counter",                   \
      "Calls of models by agents")                                                             \
    X(NV_AGENT_MODEL_ERRORS, "noveum_agent_model_errors_total", "", "counter",                 \
      "Calls of models that failed")                                                           \
    X(NV_AGENT_MODEL_SECONDS, "noveum_agent_model_seconds_total", "", "counter",               \
      "Time that calls of models took")                                                        \
    X(NV_AGENT_MODEL_INPUT_TOKENS, "noveum_agent_model_tokens_total",                          \
      "gen_ai_token_type=\"input\"", "counter", "Tokens by model")                             \
    X(NV_AGENT_MODEL_OUTPUT_TOKENS, "noveum_agent_model_tokens_total",                         \
      "gen_ai_token_type=\"output\"", "counter", "Tokens by model")                            \
    X(NV_AGENT_MODEL_COST, "noveum_agent_model_cost_usd_total", "", "counter",                 \
      "Cost in US dollars by model")

struct nv_agent_series;

/* New, for `agents_max` agents (1 to NV_AGENT_SERIES_MAX); NULL without memory. All functions
 * below: any thread. */
struct nv_agent_series *nv_agent_series_new(uint32_t agents_max);
/* Frees; NULL is allowed. No other thread may use it any more. */
void nv_agent_series_free(struct nv_agent_series *series);
/* Adds what `count` spans count (borrowed), under one lock. Without memory for a new series
 * they count for `_other`. */
void nv_agent_series_add(struct nv_agent_series *series, const struct nv_agent_fact *list,
                         uint32_t count);
/* Adds all spans of a finished trace (borrowed). Without memory for their order they count for
 * the agent "" of their service. */
void nv_agent_series_add_trace(struct nv_agent_series *series, const struct nv_trace *trace);
/* Appends all series in Prometheus' text. NV_ERR_NO_MEMORY, and then nothing; the buffer's
 * errors: NV_CAP_AGENT_METRICS is enough. */
enum nv_err nv_agent_series_write(struct nv_agent_series *series,
                                  struct nv_buf *buf) NV_MUST_USE;

#endif
