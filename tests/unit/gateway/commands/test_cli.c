/*
 * The command line: every command, order of options, and everything that is refused.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/commands/cli.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_cli cli;
static struct nv_fail fail;

static enum nv_err parse(const char *a, const char *b, const char *c, const char *d)
{
    static char texts[5][64];
    const char *words[] = {"noveum-gateway", a, b, c, d};
    static char *argv[6];
    int argc = 0;
    for (; argc < 5 && words[argc]; argc++) {
        memset(texts[argc], 0, sizeof texts[argc]);
        memcpy(texts[argc], words[argc], strlen(words[argc]));
        argv[argc] = texts[argc];
    }
    argv[argc] = NULL;
    nv_cli_release(&cli);
    fail = (struct nv_fail){0};
    return nv_cli_parse(argc, argv, &cli, &fail);
}

static const struct {
    const char *a, *b, *c;
    enum nv_command command;
    const char *argument;
} commands[] = {{NULL, NULL, NULL, NV_COMMAND_RUN, NULL},
                {"--help", NULL, NULL, NV_COMMAND_HELP, NULL},
                {"-h", NULL, NULL, NV_COMMAND_HELP, NULL},
                {"help", NULL, NULL, NV_COMMAND_HELP, NULL},
                {"help", "dead", "show", NV_COMMAND_HELP, NULL},
                {"version", NULL, NULL, NV_COMMAND_VERSION, NULL},
                {"version", "--json", NULL, NV_COMMAND_VERSION, NULL},
                {"--version", "--json", NULL, NV_COMMAND_VERSION, NULL},
                {"health", NULL, NULL, NV_COMMAND_HEALTH, NULL},
                {"dead", "--help", NULL, NV_COMMAND_HELP, NULL},
                {"explain", "-h", NULL, NV_COMMAND_HELP, NULL},
                {"--version", NULL, NULL, NV_COMMAND_VERSION, NULL},
                {"-V", NULL, NULL, NV_COMMAND_VERSION, NULL},
                {"--check-config", NULL, NULL, NV_COMMAND_CHECK_CONFIG, NULL},
                {"--print-config", NULL, NULL, NV_COMMAND_PRINT_CONFIG, NULL},
                {"--print-docs", NULL, NULL, NV_COMMAND_PRINT_DOCS, NULL},
                {"--print-commands", NULL, NULL, NV_COMMAND_PRINT_COMMANDS, NULL},
                {"doctor", NULL, NULL, NV_COMMAND_DOCTOR, NULL},
                {"traces", NULL, NULL, NV_COMMAND_TRACES_LIST, NULL},
                {"traces", "list", "--errors", NV_COMMAND_TRACES_LIST, NULL},
                {"traces", "show", "7f", NV_COMMAND_TRACES_SHOW, "7f"},
                {"traces", "follow", "--all", NV_COMMAND_TRACES_FOLLOW, NULL},
                {"traces", "search", "text", NV_COMMAND_TRACES_SEARCH, "text"},
                {"traces", "export", NULL, NV_COMMAND_TRACES_EXPORT, NULL},
                {"traces", "export", "7f", NV_COMMAND_TRACES_EXPORT, "7f"},
                {"explain", "body.pb", NULL, NV_COMMAND_EXPLAIN, "body.pb"},
                {"redact", "--dry-run", "body.pb", NV_COMMAND_REDACT, "body.pb"},
                {"journal", "check", NULL, NV_COMMAND_JOURNAL_CHECK, NULL},
                {"journal", "list", NULL, NV_COMMAND_JOURNAL_LIST, NULL},
                {"dead", "list", NULL, NV_COMMAND_DEAD_LIST, NULL},
                {"dead", "show", "7", NV_COMMAND_DEAD_SHOW, "7"},
                {"dead", "retry", "all", NV_COMMAND_DEAD_RETRY, "all"},
                {"dead", "drop", "7", NV_COMMAND_DEAD_DROP, "7"},
                {"kafka", "inspect", "7f", NV_COMMAND_KAFKA_INSPECT, "7f"}};

START_TEST(every_command)
{
    ck_assert_int_eq(parse(commands[_i].a, commands[_i].b, commands[_i].c, NULL), NV_OK);
    ck_assert_int_eq(cli.command, commands[_i].command);
    if (cli.command == NV_COMMAND_HELP)
        return;
    if (!commands[_i].argument)
        ck_assert_ptr_null(cli.arguments);
    else
        ck_assert_str_eq(cli.arguments[0], commands[_i].argument);
    ck_assert_uint_eq(cli.argument_count, commands[_i].argument != NULL);
}
END_TEST

START_TEST(explain_takes_several_files)
{
    ck_assert_int_eq(parse("explain", "a.pb", "--set=a=1", "b.json.gz"), NV_OK);
    ck_assert_uint_eq(cli.argument_count, 2);
    ck_assert_str_eq(cli.arguments[0], "a.pb");
    ck_assert_str_eq(cli.arguments[1], "b.json.gz");
}
END_TEST

START_TEST(redact_is_told_to_change_nothing)
{
    ck_assert_int_eq(parse("redact", "a.pb", NULL, NULL), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "--dry-run"));
    ck_assert_int_eq(parse("explain", "a.pb", "--dry-run", NULL), NV_ERR_CONFIG);
    ck_assert_int_eq(parse("--dry-run", "redact", "a.pb", "b.pb"), NV_OK);
    ck_assert_uint_eq(cli.argument_count, 2);
}
END_TEST

START_TEST(options_before_and_after_a_command)
{
    ck_assert_int_eq(parse("--set=a=1", "doctor", "--set", "b=2"), NV_OK);
    ck_assert_uint_eq(cli.set_count, 2);
    ck_assert_str_eq(cli.sets[0], "a=1");
    ck_assert_str_eq(cli.sets[1], "b=2");
    ck_assert_int_eq(cli.command, NV_COMMAND_DOCTOR);
    ck_assert_int_eq(parse("-c", "x.yaml", NULL, NULL), NV_OK);
    ck_assert_str_eq(cli.config_file, "x.yaml");
}
END_TEST

static const char *const refusals[][5] = {
    {"--colour", NULL, NULL, NULL, "\"--colour\", did you mean \"--color\"?"},
    {"-x", NULL, NULL, NULL, "\"-x\""},
    {"--config", NULL, NULL, NULL, "incomplete"},
    {"start", NULL, NULL, NULL, "\"start\""},
    {"dead", NULL, NULL, NULL, "\"dead\" needs one of list, show, retry, drop"},
    {"journal", NULL, NULL, NULL, "\"journal\" needs one of check, list"},
    {"docter", NULL, NULL, NULL, "did you mean \"doctor\"?"},
    {"expl", NULL, NULL, NULL, "did you mean \"explain\"?"},
    {"dead", "lsit", NULL, NULL, "did you mean \"dead list\"?"},
    {"help", "docter", NULL, NULL, "did you mean \"doctor\"?"},
    {"help", "dead", "retyr", NULL, "did you mean \"dead retry\"?"},
    {"docter", "--help", NULL, NULL, "did you mean \"doctor\"?"},
    {"--confg", NULL, NULL, NULL, "did you mean \"--config\"?"},
    {"--dry-run", NULL, NULL, NULL, "--dry-run needs a command"},
    {"--json", "dead", "list", NULL, "\"dead\" has no --json"},
    {"doctor", "--color=always", NULL, NULL, "\"doctor\" has no --color"},
    {"--color", "blue", NULL, NULL, "--color is auto, always or never"},
    {"traces", "lst", NULL, NULL, "did you mean \"traces list\"?"},
    {"traces", "follow", "--limit=3", NULL, "\"traces\" has no --limit"},
    {"dead", "burn", NULL, NULL,
     "\"dead burn\": \"dead\" needs one of list, show, retry, drop"},
    {"dead", "show", NULL, NULL, "\"dead show\" needs ID"},
    {"explain", NULL, NULL, NULL, "\"explain\" needs FILE"},
    {"doctor", "now", NULL, NULL, "\"now\""},
    {"--check-config", "me", NULL, NULL, "\"me\""},
    {"dead", "show", "1", "2", "\"2\""}};

START_TEST(refused_with_the_word_named)
{
    const char *const *row = refusals[_i];
    ck_assert_int_eq(parse(row[0], row[1], row[2], row[3]), NV_ERR_CONFIG);
    ck_assert_msg(strstr(fail.what, row[4]) != NULL, "\"%s\" lacks \"%s\"", fail.what, row[4]);
}
END_TEST

START_TEST(a_topic_is_what_stands_behind_help_or_before_it)
{
    ck_assert_int_eq(parse("help", "dead", "show", NULL), NV_OK);
    ck_assert_str_eq(cli.topic_first, "dead");
    ck_assert_str_eq(cli.topic_second, "show");
    ck_assert_int_eq(parse("dead", "--help", NULL, NULL), NV_OK);
    ck_assert_str_eq(cli.topic_first, "dead");
    ck_assert_ptr_null(cli.topic_second);
    ck_assert_int_eq(parse("explain", "body.pb", "-h", NULL), NV_OK);
    ck_assert_str_eq(cli.topic_first, "explain");
    ck_assert_int_eq(parse("--help", NULL, NULL, NULL), NV_OK);
    ck_assert_ptr_null(cli.topic_first);
}
END_TEST

START_TEST(color_is_short_for_a_key)
{
    ck_assert_int_eq(parse("--color", "never", NULL, NULL), NV_OK);
    ck_assert_uint_eq(cli.set_count, 1);
    ck_assert_str_eq(cli.sets[0], "terminal.color=never");
}
END_TEST

START_TEST(a_limit_is_a_number_that_a_page_can_hold)
{
    char text[16];
    ck_assert_int_eq(parse("traces", "-n", "1", NULL), NV_OK);
    ck_assert_uint_eq(cli.limit, 1);
    for (int limit = NV_CLI_LIMIT_MAX; limit <= NV_CLI_LIMIT_MAX + 1; limit++) {
        (void)snprintf(text, sizeof text, "%d", limit);
        enum nv_err err = parse("traces", "list", "--limit", text);
        ck_assert_int_eq(err, limit == NV_CLI_LIMIT_MAX ? NV_OK : NV_ERR_CONFIG);
    }
    static const char *const broken[] = {"0", "-1", "x", ""};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        ck_assert_int_eq(parse("traces", "list", "--limit", broken[i]), NV_ERR_CONFIG);
        ck_assert_ptr_nonnull(strstr(fail.what, "--limit"));
    }
}
END_TEST

START_TEST(exit_codes)
{
    ck_assert_int_eq(nv_exit_code_of(NV_ERR_LOCKED), 3);
    ck_assert_int_eq(nv_exit_code_of(NV_ERR_CONFIG), 1);
    ck_assert_int_eq(nv_exit_code_of(NV_ERR_IO), 1);
}
END_TEST

START_TEST(out_of_memory)
{
    oom_fail_nth(1);
    enum nv_err err = parse("--help", NULL, NULL, NULL);
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    nv_cli_release(&cli);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("gateway/cli");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, every_command, 0, COUNT(commands));
    tcase_add_test(tcase, explain_takes_several_files);
    tcase_add_test(tcase, redact_is_told_to_change_nothing);
    tcase_add_test(tcase, options_before_and_after_a_command);
    tcase_add_loop_test(tcase, refused_with_the_word_named, 0, COUNT(refusals));
    tcase_add_test(tcase, a_topic_is_what_stands_behind_help_or_before_it);
    tcase_add_test(tcase, color_is_short_for_a_key);
    tcase_add_test(tcase, a_limit_is_a_number_that_a_page_can_hold);
    tcase_add_test(tcase, exit_codes);
    tcase_add_test(tcase, out_of_memory);
    suite_add_tcase(suite, tcase);
    int failed = nv_test_run(suite);
    nv_cli_release(&cli);
    return failed;
}
