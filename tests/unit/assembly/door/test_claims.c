/*
 * Claims: counted while they are out, settled in any order, given up without a leak.
 */
#include "expect.h"
#include "assembly/door/state.h"
#include "assembly_kit.h"

#include <stdlib.h>

static struct kit kit;

static void setup(void)
{
    kit_init(&kit);
    kit_directory(&kit);
    kit.hold_claims = true;
}

static void teardown(void)
{
    kit_release(&kit);
}

static const enum nv_durability durabilities[] = {NV_DURABILITY_MEMORY, NV_DURABILITY_OS};

static uint64_t claims_out(void)
{
    struct nv_assembly_status status;
    nv_assembly_read_status(kit.assembly, &status);
    return status.claims;
}

START_TEST(they_are_counted_until_they_come_back)
{
    kit.config.durability = durabilities[_i];
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 2a 3a 4a");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(claims_out(), 4);
    struct nv_settler settler = nv_assembly_settler(kit.assembly);
    const size_t order[] = {2, 0, 3, 1};
    const enum nv_outcome outcomes[] = {NV_OUTCOME_DELIVERED, NV_OUTCOME_KEPT,
                                        NV_OUTCOME_DROPPED, NV_OUTCOME_LEFT};
    for (int i = 0; i < 4; i++) {
        settler.settle(settler.ctx, kit.claims[order[i]], outcomes[i]);
        ck_assert_uint_eq(claims_out(), 3 - (uint64_t)i);
    }
    kit.claim_count = 0;
}
END_TEST

START_TEST(those_given_up_are_freed_with_the_assembly)
{
    kit.config.durability = durabilities[_i];
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 2a");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(claims_out(), 2);
    kit.claim_count = 0; /* whoever had them is gone */
    kit_stop(&kit);
}
END_TEST

START_TEST(memory_comes_back_when_all_is_settled)
{
    kit.config.durability = durabilities[_i];
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a*5000 2a*5000");
    kit_accept(&kit, kit_logs("shop", "7x"));
    kit_advance(&kit, 700000);
    kit_settle_all(&kit);
    nv_assembly_tick(kit.assembly);
    ck_assert_uint_eq(atomic_load(&kit.assembly->memory), 0);
    ck_assert_uint_eq(kit.assembly->groups.index.count, 0);
}
END_TEST

START_TEST(those_returned_come_again_in_order)
{
    kit.config.durability = NV_DURABILITY_OS;
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 2a 3a");
    kit_advance(&kit, 1000);
    struct nv_settler settler = nv_assembly_settler(kit.assembly);
    for (int i = 0; i < 2; i++)
        settler.settle(settler.ctx, kit.claims[i], NV_OUTCOME_DELIVERED);
    struct nv_claim *taken = nv_claims_take(kit.assembly);
    nv_claims_return(kit.assembly, NULL);
    settler.settle(settler.ctx, kit.claims[2], NV_OUTCOME_DELIVERED);
    nv_claims_return(kit.assembly, taken);
    taken = nv_claims_take(kit.assembly);
    ck_assert_ptr_eq(taken, kit.claims[0]);
    ck_assert_ptr_eq(taken->next, kit.claims[1]);
    ck_assert_ptr_eq(taken->next->next, kit.claims[2]);
    ck_assert_ptr_null(taken->next->next->next);
    nv_claims_return(kit.assembly, taken);
    kit.claim_count = 0;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("claims");
    TCase *tcase = tcase_create("claims");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, they_are_counted_until_they_come_back, 0, 2);
    tcase_add_loop_test(tcase, those_given_up_are_freed_with_the_assembly, 0, 2);
    tcase_add_loop_test(tcase, memory_comes_back_when_all_is_settled, 0, 2);
    tcase_add_test(tcase, those_returned_come_again_in_order);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
