/*
 * From notes to spans.
 *
 * They are written when they end, so that what waits to be sent is bytes and no pointers into
 * traces that are long gone. Their number and size have an end: attributes are numbers and
 * words of ours.
 */
#include "gateway/telemetry/own_spans.h"

#include "base/text/text.h"
#include "base/text/wire.h"
#include "gateway/telemetry/own_resource.h"
#include "model/otlp_fields.h"

#include <stdio.h>
#include <sys/random.h>

#include "base/banned.h"

static const char *const outcomes[] = {[NV_OUTCOME_DELIVERED] = "delivered",
                                       [NV_OUTCOME_KEPT] = "kept",
                                       [NV_OUTCOME_DROPPED] = "dropped",
                                       [NV_OUTCOME_LEFT] = "left"};
static const char *const missing[] = {[NV_COMPLETE] = NULL,
                                      [NV_INCOMPLETE_ROOT] = "root",
                                      [NV_INCOMPLETE_PARENT] = "parent",
                                      [NV_INCOMPLETE_CUT] = "cut",
                                      [NV_INCOMPLETE_SHUTDOWN] = "shutdown"};

void nv_own_spans_random(uint8_t *id, size_t len)
{
    /* so few bytes come whole or not at all */
    if (getrandom(id, len, GRND_NONBLOCK) != (ssize_t)len)
        memset(id, 0, len);
    id[len - 1] |= 1;
}

struct shape {
    const char *name;
    int kind; /* enum nv_span_kind */
    uint64_t start_ns, end_ns;
};

static struct nv_str bytes_of(const uint8_t *bytes, size_t len)
{
    return (struct nv_str){(const char *)bytes, len};
}

/* Begins a span; the mark is for nv_wire_end. `id` NULL: below the whole, with a new id. */
static size_t begin(const struct nv_own_passage *passage, const uint8_t *id,
                    const struct shape *shape, struct nv_buf *out)
{
    uint8_t fresh[NV_SPAN_ID_BYTES];
    size_t mark = nv_wire_begin(out, NV_OTLP_SCOPE_GROUP_ITEMS);
    (void)nv_wire_put_bytes(out, NV_OTLP_SPAN_TRACE_ID,
                            bytes_of(passage->trace_id, NV_TRACE_ID_BYTES));
    if (!id)
        nv_own_spans_random(fresh, sizeof fresh);
    (void)nv_wire_put_bytes(out, NV_OTLP_SPAN_ID, bytes_of(id ? id : fresh, NV_SPAN_ID_BYTES));
    if (!id) {
        (void)nv_wire_put_bytes(out, NV_OTLP_SPAN_PARENT_ID,
                                bytes_of(passage->root_id, NV_SPAN_ID_BYTES));
    }
    (void)nv_wire_put_bytes(out, NV_OTLP_SPAN_NAME, nv_str_from(shape->name));
    (void)nv_wire_put_uint(out, NV_OTLP_SPAN_KIND, (uint64_t)shape->kind);
    (void)nv_wire_put_fixed64(out, NV_OTLP_SPAN_START, shape->start_ns + passage->wall_ns);
    (void)nv_wire_put_fixed64(out, NV_OTLP_SPAN_END, shape->end_ns + passage->wall_ns);
    return mark;
}

static void put_int(struct nv_buf *out, const char *key, uint64_t value)
{
    nv_own_put_int(out, NV_OTLP_SPAN_ATTRIBUTES, key, value);
}

static void put_text(struct nv_buf *out, const char *key, const char *value)
{
    if (value)
        nv_own_put_text(out, NV_OTLP_SPAN_ATTRIBUTES, key, nv_str_from(value));
}

static void write_receive(const struct nv_own_passage *passage, struct nv_buf *out)
{
    const struct shape shape = {"receive", NV_SPAN_KIND_INTERNAL, passage->first_ns,
                                passage->last_ns};
    size_t mark = begin(passage, NULL, &shape, out);
    put_int(out, "noveum.gateway.spans", passage->spans);
    put_int(out, "noveum.gateway.log_records", passage->records);
    put_int(out, "noveum.gateway.bytes", passage->bytes);
    (void)nv_wire_end(out, mark);
}

static void write_hold(const struct nv_own_passage *passage, struct nv_buf *out)
{
    const struct shape shape = {"hold", NV_SPAN_KIND_INTERNAL, passage->last_ns,
                                passage->complete_ns};
    size_t mark = begin(passage, NULL, &shape, out);
    put_text(out, "noveum.gateway.waited_for", passage->wait);
    put_text(out, "noveum.gateway.incomplete", missing[passage->incomplete]);
    (void)nv_wire_end(out, mark);
}

static void write_translate(const struct nv_own_passage *passage, struct nv_buf *out)
{
    const struct shape shape = {"translate", NV_SPAN_KIND_INTERNAL, passage->complete_ns,
                                passage->translated_ns};
    size_t mark = begin(passage, NULL, &shape, out);
    put_int(out, "noveum.gateway.spans", passage->spans_out);
    (void)nv_wire_end(out, mark);
}

static void write_whole(const struct nv_own_passage *passage, enum nv_outcome outcome,
                        uint64_t end_ns, struct nv_buf *out)
{
    const struct shape shape = {"noveum.gateway.trace", NV_SPAN_KIND_INTERNAL,
                                passage->first_ns, end_ns};
    char source[2 * NV_TRACE_ID_BYTES];
    size_t mark = begin(passage, passage->root_id, &shape, out);
    nv_hex_encode(passage->source_id, NV_TRACE_ID_BYTES, source);
    nv_own_put_text(out, NV_OTLP_SPAN_ATTRIBUTES, "noveum.gateway.trace_id",
                    (struct nv_str){source, sizeof source});
    put_int(out, "noveum.gateway.part", passage->part);
    put_int(out, "noveum.gateway.attempts", passage->attempts);
    put_text(out, "noveum.gateway.outcome", outcomes[outcome]);
    (void)nv_wire_end(out, mark);
}

uint32_t nv_own_spans_write(const struct nv_own_passage *passage, enum nv_outcome outcome,
                            uint64_t end_ns, struct nv_buf *out)
{
    bool translated = passage->translated_ns != 0;
    write_receive(passage, out);
    write_hold(passage, out);
    if (translated)
        write_translate(passage, out);
    write_whole(passage, outcome, end_ns, out);
    return translated ? NV_OWN_SPANS_A_TRACE_MAX : NV_OWN_SPANS_A_TRACE_MAX - 1;
}

/* error.type of the semantic conventions: the transfer's, else the status, else what they have
 * for the rest: a 200 that is no answer of the API. */
static void put_error(const struct nv_attempt_told *told, struct nv_buf *out)
{
    static const char *const transfers[] = {[NV_TRANSFER_REPLY] = NULL,
                                            [NV_TRANSFER_TIMEOUT] = "timeout",
                                            [NV_TRANSFER_BROKEN] = "broken",
                                            [NV_TRANSFER_CONNECT] = "connect",
                                            [NV_TRANSFER_TLS] = "tls",
                                            [NV_TRANSFER_OVERSIZE] = "oversize",
                                            [NV_TRANSFER_NO_MEMORY] = "no_memory",
                                            [NV_TRANSFER_CANCELLED] = "cancelled"};
    char status[16];
    (void)snprintf(status, sizeof status, "%d", told->status);
    const char *type = transfers[told->transfer];
    if (!type)
        type = told->status >= 300 ? status : "_OTHER";
    put_text(out, "error.type", type);
    size_t inner = nv_wire_begin(out, NV_OTLP_SPAN_STATUS);
    (void)nv_wire_put_uint(out, NV_OTLP_STATUS_CODE, NV_STATUS_CODE_ERROR);
    (void)nv_wire_end(out, inner);
}

void nv_own_spans_write_attempt(const struct nv_own_passage *passage,
                                const struct nv_attempt_told *told, struct nv_buf *out)
{
    const struct shape shape = {"deliver", NV_SPAN_KIND_CLIENT, told->start_ns, told->end_ns};
    size_t mark = begin(passage, NULL, &shape, out);
    put_text(out, "http.request.method", "POST");
    if (told->status > 0)
        put_int(out, "http.response.status_code", (uint64_t)told->status);
    if (told->number > 1)
        put_int(out, "http.request.resend_count", told->number - 1);
    put_int(out, "noveum.gateway.batch_traces", told->traces);
    if (!told->delivered)
        put_error(told, out);
    (void)nv_wire_end(out, mark);
}
