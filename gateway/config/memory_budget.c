/*
 * Shares of the memory budget.
 *
 *   1/4  requests being read (of each protocol)    1/8   requests that wait for the journal
 *   1/4  index of held spans and resources         1/16  spans being gathered, of each shard
 *   1/4  the exporter's queue                      1/16  a body before compression
 *   1/4  traces gathered and being translated      1/16  JSON of one trace
 *
 * They add up to more than one on purpose: not all are full at once, and each is a cap, not a
 * reservation. What the budget does not hold is the program itself (about 13 MB), stacks, the
 * journal's pages, which the kernel gives back by itself. So the control group's limit is taken at
 * 40 % (measured: tests/e2e/test_pressure.py).
 *
 * A trace and a body larger than their share are not refused: the one is cut into linked parts, the
 * other goes alone. A request that is larger is, with 413, as one beyond any other limit.
 *
 * malloc: glibc raises the size from which blocks are mapped alone up to 32 MiB when such blocks
 * are freed, and then keeps them in its arenas: after a burst of large traces 200 MB stayed with an
 * idle gateway, 19 MB with that size fixed. Mapping costs page faults, so it is fixed only for
 * those who asked for little memory.
 */
#include "gateway/config/memory_budget.h"

#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>

#include "base/banned.h"

/* Of the control group's limit. */
#define LIMIT_PERCENT 40
/* A receiving and a translating thread hold a request and a trace each. */
#define BYTES_A_THREAD (UINT64_C(16) << 20)
/* A span that is a trace of its own: found, arriving and held. */
#define BYTES_AN_ITEM 512
/* Twice what an idle connection takes over TLS or gRPC (measured: 14 KB each; plain HTTP 0.3). */
#define BYTES_A_CONNECTION 32768
/* So that the JSON of a trace, a sixteenth, has 1 KiB for each span: what is written of one that
 * says nothing takes 850 bytes. */
#define BYTES_A_SPAN 16384
/* Beside the body a request has a head, twice its limit while it grows (otlp/receiver.c). */
#define HEAD_BYTES (UINT64_C(64) << 10)
/* From here on blocks are mapped alone; glibc's own first value, which is then raised. */
#define MMAP_BYTES (128 * 1024)

static const struct {
    size_t id;
    uint64_t divisor;
    uint64_t less; /* what goes off the share */
} shares[] = {
    {NV_OPT_receiver_max_undecoded_bytes, 4, 0},
    {NV_OPT_receiver_max_body_bytes, 4, HEAD_BYTES},
    {NV_OPT_receiver_max_connections, BYTES_A_CONNECTION, 0},
    {NV_OPT_assembly_memory_bytes, 4, 0},
    {NV_OPT_assembly_max_trace_bytes, 8, 0},
    {NV_OPT_assembly_max_spans, BYTES_A_SPAN, 0},
    {NV_OPT_exporter_noveum_queue_bytes, 4, 0},
    {NV_OPT_exporter_noveum_max_trace_bytes, 16, 0},
    {NV_OPT_exporter_noveum_max_body_bytes, 16, 0},
};

static uint64_t *number(struct nv_options *options, size_t id)
{
    enum nv_option_type type = nv_option_table[id].type;
    assert(type == NV_OPTION_BYTES || type == NV_OPTION_COUNT);
    (void)type;
    return (uint64_t *)(void *)((char *)options + nv_option_table[id].offset);
}

static bool is_set(const struct nv_options *options, size_t id)
{
    return options->source[id] != NV_SOURCE_DEFAULT;
}

static void derive(struct nv_options *options, size_t id, uint64_t value, const char *from)
{
    uint64_t least = nv_option_table[id].min;
    uint64_t *field = number(options, id);
    value = value < least ? least : value;
    if (value >= *field)
        return;
    *field = value;
    (void)snprintf(options->where[id], sizeof options->where[id], "%s", from);
}

void nv_memory_budget_from_limit(struct nv_options *options, uint64_t limit_bytes)
{
    if (limit_bytes > 0 && !is_set(options, NV_OPT_memory_max_bytes))
        derive(options, NV_OPT_memory_max_bytes, limit_bytes / 100 * LIMIT_PERCENT,
               "the control group's limit");
}

/* ---- checks -----------------------------------------------------------------------------------
 */

static enum nv_err refuse(const struct nv_options *options, size_t id, struct nv_fail *fail,
                          uint64_t value, const char *what)
{
    enum nv_err err = nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s: %llu %s", nv_option_table[id].path,
                                  (unsigned long long)value, what);
    if (fail != NULL)
        (void)snprintf(fail->path, sizeof fail->path, "%.*s", (int)sizeof fail->path - 1,
                       options->where[id]);
    return err;
}

static enum nv_err check_body(struct nv_options *options, struct nv_fail *fail)
{
    uint64_t body = options->exporter_noveum_max_body_bytes;
    if (body <= options->exporter_noveum_queue_bytes)
        return NV_OK;
    if (is_set(options, NV_OPT_exporter_noveum_queue_bytes))
        return refuse(options, NV_OPT_exporter_noveum_queue_bytes, fail,
                      options->exporter_noveum_queue_bytes,
                      "can't hold one body of exporter.noveum.max_body_bytes; raise it");
    if (is_set(options, NV_OPT_memory_max_bytes))
        return refuse(options, NV_OPT_memory_max_bytes, fail, options->memory_max_bytes,
                      "can't hold one body of exporter.noveum.max_body_bytes; raise it");
    /* Nobody asked for the budget, somebody for the body. */
    options->exporter_noveum_queue_bytes = body;
    return NV_OK;
}

/* A request in JSON is there twice while it is transcoded. */
static enum nv_err check_request(const struct nv_options *options, struct nv_fail *fail)
{
    if (is_set(options, NV_OPT_memory_max_bytes) &&
        options->receiver_max_body_bytes > options->memory_max_bytes / 2)
        return refuse(options, NV_OPT_memory_max_bytes, fail, options->memory_max_bytes,
                      "can't hold one request of receiver.max_body_bytes; it takes twice that");
    return NV_OK;
}

enum nv_err nv_memory_budget_apply(struct nv_options *options, struct nv_fail *fail)
{
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        uint64_t share = options->memory_max_bytes / shares[i].divisor;
        if (!is_set(options, shares[i].id))
            derive(options, shares[i].id, share - shares[i].less, "memory.max_bytes");
    }
    enum nv_err err = check_body(options, fail);
    return err != NV_OK ? err : check_request(options, fail);
}

/* ---- what has no key --------------------------------------------------------------------------
 */

uint64_t nv_memory_share(const struct nv_options *options, enum nv_memory_holder holder,
                         uint64_t most)
{
    static const uint64_t divisors[] = {[NV_MEMORY_COMMIT] = 8,
                                        [NV_MEMORY_TURN] = 16,
                                        [NV_MEMORY_WORK] = 8,
                                        [NV_MEMORY_ITEMS] = BYTES_AN_ITEM,
                                        [NV_MEMORY_THREADS] = BYTES_A_THREAD};
    assert((size_t)holder < sizeof divisors / sizeof divisors[0]);
    uint64_t share = options->memory_max_bytes / divisors[holder];
    share = share < most ? share : most;
    return share > 0 ? share : 1;
}

void nv_memory_budget_begin(const struct nv_options *options)
{
    if (options->memory_max_bytes >= NV_MEMORY_BUDGET_FULL)
        return;
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
    NV_LOG(NV_LOG_INFO, "gateway", "memory budget bytes=%" PRIu64 " from=\"%s\"",
           options->memory_max_bytes, options->where[NV_OPT_memory_max_bytes]);
}
