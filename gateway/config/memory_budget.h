/*
 * One budget of memory, and each stage's share of it.
 *
 *   memory.max_bytes ──▶ what has a key and is not set        nv_memory_budget_apply
 *                    └─▶ what has no key: threads, turns      nv_memory_share (gateway/stages.c)
 */
#ifndef NV_GATEWAY_CONFIG_MEMORY_BUDGET_H
#define NV_GATEWAY_CONFIG_MEMORY_BUDGET_H

#include "gateway/config/options.h"

/* With this much every share is at least the default of its key, so that nothing changes. */
#define NV_MEMORY_BUDGET_FULL (UINT64_C(1) << 30)

/*
 * Lowers the default of memory.max_bytes to what `limit_bytes` (of the control group; 0: none)
 * leaves for it. For options that are being loaded, before anything else looks at them.
 */
void nv_memory_budget_from_limit(struct nv_options *options, uint64_t limit_bytes);
/*
 * Gives the keys that were not set their share of memory.max_bytes, never more than their
 * default and never less than what they need; then checks that one request and one body fit.
 * NV_ERR_CONFIG with `fail` (may be NULL) naming the key and what to do.
 */
enum nv_err nv_memory_budget_apply(struct nv_options *options,
                                   struct nv_fail *fail) NV_MUST_USE;

/* Holders of memory that have no key. */
enum nv_memory_holder {
    NV_MEMORY_COMMIT,  /* requests that wait for the journal, in bytes */
    NV_MEMORY_WORK,    /* what translating one trace takes beside its own bytes */
    NV_MEMORY_TURN,    /* span bytes that a shard gathers before it translates them */
    NV_MEMORY_ITEMS,   /* spans or log records of one request; a number */
    NV_MEMORY_THREADS, /* of the receiver, and of assembly; a number */
    NV_MEMORY_PACKERS  /* threads that compress bodies; a number */
};

/* What one part of the program holds at most. */
struct nv_memory_line {
    const char *what; /* static */
    uint64_t bytes;
};
#define NV_MEMORY_LINES 6

/*
 * All of it, with so many shards of assembly and threads that compress; the first is the
 * account of requests and traces. They add up to memory.max_bytes, but where keys were set to
 * more: the account has a quarter at least.
 */
void nv_memory_lines(const struct nv_options *options, unsigned shards, unsigned packers,
                     struct nv_memory_line lines[NV_MEMORY_LINES]);

/* The share of one of them by memory.max_bytes, at most `most`, at least 1. */
uint64_t nv_memory_share(const struct nv_options *options, enum nv_memory_holder holder,
                         uint64_t most);

/*
 * Tells malloc how much of what is freed it keeps: with NV_MEMORY_BUDGET_FULL and more some for
 * the next request, with less nothing of large blocks, which is logged with where the budget
 * came from. Call before threads run; once.
 */
void nv_memory_budget_begin(const struct nv_options *options);

#endif
