/*
 * What explain says: the kind, each field, who won it by which row, who lost.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include "mapping/engine/report.h"

#include "base/banned.h"

/* Explains a trace of one span, `bytes` long. NUL-terminated. */
static void explain(const struct nv_mapping *mapping, struct nv_str bytes,
                    struct nv_buf *report)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_raw_trace *raw = nv_arena_alloc(arena, sizeof *raw);
    struct nv_trace *trace;
    raw->arena = arena;
    raw->items = nv_arena_array(arena, 1, sizeof *raw->items);
    raw->groups = nv_arena_array(arena, 1, sizeof *raw->groups);
    raw->group_count = raw->item_count = raw->span_count = 1;
    raw->items[0] = (struct nv_raw_item){bytes, 0, NV_SIGNAL_TRACES};
    nv_buf_init(report, 1 << 20);
    ck_assert_int_eq(nv_mapping_explain(mapping, raw, report, &trace), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(report, '\0'), NV_OK);
    nv_arena_free(arena);
}

START_TEST(explain_names_winners_and_losers)
{
    struct nv_mapping_config config = {0};
    struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
    static const char span[] = "\x12\x08"
                               "12345678"
                               "\x2a\x01"
                               "n"
                               "\x4a\x1e\x0a\x14"
                               "gen_ai.request.model"
                               "\x12\x06\x0a\x04"
                               "mini"
                               "\x4a\x1f\x0a\x15"
                               "gen_ai.response.model"
                               "\x12\x06\x0a\x04"
                               "maxi"
                               "\x4a\x1f\x0a\x15"
                               "gen_ai.operation.name"
                               "\x12\x06\x0a\x04"
                               "chat";
    struct nv_buf report;
    explain(mapping, (struct nv_str){span, sizeof span - 1}, &report);
    ck_assert_ptr_nonnull(strstr(report.bytes, "kind llm"));
    ck_assert_ptr_nonnull(strstr(report.bytes, "  llm.model\n"));
    ck_assert_ptr_nonnull(strstr(report.bytes, "won      gen_ai.response.model"));
    ck_assert_ptr_nonnull(strstr(report.bytes, "lost     gen_ai.request.model"));
    ck_assert_ptr_nonnull(strstr(report.bytes, "otel_genai.rules:"));
    nv_buf_release(&report);
    nv_mapping_free(mapping);
}
END_TEST

START_TEST(explain_names_what_is_left_out)
{
    const struct nv_mapping_config config = {.spans = NV_SPANS_AI};
    struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
    struct nv_buf report;
    explain(mapping,
            NV_STR("\x12\x08"
                   "12345678"
                   "\x2a\x0a"
                   "GET /livez"),
            &report);
    ck_assert_ptr_nonnull(strstr(
        report.bytes, "left out \"GET /livez\": no part of the AI work, mapping.spans\n"));
    nv_buf_release(&report);
    nv_mapping_free(mapping);
}
END_TEST

/* The same for the page, kept in the trace. */
START_TEST(a_trace_is_explained_as_json_when_that_is_asked_for)
{
    static const char span[] = "\x12\x08"
                               "12345678"
                               "\x2a\x01"
                               "n"
                               "\x4a\x1e\x0a\x14"
                               "gen_ai.request.model"
                               "\x12\x06\x0a\x04"
                               "mini"
                               "\x4a\x1f\x0a\x15"
                               "gen_ai.operation.name"
                               "\x12\x06\x0a\x04"
                               "chat"
                               "\x4a\x0f\x0a\x05"
                               "a\"b.c"
                               "\x12\x06\x0a\x04"
                               "mine";
    for (int asked = 0; asked < 2; asked++) {
        const struct nv_mapping_config config = {.explain = asked != 0};
        struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
        struct nv_arena *arena = nv_arena_new(1 << 20);
        struct nv_raw_trace *raw = nv_arena_alloc(arena, sizeof *raw);
        struct nv_trace *trace;
        raw->arena = arena;
        raw->items = nv_arena_array(arena, 1, sizeof *raw->items);
        raw->groups = nv_arena_array(arena, 1, sizeof *raw->groups);
        raw->group_count = raw->item_count = raw->span_count = 1;
        raw->items[0] = (struct nv_raw_item){{span, sizeof span - 1}, 0, NV_SIGNAL_TRACES};
        ck_assert_int_eq(nv_mapping_translate(mapping, raw, &trace), NV_OK);
        ck_assert_int_eq(trace->explained.len > 0, asked);
        const char *const parts[] = {
            "[[\"span\",\"3132333435363738\",\"llm\"]", "[\"field\",\"llm.model\"]",
            "[\"won\",\"gen_ai.request.model\",\"otel_genai.rules:", "[\"kept\",\"a\\\"b.c\"]"};
        for (size_t i = 0; asked && i < sizeof parts / sizeof parts[0]; i++) {
            ck_assert_msg(nv_str_find(trace->explained, nv_str_from(parts[i])) != SIZE_MAX,
                          "%s", parts[i]);
        }
        nv_arena_free(arena);
        nv_mapping_free(mapping);
    }
}
END_TEST

/* The cap to the byte, and one line past it. */
START_TEST(unmapped_attributes_to_the_cap)
{
    static const struct nv_str more = NV_STR_INIT("  unmapped … (more are not listed)\n");
    struct nv_buf report;
    const struct nv_translation t = {.report = &report};
    nv_buf_init(&report, NV_REPORT_UNMAPPED_MAX + 4096);
    while (report.len < NV_REPORT_UNMAPPED_MAX - strlen("  unmapped a\n") - 1)
        ck_assert_int_eq(nv_buf_append_char(&report, '.'), NV_OK);
    nv_report_unmapped(&t, NV_STR("a"), NV_STR("a"));
    ck_assert_uint_eq(report.len, NV_REPORT_UNMAPPED_MAX - 1);
    ck_assert(nv_str_ends(nv_buf_str(&report), NV_STR("  unmapped a\n")));
    nv_report_unmapped(&t, NV_STR("b"), NV_STR("b"));
    ck_assert(nv_str_ends(nv_buf_str(&report), more));
    ck_assert_uint_ne(nv_str_find(nv_buf_str(&report), NV_STR("  unmapped b\n")), SIZE_MAX);
    size_t len = report.len;
    nv_report_unmapped(&t, NV_STR("c"), NV_STR("c"));
    ck_assert_uint_eq(report.len, len);
    nv_buf_release(&report);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/report");
    TCase *tcase = tcase_create("report");
    tcase_add_test(tcase, explain_names_winners_and_losers);
    tcase_add_test(tcase, explain_names_what_is_left_out);
    tcase_add_test(tcase, a_trace_is_explained_as_json_when_that_is_asked_for);
    tcase_add_test(tcase, unmapped_attributes_to_the_cap);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
