/*
 * The lists of bodies: counts that follow who joins and leaves in any order, and a retry list in
 * the order of its times, first come first among equals.
 */
#include "expect.h"

#include "exporter/send/sender.h"

#include "base/banned.h"

static struct nv_sender sender;

static void setup(void)
{
    sender = (struct nv_sender){0};
}

START_TEST(counts_follow)
{
    struct nv_body bodies[3] = {{.old = true}, {.old = false}, {.old = true}};
    static const unsigned leaving[3] = {1, 0, 2};

    for (unsigned i = 0; i < 3; i++) {
        nv_buf_init(&bodies[i].wire, 100);
        ck_assert_int_eq(nv_buf_append_str(&bodies[i].wire, NV_STR("x")), NV_OK);
        nv_sender_join_flight(&sender, &bodies[i]);
        ck_assert_ptr_eq(bodies[i].owner, &sender);
    }
    ck_assert_uint_eq(sender.in_flight, 3);
    ck_assert_uint_eq(sender.old_in_flight, 2);
    for (unsigned i = 0; i < 3; i++) {
        nv_sender_leave_flight(&sender, &bodies[leaving[i]]);
        ck_assert_uint_eq(bodies[leaving[i]].wire.len, 0);
        ck_assert_uint_eq(sender.in_flight, 2 - i);
    }
    ck_assert_uint_eq(sender.old_in_flight, 0);
    ck_assert_ptr_null(sender.flying);
}
END_TEST

START_TEST(retries_stand_in_the_order_of_their_times)
{
    struct nv_body bodies[4] = {{.due_ns = 5}, {.due_ns = 2}, {.due_ns = 5}, {.due_ns = 9}};
    static const unsigned order[4] = {1, 0, 2, 3};

    for (unsigned i = 0; i < 4; i++)
        nv_sender_insert_retry(&sender, &bodies[i]);
    ck_assert_uint_eq(sender.retry_count, 4);
    const struct nv_body *body = sender.retry;
    for (unsigned i = 0; i < 4; i++, body = body->next) {
        ck_assert_ptr_eq(body, &bodies[order[i]]);
        ck_assert(body->old);
    }
    ck_assert_ptr_null(body);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/flight");
    TCase *tcase = tcase_create("flight");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, counts_follow);
    tcase_add_test(tcase, retries_stand_in_the_order_of_their_times);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
