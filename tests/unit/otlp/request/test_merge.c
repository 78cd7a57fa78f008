/*
 * Merging of resources and scopes in pieces: what is joined, what is left alone.
 */
#include "otlp/request/merge.h"

#include "expect.h"

#include "base/banned.h"

static const struct {
    const char *name;
    struct nv_str body, want;
} cases[] = {
    {"empty", NV_STR_INIT(""), NV_STR_INIT("")},
    {"nothing to join", NV_STR_INIT("\x0a\x07\x0a\x01x\x12\x02\x18\x01"),
     NV_STR_INIT("\x0a\x07\x0a\x01x\x12\x02\x18\x01")},
    {"resource in two", NV_STR_INIT("\x0a\x09\x0a\x01x\x12\x00\x0a\x02yz"),
     NV_STR_INIT("\x0a\x07\x0a\x03xyz\x12\x00")},
    {"scope in two", NV_STR_INIT("\x0a\x0a\x12\x08\x0a\x01x\x12\x00\x0a\x01y"),
     NV_STR_INIT("\x0a\x08\x12\x06\x0a\x02xy\x12\x00")},
    {"library in two", NV_STR_INIT("\x0a\x0b\xc2\x3e\x08\x0a\x01x\x12\x00\x0a\x01y"),
     NV_STR_INIT("\x0a\x09\xc2\x3e\x06\x0a\x02xy\x12\x00")},
    {"groups and unknown fields stay",
     NV_STR_INIT("\x78\x01\x0a\x08\x7b\x7c\x78\x05\x12\x02\x18\x01"),
     NV_STR_INIT("\x78\x01\x0a\x08\x7b\x7c\x78\x05\x12\x02\x18\x01")},
};

START_TEST(joined)
{
    struct nv_buf out;
    nv_buf_init(&out, 1000);
    ck_assert_int_eq(nv_merge_split(NV_SIGNAL_TRACES, cases[_i].body, &out), NV_OK);
    ck_assert_msg(nv_str_eq(nv_buf_str(&out), cases[_i].want), "%s", cases[_i].name);
    nv_buf_release(&out);
}
END_TEST

START_TEST(no_room)
{
    struct nv_buf out;
    struct nv_str body = NV_STR("\x0a\x07\x0a\x01x\x12\x02\x18\x01");
    for (size_t max = 0; max < body.len; max++) {
        nv_buf_init(&out, max);
        ck_assert_int_eq(nv_merge_split(NV_SIGNAL_TRACES, body, &out), NV_ERR_LIMIT);
        nv_buf_release(&out);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/merge");
    TCase *tc = tcase_create("merge");
    tcase_add_loop_test(tc, joined, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tc, no_room);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
