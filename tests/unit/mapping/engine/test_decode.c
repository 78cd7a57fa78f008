/*
 * OTLP bytes as values: every field of a span, and bytes that no check would let through.
 */
#include "tests/support/chance.h"
#include "tests/support/cases.h"
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "base/text/wire.h"
#include "mapping/engine/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- both ways of reading an attribute --------------------------------------------------- */

/*
 * An attribute is read without a loop when it is written as nearly all are, and field by field
 * otherwise. The same value, plain and in each of these disguises, must be the same.
 */
enum disguise {
    PLAIN,
    LONG_LENGTHS,   /* varints with more bytes than they need */
    VALUE_FIRST,    /* before the key */
    UNKNOWN_FIELDS, /* before, between and behind */
    TWICE,          /* another key and another value before; the last one counts */
    WRONG_TYPES,    /* known numbers of fields, of other types: as if they were unknown */
    DISGUISES
};

/* A varint in `size` bytes, with zeros that add nothing. */
static void put_long(struct nv_buf *buf, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i + 1 < size; i++) {
        (void)nv_buf_append_char(buf, (char)((value & 0x7f) | 0x80));
        value >>= 7;
    }
    (void)nv_buf_append_char(buf, (char)(value & 0x7f));
}

static void put_field(struct nv_buf *buf, uint32_t number, struct nv_str bytes, bool longer)
{
    if (!longer) {
        (void)nv_wire_put_bytes(buf, number, bytes);
        return;
    }
    put_long(buf, (uint64_t)number << 3 | NV_WIRE_BYTES, 3);
    put_long(buf, bytes.len, 5);
    (void)nv_buf_append_str(buf, bytes);
}

static void put_noise(struct nv_buf *buf)
{
    (void)nv_wire_put_uint(buf, 99, 7);
    (void)nv_wire_put_bytes(buf, 1000, NV_STR("noise"));
    (void)nv_wire_put_fixed32(buf, 98, 1);
}

/* An AnyValue of one of the types, by chance. */
static void put_any(struct nv_buf *buf, uint64_t *state, unsigned depth)
{
    char text[200];
    const uint32_t len = chance_below(state, sizeof text);
    memset(text, 'a' + (int)(len % 26), sizeof text);
    switch (chance_below(state, depth < 3 ? 8 : 6)) {
    case 0:
        (void)nv_wire_put_bytes(buf, 1, (struct nv_str){text, len});
        return;
    case 1:
        (void)nv_wire_put_uint(buf, 2, chance_below(state, 2));
        return;
    case 2:
        (void)nv_wire_put_uint(buf, 3, chance(state) >> chance_below(state, 64));
        return;
    case 3:
        (void)nv_wire_put_double(buf, 4, chance_below(state, 1000) / 7.0);
        return;
    case 4:
        (void)nv_wire_put_bytes(buf, 7, (struct nv_str){text, len});
        return;
    case 5:
        return; /* no member: null */
    default:
        break;
    }
    const size_t list = nv_wire_begin(buf, depth & 1 ? 5 : 6);
    for (uint32_t i = chance_below(state, 4); i > 0; i--) {
        const size_t item = nv_wire_begin(buf, 1);
        if ((depth & 1) == 0) {
            (void)snprintf(text, sizeof text, "k%u", i);
            (void)nv_wire_put_bytes(buf, 1, nv_str_from(text));
            const size_t value = nv_wire_begin(buf, 2);
            put_any(buf, state, depth + 1);
            (void)nv_wire_end(buf, value);
        } else {
            put_any(buf, state, depth + 1);
        }
        (void)nv_wire_end(buf, item);
    }
    (void)nv_wire_end(buf, list);
}

static void put_disguised(struct nv_buf *buf, struct nv_str key, struct nv_str value,
                          enum disguise disguise)
{
    const bool longer = disguise == LONG_LENGTHS;
    if (disguise == UNKNOWN_FIELDS)
        put_noise(buf);
    if (disguise == WRONG_TYPES) {
        (void)nv_wire_put_uint(buf, 1, 5);
        (void)nv_wire_put_fixed64(buf, 2, 5);
    }
    if (disguise == TWICE) {
        (void)nv_wire_put_bytes(buf, 1, NV_STR("other"));
        (void)nv_wire_put_bytes(buf, 2, NV_STR("\x18\x09"));
    }
    if (disguise == VALUE_FIRST)
        put_field(buf, 2, value, longer);
    put_field(buf, 1, key, longer);
    if (disguise == UNKNOWN_FIELDS)
        put_noise(buf);
    if (disguise != VALUE_FIRST)
        put_field(buf, 2, value, longer);
    if (disguise == UNKNOWN_FIELDS)
        put_noise(buf);
}

/* JSON text of what was read. */
static struct nv_str read_disguised(struct nv_arena *arena, struct nv_str bytes,
                                    struct nv_str *key, struct nv_buf *json)
{
    struct nv_attribute read;
    ck_assert_int_eq(nv_decode_attribute(arena, bytes, &read), NV_OK);
    *key = read.key;
    return nv_test_json(&read.value, json);
}

START_TEST(both_ways_read_the_same)
{
    uint64_t state = (uint64_t)_i;
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_buf value, plain, plain_json;
    struct nv_str key = NV_STR(""), name = NV_STR("gen_ai.request.model");
    nv_buf_init(&value, 1 << 16);
    nv_buf_init(&plain, 1 << 16);
    put_any(&value, &state, 0);
    put_disguised(&plain, name, nv_buf_str(&value), PLAIN);
    const struct nv_str want = read_disguised(arena, nv_buf_str(&plain), &key, &plain_json);
    ck_assert_nv_str_eq(key, name);
    for (unsigned disguise = PLAIN + 1; disguise < DISGUISES; disguise++) {
        struct nv_buf other, json;
        nv_buf_init(&other, 1 << 16);
        put_disguised(&other, name, nv_buf_str(&value), (enum disguise)disguise);
        const struct nv_str got = read_disguised(arena, nv_buf_str(&other), &key, &json);
        ck_assert_nv_str_eq(key, name);
        ck_assert_nv_str_eq(got, want);
        nv_buf_release(&other);
        nv_buf_release(&json);
    }
    nv_buf_release(&value);
    nv_buf_release(&plain);
    nv_buf_release(&plain_json);
    nv_arena_free(arena);
}
END_TEST

/* A scalar is told plain by its first byte; what else stands in its message makes it not so. */
START_TEST(what_is_not_quite_plain)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *json;
    } values[] = {{"\x18\x80\x00", 3, "0"},     /* a varint that is longer than it must be */
                  {"\x18\x05\x18\x06", 4, "6"}, /* two: the last one */
                  {"\x18\x05\x0a\x01x", 5, "\"x\""}, /* the last one, of another type */
                  {"\x0a\x01x\x18\x05", 5, "5"},
                  {"\x10\x02", 2, "true"}, /* any number but 0 is true */
                  {"\x20\x05", 2, "null"}, /* a double's number, a varint's type */
                  {"\x0d\x01\x02\x03\x04", 5, "null"},
                  {"\x0a\x00", 2, "\"\""},
                  {"", 0, "null"}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct nv_arena *arena = nv_arena_new(1 << 16);
        struct nv_buf bytes, json;
        struct nv_str key = NV_STR("");
        nv_buf_init(&bytes, 1000);
        put_disguised(&bytes, NV_STR("k"), (struct nv_str){values[i].bytes, values[i].len},
                      PLAIN);
        ck_assert_nv_str(read_disguised(arena, nv_buf_str(&bytes), &key, &json),
                         values[i].json);
        nv_buf_release(&bytes);
        nv_buf_release(&json);
        nv_arena_free(arena);
    }
}
END_TEST

/* Lengths that end within the message or past it, in every byte of a plain attribute. */
START_TEST(a_changed_byte_is_read_or_refused)
{
    struct nv_buf plain;
    nv_buf_init(&plain, 1000);
    put_disguised(&plain, NV_STR("key"), NV_STR("\x0a\x05hello"), PLAIN);
    for (size_t at = 0; at < plain.len; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct nv_arena *arena = nv_arena_new(1 << 16);
            struct nv_attribute read;
            char *copy = malloc(plain.len);
            memcpy(copy, plain.bytes, plain.len);
            copy[at] = (char)byte;
            enum nv_err err =
                nv_decode_attribute(arena, (struct nv_str){copy, plain.len}, &read);
            ck_assert(err == NV_OK || err == NV_ERR_MALFORMED || err == NV_ERR_TRUNCATED);
            if (err == NV_OK && read.key.len > 0) {
                ck_assert(read.key.ptr >= copy &&
                          read.key.ptr + read.key.len <= copy + plain.len);
            }
            free(copy);
            nv_arena_free(arena);
        }
    }
    nv_buf_release(&plain);
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
    tcase_add_loop_test(tcase, both_ways_read_the_same, 0, 200);
    tcase_add_test(tcase, what_is_not_quite_plain);
    tcase_add_test(tcase, a_changed_byte_is_read_or_refused);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
