/*
 * A trace that does not fit below the buffer's cap: its long texts and lists are cut, each says
 * how much of it is missing, and the trace says that it was cut. What fits is never cut.
 */
#include "expect.h"

#include "exporter/encode/encode.h"

#include <jansson.h>

#include "base/banned.h"

static struct nv_arena *arena;

static void open_arena(void)
{
    arena = nv_arena_new((size_t)64 << 20);
}

static void close_arena(void)
{
    nv_arena_free(arena);
}

static json_t *reparse(struct nv_str text)
{
    json_error_t error;
    json_t *doc = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, &error);

    ck_assert_msg(doc != NULL, "not JSON: %s at %d", error.text, error.position);
    return doc;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    ck_assert_msg(text != NULL, "no text %s", key);
    return text;
}

/* A span of 300,000 control characters, 50,000 events, links and numbers: each too much
 * alone. */
static void overfill(struct nv_span *one, char *text, size_t len)
{
    const uint32_t many = 50000;
    struct nv_str all = {text, len};
    struct nv_value list = {.type = NV_VALUE_ARRAY};
    struct nv_value bytes = {.type = NV_VALUE_BYTES, .as.string = all};

    memset(text, 1, len);
    list.as.array.items = nv_arena_array(arena, many, sizeof *list.as.array.items);
    list.as.array.count = many;
    one->events = nv_arena_array(arena, many, sizeof *one->events);
    one->links = nv_arena_array(arena, many, sizeof *one->links);
    one->event_count = one->link_count = many;
    one->attributes = (struct nv_attributes){0};
    ck_assert_int_eq(
        nv_attributes_add(&one->attributes, arena, NV_STR("text"), nv_value_string(all)),
        NV_OK);
    ck_assert_int_eq(nv_attributes_add(&one->attributes, arena, NV_STR("bytes"), bytes), NV_OK);
    ck_assert_int_eq(nv_attributes_add(&one->attributes, arena, NV_STR("list"), list), NV_OK);
    text[0] = '"';
    text[len - 1] = '"';
    memset(text + 1, 'j', len - 2);
    ck_assert_int_eq(
        nv_attributes_add(&one->attributes, arena, NV_STR("json"), nv_value_json(all)), NV_OK);
}

START_TEST(a_large_trace_is_cut_and_says_where)
{
    static char text[300000];
    struct nv_span one = {.name = NV_STR("n"), .source_name = NV_STR("n")};
    struct nv_trace trace = {.name = NV_STR("t"),
                             .project = NV_STR("p"),
                             .environment = NV_STR("e"),
                             .spans = &one,
                             .span_count = 1};
    struct nv_buf buf;

    overfill(&one, text, sizeof text);
    one.name = (struct nv_str){text, sizeof text};
    nv_buf_init(&buf, (size_t)1 << 20);
    ck_assert_int_eq(nv_buf_append_char(&buf, '['), NV_OK);
    ck_assert_int_eq(nv_encode_trace(&buf, &trace, NV_TRACE_ID_UUID), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(&buf, ']'), NV_OK);
    json_t *all = reparse(nv_buf_str(&buf));
    json_t *doc = json_array_get(all, 0);
    json_t *span_doc = json_array_get(json_object_get(doc, "spans"), 0);
    json_t *attributes_doc = json_object_get(span_doc, "attributes");
    ck_assert_str_eq(text_of(json_object_get(doc, "attributes"), "noveum.gateway.cut"),
                     "texts to 16384 bytes, lists to 4096 items");
    ck_assert_ptr_nonnull(strstr(text_of(span_doc, "name"),
                                 "[cut by noveum-gateway: 283616 of 300000 bytes left out]"));
    ck_assert_ptr_nonnull(strstr(text_of(attributes_doc, "bytes"), "283617 of 300000 bytes"));
    ck_assert_ptr_nonnull(strstr(text_of(attributes_doc, "json"), "283616 of 300000 bytes"));
    json_t *list = json_object_get(attributes_doc, "list");
    ck_assert_uint_eq(json_array_size(list), 4097);
    ck_assert_str_eq(json_string_value(json_array_get(list, 4096)),
                     "[cut by noveum-gateway: 45904 of 50000 items left out]");
    ck_assert_uint_eq(json_array_size(json_object_get(span_doc, "events")), 4096);
    json_t *otel = json_object_get(span_doc, "otel");
    ck_assert_int_eq(json_integer_value(json_object_get(otel, "cut_events_count")), 45904);
    ck_assert_int_eq(json_integer_value(json_object_get(otel, "cut_links_count")), 45904);
    json_decref(all);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(what_fits_is_not_cut)
{
    struct nv_span one = {.name = NV_STR("n"), .source_name = NV_STR("n")};
    struct nv_trace trace = {.name = NV_STR("t"),
                             .project = NV_STR("p"),
                             .environment = NV_STR("e"),
                             .spans = &one,
                             .span_count = 1};
    struct nv_buf free_buf, tight;

    nv_buf_init(&free_buf, SIZE_MAX);
    ck_assert_int_eq(nv_encode_trace(&free_buf, &trace, NV_TRACE_ID_UUID), NV_OK);
    nv_buf_init(&tight, free_buf.len);
    ck_assert_int_eq(nv_encode_trace(&tight, &trace, NV_TRACE_ID_UUID), NV_OK);
    ck_assert_nv_str_eq(nv_buf_str(&tight), nv_buf_str(&free_buf));
    ck_assert(nv_str_find(nv_buf_str(&tight), NV_STR("gateway.cut")) == SIZE_MAX);
    nv_buf_release(&free_buf);
    nv_buf_release(&tight);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/encode_cut");
    TCase *tcase = tcase_create("cut");

    tcase_add_checked_fixture(tcase, open_arena, close_arena);
    tcase_add_test(tcase, a_large_trace_is_cut_and_says_where);
    tcase_add_test(tcase, what_fits_is_not_cut);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
