/*
 * Dead letters: what their heads say, listing, showing, retrying and dropping; failures leave
 * them where they are.
 */
#include "expect.h"
#include "exporter_rig.h"
#include "oom.h"

#include "exporter/outbox/dead_letters.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static struct nv_rig rig;

static void setup(void)
{
    rig_init(&rig);
}

static void teardown(void)
{
    rig_release(&rig);
}

static enum nv_err put(const char *json, const char *said)
{
    struct nv_encoded *encoded = nv_encoded_new(nv_str_from(json), 3);
    enum nv_err err;

    encoded->dead = NV_DEAD_REJECTED;
    encoded->status = 400;
    encoded->why = "backend rejected the trace";
    err = nv_dead_letters_put(&rig.store, encoded, said, UINT64_C(784111777) * NV_NS_PER_S);
    free(encoded);
    return err;
}

#define TRACE                                                                                  \
    "{\"trace_id\":\"t-1\",\"name\":\"na\\\"me\\u00e9\",\"span_count\":3,\"spans\":[]}"

struct seen {
    unsigned count;
    uint64_t id;
};

static void look(void *ctx, const struct nv_dead_letter *letter)
{
    struct seen *seen = ctx;

    seen->count++;
    seen->id = letter->id;
    ck_assert_nv_str(letter->trace_id, "t-1");
    ck_assert_nv_str(letter->name, "na\"me\xc3\xa9");
    ck_assert_nv_str(letter->reason, "rejected");
    ck_assert_nv_str(letter->why, "backend rejected the trace: \"name\" too odd");
    ck_assert_nv_str(letter->time, "1994-11-06T08:49:37.000000+00:00");
    ck_assert_uint_eq(letter->spans, 3);
    ck_assert_int_eq(letter->status, 400);
}

START_TEST(listed_with_the_reason)
{
    struct seen seen = {0};

    ck_assert_int_eq(put(TRACE, "\"name\" too odd"), NV_OK);
    ck_assert_int_eq(put(TRACE, "\"name\" too odd"), NV_OK);
    ck_assert_int_eq(nv_dead_letters_list(&rig.store, look, &seen), NV_OK);
    ck_assert_uint_eq(seen.count, 2);
    ck_assert_uint_eq(seen.id, 2);
}
END_TEST

static void ignore(void *ctx, const struct nv_dead_letter *letter)
{
    (void)letter;
    ++*(unsigned *)ctx;
}

START_TEST(odd_heads_do_no_harm)
{
    static const char *const heads[] = {"", "[]", "{\"v\":1,\"why\":\"x\"", "{\"status\":-1}",
                                        "{\"spans\":1e99,\"status\":4000,\"time\":[1]}"};
    unsigned count = 0;
    uint64_t id;

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        ck_assert_int_eq(rig.store.put(rig.store.ctx, NV_RECORD_DEAD_LETTER,
                                       nv_str_from(heads[i]), NV_STR("{}"), &id),
                         NV_OK);
    }
    ck_assert_int_eq(nv_dead_letters_list(&rig.store, ignore, &count), NV_OK);
    ck_assert_uint_eq(count, 5);
}
END_TEST

START_TEST(shown_as_json)
{
    struct nv_buf out;
    json_t *root;

    ck_assert_int_eq(put(TRACE, ""), NV_OK);
    nv_buf_init(&out, SIZE_MAX);
    ck_assert_int_eq(nv_dead_letters_show(&rig.store, 1, &out), NV_OK);
    root = json_loadb(out.bytes, out.len, 0, NULL);
    ck_assert_ptr_nonnull(root);
    ck_assert_str_eq(
        json_string_value(json_object_get(json_object_get(root, "dead_letter"), "reason")),
        "rejected");
    ck_assert_str_eq(
        json_string_value(json_object_get(json_object_get(root, "trace"), "trace_id")), "t-1");
    json_decref(root);
    ck_assert_int_eq(nv_dead_letters_show(&rig.store, 2, &out), NV_ERR_NOT_FOUND);
    nv_buf_release(&out);
}
END_TEST

START_TEST(long_names_are_cut)
{
    struct nv_buf json;

    nv_buf_init(&json, SIZE_MAX);
    ck_assert_int_eq(nv_buf_printf(&json, "{\"trace_id\":\"t\",\"name\":\"%0900d", 1), NV_OK);
    ck_assert_int_eq(nv_buf_printf(&json, "%06000d\",\"span_count\":3}", 1), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(&json, '\0'), NV_OK);
    ck_assert_int_eq(put(json.bytes, ""), NV_OK);
    ck_assert_uint_lt(rig.records[0].head.len, 1000);
    nv_buf_release(&json);
    ck_assert_int_eq(put("not a trace", ""), NV_OK);
}
END_TEST

START_TEST(retried_through_the_outbox)
{
    struct nv_outbox_entry entry;

    ck_assert_int_eq(put(TRACE, ""), NV_OK);
    ck_assert_int_eq(nv_dead_letters_retry(&rig.store, 1, NV_STR(""), &entry), NV_OK);
    ck_assert_uint_eq(entry.spans, 3);
    ck_assert_uint_eq(entry.traces, 1);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 0);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 1);
    ck_assert_int_eq(nv_dead_letters_retry(&rig.store, 1, NV_STR(""), NULL), NV_ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_power_cut_after_a_retry_loses_nothing)
{
    ck_assert_int_eq(put(TRACE, ""), NV_OK);
    rig.records[0].synced = true;
    ck_assert_int_eq(nv_dead_letters_retry(&rig.store, 1, NV_STR(""), NULL), NV_OK);
    rig_cut_power(&rig);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 1);
}
END_TEST

/* A store whose put is synced by itself has no other. */
START_TEST(retried_where_every_put_is_synced)
{
    rig.store.put = rig.store.put_synced;
    rig.store.put_synced = NULL;
    ck_assert_int_eq(put(TRACE, ""), NV_OK);
    ck_assert_int_eq(nv_dead_letters_retry(&rig.store, 1, NV_STR(""), NULL), NV_OK);
    rig_cut_power(&rig);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 1);
}
END_TEST

START_TEST(a_failed_retry_leaves_it)
{
    ck_assert_int_eq(put(TRACE, ""), NV_OK);
    ck_assert_int_eq(put("not a trace", ""), NV_OK);
    ck_assert_int_eq(nv_dead_letters_retry(&rig.store, 2, NV_STR(""), NULL), NV_ERR_MALFORMED);
    rig.put_fails = NV_ERR_NO_SPACE;
    ck_assert_int_eq(nv_dead_letters_retry(&rig.store, 1, NV_STR(""), NULL), NV_ERR_NO_SPACE);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 2);
    ck_assert_int_eq(put(TRACE, ""), NV_ERR_NO_SPACE);
}
END_TEST

START_TEST(dropped_for_good)
{
    ck_assert_int_eq(put(TRACE, ""), NV_OK);
    ck_assert_int_eq(nv_dead_letters_drop(&rig.store, 1), NV_OK);
    ck_assert_int_eq(nv_dead_letters_drop(&rig.store, 1), NV_ERR_NOT_FOUND);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 0);
}
END_TEST

START_TEST(no_memory)
{
    bool failed = true;

    ck_assert_int_eq(put(TRACE, ""), NV_OK);
    for (unsigned long nth = 1; failed; nth++) {
        enum nv_err err;

        oom_fail_nth(nth);
        err = nv_dead_letters_retry(&rig.store, 1, NV_STR(""), NULL);
        failed = oom_end();
        if (err == NV_OK)
            break;
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
    }
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 0);
    oom_fail_nth(1);
    ck_assert_int_eq(nv_dead_letters_list(&rig.store, ignore, NULL), NV_ERR_NO_MEMORY);
    (void)oom_end();
}
END_TEST

START_TEST(reasons_have_names)
{
    ck_assert_str_eq(nv_dead_reason_text(NV_DEAD_TOO_LARGE), "too_large");
    for (int i = 0; i < NV_DEAD_COUNT; i++)
        ck_assert_ptr_nonnull(nv_dead_reason_text((enum nv_dead)i));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/dead_letters");
    TCase *tcase = tcase_create("dead letters");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, listed_with_the_reason);
    tcase_add_test(tcase, odd_heads_do_no_harm);
    tcase_add_test(tcase, shown_as_json);
    tcase_add_test(tcase, long_names_are_cut);
    tcase_add_test(tcase, retried_through_the_outbox);
    tcase_add_test(tcase, a_power_cut_after_a_retry_loses_nothing);
    tcase_add_test(tcase, retried_where_every_put_is_synced);
    tcase_add_test(tcase, a_failed_retry_leaves_it);
    tcase_add_test(tcase, dropped_for_good);
    tcase_add_test(tcase, no_memory);
    tcase_add_test(tcase, reasons_have_names);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
