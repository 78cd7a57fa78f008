/*
 * Cost of the calls that count: kept when the source told one, else computed, never invented.
 *
 *   llm.cost.total told ─▶ kept as it is
 *   parts told          ─▶ total = their sum
 *   tokens and a price  ─▶ input, output, total from the table, currency USD
 *
 * Runs after repeats of a call have stepped back (usage.c), so that a call is priced once;
 * an agent that alone tells its usage is priced like a call. The model that answered goes
 * before the one that was asked: but for names of a user's own (a deployment on Azure), which
 * no table knows. A told cost of 0 for tokens that were used says that the emitter had no
 * price. Service tiers whose price the table does not know (flex, priority) are left without a
 * cost.
 */
#include "mapping/settle/settle.h"

#include "mapping/prices/price.h"
#include "mapping/prices/provider.h"
#include "model/scalar.h"

#include <assert.h>

#include "base/banned.h"

/* More tokens than any call has: such a count is nonsense and is not priced. */
#define TOKENS_MAX INT64_C(1000000000000)

static int64_t count(const struct nv_span_work *work, enum nv_known_field field)
{
    const struct nv_value *value = nv_work_get(work, field);
    bool sane = value && value->type == NV_VALUE_INT && value->as.integer > 0 &&
                value->as.integer <= TOKENS_MAX;
    return sane ? value->as.integer : 0;
}

static struct nv_str text(const struct nv_span_work *work, enum nv_known_field field)
{
    const struct nv_value *value = nv_work_get(work, field);
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

static bool number(const struct nv_span_work *work, enum nv_known_field field, double *out)
{
    const struct nv_value *value = nv_work_get(work, field);
    return value && nv_value_number(value, out);
}

/* The total first: it alone is made of what the source told. */
static const enum nv_known_field costs[] = {NV_FIELD_COST_TOTAL, NV_FIELD_COST_INPUT,
                                            NV_FIELD_COST_OUTPUT};
#define COSTS (sizeof costs / sizeof *costs)

/* Gives an attribute that the source named like the cost `name` another name. */
static enum nv_err step_aside(struct nv_translation *t, struct nv_attribute *attribute,
                              struct nv_str name)
{
    attribute->key = nv_arena_printf(t->arena, "%.*s.source", NV_STR_ARG(name));
    return attribute->key.ptr ? NV_OK : NV_ERR_NO_MEMORY;
}

/* Readies a span for `count` of the costs, which it does not have: text that the source gave
 * one of their names stays beside it. `*currency`: has it one? All of it by one walk, on which
 * nearly every name is told by its beginning, and only where a source may have given such
 * names. */
static enum nv_err make_room(struct nv_translation *t, const struct nv_span_work *work,
                             size_t count, bool *currency)
{
    static const char all[] = "llm.cost.";
    struct nv_attributes *attributes = &work->span->attributes;
    *currency = nv_work_get(work, NV_FIELD_COST_CURRENCY) != NULL;
    if (!work->may_repeat)
        return NV_OK;
    for (uint32_t i = 0; i < attributes->count; i++) {
        struct nv_attribute *attribute = &attributes->items[i];
        if (attribute->key.len < sizeof all ||
            memcmp(attribute->key.ptr, all, sizeof all - 1) != 0)
            continue;
        *currency = *currency ||
                    nv_str_eq(attribute->key, t->rules->fields[NV_FIELD_COST_CURRENCY].name);
        for (size_t c = 0; c < count; c++) {
            const struct nv_str name = t->rules->fields[costs[c]].name;
            enum nv_err err =
                nv_str_eq(attribute->key, name) ? step_aside(t, attribute, name) : NV_OK;
            if (err != NV_OK)
                return err;
        }
    }
    return NV_OK;
}

static enum nv_err add_currency(struct nv_translation *t, struct nv_span_work *work)
{
    return nv_work_set(t, work, NV_FIELD_COST_CURRENCY, nv_value_string(NV_STR("USD")));
}

/* A cost that the source told: the total is completed from its parts. */
static enum nv_err complete_told(struct nv_translation *t, struct nv_span_work *work)
{
    double input = 0, output = 0;
    bool currency, told = number(work, NV_FIELD_COST_INPUT, &input);
    told = number(work, NV_FIELD_COST_OUTPUT, &output) || told;
    bool wanting = told && !nv_work_get(work, NV_FIELD_COST_TOTAL);
    enum nv_err err = make_room(t, work, wanting ? 1 : 0, &currency);
    if (err == NV_OK && wanting) {
        err = nv_work_set(t, work, NV_FIELD_COST_TOTAL,
                          nv_value_double(nv_price_round(input + output)));
    }
    return err != NV_OK || currency ? err : add_currency(t, work);
}

/* Good until the next call. */
static const struct nv_price *
find_price_of(struct nv_translation *t, const struct nv_span_work *work, struct nv_str model)
{
    struct nv_str provider =
        text(work,
             work->kind == NV_KIND_EMBEDDING ? NV_FIELD_EMBEDDING_PROVIDER : NV_FIELD_PROVIDER);
    if (provider.len == 0)
        provider = work->priced_provider;
    const uint64_t slot = work->span->start_ns / NV_PRICE_SLOT_NS;
    for (unsigned i = 0; i < NV_PRICE_MEMOS; i++) {
        const struct nv_price_memo *memo = &t->price_memos[i];
        if (memo->model.ptr && memo->slot == slot && nv_str_eq(memo->model, model) &&
            nv_str_eq(memo->provider, provider))
            return memo->found ? &memo->price : NULL;
    }
    struct nv_price_memo *memo = &t->price_memos[t->next_price_memo++ % NV_PRICE_MEMOS];
    memo->model = model;
    memo->provider = provider;
    memo->slot = slot;
    memo->found =
        nv_price_find(t->mapping->prices, provider, model, work->span->start_ns, &memo->price);
    return memo->found ? &memo->price : NULL;
}

static const struct nv_price *find_price(struct nv_translation *t,
                                         const struct nv_span_work *work)
{
    const enum nv_known_field fields[] = {
        work->kind == NV_KIND_EMBEDDING ? NV_FIELD_EMBEDDING_MODEL : NV_FIELD_MODEL,
        NV_FIELD_RESPONSE_MODEL, NV_FIELD_REQUEST_MODEL, NV_FIELD_AGENT_MODEL};
    struct nv_str before = work->priced_model;
    const struct nv_price *price = before.len > 0 ? find_price_of(t, work, before) : NULL;
    for (size_t i = 0; !price && i < sizeof fields / sizeof *fields; i++) {
        struct nv_str model = text(work, fields[i]);
        if (model.len > 0 && !nv_str_eq(model, before))
            price = find_price_of(t, work, model);
        before = model.len > 0 ? model : before;
    }
    return price;
}

static enum nv_err compute(struct nv_translation *t, struct nv_span_work *work)
{
    struct nv_str tier = text(work, NV_FIELD_SERVICE_TIER);
    struct nv_price_usage usage = {.input = count(work, NV_FIELD_INPUT_TOKENS),
                                   .cached = count(work, NV_FIELD_CACHE_READ_TOKENS),
                                   .cache_write = count(work, NV_FIELD_CACHE_CREATION_TOKENS),
                                   .cache_write_1h = count(work, NV_FIELD_CACHE_CREATION_1H),
                                   .output = count(work, NV_FIELD_OUTPUT_TOKENS),
                                   .input_audio = count(work, NV_FIELD_INPUT_AUDIO_TOKENS),
                                   .output_audio = count(work, NV_FIELD_OUTPUT_AUDIO_TOKENS),
                                   .batch = nv_str_ieq(tier, NV_STR("batch"))};
    double input, output;
    if ((usage.input == 0 && usage.output == 0) ||
        (tier.len > 0 && nv_glob_any(NV_STR("flex,priority"), tier)))
        return NV_OK;
    const struct nv_price *price = find_price(t, work);
    if (!price)
        return NV_OK;
    nv_price_cost(price, &usage, &input, &output);
    bool currency;
    enum nv_err err = make_room(t, work, COSTS, &currency);
    if (err == NV_OK)
        err = nv_work_set(t, work, NV_FIELD_COST_INPUT, nv_value_double(input));
    if (err == NV_OK)
        err = nv_work_set(t, work, NV_FIELD_COST_OUTPUT, nv_value_double(output));
    if (err == NV_OK) {
        err = nv_work_set(t, work, NV_FIELD_COST_TOTAL,
                          nv_value_double(nv_price_round(input + output)));
    }
    return err != NV_OK || currency ? err : add_currency(t, work);
}

/* 0 for a call that used tokens: not free, but of no known price. */
static bool tells_nothing(const struct nv_span_work *work)
{
    double cost;
    for (size_t i = 0; i < COSTS; i++) {
        if (nv_work_get(work, costs[i]) && (!number(work, costs[i], &cost) || cost != 0))
            return false;
    }
    return count(work, NV_FIELD_INPUT_TOKENS) > 0 || count(work, NV_FIELD_OUTPUT_TOKENS) > 0;
}

enum nv_err nv_cost_settle(struct nv_translation *t, struct nv_span_work *work)
{
    const bool told = nv_work_get(work, NV_FIELD_COST_TOTAL) ||
                      nv_work_get(work, NV_FIELD_COST_INPUT) ||
                      nv_work_get(work, NV_FIELD_COST_OUTPUT);
    const bool priced =
        work->kind == NV_KIND_LLM || work->kind == NV_KIND_EMBEDDING || work->counts;
    if (told && !tells_nothing(work))
        return complete_told(t, work);
    if (!priced)
        return NV_OK;
    if (told) {
        nv_work_rename(work, NV_FIELD_COST_TOTAL, NV_STR("llm.cost.total.source"));
        nv_work_rename(work, NV_FIELD_COST_INPUT, NV_STR("llm.cost.input.source"));
        nv_work_rename(work, NV_FIELD_COST_OUTPUT, NV_STR("llm.cost.output.source"));
    }
    return compute(t, work);
}
