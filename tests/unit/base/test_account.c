/*
 * The account: one alone always passes, several share it, what is reserved is passed by nobody,
 * and an arena gives back what it carries.
 */
#include "expect.h"

#include "base/account.h"
#include "base/arena.h"

#include "base/banned.h"

static struct nv_account account;
static const char somebody, large;

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
    ck_assert(nv_account_ask(&account, &somebody, 1000));
    ck_assert(!nv_account_try_take(&account, 1));
    nv_account_give(&account, 1000);
    ck_assert(nv_account_try_take(&account, UINT64_MAX));
    nv_account_give(&account, UINT64_MAX);
}
END_TEST

START_TEST(what_is_reserved_is_passed_by_nobody)
{
    ck_assert(nv_account_try_take(&account, 20));
    ck_assert(!nv_account_ask(&account, &large, 90));
    /* What fits beside it passes, what does not waits for it, and so does another that asks. */
    ck_assert(!nv_account_try_take(&account, 1));
    ck_assert(!nv_account_ask(&account, &somebody, 1));
    nv_account_give(&account, 20);
    ck_assert(nv_account_try_take(&account, 10));
    ck_assert(!nv_account_try_take(&account, 1));
    ck_assert(nv_account_ask(&account, &large, 90));
    nv_account_give(&account, 90);
    ck_assert(nv_account_try_take(&account, 90));
    nv_account_give(&account, 100);
}
END_TEST

/* As for the largest, that the account could never hold beside anything. */
START_TEST(what_is_larger_than_all_comes_when_the_rest_has_gone)
{
    ck_assert(nv_account_try_take(&account, 20));
    ck_assert(!nv_account_ask(&account, &somebody, UINT64_MAX));
    ck_assert(!nv_account_try_take(&account, 1));
    nv_account_give(&account, 20);
    ck_assert(!nv_account_try_take(&account, 1));
    ck_assert(nv_account_ask(&account, &somebody, UINT64_MAX));
    nv_account_give(&account, UINT64_MAX);
}
END_TEST

START_TEST(a_reservation_is_forgotten_by_its_owner_only)
{
    ck_assert(nv_account_try_take(&account, 20));
    ck_assert(!nv_account_ask(&account, &somebody, 100));
    nv_account_forget(&account, &account);
    ck_assert(!nv_account_try_take(&account, 80));
    nv_account_forget(&account, &somebody);
    ck_assert(nv_account_try_take(&account, 80));
    nv_account_give(&account, 100);
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
    tcase_add_test(tcase, what_is_reserved_is_passed_by_nobody);
    tcase_add_test(tcase, what_is_larger_than_all_comes_when_the_rest_has_gone);
    tcase_add_test(tcase, a_reservation_is_forgotten_by_its_owner_only);
    tcase_add_test(tcase, an_arena_gives_back);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
