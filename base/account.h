/*
 * An account of bytes: what several parts of the program may hold together, taken before it is
 * allocated.
 *
 *   max ├──── used ────┤··· free ···├── reserved ──┤
 *
 * Nobody waits inside. nv_account_try_take is for who can be refused (a request at the door);
 * nv_account_ask for who can't (a trace that was accepted): when its bytes do not fit they are
 * reserved, all others are refused as long as they would not fit beside them, and it asks again
 * later. One reservation at a time, so that the largest gets its turn. One alone always gets
 * what it asks for, or what is larger than the account would never go. Any thread.
 */
#ifndef NV_BASE_ACCOUNT_H
#define NV_BASE_ACCOUNT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct nv_account {
    pthread_mutex_t lock; /* of all below */
    uint64_t max, used;
    const void *reserver; /* who asked and is to be next; NULL: nobody */
    uint64_t reserved;    /* bytes that it needs */
};

/* Nothing taken, of `max` bytes. */
void nv_account_init(struct nv_account *account, uint64_t max);
/* All must have been given back. */
void nv_account_release(struct nv_account *account);
/* Takes `bytes` if they fit beside what is used and reserved. */
bool nv_account_try_take(struct nv_account *account, uint64_t bytes);
/*
 * The same for `who` (any address that is its own, not NULL), whose reservation it fulfils when
 * it is as large. False: reserved, unless another has the reservation; ask again soon, or
 * forget it.
 */
bool nv_account_ask(struct nv_account *account, const void *who, uint64_t bytes);
/* Ends the reservation of `who`, if it has one. */
void nv_account_forget(struct nv_account *account, const void *who);
/* Gives back bytes that were taken: never more than that. */
void nv_account_give(struct nv_account *account, uint64_t bytes);
/* Bytes taken now. */
uint64_t nv_account_used(struct nv_account *account);

#endif
