/*
 * Requests for tests: built field by field, decoded in one call.
 */
#ifndef NV_TESTS_SUPPORT_OTLP_BUILD_H
#define NV_TESTS_SUPPORT_OTLP_BUILD_H

#include "base/text/wire.h"
#include "otlp/request/request.h"

#define NV_TEST_TRACE_ID                                                                       \
    NV_STR("\x5b\x8e\xff\xf7\x98\x03\x81\x03\xd2\x69\xb6\x33\x81\x3f\xc6\x0c")
#define NV_TEST_SPAN_ID NV_STR("\xee\xe1\x9b\x7e\xc3\xc1\xb1\x74")

/* A message that is at hand as a literal: for tables of cases. */
struct nv_test_message {
    char bytes[4096];
    size_t len;
};

/* Field `number` holding `bytes`; empty bytes are written too. Aborts the test when full. */
void nv_test_add(struct nv_test_message *message, uint32_t number, struct nv_str bytes);
struct nv_str nv_test_view(const struct nv_test_message *message);
/* A Span with these ids and, behind them, `more` fields. */
struct nv_test_message nv_test_span(struct nv_str trace_id, struct nv_str span_id,
                                    struct nv_str more);
/* `span` wrapped in ScopeSpans, ResourceSpans and ExportTraceServiceRequest. */
struct nv_test_message nv_test_request(struct nv_str span);

/* What nv_request_decode made of a copy of some bytes. */
struct nv_test_decoded {
    enum nv_err err;
    struct nv_batch *batch; /* owned: nv_batch_free */
    struct nv_request_result result;
    struct nv_fail fail;
};
struct nv_test_decoded nv_test_decode(enum nv_signal signal, enum nv_media media,
                                      struct nv_str bytes);

#endif
