/*
 * Growing lists: order, growth past every capacity, joined texts, no memory.
 */
#include "arena_oom.h"
#include "tests/support/expect.h"

#include "mapping/content/values.h"

#include "base/banned.h"

static struct nv_arena *arena;

static void setup(void)
{
    arena = nv_arena_new(1 << 22);
}

static void teardown(void)
{
    nv_arena_free(arena);
}

START_TEST(order_is_kept_while_it_grows)
{
    struct nv_values values = {0};
    for (int64_t i = 0; i < 1000; i++)
        ck_assert_int_eq(nv_values_push(&values, arena, nv_value_int(i)), NV_OK);
    ck_assert_uint_eq(values.count, 1000);
    for (int64_t i = 0; i < 1000; i++)
        ck_assert_int_eq(values.items[i].as.integer, i);
}
END_TEST

START_TEST(texts_are_joined)
{
    static const char *const wanted[] = {"", "a", "a, ", "a, , c"};
    const struct nv_value texts[] = {nv_value_string(NV_STR("a")), nv_value_string(NV_STR("")),
                                     nv_value_string(NV_STR("c"))};
    struct nv_values values = {0};
    for (unsigned i = 0; i < 4; i++) {
        struct nv_str joined;
        ck_assert_int_eq(nv_values_join(&values, arena, NV_STR(", "), &joined), NV_OK);
        ck_assert_msg(nv_str_eq(joined, nv_str_from(wanted[i])), "%u: \"%.*s\"", i,
                      NV_STR_ARG(joined));
        if (i < 3)
            ck_assert_int_eq(nv_values_push(&values, arena, texts[i]), NV_OK);
    }
}
END_TEST

static enum nv_err attempt(void *ctx, struct nv_arena *given)
{
    (void)ctx;
    struct nv_values values = {0};
    struct nv_str joined;
    enum nv_err err = NV_OK;
    for (unsigned i = 0; err == NV_OK && i < 40; i++)
        err = nv_values_push(&values, given, nv_value_string(NV_STR("text")));
    return err != NV_OK ? err : nv_values_join(&values, given, NV_STR(", "), &joined);
}

START_TEST(no_memory_is_an_error)
{
    nv_test_oom_each(attempt, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/values");
    TCase *tcase = tcase_create("values");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, order_is_kept_while_it_grows);
    tcase_add_test(tcase, texts_are_joined);
    tcase_add_test(tcase, no_memory_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
