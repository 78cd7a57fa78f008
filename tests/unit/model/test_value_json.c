/*
 * Objects of JSON text hold a key once: its first place, its last value, at any size and depth.
 */
#include "cases.h"
#include "expect.h"
#include "model/value.h"

#include <stdio.h>

#include "base/banned.h"

static const struct {
    const char *in, *out;
} texts[] = {
    {"{\"b\":1,\"a\":[true],\"b\":2}", "{\"b\":2,\"a\":[true]}"},
    {"{\"a\":{\"k\":1,\"k\":{\"k\":2,\"k\":3}}}", "{\"a\":{\"k\":{\"k\":3}}}"},
    {"{\"\":1,\"\":2}", "{\"\":2}"},
    {"{\"ab\":1,\"\\u0061b\":2}", "{\"ab\":2}"},
    {"{\"ab\":1,\"ac\":2,\"bb\":3}", "{\"ab\":1,\"ac\":2,\"bb\":3}"},
};

static void assert_written(const struct nv_value *value, const char *expected)
{
    struct nv_buf buf;
    struct nv_json_writer writer;
    nv_buf_init(&buf, 1 << 20);
    nv_json_write_init(&writer, &buf);
    nv_value_write(&writer, value);
    ck_assert_nv_str(nv_buf_str(&buf), expected);
    nv_buf_release(&buf);
}

START_TEST(keys_stand_once)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_value value;
    ck_assert_int_eq(nv_value_from_json(arena, nv_str_from(texts[_i].in), NULL, &value), NV_OK);
    assert_written(&value, texts[_i].out);
    nv_arena_free(arena);
}
END_TEST

START_TEST(a_large_object)
{
    struct nv_arena *arena = nv_arena_new(64 << 20);
    struct nv_buf buf;
    struct nv_value value;
    nv_buf_init(&buf, 16 << 20);
    for (unsigned i = 0; i < 60000; i++)
        (void)nv_buf_printf(&buf, "%c\"k%u\":%u", i == 0 ? '{' : ',', i % 20000, i);
    (void)nv_buf_append_char(&buf, '}');
    ck_assert_int_eq(nv_value_from_json(arena, nv_buf_str(&buf), NULL, &value), NV_OK);
    ck_assert_uint_eq(value.as.map.count, 20000);
    for (uint32_t i = 0; i < 20000; i++)
        ck_assert_int_eq(value.as.map.items[i].value.as.integer, 40000 + i);
    nv_buf_release(&buf);
    nv_arena_free(arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/value_json");
    TCase *tcase = tcase_create("value_json");
    tcase_add_loop_test(tcase, keys_stand_once, 0, sizeof texts / sizeof *texts);
    tcase_add_test(tcase, a_large_object);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
