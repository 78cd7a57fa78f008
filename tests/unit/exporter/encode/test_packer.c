/*
 * A body's bytes: as JSON and as gzip of the same, made anew each time, of traces of any size,
 * and each allocation failing once.
 */
#include "chance.h"
#include "expect.h"
#include "oom.h"

#include "exporter/encode/packer.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_packer packer;
static struct nv_body *body;

static void setup(void)
{
    const struct nv_pack_limits limits = {2, SIZE_MAX};
    struct nv_encoded_list list = {0};

    nv_encoded_list_push(&list, nv_encoded_new(NV_STR("{\"a\":1}"), 1));
    nv_encoded_list_push(&list, nv_encoded_new(NV_STR("{\"b\":2}"), 1));
    body = nv_body_take(&list, &limits);
    nv_packer_init(&packer, NV_GZIP_LEVEL);
}

static void drop(struct nv_body *one)
{
    for (struct nv_encoded *trace; (trace = nv_encoded_list_pop(&one->traces)) != NULL;)
        free(trace);
    nv_body_free(one);
}

static void teardown(void)
{
    drop(body);
    nv_packer_release(&packer);
}

static const char expected[] = "{\"traces\":[{\"a\":1},{\"b\":2}],\"timestamp\":7.000000}";

START_TEST(the_same_text_both_ways)
{
    const uint64_t wall_ns = UINT64_C(7000000000);

    for (unsigned i = 0; i < 3; i++) {
        body->gzip = false;
        ck_assert_int_eq(nv_packer_pack(&packer, body, wall_ns), NV_OK);
        ck_assert_nv_str(nv_buf_str(&body->wire), expected);
        body->gzip = true;
        ck_assert_int_eq(nv_packer_pack(&packer, body, wall_ns), NV_OK);
        nv_test_gzip_says(nv_buf_str(&body->wire), nv_str_from(expected));
        if (i == 1)
            nv_packer_release(&packer); /* and used again */
    }
    ck_assert_uint_eq(body->traces.count, 2);
}
END_TEST

/* Traces of 1 to `most` bytes, of letters or of any bytes. */
static struct nv_body *body_of(unsigned count, size_t most, bool letters, uint64_t *seed)
{
    const struct nv_pack_limits limits = {count, SIZE_MAX};
    struct nv_encoded_list list = {0};

    for (unsigned i = 0; i < count; i++) {
        size_t len = 1 + chance_below(seed, (uint32_t)most);
        char *text = malloc(len);

        ck_assert_ptr_nonnull(text);
        for (size_t at = 0; at < len; at++) {
            uint64_t any = chance(seed);
            text[at] = (char)(letters ? 'a' + (any & 3) : (any & 255));
        }
        nv_encoded_list_push(&list, nv_encoded_new((struct nv_str){text, len}, 1));
        free(text);
    }
    return nv_body_take(&list, &limits);
}

/* Small ones are copied together, large ones compressed where they stand, what does not get
 * smaller does not fit there: the text is the same. */
START_TEST(any_traces)
{
    static const size_t most[] = {100, 90000, 190000, 260000, 400000};
    uint64_t seed = 1;

    for (unsigned i = 0; i < 4 * sizeof most / sizeof *most; i++) {
        struct nv_body *any =
            body_of(1 + chance_below(&seed, 12), most[i / 4], i % 4 > 0, &seed);
        struct nv_buf text;

        nv_buf_init(&text, SIZE_MAX);
        ck_assert_int_eq(nv_body_write(any, i, &text), NV_OK);
        any->gzip = true;
        ck_assert_int_eq(nv_packer_pack(&packer, any, i), NV_OK);
        nv_test_gzip_says(nv_buf_str(&any->wire), nv_buf_str(&text));
        nv_buf_release(&text);
        drop(any);
    }
}
END_TEST

START_TEST(no_memory)
{
    enum nv_err err = NV_ERR_NO_MEMORY;

    for (unsigned long nth = 1; err != NV_OK; nth++) {
        nv_packer_release(&packer);
        body->gzip = nth % 2 == 0;
        oom_fail_nth(nth / 2 + 1);
        err = nv_packer_pack(&packer, body, 0);
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            err = body->gzip ? NV_OK : NV_ERR_NO_MEMORY;
            continue;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert_uint_eq(body->wire.len, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/packer");
    TCase *tcase = tcase_create("packer");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_same_text_both_ways);
    tcase_add_test(tcase, any_traces);
    tcase_add_test(tcase, no_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
