/*
 * The counters: one relaxed atomic a row.
 *
 * Relaxed is enough: rows are independent of each other (spans, which must add up, have the
 * ledger) and a scrape needs no order between them. The rows are not spread over cache lines;
 * they are touched once a request or trace, not once a span. HELP and TYPE are printed when a
 * name first appears, so rows of one name must stand together in the table; a test checks that.
 */
#include "base/log/counters.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>

#include "base/banned.h"

struct row {
    const char *name;
    const char *labels;
    const char *type;
    const char *help;
};

static const struct row rows[NV_COUNTER_COUNT] = {
#define COUNTER_ROW(id, name, labels, type, help) [id] = {name, labels, type, help},
    NV_COUNTER_TABLE(COUNTER_ROW)
#undef COUNTER_ROW
};

static _Atomic uint64_t values[NV_COUNTER_COUNT];

uint64_t nv_count(enum nv_counter id, uint64_t amount)
{
    assert((unsigned)id < NV_COUNTER_COUNT);
    return atomic_fetch_add_explicit(&values[id], amount, memory_order_relaxed) + amount;
}

uint64_t nv_count_get(enum nv_counter id)
{
    assert((unsigned)id < NV_COUNTER_COUNT);
    return atomic_load_explicit(&values[id], memory_order_relaxed);
}

void nv_count_reset(void)
{
    for (size_t i = 0; i < NV_COUNTER_COUNT; i++)
        atomic_store_explicit(&values[i], 0, memory_order_relaxed);
}

enum nv_err nv_count_write(struct nv_buf *buf)
{
    const char *previous = "";
    for (size_t i = 0; i < NV_COUNTER_COUNT; i++) {
        const struct row *row = &rows[i];
        if (strcmp(row->name, previous) != 0) {
            (void)nv_buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help,
                                row->name, row->type);
        }
        previous = row->name;
        const char *open = row->labels[0] != '\0' ? "{" : "";
        const char *close = row->labels[0] != '\0' ? "}" : "";
        (void)nv_buf_printf(buf, "%s%s%s%s %" PRIu64 "\n", row->name, open, row->labels, close,
                            nv_count_get((enum nv_counter)i));
    }
    return buf->failed;
}
