/*
 * The journal of a stopped gateway as a store, for the commands that change it.
 */
#ifndef NV_GATEWAY_DEAD_DEAD_STORE_H
#define NV_GATEWAY_DEAD_DEAD_STORE_H

#include "journal/journal.h"
#include "gateway/config/options.h"

struct nv_dead_store {
    struct nv_store store;
    struct nv_journal *journal; /* owned */
};

/*
 * Opens the journal of `options` and takes its lock. NV_ERR_LOCKED: a gateway runs on it;
 * others as nv_journal_open, with `fail`.
 */
enum nv_err nv_dead_store_open(const struct nv_options *options, struct nv_dead_store *out,
                               struct nv_fail *fail) NV_MUST_USE;
/* Closes the journal. */
void nv_dead_store_close(struct nv_dead_store *store);

#endif
