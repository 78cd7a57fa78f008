/*
 * The price tables: find, multiply.
 *
 *   model ─▶ lower case ─▶ names and sellers to try (mapping/prices/price_name.c)
 *   provider ─▶ its rows ─▶ first whose pattern matches and whose time it is, latest day first
 *
 * Providers that resell (Azure, Bedrock, Vertex) have rows of their own in the data; when they
 * have none for a model, the maker's are asked, because list prices are the same there. Nothing
 * falls back to a price of a similar name: globs in the data say how far a row reaches.
 */
#include "mapping/prices/price.h"

#include "mapping/prices/price_name.h"
#include "mapping/prices/price_pattern.h"
#include "mapping/prices/price_table.h"
#include "mapping/prices/provider.h"
#include "base/clock.h"

#include <assert.h>

#include "base/banned.h"

#define NS_PER_MINUTE (60 * NV_NS_PER_S)
#define MINUTES_PER_DAY (24 * 60)
/* Prices are a million tokens'. */
#define PRICED_TOKENS 1e6
/* Costs keep 8 decimals (price.h). */
#define COST_UNIT 1e8
#define NO_FRACTION 4503599627370496.0

/* Earlier tables are asked first. */
struct nv_prices {
    struct nv_arena *arena;
    struct nv_price_table tables[NV_PRICE_TABLES_MAX];
    uint32_t count;
};

/* ---- tables ------------------------------------------------------------------------------ */

struct nv_prices *nv_prices_make(struct nv_arena *arena)
{
    struct nv_prices *prices = nv_arena_alloc(arena, sizeof *prices);
    if (prices)
        prices->arena = arena;
    return prices;
}

enum nv_err nv_prices_add(struct nv_prices *prices, struct nv_str name, struct nv_str text,
                          struct nv_fail *fail)
{
    assert(prices->count < NV_PRICE_TABLES_MAX);
    enum nv_err err =
        nv_price_table_parse(prices->arena, name, text, &prices->tables[prices->count], fail);
    prices->count += err == NV_OK;
    return err;
}

void nv_prices_add_builtin(struct nv_prices *prices)
{
    assert(prices->count < NV_PRICE_TABLES_MAX);
    prices->tables[prices->count++] = nv_price_table_builtin;
}

/* ---- finding ----------------------------------------------------------------------------- */

static bool has_hours(const struct nv_price_row *row)
{
    return row->from_minute != row->to_minute;
}

static struct nv_str model_of(const struct nv_price_table *table,
                              const struct nv_price_row *row)
{
    return (struct nv_str){table->text + row->model_at, row->model_len};
}

static struct nv_str name_of(const struct nv_price_table *table,
                             const struct nv_price_seller *seller)
{
    return (struct nv_str){table->text + seller->name_at, seller->name_len};
}

/* Has its day come, and is it its hour? Hours may pass midnight. */
static bool is_time(const struct nv_price_row *row, uint64_t time_ns)
{
    uint64_t minutes = time_ns / NS_PER_MINUTE, minute = minutes % MINUTES_PER_DAY;
    uint64_t from = row->from_minute, to = row->to_minute;
    bool hour = from < to ? minute >= from && minute < to : minute >= from || minute < to;
    return row->from_day <= minutes / MINUTES_PER_DAY && (!has_hours(row) || hour);
}

static const struct nv_price_row *find_exact(const struct nv_price_table *table,
                                             const struct nv_price_seller *seller,
                                             struct nv_str model, uint64_t time_ns)
{
    uint32_t low = seller->first, end = seller->first + seller->exact, high = end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (nv_str_cmp(model_of(table, &table->rows[middle]), model) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < end && nv_str_eq(model_of(table, &table->rows[low]), model); low++) {
        if (is_time(&table->rows[low], time_ns))
            return &table->rows[low];
    }
    return NULL;
}

/* Does a row of the same pattern go before another one? */
static bool goes_before(const struct nv_price_table *table, const struct nv_price_row *row,
                        const struct nv_price_row *best)
{
    if (!nv_str_eq(model_of(table, best), model_of(table, row)))
        return false;
    return row->from_day > best->from_day ||
           (row->from_day == best->from_day && has_hours(row) && !has_hours(best));
}

/* The first pattern that matches decides; later rows of the same pattern only by their time. */
static const struct nv_price_row *find_glob(const struct nv_price_table *table,
                                            const struct nv_price_seller *seller,
                                            struct nv_str model, uint64_t time_ns)
{
    const struct nv_price_row *best = NULL;
    for (uint32_t i = seller->first + seller->exact; i < seller->first + seller->count; i++) {
        const struct nv_price_row *row = &table->rows[i];
        if (!is_time(row, time_ns) || (best && !goes_before(table, row, best)))
            continue;
        const struct nv_str pattern = model_of(table, row);
        if (row->special ? nv_price_pattern_match(pattern, model)
                         : nv_glob_any_of(&row->filter, pattern, model))
            best = row;
    }
    return best;
}

static const struct nv_price_seller *find_seller(const struct nv_price_table *table,
                                                 struct nv_str provider)
{
    uint32_t low = 0, high = table->seller_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (nv_str_cmp(name_of(table, &table->sellers[middle]), provider) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found =
        low < table->seller_count && nv_str_eq(name_of(table, &table->sellers[low]), provider);
    return found ? &table->sellers[low] : NULL;
}

static void read_row(const struct nv_price_table *table, const struct nv_price_row *row,
                     struct nv_price *out)
{
    const double *usd = table->usd + row->usd_at;
    out->row = row;
    for (unsigned i = 0; i < NV_PRICE_COLUMNS; i++)
        out->usd[i] = row->columns >> i & 1 ? *usd++ : -1;
}

static bool find_in(const struct nv_prices *prices, struct nv_str provider, struct nv_str model,
                    uint64_t time_ns, struct nv_price *out)
{
    for (uint32_t i = 0; i < prices->count; i++) {
        const struct nv_price_table *table = &prices->tables[i];
        const struct nv_price_seller *seller = find_seller(table, provider);
        const struct nv_price_row *row =
            seller ? find_exact(table, seller, model, time_ns) : NULL;
        if (seller && !row)
            row = find_glob(table, seller, model, time_ns);
        if (row) {
            read_row(table, row, out);
            return true;
        }
    }
    return false;
}

bool nv_price_find(const struct nv_prices *prices, struct nv_str provider, struct nv_str model,
                   uint64_t time_ns, struct nv_price *out)
{
    char lower[NV_PRICE_NAME_BYTES_MAX];
    struct nv_price_names names;
    struct nv_str trimmed = nv_str_trim(model);
    if (trimmed.len == 0 || trimmed.len > sizeof lower)
        return false;
    for (size_t i = 0; i < trimmed.len; i++) {
        char c = trimmed.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    const struct nv_str name = {lower, trimmed.len};
    /* Nearly always it is this row: the first that all the names below would find. */
    if (find_in(prices, nv_provider_seller(provider), name, time_ns, out))
        return true;
    nv_price_names_make(name, provider, &names);
    for (unsigned p = 0; p < names.seller_count; p++) {
        for (unsigned i = 0; i < names.count; i++) {
            if (find_in(prices, names.sellers[p], names.names[i], time_ns, out))
                return true;
        }
    }
    return false;
}

/* ---- multiplying ------------------------------------------------------------------------- */

static double first_told(double a, double b, double c)
{
    return a >= 0 ? a : b >= 0 ? b : c;
}

static double not_below_zero(double number)
{
    return number > 0 ? number : 0;
}

/* As round(3) does, for which alone the program would load libm. A number of 2^52 and more has
 * no fraction. */
double nv_price_round(double usd)
{
    double units = usd * COST_UNIT;
    if (!(units > -NO_FRACTION && units < NO_FRACTION))
        return units / COST_UNIT;
    int64_t whole = (int64_t)units;
    double rest = units - (double)whole;
    whole += rest >= 0.5 ? 1 : rest <= -0.5 ? -1 : 0;
    return (double)whole / COST_UNIT;
}

void nv_price_cost(const struct nv_price *price, const struct nv_price_usage *usage,
                   double *input, double *output)
{
    const double *usd = price->usd;
    /* the whole call is priced by its tier, not the tokens beyond the threshold: so list prices
     * say */
    bool tier = usd[NV_PRICE_TIER_FROM] >= 0 && (double)usage->input > usd[NV_PRICE_TIER_FROM];
    bool batch = usage->batch;
    double in = first_told(batch ? usd[NV_PRICE_BATCH_INPUT] : -1,
                           tier ? usd[NV_PRICE_TIER_INPUT] : -1, usd[NV_PRICE_INPUT]);
    double out = first_told(batch ? usd[NV_PRICE_BATCH_OUTPUT] : -1,
                            tier ? usd[NV_PRICE_TIER_OUTPUT] : -1, usd[NV_PRICE_OUTPUT]);
    double cached = first_told(batch ? usd[NV_PRICE_BATCH_CACHED] : -1,
                               tier ? usd[NV_PRICE_TIER_CACHED] : -1, usd[NV_PRICE_CACHED]);
    double write =
        first_told(tier ? usd[NV_PRICE_TIER_CACHE_WRITE] : -1, usd[NV_PRICE_CACHE_WRITE], in);
    double hour = first_told(tier ? usd[NV_PRICE_TIER_CACHE_WRITE_1H] : -1,
                             usd[NV_PRICE_CACHE_WRITE_1H], write);
    double in_audio = first_told(usd[NV_PRICE_INPUT_AUDIO], in, 0);
    double out_audio = first_told(usd[NV_PRICE_OUTPUT_AUDIO], out, 0);
    if (cached < 0)
        cached = in;
    if (out < 0)
        out = out_audio = 0; /* embeddings have no output */
    int64_t hourly =
        usage->cache_write_1h < usage->cache_write ? usage->cache_write_1h : usage->cache_write;
    /* all three are counted within the input, by the canonical counts (settle/usage.c) */
    double special = (double)(usage->cached + usage->cache_write + usage->input_audio);
    double plain_input = not_below_zero((double)usage->input - special);
    double plain_output = not_below_zero((double)(usage->output - usage->output_audio));
    *input = nv_price_round((plain_input * in + (double)usage->cached * cached +
                             (double)(usage->cache_write - hourly) * write +
                             (double)hourly * hour + (double)usage->input_audio * in_audio) /
                            PRICED_TOKENS);
    *output = nv_price_round((plain_output * out + (double)usage->output_audio * out_audio) /
                             PRICED_TOKENS);
}
