/*
 * What a request adds to counters and ledger, once it is known to be answered with success.
 */
#include "base/log/counters.h"
#include "expect.h"
#include "otlp/request/request.h"

#include "base/banned.h"

START_TEST(count_adds_up)
{
    struct nv_request_result result = {
        .rejected = 3,
        .rejected_by = {[NV_REJECT_TRACE_ID] = 1, [NV_REJECT_SPAN_ID] = 2},
        .log_records = 5,
        .log_records_unused = 4,
        .invalid_utf8 = 6,
        .int_range = 7};
    struct nv_ledger ledger;
    nv_count_reset();
    nv_ledger_reset();
    nv_request_count(&result);
    nv_request_count(&result);
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.rejected[NV_REJECT_TRACE_ID], 2);
    ck_assert_uint_eq(ledger.rejected[NV_REJECT_SPAN_ID], 4);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_LOG_RECORDS), 10);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_LOG_RECORDS_UNUSED), 8);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_INVALID_UTF8), 12);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_INT_RANGE), 14);
}
END_TEST

START_TEST(nothing_counts_nothing)
{
    const struct nv_request_result result = {.accepted = 100};
    struct nv_ledger ledger;
    nv_count_reset();
    nv_ledger_reset();
    nv_request_count(&result);
    nv_ledger_read(&ledger);
    for (int reason = 0; reason < NV_REJECT_COUNT; reason++)
        ck_assert_uint_eq(ledger.rejected[reason], 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_LOG_RECORDS), 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_LOG_RECORDS_UNUSED), 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_INVALID_UTF8), 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_INT_RANGE), 0);
}
END_TEST

/* Each reason goes to its own row of the ledger, none is passed over. */
START_TEST(every_reason_has_its_row)
{
    struct nv_request_result result = {.rejected = 0};
    struct nv_ledger ledger;
    nv_ledger_reset();
    for (unsigned reason = 0; reason < NV_REJECT_COUNT; reason++)
        result.rejected_by[reason] = 10 + reason;
    nv_request_count(&result);
    nv_ledger_read(&ledger);
    for (unsigned reason = 0; reason < NV_REJECT_COUNT; reason++)
        ck_assert_uint_eq(ledger.rejected[reason], 10 + reason);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/request_count");
    TCase *tcase = tcase_create("count");
    tcase_add_test(tcase, count_adds_up);
    tcase_add_test(tcase, nothing_counts_nothing);
    tcase_add_test(tcase, every_reason_has_its_row);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
