/*
 * Tool calls: each row of tool_calls.json is one shape, captured or after its documentation,
 * and the list that must come of it; a call has a place for everything, so none is partial. The
 * questions asked of each row are list_table.h's.
 */
#include "deep.h"
#include "expect.h"
#include "list_table.h"
#include "mapping/content/tools.h"

#include "base/banned.h"

static enum nv_err list_of(struct nv_arena *arena, const struct nv_value *in,
                           struct nv_test_list *out)
{
    out->partial = false;
    return nv_tool_calls_normalise(arena, in, &out->list);
}

/* As tool_calls.c has it. */
#define CALL_DEPTH_MAX 6u

/* Lists in lists, to the depth; what is deeper stays as it was sent. */
START_TEST(lists_to_the_depth)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    for (unsigned more = 0; more < 2; more++) {
        struct nv_value list;
        const struct nv_value in =
            nv_test_deep(arena, CALL_DEPTH_MAX + more, "[", "{\"name\":\"f\"}", "]");
        ck_assert_int_eq(nv_tool_calls_normalise(arena, &in, &list), NV_OK);
        ck_assert_uint_eq(list.as.array.count, 1);
        ck_assert_int_eq(list.as.array.items[0].type,
                         more == 0 ? NV_VALUE_MAP : NV_VALUE_ARRAY);
    }
    nv_arena_free(arena);
}
END_TEST

int main(void)
{
    TCase *tcase;
    Suite *suite =
        nv_test_list_suite("tool_calls", "tests/unit/mapping/tool_calls.json", list_of, &tcase);
    tcase_add_test(tcase, lists_to_the_depth);
    return nv_test_run(suite);
}
