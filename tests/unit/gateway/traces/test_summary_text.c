/*
 * Texts of a trace: each once, within the cap.
 */
#include "expect.h"

#include "base/arena.h"
#include "base/limits.h"
#include "gateway/traces/summary_text.h"

#include "base/banned.h"

/* as in the source */
#define EDGE_NAME_MAX NV_CAP_KIB(4)

static struct nv_arena *arena;
static struct nv_texts texts;
static struct nv_buf out;

static void set_up(void)
{
    arena = nv_arena_new(1u << 20);
    texts = (struct nv_texts){.out = &out};
    nv_buf_init(&out, 60);
}

static void tear_down(void)
{
    nv_buf_release(&out);
    nv_arena_free(arena);
}

static struct nv_value value_of(const char *json)
{
    struct nv_value value;
    ck_assert_int_eq(nv_value_from_json(arena, nv_str_from(json), NULL, &value), NV_OK);
    return value;
}

START_TEST(a_long_text_is_kept_once)
{
    nv_texts_add(&texts, NV_STR("a text of some length"));
    nv_texts_add(&texts, NV_STR("a text of some length"));
    nv_texts_add(&texts, NV_STR(""));
    ck_assert_nv_str(nv_buf_str(&out), "a text of some length\n");
}
END_TEST

START_TEST(texts_are_found_at_any_depth_but_not_keys)
{
    struct nv_value value = value_of("{\"key\":[1,\"one\",{\"deep\":\"two\"}],\"n\":null}");
    nv_texts_add_value(&texts, &value);
    ck_assert_nv_str(nv_buf_str(&out), "one\ntwo\n");
}
END_TEST

START_TEST(past_the_cap_the_rest_is_cut_at_a_character)
{
    char text[59];
    memset(text, 'x', 57);
    memcpy(text + 57, "\xc3\xa4", 2);
    nv_texts_add(&texts, (struct nv_str){text, 59});
    ck_assert_uint_eq(out.len, 60); /* 59 and a newline: it just fits */
    nv_buf_clear(&out);
    nv_texts_add(&texts, NV_STR("y"));
    nv_texts_add(&texts, (struct nv_str){text + 1, 58});
    ck_assert_uint_eq(out.len, 59); /* the last character has two bytes, one place was left */
    nv_texts_add(&texts, NV_STR("more"));
    ck_assert_uint_eq(out.len, 59);
    ck_assert_int_eq(out.failed, NV_OK);
}
END_TEST

START_TEST(an_edge_is_named_by_its_ends)
{
    static char from[EDGE_NAME_MAX];
    const size_t others = sizeof "[\"\",\"c\",\"x\"]" - 1;
    memset(from, 'a', sizeof from);
    struct nv_str name =
        nv_summary_edge_name(arena, NV_STR("a \"b\""), NV_STR("c"), NV_STR("handoff"));
    ck_assert_nv_str(name, "[\"a \\\"b\\\"\",\"c\",\"handoff\"]");
    ck_assert_uint_eq(nv_summary_edge_name(arena, NV_STR(""), NV_STR("c"), NV_STR("x")).len, 0);
    ck_assert_uint_eq(nv_summary_edge_name(arena, NV_STR("c"), NV_STR(""), NV_STR("x")).len, 0);
    struct nv_str longest = {from, EDGE_NAME_MAX - others};
    ck_assert_uint_eq(nv_summary_edge_name(arena, longest, NV_STR("c"), NV_STR("x")).len,
                      EDGE_NAME_MAX);
    longest.len++;
    ck_assert_uint_eq(nv_summary_edge_name(arena, longest, NV_STR("c"), NV_STR("x")).len, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/traces/summary_text");
    TCase *tcase = tcase_create("texts");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_long_text_is_kept_once);
    tcase_add_test(tcase, texts_are_found_at_any_depth_but_not_keys);
    tcase_add_test(tcase, past_the_cap_the_rest_is_cut_at_a_character);
    tcase_add_test(tcase, an_edge_is_named_by_its_ends);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
