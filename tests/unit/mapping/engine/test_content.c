/*
 * Content of span events and log records: each row of content.json is what one span has, and
 * the virtual attributes that must come of it.
 */
#include "arena_oom.h"
#include "cases.h"
#include "expect.h"
#include "mapping/engine/content.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define ARENA_MAX ((size_t)64 << 20)
#define RECORDS_MAX 16

static const struct nv_array *cases;

struct input {
    struct nv_event events[RECORDS_MAX];
    struct nv_log logs[RECORDS_MAX];
    struct nv_content_source source;
};

static struct nv_attributes attributes_of(const struct nv_value *record)
{
    const struct nv_map map = nv_test_member(record, "attributes")->as.map;
    return (struct nv_attributes){map.items, map.count, map.count};
}

static void read_input(const struct nv_value *test, struct input *input)
{
    *input = (struct input){0};
    const struct nv_value *events = nv_test_member(test, "events");
    const struct nv_value *logs = nv_test_member(test, "logs");
    const uint32_t event_count = events->type == NV_VALUE_ARRAY ? events->as.array.count : 0;
    const uint32_t log_count = logs->type == NV_VALUE_ARRAY ? logs->as.array.count : 0;
    for (uint32_t i = 0; i < event_count; i++) {
        const struct nv_value *event = &events->as.array.items[i];
        input->events[i] = (struct nv_event){.name = nv_test_text(event, "name"),
                                             .attributes = attributes_of(event)};
    }
    for (uint32_t i = 0; i < log_count; i++) {
        const struct nv_value *log = &logs->as.array.items[i];
        input->logs[i] =
            (struct nv_log){.event_name = nv_test_text(log, "name"),
                            .body = *nv_test_member(log, "body"),
                            .attributes = attributes_of(log),
                            .time_ns = (uint64_t)nv_test_member(log, "time")->as.integer};
    }
    input->source =
        (struct nv_content_source){input->events, event_count, input->logs, log_count,
                                   nv_test_member(test, "tool_span")->type == NV_VALUE_BOOL};
}

START_TEST(test_case)
{
    const struct nv_value *test = &cases->items[_i];
    const struct nv_str name = nv_test_text(test, "name");
    const struct nv_array expected = nv_test_member(test, "expected")->as.array;
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    struct input input;
    struct nv_content content;
    read_input(test, &input);
    ck_assert_int_eq(nv_content_collect(arena, &input.source, &content), NV_OK);
    ck_assert_msg(content.count == expected.count, "%.*s: %u items", NV_STR_ARG(name),
                  content.count);
    for (uint32_t i = 0; i < content.count; i++) {
        const struct nv_content_item *item = &content.items[i];
        struct nv_buf left, right;
        ck_assert_nv_str_eq(item->key, nv_test_text(&expected.items[i], "key"));
        ck_assert_json_eq(nv_test_json(&item->value, &left),
                          nv_test_json(nv_test_member(&expected.items[i], "value"), &right));
        ck_assert(item->from_log ==
                  (nv_test_member(&expected.items[i], "from_log")->type == NV_VALUE_BOOL));
        nv_buf_release(&left);
        nv_buf_release(&right);
    }
    nv_arena_free(arena);
}
END_TEST

static enum nv_err attempt(void *ctx, struct nv_arena *arena)
{
    const struct input *input = ctx;
    struct nv_content content;
    return nv_content_collect(arena, &input->source, &content);
}

START_TEST(test_every_allocation_may_fail)
{
    struct input input;
    read_input(&cases->items[_i], &input);
    nv_test_oom_each(attempt, &input);
}
END_TEST

/* As content.c has it. */
#define SLOTS_MAX 512u

/* As many keys as the cap in one event, one more, a thousand: no more than the cap is gathered,
 * nothing breaks. */
START_TEST(test_keys_are_capped)
{
    enum { KEYS = 1000 };
    const uint32_t keys = _i == 2 ? KEYS : SLOTS_MAX + (uint32_t)_i;
    static struct nv_attribute attributes[KEYS];
    static char names[KEYS][16];
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof names[i], "k%zu", i);
        attributes[i] = (struct nv_attribute){nv_str_from(names[i]), nv_value_int((int64_t)i)};
    }
    const struct nv_event event = {.name = NV_STR("gen_ai.client.inference.operation.details"),
                                   .attributes = {attributes, keys, KEYS}};
    const struct nv_content_source source = {&event, 1, NULL, 0, false};
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    struct nv_content content;
    ck_assert_int_eq(nv_content_collect(arena, &source, &content), NV_OK);
    ck_assert_uint_eq(content.count, SLOTS_MAX);
    ck_assert_nv_str(content.items[SLOTS_MAX - 1].key, "k511");
    nv_arena_free(arena);
}
END_TEST

int main(void)
{
    cases = nv_test_cases("tests/unit/mapping/content.json");
    Suite *suite = suite_create("content");
    TCase *tcase = tcase_create("content");
    tcase_add_loop_test(tcase, test_case, 0, (int)cases->count);
    tcase_add_loop_test(tcase, test_every_allocation_may_fail, 0, (int)cases->count);
    tcase_add_loop_test(tcase, test_keys_are_capped, 0, 3);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
