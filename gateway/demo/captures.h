/*
 * The captured requests that the program holds for `demo`, made by tools/make-demo.py from
 * tests/fixtures: real exports of ten conventions, a whole trace each.
 */
#ifndef NV_GATEWAY_DEMO_CAPTURES_H
#define NV_GATEWAY_DEMO_CAPTURES_H

#include <stddef.h>

struct nv_demo_capture {
    const char *name;          /* for people: convention and what the trace shows */
    const unsigned char *gzip; /* an ExportTraceServiceRequest, protobuf in gzip */
    size_t len;
};

/* In the order in which they are played. Static. */
extern const struct nv_demo_capture nv_demo_captures[];
extern const size_t nv_demo_capture_count;

#endif
