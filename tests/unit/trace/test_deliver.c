/*
 * How long a try waits, and spans by way of stages to the receiver: each in one counter,
 * refused traces alone, no room, stages that open late or never, and the end with traces that
 * were held.
 */
#include "expect.h"
#include "fake_stages.h"
#include "trace_kit.h"

#include "trace/deliver.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

static struct kit_receiver receiver;

static void setup(void)
{
    fake = (struct fake_stages){.spans = 1};
    kit_receiver_start(&receiver);
}

static void teardown(void)
{
    (void)noveum_shutdown(1000);
    kit_receiver_stop(&receiver);
}

static noveum_options direct_options(void)
{
    static const char *const settings[] = {"x=y", NULL};
    noveum_options options = kit_options(&receiver);
    options.stages = &fake_table;
    options.api_key = "nv-key";
    options.settings = settings;
    options.batch_spans = 1; /* a request, and so a trace, for each span */
    return options;
}

static void on(void)
{
    noveum_options options = direct_options();
    ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
}

static void end_some(int count)
{
    for (int i = 0; i < count; i++)
        noveum_end(noveum_begin_below(noveum_null(), NOVEUM_FUNCTION, "s"));
}

START_TEST(tries_wait_longer_by_chance)
{
    for (unsigned tries = 1; tries < 40; tries++) {
        uint64_t middle = tries < 9 ? UINT64_C(200) << (tries - 1) : 30000;
        middle = middle < 30000 ? middle : 30000;
        ck_assert_uint_eq(nv_trace_backoff_ms(tries, 0, 0), middle / 2);
        ck_assert_uint_eq(nv_trace_backoff_ms(tries, 0, 128), middle);
        ck_assert_uint_lt(nv_trace_backoff_ms(tries, 0, 255), middle * 3 / 2);
        ck_assert_uint_gt(nv_trace_backoff_ms(tries, 0, 255), middle * 5 / 4);
    }
    ck_assert_uint_eq(nv_trace_backoff_ms(1, 7, 255), 7000);
    ck_assert_uint_eq(nv_trace_backoff_ms(9, 1, 0), 15000);
}
END_TEST

START_TEST(through_the_stages)
{
    on();
    end_some(3);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    ck_assert_uint_eq(kit_balanced().exported, 3);
    ck_assert_ptr_nonnull(strstr(receiver.heads[0], "POST /v1/traces "));
    ck_assert_ptr_nonnull(strstr(receiver.heads[0], "Content-Type: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(receiver.heads[0], "Authorization: Bearer nv-key\r\n"));
    ck_assert_mem_eq(receiver.bodies[0], "{\"traces\":[{\"trace\":1}", 22);
    ck_assert_str_eq(fake.settings, "x=y;");
    ck_assert_int_eq(noveum_shutdown(10000), NOVEUM_OK);
    ck_assert_int_eq(fake.closed, 1);
    on(); /* again, with stages of its own */
    ck_assert_int_eq(noveum_shutdown(10000), NOVEUM_OK);
    ck_assert_int_eq(fake.open, 2);
    ck_assert_int_eq(fake.closed, 2);
}
END_TEST

START_TEST(each_span_ends_in_one_counter)
{
    kit_receiver_plan(&receiver, (struct kit_answer){.status = 503});
    kit_receiver_plan(&receiver, (struct kit_answer){.status = 401});
    kit_receiver_plan(&receiver, (struct kit_answer){.status = 400});
    on();
    end_some(1); /* twice again, then refused */
    ck_assert_int_eq(noveum_flush(20000), NOVEUM_OK);
    ck_assert_uint_eq(kit_balanced().dropped_failed, 1);
    ck_assert_int_eq(fake.refused, 1);
    fake.says = -1;
    end_some(1);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    ck_assert_uint_eq(kit_balanced().dropped_failed, 2);
    fake.says = 0;
    fake.rejects = 1;
    end_some(1);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    ck_assert_uint_eq(kit_balanced().dropped_rejected, 1);
    fake.rejects = 0;
    fake.drops = 1;
    fake.holds = true;
    end_some(1);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    ck_assert_uint_eq(kit_balanced().dropped_rejected, 2);
}
END_TEST

START_TEST(no_room_is_waited_for)
{
    fake.no_room = 2;
    on();
    end_some(1);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    ck_assert_uint_eq(kit_balanced().exported, 1);
    fake.no_room = 1 << 30;
    end_some(1);
    ck_assert_int_eq(noveum_flush(20), NOVEUM_TIMEOUT);
    ck_assert_int_eq(noveum_shutdown(20), NOVEUM_TIMEOUT);
    ck_assert_uint_eq(kit_balanced().dropped_stopped, 1);
}
END_TEST

START_TEST(what_is_held_goes_at_the_end)
{
    fake.holds = true;
    on();
    end_some(5);
    ck_assert_int_eq(noveum_flush(50), NOVEUM_TIMEOUT); /* it is not whole */
    ck_assert_uint_eq(kit_balanced().queued, 5);
    ck_assert_int_eq(noveum_shutdown(10000), NOVEUM_OK);
    ck_assert_uint_eq(kit_balanced().exported, 5);
}
END_TEST

START_TEST(a_receiver_that_hangs_at_the_end)
{
    fake.holds = true;
    kit_receiver_plan(&receiver, (struct kit_answer){.status = 1});
    on();
    end_some(2);
    ck_assert_int_eq(noveum_shutdown(200), NOVEUM_TIMEOUT);
    ck_assert_uint_eq(kit_balanced().dropped_stopped, 2);
    ck_assert_int_eq(fake.closed, 1);
}
END_TEST

START_TEST(stages_that_do_not_open)
{
    char text[200];
    noveum_options options = direct_options();
    fake.fails = true;
    ck_assert_int_eq(noveum_start(&options), NOVEUM_INVALID);
    ck_assert_uint_gt(noveum_last_error(text, sizeof text), 0);
    ck_assert_str_eq(text, "told to");
    ck_assert(!noveum_enabled());
}
END_TEST

/* The child has stages of its own, when it has a span. */
START_TEST(in_a_child)
{
    int status;
    fake.holds = true;
    on();
    end_some(1);
    ck_assert_int_eq(noveum_flush(20), NOVEUM_TIMEOUT);
    pid_t child = fork();
    if (child == 0) {
        bool alone = kit_counters().queued == 0 && fake.open == 1;
        fake.holds = false;
        fake.taken = fake.pulled = 0;
        end_some(2);
        bool sent = noveum_flush(10000) == NOVEUM_OK && kit_counters().exported == 2;
        _exit(alone && sent && fake.open == 2 && fake.closed == 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(noveum_shutdown(10000), NOVEUM_OK);
    ck_assert_uint_eq(kit_balanced().exported, 1);
}
END_TEST

START_TEST(without_memory)
{
    noveum_options options = direct_options();
    nv_test_oom_send(&options);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deliver");
    TCase *tcase = tcase_create("deliver");
    tcase_set_timeout(tcase, 100);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, tries_wait_longer_by_chance);
    tcase_add_test(tcase, through_the_stages);
    tcase_add_test(tcase, each_span_ends_in_one_counter);
    tcase_add_test(tcase, no_room_is_waited_for);
    tcase_add_test(tcase, what_is_held_goes_at_the_end);
    tcase_add_test(tcase, a_receiver_that_hangs_at_the_end);
    tcase_add_test(tcase, stages_that_do_not_open);
#if !defined(__SANITIZE_THREAD__) /* it can't follow threads of a forked process */
    tcase_add_test(tcase, in_a_child);
#else
    (void)in_a_child;
#endif
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
