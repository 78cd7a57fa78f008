/*
 * The check of messages: paths of failures, and attributes that are told by their bytes. Other
 * verdicts are tested where they are used, in test_walk.c.
 */
#include "otlp/request/check.h"

#include "expect.h"
#include "model/otlp_fields.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static enum nv_err check(enum nv_message_id id, struct nv_str bytes, struct nv_fail *fail)
{
    struct nv_check check = {.body = bytes.ptr, .depth_max = 4, .fail = fail};
    return nv_check_message(&check, id, bytes, 0);
}

START_TEST(path_counts_repeated_fields)
{
    struct nv_fail fail = {0};
    /* resource: attribute, unknown, attribute with a key of the wrong type */
    enum nv_err err =
        check(NV_MESSAGE_RESOURCE, NV_STR("\x0a\x00\x78\x01\x0a\x02\x08\x01"), &fail);
    ck_assert_int_eq(err, NV_ERR_MALFORMED);
    ck_assert_str_eq(fail.path, "attributes[1].key");
    ck_assert_str_eq(fail.what, "wire type 0, must be 2");
    ck_assert_uint_eq(fail.offset, 6);
}
END_TEST

START_TEST(path_stops_where_bytes_are_no_field)
{
    struct nv_fail fail = {0};
    enum nv_err err = check(NV_MESSAGE_RESOURCE, NV_STR("\x0a\x02\x0a\x05"), &fail);
    ck_assert_int_eq(err, NV_ERR_TRUNCATED);
    ck_assert_str_eq(fail.path, "attributes[0]");
    ck_assert_str_eq(fail.what, "ends inside a field");
    ck_assert_uint_eq(fail.offset, 2);
}
END_TEST

START_TEST(depth_is_of_values)
{
    struct nv_fail fail = {0};
    /* AnyValue in AnyValue through arrays; the outermost message is not counted here */
    struct nv_str four =
        NV_STR("\x2a\x0e\x0a\x0c\x2a\x0a\x0a\x08\x2a\x06\x0a\x04\x2a\x02\x0a\x00");
    struct nv_str five =
        NV_STR("\x2a\x12\x0a\x10\x2a\x0e\x0a\x0c\x2a\x0a\x0a\x08\x2a\x06\x0a\x04"
               "\x2a\x02\x0a\x00");
    ck_assert_int_eq(check(NV_MESSAGE_ANY_VALUE, four, &fail), NV_OK);
    ck_assert_int_eq(check(NV_MESSAGE_ANY_VALUE, five, &fail), NV_ERR_DEPTH);
    ck_assert_str_eq(fail.what, "values nested deeper than 4");
}
END_TEST

START_TEST(long_paths_keep_their_head)
{
    struct nv_fail fail = {0};
    nv_path_prepend(&fail, "last");
    ck_assert_str_eq(fail.path, "last");
    for (int i = 0; i < 30; i++) {
        char head[32];
        (void)snprintf(head, sizeof head, "values[%d]", i);
        nv_path_prepend(&fail, head);
    }
    ck_assert_uint_eq(strlen(fail.path), sizeof fail.path - 1);
    ck_assert(strncmp(fail.path, "values[29].values[28].", 22) == 0);
}
END_TEST

/* An attribute as a resource's field, which may be told by its bytes, against the same bytes
 * read by the table alone. */
static void expect_same(struct nv_str pair)
{
    struct nv_fail fail = {0}, other_fail = {0};
    struct nv_check check = {.body = pair.ptr, .depth_max = 4, .fail = &fail};
    struct nv_check other = {.body = pair.ptr, .depth_max = 4, .fail = &other_fail};
    struct nv_wire_field field = {
        .number = NV_OTLP_RESOURCE_ATTRIBUTES, .type = NV_WIRE_BYTES, .bytes = pair};
    enum nv_err err = nv_check_field(&check, NV_MESSAGE_RESOURCE, &field, 0);
    ck_assert_int_eq(err, nv_check_message(&other, NV_MESSAGE_KEY_VALUE, pair, 0));
    ck_assert_uint_eq(check.invalid_utf8, other.invalid_utf8);
    ck_assert_str_eq(fail.path, other_fail.path);
    ck_assert_str_eq(fail.what, other_fail.what);
    ck_assert_uint_eq(fail.offset, other_fail.offset);
}

/* Attributes of a span that are passed over are those of which there is nothing to tell. */
static void expect_passed(struct nv_str pair)
{
    struct nv_fail fail = {0};
    struct nv_check check = {.body = pair.ptr, .depth_max = 4, .fail = &fail};
    struct nv_buf buf;
    nv_buf_init(&buf, 4096);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(nv_wire_put_bytes(&buf, NV_OTLP_SPAN_ATTRIBUTES, pair), NV_OK);
    const size_t one = buf.len / 2;
    struct nv_wire wire = nv_wire_read(nv_buf_str(&buf));
    nv_check_pass_pairs(&check, &wire, NV_OTLP_SPAN_ATTRIBUTES);
    const size_t passed = (size_t)(wire.pos - buf.bytes);
    ck_assert(passed == 0 || passed == buf.len);
    if (passed > 0) {
        ck_assert_int_eq(nv_check_message(&check, NV_MESSAGE_KEY_VALUE, pair, 0), NV_OK);
        ck_assert_uint_eq(check.invalid_utf8, 0);
    }
    /* of another number, or cut: nothing; one that is cut behind another stays */
    wire = nv_wire_read(nv_buf_str(&buf));
    nv_check_pass_pairs(&check, &wire, NV_OTLP_LOG_ATTRIBUTES);
    ck_assert_ptr_eq(wire.pos, buf.bytes);
    wire = (struct nv_wire){buf.bytes, buf.bytes + buf.len - 1};
    nv_check_pass_pairs(&check, &wire, NV_OTLP_SPAN_ATTRIBUTES);
    ck_assert_ptr_eq(wire.pos, buf.bytes + (passed > 0 ? one : 0));
    nv_buf_release(&buf);
}

START_TEST(attributes_that_say_nothing_are_passed_over)
{
    static const struct {
        struct nv_str pair;
        bool passed;
    } rows[] = {{NV_STR_INIT("\x0a\x03key\x12\x05\x0a\x03tex"), true},
                {NV_STR_INIT("\x0a\x03k\xc3\xa9\x12\x05\x0a\x03\xe2\x82\xac"), true},
                {NV_STR_INIT("\x0a\x01k\x12\x02\x10\x01"), true},
                {NV_STR_INIT("\x0a\x01k\x12\x02\x0a\x00"), true},
                {NV_STR_INIT("\x0a\x01k\x12\x09\x21\x00\x00\x00\x00\x00\x00\xf8\x3f"), true},
                {NV_STR_INIT("\x0a\x01\xff\x12\x02\x10\x01"), false},
                {NV_STR_INIT("\x0a\x01k\x12\x03\x0a\x01\xff"), false},
                {NV_STR_INIT("\x0a\x01k\x12\x00"), false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct nv_fail fail = {0};
        struct nv_check check = {.body = rows[i].pair.ptr, .depth_max = 1, .fail = &fail};
        char text[64] = {NV_OTLP_SPAN_ATTRIBUTES << 3 | NV_WIRE_BYTES, (char)rows[i].pair.len};
        memcpy(text + 2, rows[i].pair.ptr, rows[i].pair.len);
        struct nv_wire wire = {text, text + 2 + rows[i].pair.len};
        nv_check_pass_pairs(&check, &wire, NV_OTLP_SPAN_ATTRIBUTES);
        ck_assert_int_eq(wire.pos == wire.end, rows[i].passed);
    }
}
END_TEST

/* Of the pair each beginning, and each byte with each value. */
static void expect_same_of_all(struct nv_str pair)
{
    for (size_t len = 0; len <= pair.len; len++) {
        char *exact = malloc(len + 1); /* so that a sanitizer sees reads behind the end */
        ck_assert_ptr_nonnull(exact);
        memcpy(exact + 1, pair.ptr, len);
        expect_same((struct nv_str){exact + 1, len});
        expect_passed((struct nv_str){exact + 1, len});
        for (unsigned byte = 0; len > 0 && byte < 256; byte++) {
            memcpy(exact + 1, pair.ptr, len);
            exact[len] = (char)byte;
            expect_same((struct nv_str){exact + 1, len});
        }
        free(exact);
    }
    char *all = malloc(pair.len);
    for (size_t at = 0; all && at < pair.len; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(all, pair.ptr, pair.len);
            all[at] = (char)byte;
            expect_same((struct nv_str){all, pair.len});
            expect_passed((struct nv_str){all, pair.len});
        }
    }
    free(all);
}

START_TEST(attributes_told_by_their_bytes_are_as_the_table_says)
{
    static char text[160] = "\x0a\x01k\x12\x93\x01\x0a\x90\x01";
    const struct nv_str pairs[] = {
        NV_STR("\x0a\x03key\x12\x05\x0a\x03tex"),
        NV_STR("\x0a\x03k\xc3\xa9\x12\x06\x0a\x04\xe2\x82\xacx"),
        NV_STR("\x0a\x01k\x12\x02\x0a\x00"),
        NV_STR("\x0a\x01k\x12\x00"),
        NV_STR("\x0a\x01k\x12\x02\x10\x01"),
        NV_STR("\x0a\x01k\x12\x0b\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        NV_STR("\x0a\x01k\x12\x0a\x18\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        NV_STR("\x0a\x01k\x12\x09\x21\x00\x00\x00\x00\x00\x00\xf8\x3f"),
        NV_STR("\x0a\x01k\x12\x06\x2a\x04\x0a\x02\x18\x07"),
        NV_STR("\x0a\x81\x00k\x12\x02\x10\x01"),
        NV_STR("\x12\x02\x10\x01\x0a\x01k"),
        NV_STR("\x0a\x01k\x12\x04\x10\x01\x18\x02"),
        {text, 9 + 144},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        expect_same_of_all(pairs[i]);
}
END_TEST

START_TEST(depth_is_counted_where_an_attribute_is_told_by_its_bytes)
{
    struct nv_fail fail = {0};
    struct nv_str resource = NV_STR("\x0a\x07\x0a\x01k\x12\x02\x10\x01");
    struct nv_check check = {.body = resource.ptr, .depth_max = 1, .fail = &fail};
    ck_assert_int_eq(nv_check_message(&check, NV_MESSAGE_RESOURCE, resource, 0), NV_OK);
    ck_assert_int_eq(nv_check_message(&check, NV_MESSAGE_RESOURCE, resource, 1), NV_ERR_DEPTH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/check");
    TCase *tc = tcase_create("check");
    tcase_add_test(tc, path_counts_repeated_fields);
    tcase_add_test(tc, path_stops_where_bytes_are_no_field);
    tcase_add_test(tc, depth_is_of_values);
    tcase_add_test(tc, long_paths_keep_their_head);
    tcase_add_test(tc, attributes_told_by_their_bytes_are_as_the_table_says);
    tcase_add_test(tc, attributes_that_say_nothing_are_passed_over);
    tcase_add_test(tc, depth_is_counted_where_an_attribute_is_told_by_its_bytes);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
