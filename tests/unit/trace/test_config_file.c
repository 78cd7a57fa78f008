/*
 * The SDK's file: both forms give the same pairs, what is no such file is refused by its line,
 * files are found by their names, and every allocation failing once.
 */
#include "base/limits.h"
#include "config_kit.h"
#include "expect.h"
#include "oom.h"

#include "trace/config_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_trace_file file;
static char why[NV_TRACE_FILE_WHY_SIZE];

static void assert_key(const char *key, const char *text)
{
    const char *found = nv_trace_file_get(&file, key);
    if (!text)
        ck_assert_ptr_null(found);
    else
        ck_assert_pstr_eq(found, text);
}

static void parse(const char *text, bool json)
{
    enum nv_err err = nv_trace_file_parse(&file, nv_str_from(text), json, why);
    ck_assert_msg(err == NV_OK, "%s", why);
}

static void refused(const char *text, bool json, const char *reason)
{
    ck_assert_int_eq(nv_trace_file_parse(&file, nv_str_from(text), json, why),
                     NV_ERR_MALFORMED);
    ck_assert_str_eq(why, reason);
    nv_trace_file_release(&file);
}

START_TEST(yaml)
{
    parse(
        "\xef\xbb\xbf# the SDK's\n---\nproject: shop # ours\r\n\"environment\": 'it''s'\n"
        "service_version: \"1.2 # \\\"3\\\"\"\nempty:\nnothing: ~\nurl: http://h:1/#a\n"
        "transport:\n  timeout: 2.5\n  # deeper\n  retry:\n    attempts: 3\n  compression: "
        "true\n"
        "list:\n- a: 1\n  b: 2\n- c\nflow: [1, 2]\nmap: {}\ntext: |\n  project: no\n\n  more\n"
        "tracing:\n    sample_rate: 0.1\n    patterns:\n      - x: y\n        z: w\n    "
        "enabled: false\n",
        false);
    assert_key("project", "shop");
    assert_key("environment", "it's");
    assert_key("service_version", "1.2 # \"3\"");
    assert_key("empty", NULL);
    assert_key("nothing", NULL);
    assert_key("url", "http://h:1/#a");
    assert_key("transport.timeout", "2.5");
    assert_key("transport.retry.attempts", "3");
    assert_key("transport.compression", "true");
    assert_key("tracing.sample_rate", "0.1");
    assert_key("tracing.enabled", "false");
    assert_key("list.a", NULL);
    assert_key("tracing.patterns.z", NULL);
    nv_trace_file_release(&file);
    parse("", false);
    assert_key("project", NULL);
    nv_trace_file_release(&file);
}
END_TEST

START_TEST(json)
{
    parse("{\"project\": \"sh\\u006fp\", \"n\": null, \"list\": [{\"a\": 1}],\n"
          "\"transport\": {\"timeout\": 2.5, \"compression\": true, \"x\": {\"y\": false}},\n"
          "\"environment\": \"e\\u0000f\"}",
          true);
    assert_key("project", "shop");
    assert_key("transport.timeout", "2.5");
    assert_key("transport.compression", "true");
    assert_key("transport.x.y", "false");
    assert_key("environment", "e");
    assert_key("n", NULL);
    assert_key("list.a", NULL);
    nv_trace_file_release(&file);
}
END_TEST

/* As config_file.c has it. */
#define LEVELS_MAX 4

START_TEST(levels_to_the_depth)
{
    for (int more = 0; more < 2; more++) {
        char text[128], *end = text;
        for (int level = 0; level < LEVELS_MAX + more; level++)
            end += snprintf(end, (size_t)(text + sizeof text - end), "%*sk:\n", level, "");
        end += snprintf(end, (size_t)(text + sizeof text - end), "%*sk: 1\n", LEVELS_MAX + more,
                        "");
        ck_assert_int_eq(nv_trace_file_parse(&file, nv_str_from(text), false, why),
                         more == 0 ? NV_OK : NV_ERR_MALFORMED);
        nv_trace_file_release(&file);
    }
}
END_TEST

/* As config_file.c has it. */
#define PATH_MAX_BYTES ((size_t)120)

START_TEST(paths_to_their_length)
{
    for (size_t more = 0; more < 2; more++) {
        char text[PATH_MAX_BYTES + 10] = "a:\n ";
        char *path = text + 2; /* with "a." instead of the line end and the space: a NUL more */
        size_t len = PATH_MAX_BYTES - 1 + more;
        memset(text + 4, 'k', len - 2);
        memcpy(text + 2 + len, ": 1\n", 5);
        ck_assert_int_eq(nv_trace_file_parse(&file, nv_str_from(text), false, why),
                         more == 0 ? NV_OK : NV_ERR_MALFORMED);
        memcpy(path, "a.", 2);
        path[len] = '\0';
        assert_key(path, more == 0 ? "1" : NULL);
        nv_trace_file_release(&file);
    }
}
END_TEST

START_TEST(what_is_not_understood_is_refused)
{
    char deep[400];
    refused("project: shop\n\tx: y\n", false, "line 2: a tab is no indentation");
    refused("a:\n   b: 1\n  c: 2\n", false, "line 3: indented like no line above");
    refused("a: 1\n  b: 2\n", false, "line 2: indented like no line above");
    refused("just a text\n", false, "line 1: neither a key with a colon nor an item of a list");
    refused("a: &x 1\n", false, "line 1: only plain and quoted texts are read here");
    refused("a: {b: 1}\n", false, "line 1: only plain and quoted texts are read here");
    refused("a: [1,\n  2]\n", false, "line 1: only plain and quoted texts are read here");
    refused("a: \"b\\n\"\n", false, "line 1: a text in quotes on this line was expected");
    refused("a: 'b\n", false, "line 1: a text in quotes on this line was expected");
    refused("'a: 1\n", false, "line 1: a key in quotes and a colon were expected");
    refused(": 1\n", false, "line 1: a key is empty or too long");
    refused("a:\n b:\n  c:\n   d:\n    e:\n", false, "line 5: nested too deeply");
    memset(deep, 'k', sizeof deep);
    memcpy(deep + sizeof deep - 5, ": 1\n", 5);
    refused(deep, false, "line 1: a key is empty or too long");
    refused("[1]", true, "byte 1: no JSON object, or nested too deeply");
    refused("", true, "byte 0: text ends inside the value");
    refused("{\"a\": 1,}", true, "byte 8: expected a key");
    ck_assert_int_eq(nv_trace_file_parse(&file,
                                         NV_STR("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
                                                "{\"a\":{\"a\":{\"a\":1}}}}}}}}}"),
                                         true, why),
                     NV_ERR_MALFORMED);
    nv_trace_file_release(&file);
}
END_TEST

START_TEST(files_are_found)
{
    ck_assert_int_eq(nv_trace_file_read(&file, NULL, why), NV_OK);
    assert_key("project", NULL);
    nv_trace_file_release(&file);
    kit_write(".noveum-trace.yml", "project: hidden\n");
    ck_assert_int_eq(nv_trace_file_read(&file, NULL, why), NV_OK);
    assert_key("project", "hidden");
    nv_trace_file_release(&file);
    kit_write("noveum-trace.json", "{\"project\": \"json\"}");
    ck_assert_int_eq(nv_trace_file_read(&file, NULL, why), NV_OK);
    assert_key("project", "json");
    nv_trace_file_release(&file);
    kit_write("noveum-trace.yaml", "project: [\n");
    ck_assert_int_eq(nv_trace_file_read(&file, NULL, why), NV_ERR_MALFORMED);
    ck_assert_str_eq(why,
                     "noveum-trace.yaml: line 1: only plain and quoted texts are read here");
    nv_trace_file_release(&file);
}
END_TEST

/* As config_file.c has it. */
#define FILE_MAX NV_CAP_KIB(64)

START_TEST(files_to_their_size)
{
    for (size_t more = 0; more < 2; more++) {
        static char text[FILE_MAX + 2];
        memset(text, '#', FILE_MAX + more);
        memcpy(text, "project: p\n", 11);
        kit_write("noveum-trace.yaml", text);
        ck_assert_int_eq(nv_trace_file_read(&file, NULL, why),
                         more == 0 ? NV_OK : NV_ERR_MALFORMED);
        assert_key("project", more == 0 ? "p" : NULL);
        nv_trace_file_release(&file);
    }
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    ck_assert_int_eq(nv_trace_file_read(&file, "none.yaml", why), NV_ERR_MALFORMED);
    ck_assert_str_eq(why, "none.yaml: can't be opened");
    nv_trace_file_release(&file);
    ck_assert_int_eq(nv_trace_file_read(&file, "/", why), NV_ERR_MALFORMED);
    nv_trace_file_release(&file);
    ck_assert_int_eq(mkfifo("noveum-trace.yaml", 0600), 0); /* to which nobody ever writes */
    ck_assert_int_eq(nv_trace_file_read(&file, NULL, why), NV_ERR_MALFORMED);
    ck_assert_str_eq(why, "noveum-trace.yaml: no file of at most 64 KiB");
    nv_trace_file_release(&file);
    kit_write("noveum-trace.json", "{}");
    ck_assert_int_eq(truncate("noveum-trace.json", 65537), 0);
    ck_assert_int_eq(nv_trace_file_read(&file, "noveum-trace.json", why), NV_ERR_MALFORMED);
    ck_assert_str_eq(why, "noveum-trace.json: no file of at most 64 KiB");
    nv_trace_file_release(&file);
}
END_TEST

START_TEST(without_memory)
{
    kit_write("noveum-trace.yaml", "a:\n  'b': \"c\"\nd: e\n");
    kit_write("noveum-trace.json", "{\"a\": {\"b\": \"\\u0063\"}}");
    for (int i = 0; i < 2; i++) {
        bool failed = true;
        for (unsigned long n = 1; failed; n++) {
            oom_fail_nth(n);
            enum nv_err err = nv_trace_file_read(
                &file, i == 0 ? "noveum-trace.yaml" : "noveum-trace.json", why);
            failed = oom_end();
            ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
            if (!failed)
                assert_key("a.b", "c");
            nv_trace_file_release(&file);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_file");
    TCase *tcase = tcase_create("config_file");
    tcase_add_checked_fixture(tcase, kit_enter, kit_leave);
    tcase_add_test(tcase, yaml);
    tcase_add_test(tcase, json);
    tcase_add_test(tcase, levels_to_the_depth);
    tcase_add_test(tcase, paths_to_their_length);
    tcase_add_test(tcase, what_is_not_understood_is_refused);
    tcase_add_test(tcase, files_are_found);
    tcase_add_test(tcase, files_to_their_size);
    tcase_add_test(tcase, what_is_no_file_is_refused);
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
