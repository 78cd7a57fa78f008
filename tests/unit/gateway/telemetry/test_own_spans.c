/*
 * Spans of one trace on its way, read back field by field: names, times, what hangs below what,
 * and which words stand for which outcome.
 */
#include "expect.h"

#include "base/text/wire.h"
#include "gateway/telemetry/own_spans.h"
#include "model/otlp_fields.h"

#include <stdio.h>

#include "base/banned.h"

#define WALL_NS UINT64_C(1700000000000000000)

static struct nv_own_passage passage;
static struct nv_buf out;

/* A span as it was read; attributes as "key=value key=value". */
struct seen {
    struct nv_str name, id, parent, trace;
    uint64_t start, end, kind, status;
    char attributes[768];
};

static struct seen spans[NV_OWN_SPANS_A_TRACE_MAX];

static void read_attribute(struct nv_str pair, struct seen *seen)
{
    struct nv_wire wire = nv_wire_read(pair), any;
    struct nv_wire_field key, value;
    size_t len = strlen(seen->attributes);
    const char *gap = len > 0 ? " " : "";
    ck_assert_int_eq(nv_wire_next(&wire, &key), NV_OK);
    ck_assert_int_eq(nv_wire_next(&wire, &value), NV_OK);
    any = nv_wire_read(value.bytes);
    ck_assert_int_eq(nv_wire_next(&any, &value), NV_OK);
    if (value.number == NV_OTLP_ANY_STRING) {
        (void)snprintf(seen->attributes + len, sizeof seen->attributes - len, "%s%.*s=%.*s",
                       gap, NV_STR_ARG(key.bytes), NV_STR_ARG(value.bytes));
    } else {
        (void)snprintf(seen->attributes + len, sizeof seen->attributes - len, "%s%.*s=%llu",
                       gap, NV_STR_ARG(key.bytes), (unsigned long long)value.value);
    }
}

static void read_span(struct nv_str bytes, struct seen *seen)
{
    struct nv_wire wire = nv_wire_read(bytes), inner;
    struct nv_wire_field field, status;
    *seen = (struct seen){0};
    while (nv_wire_next(&wire, &field) == NV_OK) {
        struct nv_str *texts[] = {[NV_OTLP_SPAN_TRACE_ID] = &seen->trace,
                                  [NV_OTLP_SPAN_ID] = &seen->id,
                                  [NV_OTLP_SPAN_PARENT_ID] = &seen->parent,
                                  [NV_OTLP_SPAN_NAME] = &seen->name};
        uint64_t *numbers[] = {[NV_OTLP_SPAN_KIND] = &seen->kind,
                               [NV_OTLP_SPAN_START] = &seen->start,
                               [NV_OTLP_SPAN_END] = &seen->end};
        if (field.number == NV_OTLP_SPAN_ATTRIBUTES) {
            read_attribute(field.bytes, seen);
        } else if (field.number == NV_OTLP_SPAN_STATUS) {
            inner = nv_wire_read(field.bytes);
            ck_assert_int_eq(nv_wire_next(&inner, &status), NV_OK);
            ck_assert_uint_eq(status.number, NV_OTLP_STATUS_CODE);
            seen->status = status.value;
        } else if (field.type == NV_WIRE_BYTES) {
            *texts[field.number] = field.bytes;
        } else {
            *numbers[field.number] = field.value;
        }
    }
}

static size_t read_spans(void)
{
    struct nv_wire wire = nv_wire_read(nv_buf_str(&out));
    struct nv_wire_field field;
    size_t count = 0;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        ck_assert_uint_eq(field.number, NV_OTLP_SCOPE_GROUP_ITEMS);
        ck_assert_uint_lt(count, NV_OWN_SPANS_A_TRACE_MAX);
        ck_assert_uint_lt(field.bytes.len, NV_OWN_SPAN_BYTES_MAX);
        read_span(field.bytes, &spans[count++]);
    }
    return count;
}

static void set_up(void)
{
    passage = (struct nv_own_passage){.part = 1,
                                      .spans = 3,
                                      .records = 2,
                                      .bytes = 4000,
                                      .wait = "open",
                                      .wall_ns = WALL_NS,
                                      .first_ns = 10,
                                      .last_ns = 20,
                                      .complete_ns = 50,
                                      .translated_ns = 60,
                                      .spans_out = 4,
                                      .attempts = 5};
    memset(passage.trace_id, 0xaa, sizeof passage.trace_id);
    memset(passage.root_id, 0xbb, sizeof passage.root_id);
    memset(passage.source_id, 0xcd, sizeof passage.source_id);
    nv_buf_init(&out, 1 << 16);
}

static void tear_down(void)
{
    nv_buf_release(&out);
}

static void check(const struct seen *seen, const char *name, uint64_t start, uint64_t end,
                  const char *attributes)
{
    struct nv_str root = {(const char *)passage.root_id, sizeof passage.root_id};
    ck_assert_nv_str(seen->name, name);
    ck_assert_uint_eq(seen->start, WALL_NS + start);
    ck_assert_uint_eq(seen->end, WALL_NS + end);
    ck_assert_str_eq(seen->attributes, attributes);
    ck_assert_uint_eq(seen->trace.len, NV_TRACE_ID_BYTES);
    ck_assert_uint_eq(seen->id.len, NV_SPAN_ID_BYTES);
    ck_assert_int_eq(memcmp(seen->trace.ptr, passage.trace_id, NV_TRACE_ID_BYTES), 0);
    if (nv_str_eq(seen->id, root))
        ck_assert_uint_eq(seen->parent.len, 0);
    else
        ck_assert(nv_str_eq(seen->parent, root));
}

START_TEST(the_way_of_a_trace)
{
    ck_assert_uint_eq(nv_own_spans_write(&passage, NV_OUTCOME_DELIVERED, 90, &out), 4);
    ck_assert_uint_eq(read_spans(), 4);
    check(&spans[0], "receive", 10, 20,
          "noveum.gateway.spans=3 noveum.gateway.log_records=2 noveum.gateway.bytes=4000");
    check(&spans[1], "hold", 20, 50, "noveum.gateway.waited_for=open");
    check(&spans[2], "translate", 50, 60, "noveum.gateway.spans=4");
    check(&spans[3], "noveum.gateway.trace", 10, 90,
          "noveum.gateway.trace_id=cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd noveum.gateway.part=1 "
          "noveum.gateway.attempts=5 noveum.gateway.outcome=delivered");
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(spans[i].kind, NV_SPAN_KIND_INTERNAL);
    ck_assert(!nv_str_eq(spans[0].id, spans[1].id));
}
END_TEST

/* Every value of both enums has its word. */
START_TEST(outcomes_and_what_is_missing)
{
    static const char *const ends[] = {"delivered", "kept", "dropped", "left"};
    static const char *const holes[] = {NULL, "root", "parent", "cut", "shutdown"};
    char text[64];
    passage.wait = NULL;
    passage.translated_ns = 0;
    for (unsigned i = 0; i < 5; i++) {
        nv_buf_clear(&out);
        passage.incomplete = (enum nv_incomplete)i;
        ck_assert_uint_eq(nv_own_spans_write(&passage, (enum nv_outcome)(i % 4), 90, &out), 3);
        ck_assert_uint_eq(read_spans(), 3);
        text[0] = '\0';
        if (holes[i])
            (void)snprintf(text, sizeof text, "noveum.gateway.incomplete=%s", holes[i]);
        check(&spans[1], "hold", 20, 50, text);
        (void)snprintf(text, sizeof text, "noveum.gateway.outcome=%s", ends[i % 4]);
        ck_assert_ptr_nonnull(strstr(spans[2].attributes, text));
    }
}
END_TEST

static void tell(enum nv_transfer transfer, int status, bool delivered)
{
    const struct nv_attempt_told told = {.transfer = transfer,
                                         .status = status,
                                         .delivered = delivered,
                                         .number = 1,
                                         .traces = 7,
                                         .start_ns = 70,
                                         .end_ns = 80};
    nv_buf_clear(&out);
    nv_own_spans_write_attempt(&passage, &told, &out);
    ck_assert_uint_eq(read_spans(), 1);
    ck_assert_uint_eq(spans[0].kind, NV_SPAN_KIND_CLIENT);
    ck_assert_uint_eq(spans[0].status, delivered ? 0 : NV_STATUS_CODE_ERROR);
}

START_TEST(requests)
{
    tell(NV_TRANSFER_REPLY, 202, true);
    check(&spans[0], "deliver", 70, 80,
          "http.request.method=POST http.response.status_code=202 "
          "noveum.gateway.batch_traces=7");
    tell(NV_TRANSFER_REPLY, 200, false);
    ck_assert_ptr_nonnull(strstr(spans[0].attributes, " error.type=_OTHER"));
    tell(NV_TRANSFER_REPLY, 307, false);
    ck_assert_ptr_nonnull(strstr(spans[0].attributes, " error.type=307"));
    tell(NV_TRANSFER_OVERSIZE, 200, false);
    ck_assert_ptr_nonnull(strstr(spans[0].attributes, " error.type=oversize"));
}
END_TEST

START_TEST(transfers_that_failed)
{
    static const struct {
        enum nv_transfer transfer;
        const char *type;
    } rows[] = {{NV_TRANSFER_TIMEOUT, "timeout"},     {NV_TRANSFER_BROKEN, "broken"},
                {NV_TRANSFER_CONNECT, "connect"},     {NV_TRANSFER_TLS, "tls"},
                {NV_TRANSFER_NO_MEMORY, "no_memory"}, {NV_TRANSFER_CANCELLED, "cancelled"}};
    char text[128];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tell(rows[i].transfer, 0, false);
        (void)snprintf(text, sizeof text,
                       "http.request.method=POST noveum.gateway.batch_traces=7 error.type=%s",
                       rows[i].type);
        check(&spans[0], "deliver", 70, 80, text);
    }
}
END_TEST

/* NV_OWN_SPAN_BYTES_MAX holds with the largest numbers: room is reckoned by it. */
START_TEST(the_largest)
{
    passage.part = passage.spans = passage.records = passage.attempts = UINT32_MAX;
    passage.spans_out = UINT32_MAX;
    passage.bytes = UINT64_MAX;
    passage.wait = "remote_parent";
    passage.incomplete = NV_INCOMPLETE_SHUTDOWN;
    ck_assert_uint_eq(nv_own_spans_write(&passage, NV_OUTCOME_DELIVERED, 90, &out),
                      NV_OWN_SPANS_A_TRACE_MAX);
    ck_assert_uint_eq(read_spans(), NV_OWN_SPANS_A_TRACE_MAX);
    ck_assert_uint_lt(out.len, NV_OWN_SPANS_A_TRACE_MAX * NV_OWN_SPAN_BYTES_MAX);
    const struct nv_attempt_told told = {
        .transfer = NV_TRANSFER_CANCELLED, .status = 599, .number = UINT32_MAX};
    nv_buf_clear(&out);
    nv_own_spans_write_attempt(&passage, &told, &out);
    ck_assert_uint_eq(read_spans(), 1);
}
END_TEST

START_TEST(ids_are_never_zero_and_never_the_same)
{
    uint8_t one[NV_SPAN_ID_BYTES] = {0}, other[NV_SPAN_ID_BYTES] = {0};
    static const uint8_t zero[NV_SPAN_ID_BYTES];
    nv_own_spans_random(one, sizeof one);
    nv_own_spans_random(other, sizeof other);
    ck_assert_int_ne(memcmp(one, zero, sizeof one), 0);
    ck_assert_int_ne(memcmp(one, other, sizeof one), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/telemetry/own_spans");
    TCase *tcase = tcase_create("spans");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_way_of_a_trace);
    tcase_add_test(tcase, outcomes_and_what_is_missing);
    tcase_add_test(tcase, requests);
    tcase_add_test(tcase, transfers_that_failed);
    tcase_add_test(tcase, the_largest);
    tcase_add_test(tcase, ids_are_never_zero_and_never_the_same);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
