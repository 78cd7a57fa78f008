/*
 * Kind, model, tokens and cost of a span, read back from Noveum's attributes.
 *
 * Kind is told by the attribute namespace, in the order of docs/noveum-backend.md#kinds: what
 * the platform will show is what the terminal shows. Tokens of agents are sums of their
 * children and therefore stand under other keys (llm.aggregated_usage.*), so that adding up is
 * safe.
 */
#include "gateway/view/terminal_facts.h"

#include <assert.h>
#include <stdio.h>

#include "base/banned.h"

static bool has_prefix(const struct nv_attributes *list, const char *prefix)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (nv_str_starts(list->items[i].key, nv_str_from(prefix)))
            return true;
    }
    return false;
}

/* The first row that any attribute has. One walk, and most keys differ in their first letter:
 * each span of each trace is asked (gateway/agents/). */
static const char *kind_of(const struct nv_attributes *list)
{
    static const struct {
        struct nv_str prefix;
        const char *kind;
    } rows[] = {{NV_STR_INIT("tool.name"), "tool"},    {NV_STR_INIT("embedding."), "embedding"},
                {NV_STR_INIT("rerank."), "rerank"},    {NV_STR_INIT("retrieval."), "retrieval"},
                {NV_STR_INIT("llm.model"), "llm"},     {NV_STR_INIT("llm.provider"), "llm"},
                {NV_STR_INIT("llm.operation"), "llm"}, {NV_STR_INIT("agent."), "agent"},
                {NV_STR_INIT("chain."), "chain"},      {NV_STR_INIT("stt."), "stt"},
                {NV_STR_INIT("tts."), "tts"}};
    size_t first = sizeof rows / sizeof rows[0];
    for (uint32_t i = 0; i < list->count && first > 0; i++) {
        struct nv_str key = list->items[i].key;
        for (size_t row = 0; row < first && key.len > 0; row++) {
            if (key.ptr[0] == rows[row].prefix.ptr[0] && nv_str_starts(key, rows[row].prefix))
                first = row;
        }
    }
    return first < sizeof rows / sizeof rows[0] ? rows[first].kind : "span";
}

/* What told a call again has what it said below these keys (mapping/settle/). */
static bool is_repeat(const struct nv_attributes *list)
{
    static const char *const keys[] = {"llm.source.model", "llm.source.operation",
                                       "llm.source.provider", "llm.source.tool.",
                                       "llm.source.embedding."};
    if (strcmp(kind_of(list), "span") != 0)
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (has_prefix(list, keys[i]))
            return true;
    }
    return false;
}

static int64_t integer_of(const struct nv_attributes *list, struct nv_str key)
{
    const struct nv_value *value = nv_attributes_get(list, key);
    if (!value || value->type != NV_VALUE_INT || value->as.integer < 0)
        return -1;
    return value->as.integer;
}

static double number_of(const struct nv_attributes *list, struct nv_str key)
{
    return nv_number_of(nv_attributes_get(list, key), -1.0);
}

static struct nv_str text_of(const struct nv_attributes *list, struct nv_str key)
{
    return nv_string_of(nv_attributes_get(list, key));
}

void nv_span_facts_read(const struct nv_span *span, struct nv_span_facts *facts)
{
    const struct nv_attributes *list = &span->attributes;
    facts->kind = kind_of(list);
    facts->model = text_of(list, NV_STR("llm.model"));
    if (facts->model.len == 0)
        facts->model = text_of(list, NV_STR("embedding.model"));
    facts->what = facts->model;
    if (strcmp(facts->kind, "tool") == 0)
        facts->what = text_of(list, NV_STR("tool.name"));
    else if (strcmp(facts->kind, "agent") == 0)
        facts->what = text_of(list, NV_STR("agent.name"));
    facts->input_tokens = integer_of(list, NV_STR("llm.input_tokens"));
    facts->output_tokens = integer_of(list, NV_STR("llm.output_tokens"));
    facts->cost = number_of(list, NV_STR("llm.cost.total"));
    facts->first_token_ms = number_of(list, NV_STR("llm.time_to_first_token_ms"));
    facts->repeat = is_repeat(list);
}

/*
 * -1 is "not known", which is not 0: only what is known is added, and the sum stays in its
 * type.
 */
static int64_t add_known(int64_t sum, int64_t value)
{
    int64_t total = 0;
    if (value < 0)
        return sum;
    if (sum < 0)
        return value;
    return __builtin_add_overflow(sum, value, &total) ? INT64_MAX : total;
}

void nv_trace_facts_read(const struct nv_trace *trace, struct nv_span_facts *facts)
{
    assert(trace->span_count == 0 || trace->spans != NULL);
    *facts = (struct nv_span_facts){.kind = "",
                                    .input_tokens = -1,
                                    .output_tokens = -1,
                                    .cost = -1.0,
                                    .first_token_ms = -1.0};
    for (uint32_t i = 0; i < trace->span_count; i++) {
        struct nv_span_facts one;
        nv_span_facts_read(&trace->spans[i], &one);
        facts->input_tokens = add_known(facts->input_tokens, one.input_tokens);
        facts->output_tokens = add_known(facts->output_tokens, one.output_tokens);
        if (facts->first_token_ms < 0.0)
            facts->first_token_ms = one.first_token_ms;
        if (one.cost >= 0.0)
            facts->cost = (facts->cost > 0.0 ? facts->cost : 0.0) + one.cost;
    }
}

/* ---- texts ------------------------------------------------------------------------------- */

/* "5" and not "5.0" A tenth where it says something: "1.5 ms", but "15 ms". */
static void put_decimal(double number, const char *unit, char *text)
{
    int whole = (int)(number + 0.05);
    bool exact = number - whole < 0.05 && whole - number < 0.05;
    (void)snprintf(text, NV_FACT_TEXT_SIZE, "%.*f %s", exact || number >= 10.0 ? 0 : 1, number,
                   unit);
}

void nv_fact_duration(uint64_t ns, char text[NV_FACT_TEXT_SIZE])
{
    double ms = (double)ns / 1e6;
    uint64_t s = ns / 1000000000u;
    if (ns == 0) {
        (void)snprintf(text, NV_FACT_TEXT_SIZE, "0 ms");
    } else if (ns < 1000) {
        (void)snprintf(text, NV_FACT_TEXT_SIZE, "<1 µs");
    } else if (ns < 999500) {
        (void)snprintf(text, NV_FACT_TEXT_SIZE, "%.0f µs", (double)ns / 1e3);
    } else if (ms < 999.5) {
        put_decimal(ms, "ms", text);
    } else if (s < 60) {
        (void)snprintf(text, NV_FACT_TEXT_SIZE, "%.2f s", ms / 1e3);
    } else if (s < 3600) {
        (void)snprintf(text, NV_FACT_TEXT_SIZE, "%u min %u s", (unsigned)(s / 60),
                       (unsigned)(s % 60));
    } else {
        (void)snprintf(text, NV_FACT_TEXT_SIZE, "%llu h %u min", (unsigned long long)(s / 3600),
                       (unsigned)(s % 3600 / 60));
    }
}

/*
 * Cents of a cent matter for a single call, and nobody reads six digits of ten dollars. Less
 * than shows is said to be less, never $0.
 */
void nv_fact_cost(double cost, char text[NV_FACT_TEXT_SIZE])
{
    int digits = cost >= 1.0 ? 2 : (cost >= 0.01 ? 4 : 6);
    if (cost <= 0.0)
        (void)snprintf(text, NV_FACT_TEXT_SIZE, "$0");
    else if (cost < 0.000001)
        (void)snprintf(text, NV_FACT_TEXT_SIZE, "<$0.000001");
    else
        (void)snprintf(text, NV_FACT_TEXT_SIZE, "$%.*f", digits, cost);
}

static void put_tokens(const struct nv_span_facts *facts, struct nv_line *line)
{
    char text[64] = "";
    long long in = (long long)facts->input_tokens, out = (long long)facts->output_tokens;
    if (in >= 0 && out >= 0)
        (void)snprintf(text, sizeof text, "%lld→%lld tokens", in, out);
    else if (in >= 0 || out >= 0)
        (void)snprintf(text, sizeof text, "%lld tokens", in >= 0 ? in : out);
    nv_line_fact(line, NV_LINE_PLAIN, text);
}

void nv_span_facts_put(const struct nv_span_facts *facts, struct nv_line *line)
{
    char text[NV_FACT_TEXT_SIZE], first[NV_FACT_TEXT_SIZE + 16];
    put_tokens(facts, line);
    if (facts->cost >= 0.0) {
        nv_fact_cost(facts->cost, text);
        nv_line_fact(line, NV_LINE_PLAIN, text);
    }
    if (facts->first_token_ms >= 0.0 && facts->first_token_ms < 1e9) {
        nv_fact_duration((uint64_t)(facts->first_token_ms * 1e6), text);
        (void)snprintf(first, sizeof first, "first token %s", text);
        nv_line_fact(line, NV_LINE_DIM, first);
    }
}
