/*
 * Lists that begin like an earlier one: what is found of them, and that they are written alike.
 */
#include "chance.h"
#include "expect.h"

#include "model/seen_maps.h"

#include "base/banned.h"

#define MESSAGES 24u
#define LISTS 40u
#define ROUNDS 200u
#define TEXT_LEN 40u

static struct nv_seen_maps seen;

struct room {
    struct nv_value values[MESSAGES];
    struct nv_attribute items[MESSAGES][2];
};

/* A message of its own whose texts stand where those of its number do. Of seven, one is a map
 * with a number, one no map, and some have invalid UTF-8. */
static struct nv_value message(struct nv_attribute items[2], unsigned number)
{
    static const char text[] =
        "a text that is \"said\" with every call,\n by the user \xff or by somebody else";
    const struct nv_str content = {text + number % (sizeof text - TEXT_LEN), TEXT_LEN};
    if (number % 7 == 4)
        return nv_value_string(content);
    items[0] = (struct nv_attribute){NV_STR("role"), nv_value_string(NV_STR("user"))};
    items[1] = (struct nv_attribute){NV_STR("content"), nv_value_string(content)};
    if (number % 7 == 3)
        items[1].value = nv_value_int(number);
    return (struct nv_value){.type = NV_VALUE_MAP, .as.map = {items, 1 + (number % 5 != 2)}};
}

/* So much of a conversation of `kinds` messages; every third goes another way from somewhere
 * on. */
static struct nv_value list_of(struct room *room, uint64_t *state, unsigned kinds)
{
    const unsigned count = chance_below(state, MESSAGES + 1);
    const unsigned same =
        chance_below(state, 3) == 0 ? chance_below(state, MESSAGES) : MESSAGES;
    for (unsigned i = 0; i < count; i++)
        room->values[i] = message(room->items[i], (i + (i >= same)) % kinds);
    return (struct nv_value){.type = NV_VALUE_ARRAY, .as.array = {room->values, count}};
}

static void write_lists(struct nv_buf *buf, struct nv_json_writer *writer,
                        const struct nv_value lists[LISTS], size_t max, bool with_maps)
{
    memset(seen.used, 0, sizeof seen.used);
    nv_buf_init(buf, max);
    nv_json_write_init(writer, buf);
    writer->maps = with_maps ? &seen : NULL;
    nv_json_write_begin_array(writer);
    for (unsigned i = 0; i < LISTS; i++)
        nv_value_write(writer, &lists[i]);
    nv_json_write_end_array(writer);
}

/* Whatever was written before, and where the buffer ends. */
START_TEST(lists_seen_before_are_written_alike)
{
    static struct room rooms[LISTS];
    struct nv_value lists[LISTS];
    uint64_t state = (uint64_t)_i;
    const unsigned kinds = 1 + chance_below(&state, 30);
    for (unsigned i = 0; i < LISTS; i++)
        lists[i] = list_of(&rooms[i], &state, kinds);
    struct nv_buf plain, copied;
    struct nv_json_writer one, other;
    write_lists(&plain, &one, lists, (size_t)1 << 20, false);
    write_lists(&copied, &other, lists, (size_t)1 << 20, true);
    ck_assert_int_eq(copied.failed, NV_OK);
    ck_assert_msg(nv_str_eq(nv_buf_str(&plain), nv_buf_str(&copied)), "seed %d", _i);
    ck_assert_uint_eq(one.replaced, other.replaced);
    const size_t all = plain.len, less = 1 + chance_below(&state, (uint32_t)all);
    nv_buf_release(&copied);
    write_lists(&copied, &other, lists, less, true);
    ck_assert_int_eq(copied.failed, less < all ? NV_ERR_LIMIT : NV_OK);
    nv_buf_release(&copied);
    nv_buf_release(&plain);
}
END_TEST

static struct nv_value plain_list(struct room *room, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        room->values[i] = message(room->items[i], i == 0 ? 0 : 7 * i);
    return (struct nv_value){.type = NV_VALUE_ARRAY, .as.array = {room->values, count}};
}

/* As far as it was known, and no further than texts go. */
START_TEST(a_list_is_found_by_what_is_known_of_it)
{
    static struct room rooms[2];
    struct nv_array longer = plain_list(&rooms[0], 10).as.array;
    const struct nv_array list = plain_list(&rooms[1], 6).as.array;
    const unsigned place = nv_seen_list_place(&list);
    memset(seen.used, 0, sizeof seen.used);
    ck_assert_uint_lt(place, NV_SEEN_LISTS);
    ck_assert_ptr_null(nv_seen_list_find(&seen, place, &list));
    for (uint32_t known = 0; known <= list.count; known++) {
        nv_seen_list_put(&seen, place, (struct nv_seen_list){list, known, 1, 2}, 0);
        const struct nv_seen_list *found = nv_seen_list_find(&seen, place, &longer);
        ck_assert_ptr_nonnull(found);
        ck_assert_uint_eq(found->known, known);
        ck_assert_uint_eq(found->len, 2);
    }
    nv_seen_list_put(&seen, place, (struct nv_seen_list){longer, longer.count, 0, 0}, 6);
    ck_assert_ptr_null(nv_seen_list_find(&seen, place, &list));
    nv_seen_list_put(&seen, place, (struct nv_seen_list){list, list.count, 0, 0}, 0);
    rooms[0].items[5][1].value.as.string.len--;
    ck_assert_ptr_null(nv_seen_list_find(&seen, place, &longer));
    rooms[0].values[5] = nv_value_json(NV_STR("{}"));
    ck_assert_ptr_null(nv_seen_list_find(&seen, place, &longer));
    nv_seen_list_put(&seen, place, (struct nv_seen_list){longer, longer.count, 0, 0}, 0);
    ck_assert_uint_eq(seen.lists[place].known, 5);
}
END_TEST

START_TEST(other_lists_have_no_place)
{
    static struct room room;
    struct nv_array list = plain_list(&room, 2).as.array;
    ck_assert_uint_lt(nv_seen_list_place(&list), NV_SEEN_LISTS);
    list.count = 1;
    ck_assert_uint_eq(nv_seen_list_place(&list), NV_SEEN_NOWHERE);
    list.count = 0;
    ck_assert_uint_eq(nv_seen_list_place(&list), NV_SEEN_NOWHERE);
    list.count = 2;
    room.items[0][0].value = nv_value_int(1);
    ck_assert_uint_eq(nv_seen_list_place(&list), NV_SEEN_NOWHERE);
    room.values[0] = nv_value_string(NV_STR("text"));
    ck_assert_uint_eq(nv_seen_list_place(&list), NV_SEEN_NOWHERE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/seen_maps");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, lists_seen_before_are_written_alike, 0, (int)ROUNDS);
    tcase_add_test(tcase, a_list_is_found_by_what_is_known_of_it);
    tcase_add_test(tcase, other_lists_have_no_place);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
