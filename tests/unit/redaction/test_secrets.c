/*
 * Secrets: keys, words and pairs that are masked, look-alikes that are not, nested values, JSON
 * that stays JSON, and that nothing changes the second time.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/secrets.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/banned.h"

#define KEY36 "abcdefghijklmnopqrstuvwxyz0123456789"

static struct nv_arena *arena;

static void set_up(void)
{
    arena = nv_arena_new(1u << 24);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static const struct {
    const char *key;
    bool secret;
} keys[] = {{"api_key", true},
            {"openai.api_key", true},
            {"OPENAI_API_KEY", true},
            {"x-api-key", true},
            {"apiKey", true},
            {"http.request.header.authorization", true},
            {"db.password", true},
            {"client_secret", true},
            {"aws.secret_access_key", true},
            {"private-key", true},
            {"credentials", true},
            {"refresh_token", true},
            {"llm.input_tokens", false},
            {"llm.total_tokens", false},
            {"token", false},
            {"key", false},
            {"secretary", false},
            {"password_hint", false},
            {"api_key_id", false},
            {"", false}};

START_TEST(keys_by_their_end)
{
    ck_assert_msg(nv_secrets_is_key(nv_str_from(keys[_i].key)) == keys[_i].secret, "%s",
                  keys[_i].key);
}
END_TEST

/* The SDK's own examples are three of these (docs/noveum-backend.md#secrets); the others are
 * their neighbours. */
static const char *const texts[][2] = {
    {"nothing to see here, 12:30 and a=b", NULL},
    {"", NULL},
    {"my key sk-abcdefghij0123456789 ok", "my key *** ok"},
    {"sk-proj-" KEY36, "***"},
    {"sk-short", NULL},
    {"task-" KEY36, NULL},
    {"AKIAIOSFODNN7EXAMPLE", "***"},
    {"id=AKIAIOSFODNN7EXAMPLE.", "id=***."},
    {"AIzaSyA-0123456789abcdefghijklmnopqrstuv", "***"},
    {"ghp_" KEY36 " and gho_" KEY36, "*** and ***"},
    {"github_pat_0123456789abcdefghijkl", "***"},
    {"Authorization: Bearer abcdefghijklmnop.qrst", "Authorization: Bearer ***"},
    {"use bearer ABCDEFGHIJKLMNOPQRST/+=", "use bearer ***"},
    {"Bearer short", NULL},
    {"{\"api_key\": \"abc def\", \"k\":1}", "{\"api_key\": \"***\", \"k\":1}"},
    {"https://h/?access_token=abc123&x=1", "https://h/?access_token=***&x=1"},
    {"password: hunter2, then", "password: ***, then"},
    {"{\"a\":\"{\\\"password\\\": \\\"p w\\\"}\"}",
     "{\"a\":\"{\\\"password\\\": \\\"***\\\"}\"}"},
    {"{'secret': 'x', 'n': 5}", "{'secret': '***', 'n': 5}"},
    {"{\"password\": null, \"credentials\": {\"a\": 1}}", NULL},
    {"{\"total_tokens\": 5, \"prompt\": \"password\"}", NULL},
    {"what is a password: ", NULL},
    {"api_key=***", NULL},
    {"a=sk-abcdefghij0123456789=sk-abcdefghij0123456789", "a=***=***"},
    {"password=a password=b", "password=*** password=***"}};

START_TEST(texts_and_look_alikes)
{
    struct nv_str text = nv_str_from(texts[_i][0]);
    struct nv_str masked = nv_secrets_mask_text(arena, text);
    const char *expected = texts[_i][1] != NULL ? texts[_i][1] : texts[_i][0];
    ck_assert_nv_str(masked, expected);
    ck_assert(texts[_i][1] != NULL || masked.ptr == text.ptr);
    ck_assert_nv_str(nv_secrets_mask_text(arena, masked), expected);
}
END_TEST

START_TEST(a_key_is_found_at_every_place)
{
    char text[200];
    for (size_t at = 0; at < 100; at++) {
        memset(text, ' ', sizeof text);
        memcpy(text + at, "sk-0123456789abcdefghij", 23);
        struct nv_str masked = nv_secrets_mask_text(arena, (struct nv_str){text, sizeof text});
        ck_assert_uint_eq(masked.len, sizeof text - 20);
        ck_assert_uint_eq(nv_str_find(masked, NV_STR("***")), at);
        masked = nv_secrets_mask_text(arena, (struct nv_str){text, at + 23});
        ck_assert_uint_eq(masked.len, at + 3);
    }
}
END_TEST

/* The same in prose: words of all lengths up to a block before it, other runs behind it. */
START_TEST(a_key_is_found_behind_any_words)
{
    static const char prose[] =
        "It is, \"as\" said, a-rather-long word: 0123456789abcde {x=1} [y] ";
    char text[400];
    for (size_t at = 1; at < 200; at++) {
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = prose[(i + at * 7) % (sizeof prose - 1)];
        text[at - 1] = '(';
        memcpy(text + at, "sk-0123456789abcdefghij)", 24);
        struct nv_str masked = nv_secrets_mask_text(arena, (struct nv_str){text, sizeof text});
        ck_assert_uint_eq(masked.len, sizeof text - 20);
        ck_assert_uint_eq(nv_str_find(masked, NV_STR("(***)")), at - 1);
        memcpy(text + at, "tk-0123456789abcdefghij)", 24);
        masked = nv_secrets_mask_text(arena, (struct nv_str){text, sizeof text});
        ck_assert_ptr_eq(masked.ptr, text);
    }
}
END_TEST

/* Values escaped as JSON does, once and twice, between other members. */
START_TEST(json_stays_json)
{
    static const char *const values[] = {
        "x", "a b", "with \" quote", "\\",   "{}",          "1,2", "=",
        "'", "",    "ends in \\\"",  "\\\\", "password: y", "\n"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        json_t *inner =
            json_pack("{s:s, s:i, s:s}", "api_key", values[i], "password", 5, "z", "end");
        char *once = json_dumps(inner, 0);
        json_t *outer = json_pack("{s:s, s:s}", "text", once, "last", "end");
        char *twice = json_dumps(outer, 0);
        struct nv_str masked = nv_secrets_mask_text(arena, nv_str_from(twice));
        json_t *doc = json_loadb(masked.ptr, masked.len, 0, NULL);
        ck_assert_msg(doc != NULL, "%s: %.*s", twice, NV_STR_ARG(masked));
        ck_assert_str_eq(json_string_value(json_object_get(doc, "last")), "end");
        json_t *text = json_loads(json_string_value(json_object_get(doc, "text")), 0, NULL);
        ck_assert_msg(text != NULL, "%.*s", NV_STR_ARG(masked));
        ck_assert_str_eq(json_string_value(json_object_get(text, "z")), "end");
        const char *key = json_string_value(json_object_get(text, "api_key"));
        ck_assert_str_eq(key, values[i][0] == '\0' ? "" : "***");
        json_decref(text);
        json_decref(doc);
        json_decref(outer);
        json_decref(inner);
        free(once);
        free(twice);
    }
}
END_TEST

/* A megabyte of pairs must take milliseconds: quadratic search would take minutes. */
START_TEST(a_text_full_of_pairs_is_quick)
{
    static const char pair[] = "password=a ";
    size_t len = (sizeof pair - 1) * 100000;
    struct nv_arena *large = nv_arena_new(1u << 26);
    char *text = malloc(len);
    ck_assert(large && text);
    for (size_t i = 0; i < len; i++)
        text[i] = pair[i % (sizeof pair - 1)];
    struct nv_str masked = nv_secrets_mask_text(large, (struct nv_str){text, len});
    ck_assert_uint_eq(masked.len, len + 2 * 100000);
    free(text);
    nv_arena_free(large);
}
END_TEST

/* One run of a megabyte, as base64 has, is looked at once. */
START_TEST(a_long_word_is_quick)
{
    size_t len = 4u << 20;
    char *text = malloc(len);
    ck_assert_ptr_nonnull(text);
    memset(text, 'a', len);
    struct nv_str masked = nv_secrets_mask_text(arena, (struct nv_str){text, len});
    ck_assert_ptr_eq(masked.ptr, text);
    free(text);
}
END_TEST

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
    ck_assert_int_eq(nv_secrets_mask(trace), NV_OK);
    const struct nv_value *nested = &span->attributes.items[0].value.as.array.items[0];
    ck_assert_nv_str(nested->as.map.items[0].value.as.string, "***");
    ck_assert_nv_str(span->events[0].attributes.items[0].value.as.string, "***");
    ck_assert_nv_str(span->origin->resource.items[0].value.as.string, "***");
    ck_assert_nv_str(span->exception_message, "bad key ***");
    ck_assert_int_eq(trace->tags.items[0].value.type, NV_VALUE_BOOL);
    ck_assert_uint_eq(trace->custom_attributes.items[0].value.as.string.len, 0);
    ck_assert_nv_str(trace->attributes.items[0].value.as.string, "{\"password\":\"***\"}");
    ck_assert_int_eq(nv_secrets_mask(trace), NV_OK);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    struct nv_arena *small = nv_arena_new(8192);
    char *large = malloc(100000);
    ck_assert(small && large);
    memset(large, ' ', 100000);
    memcpy(large, "password=x", 10);
    struct nv_str masked = nv_secrets_mask_text(small, (struct nv_str){large, 100000});
    ck_assert_ptr_null(masked.ptr);
    struct nv_trace trace = {.arena = small, .status_message = {large, 100000}};
    ck_assert_int_eq(nv_secrets_mask(&trace), NV_ERR_NO_MEMORY);
    free(large);
    nv_arena_free(small);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("mapping/secrets");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, keys_by_their_end, 0, COUNT(keys));
    tcase_add_loop_test(tcase, texts_and_look_alikes, 0, COUNT(texts));
    tcase_add_test(tcase, a_key_is_found_at_every_place);
    tcase_add_test(tcase, a_key_is_found_behind_any_words);
    tcase_add_test(tcase, json_stays_json);
    tcase_add_test(tcase, a_text_full_of_pairs_is_quick);
    tcase_add_test(tcase, a_long_word_is_quick);
    tcase_add_test(tcase, every_part_of_a_trace);
    tcase_add_test(tcase, no_memory_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
