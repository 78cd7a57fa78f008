/*
 * Build tool: compiles the price table into constant arrays.
 *
 *   compile_prices OUT.c mapping/prices.csv
 *
 * Links the program's own parser, so that what the build accepts is what a user's table may
 * say. Errors are printed as `file:line:column: text`, which editors understand. Nothing of
 * this is in the gateway.
 */
#include "mapping/prices/price_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define TABLE_BYTES_MAX (16u << 20)

/* Prints a part of the text that is kept, and returns how long it is. */
static uint32_t print_part(FILE *out, const struct nv_price_table *table, uint32_t at,
                           uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        fprintf(out, "%d,", table->text[at + i]);
    fputc('\n', out);
    return len;
}

/* Names of sellers, then patterns of models, in their order; nothing else of the text. */
static void print_text(FILE *out, const struct nv_price_table *table)
{
    fputs("static const char text[] = {\n", out);
    for (uint32_t i = 0; i < table->seller_count; i++)
        print_part(out, table, table->sellers[i].name_at, table->sellers[i].name_len);
    for (uint32_t i = 0; i < table->row_count; i++)
        print_part(out, table, table->rows[i].model_at, table->rows[i].model_len);
    fputs("0};\n", out);
}

static uint32_t print_sellers(FILE *out, const struct nv_price_table *table)
{
    uint32_t at = 0;
    fputs("static const struct nv_price_seller sellers[] = {\n", out);
    for (uint32_t i = 0; i < table->seller_count; i++) {
        const struct nv_price_seller *s = &table->sellers[i];
        fprintf(out, "{%u,%u,%u,%u,%u},\n", at, s->name_len, s->first, s->exact, s->count);
        at += s->name_len;
    }
    fputs("};\n", out);
    return at;
}

static void print_rows(FILE *out, const struct nv_price_table *table, uint32_t at)
{
    fputs("static const struct nv_price_row rows[] = {\n", out);
    for (uint32_t i = 0; i < table->row_count; i++) {
        const struct nv_price_row *r = &table->rows[i];
        fprintf(out, "{{%" PRIu64 "u,%" PRIu64 "u},%u,%u,%u,%u,%u,%u,%u,%d,%d},\n",
                r->filter.first, r->filter.lengths, at, r->model_len, r->usd_at, r->from_day,
                r->from_minute, r->to_minute, r->columns, r->glob, r->special);
        at += r->model_len;
    }
    fputs("};\n", out);
}

static void print_all(FILE *out, const struct nv_price_table *table)
{
    fputs("/* Made by tools/compile_prices.c from mapping/prices.csv; not to be edited. */\n"
          "#include \"mapping/prices/price_table.h\"\n",
          out);
    print_text(out, table);
    print_rows(out, table, print_sellers(out, table));
    fputs("static const double usd[] = {\n", out);
    for (uint32_t i = 0; i < table->usd_count; i++)
        fprintf(out, "%.17g,\n", table->usd[i]);
    fprintf(out,
            "};\nconst struct nv_price_table nv_price_table_builtin = {text, rows, sellers, "
            "usd, %u, %u, %u};\n",
            table->row_count, table->seller_count, table->usd_count);
}

/* Whole of a file in the arena; ptr NULL when it can't be read. */
static struct nv_str read_table(struct nv_arena *arena, const char *path)
{
    struct nv_str text = {NULL, 0};
    FILE *in = fopen(path, "rb");
    char *bytes = in ? nv_arena_raw(arena, TABLE_BYTES_MAX) : NULL;
    if (bytes)
        text = (struct nv_str){bytes, fread(bytes, 1, TABLE_BYTES_MAX, in)};
    if (in)
        fclose(in);
    return text;
}

static int compile(struct nv_arena *arena, const char *to, const char *from)
{
    struct nv_fail fail = {0};
    struct nv_price_table table;
    const struct nv_str text = read_table(arena, from);
    if (!text.ptr) {
        fprintf(stderr, "%s: can't be read\n", from);
        return 1;
    }
    if (nv_price_table_parse(arena, NV_STR("mapping/prices.csv"), text, &table, &fail)) {
        fprintf(stderr, "%s: error: %s\n", fail.path, fail.what);
        return 1;
    }
    FILE *out = fopen(to, "wb");
    if (!out)
        return 1;
    print_all(out, &table);
    return fclose(out) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: compile_prices OUT.c TABLE\n", stderr);
        return 2;
    }
    struct nv_arena *arena = nv_arena_new((size_t)64 << 20);
    int status = arena ? compile(arena, argv[1], argv[2]) : 1;
    nv_arena_free(arena);
    return status;
}
