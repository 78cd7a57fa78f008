/*
 * Stack traces as texts: which frames stay, of which exception, and that a second cut changes
 * nothing.
 */
#include "expect.h"
#include "oom.h"

#include "base/buf.h"
#include "redaction/stack_text.h"

#include "base/banned.h"

static struct nv_arena *arena;
static struct nv_buf text;

static void set_up(void)
{
    arena = nv_arena_new(1u << 20);
    nv_buf_init(&text, 1u << 16);
}

static void tear_down(void)
{
    nv_buf_release(&text);
    nv_arena_free(arena);
}

/* Frames `from` to `to`, numbered between the two parts. */
static void add_frames(const char *part, const char *behind, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        ck_assert_int_eq(nv_buf_printf(&text, "%s%u%s", part, i, behind), NV_OK);
}

static void add(const char *part)
{
    ck_assert_int_eq(nv_buf_append_str(&text, nv_str_from(part)), NV_OK);
}

static struct nv_str cut(void)
{
    struct nv_str once = nv_buf_str(&text), twice;
    ck_assert_int_eq(nv_stack_cut(arena, &once), NV_OK);
    twice = once;
    ck_assert_int_eq(nv_stack_cut(arena, &twice), NV_OK);
    ck_assert(twice.ptr == once.ptr && twice.len == once.len);
    return once;
}

static bool has(struct nv_str in, const char *part)
{
    return nv_str_find(in, nv_str_from(part)) != SIZE_MAX;
}

#define PYTHON "  File \"a", ".py\", line 1, in f\n    call()\n    ^^^^\n"
#define JAVA "\tat a.B", ".c(B.java:1)\n"

START_TEST(python_keeps_the_last_frames_of_the_cause)
{
    add("Traceback (most recent call last):\n");
    add_frames(PYTHON, 0, 12);
    add("KeyError: 'x'\n\nDuring handling of the above exception, another exception "
        "occurred:\n\nTraceback (most recent call last):\n");
    add_frames(PYTHON, 50, 52);
    add("ValueError: y\n");
    struct nv_str out = cut();
    ck_assert(nv_str_starts(out, NV_STR("Traceback (most recent call last):\n"
                                        "  ... 2 frames left out\n  File \"a2.py\"")));
    ck_assert(nv_str_ends(out, NV_STR("KeyError: 'x'\n")) || has(out, "KeyError: 'x'"));
    ck_assert(!has(out, "a1.py") && has(out, "a11.py") && !has(out, "ValueError"));
}
END_TEST

START_TEST(java_keeps_the_first_frames_of_the_cause)
{
    add("a.Outer: one\n");
    add_frames(JAVA, 90, 95);
    add("Caused by: a.Inner: two\n");
    add_frames(JAVA, 0, 12);
    add("\t... 5 more\n");
    struct nv_str out = cut();
    ck_assert(nv_str_starts(out, NV_STR("Caused by: a.Inner: two\n\tat a.B0.c")));
    ck_assert(nv_str_ends(out, NV_STR("\tat a.B9.c(B.java:1)\n\t... 2 frames left out\n")));
}
END_TEST

START_TEST(dotnet_keeps_the_inner_exception)
{
    add("System.Exception: outer\n ---> System.IO.IOException: inner\n   at A.b() in c.cs:line "
        "1\n"
        "   --- End of inner exception stack trace ---\n   at D.e()\n");
    struct nv_str out = cut();
    ck_assert(nv_str_starts(out, NV_STR("System.IO.IOException: inner\n   at A.b()")));
    ck_assert(!has(out, "D.e") && !has(out, "outer"));
}
END_TEST

START_TEST(a_cause_of_another_form)
{
    add("a.Outer: one\n\tat a.B(c.java:1)\nCaused by: Python\n ---> ---> KeyError: 1\n");
    add_frames(PYTHON, 0, 12);
    struct nv_str out = cut();
    ck_assert(nv_str_starts(out, NV_STR("KeyError: 1\n  ... 2 frames left out\n")));
}
END_TEST

START_TEST(short_ones_stay)
{
    static const char *const texts[] = {
        "",
        "\n",
        "NoneType: None\n",
        "Error: x\n    at f (a.js:1:2)\n    at g (a.js:2:2)\n",
        "goroutine 1 [running]:\nmain.f()\n\t/a/b.go:3 +0x1\nmain.g()\n\t/a/b.go:9 +0x1\n",
        "Traceback (most recent call last):\n  File \"a\", line 1, in f\n    x\nE: y"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct nv_str out = nv_str_from(texts[i]);
        ck_assert_int_eq(nv_stack_cut(arena, &out), NV_OK);
        ck_assert_ptr_eq(out.ptr, texts[i]);
        ck_assert_uint_eq(out.len, strlen(texts[i]));
    }
}
END_TEST

START_TEST(groups_and_unknown_forms)
{
    add("  + Exception Group Traceback (most recent call last):\n");
    add_frames("  |   File \"a", ".py\", line 1, in f\n", 0, 12);
    ck_assert(has(cut(), "2 frames left out"));
    text.len = 0;
    add_frames("frame ", "\n", 0, 30);
    struct nv_str out = cut();
    ck_assert(nv_str_starts(out, NV_STR("frame 20\n")) && nv_str_ends(out, NV_STR("29\n")));
}
END_TEST

START_TEST(messages_lose_tracebacks)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"no trace\n  at all", "no trace\n  at all"},
        {"RateLimitError('429')\n\nTraceback (most recent call last):\n  File \"a\", line 1\n  "
         "  x\n\n\n"
         "openai.RateLimitError: 429\n",
         "RateLimitError('429')\n\nopenai.RateLimitError: 429"},
        {"Traceback (most recent call last):\n  File \"a\"\nKeyError: 1\n\nDuring handling:\n\n"
         "Traceback (most recent call last):\n  File \"b\"\nE: 2",
         "KeyError: 1\n\nDuring handling:\n\nE: 2"},
        {"x Traceback (most recent call last):", "x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_str out = nv_str_from(cases[i].text);
        ck_assert_int_eq(nv_stack_strip(arena, &out), NV_OK);
        ck_assert_nv_str(out, cases[i].want);
    }
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    struct nv_arena *small = nv_arena_new(4096);
    add("Traceback (most recent call last):\n");
    add_frames(PYTHON, 0, 400);
    struct nv_str out = nv_buf_str(&text);
    ck_assert_int_eq(nv_stack_strip(small, &out), NV_ERR_NO_MEMORY);
    nv_arena_free(small);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/stack_text");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, python_keeps_the_last_frames_of_the_cause);
    tcase_add_test(tcase, java_keeps_the_first_frames_of_the_cause);
    tcase_add_test(tcase, dotnet_keeps_the_inner_exception);
    tcase_add_test(tcase, a_cause_of_another_form);
    tcase_add_test(tcase, short_ones_stay);
    tcase_add_test(tcase, groups_and_unknown_forms);
    tcase_add_test(tcase, messages_lose_tracebacks);
    tcase_add_test(tcase, no_memory_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
