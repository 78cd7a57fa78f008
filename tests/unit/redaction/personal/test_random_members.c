/*
 * Members that must not leave, in JSON made by chance: whole, in strings of other JSON, with
 * prose around it, and cut off anywhere.
 *
 *   {"a":1,"secret":<any value with NEEDLE in it>,...} ─▶ n times put into a string
 *     ─▶ prose before and behind, or the end cut off ─▶ redacted ─▶ no NEEDLE, anywhere
 *
 * What has no such member and nothing personal stays as it is, in its place. What was valid JSON
 * stays valid. The seed of what fails is told.
 */
#include "chance.h"
#include "expect.h"
#include "nested_kit.h"

#include "base/buf.h"
#include "base/json/json_read.h"
#include "base/json/json_write.h"

#include "base/banned.h"

#define ROUNDS 6000
#define TEXT_BYTES ((size_t)1 << 20)
#define STRINGS_MAX 4
#define NEEDLE "NEEDLE"

static uint64_t state;
static struct nv_buf text, other;

static uint32_t draw(uint32_t end)
{
    return chance_below(&state, end);
}

/* ---- what is drawn ----------------------------------------------------------------------- */

/* A string of letters, quotes, brackets and backslashes; `needle`: with the word in it. */
static void draw_string(bool needle)
{
    static const char *const pieces[] = {"ab", "\"",       "\\",     "{",   "}",
                                         "[",  "]",        ",",      ":",   " ",
                                         "\n", "\xc3\xa9", "secret", "\":", "/"};
    struct nv_json_writer json;
    nv_json_write_init(&json, &text);
    nv_json_write_string_begin(&json);
    for (uint32_t i = draw(4); i > 0; i--) {
        nv_json_write_string_part(&json,
                                  nv_str_from(pieces[draw(sizeof pieces / sizeof pieces[0])]));
    }
    if (needle)
        nv_json_write_string_part(&json, NV_STR(NEEDLE));
    for (uint32_t i = draw(4); i > 0; i--) {
        nv_json_write_string_part(&json,
                                  nv_str_from(pieces[draw(sizeof pieces / sizeof pieces[0])]));
    }
    nv_json_write_string_end(&json);
}

static void draw_value(unsigned depth, bool needle);

static void draw_array(unsigned depth, bool needle)
{
    uint32_t count = draw(3) + needle, with = needle ? draw(count) : count;
    (void)nv_buf_append_char(&text, '[');
    for (uint32_t i = 0; i < count; i++) {
        (void)nv_buf_append_str(&text, i > 0 ? NV_STR(",") : NV_STR(""));
        draw_value(depth + 1, i == with);
    }
    (void)nv_buf_append_char(&text, ']');
}

static void draw_object(unsigned depth, bool needle)
{
    static const char *const keys[] = {"a", "b\\\"c", "other", "text", "n"};
    uint32_t count = draw(3) + needle, with = needle ? draw(count) : count;
    (void)nv_buf_append_char(&text, '{');
    for (uint32_t i = 0; i < count; i++) {
        (void)nv_buf_printf(&text, "%s\"%s\"%s:", i > 0 ? "," : "",
                            keys[draw(sizeof keys / sizeof keys[0])], draw(3) == 0 ? " " : "");
        draw_value(depth + 1, i == with);
    }
    (void)nv_buf_append_char(&text, '}');
}

static void draw_value(unsigned depth, bool needle)
{
    static const char *const words[] = {"true", "false", "null", "-0.5e3", "17"};
    uint32_t kind = draw(depth < 3 ? 4 : 2);
    if (kind == 2)
        draw_array(depth, needle);
    else if (kind == 3)
        draw_object(depth, needle);
    else if (needle || kind == 0)
        draw_string(needle);
    else
        (void)nv_buf_append_str(&text, nv_str_from(words[draw(5)]));
}

/* An object with members that must not leave, `secrets` of them. */
static void draw_root(uint32_t secrets)
{
    bool first = true;
    nv_buf_clear(&text);
    (void)nv_buf_append_char(&text, '{');
    for (uint32_t i = draw(3) + secrets; i > 0; i--) {
        bool secret = i <= secrets;
        (void)nv_buf_append_str(&text, first ? NV_STR("") : NV_STR(","));
        first = false;
        (void)nv_buf_append_str(&text, secret ? NV_STR("\"secret\":") : NV_STR("\"open\":"));
        draw_value(0, secret);
    }
    (void)nv_buf_append_char(&text, '}');
}

/* The text becomes a string in another JSON text. */
static void put_into_string(void)
{
    struct nv_json_writer json;
    nv_buf_clear(&other);
    nv_json_write_init(&json, &other);
    (void)nv_buf_append_str(&other, draw(2) == 0 ? NV_STR("{\"inner\":") : NV_STR("[1,"));
    bool object = other.bytes[0] == '{';
    nv_json_write_init(&json, &other);
    nv_json_write_string(&json, nv_buf_str(&text));
    (void)nv_buf_append_char(&other, object ? '}' : ']');
    nv_buf_clear(&text);
    (void)nv_buf_append_str(&text, nv_buf_str(&other));
}

static void put_into_prose(void)
{
    static const char *const before[] = {"data: ", "The tool said ", "- ", "\n\n"};
    static const char *const behind[] = {"", "\n", " and more.", "\ndata: [DONE]"};
    nv_buf_clear(&other);
    (void)nv_buf_printf(&other, "%s%.*s%s", before[draw(4)], NV_STR_ARG(nv_buf_str(&text)),
                        behind[draw(4)]);
    nv_buf_clear(&text);
    (void)nv_buf_append_str(&text, nv_buf_str(&other));
}

/* ---- what is asked ----------------------------------------------------------------------- */

static enum nv_nested_act drop(const void *ctx, struct nv_str key)
{
    (void)ctx;
    return nv_str_eq(key, NV_STR("secret")) ? NV_NESTED_ACT_DROP : NV_NESTED_ACT_NONE;
}

static enum nv_nested_act hash(const void *ctx, struct nv_str key)
{
    (void)ctx;
    return nv_str_eq(key, NV_STR("secret")) ? NV_NESTED_ACT_HASH : NV_NESTED_ACT_NONE;
}

static bool is_json(struct nv_str json)
{
    struct nv_json_reader reader;
    nv_json_read_init(&reader, json, NV_JSON_DEPTH_LIMIT);
    return nv_json_skip(&reader, nv_json_next(&reader)) == NV_OK &&
           nv_json_next(&reader) == NV_JSON_END;
}

static void expect_gone(struct nv_str asked, uint64_t seed)
{
    struct nv_str made = kit_nested_text(asked, NV_NESTED_IDENTIFYING);
    ck_assert_msg(nv_str_find(made, NV_STR(NEEDLE)) == SIZE_MAX,
                  "seed %llu:\n%.*s\nbecame\n%.*s", (unsigned long long)seed, NV_STR_ARG(asked),
                  NV_STR_ARG(made));
    if (is_json(asked)) {
        ck_assert_msg(is_json(made), "seed %llu:\n%.*s\nbecame\n%.*s", (unsigned long long)seed,
                      NV_STR_ARG(asked), NV_STR_ARG(made));
    }
}

static void set_up(void)
{
    kit_nested_set_up();
    nv_buf_init(&text, TEXT_BYTES);
    nv_buf_init(&other, TEXT_BYTES);
}

static void tear_down(void)
{
    nv_buf_release(&text);
    nv_buf_release(&other);
    kit_nested_tear_down();
}

/* 0: dropped, 1: hashed. */
START_TEST(members_go_however_deep_they_are)
{
    nv_nested_set_keys(kit_nested, (struct nv_nested_keys){NULL, _i == 0 ? drop : hash});
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        state = seed;
        draw_root(1 + draw(3));
        for (uint32_t i = draw(STRINGS_MAX); i > 0; i--)
            put_into_string();
        if (draw(2) == 0)
            put_into_prose();
        ck_assert_int_eq(text.failed, NV_OK);
        expect_gone(nv_buf_str(&text), seed);
    }
}
END_TEST

START_TEST(members_go_where_the_text_is_cut)
{
    nv_nested_set_keys(kit_nested, (struct nv_nested_keys){NULL, _i == 0 ? drop : hash});
    for (uint64_t seed = 1; seed <= ROUNDS / 15; seed++) {
        state = seed;
        draw_root(1);
        for (uint32_t i = draw(STRINGS_MAX - 1); i > 0; i--)
            put_into_string();
        for (size_t len = 0; len < text.len; len++)
            expect_gone(nv_str_slice(nv_buf_str(&text), 0, len), seed);
    }
}
END_TEST

START_TEST(what_has_none_stays_where_it_is)
{
    nv_nested_set_keys(kit_nested, (struct nv_nested_keys){NULL, drop});
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        state = seed;
        draw_root(0);
        for (uint32_t i = draw(STRINGS_MAX); i > 0; i--)
            put_into_string();
        const struct nv_str asked = nv_buf_str(&text);
        if (nv_str_find(asked, NV_STR("secret")) != SIZE_MAX)
            continue;
        struct nv_str made = kit_nested_text(asked, NV_NESTED_IDENTIFYING);
        ck_assert_msg(made.ptr == asked.ptr && made.len == asked.len, "seed %llu:\n%.*s",
                      (unsigned long long)seed, NV_STR_ARG(asked));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/random_members");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, members_go_however_deep_they_are, 0, 2);
    tcase_add_loop_test(tcase, members_go_where_the_text_is_cut, 0, 2);
    tcase_add_test(tcase, what_has_none_stays_where_it_is);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
