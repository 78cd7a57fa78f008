/*
 * The walk: no member of a trace is missing in the table of places, every text is met once, and
 * keys that change stay apart.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/walk.h"
#include "redaction/places.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/banned.h"

static struct nv_arena *arena;
/* Longer than what is remembered. */
#define LONG_KEY "a.key.that.is.too.long.to.be.remembered"

static struct nv_known known;

static void set_up(void)
{
    arena = nv_arena_new(1u << 24);
    memset(&known, 0, sizeof known);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

/* ---- the table --------------------------------------------------------------------------- */

enum what { NONE, TEXT, LIST, INSIDE };

struct member {
    size_t offset, size;
    enum what what;
    const char *place;
};

#define MEMBER(structure, member, what, place)                                                 \
    {offsetof(struct structure, member), sizeof(((struct structure *)0)->member), what, place},

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static int by_offset(const void *a, const void *b)
{
    const struct member *left = a;
    const struct member *right = b;
    return left->offset < right->offset ? -1 : 1;
}

/* Between two members that follow each other in memory there is no room for a text. */
static void check_gaps(struct member *members, size_t count, size_t size)
{
    size_t end = 0;
    qsort(members, count, sizeof *members, by_offset);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(members[i].offset - end < sizeof(void *), "a member before %s",
                      members[i].place);
        end = members[i].offset + members[i].size;
        if (members[i].what == TEXT)
            ck_assert_uint_eq(members[i].size, sizeof(struct nv_str));
        if (members[i].what == LIST)
            ck_assert_uint_eq(members[i].size, sizeof(struct nv_attributes));
    }
    ck_assert_uint_lt(size - end, sizeof(void *));
}

START_TEST(no_member_is_missing)
{
    struct member of_trace[] = {NV_TRACE_PLACES(MEMBER)};
    struct member of_span[] = {NV_SPAN_PLACES(MEMBER)};
    struct member of_event[] = {NV_EVENT_PLACES(MEMBER)};
    struct member of_link[] = {NV_LINK_PLACES(MEMBER)};
    struct member of_origin[] = {NV_ORIGIN_PLACES(MEMBER)};
    check_gaps(of_trace, COUNT(of_trace), sizeof(struct nv_trace));
    check_gaps(of_span, COUNT(of_span), sizeof(struct nv_span));
    check_gaps(of_event, COUNT(of_event), sizeof(struct nv_event));
    check_gaps(of_link, COUNT(of_link), sizeof(struct nv_link));
    check_gaps(of_origin, COUNT(of_origin), sizeof(struct nv_origin));
}
END_TEST

/* ---- a walk ------------------------------------------------------------------------------ */

struct seen {
    unsigned texts, values;
    const char *places[64];
};

static enum nv_err see(void *ctx, const struct nv_text_place *place, struct nv_str *text)
{
    struct seen *seen = ctx;
    ck_assert_uint_lt(seen->texts, COUNT(seen->places));
    seen->places[seen->texts++] = place->name;
    if (nv_str_eq(*text, NV_STR("change")))
        *text = NV_STR("same");
    return NV_OK;
}

static bool take(void *ctx, const struct nv_text_place *place, struct nv_str key,
                 struct nv_value *value)
{
    struct seen *seen = ctx;
    ck_assert_ptr_nonnull(place->name);
    seen->values++;
    *value = nv_value_null();
    return nv_str_eq(key, NV_STR("taken"));
}

static bool wants(void *ctx, struct nv_str key)
{
    (void)ctx;
    return nv_str_eq(key, NV_STR("taken"));
}

static bool wants_all(void *ctx, struct nv_str key)
{
    (void)ctx;
    return key.len > 0;
}

static struct nv_attributes one(const char *key, const char *value)
{
    struct nv_attributes list = {0};
    struct nv_value text = nv_value_string(nv_str_from(value));
    ck_assert_int_eq(nv_attributes_add(&list, arena, nv_str_from(key), text), NV_OK);
    return list;
}

/* Fills a member of the structure at `base` by the table. */
static void fill(char *base, const struct member *member)
{
    if (member->what == TEXT)
        *(struct nv_str *)(void *)(base + member->offset) = NV_STR("text");
    else if (member->what == LIST)
        *(struct nv_attributes *)(void *)(base + member->offset) = one(LONG_KEY, "value");
}

#define FILL(table, structure, at)                                                             \
    do {                                                                                       \
        const struct member members[] = {table(MEMBER)};                                       \
        for (size_t i = 0; i < COUNT(members); i++)                                            \
            fill((char *)(at), &members[i]);                                                   \
    } while (0)

static struct nv_trace *make_trace(void)
{
    struct nv_trace *trace = nv_arena_alloc(arena, sizeof *trace);
    struct nv_span *spans = nv_arena_array(arena, 2, sizeof *spans);
    struct nv_event *event = nv_arena_alloc(arena, sizeof *event);
    struct nv_link *link = nv_arena_alloc(arena, sizeof *link);
    struct nv_origin *origin = nv_arena_alloc(arena, sizeof *origin);
    FILL(NV_TRACE_PLACES, nv_trace, trace);
    FILL(NV_SPAN_PLACES, nv_span, &spans[0]);
    FILL(NV_EVENT_PLACES, nv_event, event);
    FILL(NV_LINK_PLACES, nv_link, link);
    FILL(NV_ORIGIN_PLACES, nv_origin, origin);
    origin->resource = one(LONG_KEY, "value");
    spans[0].events = event;
    spans[0].links = link;
    spans[0].event_count = spans[0].link_count = 1;
    spans[0].origin = spans[1].origin = trace->origin = origin;
    trace->arena = arena;
    trace->spans = spans;
    trace->span_count = 2;
    return trace;
}

static unsigned count_of(const struct seen *seen, const char *place)
{
    unsigned count = 0;
    for (unsigned i = 0; i < seen->texts; i++)
        count += strcmp(seen->places[i], place) == 0 ? 1 : 0;
    return count;
}

/* Of a list the value and the key; of what spans share once. */
START_TEST(every_place_is_walked_once)
{
    const struct member all[] = {NV_TRACE_PLACES(MEMBER) NV_SPAN_PLACES(MEMBER) NV_EVENT_PLACES(
        MEMBER) NV_LINK_PLACES(MEMBER) NV_ORIGIN_PLACES(MEMBER)};
    struct seen seen = {0};
    const struct nv_redaction_handler handler = {.ctx = &seen, .text = see};
    ck_assert_int_eq(nv_walk_trace(make_trace(), &handler, 1, &known), NV_OK);
    for (size_t i = 0; i < COUNT(all); i++) {
        bool resource = strcmp(all[i].place, "resource.attributes") == 0;
        if (all[i].what == TEXT)
            ck_assert_msg(count_of(&seen, all[i].place) == 1, "%s", all[i].place);
        else if (all[i].what == LIST || resource)
            ck_assert_msg(count_of(&seen, all[i].place) == 2, "%s", all[i].place);
    }
}
END_TEST

START_TEST(a_taken_value_is_walked_no_further)
{
    struct nv_trace trace = {.arena = arena, .attributes = one("taken", "value")};
    struct seen seen = {0};
    const struct nv_redaction_handler handlers[] = {
        {.ctx = &seen, .text = see, .value = take, .key = wants}, {.ctx = &seen, .text = see}};
    ck_assert_int_eq(nv_walk_trace(&trace, handlers, 2, &known), NV_OK);
    ck_assert_uint_eq(seen.values, 1);
    ck_assert_uint_eq(seen.texts, 2); /* the key, by both */
    ck_assert_int_eq(trace.attributes.items[0].value.type, NV_VALUE_NULL);
}
END_TEST

/* A key that nobody wanted anything of is not asked of again, whatever its address; one that is
 * wanted or changed is. */
START_TEST(keys_are_remembered)
{
    static const char *const keys[] = {"a.long.key", "a.long.key", "short",  "short",
                                       "id",         "id",         LONG_KEY, LONG_KEY};
    struct seen seen = {0};
    const struct nv_redaction_handler handler = {.ctx = &seen, .text = see};
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct nv_str key = nv_arena_dup(arena, nv_str_from(keys[i]));
        struct nv_trace trace = {.arena = arena};
        ck_assert_int_eq(nv_attributes_add(&trace.tags, arena, key, nv_value_null()), NV_OK);
        ck_assert_int_eq(nv_walk_trace(&trace, &handler, 1, &known), NV_OK);
    }
    ck_assert_uint_eq(seen.texts, 5);
    struct nv_trace trace = {.arena = arena, .tags = one("taken and long", "x")};
    const struct nv_redaction_handler taker = {
        .ctx = &seen, .text = see, .value = take, .key = wants_all};
    memset(&known, 0, sizeof known);
    for (unsigned i = 1; i <= 2; i++) {
        ck_assert_int_eq(nv_walk_trace(&trace, &taker, 1, &known), NV_OK);
        ck_assert_uint_eq(seen.values, i);
    }
}
END_TEST

/* Of each length, a key that differs in any byte is another one. */
START_TEST(keys_that_differ_in_a_byte_are_others)
{
    char bytes[NV_KNOWN_LEN_MAX + 1];
    for (size_t len = 1; len <= sizeof bytes; len++) {
        memset(bytes, 'k', sizeof bytes);
        struct nv_known_text form = nv_known_form((struct nv_str){bytes, len});
        ck_assert_uint_eq(form.len, len <= NV_KNOWN_LEN_MAX ? len : 0);
        *nv_known_place(&known, &form) = form;
        ck_assert(nv_known_has(&known, &form) == (form.len != 0));
        for (size_t at = 0; at < len && form.len != 0; at++) {
            bytes[at] = 'K';
            struct nv_known_text other = nv_known_form((struct nv_str){bytes, len});
            ck_assert_mem_ne(&form, &other, sizeof form);
            ck_assert(!nv_known_has(&known, &other));
            bytes[at] = 'k';
        }
    }
}
END_TEST

START_TEST(changed_keys_stay_apart)
{
    struct nv_trace trace = {.arena = arena};
    for (unsigned i = 0; i < 3; i++) {
        struct nv_str key = nv_arena_dup(arena, NV_STR("change"));
        ck_assert_int_eq(nv_attributes_add(&trace.tags, arena, key, nv_value_null()), NV_OK);
    }
    struct seen seen = {0};
    const struct nv_redaction_handler handler = {.ctx = &seen, .text = see};
    ck_assert_int_eq(nv_walk_trace(&trace, &handler, 1, &known), NV_OK);
    ck_assert_nv_str(trace.tags.items[0].key, "same");
    ck_assert_nv_str(trace.tags.items[1].key, "same#2");
    ck_assert_nv_str(trace.tags.items[2].key, "same#3");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/walk");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, no_member_is_missing);
    tcase_add_test(tcase, every_place_is_walked_once);
    tcase_add_test(tcase, a_taken_value_is_walked_no_further);
    tcase_add_test(tcase, keys_are_remembered);
    tcase_add_test(tcase, keys_that_differ_in_a_byte_are_others);
    tcase_add_test(tcase, changed_keys_stay_apart);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
