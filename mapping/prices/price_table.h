/*
 * A price table as it lies in memory: rows without pointers, made from text.
 *
 *   mapping/prices.csv ── tools/compile_prices.c ──▶ nv_price_table_builtin, constant
 *   mapping.prices_file ── nv_price_table_parse ───▶ one in the mapping's arena
 *
 * Without pointers the loader has nothing to do for the built-in one, and of its pages only
 * those are read that somebody looks in.
 */
#ifndef NV_MAPPING_PRICES_PRICE_TABLE_H
#define NV_MAPPING_PRICES_PRICE_TABLE_H

#include "base/arena.h"
#include "mapping/rules/rule.h"

#include <stdbool.h>
#include <stdint.h>

/* A price: `at` numbers are places in the table's text, `usd_at` in its prices. */
struct nv_price_row {
    struct nv_glob_filter filter;    /* of the model */
    uint32_t model_at, model_len;    /* a pattern */
    uint32_t usd_at;                 /* of the columns that it has, in their order */
    uint32_t from_day;               /* since 1970, UTC */
    uint16_t from_minute, to_minute; /* of the day in UTC; equal: all day */
    uint16_t columns;                /* bits of enum nv_price_column */
    bool glob, special;              /* special: more than a glob */
};

/* Rows of one provider: exact names, sorted; behind them globs, as they were written. */
struct nv_price_seller {
    uint32_t name_at, name_len;
    uint32_t first, exact, count;
};

struct nv_price_table {
    const char *text;
    const struct nv_price_row *rows;
    const struct nv_price_seller *sellers; /* sorted by name */
    const double *usd;
    uint32_t row_count, seller_count, usd_count;
};

/* mapping/prices.csv, as compiled in. */
extern const struct nv_price_table nv_price_table_builtin;

/*
 * Reads a table (price.h has the form). `text` is borrowed for the table's life, what is made
 * lies in the arena. Errors: NV_ERR_CONFIG with fail->path = `name:line:column`,
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_price_table_parse(struct nv_arena *arena, struct nv_str name, struct nv_str text,
                                 struct nv_price_table *out, struct nv_fail *fail) NV_MUST_USE;

#endif
