/*
 * The price table: parse, group, find, multiply.
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
#include "mapping/prices/provider.h"
#include "mapping/rules/rule.h"
#include "base/clock.h"
#include "base/text/iso_time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define NS_PER_MINUTE (60 * NV_NS_PER_S)
#define MINUTES_PER_DAY (24 * 60)
/* Prices are a million tokens'. */
#define PRICED_TOKENS 1e6
/* Costs keep 8 decimals (price.h). */
#define COST_UNIT 1e8
#define NO_FRACTION 4503599627370496.0

#define CELLS (3 + NV_PRICE_COLUMNS)

/* `order` keeps globs as they were written: the first that matches decides, so that moving one
 * above another changes prices, while exact names may be sorted. */
struct row {
    struct nv_price price;
    struct nv_glob_filter filter; /* of the model */
    uint32_t table, order;
    bool glob, special; /* special: more than a glob */
};

/* Rows of one provider and table: exact names, sorted; behind them globs, as they were
 * written. */
struct provider_rows {
    struct nv_str provider;
    uint32_t table, first, exact, count;
};

struct nv_prices {
    struct nv_arena *arena;
    struct row *rows;
    struct provider_rows *providers;
    uint32_t row_count, row_capacity, provider_count, table_count;
};

/* ---- parsing ----------------------------------------------------------------------------- */

struct nv_prices *nv_prices_make(struct nv_arena *arena)
{
    struct nv_prices *prices = nv_arena_alloc(arena, sizeof *prices);
    if (prices)
        prices->arena = arena;
    return prices;
}

/* The first that is wrong is told: those behind it often follow from it. */
static enum nv_err wrong(struct nv_fail *fail, struct nv_str name, unsigned line, size_t column,
                         const char *what)
{
    if (fail && fail->code == NV_OK) {
        (void)nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s", what);
        snprintf(fail->path, sizeof fail->path, "%.*s:%u:%zu", NV_STR_ARG(name), line, column);
    }
    return NV_ERR_CONFIG;
}

/* Room for `more` rows, and no more than that: the array stays as long as the program, and one
 * that was outgrown stays in the arena beside it. */
static enum nv_err reserve_rows(struct nv_prices *prices, uint32_t more)
{
    uint32_t capacity = prices->row_count + more;
    if (capacity <= prices->row_capacity)
        return NV_OK;
    struct row *larger = nv_arena_array(prices->arena, capacity, sizeof *larger);
    if (!larger)
        return NV_ERR_NO_MEMORY;
    if (prices->row_count > 0)
        memcpy(larger, prices->rows, prices->row_count * sizeof *larger);
    prices->rows = larger;
    prices->row_capacity = capacity;
    return NV_OK;
}

static struct row *new_row(struct nv_prices *prices)
{
    assert(prices->row_count < prices->row_capacity);
    struct row *row = &prices->rows[prices->row_count];
    row->order = prices->row_count++;
    row->table = prices->table_count;
    return row;
}

/* Lines that are not empty: as many rows, or more. */
static uint32_t count_lines(struct nv_str text)
{
    uint32_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] != '\n' && (i == 0 || text.ptr[i - 1] == '\n');
    return count;
}

/* Splits a line into its cells; returns how many. */
static unsigned split(struct nv_str line, struct nv_str cells[CELLS])
{
    unsigned count = 0;
    for (size_t pos = 0; pos <= line.len && count < CELLS;) {
        struct nv_str rest = nv_str_slice(line, pos, line.len);
        size_t comma = nv_str_find_char(rest, ',');
        cells[count++] = nv_str_trim(nv_str_slice(rest, 0, comma));
        pos = comma == SIZE_MAX ? line.len + 1 : pos + comma + 1;
    }
    return count;
}

/* No day: since ever. Midnight is UTC's, as in the price lists. */
static bool day_ns(struct nv_str day, uint64_t *ns)
{
    char text[32];
    *ns = 0;
    if (day.len == 0)
        return true;
    int len = snprintf(text, sizeof text, "%.*sT00:00:00Z", day.len == 10 ? 10 : 0, day.ptr);
    return nv_iso_time_parse((struct nv_str){text, (size_t)len}, ns);
}

/* `16:30` as a minute of the day, on the half hour. */
static bool minute_of(struct nv_str clock, uint16_t *minute)
{
    uint64_t hours, minutes;
    if (clock.len != 5 || clock.ptr[2] != ':' ||
        nv_str_to_uint64(nv_str_slice(clock, 0, 2), &hours) != NV_OK ||
        nv_str_to_uint64(nv_str_slice(clock, 3, 5), &minutes) != NV_OK || hours > 23 ||
        (minutes != 0 && minutes != 30))
        return false;
    *minute = (uint16_t)(hours * 60 + minutes);
    return true;
}

/* The cell `from`: a day, hours, both, or nothing. */
static bool parse_from(struct nv_str cell, struct nv_price *price)
{
    size_t colon = nv_str_find_char(cell, ':');
    size_t space = nv_str_find_char(cell, ' ');
    struct nv_str day = colon == SIZE_MAX ? cell : NV_STR(""), hours = cell;
    if (space != SIZE_MAX) {
        day = nv_str_slice(cell, 0, space);
        hours = nv_str_slice(cell, space + 1, cell.len);
    }
    if (!day_ns(day, &price->from_ns))
        return false;
    if (colon == SIZE_MAX)
        return true;
    return hours.len == 11 && hours.ptr[5] == '-' &&
           minute_of(nv_str_slice(hours, 0, 5), &price->from_minute) &&
           minute_of(nv_str_slice(hours, 6, 11), &price->to_minute) &&
           price->from_minute != price->to_minute;
}

/* -1 is "no such price" and 0 is "free"; a cell that is left out is the first. A limit of a
 * price keeps sums finite, whatever a file holds. */
static enum nv_err parse_row(struct nv_prices *prices, struct nv_str name, unsigned number,
                             struct nv_str line, struct nv_fail *fail)
{
    struct nv_str cells[CELLS];
    unsigned count = split(line, cells);
    if (count < 4 || cells[0].len == 0 || cells[1].len == 0)
        return wrong(fail, name, number, 1, "a price needs provider, model, from and input");
    struct row *row = new_row(prices);
    row->price.provider = cells[0];
    row->price.model = cells[1];
    row->filter = nv_glob_filter_of(cells[1]);
    row->special = nv_price_pattern_is_special(cells[1]);
    row->glob = row->special || nv_str_find_char(cells[1], '*') != SIZE_MAX;
    if (!parse_from(cells[2], &row->price)) {
        return wrong(fail, name, number, (size_t)(cells[2].ptr - line.ptr) + 1,
                     "from must be a day as 2026-01-31, half hours as 16:30-00:30, or both");
    }
    for (unsigned i = 0; i < NV_PRICE_COLUMNS; i++) {
        struct nv_str cell = i + 3 < count ? cells[i + 3] : NV_STR("");
        double *usd = &row->price.usd[i];
        *usd = -1;
        if (cell.len > 0 &&
            (nv_str_to_double(cell, usd) != NV_OK || !(*usd >= 0) || *usd > 1e9)) {
            return wrong(fail, name, number, (size_t)(cell.ptr - line.ptr) + 1,
                         "a price is a number of USD per million tokens");
        }
    }
    return NV_OK;
}

/* A user's table is added before the built-in one, and a lower table is asked first: his price
 * counts for what it names. */
enum nv_err nv_prices_add(struct nv_prices *prices, struct nv_str name, struct nv_str text,
                          struct nv_fail *fail)
{
    unsigned number = 0;
    bool header = false;
    enum nv_err err = reserve_rows(prices, count_lines(text));
    if (err != NV_OK)
        return err;
    for (size_t pos = 0; pos < text.len;) {
        struct nv_str rest = nv_str_slice(text, pos, text.len);
        size_t end = nv_str_find_char(rest, '\n');
        struct nv_str line = nv_str_trim(nv_str_slice(rest, 0, end));
        pos = end == SIZE_MAX ? text.len : pos + end + 1;
        number++;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (!header) {
            header = true;
            if (!nv_str_starts(line,
                               NV_STR("provider,model,from,input,cached,cache_write,output")))
                return wrong(fail, name, number, 1, "the first line must be the header");
            continue;
        }
        err = parse_row(prices, name, number, line, fail);
        if (err != NV_OK)
            return err;
    }
    prices->table_count++;
    return NV_OK;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static bool has_hours(const struct nv_price *price)
{
    return price->from_minute != price->to_minute;
}

/* provider, table (a user's first), exact before globs; then exact ones by model, the latest
 * day first, those with hours before those without. Globs stay in the order of their file. No
 * two rows are equal, so that qsort's result does not depend on the library. */
static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    int order = nv_str_cmp(a->price.provider, b->price.provider);
    if (order == 0)
        order = compare_numbers(a->table, b->table);
    if (order == 0)
        order = (int)a->glob - (int)b->glob;
    if (order == 0 && !a->glob)
        order = nv_str_cmp(a->price.model, b->price.model);
    if (order == 0 && !a->glob) /* the latest day first */
        order = compare_numbers(b->price.from_ns, a->price.from_ns);
    if (order == 0 && !a->glob)
        order = (int)has_hours(&b->price) - (int)has_hours(&a->price);
    return order ? order : compare_numbers(a->order, b->order);
}

enum nv_err nv_prices_finish(struct nv_prices *prices)
{
    if (prices->row_count == 0)
        return NV_OK;
    qsort(prices->rows, prices->row_count, sizeof *prices->rows, compare_rows);
    prices->providers =
        nv_arena_array(prices->arena, prices->row_count, sizeof *prices->providers);
    if (!prices->providers)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < prices->row_count; i++) {
        const struct row *row = &prices->rows[i];
        struct provider_rows *last = &prices->providers[prices->provider_count];
        if (prices->provider_count == 0 || last[-1].table != row->table ||
            !nv_str_eq(last[-1].provider, row->price.provider)) {
            *last = (struct provider_rows){row->price.provider, row->table, i, 0, 0};
            prices->provider_count++;
            last++;
        }
        last[-1].count++;
        last[-1].exact += !row->glob;
    }
    return NV_OK;
}

/* ---- finding ----------------------------------------------------------------------------- */

/* Has its day come, and is it its hour? Hours may pass midnight. */
static bool is_time(const struct nv_price *price, uint64_t time_ns)
{
    uint64_t minute = time_ns / NS_PER_MINUTE % MINUTES_PER_DAY;
    uint64_t from = price->from_minute, to = price->to_minute;
    bool hour = from < to ? minute >= from && minute < to : minute >= from || minute < to;
    return price->from_ns <= time_ns && (!has_hours(price) || hour);
}

static const struct nv_price *find_exact(const struct nv_prices *prices,
                                         const struct provider_rows *rows, struct nv_str model,
                                         uint64_t time_ns)
{
    uint32_t low = rows->first, end = rows->first + rows->exact, high = end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (nv_str_cmp(prices->rows[middle].price.model, model) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < end && nv_str_eq(prices->rows[low].price.model, model); low++) {
        if (is_time(&prices->rows[low].price, time_ns))
            return &prices->rows[low].price;
    }
    return NULL;
}

/* Does a row of the same pattern go before another one? */
static bool goes_before(const struct nv_price *price, const struct nv_price *best)
{
    if (!nv_str_eq(best->model, price->model))
        return false;
    return price->from_ns > best->from_ns ||
           (price->from_ns == best->from_ns && has_hours(price) && !has_hours(best));
}

/* The first pattern that matches decides; later rows of the same pattern only by their time. */
static const struct nv_price *find_glob(const struct nv_prices *prices,
                                        const struct provider_rows *rows, struct nv_str model,
                                        uint64_t time_ns)
{
    const struct nv_price *best = NULL;
    for (uint32_t i = rows->first + rows->exact; i < rows->first + rows->count; i++) {
        const struct row *row = &prices->rows[i];
        if (!is_time(&row->price, time_ns) || (best && !goes_before(&row->price, best)))
            continue;
        if (row->special ? nv_price_pattern_match(row->price.model, model)
                         : nv_glob_any_of(&row->filter, row->price.model, model))
            best = &row->price;
    }
    return best;
}

/* The first of the provider's tables; they stand in the order of providers, as the rows do. */
static uint32_t find_provider(const struct nv_prices *prices, struct nv_str provider)
{
    uint32_t low = 0, high = prices->provider_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (nv_str_cmp(prices->providers[middle].provider, provider) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct nv_price *find_in(const struct nv_prices *prices, struct nv_str provider,
                                      struct nv_str model, uint64_t time_ns)
{
    for (uint32_t p = find_provider(prices, provider); p < prices->provider_count; p++) {
        const struct provider_rows *rows = &prices->providers[p];
        if (!nv_str_eq(rows->provider, provider))
            break;
        const struct nv_price *price = find_exact(prices, rows, model, time_ns);
        if (!price)
            price = find_glob(prices, rows, model, time_ns);
        if (price)
            return price;
    }
    return NULL;
}

const struct nv_price *nv_price_find(const struct nv_prices *prices, struct nv_str provider,
                                     struct nv_str model, uint64_t time_ns)
{
    char lower[NV_PRICE_NAME_BYTES_MAX];
    struct nv_price_names names;
    struct nv_str trimmed = nv_str_trim(model);
    if (trimmed.len == 0 || trimmed.len > sizeof lower)
        return NULL;
    for (size_t i = 0; i < trimmed.len; i++) {
        char c = trimmed.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    const struct nv_str name = {lower, trimmed.len};
    /* Nearly always it is this row: the first that all the names below would find. */
    const struct nv_price *plain = find_in(prices, nv_provider_seller(provider), name, time_ns);
    if (plain)
        return plain;
    nv_price_names_make(name, provider, &names);
    for (unsigned p = 0; p < names.seller_count; p++) {
        for (unsigned i = 0; i < names.count; i++) {
            const struct nv_price *price =
                find_in(prices, names.sellers[p], names.names[i], time_ns);
            if (price)
                return price;
        }
    }
    return NULL;
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
