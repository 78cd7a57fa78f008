/*
 * Retrieved documents: each row of documents.json is one shape, captured or after its
 * documentation, and the list that must come of it (the table of list_table.h); here besides,
 * the `scores` of the documents.
 */
#include "deep.h"
#include "expect.h"
#include "list_table.h"
#include "mapping/content/documents.h"

#include "base/banned.h"

#define ARENA_MAX ((size_t)64 << 20)
#define CASES "tests/unit/mapping/documents.json"

static const struct nv_array *cases; /* read once: without forks they would add up */

static enum nv_err list_of(struct nv_arena *arena, const struct nv_value *in,
                           struct nv_test_list *out)
{
    struct nv_documents documents = {0};
    enum nv_err err = nv_documents_normalise(arena, in, &documents);
    *out = (struct nv_test_list){documents.list, documents.partial};
    return err;
}

START_TEST(test_scores)
{
    const struct nv_value *test = &cases->items[_i];
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    struct nv_documents documents;
    ck_assert_int_eq(nv_documents_normalise(arena, nv_test_member(test, "in"), &documents),
                     NV_OK);
    ck_assert_int_eq(documents.scores.type, NV_VALUE_ARRAY);
    if (documents.scores.as.array.count > 0 ||
        nv_test_member(test, "scores")->type != NV_VALUE_NULL)
        nv_test_expect_member(test, "scores", &documents.scores);
    nv_arena_free(arena);
}
END_TEST

/* As documents.c has it. */
#define DOCUMENTS_DEPTH_MAX 6u

/* One document inside another, to the depth; what is deeper stays a member of its own. */
START_TEST(documents_inside_to_the_depth)
{
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    for (unsigned more = 0; more < 2; more++) {
        struct nv_documents documents;
        const struct nv_value in =
            nv_test_deep(arena, DOCUMENTS_DEPTH_MAX + more,
                         "{\"node\":", "{\"id\":\"d\",\"text\":\"t\"}", "}");
        ck_assert_int_eq(nv_documents_normalise(arena, &in, &documents), NV_OK);
        ck_assert_uint_eq(documents.list.as.array.count, 1);
        const struct nv_value *id = nv_map_get(&documents.list.as.array.items[0], NV_STR("id"));
        ck_assert_int_eq(id != NULL, more == 0);
    }
    nv_arena_free(arena);
}
END_TEST

/* As many as the cap, and one more: that one is left off, and the list says so. */
START_TEST(as_many_as_the_cap)
{
    const uint32_t count = NV_DOCUMENTS_MAX + (uint32_t)_i;
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    struct nv_value *items = nv_arena_array(arena, count, sizeof *items);
    struct nv_documents documents;
    ck_assert_ptr_nonnull(items);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_int_eq(nv_value_from_json(arena,
                                            NV_STR("{\"id\":\"d\",\"content\":\"text\"}"), NULL,
                                            &items[i]),
                         NV_OK);
    }
    const struct nv_value in = {.type = NV_VALUE_ARRAY, .as.array = {items, count}};
    ck_assert_int_eq(nv_documents_normalise(arena, &in, &documents), NV_OK);
    ck_assert_uint_eq(documents.list.as.array.count, NV_DOCUMENTS_MAX);
    ck_assert_int_eq(documents.partial, _i == 1);
    nv_arena_free(arena);
}
END_TEST

int main(void)
{
    TCase *tcase;
    Suite *suite = nv_test_list_suite("documents", CASES, list_of, &tcase);
    cases = nv_test_cases(CASES);
    tcase_add_loop_test(tcase, test_scores, 0, (int)cases->count);
    tcase_add_loop_test(tcase, as_many_as_the_cap, 0, 2);
    tcase_add_test(tcase, documents_inside_to_the_depth);
    return nv_test_run(suite);
}
