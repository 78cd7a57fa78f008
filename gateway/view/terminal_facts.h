/*
 * What the terminal says about a span besides its name: kind, model, tokens, cost.
 */
#ifndef NV_GATEWAY_VIEW_TERMINAL_FACTS_H
#define NV_GATEWAY_VIEW_TERMINAL_FACTS_H

#include "gateway/view/line.h"
#include "model/trace.h"

struct nv_span_facts {
    const char *kind;    /* "llm", "agent", "tool", ... "span" when it is none. Static. */
    bool repeat;         /* tells a call once more that another span told: nothing counts it */
    struct nv_str model; /* borrowed from the span; empty: none */
    struct nv_str what;  /* the model; of a tool or an agent its name. Borrowed likewise */
    int64_t input_tokens, output_tokens;     /* -1: not known */
    int64_t cached_tokens, reasoning_tokens; /* parts of those; likewise */
    double cost;                             /* in US dollars; negative: not known */
    double first_token_ms;                   /* negative: not known */
    struct nv_str agent, agent_id;           /* whom the span names; empty: nobody. Borrowed */
};

/* Reads a translated span's attributes, in one walk; of a key that stands twice the last. */
void nv_span_facts_read(const struct nv_span *span, struct nv_span_facts *facts);
/* Sums over the model calls and embeddings of a trace, and the first token of the first that
 * tells; kind and model are empty. */
void nv_trace_facts_read(const struct nv_trace *trace, struct nv_span_facts *facts);
/* Adds "120→30 tokens", "$0.0012", "first token 80 ms" to the line, or what of it is known. */
void nv_span_facts_put(const struct nv_span_facts *facts, struct nv_line *line);

/* Room for what the next two write. */
#define NV_FACT_TEXT_SIZE 32

/* "345 µs", "5.4 ms", "250 ms", "1.57 s", "2 min 5 s", "3 h 12 min": never 0 of what took
 * time; "0 ms" for 0. */
void nv_fact_duration(uint64_t ns, char text[NV_FACT_TEXT_SIZE]);
/* "$0.000102", "$0.0312", "$12.40"; less than a millionth is "<$0.000001"; 0 is "$0". */
void nv_fact_cost(double cost, char text[NV_FACT_TEXT_SIZE]);

#endif
