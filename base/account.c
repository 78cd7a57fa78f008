/*
 * The account is a counting lock with tickets.
 *
 * Tickets, because otherwise one that asks for much would wait for ever while many small ones pass:
 * the first in line holds up the rest until it fits. Waiting is rare (an honest trace asks for a
 * thousandth of the account), so one condition for all is enough. Amounts are what may be used, not
 * what is: an amount that grew with use would have to fail or wait in the middle of a translation.
 */
#include "base/account.h"

#include <assert.h>

#include "base/banned.h"

void nv_account_init(struct nv_account *account, uint64_t max)
{
    *account = (struct nv_account){.max = max};
    pthread_mutex_init(&account->lock, NULL);
    pthread_cond_init(&account->changed, NULL);
}

void nv_account_release(struct nv_account *account)
{
    assert(account->used == 0);
    pthread_cond_destroy(&account->changed);
    pthread_mutex_destroy(&account->lock);
}

static bool fits(const struct nv_account *account, uint64_t bytes)
{
    return account->used == 0 ||
           (account->used <= account->max && bytes <= account->max - account->used);
}

void nv_account_take(struct nv_account *account, uint64_t bytes)
{
    pthread_mutex_lock(&account->lock);
    uint64_t ticket = account->asked++;
    while (ticket != account->served || !fits(account, bytes))
        pthread_cond_wait(&account->changed, &account->lock);
    account->served++;
    account->used += bytes;
    pthread_cond_broadcast(&account->changed);
    pthread_mutex_unlock(&account->lock);
}

bool nv_account_try_take(struct nv_account *account, uint64_t bytes)
{
    pthread_mutex_lock(&account->lock);
    bool taken = account->asked == account->served && fits(account, bytes);
    if (taken)
        account->used += bytes;
    pthread_mutex_unlock(&account->lock);
    return taken;
}

void nv_account_give(struct nv_account *account, uint64_t bytes)
{
    pthread_mutex_lock(&account->lock);
    assert(account->used >= bytes);
    account->used -= bytes;
    pthread_cond_broadcast(&account->changed);
    pthread_mutex_unlock(&account->lock);
}

uint64_t nv_account_used(struct nv_account *account)
{
    pthread_mutex_lock(&account->lock);
    uint64_t used = account->used;
    pthread_mutex_unlock(&account->lock);
    return used;
}
