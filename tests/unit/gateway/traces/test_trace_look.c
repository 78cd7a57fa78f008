/*
 * Looks: one trace by either id, names, sessions, an overview that adds up.
 */
#include "expect.h"
#include "traces_kit.h"

#include "gateway/traces/trace_look.h"

#include <stdio.h>

#include "base/banned.h"

static struct traces_kit kit;

static void set_up(void)
{
    static const struct kit_trace traces[] = {{.id = "a1",
                                               .model = "m1",
                                               .session = "s",
                                               .question = "first",
                                               .start_ms = 1000,
                                               .ms = 10,
                                               .cost = 0.5,
                                               .tool = "t"},
                                              {.id = "a2",
                                               .model = "m1",
                                               .session = "s",
                                               .question = "second",
                                               .start_ms = 1900,
                                               .ms = 30,
                                               .cost = -1,
                                               .failed = true},
                                              {.id = "a3",
                                               .model = "m2",
                                               .question = "third",
                                               .start_ms = 5000,
                                               .ms = 50,
                                               .cost = 0.25}};
    traces_kit_init(&kit, NULL);
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++)
        traces_kit_put(&kit, &traces[i], 0);
}

static void tear_down(void)
{
    traces_kit_release(&kit);
}

static bool says(const char *part)
{
    const char *text = traces_kit_text(&kit);
    kit.out.len--;
    return strstr(text, part) != NULL;
}

START_TEST(a_trace_is_given_as_it_was_sent)
{
    ck_assert_int_eq(nv_look_trace(kit.reader, NV_STR("a2"), &kit.out), NV_OK);
    ck_assert(says("\"trace_id\":\"a2\"") && says("\"content\":\"second\""));
    ck_assert_int_eq(nv_look_trace(kit.reader, NV_STR("a9"), &kit.out), NV_ERR_NOT_FOUND);
}
END_TEST

START_TEST(names_are_counted)
{
    ck_assert_int_eq(nv_look_names(kit.reader, &kit.out), NV_OK);
    ck_assert(
        says("\"model\":[{\"name\":\"m1\",\"traces\":2},{\"name\":\"m2\",\"traces\":1}]"));
    ck_assert(says("\"tool\":[{\"name\":\"t\",\"traces\":1}]"));
    ck_assert(!says("\"session\""));
}
END_TEST

START_TEST(a_session_is_its_traces)
{
    ck_assert_int_eq(nv_look_sessions(kit.reader, &kit.out), NV_OK);
    ck_assert(says("\"session\":\"s\",\"traces\":2,\"errors\":1,\"tokens\":240,\"cost\":0.5"));
    ck_assert(says("\"question\":\"first\""));
}
END_TEST

START_TEST(an_overview_adds_up)
{
    struct nv_look_span span = {.since_ms = 1000, .until_ms = 5000, .slices = 4};
    ck_assert_int_eq(nv_look_overview(kit.reader, &span, &kit.out), NV_OK);
    ck_assert(says("\"total\":[{\"traces\":2,\"spans\":5,\"errors\":1,\"input_tokens\":200,"
                   "\"output_tokens\":40,\"cost\":0.5}]")); /* 5000 is outside */
    ck_assert(says("\"slices\":[{\"slice\":0,\"traces\":2"));
    ck_assert(says("\"latency\":[{\"p50\":10.0,\"p95\":30.0,\"p99\":30.0,\"max\":30.0}]") ||
              says("\"latency\":[{\"p50\":10,\"p95\":30,\"p99\":30,\"max\":30}]"));
    ck_assert(says("\"model\":[{\"name\":\"m1\",\"calls\":2,\"errors\":1,"));
    ck_assert(!says("\"m2\""));
}
END_TEST

static unsigned count_of(const char *part)
{
    unsigned count = 0;
    const char *at = traces_kit_text(&kit);
    while ((at = strstr(at, part)) != NULL) {
        at++;
        count++;
    }
    return count;
}

START_TEST(so_many_sessions_and_no_more)
{
    static char names[NV_LOOK_NAMES_MAX + 1][16];
    for (unsigned i = 0; i <= NV_LOOK_NAMES_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%u", i);
        struct kit_trace trace = {
            .id = names[i], .session = names[i], .start_ms = i, .cost = -1};
        traces_kit_put(&kit, &trace, 0);
    }
    ck_assert_int_eq(nv_look_sessions(kit.reader, &kit.out), NV_OK);
    ck_assert_uint_eq(count_of("\"session\":"), NV_LOOK_NAMES_MAX);
}
END_TEST

START_TEST(an_overview_has_at_most_its_slices)
{
    struct nv_look_span span = {.since_ms = 0, .until_ms = 10000, .slices = NV_LOOK_SLICES_MAX};
    ck_assert_int_eq(nv_look_overview(kit.reader, &span, &kit.out), NV_OK);
    ck_assert_uint_eq(count_of("\"slice\":"), 3); /* one a trace here */
}
END_TEST

START_TEST(an_overview_of_nothing_is_one)
{
    struct nv_look_span span = {.since_ms = 0, .until_ms = 1, .slices = 1};
    ck_assert_int_eq(nv_look_overview(kit.reader, &span, &kit.out), NV_OK);
    ck_assert(says("\"traces\":0") && says("\"slices\":[]"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/traces/trace_look");
    TCase *tcase = tcase_create("look");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_trace_is_given_as_it_was_sent);
    tcase_add_test(tcase, names_are_counted);
    tcase_add_test(tcase, a_session_is_its_traces);
    tcase_add_test(tcase, an_overview_adds_up);
    tcase_add_test(tcase, so_many_sessions_and_no_more);
    tcase_add_test(tcase, an_overview_has_at_most_its_slices);
    tcase_add_test(tcase, an_overview_of_nothing_is_one);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
