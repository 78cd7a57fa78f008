/*
 * What models cost: a dated table and the search in it.
 *
 *   prices.csv (built in) ─┐
 *   mapping.prices_file ───┴─▶ rows by provider ─▶ nv_price_find(provider, model, time)
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

struct nv_price {
    struct nv_str provider, model; /* model: a pattern */
    uint64_t from_ns;
    uint16_t from_minute, to_minute; /* of the day in UTC; equal: all day */
    double usd[NV_PRICE_COLUMNS];    /* per million tokens; negative: not told */
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

/* Empty table in the arena, or NULL without memory. */
struct nv_prices *nv_prices_make(struct nv_arena *arena);
/*
 * Adds the rows of a table (text and name are borrowed for the table's life). Rows added
 * earlier go before rows added later. Errors: NV_ERR_CONFIG with fail->path =
 * `name:line:column`, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_prices_add(struct nv_prices *prices, struct nv_str name, struct nv_str text,
                          struct nv_fail *fail) NV_MUST_USE;
/* Groups the rows by provider; call once, after the last add. NV_ERR_NO_MEMORY. */
enum nv_err nv_prices_finish(struct nv_prices *prices) NV_MUST_USE;
/*
 * The price of a model at a time, or NULL. `provider` is as nv_provider_normalise gives it, or
 * empty: then the model's name must tell. Spellings that providers and gateways put around
 * names are taken off (`openai/`, `models/`, `us.`, `-v1:0`, `-2024-08-06`, `-latest`, ...),
 * the longest name first. Borrowed. Any thread once finished.
 */
const struct nv_price *nv_price_find(const struct nv_prices *prices, struct nv_str provider,
                                     struct nv_str model, uint64_t time_ns);
/* Cost of a call in USD, each rounded to 8 decimals (as the SDK does,
 * docs/noveum-backend.md#costs). */
void nv_price_cost(const struct nv_price *price, const struct nv_price_usage *usage,
                   double *input, double *output);

/* `usd` rounded to 8 decimals. */
double nv_price_round(double usd);

/* mapping/prices.csv, as compiled in. */
extern const unsigned char nv_prices_csv[];
extern const size_t nv_prices_csv_len;

#endif
