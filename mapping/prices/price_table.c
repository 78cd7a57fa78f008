/*
 * From the text of a price table to its rows.
 *
 *   lines ─▶ struct draft, one each ── sorted ──▶ rows, sellers, prices in the arena
 *
 * The build does it with the built-in table (tools/compile_prices.c), the start with a user's.
 */
#include "mapping/prices/price_table.h"

#include "mapping/prices/price.h"
#include "mapping/prices/price_pattern.h"
#include "base/clock.h"
#include "base/text/iso_time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define NS_PER_DAY (24 * 60 * 60 * NV_NS_PER_S)
#define CELLS (3 + NV_PRICE_COLUMNS)
/* USD per million tokens; keeps sums finite, whatever a file holds. */
#define USD_MAX 1e9

/* `order` keeps globs as they were written: the first that matches decides, so that moving one
 * above another changes prices, while exact names may be sorted. */
struct draft {
    struct nv_price_row row;
    struct nv_str provider, model;
    uint32_t order;
};

/* `usd` has room for all columns of `capacity` rows. */
struct parsing {
    struct nv_str name, text;
    struct draft *drafts;
    double *usd;
    uint32_t count, capacity, usd_count;
    struct nv_fail *fail;
};

/* ---- lines ------------------------------------------------------------------------------- */

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
static bool day_of(struct nv_str day, uint32_t *number)
{
    char text[32];
    uint64_t ns;
    *number = 0;
    if (day.len == 0)
        return true;
    int len = snprintf(text, sizeof text, "%.*sT00:00:00Z", day.len == 10 ? 10 : 0, day.ptr);
    if (!nv_iso_time_parse((struct nv_str){text, (size_t)len}, &ns))
        return false;
    *number = (uint32_t)(ns / NS_PER_DAY);
    return true;
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
static bool parse_from(struct nv_str cell, struct nv_price_row *row)
{
    size_t colon = nv_str_find_char(cell, ':');
    size_t space = nv_str_find_char(cell, ' ');
    struct nv_str day = colon == SIZE_MAX ? cell : NV_STR(""), hours = cell;
    if (space != SIZE_MAX) {
        day = nv_str_slice(cell, 0, space);
        hours = nv_str_slice(cell, space + 1, cell.len);
    }
    if (!day_of(day, &row->from_day))
        return false;
    if (colon == SIZE_MAX)
        return true;
    return hours.len == 11 && hours.ptr[5] == '-' &&
           minute_of(nv_str_slice(hours, 0, 5), &row->from_minute) &&
           minute_of(nv_str_slice(hours, 6, 11), &row->to_minute) &&
           row->from_minute != row->to_minute;
}

/* No cell is "no such price" and 0 is "free". */
static enum nv_err parse_prices(struct parsing *parsing, unsigned number, struct nv_str line,
                                const struct nv_str *cells, unsigned count)
{
    struct nv_price_row *row = &parsing->drafts[parsing->count].row;
    row->usd_at = parsing->usd_count;
    for (unsigned i = 0; i + 3 < count; i++) {
        struct nv_str cell = cells[i + 3];
        double *usd = &parsing->usd[parsing->usd_count];
        if (cell.len == 0)
            continue;
        if (nv_str_to_double(cell, usd) != NV_OK || !(*usd >= 0) || *usd > USD_MAX) {
            return wrong(parsing->fail, parsing->name, number,
                         (size_t)(cell.ptr - line.ptr) + 1,
                         "a price is a number of USD per million tokens");
        }
        row->columns |= (uint16_t)(1u << i);
        parsing->usd_count++;
    }
    return NV_OK;
}

static enum nv_err parse_row(struct parsing *parsing, unsigned number, struct nv_str line)
{
    struct nv_str cells[CELLS];
    unsigned count = split(line, cells);
    if (count < 4 || cells[0].len == 0 || cells[1].len == 0) {
        return wrong(parsing->fail, parsing->name, number, 1,
                     "a price needs provider, model, from and input");
    }
    assert(parsing->count < parsing->capacity);
    struct draft *draft = &parsing->drafts[parsing->count];
    *draft = (struct draft){.provider = cells[0], .model = cells[1], .order = parsing->count};
    struct nv_price_row *row = &draft->row;
    row->model_at = (uint32_t)(cells[1].ptr - parsing->text.ptr);
    row->model_len = (uint32_t)cells[1].len;
    row->filter = nv_glob_filter_of(cells[1]);
    row->special = nv_price_pattern_is_special(cells[1]);
    row->glob = row->special || nv_str_find_char(cells[1], '*') != SIZE_MAX;
    if (!parse_from(cells[2], row)) {
        return wrong(parsing->fail, parsing->name, number,
                     (size_t)(cells[2].ptr - line.ptr) + 1,
                     "from must be a day as 2026-01-31, half hours as 16:30-00:30, or both");
    }
    enum nv_err err = parse_prices(parsing, number, line, cells, count);
    parsing->count += err == NV_OK;
    return err;
}

static enum nv_err parse_lines(struct parsing *parsing)
{
    unsigned number = 0;
    bool header = false;
    enum nv_err err = NV_OK;
    for (size_t pos = 0; pos < parsing->text.len && err == NV_OK;) {
        struct nv_str rest = nv_str_slice(parsing->text, pos, parsing->text.len);
        size_t end = nv_str_find_char(rest, '\n');
        struct nv_str line = nv_str_trim(nv_str_slice(rest, 0, end));
        pos = end == SIZE_MAX ? parsing->text.len : pos + end + 1;
        number++;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (header) {
            err = parse_row(parsing, number, line);
            continue;
        }
        header = true;
        if (!nv_str_starts(line,
                           NV_STR("provider,model,from,input,cached,cache_write,output"))) {
            return wrong(parsing->fail, parsing->name, number, 1,
                         "the first line must be the header");
        }
    }
    return err;
}

/* ---- order ------------------------------------------------------------------------------- */

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static bool has_hours(const struct nv_price_row *row)
{
    return row->from_minute != row->to_minute;
}

/* provider, exact before globs; then exact ones by model, the latest day first, those with
 * hours before those without. Globs stay in the order of their file. No two rows are equal, so
 * that qsort's result does not depend on the library. */
static int compare_drafts(const void *left, const void *right)
{
    const struct draft *a = left, *b = right;
    int order = nv_str_cmp(a->provider, b->provider);
    if (order == 0)
        order = (int)a->row.glob - (int)b->row.glob;
    if (order == 0 && !a->row.glob)
        order = nv_str_cmp(a->model, b->model);
    if (order == 0 && !a->row.glob)
        order = compare_numbers(b->row.from_day, a->row.from_day);
    if (order == 0 && !a->row.glob)
        order = (int)has_hours(&b->row) - (int)has_hours(&a->row);
    return order ? order : compare_numbers(a->order, b->order);
}

static uint32_t count_sellers(const struct parsing *parsing)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < parsing->count; i++) {
        count +=
            i == 0 || !nv_str_eq(parsing->drafts[i].provider, parsing->drafts[i - 1].provider);
    }
    return count;
}

static void fill_sellers(const struct parsing *parsing, struct nv_price_seller *sellers)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < parsing->count; i++) {
        const struct draft *draft = &parsing->drafts[i];
        if (i == 0 || !nv_str_eq(draft->provider, draft[-1].provider)) {
            sellers[count++] = (struct nv_price_seller){
                .name_at = (uint32_t)(draft->provider.ptr - parsing->text.ptr),
                .name_len = (uint32_t)draft->provider.len,
                .first = i};
        }
        sellers[count - 1].count++;
        sellers[count - 1].exact += !draft->row.glob;
    }
}

/* What is kept is in the arena, and no larger than it must be. */
static enum nv_err keep(struct nv_arena *arena, const struct parsing *parsing,
                        struct nv_price_table *out)
{
    const uint32_t seller_count = count_sellers(parsing);
    struct nv_price_row *rows = nv_arena_array(arena, parsing->count, sizeof *rows);
    struct nv_price_seller *sellers = nv_arena_array(arena, seller_count, sizeof *sellers);
    double *usd = nv_arena_array(arena, parsing->usd_count, sizeof *usd);
    if ((parsing->count > 0 && (!rows || !sellers)) || (parsing->usd_count > 0 && !usd))
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < parsing->count; i++)
        rows[i] = parsing->drafts[i].row;
    fill_sellers(parsing, sellers);
    for (uint32_t i = 0; i < parsing->usd_count; i++)
        usd[i] = parsing->usd[i];
    *out = (struct nv_price_table){.text = parsing->text.ptr,
                                   .rows = rows,
                                   .sellers = sellers,
                                   .usd = usd,
                                   .row_count = parsing->count,
                                   .seller_count = seller_count,
                                   .usd_count = parsing->usd_count};
    return NV_OK;
}

enum nv_err nv_price_table_parse(struct nv_arena *arena, struct nv_str name, struct nv_str text,
                                 struct nv_price_table *out, struct nv_fail *fail)
{
    struct parsing parsing = {
        .name = name, .text = text, .capacity = count_lines(text), .fail = fail};
    *out = (struct nv_price_table){.text = text.ptr};
    if (parsing.capacity == 0)
        return NV_OK;
    parsing.drafts = malloc(parsing.capacity * sizeof *parsing.drafts);
    parsing.usd = malloc(((size_t)parsing.capacity * NV_PRICE_COLUMNS) * sizeof *parsing.usd);
    enum nv_err err = parsing.drafts && parsing.usd ? parse_lines(&parsing) : NV_ERR_NO_MEMORY;
    if (err == NV_OK) {
        qsort(parsing.drafts, parsing.count, sizeof *parsing.drafts, compare_drafts);
        err = keep(arena, &parsing, out);
    }
    free(parsing.drafts);
    free(parsing.usd);
    return err;
}
