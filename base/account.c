/*
 * The account is a counter under a lock, with one reservation.
 *
 *   door ──try_take──▶ [ used ........ | reserved ] ◀──ask── shard          503 / asks again
 *
 * Waiting inside would tie the stages together: a shard that waits for requests to leave the
 * door, whose commit waits for that shard's queue, would wait for ever. So a shard goes on with
 * its other work and asks again, and the reservation keeps the small ones that come in between
 * from passing it. Amounts are what may be used, not what is: an amount that grew with use
 * would have to fail in the middle of a translation.
 */
#include "base/account.h"

#include <assert.h>
#include <stddef.h>

#include "base/banned.h"

void nv_account_init(struct nv_account *account, uint64_t max)
{
    *account = (struct nv_account){.max = max};
    pthread_mutex_init(&account->lock, NULL);
}

void nv_account_release(struct nv_account *account)
{
    assert(account->used == 0);
    pthread_mutex_destroy(&account->lock);
}

/* Beside what is used and, for all but `who`, reserved. */
static bool fits(const struct nv_account *account, const void *who, uint64_t bytes)
{
    uint64_t kept =
        account->reserver != NULL && account->reserver != who ? account->reserved : 0;
    if (account->used == 0 && kept == 0)
        return true;
    uint64_t held = account->used + kept;
    return held >= account->used && held <= account->max && bytes <= account->max - held;
}

bool nv_account_try_take(struct nv_account *account, uint64_t bytes)
{
    pthread_mutex_lock(&account->lock);
    bool taken = fits(account, NULL, bytes);
    if (taken)
        account->used += bytes;
    pthread_mutex_unlock(&account->lock);
    return taken;
}

static void forget(struct nv_account *account)
{
    account->reserver = NULL;
    account->reserved = 0;
}

bool nv_account_ask(struct nv_account *account, const void *who, uint64_t bytes)
{
    assert(who != NULL);
    pthread_mutex_lock(&account->lock);
    bool taken = fits(account, who, bytes);
    if (taken)
        account->used += bytes;
    bool mine = account->reserver == NULL || account->reserver == who;
    if (mine && taken && bytes >= account->reserved)
        forget(account);
    if (mine && !taken) {
        account->reserver = who;
        account->reserved = bytes > account->reserved ? bytes : account->reserved;
    }
    pthread_mutex_unlock(&account->lock);
    return taken;
}

void nv_account_forget(struct nv_account *account, const void *who)
{
    pthread_mutex_lock(&account->lock);
    if (account->reserver == who)
        forget(account);
    pthread_mutex_unlock(&account->lock);
}

void nv_account_give(struct nv_account *account, uint64_t bytes)
{
    pthread_mutex_lock(&account->lock);
    assert(account->used >= bytes);
    account->used -= bytes;
    pthread_mutex_unlock(&account->lock);
}

uint64_t nv_account_used(struct nv_account *account)
{
    pthread_mutex_lock(&account->lock);
    uint64_t used = account->used;
    pthread_mutex_unlock(&account->lock);
    return used;
}
