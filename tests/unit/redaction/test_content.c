/*
 * Content policies: what is read and refused, which keys they name, and what is left of a
 * trace.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/content.h"

#include "base/banned.h"

#define TEXT "twenty characters xx"

static struct nv_arena *arena;
static struct nv_content_policy policy;
static struct nv_redacted redacted;

static void set_up(void)
{
    arena = nv_arena_new(1u << 20);
    policy = (struct nv_content_policy){.count = 0};
    nv_redacted_init(&redacted);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static void add(const char *item)
{
    ck_assert_ptr_null(nv_content_add(&policy, nv_str_from(item)));
}

/* A trace with that text under the key: an attribute of a span, an event, or metadata. */
enum where { SPAN, EVENT, TRACE, METADATA };

static struct nv_str text_under(enum where where, const char *key)
{
    struct nv_attributes list = {0};
    struct nv_event event = {.time_ns = 0};
    struct nv_span span = {.events = &event, .event_count = 1};
    struct nv_trace trace = {.arena = arena, .spans = &span, .span_count = 1};
    struct nv_attributes *lists[] = {&span.attributes, &event.attributes, &trace.attributes,
                                     &trace.custom_attributes};
    ck_assert_int_eq(
        nv_attributes_add(&list, arena, nv_str_from(key), nv_value_string(NV_STR(TEXT))),
        NV_OK);
    *lists[where] = list;
    ck_assert_int_eq(nv_content_apply(&policy, &trace, &redacted), NV_OK);
    return list.items[0].value.as.string;
}

static bool is_off(enum where where, const char *key)
{
    return nv_str_starts(text_under(where, key), NV_STR("[cut: 20 "));
}

static bool stays(enum where where, const char *key)
{
    return nv_str_eq(text_under(where, key), NV_STR(TEXT));
}

START_TEST(without_a_policy_all_leaves)
{
    ck_assert(stays(SPAN, "llm.input.messages"));
    add("full");
    ck_assert(stays(SPAN, "llm.input.messages") && stays(METADATA, "a"));
    ck_assert_uint_eq(redacted.total, 0);
}
END_TEST

START_TEST(all_content_and_nothing_else)
{
    static const char *const content[] = {"llm.input.messages", "llm.output.response",
                                          "llm.system_prompt",  "tool.input",
                                          "tool.output",        "retrieval.documents",
                                          "agent.output",       "chain.output.outputs",
                                          "input.value",        "gen_ai.prompt.0.content",
                                          "mlflow.spanInputs",  "genkit:output",
                                          "llm_request",        "prompt"};
    static const char *const others[] = {
        "llm.model",      "llm.input_tokens", "tool.name",         "agent.name",
        "noveum.project", "context_id",       "exception.message", "http.response.status_code",
        "usage_context2", "somecontext"};
    add("off");
    for (size_t i = 0; i < sizeof content / sizeof *content; i++)
        ck_assert_msg(is_off(SPAN, content[i]), "%s", content[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_msg(stays(SPAN, others[i]), "%s", others[i]);
    ck_assert(is_off(EVENT, "content") && is_off(TRACE, "langfuse.trace.input"));
    ck_assert(is_off(METADATA, "anything"));
    ck_assert_uint_eq(redacted.by_rule[NV_RULE_CONTENT], 17);
}
END_TEST

START_TEST(the_last_that_names_a_key_counts)
{
    add("off");
    add("tool.output=full");
    add(" llm.* = truncate:6 ");
    add("*.documents=full");
    add("metadata=full");
    add("free=off");
    ck_assert(is_off(SPAN, "tool.input") && stays(SPAN, "tool.output"));
    ck_assert(nv_str_starts(text_under(SPAN, "llm.input.messages"),
                            NV_STR("twenty\xe2\x80\xa6[cut: 20 ")));
    ck_assert(stays(SPAN, "retrieval.documents") && stays(METADATA, "input"));
    ck_assert(is_off(SPAN, "free"));
}
END_TEST

START_TEST(what_is_no_policy_is_refused)
{
    static const char *const items[] = {
        "",     "on",  "truncate:", "truncate:0", "truncate:x", "truncate:5000000000",
        "=off", "a=b", "a*b=off",   "truncate 5"};
    char key[NV_CONTENT_KEY_MAX + 8] = {0};
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        ck_assert_msg(nv_content_add(&policy, nv_str_from(items[i])) != NULL, "%s", items[i]);
    memset(key, 'k', NV_CONTENT_KEY_MAX + 1);
    memcpy(key + NV_CONTENT_KEY_MAX + 1, "=off", 4);
    ck_assert_ptr_nonnull(nv_content_add(&policy, nv_str_from(key)));
    ck_assert_uint_eq(policy.count, 0);
    for (unsigned i = 0; i < NV_CONTENT_RULES_MAX; i++)
        add("truncate");
    ck_assert_ptr_nonnull(nv_content_add(&policy, NV_STR("off")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/content");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, without_a_policy_all_leaves);
    tcase_add_test(tcase, all_content_and_nothing_else);
    tcase_add_test(tcase, the_last_that_names_a_key_counts);
    tcase_add_test(tcase, what_is_no_policy_is_refused);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
