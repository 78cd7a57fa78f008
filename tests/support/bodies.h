/*
 * The captured request bodies of tests/fixtures, for tests that look at all of them.
 */
#ifndef NV_TESTS_SUPPORT_BODIES_H
#define NV_TESTS_SUPPORT_BODIES_H

#include "base/str.h"

/* One body as its exporter sent it, uncompressed. */
struct nv_test_body {
    const char *path; /* below tests/fixtures, e.g. "oi-openai-chat/001.pb" */
    bool json;
    bool logs; /* else traces; metrics are left out */
    struct nv_str bytes;
};

typedef void nv_test_body_visit(void *ctx, const struct nv_test_body *body);

/* Calls `visit` for every body; all views live during the call. Returns how many. */
unsigned nv_test_each_body(nv_test_body_visit *visit, void *ctx);

#endif
