/*
 * OTLP bytes as values: every field of a span, and bytes that no check would let through.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "base/text/wire.h"
#include "mapping/engine/decode.h"

#include <stdlib.h>

#include "base/banned.h"

static void attribute(struct nv_buf *buf, uint32_t number, const char *key)
{
    size_t mark = nv_wire_begin(buf, number);
    (void)nv_wire_put_bytes(buf, 1, nv_str_from(key));
    size_t value = nv_wire_begin(buf, 2);
    (void)nv_wire_put_bytes(buf, 1, NV_STR("v"));
    (void)nv_wire_end(buf, value);
    (void)nv_wire_end(buf, mark);
}

static void whole_span(struct nv_buf *buf)
{
    (void)nv_wire_put_bytes(buf, 2, NV_STR("12345678"));
    (void)nv_wire_put_bytes(buf, 3, NV_STR("k=v"));
    (void)nv_wire_put_bytes(buf, 4, NV_STR("abcdefgh"));
    (void)nv_wire_put_bytes(buf, 5, NV_STR("name"));
    (void)nv_wire_put_uint(buf, 6, 3);
    (void)nv_wire_put_fixed64(buf, 7, 100);
    (void)nv_wire_put_fixed64(buf, 8, 200);
    attribute(buf, 9, "a");
    attribute(buf, 9, "b");
    (void)nv_wire_put_uint(buf, 10, 7);
    size_t event = nv_wire_begin(buf, 11);
    (void)nv_wire_put_fixed64(buf, 1, 150);
    attribute(buf, 3, "e");
    (void)nv_wire_end(buf, event);
    size_t link = nv_wire_begin(buf, 13);
    (void)nv_wire_put_bytes(buf, 1, NV_STR("0123456789abcdef"));
    (void)nv_wire_put_bytes(buf, 2, NV_STR("zyxwvuts"));
    (void)nv_wire_end(buf, link);
    size_t status = nv_wire_begin(buf, 15);
    (void)nv_wire_put_bytes(buf, 2, NV_STR("bad"));
    (void)nv_wire_put_uint(buf, 3, 2);
    (void)nv_wire_end(buf, status);
    (void)nv_wire_put_fixed32(buf, 16, 0x301);
    (void)nv_wire_put_uint(buf, 99, 1);
}

START_TEST(all_fields_of_a_span)
{
    struct nv_buf buf;
    struct nv_span span;
    struct nv_arena *arena = nv_arena_new(1 << 20);
    nv_buf_init(&buf, 1 << 16);
    whole_span(&buf);
    ck_assert_int_eq(nv_decode_span(arena, nv_buf_str(&buf), &span), NV_OK);
    ck_assert_mem_eq(span.span_id, "12345678", 8);
    ck_assert_mem_eq(span.parent_id, "abcdefgh", 8);
    ck_assert(span.has_parent);
    ck_assert_nv_str(span.source_name, "name");
    ck_assert_nv_str(span.trace_state, "k=v");
    ck_assert_int_eq(span.kind, NV_SPAN_KIND_CLIENT);
    ck_assert_uint_eq(span.start_ns, 100);
    ck_assert_uint_eq(span.end_ns, 200);
    ck_assert_uint_eq(span.attributes.count, 2);
    ck_assert_nv_str(span.attributes.items[1].key, "b");
    ck_assert_uint_eq(span.dropped_attributes, 7);
    ck_assert_uint_eq(span.event_count, 1);
    ck_assert_nv_str(span.events[0].name, "event");
    ck_assert_uint_eq(span.events[0].attributes.count, 1);
    ck_assert_uint_eq(span.link_count, 1);
    ck_assert_mem_eq(span.links[0].span_id, "zyxwvuts", 8);
    ck_assert_int_eq(span.status_code, NV_STATUS_CODE_ERROR);
    ck_assert_nv_str(span.source_status_message, "bad");
    ck_assert_uint_eq(span.flags, 0x301);
    nv_buf_release(&buf);
    nv_arena_free(arena);
}
END_TEST

/* Events and links may stand anywhere, with other fields before, between and behind them. */
START_TEST(lists_among_other_fields)
{
    struct nv_buf buf;
    struct nv_span span;
    struct nv_arena *arena = nv_arena_new(1 << 20);
    nv_buf_init(&buf, 1 << 16);
    for (unsigned i = 0; i < 3; i++) {
        attribute(&buf, 9, "a");
        size_t link = nv_wire_begin(&buf, 13);
        (void)nv_wire_put_bytes(&buf, 2, NV_STR("zyxwvuts"));
        (void)nv_wire_end(&buf, link);
        (void)nv_wire_put_uint(&buf, 99, i);
        size_t event = nv_wire_begin(&buf, 11);
        (void)nv_wire_put_fixed64(&buf, 1, 150 + i);
        (void)nv_wire_end(&buf, event);
        (void)nv_wire_put_bytes(&buf, 5, NV_STR("name"));
    }
    ck_assert_int_eq(nv_decode_span(arena, nv_buf_str(&buf), &span), NV_OK);
    ck_assert_uint_eq(span.attributes.count, 3);
    ck_assert_uint_eq(span.event_count, 3);
    ck_assert_uint_eq(span.link_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(span.events[i].time_ns, 150 + i);
        ck_assert_mem_eq(span.links[i].span_id, "zyxwvuts", 8);
    }
    nv_buf_release(&buf);
    nv_arena_free(arena);
}
END_TEST

START_TEST(cut_at_every_byte)
{
    struct nv_buf buf;
    struct nv_span span;
    nv_buf_init(&buf, 1 << 16);
    whole_span(&buf);
    for (size_t len = 0; len < buf.len; len++) {
        struct nv_arena *arena = nv_arena_new(1 << 20);
        char *copy = malloc(len + 1); /* so that a read behind the end is seen by asan */
        memcpy(copy, buf.bytes, len);
        enum nv_err err = nv_decode_span(arena, (struct nv_str){copy, len}, &span);
        ck_assert(err == NV_OK || err == NV_ERR_TRUNCATED || err == NV_ERR_MALFORMED);
        free(copy);
        nv_arena_free(arena);
    }
    nv_buf_release(&buf);
}
END_TEST

/* With a limit the first of each list are read, and what is left out is told. */
START_TEST(lists_are_read_up_to_the_limit)
{
    struct nv_buf buf;
    struct nv_span span;
    struct nv_arena *arena = nv_arena_new(1 << 20);
    nv_buf_init(&buf, 1 << 16);
    for (unsigned i = 0; i < 100; i++) {
        attribute(&buf, 9, "a");
        (void)nv_wire_put_bytes(&buf, 11, NV_STR(""));
        (void)nv_wire_put_bytes(&buf, 13, NV_STR(""));
    }
    (void)nv_wire_put_uint(&buf, 12, 5);
    nv_decode_limit(70);
    ck_assert_int_eq(nv_decode_span(arena, nv_buf_str(&buf), &span), NV_OK);
    ck_assert_uint_eq(span.attributes.count, 71);
    ck_assert_nv_str(span.attributes.items[69].key, "a");
    ck_assert_nv_str(span.attributes.items[70].key, "noveum.gateway.cut");
    ck_assert_nv_str(span.attributes.items[70].value.as.string,
                     "[30 more items were left out]");
    ck_assert_uint_eq(span.event_count, 70);
    ck_assert_uint_eq(span.dropped_events, 35);
    ck_assert_uint_eq(span.link_count, 70);
    ck_assert_uint_eq(span.dropped_links, 30);
    nv_decode_limit(0);
    ck_assert_int_eq(nv_decode_span(arena, nv_buf_str(&buf), &span), NV_OK);
    ck_assert_uint_eq(span.attributes.count, 100);
    ck_assert_uint_eq(span.event_count + span.link_count, 200);
    nv_buf_clear(&buf);
    for (unsigned i = 0; i < 100; i++)
        (void)nv_wire_put_bytes(&buf, 1, NV_STR(""));
    struct nv_buf list;
    struct nv_value value;
    nv_buf_init(&list, 1 << 16);
    (void)nv_wire_put_bytes(&list, 5, nv_buf_str(&buf));
    nv_decode_limit(10);
    ck_assert_int_eq(nv_decode_value(arena, nv_buf_str(&list), &value), NV_OK);
    nv_decode_limit(0);
    ck_assert_uint_eq(value.as.array.count, 11);
    ck_assert_nv_str(value.as.array.items[10].as.string, "[90 more items were left out]");
    nv_buf_release(&list);
    nv_buf_release(&buf);
    nv_arena_free(arena);
}
END_TEST

START_TEST(values_that_nest_too_deeply)
{
    struct nv_buf inner, outer;
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_value value;
    nv_buf_init(&inner, 1 << 20);
    (void)nv_wire_put_bytes(&inner, 1, NV_STR("x"));
    for (unsigned depth = 0; depth < NV_VALUE_DEPTH_MAX + 2; depth++) {
        nv_buf_init(&outer, 1 << 20);
        size_t list = nv_wire_begin(&outer, 5);
        (void)nv_wire_put_bytes(&outer, 1, nv_buf_str(&inner));
        (void)nv_wire_end(&outer, list);
        nv_buf_release(&inner);
        inner = outer;
        enum nv_err err = nv_decode_value(arena, nv_buf_str(&inner), &value);
        ck_assert_int_eq(err, depth < NV_VALUE_DEPTH_MAX ? NV_OK : NV_ERR_DEPTH);
    }
    nv_buf_release(&inner);
    nv_arena_free(arena);
}
END_TEST

START_TEST(all_types_of_values)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'s': 'x', 'i': -5, 'd': 0.5, 'b': "
                "true, 'n': null, 'l': [1, [2]], 'm': {'k': {'j': 1}}}}]");
    told_is(told, "a", "s", "'x'");
    told_is(told, "a", "i", "-5");
    told_is(told, "a", "d", "0.5");
    told_is(told, "a", "b", "true");
    told_is(told, "a", "n", "null");
    told_is(told, "a", "l", "[1, [2]]");
    told_is(told, "a", "m", "{'k': {'j': 1}}");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/decode");
    TCase *tcase = tcase_create("decode");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, all_fields_of_a_span);
    tcase_add_test(tcase, cut_at_every_byte);
    tcase_add_test(tcase, lists_among_other_fields);
    tcase_add_test(tcase, lists_are_read_up_to_the_limit);
    tcase_add_test(tcase, values_that_nest_too_deeply);
    tcase_add_test(tcase, all_types_of_values);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
