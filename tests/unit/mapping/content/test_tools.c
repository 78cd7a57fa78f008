/*
 * Tool definitions: each row of tools.json is one shape, captured or after its documentation,
 * and the list that must come of it (the table of list_table.h). Then the cap.
 */
#include "deep.h"
#include "expect.h"
#include "list_table.h"
#include "mapping/content/tools.h"

#include "base/banned.h"

#define ARENA_MAX ((size_t)64 << 20)

static enum nv_err list_of(struct nv_arena *arena, const struct nv_value *in,
                           struct nv_test_list *out)
{
    return nv_tools_normalise(arena, in, &out->list, &out->partial);
}

START_TEST(test_cap)
{
    struct nv_buf buf;
    nv_buf_init(&buf, SIZE_MAX);
    for (unsigned i = 0; i < NV_TOOLS_MAX + 5; i++)
        ck_assert_int_eq(nv_buf_printf(&buf, "%c\"t%u\"", i == 0 ? '[' : ',', i), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(&buf, ']'), NV_OK);
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    const struct nv_value in = nv_value_string(nv_buf_str(&buf));
    struct nv_value tools;
    bool partial;
    ck_assert_int_eq(nv_tools_normalise(arena, &in, &tools, &partial), NV_OK);
    ck_assert_uint_eq(tools.as.array.count, NV_TOOLS_MAX);
    ck_assert(partial);
    nv_arena_free(arena);
    nv_buf_release(&buf);
}
END_TEST

/* As tools.c has them. */
#define TOOLS_DEPTH_MAX 8u
#define NAME_BYTES_MAX 128u

START_TEST(test_depth)
{
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    for (unsigned more = 0; more < 2; more++) {
        struct nv_value tools;
        bool partial;
        const struct nv_value in =
            nv_test_deep(arena, TOOLS_DEPTH_MAX + more, "[", "{\"name\":\"f\"}", "]");
        ck_assert_int_eq(nv_tools_normalise(arena, &in, &tools, &partial), NV_OK);
        ck_assert_uint_eq(tools.as.array.count, 1 - more);
        ck_assert_int_eq(partial, more == 1);
    }
    nv_arena_free(arena);
}
END_TEST

START_TEST(test_names_to_their_length)
{
    char name[NAME_BYTES_MAX + 1];
    memset(name, 'x', sizeof name);
    for (unsigned more = 0; more < 2; more++) {
        struct nv_arena *arena = nv_arena_new(ARENA_MAX);
        struct nv_value item = nv_value_string((struct nv_str){name, NAME_BYTES_MAX + more});
        const struct nv_value in = {.type = NV_VALUE_ARRAY, .as.array = {&item, 1}};
        struct nv_value tools;
        bool partial;
        ck_assert_int_eq(nv_tools_normalise(arena, &in, &tools, &partial), NV_OK);
        ck_assert_uint_eq(tools.as.array.count, 1 - more);
        ck_assert_int_eq(partial, more == 1); /* it is told, as it came */
        nv_arena_free(arena);
    }
}
END_TEST

int main(void)
{
    TCase *tcase;
    Suite *suite =
        nv_test_list_suite("tools", "tests/unit/mapping/tools.json", list_of, &tcase);
    tcase_add_test(tcase, test_cap);
    tcase_add_test(tcase, test_depth);
    tcase_add_test(tcase, test_names_to_their_length);
    return nv_test_run(suite);
}
