/*
 * Loading of JSON case files. The values are read by the code under test's own reader: that it
 * reads JSON right is shown by its own tests and fuzzers, and the cases then have the very form
 * that the mapping sees. Files stay loaded: check programs are short-lived and run their loops
 * over them.
 */
#include "cases.h"
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define CASES_BYTES_MAX ((size_t)4 << 20)

static struct nv_arena *cases_arena;

/* Cases are loaded before a test runs, where check's assertions don't work. */
static void refuse(const char *what, const char *path)
{
    fprintf(stderr, "%s %s\n", what, path);
    exit(EXIT_FAILURE);
}

static struct nv_str read_file(const char *path)
{
    const struct nv_str name =
        nv_arena_printf(cases_arena, "%s/%s%c", NOVEUM_SOURCE_DIR, path, 0);
    FILE *file = fopen(name.ptr, "rb");
    if (!file)
        refuse("can't read", path);
    char *bytes = nv_arena_raw(cases_arena, CASES_BYTES_MAX);
    if (!bytes)
        refuse("no memory for", path);
    const size_t len = fread(bytes, 1, CASES_BYTES_MAX, file);
    fclose(file);
    return (struct nv_str){bytes, len};
}

const struct nv_array *nv_test_cases(const char *path)
{
    if (!cases_arena)
        cases_arena = nv_arena_new((size_t)64 << 20);
    struct nv_value *list =
        cases_arena == NULL ? NULL : nv_arena_alloc(cases_arena, sizeof *list);
    if (!list)
        refuse("no memory for", path);
    enum nv_err err = nv_value_from_json(cases_arena, read_file(path), NULL, list);
    if (err != NV_OK || list->type != NV_VALUE_ARRAY)
        refuse(nv_err_info(err)->text, path);
    return &list->as.array;
}

const struct nv_value *nv_test_member(const struct nv_value *test, const char *member)
{
    static const struct nv_value nothing = {.type = NV_VALUE_NULL};
    const struct nv_value *value = nv_map_get(test, nv_str_from(member));
    return value != NULL ? value : &nothing;
}

struct nv_str nv_test_text(const struct nv_value *test, const char *member)
{
    const struct nv_value *value = nv_test_member(test, member);
    return value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

struct nv_str nv_test_json(const struct nv_value *value, struct nv_buf *buf)
{
    struct nv_json_writer writer;
    nv_buf_init(buf, SIZE_MAX);
    nv_json_write_init(&writer, buf);
    nv_value_write(&writer, value);
    ck_assert_int_eq(buf->failed, NV_OK);
    return nv_buf_str(buf);
}

void nv_test_expect_member(const struct nv_value *test, const char *member,
                           const struct nv_value *value)
{
    struct nv_buf left, right;
    char why[512];
    const bool same =
        nv_test_json_eq(nv_test_json(value, &left),
                        nv_test_json(nv_test_member(test, member), &right), why, sizeof why);
    ck_assert_msg(same, "%.*s: %s: %s\ngot %.*s", NV_STR_ARG(nv_test_text(test, "name")),
                  member, why, (int)left.len, left.bytes);
    nv_buf_release(&left);
    nv_buf_release(&right);
}

void nv_test_expect_flag(const struct nv_value *test, const char *member, bool set)
{
    const bool expected = nv_test_member(test, member)->type != NV_VALUE_NULL;
    ck_assert_msg(set == expected, "%.*s: %s is %d", NV_STR_ARG(nv_test_text(test, "name")),
                  member, set);
}
