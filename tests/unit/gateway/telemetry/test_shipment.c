/*
 * A body of own telemetry on its way, by a transport that the test answers for: what counts as
 * taken, what is tried again and how often, and that nothing stays for ever.
 */
#include "expect.h"

#include "base/limits.h"
#include "base/log/counters.h"
#include "gateway/telemetry/shipment.h"

#include "base/banned.h"

static struct nv_fake_clock clock;
static struct nv_shipment shipment;
static struct {
    nv_reply_done *done;
    void *ctx;
    enum nv_err refuses;
    unsigned sent;
} wire;

static enum nv_err take(void *ctx, const struct nv_send_request *request, nv_reply_done *done,
                        void *done_ctx)
{
    (void)ctx;
    ck_assert_uint_eq(request->body.len, shipment.body.len);
    ck_assert_int_eq(request->route, shipment.route);
    wire.done = done;
    wire.ctx = done_ctx;
    wire.sent++;
    return wire.refuses;
}

static const struct nv_transport transport = {.send = take};

static void set_up(void)
{
    nv_count_reset();
    memset(&wire, 0, sizeof wire);
    nv_fake_clock_init(&clock, NV_NS_PER_S, NV_NS_PER_S);
    shipment = (struct nv_shipment){.signal = "traces",
                                    .route = NV_ROUTE_TRACES,
                                    .transport = &transport,
                                    .clock = &clock.clock};
    nv_buf_init(&shipment.body, NV_CAP_TELEMETRY_SPANS);
}

static void tear_down(void)
{
    nv_buf_release(&shipment.body);
}

static void fill(uint64_t spans)
{
    (void)nv_buf_append_str(&shipment.body, NV_STR("body"));
    shipment.spans = spans;
}

static void answer(int status, const char *retry_after)
{
    const struct nv_reply reply = {.transfer = NV_TRANSFER_REPLY,
                                   .status = status,
                                   .retry_after = nv_str_from(retry_after)};
    ck_assert(shipment.flying);
    wire.done(wire.ctx, &reply);
    ck_assert(!shipment.flying);
}

static const struct {
    enum nv_transfer transfer;
    int status;
    struct nv_str body;
    enum nv_taken taken;
    uint64_t rejected;
} answers[] = {
    {NV_TRANSFER_REPLY, 200, NV_STR_INIT(""), NV_TAKEN_ALL, 0},
    {NV_TRANSFER_REPLY, 202, NV_STR_INIT("\x0a\x00"), NV_TAKEN_ALL, 0},
    {NV_TRANSFER_REPLY, 200, NV_STR_INIT("{}"), NV_TAKEN_ALL, 0},
    {NV_TRANSFER_REPLY, 200, NV_STR_INIT("{\"partialSuccess\":{}}"), NV_TAKEN_ALL, 0},
    {NV_TRANSFER_REPLY, 200, NV_STR_INIT("{\"partialSuccess\":{\"rejectedSpans\":\"5\"}}"),
     NV_TAKEN_PARTLY, 5},
    {NV_TRANSFER_REPLY, 200,
     NV_STR_INIT("{\"partialSuccess\":{\"rejectedDataPoints\":7,\"errorMessage\":\"w\"}}"),
     NV_TAKEN_PARTLY, 7},
    {NV_TRANSFER_REPLY, 200, NV_STR_INIT("{\"partialSuccess\":{\"errorMessage\":\"w\"}}"),
     NV_TAKEN_PARTLY, 0},
    {NV_TRANSFER_REPLY, 200, NV_STR_INIT("{\"other\":{\"rejectedSpans\":5}}"), NV_TAKEN_ALL, 0},
    {NV_TRANSFER_REPLY, 200, NV_STR_INIT("{sorry}"), NV_TAKEN_NOTHING, 0},
    {NV_TRANSFER_REPLY, 200, NV_STR_INIT("{\"partialSuccess\":"), NV_TAKEN_NOTHING, 0},
    {NV_TRANSFER_REPLY, 200, NV_STR_INIT("\x0a\x02\x08\x05"), NV_TAKEN_PARTLY, 5},
    {NV_TRANSFER_REPLY, 200, NV_STR_INIT("\x0a\x03\x12\x01w"), NV_TAKEN_PARTLY, 0},
    {NV_TRANSFER_REPLY, 200, NV_STR_INIT("<!doctype html>"), NV_TAKEN_NOTHING, 0},
    {NV_TRANSFER_REPLY, 302, NV_STR_INIT(""), NV_TAKEN_NOTHING, 0},
    {NV_TRANSFER_REPLY, 400, NV_STR_INIT(""), NV_TAKEN_NOTHING, 0},
    {NV_TRANSFER_REPLY, 401, NV_STR_INIT(""), NV_TAKEN_NOTHING, 0},
    {NV_TRANSFER_REPLY, 500, NV_STR_INIT(""), NV_TAKEN_NOTHING, 0},
    {NV_TRANSFER_REPLY, 429, NV_STR_INIT(""), NV_TAKEN_LATER, 0},
    {NV_TRANSFER_REPLY, 502, NV_STR_INIT(""), NV_TAKEN_LATER, 0},
    {NV_TRANSFER_REPLY, 503, NV_STR_INIT(""), NV_TAKEN_LATER, 0},
    {NV_TRANSFER_REPLY, 504, NV_STR_INIT(""), NV_TAKEN_LATER, 0},
    {NV_TRANSFER_OVERSIZE, 200, NV_STR_INIT(""), NV_TAKEN_NOTHING, 0},
    {NV_TRANSFER_TIMEOUT, 0, NV_STR_INIT(""), NV_TAKEN_LATER, 0},
    {NV_TRANSFER_CONNECT, 0, NV_STR_INIT(""), NV_TAKEN_LATER, 0},
    {NV_TRANSFER_CANCELLED, 0, NV_STR_INIT(""), NV_TAKEN_LATER, 0},
};

START_TEST(what_an_answer_says)
{
    const struct nv_reply reply = {.transfer = answers[_i].transfer,
                                   .status = answers[_i].status,
                                   .body = answers[_i].body,
                                   .detail = NV_STR("why")};
    uint64_t rejected = 99;
    struct nv_str why;
    ck_assert_int_eq(nv_shipment_judge(&reply, &rejected, &why), answers[_i].taken);
    ck_assert_uint_eq(rejected, answers[_i].rejected);
}
END_TEST

START_TEST(what_is_taken_is_gone)
{
    nv_shipment_send(&shipment); /* nothing to send */
    ck_assert_uint_eq(wire.sent, 0);
    fill(3);
    nv_shipment_send(&shipment);
    nv_shipment_send(&shipment); /* it flies */
    ck_assert_uint_eq(wire.sent, 1);
    answer(200, "");
    ck_assert_uint_eq(shipment.body.len, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_OK), 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_SENT), 3);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST), 0);
}
END_TEST

START_TEST(spans_are_tried_again_and_lost_at_the_cap)
{
    fill(3);
    for (unsigned i = 1; i <= NV_SHIPMENT_TRIES_MAX; i++) {
        ck_assert_uint_eq(shipment.spans, 3);
        nv_shipment_send(&shipment);
        ck_assert_uint_eq(wire.sent, i);
        answer(503, "");
        nv_shipment_send(&shipment); /* its time has not come */
        ck_assert_uint_eq(wire.sent, i);
        nv_fake_clock_advance(&clock, (5 * NV_NS_PER_S) << (i - 1));
    }
    ck_assert_uint_eq(shipment.body.len, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_FAILED), NV_SHIPMENT_TRIES_MAX);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST), 3);
    fill(1); /* one past it is a new body */
    nv_shipment_send(&shipment);
    answer(503, "");
    ck_assert_uint_eq(shipment.spans, 1);
}
END_TEST

START_TEST(metrics_are_not_sent_again)
{
    fill(0);
    nv_shipment_send(&shipment);
    answer(503, "");
    ck_assert_uint_eq(shipment.body.len, 0);
    ck_assert_uint_le(shipment.not_before_ns, nv_clock_mono_ns(&clock.clock));
}
END_TEST

START_TEST(the_endpoint_may_ask_for_a_wait_that_has_an_end)
{
    fill(0);
    nv_shipment_send(&shipment);
    answer(429, "7");
    ck_assert_uint_eq(shipment.not_before_ns, 8 * NV_NS_PER_S);
    shipment.not_before_ns = 0;
    fill(0);
    nv_shipment_send(&shipment);
    answer(429, "86400");
    ck_assert_uint_eq(shipment.not_before_ns, NV_NS_PER_S + NV_SHIPMENT_WAIT_MAX_NS);
}
END_TEST

START_TEST(a_refusal_or_our_own_trouble_ends_it)
{
    fill(2);
    nv_shipment_send(&shipment);
    answer(400, "");
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST), 2);
    wire.refuses = NV_ERR_NO_MEMORY;
    fill(3);
    nv_shipment_send(&shipment);
    ck_assert(!shipment.flying);
    ck_assert_uint_eq(shipment.body.len, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST), 5);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_FAILED), 2);
}
END_TEST

START_TEST(more_than_there_were_can_not_be_rejected)
{
    const struct nv_reply reply = {
        .transfer = NV_TRANSFER_REPLY, .status = 200, .body = NV_STR("\x0a\x02\x08\x05")};
    fill(2);
    nv_shipment_send(&shipment);
    wire.done(wire.ctx, &reply);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_PARTIAL), 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST), 2);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_SENT), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/telemetry/shipment");
    TCase *tcase = tcase_create("shipment");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_an_answer_says, 0, sizeof answers / sizeof *answers);
    tcase_add_test(tcase, what_is_taken_is_gone);
    tcase_add_test(tcase, spans_are_tried_again_and_lost_at_the_cap);
    tcase_add_test(tcase, metrics_are_not_sent_again);
    tcase_add_test(tcase, the_endpoint_may_ask_for_a_wait_that_has_an_end);
    tcase_add_test(tcase, a_refusal_or_our_own_trouble_ends_it);
    tcase_add_test(tcase, more_than_there_were_can_not_be_rejected);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
