/*
 * The account: one alone always passes, several share it, who asked first is served first, and an
 * arena gives back what it carries.
 */
#include "expect.h"

#include "base/account.h"
#include "base/arena.h"

#include "base/banned.h"

static struct nv_account account;

static void open_account(void)
{
    nv_account_init(&account, 100);
}

static void close_account(void)
{
    nv_account_release(&account);
}

START_TEST(what_fits_is_taken)
{
    ck_assert(nv_account_try_take(&account, 60));
    ck_assert(!nv_account_try_take(&account, 41));
    ck_assert(nv_account_try_take(&account, 40));
    ck_assert_uint_eq(nv_account_used(&account), 100);
    nv_account_give(&account, 60);
    ck_assert(nv_account_try_take(&account, 1));
    nv_account_give(&account, 41);
}
END_TEST

START_TEST(one_alone_passes)
{
    nv_account_take(&account, 1000);
    ck_assert(!nv_account_try_take(&account, 1));
    nv_account_give(&account, 1000);
    ck_assert(nv_account_try_take(&account, UINT64_MAX));
    nv_account_give(&account, UINT64_MAX);
}
END_TEST

static void *take_much(void *unused)
{
    (void)unused;
    nv_account_take(&account, 90);
    return NULL;
}

START_TEST(who_waits_holds_up_who_comes_later)
{
    pthread_t thread;
    ck_assert(nv_account_try_take(&account, 20));
    ck_assert_int_eq(pthread_create(&thread, NULL, take_much, NULL), 0);
    /* Until it stands in line, small ones pass; then they don't, though they would fit. */
    while (nv_account_try_take(&account, 1))
        nv_account_give(&account, 1);
    nv_account_give(&account, 20);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(nv_account_used(&account), 90);
    nv_account_give(&account, 90);
}
END_TEST

START_TEST(an_arena_gives_back)
{
    struct nv_arena *arena = nv_arena_new(1000);
    ck_assert(nv_account_try_take(&account, 70));
    nv_arena_charge(arena, &account, 70);
    nv_arena_free(arena);
    ck_assert_uint_eq(nv_account_used(&account), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/account");
    TCase *tcase = tcase_create("account");
    tcase_add_checked_fixture(tcase, open_account, close_account);
    tcase_add_test(tcase, what_fits_is_taken);
    tcase_add_test(tcase, one_alone_passes);
    tcase_add_test(tcase, who_waits_holds_up_who_comes_later);
    tcase_add_test(tcase, an_arena_gives_back);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
