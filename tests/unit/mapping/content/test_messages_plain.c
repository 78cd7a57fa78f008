/*
 * Plain lists from JSON text: what is read so, what is left to the general way, and that both
 * say the same.
 */
#include "expect.h"
#include "message_kit.h"

#include "base/banned.h"

static const struct {
    const char *text;
    bool plain;
} lists[] = {
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"a\\nb\"}]}]", true},
    {" [ { \"parts\" : [ { \"content\" : \"x\" , \"type\" : \"text\" } ] , \"role\" : "
     "\"human\" } "
     "] ",
     true},
    {"[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"content\":\"x\"}],"
     "\"finish_reason\":\"stop\"}]",
     true},
    {"[{\"finish_reason\":\"stop\",\"content\":\"x\",\"role\":\"assistant\"},"
     "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"name\":\"n\",\"content\":\"y\"}]",
     true},
    /* as Python's json writes them */
    {"[{\"role\": \"user\", \"parts\": [{\"type\": \"text\", \"content\": \"x\"}]}, "
     "{\"role\": \"assistant\", \"content\": \"y\\n\", \"finish_reason\": \"stop\"}]",
     true},
    {"[{\"role\":\"tool\",\"content\":\"x\",\"name\":\"n\",\"tool_call_id\":\"c\"}]", true},
    /* that begin so and go on otherwise */
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"x\"} ]}]", false},
    {"[{\"role\":\"user\",\"content\":\"x\",\"content\":\"y\"}]", false},
    {"[{\"role\":\"user\",\"content\":\"x\",\"role\":\"user\"}]", false},
    {"[{\"role\":\"user\",\"content\":\"x", false},
    {"[{\"role\":\"user\",\"content\":\"", false},
    {"[{\"role\":\"user\",\"content\":null}]", false},
    {"[{\"role\":\"user", false},
    {"[{\"role\":\"", false},
    {"[{\"role\":", false},
    {"[]", false},
    {"[1]", false},
    {"{\"role\":\"user\",\"content\":\"x\"}", false},
    {"[{\"role\":\"user\",\"content\":\"x\"}] and more", false},
    {"[{\"role\":\"user\",\"content\":\"x\"}", false},
    {"[{\"role\":\"user\",\"content\":\"\"}]", false},
    {"[{\"role\":\"\",\"content\":\"x\"}]", false},
    {"[{\"content\":\"x\"}]", false},
    {"[{\"role\":\"human\",\"content\":\"x\"}]", false},
    {"[{\"role\":\"user\",\"content\":\" [{}]\"}]", false},
    {"[{\"role\":\"user\",\"content\":7}]", false},
    {"[{\"role\":\"user\",\"role\":\"user\",\"content\":\"x\"}]", false},
    {"[{\"role\":\"user\",\"content\":\"x\",\"other\":\"y\"}]", false},
    {"[{\"role\":\"user\",\"content\":\"x\",\"type\":\"message\"}]", false},
    {"[{\"role\":\"user\",\"content\":\"x\",\"parts\":[{\"type\":\"text\",\"content\":\"x\"}]}"
     "]",
     false},
    {"[{\"role\":\"user\",\"parts\":[]}]", false},
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"type\":\"text\"}]}]", false},
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"text\":\"x\"}]}]", false},
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"blob\",\"content\":\"x\"}]}]", false},
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"x\",\"a\":1}]}]", false},
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"x\"},"
     "{\"type\":\"text\",\"content\":\"y\"}]}]",
     false},
    {"[{\"role\":\"user\",\"name\":\"n\",\"parts\":[{\"type\":\"text\",\"content\":\"x\"}]}]",
     false},
    {"[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"user\"}]", false},
};

/* What the general way makes of it. */
static void general_way(struct nv_test_messages *kit, const char *text)
{
    const struct nv_value *value = nv_test_messages_value(kit, text);
    ck_assert_int_eq(nv_messages_visit(&kit->state, value, 0), NV_OK);
}

START_TEST(test_list)
{
    struct nv_test_messages plain, general;
    bool done = false;
    nv_test_messages_open(&plain, NV_MESSAGES_INPUT);
    ck_assert_int_eq(nv_messages_plain_list(&plain.state, nv_str_from(lists[_i].text), &done),
                     NV_OK);
    ck_assert_msg(done == lists[_i].plain, "%s", lists[_i].text);
    if (!done) {
        ck_assert_uint_eq(plain.state.list.count, 0);
        nv_test_messages_close(&plain);
        return;
    }
    nv_test_messages_open(&general, NV_MESSAGES_INPUT);
    general_way(&general, lists[_i].text);
    const struct nv_values *a = &plain.state.list, *b = &general.state.list;
    ck_assert_uint_eq(a->count, b->count);
    for (uint32_t i = 0; i < a->count; i++)
        ck_assert_msg(nv_value_eq(&a->items[i], &b->items[i]), "%s: %u", lists[_i].text, i);
    ck_assert(!general.state.partial);
    nv_test_messages_close(&plain);
    nv_test_messages_close(&general);
}
END_TEST

/* The messages of a conversation so far; every one of them long enough to be remembered. */
#define TURNS 30u

static const char *conversation(struct nv_test_messages *kit, unsigned turns, char damage)
{
    struct nv_str text = NV_STR("");
    for (unsigned i = 0; i < turns; i++) {
        const char last = i == 3 ? damage : '.';
        text = nv_arena_printf(kit->arena,
                               "%.*s%s{\"role\":\"%s\",\"parts\":[{\"type\":\"text\","
                               "\"content\":\"turn %u\\n%0100u%c\"}"
                               "]%s}",
                               NV_STR_ARG(text), i == 0 ? "" : ", ",
                               i % 2 == 0 ? "user" : "assistant", i, i / 5, last,
                               i % 2 == 0 ? "" : ",\"finish_reason\":\"stop\"");
    }
    return nv_arena_printf(kit->arena, "[%.*s]", NV_STR_ARG(text)).ptr;
}

static void read_both_ways(struct nv_test_messages *with, struct nv_test_messages *without,
                           const char *text)
{
    struct nv_test_messages *kits[] = {with, without};
    bool done[2] = {false, false};
    for (size_t k = 0; k < 2; k++) {
        kits[k]->state.list.count = 0;
        ck_assert_int_eq(nv_messages_plain_list(&kits[k]->state, nv_str_from(text), &done[k]),
                         NV_OK);
    }
    ck_assert(done[0] == done[1]);
    const struct nv_values *a = &with->state.list, *b = &without->state.list;
    ck_assert_uint_eq(a->count, b->count);
    for (uint32_t i = 0; i < a->count; i++)
        ck_assert_msg(nv_value_eq(&a->items[i], &b->items[i]), "%s: %u", text, i);
}

/* Whatever was said before, a list is read as if it were the first: where one message differs
 * late, where the text ends early, and when the earlier list was changed meanwhile. */
START_TEST(test_what_was_said_before)
{
    static struct nv_said_messages said;
    struct nv_test_messages with, without;
    nv_test_messages_open(&with, NV_MESSAGES_INPUT);
    nv_test_messages_open(&without, NV_MESSAGES_INPUT);
    memset(&said, 0, sizeof said);
    with.state.said = &said;
    for (unsigned turns = 1; turns <= TURNS; turns++) {
        read_both_ways(&with, &without, conversation(&with, turns, '.'));
        struct nv_value *first = &with.state.list.items[0];
        first->as.map.items[1].value = nv_value_string(NV_STR("***"));
        read_both_ways(&with, &without, conversation(&with, turns, 'x'));
        const char *text = conversation(&with, turns, '.');
        read_both_ways(&with, &without,
                       nv_arena_printf(with.arena, "%.*s", (int)strlen(text) - 2, text).ptr);
    }
    unsigned kept = 0;
    for (size_t i = 0; i < sizeof said.messages / sizeof *said.messages; i++)
        kept += said.messages[i].raw.len > 0;
    ck_assert_uint_gt(kept, TURNS / 2); /* or nothing was tried here */
    nv_test_messages_close(&with);
    nv_test_messages_close(&without);
}
END_TEST

static const struct nv_said_list *kept_list(const struct nv_said_messages *said)
{
    for (size_t i = 0; i < sizeof said->lists / sizeof *said->lists; i++) {
        if (said->lists[i].raw.len > 0)
            return &said->lists[i];
    }
    return NULL;
}

/* A conversation that grows by some messages, is asked again as it was, loses its end, is cut
 * off in the middle of a message, and is changed where it was read before. */
START_TEST(test_a_list_that_begins_like_the_one_before)
{
    static const unsigned counts[] = {2, 4, 6, 6, 5, 20, 21, 40, 3, 41};
    static struct nv_said_messages said;
    struct nv_test_messages with, without;
    nv_test_messages_open(&with, NV_MESSAGES_INPUT);
    nv_test_messages_open(&without, NV_MESSAGES_INPUT);
    memset(&said, 0, sizeof said);
    with.state.said = &said;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const char *text = conversation(&with, counts[i], '.');
        read_both_ways(&with, &without, text);
        const struct nv_said_list *list = kept_list(&said);
        ck_assert_ptr_nonnull(list);
        ck_assert_uint_eq(list->count, counts[i]);
        ck_assert_uint_eq(list->raw.len, strlen(text) - 2);
        struct nv_value *first = &with.state.list.items[0];
        first->as.map.items[1].value = nv_value_string(NV_STR("***"));
        const char *next = conversation(&with, counts[i] + 1, '.');
        for (size_t end = strlen(text) - 1; end < strlen(next); end += 7) {
            read_both_ways(&with, &without,
                           nv_arena_printf(with.arena, "%.*s", (int)end, next).ptr);
        }
        ck_assert_uint_eq(kept_list(&said)->count, counts[i]);
        with.state.list = without.state.list = (struct nv_values){0};
    }
    nv_test_messages_close(&with);
    nv_test_messages_close(&without);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("messages_plain");
    TCase *tcase = tcase_create("messages_plain");
    tcase_add_loop_test(tcase, test_list, 0, (int)(sizeof lists / sizeof lists[0]));
    tcase_add_test(tcase, test_what_was_said_before);
    tcase_add_test(tcase, test_a_list_that_begins_like_the_one_before);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
