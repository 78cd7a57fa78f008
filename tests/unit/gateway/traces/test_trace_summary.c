/*
 * A row from a trace's JSON: what it says, what may be missing, and circles of parents.
 */
#include "expect.h"
#include "oom.h"
#include "traces_kit.h"

#include <stdlib.h>

#include "base/banned.h"

/* as in the source */
#define COUNT_MAX 1000000u

static struct nv_arena *arena;
static struct nv_trace_summary summary;
static struct nv_buf json, text;

static const struct kit_trace usual = {.id = "000000000000000000000000000000a1",
                                       .name = "support",
                                       .model = "gpt-4o",
                                       .tool = "find",
                                       .session = "s-1",
                                       .question = "where is my parcel",
                                       .answer = "at the depot",
                                       .start_ms = 1700000000123,
                                       .ms = 1500.5,
                                       .cost = 0.25,
                                       .failed = true};

static void set_up(void)
{
    arena = nv_arena_new(1u << 22);
    nv_buf_init(&json, 1u << 20);
    nv_buf_init(&text, 1u << 16);
}

static void tear_down(void)
{
    nv_arena_free(arena);
    nv_buf_release(&json);
    nv_buf_release(&text);
}

static const struct nv_mention *find(enum nv_mention_kind kind, const char *name)
{
    for (uint32_t i = 0; i < summary.mention_count; i++) {
        if (summary.mentions[i].kind == kind &&
            nv_str_eq(summary.mentions[i].name, nv_str_from(name)))
            return &summary.mentions[i];
    }
    ck_abort_msg("no %s", name);
    return NULL;
}

static enum nv_err read_text(const char *from)
{
    return nv_trace_summary_read(arena, nv_str_from(from), &summary, &text);
}

START_TEST(who_called_whom)
{
    ck_assert_int_eq(
        read_text("{\"spans\":[{\"span_id\":\"a\",\"attributes\":{\"agent_graph.connections\":["
                  "{\"from\":\"desk\",\"to\":\"a \\\"b\\\"\",\"type\":\"handoff\",\"count\":3},"
                  "{\"from\":\"desk\",\"to\":\"a \\\"b\\\"\",\"type\":\"handoff\"},"
                  "{\"from\":\"desk\",\"to\":\"x\",\"type\":\"call\",\"count\":-7},"
                  "{\"from\":\"desk\",\"to\":\"most\",\"count\":1000000},"
                  "{\"from\":\"desk\",\"to\":\"more\",\"count\":1000001},"
                  "{\"from\":\"desk\"},7]}}]}"),
        NV_OK);
    ck_assert_uint_eq(find(NV_MENTION_EDGE, "[\"desk\",\"a \\\"b\\\"\",\"handoff\"]")->calls,
                      4);
    ck_assert_uint_eq(find(NV_MENTION_EDGE, "[\"desk\",\"x\",\"call\"]")->calls, 1);
    unsigned edges = 0;
    for (uint32_t i = 0; i < summary.mention_count; i++)
        edges += summary.mentions[i].kind == NV_MENTION_EDGE;
    ck_assert_uint_eq(edges, 4);
    ck_assert_uint_eq(find(NV_MENTION_EDGE, "[\"desk\",\"most\",\"\"]")->calls, COUNT_MAX);
    ck_assert_uint_eq(find(NV_MENTION_EDGE, "[\"desk\",\"more\",\"\"]")->calls, 1);
}
END_TEST

START_TEST(a_usual_trace_says_all)
{
    traces_kit_write(&usual, &json);
    ck_assert_int_eq(nv_trace_summary_read(arena, nv_buf_str(&json), &summary, &text), NV_OK);
    ck_assert_nv_str(summary.trace_id, usual.id);
    ck_assert_nv_str(summary.name, "support");
    ck_assert_nv_str(summary.kind, "agent");
    ck_assert_nv_str(summary.service, "support");
    ck_assert_nv_str(summary.session, "s-1");
    ck_assert_nv_str(summary.question, "where is my parcel");
    ck_assert_nv_str(summary.answer, "at the depot");
    ck_assert_int_eq(summary.start_us, 1700000000123000);
    ck_assert_double_eq(summary.duration_ms, 1500.5);
    ck_assert_double_eq(summary.cost, 0.25);
    ck_assert_double_eq(summary.first_token_ms, 12.5);
    ck_assert_uint_eq(summary.span_count, 3);
    const struct nv_mention *agent = find(NV_MENTION_AGENT, "desk");
    ck_assert_uint_eq(agent->calls, 3); /* spans below it are its own */
    ck_assert_int_eq(agent->input_tokens + agent->output_tokens, 0 + 120);
    ck_assert_uint_eq(find(NV_MENTION_TOOL, "find")->errors, 1);
    ck_assert_nv_str(find(NV_MENTION_STATUS, "error")->name, "error");
    (void)nv_buf_append_char(&text, '\0');
    ck_assert_ptr_nonnull(strstr(text.bytes, "at the depot"));
}
END_TEST

START_TEST(what_is_not_told_is_not_known)
{
    ck_assert_int_eq(read_text("{\"trace_id\":\"x\",\"spans\":[{},7,{\"attributes\":3}]}"),
                     NV_OK);
    ck_assert_int_eq(summary.input_tokens, -1);
    ck_assert(summary.cost < 0 && summary.first_token_ms < 0);
    ck_assert_nv_str(summary.kind, "span");
    ck_assert_uint_eq(summary.question.len, 0);
}
END_TEST

START_TEST(parents_in_a_circle_end)
{
    ck_assert_int_eq(read_text("{\"spans\":[{\"span_id\":\"a\",\"parent_span_id\":\"b\"},"
                               "{\"span_id\":\"b\",\"parent_span_id\":\"a\"},"
                               "{\"span_id\":\"b\",\"parent_span_id\":\"b\"}]}"),
                     NV_OK);
}
END_TEST

/* As trace_summary.c has it; check_caps.py holds them alike. */
#define ANCESTORS_MAX 200u

/* A call of a model below an agent, `between` spans apart: how often the agent is said to have
 * called. */
static unsigned calls_of_agent_above(unsigned between)
{
    nv_buf_clear(&json);
    (void)nv_buf_append_str(&json, NV_STR("{\"spans\":[{\"span_id\":\"0\",\"attributes\":{"
                                          "\"agent.name\":\"desk\"}}"));
    for (unsigned i = 1; i <= between + 1; i++)
        (void)nv_buf_printf(&json, ",{\"span_id\":\"%u\",\"parent_span_id\":\"%u\"}", i, i - 1);
    (void)nv_buf_append_str(&json, NV_STR("]}"));
    ck_assert_int_eq(nv_trace_summary_read(arena, nv_buf_str(&json), &summary, &text), NV_OK);
    return find(NV_MENTION_AGENT, "desk")->calls;
}

START_TEST(ancestors_are_followed_so_far)
{
    /* a span, those between, and the agent itself are looked at */
    ck_assert_uint_eq(calls_of_agent_above(ANCESTORS_MAX - 2), ANCESTORS_MAX);
    ck_assert_uint_eq(calls_of_agent_above(ANCESTORS_MAX - 1), ANCESTORS_MAX);
}
END_TEST

START_TEST(the_root_tells_when_no_call_does)
{
    ck_assert_int_eq(
        read_text("{\"spans\":[{\"span_id\":\"a\",\"attributes\":{\"chain.inputs\":"
                  "\"in\",\"chain.output.outputs\":\"out\"}}]}"),
        NV_OK);
    ck_assert_nv_str(summary.question, "in");
    ck_assert_nv_str(summary.answer, "out");
}
END_TEST

START_TEST(an_answer_is_cut_past_its_length)
{
    char answer[NV_SUMMARY_TEXT_MAX + 2];
    for (unsigned more = 0; more < 2; more++) {
        struct kit_trace trace = usual;
        memset(answer, 'x', sizeof answer);
        answer[NV_SUMMARY_TEXT_MAX + more] = '\0';
        trace.answer = answer;
        nv_buf_clear(&json);
        traces_kit_write(&trace, &json);
        ck_assert_int_eq(nv_trace_summary_read(arena, nv_buf_str(&json), &summary, &text),
                         NV_OK);
        ck_assert_uint_eq(summary.answer.len, NV_SUMMARY_TEXT_MAX);
    }
}
END_TEST

START_TEST(what_is_no_trace_is_refused)
{
    ck_assert_int_eq(read_text("[1]"), NV_ERR_MALFORMED);
    ck_assert_int_eq(read_text("{"), NV_ERR_TRUNCATED);
}
END_TEST

START_TEST(more_names_than_fit_are_left_out)
{
    (void)nv_buf_append_str(&json, NV_STR("{\"status\":\"error\",\"spans\":["));
    for (unsigned i = 0; i < NV_MENTIONS_OF_KIND_MAX + 1; i++) {
        (void)nv_buf_printf(&json,
                            "%s{\"span_id\":\"%u\",\"attributes\":{\"tool.name\":\"t%u\"}}",
                            i > 0 ? "," : "", i, i);
    }
    (void)nv_buf_append_str(&json, NV_STR("]}"));
    ck_assert_int_eq(nv_trace_summary_read(arena, nv_buf_str(&json), &summary, &text), NV_OK);
    unsigned of_trace = 0;
    ck_assert_uint_eq(summary.mentions_of[NV_MENTION_TOOL], NV_MENTIONS_OF_KIND_MAX);
    for (uint32_t i = 0; i < summary.mention_count; i++)
        of_trace += summary.mentions[i].kind == NV_MENTION_STATUS;
    ck_assert_uint_eq(of_trace, 1);
}
END_TEST

START_TEST(without_memory_it_says_so)
{
    traces_kit_write(&usual, &json);
    for (unsigned long n = 1;; n++) {
        struct nv_arena *small = nv_arena_new(1u << 22);
        oom_fail_nth(n);
        enum nv_err err = nv_trace_summary_read(small, nv_buf_str(&json), &summary, &text);
        bool failed = oom_end();
        nv_arena_free(small);
        nv_buf_release(&text);
        if (!failed)
            break;
        /* a buffer of texts that can't grow is full, not an error */
        ck_assert(err == NV_ERR_NO_MEMORY || err == NV_OK);
    }
}
END_TEST

static const struct {
    const char *explained;
    unsigned conventions;
    const char *first; /* its name, NULL: none */
    unsigned calls;
} explanations[] = {
    {"[[\"span\",\"00\",\"llm\"],[\"field\",\"f\"],[\"won\",\"k\",\"a.rules:4\"],[\"lost\","
     "\"k\","
     "\"b.rules:1\"],[\"took\",\"k\",\"a.rules:5\"],[\"kept\",\"won\"],[\"won\",\"k\",\"c."
     "rules:1\"]]",
     2, "a", 2},
    {"[]", 0, NULL, 0},
    {"", 0, NULL, 0},
    {"[[\"won\",\"k\",\"a.rul", 0, NULL, 0},
    {"{\"won\":1}", 0, NULL, 0},
    {"[[\"won\",\"k\",\"nothing\"]]", 0, NULL, 0},
};

START_TEST(conventions_are_those_whose_rows_won)
{
    struct nv_str from = nv_str_from(explanations[_i].explained);
    unsigned found = 0;
    summary.mention_count = 0;
    nv_trace_summary_explain(&summary, from);
    ck_assert_ptr_eq(summary.explained.ptr, from.ptr);
    for (uint32_t i = 0; i < summary.mention_count; i++)
        found += summary.mentions[i].kind == NV_MENTION_CONVENTION;
    ck_assert_uint_eq(found, explanations[_i].conventions);
    if (!explanations[_i].first)
        return;
    ck_assert(nv_str_eq(summary.mentions[0].name, nv_str_from(explanations[_i].first)));
    ck_assert_uint_eq(summary.mentions[0].calls, explanations[_i].calls);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/traces/trace_summary");
    TCase *tcase = tcase_create("summary");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, who_called_whom);
    tcase_add_test(tcase, a_usual_trace_says_all);
    tcase_add_test(tcase, what_is_not_told_is_not_known);
    tcase_add_test(tcase, parents_in_a_circle_end);
    tcase_add_test(tcase, ancestors_are_followed_so_far);
    tcase_add_test(tcase, the_root_tells_when_no_call_does);
    tcase_add_test(tcase, an_answer_is_cut_past_its_length);
    tcase_add_test(tcase, what_is_no_trace_is_refused);
    tcase_add_test(tcase, more_names_than_fit_are_left_out);
    tcase_add_test(tcase, without_memory_it_says_so);
    tcase_add_loop_test(tcase, conventions_are_those_whose_rows_won, 0,
                        (int)(sizeof explanations / sizeof explanations[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
