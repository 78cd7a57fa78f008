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

#include "base/banned.h"

static bool has_prefix(const struct nv_attributes *list, const char *prefix)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (nv_str_starts(list->items[i].key, nv_str_from(prefix)))
            return true;
    }
    return false;
}

static const char *kind_of(const struct nv_attributes *list)
{
    static const char *const rows[][2] = {{"tool.name", "tool"},    {"embedding.", "embedding"},
                                          {"rerank.", "rerank"},    {"retrieval.", "retrieval"},
                                          {"llm.model", "llm"},     {"llm.provider", "llm"},
                                          {"llm.operation", "llm"}, {"agent.", "agent"},
                                          {"chain.", "chain"},      {"stt.", "stt"},
                                          {"tts.", "tts"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (has_prefix(list, rows[i][0]))
            return rows[i][1];
    }
    return "span";
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
    const struct nv_value *value = nv_attributes_get(list, key);
    if (value && value->type == NV_VALUE_DOUBLE)
        return value->as.number;
    return value != NULL && value->type == NV_VALUE_INT ? (double)value->as.integer : -1.0;
}

static struct nv_str text_of(const struct nv_attributes *list, struct nv_str key)
{
    const struct nv_value *value = nv_attributes_get(list, key);
    return value != NULL && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

void nv_span_facts_read(const struct nv_span *span, struct nv_span_facts *facts)
{
    const struct nv_attributes *list = &span->attributes;
    facts->kind = kind_of(list);
    facts->model = text_of(list, NV_STR("llm.model"));
    if (facts->model.len == 0)
        facts->model = text_of(list, NV_STR("embedding.model"));
    facts->input_tokens = integer_of(list, NV_STR("llm.input_tokens"));
    facts->output_tokens = integer_of(list, NV_STR("llm.output_tokens"));
    facts->cost = number_of(list, NV_STR("llm.cost.total"));
}

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
    *facts = (struct nv_span_facts){
        .kind = "", .input_tokens = -1, .output_tokens = -1, .cost = -1.0};
    for (uint32_t i = 0; i < trace->span_count; i++) {
        struct nv_span_facts one;
        nv_span_facts_read(&trace->spans[i], &one);
        facts->input_tokens = add_known(facts->input_tokens, one.input_tokens);
        facts->output_tokens = add_known(facts->output_tokens, one.output_tokens);
        if (one.cost >= 0.0)
            facts->cost = (facts->cost > 0.0 ? facts->cost : 0.0) + one.cost;
    }
}

enum nv_err nv_span_facts_write(const struct nv_span_facts *facts, struct nv_buf *buf)
{
    if (facts->input_tokens >= 0 && facts->output_tokens >= 0) {
        (void)nv_buf_printf(buf, "  %lld→%lld tokens", (long long)facts->input_tokens,
                            (long long)facts->output_tokens);
    } else if (facts->input_tokens >= 0 || facts->output_tokens >= 0) {
        (void)nv_buf_printf(
            buf, "  %lld tokens",
            (long long)(facts->input_tokens >= 0 ? facts->input_tokens : facts->output_tokens));
    }
    if (facts->cost >= 0.0)
        (void)nv_buf_printf(buf, "  $%.6f", facts->cost);
    return buf->failed;
}
