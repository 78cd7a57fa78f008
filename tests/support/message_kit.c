/*
 * The messages kit. It holds no assertion of its own but on JSON that the tests themselves
 * wrote. Expected lists are compared whatever the order of members, because only the list's
 * order means something.
 */
#include "message_kit.h"

#include "cases.h"
#include "expect.h"

#include "base/banned.h"

void nv_test_messages_open(struct nv_test_messages *kit, enum nv_messages_direction direction)
{
    kit->arena = nv_arena_new((size_t)16 << 20);
    ck_assert_ptr_nonnull(kit->arena);
    nv_messages_open(&kit->state, kit->arena, direction);
}

void nv_test_messages_close(struct nv_test_messages *kit)
{
    nv_arena_free(kit->arena);
}

const struct nv_value *nv_test_messages_value(struct nv_test_messages *kit, const char *json)
{
    struct nv_value *value = nv_arena_alloc(kit->arena, sizeof *value);
    ck_assert_ptr_nonnull(value);
    ck_assert_int_eq(nv_value_from_json(kit->arena, nv_str_from(json), NULL, value), NV_OK);
    return value;
}

void nv_test_messages_expect(struct nv_test_messages *kit, const char *expected)
{
    const struct nv_value list = {.type = NV_VALUE_ARRAY,
                                  .as.array = {kit->state.list.items, kit->state.list.count}};
    struct nv_buf buf;
    ck_assert_json_eq(nv_test_json(&list, &buf), nv_str_from(expected));
    nv_buf_release(&buf);
}
