/*
 * Cost of the calls that count: kept when the source told one, else computed, never invented.
 *
 *   llm.cost.total told ─▶ kept as it is
 *   parts told          ─▶ total = their sum
 *   tokens and a price  ─▶ input, output, total from the table, currency USD
 *
 * Runs after repeats of a call have stepped back (usage.c), so that a call is priced once;
 * an agent that alone tells its usage is priced like a call. The model that answered goes before
 * the one that was asked: but for names of a user's own (a deployment on Azure), which no table
 * knows. A told cost of 0 for tokens that were used says that the emitter had no price. Service
 * tiers whose price the table does not know (flex, priority) are left without a cost.
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

static enum nv_err set_currency(struct nv_translation *t, struct nv_span_work *work)
{
    if (nv_attributes_get(&work->span->attributes, NV_STR("llm.cost.currency")))
        return NV_OK;
    return nv_attributes_add(&work->span->attributes, t->arena, NV_STR("llm.cost.currency"),
                             nv_value_string(NV_STR("USD")));
}

/* Sets a cost; text that the source gave the same name stays beside it. */
static enum nv_err set_cost(struct nv_translation *t, struct nv_span_work *work,
                            enum nv_known_field field, double cost)
{
    const struct nv_str name = t->rules->fields[field].name;
    struct nv_attributes *attributes = &work->span->attributes;
    /* By the last byte first: all names of a vocabulary begin alike. */
    const char last = name.ptr[name.len - 1];
    for (uint32_t i = 0; !nv_work_get(work, field) && i < attributes->count; i++) {
        const struct nv_str key = attributes->items[i].key;
        if (key.len != name.len || key.ptr[key.len - 1] != last || !nv_str_eq(key, name))
            continue;
        const struct nv_str beside = nv_arena_printf(t->arena, "%.*s.source", NV_STR_ARG(name));
        if (!beside.ptr)
            return NV_ERR_NO_MEMORY;
        attributes->items[i].key = beside;
    }
    return nv_work_set(t, work, field, nv_value_double(cost));
}

/* A cost that the source told: the total is completed from its parts. */
static enum nv_err complete_told(struct nv_translation *t, struct nv_span_work *work)
{
    double input = 0, output = 0;
    bool told = number(work, NV_FIELD_COST_INPUT, &input);
    told = number(work, NV_FIELD_COST_OUTPUT, &output) || told;
    enum nv_err err = NV_OK;
    if (told && !nv_work_get(work, NV_FIELD_COST_TOTAL))
        err = set_cost(t, work, NV_FIELD_COST_TOTAL, nv_price_round(input + output));
    return err ? err : set_currency(t, work);
}

static const struct nv_price *find_price_of(struct nv_translation *t,
                                            const struct nv_span_work *work, struct nv_str model)
{
    struct nv_str provider = text(
        work, work->kind == NV_KIND_EMBEDDING ? NV_FIELD_EMBEDDING_PROVIDER : NV_FIELD_PROVIDER);
    if (provider.len == 0)
        provider = work->priced_provider;
    const uint64_t slot = work->span->start_ns / NV_PRICE_SLOT_NS;
    for (unsigned i = 0; i < NV_PRICE_MEMOS; i++) {
        const struct nv_price_memo *memo = &t->price_memos[i];
        if (memo->model.ptr && memo->slot == slot && nv_str_eq(memo->model, model) &&
            nv_str_eq(memo->provider, provider))
            return memo->price;
    }
    const struct nv_price *price =
        nv_price_find(t->mapping->prices, provider, model, work->span->start_ns);
    t->price_memos[t->next_price_memo++ % NV_PRICE_MEMOS] =
        (struct nv_price_memo){model, provider, slot, price};
    return price;
}

static const struct nv_price *find_price(struct nv_translation *t, const struct nv_span_work *work)
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
    if ((usage.input == 0 && usage.output == 0) || nv_glob_any(NV_STR("flex,priority"), tier))
        return NV_OK;
    const struct nv_price *price = find_price(t, work);
    if (!price)
        return NV_OK;
    nv_price_cost(price, &usage, &input, &output);
    enum nv_err err = set_cost(t, work, NV_FIELD_COST_INPUT, input);
    if (!err)
        err = set_cost(t, work, NV_FIELD_COST_OUTPUT, output);
    if (!err)
        err = set_cost(t, work, NV_FIELD_COST_TOTAL, nv_price_round(input + output));
    return err ? err : set_currency(t, work);
}

/* 0 for a call that used tokens: not free, but of no known price. */
static bool tells_nothing(const struct nv_span_work *work)
{
    static const enum nv_known_field costs[] = {NV_FIELD_COST_TOTAL, NV_FIELD_COST_INPUT,
                                                NV_FIELD_COST_OUTPUT};
    double cost;
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        if (nv_work_get(work, costs[i]) && (!number(work, costs[i], &cost) || cost != 0))
            return false;
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
