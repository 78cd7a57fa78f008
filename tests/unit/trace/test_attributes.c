/*
 * What goes into a span and what does not: replacement, limits, redaction, events, links, and
 * every allocation failing once.
 */
#include "expect.h"
#include "oom.h"
#include "trace_kit.h"

#include "trace/attributes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static noveum_span span;

static void begin(const noveum_options *options)
{
    kit_trace_on(options);
    span = noveum_begin(NOVEUM_FUNCTION, "work");
}

START_TEST(the_last_value_of_a_key_stays)
{
    begin(NULL);
    noveum_set_int(span, "n", 1);
    noveum_set_str(span, "s", "first");
    noveum_set_int(span, "n", 2);         /* as long: in place */
    noveum_set_int(span, "n", 123456789); /* longer */
    noveum_set_str(span, "s", "2nd");
    noveum_set_bool(span, "n2", 1);
    noveum_set_str(span, "s", NULL);
    json_t *json = kit_trace_span(span);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "attributes")), 3);
    ck_assert(kit_number(json, "n") == 123456789);
    ck_assert_str_eq(kit_text(json, "s"), "2nd");
    ck_assert(json_is_true(kit_attribute(json, "n2")));
    json_decref(json);
    ck_assert_uint_eq(kit_counters().attributes_dropped, 0);
}
END_TEST

/* Keys are told apart as they go out: a receiver would see one twice. */
START_TEST(repaired_keys_are_replaced_too)
{
    begin(NULL);
    noveum_set_int(span, "a\xff", 1);
    noveum_set_int(span, "a\xff", 2);
    noveum_set_int(span, "a\xfe", 3);
    noveum_set_str(span, "a\xef\xbf\xbd", "\xff");
    noveum_set_str(span, "a", "b");
    json_t *json = kit_trace_span(span);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "attributes")), 2);
    ck_assert_str_eq(kit_text(json, "a\xef\xbf\xbd"), "\xef\xbf\xbd");
    json_decref(json);
}
END_TEST

/* As many keys as there may be, so that most share the bits by which a new one is told: short
 * ones, long ones, and such as differ in one place only. */
START_TEST(each_of_many_keys_is_replaced)
{
    char keys[128][80];
    begin(NULL);
    for (int i = 0; i < 128; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "%.*s%d%.*s", i % 40,
                       "gen_ai.usage.of.a.long.name.0123456789abc", i, i % 3 * 12,
                       "_input_tokens_of_all");
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 128; i++)
            noveum_set_int(span, keys[i], round == 1 ? 1 : 1000 * round + i);
    }
    json_t *json = kit_trace_span(span);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "attributes")), 128);
    for (int i = 0; i < 128; i++)
        ck_assert(kit_number(json, keys[i]) == 2000 + i);
    json_decref(json);
    ck_assert_uint_eq(kit_counters().attributes_dropped, 0);
}
END_TEST

START_TEST(count_and_length_are_limited)
{
    noveum_options options = noveum_default_options();
    char key[16];
    options.attributes_max = 3;
    options.value_bytes_max = 4;
    begin(&options);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "k%d", i);
        noveum_set_str(span, key, "123456789");
    }
    noveum_set_str(span, "k0", "abcde"); /* replaces: no further one */
    noveum_set_str(span, NULL, "x");
    json_t *json = kit_trace_span(span);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "attributes")), 3);
    ck_assert_str_eq(kit_text(json, "k0"), "abcd");
    ck_assert_int_eq(json_integer_value(json_object_get(json, "droppedAttributesCount")), 98);
    json_decref(json);
    ck_assert_uint_eq(kit_counters().attributes_dropped, 98);
}
END_TEST

/* One after another, in one call, and in an event: as many are kept as may be, all others
 * counted. */
START_TEST(a_million_attributes)
{
    static noveum_attribute many[1000];
    char keys[1000][16];
    begin(NULL);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "key.%d", i);
        many[i] = noveum_int(keys[i], i);
    }
    for (int i = 0; i < 1000; i++)
        noveum_set(span, many, 1000);
    ck_assert_uint_eq(kit_counters().attributes_dropped, 1000 * (1000 - 128));
    noveum_event(span, "e", 0, many, 1000);
    ck_assert_uint_eq(kit_counters().attributes_dropped, 1001 * (1000 - 128));
    json_t *json = kit_trace_span(span);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "attributes")), 128);
    ck_assert_uint_lt(nv_trace_span_memory(), 100000);
    json_decref(json);
}
END_TEST

START_TEST(bytes_are_limited)
{
    noveum_options options = noveum_default_options();
    char text[5001];
    memset(text, 'x', 5000);
    text[5000] = '\0';
    options.span_bytes_max = 8000;
    begin(&options);
    noveum_set_str(span, "a", text);
    noveum_set_str(span, "b", text);
    noveum_event(span, text, 0, NULL, 0);
    noveum_set_str(span, "c", "small");
    json_t *json = kit_trace_span(span);
    ck_assert_uint_eq(strlen(kit_text(json, "a")), 5000);
    ck_assert_str_eq(kit_text(json, "b"), "");
    ck_assert_str_eq(kit_text(json, "c"), "small");
    ck_assert_int_eq(json_integer_value(json_object_get(json, "droppedEventsCount")), 1);
    json_decref(json);
}
END_TEST

static const char *hide(void *user, const char *key, const char *text, size_t *length)
{
    ck_assert_ptr_eq(user, &span);
    if (strcmp(key, "secret") == 0)
        return NULL;
    if (*length != 4 || memcmp(text, "4242", 4) != 0)
        return text;
    *length = 3;
    return "***";
}

START_TEST(texts_go_through_redact)
{
    noveum_options options = noveum_default_options();
    options.redact = hide;
    options.user = &span;
    begin(&options);
    noveum_attribute attributes[] = {noveum_str("card", "4242"), noveum_int("n", 4242)};
    noveum_set_str(span, "secret", "x");
    noveum_set_text(span, "card", "42424242", 4);
    noveum_set_str(span, "other", "plain");
    noveum_event(span, "paid", 5, attributes, 2);
    noveum_message(span, NOVEUM_INPUT, "user", "4242", NOVEUM_NUL);
    noveum_error(span, "x", "4242");
    json_t *json = kit_trace_span(span);
    ck_assert_str_eq(kit_text(json, "secret"), "");
    ck_assert_str_eq(kit_text(json, "card"), "***");
    ck_assert_str_eq(kit_text(json, "other"), "plain");
    json_t *event = json_array_get(json_object_get(json, "events"), 0);
    ck_assert_str_eq(kit_text(event, "card"), "***");
    ck_assert(kit_number(event, "n") == 4242);
    ck_assert_str_eq(json_string_value(json_object_get(event, "timeUnixNano")), "5");
    ck_assert_ptr_null(strstr(kit_text(json, "gen_ai.input.messages"), "4242"));
    char *all = json_dumps(json_object_get(json, "status"), 0);
    ck_assert_ptr_null(strstr(all, "4242"));
    free(all);
    json_decref(json);
}
END_TEST

START_TEST(events_and_links_are_limited)
{
    noveum_options options = noveum_default_options();
    noveum_context to = {.trace_id = {1}, .span_id = {2}, .sampled = 1, .state = "a=b"};
    noveum_attribute attribute = noveum_bool("b", 0);
    options.events_max = 1;
    options.links_max = 1;
    begin(&options);
    for (int i = 0; i < 3; i++) {
        noveum_event(span, NULL, 0, &attribute, 1);
        noveum_link(span, &to, &attribute, 1);
    }
    noveum_link(span, NULL, NULL, 0);
    to.trace_id[0] = 0;
    noveum_link(span, &to, NULL, 0);
    json_t *json = kit_trace_span(span);
    json_t *links = json_object_get(json, "links");
    ck_assert_uint_eq(json_array_size(links), 1);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "events")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(json, "droppedEventsCount")), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(json, "droppedLinksCount")), 2);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(links, 0), "traceState")),
                     "a=b");
    ck_assert(json_is_false(kit_attribute(json_array_get(links, 0), "b")));
    json_decref(json);
}
END_TEST

/* OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT and OTEL_LINK_ATTRIBUTE_COUNT_LIMIT, each of its own. */
START_TEST(attributes_of_events_and_links_are_limited)
{
    const noveum_context to = {.trace_id = {1}, .span_id = {2}};
    noveum_attribute four[4];
    for (int i = 0; i < 4; i++)
        four[i] = noveum_int("n", i);
    setenv("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "1", 1);
    setenv("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "2", 1);
    begin(NULL);
    unsetenv("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT");
    unsetenv("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT");
    noveum_event(span, "e", 0, four, 4);
    noveum_link(span, &to, four, 4);
    json_t *json = kit_trace_span(span);
    json_t *event = json_array_get(json_object_get(json, "events"), 0);
    json_t *link = json_array_get(json_object_get(json, "links"), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(event, "attributes")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(event, "droppedAttributesCount")), 3);
    ck_assert_uint_eq(json_array_size(json_object_get(link, "attributes")), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(link, "droppedAttributesCount")), 2);
    ck_assert_uint_eq(kit_counters().attributes_dropped, 5);
    json_decref(json);
}
END_TEST

START_TEST(names_are_repaired)
{
    begin(NULL);
    noveum_set_name(span, "a\xff"
                          "b\xff");
    noveum_set_name(span, NULL);
    json_t *json = kit_trace_span(span);
    ck_assert_str_eq(json_string_value(json_object_get(json, "name")), "a\xef\xbf\xbd"
                                                                       "b\xef\xbf\xbd");
    json_decref(json);
}
END_TEST

/* Whatever is refused, the span can be sent, and what was there stays. */
START_TEST(without_memory)
{
    char text[3000];
    memset(text, 'x', sizeof text);
    kit_trace_on(NULL);
    noveum_attribute attribute = noveum_str("e", "v");
    noveum_context to = {.trace_id = {1}, .span_id = {2}};
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        span = noveum_begin_below(noveum_null(), NOVEUM_LLM, NULL);
        noveum_set_int(span, "before", 1);
        oom_fail_nth(n);
        noveum_set_text(span, "long", text, sizeof text);
        noveum_event(span, "event", 0, &attribute, 1);
        noveum_link(span, &to, &attribute, 1);
        noveum_set_name(span, "name");
        noveum_exception(span, "type", "message", "stack");
        noveum_message(span, NOVEUM_INPUT, "user", text, sizeof text);
        noveum_message_begin(span, NOVEUM_OUTPUT, "assistant");
        noveum_part_text(span, text, sizeof text);
        noveum_part_blob(span, "image", "image/png", text, sizeof text);
        noveum_message_end(span, "stop");
        noveum_llm_tool(span, "t", NULL, "{}");
        noveum_document(span, "d", 1, text, sizeof text);
        failed = oom_end();
        json_t *json = kit_trace_span(span);
        ck_assert(kit_number(json, "before") == 1);
        if (kit_attribute(json, "gen_ai.output.messages"))
            json_decref(kit_json(json, "gen_ai.output.messages"));
        ck_assert(failed || strlen(kit_text(json, "long")) == sizeof text);
        json_decref(json);
        noveum_discard(span);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attributes");
    TCase *tcase = tcase_create("attributes");
    tcase_add_test(tcase, the_last_value_of_a_key_stays);
    tcase_add_test(tcase, repaired_keys_are_replaced_too);
    tcase_add_test(tcase, each_of_many_keys_is_replaced);
    tcase_add_test(tcase, count_and_length_are_limited);
    tcase_set_timeout(tcase, 100);
    tcase_add_test(tcase, a_million_attributes);
    tcase_add_test(tcase, bytes_are_limited);
    tcase_add_test(tcase, texts_go_through_redact);
    tcase_add_test(tcase, events_and_links_are_limited);
    tcase_add_test(tcase, attributes_of_events_and_links_are_limited);
    tcase_add_test(tcase, names_are_repaired);
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
