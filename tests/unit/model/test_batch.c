/*
 * A batch frees all that it owns, whatever of it is there; leaks show under the asan preset.
 */
#include "expect.h"

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

int main(void)
{
    Suite *suite = suite_create("model/batch");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, frees_what_is_there);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
