/*
 * The captured OTLP export requests of tests/fixtures, for tests that walk all of them.
 *
 *     struct nv_fixtures all;
 *     nv_test_fixtures_list(&all);                      // the case names, sorted
 *     for (size_t i = 0; i < all.count; i++) {
 *         struct nv_fixture *fixture = nv_test_fixture_load(all.names[i]);
 *         ... fixture->requests[n].body ...
 *         nv_test_fixture_free(fixture);
 *     }
 *     nv_test_fixtures_release(&all);
 *
 * Everything here aborts the test (ck_abort) when a file is missing or damaged.
 */
#ifndef NV_TESTS_SUPPORT_FIXTURES_H
#define NV_TESTS_SUPPORT_FIXTURES_H

#include "base/str.h"
#include "model/batch.h"

struct nv_fixtures {
    char **names;
    size_t count;
};

struct nv_fixture_request {
    char *file;         /* "001.pb" */
    char *path;         /* "/v1/traces" */
    char *content_type; /* as sent; "application/json" or "application/x-protobuf" in front */
    char *content_encoding; /* as sent, "identity" when there was none */
    enum nv_signal signal;  /* metrics requests are left out */
    bool json;              /* body is OTLP/JSON, else protobuf */
    struct nv_str body;     /* decompressed */
    struct nv_str wire;     /* as on the wire */
    long spans;             /* spans in it, -1 where the case does not say */
};

struct nv_fixture {
    char *name;
    char *convention;
    struct nv_str case_json; /* the whole case.json, for expectations */
    struct nv_fixture_request *requests;
    size_t request_count;
    long span_count;       /* of all requests */
    long log_record_count; /* of all requests, 0 where the case does not say */
};

/* New list of all case names, sorted. */
void nv_test_fixtures_list(struct nv_fixtures *out);
void nv_test_fixtures_release(struct nv_fixtures *all);
/* New: one case with all of its requests in the order they were sent. */
struct nv_fixture *nv_test_fixture_load(const char *name);
void nv_test_fixture_free(struct nv_fixture *fixture);
/* New: contents of the file at `path`, with a NUL behind them that is not counted; free()
 * ptr. */
struct nv_str nv_test_read_file(const char *path);

#endif
