/*
 * Linked parts are joined with the first by span links, in both directions where that can be
 * known.
 */
#include "tests/support/expect.h"

#include "mapping/mapping.h"

#include "base/banned.h"

static struct nv_mapping *mapping;

static void set_up(void)
{
    struct nv_mapping_config config = {0};
    mapping = nv_mapping_new(&config, NULL);
    ck_assert_ptr_nonnull(mapping);
}

static void tear_down(void)
{
    nv_mapping_free(mapping);
}

#define ROOT                                                                                   \
    "\x12\x08"                                                                                 \
    "rootroot"                                                                                 \
    "\x2a\x01"                                                                                 \
    "n"
#define LATE                                                                                   \
    "\x12\x08"                                                                                 \
    "latelate"                                                                                 \
    "\x22\x08"                                                                                 \
    "rootroot"                                                                                 \
    "\x2a\x01"                                                                                 \
    "n"
/* with a link of its own: Span.links = 13 { trace_id = 1, span_id = 2 } */
#define LINKED                                                                                 \
    LATE "\x6a\x1c\x0a\x10"                                                                    \
         "tracetracetracet"                                                                    \
         "\x12\x08"                                                                            \
         "spanspan"

/* One span's bytes as a raw trace of its own, translated; free its arena. */
static struct nv_trace *part(struct nv_str span, uint32_t number, enum nv_incomplete incomplete)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_raw_trace *raw = nv_arena_alloc(arena, sizeof *raw);
    *raw = (struct nv_raw_trace){.arena = arena, .part = number, .incomplete = incomplete};
    memset(raw->trace_id, 7, sizeof raw->trace_id);
    raw->items = nv_arena_array(arena, 1, sizeof *raw->items);
    raw->groups = nv_arena_array(arena, 1, sizeof *raw->groups);
    raw->group_count = raw->item_count = raw->span_count = 1;
    raw->items[0] = (struct nv_raw_item){span, 0, NV_SIGNAL_TRACES};
    struct nv_trace *trace = NULL;
    ck_assert_int_eq(nv_mapping_translate(mapping, raw, &trace), NV_OK);
    return trace;
}

static void link_is(const struct nv_link *link, const uint8_t *trace_id, const char *span_id,
                    const char *relation)
{
    const struct nv_value *told =
        nv_attributes_get(&link->attributes, NV_STR("noveum.gateway.relation"));
    ck_assert_mem_eq(link->trace_id, trace_id, NV_TRACE_ID_BYTES);
    ck_assert_mem_eq(link->span_id, span_id, NV_SPAN_ID_BYTES);
    ck_assert_ptr_nonnull(told);
    ck_assert_nv_str(told->as.string, relation);
}

START_TEST(a_whole_trace_has_no_links)
{
    struct nv_trace *trace = part(NV_STR(ROOT), 0, NV_COMPLETE);
    ck_assert_uint_eq(trace->spans[0].link_count, 0);
    nv_arena_free(trace->arena);
}
END_TEST

START_TEST(a_late_span_links_to_the_trace_and_its_parent)
{
    struct nv_trace *trace = part(NV_STR(LATE), 1, NV_INCOMPLETE_PARENT);
    ck_assert_uint_eq(trace->spans[0].link_count, 1);
    link_is(&trace->spans[0].links[0], trace->source_trace_id, "rootroot", "continued");
    ck_assert_mem_ne(trace->trace_id, trace->source_trace_id, NV_TRACE_ID_BYTES);
    nv_arena_free(trace->arena);
}
END_TEST

START_TEST(a_late_root_links_to_the_trace)
{
    struct nv_trace *trace = part(NV_STR(ROOT), 3, NV_COMPLETE);
    link_is(&trace->spans[0].links[0], trace->source_trace_id, "rootroot", "continued");
    nv_arena_free(trace->arena);
}
END_TEST

START_TEST(links_of_the_span_stay_before)
{
    struct nv_trace *trace = part(NV_STR(LINKED), 1, NV_COMPLETE);
    const struct nv_span *span = &trace->spans[0];
    ck_assert_uint_eq(span->link_count, 2);
    ck_assert_mem_eq(span->links[0].span_id, "spanspan", NV_SPAN_ID_BYTES);
    ck_assert_uint_eq(span->links[0].attributes.count, 0);
    link_is(&span->links[1], trace->source_trace_id, "rootroot", "continued");
    nv_arena_free(trace->arena);
}
END_TEST

START_TEST(a_trace_that_is_cut_links_to_what_follows)
{
    struct nv_trace *first = part(NV_STR(ROOT), 0, NV_INCOMPLETE_CUT);
    struct nv_trace *second = part(NV_STR(LATE), 1, NV_INCOMPLETE_CUT);
    struct nv_trace *third = part(NV_STR(LATE), 2, NV_COMPLETE);
    ck_assert_uint_eq(first->spans[0].link_count, 1);
    ck_assert_uint_eq(second->spans[0].link_count, 2);
    ck_assert_uint_eq(third->spans[0].link_count, 1);
    link_is(&first->spans[0].links[0], second->trace_id, "rootroot", "continued_by");
    link_is(&second->spans[0].links[0], first->trace_id, "rootroot", "continued");
    link_is(&second->spans[0].links[1], third->trace_id, "latelate", "continued_by");
    nv_arena_free(first->arena);
    nv_arena_free(second->arena);
    nv_arena_free(third->arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/part");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_whole_trace_has_no_links);
    tcase_add_test(tcase, a_late_span_links_to_the_trace_and_its_parent);
    tcase_add_test(tcase, a_late_root_links_to_the_trace);
    tcase_add_test(tcase, links_of_the_span_stay_before);
    tcase_add_test(tcase, a_trace_that_is_cut_links_to_what_follows);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
