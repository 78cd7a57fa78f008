/*
 * Chat messages of the 13 shapes: each row is one value as captured from a real instrumentation
 * (the case of tests/fixtures is named where there is one) and the canonical list that must come of
 * it.
 */
#include "expect.h"
#include "mapping/messages.h"

#include "base/banned.h"

#define ARENA_MAX ((size_t)64 << 20)

struct shape_case {
    const char *name;
    enum nv_messages_direction direction;
    const char *in;       /* the attribute's text */
    const char *expected; /* canonical list */
    bool partial;
};

static struct nv_str written(const struct nv_value *value, struct nv_buf *buf)
{
    struct nv_json_writer writer;
    nv_buf_init(buf, ARENA_MAX);
    nv_json_write_init(&writer, buf);
    nv_value_write(&writer, value);
    ck_assert_int_eq(buf->failed, NV_OK);
    return nv_buf_str(buf);
}

static void check_case(const struct shape_case *test)
{
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    const struct nv_value in = nv_value_string(nv_str_from(test->in));
    struct nv_messages messages;
    ck_assert_int_eq(nv_messages_normalise(arena, &in, test->direction, &messages), NV_OK);
    struct nv_buf buf;
    char why[512];
    const bool same = nv_test_json_eq(written(&messages.list, &buf), nv_str_from(test->expected),
                                      why, sizeof why);
    ck_assert_msg(same, "%s: %s\n%.*s", test->name, why, (int)buf.len, buf.bytes);
    ck_assert_msg(messages.partial == test->partial, "%s: partial", test->name);
    nv_buf_release(&buf);
    nv_arena_free(arena);
}

#define CALL(id, args)                                                                             \
    "{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"get_weather\","             \
    "\"arguments\":" args "}}"

static const struct shape_case shape_cases[] = {
    {"OTel parts with tool calls and answers", NV_MESSAGES_INPUT,
     "[{\"role\":\"user\",\"parts\":[{\"content\":\"weather?\",\"type\":\"text\"}]},"
     "{\"role\":\"assistant\",\"parts\":[{\"arguments\":{\"city\":\"東京\"},\"name\":"
     "\"get_weather\",\"id\":\"c1\",\"type\":\"tool_call\"}]},"
     "{\"role\":\"tool\",\"parts\":[{\"response\":\"21.5\",\"id\":\"c1\",\"type\":"
     "\"tool_call_response\"}]}]",
     "[{\"role\":\"user\",\"content\":\"weather?\"},"
     "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[" CALL(
         "c1", "{\"city\":\"東京\"}") "]},{\"role\":\"tool\",\"content\":\"21.5\",\"tool_call_id\":"
                                      "\"c1\"}]",
     false},
    {"bare string", NV_MESSAGES_INPUT, "hello", "[{\"role\":\"user\",\"content\":\"hello\"}]",
     false},
};

START_TEST(test_shapes)
{
    check_case(&shape_cases[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("messages");
    TCase *shapes = tcase_create("shapes");
    tcase_add_loop_test(shapes, test_shapes, 0, sizeof shape_cases / sizeof shape_cases[0]);
    suite_add_tcase(suite, shapes);
    return nv_test_run(suite);
}
