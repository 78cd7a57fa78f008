/*
 * --check-config reads what every stage would read, and each command gets to its function.
 */
#include "captured.h"
#include "expect.h"
#include "gateway/commands/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static char directory[] = "/tmp/noveum-commands-XXXXXX";
static char path[64];
static struct nv_options options;

static void set(size_t id, const char *text)
{
    struct nv_fail fail = {0};
    enum nv_err err =
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail);
    ck_assert_msg(err == NV_OK, "%s", fail.what);
}

static void put_file(const char *text)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void set_up(void)
{
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    set(NV_OPT_journal_directory, directory);
    set(NV_OPT_exporter_file_directory, directory);
}

static void tear_down(void)
{
    nv_options_release(&options);
    (void)unlink(path);
}

static int check_config(void)
{
    captured_begin();
    int code = nv_command_check_config(&options);
    captured_end();
    return code;
}

START_TEST(a_good_configuration_is_passed_in_silence)
{
    ck_assert_int_eq(check_config(), NV_EXIT_OK);
    ck_assert_str_eq(captured_out, "");
    ck_assert_str_eq(captured_err, "");
    set(NV_OPT_exporter_noveum_api_key, "nv_key");
    set(NV_OPT_receiver_auth_token, "secret-token");
    ck_assert_int_eq(check_config(), NV_EXIT_OK);
}
END_TEST

/* What only a stage finds wrong, with the file in the message. */
static const struct {
    size_t id; /* of the option that names the file */
    const char *text;
} mistakes[] = {
    {NV_OPT_mapping_rules_file, "this is no rule\n"},
    {NV_OPT_mapping_prices_file, "no,price\n"},
    {NV_OPT_receiver_auth_tokens_file, "# none\n"},
};

START_TEST(a_mistake_that_a_stage_finds_is_told)
{
    put_file(mistakes[_i].text);
    set(mistakes[_i].id, path);
    ck_assert_int_eq(check_config(), NV_EXIT_USAGE);
    ck_assert(captured_has(captured_err, "noveum-gateway: "));
    ck_assert(captured_has(captured_err, path));
    ck_assert_str_eq(captured_out, "");
}
END_TEST

START_TEST(a_key_that_the_exporter_refuses_is_not_shown)
{
    set(NV_OPT_exporter_noveum_api_key, "nv_hidden key");
    ck_assert_int_eq(check_config(), NV_EXIT_USAGE);
    ck_assert_ptr_null(strstr(captured_err, "nv_hidden"));
}
END_TEST

/* Each by what it alone says of an empty directory. */
static const struct {
    enum nv_command command;
    const char *word;
    int code;
    const char *out, *err;
} commands[] = {
    {NV_COMMAND_JOURNAL_CHECK, NULL, NV_EXIT_OK, "0 files, 0 spare, 0 records", ""},
    {NV_COMMAND_JOURNAL_LIST, NULL, NV_EXIT_OK, "0 files", ""},
    {NV_COMMAND_DEAD_LIST, NULL, NV_EXIT_OK, "", "no dead letters"},
    {NV_COMMAND_DEAD_SHOW, "5", NV_EXIT_FAILED, "", "no dead letter 5"},
    {NV_COMMAND_DEAD_RETRY, "all", NV_EXIT_OK, "", ""},
    {NV_COMMAND_DEAD_DROP, "x", NV_EXIT_USAGE, "", "\"x\" is no id"},
    {NV_COMMAND_KAFKA_INSPECT, "x", NV_EXIT_USAGE, "", "\"x\" is no trace id"},
    {NV_COMMAND_EXPLAIN, "/nowhere", NV_EXIT_FAILED, "", "/nowhere"},
};

START_TEST(each_command_gets_to_its_function)
{
    const struct nv_cli cli = {.command = commands[_i].command,
                               .arguments = &commands[_i].word,
                               .argument_count = commands[_i].word ? 1 : 0};
    captured_begin();
    int code = nv_command_run(&cli, &options);
    captured_end();
    ck_assert_msg(code == commands[_i].code, "%d: %s%s", code, captured_out, captured_err);
    ck_assert(captured_has(captured_out, commands[_i].out));
    ck_assert(captured_has(captured_err, commands[_i].err));
}
END_TEST

int main(void)
{
    char command[80];
    Suite *suite = suite_create("gateway/commands");
    TCase *tcase = tcase_create("commands");
    if (!mkdtemp(directory))
        return 1;
    (void)snprintf(path, sizeof path, "%s/file", directory);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_good_configuration_is_passed_in_silence);
    tcase_add_loop_test(tcase, a_mistake_that_a_stage_finds_is_told, 0, COUNT(mistakes));
    tcase_add_test(tcase, a_key_that_the_exporter_refuses_is_not_shown);
    tcase_add_loop_test(tcase, each_command_gets_to_its_function, 0, COUNT(commands));
    suite_add_tcase(suite, tcase);
    int result = nv_test_run(suite);
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command) == 0 ? result : 1;
}
