/*
 * Whose the spans of a trace are: named, below one that is named, without any, in circles, in
 * any order; what counts as a run; what numbers a hostile client may tell.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/agents/agent_facts.h"

#include "base/banned.h"

#define SPANS_MAX 2000u

static struct nv_origin origins[2] = {{.service_name = NV_STR_INIT("web")},
                                      {.service_name = NV_STR_INIT("tools")}};
static struct nv_span spans[SPANS_MAX];
static struct nv_attribute attributes[SPANS_MAX][8];
static struct nv_trace trace;
static struct nv_agent_facts facts;
static bool many; /* spans of their own stand behind those of the test, so that it has many */

static void expect_text(struct nv_str got, const char *want)
{
    ck_assert_msg(nv_str_eq(got, nv_str_from(want)), "%.*s, not %s", NV_STR_ARG(got), want);
}

static void set_up(void)
{
    trace = (struct nv_trace){.spans = spans};
    facts = (struct nv_agent_facts){0};
    many = false;
}

static void set_up_many(void)
{
    set_up();
    many = true;
}

/* Span n has the id n; parent 0 is none. */
static struct nv_span *add(uint32_t parent)
{
    struct nv_span *span = &spans[trace.span_count++];
    uint32_t id = trace.span_count;
    *span = (struct nv_span){.name = NV_STR_INIT("step"),
                             .origin = &origins[0],
                             .has_parent = parent != 0,
                             .end_ns = 5,
                             .start_ns = 2};
    memcpy(span->span_id, &id, sizeof id);
    memcpy(span->parent_id, &parent, sizeof parent);
    span->attributes = (struct nv_attributes){attributes[id - 1], 0, 8};
    return span;
}

static void put(struct nv_span *span, const char *key, struct nv_value value)
{
    span->attributes.items[span->attributes.count++] =
        (struct nv_attribute){nv_str_from(key), value};
}

static struct nv_span *add_agent(uint32_t parent, const char *name)
{
    struct nv_span *span = add(parent);
    put(span, "agent.name", nv_value_string(nv_str_from(name)));
    return span;
}

static struct nv_agent_fact fact_of(uint32_t number)
{
    struct nv_agent_fact fact;
    nv_agent_facts_read(&facts, number - 1, &fact);
    return fact;
}

static void begin(void)
{
    while (many && trace.span_count <= NV_AGENT_FACTS_FEW)
        (void)add(0);
    ck_assert_int_eq(nv_agent_facts_begin(&facts, &trace), NV_OK);
}

static void expect_agent(uint32_t number, const char *service, const char *agent, bool run)
{
    struct nv_agent_fact fact = fact_of(number);
    expect_text(fact.service, service);
    expect_text(fact.agent, agent);
    ck_assert_int_eq(fact.run, run);
}

START_TEST(a_span_is_the_nearest_agents_above_it)
{
    add(0);                        /* 1 */
    add_agent(1, "boss");          /* 2 */
    add(2);                        /* 3 */
    add_agent(3, "helper");        /* 4 */
    struct nv_span *tool = add(4); /* 5, of another service */
    put(tool, "tool.name", nv_value_string(NV_STR("search")));
    tool->origin = &origins[1];
    struct nv_span *call = add(5); /* 6 names another than it is of */
    put(call, "llm.model", nv_value_string(NV_STR("gpt")));
    put(call, "agent.name", nv_value_string(NV_STR("boss")));
    begin();
    expect_agent(1, "web", "", false);
    expect_agent(2, "web", "boss", true);
    expect_agent(3, "web", "boss", false);
    expect_agent(4, "web", "helper", true);
    expect_agent(5, "web", "helper", false);
    expect_agent(6, "web", "helper", false);
    expect_text(fact_of(5).tool, "search");
    ck_assert_ptr_null(fact_of(5).model.ptr);
    expect_text(fact_of(6).model, "gpt");
    ck_assert_ptr_null(fact_of(6).tool.ptr);
    ck_assert_uint_eq(fact_of(6).duration_ns, 3);
    nv_agent_facts_release(&facts);
}
END_TEST

/* Clocks differ: a child may stand before its parent. Circles and unknown parents end. */
START_TEST(order_and_circles)
{
    add(2);
    add_agent(3, "late");
    add(999);
    add(5);
    add(4);
    add(6);
    struct nv_span *twin = add(3); /* same id as the first: nobody's parent */
    memcpy(twin->span_id, spans[0].span_id, NV_SPAN_ID_BYTES);
    begin();
    expect_agent(1, "web", "late", false);
    expect_agent(2, "web", "late", true);
    for (uint32_t number = 3; number <= 7; number++)
        expect_agent(number, "web", "", false);
    nv_agent_facts_release(&facts);
}
END_TEST

/* As in the graph of agents. */
START_TEST(what_is_a_run)
{
    add_agent(0, "a"); /* 1 */
    add_agent(1, "a"); /* 2: within its own */
    add(2);            /* 3 */
    add_agent(3, "a"); /* 4: still the same, a plain span between */
    put(add(4), "tool.name", nv_value_string(NV_STR("ask"))); /* 5 */
    add_agent(5, "a");                                        /* 6: again, by a tool */
    put(add_agent(0, "a"), "agent.operation", nv_value_string(NV_STR("create_agent"))); /* 7 */
    spans[5].status = NV_STATUS_TIMEOUT;
    begin();
    const bool want[] = {true, false, false, false, false, true, false};
    for (uint32_t i = 0; i < 7; i++)
        ck_assert_int_eq(fact_of(i + 1).run, want[i]);
    ck_assert(fact_of(6).failed && !fact_of(1).failed);
    nv_agent_facts_release(&facts);
}
END_TEST

START_TEST(one_without_a_name_is_called_by_its_id_or_span)
{
    put(add(0), "agent.id", nv_value_string(NV_STR("a-1"))); /* 1 */
    put(add(0), "agent.role", nv_value_string(NV_STR("x"))); /* 2 */
    add_agent(0, "agent");                                   /* 3: nobody above */
    add(3);                                                  /* 4 */
    add_agent(1, "agent");                                   /* 5: the one above */
    begin();
    expect_agent(1, "web", "a-1", true);
    expect_agent(2, "web", "step", true);
    expect_agent(3, "web", "agent", true);
    expect_agent(4, "web", "agent", false);
    expect_agent(5, "web", "a-1", false);
    nv_agent_facts_release(&facts);
}
END_TEST

static struct nv_value real(double number)
{
    return (struct nv_value){.type = NV_VALUE_DOUBLE, .as.number = number};
}

/* Where no span is an agent, calls that name one are its. */
START_TEST(calls_that_name_an_agent)
{
    struct nv_span *call = add(0);
    put(call, "llm.model", nv_value_string(NV_STR("gpt")));
    put(call, "agent.name", nv_value_string(NV_STR("lone")));
    add(1);
    begin();
    expect_agent(1, "web", "lone", false);
    expect_agent(2, "web", "lone", false);
    nv_agent_facts_release(&facts);
}
END_TEST

START_TEST(a_call_of_a_model_without_a_name)
{
    put(add(0), "llm.operation", nv_value_string(NV_STR("chat")));
    begin();
    ck_assert_ptr_nonnull(fact_of(1).model.ptr);
    expect_text(fact_of(1).model, "");
    nv_agent_facts_release(&facts);
}
END_TEST

START_TEST(numbers_that_are_none_are_nothing)
{
    static const struct {
        double told;
        uint64_t nano;
    } costs[] = {{0.00000123, 1230},
                 {-1.0, 0},
                 {1e300, UINT64_C(1000000000000000000)},
                 {0.0, 0},
                 {1.5, 1500000000}};
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++)
        put(add(0), "llm.cost.total", real(costs[i].told));
    put(add(0), "llm.cost.total", real(__builtin_nan("")));
    struct nv_span *span = add(0);
    put(span, "llm.model", nv_value_string(NV_STR("m")));
    put(span, "llm.input_tokens", nv_value_int(-5));
    put(span, "llm.output_tokens", nv_value_int(INT64_MAX));
    put(span, "llm.cached_input_tokens", nv_value_int(7));
    put(span, "llm.reasoning_tokens", nv_value_string(NV_STR("9")));
    begin();
    for (uint32_t i = 0; i < sizeof costs / sizeof costs[0]; i++)
        ck_assert_uint_eq(fact_of(i + 1).cost_nano_usd, costs[i].nano);
    ck_assert_uint_eq(fact_of(6).cost_nano_usd, 0);
    struct nv_agent_fact fact = fact_of(7);
    ck_assert_uint_eq(fact.input_tokens, 0);
    ck_assert_uint_eq(fact.output_tokens, INT64_MAX);
    ck_assert_uint_eq(fact.cached_tokens, 7);
    ck_assert_uint_eq(fact.reasoning_tokens, 0);
    nv_agent_facts_release(&facts);
    trace.span_count = 0;
    begin();
    nv_agent_facts_release(&facts);
}
END_TEST

/* A chain as deep as it gets, all of its spans named `agent`: linear, or this takes minutes
 * under the sanitizers. */
START_TEST(deep_chains)
{
    for (uint32_t i = 0; i < SPANS_MAX; i++)
        add_agent(i == 0 ? SPANS_MAX : i, "agent");
    begin();
    for (uint32_t i = 1; i <= SPANS_MAX; i++)
        expect_text(fact_of(i).agent, "agent");
    nv_agent_facts_release(&facts);
}
END_TEST

START_TEST(out_of_memory)
{
    for (unsigned long n = 1;; n++) {
        trace.span_count = 0;
        add_agent(0, "a");
        while (trace.span_count <= NV_AGENT_FACTS_FEW)
            (void)add(1);
        oom_fail_nth(n);
        enum nv_err err = nv_agent_facts_begin(&facts, &trace);
        bool failed = oom_end();
        struct nv_agent_fact fact = fact_of(2);
        expect_text(fact.agent, failed ? "" : "a");
        nv_agent_facts_release(&facts);
        if (!failed) {
            ck_assert_int_eq(err, NV_OK);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    }
}
END_TEST

static void add_tests(Suite *suite, const char *name, void (*begin_test)(void))
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, begin_test, NULL);
    tcase_add_test(tcase, a_span_is_the_nearest_agents_above_it);
    tcase_add_test(tcase, order_and_circles);
    tcase_add_test(tcase, what_is_a_run);
    tcase_add_test(tcase, one_without_a_name_is_called_by_its_id_or_span);
    tcase_add_test(tcase, calls_that_name_an_agent);
    tcase_add_test(tcase, a_call_of_a_model_without_a_name);
    tcase_add_test(tcase, numbers_that_are_none_are_nothing);
    tcase_add_test(tcase, deep_chains);
    tcase_add_test(tcase, out_of_memory);
    suite_add_tcase(suite, tcase);
}

int main(void)
{
    Suite *suite = suite_create("gateway/agents/agent_facts");
    add_tests(suite, "few", set_up);
    add_tests(suite, "many", set_up_many);
    return nv_test_run(suite);
}
