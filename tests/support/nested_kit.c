/* One of all that is needed (nested_kit.h). */
#include "nested_kit.h"

#include "expect.h"

#include "base/banned.h"

struct nv_arena *kit_arena;
struct nv_personal *kit_rules;
struct nv_nested *kit_nested;
struct nv_personal_counts kit_counts;

void kit_nested_set_up(void)
{
    const struct nv_personal_setup setup = {.mode = NV_PERSONAL_PSEUDONYMISE,
                                            .salt = NV_STR("test-salt-1")};
    kit_arena = nv_arena_new((size_t)1 << 30);
    memset(&kit_counts, 0, sizeof kit_counts);
    ck_assert_int_eq(nv_personal_new(&setup, &kit_rules, NULL), NV_OK);
    kit_nested = nv_nested_new(kit_rules);
    ck_assert_ptr_nonnull(kit_nested);
}

void kit_nested_tear_down(void)
{
    nv_nested_free(kit_nested);
    nv_personal_free(kit_rules);
    nv_arena_free(kit_arena);
}

struct nv_str kit_nested_text(struct nv_str text, enum nv_nested_numbers numbers)
{
    ck_assert_int_eq(nv_nested_text(kit_nested, kit_arena, numbers, &text, &kit_counts), NV_OK);
    return text;
}

void kit_nested_becomes(const char *text, const char *becomes)
{
    const char *wanted = becomes ? becomes : text;
    struct nv_str made = kit_nested_text(nv_str_from(text), NV_NESTED_ALL);
    ck_assert_nv_str(made, wanted);
    ck_assert((made.ptr == text) == (becomes == NULL));
    ck_assert_nv_str(kit_nested_text(made, NV_NESTED_ALL), wanted);
}
