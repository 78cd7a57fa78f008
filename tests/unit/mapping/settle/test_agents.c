/*
 * The registry of agents: counted, bounded, forgotten, and written in three forms.
 */
#include "tests/support/expect.h"
#include "tests/support/oom.h"
#include "tests/support/mapping_spans.h"
#include "base/json/json_read.h"
#include "mapping/settle/agents.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static struct nv_agent_graph graph_of(struct nv_agent_node *nodes, uint32_t count,
                                      struct nv_agent_connection *connections, uint32_t edges)
{
    return (struct nv_agent_graph){NV_STR("p"), nodes, connections, count, edges};
}

static void note(struct nv_agents *agents, const char *name)
{
    struct nv_agent_node node = {.name = nv_str_from(name), .runs = 1};
    struct nv_agent_graph graph = graph_of(&node, 1, NULL, 0);
    nv_agents_note(agents, &graph);
}

static void expect(struct nv_agents *agents, enum nv_agents_form form, const char *part,
                   bool there)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 20);
    ck_assert_int_eq(nv_agents_write(agents, form, &buf), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(&buf, '\0'), NV_OK);
    ck_assert_msg((strstr(buf.bytes, part) != NULL) == there, "%s in %s", part, buf.bytes);
    nv_buf_release(&buf);
}

/* How many agents the registry shows. */
static unsigned count_of(struct nv_agents *agents)
{
    struct nv_buf buf;
    unsigned count = 0;
    nv_buf_init(&buf, 1 << 20);
    ck_assert_int_eq(nv_agents_write(agents, NV_AGENTS_JSON, &buf), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(&buf, '\0'), NV_OK);
    for (const char *at = buf.bytes; (at = strstr(at, "\"name\":")) != NULL; at++)
        count++;
    nv_buf_release(&buf);
    return count;
}

START_TEST(counts_tools_and_connections_add_up)
{
    struct nv_agents_config config = {0};
    struct nv_agents *agents = nv_agents_new(&config);
    struct nv_str tools[] = {NV_STR("search"), NV_STR("search"), NV_STR("pay")};
    struct nv_agent_node nodes[] = {{.id = NV_STR("i1"),
                                     .name = NV_STR("triage"),
                                     .role = NV_STR("lead"),
                                     .tools = tools,
                                     .tool_count = 3,
                                     .runs = 2,
                                     .errors = 1,
                                     .calls = 3},
                                    {.name = NV_STR("billing \"x\""), .runs = 1}};
    struct nv_agent_connection edge = {0, 1, NV_AGENT_HANDOFF, 2};
    struct nv_agent_graph graph = graph_of(nodes, 2, &edge, 1);
    nv_agents_note(agents, &graph);
    nv_agents_note(agents, &graph);
    ck_assert_uint_eq(count_of(agents), 2);
    expect(agents, NV_AGENTS_JSON, "\"name\":\"triage\"", true);
    expect(agents, NV_AGENTS_JSON, "\"traces\":2,\"runs\":4,\"errors\":2,\"calls\":6", true);
    expect(agents, NV_AGENTS_JSON, "\"tools\":[\"search\",\"pay\"]", true);
    expect(agents, NV_AGENTS_JSON, "\"type\":\"handoff\",\"count\":4", true);
    expect(agents, NV_AGENTS_DOT, "a0 -> a1 [label=\"handoff 4\"];", true);
    expect(agents, NV_AGENTS_DOT, "label=\"billing &#34;x&#34;\"", true);
    expect(agents, NV_AGENTS_MERMAID, "a0 -->|handoff 4| a1", true);
    nv_agents_free(agents);
}
END_TEST

/* As agents.c has it. */
#define CONNECTIONS_MAX 64u

/* One agent that hands over to as many as are kept, one more, and the first again. */
START_TEST(connections_to_the_cap)
{
    struct nv_agents_config config = {0};
    struct nv_agents *agents = nv_agents_new(&config);
    char name[16], part[64];
    for (unsigned i = 0; i <= CONNECTIONS_MAX + 1; i++) {
        (void)snprintf(name, sizeof name, "to-%u", i > CONNECTIONS_MAX ? 0 : i);
        struct nv_agent_node nodes[] = {{.name = NV_STR("from"), .runs = 1},
                                        {.name = nv_str_from(name), .runs = 1}};
        struct nv_agent_connection edge = {0, 1, NV_AGENT_HANDOFF, 1};
        struct nv_agent_graph graph = graph_of(nodes, 2, &edge, 1);
        nv_agents_note(agents, &graph);
    }
    (void)snprintf(part, sizeof part, "\"to\":\"to-%u\"", CONNECTIONS_MAX - 1);
    expect(agents, NV_AGENTS_JSON, part, true);
    (void)snprintf(part, sizeof part, "\"to\":\"to-%u\"", CONNECTIONS_MAX);
    expect(agents, NV_AGENTS_JSON, part, false);
    expect(agents, NV_AGENTS_JSON, "\"to\":\"to-0\",\"type\":\"handoff\",\"count\":2", true);
    nv_agents_free(agents);
}
END_TEST

START_TEST(forgotten_after_their_time)
{
    struct nv_fake_clock clock;
    nv_fake_clock_init(&clock, 0, NV_NS_PER_S);
    struct nv_agents_config config = {.ttl_ns = 10 * NV_NS_PER_S, .clock = &clock.clock};
    struct nv_agents *agents = nv_agents_new(&config);
    note(agents, "old");
    nv_fake_clock_advance(&clock, 8 * NV_NS_PER_S);
    note(agents, "young");
    ck_assert_uint_eq(count_of(agents), 2);
    nv_fake_clock_advance(&clock, 5 * NV_NS_PER_S);
    ck_assert_uint_eq(count_of(agents), 1);
    expect(agents, NV_AGENTS_JSON, "young", true);
    expect(agents, NV_AGENTS_JSON, "old", false);
    nv_agents_free(agents);
}
END_TEST

START_TEST(the_one_seen_longest_ago_goes)
{
    struct nv_agents_config config = {.agents_max = 2};
    struct nv_agents *agents = nv_agents_new(&config);
    note(agents, "a");
    note(agents, "b");
    note(agents, "a");
    note(agents, "c");
    ck_assert_uint_eq(count_of(agents), 2);
    expect(agents, NV_AGENTS_JSON, "\"b\"", false);
    expect(agents, NV_AGENTS_JSON, "\"a\"", true);
    nv_agents_free(agents);
    nv_agents_free(NULL);
}
END_TEST

#define AGENTS_DEFAULT_MAX 1000u

/* Without a number of one's own: so many are kept, and of one more the first goes. */
START_TEST(agents_to_the_default)
{
    struct nv_agents_config config = {0};
    struct nv_agents *agents = nv_agents_new(&config);
    char name[16];
    for (unsigned i = 0; i <= AGENTS_DEFAULT_MAX; i++) {
        if (i == AGENTS_DEFAULT_MAX) {
            ck_assert_uint_eq(count_of(agents), AGENTS_DEFAULT_MAX);
            expect(agents, NV_AGENTS_JSON, "\"name\":\"a0\"", true);
        }
        (void)snprintf(name, sizeof name, "a%u", i);
        note(agents, name);
    }
    ck_assert_uint_eq(count_of(agents), AGENTS_DEFAULT_MAX);
    expect(agents, NV_AGENTS_JSON, "\"name\":\"a0\"", false);
    nv_agents_free(agents);
}
END_TEST

#define NAME_BYTES_MAX 256u

/* A name of so many bytes is kept, of one more it is cut: both are the same agent. */
START_TEST(a_name_to_the_cap)
{
    struct nv_agents_config config = {0};
    struct nv_agents *agents = nv_agents_new(&config);
    char name[NAME_BYTES_MAX + 2] = {0}, part[NAME_BYTES_MAX + 16];
    memset(name, 'n', NAME_BYTES_MAX - 1);
    note(agents, name);
    name[NAME_BYTES_MAX - 1] = 'x';
    note(agents, name);
    ck_assert_uint_eq(count_of(agents), 2);
    name[NAME_BYTES_MAX] = 'y';
    note(agents, name);
    ck_assert_uint_eq(count_of(agents), 2);
    name[NAME_BYTES_MAX] = '\0';
    (void)snprintf(part, sizeof part, "\"name\":\"%s\"", name);
    expect(agents, NV_AGENTS_JSON, part, true);
    nv_agents_free(agents);
}
END_TEST

static void *note_many(void *ctx)
{
    for (int i = 0; i < 200; i++)
        note(ctx, i % 2 ? "a" : "b");
    return NULL;
}

START_TEST(several_threads)
{
    struct nv_agents_config config = {0};
    struct nv_agents *agents = nv_agents_new(&config);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, note_many, agents), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    expect(agents, NV_AGENTS_JSON, "\"runs\":400", true);
    nv_agents_free(agents);
}
END_TEST

/* What a name could do to a graph or to who looks at it. */
static const struct {
    const char *name, *dot, *mermaid;
} labels[] = {
    {"#lt;img src=x#gt;", "&#35;lt;img src=x&#35;gt;", "#35;lt;img src=x#35;gt;"},
    {"a\"]; click b", "a&#34;&#93;; click b", "a#34;#93;; click b"},
    {"`**md**`", "&#96;**md**&#96;", "#96;**md**#96;"},
    {"%%{init: {}}%%", "&#37;&#37;&#123;init: &#123;&#125;&#125;&#37;&#37;",
     "#37;#37;#123;init: #123;#125;#125;#37;#37;"},
    {"x\\l<b>&amp;|", "x&#92;l&#60;b&#62;&#38;amp;&#124;", "x#92;l#60;b#62;#38;amp;#124;"},
    {"\033[2J\n\xe2\x80\xae"
     "z\xc2\x9b",
     "&#92;x1b&#91;2J&#92;n&#92;u202ez&#92;x9b", "#92;x1b#91;2J#92;n#92;u202ez#92;x9b"},
};

START_TEST(labels_are_text_and_nothing_else)
{
    struct nv_agents_config config = {0};
    struct nv_agents *agents = nv_agents_new(&config);
    char dot[200], mermaid[200];
    note(agents, labels[_i].name);
    (void)snprintf(dot, sizeof dot, "a0 [label=\"%s\"];\n", labels[_i].dot);
    (void)snprintf(mermaid, sizeof mermaid, "a0[\"%s\"]\n", labels[_i].mermaid);
    expect(agents, NV_AGENTS_DOT, dot, true);
    expect(agents, NV_AGENTS_MERMAID, mermaid, true);
    nv_agents_free(agents);
}
END_TEST

#define LONG 300u

/* 1000 agents of long names and many tools, each in touch with the one before. */
static struct nv_agents *crowd(void)
{
    static char names[1000][LONG + 1], tools[NV_AGENT_TOOLS_MAX][LONG + 1];
    struct nv_agents_config config = {0};
    struct nv_agents *agents = nv_agents_new(&config);
    struct nv_str list[NV_AGENT_TOOLS_MAX];
    for (uint32_t i = 0; i < NV_AGENT_TOOLS_MAX; i++) {
        memset(tools[i], '\033', LONG);
        (void)snprintf(tools[i], 10, "%u", i);
        tools[i][strlen(tools[i])] = '.';
        list[i] = nv_str_from(tools[i]);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        memset(names[i], '#', LONG);
        (void)snprintf(names[i], 10, "%u", i);
        names[i][strlen(names[i])] = '.';
        uint32_t before = i > 0 ? i - 1 : 0;
        struct nv_agent_node nodes[] = {
            {.name = nv_str_from(names[i]), .tools = list, .tool_count = NV_AGENT_TOOLS_MAX},
            {.name = nv_str_from(names[before])}};
        struct nv_agent_connection edge = {0, 1, NV_AGENT_MESSAGE, 1};
        struct nv_agent_graph graph = graph_of(nodes, i > 0 ? 2 : 1, &edge, i > 0 ? 1 : 0);
        nv_agents_note(agents, &graph);
    }
    return agents;
}

START_TEST(a_full_registry_is_cut_and_says_so)
{
    struct nv_agents *agents = crowd();
    struct nv_json_reader reader;
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 20);
    ck_assert_int_eq(nv_agents_write(agents, NV_AGENTS_JSON, &buf), NV_OK);
    ck_assert_uint_ne(nv_str_find(nv_buf_str(&buf), NV_STR("],\"left_off\":9")), SIZE_MAX);
    nv_json_read_init(&reader, nv_buf_str(&buf), NV_JSON_DEPTH_LIMIT);
    ck_assert_int_eq(nv_json_skip(&reader, nv_json_next(&reader)), NV_OK);
    nv_buf_release(&buf);
    nv_buf_init(&buf, 1 << 20);
    ck_assert_int_eq(nv_agents_write(agents, NV_AGENTS_DOT, &buf), NV_OK);
    ck_assert_uint_ne(nv_str_find(nv_buf_str(&buf), NV_STR("left off\n}\n")), SIZE_MAX);
    nv_buf_release(&buf);
    nv_buf_init(&buf, 4 << 20);
    ck_assert_int_eq(nv_agents_write(agents, NV_AGENTS_MERMAID, &buf), NV_OK);
    ck_assert_uint_eq(nv_str_find(nv_buf_str(&buf), NV_STR("left off")), SIZE_MAX);
    ck_assert_uint_ne(nv_str_find(nv_buf_str(&buf), NV_STR("a998 -->|message 1| a999\n")),
                      SIZE_MAX);
    nv_buf_release(&buf);
    nv_agents_free(agents);
}
END_TEST

static void *write_many(void *ctx)
{
    for (int i = 0; i < 50; i++) {
        struct nv_buf buf;
        nv_buf_init(&buf, 4 << 20);
        if (nv_agents_write(ctx, (enum nv_agents_form)(i % 3), &buf) != NV_OK)
            abort();
        nv_buf_release(&buf);
    }
    return NULL;
}

/* Agents come, move and go while two writers are at it. */
START_TEST(written_while_it_changes)
{
    struct nv_agents_config config = {.agents_max = 20};
    struct nv_agents *agents = nv_agents_new(&config);
    pthread_t threads[3];
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_many, agents), 0);
    ck_assert_int_eq(pthread_create(&threads[2], NULL, note_many, agents), 0);
    for (int i = 0; i < 2000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "n%d", i % 60);
        note(agents, name);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(count_of(agents), 20);
    nv_agents_free(agents);
}
END_TEST

/* The registry is a view: what finds no memory is not in it, and nothing else suffers. */
START_TEST(every_allocation_failing_once)
{
    struct nv_agents_config config = {0};
    struct nv_str tools[] = {NV_STR("search")};
    struct nv_agent_node nodes[] = {
        {.name = NV_STR("triage"), .role = NV_STR("lead"), .tools = tools, .tool_count = 1},
        {.name = NV_STR("refunds"), .runs = 1}};
    struct nv_agent_connection connection = {0, 1, NV_AGENT_DELEGATION, 1};
    struct nv_agent_graph graph = graph_of(nodes, 2, &connection, 1);
    for (unsigned long n = 1;; n++) {
        struct nv_buf buf;
        nv_buf_init(&buf, 1 << 20);
        oom_fail_nth(n);
        struct nv_agents *agents = nv_agents_new(&config);
        enum nv_err err = NV_ERR_NO_MEMORY;
        if (agents) {
            nv_agents_note(agents, &graph);
            err = nv_agents_write(agents, NV_AGENTS_JSON, &buf);
        }
        bool failed = oom_end();
        ck_assert(err == NV_OK || (failed && err == NV_ERR_NO_MEMORY));
        if (agents) { /* told again it is there, once */
            nv_agents_note(agents, &graph);
            ck_assert_uint_eq(count_of(agents), 2);
        }
        nv_buf_release(&buf);
        nv_agents_free(agents);
        if (!failed) {
            ck_assert_uint_gt(n, 5);
            break;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/agents");
    TCase *tcase = tcase_create("agents");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, counts_tools_and_connections_add_up);
    tcase_add_test(tcase, connections_to_the_cap);
    tcase_add_test(tcase, forgotten_after_their_time);
    tcase_add_test(tcase, the_one_seen_longest_ago_goes);
    tcase_add_test(tcase, agents_to_the_default);
    tcase_add_test(tcase, a_name_to_the_cap);
    tcase_add_test(tcase, several_threads);
    tcase_add_loop_test(tcase, labels_are_text_and_nothing_else, 0,
                        (int)(sizeof labels / sizeof labels[0]));
    tcase_add_test(tcase, a_full_registry_is_cut_and_says_so);
    tcase_add_test(tcase, written_while_it_changes);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
