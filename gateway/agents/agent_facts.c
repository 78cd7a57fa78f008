/*
 * Whose the spans of a trace are, and what they count.
 *
 *   each span read, once ▸ does any name an agent? ─no─▶ done: all are the agent ""
 *              │ yes
 *              ▼
 *   index by id ▸ parent of each ▸ up from each span to the one that is or names its agent
 *                                  (remembered for all spans on the way: linear)
 *
 * Kinds, tokens and cost are told by the same function as the terminal's, so /metrics, page and
 * terminal agree; what is a run is told as in the graph (mapping/settle/agent_graph.c), so
 * /metrics and /agents agree. Spans come parents first but for clocks that differ, so nothing
 * relies on it, and a circle of parents ends where it began.
 */
#include "gateway/agents/agent_facts.h"

#include "base/tables/index.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

#define NONE UINT32_MAX
#define UNASKED (UINT32_MAX - 1)
#define ON_THE_WAY (UINT32_MAX - 2)

/* OWNS: an agent that is told apart by its name. An agent called `agent` is not, so graphs call
 * the step that asks the model: that is the agent's above it, where there is one. */
enum trait { NAMES_AGENT = 1, IS_AGENT = 2, IS_TOOL = 4, OWNS = 8 };

static struct nv_str text_of(const struct nv_span *span, struct nv_str key)
{
    return nv_string_of(nv_attributes_get(&span->attributes, key));
}

static uint64_t count_of(int64_t told)
{
    return told > 0 ? (uint64_t)told : 0;
}

/* Costs are a client's and may be anything; what is no amount of money is none. Asked this
 * way round because NaN is neither larger nor smaller than anything. */
static uint64_t nano_of(double usd)
{
    static const double max = 1e9; /* of one span */
    if (!(usd > 0.0))
        return 0;
    return (uint64_t)((usd < max ? usd : max) * 1e9 + 0.5);
}

/* The name that a span tells for its agent, as in the graph: an agent without a name is called
 * by its id, else by its span. */
static struct nv_str agent_name(const struct nv_span *span, const struct nv_span_facts *told,
                                unsigned traits)
{
    struct nv_str name = told->agent;
    if (name.len == 0 && (traits & IS_AGENT) != 0)
        name = told->agent_id;
    return name.len == 0 && (traits & IS_AGENT) != 0 ? span->name : name;
}

static uint8_t traits_of(const struct nv_span *span, const struct nv_span_facts *told)
{
    unsigned traits = 0;
    if (strcmp(told->kind, "agent") == 0)
        traits |= IS_AGENT;
    else if (strcmp(told->kind, "tool") == 0)
        traits |= IS_TOOL;
    struct nv_str name = agent_name(span, told, traits);
    if (name.len > 0)
        traits |= NAMES_AGENT;
    if ((traits & IS_AGENT) != 0 && !nv_str_eq(name, NV_STR("agent")))
        traits |= OWNS;
    return (uint8_t)traits;
}

/* Reads all spans. Does any of them name an agent? */
static bool read_spans(const struct nv_agent_facts *facts)
{
    bool named = false;
    for (uint32_t i = 0; i < facts->trace->span_count; i++) {
        const struct nv_span *span = &facts->trace->spans[i];
        struct nv_agent_span *read = &facts->spans[i];
        nv_span_facts_read(span, &read->told);
        read->traits = traits_of(span, &read->told);
        named = named || (read->traits & NAMES_AGENT) != 0;
    }
    return named;
}

/* ---- parents ----------------------------------------------------------------------------- */

static bool has_id(const void *item, const void *key)
{
    const struct nv_span *span = item;
    return memcmp(span->span_id, key, NV_SPAN_ID_BYTES) == 0;
}

static uint64_t hash_of(const uint8_t id[NV_SPAN_ID_BYTES])
{
    return nv_str_hash((struct nv_str){(const char *)id, NV_SPAN_ID_BYTES});
}

/* Two spans of one id: the first is whose children they are. */
static enum nv_err index_spans(const struct nv_trace *trace, struct nv_index *by_id)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < trace->span_count; i++) {
        struct nv_span *span = &trace->spans[i];
        uint64_t hash = hash_of(span->span_id);
        if (!nv_index_find(by_id, hash, has_id, span->span_id))
            err = nv_index_add(by_id, hash, span);
    }
    return err;
}

static enum nv_err find_parents(const struct nv_agent_facts *facts)
{
    const struct nv_trace *trace = facts->trace;
    struct nv_index by_id;
    nv_index_init(&by_id);
    enum nv_err err = index_spans(trace, &by_id);
    for (uint32_t i = 0; err == NV_OK && i < trace->span_count; i++) {
        const struct nv_span *span = &trace->spans[i];
        const struct nv_span *parent =
            span->has_parent
                ? nv_index_find(&by_id, hash_of(span->parent_id), has_id, span->parent_id)
                : NULL;
        facts->spans[i].parent = parent ? (uint32_t)(parent - trace->spans) : NONE;
    }
    nv_index_release(&by_id);
    return err;
}

/* The same for a few, of which all are looked at sooner than an index is made. */
static void find_few_parents(const struct nv_agent_facts *facts)
{
    const struct nv_span *const spans = facts->trace->spans;
    const uint32_t count = facts->trace->span_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = spans[i].has_parent ? 0 : count;
        while (at < count && !has_id(&spans[at], spans[i].parent_id))
            at++;
        facts->spans[i].parent = at < count ? at : NONE;
    }
}

/*
 * The nearest span at or above `index` that has one of the traits. What was found is left at
 * all spans on the way, so that all walks with one memo go up each step once; a walk that meets
 * its own way is in a circle of parents, and finds none.
 */
static uint32_t nearest(const struct nv_agent_facts *facts, enum nv_agent_above memo,
                        uint32_t index, unsigned traits)
{
    struct nv_agent_span *const spans = facts->spans;
    uint32_t at = index, found = NONE;
    assert(spans != NULL);
    while (at != NONE && spans[at].above[memo] == UNASKED && (spans[at].traits & traits) == 0) {
        spans[at].above[memo] = ON_THE_WAY;
        at = spans[at].parent;
    }
    if (at != NONE && (spans[at].traits & traits) != 0)
        found = at;
    else if (at != NONE && spans[at].above[memo] != ON_THE_WAY)
        found = spans[at].above[memo];
    for (uint32_t back = index; back != NONE && spans[back].above[memo] == ON_THE_WAY;
         back = spans[back].parent)
        spans[back].above[memo] = found;
    return found;
}

static void forget_above(const struct nv_agent_facts *facts)
{
    for (uint32_t i = 0; i < facts->trace->span_count; i++) {
        for (unsigned memo = 0; memo < NV_ABOVES; memo++)
            facts->spans[i].above[memo] = UNASKED;
    }
}

/* Those of no name with nobody above them are an agent of that name after all. */
static void name_the_nameless(const struct nv_agent_facts *facts)
{
    bool nameless = false;
    for (uint32_t i = 0; i < facts->trace->span_count; i++)
        nameless |= (facts->spans[i].traits & (IS_AGENT | OWNS)) == IS_AGENT;
    if (!nameless)
        return;
    for (uint32_t i = 0; i < facts->trace->span_count; i++) {
        if ((facts->spans[i].traits & IS_AGENT) != 0)
            (void)nearest(facts, NV_ABOVE_OWNER, i, OWNS);
    }
    for (uint32_t i = 0; i < facts->trace->span_count; i++) {
        struct nv_agent_span *span = &facts->spans[i];
        if ((span->traits & IS_AGENT) != 0 && span->above[NV_ABOVE_OWNER] == NONE)
            span->traits |= OWNS;
    }
    forget_above(facts);
}

enum nv_err nv_agent_facts_begin(struct nv_agent_facts *facts, const struct nv_trace *trace)
{
    const uint32_t count = trace->span_count;
    enum nv_err err = NV_OK;
    facts->trace = trace;
    facts->named = false;
    facts->spans = facts->few;
    if (count > NV_AGENT_FACTS_FEW)
        facts->spans = malloc(count * sizeof *facts->spans);
    if (!facts->spans)
        return NV_ERR_NO_MEMORY;
    if (!read_spans(facts))
        return NV_OK;
    if (count > NV_AGENT_FACTS_FEW)
        err = find_parents(facts);
    else
        find_few_parents(facts);
    if (err != NV_OK)
        return err;
    forget_above(facts);
    name_the_nameless(facts);
    facts->named = true;
    return NV_OK;
}

void nv_agent_facts_release(struct nv_agent_facts *facts)
{
    if (facts->spans != facts->few)
        free(facts->spans);
    facts->spans = NULL;
}

/* ---- one span ---------------------------------------------------------------------------- */

static struct nv_str service_of(const struct nv_span *span)
{
    return span->origin ? span->origin->service_name : NV_STR("");
}

static struct nv_str name_of(const struct nv_agent_facts *facts, uint32_t owner)
{
    assert(facts->spans != NULL);
    const struct nv_agent_span *read = &facts->spans[owner];
    return agent_name(&facts->trace->spans[owner], &read->told, read->traits);
}

/* The nearest agent, as in the graph; where there is none, whom the call or one above it names:
 * some name none but a constant while their agents have names. */
static uint32_t owner_of(const struct nv_agent_facts *facts, uint32_t index)
{
    uint32_t owner = nearest(facts, NV_ABOVE_OWNER, index, OWNS);
    return owner != NONE ? owner : nearest(facts, NV_ABOVE_NAMED, index, NAMES_AGENT);
}

/* A span within one of the same agent, no tool between, is the same run, and one that makes
 * the agent is none. */
static bool is_run(const struct nv_agent_facts *facts, uint32_t index, struct nv_str agent)
{
    const struct nv_span *span = &facts->trace->spans[index];
    const uint32_t parent = facts->spans[index].parent;
    if ((facts->spans[index].traits & IS_AGENT) == 0 ||
        nv_str_eq(text_of(span, NV_STR("agent.operation")), NV_STR("create_agent")))
        return false;
    uint32_t above =
        parent == NONE ? NONE : nearest(facts, NV_ABOVE_ACTOR, parent, IS_AGENT | IS_TOOL);
    if (above == NONE || (facts->spans[above].traits & IS_TOOL) != 0)
        return true;
    uint32_t owner = owner_of(facts, above);
    return owner == NONE || !nv_str_eq(name_of(facts, owner), agent);
}

static void read_agent(const struct nv_agent_facts *facts, uint32_t index,
                       struct nv_agent_fact *out)
{
    uint32_t owner = facts->named ? owner_of(facts, index) : NONE;
    if (owner == NONE)
        return;
    out->service = service_of(&facts->trace->spans[owner]);
    out->agent = name_of(facts, owner);
    out->run = is_run(facts, index, out->agent);
}

void nv_agent_facts_read(const struct nv_agent_facts *facts, uint32_t index,
                         struct nv_agent_fact *out)
{
    assert(index < facts->trace->span_count);
    const struct nv_span *span = &facts->trace->spans[index];
    struct nv_span_facts again;
    const struct nv_span_facts *told = &again;
    if (facts->spans)
        told = &facts->spans[index].told;
    else
        nv_span_facts_read(span, &again);
    *out = (struct nv_agent_fact){
        .service = service_of(span),
        .agent = NV_STR(""),
        .failed = span->status != NV_STATUS_OK,
        .duration_ns = span->end_ns > span->start_ns ? span->end_ns - span->start_ns : 0,
        .input_tokens = count_of(told->input_tokens),
        .output_tokens = count_of(told->output_tokens),
        .cached_tokens = count_of(told->cached_tokens),
        .reasoning_tokens = count_of(told->reasoning_tokens),
        .cost_nano_usd = nano_of(told->cost)};
    if (strcmp(told->kind, "tool") == 0)
        out->tool = told->what;
    if (told->model.len > 0 || strcmp(told->kind, "llm") == 0)
        out->model = (struct nv_str){told->model.ptr ? told->model.ptr : "", told->model.len};
    read_agent(facts, index, out);
}
