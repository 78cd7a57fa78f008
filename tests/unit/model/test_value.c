/*
 * Values: round trips through JSON, truncated text read as far as it goes, lists, caps and no
 * memory (comparison: test_value_eq.c).
 */
#include "arena_oom.h"
#include "expect.h"

#include "base/meter.h"
#include "model/seen_maps.h"
#include "model/value.h"

#include <math.h>
#include <stdio.h>

#include "base/banned.h"

static struct nv_arena *arena;

static void setup(void)
{
    arena = nv_arena_new(1 << 20);
    ck_assert_ptr_nonnull(arena);
}

static void teardown(void)
{
    nv_arena_free(arena);
}

static struct nv_value parse(const char *text)
{
    struct nv_value value;
    enum nv_err err = nv_value_from_json(arena, nv_str_from(text), NULL, &value);
    ck_assert_msg(err == NV_OK, "%s: %d", text, err);
    return value;
}

static void assert_written(const struct nv_value *value, const char *expected)
{
    struct nv_buf buf;
    struct nv_json_writer writer;
    nv_buf_init(&buf, 1 << 20);
    nv_json_write_init(&writer, &buf);
    nv_value_write(&writer, value);
    ck_assert_int_eq(buf.failed, NV_OK);
    ck_assert_nv_str(nv_buf_str(&buf), expected);
    nv_buf_release(&buf);
}

START_TEST(json_round_trip)
{
    static const char *texts[] = {"null",
                                  "true",
                                  "false",
                                  "0",
                                  "-9223372036854775808",
                                  "9223372036854775807",
                                  "1.5",
                                  "\"\"",
                                  "\"a\\\"b\\n\"",
                                  "[]",
                                  "{}",
                                  "[1,[2,[3]],{\"a\":null}]",
                                  "{\"b\":1,\"a\":[true,\"x\"]}",
                                  "[0,1,2,3,4,5,6,7,8,9,10,11,12]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct nv_value value = parse(texts[i]);
        assert_written(&value, texts[i]);
    }
}
END_TEST

START_TEST(numbers_take_the_right_type)
{
    ck_assert_int_eq(parse("9223372036854775808").type, NV_VALUE_DOUBLE);
    ck_assert_double_eq(parse("9223372036854775808").as.number, 0x1p63);
    ck_assert_int_eq(parse("1.0").type, NV_VALUE_DOUBLE);
    ck_assert_int_eq(parse("1e2").type, NV_VALUE_DOUBLE);
    ck_assert_int_eq(parse("12").type, NV_VALUE_INT);
}
END_TEST

static const struct {
    const char *text;
    const char *value; /* NULL: nothing to give */
} cut[] = {
    {"{\"a\": 1, \"b\": \"hel", "{\"a\":1,\"b\":\"hel\"}"},
    {"{\"a\": 1, \"b\": \"hel\\u00", "{\"a\":1,\"b\":\"hel\"}"},
    {"{\"a\": 1, \"b\": \"x\\ny", "{\"a\":1,\"b\":\"x\\ny\"}"},
    {"{\"a\": 1, \"b\":", "{\"a\":1}"},
    {"{\"a\": 1, \"b", "{\"a\":1}"},
    {"{\"a\": 1,", "{\"a\":1}"},
    {"{\"a\": 1", "{\"a\":1}"},
    {"{\"a\": tr", "{}"},
    {"{", "{}"},
    {"[", "[]"},
    {"[[1, 2], [3", "[[1,2],[3]]"},
    {"[{\"a\": [\"x", "[{\"a\":[\"x\"]}]"},
    {"[1, -", "[1]"},
    {"\"abc", "\"abc\""},
    {"\"", "\"\""},
    {"", NULL},
    {"  ", NULL},
    {"nul", NULL},
};

START_TEST(truncated_text)
{
    struct nv_str text = nv_str_from(cut[_i].text);
    struct nv_value value;
    bool truncated = false;
    ck_assert_int_eq(nv_value_from_json(arena, text, NULL, &value), NV_ERR_TRUNCATED);
    enum nv_err err = nv_value_from_json(arena, text, &truncated, &value);
    if (!cut[_i].value) {
        ck_assert_int_eq(err, NV_ERR_TRUNCATED);
        return;
    }
    ck_assert_int_eq(err, NV_OK);
    ck_assert(truncated);
    assert_written(&value, cut[_i].value);
}
END_TEST

START_TEST(whole_text_is_not_truncated)
{
    struct nv_value value;
    bool truncated = true;
    ck_assert_int_eq(nv_value_from_json(arena, NV_STR("[1]"), &truncated, &value), NV_OK);
    ck_assert(!truncated);
    ck_assert_int_eq(nv_value_from_json(arena, NV_STR("[1}"), &truncated, &value),
                     NV_ERR_MALFORMED);
    ck_assert_int_eq(nv_value_from_json(arena, NV_STR("[1] x"), &truncated, &value),
                     NV_ERR_MALFORMED);
    ck_assert_int_eq(nv_value_from_json(arena, NV_STR("{\"a\" 1}"), NULL, &value),
                     NV_ERR_MALFORMED);
}
END_TEST

START_TEST(depth_at_the_limit_and_past_it)
{
    char text[2 * NV_VALUE_DEPTH_MAX + 3];
    for (size_t depth = NV_VALUE_DEPTH_MAX; depth <= NV_VALUE_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct nv_value value;
        enum nv_err err =
            nv_value_from_json(arena, (struct nv_str){text, 2 * depth}, NULL, &value);
        ck_assert_int_eq(err, depth <= NV_VALUE_DEPTH_MAX ? NV_OK : NV_ERR_DEPTH);
    }
}
END_TEST

START_TEST(other_types)
{
    struct nv_value nan = nv_value_double((double)NAN);
    ck_assert(nv_value_eq(&nan, &nan));
    struct nv_value json = nv_value_json(NV_STR("{\"x\": 1}"));
    assert_written(&json, "{\"x\": 1}");
    ck_assert(nv_value_eq(&json, &json));
    struct nv_value bytes = {.type = NV_VALUE_BYTES, .as.string = NV_STR("\xff\x00")};
    assert_written(&bytes, "\"/wA=\"");
    ck_assert_ptr_null(nv_map_get(&bytes, NV_STR("x")));
    struct nv_value map = parse("{\"a\":1,\"b\":2,\"a\":3}");
    ck_assert_int_eq(nv_map_get(&map, NV_STR("a"))->as.integer, 3);
    ck_assert_ptr_null(nv_map_get(&map, NV_STR("c")));
}
END_TEST

START_TEST(texts_and_numbers)
{
    const struct nv_value text = nv_value_string(NV_STR("a")),
                          json = nv_value_json(NV_STR("1"));
    const struct nv_value whole = nv_value_int(-2), broken = nv_value_double(0.5);
    ck_assert_nv_str(nv_string_of(&text), "a");
    ck_assert_nv_str(nv_string_of(&json), "");
    ck_assert_nv_str(nv_string_of(NULL), "");
    ck_assert_double_eq(nv_number_of(&whole, 7), -2);
    ck_assert_double_eq(nv_number_of(&broken, 7), 0.5);
    ck_assert_double_eq(nv_number_of(&text, 7), 7);
    ck_assert_double_eq(nv_number_of(NULL, 7), 7);
}
END_TEST

START_TEST(attribute_lists)
{
    struct nv_attributes list = {0};
    for (int i = 0; i < 100; i++) {
        struct nv_str key = nv_arena_printf(arena, "key-%d", i % 50);
        ck_assert_int_eq(nv_attributes_set(&list, arena, key, nv_value_int(i)), NV_OK);
    }
    ck_assert_uint_eq(list.count, 50);
    ck_assert_int_eq(nv_attributes_get(&list, NV_STR("key-7"))->as.integer, 57);
    ck_assert_ptr_null(nv_attributes_get(&list, NV_STR("key-50")));
    ck_assert_int_eq(nv_attributes_add(&list, arena, NV_STR("key-7"), nv_value_null()), NV_OK);
    ck_assert_uint_eq(list.count, 51);
    ck_assert_int_eq(nv_attributes_get(&list, NV_STR("key-7"))->type, NV_VALUE_NULL);

    struct nv_attributes two = {0};
    ck_assert_int_eq(nv_attributes_add(&two, arena, NV_STR("a"), nv_value_bool(true)), NV_OK);
    ck_assert_int_eq(nv_attributes_add(&two, arena, NV_STR("b"), nv_value_string(NV_STR("x"))),
                     NV_OK);
    struct nv_buf buf;
    struct nv_json_writer writer;
    nv_buf_init(&buf, 1000);
    nv_json_write_init(&writer, &buf);
    nv_attributes_write(&writer, &two);
    ck_assert_nv_str(nv_buf_str(&buf), "{\"a\":true,\"b\":\"x\"}");
    nv_buf_release(&buf);
}
END_TEST

/* A list for people ends after so many members, and what says so has a name of its own. */
START_TEST(long_lists_are_cut_and_say_so)
{
    static const struct {
        const char *whole, *cut;
    } lists[] = {
        {"[1,2,3,4]", "[1,2,\"[cut by noveum-gateway: 2 of 4 items left out]\"]"},
        {"{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"b\":2,\"noveum.gateway.cut\":"
                                      "\"[cut by noveum-gateway: 1 of 3 items left out]\"}"},
        {"{\"noveum.gateway.cut\":1,\"b\":2,\"c\":3}",
         "{\"b\":2,\"noveum.gateway.cut\":"
         "\"[cut by noveum-gateway: 1 of 3 items left out]\"}"},
        {"{\"noveum.gateway.cut\":1,\"b\":2}", "{\"noveum.gateway.cut\":1,\"b\":2}"},
        {"{\"a\":[1,2,3]}", "{\"a\":[1,2,\"[cut by noveum-gateway: 1 of 3 items left out]\"]}"},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct nv_value value = parse(lists[i].whole);
        struct nv_buf buf;
        struct nv_json_writer writer;
        nv_buf_init(&buf, 1 << 10);
        nv_json_write_init(&writer, &buf);
        writer.items_max = 2;
        nv_value_write(&writer, &value);
        ck_assert_int_eq(buf.failed, NV_OK);
        ck_assert_nv_str(nv_buf_str(&buf), lists[i].cut);
        nv_buf_release(&buf);
    }
}
END_TEST

/* A trace that has cost its share is thrown away: nobody looks further in its values. */
START_TEST(past_the_limit_of_work_nothing_is_found_or_read)
{
    struct nv_attributes list = {0};
    struct nv_value map = parse("{\"a\":1}"), value;
    ck_assert_int_eq(nv_attributes_add(&list, arena, NV_STR("a"), nv_value_null()), NV_OK);
    nv_meter_start(0);
    (void)nv_meter_spend(1);
    const struct nv_value *of_map = nv_map_get(&map, NV_STR("a"));
    const struct nv_value *of_list = nv_attributes_get(&list, NV_STR("a"));
    enum nv_err err = nv_value_from_json(arena, NV_STR("[1]"), NULL, &value);
    nv_meter_start(UINT64_MAX);
    ck_assert_ptr_null(of_map);
    ck_assert_ptr_null(of_list);
    ck_assert_int_eq(err, NV_ERR_MALFORMED);
    ck_assert_ptr_nonnull(nv_map_get(&map, NV_STR("a")));
    ck_assert_ptr_nonnull(nv_attributes_get(&list, NV_STR("a")));
}
END_TEST

/* Small in bytes, large in values: the second look, at each value, ends it. */
START_TEST(values_that_cost_too_much_end_the_reading)
{
    struct nv_value value;
    nv_meter_start(20);
    enum nv_err err = nv_value_from_json(arena,
                                         NV_STR("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,"
                                                "16,17,18,19,20,21,22,23,24,25]"),
                                         NULL, &value);
    bool over = nv_meter_over();
    nv_meter_start(UINT64_MAX);
    ck_assert_int_eq(err, NV_ERR_LIMIT);
    ck_assert(over);
}
END_TEST

#define OFTEN 60u

/* Maps of the same texts by turns, in a map each; some of them of no use to a table. */
static struct nv_value made_map(struct nv_attribute items[3], unsigned i)
{
    static const char texts[] = "a text \"that\" stands there \xff often\n";
    static const char *const keys[] = {"role", "content", "key \"with\" escapes"};
    static const uint32_t counts[] = {0, 1, 2, 3, 3, 2, 2};
    const unsigned kind = i % 7;
    for (unsigned k = 0; k < 3; k++) {
        const size_t from = kind == 6 ? 0 : 8;
        const size_t len = kind == 6 ? sizeof texts - 1 : 8 + kind + k;
        items[k] = (struct nv_attribute){nv_str_from(keys[kind == 4 && k == 1 ? 2 : k % 2]),
                                         nv_value_string((struct nv_str){texts + from, len})};
    }
    if (kind == 5)
        items[1].value = nv_value_int(i);
    return (struct nv_value){.type = NV_VALUE_MAP, .as.map = {items, counts[kind]}};
}

static void write_often(struct nv_buf *buf, struct nv_json_writer *writer, size_t max,
                        struct nv_seen_maps *maps)
{
    static struct nv_attribute rooms[OFTEN][3];
    nv_buf_init(buf, max);
    nv_json_write_init(writer, buf);
    writer->maps = maps;
    nv_json_write_begin_array(writer);
    for (unsigned i = 0; i < OFTEN; i++) {
        const struct nv_value map = made_map(rooms[i], i);
        nv_value_write(writer, &map);
    }
    nv_json_write_end_array(writer);
}

/* What is copied of an earlier map is what would be written: also what was replaced is counted,
 * and the buffer's end is met in the same place or before. */
START_TEST(maps_seen_before_are_written_alike)
{
    static struct nv_seen_maps maps;
    struct nv_buf plain, copied;
    struct nv_json_writer one, other;
    write_often(&plain, &one, 1 << 20, NULL);
    const size_t all = plain.len;
    ck_assert_uint_gt(one.replaced, 0);
    for (size_t max = 40; max < 2 * all; max = max * 5 / 4) {
        nv_buf_release(&plain);
        write_often(&plain, &one, max, NULL);
        memset(maps.used, 0, sizeof maps.used);
        write_often(&copied, &other, max, &maps);
        ck_assert_int_eq(plain.failed, copied.failed);
        if (plain.failed == NV_OK)
            ck_assert(nv_str_eq(nv_buf_str(&plain), nv_buf_str(&copied)));
        ck_assert(plain.failed != NV_OK || one.replaced == other.replaced);
        nv_buf_release(&copied);
    }
    ck_assert_uint_eq(plain.len, all);
    nv_buf_release(&plain);
    struct nv_attribute items[3];
    const struct nv_value known = made_map(items, 3), other_type = made_map(items, 5);
    ck_assert_uint_eq(nv_seen_map_place(&other_type.as.map), NV_SEEN_NOWHERE);
    struct nv_attribute many[NV_SEEN_MEMBERS_MAX + 1];
    for (unsigned i = 0; i <= NV_SEEN_MEMBERS_MAX; i++)
        many[i] = (struct nv_attribute){NV_STR("key"), nv_value_string(NV_STR("text"))};
    const struct nv_map largest = {many, NV_SEEN_MEMBERS_MAX},
                        larger = {many, NV_SEEN_MEMBERS_MAX + 1}, none = {many, 0};
    ck_assert_uint_lt(nv_seen_map_place(&largest), NV_SEEN_MAPS);
    ck_assert_uint_eq(nv_seen_map_place(&larger), NV_SEEN_NOWHERE);
    ck_assert_uint_eq(nv_seen_map_place(&none), NV_SEEN_NOWHERE);
    (void)made_map(items, 3);
    const unsigned place = nv_seen_map_place(&known.as.map);
    ck_assert_ptr_nonnull(nv_seen_map_find(&maps, place, &known.as.map));
    items[2].key.len--;
    ck_assert_ptr_null(nv_seen_map_find(&maps, place, &known.as.map));
}
END_TEST

static enum nv_err attempt(void *ctx, struct nv_arena *own)
{
    const struct nv_buf *text = ctx;
    struct nv_value value;
    return nv_value_from_json(own, nv_buf_str(text), NULL, &value);
}

START_TEST(no_memory_is_an_error)
{
    struct nv_buf text;
    nv_buf_init(&text, 1 << 20);
    (void)nv_buf_append_char(&text, '[');
    for (int i = 0; i < 300; i++)
        (void)nv_buf_printf(&text, "{\"k\\n%d\":[\"v\\t\", %d]},", i, i);
    (void)nv_buf_append_str(&text, NV_STR("0]"));
    nv_test_oom_each(attempt, &text);
    nv_buf_release(&text);
    struct nv_arena *none = nv_arena_new(0);
    struct nv_attributes list = {0};
    ck_assert_int_eq(nv_attributes_set(&list, none, NV_STR("a"), nv_value_null()),
                     NV_ERR_NO_MEMORY);
    nv_arena_free(none);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("model/value");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, json_round_trip);
    tcase_add_test(tcase, numbers_take_the_right_type);
    tcase_add_loop_test(tcase, truncated_text, 0, COUNT(cut));
    tcase_add_test(tcase, whole_text_is_not_truncated);
    tcase_add_test(tcase, depth_at_the_limit_and_past_it);
    tcase_add_test(tcase, other_types);
    tcase_add_test(tcase, texts_and_numbers);
    tcase_add_test(tcase, attribute_lists);
    tcase_add_test(tcase, long_lists_are_cut_and_say_so);
    tcase_add_test(tcase, past_the_limit_of_work_nothing_is_found_or_read);
    tcase_add_test(tcase, values_that_cost_too_much_end_the_reading);
    tcase_add_test(tcase, maps_seen_before_are_written_alike);
    tcase_add_test(tcase, no_memory_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
