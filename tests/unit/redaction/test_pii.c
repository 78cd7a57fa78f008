/*
 * Personal data through the stage: every part of a trace, keys, numbers, what is told and
 * counted, together with secrets, and from several threads.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/redact.h"

#include <pthread.h>
#include <stdio.h>

#include "base/banned.h"

#define MAIL "EMAIL_6e6bbb5afcec"
/* of "J. Doe", by Python's hmac */
#define DOE "VALUE_faebb8d8e129"

static struct nv_arena *arena;
static struct nv_redaction_config config;

static void set_up(void)
{
    const struct nv_personal_setup setup = {.mode = NV_PERSONAL_PSEUDONYMISE,
                                            .salt = NV_STR("test-salt-1")};
    arena = nv_arena_new(1u << 24);
    config = (struct nv_redaction_config){.secrets = true};
    ck_assert_int_eq(nv_pii_new(&setup, &config.pii, NULL), NV_OK);
}

static void tear_down(void)
{
    nv_pii_free(config.pii);
    nv_arena_free(arena);
}

static void add(struct nv_attributes *list, const char *key, struct nv_value value)
{
    ck_assert_int_eq(nv_attributes_add(list, arena, nv_str_from(key), value), NV_OK);
}

static struct nv_value text(const char *words)
{
    return nv_value_string(nv_str_from(words));
}

START_TEST(texts_keys_and_numbers)
{
    struct nv_trace trace = {.arena = arena, .name = NV_STR("for john@corp.com")};
    struct nv_value cards[] = {nv_value_int(1234567890123456), text("10.1.2.3")};
    struct nv_redacted told;
    add(&trace.attributes, "john@corp.com", nv_value_int(4155552671));
    add(&trace.attributes, "user.phone", nv_value_int(4155552671));
    add(&trace.attributes, "user.card",
        (struct nv_value){.type = NV_VALUE_ARRAY, .as.array = {cards, 2}});
    add(&trace.attributes, "messages",
        nv_value_json(NV_STR("[{\"a\":\"john@corp.com\",\"n\":4155552671}]")));
    add(&trace.attributes, "text", text("{\"n\":4155552671}"));
    add(&trace.attributes, "api_key", text("john@corp.com"));
    ck_assert_int_eq(nv_redact(&config, &trace, &told), NV_OK);
    const struct nv_attribute *items = trace.attributes.items;
    ck_assert_nv_str(trace.name, "for " MAIL);
    ck_assert_nv_str(items[0].key, MAIL);
    ck_assert_int_eq(items[0].value.type, NV_VALUE_INT);
    ck_assert_nv_str(items[1].value.as.string, "PHONE_87c5667b6941");
    ck_assert_int_eq(cards[0].type, NV_VALUE_STRING);
    ck_assert(nv_str_starts(cards[0].as.string, NV_STR("CARD_")));
    ck_assert_nv_str(cards[1].as.string, "IP_2780047c7e98");
    ck_assert_int_eq(items[3].value.type, NV_VALUE_JSON);
    ck_assert_nv_str(items[3].value.as.string, "[{\"a\":\"" MAIL "\",\"n\":4155552671}]");
    ck_assert_nv_str(items[4].value.as.string, "{\"n\":\"PHONE_87c5667b6941\"}");
    ck_assert_nv_str(items[5].value.as.string, "***");
    ck_assert_uint_eq(told.by_rule[NV_RULE_PII_EMAIL], 3);
    ck_assert_uint_eq(told.by_rule[NV_RULE_PII_PHONE], 2);
    ck_assert_int_eq(nv_redact(&config, &trace, &told), NV_OK);
    ck_assert_uint_eq(told.total, 0);
}
END_TEST

/* Rules and keys are told, keys without what is personal in them. */
START_TEST(the_trace_says_what_was_taken)
{
    struct nv_trace trace = {.arena = arena};
    add(&trace.tags, "mail of john@corp.com", text("x@y.zz"));
    uint64_t before = nv_redaction_count(NV_RULE_PII_EMAIL);
    ck_assert_int_eq(nv_redact(&config, &trace, NULL), NV_OK);
    ck_assert_uint_eq(nv_redaction_count(NV_RULE_PII_EMAIL) - before, 2);
    const struct nv_value *list =
        nv_attributes_get(&trace.attributes, NV_STR("noveum.gateway.redacted"));
    ck_assert_ptr_nonnull(list);
    ck_assert_uint_eq(list->as.array.count, 1);
    ck_assert_nv_str(list->as.array.items[0].as.string, "pii-email mail of " MAIL);
}
END_TEST

START_TEST(rules_of_keys)
{
    static const char *const rules[] = {"*.name=keep", "user.name=hash", "user.*.note=drop ",
                                        "*.note=drop", "n=hash",         "kept=keep"};
    struct nv_trace trace = {.arena = arena};
    struct nv_attributes inner = {0};
    struct nv_redacted told;
    for (size_t i = 0; i < 6; i++) {
        const char *wrong = nv_pii_add_key(config.pii, nv_str_from(rules[i]));
        ck_assert((wrong != NULL) == (i == 2));
    }
    add(&inner, "a.note", text("x"));
    add(&inner, "phone", nv_value_int(4155552671));
    add(&trace.tags, "user.name", text("J. Doe"));
    add(&trace.tags, "pet.name", text("john@corp.com, password=x"));
    add(&trace.tags, "n", nv_value_int(7));
    add(&trace.tags, "kept",
        (struct nv_value){.type = NV_VALUE_MAP, .as.map = {inner.items, inner.count}});
    ck_assert_int_eq(nv_redact(&config, &trace, &told), NV_OK);
    const struct nv_attribute *items = trace.tags.items;
    ck_assert(nv_str_starts(items[0].value.as.string, NV_STR("VALUE_")));
    ck_assert_nv_str(items[1].value.as.string, "john@corp.com, password=***");
    ck_assert(nv_str_starts(items[2].value.as.string, NV_STR("VALUE_")));
    ck_assert_int_eq(inner.items[0].value.type, NV_VALUE_NULL);
    ck_assert_int_eq(inner.items[1].value.type, NV_VALUE_INT);
    ck_assert_uint_eq(told.by_rule[NV_RULE_PII_KEY], 3);
    ck_assert_int_eq(nv_redact(&config, &trace, &told), NV_OK);
    ck_assert_uint_eq(told.total, 0);
}
END_TEST

/* The same rules in JSON text, of structures and in texts, at any depth and with escapes. */
START_TEST(rules_of_keys_in_json)
{
    static const char *const rules[] = {"name=hash", "*.note=drop", "kept=keep"};
    static const struct {
        const char *text, *becomes; /* NULL: the same */
    } cases[] = {
        {"{\"name\":\"J. Doe\",\"x\":1}", "{\"name\":\"" DOE "\",\"x\":1}"},
        {"{\"n\\u0061me\":\"J.\\u0020Doe\"}", "{\"n\\u0061me\":\"" DOE "\"}"},
        {"[{\"a\": {\"b.note\" : {\"x\":[1,\"}\"]} , \"c\":true}}]",
         "[{\"a\": {\"b.note\" : null , \"c\":true}}]"},
        {"{\"b.note\":false,\"c.note\":-1.5e3,\"d.note\":null,\"e.note\":\"\"}",
         "{\"b.note\":null,\"c.note\":null,\"d.note\":null,\"e.note\":null}"},
        {"{\"kept\":{\"john@corp.com\":\"john@corp.com\",\"phone\":4155552671,"
         "\"l\":[\"john@corp.com\"]},\"m\":\"john@corp.com\"}",
         "{\"kept\":{\"john@corp.com\":\"john@corp.com\",\"phone\":4155552671,"
         "\"l\":[\"john@corp.com\"]},\"m\":\"" MAIL "\"}"},
        {"{\"kept\":\"john@corp.com\",\"m\":\"john@corp.com\"}",
         "{\"kept\":\"john@corp.com\",\"m\":\"" MAIL "\"}"},
        {"{\"kept\":{\"a.note\":\"x\",\"kept\":[],\"m\":\"john@corp.com\"}}",
         "{\"kept\":{\"a.note\":null,\"kept\":[],\"m\":\"john@corp.com\"}}"},
        {"{\"in\":\"{\\\"name\\\":\\\"J. Doe\\\"}\"}",
         "{\"in\":\"{\\\"name\\\":\\\"" DOE "\\\"}\"}"},
        {"{\"in\":\"\\n{\\\"name\\\":7}\"}", NULL},
        {"{\"name\":\"" DOE "\"}", NULL},
        {"{\"name\":\"***\",\"a\":", NULL},
        {"{\"kept\":[\"john@corp.com\",", "{\"kept\":[\"" MAIL "\","},
        {"{\"b.note\":", NULL},
    };
    for (size_t i = 0; i < 3; i++)
        ck_assert_ptr_null(nv_pii_add_key(config.pii, nv_str_from(rules[i])));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nv_trace trace = {.arena = arena};
        const char *becomes = cases[i].becomes ? cases[i].becomes : cases[i].text;
        add(&trace.tags, "text", text(cases[i].text));
        ck_assert_int_eq(nv_redact(&config, &trace, NULL), NV_OK);
        struct nv_str made = trace.tags.items[0].value.as.string;
        if (i != 8)
            ck_assert_nv_str(made, becomes);
        else
            ck_assert(nv_str_starts(made, NV_STR("{\"in\":\"\\n{\\\"name\\\":\\\"VALUE_")));
    }
}
END_TEST

/* JSON in an attribute that is kept still has its own keys; what was taken is told. */
START_TEST(rules_of_keys_in_kept_json)
{
    struct nv_trace trace = {.arena = arena};
    struct nv_redacted told;
    ck_assert_ptr_null(nv_pii_add_key(config.pii, NV_STR("top=keep")));
    ck_assert_ptr_null(nv_pii_add_key(config.pii, NV_STR("name=hash")));
    add(&trace.tags, "top",
        nv_value_json(NV_STR("{\"name\":\"J. Doe\",\"m\":\"john@corp.com\"}")));
    ck_assert_int_eq(nv_redact(&config, &trace, &told), NV_OK);
    ck_assert_int_eq(trace.tags.items[0].value.type, NV_VALUE_JSON);
    ck_assert_nv_str(trace.tags.items[0].value.as.string,
                     "{\"name\":\"" DOE "\",\"m\":\"john@corp.com\"}");
    ck_assert_uint_eq(told.by_rule[NV_RULE_PII_KEY], 1);
    ck_assert_uint_eq(told.total, 1);
    ck_assert_int_eq(nv_redact(&config, &trace, &told), NV_OK);
    ck_assert_uint_eq(told.total, 0);
}
END_TEST

/* As names of secrets: whole, by begin and by end. */
START_TEST(rules_of_keys_know_no_case)
{
    static const char *const rules[] = {"comment=drop", "*.Note=drop", "Pet*=keep"};
    struct nv_trace trace = {.arena = arena};
    struct nv_redacted told;
    for (size_t i = 0; i < 3; i++)
        ck_assert_ptr_null(nv_pii_add_key(config.pii, nv_str_from(rules[i])));
    add(&trace.tags, "Comment", text("x"));
    add(&trace.tags, "A.NOTE", text("x"));
    add(&trace.tags, "pETS", text("john@corp.com"));
    add(&trace.tags, "comments", text("x"));
    add(&trace.tags, "note", text("x"));
    add(&trace.tags, "text", text("{\"COMMENT\":\"x\"} and {\"comMent\":\"x\"}"));
    ck_assert_int_eq(nv_redact(&config, &trace, &told), NV_OK);
    const struct nv_attribute *items = trace.tags.items;
    ck_assert_int_eq(items[0].value.type, NV_VALUE_NULL);
    ck_assert_int_eq(items[1].value.type, NV_VALUE_NULL);
    ck_assert_nv_str(items[2].value.as.string, "john@corp.com");
    ck_assert_nv_str(items[3].value.as.string, "x");
    ck_assert_nv_str(items[4].value.as.string, "x");
    ck_assert_nv_str(items[5].value.as.string, "{\"COMMENT\":null} and {\"comMent\":null}");
    ck_assert_uint_eq(told.by_rule[NV_RULE_PII_KEY], 4);
}
END_TEST

static const char *rule_of(size_t len, unsigned number, char *rule)
{
    snprintf(rule, NV_PII_KEY_MAX + 16, "%0*u=drop", (int)len, number);
    return nv_pii_add_key(config.pii, nv_str_from(rule));
}

START_TEST(rules_of_keys_have_caps)
{
    char rule[NV_PII_KEY_MAX + 16];
    const char *wrong = rule_of(NV_PII_KEY_MAX + 1, 0, rule);
    ck_assert_ptr_nonnull(wrong);
    ck_assert_ptr_nonnull(strstr(wrong, "longer than 64"));
    for (unsigned i = 0; i < NV_PII_KEYS_MAX; i++)
        ck_assert_ptr_null(rule_of(NV_PII_KEY_MAX, i, rule));
    wrong = rule_of(NV_PII_KEY_MAX, NV_PII_KEYS_MAX, rule);
    ck_assert_ptr_nonnull(wrong);
    ck_assert_ptr_nonnull(strstr(wrong, "one more than 64"));
    ck_assert_uint_eq(NV_PII_KEY_MAX, 64); /* what is told says so too */
    ck_assert_uint_eq(NV_PII_KEYS_MAX, 64);
}
END_TEST

START_TEST(shown_texts)
{
    struct nv_str shown = NV_STR("john@corp.com, password=x");
    ck_assert_int_eq(nv_redact_text(&config, arena, &shown), NV_OK);
    ck_assert_nv_str(shown, MAIL ", password=***");
    config.secrets = false;
    shown = NV_STR("john@corp.com, password=x");
    ck_assert_int_eq(nv_redact_text(&config, arena, &shown), NV_OK);
    ck_assert_nv_str(shown, MAIL ", password=x");
}
END_TEST

static void *redact_many(void *own)
{
    for (unsigned i = 0; i < 200; i++) {
        struct nv_arena *trace_arena = nv_arena_new(1u << 16);
        struct nv_trace trace = {.arena = trace_arena, .name = NV_STR("for john@corp.com")};
        if (!trace_arena || nv_redact(&config, &trace, NULL) != NV_OK ||
            !nv_str_eq(trace.name, NV_STR("for " MAIL)))
            *(bool *)own = true;
        nv_arena_free(trace_arena);
    }
    return NULL;
}

START_TEST(threads_do_not_meet)
{
    pthread_t threads[3];
    bool wrong[3] = {false};
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, redact_many, &wrong[i]), 0);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert(!wrong[0] && !wrong[1] && !wrong[2]);
}
END_TEST

START_TEST(each_allocation_fails_once)
{
    const struct nv_personal_setup setup = {.mode = NV_PERSONAL_REDACT};
    for (unsigned long n = 1;; n++) {
        struct nv_redaction_config own = {.secrets = true};
        oom_fail_nth(n);
        struct nv_arena *trace_arena = nv_arena_new(1u << 16);
        struct nv_trace trace = {.arena = trace_arena, .name = NV_STR("for john@corp.com")};
        enum nv_err err = trace_arena ? nv_pii_new(&setup, &own.pii, NULL) : NV_ERR_NO_MEMORY;
        if (err == NV_OK)
            err = nv_redact(&own, &trace, NULL);
        bool failed = oom_end();
        nv_pii_free(own.pii);
        if (err == NV_OK)
            ck_assert_nv_str(trace.name, "for *************");
        nv_arena_free(trace_arena);
        ck_assert(err == NV_OK || (failed && err == NV_ERR_NO_MEMORY));
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/pii");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, texts_keys_and_numbers);
    tcase_add_test(tcase, the_trace_says_what_was_taken);
    tcase_add_test(tcase, rules_of_keys);
    tcase_add_test(tcase, rules_of_keys_know_no_case);
    tcase_add_test(tcase, rules_of_keys_in_json);
    tcase_add_test(tcase, rules_of_keys_in_kept_json);
    tcase_add_test(tcase, rules_of_keys_have_caps);
    tcase_add_test(tcase, shown_texts);
    tcase_add_test(tcase, threads_do_not_meet);
    tcase_add_test(tcase, each_allocation_fails_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
