/*
 * The tree on the terminal: shapes of trees, what is escaped, what is cut, colours.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/view/terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define SPANS_MAX 1000

static struct nv_span spans[SPANS_MAX];
static struct nv_trace trace;
static struct nv_buf text;

static struct nv_span *add(uint8_t id, uint8_t parent, const char *name)
{
    struct nv_span *span = &spans[trace.span_count++];
    *span = (struct nv_span){.name = nv_str_from(name), .end_ns = 2000000};
    span->span_id[7] = id;
    span->parent_id[7] = parent;
    span->has_parent = parent != 0;
    return span;
}

static void begin(const char *name)
{
    trace = (struct nv_trace){.name = nv_str_from(name), .spans = spans, .end_ns = 3000000};
    trace.trace_id[0] = 0x4b;
    trace.trace_id[15] = 0xdc;
    nv_buf_clear(&text);
}

static struct nv_str shown(bool color)
{
    struct nv_terminal terminal = {.color = color, .file_directory = "dir"};
    ck_assert_int_eq(nv_terminal_write(&terminal, &trace, &text), NV_OK);
    return nv_buf_str(&text);
}

static bool has(const char *part)
{
    return nv_str_find(nv_buf_str(&text), nv_str_from(part)) != SIZE_MAX;
}

static unsigned lines_in(struct nv_str all)
{
    unsigned lines = 0;
    for (size_t i = 0; i < all.len; i++)
        lines += all.ptr[i] == '\n' ? 1 : 0;
    return lines;
}

START_TEST(a_tree_with_branches)
{
    begin("work");
    add(1, 0, "root");
    add(2, 1, "a");
    add(3, 2, "a1");
    add(4, 2, "a2");
    add(5, 1, "b");
    add(6, 5, "b1");
    ck_assert_nv_str(shown(false), "✓ work  3 ms  6 spans\n"
                                   "  span      root  2 ms\n"
                                   "  ├─ span      a  2 ms\n"
                                   "  │  ├─ span      a1  2 ms\n"
                                   "  │  └─ span      a2  2 ms\n"
                                   "  └─ span      b  2 ms\n"
                                   "     └─ span      b1  2 ms\n"
                                   "  dir/4b000000-0000-0000-0000-0000000000dc.json\n\n");
}
END_TEST

START_TEST(children_before_parents_and_lost_parents)
{
    begin("work");
    add(3, 2, "grandchild");
    add(2, 1, "child");
    add(1, 0, "root");
    add(9, 8, "orphan");
    (void)shown(false);
    ck_assert(has(
        "  span      root  2 ms\n  └─ span      child  2 ms\n     └─ span      grandchild"));
    ck_assert(has("\n  span      orphan"));
}
END_TEST

START_TEST(rings_and_twins_are_all_shown_once)
{
    begin("work");
    add(1, 2, "one");
    add(2, 1, "two");
    add(3, 3, "self");
    add(4, 0, "root");
    add(4, 4, "twin");
    struct nv_str all = shown(false);
    ck_assert_uint_eq(lines_in(all), 1 + 5 + 2);
    ck_assert(has("one") && has("two") && has("self") && has("root") && has("twin"));
}
END_TEST

static void show_chain(unsigned count)
{
    begin("chain");
    for (unsigned i = 0; i < count; i++) {
        struct nv_span *span = add(0, 0, "step");
        span->span_id[6] = (uint8_t)((i + 1) >> 8);
        span->span_id[7] = (uint8_t)(i + 1);
        span->parent_id[6] = (uint8_t)(i >> 8);
        span->parent_id[7] = (uint8_t)i;
        span->has_parent = i > 0;
    }
    (void)shown(false);
}

START_TEST(a_long_chain_is_walked_and_cut)
{
    show_chain(SPANS_MAX);
    ck_assert(has("  … and 800 more spans\n"));
    ck_assert(has("1000 spans"));
    show_chain(NV_TERMINAL_SPANS_MAX);
    ck_assert(!has("more spans"));
    show_chain(NV_TERMINAL_SPANS_MAX + 1);
    ck_assert(has("  … and 1 more spans\n"));
}
END_TEST

START_TEST(errors_and_colours)
{
    begin("work");
    struct nv_span *span = add(1, 0, "root");
    span->status = NV_STATUS_ERROR;
    span->status_message = NV_STR("it broke");
    trace.status = NV_STATUS_ERROR;
    trace.error_count = 1;
    (void)shown(false);
    ck_assert(has("✗ work") && has("1 error") && has("  error\n     error   it broke\n"));
    ck_assert(!has("\033"));
    nv_buf_clear(&text);
    (void)shown(true);
    ck_assert(has("\033[31m") && has("it broke"));
    span->status_message = NV_STR("");
    nv_buf_clear(&text);
    (void)shown(false);
    ck_assert(has("2 ms  error\n") && !has("     error"));
}
END_TEST

static void give(struct nv_span *span, struct nv_attribute *items, uint32_t count)
{
    span->attributes = (struct nv_attributes){items, count, count};
}

START_TEST(spans_of_no_kind_are_folded)
{
    struct nv_attribute tool[] = {{NV_STR("tool.name"), nv_value_string(NV_STR("t"))}};
    begin("work");
    add(1, 0, "root");
    for (uint8_t i = 0; i < 20; i++)
        add((uint8_t)(10 + i), 1, "plain");
    give(add(2, 1, "use"), tool, 1);
    add(3, 1, "lonely");
    give(add(4, 1, "use"), tool, 1);
    for (uint8_t i = 0; i < 21; i++)
        add((uint8_t)(50 + i), i == 0 ? 1 : 50, "plain");
    struct nv_str all = shown(false);
    ck_assert(has("  ├─ … 20 more\n  ├─ tool      use"));
    ck_assert(has("  ├─ span      lonely  2 ms\n"));
    ck_assert(has("  └─ … 21 more\n"));
    ck_assert_uint_eq(lines_in(all), 1 + 1 + 1 + 3 + 1 + 2);
    struct nv_terminal terminal = {.all = true};
    nv_buf_clear(&text);
    ck_assert_int_eq(nv_terminal_write(&terminal, &trace, &text), NV_OK);
    ck_assert_uint_eq(lines_in(nv_buf_str(&text)), 1 + 45 + 1);
    ck_assert(!has("more"));
}
END_TEST

START_TEST(a_repeat_is_named_and_adds_nothing)
{
    struct nv_attribute told[] = {
        {NV_STR("llm.source.model"), nv_value_string(NV_STR("m"))},
        {NV_STR("llm.aggregated_usage.input_tokens"), nv_value_int(9)}};
    begin("work");
    give(add(1, 0, "again"), told, 2);
    (void)shown(false);
    ck_assert(has("  repeat    again  2 ms\n") && !has("tokens"));
}
END_TEST

START_TEST(tools_and_talk_have_their_lines)
{
    struct nv_attribute call[] = {
        {NV_STR("llm.model"), nv_value_string(NV_STR("m"))},
        {NV_STR("llm.input.messages"),
         nv_value_json(NV_STR("[{\"role\":\"user\",\"content\":\"two\\nlines \\u001b[2J\"}]"))},
        {NV_STR("llm.output.response"), nv_value_string(NV_STR("\u202eno"))},
        {NV_STR("llm.time_to_first_token_ms"), nv_value_double(0.25)},
        {NV_STR("llm.cost.total"), nv_value_double(0.0000001)}};
    struct nv_attribute map[] = {{NV_STR("id"), nv_value_int(7)}};
    struct nv_attribute tool[] = {
        {NV_STR("tool.name"), nv_value_string(NV_STR("get"))},
        {NV_STR("tool.input"), {.type = NV_VALUE_MAP, .as.map = {map, 1}}},
        {NV_STR("tool.output"), nv_value_string(NV_STR(" a\r\nb "))}};
    begin("work");
    trace.session_id = NV_STR("s-1");
    give(add(1, 0, "ask"), call, 5);
    give(add(2, 1, "execute"), tool, 3);
    struct nv_str all = shown(false);
    ck_assert_nv_str(all, "✓ work  3 ms  2 spans  <$0.000001  first token 250 µs\n"
                          "  session   s-1\n"
                          "  question  two⏎lines \\x1b[2J\n"
                          "  answer    \\u202eno\n"
                          "  llm       ask  2 ms  <$0.000001  first token 250 µs  m\n"
                          "  └─ tool      execute  2 ms  get\n"
                          "        input   {\"id\":7}\n"
                          "        output  a⏎b\n"
                          "  dir/4b000000-0000-0000-0000-0000000000dc.json\n\n");
}
END_TEST

START_TEST(hex_ids_and_no_file)
{
    struct nv_terminal terminal = {.hex_ids = true, .file_directory = "d"};
    begin("work");
    ck_assert_int_eq(nv_terminal_write(&terminal, &trace, &text), NV_OK);
    ck_assert(has("d/4b0000000000000000000000000000dc.json"));
    nv_buf_clear(&text);
    terminal.file_directory = NULL;
    ck_assert_int_eq(nv_terminal_write(&terminal, &trace, &text), NV_OK);
    ck_assert(!has(".json"));
}
END_TEST

static const struct {
    struct nv_str in;
    size_t max;
    const char *out;
} escapes[] = {{NV_STR_INIT("plain 東京"), 100, "plain 東京"},
               {NV_STR_INIT("\x1b[31m"), 100, "\\x1b[31m"},
               {NV_STR_INIT("a\r\n\tb\x7f"), 100, "a\\r\\n\\tb\\x7f"},
               {NV_STR_INIT("\xc2\x9b"
                            "31m"),
                100, "\\x9b31m"},
               {NV_STR_INIT("\xc2\xa0"), 100, "\xc2\xa0"},
               {NV_STR_INIT("a\0b"), 100, "a\\x00b"},
               {NV_STR_INIT("a\xff\xfe"
                            "b"),
                100,
                "a\xef\xbf\xbd\xef\xbf\xbd"
                "b"},
               {NV_STR_INIT("a\xe2\x80\xae"
                            "b\xe2\x81\xa6\xe2\x80\x8b\xe2\x80\xa8"),
                100, "a\\u202eb\\u2066\\u200b\\u2028"},
               {NV_STR_INIT("abcdef"), 3, "abc…"},
               {NV_STR_INIT("東京"), 4, "東…"},
               {NV_STR_INIT(""), 0, ""}};

START_TEST(foreign_text_is_escaped)
{
    nv_buf_clear(&text);
    ck_assert_int_eq(nv_terminal_escape(escapes[_i].in, escapes[_i].max, &text), NV_OK);
    ck_assert_nv_str(nv_buf_str(&text), escapes[_i].out);
}
END_TEST

START_TEST(colour_only_where_it_is_wanted)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)unsetenv("NO_COLOR");
    (void)setenv("TERM", "xterm", 1);
    ck_assert(!nv_terminal_wants_color(fd));
    int leader = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(leader, 0);
    ck_assert(nv_terminal_wants_color(leader));
    (void)setenv("NO_COLOR", "1", 1);
    ck_assert(!nv_terminal_wants_color(leader));
    (void)unsetenv("NO_COLOR");
    (void)setenv("TERM", "dumb", 1);
    ck_assert(!nv_terminal_wants_color(leader));
    struct nv_options options = {.terminal_color = NV_COLOR_ALWAYS};
    ck_assert(nv_terminal_colored(&options, leader));
    (void)unsetenv("NO_COLOR");
    (void)setenv("TERM", "xterm", 1);
    options.terminal_color = NV_COLOR_NEVER;
    ck_assert(!nv_terminal_colored(&options, leader));
    options.terminal_color = NV_COLOR_AUTO;
    ck_assert(nv_terminal_colored(&options, leader) && !nv_terminal_colored(&options, fd));
    (void)close(leader);
    (void)close(fd);
}
END_TEST

START_TEST(out_of_memory)
{
    struct nv_terminal terminal = {0};
    begin("work");
    add(1, 0, "root");
    /* the third is the talk's arena: without it only question and answer are missing */
    for (unsigned long n = 1; n <= 2; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_terminal_write(&terminal, &trace, &text);
        ck_assert(oom_end());
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("gateway/terminal");
    TCase *tcase = tcase_create("all");
    nv_buf_init(&text, 1u << 20);
    (void)nv_buf_reserve(&text, 1u << 16);
    tcase_add_test(tcase, a_tree_with_branches);
    tcase_add_test(tcase, children_before_parents_and_lost_parents);
    tcase_add_test(tcase, rings_and_twins_are_all_shown_once);
    tcase_add_test(tcase, a_long_chain_is_walked_and_cut);
    tcase_add_test(tcase, errors_and_colours);
    tcase_add_test(tcase, spans_of_no_kind_are_folded);
    tcase_add_test(tcase, a_repeat_is_named_and_adds_nothing);
    tcase_add_test(tcase, tools_and_talk_have_their_lines);
    tcase_add_test(tcase, hex_ids_and_no_file);
    tcase_add_loop_test(tcase, foreign_text_is_escaped, 0, COUNT(escapes));
    tcase_add_test(tcase, colour_only_where_it_is_wanted);
    tcase_add_test(tcase, out_of_memory);
    suite_add_tcase(suite, tcase);
    int failed = nv_test_run(suite);
    nv_buf_release(&text);
    return failed;
}
