/*
 * Lists keep their sums through every move, and facts are read off the front of a trace's JSON
 * only when it is one.
 */
#include "expect.h"
#include "oom.h"

#include "exporter/encode/encoded.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_encoded_list list_of(unsigned count)
{
    struct nv_encoded_list list = {0};

    for (unsigned i = 0; i < count; i++)
        nv_encoded_list_push(&list, nv_encoded_new(NV_STR("12345"), i));
    return list;
}

static void free_list(struct nv_encoded_list *list)
{
    struct nv_encoded *encoded;

    while ((encoded = nv_encoded_list_pop(list)) != NULL)
        free(encoded);
    ck_assert_uint_eq(list->json_bytes, 0);
    ck_assert_uint_eq(list->spans, 0);
    ck_assert_uint_eq(list->count, 0);
}

START_TEST(lists_sum_up)
{
    struct nv_encoded_list a = list_of(3), b = list_of(4), none = {0};

    nv_encoded_list_append(&a, &b);
    nv_encoded_list_append(&a, &none);
    ck_assert_uint_eq(b.count, 0);
    ck_assert_uint_eq(a.count, 7);
    ck_assert_uint_eq(a.json_bytes, 35);
    ck_assert_uint_eq(a.spans, 3 + 6);
    nv_encoded_list_append(&b, &a);
    ck_assert_uint_eq(b.count, 7);
    ck_assert_uint_eq(b.first->spans, 0);
    ck_assert_uint_eq(b.last->spans, 3);
    free_list(&b);
    ck_assert_ptr_null(nv_encoded_list_pop(&none));
}
END_TEST

START_TEST(no_memory_no_element)
{
    struct nv_encoded *encoded;

    oom_fail_nth(1);
    encoded = nv_encoded_new(NV_STR("x"), 1);
    ck_assert(oom_end());
    ck_assert_ptr_null(encoded);
}
END_TEST

static const struct {
    const char *json;
    enum nv_err err;
    const char *id, *name;
    uint64_t spans;
} cases[] = {
    {"{\"trace_id\":\"a\",\"name\":\"b\\n\",\"x\":[{}],\"span_count\":7,\"broken", NV_OK, "a",
     "b\\n", 7},
    {"{\"trace_id\":\"a\",\"span_count\":0}", NV_OK, "a", "", 0},
    {"{\"trace_id\":\"a\",\"span_count\":-1}", NV_ERR_MALFORMED, NULL, NULL, 0},
    {"{\"trace_id\":\"a\"}", NV_ERR_MALFORMED, NULL, NULL, 0},
    {"{\"trace_id\":\"\",\"span_count\":1}", NV_ERR_MALFORMED, NULL, NULL, 0},
    {"{\"span_count\":1}", NV_ERR_MALFORMED, NULL, NULL, 0},
    {"{\"trace_id\":[1,\"span_count\":1}", NV_ERR_MALFORMED, NULL, NULL, 0},
    {"[]", NV_ERR_MALFORMED, NULL, NULL, 0},
    {"", NV_ERR_MALFORMED, NULL, NULL, 0},
};

START_TEST(a_buffer_becomes_an_element)
{
    struct nv_buf buf;

    nv_buf_init(&buf, SIZE_MAX);
    ck_assert_int_eq(nv_encoded_begin(&buf), NV_OK);
    ck_assert_int_eq(nv_buf_append_str(&buf, NV_STR("{}")), NV_OK);
    oom_fail_nth(1);
    struct nv_encoded *encoded = nv_encoded_take(&buf, 7);
    /* Shrinking may fail: the element is as good. */
    ck_assert(oom_end());
    ck_assert_ptr_nonnull(encoded);
    ck_assert_nv_str(nv_encoded_json(encoded), "{}");
    ck_assert_uint_eq(encoded->spans, 7);
    ck_assert_ptr_null(encoded->claim);
    ck_assert_ptr_null(buf.bytes);
    free(encoded);
    buf.failed = NV_ERR_LIMIT;
    ck_assert_ptr_null(nv_encoded_take(&buf, 7));
    nv_buf_release(&buf);
}
END_TEST

START_TEST(facts)
{
    struct nv_encoded_facts f;

    ck_assert_int_eq(nv_encoded_read_facts(nv_str_from(cases[_i].json), &f), cases[_i].err);
    if (cases[_i].err != NV_OK)
        return;
    ck_assert_nv_str(f.trace_id, cases[_i].id);
    ck_assert_nv_str(f.name, cases[_i].name);
    ck_assert_uint_eq(f.spans, cases[_i].spans);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/encoded");
    TCase *tcase = tcase_create("encoded");

    tcase_add_test(tcase, lists_sum_up);
    tcase_add_test(tcase, no_memory_no_element);
    tcase_add_test(tcase, a_buffer_becomes_an_element);
    tcase_add_loop_test(tcase, facts, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
