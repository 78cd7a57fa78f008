/*
 * Whose a structure is, as other threads see it.
 */
#include "base/owner.h"

#include "expect.h"

#include "base/banned.h"

/* Asks, or takes, on a thread of its own. */
struct asker {
    struct nv_owner *owner;
    bool take;
    bool mine;
};

static void *ask(void *arg)
{
    struct asker *asker = arg;
    if (asker->take)
        nv_owner_take(asker->owner);
    asker->mine = nv_owner_is_mine(asker->owner);
    return NULL;
}

static bool elsewhere(struct nv_owner *owner, bool take)
{
    struct asker asker = {.owner = owner, .take = take};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, ask, &asker), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    return asker.mine;
}

START_TEST(what_is_nobodys_is_anybodys)
{
    struct nv_owner owner = {0};
    ck_assert(nv_owner_is_mine(&owner));
    ck_assert(elsewhere(&owner, false));
}
END_TEST

START_TEST(what_is_taken_is_the_takers_alone)
{
    struct nv_owner owner = {0};
    nv_owner_take(&owner);
    ck_assert(nv_owner_is_mine(&owner));
    ck_assert(!elsewhere(&owner, false));
    nv_owner_take(&owner); /* once more is no change */
    ck_assert(nv_owner_is_mine(&owner));
}
END_TEST

START_TEST(left_behind_by_a_thread_that_was_joined)
{
    struct nv_owner owner = {0};
    ck_assert(elsewhere(&owner, true));
    ck_assert(!nv_owner_is_mine(&owner));
    nv_owner_leave(&owner);
    ck_assert(nv_owner_is_mine(&owner));
    ck_assert(elsewhere(&owner, true));
    ck_assert(!nv_owner_is_mine(&owner));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/owner");
    TCase *tcase = tcase_create("owner");
    tcase_add_test(tcase, what_is_nobodys_is_anybodys);
    tcase_add_test(tcase, what_is_taken_is_the_takers_alone);
    tcase_add_test(tcase, left_behind_by_a_thread_that_was_joined);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
