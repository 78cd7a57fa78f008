/*
 * The gate: one failure slows one body, three slow all; a Retry-After closes for all; holds end
 * only by a success after their time; the retry budget is a tenth of what is attempted.
 */
#include "chance.h"
#include "expect.h"

#include "base/clock.h"
#include "exporter/answer/gate.h"

#include "base/banned.h"

static const struct nv_retry_knobs knobs = {.initial_ms = 1000, .max_ms = 8000};
#define MS(n) ((uint64_t)(n)*NV_NS_PER_MS)

static struct nv_gate gate;

static void setup(void)
{
    nv_gate_init(&gate, 4, 0);
}

static void trouble(uint64_t now_ns)
{
    const struct nv_verdict v = {.action = NV_ACTION_RETRY, .trouble = true, .why = "t"};

    nv_gate_failure(&gate, &knobs, &v, now_ns, UINT64_MAX);
}

static void hold(enum nv_hold reason, uint64_t wait_ns, uint64_t now_ns)
{
    const struct nv_verdict v = {
        .action = NV_ACTION_HOLD, .hold = reason, .wait_ns = wait_ns, .why = "h"};

    nv_gate_failure(&gate, &knobs, &v, now_ns, 0);
}

START_TEST(opens_one_by_one)
{
    ck_assert(nv_gate_is_open(&gate, 0, 0));
    ck_assert(!nv_gate_is_open(&gate, 1, 0));
    for (uint32_t width = 2; width <= 4; width++) {
        nv_gate_success(&gate, false, 0);
        ck_assert(nv_gate_is_open(&gate, width - 1, 0));
        ck_assert(!nv_gate_is_open(&gate, width, 0));
    }
    nv_gate_success(&gate, false, 0);
    ck_assert(!nv_gate_is_open(&gate, 4, 0));
}
END_TEST

START_TEST(the_third_trouble_closes)
{
    for (int i = 0; i < 3; i++)
        nv_gate_success(&gate, false, 0);
    trouble(0);
    ck_assert(nv_gate_is_open(&gate, 1, 0));
    ck_assert(!nv_gate_is_open(&gate, 2, 0));
    for (unsigned i = 2; i < NV_GATE_TROUBLES_MAX; i++)
        trouble(0);
    ck_assert(nv_gate_is_open(&gate, 0, 0));
    trouble(0);
    /* UINT64_MAX % (1000 ms + 1) is what the jitter draws. */
    ck_assert(!nv_gate_is_open(&gate, 0, UINT64_MAX % (MS(1000) + 1) - 1));
    ck_assert(nv_gate_is_open(&gate, 0, MS(1000)));
    ck_assert(!nv_gate_is_open(&gate, 1, MS(1000)));
    nv_gate_success(&gate, false, MS(1000));
    trouble(MS(1000));
    ck_assert(nv_gate_is_open(&gate, 0, MS(1000)));
}
END_TEST

START_TEST(retry_after_closes_at_once)
{
    const struct nv_verdict v = {.action = NV_ACTION_RETRY,
                                 .trouble = true,
                                 .asked = true,
                                 .wait_ns = MS(5000),
                                 .why = "429"};

    nv_gate_failure(&gate, &knobs, &v, MS(100), 0);
    ck_assert(!nv_gate_is_open(&gate, 0, MS(5099)));
    ck_assert(nv_gate_is_open(&gate, 0, MS(5100)));
    /* A shorter one does not shorten. */
    struct nv_verdict shorter = v;

    shorter.wait_ns = MS(10);
    nv_gate_failure(&gate, &knobs, &shorter, MS(200), 0);
    ck_assert(!nv_gate_is_open(&gate, 0, MS(5099)));
}
END_TEST

START_TEST(holds_last_until_proven_over)
{
    hold(NV_HOLD_CREDIT, MS(1000), 0);
    ck_assert(!nv_gate_is_open(&gate, 0, MS(999)));
    /* A success that was on its way proves nothing. */
    ck_assert(!nv_gate_success(&gate, false, MS(500)));
    ck_assert_int_eq(gate.hold, NV_HOLD_CREDIT);
    ck_assert(nv_gate_is_open(&gate, 0, MS(1000)));
    ck_assert(!nv_gate_wants_probe(&gate, MS(1000)));
    ck_assert(nv_gate_success(&gate, false, MS(1001)));
    ck_assert_int_eq(gate.hold, NV_HOLD_NONE);
}
END_TEST

START_TEST(other_trouble_replaces_a_hold)
{
    hold(NV_HOLD_CONFIG, MS(1000), 0);
    trouble(MS(500));
    ck_assert_int_eq(gate.hold, NV_HOLD_CONFIG);
    trouble(MS(1500));
    ck_assert_int_eq(gate.hold, NV_HOLD_NONE);
}
END_TEST

START_TEST(a_refused_key_is_probed)
{
    hold(NV_HOLD_AUTH, MS(1000), 0);
    ck_assert(!nv_gate_wants_probe(&gate, MS(999)));
    ck_assert(nv_gate_wants_probe(&gate, MS(1000)));
    ck_assert(!nv_gate_is_open(&gate, 0, MS(100000)));
    nv_gate_let_through(&gate, MS(1000));
    ck_assert(nv_gate_is_open(&gate, 0, MS(1000)));
    ck_assert(!nv_gate_wants_probe(&gate, MS(1000)));
}
END_TEST

/* Answers that are not the API's: a few that were never tried may still go and see. */
START_TEST(pilots_go_while_answers_are_foreign)
{
    struct nv_verdict v = {.action = NV_ACTION_HOLD,
                           .hold = NV_HOLD_FOREIGN,
                           .wait_ns = MS(1000),
                           .foreign = true,
                           .first = true,
                           .why = "page"};

    ck_assert(!nv_gate_takes_pilot(&gate, 0));
    nv_gate_failure(&gate, &knobs, &v, 0, 0);
    ck_assert(!nv_gate_is_open(&gate, 0, 0));
    ck_assert(nv_gate_takes_pilot(&gate, 0));
    /* One that passes ends it, whatever time is left; nobody waited. */
    ck_assert(nv_gate_success(&gate, false, MS(1)));
    ck_assert(nv_gate_is_open(&gate, 0, MS(1)));
    for (int i = 0; i < NV_GATE_PILOTS; i++) {
        ck_assert(i == 0 || nv_gate_takes_pilot(&gate, 0));
        nv_gate_failure(&gate, &knobs, &v, MS(1), 0);
    }
    ck_assert(!nv_gate_takes_pilot(&gate, 0));
    /* The pilots did not make the wait longer. */
    ck_assert(!nv_gate_is_open(&gate, 0, MS(1000)));
    ck_assert(nv_gate_is_open(&gate, 0, MS(1001)));
    ck_assert_uint_eq(gate.holds, 1);
    /* The same body again costs none. */
    ck_assert(nv_gate_success(&gate, false, MS(1001)));
    v.first = false;
    for (int i = 0; i < 10; i++)
        nv_gate_failure(&gate, &knobs, &v, MS(1001), 0);
    ck_assert_uint_eq(gate.pilots, NV_GATE_PILOTS);
}
END_TEST

/* As gate.c has them. */
#define RETRY_COST 1000u
#define BUDGET_MAX (10u * RETRY_COST)

static unsigned affordable(void)
{
    unsigned retries = 0;

    while (nv_gate_pay_retry(&gate, 0))
        retries++;
    return retries;
}

/* However much was attempted, no more is saved than what there is at first. */
START_TEST(what_is_saved_has_a_cap)
{
    ck_assert_uint_eq(affordable(), BUDGET_MAX / RETRY_COST);
    for (int i = 0; i < 1000; i++)
        nv_gate_attempt(&gate, 0);
    ck_assert_uint_eq(affordable(), BUDGET_MAX / RETRY_COST);
}
END_TEST

START_TEST(retries_are_a_tenth)
{
    unsigned retries = 0;

    ck_assert_uint_eq(affordable(), 10);
    for (int i = 0; i < 1000; i++) {
        nv_gate_attempt(&gate, 0);
        retries += nv_gate_pay_retry(&gate, 0);
    }
    ck_assert_uint_eq(retries, 100);
}
END_TEST

START_TEST(time_pays_one_in_five_seconds)
{
    for (int i = 0; i < 10; i++)
        ck_assert(nv_gate_pay_retry(&gate, 0));
    ck_assert(!nv_gate_pay_retry(&gate, MS(4999)));
    ck_assert_uint_eq(nv_gate_retry_due_ns(&gate, 0), MS(5001));
    ck_assert(nv_gate_pay_retry(&gate, MS(5000)));
    ck_assert(!nv_gate_pay_retry(&gate, MS(5000)));
    ck_assert_uint_eq(nv_gate_retry_due_ns(&gate, MS(100000)), MS(100000));
}
END_TEST

START_TEST(a_retry_that_succeeds_costs_nothing)
{
    for (int i = 0; i < 1000; i++) {
        ck_assert(nv_gate_pay_retry(&gate, 0));
        nv_gate_success(&gate, true, 0);
    }
}
END_TEST

/* ---- any history ------------------------------------------------------------------------- */

#define STEPS 20000

/* A backend that answers by chance, and what must hold after each answer. */
struct history {
    uint64_t state, now_ns;
    uint32_t flying;
    uint64_t attempts, retries, succeeded_retries;
};

static void answer(struct history *history)
{
    static const enum nv_hold holds[] = {NV_HOLD_AUTH, NV_HOLD_CREDIT, NV_HOLD_CONFIG,
                                         NV_HOLD_FOREIGN};
    const uint32_t what = chance_below(&history->state, 10);
    history->flying--;
    if (what < 6) {
        const bool was_retry = what == 0 && history->retries > history->succeeded_retries;
        history->succeeded_retries += was_retry;
        (void)nv_gate_success(&gate, was_retry, history->now_ns);
    } else if (what < 9) {
        trouble(history->now_ns);
    } else {
        hold(holds[chance_below(&history->state, 4)], MS(5000), history->now_ns);
    }
}

static void act(struct history *history)
{
    const bool pilot = nv_gate_takes_pilot(&gate, history->flying);
    const bool open = nv_gate_is_open(&gate, history->flying, history->now_ns);
    history->now_ns += MS(chance_below(&history->state, 200));
    if (nv_gate_wants_probe(&gate, history->now_ns)) {
        nv_gate_let_through(&gate, history->now_ns);
    } else if ((open || pilot) && chance_below(&history->state, 3) > 0) {
        history->flying++;
        history->attempts++;
        nv_gate_attempt(&gate, history->now_ns);
        if (chance_below(&history->state, 2) == 0)
            history->retries += nv_gate_pay_retry(&gate, history->now_ns);
    } else if (history->flying > 0) {
        answer(history);
    }
}

/*
 * Whatever is answered: no more in flight than the gate is wide, nothing goes while it is held
 * for the key, retries are no more than what pays for them (ten at first, a tenth of the
 * attempts, one in five seconds, and those that succeeded), and waiting always ends.
 */
START_TEST(any_history_keeps_the_bounds)
{
    struct history history = {.state = (uint64_t)_i};
    for (unsigned step = 0; step < STEPS; step++) {
        act(&history);
        ck_assert_uint_ge(gate.width, 1);
        ck_assert_uint_le(gate.width, gate.width_max);
        ck_assert(!nv_gate_is_open(&gate, gate.width_max, history.now_ns));
        ck_assert(gate.hold != NV_HOLD_AUTH || !nv_gate_is_open(&gate, 0, history.now_ns));
        const uint64_t paid = 10000 + 100 * history.attempts +
                              history.now_ns / NV_NS_PER_MS / 5 +
                              1000 * history.succeeded_retries;
        ck_assert_uint_le(1000 * history.retries, paid);
        ck_assert_uint_le(gate.until_ns, history.now_ns + MS(20000));
        const uint64_t due_ns = nv_gate_retry_due_ns(&gate, history.now_ns);
        ck_assert_uint_le(due_ns, history.now_ns + MS(5001));
    }
    ck_assert_uint_gt(history.attempts, STEPS / 20);
    ck_assert_uint_gt(history.retries, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/gate");
    TCase *tcase = tcase_create("gate");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, opens_one_by_one);
    tcase_add_test(tcase, the_third_trouble_closes);
    tcase_add_test(tcase, retry_after_closes_at_once);
    tcase_add_test(tcase, holds_last_until_proven_over);
    tcase_add_test(tcase, other_trouble_replaces_a_hold);
    tcase_add_test(tcase, a_refused_key_is_probed);
    tcase_add_test(tcase, pilots_go_while_answers_are_foreign);
    tcase_add_test(tcase, what_is_saved_has_a_cap);
    tcase_add_test(tcase, retries_are_a_tenth);
    tcase_add_test(tcase, time_pays_one_in_five_seconds);
    tcase_add_test(tcase, a_retry_that_succeeds_costs_nothing);
    tcase_add_loop_test(tcase, any_history_keeps_the_bounds, 0, 8);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
