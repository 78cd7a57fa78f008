/*
 * Help: of the program, of a group, of one command; within its columns; the same as JSON.
 */
#include "expect.h"

#include "base/arena.h"
#include "gateway/commands/command_help.h"
#include "model/value.h"

#include "base/banned.h"

static struct nv_buf text;

static struct nv_str help_of(const char *first, const char *second)
{
    struct nv_cli cli = {.topic_first = first, .topic_second = second};
    nv_buf_clear(&text);
    ck_assert_int_eq(nv_command_help_write(&cli, &text), NV_OK);
    return nv_buf_str(&text);
}

static bool has(const char *part)
{
    return nv_str_find(nv_buf_str(&text), nv_str_from(part)) != SIZE_MAX;
}

START_TEST(of_the_program_with_every_key_and_command)
{
    static const char *const words[] = {"--config FILE", "doctor",     "explain FILE...",
                                        "journal list",  "dead drop",  "Exit codes",
                                        "sampling.rate", "log.format", "--check-config"};
    (void)help_of(NULL, NULL);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        ck_assert_msg(has(words[i]), "%s", words[i]);
    ck_assert(!has("--print-docs") && !has("--dry-run"));
}
END_TEST

START_TEST(of_one_command_with_its_own_options)
{
    ck_assert(nv_str_starts(help_of("redact", NULL),
                            NV_STR("usage: noveum-gateway redact FILE... [OPTION]...\n\n")));
    ck_assert(has("--dry-run") && has("--config FILE") && !has("--check-config"));
    ck_assert(!has("sampling.rate"));
    (void)help_of("dead", "retry");
    ck_assert(has("usage: noveum-gateway dead retry ID") && has("never translated"));
}
END_TEST

START_TEST(of_a_group_with_its_commands)
{
    (void)help_of("dead", NULL);
    ck_assert(has("dead list") && has("dead show ID") && has("dead drop ID"));
    ck_assert(!has("journal") && !has("doctor"));
}
END_TEST

START_TEST(lines_keep_their_width)
{
    size_t count;
    const struct nv_command_row *rows = nv_command_rows(&count);
    for (size_t i = 0; i < count; i++) {
        struct nv_str rest = help_of(rows[i].first, rows[i].second);
        while (rest.len > 0) {
            size_t end = nv_str_find_char(rest, '\n');
            ck_assert_msg(end <= NV_HELP_COLUMNS, "%.*s",
                          NV_STR_ARG(nv_str_slice(rest, 0, end)));
            rest = nv_str_slice(rest, end + 1, rest.len);
        }
    }
}
END_TEST

START_TEST(as_json_with_everything)
{
    size_t count;
    struct nv_value all;
    struct nv_arena *arena = nv_arena_new(1u << 20);
    nv_buf_clear(&text);
    ck_assert_int_eq(nv_command_help_write_json(&text), NV_OK);
    ck_assert_int_eq(nv_value_from_json(arena, nv_buf_str(&text), NULL, &all), NV_OK);
    (void)nv_command_rows(&count);
    ck_assert_uint_eq(nv_map_get(&all, NV_STR("commands"))->as.array.count, count);
    ck_assert_uint_gt(nv_map_get(&all, NV_STR("options"))->as.array.count, 4);
    ck_assert_uint_gt(nv_map_get(&all, NV_STR("notes"))->as.array.count, 1);
    nv_arena_free(arena);
}
END_TEST

START_TEST(a_full_buffer_is_an_error)
{
    struct nv_cli cli = {0};
    struct nv_buf small;
    nv_buf_init(&small, 50);
    ck_assert_int_ne(nv_command_help_write(&cli, &small), NV_OK);
    nv_buf_release(&small);
    nv_buf_init(&small, 50);
    ck_assert_int_ne(nv_command_help_write_json(&small), NV_OK);
    nv_buf_release(&small);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/command_help");
    TCase *tcase = tcase_create("all");
    nv_buf_init(&text, 1u << 20);
    tcase_add_test(tcase, of_the_program_with_every_key_and_command);
    tcase_add_test(tcase, of_one_command_with_its_own_options);
    tcase_add_test(tcase, of_a_group_with_its_commands);
    tcase_add_test(tcase, lines_keep_their_width);
    tcase_add_test(tcase, as_json_with_everything);
    tcase_add_test(tcase, a_full_buffer_is_an_error);
    suite_add_tcase(suite, tcase);
    int failed = nv_test_run(suite);
    nv_buf_release(&text);
    return failed;
}
