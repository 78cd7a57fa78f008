/*
 * The members of an object that message, tool and document shapes are told apart by.
 *
 *   {"role": "tool", "toolCallId": "c1", "x": 1}  ─▶  mask ROLE|CALL_ID, at[ROLE], at[CALL_ID]
 *
 * One pass over an object finds all known members at once. Spellings that mean the same
 * wherever they stand share an id (toolCallId, call_id, ...); words whose meaning depends on
 * the place (input, output) keep their own. Internal to the mapping.
 */
#ifndef NV_MAPPING_CONTENT_MEMBERS_H
#define NV_MAPPING_CONTENT_MEMBERS_H

#include "model/absent.h"

/* X(id, key): many keys may share an id; the most frequent first, because the table is searched. */
#define NV_MEMBER_TABLE(X)                                                                     \
    X(ROLE, "role")                                                                            \
    X(CONTENT, "content")                                                                      \
    X(TYPE, "type")                                                                            \
    X(TEXT, "text")                                                                            \
    X(PARTS, "parts")                                                                          \
    X(ID, "id")                                                                                \
    X(NAME, "name")                                                                            \
    X(ARGUMENTS, "arguments")                                                                  \
    X(FINISH, "finish_reason")                                                                 \
    X(TOOL_CALLS, "tool_calls")                                                                \
    X(CALL_ID, "tool_call_id")                                                                 \
    X(FUNCTION, "function")                                                                    \
    X(MESSAGE, "message")                                                                      \
    X(MESSAGES, "messages")                                                                    \
    X(INDEX, "index")                                                                          \
    X(RESPONSE, "response")                                                                    \
    X(RESULT, "result")                                                                        \
    X(CALL, "tool_call")                                                                       \
    X(PART, "message_content")                                                                 \
    X(CONTENTS, "contents")                                                                    \
    X(INPUT, "input")                                                                          \
    X(OUTPUT, "output")                                                                        \
    X(NAME, "toolName")                                                                        \
    X(NAME, "tool_name")                                                                       \
    X(ARGUMENTS, "args")                                                                       \
    X(ARGUMENTS, "arguments_json")                                                             \
    X(CALL_ID, "call_id")                                                                      \
    X(CALL_ID, "toolCallId")                                                                   \
    X(CALL_ID, "tool_use_id")                                                                  \
    X(CALL_ID, "toolUseId")                                                                    \
    X(CALL_ID, "tool_id")                                                                      \
    X(ARGUMENTS, "tool_arguments")                                                             \
    X(TOOL_CALLS, "toolCalls")                                                                 \
    X(FINISH, "finishReason")                                                                  \
    X(FINISH, "stop_reason")                                                                   \
    X(FINISH, "stopReason")                                                                    \
    X(FINISH, "done_reason")                                                                   \
    X(REASONING, "reasoning")                                                                  \
    X(REASONING, "reasoning_content")                                                          \
    X(REASONING, "thinking")                                                                   \
    X(REASONING, "reasoningText")                                                              \
    X(CHOICES, "choices")                                                                      \
    X(CHOICES, "generations")                                                                  \
    X(CHOICES, "candidates")                                                                   \
    X(INPUTS, "inputs")                                                                        \
    X(OUTPUTS, "outputs")                                                                      \
    X(ITEMS, "items")                                                                          \
    X(PROMPT, "prompt")                                                                        \
    X(PROMPT, "prompts")                                                                       \
    X(COMPLETION, "completion")                                                                \
    X(SYSTEM, "system")                                                                        \
    X(SYSTEM, "system_instruction")                                                            \
    X(SYSTEM, "systemInstruction")                                                             \
    X(SYSTEM, "system_instructions")                                                           \
    X(SYSTEM, "instructions")                                                                  \
    X(CONFIG, "config")                                                                        \
    X(KWARGS, "kwargs")                                                                        \
    X(LC, "lc")                                                                                \
    X(EXTRA, "additional_kwargs")                                                              \
    X(INFO, "response_metadata")                                                               \
    X(INFO, "generation_info")                                                                 \
    X(EVENT, "event.name")                                                                     \
    X(DATA, "data")                                                                            \
    X(VALUE, "value")                                                                          \
    X(CALL, "functionCall")                                                                    \
    X(CALL, "function_call")                                                                   \
    X(CALL, "toolUse")                                                                         \
    X(ANSWER, "functionResponse")                                                              \
    X(ANSWER, "function_response")                                                             \
    X(ANSWER, "toolResult")                                                                    \
    X(CALL, "toolRequest")                                                                     \
    X(ANSWER, "toolResponse")                                                                  \
    X(CALL_ID, "ref")                                                                          \
    X(BEDROCK_REASONING, "reasoningContent")                                                   \
    X(THOUGHT, "thought")                                                                      \
    X(UPDATE, "update")                                                                        \
    X(SUMMARY, "summary")                                                                      \
    X(FUNCTION_NAME, "function_call_name")                                                     \
    X(FUNCTION_ARGUMENTS, "function_call_arguments_json")                                      \
    X(ARGUMENTS, "server_tool_call")                                                           \
    X(RESPONSE, "server_tool_call_response")                                                   \
    X(CALL, "toolCall")                                                                        \
    X(ANSWER, "tool_response")                                                                 \
    X(NAME, "toolType")                                                                        \
    X(NAME, "tool_type")                                                                       \
    X(CODE, "executableCode")                                                                  \
    X(CODE, "executable_code")                                                                 \
    X(CODE_RESULT, "codeExecutionResult")                                                      \
    X(CODE_RESULT, "code_execution_result")                                                    \
    X(FUNCTION, "custom")                                                                      \
    X(PARTS, "blocks")                                                                         \
    X(TYPE, "block_type")                                                                      \
    X(AUDIO, "audio")                                                                          \
    X(TRANSCRIPT, "output_transcription")                                                      \
    X(TRANSCRIPT, "outputTranscription")                                                       \
    X(FAILURE, "error")                                                                        \
    X(FAILURE, "error_message")                                                                \
    X(FAILURE, "errorMessage")                                                                 \
    X(FAILURE, "error_code")                                                                   \
    X(FAILURE, "errorCode")

enum nv_member {
    NV_MEMBER_ROLE,
    NV_MEMBER_CONTENT,
    NV_MEMBER_TYPE,
    NV_MEMBER_TEXT,
    NV_MEMBER_PARTS,
    NV_MEMBER_ID,
    NV_MEMBER_NAME,
    NV_MEMBER_ARGUMENTS,
    NV_MEMBER_FINISH,
    NV_MEMBER_TOOL_CALLS,
    NV_MEMBER_CALL_ID, /* the call that an answer belongs to, or a call's own */
    NV_MEMBER_FUNCTION,
    NV_MEMBER_MESSAGE,
    NV_MEMBER_MESSAGES,
    NV_MEMBER_INDEX,
    NV_MEMBER_RESPONSE,
    NV_MEMBER_RESULT,
    NV_MEMBER_CALL, /* one call inside */
    NV_MEMBER_PART, /* one part inside (OpenInference) */
    NV_MEMBER_CONTENTS,
    NV_MEMBER_INPUT,
    NV_MEMBER_OUTPUT,
    NV_MEMBER_REASONING,
    NV_MEMBER_CHOICES,
    NV_MEMBER_INPUTS,
    NV_MEMBER_OUTPUTS,
    NV_MEMBER_ITEMS,
    NV_MEMBER_PROMPT,
    NV_MEMBER_COMPLETION,
    NV_MEMBER_SYSTEM,
    NV_MEMBER_CONFIG,
    NV_MEMBER_KWARGS, /* LangChain's constructor arguments */
    NV_MEMBER_LC,
    NV_MEMBER_EXTRA,
    NV_MEMBER_INFO, /* may hold a finish reason */
    NV_MEMBER_EVENT,
    NV_MEMBER_DATA,
    NV_MEMBER_VALUE,
    NV_MEMBER_ANSWER, /* one tool answer inside */
    NV_MEMBER_BEDROCK_REASONING,
    NV_MEMBER_THOUGHT,
    NV_MEMBER_UPDATE, /* LangGraph's command */
    NV_MEMBER_SUMMARY,
    NV_MEMBER_FUNCTION_NAME,
    NV_MEMBER_FUNCTION_ARGUMENTS,
    NV_MEMBER_CODE, /* code that Gemini ran, and what came of it */
    NV_MEMBER_CODE_RESULT,
    NV_MEMBER_AUDIO,
    NV_MEMBER_TRANSCRIPT, /* what was said in it */
    NV_MEMBER_FAILURE,    /* what went wrong: an object, or text */
    NV_MEMBER_NONE        /* unknown: count of the ids above */
};

#define NV_HAS(id) (UINT64_C(1) << NV_MEMBER_##id)

struct nv_members {
    uint64_t mask;                             /* NV_HAS(id) of what is there and not empty */
    const struct nv_value *at[NV_MEMBER_NONE]; /* borrowed; only those of mask are set */
};

/* Finds all known members of `map`; of several spellings of one id the first not empty counts.
 * A value that is no MAP has none. */
void nv_members_find(const struct nv_value *map, struct nv_members *out);
/* Member `id` when it is there, else NULL. Borrowed. */
const struct nv_value *nv_members_get(const struct nv_members *members, enum nv_member id);
/* The first, by number of id, of those in `ids` (a mask) that is there, else NULL. Borrowed. */
const struct nv_value *nv_members_first(const struct nv_members *members, uint64_t ids);
/* Text of member `id` when it is a STRING, else empty. Borrowed. */
struct nv_str nv_members_text(const struct nv_members *members, enum nv_member id);
/*
 * Appends to `rest` the members of `map` that are not empty and whose id is not in `used`: what
 * a handler did not express. Errors: NV_ERR_NO_MEMORY.
 */
enum nv_err nv_members_rest(struct nv_arena *arena, const struct nv_value *map,
                            const struct nv_members *members, uint64_t used,
                            struct nv_attributes *rest) NV_MUST_USE;

#endif
