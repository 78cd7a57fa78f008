/*
 * Pieces that spans share: copied while they are short and few, referred to by number
 * otherwise, made once in any case; and the output of a trace linear in its bytes whatever is
 * shared.
 */
#include "expect.h"
#include "fixtures.h"
#include "oom.h"

#include "exporter/encode/encode.h"
#include "exporter/encode/repeats.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/banned.h"

static struct nv_buf buf;
static struct nv_json_writer json;
static struct nv_repeats repeats;
static unsigned made;

static void begin(void)
{
    nv_buf_init(&buf, SIZE_MAX);
    nv_json_write_init(&json, &buf);
    nv_repeats_init(&repeats, NV_STR("scope"), NV_STR("scope_ref"), NV_STR("scopes"));
    made = 0;
    nv_json_write_begin_object(&json);
    nv_json_write_key(&json, NV_STR("a"));
    nv_json_write_int(&json, 1);
}

static void finish(void)
{
    nv_repeats_release(&repeats);
    nv_buf_release(&buf);
}

static void make_text(struct nv_json_writer *writer, const void *ctx)
{
    made++;
    if (*(const char *)ctx != '\0')
        nv_json_write_string(writer, nv_str_from(ctx));
}

static void write_piece(const char *text)
{
    nv_repeats_write(&repeats, &json, text, make_text, text);
}

/* `size` bytes of text and a NUL. New. */
static char *long_text(size_t size)
{
    char *text = malloc(size + 1);

    ck_assert_ptr_nonnull(text);
    memset(text, 'x', size);
    text[size] = '\0';
    return text;
}

START_TEST(short_ones_are_copied_and_made_once)
{
    static const char one[] = "one", two[] = "two", none[] = "";

    for (int i = 0; i < 2; i++) {
        write_piece(one);
        write_piece(none);
        write_piece(two);
    }
    nv_repeats_write_list(&repeats, &json);
    nv_json_write_end_object(&json);
    ck_assert_nv_str(nv_buf_str(&buf),
                     "{\"a\":1,\"scope\":\"one\",\"scope\":\"two\",\"scope\":\"one\","
                     "\"scope\":\"two\"}");
    ck_assert_uint_eq(made, 3);
}
END_TEST

START_TEST(a_piece_is_copied_up_to_its_cap)
{
    char *fits = long_text(NV_REPEAT_PIECE_MAX - 2);
    char *over = long_text(NV_REPEAT_PIECE_MAX - 1);

    write_piece(over);
    write_piece(fits);
    size_t before = buf.len;
    write_piece(fits);
    ck_assert_uint_eq(buf.len - before, NV_REPEAT_PIECE_MAX + strlen(",\"scope\":"));
    before = buf.len;
    write_piece(over);
    write_piece(over);
    ck_assert_nv_str(nv_str_slice(nv_buf_str(&buf), before, SIZE_MAX),
                     ",\"scope_ref\":0,\"scope_ref\":0");
    before = buf.len;
    nv_repeats_write_list(&repeats, &json);
    struct nv_str list = nv_str_slice(nv_buf_str(&buf), before, SIZE_MAX);
    ck_assert_uint_eq(list.len, NV_REPEAT_PIECE_MAX + 1 + strlen(",\"scopes\":[]"));
    ck_assert_uint_eq(made, 2);
    free(fits);
    free(over);
}
END_TEST

START_TEST(short_ones_add_up_to_a_cap)
{
    char *text = long_text(1022);

    write_piece(text);
    for (size_t i = 0; i < NV_REPEATED_BYTES_MAX / 1024; i++)
        write_piece(text);
    ck_assert_uint_eq(repeats.refs, 0);
    write_piece(text);
    ck_assert_uint_eq(repeats.refs, 1);
    ck_assert_uint_eq(made, 1);
    free(text);
}
END_TEST

START_TEST(numbers_are_places_in_the_list)
{
    enum { MANY = 100 };
    char *texts[MANY];

    for (size_t i = 0; i < MANY; i++) {
        texts[i] = long_text(NV_REPEAT_PIECE_MAX);
        texts[i][0] = (char)('0' + i / 10);
        texts[i][1] = (char)('0' + i % 10);
        write_piece(texts[i]);
    }
    /* Referred to from the last to the first: numbers go by reference, not by first sight. */
    for (size_t i = MANY; i > 0; i--)
        write_piece(texts[i - 1]);
    nv_repeats_write_list(&repeats, &json);
    nv_json_write_end_object(&json);
    ck_assert_int_eq(buf.failed, NV_OK);
    struct nv_str all = nv_buf_str(&buf);
    struct nv_str list = nv_str_slice(
        all, nv_str_find(all, NV_STR("\"scopes\":[")) + strlen("\"scopes\":["), SIZE_MAX);
    for (size_t i = 0; i < MANY; i++) {
        struct nv_str at = nv_str_slice(list, i * (NV_REPEAT_PIECE_MAX + 3), 3);
        char want[] = {'"', texts[MANY - 1 - i][0], texts[MANY - 1 - i][1], '\0'};
        ck_assert_nv_str(at, want);
    }
    for (size_t i = 0; i < MANY; i++)
        free(texts[i]);
}
END_TEST

START_TEST(without_memory_the_buffer_says_so)
{
    static const char one[] = "one";

    ck_assert_int_eq(nv_buf_reserve(&buf, 1000), NV_OK);
    for (unsigned nth = 1; nth <= 2; nth++) {
        oom_fail_nth(nth);
        write_piece(one);
        ck_assert(oom_end());
        ck_assert_int_eq(buf.failed, NV_ERR_NO_MEMORY);
        buf.failed = NV_OK;
        nv_repeats_release(&repeats);
    }
    write_piece(one);
    ck_assert_int_eq(buf.failed, NV_OK);
}
END_TEST

/* ---- in a trace -------------------------------------------------------------------------- */

/* Bytes of a trace of `spans` that share a scope and a resource of 100,000 bytes. */
static size_t encoded_bytes(struct nv_arena *arena, uint32_t spans, struct nv_buf *out)
{
    char *text = long_text(100000);
    struct nv_origin root = {.scope_name = NV_STR("s"), .scope_version = NV_STR("1")};
    struct nv_origin other = root;
    struct nv_value value = nv_value_string(nv_str_from(text));
    struct nv_trace trace = {.name = NV_STR("t"),
                             .project = NV_STR("p"),
                             .environment = NV_STR("e"),
                             .origin = &root,
                             .span_count = spans,
                             .spans = nv_arena_array(arena, spans, sizeof *trace.spans)};

    ck_assert_int_eq(nv_attributes_add(&other.resource, arena, NV_STR("r"), value), NV_OK);
    ck_assert_int_eq(nv_attributes_add(&other.scope_attributes, arena, NV_STR("a"), value),
                     NV_OK);
    for (uint32_t i = 0; i < spans; i++) {
        trace.spans[i] =
            (struct nv_span){.name = NV_STR("n"), .origin = i == 0 ? &root : &other};
    }
    nv_buf_clear(out);
    ck_assert_int_eq(nv_encode_trace(out, &trace, NV_TRACE_ID_UUID), NV_OK);
    free(text);
    return out->len;
}

START_TEST(a_trace_holds_what_its_spans_share_twice_at_most)
{
    struct nv_arena *arena = nv_arena_new((size_t)1 << 20);
    size_t few = encoded_bytes(arena, 10, &buf);
    size_t many = encoded_bytes(arena, 1000, &buf);

    ck_assert_uint_lt(few, 4 * 100000 + 10 * 1000);
    ck_assert_uint_lt(many, 4 * 100000 + 1000 * 1000);
    json_t *doc = json_loadb(buf.bytes, buf.len, 0, NULL);
    ck_assert_ptr_nonnull(doc);
    json_t *spans = json_object_get(doc, "spans");
    json_t *otel = json_object_get(doc, "otel");
    json_t *first = json_object_get(json_array_get(spans, 1), "otel");
    json_t *last = json_object_get(json_array_get(spans, 999), "otel");
    ck_assert_int_eq(json_integer_value(json_object_get(last, "scope_ref")), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(last, "resource_ref")), 0);
    ck_assert_ptr_null(json_object_get(last, "scope"));
    ck_assert(json_equal(json_array_get(json_object_get(otel, "scopes"), 0),
                         json_object_get(first, "scope")));
    ck_assert(json_equal(json_array_get(json_object_get(otel, "resources"), 0),
                         json_object_get(first, "resource")));
    json_decref(doc);
    nv_arena_free(arena);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("repeats");

    tcase_add_checked_fixture(tcase, begin, finish);
    tcase_add_test(tcase, short_ones_are_copied_and_made_once);
    tcase_add_test(tcase, a_piece_is_copied_up_to_its_cap);
    tcase_add_test(tcase, short_ones_add_up_to_a_cap);
    tcase_add_test(tcase, numbers_are_places_in_the_list);
    tcase_add_test(tcase, without_memory_the_buffer_says_so);
    tcase_add_test(tcase, a_trace_holds_what_its_spans_share_twice_at_most);
    Suite *suite = suite_create("exporter/repeats");
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
