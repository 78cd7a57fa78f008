/*
 * One body of the gateway's own telemetry on its way: metrics or spans, one request at a time.
 *
 *   filled ──send──▶ flying ──┬─ taken, refused ─────────▶ empty
 *      ▲                      └─ try again later ─▶ spans: filled, not before ...
 *      └───────────────────────────────────────────────┘ metrics: empty, newer ones come
 *
 * What is a failure worth trying again is what OTLP says: 429, 502, 503, 504 and what never
 * reached the server. All calls on the thread of the transport.
 */
#ifndef NV_GATEWAY_TELEMETRY_SHIPMENT_H
#define NV_GATEWAY_TELEMETRY_SHIPMENT_H

#include "base/buf.h"
#include "base/clock.h"
#include "exporter/answer/transport.h"

/* Requests with the same spans before they are lost. */
#define NV_SHIPMENT_TRIES_MAX 5u
/* Longest wait that the endpoint may ask for with Retry-After, and longest of our own. */
#define NV_SHIPMENT_WAIT_MAX_NS (300 * NV_NS_PER_S)

struct nv_shipment {
    const char *signal; /* "metrics" or "traces", static: for the log */
    enum nv_route route;
    const struct nv_transport *transport; /* borrowed */
    const struct nv_clock *clock;         /* borrowed */
    struct nv_buf body;                   /* whoever fills it: only while nothing flies */
    uint64_t spans;                       /* in it; 0: metrics */
    bool flying;
    uint32_t tries;
    uint64_t not_before_ns; /* monotonic */
};

/* What an answer says. */
enum nv_taken {
    NV_TAKEN_ALL,
    NV_TAKEN_PARTLY, /* partial_success names what was not, or has a warning */
    NV_TAKEN_LATER,  /* nothing, and the same may pass later */
    NV_TAKEN_NOTHING /* and the same would be refused again */
};

/* What became of a request of which `reply` is the answer; of a partial success how many points
 * or spans were not taken in *rejected, else 0, and *why (borrowed from the reply) in words. */
enum nv_taken nv_shipment_judge(const struct nv_reply *reply, uint64_t *rejected,
                                struct nv_str *why);
/* Sends the body if there is one, none flies and its time has come; counts and logs what became
 * of it. Never blocks. */
void nv_shipment_send(struct nv_shipment *shipment);

#endif
