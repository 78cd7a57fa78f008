/*
 * Media of a whole trace: every form in which messages hold them, every place of a trace, and
 * what is left alone.
 */
#include "expect.h"
#include "arena_oom.h"

#include "redaction/media/media.h"
#include "redaction/redact.h"

#include "base/banned.h"

#define PNG                                                                                    \
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQDJ/"                \
    "pLvAAAAAElFTkSuQmCC"
#define PNG_MARK                                                                               \
    "[media: image/png, 69 bytes, sha256 "                                                     \
    "57c5b0ba802ba3aa9c4ebd11a8ef32d173abc6dd5b3deabb7cd540b66e14edc5]"
#define PNG_REF "image://bd85f070-37fc-88e2-9b1f-133d94a959dc"
/* 48 bytes of no kind. */
#define BYTES "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v"
#define BYTES_MARK(mime)                                                                       \
    "[media: " mime ", 48 bytes, sha256 "                                                      \
    "4dbdc2b2b62cb00749785bc84202236dbc3777d74660611b8e58812f0cfde6c3]"
#define LIST "[71,73,70,56,57,97,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"

static struct nv_arena *arena;
static struct nv_event event;
static struct nv_span span;
static struct nv_trace trace;
static unsigned marks;
static struct nv_str marked_key;
static struct nv_media_policy policy;

static void set_up(void)
{
    arena = nv_arena_new(1u << 24);
    event = (struct nv_event){.time_ns = 0};
    span = (struct nv_span){.events = &event, .event_count = 1};
    trace = (struct nv_trace){.arena = arena, .spans = &span, .span_count = 1};
    memset(trace.trace_id, 1, sizeof trace.trace_id);
    marks = 0;
    policy = (struct nv_media_policy){.mode = NV_MEDIA_MARKER, .bytes_max = 1u << 20};
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static void add(struct nv_attributes *list, const char *key, struct nv_str json)
{
    struct nv_value value;
    ck_assert_int_eq(nv_value_from_json(arena, json, NULL, &value), NV_OK);
    ck_assert_int_eq(nv_attributes_add(list, arena, nv_str_from(key), value), NV_OK);
}

static void marked(void *ctx, const char *place, struct nv_str key)
{
    (void)ctx;
    (void)place;
    marks++;
    marked_key = key;
}

static const struct nv_media_teller teller = {NULL, marked};

static void apply(void)
{
    ck_assert_int_eq(nv_media_apply(&policy, &trace, &teller), NV_OK);
}

static void expect_list(const struct nv_attributes *list, struct nv_str json)
{
    struct nv_buf text;
    struct nv_json_writer writer;
    nv_buf_init(&text, 1u << 20);
    nv_json_write_init(&writer, &text);
    nv_attributes_write(&writer, list);
    ck_assert_json_eq(nv_buf_str(&text), json);
    nv_buf_release(&text);
}

/* ---- forms ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    struct nv_str json, want;
} forms[] = {
    {"one form of all", NV_STR_INIT("[{\"type\":\"image\",\"data\":\"" PNG "\"}]"),
     NV_STR_INIT("[{\"type\":\"image\",\"data\":\"" PNG_MARK "\"}]")},
    {"OpenAI", NV_STR_INIT("[{\"image_url\":{\"url\":\"data:image/png;base64," PNG "\"}}]"),
     NV_STR_INIT("[{\"image_url\":{\"url\":\"" PNG_MARK "\"}}]")},
    {"OpenAI's sounds",
     NV_STR_INIT("{\"input_audio\":{\"data\":\"" BYTES "\",\"format\":\"pcm16\"}}"),
     NV_STR_INIT(
         "{\"input_audio\":{\"data\":\"" BYTES_MARK("audio/pcm") "\",\"format\":\"pcm16\"}}")},
    {"OpenAI's files",
     NV_STR_INIT("{\"file\":{\"file_data\":\"data:application/x-y;base64,AAECAw==\"}}"),
     NV_STR_INIT("{\"file\":{\"file_data\":\"[media: application/x-y, 4 bytes, sha256 "
                 "054edec1d0211f624fed0cbca9d4f9400b0e491c43742af2c5b0abebf0c990d8]\"}}")},
    {"Anthropic",
     NV_STR_INIT(
         "{\"source\":{\"type\":\"base64\",\"media_type\":\"audio/l16\",\"data\":\"" BYTES
         "\"}}"),
     NV_STR_INIT(
         "{\"source\":{\"type\":\"base64\",\"media_type\":\"audio/l16\",\"data\":\"" BYTES_MARK(
             "audio/pcm") "\"}}")},
    {"Google",
     NV_STR_INIT("{\"inlineData\":{\"mimeType\":\"video/x\",\"data\":\"" BYTES "\"}}"),
     NV_STR_INIT(
         "{\"inlineData\":{\"mimeType\":\"video/x\",\"data\":\"" BYTES_MARK("video/x") "\"}}")},
    {"Bedrock",
     NV_STR_INIT("{\"image\":{\"format\":\"webp\",\"source\":{\"bytes\":\"" BYTES "\"}}}"),
     NV_STR_INIT("{\"image\":{\"format\":\"webp\",\"source\":{\"bytes\":\"" BYTES_MARK(
         "image/webp") "\"}}}")},
    {"Vercel",
     NV_STR_INIT("{\"type\":\"file\",\"mediaType\":\"image/png\",\"data\":\"" PNG "\"}"),
     NV_STR_INIT("{\"type\":\"file\",\"mediaType\":\"image/png\",\"data\":\"" PNG_MARK "\"}")},
    {"Pydantic AI", NV_STR_INIT("{\"kind\":\"binary\",\"content\":\"" BYTES "\"}"),
     NV_STR_INIT(
         "{\"kind\":\"binary\",\"content\":\"" BYTES_MARK("application/octet-stream") "\"}")},
    {"MCP",
     NV_STR_INIT("{\"resource\":{\"mimeType\":\"application/x\",\"blob\":\"" BYTES "\"}}"),
     NV_STR_INIT("{\"resource\":{\"mimeType\":\"application/x\",\"blob\":\"" BYTES_MARK(
         "application/x") "\"}}")},
    {"numbers",
     NV_STR_INIT("{\"data\":[71,73,70,56,57,97,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}"),
     NV_STR_INIT("{\"data\":\"[media: image/gif, 24 bytes, sha256 "
                 "f779be220041565413c0dae8dc84b124c4306ec29bb8ff9d6ac32fed267cd203]\"}")},
    {"JSON in a text", NV_STR_INIT("\"{\\\"data\\\": \\\"" PNG "\\\", \\\"n\\\": 1}\""),
     NV_STR_INIT("\"{\\\"data\\\": \\\"" PNG_MARK "\\\", \\\"n\\\": 1}\"")},
    {"two in a text", NV_STR_INIT("\"" PNG " and " PNG ".\""),
     NV_STR_INIT("\"" PNG_MARK " and " PNG_MARK ".\"")},
};

START_TEST(every_form_becomes_a_mark)
{
    struct nv_buf want;
    nv_buf_init(&want, 1u << 16);
    add(&span.attributes, "tool.output", forms[_i].json);
    apply();
    (void)nv_buf_printf(&want, "{\"tool.output\":%.*s}", NV_STR_ARG(forms[_i].want));
    expect_list(&span.attributes, nv_buf_str(&want));
    ck_assert_uint_ge(marks, 1);
    ck_assert_nv_str(marked_key, "tool.output");
    nv_buf_release(&want);
}
END_TEST

static const struct nv_str others[] = {
    NV_STR_INIT(
        "{\"type\":\"image\",\"url\":\"https://example.com/a/very/long/path/to/a/picture/"
        "of/a/cat/in/a/hat/of/some/kind/or/another/cat.png\"}"),
    NV_STR_INIT("{\"type\":\"text\",\"content\":\"" BYTES "\"}"),
    NV_STR_INIT("{\"type\":\"image\",\"data\":\"a picture of a cat\"}"),
    NV_STR_INIT("{\"type\":\"image\",\"data\":\"averylongwordthatisnopicture and more\"}"),
    NV_STR_INIT("{\"role\":\"user\",\"content\":\"Supercalifragilisticexpialidocious\"}"),
    NV_STR_INIT("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]"),
    NV_STR_INIT("\"" PNG_MARK "\""),
    NV_STR_INIT("\"" PNG_REF "\""),
};

START_TEST(all_else_stays)
{
    struct nv_buf want;
    nv_buf_init(&want, 1u << 16);
    add(&span.attributes, "tool.output", others[_i]);
    apply();
    (void)nv_buf_printf(&want, "{\"tool.output\":%.*s}", NV_STR_ARG(others[_i]));
    expect_list(&span.attributes, nv_buf_str(&want));
    ck_assert_uint_eq(marks, 0);
    nv_buf_release(&want);
}
END_TEST

/* ---- places ------------------------------------------------------------------------------ */

START_TEST(every_place_is_looked_at)
{
    const struct nv_str text = NV_STR("\"" PNG "\"");
    add(&trace.attributes, "a", text);
    add(&trace.custom_attributes, "a", text);
    add(&span.attributes, "a", text);
    add(&event.attributes, "a", text);
    span.status_message = span.source_status_message = NV_STR(PNG);
    span.exception_message = trace.status_message = NV_STR("bad picture: " PNG);
    apply();
    expect_list(&trace.attributes, NV_STR("{\"a\":\"" PNG_MARK "\"}"));
    expect_list(&trace.custom_attributes, NV_STR("{\"a\":\"" PNG_MARK "\"}"));
    expect_list(&span.attributes, NV_STR("{\"a\":\"" PNG_MARK "\"}"));
    expect_list(&event.attributes, NV_STR("{\"a\":\"" PNG_MARK "\"}"));
    ck_assert_nv_str(span.status_message, PNG_MARK);
    ck_assert_nv_str(span.source_status_message, PNG_MARK);
    ck_assert_nv_str(span.exception_message, "bad picture: " PNG_MARK);
    ck_assert_nv_str(trace.status_message, "bad picture: " PNG_MARK);
}
END_TEST

START_TEST(bytes_and_json_are_looked_at)
{
    const struct nv_value bytes = {.type = NV_VALUE_BYTES, .as.string = NV_STR("GIF89a....")};
    const struct nv_value json = nv_value_json(NV_STR("{\"a\":\"" PNG "\"}"));
    ck_assert_int_eq(nv_attributes_add(&span.attributes, arena, NV_STR("b"), bytes), NV_OK);
    ck_assert_int_eq(nv_attributes_add(&span.attributes, arena, NV_STR("j"), json), NV_OK);
    apply();
    ck_assert(nv_str_starts(span.attributes.items[0].value.as.string,
                            NV_STR("[media: image/gif, 10 bytes, ")));
    ck_assert_nv_str(span.attributes.items[1].value.as.string, "{\"a\":\"" PNG_MARK "\"}");
}
END_TEST

/* ---- uploads ----------------------------------------------------------------------------- */

START_TEST(uploads_are_listed_and_named)
{
    policy.mode = NV_MEDIA_UPLOAD;
    add(&span.attributes, "llm.input.messages",
        NV_STR("[{\"data\":\"" PNG "\"},{\"url\":\"data:image/png;base64," PNG "\"}]"));
    add(&span.attributes, "input.value", NV_STR("\"" PNG "\""));
    apply();
    expect_list(
        &span.attributes,
        NV_STR("{\"llm.input.messages\":[{\"data\":\"" PNG_REF "\"},{\"url\":\"" PNG_REF
               "\"}],\"input.value\":\"" PNG_REF "\",\"llm.input.image_uuids\":["
               "\"bd85f070-37fc-88e2-9b1f-133d94a959dc\"],\"llm.input.image_count\":1}"));
    ck_assert_uint_eq(trace.media_count, 1);
    ck_assert_nv_str(trace.media[0].text, PNG);
    ck_assert_uint_eq(marks, 0);
}
END_TEST

START_TEST(a_broken_one_is_never_uploaded)
{
    policy.mode = NV_MEDIA_UPLOAD;
    add(&span.attributes, "llm.input.messages",
        NV_STR("[{\"type\":\"blob\",\"mime_type\":\"image/png\",\"data\":\"" PNG "***" BYTES
               "\"},\"see data:image/png;base64," PNG "***" BYTES " here\"]"));
    apply();
    ck_assert_uint_eq(trace.media_count, 0);
    ck_assert_uint_eq(marks, 2);
    const struct nv_value *list = &span.attributes.items[0].value;
    struct nv_str blob = list->as.array.items[0].as.map.items[2].value.as.string;
    struct nv_str text = list->as.array.items[1].as.string;
    ck_assert(nv_str_starts(blob, NV_STR("[media: image/png, cut, 69 bytes, ")));
    ck_assert(nv_str_ends(blob, NV_STR("]")));
    ck_assert(nv_str_starts(text, NV_STR("see [media: image/png, cut, 69 bytes, ")));
    ck_assert(nv_str_ends(text, NV_STR("] here")));
}
END_TEST

START_TEST(every_list_of_a_list_in_text)
{
    add(&span.attributes, "input.value",
        NV_STR("\"{\\\"images\\\":\\n[" LIST ",\\n" LIST "]}\""));
    apply();
    struct nv_value value;
    ck_assert_int_eq(
        nv_value_from_json(arena, span.attributes.items[0].value.as.string, NULL, &value),
        NV_OK);
    const struct nv_value *images = nv_map_get(&value, NV_STR("images"));
    ck_assert_uint_eq(images->as.array.count, 2);
    for (unsigned i = 0; i < 2; i++)
        ck_assert(nv_str_starts(images->as.array.items[i].as.string,
                                NV_STR("[media: image/gif, 24 bytes")));
}
END_TEST

START_TEST(sounds_of_speech_are_named)
{
    policy.mode = NV_MEDIA_UPLOAD;
    add(&span.attributes, "stt.audio", NV_STR("\"data:audio/pcm;base64,AAECAw==\""));
    add(&span.attributes, "tts.audio", NV_STR("\"data:audio/pcm;base64,AAECBA==\""));
    apply();
    ck_assert_uint_eq(trace.media_count, 2);
    ck_assert_int_eq(trace.media[0].use, NV_MEDIA_STT);
    ck_assert_int_eq(trace.media[1].use, NV_MEDIA_TTS);
    const struct nv_value *stt = nv_attributes_get(&span.attributes, NV_STR("stt.audio_uuid"));
    ck_assert_ptr_nonnull(stt);
    ck_assert_uint_eq(stt->as.string.len, 36);
    ck_assert_ptr_nonnull(nv_attributes_get(&span.attributes, NV_STR("tts.audio_uuid")));
}
END_TEST

START_TEST(twice_changes_nothing)
{
    policy.mode = NV_MEDIA_UPLOAD;
    add(&span.attributes, "llm.input.messages", NV_STR("[\"" PNG "\",\"%PDF-\"]"));
    apply();
    uint32_t count = span.attributes.count;
    apply();
    ck_assert_uint_eq(trace.media_count, 1);
    ck_assert_uint_eq(span.attributes.count, count);
}
END_TEST

START_TEST(kept_as_it_is)
{
    policy.mode = NV_MEDIA_KEEP;
    add(&span.attributes, "a", NV_STR("\"" PNG "\""));
    apply();
    expect_list(&span.attributes, NV_STR("{\"a\":\"" PNG "\"}"));
}
END_TEST

/* A mark's hash is no secret. */
START_TEST(masking_leaves_marks_and_references)
{
    const struct nv_redaction_config config = {.secrets = true, .media = policy};
    add(&span.attributes, "data", NV_STR("{\"a\":\"" PNG "\",\"b\":\"" PNG_REF "\"}"));
    ck_assert_int_eq(nv_redact(&config, &trace, NULL), NV_OK);
    expect_list(&span.attributes,
                NV_STR("{\"data\":{\"a\":\"" PNG_MARK "\",\"b\":\"" PNG_REF "\"}}"));
    expect_list(&trace.attributes, NV_STR("{\"noveum.gateway.redacted\":[\"media data\"]}"));
}
END_TEST

/* JSON stays JSON, at each depth. */
START_TEST(lists_of_numbers_in_json_text)
{
    add(&span.attributes, "input.value",
        NV_STR("\"{\\\"a\\\":{\\\"type\\\":\\\"Buffer\\\",\\\"data\\\":" LIST
               "},\\\"b\\\":\\\"{\\\\\\\"data\\\\\\\":" LIST "}\\\"}\""));
    apply();
    struct nv_str text = span.attributes.items[0].value.as.string;
    struct nv_value value;
    ck_assert_int_eq(nv_value_from_json(trace.arena, text, NULL, &value), NV_OK);
    ck_assert_uint_eq(marks, 2);
    ck_assert_uint_eq(nv_str_find(text, NV_STR("[71")), SIZE_MAX);
    ck_assert_uint_ne(nv_str_find(text, NV_STR("\"data\":\"[media: image/gif, 24 bytes")),
                      SIZE_MAX);
    const struct nv_value *deep = nv_map_get(&value, NV_STR("b"));
    ck_assert_int_eq(nv_value_from_json(trace.arena, deep->as.string, NULL, &value), NV_OK);
    ck_assert(nv_str_starts(nv_map_get(&value, NV_STR("data"))->as.string,
                            NV_STR("[media: image/gif, 24 bytes")));
}
END_TEST

static enum nv_err attempt(void *ctx, struct nv_arena *own)
{
    struct nv_value value;
    (void)ctx;
    span = (struct nv_span){.span_id = {1}};
    trace = (struct nv_trace){.arena = own, .spans = &span, .span_count = 1};
    marks = 0;
    enum nv_err err = nv_value_from_json(own, NV_STR("[\"a " PNG "\"]"), NULL, &value);
    if (err == NV_OK)
        err = nv_attributes_add(&span.attributes, own, NV_STR("llm.input.messages"), value);
    return err == NV_OK ? nv_media_apply(&policy, &trace, &teller) : err;
}

START_TEST(without_memory_it_says_so)
{
    policy.mode = NV_MEDIA_UPLOAD;
    nv_test_oom_each(attempt, NULL);
}
END_TEST

/* As media.c has it. */
#define LEVELS_MAX 3u

/* The map of the data is the first; what stands further out says nothing about it. */
START_TEST(so_many_maps_around_are_heard_and_not_one_more)
{
    static const char *const want[] = {"[media: video/x, 48 bytes", "\"data\":\"" BYTES};
    for (unsigned more = 0; more < 2; more++) {
        struct nv_buf json, text;
        struct nv_json_writer writer;
        nv_buf_init(&json, 4096);
        nv_buf_init(&text, 4096);
        (void)nv_buf_printf(&json, "{\"mimeType\":\"video/x\"");
        for (unsigned level = 1; level < LEVELS_MAX + more; level++)
            (void)nv_buf_printf(&json, ",\"in\":{\"x\":1");
        (void)nv_buf_printf(&json, ",\"data\":\"%s\"", BYTES);
        for (unsigned level = 0; level < LEVELS_MAX + more; level++)
            (void)nv_buf_append_char(&json, '}');
        span.attributes = (struct nv_attributes){0};
        add(&span.attributes, "llm.input.messages", nv_buf_str(&json));
        apply();
        nv_json_write_init(&writer, &text);
        nv_attributes_write(&writer, &span.attributes);
        ck_assert_msg(nv_str_find(nv_buf_str(&text), nv_str_from(want[more])) != SIZE_MAX,
                      "%.*s", (int)text.len, text.bytes);
        nv_buf_release(&json);
        nv_buf_release(&text);
    }
}
END_TEST

/* Bytes that are media only for what the list stands in: the list before, of the same texts, is
 * not what is asked. */
START_TEST(a_list_that_comes_again_in_something_else)
{
    static const struct nv_str texts[] = {NV_STR_INIT("no media at all"), NV_STR_INIT(BYTES)};
    struct nv_attribute parts[2][2], outer[2];
    struct nv_value lists[2][2];
    for (unsigned list = 0; list < 2; list++) {
        for (unsigned i = 0; i < 2; i++) {
            parts[list][i] = (struct nv_attribute){NV_STR("data"), nv_value_string(texts[i])};
            lists[list][i] =
                (struct nv_value){.type = NV_VALUE_MAP, .as.map = {&parts[list][i], 1}};
        }
    }
    outer[0] = (struct nv_attribute){NV_STR("mimeType"), nv_value_string(NV_STR("video/x"))};
    outer[1] = (struct nv_attribute){NV_STR("in"),
                                     {.type = NV_VALUE_ARRAY, .as.array = {lists[1], 2}}};
    struct nv_attribute attributes[] = {
        {NV_STR("first"), {.type = NV_VALUE_ARRAY, .as.array = {lists[0], 2}}},
        {NV_STR("second"), {.type = NV_VALUE_MAP, .as.map = {outer, 2}}}};
    span.attributes = (struct nv_attributes){.items = attributes, .count = 2, .capacity = 2};
    apply();
    ck_assert_nv_str(parts[0][1].value.as.string, BYTES);
    ck_assert_nv_str(parts[1][0].value.as.string, "no media at all");
    ck_assert_nv_str(parts[1][1].value.as.string, BYTES_MARK("video/x"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/media/media");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, every_form_becomes_a_mark, 0,
                        (int)(sizeof forms / sizeof *forms));
    tcase_add_loop_test(tests, all_else_stays, 0, (int)(sizeof others / sizeof *others));
    tcase_add_test(tests, every_place_is_looked_at);
    tcase_add_test(tests, bytes_and_json_are_looked_at);
    tcase_add_test(tests, uploads_are_listed_and_named);
    tcase_add_test(tests, a_broken_one_is_never_uploaded);
    tcase_add_test(tests, every_list_of_a_list_in_text);
    tcase_add_test(tests, sounds_of_speech_are_named);
    tcase_add_test(tests, twice_changes_nothing);
    tcase_add_test(tests, kept_as_it_is);
    tcase_add_test(tests, masking_leaves_marks_and_references);
    tcase_add_test(tests, lists_of_numbers_in_json_text);
    tcase_add_test(tests, without_memory_it_says_so);
    tcase_add_test(tests, so_many_maps_around_are_heard_and_not_one_more);
    tcase_add_test(tests, a_list_that_comes_again_in_something_else);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
