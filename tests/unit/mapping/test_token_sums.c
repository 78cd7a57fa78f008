/*
 * Token sums: whatever a trace is like, its spans together never count more than was used.
 *
 * Random trees of agents, chains, tools, calls, containers of calls, spans that tell of a call
 * a second time around it or beside it, and calls whose tools make calls. The truth is what its
 * calls used; every span that tells, in any spelling, tells the truth of what is below it. Then
 * the sum of llm.input_tokens and of llm.output_tokens over the trace is never above the truth;
 * it is the truth where all calls tell, and where none but the root does. The generator's seed
 * is printed on failure and may be given as PROPERTY_SEED.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define ROUNDS 600
#define DEPTH_MAX 5

static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % below;
}

/* ---- a tree ------------------------------------------------------------------------------ */

struct used {
    json_int_t input, output;
};

/* Who tells its usage in a round. */
enum tellers { ALL_CALLS, ROOT_ONLY, ANYBODY, TELLERS };

struct tree {
    json_t *spans;
    enum tellers tellers;
    unsigned count;
};

static void tell(json_t *attributes, struct used used)
{
    static const char *const spellings[][2] = {
        {"gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"},
        {"gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens"},
        {"llm.token_count.prompt", "llm.token_count.completion"},
        {"llm.usage.prompt_tokens", "llm.usage.completion_tokens"},
    };
    const unsigned of = sizeof spellings / sizeof *spellings;
    for (unsigned times = 1 + draw(2); times > 0; times--) {
        const char *const *keys = spellings[draw(of)];
        json_object_set_new(attributes, keys[0], json_integer(used.input));
        json_object_set_new(attributes, keys[1], json_integer(used.output));
    }
}

/* A new span below `parent` (0: none); *id is its number. Borrowed: its attributes. */
static json_t *add_span(struct tree *tree, unsigned parent, const char *operation, unsigned *id)
{
    json_t *attributes =
        json_pack("{s:s,s:s}", "gen_ai.operation.name", operation, "gen_ai.agent.name", "a");
    char name[32];
    *id = ++tree->count;
    (void)snprintf(name, sizeof name, "s%u", *id);
    if (strcmp(operation, "chat") == 0)
        json_object_set_new(attributes, "gen_ai.request.model", json_string("m"));
    if (strcmp(operation, "execute_tool") == 0)
        json_object_set_new(attributes, "gen_ai.tool.name", json_string("t"));
    json_array_append_new(tree->spans, json_pack("{s:s,s:i,s:i,s:o}", "name", name, "id", *id,
                                                 "parent", parent, "attributes", attributes));
    return attributes;
}

static bool tells(const struct tree *tree, bool call, bool root)
{
    return tree->tellers == ANYBODY     ? draw(2)
           : tree->tellers == ROOT_ONLY ? root
                                        : call || draw(2);
}

/* A call without any below; `others` of its spans stand above it, one in the other. */
static struct used add_call(struct tree *tree, unsigned parent, unsigned others)
{
    const struct used used = {1 + draw(100000), 1 + draw(100000)};
    unsigned id = parent;
    for (unsigned i = 0; i <= others; i++) {
        json_t *attributes = add_span(tree, id, "chat", &id);
        if (tells(tree, true, false))
            tell(attributes, used);
    }
    return used;
}

/* A call that two branches tell of, by the id of its response. */
static struct used add_twins(struct tree *tree, unsigned parent)
{
    const struct used used = {1 + draw(100000), 1 + draw(100000)};
    char response[32];
    unsigned id;
    (void)snprintf(response, sizeof response, "r%u", tree->count);
    for (unsigned i = 0; i < 2; i++) {
        json_t *attributes = add_span(tree, parent, "chat", &id);
        json_object_set_new(attributes, "gen_ai.response.id", json_string(response));
        if (tells(tree, true, false))
            tell(attributes, used);
    }
    return used;
}

static struct used add_node(struct tree *tree, unsigned parent, unsigned depth);

static void add_below(struct tree *tree, unsigned parent, unsigned depth, struct used *sum)
{
    for (unsigned children = 1 + draw(3); children > 0; children--) {
        const struct used child = add_node(tree, parent, depth + 1);
        sum->input += child.input;
        sum->output += child.output;
    }
}

/* A call whose tool makes calls: its own usage, and theirs. */
static struct used add_caller(struct tree *tree, unsigned parent, unsigned depth)
{
    struct used sum = {1 + draw(100000), 1 + draw(100000)};
    unsigned id, tool;
    json_t *attributes = add_span(tree, parent, "chat", &id);
    if (tells(tree, true, false))
        tell(attributes, sum);
    (void)add_span(tree, id, "execute_tool", &tool);
    add_below(tree, tool, depth, &sum);
    return sum;
}

/* An agent, a step, or a model's span around several calls: what it tells is their sum. */
static struct used add_sum(struct tree *tree, unsigned parent, unsigned depth)
{
    static const char *const operations[] = {"invoke_agent", "invoke_workflow", "chat"};
    const char *operation = operations[parent == 0 ? 0 : draw(3)];
    struct used sum = {0, 0};
    unsigned id;
    json_t *attributes = add_span(tree, parent, operation, &id);
    if (strcmp(operation, "chat") != 0) {
        add_below(tree, id, depth, &sum);
    } else {
        for (unsigned calls = 2 + draw(2); calls > 0; calls--) {
            const struct used call = add_call(tree, id, draw(2));
            sum.input += call.input;
            sum.output += call.output;
        }
    }
    if (tells(tree, false, parent == 0))
        tell(attributes, sum);
    return sum;
}

static struct used add_node(struct tree *tree, unsigned parent, unsigned depth)
{
    switch (depth < DEPTH_MAX ? draw(6) : 0) {
    case 0:
        return add_call(tree, parent, 0);
    case 1:
        return add_call(tree, parent, 1 + draw(2));
    case 2:
        return add_twins(tree, parent);
    case 3:
        return add_caller(tree, parent, depth);
    default:
        return add_sum(tree, parent, depth);
    }
}

/* ---- the property ------------------------------------------------------------------------ */

static json_int_t sum_of(const struct told *told, const char *key)
{
    json_int_t sum = 0;
    size_t i;
    json_t *span;
    json_array_foreach(json_object_get(json_array_get(told->traces, 0), "spans"), i, span)
    {
        sum += json_integer_value(json_object_get(json_object_get(span, "attributes"), key));
    }
    return sum;
}

static void check_one(const struct nv_mapping *mapping, unsigned round)
{
    struct tree tree = {.spans = json_array(), .tellers = round % TELLERS};
    const struct used used = add_sum(&tree, 0, 0);
    char *text = json_dumps(tree.spans, 0);
    struct told *told = told_with(mapping, NULL, text);
    const json_int_t input = sum_of(told, "llm.input_tokens");
    const json_int_t output = sum_of(told, "llm.output_tokens");
    const bool whole = tree.tellers != ANYBODY;
    if (input > used.input || output > used.output ||
        (whole && (input != used.input || output != used.output))) {
        char *got = json_dumps(told->traces, 0);
        ck_abort_msg("round %u: %lld and %lld of %lld and %lld\nin  %s\nout %s", round,
                     (long long)input, (long long)output, (long long)used.input,
                     (long long)used.output, text, got);
    }
    told_free(told);
    free(text);
    json_decref(tree.spans);
}

START_TEST(no_token_is_counted_twice)
{
    const char *seed = getenv("PROPERTY_SEED");
    struct nv_mapping *mapping = nv_test_mapping_new();
    state = seed ? strtoull(seed, NULL, 10) : 20261129;
    for (unsigned round = 0; round < ROUNDS; round++)
        check_one(mapping, round);
    nv_mapping_free(mapping);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/token_sums");
    TCase *tcase = tcase_create("token_sums");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, no_token_is_counted_twice);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
