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

/* Kinds by what keys begin with; of those that a span has the first row counts. */
#define KINDS(X)                                                                               \
    X(TOOL, "tool.name", "tool")                                                               \
    X(EMBEDDING, "embedding.", "embedding")                                                    \
    X(RERANK, "rerank.", "rerank")                                                             \
    X(RETRIEVAL, "retrieval.", "retrieval")                                                    \
    X(LLM_BY_MODEL, "llm.model", "llm")                                                        \
    X(LLM_BY_PROVIDER, "llm.provider", "llm")                                                  \
    X(LLM_BY_OPERATION, "llm.operation", "llm")                                                \
    X(AGENT, "agent.", "agent")                                                                \
    X(CHAIN, "chain.", "chain")                                                                \
    X(STT, "stt.", "stt")                                                                      \
    X(TTS, "tts.", "tts")

#define AS_ENUM(id, prefix, kind) id,
enum kind { KINDS(AS_ENUM) NO_KIND };
#undef AS_ENUM

#define AS_ROW(id, prefix, kind) {NV_STR_INIT(prefix), kind},
static const struct {
    struct nv_str prefix;
    const char *kind;
} kinds[] = {KINDS(AS_ROW){NV_STR_INIT(""), "span"}};
#undef AS_ROW

/* Rows by the letter they begin with. */
#define ROW(id) (1u << (id))
static const uint16_t rows_of[26] = {['a' - 'a'] = ROW(AGENT),
                                     ['c' - 'a'] = ROW(CHAIN),
                                     ['e' - 'a'] = ROW(EMBEDDING),
                                     ['l' - 'a'] = ROW(LLM_BY_MODEL) | ROW(LLM_BY_PROVIDER) |
                                                   ROW(LLM_BY_OPERATION),
                                     ['r' - 'a'] = ROW(RERANK) | ROW(RETRIEVAL),
                                     ['s' - 'a'] = ROW(STT),
                                     ['t' - 'a'] = ROW(TOOL) | ROW(TTS)};

/* Keys whose values are told. */
enum told {
    LLM_MODEL,
    TOOL_NAME,
    AGENT_NAME,
    AGENT_ID,
    COST_TOTAL,
    EMBEDDING_MODEL,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    REASONING_TOKENS,
    CACHED_TOKENS,
    FIRST_TOKEN,
    TOLD,
    NOT_TOLD = TOLD
};

struct reading {
    enum kind kind;
    bool sources;                      /* some key begins as those of a repetition do */
    const struct nv_value *told[TOLD]; /* the last of each key, as nv_attributes_get has it */
};

static bool is(struct nv_str key, struct nv_str name)
{
    return memcmp(key.ptr, name.ptr, name.len) == 0;
}

#define IS(name, id) (is(key, NV_STR(name)) ? (id) : NOT_TOLD)

/* By length first: hardly two of one length begin alike. */
static enum told told_by(struct nv_str key)
{
    switch (key.len) {
    case sizeof "llm.model" - 1:
        return key.ptr[0] == 'l' ? IS("llm.model", LLM_MODEL) : IS("tool.name", TOOL_NAME);
    case sizeof "agent.id" - 1:
        return IS("agent.id", AGENT_ID);
    case sizeof "agent.name" - 1:
        return IS("agent.name", AGENT_NAME);
    case sizeof "llm.cost.total" - 1:
        return IS("llm.cost.total", COST_TOTAL);
    case sizeof "embedding.model" - 1:
        return IS("embedding.model", EMBEDDING_MODEL);
    case sizeof "llm.input_tokens" - 1:
        return IS("llm.input_tokens", INPUT_TOKENS);
    case sizeof "llm.output_tokens" - 1:
        return IS("llm.output_tokens", OUTPUT_TOKENS);
    case sizeof "llm.reasoning_tokens" - 1:
        return IS("llm.reasoning_tokens", REASONING_TOKENS);
    case sizeof "llm.cached_input_tokens" - 1:
        return IS("llm.cached_input_tokens", CACHED_TOKENS);
    case sizeof "llm.time_to_first_token_ms" - 1:
        return IS("llm.time_to_first_token_ms", FIRST_TOKEN);
    default:
        return NOT_TOLD;
    }
}

/* The first of `rows` (bits) before `kind` that the key begins like, else `kind`. Last bytes
 * of what begins alike differ. */
static enum kind kind_by(struct nv_str key, unsigned rows, enum kind kind)
{
    for (rows &= ROW(kind) - 1; rows != 0; rows &= rows - 1) {
        unsigned row = (unsigned)__builtin_ctz(rows);
        struct nv_str prefix = kinds[row].prefix;
        if (key.len >= prefix.len && key.ptr[prefix.len - 1] == prefix.ptr[prefix.len - 1] &&
            nv_str_starts(key, prefix))
            return (enum kind)row;
    }
    return kind;
}

/* What told a call again has what it said below such keys (mapping/settle/). */
static const struct nv_str source = NV_STR_INIT("llm.source.");

/* One walk, and most keys are not looked at behind their first letter: each span of each trace
 * is read (gateway/agents/). Keys that are told begin like rows. */
static void read_all(const struct nv_attributes *list, struct reading *out)
{
    *out = (struct reading){.kind = NO_KIND};
    for (uint32_t i = 0; i < list->count; i++) {
        struct nv_str key = list->items[i].key;
        unsigned letter = key.len > 0 ? (unsigned char)key.ptr[0] - (unsigned)'a' : 26;
        if (letter >= 26 || rows_of[letter] == 0)
            continue;
        out->kind = kind_by(key, rows_of[letter], out->kind);
        out->sources |= key.len > source.len && key.ptr[source.len - 1] == '.' &&
                        nv_str_starts(key, source);
        enum told told = told_by(key);
        if (told != NOT_TOLD)
            out->told[told] = &list->items[i].value;
    }
}

/* Is what the keys below it say of a call? */
static bool is_repeat(const struct nv_attributes *list)
{
    static const struct nv_str rest[] = {NV_STR_INIT("model"), NV_STR_INIT("operation"),
                                         NV_STR_INIT("provider"), NV_STR_INIT("tool."),
                                         NV_STR_INIT("embedding.")};
    for (uint32_t i = 0; i < list->count; i++) {
        struct nv_str key = list->items[i].key;
        if (!nv_str_starts(key, source))
            continue;
        key = nv_str_slice(key, source.len, key.len);
        for (size_t row = 0; row < sizeof rest / sizeof rest[0]; row++) {
            if (nv_str_starts(key, rest[row]))
                return true;
        }
    }
    return false;
}

static int64_t integer_of(const struct nv_value *value)
{
    if (!value || value->type != NV_VALUE_INT || value->as.integer < 0)
        return -1;
    return value->as.integer;
}

static struct nv_str what_of(const struct nv_span_facts *facts, const struct reading *reading)
{
    if (reading->kind == TOOL)
        return nv_string_of(reading->told[TOOL_NAME]);
    if (reading->kind == AGENT)
        return facts->agent;
    return facts->model;
}

void nv_span_facts_read(const struct nv_span *span, struct nv_span_facts *facts)
{
    const struct nv_attributes *list = &span->attributes;
    struct reading reading;
    read_all(list, &reading);
    facts->kind = kinds[reading.kind].kind;
    facts->model = nv_string_of(reading.told[LLM_MODEL]);
    if (facts->model.len == 0)
        facts->model = nv_string_of(reading.told[EMBEDDING_MODEL]);
    facts->input_tokens = integer_of(reading.told[INPUT_TOKENS]);
    facts->output_tokens = integer_of(reading.told[OUTPUT_TOKENS]);
    facts->cached_tokens = integer_of(reading.told[CACHED_TOKENS]);
    facts->reasoning_tokens = integer_of(reading.told[REASONING_TOKENS]);
    facts->cost = nv_number_of(reading.told[COST_TOTAL], -1.0);
    facts->first_token_ms = nv_number_of(reading.told[FIRST_TOKEN], -1.0);
    facts->agent = nv_string_of(reading.told[AGENT_NAME]);
    facts->agent_id = nv_string_of(reading.told[AGENT_ID]);
    facts->what = what_of(facts, &reading);
    facts->repeat = reading.kind == NO_KIND && reading.sources && is_repeat(list);
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

/* "5" and not "5.0"; a tenth where it says something: "1.5 ms", but "15 ms". */
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
