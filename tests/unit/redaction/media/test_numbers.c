/*
 * Bytes as numbers: lists, objects, and lists of numbers that are no bytes.
 */
#include "expect.h"

#include "redaction/media/numbers.h"

#include "base/banned.h"

static struct nv_arena *arena;

static void set_up(void)
{
    arena = nv_arena_new(1u << 20);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

#define HEAD "137,80,78,71,13,10,26,10"
#define REST ",0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,255"

static bool is_media(struct nv_str json, const struct nv_media_said *said,
                     struct nv_value *bytes)
{
    struct nv_value value;
    bool is = false;
    ck_assert_int_eq(nv_value_from_json(arena, json, NULL, &value), NV_OK);
    if (nv_media_may_be_numbers(&value))
        ck_assert_int_eq(nv_media_numbers(arena, &value, said, bytes, &is), NV_OK);
    return is;
}

START_TEST(lists_and_objects)
{
    const struct nv_media_said nothing = {.kind = {NULL, 0}};
    const struct nv_media_said image = {.mime = NV_STR("image/x")};
    struct nv_value bytes;
    ck_assert(is_media(NV_STR("[" HEAD REST "]"), &nothing, &bytes));
    ck_assert_int_eq(bytes.type, NV_VALUE_BYTES);
    ck_assert_uint_eq(bytes.as.string.len, 24);
    ck_assert_mem_eq(bytes.as.string.ptr, "\x89PNG\r\n\x1a\n\0\x01", 10);
    ck_assert(
        is_media(NV_STR("{\"0\":137,\"1\":80,\"2\":78,\"3\":71,\"4\":13,\"5\":10,\"6\":26,"
                        "\"7\":10,\"8\":1,\"9\":1,\"10\":1,\"11\":1,\"12\":1,\"13\":1,"
                        "\"14\":1,\"15\":1,\"16\":1,\"17\":1,\"18\":1,\"19\":1,\"20\":1,"
                        "\"21\":1,\"22\":1,\"23\":1}"),
                 &nothing, &bytes));
    ck_assert(is_media(NV_STR("[1,2,3,4,5,6,7,8" REST "]"), &image, &bytes));
    ck_assert(!is_media(NV_STR("[1,2,3,4,5,6,7,8" REST "]"), &nothing, &bytes));
}
END_TEST

START_TEST(numbers_that_are_no_bytes)
{
    const struct nv_media_said image = {.mime = NV_STR("image/x")};
    struct nv_value bytes;
    ck_assert(!is_media(NV_STR("[" HEAD "]"), &image, &bytes));
    ck_assert(!is_media(NV_STR("[" HEAD REST ",256]"), &image, &bytes));
    ck_assert(!is_media(NV_STR("[" HEAD REST ",-1]"), &image, &bytes));
    ck_assert(!is_media(NV_STR("[" HEAD REST ",1.5]"), &image, &bytes));
    ck_assert(!is_media(NV_STR("[" HEAD REST ",\"1\"]"), &image, &bytes));
    ck_assert(!is_media(NV_STR("[0.1,0.2" REST REST "]"), &image, &bytes));
    ck_assert(!is_media(NV_STR("[]"), &image, &bytes));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/media/numbers");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, lists_and_objects);
    tcase_add_test(tests, numbers_that_are_no_bytes);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
