/*
 * Members with ids against what the writer makes of them one by one.
 */
#include "exporter/encode/id_members.h"

#include "expect.h"

#include "base/banned.h"

static const uint8_t first[NV_SPAN_ID_BYTES] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x7f};
static const uint8_t second[NV_SPAN_ID_BYTES] = {0xff, 0xee, 0xdd, 0xcc,
                                                 0xbb, 0xaa, 0x99, 0x80};

START_TEST(are_filled_in_for_each_span)
{
    struct nv_buf buf;
    struct nv_json_writer json;
    struct nv_id_members span, otel;

    nv_buf_init(&buf, 4096);
    nv_json_write_init(&json, &buf);
    nv_id_members_init_span(&span, NV_STR("01234567-89ab-cdef-0123-456789abcdef"));
    nv_id_members_init_otel(&otel, NV_STR("0123456789abcdef0123456789abcdef"));
    nv_json_write_begin_object(&json);
    nv_id_members_write(&span, &json, first, second);
    nv_json_write_null(&json);
    nv_id_members_write(&span, &json, second, first);
    nv_json_write_bool(&json, true);
    nv_id_members_write(&otel, &json, first, second);
    nv_json_write_int(&json, 1);
    nv_json_write_end_object(&json);
    ck_assert_nv_str(
        nv_buf_str(&buf),
        "{\"span_id\":\"001122334455667f\",\"trace_id\":\"01234567-89ab-cdef-0123-"
        "456789abcdef\","
        "\"parent_span_id\":\"ffeeddccbbaa9980\",\"name\":null,"
        "\"span_id\":\"ffeeddccbbaa9980\",\"trace_id\":\"01234567-89ab-cdef-0123-"
        "456789abcdef\","
        "\"parent_span_id\":\"001122334455667f\",\"name\":true,"
        "\"trace_id\":\"0123456789abcdef0123456789abcdef\",\"span_id\":\"001122334455667f\","
        "\"parent_span_id\":\"ffeeddccbbaa9980\",\"kind\":1}");
    nv_buf_release(&buf);
}
END_TEST

/* The longest trace id stands, whole. */
START_TEST(fit_the_longest_trace_id)
{
    struct nv_id_members span, otel;
    const struct nv_str id = NV_STR("01234567-89ab-cdef-0123-456789abcdef");

    nv_id_members_init_span(&span, id);
    nv_id_members_init_otel(&otel, id);
    ck_assert_uint_le(span.len, NV_ID_MEMBERS_BYTES);
    ck_assert_uint_le(otel.len, NV_ID_MEMBERS_BYTES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/encode/id_members");
    TCase *tcase = tcase_create("members");

    tcase_add_test(tcase, are_filled_in_for_each_span);
    tcase_add_test(tcase, fit_the_longest_trace_id);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
