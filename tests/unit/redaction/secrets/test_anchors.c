/*
 * The look before the automaton: says yes of every run in which a form is found, whatever
 * stands around it, and no of most that hold none.
 */
#include "expect.h"

#include "base/wide.h"
#include "redaction/secrets/anchors.h"

#include <stdlib.h>

#include "base/banned.h"

#define ROW(rule, before, anchor, behind, edge, entropy, source) +1
#define ROWS (0 NV_SECRET_SHAPES(ROW))
#define LEN_MAX 64u

static uint64_t state = 1;

static unsigned next_random(unsigned below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % below;
}

/* A byte of a class of a form, or of all that stand in runs; '\0': not of a class. */
static char random_of(char class)
{
    static const char all[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "-_.~/+\\<>?@[]^`{|};,%";
    switch (class) {
    case 'd':
        return all[next_random(10)];
    case 'h':
    case 'H':
        return all[next_random(16)];
    case 'l':
        return all[next_random(36)];
    case 'U':
        return next_random(3) == 0 ? all[next_random(10)] : all[36 + next_random(26)];
    case 'a':
        return all[next_random(62)];
    default:
        return all[next_random(class == '\0' ? sizeof all - 1 : 62)];
    }
}

static size_t put_form(char *out, size_t len, const char *form)
{
    for (const char *at = form; *at != '\0' && len < LEN_MAX;) {
        char class = *at++;
        if (*at != '{') {
            out[len++] = class;
            continue;
        }
        for (size_t n = strtoul(at + 1, NULL, 10); n > 0 && len < LEN_MAX; n--)
            out[len++] = random_of(class);
        at = strchr(at, '}') + 1;
    }
    return len;
}

static bool is_found(struct nv_str text, size_t from)
{
    struct nv_shape_run run = {0};
    const struct nv_shape_search search = {.text = text, .floor = from, .run = &run};
    return nv_shape_find(&search, from, text.len).len > 0;
}

/* Some bytes, a key of the row, some bytes, behind a text of some bytes. */
static struct nv_str make(char out[4 * LEN_MAX], const struct nv_shape *shape, size_t *from)
{
    static const char *const joints[] = {"", "-", ".", "\\n", "/", "x", "_", "--xx"};
    size_t len = next_random(4);
    memset(out, ' ', len);
    *from = len;
    for (size_t n = next_random(2) * next_random(12); n > 0; n--)
        out[len++] = random_of('\0');
    const char *joint = joints[next_random(8)];
    memcpy(out + len, joint, strlen(joint));
    len += strlen(joint);
    len += put_form(out + len, 0, shape->before);
    memcpy(out + len, shape->anchor, strlen(shape->anchor));
    len += strlen(shape->anchor);
    len += put_form(out + len, 0, shape->behind);
    for (size_t n = next_random(2) * next_random(6); n > 0; n--)
        out[len++] = random_of('\0');
    return (struct nv_str){out, len};
}

START_TEST(yes_of_all_that_is_found)
{
    const struct nv_shape *shape = &nv_shapes[_i];
    char text[4 * LEN_MAX], *exact;
    for (unsigned i = 0; i < 3000; i++) {
        size_t from;
        struct nv_str made = make(text, shape, &from);
        if (made.len - from < NV_SHAPE_BYTES_MIN || !is_found(made, from))
            continue;
        /* in a block of its own, so that a byte read outside of it is noticed */
        exact = malloc(made.len);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, made.ptr, made.len);
        ck_assert_msg(nv_anchors_may_be((struct nv_str){exact, made.len}, from, made.len),
                      "%.*s from %zu", NV_STR_ARG(made), from);
        free(exact);
    }
}
END_TEST

static const char *const plain[] = {
    "/api/v1/items/123",
    "58b11ba8e662a7ffc04bd515",
    "conv_58b11ba8e662a7ffc04bd515",
    "core.retrieval.query.text",
    "opentelemetry.instrumentation",
    "2026-11-30T12:52:45.000000Z",
    "disk-use-of-last-week",
    "chatcmpl-58b11ba8e662a7ffc04bd515",
    "asst_58b11ba8e662a7ffc04bd515",
    "opentelemetry.instrumentation.openai_v2",
};

START_TEST(no_of_what_is_common)
{
    struct nv_str text = nv_str_from(plain[_i]);
    ck_assert(!is_found(text, 0));
    ck_assert_int_eq(nv_anchors_may_be(text, 0, text.len), !nv_wide);
}
END_TEST

/* Runs of other lengths are the automaton's. */
START_TEST(yes_of_other_lengths)
{
    char text[LEN_MAX];
    memset(text, 'a', sizeof text);
    struct nv_str all = {text, sizeof text};
    ck_assert(nv_anchors_may_be(all, 0, NV_ANCHORS_RUN_MIN - 1));
    ck_assert(nv_anchors_may_be(all, 0, NV_ANCHORS_RUN_MAX + 1));
    for (size_t len = NV_ANCHORS_RUN_MIN; len <= NV_ANCHORS_RUN_MAX; len++) {
        ck_assert_int_eq(nv_anchors_may_be(all, 1, 1 + len), !nv_wide);
        /* an escape may hide where a word begins */
        text[len] = '\\';
        ck_assert(nv_anchors_may_be(all, 1, 1 + len));
        text[len] = 'a';
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/secrets/anchors");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, nv_shapes_ready, NULL);
    tcase_add_loop_test(tcase, yes_of_all_that_is_found, 0, ROWS);
    tcase_add_loop_test(tcase, no_of_what_is_common, 0, (int)(sizeof plain / sizeof plain[0]));
    tcase_add_test(tcase, yes_of_other_lengths);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
