/*
 * Python's repr and str as JSON: data, objects, and what is refused because it may be prose.
 */
#include "arena_oom.h"
#include "cases.h"
#include "expect.h"
#include "mapping/content/python_repr.h"

#include "model/value.h"

#include "base/banned.h"

static struct nv_arena *arena;

static void set_up(void)
{
    arena = nv_arena_new(1 << 20);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

/* `out` NULL: refused; `in` as CPython 3.11 prints it. */
static const struct repr_case {
    const char *in, *out;
} data[] = {
    {"{'audio': 0, 'cache_read': 0}", "{\"audio\": 0, \"cache_read\": 0}"},
    {"{}", "{}"},
    {"[]", "[]"},
    {"()", "[]"},
    {"(1,)", "[1]"},
    {"('a', ('b', None))", "[\"a\",[\"b\",null]]"},
    {"[1.5, -2e3, None, False]", "[1.5,-2e3,null,false]"},
    {"[nan, inf, -inf]", "[null,null,null]"},
    {"{'a', 'b'}", "[\"a\",\"b\"]"},
    {"{1}", "[1]"},
    {"{1: 'x', True: 'y', None: 2.5}", "{\"1\":\"x\",\"true\":\"y\",\"null\":2.5}"},
    {"{'a': {'b': [{'c': {1, 2}}]}}", "{\"a\":{\"b\":[{\"c\":[1,2]}]}}"},
    {"['tab\\t nl\\n bs\\\\ q\\' dq\\\"']", "[\"tab\\t nl\\n bs\\\\ q' dq\\\"\"]"},
    {"['\\x41\\u4eac\\U0001f5fc\\x00']", "[\"A京🗼\\u0000\"]"},
    {"['say \"hi\"', \"it's\"]", "[\"say \\\"hi\\\"\",\"it's\"]"},
    {"['東京']", "[\"東京\"]"},
    {"{'b': b'hi', 'c': b'\\x89PNG'}", "{\"b\":\"hi\",\"c\":\"iVBORw==\"}"},
    {"'text'", NULL},
    {"", NULL},
    {"(555)", NULL},
    {"(see above)", NULL},
    {"[see above]", NULL},
    {"[1] is first", NULL},
    {"{name}", NULL},
    {"{'a' 'b'}", NULL},
    {"{'a': 1, 'b'}", NULL},
    {"{(1, 2): 'x'}", NULL},
    {"[<object at 0x7f>]", NULL},
    {"[f(x)]", NULL},
    {"[Document(id=1)]", NULL},
    {"['open", NULL},
    {"[1, 2", NULL},
    {"{'a': 1", NULL},
    {"['\\q']", NULL},
    {"['\\x4']", NULL},
    {"['\\U00110000']", NULL},
    {"[b'\\u4eac']", NULL},
};

static const struct repr_case objects[] = {
    {"[Document(id='d', metadata={'p': 1})]", "[{\"id\":\"d\",\"metadata\":{\"p\":1}}]"},
    {"{'usage': Usage(total=3, details=Details(cached=None))}",
     "{\"usage\":{\"total\":3,\"details\":{\"cached\":null}}}"},
    {"[HumanMessage(content='hi', additional_kwargs={})]",
     "[{\"lc\":1,\"id\":[\"HumanMessage\"],\"kwargs\":{\"content\":\"hi\","
     "\"additional_kwargs\":{}}}]"},
    {"[ChatMessage(role=<MessageRole.USER: 'user'>, blocks=[TextBlock(text='hi')])]",
     "[{\"role\":\"user\",\"blocks\":[{\"text\":\"hi\"}]}]"},
    {"[Decimal('1.2'), OrderedDict([('a', 1)]), Empty()]", "[\"1.2\",[[\"a\",1]],{}]"},
    {"[datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)]", NULL},
    {"[datetime.datetime(2026, 1, 2, 3, 4)]", "[\"datetime.datetime(2026, 1, 2, 3, 4)\"]"},
    {"{'t': <llama_index.Tool object at 0x7f>, 'c': <class 'dict'>}",
     "{\"t\":\"<llama_index.Tool object at 0x7f>\",\"c\":\"<class 'dict'>\"}"},
    {"[Tool(a=1, b)]", NULL},
    {"[Tool(a=1", NULL},
    {"[<open]", NULL},
};

static const struct repr_case fields[] = {
    {"content='東京: 21.5°C' name='get_weather' tool_call_id='c1'",
     "{\"content\":\"東京: 21.5°C\",\"name\":\"get_weather\",\"tool_call_id\":\"c1\"}"},
    {"content=\"it's\" additional_kwargs={'a': None} usage=Usage(n=1)",
     "{\"content\":\"it's\",\"additional_kwargs\":{\"a\":null},\"usage\":{\"n\":1}}"},
    {"content='alone'", NULL},
    {"content='x' is an assignment", NULL},
    {"content='x'; y='z'", NULL},
    {"name='x' content='y'", NULL},
    {"", NULL},
};

static void check(const struct repr_case *test, enum nv_err err, struct nv_str out)
{
    if (!test->out) {
        ck_assert_msg(err == NV_ERR_MALFORMED, "%s was taken", test->in);
        return;
    }
    ck_assert_msg(err == NV_OK, "%s was refused", test->in);
    ck_assert_json_eq(out, nv_str_from(test->out));
}

START_TEST(test_data)
{
    struct nv_str out = {0};
    check(&data[_i], nv_python_repr_read(arena, nv_str_from(data[_i].in), NV_REPR_DATA, &out),
          out);
}
END_TEST

START_TEST(test_objects)
{
    struct nv_str out = {0};
    check(&objects[_i],
          nv_python_repr_read(arena, nv_str_from(objects[_i].in), NV_REPR_OBJECTS, &out), out);
}
END_TEST

START_TEST(test_fields)
{
    struct nv_str out = {0};
    check(&fields[_i], nv_python_fields_read(arena, nv_str_from(fields[_i].in), &out), out);
}
END_TEST

/* As deep as JSON may be, and one deeper. */
START_TEST(test_depth)
{
    char text[2 * 257];
    struct nv_str out;
    memset(text, '(', 256);
    memset(text + 256, ')', 256);
    enum nv_err err =
        nv_python_repr_read(arena, (struct nv_str){text, 512}, NV_REPR_DATA, &out);
    ck_assert_int_eq(err, NV_ERR_MALFORMED); /* no commas: not tuples */
    memset(text, '[', 256);
    memset(text + 256, ']', 256);
    err = nv_python_repr_read(arena, (struct nv_str){text, 512}, NV_REPR_DATA, &out);
    ck_assert_int_eq(err, NV_OK);
    memset(text, '[', 257);
    memset(text + 257, ']', 257);
    err = nv_python_repr_read(arena, (struct nv_str){text, 514}, NV_REPR_DATA, &out);
    ck_assert_int_eq(err, NV_ERR_MALFORMED);
}
END_TEST

static enum nv_err attempt(void *ctx, struct nv_arena *small)
{
    struct nv_str out;
    return nv_python_repr_read(small, *(struct nv_str *)ctx, NV_REPR_OBJECTS, &out);
}

START_TEST(test_every_allocation_may_fail)
{
    struct nv_str text = NV_STR("{'a': [M(x=b'\\x01')], 'b': 'c'}");
    nv_test_oom_each(attempt, &text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("python_repr");
    TCase *tcase = tcase_create("python_repr");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_data, 0, (int)(sizeof data / sizeof data[0]));
    tcase_add_loop_test(tcase, test_objects, 0, (int)(sizeof objects / sizeof objects[0]));
    tcase_add_loop_test(tcase, test_fields, 0, (int)(sizeof fields / sizeof fields[0]));
    tcase_add_test(tcase, test_depth);
    tcase_add_test(tcase, test_every_allocation_may_fail);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
