/*
 * JSON comparison by jansson, so that what our writer produces is judged by somebody else's
 * reader.
 *
 * Objects are compared key by key and the first difference is named by its path, because a diff
 * of two 20 KB bodies helps nobody. Depth follows the documents; they are the tests' own.
 */
#include "expect.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/banned.h"

struct place {
    char path[256];
    char *why;
    size_t why_size;
};

static bool differ(struct place *place, const json_t *actual, const json_t *expected)
{
    char *a = actual ? json_dumps(actual, JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
    char *e = expected ? json_dumps(expected, JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
    (void)snprintf(place->why, place->why_size, "at %s: %.150s, expected %.150s",
                   place->path[0] ? place->path : "the top", a ? a : "nothing",
                   e ? e : "nothing");
    free(a);
    free(e);
    return false;
}

static bool same(struct place *place, const json_t *actual, const json_t *expected);

static bool same_array(struct place *place, const json_t *actual, const json_t *expected)
{
    size_t length = strlen(place->path);
    if (json_array_size(actual) != json_array_size(expected))
        return differ(place, actual, expected);
    for (size_t i = 0; i < json_array_size(expected); i++) {
        (void)snprintf(place->path + length, sizeof place->path - length, "[%zu]", i);
        if (!same(place, json_array_get(actual, i), json_array_get(expected, i)))
            return false;
    }
    place->path[length] = '\0';
    return true;
}

static bool same_object(struct place *place, const json_t *actual, const json_t *expected)
{
    size_t length = strlen(place->path);
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)expected, key, value)
    {
        (void)snprintf(place->path + length, sizeof place->path - length, ".%s", key);
        if (!same(place, json_object_get(actual, key), value))
            return false;
    }
    json_object_foreach((json_t *)(uintptr_t)actual, key, value)
    {
        (void)snprintf(place->path + length, sizeof place->path - length, ".%s", key);
        if (!json_object_get(expected, key))
            return differ(place, value, NULL);
    }
    place->path[length] = '\0';
    return true;
}

static bool same(struct place *place, const json_t *actual, const json_t *expected)
{
    if (!actual || json_typeof(actual) != json_typeof(expected))
        return differ(place, actual, expected);
    if (json_is_array(expected))
        return same_array(place, actual, expected);
    if (json_is_object(expected))
        return same_object(place, actual, expected);
    return json_equal(actual, expected) ? true : differ(place, actual, expected);
}

bool nv_test_json_eq(struct nv_str actual, struct nv_str expected, char *why, size_t why_size)
{
    json_error_t error;
    struct place place = {.why = why, .why_size = why_size};
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_t *a = json_loadb(actual.ptr, actual.len, flags, &error);
    bool ok = a != NULL;
    if (!ok) {
        (void)snprintf(why, why_size, "actual is no JSON: %s at %d in %.300s", error.text,
                       error.position, actual.len > 0 ? actual.ptr : "");
    }
    json_t *e = json_loadb(expected.ptr, expected.len, flags, &error);
    if (ok && !e) {
        (void)snprintf(why, why_size, "expected is no JSON: %s", error.text);
        ok = false;
    }
    if (ok)
        ok = same(&place, a, e);
    json_decref(a);
    json_decref(e);
    return ok;
}

/* A case may take as long as ctest lets its program: check's own limit of 4 s is none of a
 * machine with eight other things to do. Before main, because a case takes its limit when it is
 * made. */
__attribute__((constructor)) static void no_limit_of_its_own(void)
{
    (void)setenv("CK_DEFAULT_TIMEOUT", "110", 0);
}

void nv_test_gzip_says(struct nv_str gzip, struct nv_str expected)
{
    char *back = malloc(expected.len + 1);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)gzip.ptr,
                  .avail_in = (uInt)gzip.len,
                  .next_out = (Bytef *)back,
                  .avail_out = (uInt)expected.len + 1};

    ck_assert_ptr_nonnull(back);
    ck_assert_int_eq(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
    ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
    ck_assert_uint_eq(z.avail_in, 0);
    ck_assert_nv_str_eq(((struct nv_str){back, z.total_out}), expected);
    (void)inflateEnd(&z);
    free(back);
}

int nv_test_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
