/*
 * The tip about traces without any AI attribute: once, after some, and never where one has any.
 */
#include "expect.h"
#include "oom.h"

#include "base/log/log.h"
#include "gateway/sinks.h"

#include "base/banned.h"

static struct nv_buf lines;
static struct nv_sink sink;
static struct nv_fail fail;
static struct nv_attribute items[] = {{NV_STR_INIT("llm.model"), {.type = NV_VALUE_NULL}}};
static struct nv_origin origin = {.service_name = NV_STR_INIT("web\033")};

static void keep(void *ctx, struct nv_str line)
{
    (void)nv_buf_append_str(ctx, line);
}

static void set_up(void)
{
    nv_buf_init(&lines, 1u << 16);
    nv_log_set_sink(keep, &lines);
    ck_assert(nv_sink_tip.wanted(NULL));
    ck_assert_int_eq(nv_sink_tip.open(NULL, &fail, &sink), NV_OK);
    ck_assert(!sink.consume);
}

static void tear_down(void)
{
    sink.free(sink.ctx);
    nv_log_set_sink(NULL, NULL);
    nv_buf_release(&lines);
}

static void show(bool kind)
{
    struct nv_span span = {.attributes = {items, kind ? 1 : 0, 1}};
    struct nv_trace trace = {.spans = &span, .span_count = 1, .origin = &origin};
    sink.observe(sink.ctx, &trace);
}

START_TEST(the_third_trace_without_any_gives_the_tip)
{
    struct nv_trace empty = {.span_count = 0};
    show(false);
    show(false);
    sink.observe(sink.ctx, &empty);
    ck_assert_uint_eq(lines.len, 0);
    show(false);
    struct nv_str text = nv_buf_str(&lines);
    ck_assert(nv_str_find(text, NV_STR("3 traces and no AI attribute in them "
                                       "service=\"web\\x1b\"")) != SIZE_MAX);
    size_t len = lines.len;
    for (int i = 0; i < 10; i++)
        show(false);
    ck_assert_uint_eq(lines.len, len);
}
END_TEST

START_TEST(one_with_any_ends_it)
{
    show(false);
    show(false);
    show(true);
    for (int i = 0; i < 10; i++)
        show(false);
    ck_assert_uint_eq(lines.len, 0);
}
END_TEST

START_TEST(out_of_memory)
{
    struct nv_sink none = {0};
    oom_fail_nth(1);
    enum nv_err err = nv_sink_tip.open(NULL, &fail, &none);
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    ck_assert_ptr_null(none.ctx);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/sink_tip");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_third_trace_without_any_gives_the_tip);
    tcase_add_test(tcase, one_with_any_ends_it);
    tcase_add_test(tcase, out_of_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
