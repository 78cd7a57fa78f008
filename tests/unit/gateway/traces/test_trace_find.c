/*
 * Ids by their first characters, the newest row, walks in order of arrival.
 */
#include "expect.h"
#include "traces_kit.h"

#include "gateway/traces/trace_find.h"

#include "base/banned.h"

static struct traces_kit kit;

static void set_up(void)
{
    static const struct kit_trace traces[] = {{.id = "5264F413-2c61", .session = "s"},
                                              {.id = "5264f499-0000"},
                                              {.id = "5264f4"},
                                              {.id = "abc-1", .session = "s"},
                                              {.id = "abc-2"}};
    traces_kit_init(&kit, NULL);
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++)
        traces_kit_put(&kit, &traces[i], 0);
}

static void tear_down(void)
{
    traces_kit_release(&kit);
}

static const struct {
    const char *prefix;
    size_t count;
    const char *first;
} prefixes[] = {{"5264f413", 1, "5264F413-2c61"},
                {"5264F413-2C61", 1, "5264F413-2c61"},
                {"5264f4132c", 1, "5264F413-2c61"},
                {"5264f4", 1, "5264f4"}, /* an id that is whole */
                {"5264f", 3, "5264F413-2c61"},
                {"abc", 2, "abc-1"},
                {"-", 0, NULL},
                {"", 0, NULL},
                {"%", 0, NULL},
                {"zzz", 0, NULL}};

START_TEST(ids_by_their_first_characters)
{
    struct nv_found_ids found;
    ck_assert_int_eq(nv_find_ids(kit.reader, nv_str_from(prefixes[_i].prefix), &found), NV_OK);
    ck_assert_uint_eq(found.count, prefixes[_i].count);
    if (found.count > 0)
        ck_assert_str_eq(found.ids[0], prefixes[_i].first);
}
END_TEST

START_TEST(no_more_are_named_than_there_is_room_for)
{
    struct nv_found_ids found;
    char id[8] = "many-0";
    const struct kit_trace trace = {.id = id};
    for (unsigned i = 0; i <= NV_FIND_MAX; i++) {
        id[5] = (char)('0' + i);
        traces_kit_put(&kit, &trace, 0);
        ck_assert_int_eq(nv_find_ids(kit.reader, NV_STR("many"), &found), NV_OK);
        ck_assert_uint_eq(found.count, i < NV_FIND_MAX ? i + 1 : NV_FIND_MAX);
    }
}
END_TEST

START_TEST(an_id_that_is_too_long_is_none)
{
    struct nv_found_ids found;
    char text[NV_FIND_ID_BYTES + 2];
    memset(text, '5', sizeof text);
    for (size_t len = NV_FIND_ID_BYTES; len <= NV_FIND_ID_BYTES + 1; len++) {
        ck_assert_int_eq(nv_find_ids(kit.reader, (struct nv_str){text, len}, &found), NV_OK);
        ck_assert_uint_eq(found.count, 0);
    }
}
END_TEST

struct seen {
    int64_t ids[10];
    unsigned count, most;
};

static bool see(void *ctx, int64_t id, struct nv_str json)
{
    struct seen *seen = ctx;
    ck_assert(nv_str_starts(json, NV_STR("{")));
    seen->ids[seen->count++] = id;
    return seen->count < seen->most;
}

START_TEST(walks_in_the_order_of_arrival)
{
    struct seen seen = {.most = 10};
    int64_t last = 0;
    const struct nv_str any = {0};
    ck_assert_int_eq(nv_find_last(kit.reader, &last), NV_OK);
    ck_assert_int_eq(last, 5);
    ck_assert_int_eq(nv_find_each(kit.reader, 2, any, see, &seen), NV_OK);
    ck_assert_uint_eq(seen.count, 3);
    ck_assert(seen.ids[0] == 3 && seen.ids[2] == 5);
    seen = (struct seen){.most = 2};
    ck_assert_int_eq(nv_find_each(kit.reader, 0, any, see, &seen), NV_OK);
    ck_assert_uint_eq(seen.count, 2);
    seen = (struct seen){.most = 10};
    ck_assert_int_eq(nv_find_each(kit.reader, 0, NV_STR("s"), see, &seen), NV_OK);
    ck_assert(seen.count == 2 && seen.ids[1] == 4);
    seen = (struct seen){.most = 10};
    ck_assert_int_eq(nv_find_each(kit.reader, 0, NV_STR("' OR 1=1"), see, &seen), NV_OK);
    ck_assert_uint_eq(seen.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/traces/trace_find");
    TCase *tcase = tcase_create("find");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, ids_by_their_first_characters, 0,
                        (int)(sizeof prefixes / sizeof prefixes[0]));
    tcase_add_test(tcase, no_more_are_named_than_there_is_room_for);
    tcase_add_test(tcase, an_id_that_is_too_long_is_none);
    tcase_add_test(tcase, walks_in_the_order_of_arrival);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
