/*
 * Packing: caps on traces and bytes at the cap and one past it, the envelope, splitting.
 */
#include "expect.h"
#include "oom.h"

#include "base/clock.h"
#include "exporter/encode/pack.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/banned.h"

static struct nv_encoded_list list_of(unsigned count)
{
    struct nv_encoded_list list = {0};

    for (unsigned i = 0; i < count; i++)
        nv_encoded_list_push(&list, nv_encoded_new(NV_STR("{\"a\":1}"), 1));
    return list;
}

static void free_list(struct nv_encoded_list *list)
{
    struct nv_encoded *encoded;

    while ((encoded = nv_encoded_list_pop(list)) != NULL)
        free(encoded);
}

static void drop(struct nv_body *body)
{
    free_list(&body->traces);
    nv_body_free(body);
}

static const struct {
    unsigned traces;
    struct nv_pack_limits limits;
    unsigned taken;
    bool full;
} cases[] = {
    {10, {10, 1000}, 10, true}, {11, {10, 1000}, 10, true}, {9, {10, 1000}, 9, false},
    {10, {100, 70}, 10, true},  {10, {100, 69}, 9, true},   {10, {100, 1}, 1, true},
    {10, {100, 71}, 10, false}, {1, {1, 1}, 1, true},
};

START_TEST(caps)
{
    struct nv_encoded_list list = list_of(cases[_i].traces);
    struct nv_body *body;

    ck_assert_int_eq(nv_body_is_full(&list, &cases[_i].limits), cases[_i].full);
    body = nv_body_take(&list, &cases[_i].limits);
    ck_assert_uint_eq(body->traces.count, cases[_i].taken);
    ck_assert_uint_eq(list.count, cases[_i].traces - cases[_i].taken);
    drop(body);
    free_list(&list);
}
END_TEST

START_TEST(envelope)
{
    const struct nv_pack_limits limits = {3, 1000};
    struct nv_encoded_list list = list_of(2);
    struct nv_body *body = nv_body_take(&list, &limits);
    struct nv_buf buf;

    nv_buf_init(&buf, SIZE_MAX);
    ck_assert_int_eq(nv_body_write(body, UINT64_C(1795357252) * NV_NS_PER_S + 900000999, &buf),
                     NV_OK);
    ck_assert_nv_str(nv_buf_str(&buf),
                     "{\"traces\":[{\"a\":1},{\"a\":1}],\"timestamp\":1795357252.900000}");
    nv_buf_release(&buf);
    nv_buf_init(&buf, 40);
    ck_assert_int_eq(nv_body_write(body, 0, &buf), NV_ERR_LIMIT);
    nv_buf_release(&buf);
    drop(body);
}
END_TEST

START_TEST(split_in_halves)
{
    const struct nv_pack_limits limits = {100, 10000};
    struct nv_encoded_list list = list_of((unsigned)_i);
    struct nv_body *body = nv_body_take(&list, &limits), *half;

    body->identity = true;
    oom_fail_nth(1);
    half = nv_body_split(body);
    ck_assert(oom_end());
    ck_assert_ptr_null(half);
    ck_assert_int_eq(body->traces.count, _i);
    half = nv_body_split(body);
    ck_assert_int_eq(body->traces.count, _i / 2);
    ck_assert_int_eq(half->traces.count, _i - _i / 2);
    ck_assert(half->identity);
    drop(body);
    drop(half);
}
END_TEST

START_TEST(no_memory_leaves_the_list)
{
    const struct nv_pack_limits limits = {100, 10000};
    struct nv_encoded_list list = list_of(3);
    struct nv_body *body;

    oom_fail_nth(1);
    body = nv_body_take(&list, &limits);
    ck_assert(oom_end());
    ck_assert_ptr_null(body);
    ck_assert_uint_eq(list.count, 3);
    free_list(&list);
    nv_body_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/pack");
    TCase *tcase = tcase_create("pack");

    tcase_add_loop_test(tcase, caps, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tcase, envelope);
    tcase_add_loop_test(tcase, split_in_halves, 2, 9);
    tcase_add_test(tcase, no_memory_leaves_the_list);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
