/*
 * JSON text in JSON text: how deep a step looks, what stays as it is, what is still exact.
 */
#include "tests/support/expect.h"

#include "mapping/engine/transform_steps.h"

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

static struct nv_transformed parse(struct nv_value value)
{
    const struct nv_transform transform = {.arena = arena};
    struct nv_transformed io = {.value = value, .exact = true};
    ck_assert_int_eq(nv_step_parse(&transform, NV_REPR_DATA, &io), NV_OK);
    return io;
}

START_TEST(two_layers_are_undone)
{
    struct nv_transformed once = parse(nv_value_string(NV_STR("{\"a\": 1}")));
    ck_assert_int_eq(once.value.type, NV_VALUE_MAP);
    ck_assert(once.exact);
    struct nv_transformed twice = parse(nv_value_string(NV_STR(" \"[1, 2]\"")));
    ck_assert_int_eq(twice.value.type, NV_VALUE_ARRAY);
    ck_assert(!twice.exact);
    struct nv_transformed thrice = parse(nv_value_string(NV_STR("\"\\\"[1]\\\"\"")));
    ck_assert_int_eq(thrice.value.type, NV_VALUE_STRING);
    ck_assert(nv_str_eq(thrice.value.as.string, NV_STR("[1]")));
}
END_TEST

START_TEST(other_texts_and_values_stay)
{
    static const char *const texts[] = {"", "  ", "plain", "{broken", "26"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct nv_transformed io = parse(nv_value_string(nv_str_from(texts[i])));
        ck_assert_int_eq(io.value.type, NV_VALUE_STRING);
        ck_assert(nv_str_eq(io.value.as.string, nv_str_from(texts[i])));
        ck_assert(io.exact && !io.absent);
    }
    ck_assert_int_eq(parse(nv_value_int(1)).value.type, NV_VALUE_INT);
    ck_assert_int_eq(parse(nv_value_json(NV_STR("[1]"))).value.type, NV_VALUE_ARRAY);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    struct nv_arena *none = nv_arena_new(1);
    const struct nv_transform transform = {.arena = none};
    struct nv_transformed io = {.value = nv_value_string(NV_STR("[1, 2, 3]")), .exact = true};
    ck_assert_int_eq(nv_step_parse(&transform, NV_REPR_DATA, &io), NV_ERR_NO_MEMORY);
    nv_arena_free(none);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/step");
    TCase *tcase = tcase_create("step");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, two_layers_are_undone);
    tcase_add_test(tcase, other_texts_and_values_stay);
    tcase_add_test(tcase, no_memory_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
