/*
 * Timeouts, messages, binary headers, prefixes and media types of gRPC.
 */
#include "otlp/grpc/grpc_text.h"

#include "expect.h"

#include "base/banned.h"

static const struct {
    struct nv_str text;
    enum nv_err err;
    uint64_t ns;
} timeouts[] = {
    {NV_STR_INIT("10S"), NV_OK, UINT64_C(10000000000)},
    {NV_STR_INIT("1H"), NV_OK, UINT64_C(3600000000000)},
    {NV_STR_INIT("2M"), NV_OK, UINT64_C(120000000000)},
    {NV_STR_INIT("500m"), NV_OK, 500000000},
    {NV_STR_INIT("7u"), NV_OK, 7000},
    {NV_STR_INIT("0n"), NV_OK, 0},
    {NV_STR_INIT("99999999n"), NV_OK, 99999999},
    {NV_STR_INIT("99999999H"), NV_OK, UINT64_MAX},
    {NV_STR_INIT("123456789n"), NV_ERR_MALFORMED, 0},
    {NV_STR_INIT(""), NV_ERR_MALFORMED, 0},
    {NV_STR_INIT("S"), NV_ERR_MALFORMED, 0},
    {NV_STR_INIT("10"), NV_ERR_MALFORMED, 0},
    {NV_STR_INIT("10s"), NV_ERR_MALFORMED, 0},
    {NV_STR_INIT("-1S"), NV_ERR_MALFORMED, 0},
    {NV_STR_INIT("1.5S"), NV_ERR_MALFORMED, 0},
    {NV_STR_INIT(" 1S"), NV_ERR_MALFORMED, 0},
};

START_TEST(timeout)
{
    uint64_t ns = 0;
    ck_assert_int_eq(nv_grpc_parse_timeout(timeouts[_i].text, &ns), timeouts[_i].err);
    ck_assert_uint_eq(ns, timeouts[_i].ns);
}
END_TEST

START_TEST(message_is_percent_encoded)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 1000);
    ck_assert_int_eq(nv_grpc_put_message(&buf, NV_STR("50% of \xc3\xa9\n\x7f~ok")), NV_OK);
    ck_assert_nv_str(nv_buf_str(&buf), "50%25 of %C3%A9\\n\\x7f~ok");
    nv_buf_release(&buf);
    nv_buf_init(&buf, 5);
    ck_assert_int_eq(nv_grpc_put_message(&buf, NV_STR("abcd\n")), NV_ERR_LIMIT);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(binary_has_no_padding)
{
    static const struct {
        struct nv_str bytes;
        const char *want;
    } values[] = {{NV_STR_INIT(""), ""},
                  {NV_STR_INIT("a"), "YQ"},
                  {NV_STR_INIT("ab"), "YWI"},
                  {NV_STR_INIT("abc"), "YWJj"}};
    struct nv_buf buf;
    nv_buf_init(&buf, 1000);
    ck_assert_int_eq(nv_grpc_put_binary(&buf, values[_i].bytes), NV_OK);
    ck_assert_nv_str(nv_buf_str(&buf), values[_i].want);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(frame_and_prefix)
{
    struct nv_buf buf;
    uint8_t compressed = 9;
    uint32_t len = 9;
    nv_buf_init(&buf, 1000);
    ck_assert_int_eq(nv_grpc_put_frame(&buf, NV_STR("xyz")), NV_OK);
    ck_assert_nv_str_eq(nv_buf_str(&buf), NV_STR("\0\0\0\0\3xyz"));
    nv_grpc_parse_prefix((const uint8_t *)buf.bytes, &compressed, &len);
    ck_assert_uint_eq(compressed, 0);
    ck_assert_uint_eq(len, 3);
    nv_grpc_parse_prefix((const uint8_t *)"\2\xff\xff\xff\xfe", &compressed, &len);
    ck_assert_uint_eq(compressed, 2);
    ck_assert_uint_eq(len, UINT32_MAX - 1);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(content_type)
{
    static const struct {
        struct nv_str value;
        bool want;
    } values[] = {
        {NV_STR_INIT("application/grpc"), true},
        {NV_STR_INIT("Application/GRPC"), true},
        {NV_STR_INIT("application/grpc+proto"), true},
        {NV_STR_INIT("application/grpc+proto;v=1"), true},
        {NV_STR_INIT("application/grpc; charset=utf-8"), true},
        {NV_STR_INIT("application/grpc+json"), false},
        {NV_STR_INIT("application/grpc-web"), false},
        {NV_STR_INIT("application/grpcx"), false},
        {NV_STR_INIT("application/x-protobuf"), false},
        {NV_STR_INIT(""), false},
    };
    ck_assert_int_eq(nv_grpc_is_content_type(values[_i].value), values[_i].want);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/grpc_text");
    TCase *tc = tcase_create("grpc_text");
    tcase_add_loop_test(tc, timeout, 0, (int)(sizeof timeouts / sizeof *timeouts));
    tcase_add_test(tc, message_is_percent_encoded);
    tcase_add_loop_test(tc, binary_has_no_padding, 0, 4);
    tcase_add_test(tc, frame_and_prefix);
    tcase_add_loop_test(tc, content_type, 0, 10);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
