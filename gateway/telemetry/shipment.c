/*
 * Sending telemetry, and what its answers mean.
 *
 * Cumulative metrics are not sent again: the next ones say all that these said. Spans are, a
 * few times, while new ones wait in a buffer that has an end. Nothing of it goes back to the
 * stages: an endpoint that is away costs counters and a folded line in the log.
 *
 * A page of a proxy with status 200 took nothing. OTLP answers in protobuf, and a page is none.
 */
#include "gateway/telemetry/shipment.h"

#include "base/json/json_read.h"
#include "base/log/counters.h"
#include "base/log/log.h"
#include "base/text/wire.h"
#include "exporter/answer/retry_policy.h"
#include "model/otlp_fields.h"

#include <assert.h>

#include "base/banned.h"

#define FIRST_WAIT_NS (5 * NV_NS_PER_S)

static void read_partial(struct nv_str partial, uint64_t *rejected, struct nv_str *why)
{
    struct nv_wire wire = nv_wire_read(partial);
    struct nv_wire_field field;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_PARTIAL_REJECTED && field.type == NV_WIRE_VARINT)
            *rejected = field.value;
        else if (field.number == NV_OTLP_PARTIAL_MESSAGE && field.type == NV_WIRE_BYTES)
            *why = field.bytes;
    }
}

static enum nv_taken judge_parts(uint64_t rejected, struct nv_str why)
{
    return rejected > 0 || why.len > 0 ? NV_TAKEN_PARTLY : NV_TAKEN_ALL;
}

static enum nv_taken is_no_otlp(struct nv_str *why)
{
    *why = NV_STR("the answer is no OTLP: does a proxy answer for it?");
    return NV_TAKEN_NOTHING;
}

/* {"partialSuccess":{"rejectedSpans":"5","errorMessage":"..."}}; 64 bits may be a string. */
static enum nv_taken judge_json(struct nv_str body, uint64_t *rejected, struct nv_str *why)
{
    struct nv_json_reader reader;
    struct nv_str key = NV_STR("");
    enum nv_json_token token;
    bool partial = false;
    nv_json_read_init(&reader, body, NV_JSON_DEPTH_LIMIT);
    while ((token = nv_json_next(&reader)) != NV_JSON_END) {
        bool text = token == NV_JSON_STRING;
        if (token == NV_JSON_ERROR)
            return is_no_otlp(why);
        if (token == NV_JSON_KEY) {
            key = reader.raw;
            if (reader.depth == 1)
                partial = nv_str_eq(key, NV_STR("partialSuccess"));
        } else if (partial && reader.depth == 2 && (text || token == NV_JSON_NUMBER)) {
            if (nv_str_starts(key, NV_STR("rejected")) &&
                nv_str_to_uint64(reader.raw, rejected) != NV_OK)
                *rejected = 0;
            if (text && nv_str_eq(key, NV_STR("errorMessage")))
                *why = reader.raw;
        }
    }
    return judge_parts(*rejected, *why);
}

/* A body that answers 200. Some servers answer protobuf with JSON, an empty object mostly. */
static enum nv_taken judge_body(struct nv_str body, uint64_t *rejected, struct nv_str *why)
{
    struct nv_wire wire = nv_wire_read(body);
    struct nv_wire_field field;
    enum nv_err err;
    if (nv_str_starts(body, NV_STR("{")))
        return judge_json(body, rejected, why);
    while ((err = nv_wire_next(&wire, &field)) == NV_OK) {
        if (field.number == NV_OTLP_RESPONSE_PARTIAL && field.type == NV_WIRE_BYTES)
            read_partial(field.bytes, rejected, why);
    }
    return err == NV_ERR_END ? judge_parts(*rejected, *why) : is_no_otlp(why);
}

enum nv_taken nv_shipment_judge(const struct nv_reply *reply, uint64_t *rejected,
                                struct nv_str *why)
{
    *rejected = 0;
    *why = NV_STR("");
    if (reply->transfer == NV_TRANSFER_OVERSIZE) {
        *why = NV_STR("the answer is too large");
        return NV_TAKEN_NOTHING;
    }
    if (reply->transfer != NV_TRANSFER_REPLY) {
        *why = reply->detail;
        return NV_TAKEN_LATER;
    }
    if (reply->status >= 200 && reply->status <= 299)
        return judge_body(reply->body, rejected, why);
    *why = NV_STR("not taken");
    return reply->status == 429 || (reply->status >= 502 && reply->status <= 504)
               ? NV_TAKEN_LATER
               : NV_TAKEN_NOTHING;
}

static void drop(struct nv_shipment *shipment)
{
    assert(!shipment->flying);
    nv_count(NV_COUNT_TELEMETRY_SPANS_LOST, shipment->spans);
    nv_buf_clear(&shipment->body);
    shipment->spans = 0;
    shipment->tries = 0;
}

/* When the same may be tried: as the endpoint asks, else 5 s, doubled each time. */
static void postpone(struct nv_shipment *shipment, const struct nv_reply *reply)
{
    uint64_t now_ns = nv_clock_mono_ns(shipment->clock);
    uint64_t wait_ns = FIRST_WAIT_NS << shipment->tries;
    uint64_t asked_ns = 0;
    if (nv_retry_after_parse(reply->retry_after, nv_clock_wall_ns(shipment->clock), &asked_ns))
        wait_ns = asked_ns;
    else if (shipment->spans == 0)
        wait_ns = 0; /* metrics have their interval */
    if (wait_ns > NV_SHIPMENT_WAIT_MAX_NS)
        wait_ns = NV_SHIPMENT_WAIT_MAX_NS;
    shipment->not_before_ns = now_ns + wait_ns;
}

static void tell(const struct nv_shipment *shipment, enum nv_taken taken,
                 const struct nv_reply *reply, uint64_t rejected, struct nv_str why)
{
    static struct nv_log_site sites[2]; /* one each, so that neither hides the other */
    if (taken == NV_TAKEN_ALL || reply->transfer == NV_TRANSFER_CANCELLED)
        return;
    nv_log_write(&sites[shipment->route == NV_ROUTE_METRICS], NV_LOG_WARN, "telemetry",
                 "%s signal=%s status=%d rejected=%llu: %.*s",
                 taken == NV_TAKEN_PARTLY ? "telemetry.otlp.endpoint took a part"
                                          : "telemetry.otlp.endpoint took nothing",
                 shipment->signal, reply->status, (unsigned long long)rejected,
                 NV_STR_ARG(nv_str_slice(why, 0, 160)));
}

static void count(const struct nv_shipment *shipment, enum nv_taken taken, uint64_t rejected)
{
    uint64_t lost = rejected < shipment->spans ? rejected : shipment->spans;
    if (taken != NV_TAKEN_ALL && taken != NV_TAKEN_PARTLY) {
        nv_count(NV_COUNT_TELEMETRY_FAILED, 1);
        return;
    }
    nv_count(taken == NV_TAKEN_ALL ? NV_COUNT_TELEMETRY_OK : NV_COUNT_TELEMETRY_PARTIAL, 1);
    nv_count(NV_COUNT_TELEMETRY_SPANS_SENT, shipment->spans - lost);
    nv_count(NV_COUNT_TELEMETRY_SPANS_LOST, lost);
}

static void done(void *done_ctx, const struct nv_reply *reply)
{
    struct nv_shipment *shipment = done_ctx;
    uint64_t rejected;
    struct nv_str why;
    enum nv_taken taken = nv_shipment_judge(reply, &rejected, &why);
    shipment->flying = false;
    tell(shipment, taken, reply, rejected, why);
    count(shipment, taken, rejected);
    if (taken == NV_TAKEN_ALL || taken == NV_TAKEN_PARTLY)
        shipment->spans = 0; /* they are counted */
    else if (taken == NV_TAKEN_LATER)
        postpone(shipment, reply);
    if (taken == NV_TAKEN_LATER && shipment->spans > 0 &&
        ++shipment->tries < NV_SHIPMENT_TRIES_MAX)
        return;
    drop(shipment);
}

void nv_shipment_send(struct nv_shipment *shipment)
{
    if (shipment->flying || shipment->body.len == 0 ||
        nv_clock_mono_ns(shipment->clock) < shipment->not_before_ns)
        return;
    const struct nv_send_request request = {.route = shipment->route,
                                            .body = nv_buf_str(&shipment->body)};
    shipment->flying =
        shipment->transport->send(shipment->transport->ctx, &request, done, shipment) == NV_OK;
    if (shipment->flying)
        return;
    nv_count(NV_COUNT_TELEMETRY_FAILED, 1);
    drop(shipment);
}
