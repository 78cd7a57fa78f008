/*
 * See mapping_steps.h. The steps come from the parser of tables, so that a test reads as a row;
 * the span starts at 2023-11-14T22:13:20Z.
 */
#include "tests/support/mapping_steps.h"

#include "mapping/rules/rule_parse.h"
#include "mapping/engine/transform_steps.h"
#include "tests/support/expect.h"

#include <stdio.h>

#include "base/banned.h"

void check_steps(const struct step_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct nv_arena *arena = nv_arena_new(1 << 20);
        struct nv_rule_draft draft;
        char row[512], in[1024];
        snprintf(row, sizeof row, "k | span | | llm.x | %s | 1", cases[i].steps);
        snprintf(in, sizeof in, "%s", cases[i].in);
        for (char *c = in; *c; c++)
            *c = *c == '\'' ? '"' : *c;
        nv_rule_draft_init(&draft, arena);
        ck_assert_int_eq(nv_rule_parse(&draft, NV_STR("t"), nv_str_from(row), false, NULL),
                         NV_OK);
        struct nv_value value;
        ck_assert_int_eq(nv_value_from_json(arena, nv_str_from(in), NULL, &value), NV_OK);
        struct nv_transform transform = {.arena = arena,
                                         .start_ns = UINT64_C(1700000000000000000)};
        struct nv_transformed result;
        ck_assert_int_eq(
            nv_transform_run(&transform, draft.steps, draft.step_count, &value, &result),
            NV_OK);
        ck_assert_msg(result.absent == (cases[i].out == NULL), "%s on %s: absent %d",
                      cases[i].steps, cases[i].in, result.absent);
        if (cases[i].out) {
            struct nv_buf got;
            struct nv_json_writer writer;
            char want[1024];
            snprintf(want, sizeof want, "%s", cases[i].out);
            for (char *c = want; *c; c++)
                *c = *c == '\'' ? '"' : *c;
            nv_buf_init(&got, 1 << 20);
            nv_json_write_init(&writer, &got);
            nv_value_write(&writer, &result.value);
            ck_assert_json_eq(nv_buf_str(&got), nv_str_from(want));
            ck_assert_msg(result.exact == cases[i].exact, "%s on %s: exact %d", cases[i].steps,
                          cases[i].in, result.exact);
            nv_buf_release(&got);
        }
        nv_arena_free(arena);
    }
}
