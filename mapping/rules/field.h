/*
 * Target fields that code must know by name: what usage, cost, identity and agents work on.
 *
 * All other targets exist only in the tables. The known ones come first in nv_rules.fields, in
 * this order, so that an index below NV_FIELD_KNOWN is one of these.
 */
#ifndef NV_MAPPING_RULES_FIELD_H
#define NV_MAPPING_RULES_FIELD_H

/* X(id, name) */
#define NV_FIELD_TABLE(X)                                                                      \
    X(NV_FIELD_KIND, "kind")                                                                   \
    X(NV_FIELD_NONE, "-")                                                                      \
    X(NV_FIELD_MODEL, "llm.model")                                                             \
    X(NV_FIELD_PROVIDER, "llm.provider")                                                       \
    X(NV_FIELD_OPERATION, "llm.operation")                                                     \
    X(NV_FIELD_INPUT_MESSAGES, "llm.input.messages")                                           \
    X(NV_FIELD_OUTPUT_MESSAGES, "llm.output.messages")                                         \
    X(NV_FIELD_OUTPUT_RESPONSE, "llm.output.response")                                         \
    X(NV_FIELD_OUTPUT_TOOL_CALLS, "llm.output.tool_calls")                                     \
    X(NV_FIELD_SYSTEM_PROMPT, "llm.system_prompt")                                             \
    X(NV_FIELD_FINISH_REASON, "llm.finish_reason")                                             \
    X(NV_FIELD_REQUEST_ID, "llm.request_id")                                                   \
    X(NV_FIELD_INPUT_TOKENS, "llm.input_tokens")                                               \
    X(NV_FIELD_OUTPUT_TOKENS, "llm.output_tokens")                                             \
    X(NV_FIELD_TOTAL_TOKENS, "llm.total_tokens")                                               \
    X(NV_FIELD_CACHE_READ_TOKENS, "llm.cache_read_tokens")                                     \
    X(NV_FIELD_CACHE_CREATION_TOKENS, "llm.cache_creation_tokens")                             \
    X(NV_FIELD_CACHED_INPUT_TOKENS, "llm.cached_input_tokens")                                 \
    X(NV_FIELD_REASONING_TOKENS, "llm.reasoning_tokens")                                       \
    X(NV_FIELD_INPUT_AUDIO_TOKENS, "llm.input_modality_audio")                                 \
    X(NV_FIELD_OUTPUT_AUDIO_TOKENS, "llm.output_modality_audio")                               \
    X(NV_FIELD_EXCLUSIVE_INPUT, "llm.exclusive_input_tokens")                                  \
    X(NV_FIELD_EXCLUSIVE_OUTPUT, "llm.exclusive_output_tokens")                                \
    X(NV_FIELD_TOOL_PROMPT_TOKENS, "llm.tool_prompt_tokens")                                   \
    X(NV_FIELD_CACHE_CREATION_5M, "llm.cache_creation_tokens_5m")                              \
    X(NV_FIELD_CACHE_CREATION_1H, "llm.cache_creation_tokens_1h")                              \
    X(NV_FIELD_COST_TOTAL, "llm.cost.total")                                                   \
    X(NV_FIELD_COST_INPUT, "llm.cost.input")                                                   \
    X(NV_FIELD_COST_OUTPUT, "llm.cost.output")                                                 \
    X(NV_FIELD_COST_CURRENCY, "llm.cost.currency")                                             \
    X(NV_FIELD_REQUEST_MODEL, "llm.request.model")                                             \
    X(NV_FIELD_RESPONSE_MODEL, "llm.response_model")                                           \
    X(NV_FIELD_SERVICE_TIER, "llm.response.service_tier")                                      \
    X(NV_FIELD_TTFT_MS, "llm.time_to_first_token_ms")                                          \
    X(NV_FIELD_STREAMING, "llm.streaming")                                                     \
    X(NV_FIELD_TOKENS_PER_SECOND, "llm.tokens_per_second")                                     \
    X(NV_FIELD_AGENT_ID, "agent.id")                                                           \
    X(NV_FIELD_AGENT_NAME, "agent.name")                                                       \
    X(NV_FIELD_AGENT_ROLE, "agent.role")                                                       \
    X(NV_FIELD_AGENT_TYPE, "agent.type")                                                       \
    X(NV_FIELD_AGENT_MODEL, "agent.llm_model")                                                 \
    X(NV_FIELD_AGENT_OPERATION, "agent.operation")                                             \
    X(NV_FIELD_AGENT_INPUT, "agent.input")                                                     \
    X(NV_FIELD_AGENT_OUTPUT, "agent.output")                                                   \
    X(NV_FIELD_PARENT_NODE, "langgraph.parent_node_id")                                        \
    X(NV_FIELD_TOOL_NAME, "tool.name")                                                         \
    X(NV_FIELD_TOOL_CALL_ID, "tool.call_id")                                                   \
    X(NV_FIELD_TOOL_INPUT, "tool.input")                                                       \
    X(NV_FIELD_TOOL_OUTPUT, "tool.output")                                                     \
    X(NV_FIELD_EMBEDDING_MODEL, "embedding.model")                                             \
    X(NV_FIELD_EMBEDDING_PROVIDER, "embedding.provider")                                       \
    X(NV_FIELD_EMBEDDING_INPUT, "embedding.input")                                             \
    X(NV_FIELD_EMBEDDING_DIMENSIONS, "embedding.dimensions")                                   \
    X(NV_FIELD_HANDOFF_FROM, "handoff.from_agent")                                             \
    X(NV_FIELD_HANDOFF_TO, "handoff.to_agent")                                                 \
    X(NV_FIELD_WORKFLOW_NAME, "agent_workflow.name")                                           \
    X(NV_FIELD_CHAIN_NAME, "chain.name")                                                       \
    X(NV_FIELD_CHAIN_INPUTS, "chain.inputs")                                                   \
    X(NV_FIELD_CHAIN_OUTPUTS, "chain.output.outputs")                                          \
    X(NV_FIELD_ERROR_TYPE, "error.type")                                                       \
    X(NV_FIELD_ERROR_MESSAGE, "error.message")                                                 \
    X(NV_FIELD_EXCEPTION_TYPE, "exception.type")                                               \
    X(NV_FIELD_EXCEPTION_MESSAGE, "exception.message")                                         \
    X(NV_FIELD_EXCEPTION_STACKTRACE, "exception.stacktrace")                                   \
    X(NV_FIELD_SPAN_STATUS, "span.status")                                                     \
    X(NV_FIELD_SPAN_STATUS_MESSAGE, "span.status_message")                                     \
    X(NV_FIELD_SPAN_NAME, "span.name")                                                         \
    X(NV_FIELD_SPAN_PLACEHOLDER, "span.placeholder")                                           \
    X(NV_FIELD_SPAN_LEFT_OUT, "span.left_out")                                                 \
    X(NV_FIELD_SPAN_LAST_STEP, "span.usage_of_last_step")                                      \
    X(NV_FIELD_SPAN_EVALUATIONS, "span.evaluations")                                           \
    X(NV_FIELD_SESSION_ID, "metadata.session_id")                                              \
    X(NV_FIELD_USER_ID, "metadata.user_id")                                                    \
    X(NV_FIELD_METADATA_REQUEST_ID, "metadata.request_id")                                     \
    X(NV_FIELD_TAGS, "metadata.tags")                                                          \
    X(NV_FIELD_TAGS_WILD, "metadata.tags.{*}")                                                 \
    X(NV_FIELD_CUSTOM_WILD, "metadata.custom_attributes.{*}")                                  \
    X(NV_FIELD_PROJECT, "noveum.project")                                                      \
    X(NV_FIELD_ENVIRONMENT, "noveum.environment")                                              \
    X(NV_FIELD_SERVICE_VERSION, "service_version")                                             \
    X(NV_FIELD_TRACE_NAME, "trace.name")

enum nv_known_field {
#define NV_FIELD_ENUM(id, name) id,
    NV_FIELD_TABLE(NV_FIELD_ENUM)
#undef NV_FIELD_ENUM
        NV_FIELD_KNOWN
};

#endif
