/*
 * Retrieved documents: each row of documents.json is one shape, captured or after its
 * documentation, and the list that must come of it. Then memory.
 */
#include "cases.h"
#include "expect.h"
#include "oom.h"
#include "mapping/documents.h"

#include <stdlib.h>

#include "base/banned.h"

#define ARENA_MAX ((size_t)256 << 20)

static const struct nv_array *cases;

static void check_json(struct nv_str name, const struct nv_value *got,
                       const struct nv_value *expected)
{
    struct nv_buf left, right;
    char why[512];
    const bool same =
        nv_test_json_eq(nv_test_json(got, &left), nv_test_json(expected, &right), why, sizeof why);
    ck_assert_msg(same, "%.*s: %s\ngot %.*s", NV_STR_ARG(name), why, (int)left.len, left.bytes);
    nv_buf_release(&left);
    nv_buf_release(&right);
}

START_TEST(test_shape)
{
    const struct nv_value *test = &cases->items[_i];
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    struct nv_documents documents;
    ck_assert_int_eq(nv_documents_normalise(arena, nv_test_member(test, "in"), &documents), NV_OK);
    check_json(nv_test_text(test, "name"), &documents.list, nv_test_member(test, "expected"));
    const struct nv_value none = {.type = NV_VALUE_ARRAY};
    const struct nv_value *scores = nv_test_member(test, "scores");
    check_json(nv_test_text(test, "name"), &documents.scores,
               scores->type == NV_VALUE_NULL ? &none : scores);
    ck_assert_msg(documents.partial == (nv_test_member(test, "partial")->type != NV_VALUE_NULL),
                  "%.*s: partial is %d", NV_STR_ARG(nv_test_text(test, "name")), documents.partial);
    nv_arena_free(arena);
}
END_TEST

/* What was written is read as itself. */
START_TEST(test_canonical_is_stable)
{
    const struct nv_value *test = &cases->items[_i];
    const struct nv_value *expected = nv_test_member(test, "expected");
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    struct nv_documents again;
    ck_assert_int_eq(nv_documents_normalise(arena, expected, &again), NV_OK);
    check_json(nv_test_text(test, "name"), &again.list, expected);
    nv_arena_free(arena);
}
END_TEST

START_TEST(test_every_allocation_may_fail)
{
    const struct nv_value *test = &cases->items[_i];
    for (unsigned long n = 1;; n++) {
        struct nv_arena *arena = nv_arena_new(ARENA_MAX);
        struct nv_documents documents;
        oom_fail_nth(n);
        enum nv_err err = nv_documents_normalise(arena, nv_test_member(test, "in"), &documents);
        const bool failed = oom_end();
        nv_arena_free(arena);
        if (!failed) {
            ck_assert_int_eq(err, NV_OK);
            return;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    }
}
END_TEST

int main(void)
{
    cases = nv_test_cases("tests/unit/mapping/documents.json");
    const int count = (int)cases->count;
    Suite *suite = suite_create("documents");
    TCase *tcase = tcase_create("documents");
    tcase_add_loop_test(tcase, test_shape, 0, count);
    tcase_add_loop_test(tcase, test_canonical_is_stable, 0, count);
    tcase_add_loop_test(tcase, test_every_allocation_may_fail, 0, count);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
