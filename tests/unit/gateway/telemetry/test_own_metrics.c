/*
 * Prometheus text into Metric messages, shown as text again: one line a metric, its points in
 * brackets. The whole of /metrics is compared by tests/e2e/test_telemetry.py, with another
 * reader of protobuf.
 */
#include "expect.h"

#include "base/text/wire.h"
#include "gateway/telemetry/own_metrics.h"
#include "model/otlp_fields.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

/* As in own_metrics.c. */
#define BUCKETS_MAX 64

static const struct nv_own_times times = {100, 200};
static struct nv_buf out, shown;

static void set_up(void)
{
    nv_buf_init(&out, 1u << 20);
    nv_buf_init(&shown, 1u << 20);
}

static void tear_down(void)
{
    nv_buf_release(&out);
    nv_buf_release(&shown);
}

static void show_attribute(struct nv_str pair)
{
    struct nv_wire wire = nv_wire_read(pair);
    struct nv_wire_field field;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_PAIR_KEY)
            (void)nv_buf_printf(&shown, " %.*s=", NV_STR_ARG(field.bytes));
        else /* AnyValue { string } of fewer than 128 bytes */
            (void)nv_buf_append_str(&shown, nv_str_slice(field.bytes, 2, SIZE_MAX));
    }
}

static void show_packed(struct nv_str packed, bool real)
{
    for (size_t i = 0; i < packed.len; i += 8) {
        uint64_t bits;
        memcpy(&bits, packed.ptr + i, 8);
        bits = le64toh(bits);
        if (real)
            (void)nv_buf_printf(&shown, "%s%g", i > 0 ? "," : "|", nv_wire_double(bits));
        else
            (void)nv_buf_printf(&shown, "%s%" PRIu64, i > 0 ? "," : " ", bits);
    }
}

static void show_point(struct nv_str point, bool histogram)
{
    struct nv_wire wire = nv_wire_read(point);
    struct nv_wire_field field;
    (void)nv_buf_append_str(&shown, NV_STR("["));
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_POINT_START || field.number == NV_OTLP_POINT_TIME)
            (void)nv_buf_printf(&shown, "@%" PRIu64, field.value);
        else if (field.number == NV_OTLP_HISTOGRAM_POINT_BUCKETS && histogram)
            show_packed(field.bytes, false);
        else if (field.number == NV_OTLP_HISTOGRAM_POINT_BOUNDS && histogram)
            show_packed(field.bytes, true);
        else if (field.type == NV_WIRE_BYTES)
            show_attribute(field.bytes);
        else if (field.number ==
                 (histogram ? NV_OTLP_HISTOGRAM_POINT_SUM : NV_OTLP_POINT_DOUBLE))
            (void)nv_buf_printf(&shown, " %g", nv_wire_double(field.value));
        else
            (void)nv_buf_printf(&shown, " %" PRId64, (int64_t)field.value);
    }
    (void)nv_buf_append_str(&shown, NV_STR("]"));
}

static void show_data(uint32_t kind, struct nv_str data)
{
    struct nv_wire wire = nv_wire_read(data);
    struct nv_wire_field field;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_DATA_POINTS)
            show_point(field.bytes, kind == NV_OTLP_METRIC_HISTOGRAM);
        else
            (void)nv_buf_printf(&shown, " %u:%" PRIu64, field.number, field.value);
    }
}

static void show_metric(struct nv_str metric)
{
    struct nv_wire wire = nv_wire_read(metric);
    struct nv_wire_field field;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number > NV_OTLP_METRIC_UNIT) {
            (void)nv_buf_printf(&shown, "%u", field.number);
            show_data(field.number, field.bytes);
        } else {
            (void)nv_buf_printf(&shown, "%.*s;", NV_STR_ARG(field.bytes));
        }
    }
    (void)nv_buf_append_str(&shown, NV_STR("\n"));
}

static void expect(const char *text, const char *expected)
{
    struct nv_wire_field field;
    nv_buf_clear(&out);
    nv_buf_clear(&shown);
    ck_assert_int_eq(nv_own_metrics_write(nv_str_from(text), &times, &out), NV_OK);
    struct nv_wire wire = nv_wire_read(nv_buf_str(&out));
    while (nv_wire_next(&wire, &field) == NV_OK) {
        ck_assert_uint_eq(field.number, NV_OTLP_SCOPE_GROUP_ITEMS);
        show_metric(field.bytes);
    }
    ck_assert_nv_str(nv_buf_str(&shown), expected);
}

#define HEAD(name, type) "# HELP " name " Help\n# TYPE " name " " type "\n"

static const struct {
    const char *text, *expected;
} cases[] = {
    {"", ""},
    {HEAD("a_total", "counter") "a_total 3\n", "a_total;Help;7[@100@200 3] 2:2 3:1\n"},
    {HEAD("a", "gauge") "a -3\n", "a;Help;5[@200 -3]\n"},
    {HEAD("a", "gauge") "a 0.25\n", "a;Help;5[@200 0.25]\n"},
    /* past int64 it is a number still */
    {HEAD("a", "gauge") "a 18446744073709551615\n", "a;Help;5[@200 1.84467e+19]\n"},
    {HEAD("a_total", "counter") "a_total{r=\"x\"} 1\na_total{r=\"y\",s=\"z\"} 2\n",
     "a_total;Help;7[@100@200 1 r=x][@100@200 2 r=y s=z] 2:2 3:1\n"},
    {HEAD("a", "gauge") "a{r=\"q\\\"} \\\\,b=\\n\"} 1\n", "a;Help;5[@200 1 r=q\"} \\,b=\n]\n"},
    {HEAD("a_bytes_total", "counter") "a_bytes_total 1\n",
     "a_bytes_total;Help;By;7[@100@200 1] 2:2 3:1\n"},
    {HEAD("a_seconds", "gauge") "a_seconds 1\n" HEAD("b_bytes", "gauge") "b_bytes 2\n",
     "a_seconds;Help;s;5[@200 1]\nb_bytes;Help;By;5[@200 2]\n"},
    /* bytes of something else */
    {HEAD("bytes_read_total", "counter") "bytes_read_total 1\n",
     "bytes_read_total;Help;7[@100@200 1] 2:2 3:1\n"},
    {HEAD("h_seconds", "histogram") "h_seconds_bucket{k=\"v\",le=\"0.1\"} 1\n"
                                    "h_seconds_bucket{k=\"v\",le=\"2\"} 4\n"
                                    "h_seconds_bucket{k=\"v\",le=\"+Inf\"} 9\n"
                                    "h_seconds_sum{k=\"v\"} 3.5\nh_seconds_count{k=\"v\"} 9\n",
     "h_seconds;Help;s;9[@100@200 9 3.5 1,3,5|0.1,2 k=v] 2:2\n"},
    /* what can't be read is left out, and nothing else */
    {HEAD("a", "gauge") "a what\na{ 1\na\n" HEAD("b", "gauge") "b 2\n",
     "a;Help;5\nb;Help;5[@200 2]\n"},
    {HEAD("a", "summary") "a 1\n" HEAD("b", "gauge") "b 2\nother 3", "b;Help;5[@200 2]\n"},
    {"stray 1\n# TYPE\n# HELP\n#\n\n", ""},
};

START_TEST(text_becomes_metrics)
{
    expect(cases[_i].text, cases[_i].expected);
}
END_TEST

START_TEST(buckets_at_the_cap_and_one_past_it)
{
    for (int buckets = BUCKETS_MAX; buckets <= BUCKETS_MAX + 1; buckets++) {
        struct nv_buf text;
        nv_buf_init(&text, 1u << 16);
        (void)nv_buf_append_str(&text, NV_STR(HEAD("h", "histogram")));
        for (int i = 1; i <= buckets; i++)
            (void)nv_buf_printf(&text, "h_bucket{le=\"%d\"} %d\n", i, i);
        (void)nv_buf_printf(&text, "h_sum 1\nh_count %d\n", buckets);
        nv_buf_clear(&out);
        ck_assert_int_eq(nv_own_metrics_write(nv_buf_str(&text), &times, &out), NV_OK);
        nv_buf_release(&text);
        struct nv_wire wire = nv_wire_read(nv_buf_str(&out));
        struct nv_wire_field field;
        nv_buf_clear(&shown);
        ck_assert_int_eq(nv_wire_next(&wire, &field), NV_OK);
        show_metric(field.bytes);
        /* what is past it is in the last one */
        const char *last = buckets == BUCKETS_MAX ? ",1,0|1," : ",1,1|1,";
        ck_assert(nv_str_find(nv_buf_str(&shown), nv_str_from(last)) != SIZE_MAX);
        ck_assert(nv_str_ends(nv_buf_str(&shown), NV_STR(",64] 2:2\n")));
    }
}
END_TEST

START_TEST(a_full_buffer_is_told)
{
    nv_buf_release(&out);
    nv_buf_init(&out, 10);
    ck_assert_int_eq(nv_own_metrics_write(NV_STR(HEAD("a", "gauge") "a 1\n"), &times, &out),
                     NV_ERR_LIMIT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/telemetry/own_metrics");
    TCase *tcase = tcase_create("metrics");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, text_becomes_metrics, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tcase, buckets_at_the_cap_and_one_past_it);
    tcase_add_test(tcase, a_full_buffer_is_told);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
