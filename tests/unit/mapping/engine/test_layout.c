/*
 * What is remembered of spans changes nothing: every capture and random spans give the same
 * bytes as without, first, second and tenth time, in any order and from several threads.
 */
#include "mapping/engine/layout_table.h"
#include "tests/support/expect.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/mapping_spans.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define OUTPUT_MAX ((size_t)512 << 20)
#define ROUNDS 4u
#define LAYOUTS 300u
#define THREADS 4u

static uint64_t state = 20261130;

static uint32_t draw(uint32_t below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % below;
}

/* A mapping that remembers nothing: all its tables are taken. */
static struct nv_mapping *forgetful(void)
{
    struct nv_mapping *mapping = nv_test_mapping_new();
    for (unsigned i = 0; i < NV_LAYOUT_TABLES; i++)
        ck_assert_ptr_nonnull(nv_layout_table_take(mapping->layouts));
    ck_assert_ptr_null(nv_layout_table_take(mapping->layouts));
    return mapping;
}

static void append(void *ctx, struct nv_trace *trace)
{
    if (trace->span_count == 0) /* all of them are left out: it is not sent */
        return;
    nv_test_trace_write(ctx, trace);
    ck_assert_int_eq(nv_buf_append_char(ctx, '\n'), NV_OK);
}

static void same_as(const struct nv_buf *want, const struct nv_buf *got, const char *what)
{
    bool same = want->len == got->len &&
                (want->len == 0 || memcmp(want->bytes, got->bytes, want->len) == 0);
    size_t at = 0;
    while (!same && at < want->len && at < got->len && want->bytes[at] == got->bytes[at])
        at++;
    size_t from = at > 80 ? at - 80 : 0;
    ck_assert_msg(same, "%s\nwant ...%.*s\ngot  ...%.*s", what,
                  (int)(want->len - from < 200 ? want->len - from : 200), want->bytes + from,
                  (int)(got->len - from < 200 ? got->len - from : 200), got->bytes + from);
}

/* ---- captures ---------------------------------------------------------------------------- */

static void translate_case(const struct nv_mapping *mapping, const char *name,
                           struct nv_buf *out)
{
    struct nv_fixture *fixture = nv_test_fixture_load(name);
    nv_buf_init(out, OUTPUT_MAX);
    nv_test_case_translate(mapping, fixture, append, out);
    nv_test_fixture_free(fixture);
}

START_TEST(captures_are_translated_alike_in_any_order)
{
    struct nv_fixtures all;
    struct nv_mapping *without = forgetful(), *with = nv_test_mapping_new();
    nv_test_fixtures_list(&all);
    struct nv_buf *want = calloc(all.count, sizeof *want);
    ck_assert_ptr_nonnull(want);
    for (size_t i = 0; i < all.count; i++)
        translate_case(without, all.names[i], &want[i]);
    for (size_t n = 0; n < all.count * ROUNDS; n++) {
        const size_t at = draw((uint32_t)all.count);
        struct nv_buf got;
        translate_case(with, all.names[at], &got);
        same_as(&want[at], &got, all.names[at]);
        nv_buf_release(&got);
    }
    for (size_t i = 0; i < all.count; i++)
        nv_buf_release(&want[i]);
    free(want);
    nv_test_fixtures_release(&all);
    nv_mapping_free(with);
    nv_mapping_free(without);
}
END_TEST

/* ---- random spans ------------------------------------------------------------------------ */

#define KEYS_MAX 20u

/* Keys that are sent together, and a scope. */
struct drawn {
    char keys[KEYS_MAX][256];
    uint32_t count;
    const char *scope;
};

static void draw_key(char *out, size_t size)
{
    const struct nv_rules *rules = nv_rules_builtin();
    const struct nv_rule_key *key = &rules->keys[draw(rules->key_count)];
    size_t used = 0;
    if (draw(6) == 0 || key->pattern.len == 0 || key->pattern.ptr[0] == '@' ||
        key->pattern.len > 200) {
        (void)snprintf(out, size, "app.own.%u", draw(40));
        return;
    }
    for (size_t i = 0; i < key->pattern.len; i++) {
        const bool number = i + 2 < key->pattern.len && key->pattern.ptr[i] == '{' &&
                            key->pattern.ptr[i + 1] == 'i';
        if (number)
            used += (size_t)snprintf(out + used, size - used, "%u", draw(3));
        else
            out[used++] = key->pattern.ptr[i];
        i += number ? 2 : 0;
    }
    used += key->wild ? (size_t)snprintf(out + used, size - used, "extra%u", draw(3)) : 0;
    out[used] = '\0';
}

static struct drawn draw_layout(void)
{
    static const char *const scopes[] = {"", "ai", "pipecat", "langfuse-sdk",
                                         "strands.telemetry.tracer"};
    struct drawn drawn = {.count = 1 + draw(KEYS_MAX),
                          .scope = scopes[draw(sizeof scopes / sizeof *scopes)]};
    for (uint32_t i = 0; i < drawn.count; i++)
        draw_key(drawn.keys[i], sizeof drawn.keys[i]);
    /* what most conditions ask for */
    static const char *const asked[] = {"gen_ai.operation.name", "openinference.span.kind",
                                        "traceloop.span.kind", "gen_ai.request.model"};
    if (draw(2)) {
        (void)snprintf(drawn.keys[0], sizeof drawn.keys[0], "%s",
                       asked[draw(sizeof asked / sizeof *asked)]);
    }
    return drawn;
}

static json_t *draw_value(void)
{
    static const char *const texts[] = {"chat",
                                        "CHAT",
                                        "execute_tool",
                                        "invoke_agent",
                                        "LLM",
                                        "TOOL",
                                        "workflow",
                                        "none",
                                        "gpt-4o",
                                        "",
                                        "null",
                                        "N/A",
                                        "stop",
                                        "true",
                                        "26",
                                        "openai",
                                        "a plain text of some length",
                                        "[{\"role\": \"user\", \"content\": \"question one\"}]",
                                        "{\"a\": 1, \"b\": \"two\"}",
                                        "[]",
                                        "{broken"};
    switch (draw(8)) {
    case 0:
        return json_integer((json_int_t)draw(1000));
    case 1:
        return json_real((double)draw(1000) / 8);
    case 2:
        return draw(2) ? json_boolean(draw(2)) : json_null();
    case 3:
        return json_pack("{s:s}", "name", texts[draw(sizeof texts / sizeof *texts)]);
    default:
        return json_string(texts[draw(sizeof texts / sizeof *texts)]);
    }
}

/* A trace of spans of these keys, as the short form has it. */
static char *draw_spans(const struct drawn *drawn)
{
    static const char *const names[] = {
        "span",
        "chat m",
        "handoff to b",
        "invoke_agent x",
        "haystack.agent.run",
        "a name that is longer than what is remembered of texts"};
    json_t *spans = json_array();
    for (uint32_t n = 1 + draw(4); n > 0; n--) {
        json_t *attributes = json_object(), *events = json_array();
        for (uint32_t i = 0; i < drawn->count; i++)
            json_object_set_new(attributes, drawn->keys[i], draw_value());
        if (draw(4) == 0) {
            json_array_append_new(
                events, json_pack("{s:s,s:i,s:{s:s}}", "name",
                                  draw(2) ? "gen_ai.user.message" : "exception", "at", 5,
                                  "attributes", draw(2) ? "content" : "exception.type", "x"));
        }
        json_array_append_new(spans, json_pack("{s:s,s:s,s:o,s:o,s:i}", "name",
                                               names[draw(sizeof names / sizeof *names)],
                                               "scope", drawn->scope, "attributes", attributes,
                                               "events", events, "status", draw(3)));
    }
    char *text = json_dumps(spans, 0);
    json_decref(spans);
    for (char *c = text; *c; c++)
        *c = *c == '\'' || *c == '`' ? ' ' : *c;
    return text;
}

START_TEST(values_are_never_remembered)
{
    struct nv_mapping *without = forgetful(), *with = nv_test_mapping_new();
    for (unsigned n = 0; n < LAYOUTS; n++) {
        const struct drawn drawn = draw_layout();
        for (unsigned round = 0; round < 10; round++) {
            char *spans = draw_spans(&drawn);
            struct told *want = told_with(without, NULL, spans),
                        *got = told_with(with, NULL, spans);
            char *a = json_dumps(want->traces, 0), *b = json_dumps(got->traces, 0);
            ck_assert_msg(strcmp(a, b) == 0, "layout %u round %u: %s\nwant %s\ngot  %s", n,
                          round, spans, a, b);
            free(a);
            free(b);
            free(spans);
            told_free(want);
            told_free(got);
        }
    }
    nv_mapping_free(with);
    nv_mapping_free(without);
}
END_TEST

/* A layout takes all that says nothing for the same, a tree does not. */
START_TEST(what_says_nothing_in_a_tree)
{
    static const char *const values[] = {"null", "\"N/A\"", "\" \"", "[]", "\"null\""};
    struct nv_mapping *without = forgetful(), *with = nv_test_mapping_new();
    for (size_t i = 0; i < 2 * sizeof values / sizeof *values; i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "[{\"name\":\"s\",\"attributes\":{\"gen_ai.operation.name\":\"chat\","
                       "\"gen_ai.input.messages.0.content\":%s}}]",
                       i < 4 ? "null" : values[i % (sizeof values / sizeof *values)]);
        struct told *want = told_with(without, NULL, text), *got = told_with(with, NULL, text);
        char *a = json_dumps(want->traces, 0), *b = json_dumps(got->traces, 0);
        ck_assert_msg(strcmp(a, b) == 0, "%s\nwant %s\ngot  %s", text, a, b);
        free(a);
        free(b);
        told_free(want);
        told_free(got);
    }
    nv_mapping_free(with);
    nv_mapping_free(without);
}
END_TEST

static unsigned count_of(const struct nv_layout_table *table)
{
    unsigned count = 0;
    for (unsigned i = 0; i < NV_LAYOUT_BUCKETS; i++) {
        for (const struct nv_layout *layout = table->buckets[i]; layout; layout = layout->next)
            count++;
    }
    return count;
}

/* ---- caps -------------------------------------------------------------------------------- */

/* The same spans of `count` attributes again and again, the first with `value`. */
static void check_count(const struct nv_mapping *without, const struct nv_mapping *with,
                        uint32_t count, const char *value)
{
    json_t *attributes = json_object();
    char key[32];
    json_object_set_new(attributes, "gen_ai.operation.name", json_string(value));
    json_object_set_new(attributes, "gen_ai.request.model", json_string("m"));
    for (uint32_t i = 2; i < count; i++) {
        (void)snprintf(key, sizeof key, "app.key%u", i);
        json_object_set_new(attributes, key, json_integer(i));
    }
    json_t *spans = json_pack("[{s:s,s:o}]", "name", "a", "attributes", attributes);
    char *text = json_dumps(spans, 0);
    for (unsigned round = 0; round < 3; round++) {
        struct told *want = told_with(without, NULL, text), *got = told_with(with, NULL, text);
        ck_assert(json_equal(want->traces, got->traces));
        told_free(want);
        told_free(got);
    }
    free(text);
    json_decref(spans);
}

START_TEST(spans_of_more_attributes_have_no_layout)
{
    struct nv_mapping *without = forgetful(), *with = nv_test_mapping_new();
    check_count(without, with, NV_LAYOUT_ATTRIBUTES_MAX, "chat");
    struct nv_layout_table *table = nv_layout_table_take(with->layouts);
    ck_assert_uint_eq(count_of(table), 1);
    nv_layout_table_give(with->layouts, table);
    check_count(without, with, NV_LAYOUT_ATTRIBUTES_MAX + 1, "chat");
    table = nv_layout_table_take(with->layouts);
    ck_assert_uint_eq(count_of(table), 1);
    nv_layout_table_give(with->layouts, table);
    nv_mapping_free(with);
    nv_mapping_free(without);
}
END_TEST

/* More kinds of answers than a layout has plans for: the same bytes all the same. Each model
 * name is `none` or not, and each is asked for. */
START_TEST(answers_past_the_plans_are_found_anew)
{
    static const char *const keys[] = {"gen_ai.request.model", "gen_ai.response.model",
                                       "llm.model_name", "gen_ai.operation.name",
                                       "openinference.span.kind"};
    struct nv_mapping *without = forgetful(), *with = nv_test_mapping_new();
    ck_assert_uint_lt(NV_LAYOUT_PLANS_MAX + 1, 64);
    for (unsigned n = 0; n < 2 * 64; n++) {
        json_t *attributes = json_object();
        for (unsigned i = 0; i < 5; i++) {
            json_object_set_new(attributes, keys[i],
                                json_string(n >> i & 1 ? (i < 3 ? "none" : "chat") : "LLM"));
        }
        json_t *spans = json_pack("[{s:s,s:o}]", "name", n & 32 ? "handoff to b" : "a",
                                  "attributes", attributes);
        char *text = json_dumps(spans, 0);
        struct told *want = told_with(without, NULL, text), *got = told_with(with, NULL, text);
        ck_assert(json_equal(want->traces, got->traces));
        told_free(want);
        told_free(got);
        free(text);
        json_decref(spans);
    }
    nv_mapping_free(with);
    nv_mapping_free(without);
}
END_TEST

/* ---- threads ----------------------------------------------------------------------------- */

struct worker {
    pthread_t thread;
    const struct nv_mapping *mapping;
    const struct nv_fixture *fixture;
    const struct nv_buf *want;
    bool differs;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    for (unsigned round = 0; round < 8; round++) {
        struct nv_buf got;
        nv_buf_init(&got, OUTPUT_MAX);
        nv_test_case_translate(worker->mapping, worker->fixture, append, &got);
        worker->differs = worker->differs || got.len != worker->want->len ||
                          memcmp(got.bytes, worker->want->bytes, got.len) != 0;
        nv_buf_release(&got);
    }
    return NULL;
}

START_TEST(threads_remember_side_by_side)
{
    struct nv_mapping *without = forgetful(), *with = nv_test_mapping_new();
    struct nv_fixtures all;
    struct worker workers[THREADS];
    struct nv_buf want;
    nv_test_fixtures_list(&all);
    struct nv_fixture *fixture = nv_test_fixture_load(all.names[0]);
    nv_buf_init(&want, OUTPUT_MAX);
    nv_test_case_translate(without, fixture, append, &want);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.mapping = with, .fixture = fixture, .want = &want};
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert(!workers[i].differs);
    }
    nv_buf_release(&want);
    nv_test_fixture_free(fixture);
    nv_test_fixtures_release(&all);
    nv_mapping_free(with);
    nv_mapping_free(without);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/engine/layout");
    TCase *tcase = tcase_create("layout");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, captures_are_translated_alike_in_any_order);
    tcase_add_test(tcase, values_are_never_remembered);
    tcase_add_test(tcase, what_says_nothing_in_a_tree);
    tcase_add_test(tcase, spans_of_more_attributes_have_no_layout);
    tcase_add_test(tcase, answers_past_the_plans_are_found_anew);
    tcase_add_test(tcase, threads_remember_side_by_side);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
