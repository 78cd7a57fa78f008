/*
 * The walk: what is accepted, refused, rejected, and what the index says of it.
 *
 * Names that begin with D are lines of the OTLP conformance list, section D (protobuf decoding
 * and span validity).
 */
#include "otlp/request/walk.h"

#include "base/text/text.h"
#include "expect.h"
#include "oom.h"
#include "otlp_build.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define TRACE "\x5b\x8e\xff\xf7\x98\x03\x81\x03\xd2\x69\xb6\x33\x81\x3f\xc6\x0c"
#define SPAN "\xee\xe1\x9b\x7e\xc3\xc1\xb1\x74"
#define ZERO8 "\0\0\0\0\0\0\0\0"

static struct nv_test_decoded decode(struct nv_str bytes)
{
    return nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, bytes);
}

static struct nv_test_decoded decode_span(struct nv_str more)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, more);
    struct nv_test_message request = nv_test_request(nv_test_view(&span));
    return decode(nv_test_view(&request));
}

/* ---- requests as a whole ----------------------------------------------------------------- */

static const struct {
    const char *name;
    struct nv_str bytes;
    enum nv_err want;
} requests[] = {
    {"D01 empty body", NV_STR_INIT(""), NV_OK},
    {"D02 empty ResourceSpans", NV_STR_INIT("\x0a\x00"), NV_OK},
    {"D02 empty ScopeSpans", NV_STR_INIT("\x0a\x02\x12\x00"), NV_OK},
    {"D02 empty resource and scope", NV_STR_INIT("\x0a\x06\x0a\x00\x12\x02\x0a\x00"), NV_OK},
    {"D03 unknown varint", NV_STR_INIT("\x78\x01"), NV_OK},
    {"D03 unknown in ResourceSpans", NV_STR_INIT("\x0a\x05\x7d\x01\x02\x03\x04"), NV_OK},
    {"D03 unknown in ScopeSpans", NV_STR_INIT("\x0a\x05\x12\x03\x7a\x01x"), NV_OK},
    {"D03 unknown field 536870911", NV_STR_INIT("\xfa\xff\xff\xff\x0f\x01x"), NV_OK},
    {"D04 unknown group", NV_STR_INIT("\x7b\x08\x01\x13\x14\x7c"), NV_OK},
    {"D04 group in ResourceSpans", NV_STR_INIT("\x0a\x02\x7b\x7c"), NV_OK},
    {"D05 wire type 6", NV_STR_INIT("\x7e\x00"), NV_ERR_MALFORMED},
    {"D05 wire type 7 in ScopeSpans", NV_STR_INIT("\x0a\x04\x12\x02\x7f\x00"),
     NV_ERR_MALFORMED},
    {"D05 field number 0", NV_STR_INIT("\x02\x00"), NV_ERR_MALFORMED},
    {"D05 unmatched end of group", NV_STR_INIT("\x0a\x01\x0c"), NV_ERR_MALFORMED},
    {"D07 varint of 11 bytes", NV_STR_INIT("\x78\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
     NV_ERR_MALFORMED},
    {"D08 length 2^31 - 1", NV_STR_INIT("\x0a\xff\xff\xff\xff\x07"), NV_ERR_TRUNCATED},
    {"D08 length 2^64 - 1", NV_STR_INIT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
     NV_ERR_TRUNCATED},
    {"D08 length inside", NV_STR_INIT("\x0a\x04\x12\x03\x12\x01"), NV_ERR_TRUNCATED},
    {"D09 over-long tag and length", NV_STR_INIT("\x8a\x80\x00\x82\x80\x80\x00\x12\x00"),
     NV_OK},
    {"D11 resource_spans as varint", NV_STR_INIT("\x08\x01"), NV_ERR_MALFORMED},
    {"D11 resource_spans as fixed32", NV_STR_INIT("\x0d\x01\x02\x03\x04"), NV_ERR_MALFORMED},
    {"D11 scope_spans as varint", NV_STR_INIT("\x0a\x02\x10\x01"), NV_ERR_MALFORMED},
    {"D11 schema_url as fixed64",
     NV_STR_INIT("\x0a\x09\x19"
                 "12345678"),
     NV_ERR_MALFORMED},
    {"D11 resource as group", NV_STR_INIT("\x0a\x02\x0b\x0c"), NV_ERR_MALFORMED},
    {"D28 empty instrumentation_library_spans", NV_STR_INIT("\x0a\x03\xc2\x3e\x00"), NV_OK},
    {"D30 from a comparison with upb",
     NV_STR_INIT("\x3b\xd1\x15\xb1\x64\xaa\x52\x69\x72\xbf\x02"), NV_ERR_TRUNCATED},
};

START_TEST(request_verdict)
{
    struct nv_test_decoded d = decode(requests[_i].bytes);
    ck_assert_msg(d.err == requests[_i].want, "%s: %d %s", requests[_i].name, d.err,
                  d.fail.what);
    ck_assert(d.err == NV_OK || (d.fail.code == d.err && d.fail.what[0] != '\0'));
    nv_batch_free(d.batch);
}
END_TEST

/* ---- fields of spans --------------------------------------------------------------------- */

static const struct {
    const char *name;
    struct nv_str more; /* behind the ids of a good span */
    enum nv_err want;
    const char *path; /* of the failure, below the span */
} fields[] = {
    {"plain", NV_STR_INIT(""), NV_OK, NULL},
    {"D03 unknown fields",
     NV_STR_INIT("\xf8\x07\x01\xf9\x07"
                 "12345678"
                 "\xfa\x07\x01x\xfd\x07"
                 "1234"),
     NV_OK, NULL},
    {"D03 unknown in a KeyValue", NV_STR_INIT("\x4a\x05\x0a\x01k\x78\x01"), NV_OK, NULL},
    {"D04 group in a span", NV_STR_INIT("\xfb\x07\x08\x01\xfc\x07"), NV_OK, NULL},
    {"D05 unclosed group in an event", NV_STR_INIT("\x5a\x01\x7b"), NV_ERR_TRUNCATED,
     "events[0]"},
    {"D10 status in two pieces", NV_STR_INIT("\x7a\x03\x12\x01m\x7a\x02\x18\x02"), NV_OK, NULL},
    {"D10 two members of a oneof", NV_STR_INIT("\x4a\x09\x0a\x01k\x12\x04\x18\x01\x0a\x00"),
     NV_OK, NULL},
    {"D11 name as varint", NV_STR_INIT("\x28\x01"), NV_ERR_MALFORMED, "name"},
    {"D11 kind as bytes", NV_STR_INIT("\x32\x01x"), NV_ERR_MALFORMED, "kind"},
    {"D11 trace id as fixed64",
     NV_STR_INIT("\x09"
                 "12345678"),
     NV_ERR_MALFORMED, "traceId"},
    {"D11 start as varint", NV_STR_INIT("\x38\x01"), NV_ERR_MALFORMED, "startTimeUnixNano"},
    {"D11 flags as varint", NV_STR_INIT("\x80\x01\x01"), NV_ERR_MALFORMED, "flags"},
    {"D11 second attribute", NV_STR_INIT("\x4a\x00\x48\x01"), NV_ERR_MALFORMED,
     "attributes[1]"},
    {"D11 key as varint", NV_STR_INIT("\x4a\x00\x4a\x02\x08\x01"), NV_ERR_MALFORMED,
     "attributes[1].key"},
    {"D11 intValue as fixed64",
     NV_STR_INIT("\x4a\x0b\x12\x09\x19"
                 "12345678"),
     NV_ERR_MALFORMED, "attributes[0].value.intValue"},
    {"D11 in an array", NV_STR_INIT("\x4a\x0a\x12\x08\x2a\x06\x0a\x00\x0a\x02\x10\x00"), NV_OK,
     NULL},
    {"D11 bool as bytes in an array",
     NV_STR_INIT("\x4a\x0a\x12\x08\x2a\x06\x0a\x00\x0a\x02\x12\x00"), NV_ERR_MALFORMED,
     "attributes[0].value.arrayValue.values[1].boolValue"},
    {"D11 status code as bytes", NV_STR_INIT("\x7a\x02\x1a\x00"), NV_ERR_MALFORMED,
     "status.code"},
    {"D22 times", NV_STR_INIT("\x39\xff\xff\xff\xff\xff\xff\xff\xff\x41\x01\0\0\0\0\0\0\0"),
     NV_OK, NULL},
    {"D23 kind 99, status 77", NV_STR_INIT("\x30\x63\x7a\x02\x18\x4d"), NV_OK, NULL},
    {"D23 kind -1", NV_STR_INIT("\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), NV_OK, NULL},
    {"D24 flags", NV_STR_INIT("\x85\x01\xff\xff\xff\xff"), NV_OK, NULL},
    {"D26 odd attributes", NV_STR_INIT("\x4a\x00\x4a\x03\x0a\x01k\x4a\x05\x0a\x01k\x12\x00"),
     NV_OK, NULL},
    {"D27 strindex fields of profiles",
     NV_STR_INIT("\x4a\x07\x0a\x01k\x12\x02\x40\x05\x4a\x02\x18\x01"), NV_OK, NULL},
};

START_TEST(span_field_verdict)
{
    char path[192] = "";
    struct nv_test_decoded d = decode_span(fields[_i].more);
    ck_assert_msg(d.err == fields[_i].want, "%s: %d %s", fields[_i].name, d.err, d.fail.what);
    if (fields[_i].path) {
        (void)snprintf(path, sizeof path, "resourceSpans[0].scopeSpans[0].spans[0].%s",
                       fields[_i].path);
    }
    ck_assert_str_eq(d.fail.path, path);
    if (d.batch) {
        ck_assert_uint_eq(d.batch->item_count, 1);
        ck_assert_uint_eq(d.batch->group_count, 1);
        ck_assert_uint_eq(d.result.accepted, 1);
        ck_assert_str_eq(d.result.message, "");
    }
    nv_batch_free(d.batch);
}
END_TEST

/* ---- ids --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    struct nv_str trace_id, span_id;
    int reason; /* NV_REJECT_COUNT: good */
} ids[] = {
    {"good", NV_STR_INIT(TRACE), NV_STR_INIT(SPAN), NV_REJECT_COUNT},
    {"D15 trace id of 1", NV_STR_INIT("x"), NV_STR_INIT(SPAN), NV_REJECT_TRACE_ID},
    {"D15 trace id of 8", NV_STR_INIT(SPAN), NV_STR_INIT(SPAN), NV_REJECT_TRACE_ID},
    {"D15 trace id of 15", NV_STR_INIT("123456789012345"), NV_STR_INIT(SPAN),
     NV_REJECT_TRACE_ID},
    {"D15 trace id of 17", NV_STR_INIT("12345678901234567"), NV_STR_INIT(SPAN),
     NV_REJECT_TRACE_ID},
    {"D15 trace id of 32", NV_STR_INIT(TRACE TRACE), NV_STR_INIT(SPAN), NV_REJECT_TRACE_ID},
    {"D16 span id of 1", NV_STR_INIT(TRACE), NV_STR_INIT("x"), NV_REJECT_SPAN_ID},
    {"D16 span id of 7", NV_STR_INIT(TRACE), NV_STR_INIT("1234567"), NV_REJECT_SPAN_ID},
    {"D16 span id of 9", NV_STR_INIT(TRACE), NV_STR_INIT("123456789"), NV_REJECT_SPAN_ID},
    {"D16 span id of 16", NV_STR_INIT(TRACE), NV_STR_INIT(TRACE), NV_REJECT_SPAN_ID},
    {"D17 zero trace id", NV_STR_INIT(ZERO8 ZERO8), NV_STR_INIT(SPAN), NV_REJECT_TRACE_ID},
    {"D17 empty trace id", NV_STR_INIT(""), NV_STR_INIT(SPAN), NV_REJECT_TRACE_ID},
    {"D18 zero span id", NV_STR_INIT(TRACE), NV_STR_INIT(ZERO8), NV_REJECT_SPAN_ID},
    {"D18 empty span id", NV_STR_INIT(TRACE), NV_STR_INIT(""), NV_REJECT_SPAN_ID},
    {"D20 both empty", NV_STR_INIT(""), NV_STR_INIT(""), NV_REJECT_TRACE_ID},
};

START_TEST(id_verdict)
{
    struct nv_test_message span = nv_test_span(ids[_i].trace_id, ids[_i].span_id, NV_STR(""));
    struct nv_test_message request = nv_test_request(nv_test_view(&span));
    struct nv_test_decoded d = decode(nv_test_view(&request));
    unsigned rejected = ids[_i].reason != NV_REJECT_COUNT;
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_msg(d.result.rejected == rejected, "%s", ids[_i].name);
    ck_assert_uint_eq(d.batch->item_count, 1 - rejected);
    ck_assert_uint_eq(d.batch->group_count, 1 - rejected);
    for (int reason = 0; reason < NV_REJECT_COUNT; reason++)
        ck_assert_uint_eq(d.result.rejected_by[reason], reason == ids[_i].reason);
    ck_assert_int_eq(d.result.message[0] != '\0', rejected);
    nv_batch_free(d.batch);
}
END_TEST

START_TEST(D19_one_bad_span_among_ten)
{
    struct nv_test_message good = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message bad = nv_test_span(NV_STR("short"), NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message scope = {.len = 0};
    struct nv_test_message resource = {.len = 0};
    struct nv_test_message request = {.len = 0};
    for (int i = 0; i < 10; i++)
        nv_test_add(&scope, 2, nv_test_view(i == 7 ? &bad : &good));
    nv_test_add(&resource, 2, NV_STR(""));
    nv_test_add(&resource, 2, nv_test_view(&scope));
    nv_test_add(&request, 1, NV_STR(""));
    nv_test_add(&request, 1, NV_STR(""));
    nv_test_add(&request, 1, nv_test_view(&resource));
    struct nv_test_decoded d = decode(nv_test_view(&request));
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_uint_eq(d.batch->item_count, 9);
    ck_assert_uint_eq(d.result.accepted, 9);
    ck_assert_str_eq(d.result.message,
                     "resourceSpans[2].scopeSpans[1].spans[7].traceId must be 16 "
                     "bytes and not all zero (1 of 10 spans rejected)");
    nv_batch_free(d.batch);
}
END_TEST

/* ---- facts ------------------------------------------------------------------------------- */

#define PARENT                                                                                 \
    "\x22\x08"                                                                                 \
    "parentid"
#define FLAGS(low, high) "\x85\x01" low high "\0\0"
static const struct {
    const char *name;
    struct nv_str more;
    uint32_t flags;
} facts[] = {
    {"root", NV_STR_INIT(""), 0},
    {"root with flags", NV_STR_INIT(FLAGS("\x01", "\x03")), 0},
    {"parent, no flags", NV_STR_INIT(PARENT), NV_ITEM_HAS_PARENT},
    {"parent, sampled only", NV_STR_INIT(PARENT FLAGS("\x01", "\0")), NV_ITEM_HAS_PARENT},
    {"local parent", NV_STR_INIT(PARENT FLAGS("\x01", "\x01")),
     NV_ITEM_HAS_PARENT | NV_ITEM_PARENT_KNOWN_LOCAL},
    {"remote parent", NV_STR_INIT(PARENT FLAGS("\0", "\x03")),
     NV_ITEM_HAS_PARENT | NV_ITEM_PARENT_KNOWN_REMOTE},
    {"remote bit without has-bit", NV_STR_INIT(PARENT FLAGS("\0", "\x02")), NV_ITEM_HAS_PARENT},
    {"D24 all flags", NV_STR_INIT(PARENT "\x85\x01\xff\xff\xff\xff"),
     NV_ITEM_HAS_PARENT | NV_ITEM_PARENT_KNOWN_REMOTE},
    {"D21 parent of 7 bytes",
     NV_STR_INIT("\x22\x07"
                 "1234567"),
     0},
    {"D21 parent of 16 bytes", NV_STR_INIT("\x22\x10" TRACE), 0},
    {"D21 zero parent", NV_STR_INIT("\x22\x08" ZERO8), 0},
    {"D21 link ids of 3 bytes",
     NV_STR_INIT("\x6a\x0a\x0a\x03"
                 "abc"
                 "\x12\x03"
                 "abc"),
     0},
    {"parent unset by a second one", NV_STR_INIT(PARENT "\x22\x00"), 0},
    {"internal", NV_STR_INIT("\x30\x01"), 0},
    {"server", NV_STR_INIT("\x30\x02"), NV_ITEM_SERVER},
    {"client", NV_STR_INIT("\x30\x03"), NV_ITEM_CLIENT},
    {"producer", NV_STR_INIT("\x30\x04"), NV_ITEM_CLIENT},
    {"consumer", NV_STR_INIT("\x30\x05"), NV_ITEM_SERVER},
    {"unknown kind", NV_STR_INIT("\x30\x63"), 0},
    {"last kind wins", NV_STR_INIT("\x30\x02\x30\x01"), 0},
    {"status ok", NV_STR_INIT("\x7a\x02\x18\x01"), 0},
    {"status error", NV_STR_INIT("\x7a\x02\x18\x02"), NV_ITEM_ERROR},
    {"D10 status error, then a message", NV_STR_INIT("\x7a\x02\x18\x02\x7a\x03\x12\x01m"),
     NV_ITEM_ERROR},
};

START_TEST(item_facts)
{
    struct nv_test_decoded d = decode_span(facts[_i].more);
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_uint_eq(d.batch->item_count, 1);
    const struct nv_item *item = &d.batch->items[0];
    ck_assert_msg(item->flags == facts[_i].flags, "%s: %x", facts[_i].name, item->flags);
    ck_assert_mem_eq(item->trace_id, TRACE, NV_TRACE_ID_BYTES);
    ck_assert_mem_eq(item->span_id, SPAN, NV_SPAN_ID_BYTES);
    if ((item->flags & NV_ITEM_HAS_PARENT) != 0)
        ck_assert_mem_eq(item->parent_id, "parentid", NV_SPAN_ID_BYTES);
    else
        ck_assert_mem_eq(item->parent_id, ZERO8, NV_SPAN_ID_BYTES);
    nv_batch_free(d.batch);
}
END_TEST

START_TEST(times_and_place)
{
    struct nv_test_decoded d =
        decode_span(NV_STR("\x39\x01\0\0\0\0\0\0\x80\x41\x02\0\0\0\0\0\0\0"));
    const struct nv_item *item = &d.batch->items[0];
    struct nv_test_message want =
        nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID,
                     NV_STR("\x39\x01\0\0\0\0\0\0\x80\x41\x02\0\0\0\0\0\0\0"));
    ck_assert_uint_eq(item->start_ns, UINT64_C(0x8000000000000001));
    ck_assert_uint_eq(item->end_ns, 2);
    ck_assert_nv_str_eq(((struct nv_str){d.batch->body + item->offset, item->length}),
                        nv_test_view(&want));
    nv_batch_free(d.batch);
}
END_TEST

/* ---- groups ------------------------------------------------------------------------------ */

static struct nv_test_message attribute(struct nv_str key, struct nv_str any_value)
{
    struct nv_test_message kv = {.len = 0};
    nv_test_add(&kv, 1, key);
    nv_test_add(&kv, 2, any_value);
    return kv;
}

static struct nv_test_message string_attribute(const char *key, const char *value)
{
    struct nv_test_message text = {.len = 0};
    nv_test_add(&text, 1, nv_str_from(value));
    return attribute(nv_str_from(key), nv_test_view(&text));
}

/* Spans come before the scope and the resource they belong to. */
START_TEST(groups_whatever_the_order)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message name = string_attribute("service.name", "checkout");
    struct nv_test_message res = {.len = 0}, scope = {.len = 0}, rs = {.len = 0},
                           req = {.len = 0};
    nv_test_add(&res, 1, nv_test_view(&name));
    nv_test_add(&scope, 2, nv_test_view(&span));
    nv_test_add(&scope, 3, NV_STR("scope url"));
    nv_test_add(&scope, 1, NV_STR("\x0a\x03lib"));
    nv_test_add(&scope, 2, nv_test_view(&span));
    nv_test_add(&rs, 2, nv_test_view(&scope));
    nv_test_add(&rs, 2,
                NV_STR("\x0a\x05"
                       "\x0a\x03"
                       "not"));
    nv_test_add(&rs, 1000, nv_test_view(&scope));
    nv_test_add(&rs, 3, NV_STR("resource url"));
    nv_test_add(&rs, 1, nv_test_view(&res));
    nv_test_add(&req, 1, nv_test_view(&rs));
    nv_test_add(&req, 1, NV_STR(""));
    struct nv_test_decoded d = decode(nv_test_view(&req));
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_uint_eq(d.batch->group_count, 2);
    ck_assert_uint_eq(d.batch->item_count, 4);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(d.batch->items[i].group, i / 2);
    for (unsigned i = 0; i < 2; i++) {
        const struct nv_group *group = &d.batch->groups[i];
        ck_assert_nv_str_eq(group->resource, nv_test_view(&res));
        ck_assert_nv_str_eq(group->scope, NV_STR("\x0a\x03lib"));
        ck_assert_nv_str(group->resource_schema_url, "resource url");
        ck_assert_nv_str(group->scope_schema_url, "scope url");
        ck_assert_nv_str(group->service_name, "checkout");
    }
    nv_batch_free(d.batch);
}
END_TEST

/* The last service.name counts, and of a oneof the last member. */
START_TEST(service_name_of_odd_resources)
{
    static const struct {
        struct nv_str any_value;
        const char *want;
    } values[] = {
        {NV_STR_INIT("\x0a\x01x"), "x"},
        {NV_STR_INIT(""), ""},
        {NV_STR_INIT("\x18\x07"), ""},
        {NV_STR_INIT("\x0a\x01x\x18\x07"), ""},
        {NV_STR_INIT("\x18\x07\x0a\x01x\x40\x01"), "x"},
    };
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message first = string_attribute("service.name", "first");
    struct nv_test_message name = attribute(NV_STR("service.name"), values[_i].any_value);
    struct nv_test_message other = string_attribute("service.namespace", "n");
    struct nv_test_message res = {.len = 0}, scope = {.len = 0}, rs = {.len = 0},
                           req = {.len = 0};
    nv_test_add(&res, 1, nv_test_view(&first));
    nv_test_add(&res, 1, nv_test_view(&name));
    nv_test_add(&res, 1, nv_test_view(&other));
    nv_test_add(&scope, 2, nv_test_view(&span));
    nv_test_add(&rs, 1, nv_test_view(&res));
    nv_test_add(&rs, 2, nv_test_view(&scope));
    nv_test_add(&req, 1, nv_test_view(&rs));
    struct nv_test_decoded d = decode(nv_test_view(&req));
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_nv_str(d.batch->groups[0].service_name, values[_i].want);
    nv_batch_free(d.batch);
}
END_TEST

START_TEST(D28_deprecated_spans_are_named_in_messages)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_STR(""), NV_STR(""));
    struct nv_test_message scope = {.len = 0}, rs = {.len = 0}, req = {.len = 0};
    nv_test_add(&scope, 2, nv_test_view(&span));
    nv_test_add(&rs, 1000, nv_test_view(&scope));
    nv_test_add(&req, 1, nv_test_view(&rs));
    struct nv_test_decoded d = decode(nv_test_view(&req));
    ck_assert_str_eq(
        d.result.message,
        "resourceSpans[0].instrumentationLibrarySpans[0].spans[0].spanId must be 8 "
        "bytes and not all zero (1 of 1 spans rejected)");
    nv_batch_free(d.batch);
}
END_TEST

/* ---- depth, UTF-8, sizes ----------------------------------------------------------------- */

/* An attribute whose value is `depth` AnyValues in each other, arrays or lists of keys. */
static enum nv_err decode_nested(unsigned depth, bool list, struct nv_fail *fail)
{
    struct nv_buf inner, outer;
    nv_buf_init(&inner, 64 << 20);
    nv_buf_init(&outer, 64 << 20);
    ck_assert_int_eq(nv_wire_put_bytes(&inner, 1, NV_STR("x")), NV_OK);
    for (unsigned i = 1; i < depth; i++) {
        nv_buf_clear(&outer);
        size_t value = nv_wire_begin(&outer, list ? 6 : 5);
        size_t element = nv_wire_begin(&outer, 1);
        size_t kv_value = list ? nv_wire_begin(&outer, 2) : 0;
        (void)nv_buf_append_str(&outer, nv_buf_str(&inner));
        if (list)
            (void)nv_wire_end(&outer, kv_value);
        (void)nv_wire_end(&outer, element);
        ck_assert_int_eq(nv_wire_end(&outer, value), NV_OK);
        struct nv_buf swap = inner;
        inner = outer;
        outer = swap;
    }
    static const uint32_t around[] = {2, 9, 2, 2,
                                      1}; /* value, attribute, span, scope, resource */
    for (unsigned i = 0; i < 5; i++) {
        nv_buf_clear(&outer);
        size_t mark = nv_wire_begin(&outer, around[i]);
        if (i == 2)
            (void)nv_buf_append_str(&outer, NV_STR("\x0a\x10" TRACE "\x12\x08" SPAN));
        (void)nv_buf_append_str(&outer, nv_buf_str(&inner));
        ck_assert_int_eq(nv_wire_end(&outer, mark), NV_OK);
        struct nv_buf swap = inner;
        inner = outer;
        outer = swap;
    }
    struct nv_test_decoded d = decode(nv_buf_str(&inner));
    if (d.err == NV_OK)
        ck_assert_uint_eq(d.batch->item_count, 1);
    *fail = d.fail;
    nv_batch_free(d.batch);
    nv_buf_release(&inner);
    nv_buf_release(&outer);
    return d.err;
}

START_TEST(D12_D13_nested_values)
{
    static const struct {
        unsigned depth;
        bool list;
        enum nv_err want;
    } nested[] = {
        {1, false, NV_OK},        {32, false, NV_OK},         {33, true, NV_OK},
        {64, false, NV_OK},       {64, true, NV_OK},          {65, false, NV_ERR_DEPTH},
        {65, true, NV_ERR_DEPTH}, {1000, true, NV_ERR_DEPTH}, {10000, false, NV_ERR_DEPTH},
    };
    struct nv_fail fail;
    ck_assert_int_eq(decode_nested(nested[_i].depth, nested[_i].list, &fail), nested[_i].want);
    if (nested[_i].want != NV_OK) {
        ck_assert_str_eq(fail.what, "values nested deeper than 64");
        ck_assert(strncmp(fail.path,
                          "resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value.",
                          60) == 0);
    }
}
END_TEST

/* 100,000 arrays in each other, built from the inside in one go (every length is known). */
START_TEST(D13_hundred_thousand_values)
{
    enum { LEVELS = 100000 };
    size_t size = LEVELS * 12 + 100;
    char *bytes = malloc(size);
    size_t at = size;
    ck_assert_ptr_nonnull(bytes);
    for (unsigned i = 0; i < 2 * LEVELS + 5; i++) {
        static const uint8_t around[] = {2, 9, 2, 2, 1};
        uint8_t number = i < 2 * LEVELS ? (i % 2 == 0 ? 1 : 5) : around[i - 2 * LEVELS];
        size_t len = size - at;
        char head[6];
        size_t head_len = 0;
        head[head_len++] = (char)(number << 3 | 2);
        for (; len >= 0x80; len >>= 7)
            head[head_len++] = (char)(len | 0x80);
        head[head_len++] = (char)len;
        at -= head_len;
        memcpy(bytes + at, head, head_len);
    }
    struct nv_test_decoded d = decode((struct nv_str){bytes + at, size - at});
    ck_assert_int_eq(d.err, NV_ERR_DEPTH);
    free(bytes);
}
END_TEST

START_TEST(D14_invalid_utf8_is_counted)
{
    struct nv_test_decoded d = decode_span(
        NV_STR("\x2a\x02\xff\xfe\x4a\x08\x0a\x01\xc0\x12\x03\x0a\x01\x80\x1a\x02\xc3\xa9"));
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_uint_eq(d.batch->item_count, 1);
    ck_assert_uint_eq(d.result.invalid_utf8, 3);
    nv_batch_free(d.batch);
}
END_TEST

START_TEST(D29_many_spans_resources_attributes)
{
    struct nv_buf attributes, span, scope, request;
    nv_buf_init(&attributes, 64 << 20);
    nv_buf_init(&span, 64 << 20);
    nv_buf_init(&scope, 64 << 20);
    nv_buf_init(&request, 64 << 20);
    for (int i = 0; i < 10000; i++)
        (void)nv_wire_put_bytes(&attributes, 9, NV_STR("\x0a\x01k\x12\x02\x18\x01"));
    (void)nv_buf_append_str(&span, NV_STR("\x0a\x10" TRACE "\x12\x08" SPAN));
    for (int i = 0; i < 10000; i++)
        (void)nv_wire_put_bytes(&scope, 2, nv_buf_str(&span));
    (void)nv_buf_append_str(&span, nv_buf_str(&attributes));
    (void)nv_wire_put_bytes(&scope, 2, nv_buf_str(&span));
    size_t mark = nv_wire_begin(&request, 1);
    (void)nv_wire_put_bytes(&request, 2, nv_buf_str(&scope));
    (void)nv_wire_end(&request, mark);
    for (int i = 0; i < 2000; i++) {
        mark = nv_wire_begin(&request, 1);
        (void)nv_buf_append_str(&request,
                                NV_STR("\x12\x1e\x12\x1c\x0a\x10" TRACE "\x12\x08" SPAN));
        ck_assert_int_eq(nv_wire_end(&request, mark), NV_OK);
    }
    struct nv_test_decoded d = decode(nv_buf_str(&request));
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_uint_eq(d.batch->item_count, 12001);
    ck_assert_uint_eq(d.batch->group_count, 2001);
    nv_batch_free(d.batch);
    nv_buf_release(&attributes);
    nv_buf_release(&span);
    nv_buf_release(&scope);
    nv_buf_release(&request);
}
END_TEST

START_TEST(D31_empty_messages_cost_nothing)
{
    size_t size = 1 << 20;
    char *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < size; i += 2)
        memcpy(bytes + i, "\x0a\x00", 2);
    struct nv_test_decoded d = decode((struct nv_str){bytes, size});
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_ptr_null(d.batch->items);
    ck_assert_ptr_null(d.batch->groups);
    nv_batch_free(d.batch);
    free(bytes);
}
END_TEST

START_TEST(too_many_items)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message one = nv_test_request(nv_test_view(&span));
    struct nv_request_limits limits = {.items_max = 2};
    struct nv_request_result result;
    struct nv_batch *batch;
    struct nv_fail fail = {0};
    for (size_t spans = 2; spans <= 3; spans++) {
        char *body = malloc(spans * one.len);
        ck_assert_ptr_nonnull(body);
        for (size_t i = 0; i < spans; i++)
            memcpy(body + i * one.len, one.bytes, one.len);
        enum nv_err err =
            nv_request_decode(&(struct nv_request_body){NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF,
                                                        body, spans * one.len},
                              &limits, &result, &batch, &fail);
        ck_assert_int_eq(err, spans == 2 ? NV_OK : NV_ERR_TOO_LARGE);
        nv_batch_free(batch);
    }
    ck_assert_str_eq(fail.what, "more than 2 items");
}
END_TEST

/* ---- logs -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    struct nv_str record;
    enum nv_err want;
    uint64_t unused;
    uint64_t time_ns;
    bool span;
} records[] = {
    {"full", NV_STR_INIT("\x09\x05\0\0\0\0\0\0\0\x4a\x10" TRACE "\x52\x08" SPAN), NV_OK, 0, 5,
     true},
    {"no span id", NV_STR_INIT("\x4a\x10" TRACE), NV_OK, 0, 0, false},
    {"short span id",
     NV_STR_INIT("\x4a\x10" TRACE "\x52\x02"
                 "ab"),
     NV_OK, 0, 0, false},
    {"observed time", NV_STR_INIT("\x4a\x10" TRACE "\x59\x07\0\0\0\0\0\0\0"), NV_OK, 0, 7,
     false},
    {"no trace id", NV_STR_INIT("\x52\x08" SPAN), NV_OK, 1, 0, false},
    {"zero trace id", NV_STR_INIT("\x4a\x10" ZERO8 ZERO8), NV_OK, 1, 0, false},
    {"short trace id",
     NV_STR_INIT("\x4a\x02"
                 "ab"),
     NV_OK, 1, 0, false},
    {"empty", NV_STR_INIT(""), NV_OK, 1, 0, false},
    {"bad body", NV_STR_INIT("\x28\x01"), NV_ERR_MALFORMED, 0, 0, false},
    {"cut",
     NV_STR_INIT("\x4a\x10"
                 "abc"),
     NV_ERR_TRUNCATED, 0, 0, false},
};

START_TEST(log_record_verdict)
{
    struct nv_test_message request = nv_test_request(records[_i].record);
    struct nv_test_decoded d =
        nv_test_decode(NV_SIGNAL_LOGS, NV_MEDIA_PROTOBUF, nv_test_view(&request));
    ck_assert_msg(d.err == records[_i].want, "%s: %d", records[_i].name, d.err);
    if (d.err != NV_OK) {
        ck_assert(strncmp(d.fail.path, "resourceLogs[0].scopeLogs[0].logRecords[0]", 42) == 0);
        return;
    }
    ck_assert_uint_eq(d.result.log_records, 1);
    ck_assert_uint_eq(d.result.log_records_unused, records[_i].unused);
    ck_assert_uint_eq(d.result.accepted, 1);
    ck_assert_uint_eq(d.result.rejected, 0);
    ck_assert_uint_eq(d.batch->item_count, 1 - records[_i].unused);
    if (d.batch->item_count > 0) {
        ck_assert_uint_eq(d.batch->items[0].start_ns, records[_i].time_ns);
        ck_assert_mem_eq(d.batch->items[0].span_id, records[_i].span ? SPAN : ZERO8, 8);
    }
    nv_batch_free(d.batch);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))
/* The two arrays grow several times; what there is by then belongs to the batch all the same. */
START_TEST(every_allocation_failing_once)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message scope = {.len = 0};
    struct nv_test_message request = {.len = 0};
    for (unsigned i = 0; i < 40; i++)
        nv_test_add(&scope, 2, nv_test_view(&span));
    for (unsigned i = 0; i < 60; i++) {
        struct nv_test_message resource = {.len = 0};
        struct nv_test_message one = {.len = 0};
        nv_test_add(&one, 2, nv_test_view(&span));
        nv_test_add(&resource, 2, nv_test_view(i == 0 ? &scope : &one));
        nv_test_add(&request, 1, nv_test_view(&resource));
    }
    const struct nv_request_limits limits = {
        .depth_max = NV_REQUEST_DEPTH_MAX, .items_max = 1000, .body_max_bytes = 1u << 20};
    for (unsigned long n = 1;; n++) {
        struct nv_batch batch = {.signal = NV_SIGNAL_TRACES};
        struct nv_request_result result = {0};
        struct nv_fail fail = {0};
        bool split = false;
        batch.body = (char *)(uintptr_t)nv_test_view(&request).ptr;
        batch.body_len = nv_test_view(&request).len;
        oom_fail_nth(n);
        enum nv_err err = nv_walk_request(&batch, &limits, &result, &split, &fail);
        bool failed = oom_end();
        uint32_t items = batch.item_count;
        nv_batch_drop_index(&batch);
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        if (!failed) {
            ck_assert_uint_eq(items, 99);
            ck_assert_uint_gt(n, 3);
            break;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/walk");
    TCase *tc = tcase_create("walk");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, request_verdict, 0, COUNT(requests));
    tcase_add_loop_test(tc, span_field_verdict, 0, COUNT(fields));
    tcase_add_loop_test(tc, id_verdict, 0, COUNT(ids));
    tcase_add_test(tc, D19_one_bad_span_among_ten);
    tcase_add_loop_test(tc, item_facts, 0, COUNT(facts));
    tcase_add_test(tc, times_and_place);
    tcase_add_test(tc, groups_whatever_the_order);
    tcase_add_loop_test(tc, service_name_of_odd_resources, 0, 5);
    tcase_add_test(tc, D28_deprecated_spans_are_named_in_messages);
    tcase_add_loop_test(tc, D12_D13_nested_values, 0, 9);
    tcase_add_test(tc, D13_hundred_thousand_values);
    tcase_add_test(tc, D14_invalid_utf8_is_counted);
    tcase_add_test(tc, D29_many_spans_resources_attributes);
    tcase_add_test(tc, D31_empty_messages_cost_nothing);
    tcase_add_test(tc, too_many_items);
    tcase_add_loop_test(tc, log_record_verdict, 0, COUNT(records));
    tcase_add_test(tc, every_allocation_failing_once);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
