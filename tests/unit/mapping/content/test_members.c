/*
 * Member look-up: ids of all spellings, what counts as empty, and what is left over.
 */
#include "cases.h"
#include "expect.h"
#include "mapping/content/members.h"

#include "base/banned.h"

static struct nv_arena *arena;

static void set_up(void)
{
    arena = nv_arena_new((size_t)1 << 20);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static struct nv_value parse(const char *json)
{
    struct nv_value value;
    ck_assert_int_eq(nv_value_from_json(arena, nv_str_from(json), NULL, &value), NV_OK);
    return value;
}

static const struct {
    const char *key;
    enum nv_member id;
} spellings[] = {
#define SPELLING(id, key) {key, NV_MEMBER_##id},
    NV_MEMBER_TABLE(SPELLING)
#undef SPELLING
};

START_TEST(test_every_spelling_is_found)
{
    struct nv_attribute member = {nv_str_from(spellings[_i].key), nv_value_int(7)};
    const struct nv_value map = {.type = NV_VALUE_MAP, .as.map = {&member, 1}};
    struct nv_members members;
    nv_members_find(&map, &members);
    ck_assert_uint_eq(members.mask, UINT64_C(1) << spellings[_i].id);
    ck_assert_ptr_eq(nv_members_get(&members, spellings[_i].id), &member.value);
}
END_TEST

START_TEST(test_unknown_empty_and_not_a_map)
{
    struct nv_members members;
    struct nv_value map = parse("{\"\":1,\"rol\":1,\"roles\":1,\"role\":\"\",\"content\":[],"
                                "\"text\":null,\"id\":{},\"arguments\":{}}");
    nv_members_find(&map, &members);
    ck_assert_uint_eq(members.mask, NV_HAS(ARGUMENTS));
    map = nv_value_int(1);
    nv_members_find(&map, &members);
    ck_assert_uint_eq(members.mask, 0);
}
END_TEST

START_TEST(test_first_spelling_that_says_something_counts)
{
    const struct nv_value map =
        parse("{\"toolCallId\":\"\",\"call_id\":\"a\",\"tool_use_id\":\"b\",\"content\":1}");
    struct nv_members members;
    nv_members_find(&map, &members);
    ck_assert_nv_str(nv_members_text(&members, NV_MEMBER_CALL_ID), "a");
    ck_assert_nv_str(nv_members_text(&members, NV_MEMBER_CONTENT), "");
    ck_assert_nv_str(nv_members_text(&members, NV_MEMBER_ROLE), "");
    ck_assert_ptr_null(nv_members_first(&members, NV_HAS(ROLE) | NV_HAS(TYPE)));
    const struct nv_value *first =
        nv_members_first(&members, NV_HAS(CALL_ID) | NV_HAS(CONTENT));
    ck_assert_int_eq(first->as.integer, 1);
    struct nv_attributes rest = {0};
    ck_assert_int_eq(nv_members_rest(arena, &map, &members, NV_HAS(CALL_ID), &rest), NV_OK);
    ck_assert_uint_eq(rest.count, 2);
    ck_assert_nv_str(rest.items[0].key, "tool_use_id");
    ck_assert_nv_str(rest.items[1].key, "content");
}
END_TEST

static const struct {
    const char *json;
    bool empty;
} values[] = {{"null", true},   {"\"\"", true},    {"[]", true},
              {"{}", true},     {"0", false},      {"false", false},
              {"\" \"", false}, {"[null]", false}, {"0.0", false}};

START_TEST(test_empty)
{
    const struct nv_value value = parse(values[_i].json);
    ck_assert_msg(nv_value_empty(&value) == values[_i].empty, "%s", values[_i].json);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("members");
    TCase *tcase = tcase_create("members");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_every_spelling_is_found, 0,
                        (int)(sizeof spellings / sizeof spellings[0]));
    tcase_add_test(tcase, test_unknown_empty_and_not_a_map);
    tcase_add_test(tcase, test_first_spelling_that_says_something_counts);
    tcase_add_loop_test(tcase, test_empty, 0, (int)(sizeof values / sizeof values[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
