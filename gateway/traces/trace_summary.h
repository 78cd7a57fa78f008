/*
 * What a list shows of a trace, read back from the JSON that is sent.
 *
 *   Noveum JSON ──▶ one row: name, times, tokens, cost, first question, last answer
 *               ├─▶ mentions: models, agents, tools, service, session, ... with their numbers
 *               └─▶ text: what can be searched, each text once
 *
 * Everything comes from the finished, redacted trace (docs/noveum-backend.md#traces) and from
 * nothing else, so the store holds no more than was delivered.
 */
#ifndef NV_GATEWAY_TRACES_TRACE_SUMMARY_H
#define NV_GATEWAY_TRACES_TRACE_SUMMARY_H

#include "base/buf.h"
#include "model/value.h"

/* X(id, name): what a trace can be filtered by; the names are those of the API. */
#define NV_MENTION_TABLE(X)                                                                    \
    X(NV_MENTION_MODEL, "model")                                                               \
    X(NV_MENTION_AGENT, "agent")                                                               \
    X(NV_MENTION_TOOL, "tool")                                                                 \
    X(NV_MENTION_SERVICE, "service")                                                           \
    X(NV_MENTION_SESSION, "session")                                                           \
    X(NV_MENTION_USER, "user")                                                                 \
    X(NV_MENTION_PROJECT, "project")                                                           \
    X(NV_MENTION_ENVIRONMENT, "environment")                                                   \
    X(NV_MENTION_STATUS, "status")                                                             \
    X(NV_MENTION_CONVENTION, "convention")                                                     \
    X(NV_MENTION_EDGE, "edge") /* ["one agent", "another", "handoff"] as JSON */               \
    X(NV_MENTION_KIND, "kind")

enum nv_mention_kind {
#define NV_MENTION_ENUM(id, name) id,
    NV_MENTION_TABLE(NV_MENTION_ENUM)
#undef NV_MENTION_ENUM
        NV_MENTION_COUNT
};

/* Mentions of one trace of one kind; further ones are left out. A kind that a trace has many of
 * leaves room for the others: what a trace is of (service, session, status) is always there. */
#define NV_MENTIONS_OF_KIND_MAX 100u
/* Bytes of question and answer that a row keeps. */
#define NV_SUMMARY_TEXT_MAX 300u

/* One name in one trace. Numbers are sums over its spans. */
struct nv_mention {
    enum nv_mention_kind kind;
    struct nv_str name;
    uint32_t calls, errors;              /* spans */
    int64_t input_tokens, output_tokens; /* -1: none known */
    double cost;                         /* in US dollars; negative: none known */
    double duration_ms;
};

struct nv_trace_summary {
    struct nv_str trace_id, source_id; /* as sent; as the client named it, in hex */
    struct nv_str name, kind, status, status_message;
    struct nv_str service, session, user, model, question, answer;
    int64_t start_us;                    /* since 1970 */
    double duration_ms;                  /* >= 0 */
    int64_t input_tokens, output_tokens; /* -1: not known */
    double cost;                         /* negative: not known */
    double first_token_ms; /* of its first model call that tells; negative: none */
    uint32_t span_count, error_count;
    struct nv_mention mentions[NV_MENTION_COUNT * NV_MENTIONS_OF_KIND_MAX];
    uint32_t mention_count, mentions_of[NV_MENTION_COUNT];
    struct nv_str explained; /* where its values come from, JSON; empty: not told */
};

/* Name of a kind, as the API has it. Static. */
struct nv_str nv_mention_name(enum nv_mention_kind kind);
/*
 * Adds where the values come from (nv_trace.explained, borrowed): the conventions whose rows
 * won become names to filter by. To one that was read; what is no such JSON names none.
 */
void nv_trace_summary_explain(struct nv_trace_summary *out, struct nv_str explained);
/*
 * Reads `json`, one trace; views of `out` are borrowed from it and from `arena`. What can be
 * searched is appended to `text` until that is full. NV_ERR_MALFORMED, NV_ERR_DEPTH,
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_trace_summary_read(struct nv_arena *arena, struct nv_str json,
                                  struct nv_trace_summary *out,
                                  struct nv_buf *text) NV_MUST_USE;

#endif
