/*
 * Keys with their values, one beside the other.
 */
#include "expect.h"

#include "base/json/json_member.h"

#include "base/banned.h"

static struct nv_buf buf;
static struct nv_json_writer json;

static void begin_object(size_t max)
{
    nv_buf_init(&buf, max);
    nv_json_write_init(&json, &buf);
    nv_json_write_begin_object(&json);
}

START_TEST(each_is_a_member)
{
    begin_object(1000);
    nv_json_put_text(&json, "text", NV_STR("a\"b"));
    nv_json_put_uint(&json, "uint", UINT64_MAX);
    nv_json_put_bool(&json, "bool", false);
    nv_json_put_known(&json, "known", 0.0);
    nv_json_put_known(&json, "unknown", -1.0);
    nv_json_write_end_object(&json);
    ck_assert_nv_str(nv_buf_str(&buf), "{\"text\":\"a\\\"b\",\"uint\":18446744073709551615,"
                                       "\"bool\":false,\"known\":0.0,\"unknown\":null}");
    nv_buf_release(&buf);
}
END_TEST

START_TEST(what_finds_no_room_is_the_buffers_error)
{
    begin_object(8);
    nv_json_put_text(&json, "text", NV_STR("longer than eight"));
    ck_assert_int_ne(buf.failed, NV_OK);
    nv_buf_release(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/json/json_member");
    TCase *tcase = tcase_create("json_member");
    tcase_add_test(tcase, each_is_a_member);
    tcase_add_test(tcase, what_finds_no_room_is_the_buffers_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
