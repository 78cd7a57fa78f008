/*
 * Tool calls: each row of tool_calls.json is one shape, captured or after its documentation,
 * and the list that must come of it; a call has a place for everything, so none is partial. The
 * questions asked of each row are list_table.h's.
 */
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

int main(void)
{
    TCase *tcase;
    return nv_test_run(nv_test_list_suite("tool_calls", "tests/unit/mapping/tool_calls.json",
                                          list_of, &tcase));
}
