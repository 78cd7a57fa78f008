/*
 * Python's repr and str as JSON: data, objects, and what is refused because it may be prose.
 */
#include "tests/support/chance.h"
#include "arena_oom.h"
#include "cases.h"
#include "expect.h"
#include "mapping/content/python_repr.h"

#include "base/json/json_write.h"
#include "model/value.h"

#include <stdio.h>
#include <string.h>

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

/* ---- any value --------------------------------------------------------------------------- */

/* The same value twice: as CPython prints it, and as JSON. */
struct twice {
    uint64_t state;
    struct nv_buf repr, json;
    struct nv_json_writer writer;
};

/* Characters that each of the two writes in a way of its own, and some that both let be. */
static const struct {
    const char *plain, *repr;
} characters[] = {{"a", "a"},
                  {" ", " "},
                  {"0", "0"},
                  {"\\", "\\\\"},
                  {"\n", "\\n"},
                  {"\t", "\\t"},
                  {"\r", "\\r"},
                  {"\x01", "\\x01"},
                  {"\x7f", "\\x7f"},
                  {"\"", "\""},
                  {"{", "{"},
                  {",", ","},
                  {"\xc3\xa9", "\xc3\xa9"},
                  {"\xe6\x9d\xb1", "\xe6\x9d\xb1"},
                  {"\xf0\x9f\x97\xbc", "\xf0\x9f\x97\xbc"},
                  {"\xc2\xa0", "\\xa0"}};

/* A text of up to five of them, in the quotes that CPython takes: single ones, unless there is
 * one in the text and no double one. */
static void write_text(struct twice *twice)
{
    char plain[64] = "", repr[64] = "";
    const uint32_t count = chance_below(&twice->state, 6);
    const bool apostrophe = chance_below(&twice->state, 4) == 0;
    for (uint32_t i = 0; i < count; i++) {
        const size_t at = chance_below(&twice->state, sizeof characters / sizeof characters[0]);
        (void)snprintf(plain + strlen(plain), sizeof plain - strlen(plain), "%s",
                       characters[at].plain);
        (void)snprintf(repr + strlen(repr), sizeof repr - strlen(repr), "%s",
                       characters[at].repr);
    }
    const bool doubles = strchr(plain, '"') != NULL;
    const char *it = !apostrophe ? "" : doubles ? "\\'" : "'";
    const char quote = apostrophe && !doubles ? '"' : '\'';
    (void)nv_buf_printf(&twice->repr, "%c%s%s%c", quote, it, repr, quote);
    nv_json_write_string_begin(&twice->writer);
    nv_json_write_string_part(&twice->writer, apostrophe ? NV_STR("'") : NV_STR(""));
    nv_json_write_string_part(&twice->writer, nv_str_from(plain));
    nv_json_write_string_end(&twice->writer);
}

static void write_scalar(struct twice *twice)
{
    const int64_t number = (int64_t)chance(&twice->state) >> chance_below(&twice->state, 64);
    switch (chance_below(&twice->state, 6)) {
    case 0:
        (void)nv_buf_append_str(&twice->repr, NV_STR("None"));
        nv_json_write_null(&twice->writer);
        break;
    case 1:
        (void)nv_buf_append_str(&twice->repr, number & 1 ? NV_STR("True") : NV_STR("False"));
        nv_json_write_bool(&twice->writer, number & 1);
        break;
    case 2:
        (void)nv_buf_printf(&twice->repr, "%lld", (long long)number);
        nv_json_write_int(&twice->writer, number);
        break;
    case 3:
        (void)nv_buf_printf(&twice->repr, "%d.5", (int)(number % 1000));
        nv_json_write_double(&twice->writer, (int)(number % 1000) < 0
                                                 ? (int)(number % 1000) - 0.5
                                                 : (int)(number % 1000) + 0.5);
        break;
    default:
        write_text(twice);
    }
}

static void write_any(struct twice *twice, unsigned depth);

/* A list, a tuple or a dictionary; a tuple of one has its comma. */
static void write_container(struct twice *twice, unsigned depth)
{
    const uint32_t count = chance_below(&twice->state, 4);
    const unsigned kind = chance_below(&twice->state, 3);
    (void)nv_buf_append_char(&twice->repr, "[({"[kind]);
    if (kind == 2)
        nv_json_write_begin_object(&twice->writer);
    else
        nv_json_write_begin_array(&twice->writer);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            (void)nv_buf_append_str(&twice->repr, NV_STR(", "));
        if (kind == 2) {
            char key[16];
            (void)snprintf(key, sizeof key, "k%u", (unsigned)i);
            (void)nv_buf_printf(&twice->repr, "'%s': ", key);
            nv_json_write_key(&twice->writer, nv_str_from(key));
        }
        write_any(twice, depth + 1);
    }
    if (kind == 1 && count == 1)
        (void)nv_buf_append_char(&twice->repr, ',');
    (void)nv_buf_append_char(&twice->repr, "])}"[kind]);
    if (kind == 2)
        nv_json_write_end_object(&twice->writer);
    else
        nv_json_write_end_array(&twice->writer);
}

static void write_any(struct twice *twice, unsigned depth)
{
    if (depth == 0 || (depth < 5 && chance_below(&twice->state, 3) == 0))
        write_container(twice, depth);
    else
        write_scalar(twice);
}

/* What is printed is read as what it was; with its last byte gone it is refused. */
START_TEST(test_any_value)
{
    struct twice twice = {.state = (uint64_t)_i};
    struct nv_str out = {0};
    nv_buf_init(&twice.repr, 1 << 20);
    nv_buf_init(&twice.json, 1 << 20);
    nv_json_write_init(&twice.writer, &twice.json);
    write_any(&twice, 0);
    const struct nv_str repr = nv_buf_str(&twice.repr);
    enum nv_err err = nv_python_repr_read(arena, repr, NV_REPR_DATA, &out);
    ck_assert_msg(err == NV_OK, "refused: %.*s", NV_STR_ARG(repr));
    ck_assert_json_eq(out, nv_buf_str(&twice.json));
    ck_assert_int_eq(
        nv_python_repr_read(arena, nv_str_slice(repr, 0, repr.len - 1), NV_REPR_DATA, &out),
        NV_ERR_MALFORMED);
    nv_buf_release(&twice.repr);
    nv_buf_release(&twice.json);
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
    tcase_add_loop_test(tcase, test_any_value, 0, 300);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
