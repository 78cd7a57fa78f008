/*
 * Dead letters on a store of three: list, show, retry, drop, one or all, and ids that are none.
 */
#include "expect.h"

#include "gateway/dead/dead.h"

#include <stdlib.h>

#include "base/banned.h"

#define HEAD(id, reason)                                                                       \
    "{\"v\":1,\"trace_id\":\"t" id "\",\"name\":\"n\\u001b\",\"reason\":\"" reason             \
    "\",\"status\":400,\"why\":\"w\",\"time\":\"now\",\"spans\":2}"

static const char *const heads[] = {HEAD("1", "rejected"), HEAD("2", "untranslatable"),
                                    HEAD("3", "too_large")};
static bool live[3];
static unsigned retried;
static struct nv_buf out;

static enum nv_err get(void *ctx, uint64_t id, struct nv_buf *payload)
{
    (void)ctx;
    if (id < 1 || id > 3 || !live[id - 1])
        return NV_ERR_NOT_FOUND;
    return nv_buf_append_str(payload, NV_STR("{\"trace\":1}"));
}

static void release(void *ctx, uint64_t id)
{
    (void)ctx;
    ck_assert(id >= 1 && id <= 3);
    live[id - 1] = false;
}

static enum nv_err each(void *ctx, enum nv_record_kind kind, nv_store_visit *visit,
                        void *visit_ctx)
{
    (void)ctx;
    ck_assert_int_eq(kind, NV_RECORD_DEAD_LETTER);
    for (uint64_t id = 1; id <= 3; id++) {
        if (live[id - 1])
            visit(visit_ctx, id, nv_str_from(heads[id - 1]), NV_STR("{\"trace\":1}"));
    }
    return NV_OK;
}

static enum nv_err retry(void *ctx, uint64_t id)
{
    (void)ctx;
    if (id == 2)
        return NV_ERR_MALFORMED;
    release(NULL, id);
    retried++;
    return NV_OK;
}

static const struct nv_store store = {.get = get, .release = release, .each = each};

static enum nv_err run(enum nv_dead_verb verb, const char *id)
{
    struct nv_dead_place place = {.store = &store, .retry = retry};
    struct nv_dead_request request;
    nv_buf_clear(&out);
    ck_assert_int_eq(nv_dead_parse(verb, nv_str_from(id), &request), NV_OK);
    return nv_dead_run(&request, &place, &out);
}

static bool has(const char *part)
{
    return nv_str_find(nv_buf_str(&out), nv_str_from(part)) != SIZE_MAX;
}

static void set_up(void)
{
    live[0] = live[1] = live[2] = true;
    retried = 0;
    nv_buf_init(&out, 100000);
}

static void tear_down(void)
{
    nv_buf_release(&out);
}

START_TEST(a_line_for_each)
{
    ck_assert_int_eq(run(NV_VERB_LIST, NULL), NV_OK);
    ck_assert(has("1  now  rejected  2 spans  t1  n\\x1b  w\n"));
    ck_assert(has("\n3  now  too_large"));
}
END_TEST

START_TEST(an_object_for_each)
{
    nv_buf_clear(&out);
    ck_assert_int_eq(nv_dead_write(&store, "t", &out), NV_OK);
    ck_assert(
        has("{\"letters\":[{\"id\":1,\"time\":\"now\",\"reason\":\"rejected\",\"why\":\"w\","
            "\"trace_id\":\"t1\",\"name\":\"n"));
    ck_assert(has("\"spans\":2}"));
    ck_assert(has("],\"total\":3,\"token\":\"t\"}"));
    nv_buf_clear(&out);
    ck_assert_int_eq(nv_dead_write(NULL, "t", &out), NV_OK);
    ck_assert(has("{\"letters\":[],\"total\":0,\"token\":\"t\"}"));
}
END_TEST

static enum nv_err each_of_many(void *ctx, enum nv_record_kind kind, nv_store_visit *visit,
                                void *visit_ctx)
{
    (void)kind;
    for (uint64_t id = 1; id <= NV_DEAD_WRITTEN_MAX + 1; id++)
        visit(visit_ctx, id, nv_str_from(heads[0]), NV_STR("{}"));
    return *(const enum nv_err *)ctx;
}

START_TEST(so_many_objects_and_no_more)
{
    enum nv_err err = NV_OK;
    const struct nv_store many = {.ctx = &err, .each = each_of_many};
    nv_buf_clear(&out);
    ck_assert_int_eq(nv_dead_write(&many, "t", &out), NV_OK);
    ck_assert(has("\"id\":200,") && !has("\"id\":201,") && has("\"total\":201,"));
    err = NV_ERR_IO;
    ck_assert_int_eq(nv_dead_write(&many, "t", &out), NV_ERR_IO);
}
END_TEST

START_TEST(show_one)
{
    ck_assert_int_eq(run(NV_VERB_SHOW, "1"), NV_OK);
    ck_assert(has("\"dead_letter\"") && has("\"trace\""));
    ck_assert_int_eq(run(NV_VERB_SHOW, "4"), NV_ERR_NOT_FOUND);
}
END_TEST

START_TEST(retry_one_and_all)
{
    ck_assert_int_eq(run(NV_VERB_RETRY, "1"), NV_OK);
    ck_assert(has("1  sent again"));
    ck_assert_int_eq(run(NV_VERB_RETRY, "1"), NV_ERR_NOT_FOUND);
    ck_assert_int_eq(run(NV_VERB_RETRY, "2"), NV_ERR_MALFORMED);
    ck_assert(has("2  it stays: this version can't translate it either"));
    ck_assert_int_eq(run(NV_VERB_RETRY, "all"), NV_OK);
    ck_assert(has("2  it stays") && has("3  sent again"));
    ck_assert_uint_eq(retried, 2);
    ck_assert(live[1]);
}
END_TEST

START_TEST(drop_one_and_all)
{
    ck_assert_int_eq(run(NV_VERB_DROP, "2"), NV_OK);
    ck_assert(live[0] && !live[1] && live[2]);
    ck_assert_int_eq(run(NV_VERB_DROP, "all"), NV_OK);
    ck_assert(!live[0] && !live[2]);
    ck_assert_int_eq(run(NV_VERB_DROP, "all"), NV_OK);
    ck_assert_int_eq(run(NV_VERB_DROP, "3"), NV_ERR_NOT_FOUND);
}
END_TEST

static struct nv_fake_clock fake;

static enum nv_err retry_slowly(void *ctx, uint64_t id)
{
    nv_fake_clock_advance(&fake, NV_DEAD_SLICE_NS / 2);
    return retry(ctx, id);
}

/* Two at a time; what comes meanwhile is for the next command. */
START_TEST(all_in_slices)
{
    const struct nv_dead_place place = {.store = &store, .retry = retry_slowly};
    const struct nv_dead_request all = {.verb = NV_VERB_RETRY, .all = true};
    struct nv_dead_slice slice = {0};
    nv_fake_clock_init(&fake, 1, 1);
    live[2] = false;
    ck_assert_int_eq(nv_dead_run_slice(&all, &place, &fake.clock, &slice, &out), NV_OK);
    ck_assert(slice.done == 2 && slice.left == 0 && slice.after == 2 && slice.last == 2);
    live[2] = true;
    ck_assert_int_eq(nv_dead_run_slice(&all, &place, &fake.clock, &slice, &out), NV_OK);
    ck_assert(slice.done == 0 && slice.left == 0 && live[2]);
    live[0] = true;
    slice = (struct nv_dead_slice){0};
    ck_assert_int_eq(nv_dead_run_slice(&all, &place, &fake.clock, &slice, &out), NV_OK);
    ck_assert(slice.done == 2 && slice.left == 1 && slice.after == 2 && slice.last == 3);
    ck_assert_int_eq(nv_dead_run_slice(&all, &place, &fake.clock, &slice, &out), NV_OK);
    ck_assert(slice.done == 1 && slice.left == 0 && slice.after == 3 && !live[2]);
    /* one that is asked for alone is done, wherever the slice is */
    const struct nv_dead_request one = {.verb = NV_VERB_RETRY, .id = 2};
    ck_assert_int_eq(nv_dead_run_slice(&one, &place, &fake.clock, &slice, &out),
                     NV_ERR_MALFORMED);
    ck_assert(slice.done == 1);
}
END_TEST

START_TEST(ids_that_are_none)
{
    static const char *const wrong[] = {"", "x", "-1", "1x", "99999999999999999999"};
    struct nv_dead_request request;
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(nv_dead_parse(NV_VERB_DROP, nv_str_from(wrong[i]), &request),
                         NV_ERR_CONFIG);
    }
    ck_assert_int_eq(nv_dead_parse(NV_VERB_SHOW, NV_STR("all"), &request), NV_ERR_CONFIG);
    ck_assert_int_eq(nv_dead_parse(NV_VERB_LIST, NV_STR("whatever"), &request), NV_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/dead");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_line_for_each);
    tcase_add_test(tcase, an_object_for_each);
    tcase_add_test(tcase, so_many_objects_and_no_more);
    tcase_add_test(tcase, show_one);
    tcase_add_test(tcase, retry_one_and_all);
    tcase_add_test(tcase, drop_one_and_all);
    tcase_add_test(tcase, all_in_slices);
    tcase_add_test(tcase, ids_that_are_none);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
