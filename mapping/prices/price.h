/*
 * What models cost: dated tables and the search in them.
 *
 *   mapping.prices_file ───┐
 *   prices.csv (built in) ─┴─▶ rows by provider ─▶ nv_price_find(provider, model, time)
 *
 * The form of both is the same: a header line, then
 * `provider,model,from,input,cached,cache_write,output,input_audio,output_audio,batch_input,
 * batch_cached,batch_output,tier_from,tier_input,tier_cached,tier_output,cache_write_1h,
 * tier_cache_write,tier_cache_write_1h`, prices in USD per million tokens, model a pattern
 * (price_pattern.h) in lower case, `from` empty, a day, hours of the day in UTC, or both
 * (`2026-01-31 16:30-00:30`; on half hours), `#` comments. Later cells may be missing. Of the
 * rows of one pattern the latest day holds, and there hours go before the rest of the day. A
 * user's rows go before the built-in ones. A model that no row names has no price: a cost is
 * never invented (docs/noveum-backend.md#costs).
 */
#ifndef NV_MAPPING_PRICES_PRICE_H
#define NV_MAPPING_PRICES_PRICE_H

#include "base/arena.h"

#include <stdbool.h>

enum nv_price_column {
    NV_PRICE_INPUT,
    NV_PRICE_CACHED,
    NV_PRICE_CACHE_WRITE,
    NV_PRICE_OUTPUT,
    NV_PRICE_INPUT_AUDIO,
    NV_PRICE_OUTPUT_AUDIO,
    NV_PRICE_BATCH_INPUT,
    NV_PRICE_BATCH_CACHED,
    NV_PRICE_BATCH_OUTPUT,
    NV_PRICE_TIER_FROM, /* input tokens above which the tier's prices hold for all of the call */
    NV_PRICE_TIER_INPUT,
    NV_PRICE_TIER_CACHED,
    NV_PRICE_TIER_OUTPUT,
    NV_PRICE_CACHE_WRITE_1H, /* written for an hour; negative: as any write */
    NV_PRICE_TIER_CACHE_WRITE,
    NV_PRICE_TIER_CACHE_WRITE_1H,
    NV_PRICE_COLUMNS
};

struct nv_price_row;

/* What a row of a table says. */
struct nv_price {
    const struct nv_price_row *row; /* borrowed; equal rows are the same */
    double usd[NV_PRICE_COLUMNS];   /* per million tokens; negative: not told */
};

struct nv_prices;

/* Prices change on the half hour only: what was found holds as long. */
#define NV_PRICE_SLOT_NS (UINT64_C(30) * 60 * 1000000000)

/* Tokens of one call. Input includes cached and written ones, cache_write those of an hour; all
 * >=
 * 0.
 */
struct nv_price_usage {
    int64_t input, cached, cache_write, cache_write_1h, output, input_audio, output_audio;
    bool batch;
};

/* A user's and the built-in one. */
#define NV_PRICE_TABLES_MAX 2u

/* No tables, in the arena, or NULL without memory. */
struct nv_prices *nv_prices_make(struct nv_arena *arena);
/*
 * Adds a table (text is borrowed for the life of `prices`); at most NV_PRICE_TABLES_MAX. Those
 * added earlier go before those added later. Errors: NV_ERR_CONFIG with fail->path =
 * `name:line:column`, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_prices_add(struct nv_prices *prices, struct nv_str name, struct nv_str text,
                          struct nv_fail *fail) NV_MUST_USE;
/* Adds mapping/prices.csv, as compiled in. */
void nv_prices_add_builtin(struct nv_prices *prices);
/*
 * The price of a model at a time; false: none. `provider` is as nv_provider_normalise gives it,
 * or empty: then the model's name must tell. Spellings that providers and gateways put around
 * names are taken off (`openai/`, `models/`, `us.`, `-v1:0`, `-2024-08-06`, `-latest`, ...),
 * the longest name first. Any thread once all tables are added.
 */
bool nv_price_find(const struct nv_prices *prices, struct nv_str provider, struct nv_str model,
                   uint64_t time_ns, struct nv_price *out);
/* Cost of a call in USD, each rounded to 8 decimals (as the SDK does,
 * docs/noveum-backend.md#costs). */
void nv_price_cost(const struct nv_price *price, const struct nv_price_usage *usage,
                   double *input, double *output);

/* `usd` rounded to 8 decimals. */
double nv_price_round(double usd);

#endif
