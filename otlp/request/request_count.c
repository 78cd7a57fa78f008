/*
 * What a request's result adds to the program's counters.
 *
 * Apart from decoding, because it happens at another time: when the answer is known to be
 * success. A request that is refused for lack of room is sent again and must not be counted
 * twice.
 */
#include "otlp/request/request.h"

#include "base/log/counters.h"

#include "base/banned.h"

void nv_request_count(const struct nv_request_result *result)
{
    for (int reason = 0; reason < NV_REJECT_COUNT; reason++)
        nv_ledger_reject((enum nv_reject)reason, result->rejected_by[reason]);
    nv_count(NV_COUNT_LOG_RECORDS, result->log_records);
    nv_ledger_leave_records(result->log_records_unused);
    nv_count(NV_COUNT_INVALID_UTF8, result->invalid_utf8);
    nv_count(NV_COUNT_INT_RANGE, result->int_range);
}
