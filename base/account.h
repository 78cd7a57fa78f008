/*
 * An account of bytes: what several threads may hold together, taken before it is allocated.
 *
 *   max ├──── used ────┤··· free ···┤        take waits in the order of asking, try_take never
 *
 * One alone always gets what it asks for, or what is larger than the account would never go.
 * Whoever waits must hold nothing of the account itself; what was taken is given back by
 * nv_arena_free when an arena carries it (base/arena.h). Any thread.
 */
#ifndef NV_BASE_ACCOUNT_H
#define NV_BASE_ACCOUNT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct nv_account {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t max, used;
    uint64_t asked, served; /* tickets */
};

void nv_account_init(struct nv_account *account, uint64_t max);
/* All must have been given back. */
void nv_account_release(struct nv_account *account);
/* Takes `bytes`, waiting until they fit and all that asked before were served. */
void nv_account_take(struct nv_account *account, uint64_t bytes);
/* Takes `bytes` if they fit and nobody waits. */
bool nv_account_try_take(struct nv_account *account, uint64_t bytes);
void nv_account_give(struct nv_account *account, uint64_t bytes);
/* Bytes taken now. */
uint64_t nv_account_used(struct nv_account *account);

#endif
