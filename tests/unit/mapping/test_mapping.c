/*
 * The mapping as a whole: configuration, a user's own rules and prices, explain.
 *
 * Adding a made-up convention takes one table and no C: the first test does it.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/settle/agents.h"
#include "mapping/rules/rule.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/support/mapping_kit.h"
#include "tests/support/oom.h"

#include "base/banned.h"

START_TEST(a_made_up_convention_takes_one_table)
{
    struct nv_mapping *mapping = told_mapping(
        "convention acme \"The Acme agent framework\"\n"
        "acme.kind | span | value=THINK | kind | kind(llm) | 30 |\n"
        "acme.kind | span | value=ACT | kind | kind(tool) | 30 |\n"
        "acme.brain | span | kind=llm | llm.model | copy | 30 |\n"
        "acme.said.{i}.{*} | span | kind=llm | llm.output.messages | messages(output) | 30 |\n"
        "acme.heard | span | kind=llm | llm.input.messages | messages(input) | 30 |\n"
        "acme.words.in | span | | llm.input_tokens | int | 30 |\n"
        "acme.wait_s | span | | llm.time_to_first_token_ms | s2ms | 30 |\n"
        "acme.hammer | span | kind=tool | tool.name | copy | 30 |\n"
        "acme.who | span | | metadata.user_id | text | 30 |\n"
        "acme.note.{*} | span | | metadata.custom_attributes.{*} | copy | 30 |\n"
        "acme.key | span | | - | drop | 30 |\n",
        NULL);
    struct told *told = told_with(
        mapping, NULL,
        "[{'name': 'think', 'attributes': {'acme.kind': 'THINK', 'acme.brain': 'b-1', "
        "'acme.heard': 'hello', 'acme.said.0.role': 'assistant', 'acme.said.0.content': 'hi', "
        "'acme.words.in': '12', 'acme.wait_s': 0.5, 'acme.who': 'u', 'acme.note.x.y': 1, "
        "'acme.key': 'secret'}},"
        "{'name': 'act', 'attributes': {'acme.kind': 'act', 'acme.hammer': 'h'}}]");
    ck_assert_str_eq(told_kind(told, "think"), "llm");
    ck_assert_str_eq(told_kind(told, "act"), "tool");
    told_is(told, "think", "llm.model", "'b-1'");
    told_is(told, "think", "acme.brain", NULL);
    told_is(told, "think", "llm.input.messages", "[{'role': 'user', 'content': 'hello'}]");
    told_is(told, "think", "llm.output.response", "'hi'");
    told_is(told, "think", "llm.input_tokens", "12");
    told_is(told, "think", "acme.words.in", "'12'");
    told_is(told, "think", "llm.time_to_first_token_ms", "500");
    told_is(told, "think", "acme.key", "'***'");
    told_is(told, "act", "tool.name", "'h'");
    told_member(told, NULL, "metadata.user_id", "'u'");
    told_member(told, NULL, "metadata.custom_attributes", "{'x.y': 1}");
    told_free(told);
    nv_mapping_free(mapping);
}
END_TEST

START_TEST(a_users_row_goes_before_the_built_in_one)
{
    struct nv_mapping *mapping =
        told_mapping("my.model | span | kind=llm | llm.model | copy | 30 |\n", NULL);
    struct told *told =
        told_with(mapping, NULL,
                  "[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                  "'gen_ai.response.model': 'theirs', 'my.model': 'mine'}}]");
    told_is(told, "a", "llm.model", "'mine'");
    told_is(told, "a", "gen_ai.response.model", NULL); /* llm.response_model says it */
    told_free(told);
    nv_mapping_free(mapping);
}
END_TEST

START_TEST(wrong_files_are_refused_at_start)
{
    struct nv_fail fail = {0};
    ck_assert_ptr_null(told_mapping("x | span | | llm.x | dance | 1\n", &fail));
    ck_assert_int_eq(fail.code, NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.path, ":1:"));
    char rows[16384];
    size_t len = 0;
    for (unsigned i = 0; i < NV_SIGNS_MAX; i++) {
        len += (size_t)snprintf(rows + len, sizeof rows - len,
                                "my.key | span | scope=mine-%u | llm.model | copy | 30 |\n", i);
    }
    memset(&fail, 0, sizeof fail);
    ck_assert_ptr_null(told_mapping(rows, &fail));
    ck_assert_int_eq(fail.code, NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "different conditions"));
    struct nv_mapping_config missing = {.rules_file = NV_STR("/nowhere/rules")};
    memset(&fail, 0, sizeof fail);
    ck_assert_ptr_null(nv_mapping_new(&missing, &fail));
    ck_assert_int_eq(fail.code, NV_ERR_CONFIG);
    missing = (struct nv_mapping_config){.prices_file = NV_STR("/nowhere/prices")};
    memset(&fail, 0, sizeof fail);
    ck_assert_ptr_null(nv_mapping_new(&missing, &fail));
    ck_assert_ptr_nonnull(strstr(fail.path, "/nowhere/prices"));
}
END_TEST

/* It may be one, `mapping.rules_file=/dev/fd/63`, but nobody waits for its writer for ever. */
START_TEST(a_pipe_that_nobody_writes_to)
{
    char path[64];
    struct nv_fail fail = {0};
    (void)snprintf(path, sizeof path, "/tmp/noveum-mapping-fifo-%ld", (long)getpid());
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    struct nv_mapping_config config = {.rules_file = nv_str_from(path)};
    ck_assert_ptr_null(nv_mapping_new(&config, &fail));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(fail.code, NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "nobody writes to this pipe"));
}
END_TEST

START_TEST(keep_source_sends_both)
{
    struct nv_mapping_config config = {.keep_source = NV_KEEP_ALL};
    struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
    struct told *told =
        told_with(mapping, NULL,
                  "[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                  "'gen_ai.request.model': 'm', 'llm.headers': 'x'}}]");
    told_is(told, "a", "llm.model", "'m'");
    told_is(told, "a", "gen_ai.request.model", "'m'");
    told_is(told, "a", "llm.headers", "'***'");
    told_free(told);
    nv_mapping_free(mapping);
}
END_TEST

/* Memory ends at every place in turn: the trace as it came or cut, or an error, never a crash,
 * and nothing is leaked. */
START_TEST(memory_that_ends_while_translating)
{
    static const char *const cases[] = {"oi-openai-tools", "adk2-handoff", "oi-langchain-rag",
                                        "otel-openai-event-tools", "litellm-otel-chat"};
    struct nv_mapping_config config = {0};
    struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct nv_fixture *fixture = nv_test_fixture_load(cases[c]);
        bool failed = false, done = false;
        for (size_t max = (size_t)1 << 10; max <= (size_t)1 << 20; max *= 2) {
            for (size_t used = 0; used < max / 4; used += max / 256) {
                enum nv_err err = nv_test_translate_within(mapping, fixture, max, used);
                ck_assert_msg(err == NV_OK || err == NV_ERR_NO_MEMORY, "%s: %d", cases[c], err);
                failed = failed || err != NV_OK;
                done = done || err == NV_OK;
            }
        }
        ck_assert_msg(failed && done, "%s", cases[c]);
        nv_test_fixture_free(fixture);
    }
    nv_mapping_free(mapping);
}
END_TEST

START_TEST(memory_that_ends_at_start)
{
    struct nv_mapping_config config = {.project = NV_STR("p")};
    struct nv_mapping *mapping = NULL;
    for (unsigned long n = 1; !mapping; n++) {
        oom_fail_nth(n);
        mapping = nv_mapping_new(&config, NULL);
        bool failed = oom_end();
        ck_assert(failed == (mapping == NULL));
    }
    nv_mapping_free(mapping);
}
END_TEST

static void count_spans(void *ctx, struct nv_trace *trace)
{
    *(uint64_t *)ctx += trace->span_count;
}

static void *translate_some(void *ctx)
{
    static const char *const cases[] = {"oi-openai-tools", "adk2-handoff", "tl-openai-tools"};
    uint64_t spans = 0;
    for (size_t i = 0; i < 6; i++) {
        struct nv_fixture *fixture = nv_test_fixture_load(cases[i % 3]);
        nv_test_case_translate(ctx, fixture, count_spans, &spans);
        nv_test_fixture_free(fixture);
    }
    return (void *)(uintptr_t)spans;
}

START_TEST(threads_share_a_mapping)
{
    struct nv_agents_config agents_config = {0};
    struct nv_agents *agents = nv_agents_new(&agents_config);
    struct nv_mapping_config config = {.agents = agents};
    struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
    pthread_t threads[3];
    void *spans[3];
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, translate_some, mapping), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], &spans[i]);
    ck_assert_ptr_eq(spans[0], spans[1]);
    ck_assert_ptr_eq(spans[0], spans[2]);
    nv_mapping_free(mapping);
    nv_agents_free(agents);
}
END_TEST

START_TEST(freeing_nothing)
{
    nv_mapping_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/mapping");
    TCase *tcase = tcase_create("mapping");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_made_up_convention_takes_one_table);
    tcase_add_test(tcase, a_users_row_goes_before_the_built_in_one);
    tcase_add_test(tcase, wrong_files_are_refused_at_start);
    tcase_add_test(tcase, a_pipe_that_nobody_writes_to);
    tcase_add_test(tcase, keep_source_sends_both);
    tcase_add_test(tcase, memory_that_ends_while_translating);
    tcase_add_test(tcase, memory_that_ends_at_start);
    tcase_add_test(tcase, threads_share_a_mapping);
    tcase_add_test(tcase, freeing_nothing);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
