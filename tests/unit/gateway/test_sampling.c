/*
 * Sampling: the share that is kept, and that the decision depends on the id and the rate alone.
 */
#include "expect.h"

#include "gateway/sampling.h"

#include "base/banned.h"

/* Ids as counters: the worst case for anything that would not hash. */
static void make_id(uint32_t n, uint8_t id[NV_TRACE_ID_BYTES])
{
    memset(id, 0, NV_TRACE_ID_BYTES);
    memcpy(id + 12, &n, sizeof n);
}

static unsigned kept_of(const struct nv_sampling *sampling, unsigned total)
{
    unsigned kept = 0;
    for (uint32_t n = 1; n <= total; n++) {
        uint8_t id[NV_TRACE_ID_BYTES];
        make_id(n, id);
        kept += nv_sampling_keeps(sampling, id) ? 1 : 0;
    }
    return kept;
}

START_TEST(the_ends_keep_all_and_none)
{
    struct nv_sampling sampling;
    nv_sampling_set(&sampling, 1.0, false);
    ck_assert_uint_eq(kept_of(&sampling, 1000), 1000);
    ck_assert(!nv_sampling_keeps_errors(&sampling));
    nv_sampling_set(&sampling, 0.0, true);
    ck_assert_uint_eq(kept_of(&sampling, 1000), 0);
    ck_assert(nv_sampling_keeps_errors(&sampling));
}
END_TEST

START_TEST(a_share_is_kept)
{
    static const double rates[] = {0.01, 0.25, 0.5, 0.9};
    struct nv_sampling sampling;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        nv_sampling_set(&sampling, rates[i], true);
        double share = kept_of(&sampling, 20000) / 20000.0;
        ck_assert_double_ge(share, rates[i] - 0.02);
        ck_assert_double_le(share, rates[i] + 0.02);
    }
}
END_TEST

START_TEST(what_a_lower_rate_keeps_a_higher_one_keeps)
{
    struct nv_sampling low, high;
    nv_sampling_set(&low, 0.2, true);
    nv_sampling_set(&high, 0.6, true);
    for (uint32_t n = 1; n < 5000; n++) {
        uint8_t id[NV_TRACE_ID_BYTES];
        make_id(n, id);
        ck_assert(!nv_sampling_keeps(&low, id) || nv_sampling_keeps(&high, id));
    }
}
END_TEST

/* Frozen: another version or instance must decide alike. */
START_TEST(decisions_never_change)
{
    static const uint8_t ids[3][NV_TRACE_ID_BYTES] = {
        {0x4b, 0xdd, 0x65, 0x20, 0xa2, 0x60, 0x32, 0xed, 0x5f, 0, 0xd3, 0x89, 0x7e, 0x6a, 0x87,
         0xdc},
        {1},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    struct nv_sampling sampling;
    nv_sampling_set(&sampling, 0.5, true);
    bool kept[3];
    for (size_t i = 0; i < 3; i++)
        kept[i] = nv_sampling_keeps(&sampling, ids[i]);
    ck_assert(kept[0] == false);
    ck_assert(kept[1] == true);
    ck_assert(kept[2] == false);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/sampling");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, the_ends_keep_all_and_none);
    tcase_add_test(tcase, a_share_is_kept);
    tcase_add_test(tcase, what_a_lower_rate_keeps_a_higher_one_keeps);
    tcase_add_test(tcase, decisions_never_change);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
