/*
 * Scalars as text and as numbers: every type a sender may choose, quotes, escapes, what is
 * none.
 */
#include "tests/support/expect.h"

#include "model/scalar.h"

#include <math.h>

#include "base/banned.h"

static struct nv_arena *arena;

static void setup(void)
{
    arena = nv_arena_new(1 << 20);
}

static void teardown(void)
{
    nv_arena_free(arena);
}

START_TEST(texts)
{
    const struct {
        struct nv_value in;
        const char *text;
    } cases[] = {{nv_value_string(NV_STR("26")), "26"},
                 {nv_value_string(NV_STR("\"26\"")), "26"},
                 {nv_value_string(NV_STR("\"a\\nb\"")), "a\nb"},
                 {nv_value_string(NV_STR("\"")), "\""},
                 {nv_value_string(NV_STR("a\\nb")), "a\\nb"},
                 {nv_value_int(INT64_MIN), "-9223372036854775808"},
                 {nv_value_double(0.5), "0.5"},
                 {nv_value_bool(true), "true"},
                 {nv_value_bool(false), "false"},
                 {nv_value_null(), ""},
                 {(struct nv_value){.type = NV_VALUE_MAP}, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nv_str text = nv_value_text(arena, &cases[i].in);
        ck_assert_msg(nv_str_eq(text, nv_str_from(cases[i].text)), "%zu: %.*s", i,
                      NV_STR_ARG(text));
    }
}
END_TEST

START_TEST(numbers)
{
    const struct {
        struct nv_value in;
        double number; /* NAN: none */
    } cases[] = {{nv_value_int(26), 26},
                 {nv_value_double(0.5), 0.5},
                 {nv_value_string(NV_STR("26")), 26},
                 {nv_value_string(NV_STR(" \"26\" ")), 26},
                 {nv_value_string(NV_STR("\" 2.5 \"")), 2.5},
                 {nv_value_string(NV_STR("0")), 0},
                 {nv_value_string(NV_STR("NaN")), NAN},
                 {nv_value_string(NV_STR("")), NAN},
                 {nv_value_string(NV_STR("26 tokens")), NAN},
                 {nv_value_double(INFINITY), NAN},
                 {nv_value_bool(true), NAN},
                 {nv_value_null(), NAN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double number = 0;
        const bool wanted = !isnan(cases[i].number);
        ck_assert_msg(nv_value_number(&cases[i].in, &number) == wanted, "%zu", i);
        if (wanted)
            ck_assert_double_eq(number, cases[i].number);
    }
}
END_TEST

START_TEST(no_memory_is_told)
{
    struct nv_arena *none = nv_arena_new(1);
    const struct nv_value in[] = {nv_value_int(26), nv_value_string(NV_STR("\"a\\nb\""))};
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) {
        struct nv_str text = nv_value_text(none, &in[i]);
        ck_assert(!text.ptr && text.len > 0);
    }
    nv_arena_free(none);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/scalar");
    TCase *tcase = tcase_create("scalar");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, texts);
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, no_memory_is_told);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
