/*
 * Each model call once: sums of parents and repeats of a call told apart.
 *
 *   agent          usage of its calls summed ──▶ llm.aggregated_usage.*
 *   └─ chat        the call                      llm.input_tokens, ...
 *      └─ chat     the same call by another      the richer of the two stays the call,
 *                  instrumentation               the other gives what it lacks and steps back
 *
 * Decided by the tree, never by names of operations or conventions (trap 3): spans are visited
 * from the leaves up, and each tells its parent which calls lie below. A model call directly
 * around one other is the same call seen twice; around several it is their container; behind a
 * tool or an agent it is a call of its own, unless the numbers say it is their sum. Before
 * that, spans of different branches with one response id become one call. What steps back keeps
 * everything it says, below `llm.source.` and `llm.aggregated_usage.`, where nothing counts it;
 * but nobody steps back to those who tell nothing: a container of such calls goes on to count
 * for them. Embeddings are calls of their own, decided the same way beside the others.
 */
#include "mapping/settle/settle.h"
#include "mapping/settle/tokens.h"
#include "model/scalar.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* What lies below a span. */
struct below {
    uint32_t calls;         /* nearest model calls */
    uint32_t only;          /* the one, when calls == 1 */
    bool barrier;           /* a tool or an agent stands between */
    bool usage;             /* some of them tell tokens */
    int64_t input, output;  /* their sums */
    uint32_t embeds, embed; /* nearest embeddings, the one when there is one */
    bool embed_usage;
    int64_t embed_input;
    uint32_t first, last; /* 1 + the call that begins first, that ends last or, within one, is
                             the last there; 0 none */
};

static bool number(const struct nv_span_work *work, enum nv_known_field field, int64_t *out)
{
    const struct nv_value *value = nv_work_get(work, field);
    if (!value || value->type != NV_VALUE_INT)
        return false;
    *out = value->as.integer;
    return true;
}

static bool tells_tokens(const struct nv_span_work *work)
{
    int64_t ignored;
    return number(work, NV_FIELD_INPUT_TOKENS, &ignored) ||
           number(work, NV_FIELD_OUTPUT_TOKENS, &ignored) ||
           number(work, NV_FIELD_TOTAL_TOKENS, &ignored);
}

/* ---- one span ---------------------------------------------------------------------------- */

/* Fields that are renamed when a span's usage is not its own, and their new names. */
static const struct {
    enum nv_known_field field;
    struct nv_str name;
} aggregated[] = {
    {NV_FIELD_INPUT_TOKENS, NV_STR_INIT("llm.aggregated_usage.input_tokens")},
    {NV_FIELD_OUTPUT_TOKENS, NV_STR_INIT("llm.aggregated_usage.output_tokens")},
    {NV_FIELD_TOTAL_TOKENS, NV_STR_INIT("llm.aggregated_usage.total_tokens")},
    {NV_FIELD_CACHE_READ_TOKENS, NV_STR_INIT("llm.aggregated_usage.cache_read_tokens")},
    {NV_FIELD_CACHE_CREATION_TOKENS, NV_STR_INIT("llm.aggregated_usage.cache_creation_tokens")},
    {NV_FIELD_CACHED_INPUT_TOKENS, NV_STR_INIT("llm.aggregated_usage.cached_input_tokens")},
    {NV_FIELD_REASONING_TOKENS, NV_STR_INIT("llm.aggregated_usage.reasoning_tokens")},
    {NV_FIELD_COST_TOTAL, NV_STR_INIT("llm.aggregated_usage.cost.total")},
    {NV_FIELD_COST_INPUT, NV_STR_INIT("llm.aggregated_usage.cost.input")},
    {NV_FIELD_COST_OUTPUT, NV_STR_INIT("llm.aggregated_usage.cost.output")}};

static void rename_usage(struct nv_span_work *work)
{
    for (size_t i = 0; i < sizeof aggregated / sizeof *aggregated; i++)
        nv_work_rename(work, aggregated[i].field, aggregated[i].name);
}

/* ---- repeats of a call ------------------------------------------------------------------- */

/* How much a span tells of its call. */
static unsigned richness(const struct nv_span_work *work)
{
    static const struct {
        enum nv_known_field field;
        unsigned weight;
    } worth[] = {{NV_FIELD_REQUEST_ID, 200},
                 {NV_FIELD_OUTPUT_RESPONSE, 30},
                 {NV_FIELD_OUTPUT_TOOL_CALLS, 30},
                 {NV_FIELD_INPUT_TOKENS, 20},
                 {NV_FIELD_OUTPUT_TOKENS, 20},
                 {NV_FIELD_INPUT_MESSAGES, 2},
                 {NV_FIELD_MODEL, 1},
                 {NV_FIELD_PROVIDER, 1},
                 {NV_FIELD_FINISH_REASON, 1},
                 {NV_FIELD_SYSTEM_PROMPT, 1}};
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof worth / sizeof *worth; i++) {
        const struct nv_value *value = nv_work_get(work, worth[i].field);
        bool empty = value && value->type == NV_VALUE_STRING && value->as.string.len == 0;
        if (value && !empty)
            sum += worth[i].weight;
    }
    return sum;
}

/* What the call lacks is taken from its repeat. */
static enum nv_err complete(struct nv_translation *t, struct nv_span_work *call,
                            const struct nv_span_work *repeat)
{
    static const enum nv_known_field fields[] = {NV_FIELD_MODEL,
                                                 NV_FIELD_PROVIDER,
                                                 NV_FIELD_OPERATION,
                                                 NV_FIELD_INPUT_MESSAGES,
                                                 NV_FIELD_OUTPUT_RESPONSE,
                                                 NV_FIELD_OUTPUT_TOOL_CALLS,
                                                 NV_FIELD_SYSTEM_PROMPT,
                                                 NV_FIELD_FINISH_REASON,
                                                 NV_FIELD_REQUEST_ID,
                                                 NV_FIELD_INPUT_TOKENS,
                                                 NV_FIELD_OUTPUT_TOKENS,
                                                 NV_FIELD_TOTAL_TOKENS,
                                                 NV_FIELD_CACHE_READ_TOKENS,
                                                 NV_FIELD_CACHE_CREATION_TOKENS,
                                                 NV_FIELD_REASONING_TOKENS,
                                                 NV_FIELD_COST_TOTAL,
                                                 NV_FIELD_TTFT_MS};
    bool tokens = tells_tokens(call);
    if (nv_tokens_include(repeat, call)) {
        enum nv_err err = nv_tokens_adopt(t, call, repeat);
        if (err != NV_OK)
            return err;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const struct nv_value *value = nv_work_get(repeat, fields[i]);
        bool of_tokens =
            fields[i] >= NV_FIELD_INPUT_TOKENS && fields[i] <= NV_FIELD_REASONING_TOKENS;
        if (!value || nv_work_get(call, fields[i]) || (of_tokens && tokens))
            continue;
        enum nv_err err = nv_work_set(t, call, fields[i], *value);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

/* A span that is no model call after all: nor the agent that made it, whose name it may
 * carry. */
static enum nv_err leave_calls(struct nv_translation *t, struct nv_span_work *work,
                               enum nv_kind kind)
{
    nv_work_rename(work, NV_FIELD_MODEL, NV_STR("llm.source.model"));
    nv_work_rename(work, NV_FIELD_PROVIDER, NV_STR("llm.source.provider"));
    nv_work_rename(work, NV_FIELD_OPERATION, NV_STR("llm.source.operation"));
    work->kind = kind;
    enum nv_err err = work->at[NV_FIELD_AGENT_NAME] || work->at[NV_FIELD_AGENT_ID]
                          ? nv_work_move(t, work, NV_STR("agent."), NV_STR("llm.source."))
                          : NV_OK;
    if (err != NV_OK)
        return err;
    if (kind != NV_KIND_CHAIN || nv_work_get(work, NV_FIELD_CHAIN_NAME))
        return NV_OK;
    struct nv_str name = work->span->source_name;
    return nv_work_set(t, work, NV_FIELD_CHAIN_NAME,
                       nv_value_string(name.len > 0 ? name : NV_STR("llm")));
}

/* A model call that is not to be counted as one steps back. */
static enum nv_err step_back(struct nv_translation *t, struct nv_span_work *work,
                             enum nv_kind kind)
{
    rename_usage(work);
    return leave_calls(t, work, kind);
}

static struct nv_str text(const struct nv_span_work *work, enum nv_known_field field)
{
    const struct nv_value *value = nv_work_get(work, field);
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

/* A container of calls that tell nothing goes on to count for them: nobody steps back to those
 * who tell nothing. */
static enum nv_err count_for(struct nv_translation *t, struct nv_span_work *work)
{
    work->counts = true;
    work->priced_model = text(work, NV_FIELD_MODEL);
    work->priced_provider = text(work, NV_FIELD_PROVIDER);
    return leave_calls(t, work, NV_KIND_CHAIN);
}

/* Two spans of one call: the richer stays it; the outer one when both tell as much. */
static enum nv_err merge_repeat(struct nv_translation *t, struct nv_span_work *outer,
                                struct nv_span_work *inner, bool *outer_stays)
{
    *outer_stays = richness(outer) >= richness(inner);
    struct nv_span_work *call = *outer_stays ? outer : inner;
    struct nv_span_work *repeat = *outer_stays ? inner : outer;
    enum nv_err err = complete(t, call, repeat);
    if (err != NV_OK)
        return err;
    return step_back(t, repeat, *outer_stays ? NV_KIND_GENERIC : NV_KIND_CHAIN);
}

/* ---- one call in two branches ------------------------------------------------------------ */

/* What more spans than these carry is no id of a call. */
enum { SAME_ID_MAX = 16 };

struct response {
    struct nv_str id;
    uint32_t index;
};

static int by_response(const void *left, const void *right)
{
    const struct response *a = left, *b = right;
    int order = nv_str_cmp(a->id, b->id);
    return order != 0 ? order : a->index < b->index ? -1 : a->index > b->index;
}

static bool agrees(const struct nv_span_work *a, const struct nv_span_work *b,
                   enum nv_known_field field)
{
    int64_t one, other;
    return !number(a, field, &one) || !number(b, field, &other) || one == other;
}

/* One of them may count cached tokens apart. */
static bool agrees_on_input(const struct nv_span_work *a, const struct nv_span_work *b)
{
    return agrees(a, b, NV_FIELD_INPUT_TOKENS) || nv_tokens_include(a, b) ||
           nv_tokens_include(b, a);
}

/* Counts must not contradict: small local servers draw their ids from a thousand. */
static bool is_same_call(const struct nv_translation *t, const struct nv_branch *branches,
                         uint32_t a, uint32_t b)
{
    return !nv_branch_holds(&branches[a], &branches[b]) &&
           !nv_branch_holds(&branches[b], &branches[a]) &&
           agrees_on_input(&t->works[a], &t->works[b]) &&
           agrees(&t->works[a], &t->works[b], NV_FIELD_OUTPUT_TOKENS);
}

/* Spans with one response id: the richest, the first of equals, stays the call. */
static enum nv_err merge_group(struct nv_translation *t, const struct nv_branch *branches,
                               const struct response *group, uint32_t count)
{
    uint32_t call = group[0].index;
    for (uint32_t i = 1; i < count; i++) {
        if (richness(&t->works[group[i].index]) > richness(&t->works[call]))
            call = group[i].index;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = group[i].index;
        if (at == call || !is_same_call(t, branches, call, at))
            continue;
        enum nv_err err = complete(t, &t->works[call], &t->works[at]);
        if (err == NV_OK)
            err = step_back(t, &t->works[at], NV_KIND_GENERIC);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

/*
 * Spans of different branches that carry the same response id are one call: a log of a stream
 * beside its request, a second instrumentation (traps 28 and 30). Those above each other
 * are left to the tree.
 */
static enum nv_err merge_branches(struct nv_translation *t)
{
    uint32_t count = 0;
    struct nv_key_bits seen = {{0}};
    bool again = false;
    struct nv_branch *branches = NULL;
    struct response *list = nv_arena_array(t->arena, t->work_count, sizeof *list);
    if (!list)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < t->work_count; i++) {
        const struct nv_value *id = nv_work_get(&t->works[i], NV_FIELD_REQUEST_ID);
        if (t->works[i].kind != NV_KIND_LLM || !id || id->type != NV_VALUE_STRING ||
            id->as.string.len == 0)
            continue;
        again = nv_key_bits_add(&seen, id->as.string) || again;
        list[count++] = (struct response){id->as.string, i};
    }
    /* In most traces a look at the bits of the ids tells that none stands twice. */
    if (!again)
        return NV_OK;
    qsort(list, count, sizeof *list, by_response);
    for (uint32_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && nv_str_eq(list[from].id, list[to].id);)
            to++;
        bool shared = to - from > 1 && to - from <= SAME_ID_MAX;
        enum nv_err err = shared && !branches ? nv_tree_branches(t, &branches) : NV_OK;
        if (err == NV_OK && shared)
            err = merge_group(t, branches, list + from, to - from);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

/* ---- the tree ---------------------------------------------------------------------------- */

static bool is_sum(const struct nv_span_work *work, const struct below *below)
{
    int64_t input = 0, output = 0;
    bool has = number(work, NV_FIELD_INPUT_TOKENS, &input);
    has = number(work, NV_FIELD_OUTPUT_TOKENS, &output) || has;
    return !has || (below->usage && input == below->input && output == below->output);
}

/* Decides about a model call with others below; sets what its parent gets to see. */
static enum nv_err settle_call(struct nv_translation *t, struct nv_span_work *work,
                               struct below *below, uint32_t index)
{
    bool own_call = below->calls == 0 || (below->barrier && !is_sum(work, below));
    if (!own_call && below->calls > 1 && (below->usage || !tells_tokens(work)))
        return step_back(t, work, NV_KIND_CHAIN);
    if (!own_call && below->calls > 1) {
        below->usage = true;
        return count_for(t, work);
    }
    if (!own_call) {
        bool stays;
        enum nv_err err = merge_repeat(t, work, &t->works[below->only], &stays);
        if (err != NV_OK || !stays)
            return err;
    }
    int64_t input = 0, output = 0;
    (void)number(work, NV_FIELD_INPUT_TOKENS, &input);
    (void)number(work, NV_FIELD_OUTPUT_TOKENS, &output);
    *below = (struct below){.calls = 1,
                            .only = index,
                            .usage = tells_tokens(work) || (own_call && below->usage),
                            .input = input,
                            .output = output,
                            .embeds = below->embeds,
                            .embed = below->embed,
                            .embed_usage = below->embed_usage,
                            .embed_input = below->embed_input,
                            .first = index + 1,
                            .last = own_call && below->last ? below->last : index + 1};
    return NV_OK;
}

/* An embedding that is not to be counted as one: its fields tell the kind, so all go. */
static enum nv_err step_back_embedding(struct nv_translation *t, struct nv_span_work *work,
                                       enum nv_kind kind)
{
    enum nv_err err = nv_work_move(t, work, NV_STR("embedding."), NV_STR("llm.source."));
    return err != NV_OK ? err : leave_calls(t, work, kind);
}

/* Two spans of one embedding: the one that tells tokens stays it, the outer one of equals. */
static enum nv_err merge_embedding(struct nv_translation *t, struct nv_span_work *outer,
                                   struct nv_span_work *inner, bool *outer_stays)
{
    *outer_stays = tells_tokens(outer) || !tells_tokens(inner);
    struct nv_span_work *call = *outer_stays ? outer : inner;
    struct nv_span_work *repeat = *outer_stays ? inner : outer;
    for (unsigned field = NV_FIELD_EMBEDDING_MODEL; field <= NV_FIELD_EMBEDDING_DIMENSIONS;
         field++) {
        const struct nv_value *value = nv_work_get(repeat, field);
        enum nv_err err =
            value && !nv_work_get(call, field) ? nv_work_set(t, call, field, *value) : NV_OK;
        if (err != NV_OK)
            return err;
    }
    rename_usage(repeat);
    return step_back_embedding(t, repeat, *outer_stays ? NV_KIND_GENERIC : NV_KIND_CHAIN);
}

/* Decides about an embedding with others below; sets what its parent gets to see. */
static enum nv_err settle_embedding(struct nv_translation *t, struct nv_span_work *work,
                                    struct below *below, uint32_t index)
{
    bool stays = true;
    enum nv_err err = NV_OK;
    if (below->embeds > 1 && (below->embed_usage || !tells_tokens(work))) {
        rename_usage(work);
        return step_back_embedding(t, work, NV_KIND_CHAIN);
    }
    if (below->embeds > 1) {
        below->embed_usage = work->counts = true;
        work->priced_model = text(work, NV_FIELD_EMBEDDING_MODEL);
        work->priced_provider = text(work, NV_FIELD_EMBEDDING_PROVIDER);
        return step_back_embedding(t, work, NV_KIND_CHAIN);
    }
    if (below->embeds == 1)
        err = merge_embedding(t, work, &t->works[below->embed], &stays);
    if (err != NV_OK || !stays)
        return err;
    below->embeds = 1;
    below->embed = index;
    below->embed_input = 0;
    below->embed_usage = number(work, NV_FIELD_INPUT_TOKENS, &below->embed_input);
    return NV_OK;
}

static bool is_sum_of_embeddings(const struct nv_span_work *work, const struct below *below)
{
    int64_t input, output = 0;
    (void)number(work, NV_FIELD_OUTPUT_TOKENS, &output);
    return below->embed_usage && output == 0 && number(work, NV_FIELD_INPUT_TOKENS, &input) &&
           input == below->embed_input;
}

/*
 * Usage that an agent tells and no call below it: it is counted there, and priced by the model
 * that the agent names. In a trace that was sent incomplete the calls may be in another part.
 */
static enum nv_err settle_agent(struct nv_translation *t, struct nv_span_work *work)
{
    if (t->raw->incomplete != NV_COMPLETE || t->raw->part > 0) {
        rename_usage(work);
        return NV_OK;
    }
    const struct nv_value *model = nv_work_get(work, NV_FIELD_RESPONSE_MODEL);
    if (!model)
        model = nv_work_get(work, NV_FIELD_REQUEST_MODEL);
    work->counts = true;
    return model && !nv_work_get(work, NV_FIELD_AGENT_MODEL)
               ? nv_work_set(t, work, NV_FIELD_AGENT_MODEL, *model)
               : NV_OK;
}

/*
 * VoltAgent's model span holds all steps of a run and tells the usage of the last one; its
 * agent tells them all. Only where a row says so of the one call below: elsewhere an agent that
 * tells more counts earlier runs (Strands), or calls that are in another trace.
 */
static enum nv_err complete_steps(struct nv_translation *t, const struct nv_span_work *work,
                                  struct below *below)
{
    struct nv_span_work *call = &t->works[below->only];
    bool whole = t->raw->incomplete == NV_COMPLETE && t->raw->part == 0;
    if (work->kind != NV_KIND_AGENT || below->calls != 1 || below->barrier || !whole ||
        !call->last_step || !nv_tokens_exceed(work, call))
        return NV_OK;
    (void)number(work, NV_FIELD_INPUT_TOKENS, &below->input);
    (void)number(work, NV_FIELD_OUTPUT_TOKENS, &below->output);
    return nv_tokens_take(t, call, work);
}

static enum nv_err settle_span(struct nv_translation *t, uint32_t index, struct below *below)
{
    struct nv_span_work *work = &t->works[index];
    enum nv_err err = NV_OK;
    if (work->kind == NV_KIND_LLM)
        return settle_call(t, work, below, index);
    if (work->kind == NV_KIND_EMBEDDING)
        return settle_embedding(t, work, below, index);
    if (tells_tokens(work)) {
        err = complete_steps(t, work, below);
        if (err != NV_OK)
            return err;
        if (below->usage || is_sum_of_embeddings(work, below))
            rename_usage(work);
        else if (work->kind == NV_KIND_AGENT)
            err = settle_agent(t, work);
        below->usage = true;
    }
    if (below->calls > 0 && (work->kind == NV_KIND_TOOL || work->kind == NV_KIND_AGENT ||
                             work->kind == NV_KIND_MCP))
        below->barrier = true;
    return err;
}

/* A sum that no count fits: then nothing is its sum. */
static int64_t add_counts(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MIN : sum;
}

static void add_below(const struct nv_translation *t, struct below *parent,
                      const struct below *child)
{
    if (child->calls > 0) {
        const struct nv_span_work *works = t->works;
        parent->only = child->only;
        if (parent->first == 0 || child->first < parent->first)
            parent->first = child->first;
        if (parent->last == 0 ||
            works[child->last - 1].span->end_ns >= works[parent->last - 1].span->end_ns)
            parent->last = child->last;
    }
    parent->calls += child->calls;
    parent->barrier = parent->barrier || child->barrier;
    parent->usage = parent->usage || child->usage;
    parent->input = add_counts(parent->input, child->input);
    parent->output = add_counts(parent->output, child->output);
    if (child->embeds > 0)
        parent->embed = child->embed;
    parent->embeds += child->embeds;
    parent->embed_usage = parent->embed_usage || child->embed_usage;
    parent->embed_input = add_counts(parent->embed_input, child->embed_input);
}

/* All spans, the deepest first, those of one depth as they stand; NULL without memory. Depths
 * are counted: they are small numbers. */
static const uint32_t *deepest_first(const struct nv_translation *t)
{
    uint32_t deepest = 0;
    for (uint32_t i = 0; i < t->work_count; i++)
        deepest = t->works[i].depth > deepest ? t->works[i].depth : deepest;
    /* of each level, how many are deeper: where its first span goes */
    uint32_t *places = nv_arena_array(t->arena, (size_t)deepest + 2, sizeof *places);
    uint32_t *order = nv_arena_array(t->arena, t->work_count, sizeof *order);
    if (!places || !order)
        return NULL;
    for (uint32_t i = 0; i < t->work_count; i++)
        places[deepest - t->works[i].depth + 1]++;
    for (uint32_t level = 1; level <= deepest; level++)
        places[level] += places[level - 1];
    for (uint32_t i = 0; i < t->work_count; i++)
        order[places[deepest - t->works[i].depth]++] = i;
    return order;
}

/* Visits children before parents. */
static enum nv_err visit_all(struct nv_translation *t)
{
    struct below *below = nv_arena_array(t->arena, t->work_count, sizeof *below);
    const uint32_t *order = deepest_first(t);
    if (!below || !order)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < t->work_count; i++) {
        uint32_t at = order[i];
        enum nv_err err = settle_span(t, at, &below[at]);
        bool asked = t->works[at].kind == NV_KIND_AGENT || at == t->root;
        if (err == NV_OK && asked && below[at].first)
            err = nv_derived_settle(t, &t->works[at], below[at].first - 1, below[at].last - 1);
        if (err != NV_OK)
            return err;
        if (t->works[at].parent != NV_NO_SPAN)
            add_below(t, &below[t->works[at].parent], &below[at]);
    }
    return NV_OK;
}

/* A window shorter than this part of the call, or than so many ms, is a rounding of its
 * ends. */
#define WINDOW_MIN_PART 0.05
#define WINDOW_MIN_MS 20.0

/* Output tokens per second after the first one, of calls that tell when that came; over the
 * whole call where hardly anything came after it. */
static enum nv_err settle_speed(struct nv_translation *t, struct nv_span_work *work)
{
    double first_ms;
    int64_t output;
    const struct nv_value *first = nv_work_get(work, NV_FIELD_TTFT_MS);
    double whole_ms = (double)(work->span->end_ns - work->span->start_ns) / 1e6;
    if (work->kind != NV_KIND_LLM || !first || !nv_value_number(first, &first_ms) ||
        !number(work, NV_FIELD_OUTPUT_TOKENS, &output) || output <= 0 || whole_ms < first_ms ||
        whole_ms < WINDOW_MIN_MS || nv_work_get(work, NV_FIELD_TOKENS_PER_SECOND))
        return NV_OK;
    double window_ms = whole_ms - first_ms;
    if (window_ms < WINDOW_MIN_MS || window_ms < whole_ms * WINDOW_MIN_PART)
        window_ms = whole_ms;
    return nv_work_set(t, work, NV_FIELD_TOKENS_PER_SECOND,
                       nv_value_double((double)output * 1e3 / window_ms));
}

enum nv_err nv_usage_settle(struct nv_translation *t)
{
    for (uint32_t i = 0; i < t->work_count; i++) {
        enum nv_err err = nv_tokens_settle(t, &t->works[i]);
        if (err != NV_OK)
            return err;
    }
    enum nv_err err = merge_branches(t);
    if (err == NV_OK)
        err = visit_all(t);
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++)
        err = settle_speed(t, &t->works[i]);
    return err;
}
