/*
 * Kinds of spans, as Noveum tells them apart (docs/noveum-backend.md#kinds).
 *
 * There is no kind field at the backend: the namespaces of a span's attributes tell. The rows
 * that decide a kind are data (mapping/conventions/); here is only what kinds there are.
 */
#ifndef NV_MAPPING_RULES_KIND_H
#define NV_MAPPING_RULES_KIND_H

#include "base/str.h"

/* X(id, name) */
#define NV_KIND_TABLE(X)                                                                       \
    X(NV_KIND_NONE, "none")                                                                    \
    X(NV_KIND_LLM, "llm")                                                                      \
    X(NV_KIND_AGENT, "agent")                                                                  \
    X(NV_KIND_TOOL, "tool")                                                                    \
    X(NV_KIND_RETRIEVAL, "retrieval")                                                          \
    X(NV_KIND_EMBEDDING, "embedding")                                                          \
    X(NV_KIND_RERANK, "rerank")                                                                \
    X(NV_KIND_CHAIN, "chain")                                                                  \
    X(NV_KIND_MCP, "mcp")                                                                      \
    X(NV_KIND_GUARDRAIL, "guardrail")                                                          \
    X(NV_KIND_EVALUATOR, "evaluator")                                                          \
    X(NV_KIND_MEMORY, "memory")                                                                \
    X(NV_KIND_STT, "stt")                                                                      \
    X(NV_KIND_TTS, "tts")                                                                      \
    X(NV_KIND_TURN, "turn")                                                                    \
    X(NV_KIND_VECTOR_DB, "vector-db")                                                          \
    X(NV_KIND_HTTP, "http")                                                                    \
    X(NV_KIND_GENERIC, "generic")

enum nv_kind {
#define NV_KIND_ENUM(id, name) id,
    NV_KIND_TABLE(NV_KIND_ENUM)
#undef NV_KIND_ENUM
        NV_KIND_COUNT
};

#define NV_KIND_BIT(kind) (UINT32_C(1) << (kind))
#define NV_KINDS_ALL (NV_KIND_BIT(NV_KIND_COUNT) - 1)

/* Its name in tables and reports. Borrowed, static. */
struct nv_str nv_kind_name(enum nv_kind kind);
/* The kind of that name (ASCII case does not matter), or NV_KIND_COUNT. */
enum nv_kind nv_kind_from_name(struct nv_str name);

#endif
