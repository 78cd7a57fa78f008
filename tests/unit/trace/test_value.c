/*
 * One attribute as bytes: every type read back by protobuf-c, what is refused, repair of text,
 * and the length that was promised before.
 */
#include "expect.h"
#include "otlp_oracle.h"

#include "base/limits.h"
#include "base/text/wire.h"
#include "trace/value.h"

#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

/* The attribute in a request of one resource, as JSON. */
static void expect(const noveum_attribute *attribute, size_t text_max, const char *json)
{
    struct nv_trace_value value;
    struct nv_buf buf, text, whole;
    nv_buf_init(&buf, NV_CAP_MIB(1));
    nv_buf_init(&text, NV_CAP_MIB(1));
    nv_buf_init(&whole, NV_CAP_MIB(1));
    ck_assert(nv_trace_value_make(attribute, text_max, &value));
    size_t size = nv_trace_value_size(&value);
    size_t group = nv_wire_begin(&buf, 1), resource = nv_wire_begin(&buf, 1);
    ck_assert_int_eq(nv_buf_reserve(&buf, size), NV_OK);
    size_t before = buf.len;
    nv_trace_value_put(&buf, 1, &value);
    ck_assert_uint_eq(buf.len - before, size);
    ck_assert_int_eq(nv_wire_end(&buf, resource), NV_OK);
    ck_assert_int_eq(nv_wire_end(&buf, group), NV_OK);
    ProtobufCMessage *message = nv_test_unpack(NV_SIGNAL_TRACES, nv_buf_str(&buf));
    ck_assert_ptr_nonnull(message);
    nv_test_to_json(message, &text);
    ck_assert_int_eq(nv_buf_printf(&whole,
                                   "{\"resourceSpans\":[{\"resource\":{\"attributes\":[%s],"
                                   "\"droppedAttributesCount\":0},\"schemaUrl\":\"\"}]}",
                                   json),
                     NV_OK);
    ck_assert_json_eq(nv_buf_str(&text), nv_buf_str(&whole));
    protobuf_c_message_free_unpacked(message, NULL);
    nv_buf_release(&buf);
    nv_buf_release(&text);
    nv_buf_release(&whole);
}

static noveum_attribute list(noveum_type type, const void *values, size_t count)
{
    noveum_attribute made = {"k", type, count, {NULL}};
    made.value.bytes = values;
    return made;
}

START_TEST(every_type)
{
    const char *const texts[] = {"a", "", "\xff", NULL};
    const int64_t ints[] = {1, -1, INT64_MAX};
    const double doubles[] = {0.5, -2};
    char long_text[400];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    noveum_attribute attribute = noveum_str("k", "v");
    expect(&attribute, SIZE_MAX, "{\"key\":\"k\",\"value\":{\"stringValue\":\"v\"}}");
    attribute = noveum_int("k", -5);
    expect(&attribute, SIZE_MAX, "{\"key\":\"k\",\"value\":{\"intValue\":-5}}");
    attribute = noveum_int("k", 0);
    expect(&attribute, SIZE_MAX, "{\"key\":\"k\",\"value\":{\"intValue\":0}}");
    attribute = noveum_double("k", 0.25);
    expect(&attribute, SIZE_MAX, "{\"key\":\"k\",\"value\":{\"doubleValue\":0.25}}");
    attribute = noveum_bool("k", 17);
    expect(&attribute, SIZE_MAX, "{\"key\":\"k\",\"value\":{\"boolValue\":true}}");
    attribute = list(NOVEUM_TYPE_BYTES, "\0\1", 2);
    expect(&attribute, SIZE_MAX, "{\"key\":\"k\",\"value\":{\"bytesValue\":\"AAE=\"}}");
    attribute = list(NOVEUM_TYPE_STRS, texts, 4);
    expect(
        &attribute, SIZE_MAX,
        "{\"key\":\"k\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"a\"},"
        "{\"stringValue\":\"\"},{\"stringValue\":\"\xef\xbf\xbd\"},{\"stringValue\":\"\"}]}}}");
    attribute = list(NOVEUM_TYPE_INTS, ints, 3);
    expect(&attribute, SIZE_MAX,
           "{\"key\":\"k\",\"value\":{\"arrayValue\":{\"values\":[{\"intValue\":1},"
           "{\"intValue\":-1},{\"intValue\":9223372036854775807}]}}}");
    attribute = list(NOVEUM_TYPE_DOUBLES, doubles, 2);
    expect(&attribute, SIZE_MAX,
           "{\"key\":\"k\",\"value\":{\"arrayValue\":{\"values\":[{\"doubleValue\":0.5},"
           "{\"doubleValue\":-2}]}}}");
    attribute = noveum_str(long_text, long_text);
    struct nv_trace_value value;
    ck_assert(nv_trace_value_make(&attribute, SIZE_MAX, &value));
    ck_assert_uint_gt(nv_trace_value_size(&value), 2 * (sizeof long_text - 1));
}
END_TEST

START_TEST(text_is_cut_and_repaired)
{
    noveum_attribute attribute = noveum_str("k", "a\xc3\xa4"
                                                 "b");
    expect(&attribute, 2, "{\"key\":\"k\",\"value\":{\"stringValue\":\"a\"}}");
    attribute.value.str = "a\xff"
                          "b\xf0\x9f\x98";
    expect(&attribute, SIZE_MAX,
           "{\"key\":\"k\",\"value\":{\"stringValue\":\"a\xef\xbf\xbd"
           "b\xef\xbf\xbd\"}}");
    attribute = noveum_str("k\xff", "v");
    expect(&attribute, SIZE_MAX,
           "{\"key\":\"k\xef\xbf\xbd\",\"value\":{\"stringValue\":\"v\"}}");
    attribute = noveum_str("k", "abcd");
    attribute.count = 2;
    expect(&attribute, SIZE_MAX, "{\"key\":\"k\",\"value\":{\"stringValue\":\"ab\"}}");
}
END_TEST

START_TEST(what_is_no_attribute)
{
    struct nv_trace_value value;
    const int64_t ints[] = {1};
    noveum_attribute wrong[] = {
        noveum_str(NULL, "v"),
        noveum_str("", "v"),
        noveum_str("k", NULL),
        list(NOVEUM_TYPE_INTS, NULL, 1),
        list(NOVEUM_TYPE_INTS, ints, NV_TRACE_LIST_MAX + 1),
        list((noveum_type)99, ints, 1),
        list(NOVEUM_TYPE_BYTES, NULL, 1),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(!nv_trace_value_make(&wrong[i], SIZE_MAX, &value), "row %zu", i);
    noveum_attribute empty = list(NOVEUM_TYPE_INTS, NULL, 0);
    ck_assert(nv_trace_value_make(&empty, SIZE_MAX, &value));
}
END_TEST

START_TEST(finds_by_key)
{
    struct nv_trace_value value;
    struct nv_buf buf;
    size_t at = 0, len = 0;
    noveum_attribute all[] = {noveum_str("a", "1"), noveum_int("bb", 2), noveum_str("c", "3")};
    nv_buf_init(&buf, NV_CAP_KIB(1));
    for (int i = 0; i < 3; i++) {
        ck_assert(nv_trace_value_make(&all[i], SIZE_MAX, &value));
        ck_assert_int_eq(nv_buf_reserve(&buf, nv_trace_value_size(&value)), NV_OK);
        nv_trace_value_put(&buf, 9, &value);
    }
    ck_assert(nv_trace_value_find(&buf, NV_STR("c"), &at, &len));
    ck_assert_uint_eq(at + len, buf.len);
    ck_assert(!nv_trace_value_find(&buf, NV_STR("b"), &at, &len));
    ck_assert_nv_str(nv_trace_value_text(&buf, NV_STR("c")), "3");
    ck_assert_uint_eq(nv_trace_value_text(&buf, NV_STR("bb")).len, 0);
    ck_assert_uint_eq(nv_trace_value_text(&buf, NV_STR("no")).len, 0);
    nv_buf_release(&buf);
    ck_assert_nv_str(nv_trace_text("abc", NOVEUM_NUL), "abc");
    ck_assert_nv_str(nv_trace_text("abc", 2), "ab");
    ck_assert_uint_eq(nv_trace_text(NULL, 5).len, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("value");
    TCase *tcase = tcase_create("value");
    tcase_add_test(tcase, every_type);
    tcase_add_test(tcase, text_is_cut_and_repaired);
    tcase_add_test(tcase, what_is_no_attribute);
    tcase_add_test(tcase, finds_by_key);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
