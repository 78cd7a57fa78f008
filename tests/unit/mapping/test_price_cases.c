/*
 * The table of prices against the calculator of the package that it was made of.
 *
 * tests/data/price-cases.csv holds what the package asks for ten calls of each of its models
 * (tools/make-price-cases.py wrote it); a pair of costs that the table can't give is `-`, and
 * its line tells why. All others are equal to the last decimal that the gateway writes.
 */
#include "tests/support/expect.h"
#include "tests/support/fixtures.h"
#include "mapping/prices/price.h"
#include "base/text/iso_time.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define USAGES 10
#define CELLS_MAX 16

struct call {
    uint64_t time_ns;
    struct nv_price_usage usage;
};

static struct nv_str next_line(struct nv_str *text)
{
    size_t end = nv_str_find_char(*text, '\n');
    struct nv_str line = nv_str_slice(*text, 0, end);
    *text = nv_str_slice(*text, end == SIZE_MAX ? text->len : end + 1, text->len);
    return line;
}

static unsigned split(struct nv_str line, char at, struct nv_str *cells, unsigned max)
{
    unsigned count = 0;
    for (;;) {
        size_t end = nv_str_find_char(line, at);
        bool last = end == SIZE_MAX || count + 1 == max;
        cells[count++] = last ? line : nv_str_slice(line, 0, end);
        if (last)
            return count;
        line = nv_str_slice(line, end + 1, line.len);
    }
}

static double as_number(struct nv_str text)
{
    double number;
    ck_assert_msg(nv_str_to_double(text, &number) == NV_OK, "%.*s", NV_STR_ARG(text));
    return number;
}

static struct call read_call(const struct nv_str *cells)
{
    struct call call = {0};
    int64_t *const counts[] = {&call.usage.input,       &call.usage.cached,
                               &call.usage.cache_write, &call.usage.cache_write_1h,
                               &call.usage.output,      &call.usage.input_audio,
                               &call.usage.output_audio};
    ck_assert(nv_iso_time_parse(cells[1], &call.time_ns));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = (int64_t)as_number(cells[2 + i]);
    call.usage.batch = as_number(cells[9]) > 0;
    return call;
}

/* Is the pair `input/output` what our table gives? */
static bool is_equal(const struct nv_price *price, const struct nv_price_usage *usage,
                     struct nv_str pair, double got[2])
{
    struct nv_str want[2];
    got[0] = got[1] = -1;
    if (!price || split(pair, '/', want, 2) != 2)
        return false;
    nv_price_cost(price, usage, &got[0], &got[1]);
    return fabs(got[0] - as_number(want[0])) < 1.5e-8 &&
           fabs(got[1] - as_number(want[1])) < 1.5e-8;
}

START_TEST(costs_are_those_of_the_package)
{
    struct nv_arena *arena = nv_arena_new((size_t)16 << 20);
    struct nv_prices *prices = nv_prices_make(arena);
    ck_assert_ptr_nonnull(prices);
    nv_prices_add_builtin(prices);
    struct nv_str file = nv_test_read_file(NOVEUM_SOURCE_DIR "/tests/data/price-cases.csv"),
                  text = file;
    struct call calls[USAGES];
    unsigned usages = 0, compared = 0, wrong = 0;
    while (text.len > 0) {
        struct nv_str line = next_line(&text), cells[CELLS_MAX];
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        unsigned count = split(line, ',', cells, CELLS_MAX);
        if (nv_str_eq(cells[0], NV_STR("usage"))) {
            ck_assert_uint_lt(usages, USAGES);
            calls[usages++] = read_call(cells);
            continue;
        }
        ck_assert_msg(count == 2 + USAGES + 1, "%.*s", NV_STR_ARG(line));
        for (unsigned i = 0; i < USAGES; i++) {
            double got[2];
            if (nv_str_eq(cells[2 + i], NV_STR("-"))) {
                ck_assert_msg(cells[2 + USAGES].len > 0, "no reason: %.*s", NV_STR_ARG(line));
                continue;
            }
            struct nv_price price;
            bool found = nv_price_find(prices, cells[0], cells[1], calls[i].time_ns, &price);
            compared++;
            if (is_equal(found ? &price : NULL, &calls[i].usage, cells[2 + i], got))
                continue;
            if (wrong++ < 40) {
                printf("%.*s %.*s, usage %u: %.8f/%.8f, the package asks %.*s\n",
                       NV_STR_ARG(cells[0]), NV_STR_ARG(cells[1]), i, got[0], got[1],
                       NV_STR_ARG(cells[2 + i]));
            }
        }
    }
    ck_assert_uint_eq(usages, USAGES);
    ck_assert_uint_gt(compared, 20000);
    ck_assert_msg(wrong == 0, "%u of %u costs differ", wrong, compared);
    free((char *)(uintptr_t)file.ptr);
    nv_arena_free(arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/price_cases");
    TCase *tcase = tcase_create("price_cases");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, costs_are_those_of_the_package);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
