/*
 * Shares of the memory budget. What the stages hold at most, and what is left for the rest:
 *
 *   index of held spans, resources      1/8                   assembly.memory_bytes
 *   JSON that waits                     2 x 1/16              exporter.noveum.queue_bytes, twice
 *   JSON being written                  J x shards            exporter.noveum.max_trace_bytes
 *   bodies on their way                 J x (in flight + 2P)  the larger of a trace and a body
 *   threads                             1/16                  buffers below the sizes that count,
 *                                                             what malloc keeps of its arenas
 *   the account: requests from their first byte to the answer, traces until they are JSON: the rest
 *
 * J is 1/32 up to 2 MiB and then 1/64; P are the threads that compress, at least 1, which have
 * a body and its gzip each. The lines of nv_memory_lines add up to memory.max_bytes;
 * tests/unit/gateway/config/test_memory_budget.c adds them. Requests and traces share one
 * account because each must be able to be as large as the other leaves it: two shares for the
 * largest of both would be more than there is. What the budget does not hold is the program
 * itself (about
 * 14 MB) and the journal's pages, which the kernel gives back by itself. So the control group's
 * limit is taken at 40 % (measured: tests/e2e/test_pressure.py).
 *
 * A trace and a body larger than their share are not refused: the one is cut into linked parts,
 * the other goes alone. A request that is larger is, with 413, as one beyond any other limit.
 *
 * malloc: glibc raises the size from which blocks are mapped alone up to 32 MiB when such
 * blocks are freed, and the memory that each of its arenas keeps to the double of that: after a
 * burst of large traces 200 MB stayed with an idle gateway, 19 MB with the first size fixed.
 * Both are fixed. Who asked for little memory has large blocks mapped alone. Everybody else has
 * them only beyond what requests and traces usually take, and each arena keeps some of what is
 * free: given back after every trace it came again as page faults, 2 us of a span of 15 KB.
 */
#include "gateway/config/memory_budget.h"

#include "base/log/log.h"

#include <assert.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>

#include "base/banned.h"

/* Of the control group's limit. */
#define LIMIT_PERCENT 40
/* A receiving and a translating thread hold a request and a trace each. */
#define BYTES_A_THREAD (UINT64_C(32) << 20)
/* With this much a thread that compresses takes nothing that requests need. */
#define BYTES_A_PACKER (UINT64_C(128) << 20)
/* A span that is a trace of its own: found, arriving and held. */
#define BYTES_AN_ITEM 512
/* Twice what an idle connection takes over TLS or gRPC (measured: 14 KB each; plain HTTP
 * 0.3). */
#define BYTES_A_CONNECTION 32768
/* So that the JSON of a trace, J, has 1 KiB for each span: what is written of one that says
 * nothing takes 850 bytes. */
#define BYTES_A_SPAN 65536
/* A trace and a body on their way beside it. */
#define BYTES_A_FLIGHT (UINT64_C(32) << 20)
#define JSON_DIVISOR 0
/* Beside the body a request has a head, twice its limit while it grows (otlp/receiver.c). */
#define HEAD_BYTES (UINT64_C(64) << 10)
/* From here on blocks are mapped alone, below the full budget; glibc's own first value, which
 * is then raised. */
#define MMAP_BYTES (128 * 1024)
/* The same with the full budget: larger than a usual request, its trace and its JSON. */
#define MMAP_FULL_BYTES (4 * 1024 * 1024)
/* With the full budget: what is free at the end of an arena is kept up to this. */
#define KEPT_BYTES (8 * 1024 * 1024)
/* And by how much more than is asked for an arena grows: a call of the kernel each. */
#define GROWTH_BYTES (1024 * 1024)

static const struct {
    size_t id;
    uint64_t divisor;
    uint64_t less; /* what goes off the share */
} shares[] = {
    {NV_OPT_receiver_max_undecoded_bytes, 2, 0},
    {NV_OPT_receiver_max_body_bytes, 6, HEAD_BYTES},
    {NV_OPT_receiver_max_connections, BYTES_A_CONNECTION, 0},
    {NV_OPT_assembly_memory_bytes, 8, 0},
    {NV_OPT_assembly_max_trace_bytes, 64, 0},
    {NV_OPT_assembly_max_spans, BYTES_A_SPAN, 0},
    {NV_OPT_exporter_noveum_queue_bytes, 16, 0},
    {NV_OPT_exporter_noveum_max_trace_bytes, JSON_DIVISOR, 0},
    {NV_OPT_exporter_noveum_max_body_bytes, JSON_DIVISOR, 0},
    {NV_OPT_exporter_noveum_max_in_flight, BYTES_A_FLIGHT, 0},
};

/* Of the budget; JSON takes less of a larger one, where there are more shards to write it. */
static uint64_t share_of(uint64_t budget, uint64_t divisor)
{
    const uint64_t small = UINT64_C(2) << 20;
    if (divisor != JSON_DIVISOR)
        return budget / divisor;
    uint64_t share = budget / 32 < small ? budget / 32 : small;
    return budget / 64 > share ? budget / 64 : share;
}

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
    if (limit_bytes > 0 && !is_set(options, NV_OPT_memory_max_bytes)) {
        derive(options, NV_OPT_memory_max_bytes, limit_bytes / 100 * LIMIT_PERCENT,
               "the control group's limit");
    }
}

/* ---- checks ------------------------------------------------------------------------------ */

static enum nv_err refuse(const struct nv_options *options, size_t id, struct nv_fail *fail,
                          uint64_t value, const char *what)
{
    enum nv_err err = nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s: %llu %s",
                                  nv_option_table[id].path, (unsigned long long)value, what);
    if (fail) {
        (void)snprintf(fail->path, sizeof fail->path, "%.*s", (int)sizeof fail->path - 1,
                       options->where[id]);
    }
    return err;
}

static enum nv_err check_body(struct nv_options *options, struct nv_fail *fail)
{
    uint64_t body = options->exporter_noveum_max_body_bytes;
    if (body <= options->exporter_noveum_queue_bytes)
        return NV_OK;
    if (is_set(options, NV_OPT_exporter_noveum_queue_bytes)) {
        return refuse(options, NV_OPT_exporter_noveum_queue_bytes, fail,
                      options->exporter_noveum_queue_bytes,
                      "can't hold one body of exporter.noveum.max_body_bytes; raise it");
    }
    if (is_set(options, NV_OPT_memory_max_bytes)) {
        return refuse(options, NV_OPT_memory_max_bytes, fail, options->memory_max_bytes,
                      "can't hold one body of exporter.noveum.max_body_bytes; raise it");
    }
    /* Nobody asked for the budget, somebody for the body. */
    options->exporter_noveum_queue_bytes = body;
    return NV_OK;
}

/* A request in JSON is there twice while it is transcoded. */
static enum nv_err check_request(const struct nv_options *options, struct nv_fail *fail)
{
    if (is_set(options, NV_OPT_memory_max_bytes) &&
        options->receiver_max_body_bytes > options->memory_max_bytes / 2) {
        return refuse(options, NV_OPT_memory_max_bytes, fail, options->memory_max_bytes,
                      "can't hold one request of receiver.max_body_bytes; it takes twice that");
    }
    return NV_OK;
}

enum nv_err nv_memory_budget_apply(struct nv_options *options, struct nv_fail *fail)
{
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        uint64_t share = share_of(options->memory_max_bytes, shares[i].divisor);
        if (!is_set(options, shares[i].id))
            derive(options, shares[i].id, share - shares[i].less, "memory.max_bytes");
    }
    enum nv_err err = check_body(options, fail);
    return err != NV_OK ? err : check_request(options, fail);
}

/* ---- what has no key --------------------------------------------------------------------- */

uint64_t nv_memory_share(const struct nv_options *options, enum nv_memory_holder holder,
                         uint64_t most)
{
    static const uint64_t divisors[] = {[NV_MEMORY_COMMIT] = 8,
                                        [NV_MEMORY_TURN] = 8,
                                        [NV_MEMORY_WORK] = 8,
                                        [NV_MEMORY_ITEMS] = BYTES_AN_ITEM,
                                        [NV_MEMORY_THREADS] = BYTES_A_THREAD,
                                        [NV_MEMORY_PACKERS] = BYTES_A_PACKER};
    assert((size_t)holder < sizeof divisors / sizeof divisors[0]);
    uint64_t share = options->memory_max_bytes / divisors[holder];
    share = share < most ? share : most;
    return share > 0 ? share : 1;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void nv_memory_lines(const struct nv_options *options, unsigned shards, unsigned packers,
                     struct nv_memory_line lines[NV_MEMORY_LINES])
{
    uint64_t trace = options->exporter_noveum_max_trace_bytes;
    uint64_t body = larger(trace, options->exporter_noveum_max_body_bytes);
    const struct nv_memory_line held[NV_MEMORY_LINES - 1] = {
        {"index of held spans", options->assembly_memory_bytes},
        {"JSON that waits", 2 * options->exporter_noveum_queue_bytes},
        {"JSON being written", trace * shards},
        {"bodies on their way",
         body * (options->exporter_noveum_max_in_flight + 2 * (packers > 0 ? packers : 1))},
        {"threads", options->memory_max_bytes / 16},
    };
    uint64_t rest = options->memory_max_bytes;
    for (size_t i = 0; i < NV_MEMORY_LINES - 1; i++) {
        rest -= held[i].bytes < rest ? held[i].bytes : rest;
        lines[i + 1] = held[i];
    }
    uint64_t least = options->memory_max_bytes / 4;
    lines[0] = (struct nv_memory_line){"requests and traces", larger(rest, least)};
}

void nv_memory_budget_begin(const struct nv_options *options)
{
    if (options->memory_max_bytes >= NV_MEMORY_BUDGET_FULL) {
        (void)mallopt(M_MMAP_THRESHOLD, MMAP_FULL_BYTES);
        (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
        (void)mallopt(M_TOP_PAD, GROWTH_BYTES);
        return;
    }
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
    NV_LOG(NV_LOG_INFO, "gateway", "memory budget bytes=%" PRIu64 " from=\"%s\"",
           options->memory_max_bytes, options->where[NV_OPT_memory_max_bytes]);
}
