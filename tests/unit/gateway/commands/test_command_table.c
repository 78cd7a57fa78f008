/*
 * The tables: no row hides another, every option belongs somewhere, what is nearest.
 */
#include "expect.h"

#include "gateway/commands/command_table.h"

#include "base/banned.h"

START_TEST(no_two_rows_have_the_same_words)
{
    size_t count;
    const struct nv_command_row *rows = nv_command_rows(&count);
    uint64_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        ck_assert_ptr_eq(nv_command_find(rows[i].first, rows[i].second), &rows[i]);
        ck_assert_msg((seen & NV_OF(rows[i].command)) == 0, "%s twice", rows[i].first);
        seen |= NV_OF(rows[i].command);
        ck_assert(rows[i].summary[strlen(rows[i].summary) - 1] != '.');
    }
    ck_assert_ptr_null(nv_command_find("nothing", NULL));
    ck_assert_ptr_null(nv_command_find("dead", NULL));
}
END_TEST

START_TEST(every_option_is_of_a_command_that_is_there)
{
    size_t count;
    const struct nv_command_row *rows = nv_command_rows(&count);
    const struct nv_cli_option_row *options = nv_cli_option_rows();
    uint64_t known = NV_OF(NV_COMMAND_RUN);
    for (size_t i = 0; i < count; i++)
        known |= NV_OF(rows[i].command);
    for (int i = 0; i < NV_CLI_OPTION_COUNT; i++) {
        ck_assert_msg((options[i].commands & ~known) == 0, "--%s", options[i].name);
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(options[i].name, options[j].name);
            ck_assert(options[i].letter == 0 || options[i].letter != options[j].letter);
        }
    }
    ck_assert(nv_cli_option_fits(NV_CLI_HELP, NV_COMMAND_DOCTOR));
    ck_assert(!nv_cli_option_fits(NV_CLI_DRY_RUN, NV_COMMAND_EXPLAIN));
}
END_TEST

START_TEST(first_words_say_whether_a_second_follows)
{
    bool second = true;
    ck_assert(nv_command_is_first("doctor", &second) && !second);
    ck_assert(nv_command_is_first("dead", &second) && second);
    ck_assert(!nv_command_is_first("list", &second));
}
END_TEST

static const struct {
    const char *first, *word, *near;
} nearest[] = {{NULL, "docter", "doctor"},
               {NULL, "jurnal", "journal"},
               {NULL, "heal", "health"},
               {NULL, "zzzzzz", NULL},
               {NULL, "", NULL},
               {"dead", "retyr", "retry"},
               {"journal", "chekc", "check"},
               {"doctor", "list", NULL}};

START_TEST(what_is_nearest)
{
    const char *near = nv_command_nearest(nearest[_i].first, nearest[_i].word);
    if (!nearest[_i].near)
        ck_assert_msg(!near, "\"%s\" for \"%s\"", near, nearest[_i].word);
    else
        ck_assert_pstr_eq(near, nearest[_i].near);
}
END_TEST

START_TEST(options_nearest)
{
    ck_assert_pstr_eq(nv_command_option_nearest("jsno"), "json");
    ck_assert_ptr_null(nv_command_option_nearest("a-long-word-of-no-use"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/command_table");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, no_two_rows_have_the_same_words);
    tcase_add_test(tcase, every_option_is_of_a_command_that_is_there);
    tcase_add_test(tcase, first_words_say_whether_a_second_follows);
    tcase_add_loop_test(tcase, what_is_nearest, 0, sizeof nearest / sizeof nearest[0]);
    tcase_add_test(tcase, options_nearest);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
