/*
 * The wire format: what the reader yields and refuses, and that what is written reads back.
 *
 * Cases are byte strings with the verdict of upb (Python protobuf 7.36), except where a comment
 * says otherwise.
 */
#include "expect.h"
#include "base/text/wire.h"

#include <stdlib.h>

#include "base/banned.h"

struct bytes_case {
    const char *name;
    struct nv_str bytes;
    enum nv_err want; /* NV_ERR_END: read to the end */
};

static enum nv_err read_all(struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    enum nv_err err;
    do
        err = nv_wire_next(&wire, &field);
    while (err == NV_OK);
    return err;
}

#define NINE_FF "\xff\xff\xff\xff\xff\xff\xff\xff\xff"
#define NINE_80 "\x80\x80\x80\x80\x80\x80\x80\x80\x80"
static const struct bytes_case cases[] = {
    {"empty", NV_STR_INIT(""), NV_ERR_END},
    {"every type",
     NV_STR_INIT("\x08\x01\x11"
                 "12345678"
                 "\x1a\x03"
                 "abc"
                 "\x25"
                 "1234"),
     NV_ERR_END},
    {"field 0", NV_STR_INIT("\x02\x00"), NV_ERR_MALFORMED},
    {"field 0 varint", NV_STR_INIT("\x00\x00"), NV_ERR_MALFORMED},
    {"type 6", NV_STR_INIT("\x0e"), NV_ERR_MALFORMED},
    {"type 7", NV_STR_INIT("\x0f"), NV_ERR_MALFORMED},
    {"field 2^29 - 1", NV_STR_INIT("\xf8\xff\xff\xff\x0f\x00"), NV_ERR_END},
    {"field 2^29", NV_STR_INIT("\x80\x80\x80\x80\x10\x00"), NV_ERR_MALFORMED},
    {"tag of ten bytes", NV_STR_INIT("\x8a\x80\x80\x80\x80\x80\x80\x80\x80\x00\x00"),
     NV_ERR_END},
    {"length of ten bytes",
     NV_STR_INIT("\x0a"
                 "\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00"
                 "x"),
     NV_ERR_END},
    {"varint of ten bytes", NV_STR_INIT("\x08" NINE_FF "\x01"), NV_ERR_END},
    {"varint of ten bytes past 64 bits", NV_STR_INIT("\x08" NINE_FF "\x7f"), NV_ERR_END},
    {"varint of eleven bytes", NV_STR_INIT("\x08" NINE_80 "\x80\x00"), NV_ERR_MALFORMED},
    {"varint cut", NV_STR_INIT("\x08\x80"), NV_ERR_TRUNCATED},
    {"tag cut", NV_STR_INIT("\x80"), NV_ERR_TRUNCATED},
    {"value missing", NV_STR_INIT("\x08"), NV_ERR_TRUNCATED},
    {"fixed64 cut",
     NV_STR_INIT("\x09"
                 "1234567"),
     NV_ERR_TRUNCATED},
    {"fixed32 cut",
     NV_STR_INIT("\x0d"
                 "123"),
     NV_ERR_TRUNCATED},
    {"bytes cut",
     NV_STR_INIT("\x0a\x04"
                 "abc"),
     NV_ERR_TRUNCATED},
    {"length missing", NV_STR_INIT("\x0a"), NV_ERR_TRUNCATED},
    {"length 2^31 - 1",
     NV_STR_INIT("\x0a\xff\xff\xff\xff\x07"
                 "x"),
     NV_ERR_TRUNCATED},
    {"length 2^32 - 1",
     NV_STR_INIT("\x0a\xff\xff\xff\xff\x0f"
                 "x"),
     NV_ERR_TRUNCATED},
    {"length 2^63 - 1",
     NV_STR_INIT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
                 "x"),
     NV_ERR_TRUNCATED},
    {"length 2^64 - 1",
     NV_STR_INIT("\x0a" NINE_FF "\x01"
                 "x"),
     NV_ERR_TRUNCATED},
    {"empty group", NV_STR_INIT("\x0b\x0c"), NV_ERR_END},
    {"group with every type",
     NV_STR_INIT("\x0b\x08\x01\x11"
                 "12345678"
                 "\x1a\x03"
                 "abc"
                 "\x25"
                 "1234"
                 "\x13\x14\x0c"),
     NV_ERR_END},
    {"group not closed", NV_STR_INIT("\x0b\x08\x01"), NV_ERR_TRUNCATED},
    {"group closed by another", NV_STR_INIT("\x0b\x14"), NV_ERR_MALFORMED},
    {"groups crossed", NV_STR_INIT("\x0b\x13\x0c\x14"), NV_ERR_MALFORMED},
    {"end without group", NV_STR_INIT("\x0c"), NV_ERR_MALFORMED},
    {"field 0 in group", NV_STR_INIT("\x0b\x00\x00\x0c"), NV_ERR_MALFORMED},
};

START_TEST(reader_verdict)
{
    const struct bytes_case *c = &cases[_i];
    ck_assert_msg(read_all(c->bytes) == c->want, "%s: got %d", c->name, read_all(c->bytes));
}
END_TEST

START_TEST(group_depth)
{
    char bytes[2 * NV_WIRE_GROUP_DEPTH_MAX + 2];
    memset(bytes, 0x13, sizeof bytes);
    memset(bytes + NV_WIRE_GROUP_DEPTH_MAX, 0x14, NV_WIRE_GROUP_DEPTH_MAX);
    ck_assert_int_eq(read_all((struct nv_str){bytes, 2 * NV_WIRE_GROUP_DEPTH_MAX}), NV_ERR_END);
    memset(bytes, 0x13, sizeof bytes);
    ck_assert_int_eq(read_all((struct nv_str){bytes, sizeof bytes}), NV_ERR_DEPTH);
}
END_TEST

START_TEST(error_leaves_pos_at_field)
{
    struct nv_str bytes = NV_STR("\x08\x01\x0a\x05"
                                 "ab");
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    ck_assert_int_eq(nv_wire_next(&wire, &field), NV_OK);
    ck_assert_int_eq(nv_wire_next(&wire, &field), NV_ERR_TRUNCATED);
    ck_assert_ptr_eq(wire.pos, bytes.ptr + 2);
}
END_TEST

/* Every field written is read back as it was, for values at the edges of varint lengths. */
START_TEST(written_reads_back)
{
    static const uint64_t values[] = {0,     1,          127,       128,       16383,
                                      16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
    uint64_t value = values[_i];
    struct nv_buf buf;
    nv_buf_init(&buf, 1000);
    ck_assert_int_eq(nv_wire_put_uint(&buf, 1, value), NV_OK);
    ck_assert_int_eq(nv_wire_put_fixed64(&buf, 16, value), NV_OK);
    ck_assert_int_eq(nv_wire_put_fixed32(&buf, 2047, (uint32_t)value), NV_OK);
    ck_assert_int_eq(nv_wire_put_double(&buf, 2048, (double)value), NV_OK);
    ck_assert_int_eq(nv_wire_put_bytes(&buf, NV_WIRE_GROUP_DEPTH_MAX, NV_STR("abc")), NV_OK);
    struct nv_wire wire = nv_wire_read(nv_buf_str(&buf));
    struct nv_wire_field f;
    ck_assert_int_eq(nv_wire_next(&wire, &f), NV_OK);
    ck_assert(f.number == 1 && f.type == NV_WIRE_VARINT && f.value == value);
    ck_assert_int_eq(nv_wire_next(&wire, &f), NV_OK);
    ck_assert(f.number == 16 && f.type == NV_WIRE_FIXED64 && f.value == value);
    ck_assert_int_eq(nv_wire_next(&wire, &f), NV_OK);
    ck_assert(f.number == 2047 && f.type == NV_WIRE_FIXED32 && f.value == (uint32_t)value);
    ck_assert_int_eq(nv_wire_next(&wire, &f), NV_OK);
    ck_assert(f.number == 2048 && nv_wire_double(f.value) >= (double)value);
    ck_assert_int_eq(nv_wire_next(&wire, &f), NV_OK);
    ck_assert(f.type == NV_WIRE_BYTES && nv_str_eq(f.bytes, NV_STR("abc")));
    ck_assert_int_eq(nv_wire_next(&wire, &f), NV_ERR_END);
    nv_buf_release(&buf);
}
END_TEST

/* Nested messages get minimal lengths, whatever the length of what is inside. */
START_TEST(begin_end_sets_length)
{
    static const size_t lengths[] = {0, 1, 127, 128, 16383, 16384, 70000};
    size_t len = lengths[_i];
    char *content = calloc(1, len + 1);
    struct nv_buf nested, flat, inner;
    nv_buf_init(&nested, 1000000);
    nv_buf_init(&flat, 1000000);
    nv_buf_init(&inner, 1000000);
    ck_assert_ptr_nonnull(content);
    size_t outer_mark = nv_wire_begin(&nested, 20);
    size_t inner_mark = nv_wire_begin(&nested, 3);
    ck_assert_int_eq(nv_buf_append(&nested, content, len), NV_OK);
    ck_assert_int_eq(nv_wire_end(&nested, inner_mark), NV_OK);
    ck_assert_int_eq(nv_wire_end(&nested, outer_mark), NV_OK);
    ck_assert_int_eq(nv_wire_put_bytes(&inner, 3, (struct nv_str){content, len}), NV_OK);
    ck_assert_int_eq(nv_wire_put_bytes(&flat, 20, nv_buf_str(&inner)), NV_OK);
    ck_assert(nv_str_eq(nv_buf_str(&nested), nv_buf_str(&flat)));
    nv_buf_release(&nested);
    nv_buf_release(&flat);
    nv_buf_release(&inner);
    free(content);
}
END_TEST

START_TEST(full_buffer_fails)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 130);
    size_t mark = nv_wire_begin(&buf, 1);
    char content[128] = {0};
    ck_assert_int_eq(nv_buf_append(&buf, content, sizeof content), NV_OK);
    ck_assert_int_eq(nv_wire_end(&buf, mark), NV_ERR_LIMIT);
    ck_assert_int_eq(nv_wire_put_varint(&buf, 1), NV_ERR_LIMIT);
    mark = nv_wire_begin(&buf, 1);
    ck_assert_int_eq(nv_wire_end(&buf, mark), NV_ERR_LIMIT);
    nv_buf_release(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/wire");
    TCase *tc = tcase_create("wire");
    tcase_add_loop_test(tc, reader_verdict, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tc, group_depth);
    tcase_add_test(tc, error_leaves_pos_at_field);
    tcase_add_loop_test(tc, written_reads_back, 0, 9);
    tcase_add_loop_test(tc, begin_end_sets_length, 0, 7);
    tcase_add_test(tc, full_buffer_fails);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
