/*
 * OTLP/JSON: what it becomes, what is refused, whom it rejects.
 *
 * Names that begin with C are lines of the OTLP conformance list, section C (JSON mapping).
 * What the JSON becomes is compared with protobuf written as text: hex of the bytes expected.
 */
#include "otlp/request/transcode.h"

#include "base/text/text.h"
#include "expect.h"
#include "otlp_build.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define IDS "\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"eee19b7ec3c1b174\""
#define IN_SPAN(members)                                                                       \
    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" IDS members "}]}]}]}"
#define IN_VALUE(members) IN_SPAN(",\"attributes\":[{\"key\":\"k\",\"value\":{" members "}}]")

static struct nv_test_decoded decode(struct nv_str json)
{
    return nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_JSON, json);
}

/* Bytes of the only span, behind its two ids, as hex. */
static void span_rest(const struct nv_batch *batch, char *hex, size_t size)
{
    const struct nv_item *item = &batch->items[0];
    size_t ids = 18 + 10;
    ck_assert_uint_ge(item->length, ids);
    ck_assert_uint_lt(2 * (item->length - ids), size);
    nv_hex_encode((const uint8_t *)batch->body + item->offset + ids, item->length - ids, hex);
    hex[2 * (item->length - ids)] = '\0';
}

/* ---- values ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    struct nv_str json;
    const char *want; /* hex of the span's fields behind the ids; NULL: refused with 400 */
} spans[] = {
    {"C01 lower-case ids", NV_STR_INIT(IN_SPAN("")), ""},
    {"C07 kind", NV_STR_INIT(IN_SPAN(",\"kind\":3")), "3003"},
    {"C07 kind 0 is the default", NV_STR_INIT(IN_SPAN(",\"kind\":0")), ""},
    {"C07 status code", NV_STR_INIT(IN_SPAN(",\"status\":{\"code\":2}")), "7a021802"},
    {"C08 kind as name", NV_STR_INIT(IN_SPAN(",\"kind\":\"SPAN_KIND_SERVER\"")), "3002"},
    {"C08 code as name", NV_STR_INIT(IN_SPAN(",\"status\":{\"code\":\"STATUS_CODE_ERROR\"}")),
     "7a021802"},
    {"C08 unknown name", NV_STR_INIT(IN_SPAN(",\"kind\":\"SPAN_KIND_TEAPOT\"")), ""},
    {"C08 number in a string", NV_STR_INIT(IN_SPAN(",\"kind\":\"3\"")), "3003"},
    {"C09 kind 99", NV_STR_INIT(IN_SPAN(",\"kind\":99")), "3063"},
    {"kind -1", NV_STR_INIT(IN_SPAN(",\"kind\":-1")), "30ffffffffffffffffff01"},
    {"kind 2^31", NV_STR_INIT(IN_SPAN(",\"kind\":2147483648")), NULL},
    {"kind 1.5", NV_STR_INIT(IN_SPAN(",\"kind\":1.5")), NULL},
    {"C10 times as strings",
     NV_STR_INIT(IN_SPAN(
         ",\"startTimeUnixNano\":\"258\",\"endTimeUnixNano\":\"18446744073709551615\"")),
     "39020100000000000041ffffffffffffffff"},
    {"C11 times as numbers",
     NV_STR_INIT(IN_SPAN(",\"startTimeUnixNano\":258,\"endTimeUnixNano\":1.0e3")),
     "39020100000000000041e803000000000000"},
    {"time -1", NV_STR_INIT(IN_SPAN(",\"startTimeUnixNano\":-1")), NULL},
    {"time 2^64", NV_STR_INIT(IN_SPAN(",\"startTimeUnixNano\":\"18446744073709551616\"")),
     NULL},
    {"time empty", NV_STR_INIT(IN_SPAN(",\"startTimeUnixNano\":\"\"")), NULL},
    {"C16 null everywhere",
     NV_STR_INIT(
         IN_SPAN(",\"traceState\":null,\"parentSpanId\":null,\"name\":null,\"kind\":null,"
                 "\"startTimeUnixNano\":null"
                 ",\"attributes\":null,\"droppedAttributesCount\":null,\"events\":null,"
                 "\"links\":null,\"status\":null,\"flags\":null")),
     ""},
    {"C16 null in a list", NV_STR_INIT(IN_SPAN(",\"attributes\":[null]")), "4a00"},
    {"C16 null message", NV_STR_INIT(IN_SPAN(",\"status\":{\"message\":null,\"code\":null}")),
     "7a00"},
    {"C26 escapes",
     NV_STR_INIT(
         IN_SPAN(",\"name\":\"\\u00e9\\ud83d\\ude00\\u0000\\\"\\\\\\/\\b\\f\\n\\r\\t\"")),
     "2a0fc3a9f09f988000225c2f080c0a0d09"},
    {"C27 lone surrogate", NV_STR_INIT(IN_SPAN(",\"name\":\"\\ud83dx\"")), "2a04efbfbd78"},
    {"C28 invalid UTF-8", NV_STR_INIT(IN_SPAN(",\"name\":\"\xff\"")), "2a01ff"},
    {"C29 byte order mark", NV_STR_INIT("\xef\xbb\xbf" IN_SPAN("")), ""},
    {"C31 name twice", NV_STR_INIT(IN_SPAN(",\"name\":\"aa\",\"kind\":1,\"name\":\"b\"")),
     "30012a0162"},
    {"C31 name, then null", NV_STR_INIT(IN_SPAN(",\"name\":\"aa\",\"kind\":1,\"name\":null")),
     "3001"},
    {"C31 message twice",
     NV_STR_INIT(IN_SPAN(",\"status\":{\"message\":\"m\"},\"status\":{\"code\":1}")),
     "7a021801"},
    {"C31 list twice",
     NV_STR_INIT(IN_SPAN(
         ",\"attributes\":[{\"key\":\"a\"},{\"key\":\"b\"}],\"attributes\":[{\"key\":\"c\"}]")),
     "4a030a0163"},
    {"C32 name is a number", NV_STR_INIT(IN_SPAN(",\"name\":5")), NULL},
    {"C32 name is an object", NV_STR_INIT(IN_SPAN(",\"name\":{}")), NULL},
    {"C32 attributes is an object", NV_STR_INIT(IN_SPAN(",\"attributes\":{}")), NULL},
    {"C32 attribute is a string", NV_STR_INIT(IN_SPAN(",\"attributes\":[\"k\"]")), NULL},
    {"C32 status is a list", NV_STR_INIT(IN_SPAN(",\"status\":[]")), NULL},
    {"C32 kind is true", NV_STR_INIT(IN_SPAN(",\"kind\":true")), NULL},
    {"C32 traceState is false", NV_STR_INIT(IN_SPAN(",\"traceState\":false")), NULL},
    {"C33 uint32", NV_STR_INIT(IN_SPAN(",\"droppedAttributesCount\":4294967295")),
     "50ffffffff0f"},
    {"C33 2^32", NV_STR_INIT(IN_SPAN(",\"droppedAttributesCount\":4294967296")), NULL},
    {"C33 -1", NV_STR_INIT(IN_SPAN(",\"droppedAttributesCount\":-1")), NULL},
    {"C33 2^32 as flags", NV_STR_INIT(IN_SPAN(",\"flags\":\"4294967296\"")), NULL},
    {"C38 flags", NV_STR_INIT(IN_SPAN(",\"flags\":257")), "850101010000"},
    {"C38 traceState", NV_STR_INIT(IN_SPAN(",\"traceState\":\"a=b\"")), "1a03613d62"},
    {"C38 link",
     NV_STR_INIT(
         IN_SPAN(",\"links\":[{\"traceId\":\"5B8EFFF798038103D269B633813FC60C\",\"spanId\":"
                 "\"eee19b7ec3c1b174\",\"flags\":1}]")),
     "6a210a105b8efff798038103d269b633813fc60c1208eee19b7ec3c1b1743501000000"},
    {"C38 event",
     NV_STR_INIT(IN_SPAN(
         ",\"events\":[{\"timeUnixNano\":\"1\",\"name\":\"e\",\"droppedAttributesCount\":2}]")),
     "5a0e0901000000000000001201652002"},
    {"parent", NV_STR_INIT(IN_SPAN(",\"parentSpanId\":\"EEE19B7EC3C1B174\"")),
     "2208eee19b7ec3c1b174"},
    {"parent empty", NV_STR_INIT(IN_SPAN(",\"parentSpanId\":\"\"")), ""},
    {"parent not hex", NV_STR_INIT(IN_SPAN(",\"parentSpanId\":\"zzz19b7ec3c1b174\"")), ""},
    {"parent short", NV_STR_INIT(IN_SPAN(",\"parentSpanId\":\"ee\"")), "2201ee"},
    {"C36 escaped key", NV_STR_INIT(IN_SPAN(",\"ki\\u006ed\":3")), "3003"},
    {"C14 unknown names",
     NV_STR_INIT(
         IN_SPAN(",\"a\":1,\"b\":\"x\",\"c\":[1,{\"d\":[]}],\"e\":{\"name\":\"no\"},\"f\":"
                 "null,\"g\":true,\"\":0")),
     ""},
    {"C15 snake case is unknown",
     NV_STR_INIT(IN_SPAN(",\"parent_span_id\":\"eee19b7ec3c1b174\",\"trace_state\":5")), ""},
    {"strindex of profiles is unknown", NV_STR_INIT(IN_VALUE("\"stringValueStrindex\":\"x\"")),
     "4a050a016b1200"},

    {"string", NV_STR_INIT(IN_VALUE("\"stringValue\":\"v\"")), "4a080a016b12030a0176"},
    {"empty string", NV_STR_INIT(IN_VALUE("\"stringValue\":\"\"")), "4a070a016b12020a00"},
    {"false", NV_STR_INIT(IN_VALUE("\"boolValue\":false")), "4a070a016b12021000"},
    {"true", NV_STR_INIT(IN_VALUE("\"boolValue\":true")), "4a070a016b12021001"},
    {"C32 bool as a string", NV_STR_INIT(IN_VALUE("\"boolValue\":\"true\"")), NULL},
    {"C32 bool as a number", NV_STR_INIT(IN_VALUE("\"boolValue\":1")), NULL},
    {"C32 string as a number", NV_STR_INIT(IN_VALUE("\"stringValue\":1")), NULL},
    {"C10 int as a string", NV_STR_INIT(IN_VALUE("\"intValue\":\"9007199254740993\"")),
     "4a0e0a016b1209188180808080808010"},
    {"C11 int as a number", NV_STR_INIT(IN_VALUE("\"intValue\":9007199254740993")),
     "4a0e0a016b1209188180808080808010"},
    {"int 0", NV_STR_INIT(IN_VALUE("\"intValue\":0")), "4a070a016b12021800"},
    {"int -1", NV_STR_INIT(IN_VALUE("\"intValue\":\"-1\"")),
     "4a100a016b120b18ffffffffffffffffff01"},
    {"int min", NV_STR_INIT(IN_VALUE("\"intValue\":-9223372036854775808")),
     "4a100a016b120b1880808080808080808001"},
    {"int 1e3", NV_STR_INIT(IN_VALUE("\"intValue\":1e3")), "4a080a016b120318e807"},
    {"int 2.0", NV_STR_INIT(IN_VALUE("\"intValue\":2.0")), "4a070a016b12021802"},
    {"C13 int 1.5", NV_STR_INIT(IN_VALUE("\"intValue\":1.5")), NULL},
    {"C13 int abc", NV_STR_INIT(IN_VALUE("\"intValue\":\"abc\"")), NULL},
    {"C13 int empty", NV_STR_INIT(IN_VALUE("\"intValue\":\"\"")), NULL},
    {"C13 int NaN", NV_STR_INIT(IN_VALUE("\"intValue\":\"NaN\"")), NULL},
    {"C13 int true", NV_STR_INIT(IN_VALUE("\"intValue\":true")), NULL},
    {"C13 int with space", NV_STR_INIT(IN_VALUE("\"intValue\":\" 1\"")), NULL},
    {"C13 int 0x10", NV_STR_INIT(IN_VALUE("\"intValue\":\"0x10\"")), NULL},
    {"C22 double", NV_STR_INIT(IN_VALUE("\"doubleValue\":1.5")),
     "4a0e0a016b120921000000000000f83f"},
    {"C22 double of an integer", NV_STR_INIT(IN_VALUE("\"doubleValue\":1")),
     "4a0e0a016b120921000000000000f03f"},
    {"C22 double as a string", NV_STR_INIT(IN_VALUE("\"doubleValue\":\"1.5\"")),
     "4a0e0a016b120921000000000000f83f"},
    {"C22 NaN", NV_STR_INIT(IN_VALUE("\"doubleValue\":\"NaN\"")),
     "4a0e0a016b120921000000000000f87f"},
    {"C22 Infinity", NV_STR_INIT(IN_VALUE("\"doubleValue\":\"Infinity\"")),
     "4a0e0a016b120921000000000000f07f"},
    {"C22 -Infinity", NV_STR_INIT(IN_VALUE("\"doubleValue\":\"-Infinity\"")),
     "4a0e0a016b120921000000000000f0ff"},
    {"C22 double abc", NV_STR_INIT(IN_VALUE("\"doubleValue\":\"abc\"")), NULL},
    {"otel-js NaN is null", NV_STR_INIT(IN_VALUE("\"doubleValue\":null")), "4a050a016b1200"},
    {"C23 base64", NV_STR_INIT(IN_VALUE("\"bytesValue\":\"+/8=\"")), "4a090a016b12043a02fbff"},
    {"C24 URL-safe base64", NV_STR_INIT(IN_VALUE("\"bytesValue\":\"-_8\"")),
     "4a090a016b12043a02fbff"},
    {"C23 escaped slash", NV_STR_INIT(IN_VALUE("\"bytesValue\":\"+\\/8=\"")),
     "4a090a016b12043a02fbff"},
    {"no bytes", NV_STR_INIT(IN_VALUE("\"bytesValue\":\"\"")), "4a070a016b12023a00"},
    {"C25 not base64", NV_STR_INIT(IN_VALUE("\"bytesValue\":\"!!!!\"")), NULL},
    {"C25 impossible length", NV_STR_INIT(IN_VALUE("\"bytesValue\":\"A\"")), NULL},
    {"C34 array",
     NV_STR_INIT(IN_VALUE("\"arrayValue\":{\"values\":[{\"intValue\":1},{},null]}")),
     "4a0f0a016b120a2a080a0218010a000a00"},
    {"C34 list",
     NV_STR_INIT(
         IN_VALUE("\"kvlistValue\":{\"values\":[{\"value\":{\"intValue\":1},\"key\":\"a\"}]}")),
     "4a100a016b120b32090a07120218010a0161"},
    {"C34 empty array", NV_STR_INIT(IN_VALUE("\"arrayValue\":{}")), "4a070a016b12022a00"},
    {"C34 empty AnyValue", NV_STR_INIT(IN_VALUE("")), "4a050a016b1200"},
    {"C34 no value", NV_STR_INIT(IN_SPAN(",\"attributes\":[{\"key\":\"k\"}]")), "4a030a016b"},
    {"C35 two members", NV_STR_INIT(IN_VALUE("\"intValue\":1,\"stringValue\":\"v\"")),
     "4a0a0a016b120518010a0176"},
    {"C37 1e999999", NV_STR_INIT(IN_VALUE("\"intValue\":1e999999")), NULL},
    {"C38 empty key",
     NV_STR_INIT(IN_SPAN(",\"attributes\":[{\"key\":\"\",\"value\":{\"boolValue\":true}}]")),
     "4a0412021001"},
};

START_TEST(span_becomes)
{
    char hex[512];
    struct nv_test_decoded d = decode(spans[_i].json);
    if (!spans[_i].want) {
        ck_assert_msg(d.err == NV_ERR_MALFORMED, "%s: %d", spans[_i].name, d.err);
        ck_assert_str_ne(d.fail.what, "");
        ck_assert(strncmp(d.fail.path, "resourceSpans[0].scopeSpans[0].spans[0].", 40) == 0);
        return;
    }
    ck_assert_msg(d.err == NV_OK, "%s: %s", spans[_i].name, d.fail.what);
    ck_assert_uint_eq(d.batch->item_count, 1);
    span_rest(d.batch, hex, sizeof hex);
    ck_assert_msg(strcmp(hex, spans[_i].want) == 0, "%s: %s", spans[_i].name, hex);
    nv_batch_free(d.batch);
}
END_TEST

/* Out of int64: what otel-js and otel-python send for 2^63 and 2^70; the number nearest is
 * kept. */
START_TEST(C12_integers_out_of_range_become_doubles)
{
    static const struct {
        struct nv_str json;
        const char *want;
    } values[] = {
        {NV_STR_INIT(IN_VALUE("\"intValue\":9223372036854776000")),
         "4a0e0a016b120921000000000000e043"},
        {NV_STR_INIT(IN_VALUE("\"intValue\":\"1180591620717411303424\"")),
         "4a0e0a016b1209210000000000005044"},
        {NV_STR_INIT(IN_VALUE("\"intValue\":\"-9223372036854775809\"")),
         "4a0e0a016b120921000000000000e0c3"},
    };
    char hex[512];
    struct nv_test_decoded d = decode(values[_i].json);
    ck_assert_int_eq(d.err, NV_OK);
    span_rest(d.batch, hex, sizeof hex);
    ck_assert_str_eq(hex, values[_i].want);
    ck_assert_uint_eq(d.result.int_range, 1);
    ck_assert_uint_eq(d.result.rejected, 0);
    ck_assert_str_eq(d.result.message, "1 integers outside int64 became doubles");
    nv_batch_free(d.batch);
}
END_TEST

/* ---- ids --------------------------------------------------------------------------------- */

#define SPAN_WITH(trace, span)                                                                 \
    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":" trace ",\"spanId\":" span \
    "}]}]}]}"
#define GOOD_TRACE "\"5b8efff798038103d269b633813fc60c\""
#define GOOD_SPAN "\"eee19b7ec3c1b174\""
static const struct {
    const char *name;
    struct nv_str json;
    int reason; /* NV_REJECT_COUNT: good; -1: refused */
} ids[] = {
    {"C01 lower case", NV_STR_INIT(SPAN_WITH(GOOD_TRACE, GOOD_SPAN)), NV_REJECT_COUNT},
    {"C02 upper case",
     NV_STR_INIT(SPAN_WITH("\"5B8EFFF798038103D269B633813FC60C\"", "\"EEE19B7EC3C1B174\"")),
     NV_REJECT_COUNT},
    {"C03 base64 trace id", NV_STR_INIT(SPAN_WITH("\"W47/95gDgQPSabYzgT/GDA==\"", GOOD_SPAN)),
     NV_REJECT_TRACE_ID},
    {"C03 base64 span id", NV_STR_INIT(SPAN_WITH(GOOD_TRACE, "\"7uGbfsPBsXQ=\"")),
     NV_REJECT_SPAN_ID},
    {"C04 not hex", NV_STR_INIT(SPAN_WITH("\"5b8efff798038103d269b633813fc60g\"", GOOD_SPAN)),
     NV_REJECT_TRACE_ID},
    {"C05 30 digits", NV_STR_INIT(SPAN_WITH("\"5b8efff798038103d269b633813fc6\"", GOOD_SPAN)),
     NV_REJECT_TRACE_ID},
    {"C05 34 digits",
     NV_STR_INIT(SPAN_WITH("\"5b8efff798038103d269b633813fc60c00\"", GOOD_SPAN)),
     NV_REJECT_TRACE_ID},
    {"C05 odd digits", NV_STR_INIT(SPAN_WITH("\"5b8efff798038103d269b633813fc60\"", GOOD_SPAN)),
     NV_REJECT_TRACE_ID},
    {"C06 14 digits", NV_STR_INIT(SPAN_WITH(GOOD_TRACE, "\"eee19b7ec3c1b1\"")),
     NV_REJECT_SPAN_ID},
    {"C06 18 digits", NV_STR_INIT(SPAN_WITH(GOOD_TRACE, "\"eee19b7ec3c1b17400\"")),
     NV_REJECT_SPAN_ID},
    {"100 digits",
     NV_STR_INIT(
         SPAN_WITH("\"000000000000000000000000000000000000000000000000000000000000000000000"
                   "00000000000000000000000000000000000\"",
                   GOOD_SPAN)),
     NV_REJECT_TRACE_ID},
    {"UUID", NV_STR_INIT(SPAN_WITH("\"5b8efff7-9803-8103-d269-b633813fc60c\"", GOOD_SPAN)),
     NV_REJECT_TRACE_ID},
    {"zero", NV_STR_INIT(SPAN_WITH("\"00000000000000000000000000000000\"", GOOD_SPAN)),
     NV_REJECT_TRACE_ID},
    {"empty", NV_STR_INIT(SPAN_WITH("\"\"", "\"\"")), NV_REJECT_TRACE_ID},
    {"null", NV_STR_INIT(SPAN_WITH(GOOD_TRACE, "null")), NV_REJECT_SPAN_ID},
    {"C32 number", NV_STR_INIT(SPAN_WITH("5", GOOD_SPAN)), -1},
    {"null span", NV_STR_INIT("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[null]}]}]}"),
     NV_REJECT_TRACE_ID},
};

START_TEST(id_verdict)
{
    struct nv_test_decoded d = decode(ids[_i].json);
    if (ids[_i].reason < 0) {
        ck_assert_int_eq(d.err, NV_ERR_MALFORMED);
        return;
    }
    ck_assert_msg(d.err == NV_OK, "%s: %s", ids[_i].name, d.fail.what);
    for (int reason = 0; reason < NV_REJECT_COUNT; reason++) {
        ck_assert_msg(d.result.rejected_by[reason] == (reason == ids[_i].reason), "%s",
                      ids[_i].name);
    }
    ck_assert_uint_eq(d.batch->item_count, ids[_i].reason == NV_REJECT_COUNT);
    nv_batch_free(d.batch);
}
END_TEST

/* ---- texts ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    struct nv_str json;
    enum nv_err want;
    size_t body_len;
} texts[] = {
    {"C17 empty object", NV_STR_INIT("{}"), NV_OK, 0},
    {"C17 empty list", NV_STR_INIT("{\"resourceSpans\":[]}"), NV_OK, 0},
    {"C17 empty envelopes",
     NV_STR_INIT("{\"resourceSpans\":[{\"resource\":{},\"scopeSpans\":[{\"scope\":{},\"spans\":"
                 "[]}]},{}]}"),
     NV_OK, 10},
    {"C17 null list", NV_STR_INIT("{\"resourceSpans\":null}"), NV_OK, 0},
    {"C14 unknown at the top", NV_STR_INIT("{\"partialSuccess\":{},\"x\":[[]]}"), NV_OK, 0},
    {"C18 empty", NV_STR_INIT(""), NV_ERR_TRUNCATED, 0},
    {"C18 white space", NV_STR_INIT(" \n\t"), NV_ERR_TRUNCATED, 0},
    {"C19 trailing value", NV_STR_INIT("{} {}"), NV_ERR_MALFORMED, 0},
    {"C19 trailing letter", NV_STR_INIT("{}x"), NV_ERR_MALFORMED, 0},
    {"C19 trailing NUL", NV_STR_INIT("{}\0"), NV_ERR_MALFORMED, 0},
    {"trailing white space", NV_STR_INIT("{}\r\n "), NV_OK, 0},
    {"C20 single quotes", NV_STR_INIT("{'a':1}"), NV_ERR_MALFORMED, 0},
    {"C20 comment", NV_STR_INIT("{/* */}"), NV_ERR_MALFORMED, 0},
    {"C20 trailing comma", NV_STR_INIT("{\"a\":1,}"), NV_ERR_MALFORMED, 0},
    {"C20 bad literal", NV_STR_INIT("{\"a\":nul}"), NV_ERR_MALFORMED, 0},
    {"C20 leading zero", NV_STR_INIT("{\"a\":01}"), NV_ERR_MALFORMED, 0},
    {"C20 NaN", NV_STR_INIT("{\"a\":NaN}"), NV_ERR_MALFORMED, 0},
    {"C20 raw control character", NV_STR_INIT("{\"a\":\"\n\"}"), NV_ERR_MALFORMED, 0},
    {"C20 bad escape", NV_STR_INIT("{\"a\":\"\\x\"}"), NV_ERR_MALFORMED, 0},
    {"C20 truncated", NV_STR_INIT("{\"resourceSpans\":[{"), NV_ERR_TRUNCATED, 0},
    {"C21 array", NV_STR_INIT("[]"), NV_ERR_MALFORMED, 0},
    {"C21 string", NV_STR_INIT("\"x\""), NV_ERR_MALFORMED, 0},
    {"C21 number", NV_STR_INIT("1"), NV_ERR_MALFORMED, 0},
    {"C21 true", NV_STR_INIT("true"), NV_ERR_MALFORMED, 0},
    {"C21 null", NV_STR_INIT("null"), NV_ERR_MALFORMED, 0},
    {"B11 protobuf", NV_STR_INIT("\x0a\x02\x12\x00"), NV_ERR_MALFORMED, 0},
    {"C32 list of requests", NV_STR_INIT("{\"resourceSpans\":{}}"), NV_ERR_MALFORMED, 0},
    {"C34 pretty-printed", NV_STR_INIT("{\n  \"resourceSpans\" : [ \n { } , { } ] }\n"), NV_OK,
     4},
};

START_TEST(text_verdict)
{
    struct nv_test_decoded d = decode(texts[_i].json);
    ck_assert_msg(d.err == texts[_i].want, "%s: %d %s", texts[_i].name, d.err, d.fail.what);
    if (d.err == NV_OK)
        ck_assert_msg(d.batch->body_len == texts[_i].body_len, "%s", texts[_i].name);
    nv_batch_free(d.batch);
}
END_TEST

START_TEST(C20_truncated_anywhere)
{
    struct nv_str json =
        NV_STR(IN_VALUE("\"arrayValue\":{\"values\":[{\"stringValue\":\"\\u00e9\"}]}"));
    for (size_t len = 0; len < json.len; len++) {
        struct nv_test_decoded d = decode(nv_str_slice(json, 0, len));
        ck_assert_msg(d.err == NV_ERR_TRUNCATED, "%zu: %d", len, d.err);
    }
}
END_TEST

/* ---- shapes that hurt -------------------------------------------------------------------- */

static struct nv_test_decoded decode_repeated(const char *head, const char *unit,
                                              unsigned times, const char *tail)
{
    struct nv_buf json;
    nv_buf_init(&json, 256 << 20);
    (void)nv_buf_append_str(&json, nv_str_from(head));
    for (unsigned i = 0; i < times; i++)
        (void)nv_buf_append_str(&json, nv_str_from(unit));
    ck_assert_int_eq(nv_buf_append_str(&json, nv_str_from(tail)), NV_OK);
    struct nv_test_decoded d = decode(nv_buf_str(&json));
    nv_buf_release(&json);
    return d;
}

START_TEST(C30_nested_deeply)
{
    struct nv_test_decoded d = decode_repeated("{\"x\":", "[", 100000, "");
    ck_assert_int_eq(d.err, NV_ERR_DEPTH);
    d = decode_repeated("{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"value\":",
                        "{\"arrayValue\":{\"values\":[", 100000, "");
    ck_assert_int_eq(d.err, NV_ERR_DEPTH);
    d = decode_repeated("", "{\"x\":", 100000, "");
    ck_assert_int_eq(d.err, NV_ERR_DEPTH);
}
END_TEST

/* 32 values in each other must pass (D12 in JSON), arrays and lists of keys. */
START_TEST(C34_nested_thirty_two)
{
    char tail[200] = "";
    for (int i = 0; i < 31; i++)
        memcpy(tail + 3 * i, "]}}", 4);
    struct nv_test_decoded d =
        decode_repeated("{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"value\":",
                        "{\"arrayValue\":{\"values\":[", 31, "{}");
    ck_assert_int_eq(d.err, NV_ERR_TRUNCATED);
    struct nv_buf json;
    nv_buf_init(&json, 65536);
    (void)nv_buf_append_str(
        &json, NV_STR("{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"value\":"));
    for (int i = 0; i < 31; i++)
        (void)nv_buf_append_str(&json, NV_STR("{\"arrayValue\":{\"values\":["));
    (void)nv_buf_append_str(&json, NV_STR("{\"intValue\":1}"));
    (void)nv_buf_append_str(&json, nv_str_from(tail));
    ck_assert_int_eq(nv_buf_append_str(&json, NV_STR("}]}}]}")), NV_OK);
    d = decode(nv_buf_str(&json));
    ck_assert_msg(d.err == NV_OK, "%s", d.fail.what);
    nv_batch_free(d.batch);
    nv_buf_release(&json);
}
END_TEST

START_TEST(C31_too_many_duplicates)
{
    struct nv_test_decoded d = decode_repeated("{\"resourceSpans\":[]", ",\"resourceSpans\":[]",
                                               NV_TRANSCODE_DUPLICATES_MAX, "}");
    ck_assert_int_eq(d.err, NV_OK);
    nv_batch_free(d.batch);
    d = decode_repeated("{\"resourceSpans\":[]", ",\"resourceSpans\":[]",
                        NV_TRANSCODE_DUPLICATES_MAX + 1, "}");
    ck_assert_int_eq(d.err, NV_ERR_MALFORMED);
}
END_TEST

/* Duplicates around a large value, level by level: each would move all of it once more. */
START_TEST(C31_duplicates_around_a_large_value)
{
    ck_assert_uint_eq(NV_TRANSCODE_CUTS_MAX, 8);
    static const struct {
        int levels;
        enum nv_err err;
    } cases[] = {{1, NV_OK},
                 {NV_TRANSCODE_CUTS_MAX, NV_OK},
                 {NV_TRANSCODE_CUTS_MAX + 1, NV_ERR_MALFORMED},
                 {40, NV_ERR_MALFORMED}};
    struct nv_buf json;
    nv_buf_init(&json, 4 << 20);
    (void)nv_buf_append_str(&json,
                            NV_STR("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" IDS
                                   ",\"attributes\":[{\"key\":\"k\",\"value\":"));
    for (int i = 0; i < cases[_i].levels; i++) {
        (void)nv_buf_append_str(&json,
                                NV_STR("{\"boolValue\":true,\"arrayValue\":{\"values\":["));
    }
    (void)nv_buf_append_str(&json, NV_STR("{\"stringValue\":\""));
    for (int i = 0; i < 100000; i++)
        (void)nv_buf_append_str(&json, NV_STR("0123456789"));
    (void)nv_buf_append_str(&json, NV_STR("\"}"));
    for (int i = 0; i < cases[_i].levels; i++)
        (void)nv_buf_append_str(&json, NV_STR("]},\"boolValue\":true}"));
    ck_assert_int_eq(nv_buf_append_str(&json, NV_STR("}]}]}]}]}")), NV_OK);
    struct nv_test_decoded d = decode(nv_buf_str(&json));
    ck_assert_msg(d.err == cases[_i].err, "%d: %s", (int)d.err, d.fail.what);
    nv_batch_free(d.batch);
    nv_buf_release(&json);
}
END_TEST

START_TEST(C36_large_string_and_many_attributes)
{
    struct nv_test_decoded d =
        decode_repeated("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" IDS ",\"name\":\"",
                        "0123456789abcdef", 65536, "\"}]}]}]}");
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_uint_gt(d.batch->items[0].length, 1 << 20);
    nv_batch_free(d.batch);
    d = decode_repeated("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" IDS
                        ",\"attributes\":[{}",
                        ",{\"key\":\"k\",\"value\":{\"intValue\":1}}", 10000, "]}]}]}]}");
    ck_assert_int_eq(d.err, NV_OK);
    nv_batch_free(d.batch);
}
END_TEST

START_TEST(C37_number_of_a_million_digits)
{
    struct nv_test_decoded d = decode_repeated(
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"value\":{\"intValue\":1",
        "0000000000", 100000, "}}]}}]}");
    ck_assert_int_eq(d.err, NV_ERR_MALFORMED);
    d = decode_repeated(
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"value\":{\"doubleValue\":1.",
        "0000000000", 100000, "}}]}}]}");
    ck_assert_int_eq(d.err, NV_OK);
    nv_batch_free(d.batch);
}
END_TEST

START_TEST(C40_many_unknown_keys)
{
    struct nv_buf json;
    nv_buf_init(&json, 64 << 20);
    (void)nv_buf_append_char(&json, '{');
    for (int i = 0; i < 200000; i++)
        (void)nv_buf_printf(&json, "\"k%d\":%d,", i, i);
    ck_assert_int_eq(nv_buf_append_str(&json, NV_STR("\"resourceSpans\":[]}")), NV_OK);
    struct nv_test_decoded d = decode(nv_buf_str(&json));
    ck_assert_int_eq(d.err, NV_OK);
    nv_batch_free(d.batch);
    nv_buf_release(&json);
}
END_TEST

/* ---- messages of old exporters, logs ----------------------------------------------------- */

START_TEST(old_instrumentation_library)
{
    struct nv_test_decoded d = decode(NV_STR(
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
        "\"value\":{\"stringValue\":\"old\"}}]},\"instrumentationLibrarySpans\":[{"
        "\"instrumentationLibrary\":{\"name\":\"lib\",\"version\":\"1\"},\"spans\":[{" IDS
        "}]}]}]}"));
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_uint_eq(d.batch->item_count, 1);
    ck_assert_nv_str_eq(d.batch->groups[0].scope, NV_STR("\x0a\x03lib\x12\x01"
                                                         "1"));
    ck_assert_nv_str(d.batch->groups[0].service_name, "old");
    nv_batch_free(d.batch);
}
END_TEST

START_TEST(C38_entity_refs_and_schema_urls)
{
    struct nv_test_decoded d = decode(NV_STR(
        "{\"resourceSpans\":[{\"schemaUrl\":\"r\",\"resource\":{\"entityRefs\":[{\"schemaUrl\":"
        "\"s\",\"type\":\"host\",\"idKeys\":[\"a\",\"\"],\"descriptionKeys\":[]}]},"
        "\"scopeSpans\":[{\"schemaUrl\":\"u\",\"spans\":[{" IDS "}]}]}]}"));
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_nv_str_eq(d.batch->groups[0].resource,
                        NV_STR("\x1a\x0e\x0a\x01s\x12\x04host\x1a\x01"
                               "a\x1a\x00"));
    ck_assert_nv_str(d.batch->groups[0].resource_schema_url, "r");
    ck_assert_nv_str(d.batch->groups[0].scope_schema_url, "u");
    nv_batch_free(d.batch);
}
END_TEST

START_TEST(log_records)
{
    struct nv_str json =
        NV_STR("{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"1\","
               "\"observedTimeUnixNano\":2,\"severityNumber\":\"SEVERITY_NUMBER_INFO4\","
               "\"severityText\":"
               "\"info\",\"body\":{\"stringValue\":\"b\"},\"eventName\":\"e\",\"flags\":1," IDS
               "}]}]}]}");
    struct nv_test_decoded d = nv_test_decode(NV_SIGNAL_LOGS, NV_MEDIA_JSON, json);
    char hex[256];
    ck_assert_int_eq(d.err, NV_OK);
    ck_assert_uint_eq(d.batch->item_count, 1);
    nv_hex_encode((const uint8_t *)d.batch->body + d.batch->items[0].offset,
                  d.batch->items[0].length, hex);
    hex[2 * d.batch->items[0].length] = '\0';
    ck_assert_str_eq(hex,
                     "09010000000000000059020000000000000010"
                     "0c1a04696e666f2a030a016262016545010000004a105b8efff798038103d269b633813f"
                     "c60c5208eee19b7ec3c1b174");
    nv_batch_free(d.batch);
}
END_TEST

/* The body of JSON may be larger than the limit of its protobuf, never the other way round. */
START_TEST(protobuf_limit)
{
    struct nv_request_limits limits = {.body_max_bytes = 30};
    struct nv_request_result result;
    struct nv_batch *batch;
    struct nv_fail fail = {0};
    struct nv_str json = NV_STR(IN_SPAN(""));
    char *body = malloc(json.len);
    ck_assert_ptr_nonnull(body);
    memcpy(body, json.ptr, json.len);
    ck_assert_int_eq(nv_request_decode(&(struct nv_request_body){NV_SIGNAL_TRACES,
                                                                 NV_MEDIA_JSON, body, json.len},
                                       &limits, &result, &batch, &fail),
                     NV_ERR_TOO_LARGE);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))
int main(void)
{
    Suite *suite = suite_create("otlp/transcode");
    TCase *tc = tcase_create("transcode");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, span_becomes, 0, COUNT(spans));
    tcase_add_loop_test(tc, C12_integers_out_of_range_become_doubles, 0, 3);
    tcase_add_loop_test(tc, id_verdict, 0, COUNT(ids));
    tcase_add_loop_test(tc, text_verdict, 0, COUNT(texts));
    tcase_add_test(tc, C20_truncated_anywhere);
    tcase_add_test(tc, C30_nested_deeply);
    tcase_add_test(tc, C34_nested_thirty_two);
    tcase_add_test(tc, C31_too_many_duplicates);
    tcase_add_loop_test(tc, C31_duplicates_around_a_large_value, 0, 4);
    tcase_add_test(tc, C36_large_string_and_many_attributes);
    tcase_add_test(tc, C37_number_of_a_million_digits);
    tcase_add_test(tc, C40_many_unknown_keys);
    tcase_add_test(tc, old_instrumentation_library);
    tcase_add_test(tc, C38_entity_refs_and_schema_urls);
    tcase_add_test(tc, log_records);
    tcase_add_test(tc, protobuf_limit);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
