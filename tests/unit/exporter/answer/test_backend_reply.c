/*
 * Replies: codes under every name seen, warnings counted, text short, printable and never a
 * secret; anything that is no JSON object gives nothing.
 */
#include "expect.h"

#include "base/buf.h"
#include "exporter/answer/backend_reply.h"

#include <stdlib.h>

#include "base/banned.h"

static const struct {
    const char *body;
    bool credit;
    uint32_t warnings;
    const char *text;
} cases[] = {
    {"", false, 0, ""},
    {"garbage", false, 0, ""},
    {"[1]", false, 0, ""},
    {"\"CREDIT_QUOTA_EXCEEDED\"", false, 0, ""},
    {"{\"success\":true}", false, 0, ""},
    {"{\"message\":\"bad schema\"}", false, 0, "bad schema"},
    {"{\"error\":\"bad\"}", false, 0, "bad"},
    {"{\"error\":{\"message\":\"deep\",\"code\":\"X\"}}", false, 0, "deep"},
    {"{\"code\":\"CREDIT_QUOTA_EXCEEDED\"}", true, 0, ""},
    {"{\"error\":\"CREDIT_QUOTA_EXCEEDED\"}", true, 0, "CREDIT_QUOTA_EXCEEDED"},
    {"{\"error\":{\"code\":\"CREDIT_QUOTA_EXCEEDED\"}}", true, 0, ""},
    {"{\"errorCode\":\"CREDIT_QUOTA_EXCEEDED\",\"message\":\"m\"}", true, 0, "m"},
    {"{\"code\":\"CREDIT\"}", false, 0, ""},
    {"{\"code\":1,\"message\":[1],\"error\":2,\"warnings\":3}", false, 0, ""},
    {"{\"warnings\":[\"one\",\"two\"],\"errors\":[{\"message\":\"three\"}]}", false, 3,
     "three"},
    {"{\"message\":\"your API Key nv_abc is bad\"}", false, 0, "(hidden: may hold a secret)"},
    {"{\"message\":\"PASSWORD\"}", false, 0, "(hidden: may hold a secret)"},
    {"{\"message\":\"a\\nb\\u001b[31mc\\u00e9\"}", false, 0, "a?b?[31mc??"},
    {"{\"message\":\"a\",\"message\":\"b\"}", false, 0, ""},
};

START_TEST(bodies)
{
    struct nv_backend_reply reply;

    nv_backend_reply_read(nv_str_from(cases[_i].body), &reply);
    ck_assert_int_eq(reply.credit, cases[_i].credit);
    ck_assert_uint_eq(reply.warnings, cases[_i].warnings);
    ck_assert_str_eq(reply.text, cases[_i].text);
}
END_TEST

static const struct {
    const char *body;
    enum nv_reply_body whose;
} kinds[] = {
    {"", NV_REPLY_EMPTY},
    {" \r\n\t", NV_REPLY_EMPTY},
    {"{}", NV_REPLY_OBJECT},
    {" {\"success\":true} \n", NV_REPLY_OBJECT},
    {"\xef\xbb\xbf{}", NV_REPLY_OBJECT},
    {"{\"message\":\"\\u0000\",\"n\":[1,{\"success\":false}]}", NV_REPLY_OBJECT},
    {"{\"success\":null}", NV_REPLY_OBJECT},
    {"{\"success\":\"false\"}", NV_REPLY_OBJECT},
    {"{\"success\":false}", NV_REPLY_DENIAL},
    {"{\"a\":{\"b\":[]},\"success\":false,\"c\":1}", NV_REPLY_DENIAL},
    {"{\"success\":false,\"success\":true}", NV_REPLY_DENIAL},
    {"<html>", NV_REPLY_FOREIGN},
    {"OK", NV_REPLY_FOREIGN},
    {"[]", NV_REPLY_FOREIGN},
    {"[{\"success\":true}]", NV_REPLY_FOREIGN},
    {"\"accepted\"", NV_REPLY_FOREIGN},
    {"true", NV_REPLY_FOREIGN},
    {"null", NV_REPLY_FOREIGN},
    {"1", NV_REPLY_FOREIGN},
    {"{\"success\":true", NV_REPLY_FOREIGN},
    {"{\"success\":true}}", NV_REPLY_FOREIGN},
    {"{\"success\":true}<html>", NV_REPLY_FOREIGN},
    {"{\"success\"", NV_REPLY_FOREIGN},
    {"{success:true}", NV_REPLY_FOREIGN},
    {"\xff\xfe{", NV_REPLY_FOREIGN},
};

START_TEST(whose_words_they_are)
{
    struct nv_backend_reply reply;

    nv_backend_reply_read(nv_str_from(kinds[_i].body), &reply);
    ck_assert_msg(reply.body == kinds[_i].whose, "%s: %d", kinds[_i].body, (int)reply.body);
}
END_TEST

START_TEST(a_nul_is_no_end)
{
    struct nv_backend_reply reply;

    nv_backend_reply_read(NV_STR("{}\0{}"), &reply);
    ck_assert_int_eq(reply.body, NV_REPLY_FOREIGN);
}
END_TEST

/* As backend_reply.c has it. */
#define PARSE_BYTES_MAX (256u * 1024)

START_TEST(long_texts_and_bodies)
{
    struct nv_backend_reply reply;
    struct nv_buf buf;

    nv_buf_init(&buf, SIZE_MAX);
    ck_assert_int_eq(nv_buf_printf(&buf, "{\"message\":\"%0200d\"}", 7), NV_OK);
    nv_backend_reply_read(nv_buf_str(&buf), &reply);
    ck_assert_uint_eq(strlen(reply.text), NV_REPLY_TEXT_MAX - 1);
    nv_buf_clear(&buf);
    for (int more = 0; more < 2; more++) {
        ck_assert_int_eq(
            nv_buf_printf(&buf, "{\"message\":\"%0*d\"}", (int)PARSE_BYTES_MAX - 14 + more, 7),
            NV_OK);
        ck_assert_uint_eq(buf.len, PARSE_BYTES_MAX + (unsigned)more);
        nv_backend_reply_read(nv_buf_str(&buf), &reply);
        ck_assert_int_eq(reply.text[0] == '\0', more == 1);
        ck_assert_int_eq(reply.body, NV_REPLY_OBJECT);
        nv_buf_clear(&buf);
    }
    for (int i = 0; i < 100000; i++)
        (void)nv_buf_append_char(&buf, '[');
    nv_backend_reply_read(nv_buf_str(&buf), &reply);
    nv_buf_release(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/backend_reply");
    TCase *tcase = tcase_create("reply");

    tcase_add_loop_test(tcase, bodies, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(tcase, whose_words_they_are, 0, sizeof kinds / sizeof *kinds);
    tcase_add_test(tcase, a_nul_is_no_end);
    tcase_add_test(tcase, long_texts_and_bodies);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
