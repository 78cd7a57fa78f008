/*
 * What the terminal says about a span besides its name: kind, model, tokens, cost.
 */
#ifndef NV_GATEWAY_VIEW_TERMINAL_FACTS_H
#define NV_GATEWAY_VIEW_TERMINAL_FACTS_H

#include "model/trace.h"

struct nv_span_facts {
    const char *kind;    /* "llm", "agent", "tool", ... "span" when it is none. Static. */
    struct nv_str model; /* borrowed from the span; empty: none */
    int64_t input_tokens, output_tokens; /* -1: not known */
    double cost;                         /* in US dollars; negative: not known */
};

/* Reads a translated span's attributes. */
void nv_span_facts_read(const struct nv_span *span, struct nv_span_facts *facts);
/* Sums over the model calls and embeddings of a trace; kind and model are empty. */
void nv_trace_facts_read(const struct nv_trace *trace, struct nv_span_facts *facts);
/* Appends "  120→30 tokens  $0.0012", or what of it is known. Buffer's errors. */
enum nv_err nv_span_facts_write(const struct nv_span_facts *facts, struct nv_buf *buf);

#endif
