/*
 * Traces read back from their JSON: whole ones (test_terminal_goldens.c has them all), odd ones,
 * broken ones.
 */
#include "expect.h"

#include "gateway/view/stored_trace.h"

#include "base/banned.h"

static struct nv_trace trace;

static enum nv_err read(struct nv_arena *arena, const char *json)
{
    return nv_stored_trace_read(arena, nv_str_from(json), &trace);
}

START_TEST(what_is_shown_is_read)
{
    struct nv_arena *arena = nv_arena_new(1u << 20);
    ck_assert_int_eq(
        read(
            arena,
            "{\"name\":\"t\",\"status\":\"error\",\"error_count\":2,\"duration_ms\":1.5,"
            "\"start_time\":\"2026-01-01T00:00:00+00:00\",\"metadata\":{\"session_id\":\"s\"},"
            "\"otel\":{\"resource\":{\"service.name\":\"shop\"}},\"spans\":[{\"span_id\":\"a\","
            "\"parent_span_id\":null,\"name\":\"x\",\"status\":\"timeout\",\"attributes\":{"
            "\"k\":1}},"
            "{\"span_id\":\"b\",\"parent_span_id\":\"a\",\"name\":\"y\",\"duration_ms\":2}]}"),
        NV_OK);
    ck_assert_nv_str(trace.name, "t");
    ck_assert_nv_str(trace.session_id, "s");
    ck_assert_nv_str(trace.origin->service_name, "shop");
    ck_assert_int_eq(trace.status, NV_STATUS_ERROR);
    ck_assert_uint_eq(trace.error_count, 2);
    ck_assert_uint_eq(trace.end_ns - trace.start_ns, 1500000);
    ck_assert_uint_eq(trace.span_count, 2);
    ck_assert(!trace.spans[0].has_parent && trace.spans[1].has_parent);
    ck_assert_int_eq(trace.spans[0].status, NV_STATUS_TIMEOUT);
    ck_assert_uint_eq(trace.spans[0].attributes.count, 1);
    ck_assert_mem_eq(trace.spans[1].parent_id, trace.spans[0].span_id, NV_SPAN_ID_BYTES);
    nv_arena_free(arena);
}
END_TEST

static const char *const odd[] = {
    "{}",
    "{\"name\":1,\"spans\":{},\"metadata\":[],\"otel\":7,\"duration_ms\":-5,\"error_count\":-"
    "1}",
    "{\"spans\":[1,null,[]],\"duration_ms\":1e300,\"error_count\":1e300,\"otel\":{\"resource\":"
    "1}}",
    "{\"spans\":[{\"attributes\":[],\"span_id\":7,\"duration_ms\":\"x\"}]}"};

START_TEST(what_is_odd_is_empty)
{
    struct nv_arena *arena = nv_arena_new(1u << 20);
    ck_assert_int_eq(read(arena, odd[_i]), NV_OK);
    ck_assert_nv_str(trace.name, "");
    ck_assert_uint_eq(trace.end_ns, trace.start_ns);
    ck_assert_uint_eq(trace.error_count, 0);
    nv_arena_free(arena);
}
END_TEST

START_TEST(what_is_broken_is_an_error)
{
    static const char *const broken[] = {"", "[]", "7", "{", "nonsense"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct nv_arena *arena = nv_arena_new(1u << 20);
        ck_assert_int_ne(read(arena, broken[i]), NV_OK);
        nv_arena_free(arena);
    }
}
END_TEST

START_TEST(an_arena_that_ends_anywhere)
{
    static const char json[] =
        "{\"name\":\"t\",\"spans\":[{\"span_id\":\"a\"},{\"span_id\":\"b\"}]}";
    enum nv_err err = NV_ERR_NO_MEMORY;
    for (size_t max = 64; err != NV_OK; max += 64) {
        struct nv_arena *arena = nv_arena_new(max);
        ck_assert_uint_lt(max, 1u << 20);
        err = arena ? read(arena, json) : NV_ERR_NO_MEMORY;
        ck_assert(err == NV_OK || err == NV_ERR_NO_MEMORY);
        nv_arena_free(arena);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/stored_trace");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, what_is_shown_is_read);
    tcase_add_loop_test(tcase, what_is_odd_is_empty, 0, sizeof odd / sizeof odd[0]);
    tcase_add_test(tcase, what_is_broken_is_an_error);
    tcase_add_test(tcase, an_arena_that_ends_anywhere);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
