/*
 * Forms of keys: each row matches what it says, at the places where it may begin, and nothing
 * shorter.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/secrets/shapes.h"
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define ROW(rule, before, anchor, behind, edge, entropy, source) +1
#define ROWS (0 NV_SECRET_SHAPES(ROW))

/* The shortest text of a form, of bytes that are as different as its classes allow. */
static size_t write_form(char *out, const char *form)
{
    static const char digits[] = "4079182536", hex[] = "4f0a7c91e8d2b536",
                      other[] = "kQ4zV9xJ2wM7pR5tY8nL3hB6";
    size_t len = 0;
    for (const char *at = form; *at != '\0';) {
        char class = *at++;
        if (*at != '{') {
            out[len++] = class;
            continue;
        }
        size_t n = strtoul(at + 1, NULL, 10);
        for (size_t i = 0; i < n; i++, len++) {
            out[len] = class == 'd'                   ? digits[i % 10]
                       : class == 'h' || class == 'H' ? hex[i % 16]
                                                      : other[i % 24];
            if (class == 'l' && out[len] >= 'A' && out[len] <= 'Z')
                out[len] = (char)(out[len] | 0x20);
            if (class == 'U' && out[len] >= 'a')
                out[len] = (char)(out[len] & ~0x20);
        }
        at = strchr(at, '}') + 1;
    }
    return len;
}

static size_t write_key(char *out, const struct nv_shape *shape)
{
    size_t len = write_form(out, shape->before);
    memcpy(out + len, shape->anchor, strlen(shape->anchor));
    len += strlen(shape->anchor);
    return len + write_form(out + len, shape->behind);
}

static struct nv_secret_stretch find(struct nv_str text, size_t floor)
{
    struct nv_shape_run run = {0};
    const struct nv_shape_search search = {.text = text, .floor = floor, .run = &run};
    return nv_shape_find(&search, floor, text.len);
}

START_TEST(each_row_matches_its_form)
{
    const struct nv_shape *shape = &nv_shapes[_i];
    char text[1024] = "--";
    size_t len = 2 + write_key(text + 2, shape);
    struct nv_secret_stretch found = find((struct nv_str){text, len}, 0);
    ck_assert_msg(found.len == len - 2 && found.from == 2, "%s%s%s: %.*s", shape->before,
                  shape->anchor, shape->behind, (int)len, text);
    ck_assert_uint_ge(len - 2, NV_SHAPE_BYTES_MIN);
    /* all of the word is taken, and nothing without its last byte */
    text[len] = 'x';
    found = find((struct nv_str){text, len + 1}, 0);
    ck_assert_uint_eq(found.len, len - 1);
    if (shape->behind[0] != '\0')
        ck_assert_uint_eq(find((struct nv_str){text, len - 1}, 0).len, 0);
}
END_TEST

START_TEST(edges)
{
    char text[64] = "task-0123456789abcdefghijkl";
    ck_assert_uint_eq(find(nv_str_from(text), 0).len, 0);
    ck_assert_uint_eq(find(nv_str_from(text), 2).len, strlen(text) - 2);
    ck_assert(nv_shape_is_edge(NV_STR("\\nsk"), 0, 2));
    ck_assert(!nv_shape_is_edge(NV_STR("nsk"), 0, 1));
    ck_assert(!nv_shape_is_edge(NV_STR("_sk"), 0, 1));
    ck_assert(nv_shape_is_edge(NV_STR("nsk"), 1, 1));
    /* after a key that is none, the next is looked for */
    struct nv_secret_stretch found =
        find(NV_STR("sk-short.ghp_4kQ4zV9xJ2wM7pR5tY8nL3hB6kQ4zV9xJ2wM7"), 0);
    ck_assert_int_eq(found.rule, NV_SECRET_GITHUB);
    ck_assert_uint_eq(found.from, 9);
}
END_TEST

START_TEST(entropy_in_tenths)
{
    ck_assert_uint_eq(nv_entropy(NV_STR("")), 0);
    ck_assert_uint_eq(nv_entropy(NV_STR("aaaaaaaa")), 0);
    ck_assert_uint_eq(nv_entropy(NV_STR("abababab")), 10);
    ck_assert_uint_eq(nv_entropy(NV_STR("0123456789abcdef")), 40);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/secrets/shapes");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, nv_shapes_ready, NULL);
    tcase_add_loop_test(tcase, each_row_matches_its_form, 0, ROWS);
    tcase_add_test(tcase, edges);
    tcase_add_test(tcase, entropy_in_tenths);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
