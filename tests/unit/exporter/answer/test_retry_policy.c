/*
 * The whole table of docs/noveum-backend.md#answers: every status from 0 to 599 with bodies of
 * one and of many, gzip or not, against an oracle written as a list; Retry-After in all its
 * forms; backoff bounds.
 */
#include "expect.h"

#include "base/clock.h"
#include "exporter/answer/retry_policy.h"

#include "base/banned.h"

static const struct nv_retry_knobs knobs = {.initial_ms = 500,
                                            .max_ms = 5000,
                                            .retry_after_max_ms = 300000,
                                            .credit_pause_ms = 300000,
                                            .credit_pause_max_ms = 3600000,
                                            .probe_ms = 60000};
#define WALL (UINT64_C(784111770) * NV_NS_PER_S) /* Sun, 06 Nov 1994 08:49:30 GMT */

static struct nv_attempt attempt(int status)
{
    return (struct nv_attempt){.transfer = NV_TRANSFER_REPLY,
                               .status = status,
                               .number = 1,
                               .traces = 100,
                               .gzip_proven = true,
                               .wall_ns = WALL,
                               .random = 12345};
}

struct row {
    int from, to;
    enum nv_action many, one;
    enum nv_hold hold;
};

static const struct row rows[] = {
    {0, 199, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_FOREIGN},
    {200, 202, NV_ACTION_DELIVERED, NV_ACTION_DELIVERED, NV_HOLD_NONE},
    {203, 299, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_FOREIGN},
    {300, 399, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_FOREIGN},
    {400, 400, NV_ACTION_SPLIT, NV_ACTION_DEAD, NV_HOLD_NONE},
    {401, 401, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_AUTH},
    {402, 402, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_CREDIT},
    {403, 403, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_AUTH},
    {404, 406, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_CONFIG},
    {407, 407, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_AUTH},
    {408, 408, NV_ACTION_RETRY, NV_ACTION_RETRY, NV_HOLD_NONE},
    {409, 409, NV_ACTION_DELIVERED, NV_ACTION_DELIVERED, NV_HOLD_NONE},
    {410, 412, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_CONFIG},
    {413, 413, NV_ACTION_SPLIT, NV_ACTION_DEAD, NV_HOLD_NONE},
    {414, 421, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_CONFIG},
    {422, 422, NV_ACTION_SPLIT, NV_ACTION_DEAD, NV_HOLD_NONE},
    {423, 424, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_CONFIG},
    {425, 425, NV_ACTION_RETRY, NV_ACTION_RETRY, NV_HOLD_NONE},
    {426, 428, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_CONFIG},
    {429, 429, NV_ACTION_RETRY, NV_ACTION_RETRY, NV_HOLD_NONE},
    {430, 499, NV_ACTION_HOLD, NV_ACTION_HOLD, NV_HOLD_CONFIG},
    {500, 599, NV_ACTION_RETRY, NV_ACTION_RETRY, NV_HOLD_NONE},
};

START_TEST(every_status)
{
    const struct row *row = &rows[_i];

    for (int status = row->from; status <= row->to; status++) {
        struct nv_attempt a = attempt(status);
        struct nv_verdict v = nv_retry_decide(&knobs, &a);

        ck_assert_msg(v.action == row->many, "status %d: action %d", status, (int)v.action);
        ck_assert_int_eq(v.hold, row->hold);
        ck_assert_str_ne(v.why, "");
        a.traces = 1;
        v = nv_retry_decide(&knobs, &a);
        ck_assert_msg(v.action == row->one, "status %d alone: action %d", status,
                      (int)v.action);
        if (v.action == NV_ACTION_RETRY)
            ck_assert_uint_le(v.wait_ns, 500 * NV_NS_PER_MS);
        if (v.action == NV_ACTION_HOLD)
            ck_assert_uint_ge(v.wait_ns, 5000 * NV_NS_PER_MS);
        ck_assert_int_eq(v.trouble, v.action == NV_ACTION_RETRY);
        if (v.action == NV_ACTION_DEAD)
            ck_assert_int_eq(v.dead, status == 413 ? NV_DEAD_TOO_LARGE : NV_DEAD_REJECTED);
    }
}
END_TEST

START_TEST(rows_cover_all)
{
    int next = 0;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_int_eq(rows[i].from, next);
        next = rows[i].to + 1;
    }
    ck_assert_int_eq(next, 600);
}
END_TEST

START_TEST(gzip_is_suspected_until_proven)
{
    static const int statuses[] = {400, 422, 415};

    for (size_t i = 0; i < 3; i++) {
        struct nv_attempt a = attempt(statuses[i]);

        a.gzip = true;
        a.gzip_proven = false;
        ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_IDENTITY);
        a.traces = 1;
        ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_IDENTITY);
    }
    struct nv_attempt a = attempt(400);

    a.gzip = true;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_SPLIT);
    a.status = 415;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_IDENTITY);
    a.gzip = false;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).hold, NV_HOLD_CONFIG);
}
END_TEST

START_TEST(probes_become_rarer)
{
    static const uint64_t waits_ms[] = {5000, 10000, 20000, 40000, 60000, 60000};
    struct nv_attempt a = attempt(401);

    for (a.holds = 0; a.holds < 6; a.holds++) {
        ck_assert_uint_eq(nv_retry_decide(&knobs, &a).wait_ns,
                          waits_ms[a.holds] * NV_NS_PER_MS);
    }
    a.holds = UINT32_MAX;
    ck_assert_uint_eq(nv_retry_decide(&knobs, &a).wait_ns, 60000 * NV_NS_PER_MS);
}
END_TEST

START_TEST(transfers)
{
    static const struct {
        enum nv_transfer transfer;
        enum nv_action action;
        bool trouble;
    } cases[] = {
        {NV_TRANSFER_TIMEOUT, NV_ACTION_RETRY, true},
        {NV_TRANSFER_BROKEN, NV_ACTION_RETRY, true},
        {NV_TRANSFER_CONNECT, NV_ACTION_RETRY, true},
        {NV_TRANSFER_NO_MEMORY, NV_ACTION_RETRY, true},
        {NV_TRANSFER_TLS, NV_ACTION_HOLD, false},
        {NV_TRANSFER_OVERSIZE, NV_ACTION_RETRY, true},
        {NV_TRANSFER_CANCELLED, NV_ACTION_RETRY, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_attempt a = attempt(0);
        struct nv_verdict v;

        a.transfer = cases[i].transfer;
        v = nv_retry_decide(&knobs, &a);
        ck_assert_int_eq(v.action, cases[i].action);
        ck_assert_int_eq(v.trouble, cases[i].trouble);
    }
    struct nv_attempt a = attempt(200);

    a.transfer = NV_TRANSFER_OVERSIZE;
    a.body = NV_REPLY_FOREIGN; /* half of anything is */
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).hold, NV_HOLD_FOREIGN);
    a.status = 503;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_RETRY);
}
END_TEST

START_TEST(one_body_that_fails_alone_is_split)
{
    struct nv_attempt a = attempt(500);

    a.others_pass = true;
    a.number = NV_RETRY_SPLIT_ATTEMPTS - 1;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_RETRY);
    a.number = NV_RETRY_SPLIT_ATTEMPTS;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_SPLIT);
    a.traces = 1;
    a.number = 1000;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_RETRY);
    a.traces = 2;
    a.others_pass = false;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_RETRY);
    a.others_pass = true;
    a.status = 503;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_SPLIT);
    a.transfer = NV_TRANSFER_BROKEN;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_SPLIT);
    a.transfer = NV_TRANSFER_TIMEOUT;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_SPLIT);
    /* Alone it waits, rarely and at nobody's cost, and is never given up. */
    a.traces = 1;
    a.number = 1000;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_RETRY);
    ck_assert(!nv_retry_decide(&knobs, &a).trouble);
    ck_assert_uint_eq(nv_retry_decide(&knobs, &a).wait_ns, 60000 * NV_NS_PER_MS);
    /* What asks for a pause means everybody. */
    a.transfer = NV_TRANSFER_REPLY;
    a.retry_after = NV_STR("7");
    ck_assert(nv_retry_decide(&knobs, &a).trouble);
}
END_TEST

/* An answer is believed for its body: every status, every body that is not the API's yes. */
START_TEST(no_number_makes_a_page_a_delivery)
{
    for (int status = 0; status < 600; status++) {
        for (enum nv_reply_body body = NV_REPLY_EMPTY; body <= NV_REPLY_FOREIGN; body++) {
            for (uint32_t traces = 1; traces <= 2; traces++) {
                struct nv_attempt a = attempt(status);
                struct nv_verdict v;

                a.body = body;
                a.traces = traces;
                v = nv_retry_decide(&knobs, &a);
                if (v.action == NV_ACTION_DELIVERED) {
                    ck_assert((status >= 200 && status <= 202 && body <= NV_REPLY_OBJECT) ||
                              (status == 409 && body != NV_REPLY_FOREIGN));
                    continue;
                }
                /* While nothing passes, what is not the API's never ends a trace. */
                if (body == NV_REPLY_FOREIGN)
                    ck_assert_msg(v.action != NV_ACTION_DEAD, "status %d", status);
                if (status < 400 || (body == NV_REPLY_FOREIGN && status == 403))
                    ck_assert_int_eq(v.hold, NV_HOLD_FOREIGN);
            }
        }
    }
}
END_TEST

START_TEST(a_denial_for_want_of_credit_is_one)
{
    struct nv_attempt a = attempt(200);

    a.body = NV_REPLY_DENIAL;
    a.credit = true;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).hold, NV_HOLD_CREDIT);
}
END_TEST

static const struct {
    int status;
    bool fatal;
} walls[] = {{403, true}, {406, true},  {405, true},  {401, true},  {451, true},
             {400, true}, {422, true},  {404, true},  {413, true},  {415, true},
             {409, true}, {200, false}, {302, false}, {204, false}, {206, false}};

START_TEST(while_others_pass_it_is_the_trace)
{
    struct nv_attempt a = attempt(walls[_i].status);

    a.body = NV_REPLY_FOREIGN;
    a.passed_since = true;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_SPLIT);
    a.traces = 1;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_RETRY);
    ck_assert(!nv_retry_decide(&knobs, &a).trouble);
    a.alone = NV_RETRY_ALONE - 1;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).action,
                     walls[_i].fatal ? NV_ACTION_DEAD : NV_ACTION_RETRY);
    /* So many in a row: what passed before is long ago. */
    a.foreign_row = NV_RETRY_FOREIGN_ROW;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).hold, NV_HOLD_FOREIGN);
    a.foreign_row = 0;
    a.passed_since = false;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).hold, NV_HOLD_FOREIGN);
}
END_TEST

START_TEST(a_page_that_asks_to_wait_is_waited_for)
{
    static const int statuses[] = {408, 425, 429, 500, 503, 599};

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct nv_attempt a = attempt(statuses[i]);

        a.body = NV_REPLY_FOREIGN;
        ck_assert_int_eq(nv_retry_decide(&knobs, &a).action, NV_ACTION_RETRY);
    }
    struct nv_attempt a = attempt(407);

    a.body = NV_REPLY_FOREIGN;
    ck_assert_int_eq(nv_retry_decide(&knobs, &a).hold, NV_HOLD_AUTH);
}
END_TEST

static const struct {
    const char *text;
    bool valid;
    uint64_t seconds;
} retry_afters[] = {
    {"0", true, 0},
    {"120", true, 120},
    {" 7 ", true, 7},
    {"9999999999", true, 9999999999},
    {"99999999999999999999999999", true, UINT64_MAX / NV_NS_PER_S},
    {"Sun, 06 Nov 1994 08:49:37 GMT", true, 7},
    {"Sunday, 06-Nov-94 08:49:37 GMT", true, 7},
    {"Sun Nov  6 08:49:37 1994", true, 7},
    {"Sun, 06 Nov 1994 08:49:00 GMT", true, 0},
    {"Sun, 06 Nov 0001 08:49:00 GMT", true, 0},
    {"", false, 0},
    {"-1", false, 0},
    {"1.5", false, 0},
    {"1e12", false, 0},
    {"soon", false, 0},
    {"Sun, 06 Nov 1994 08:49:37 GMT and more", false, 0},
    {"Sun, 99 Nov 1994 08:49:37 GMT", false, 0},
    {"00000000000000000000000000000000000000000000000000000000000000000000000000000000x", false,
     0},
};

START_TEST(retry_after_is_read)
{
    uint64_t wait_ns = 42;
    bool valid = nv_retry_after_parse(nv_str_from(retry_afters[_i].text), WALL, &wait_ns);

    ck_assert_msg(valid == retry_afters[_i].valid, "\"%s\"", retry_afters[_i].text);
    if (valid)
        ck_assert_uint_eq(wait_ns / NV_NS_PER_S, retry_afters[_i].seconds);
}
END_TEST

START_TEST(retry_after_is_bounded)
{
    static const int statuses[] = {429, 500, 503, 408};

    for (size_t i = 0; i < sizeof retry_afters / sizeof *retry_afters; i++) {
        for (size_t s = 0; s < 4; s++) {
            struct nv_attempt a = attempt(statuses[s]);
            struct nv_verdict v;

            a.retry_after = nv_str_from(retry_afters[i].text);
            a.random = UINT64_MAX - i;
            v = nv_retry_decide(&knobs, &a);
            ck_assert_int_eq(v.asked, retry_afters[i].valid);
            ck_assert_uint_le(v.wait_ns, (300000 + 30000 + 500) * NV_NS_PER_MS);
            if (retry_afters[i].valid && retry_afters[i].seconds <= 300)
                ck_assert_uint_ge(v.wait_ns, retry_afters[i].seconds * NV_NS_PER_S);
        }
    }
}
END_TEST

START_TEST(credit_is_a_long_pause)
{
    static const struct {
        const char *retry_after;
        uint64_t least_s, most_s;
    } cases[] = {{"", 300, 331}, {"1", 300, 331}, {"600", 600, 661}, {"1000000", 3600, 3961}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_attempt a = attempt(429);
        struct nv_verdict v;

        a.credit = true;
        a.retry_after = nv_str_from(cases[i].retry_after);
        v = nv_retry_decide(&knobs, &a);
        ck_assert_int_eq(v.action, NV_ACTION_HOLD);
        ck_assert_int_eq(v.hold, NV_HOLD_CREDIT);
        ck_assert_uint_ge(v.wait_ns / NV_NS_PER_S, cases[i].least_s);
        ck_assert_uint_le(v.wait_ns / NV_NS_PER_S, cases[i].most_s);
    }
}
END_TEST

START_TEST(backoff_is_full_jitter)
{
    static const uint64_t ceilings_ms[] = {500, 1000, 2000, 4000, 5000, 5000};
    uint64_t random = 1;

    for (uint32_t number = 1; number <= 6; number++) {
        uint64_t least = UINT64_MAX, most = 0;

        for (int i = 0; i < 2000; i++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            uint64_t ns = nv_retry_backoff_ns(&knobs, number, random >> 11);

            least = ns < least ? ns : least;
            most = ns > most ? ns : most;
        }
        ck_assert_uint_le(most, ceilings_ms[number - 1] * NV_NS_PER_MS);
        ck_assert_uint_gt(most, ceilings_ms[number - 1] * NV_NS_PER_MS * 95 / 100);
        ck_assert_uint_lt(least, ceilings_ms[number - 1] * NV_NS_PER_MS * 5 / 100);
    }
    ck_assert_uint_le(nv_retry_backoff_ns(&knobs, UINT32_MAX, UINT64_MAX), 5000 * NV_NS_PER_MS);
}
END_TEST

/* A hundred gateways that fail at the same moment: Kolmogorov-Smirnov against uniform. */
START_TEST(instances_are_not_synchronised)
{
    enum { COUNT = 100 };
    double waits[COUNT], largest = 0;

    for (int i = 0; i < COUNT; i++) {
        uint64_t random = (uint64_t)(i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        double wait = (double)nv_retry_backoff_ns(&knobs, 5, random ^ (random >> 29)) / 5e9;
        int at = i;

        for (; at > 0 && waits[at - 1] > wait; at--)
            waits[at] = waits[at - 1];
        waits[at] = wait;
    }
    for (int i = 0; i < COUNT; i++) {
        double below = waits[i] - (double)i / COUNT, above = (double)(i + 1) / COUNT - waits[i];

        largest = below > largest ? below : largest;
        largest = above > largest ? above : largest;
    }
    /* 1.63 / sqrt(100): the critical value at 1 %. */
    ck_assert_double_lt(largest, 0.163);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/retry_policy");
    TCase *tcase = tcase_create("policy");

    tcase_add_loop_test(tcase, every_status, 0, sizeof rows / sizeof *rows);
    tcase_add_test(tcase, rows_cover_all);
    tcase_add_test(tcase, gzip_is_suspected_until_proven);
    tcase_add_test(tcase, probes_become_rarer);
    tcase_add_test(tcase, transfers);
    tcase_add_test(tcase, one_body_that_fails_alone_is_split);
    tcase_add_test(tcase, no_number_makes_a_page_a_delivery);
    tcase_add_test(tcase, a_denial_for_want_of_credit_is_one);
    tcase_add_loop_test(tcase, while_others_pass_it_is_the_trace, 0,
                        sizeof walls / sizeof *walls);
    tcase_add_test(tcase, a_page_that_asks_to_wait_is_waited_for);
    tcase_add_loop_test(tcase, retry_after_is_read, 0,
                        sizeof retry_afters / sizeof *retry_afters);
    tcase_add_test(tcase, retry_after_is_bounded);
    tcase_add_test(tcase, credit_is_a_long_pause);
    tcase_add_test(tcase, backoff_is_full_jitter);
    tcase_add_test(tcase, instances_are_not_synchronised);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
