/*
 * The loop against an API that answers from a list: what is delivered at which event, how long
 * for, and that it ends whatever it waits for.
 */
#include "expect.h"
#include "gateway/lambda/extension.h"
#include "lambda_kit.h"
#include "oom.h"

#include <semaphore.h>
#include <stdatomic.h>

#include "base/banned.h"

#define REGISTERED "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: s\r\n\r\n{}"
#define REFUSED "HTTP/1.1 500 No\r\n\r\n{}"
#define INVOKE                                                                                 \
    "HTTP/1.1 200 OK\r\n\r\n{\"eventType\":\"INVOKE\",\"requestId\":\"a\",\"deadlineMs\":1}"
/* far away, so that the budget decides */
#define INVOKE_LONG                                                                            \
    "HTTP/1.1 200 OK\r\n\r\n{\"eventType\":\"INVOKE\",\"requestId\":\"a\",\"deadlineMs\":"     \
    "99999999999999}"
#define SHUTDOWN                                                                               \
    "HTTP/1.1 200 OK\r\n\r\n{\"eventType\":\"SHUTDOWN\",\"shutdownReason\":\"spindown\","      \
    "\"deadlineMs\":77}"

static struct lambda_kit kit;
static struct nv_lambda *lambda;
static struct nv_fail fail;

static struct {
    sem_t ended;
    atomic_uint asked;
    atomic_ullong deadline_ms;
    uint64_t left; /* never changes while it runs */
} world;

static struct nv_lambda_load deliver(void *ctx)
{
    (void)ctx;
    unsigned asked = atomic_fetch_add(&world.asked, 1);
    /* a span comes with the second look */
    return (struct nv_lambda_load){.received = asked > 0, .left = world.left};
}

static void ended(void *ctx, uint64_t deadline_ms)
{
    (void)ctx;
    atomic_store(&world.deadline_ms, deadline_ms);
    (void)sem_post(&world.ended);
}

static enum nv_err begin(const char *const *answers, uint64_t budget_ms)
{
    lambda_kit_open(&kit, answers);
    const struct nv_lambda_config config = {.api = kit.address,
                                            .name = "noveum",
                                            .telemetry_host = "127.0.0.1",
                                            .budget_ms = budget_ms,
                                            .deliver = deliver,
                                            .shutdown = ended};
    return nv_lambda_start(&config, &fail, &lambda);
}

static void setup(void)
{
    memset(&world, 0, sizeof world);
    lambda = NULL;
    ck_assert_int_eq(sem_init(&world.ended, 0, 0), 0);
}

static void wait_for_end(void)
{
    while (sem_wait(&world.ended) != 0)
        continue;
    nv_lambda_stop(lambda);
    lambda_kit_close(&kit);
}

START_TEST(an_environment_without_invocations)
{
    static const char *const answers[] = {REGISTERED, REGISTERED, SHUTDOWN, NULL};
    ck_assert_int_eq(begin(answers, 100), NV_OK);
    wait_for_end();
    ck_assert_uint_eq(atomic_load(&world.asked), 0);
    ck_assert_uint_eq(atomic_load(&world.deadline_ms), 77);
    ck_assert_uint_eq(kit.count, 3);
}
END_TEST

/* Its deadline is over already: looked at once, then asked for the next. */
START_TEST(a_deadline_that_is_over_costs_one_look)
{
    static const char *const answers[] = {REGISTERED, REGISTERED, INVOKE, SHUTDOWN, NULL};
    world.left = 3;
    ck_assert_int_eq(begin(answers, 60000), NV_OK);
    wait_for_end();
    ck_assert_uint_eq(atomic_load(&world.asked), 1);
}
END_TEST

/* The end of the function is not known: it is waited for spans, within the budget. */
START_TEST(without_telemetry_spans_are_waited_for)
{
    static const char *const answers[] = {REGISTERED, REFUSED, INVOKE_LONG, SHUTDOWN, NULL};
    ck_assert_int_eq(begin(answers, 60000), NV_OK);
    wait_for_end();
    ck_assert_uint_ge(atomic_load(&world.asked), 2);
}
END_TEST

START_TEST(the_budget_ends_what_does_not_leave)
{
    static const char *const answers[] = {REGISTERED, REFUSED, INVOKE_LONG, SHUTDOWN, NULL};
    world.left = 1;
    ck_assert_int_eq(begin(answers, 20), NV_OK);
    wait_for_end();
    ck_assert_uint_ge(atomic_load(&world.asked), 2);
}
END_TEST

START_TEST(an_api_that_goes_away_ends_it)
{
    static const char *const answers[] = {REGISTERED, REGISTERED, "", "", "", "", "", NULL};
    ck_assert_int_eq(begin(answers, 100), NV_OK);
    wait_for_end();
    ck_assert_uint_eq(atomic_load(&world.deadline_ms), 0);
}
END_TEST

START_TEST(one_that_waits_can_be_stopped)
{
    static const char *const answers[] = {REGISTERED, REGISTERED, NULL};
    ck_assert_int_eq(begin(answers, 100), NV_OK);
    nv_lambda_stop(lambda);
    lambda_kit_close(&kit);
    ck_assert_int_ne(sem_trywait(&world.ended), 0); /* it was not the environment's end */
    nv_lambda_stop(NULL);
}
END_TEST

START_TEST(one_in_an_invocation_can_be_stopped)
{
    static const char *const answers[] = {REGISTERED, REGISTERED, INVOKE_LONG, NULL};
    ck_assert_int_eq(begin(answers, 60000), NV_OK);
    nv_lambda_stop(lambda); /* it waits for the runtime, or is about to */
    lambda_kit_close(&kit);
}
END_TEST

START_TEST(one_that_is_not_registered_is_an_error)
{
    static const char *const answers[] = {REFUSED, NULL};
    ck_assert_int_eq(begin(answers, 100), NV_ERR_IO);
    ck_assert_ptr_null(lambda);
    lambda_kit_close(&kit);
    ck_assert_ptr_nonnull(strstr(fail.what, "500"));
}
END_TEST

START_TEST(without_memory_it_is_an_error)
{
    static const char *const answers[] = {NULL};
    lambda_kit_open(&kit, answers);
    const struct nv_lambda_config config = {
        .api = kit.address, .name = "n", .deliver = deliver, .shutdown = ended};
    oom_fail_nth(1);
    enum nv_err err = nv_lambda_start(&config, &fail, &lambda);
    (void)oom_end();
    lambda_kit_close(&kit);
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
}
END_TEST

START_TEST(the_budget_halves_and_comes_back)
{
    ck_assert_uint_eq(nv_lambda_budget_next(2000, 2000, true), 2000);
    ck_assert_uint_eq(nv_lambda_budget_next(2000, 2000, false), 1000);
    ck_assert_uint_eq(nv_lambda_budget_next(2000, 60, false), NV_LAMBDA_BUDGET_LEAST_MS);
    ck_assert_uint_eq(nv_lambda_budget_next(2000, NV_LAMBDA_BUDGET_LEAST_MS, false),
                      NV_LAMBDA_BUDGET_LEAST_MS);
    ck_assert_uint_eq(nv_lambda_budget_next(2000, 50, true), 2000);
    ck_assert_uint_eq(nv_lambda_budget_next(0, 0, false), 0);
    ck_assert_uint_eq(nv_lambda_budget_next(30, 30, false), 30);
    ck_assert_uint_gt(NV_LAMBDA_MARGIN_MS, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/lambda/extension");
    TCase *tcase = tcase_create("extension");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, an_environment_without_invocations);
    tcase_add_test(tcase, a_deadline_that_is_over_costs_one_look);
    tcase_add_test(tcase, without_telemetry_spans_are_waited_for);
    tcase_add_test(tcase, the_budget_ends_what_does_not_leave);
    tcase_add_test(tcase, an_api_that_goes_away_ends_it);
    tcase_add_test(tcase, one_that_waits_can_be_stopped);
    tcase_add_test(tcase, one_in_an_invocation_can_be_stopped);
    tcase_add_test(tcase, one_that_is_not_registered_is_an_error);
    tcase_add_test(tcase, without_memory_it_is_an_error);
    tcase_add_test(tcase, the_budget_halves_and_comes_back);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
