/*
 * `journal check|list` and `dead list|show|retry|drop` on the journal of a stopped gateway, and
 * what they say when there is none, it is damaged, or a gateway that does not answer holds it.
 */
#include "captured.h"
#include "expect.h"
#include "gateway/commands/journal_commands.h"
#include "gateway/dead/dead_store.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define HEAD(reason)                                                                           \
    "{\"v\":1,\"trace_id\":\"t1\",\"name\":\"n\",\"reason\":\"" reason                         \
    "\",\"status\":400,\"why\":\"w\",\"time\":\"now\",\"spans\":2}"

#define TRACE "{\"trace_id\":\"t-1\",\"name\":\"n\",\"span_count\":1,\"spans\":[]}"

static char directory[] = "/tmp/noveum-journal-commands-XXXXXX";
static struct nv_options options;

static void each_file(void (*visit)(const char *path))
{
    char pattern[100];
    glob_t found;
    (void)snprintf(pattern, sizeof pattern, "%s/*", directory);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            visit(found.gl_pathv[i]);
        globfree(&found);
    }
}

static void drop_file(const char *path)
{
    (void)unlink(path);
}

static void set_up(void)
{
    struct nv_fail fail = {0};
    each_file(drop_file);
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    ck_assert_int_eq(nv_options_set(&options, NV_OPT_journal_directory, nv_str_from(directory),
                                    NV_SOURCE_SET, "--set", &fail),
                     NV_OK);
}

static void tear_down(void)
{
    nv_options_release(&options);
}

static struct nv_dead_store open_store(void)
{
    struct nv_dead_store store = {0};
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_dead_store_open(&options, &store, &fail), NV_OK);
    return store;
}

static uint64_t put_dead(const char *head, const char *body)
{
    struct nv_dead_store store = open_store();
    uint64_t id = 0;
    ck_assert_int_eq(store.store.put(store.store.ctx, NV_RECORD_DEAD_LETTER, nv_str_from(head),
                                     nv_str_from(body), &id),
                     NV_OK);
    nv_dead_store_close(&store);
    return id;
}

static int run_journal(bool list)
{
    captured_begin();
    int code = nv_command_journal(&options, list);
    captured_end();
    return code;
}

static int run_dead(enum nv_command command, const char *word)
{
    const struct nv_cli cli = {
        .command = command, .arguments = &word, .argument_count = word ? 1 : 0};
    captured_begin();
    int code = nv_command_dead(&options, &cli);
    captured_end();
    return code;
}

static const char *number(uint64_t id)
{
    static char text[32];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)id);
    return text;
}

/* ---- journal ----------------------------------------------------------------------------- */

START_TEST(a_journal_is_counted)
{
    (void)put_dead(HEAD("rejected"), "{}");
    (void)put_dead(HEAD("rejected"), "{}");
    ck_assert_int_eq(run_journal(false), NV_EXIT_OK);
    ck_assert(captured_has(captured_out, " 2 records of "));
    ck_assert(captured_has(captured_out, " 0 damaged, 0 missing\n"));
    ck_assert_str_eq(captured_err, "");
    size_t len = strlen(captured_out);
    ck_assert_int_eq(run_journal(true), NV_EXIT_OK);
    ck_assert_uint_gt(strlen(captured_out), len); /* a line a record more */
}
END_TEST

START_TEST(without_a_journal_it_fails)
{
    free(options.journal_directory);
    options.journal_directory = strdup("/nowhere/at/all");
    ck_assert_int_eq(run_journal(false), NV_EXIT_FAILED);
    ck_assert(captured_has(captured_err, "noveum-gateway: "));
    ck_assert_str_eq(captured_out, "");
}
END_TEST

/* Changes a letter of every body of `b`s. */
static void damage(const char *path)
{
    static char bytes[1u << 20];
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t got = fd >= 0 ? pread(fd, bytes, sizeof bytes, 0) : 0;
    for (ssize_t at = 0; at + 4 < got; at++) {
        if (memcmp(bytes + at, "bbbb", 4) == 0) {
            ck_assert_int_eq(pwrite(fd, "B", 1, at), 1);
            at += 3900;
        }
    }
    if (fd >= 0)
        (void)close(fd);
}

START_TEST(damage_is_a_failure)
{
    char body[4000];
    memset(body, 'b', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    (void)put_dead(HEAD("rejected"), body);
    (void)put_dead(HEAD("rejected"), body);
    each_file(damage);
    ck_assert_int_eq(run_journal(false), NV_EXIT_FAILED);
}
END_TEST

static void choose(enum nv_option_id id, const char *value)
{
    struct nv_fail fail = {0};
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(value), NV_SOURCE_SET, "--set", &fail), NV_OK);
}

START_TEST(an_encrypted_journal_is_read_with_its_key)
{
    char key[100];
    choose(NV_OPT_journal_encryption, "on");
    uint64_t id = put_dead(HEAD("rejected"), TRACE);
    choose(NV_OPT_journal_encryption, "auto");
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_SHOW, number(id)), NV_EXIT_OK);
    ck_assert(captured_has(captured_out, "t-1"));
    ck_assert_int_eq(run_journal(true), NV_EXIT_OK);
    ck_assert(captured_has(captured_out, " dead-letter length="));
    ck_assert(captured_has(captured_out, "1 files are encrypted"));
    (void)snprintf(key, sizeof key, "%s/key", directory);
    ck_assert_int_eq(unlink(key), 0);
    ck_assert_int_eq(run_journal(false), NV_EXIT_FAILED);
    ck_assert(captured_has(captured_out, " (not here)\n"));
    ck_assert(captured_has(captured_out, "1 records of them want a key that is not here"));
    choose(NV_OPT_journal_key_lost, "aside"); /* a look must not set files aside */
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_LIST, NULL), NV_EXIT_FAILED);
    ck_assert(captured_has(captured_err, "1 files, 1 records, "));
}
END_TEST

/* ---- dead letters ------------------------------------------------------------------------ */

START_TEST(dead_letters_are_listed_shown_and_dropped)
{
    uint64_t id = put_dead(HEAD("rejected"), TRACE);
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_LIST, NULL), NV_EXIT_OK);
    ck_assert(captured_has(captured_out, "rejected"));
    ck_assert_str_eq(captured_err, "");
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_SHOW, number(id)), NV_EXIT_OK);
    ck_assert(captured_has(captured_out, "t-1"));
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_DROP, number(id)), NV_EXIT_OK);
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_LIST, NULL), NV_EXIT_OK);
    ck_assert_str_eq(captured_out, "");
    ck_assert(captured_has(captured_err, "no dead letters"));
}
END_TEST

START_TEST(one_that_is_not_there)
{
    (void)put_dead(HEAD("rejected"), "{}");
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_SHOW, "987654"), NV_EXIT_FAILED);
    ck_assert(captured_has(captured_err, "no dead letter 987654; `dead list` shows them"));
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_DROP, "987654"), NV_EXIT_FAILED);
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_RETRY, "987654"), NV_EXIT_FAILED);
}
END_TEST

START_TEST(a_word_that_is_no_id)
{
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_SHOW, "seven"), NV_EXIT_USAGE);
    ck_assert(captured_has(captured_err, "\"seven\" is no id"));
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_SHOW, "all"), NV_EXIT_USAGE);
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_DROP, "-1"), NV_EXIT_USAGE);
}
END_TEST

START_TEST(a_retried_letter_waits_for_the_next_start)
{
    uint64_t id = put_dead(HEAD("rejected"), TRACE);
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_RETRY, number(id)), NV_EXIT_OK);
    ck_assert(captured_has(captured_out, "no gateway runs here: the next start sends them"));
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_LIST, NULL), NV_EXIT_OK);
    ck_assert_str_eq(captured_out, "");
}
END_TEST

START_TEST(terminals_are_not_written_to_by_names)
{
    (void)put_dead(
        "{\"v\":1,\"trace_id\":\"t\",\"name\":\"\\u001b[2J\",\"reason\":\"rejected\","
        "\"status\":400,\"why\":\"w\",\"time\":\"now\",\"spans\":1}",
        "{}");
    ck_assert_int_eq(run_dead(NV_COMMAND_DEAD_LIST, NULL), NV_EXIT_OK);
    ck_assert_ptr_null(strchr(captured_out, '\033'));
}
END_TEST

/* Its journal is locked and nobody listens at the socket beside it. */
START_TEST(a_gateway_that_does_not_answer)
{
    struct nv_dead_store held = open_store();
    int code = run_dead(NV_COMMAND_DEAD_LIST, NULL);
    nv_dead_store_close(&held);
    ck_assert_int_eq(code, NV_EXIT_FAILED);
    ck_assert(captured_has(captured_err, "can't reach the gateway that runs here"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/journal_commands");
    TCase *tcase = tcase_create("commands");
    if (!mkdtemp(directory))
        return 1;
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_journal_is_counted);
    tcase_add_test(tcase, without_a_journal_it_fails);
    tcase_add_test(tcase, damage_is_a_failure);
    tcase_add_test(tcase, an_encrypted_journal_is_read_with_its_key);
    tcase_add_test(tcase, dead_letters_are_listed_shown_and_dropped);
    tcase_add_test(tcase, one_that_is_not_there);
    tcase_add_test(tcase, a_word_that_is_no_id);
    tcase_add_test(tcase, a_retried_letter_waits_for_the_next_start);
    tcase_add_test(tcase, terminals_are_not_written_to_by_names);
    tcase_add_test(tcase, a_gateway_that_does_not_answer);
    suite_add_tcase(suite, tcase);
    int result = nv_test_run(suite);
    each_file(drop_file);
    (void)rmdir(directory);
    return result;
}
