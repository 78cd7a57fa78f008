/*
 * What a trace says of itself: project, environment, identity, parts, completeness.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include "base/banned.h"

static struct told *with(struct nv_mapping_config config, const char *resource,
                         const char *spans)
{
    struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
    ck_assert_ptr_nonnull(mapping);
    struct told *told = told_with(mapping, resource, spans);
    nv_mapping_free(mapping);
    return told;
}

START_TEST(project_goes_by_its_order)
{
    struct nv_mapping_config set = {.project = NV_STR("configured")}, unset = {0};
    const char *span = "[{'name': 'a', 'attributes': {}}]";
    struct told *told = with(set, "{'service.name': 's', 'noveum.project': 'said'}", span);
    told_member(told, NULL, "project", "'said'");
    told_free(told);
    told = with(set, "{'service.name': 's'}", span);
    told_member(told, NULL, "project", "'configured'");
    told_free(told);
    told = with(unset, "{'service.name': 's'}", span);
    told_member(told, NULL, "project", "'s'");
    told_free(told);
    told = with(unset, "{}", span);
    told_member(told, NULL, "project", "'default'");
    told_free(told);
}
END_TEST

START_TEST(environment_and_version)
{
    struct nv_mapping_config set = {.environment = NV_STR("staging"),
                                    .service_version = NV_STR("1")};
    const char *span = "[{'name': 'a', 'attributes': {}}]";
    struct told *told =
        with(set, "{'deployment.environment': 'dev', 'service.version': '2'}", span);
    told_member(told, NULL, "environment", "'dev'");
    told_member(told, NULL, "service_version", "'2'");
    told_free(told);
    told = with(set, "{}", span);
    told_member(told, NULL, "environment", "'staging'");
    told_member(told, NULL, "service_version", "'1'");
    told_free(told);
    told = with((struct nv_mapping_config){0}, "{}", span);
    told_member(told, NULL, "environment", "'production'");
    told_member(told, NULL, "service_version", NULL);
    told_free(told);
}
END_TEST

START_TEST(session_and_user_from_any_span)
{
    struct told *told = told_by(
        "[{'name': 'root', 'id': 1, 'attributes': {}},"
        "{'name': 'a', 'id': 2, 'parent': 1, 'attributes': {'gen_ai.conversation.id': 'conv'}},"
        "{'name': 'b', 'id': 3, 'parent': 1, 'attributes': {'session.id': 'sess', "
        "'enduser.id': "
        "'old', 'user.id': 7}}]");
    told_member(told, NULL, "metadata.session_id", "'sess'");
    told_member(told, NULL, "metadata.user_id", "'7'");
    told_is(told, "b", "user.id", "7");
    told_free(told);
}
END_TEST

START_TEST(tags_and_custom_attributes)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'tag.tags': ['x', 'y'], 'metadata': "
                "'{\\\"tier\\\": \\\"gold\\\", \\\"thread_id\\\": \\\"t1\\\"}'}}]");
    told_member(told, NULL, "metadata.tags.x", "'true'");
    told_member(told, NULL, "metadata.custom_attributes.tier", "'gold'");
    told_member(told, NULL, "metadata.session_id", "'t1'");
    told_free(told);
}
END_TEST

START_TEST(what_frameworks_write_for_themselves_is_no_users)
{
    struct told *told = told_by(
        "[{'name': 'a', 'scope': 'strands.telemetry.tracer', 'attributes': "
        "{'tags': ['team-a', 'beta']}},"
        "{'name': 'b', 'attributes': {'langsmith.span.tags': 'seq:step:1,mine,graph:step:2', "
        "'langsmith.metadata.LANGSMITH_ENDPOINT': 'http://h', "
        "'langsmith.metadata.langgraph_step': 3, 'langsmith.metadata.tier': 'gold'}}]");
    told_member(told, NULL, "metadata.tags",
                "{'team-a': 'true', 'beta': 'true', 'mine': 'true'}");
    told_member(told, NULL, "metadata.custom_attributes", "{'tier': 'gold'}");
    told_is(told, "b", "langsmith.metadata.langgraph_step", "3");
    told_is(told, "b", "langsmith.metadata.LANGSMITH_ENDPOINT", "'http://h'");
    told_free(told);
}
END_TEST

static void part_of(void *ctx, struct nv_trace *trace)
{
    *(struct nv_trace **)ctx = trace;
}

/* One span's bytes as a raw trace of its own. */
static struct nv_raw_trace *raw(uint32_t part, enum nv_incomplete incomplete)
{
    static const char span[] = "\x12\x08"
                               "12345678"
                               "\x2a\x01"
                               "n";
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_raw_trace *out = nv_arena_alloc(arena, sizeof *out);
    *out = (struct nv_raw_trace){.arena = arena, .part = part, .incomplete = incomplete};
    memset(out->trace_id, 7, sizeof out->trace_id);
    out->items = nv_arena_array(arena, 1, sizeof *out->items);
    out->groups = nv_arena_array(arena, 1, sizeof *out->groups);
    out->group_count = out->item_count = out->span_count = 1;
    out->items[0] = (struct nv_raw_item){{span, sizeof span - 1}, 0, NV_SIGNAL_TRACES};
    out->first_name = NV_STR("first");
    out->first_session = NV_STR("s1");
    out->first_user = NV_STR("u1");
    return out;
}

START_TEST(linked_parts)
{
    struct nv_mapping_config config = {0};
    struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
    struct nv_trace *first, *again, *second, *told = NULL;
    part_of(&told, NULL);
    ck_assert_int_eq(nv_mapping_translate(mapping, raw(1, NV_COMPLETE), &first), NV_OK);
    ck_assert_int_eq(nv_mapping_translate(mapping, raw(1, NV_COMPLETE), &again), NV_OK);
    ck_assert_int_eq(nv_mapping_translate(mapping, raw(2, NV_INCOMPLETE_ROOT), &second), NV_OK);
    ck_assert_nv_str(first->name, "first (continued)");
    ck_assert_nv_str(first->session_id, "s1");
    ck_assert_nv_str(first->user_id, "u1");
    ck_assert_mem_eq(first->trace_id, again->trace_id, NV_TRACE_ID_BYTES);
    ck_assert_mem_ne(first->trace_id, second->trace_id, NV_TRACE_ID_BYTES);
    ck_assert_mem_ne(first->trace_id, first->source_trace_id, NV_TRACE_ID_BYTES);
    ck_assert_ptr_nonnull(nv_attributes_get(&first->attributes, NV_STR("noveum.gateway.part")));
    ck_assert_nv_str(
        nv_attributes_get(&second->attributes, NV_STR("noveum.gateway.incomplete"))->as.string,
        "root");
    nv_arena_free(first->arena);
    nv_arena_free(again->arena);
    nv_arena_free(second->arena);
    nv_mapping_free(mapping);
}
END_TEST

START_TEST(a_trace_without_spans_is_refused)
{
    struct nv_mapping_config config = {0};
    struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
    struct nv_raw_trace *empty = raw(0, NV_COMPLETE);
    struct nv_trace *trace;
    empty->items[0].bytes = (struct nv_str){"\xff", 1};
    ck_assert_int_ne(nv_mapping_translate(mapping, empty, &trace), NV_OK);
    nv_arena_free(empty->arena);
    empty = raw(0, NV_COMPLETE);
    empty->item_count = 0;
    ck_assert_int_eq(nv_mapping_translate(mapping, empty, &trace), NV_ERR_MALFORMED);
    nv_arena_free(empty->arena);
    nv_mapping_free(mapping);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/translate");
    TCase *tcase = tcase_create("translate");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, project_goes_by_its_order);
    tcase_add_test(tcase, environment_and_version);
    tcase_add_test(tcase, session_and_user_from_any_span);
    tcase_add_test(tcase, tags_and_custom_attributes);
    tcase_add_test(tcase, what_frameworks_write_for_themselves_is_no_users);
    tcase_add_test(tcase, linked_parts);
    tcase_add_test(tcase, a_trace_without_spans_is_refused);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
