/*
 * For tests of mapping: captured cases and hand-made spans as raw traces.
 *
 * A case's requests are decoded as at the door, their items grouped by trace id, in the order
 * of arrival, as assembly would complete them when nothing is late.
 */
#ifndef NV_TESTS_MAPPING_KIT_H
#define NV_TESTS_MAPPING_KIT_H

#include "mapping/mapping.h"
#include "tests/support/fixtures.h"

typedef void nv_test_trace_visit(void *ctx, struct nv_trace *trace);

/* A mapping with defaults: version 0.0.0-test, no files. Aborts the test on failure. */
struct nv_mapping *nv_test_mapping_new(void);
/* Translates all traces of a case and visits each, in the order of their first span. */
void nv_test_case_translate(const struct nv_mapping *mapping, const struct nv_fixture *fixture,
                            nv_test_trace_visit *visit, void *ctx);
/*
 * Translates one OTLP/JSON traces request and visits its traces. Aborts when it is refused.
 */
void nv_test_json_translate(const struct nv_mapping *mapping, const char *json,
                            nv_test_trace_visit *visit, void *ctx);
/* Translates the first trace of a case in an arena of at most `arena_max` bytes, `used` of
 * which are gone already: so that memory ends at any place. Returns what the mapping said. */
enum nv_err nv_test_translate_within(const struct nv_mapping *mapping,
                                     const struct nv_fixture *fixture, size_t arena_max,
                                     size_t used);
/* How the traces of later translations were sent; NV_COMPLETE at first. */
void nv_test_incomplete_set(enum nv_incomplete incomplete);
/* The version in the goldens, whichever it is today: a release changes none of them. */
#define NV_TEST_VERSION "0.1.0"
/* Appends a trace as the exporter writes it, but for the version. */
void nv_test_trace_write(struct nv_buf *buf, const struct nv_trace *trace);

#endif
