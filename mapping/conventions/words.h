/*
 * Words that conventions have of their own, by what they are taken for. A word more is a row
 * here and one of tests/unit/mapping, in content/test_words.c, settle/test_root_name.c or
 * prices/test_provider.c; the lists stand in docs/mapping.md (tools/make-mapping-docs.py). The
 * code that reads them (content/words.c, settle/root_name.c, prices/provider.c of mapping/)
 * knows none of them by name.
 *
 * Each is a list for an X macro: of texts alone, or of pairs (as it is told, as it goes out).
 * Words are compared once they are respelled: lower case, `_` between the parts of toolCall.
 */
#ifndef NV_MAPPING_CONVENTIONS_WORDS_H
#define NV_MAPPING_CONVENTIONS_WORDS_H

/* Why a model stopped. */
#define NV_FINISH_REASON_WORDS(X) X("tool_call", "tool_calls")

/* What was asked of a model. The names of clients' methods, and of the AI SDK's functions with
 * the calls inside them. */
#define NV_OPERATION_WORDS(X)                                                                  \
    X("llm_call", "chat")                                                                      \
    X("chat_completion", "chat")                                                               \
    X("chat_completions", "chat")                                                              \
    X("chat.completion", "chat")                                                               \
    X("chat.completions", "chat")                                                              \
    X("chat.completions.create", "chat")                                                       \
    X("messages.create", "chat")                                                               \
    X("responses.create", "chat")                                                              \
    X("generate_text", "chat")                                                                 \
    X("stream_text", "chat")                                                                   \
    X("generate_text.do_generate", "chat")                                                     \
    X("stream_text.do_stream", "chat")                                                         \
    X("generate_object.do_generate", "chat")                                                   \
    X("stream_object.do_stream", "chat")                                                       \
    X("text_completions", "text_completion")

/* How keys of metadata begin that are a framework's and no user's: LangGraph's place in its
 * graph, LangSmith's and Langfuse's settings, LangChain's facts of the model (fields have
 * them). Names of environment variables are told by their case. */
#define NV_INTERNAL_KEYS(X)                                                                    \
    X("langgraph_")                                                                            \
    X("LANGSMITH_")                                                                            \
    X("LANGCHAIN_")                                                                            \
    X("LANGGRAPH_")                                                                            \
    X("LANGFUSE_")                                                                             \
    X("langfuse_")                                                                             \
    X("ls_")                                                                                   \
    X("lc_")                                                                                   \
    X("__pregel_")                                                                             \
    X("checkpoint_")                                                                           \
    X("is_langchain_")

/* How tags begin that mark a step of LangChain's sequences and graphs: one of them inside a
 * text of tags makes all of it a framework's. */
#define NV_STEP_TAGS(X)                                                                        \
    X("seq:step:")                                                                             \
    X("graph:step:")

/* How further tags begin that are no user's: LangChain's marks for tracers. */
#define NV_INTERNAL_TAGS(X)                                                                    \
    X("map:key:")                                                                              \
    X("condition:")                                                                            \
    X("langsmith:")                                                                            \
    X("langgraph:")

/* Patterns of what frameworks sign as the provider of a model, and of what says that nobody
 * knows: none is one. */
#define NV_FRAMEWORK_SIGNATURES(X)                                                             \
    X("langchain")                                                                             \
    X("langgraph")                                                                             \
    X("crewai")                                                                                \
    X("llamaindex")                                                                            \
    X("llama_index")                                                                           \
    X("strands-agents")                                                                        \
    X("strands")                                                                               \
    X("gcp.vertex.agent")                                                                      \
    X("microsoft.agent_framework")                                                             \
    X("agent_framework")                                                                       \
    X("autogen")                                                                               \
    X("autogen*")                                                                              \
    X("semantic_kernel")                                                                       \
    X("semantic-kernel")                                                                       \
    X("az.ai.agents")                                                                          \
    X("azure.ai.agents")                                                                       \
    X("agno")                                                                                  \
    X("haystack")                                                                              \
    X("pydantic-ai")                                                                           \
    X("pydantic_ai")                                                                           \
    X("dspy")                                                                                  \
    X("litellm")                                                                               \
    X("smolagents")                                                                            \
    X("livekit")                                                                               \
    X("pipecat")                                                                               \
    X("mcp")                                                                                   \
    X("vercel")                                                                                \
    X("ai")                                                                                    \
    X("unknown")                                                                               \
    X("other")                                                                                 \
    X("_other")                                                                                \
    X("custom")

/* Names of spans that all users of a framework share: which function of it ran. They name no
 * trace when anything else does. */
#define NV_SPEECHLESS_NAMES(X)                                                                 \
    X("invocation")                                                                            \
    X("agent")                                                                                 \
    X("agent run")                                                                             \
    X("agent_run")                                                                             \
    X("run")                                                                                   \
    X("workflow")                                                                              \
    X("workflow.run")                                                                          \
    X("Agent workflow")                                                                        \
    X("call_llm")                                                                              \
    X("litellm_request")                                                                       \
    X("Completions")                                                                           \
    X("AsyncCompletions")                                                                      \
    X("Messages")                                                                              \
    X("AsyncMessages")                                                                         \
    X("Responses")                                                                             \
    X("AsyncResponses")                                                                        \
    X("Response")                                                                              \
    X("Embeddings")                                                                            \
    X("AsyncEmbeddings")                                                                       \
    X("ChatCompletion")                                                                        \
    X("execute_event_loop_cycle")

/* How such names begin: the AI SDK's functions. */
#define NV_SPEECHLESS_BEGINS(X) X("ai.")

#endif
