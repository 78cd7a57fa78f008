/*
 * Bodies of answers, byte by byte: protobuf read back with the wire reader, JSON with jansson.
 */
#include "otlp/request/reply.h"

#include "base/text/wire.h"
#include "expect.h"
#include "oom.h"

#include "base/banned.h"

/* The bytes of field `number` in `message`; empty when it is not there. */
static struct nv_str field_of(struct nv_str message, uint32_t number)
{
    struct nv_wire wire = nv_wire_read(message);
    struct nv_wire_field field;
    struct nv_str found = {0};
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == number)
            found = field.bytes;
    }
    return found;
}

START_TEST(full_success_is_nothing)
{
    struct nv_buf out;
    nv_buf_init(&out, 100);
    ck_assert_int_eq(nv_reply_success(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, 0, NV_STR(""), &out),
                     NV_OK);
    ck_assert_uint_eq(out.len, 0);
    ck_assert_int_eq(nv_reply_success(NV_SIGNAL_LOGS, NV_MEDIA_JSON, 0, NV_STR(""), &out),
                     NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), "{}");
    nv_buf_release(&out);
}
END_TEST

static const struct {
    enum nv_signal signal;
    enum nv_media media;
    uint64_t rejected;
    struct nv_str message, want;
} successes[] = {
    {NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, 3, NV_STR_INIT("no"),
     NV_STR_INIT("\x0a\x06\x08\x03\x12\x02no")},
    {NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, 0, NV_STR_INIT("hm"),
     NV_STR_INIT("\x0a\x04\x12\x02hm")},
    {NV_SIGNAL_TRACES, NV_MEDIA_JSON, 3, NV_STR_INIT("no"),
     NV_STR_INIT("{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"no\"}}")},
    {NV_SIGNAL_LOGS, NV_MEDIA_JSON, 3, NV_STR_INIT("no"),
     NV_STR_INIT(
         "{\"partialSuccess\":{\"rejectedLogRecords\":\"3\",\"errorMessage\":\"no\"}}")},
    {NV_SIGNAL_TRACES, NV_MEDIA_JSON, 0, NV_STR_INIT("a\"b"),
     NV_STR_INIT("{\"partialSuccess\":{\"errorMessage\":\"a\\\"b\"}}")},
};

START_TEST(partial_success)
{
    struct nv_buf out;
    nv_buf_init(&out, 1000);
    ck_assert_int_eq(nv_reply_success(successes[_i].signal, successes[_i].media,
                                      successes[_i].rejected, successes[_i].message, &out),
                     NV_OK);
    ck_assert_nv_str_eq(nv_buf_str(&out), successes[_i].want);
    nv_buf_release(&out);
}
END_TEST

START_TEST(plain_status)
{
    struct nv_buf out;
    nv_buf_init(&out, 1000);
    ck_assert_int_eq(
        nv_reply_status(NV_MEDIA_PROTOBUF, 12, NV_STR("nothing here"), NULL, 0, &out), NV_OK);
    ck_assert_nv_str_eq(nv_buf_str(&out), NV_STR("\x08\x0c\x12\x0cnothing here"));
    nv_buf_clear(&out);
    ck_assert_int_eq(nv_reply_status(NV_MEDIA_JSON, 12, NV_STR("nothing here"), NULL, 0, &out),
                     NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), "{\"code\":12,\"message\":\"nothing here\"}");
    nv_buf_release(&out);
}
END_TEST

START_TEST(bad_request_details)
{
    struct nv_fail fail = {NV_ERR_MALFORMED, 5, "must be a string", "resourceSpans[0].x"};
    struct nv_buf out;
    nv_buf_init(&out, 1000);
    ck_assert_int_eq(nv_reply_status(NV_MEDIA_PROTOBUF, 3, NV_STR("m"), &fail, 0, &out), NV_OK);
    struct nv_str any = field_of(nv_buf_str(&out), 3);
    struct nv_str violation = field_of(field_of(any, 2), 1);
    ck_assert_nv_str(field_of(any, 1), "type.googleapis.com/google.rpc.BadRequest");
    ck_assert_nv_str(field_of(violation, 1), "resourceSpans[0].x");
    ck_assert_nv_str(field_of(violation, 2), "must be a string");
    nv_buf_clear(&out);
    ck_assert_int_eq(nv_reply_status(NV_MEDIA_JSON, 3, NV_STR("m"), &fail, 0, &out), NV_OK);
    ck_assert_json_eq(
        nv_buf_str(&out),
        NV_STR("{\"code\":3,\"message\":\"m\",\"details\":[{\"@type\":"
               "\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":[{"
               "\"field\":\"resourceSpans[0].x\",\"description\":\"must be a string\"}]}]}"));
    nv_buf_release(&out);
}
END_TEST

START_TEST(only_400_has_violations)
{
    struct nv_fail fail = {NV_ERR_TOO_LARGE, 5, "too large", ""};
    struct nv_buf out;
    nv_buf_init(&out, 1000);
    ck_assert_int_eq(nv_reply_status(NV_MEDIA_PROTOBUF, 8, NV_STR("m"), &fail, 0, &out), NV_OK);
    ck_assert_nv_str_eq(nv_buf_str(&out), NV_STR("\x08\x08\x12\x01m"));
    nv_buf_release(&out);
}
END_TEST

START_TEST(retry_info)
{
    struct nv_buf out;
    nv_buf_init(&out, 1000);
    ck_assert_int_eq(nv_reply_status(NV_MEDIA_PROTOBUF, 14, NV_STR("m"), NULL, 5, &out), NV_OK);
    struct nv_str any = field_of(nv_buf_str(&out), 3);
    ck_assert_nv_str(field_of(any, 1), "type.googleapis.com/google.rpc.RetryInfo");
    ck_assert_nv_str_eq(field_of(any, 2), NV_STR("\x0a\x02\x08\x05"));
    nv_buf_clear(&out);
    ck_assert_int_eq(nv_reply_status(NV_MEDIA_JSON, 14, NV_STR("m"), NULL, 5, &out), NV_OK);
    ck_assert_json_eq(
        nv_buf_str(&out),
        NV_STR("{\"code\":14,\"message\":\"m\",\"details\":[{\"@type\":"
               "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"5s\"}]}"));
    nv_buf_release(&out);
}
END_TEST

/* The largest of everything must fit into nanopb's fixed sizes. */
START_TEST(largest_status)
{
    struct nv_fail fail = {.code = NV_ERR_DEPTH};
    struct nv_buf out;
    char message[2000];
    memset(fail.what, 'w', sizeof fail.what - 1);
    memset(fail.path, 'p', sizeof fail.path - 1);
    memset(message, 'm', sizeof message);
    nv_buf_init(&out, 10000);
    ck_assert_int_eq(nv_reply_status(NV_MEDIA_PROTOBUF, 3,
                                     (struct nv_str){message, sizeof message}, &fail, INT32_MAX,
                                     &out),
                     NV_OK);
    struct nv_wire wire = nv_wire_read(nv_buf_str(&out));
    struct nv_wire_field field;
    unsigned details = 0;
    while (nv_wire_next(&wire, &field) == NV_OK)
        details += field.number == 3;
    ck_assert_uint_eq(details, 2);
    ck_assert_uint_eq(field_of(nv_buf_str(&out), 2).len, 511);
    nv_buf_release(&out);
}
END_TEST

START_TEST(foreign_text_becomes_utf8)
{
    static const struct {
        struct nv_str text;
        const char *want;
    } texts[] = {
        {NV_STR_INIT("a\xff"
                     "b"),
         "a\xef\xbf\xbd"
         "b"},
        {NV_STR_INIT("\xc3"), "\xef\xbf\xbd"},
        {NV_STR_INIT("\xc3\xa9"), "\xc3\xa9"},
        {NV_STR_INIT("a\0b"), "a\\x00b"},
        {NV_STR_INIT("a\033[2J\n"), "a\\x1b[2J\\n"},
        {NV_STR_INIT("\xe2\x80\xae"
                     "a\xc2\x9b"),
         "\\u202ea\\x9b"},
        {NV_STR_INIT("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    struct nv_buf out;
    nv_buf_init(&out, 1000);
    ck_assert_int_eq(nv_reply_status(NV_MEDIA_PROTOBUF, 3, texts[_i].text, NULL, 0, &out),
                     NV_OK);
    ck_assert_nv_str(field_of(nv_buf_str(&out), 2), texts[_i].want);
    nv_buf_release(&out);
}
END_TEST

START_TEST(long_text_is_cut_between_characters)
{
    struct nv_buf out;
    char text[600];
    for (size_t i = 0; i < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    nv_buf_init(&out, 1000);
    ck_assert_int_eq(nv_reply_status(NV_MEDIA_PROTOBUF, 3, (struct nv_str){text, sizeof text},
                                     NULL, 0, &out),
                     NV_OK);
    ck_assert_uint_eq(field_of(nv_buf_str(&out), 2).len, 510);
    nv_buf_release(&out);
}
END_TEST

START_TEST(no_room)
{
    struct nv_buf out;
    nv_buf_init(&out, 3);
    ck_assert_int_eq(nv_reply_status(NV_MEDIA_PROTOBUF, 3, NV_STR("m"), NULL, 5, &out),
                     NV_ERR_LIMIT);
    nv_buf_clear(&out);
    ck_assert_int_eq(nv_reply_status(NV_MEDIA_JSON, 3, NV_STR("m"), NULL, 5, &out),
                     NV_ERR_LIMIT);
    nv_buf_clear(&out);
    ck_assert_int_eq(nv_reply_success(NV_SIGNAL_LOGS, NV_MEDIA_JSON, 1, NV_STR("m"), &out),
                     NV_ERR_LIMIT);
    nv_buf_release(&out);
    nv_buf_init(&out, 100);
    oom_fail_from(1);
    enum nv_err err = nv_reply_status(NV_MEDIA_PROTOBUF, 3, NV_STR("m"), NULL, 5, &out);
    (void)oom_end();
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    nv_buf_release(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/reply");
    TCase *tc = tcase_create("reply");
    tcase_add_test(tc, full_success_is_nothing);
    tcase_add_loop_test(tc, partial_success, 0, (int)(sizeof successes / sizeof *successes));
    tcase_add_test(tc, plain_status);
    tcase_add_test(tc, bad_request_details);
    tcase_add_test(tc, only_400_has_violations);
    tcase_add_test(tc, retry_info);
    tcase_add_test(tc, largest_status);
    tcase_add_loop_test(tc, foreign_text_becomes_utf8, 0, 5);
    tcase_add_test(tc, long_text_is_cut_between_characters);
    tcase_add_test(tc, no_room);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
