/*
 * Dead letters by the API: what is said of one that goes, of one that stays, of none.
 */
#include "expect.h"

#include "gateway/admin/api_dead.h"

#include "base/banned.h"

static struct nv_buf out;
static enum nv_err outcome;

static enum nv_err each(void *ctx, enum nv_record_kind kind, nv_store_visit *visit,
                        void *visit_ctx)
{
    (void)ctx;
    (void)kind;
    visit(visit_ctx, 7,
          NV_STR("{\"v\":1,\"trace_id\":\"t\",\"name\":\"n\",\"reason\":\"untranslatable\","
                 "\"status\":0,\"why\":\"w\",\"time\":\"now\",\"spans\":2}"),
          NV_STR("{}"));
    return NV_OK;
}

static enum nv_err retry(void *ctx, uint64_t id)
{
    (void)ctx;
    ck_assert_uint_eq(id, 7);
    return outcome;
}

static const struct nv_store store = {.each = each};

static const struct {
    const char *id;
    enum nv_err outcome, err;
    const char *said; /* in the answer or, with an error, in the failure */
} rows[] = {
    {"7", NV_OK, NV_OK, "{\"said\":\"7  sent again\"}"},
    {"all", NV_OK, NV_OK, "{\"said\":\"7  sent again\"}"},
    {"7", NV_ERR_MALFORMED, NV_ERR_CONFIG, "7  it stays: this version can't translate it"},
    {"7", NV_ERR_AGAIN, NV_ERR_CONFIG, "only a running gateway can take"},
    {"all", NV_ERR_MALFORMED, NV_OK, "7  it stays"},
    {"8", NV_OK, NV_ERR_NOT_FOUND, "no dead letter has that id"},
    {"x", NV_OK, NV_ERR_CONFIG, "ask with id="},
    {"", NV_OK, NV_ERR_CONFIG, "ask with id="},
};

/* "id=ID", and a slice where `last` is one. */
static enum nv_err ask(const struct nv_admin_source *source, enum nv_dead_verb verb,
                       const char *id, const char *last, struct nv_fail *fail)
{
    struct nv_api_query query = {.names = {NV_STR("id"), NV_STR("after"), NV_STR("last")},
                                 .values = {nv_str_from(id), NV_STR("0"), nv_str_from(last)},
                                 .count = last ? 3 : 1};
    nv_buf_init(&out, 1u << 16);
    return nv_api_dead(source, verb, &query, &out, fail);
}

START_TEST(each_says_what_became_of_it)
{
    const struct nv_admin_source source = {.store = &store, .retry_dead = retry};
    struct nv_fail fail = {0};
    outcome = rows[_i].outcome;
    enum nv_err err = ask(&source, NV_VERB_RETRY, rows[_i].id, NULL, &fail);
    struct nv_str said = err == NV_OK ? nv_buf_str(&out) : nv_str_from(fail.what);
    ck_assert_int_eq(err, rows[_i].err);
    ck_assert_msg(nv_str_find(said, nv_str_from(rows[_i].said)) != SIZE_MAX, "%.*s",
                  NV_STR_ARG(said));
    nv_buf_release(&out);
}
END_TEST

START_TEST(without_a_store_there_is_none)
{
    const struct nv_admin_source source = {.store = NULL};
    struct nv_fail fail = {0};
    ck_assert_int_eq(ask(&source, NV_VERB_DROP, "7", NULL, &fail), NV_ERR_NOT_FOUND);
    nv_buf_release(&out);
}
END_TEST

START_TEST(a_slice_says_what_is_left)
{
    const struct nv_admin_source source = {.store = &store, .retry_dead = retry};
    struct nv_fail fail = {0};
    outcome = NV_OK;
    ck_assert_int_eq(ask(&source, NV_VERB_RETRY, "all", "0", &fail), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), "{\"said\":\"7  sent again\",\"after\":7,\"last\":7,"
                                       "\"done\":1,\"left\":0}");
    nv_buf_release(&out);
    ck_assert_int_eq(ask(&source, NV_VERB_RETRY, "all", "6", &fail), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out),
                     "{\"said\":\"\",\"after\":0,\"last\":6,\"done\":0,\"left\":0}");
    nv_buf_release(&out);
    ck_assert_int_eq(ask(&source, NV_VERB_RETRY, "all", "x", &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "after and last"));
    nv_buf_release(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/admin/api_dead");
    TCase *tcase = tcase_create("api_dead");
    tcase_add_loop_test(tcase, each_says_what_became_of_it, 0,
                        (int)(sizeof rows / sizeof rows[0]));
    tcase_add_test(tcase, without_a_store_there_is_none);
    tcase_add_test(tcase, a_slice_says_what_is_left);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
