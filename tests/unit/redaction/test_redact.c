/*
 * The stage: every part of a trace, what is told of it, and that a second time finds nothing.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/redact.h"
#include <stdlib.h>

#include "base/banned.h"

static const struct nv_redaction_config config = {.secrets = true};
static struct nv_arena *arena;

static void set_up(void)
{
    arena = nv_arena_new(1u << 24);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static struct nv_attributes one(const char *key, struct nv_value value)
{
    struct nv_attributes list = {0};
    ck_assert_int_eq(nv_attributes_add(&list, arena, nv_str_from(key), value), NV_OK);
    return list;
}

static struct nv_trace *make_trace(void)
{
    struct nv_trace *trace = nv_arena_alloc(arena, sizeof *trace);
    struct nv_span *span = nv_arena_alloc(arena, sizeof *span);
    struct nv_event *event = nv_arena_alloc(arena, sizeof *event);
    struct nv_origin *origin = nv_arena_alloc(arena, sizeof *origin);
    struct nv_value *item = nv_arena_alloc(arena, sizeof *item);
    struct nv_value list = {.type = NV_VALUE_ARRAY, .as.array = {item, 1}};
    struct nv_attributes inner = one("password", nv_value_string(NV_STR("p")));
    struct nv_value map = {.type = NV_VALUE_MAP, .as.map = {inner.items, inner.count}};
    ck_assert(trace && span && event && origin && item);
    *item = map;
    event->attributes = one("api_key", nv_value_int(5));
    origin->resource = one("service.secret", nv_value_string(NV_STR("s")));
    *span = (struct nv_span){.attributes = one("nested", list),
                             .events = event,
                             .event_count = 1,
                             .origin = origin,
                             .exception_message = NV_STR("bad key sk-0123456789abcdefghij")};
    trace->arena = arena;
    trace->spans = span;
    trace->span_count = 1;
    trace->tags = one("api_key", nv_value_bool(true));
    trace->custom_attributes = one("api_key", nv_value_string(NV_STR("")));
    trace->attributes = one("json", nv_value_json(NV_STR("{\"password\":\"x\"}")));
    return trace;
}

START_TEST(every_part_of_a_trace)
{
    struct nv_trace *trace = make_trace();
    const struct nv_span *span = trace->spans;
    struct nv_redacted result;
    ck_assert_int_eq(nv_redact(&config, trace, &result), NV_OK);
    const struct nv_value *nested = &span->attributes.items[0].value.as.array.items[0];
    ck_assert_nv_str(nested->as.map.items[0].value.as.string, "***");
    ck_assert_nv_str(span->events[0].attributes.items[0].value.as.string, "***");
    ck_assert_nv_str(span->origin->resource.items[0].value.as.string, "***");
    ck_assert_nv_str(span->exception_message, "bad key ***");
    ck_assert_int_eq(trace->tags.items[0].value.type, NV_VALUE_BOOL);
    ck_assert_uint_eq(trace->custom_attributes.items[0].value.as.string.len, 0);
    ck_assert_nv_str(trace->attributes.items[0].value.as.string, "{\"password\":\"***\"}");
    ck_assert_uint_eq(result.total, 5);
    ck_assert_uint_eq(result.by_rule[NV_SECRET_KEY], 3);
    ck_assert_uint_eq(result.by_rule[NV_SECRET_OPENAI], 1);
    ck_assert_uint_eq(result.line_count, 5);
    ck_assert_int_eq(nv_redact(&config, trace, &result), NV_OK);
    ck_assert_uint_eq(result.total, 0);
}
END_TEST

/* Rules and keys are told, no value; two of the same once. */
START_TEST(the_trace_says_what_was_taken)
{
    struct nv_trace *trace = make_trace();
    trace->tags = one("api_key", nv_value_string(NV_STR("a")));
    trace->custom_attributes = one("api_key", nv_value_string(NV_STR("b")));
    uint64_t before = nv_redaction_count(NV_SECRET_KEY);
    ck_assert_int_eq(nv_redact(&config, trace, NULL), NV_OK);
    ck_assert_uint_eq(nv_redaction_count(NV_SECRET_KEY) - before, 5);
    const struct nv_value *told =
        nv_attributes_get(&trace->attributes, NV_STR("noveum.gateway.redacted"));
    ck_assert_ptr_nonnull(told);
    static const char *const lines[] = {"named-value json", "secret-key api_key",
                                        "secret-key nested", "openai span.exception.message",
                                        "secret-key service.secret"};
    ck_assert_uint_eq(told->as.array.count, 5);
    for (size_t i = 0; i < 5; i++)
        ck_assert_nv_str(told->as.array.items[i].as.string, lines[i]);
}
END_TEST

/* Long texts of a trace stand in it often, with and without a secret, and those that are alike
 * but for it. Each is masked as if it stood there alone, and each time is counted. */
START_TEST(texts_that_stand_there_often)
{
    const char *middle[] = {"password is sk-0123456789abcdefghij",
                            "password is .k-0123456789abcdefghij",
                            "passwords have no value at all, it said"};
    struct nv_str made[3];
    for (size_t i = 0; i < 3; i++)
        made[i] = nv_arena_printf(arena, "%0300d %s %0300d", 7, middle[i], 7);
    struct nv_trace *trace = make_trace();
    struct nv_attributes list = {0};
    for (int i = 0; i < 30; i++) {
        struct nv_str text = made[i % 3];
        if (i % 2 == 0)
            text = nv_arena_printf(arena, "%.*s", NV_STR_ARG(text)); /* at another address */
        struct nv_str key = nv_arena_printf(arena, "text.%d", i);
        ck_assert_int_eq(nv_attributes_add(&list, arena, key, nv_value_string(text)), NV_OK);
    }
    struct nv_redacted before, after;
    ck_assert_int_eq(nv_redact(&config, make_trace(), &before), NV_OK);
    trace->attributes = list;
    ck_assert_int_eq(nv_redact(&config, trace, &after), NV_OK);
    for (uint32_t i = 0; i < list.count; i++) {
        struct nv_str alone = made[i % 3];
        ck_assert_int_eq(nv_redact_text(&config, arena, &alone), NV_OK);
        ck_assert(nv_str_eq(list.items[i].value.as.string, alone));
        ck_assert((memmem(alone.ptr, alone.len, "***", 3) != NULL) == (i % 3 == 0));
    }
    /* the one of make_trace's attributes is not there */
    ck_assert_uint_eq(after.total, before.total - 1 + list.count / 3);
}
END_TEST

/* A message of the texts at `role` and `content`, in a map of its own. */
static struct nv_value message(struct nv_str role, struct nv_str content)
{
    struct nv_attributes list = {0};
    ck_assert_int_eq(nv_attributes_add(&list, arena, NV_STR("role"), nv_value_string(role)),
                     NV_OK);
    ck_assert_int_eq(
        nv_attributes_add(&list, arena, NV_STR("content"), nv_value_string(content)), NV_OK);
    return (struct nv_value){.type = NV_VALUE_MAP, .as.map = {list.items, list.count}};
}

static struct nv_str content_of(const struct nv_value *list, uint32_t i)
{
    return list->as.array.items[i].as.map.items[1].value.as.string;
}

/* What a trace says again and again: the same texts at the same places, in maps of their own.
 * What is in them is taken, and counted, each time; what they stand in is asked each time. */
START_TEST(messages_that_come_again)
{
    static const struct nv_redaction_config media = {.secrets = true,
                                                     .media = {.mode = NV_MEDIA_MARKER}};
    static const char *const contents[] = {"nothing to be found here, whatever is looked for",
                                           "the password is sk-0123456789abcdefghij, it said",
                                           "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEA",
                                           "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAA"};
    enum { KINDS = 4, TIMES = 5 };
    struct nv_trace *trace = make_trace();
    struct nv_value *items = nv_arena_array(arena, KINDS * TIMES, sizeof *items);
    struct nv_value list = {.type = NV_VALUE_ARRAY, .as.array = {items, KINDS * TIMES}};
    struct nv_redacted before, after;
    for (uint32_t i = 0; i < KINDS * TIMES; i++)
        items[i] = message(NV_STR("user"), nv_str_from(contents[i % KINDS]));
    ck_assert_int_eq(nv_redact(&media, make_trace(), &before), NV_OK);
    trace->spans[0].attributes = one("messages", list);
    ck_assert_int_eq(nv_redact(&media, trace, &after), NV_OK);
    for (uint32_t i = 0; i < KINDS * TIMES; i++) {
        ck_assert(nv_str_eq(content_of(&list, i), content_of(&list, i % KINDS)));
        ck_assert(nv_str_eq(content_of(&list, i), nv_str_from(contents[i % KINDS])) ==
                  (i % KINDS == 0));
    }
    ck_assert_nv_str(content_of(&list, 1), "the password is ***, it said");
    /* the one of make_trace's list is not there */
    ck_assert_uint_eq(after.by_rule[NV_SECRET_OPENAI] - before.by_rule[NV_SECRET_OPENAI],
                      TIMES);
    ck_assert_uint_eq(after.total - before.total, 3 * TIMES - 1);
}
END_TEST

enum { TURNS = 12, CALLS = 8 };

/* The first messages of a conversation in which something is found here and there, or nothing;
 * each call has maps of its own. */
static struct nv_value history(unsigned count, unsigned secret)
{
    struct nv_value *items = nv_arena_array(arena, TURNS, sizeof *items);
    ck_assert_ptr_nonnull(items);
    for (unsigned i = 0; i < count; i++) {
        static const char *const contents[] = {
            "nothing to be found here, whatever is looked for",
            "the password is sk-0123456789abcdefghij, it said",
            "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEA"};
        const unsigned kind = i == secret ? 1 + i % 2 : 0;
        items[i] = message(NV_STR("user"), nv_str_from(contents[kind]));
    }
    return (struct nv_value){.type = NV_VALUE_ARRAY, .as.array = {items, count}};
}

static uint64_t redact_calls(const struct nv_value *lists, unsigned calls)
{
    static const struct nv_redaction_config media = {.secrets = true,
                                                     .media = {.mode = NV_MEDIA_MARKER}};
    struct nv_trace *trace = nv_arena_alloc(arena, sizeof *trace);
    struct nv_span *spans = nv_arena_array(arena, calls, sizeof *spans);
    struct nv_redacted redacted;
    ck_assert(trace && spans);
    for (unsigned i = 0; i < calls; i++)
        spans[i] = (struct nv_span){.attributes = one("messages", lists[i])};
    *trace = (struct nv_trace){.arena = arena, .spans = spans, .span_count = calls};
    ck_assert_int_eq(nv_redact(&media, trace, &redacted), NV_OK);
    return redacted.total;
}

/* Calls that begin with all that was said before are redacted as if each were the first. */
START_TEST(conversations_that_grow)
{
    for (unsigned secret = 0; secret <= TURNS; secret++) {
        struct nv_value together[CALLS], alone[CALLS];
        uint64_t total = 0;
        for (unsigned i = 0; i < CALLS; i++) {
            const unsigned count = i == 5 ? 3 : TURNS - CALLS + 1 + i;
            together[i] = history(count, secret);
            alone[i] = history(count, secret);
            total += redact_calls(&alone[i], 1);
        }
        ck_assert_uint_eq(redact_calls(together, CALLS), total);
        ck_assert(total == 0 || secret < TURNS);
        for (unsigned i = 0; i < CALLS; i++)
            ck_assert_msg(nv_value_eq(&together[i], &alone[i]), "%u, call %u", secret, i);
    }
}
END_TEST

START_TEST(schemas_and_nothing_are_no_secrets)
{
    struct nv_trace *trace = make_trace();
    struct nv_attributes schema = one("type", nv_value_string(NV_STR("string")));
    struct nv_value map = {.type = NV_VALUE_MAP, .as.map = {schema.items, schema.count}};
    trace->attributes = one("password", map);
    trace->tags = one("password", nv_value_null());
    trace->custom_attributes = one("token", nv_value_string(NV_STR("hello")));
    trace->span_count = 0;
    struct nv_redacted result;
    ck_assert_int_eq(nv_redact(&config, trace, &result), NV_OK);
    ck_assert_uint_eq(result.total, 0);
    ck_assert_uint_eq(trace->attributes.count, 1);
}
END_TEST

/* More places than lines: counted all the same. */
START_TEST(lines_have_a_cap)
{
    struct nv_trace trace = {.arena = arena};
    for (unsigned i = 0; i <= NV_REDACTED_LINES_MAX; i++) {
        struct nv_str key = nv_arena_printf(arena, "k%u.password", i);
        ck_assert_int_eq(nv_attributes_add(&trace.tags, arena, key, nv_value_int(1)), NV_OK);
    }
    struct nv_redacted result;
    ck_assert_int_eq(nv_redact(&config, &trace, &result), NV_OK);
    ck_assert_uint_eq(result.total, NV_REDACTED_LINES_MAX + 1);
    ck_assert_uint_eq(result.line_count, NV_REDACTED_LINES_MAX);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    struct nv_arena *small = nv_arena_new(8192);
    char *large = malloc(100000);
    ck_assert(small && large);
    memset(large, ' ', 100000);
    memcpy(large, "password=x", 10);
    struct nv_trace trace = {.arena = small, .status_message = {large, 100000}};
    ck_assert_int_eq(nv_redact(&config, &trace, NULL), NV_ERR_NO_MEMORY);
    struct nv_str text = {large, 100000};
    ck_assert_int_eq(nv_redact_text(&config, small, &text), NV_ERR_NO_MEMORY);
    free(large);
    nv_arena_free(small);
}
END_TEST

START_TEST(rules_have_names)
{
    for (unsigned i = 0; i < NV_REDACTION_RULE_COUNT; i++)
        ck_assert_uint_gt(strlen(nv_redaction_rule_name(i)), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/redact");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, every_part_of_a_trace);
    tcase_add_test(tcase, the_trace_says_what_was_taken);
    tcase_add_test(tcase, texts_that_stand_there_often);
    tcase_add_test(tcase, messages_that_come_again);
    tcase_add_test(tcase, conversations_that_grow);
    tcase_add_test(tcase, schemas_and_nothing_are_no_secrets);
    tcase_add_test(tcase, lines_have_a_cap);
    tcase_add_test(tcase, no_memory_is_an_error);
    tcase_add_test(tcase, rules_have_names);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
