/*
 * A batch frees all that it owns, whatever of it is there; leaks show under the asan preset.
 */
#include "expect.h"
#include "oom.h"

#include "model/batch.h"

#include <stdlib.h>

#include "base/banned.h"

START_TEST(frees_what_is_there)
{
    nv_batch_free(NULL);
    nv_batch_free(calloc(1, sizeof(struct nv_batch)));
    struct nv_batch *batch = calloc(1, sizeof *batch);
    ck_assert_ptr_nonnull(batch);
    batch->body = malloc(10);
    batch->items = calloc(2, sizeof *batch->items);
    batch->groups = calloc(1, sizeof *batch->groups);
    batch->project = nv_str_from(strdup("project"));
    nv_batch_free(batch);
}
END_TEST

/* Freed as one, or, when the index grew out of it, as two: asan tells of either mistake. */
START_TEST(items_inside_go_with_the_batch)
{
    struct nv_batch *batch = nv_batch_new(NV_SIGNAL_LOGS, 3);
    ck_assert_int_eq(batch->signal, NV_SIGNAL_LOGS);
    ck_assert_ptr_null(batch->items);
    ck_assert_uint_eq(batch->items_inside, 3);
    batch->items = nv_batch_room_inside(batch);
    memset(batch->items, 1, 3 * sizeof *batch->items);
    batch->item_count = 3;
    nv_batch_drop_index(batch);
    ck_assert_ptr_null(batch->items);
    ck_assert_uint_eq(batch->items_inside, 3); /* the room is still there */
    batch->items = calloc(4, sizeof *batch->items);
    nv_batch_free(batch);
}
END_TEST

START_TEST(a_batch_that_finds_no_memory)
{
    oom_fail_nth(1);
    struct nv_batch *batch = nv_batch_new(NV_SIGNAL_TRACES, 1);
    ck_assert(oom_end());
    ck_assert_ptr_null(batch);
}
END_TEST

START_TEST(a_project_is_copied_where_it_can_be_one)
{
    char name[NV_BATCH_PROJECT_MAX + 1];
    memset(name, 'p', sizeof name);
    for (size_t len = 0; len <= sizeof name; len++) {
        struct nv_batch *batch = calloc(1, sizeof *batch);
        ck_assert_ptr_nonnull(batch);
        ck_assert_int_eq(nv_batch_set_project(batch, (struct nv_str){name, len}), NV_OK);
        ck_assert_uint_eq(batch->project.len, len <= 256 ? len : 0);
        ck_assert(batch->project.ptr != name);
        nv_batch_free(batch);
    }
    struct nv_batch bare = {0};
    oom_fail_nth(1);
    ck_assert_int_eq(nv_batch_set_project(&bare, NV_STR("shop")), NV_ERR_NO_MEMORY);
    ck_assert(oom_end());
    ck_assert_ptr_null(bare.project.ptr);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/batch");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, frees_what_is_there);
    tcase_add_test(tcase, items_inside_go_with_the_batch);
    tcase_add_test(tcase, a_batch_that_finds_no_memory);
    tcase_add_test(tcase, a_project_is_copied_where_it_can_be_one);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
