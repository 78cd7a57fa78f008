/*
 * Cutting content: characters, escapes and JSON stay whole; marks say length and hash; a second
 * time changes nothing.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/content_cut.h"

#include "base/banned.h"

static struct nv_arena *arena;

static void set_up(void)
{
    arena = nv_arena_new(1u << 22);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static struct nv_str cut(struct nv_value value, size_t limit)
{
    bool changed = false, again = false;
    ck_assert_int_eq(nv_content_cut(arena, &value, limit, &changed), NV_OK);
    struct nv_str once = value.as.string;
    ck_assert_int_eq(nv_content_cut(arena, &value, limit, &again), NV_OK);
    ck_assert(!again && value.as.string.ptr == once.ptr);
    return once;
}

static struct nv_str cut_text(const char *text, size_t limit)
{
    return cut(nv_value_string(nv_str_from(text)), limit);
}

/* What is before the mark. */
static struct nv_str kept(const char *text, size_t limit)
{
    struct nv_str out = cut_text(text, limit);
    size_t mark = nv_str_find(out, NV_STR("\xe2\x80\xa6[cut: "));
    return nv_str_slice(out, 0, mark);
}

START_TEST(marks_say_length_and_hash)
{
    /* sha256 of "abcdefghij" begins 72399361da6a7754 (python3 hashlib) */
    ck_assert_nv_str(cut_text("abcdefghij", 4),
                     "abcd\xe2\x80\xa6[cut: 10 characters, sha256 72399361da6a7754]");
    ck_assert_nv_str(cut_text("abcdefghij", 10), "abcdefghij");
    ck_assert_nv_str(cut_text("", 1), "");
}
END_TEST

START_TEST(characters_stay_whole)
{
    ck_assert_nv_str(kept("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 3), "\xc3\xa9\xc3\xa9\xc3\xa9");
    ck_assert_nv_str(kept("\xf0\x9f\x9a\xa6\xf0\x9f\x9a\xa6", 1), "\xf0\x9f\x9a\xa6");
    /* four bytes are one character, five bytes that are no UTF-8 are five */
    ck_assert_nv_str(cut_text("\xf0\x9f\x9a\xa6", 1), "\xf0\x9f\x9a\xa6");
    ck_assert_nv_str(kept("\xff\xff\xff\xff\xff", 2), "\xff\xff");
}
END_TEST

START_TEST(escapes_stay_whole)
{
    static const struct {
        const char *text;
        size_t limit;
        const char *kept;
    } cases[] = {{"ab\\ncdef", 3, "ab"},
                 {"ab\\ncdef", 4, "ab\\n"},
                 {"ab\\\\ncdef", 4, "ab\\\\"},
                 {"ab\\\\\\\"cdef", 5, "ab\\\\"},
                 {"a\\u0040bcd", 3, "a"},
                 {"a\\u0040bcd", 6, "a"},
                 {"a\\u0040bcd", 7, "a\\u0040"},
                 {"a\\\\u0040bcd", 6, "a\\\\u00"},
                 {"a\\ud83d\\ude00bcd", 7, "a"},
                 {"a\\ud83d\\ude00bcd", 10, "a"},
                 {"a\\uD83D\\uDE00bcd", 13, "a\\uD83D\\uDE00"},
                 {"\\\\\\\\\\\\\\\\", 3, "\\\\"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_nv_str(kept(cases[i].text, cases[i].limit), cases[i].kept);
}
END_TEST

START_TEST(json_is_cut_inside)
{
    struct nv_value value = nv_value_json(NV_STR("{\"a\":[\"abcdefgh\",1,\"x\"],\"b\":null}"));
    bool changed = false;
    ck_assert_int_eq(nv_content_cut(arena, &value, 4, &changed), NV_OK);
    ck_assert(changed && value.type == NV_VALUE_MAP);
    const struct nv_value *list = nv_map_get(&value, NV_STR("a"));
    ck_assert(
        nv_str_starts(list->as.array.items[0].as.string, NV_STR("abcd\xe2\x80\xa6[cut: 8 ")));
    ck_assert_int_eq(list->as.array.items[1].type, NV_VALUE_INT);
    ck_assert_nv_str(list->as.array.items[2].as.string, "x");
    value = nv_value_json(NV_STR("[1,2]"));
    ck_assert_nv_str(cut(value, 5), "[1,2]");
}
END_TEST

START_TEST(whole_values_become_marks)
{
    struct nv_value value = nv_value_string(NV_STR("abcdefghij"));
    bool changed = false;
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(nv_content_mark(arena, &value, &changed), NV_OK);
        ck_assert(changed == (i == 0));
        ck_assert_nv_str(value.as.string, "[cut: 10 characters, sha256 72399361da6a7754]");
        changed = false;
    }
    struct nv_value item = nv_value_string(NV_STR("x"));
    struct nv_value list = {.type = NV_VALUE_ARRAY, .as.array = {&item, 1}};
    ck_assert_int_eq(nv_content_mark(arena, &list, &changed), NV_OK);
    ck_assert(changed && nv_str_starts(list.as.string, NV_STR("[cut: 5 characters, sha256 ")));
    static const struct nv_value kept_as_they_are[] = {{.type = NV_VALUE_NULL},
                                                       {.type = NV_VALUE_INT},
                                                       {.type = NV_VALUE_STRING},
                                                       {.type = NV_VALUE_ARRAY},
                                                       {.type = NV_VALUE_MAP}};
    for (size_t i = 0; i < sizeof kept_as_they_are / sizeof *kept_as_they_are; i++) {
        value = kept_as_they_are[i];
        changed = false;
        ck_assert_int_eq(nv_content_mark(arena, &value, &changed), NV_OK);
        ck_assert(!changed);
    }
}
END_TEST

START_TEST(bytes_are_marked)
{
    struct nv_value value = {.type = NV_VALUE_BYTES, .as.string = NV_STR("\xff\x01\x02")};
    bool changed = false;
    ck_assert_int_eq(nv_content_cut(arena, &value, 2, &changed), NV_OK);
    ck_assert(changed && value.type == NV_VALUE_STRING);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    struct nv_arena *small = nv_arena_new(4096);
    char *large = nv_arena_raw(arena, 100000);
    memset(large, 'x', 100000);
    struct nv_value value = nv_value_string((struct nv_str){large, 100000});
    bool changed;
    ck_assert_int_eq(nv_content_cut(small, &value, 90000, &changed), NV_ERR_NO_MEMORY);
    nv_arena_free(small);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/content_cut");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, marks_say_length_and_hash);
    tcase_add_test(tcase, characters_stay_whole);
    tcase_add_test(tcase, escapes_stay_whole);
    tcase_add_test(tcase, json_is_cut_inside);
    tcase_add_test(tcase, whole_values_become_marks);
    tcase_add_test(tcase, bytes_are_marked);
    tcase_add_test(tcase, no_memory_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
