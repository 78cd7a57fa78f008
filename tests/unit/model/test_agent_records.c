/*
 * Records of coding agents by the tables: whose they are, which event, which ids. The shapes are
 * those of captured records (tests/fixtures).
 */
#include "expect.h"
#include "otlp_build.h"

#include "model/agent_records.h"
#include "model/otlp_fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Appends a KeyValue with a text to the field `number`. */
static void add_text(struct nv_buf *buf, uint32_t number, const char *key, const char *text)
{
    size_t pair = nv_wire_begin(buf, number);
    (void)nv_wire_put_bytes(buf, NV_OTLP_PAIR_KEY, nv_str_from(key));
    size_t value = nv_wire_begin(buf, NV_OTLP_PAIR_VALUE);
    (void)nv_wire_put_bytes(buf, NV_OTLP_ANY_STRING, nv_str_from(text));
    (void)nv_wire_end(buf, value);
    ck_assert_int_eq(nv_wire_end(buf, pair), NV_OK);
}

/* A LogRecord of "key=text key=text"; the keys BODY and EVENT are its fields. */
static struct nv_str record_of(struct nv_buf *buf, const char *text)
{
    char copy[512];
    char *rest = NULL;
    nv_buf_init(buf, 4096);
    ck_assert_uint_lt(strlen(text), sizeof copy);
    memcpy(copy, text, strlen(text) + 1);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        ck_assert_ptr_nonnull(value);
        *value++ = '\0';
        if (strcmp(word, "BODY") == 0) {
            size_t body = nv_wire_begin(buf, NV_OTLP_LOG_BODY);
            (void)nv_wire_put_bytes(buf, NV_OTLP_ANY_STRING, nv_str_from(value));
            (void)nv_wire_end(buf, body);
        } else if (strcmp(word, "EVENT") == 0) {
            (void)nv_wire_put_bytes(buf, NV_OTLP_LOG_EVENT_NAME, nv_str_from(value));
        } else {
            add_text(buf, NV_OTLP_LOG_ATTRIBUTES, word, value);
        }
    }
    return nv_buf_str(buf);
}

static const struct nv_record_agent *agent_of(const char *scope, const char *service)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 4096);
    (void)nv_wire_put_bytes(&buf, NV_OTLP_SCOPE_NAME, nv_str_from(scope));
    const struct nv_record_agent *agent =
        nv_record_agent_of(nv_buf_str(&buf), nv_str_from(service));
    nv_buf_release(&buf);
    return agent;
}

static const struct agent_row {
    const char *scope, *service, *agent;
} agent_rows[] = {
    {"com.anthropic.claude_code.events", "anything", "claude-code"},
    {"", "claude-code", "claude-code"},
    {"gemini-cli", "", "gemini-cli"},
    {"", "qwen-code", "qwen-code"},
    {"codex_otel.log_only", "", "codex"},
    {"codex_otel::otel_event_manager", "codex_exec", "codex"},
    {"copilot-chat", "", "copilot-chat"},
    {"github.copilot", "github-copilot", "copilot-cli"},
    {"my.app", "shop", NULL},
    {"", "", NULL},
};

START_TEST(agents_by_scope_or_service)
{
    const struct agent_row *row = &agent_rows[_i];
    const struct nv_record_agent *agent = agent_of(row->scope, row->service);
    if (row->agent)
        ck_assert_nv_str(agent->name, row->agent);
    else
        ck_assert_ptr_null(agent);
}
END_TEST

static const struct event_row {
    const char *scope, *record;
    int role; /* -1: none of the agent's events, or it names no session */
    unsigned traits;
} event_rows[] = {
    {"com.anthropic.claude_code",
     "BODY=claude_code.user_prompt event.name=user_prompt session.id=s prompt.id=p",
     NV_RECORD_PROMPT, NV_RECORD_DUE},
    {"com.anthropic.claude_code", "EVENT=claude_code.api_request session.id=s", NV_RECORD_CALL,
     NV_RECORD_NONE},
    {"com.anthropic.claude_code", "event.name=claude_code.api_error session.id=s",
     NV_RECORD_CALL, NV_RECORD_FAILED},
    {"com.anthropic.claude_code", "BODY=claude_code.tool_decision decision=accept session.id=s",
     NV_RECORD_DECISION, NV_RECORD_OPENS},
    {"com.anthropic.claude_code", "BODY=claude_code.tool_decision decision=reject session.id=s",
     NV_RECORD_DECISION, NV_RECORD_NONE},
    {"com.anthropic.claude_code", "BODY=claude_code.tool_result session.id=s", NV_RECORD_TOOL,
     NV_RECORD_DUE},
    {"com.anthropic.claude_code", "BODY=claude_code.something_new session.id=s",
     NV_RECORD_EVENT, NV_RECORD_NONE},
    {"gemini", "event.name=gemini_cli.user_prompt session.id=s", NV_RECORD_PROMPT,
     NV_RECORD_DUE},
    {"gemini", "event.name=gemini_cli.api_request session.id=s", NV_RECORD_BEGIN,
     NV_RECORD_DUE},
    {"gemini", "event.name=gemini_cli.api_response session.id=s", NV_RECORD_CALL,
     NV_RECORD_NONE},
    {"gemini", "event.name=gemini_cli.api_error session.id=s", NV_RECORD_CALL,
     NV_RECORD_FAILED},
    {"gemini", "event.name=gemini_cli.tool_call session.id=s", NV_RECORD_TOOL, NV_RECORD_DUE},
    {"gemini", "event.name=claude_code.user_prompt session.id=s", -1, 0},
    {"qwen", "event.name=qwen-code.api_response session.id=s", NV_RECORD_CALL, NV_RECORD_NONE},
    {"codex", "EVENT=event_otel/a.rs:1 event.name=codex.user_prompt conversation.id=s",
     NV_RECORD_PROMPT, NV_RECORD_DUE},
    {"codex", "event.name=codex.api_request conversation.id=s", NV_RECORD_BEGIN, NV_RECORD_DUE},
    {"codex", "event.name=codex.api_request error.message=down conversation.id=s",
     NV_RECORD_CALL, NV_RECORD_FAILED},
    {"codex", "event.name=codex.sse_event event.kind=delta conversation.id=s", NV_RECORD_SKIP,
     NV_RECORD_DUE},
    {"codex", "event.name=codex.sse_event input_token_count=5 conversation.id=s",
     NV_RECORD_CALL, NV_RECORD_NONE},
    {"codex", "event.name=codex.tool_decision decision=approved_for_session conversation.id=s",
     NV_RECORD_DECISION, NV_RECORD_OPENS},
    {"codex", "event.name=codex.tool_decision decision=denied conversation.id=s",
     NV_RECORD_DECISION, NV_RECORD_NONE},
    {"codex", "event.name=codex.tool_result conversation.id=s", NV_RECORD_TOOL, NV_RECORD_DUE},
    {"copilot", "event.name=gen_ai.client.inference.operation.details session.id=s",
     NV_RECORD_CALL, NV_RECORD_NONE},
    {"copilot", "event.name=copilot_chat.tool.call session.id=s", NV_RECORD_TOOL,
     NV_RECORD_DUE},
    {"copilot", "event.name=copilot_chat.agent.turn session.id=s", NV_RECORD_EVENT,
     NV_RECORD_NONE},
    {"github.copilot", "event.name=github.copilot.user_message session.id=s", NV_RECORD_PROMPT,
     NV_RECORD_DUE},
    {"gemini", "event.name=gen_ai.client.inference.operation.details session.id=s", -1, 0},
    {"com.anthropic.claude_code", "BODY=claude_code.user_prompt prompt.id=p", -1, 0},
    {"com.anthropic.claude_code", "event.name=user_prompt session.id=s", -1, 0},
};

START_TEST(events_by_name_and_condition)
{
    const struct event_row *row = &event_rows[_i];
    struct nv_buf buf;
    struct nv_record record;
    struct nv_str bytes = record_of(&buf, row->record);
    bool read = nv_record_read(agent_of(row->scope, ""), bytes, NV_STR(""), &record);
    ck_assert_int_eq(read, row->role >= 0);
    if (read) {
        ck_assert_int_eq((int)record.event->role, row->role);
        ck_assert_uint_eq(record.event->traits, row->traits);
        ck_assert_nv_str(record.session, "s");
    }
    nv_buf_release(&buf);
}
END_TEST

START_TEST(the_session_may_stand_in_the_resource)
{
    struct nv_buf buf, resource;
    struct nv_record record;
    nv_buf_init(&resource, 4096);
    add_text(&resource, NV_OTLP_RESOURCE_ATTRIBUTES, "session.id", "of the resource");
    struct nv_str bytes = record_of(&buf, "BODY=claude_code.user_prompt prompt.id=p");
    ck_assert(
        nv_record_read(agent_of("", "claude-code"), bytes, nv_buf_str(&resource), &record));
    ck_assert_nv_str(record.session, "of the resource");
    ck_assert_nv_str(record.prompt, "p");
    nv_buf_release(&buf);
    nv_buf_release(&resource);
}
END_TEST

static const struct candidate_row {
    const char *record;
    bool candidate;
} candidate_rows[] = {
    {"BODY=claude_code.user_prompt", true},  {"event.name=claude_code.user_prompt", true},
    {"EVENT=claude_code.user_prompt", true}, {"BODY=claude_code", false},
    {"event.name=user_prompt", false},       {"app.key=claude_code.user_prompt", false},
};

START_TEST(candidates_by_name_alone)
{
    struct nv_buf buf;
    struct nv_str bytes = record_of(&buf, candidate_rows[_i].record);
    ck_assert_int_eq(nv_record_is_candidate(bytes), candidate_rows[_i].candidate);
    nv_buf_release(&buf);
}
END_TEST

static const struct candidate_row evaluation_rows[] = {
    {"event.name=gen_ai.evaluation.result", true},
    {"EVENT=langwatch.evaluation.custom", true},
    {"EVENT=langwatch.span", false},
    {"BODY=langwatch.evaluation", false},
    {"EVENT=gen_ai.choice", false},
};

START_TEST(evaluations_by_name)
{
    struct nv_buf buf;
    struct nv_str bytes = record_of(&buf, evaluation_rows[_i].record);
    ck_assert_int_eq(nv_record_is_evaluation(bytes), evaluation_rows[_i].candidate);
    nv_buf_release(&buf);
}
END_TEST

static void id_of(const char *service, const char *session, const char *prompt, uint8_t *out)
{
    struct nv_record record = {.session = nv_str_from(session), .prompt = nv_str_from(prompt)};
    nv_record_trace_id(nv_str_from(service), &record, out);
}

START_TEST(the_id_of_a_trace_is_of_service_session_and_prompt)
{
    uint8_t id[NV_TRACE_ID_BYTES], other[NV_TRACE_ID_BYTES];
    id_of("claude-code", "s1", "p1", id);
    id_of("claude-code", "s1", "p1", other);
    ck_assert_mem_eq(id, other, sizeof id);
    ck_assert_int_eq(id[0] & 1, 1);
    const char *const others[][3] = {{"claude-cod", "es1", "p1"},
                                     {"claude-code", "s1p", "1"},
                                     {"claude-code", "s1", ""},
                                     {"", "s1", "p1"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        id_of(others[i][0], others[i][1], others[i][2], other);
        ck_assert_mem_ne(id, other, sizeof id);
    }
}
END_TEST

START_TEST(turns_and_spans_have_ids_of_their_own)
{
    const uint8_t session[NV_TRACE_ID_BYTES] = {1};
    uint8_t one[NV_TRACE_ID_BYTES], two[NV_TRACE_ID_BYTES];
    nv_record_turn_id(session, (const uint8_t *)"the first record", one);
    nv_record_turn_id(session, (const uint8_t *)"the second one..", two);
    ck_assert_mem_ne(one, two, sizeof one);
    ck_assert_mem_ne(one, session, sizeof one);
    nv_record_span_id(session, NV_STR("call"), one);
    nv_record_span_id(two, NV_STR("call"), two);
    ck_assert_mem_ne(one, two, NV_SPAN_ID_BYTES);
}
END_TEST

START_TEST(a_record_is_known_by_its_time_and_attributes)
{
    static const char *const rows[] = {"a=1 b=2", "BODY=x a=1 b=2", "a=1 b=3", "a=1",
                                       "b=2 a=1"};
    uint8_t first[NV_HASH128_BYTES], other[NV_HASH128_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct nv_buf buf;
        nv_record_identity(record_of(&buf, rows[i]), i == 0 ? first : other);
        if (i > 0)
            ck_assert_int_eq(memcmp(first, other, sizeof first) == 0, i == 1);
        nv_buf_release(&buf);
    }
}
END_TEST

START_TEST(the_time_is_when_it_happened_else_when_it_was_seen)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 100);
    ck_assert_uint_eq(nv_record_time(nv_buf_str(&buf)), 0);
    (void)nv_wire_put_fixed64(&buf, NV_OTLP_LOG_OBSERVED_TIME, 7);
    ck_assert_uint_eq(nv_record_time(nv_buf_str(&buf)), 7);
    (void)nv_wire_put_fixed64(&buf, NV_OTLP_LOG_TIME, 5);
    ck_assert_uint_eq(nv_record_time(nv_buf_str(&buf)), 5);
    nv_buf_release(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/agent_records");
    TCase *tcase = tcase_create("agent_records");
    tcase_add_loop_test(tcase, agents_by_scope_or_service, 0,
                        (int)(sizeof agent_rows / sizeof *agent_rows));
    tcase_add_loop_test(tcase, events_by_name_and_condition, 0,
                        (int)(sizeof event_rows / sizeof *event_rows));
    tcase_add_test(tcase, the_session_may_stand_in_the_resource);
    tcase_add_loop_test(tcase, candidates_by_name_alone, 0,
                        (int)(sizeof candidate_rows / sizeof *candidate_rows));
    tcase_add_loop_test(tcase, evaluations_by_name, 0,
                        (int)(sizeof evaluation_rows / sizeof *evaluation_rows));
    tcase_add_test(tcase, the_id_of_a_trace_is_of_service_session_and_prompt);
    tcase_add_test(tcase, a_record_is_known_by_its_time_and_attributes);
    tcase_add_test(tcase, the_time_is_when_it_happened_else_when_it_was_seen);
    tcase_add_test(tcase, turns_and_spans_have_ids_of_their_own);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
