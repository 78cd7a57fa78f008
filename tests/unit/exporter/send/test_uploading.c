/*
 * Media go before their traces: order, waits, answers, restarts and stops, on an exporter whose
 * clock, disk and backend are made up.
 */
#include "expect.h"
#include "media_kit.h"
#include "oom.h"

#include "base/log/counters.h"

#include "base/banned.h"

static struct nv_rig rig;
static struct nv_medium media[2];

static void set_up(void)
{
    rig_init(&rig);
    rig.config.media_wait_ms = 10000;
    media[0] = kit_medium(1, NV_MEDIA_IMAGE);
    media[1] = kit_medium(2, NV_MEDIA_AUDIO);
    rig_open(&rig, true);
}

static void tear_down(void)
{
    rig_release(&rig);
}

static struct rig_flight *next_upload(void)
{
    for (uint32_t i = 0; i < RIG_FLIGHTS_MAX; i++) {
        struct rig_flight *flight = &rig.flights[i];
        if (flight->busy &&
            (flight->route == NV_ROUTE_IMAGE || flight->route == NV_ROUTE_AUDIO))
            return flight;
    }
    return NULL;
}

static void answer_upload(int status)
{
    struct rig_flight *flight = next_upload();
    ck_assert_ptr_nonnull(flight);
    rig_answer(&rig, flight, status, "", "{\"success\":true}");
    rig_run(&rig, 0);
}

/* The trace's body once it flies, answered. */
static void expect_trace(const char *with, const char *without)
{
    struct rig_flight *flight;
    for (int i = 0; i < 4 && rig.sent == 0; i++)
        rig_run(&rig, 1000);
    flight = rig_flight(&rig);
    ck_assert(flight && flight->route == NV_ROUTE_TRACES);
    ck_assert_msg(rig_body_has(flight, with), "%s is not in it", with);
    ck_assert_msg(!without || !rig_body_has(flight, without), "%s is in it", without);
    rig_accept_all(&rig, 0);
    ck_assert_uint_eq(rig_delivered(), 1);
}

START_TEST(uploads_go_first)
{
    kit_consume(&rig, media, 2);
    rig_run(&rig, 0);
    ck_assert_uint_eq(rig_in_flight(&rig), 1); /* the gate begins narrow */
    ck_assert_int_eq(next_upload()->route, NV_ROUTE_IMAGE);
    answer_upload(201);
    ck_assert_uint_eq(rig_status(&rig).media_pending, 1);
    ck_assert_int_eq(next_upload()->route, NV_ROUTE_AUDIO);
    rig_run(&rig, 5000);
    ck_assert_uint_eq(rig.sent, 0);
    answer_upload(200);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 0);
    expect_trace(kit_reference(1, NV_MEDIA_IMAGE), "media_pending");
    ck_assert_uint_eq(nv_count_get(NV_COUNT_MEDIA_DELIVERED), 2);
}
END_TEST

START_TEST(a_trace_waits_so_long)
{
    kit_consume(&rig, media, 1);
    rig_run(&rig, 9999);
    ck_assert_uint_eq(rig.sent, 0);
    rig_run(&rig, 1);
    rig_run(&rig, 1000);
    ck_assert_uint_eq(rig.sent, 1);
    ck_assert_uint_eq(rig_in_flight(&rig), 2);
    for (uint32_t i = 0; i < RIG_FLIGHTS_MAX; i++) {
        if (rig.flights[i].busy && rig.flights[i].route == NV_ROUTE_TRACES)
            ck_assert(rig_body_has(&rig.flights[i], "\"noveum.gateway.media_pending\":true"));
    }
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 1);
    answer_upload(201);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 0);
}
END_TEST

START_TEST(trouble_is_tried_again)
{
    static const int statuses[] = {500, 503, 429, 408};
    kit_consume(&rig, media, 1);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        for (int s = 0; s < 100 && !next_upload(); s++)
            rig_run(&rig, 100);
        answer_upload(statuses[i]);
        ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 1);
    }
    rig_drain(&rig);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_MEDIA_DELIVERED), 1);
}
END_TEST

START_TEST(refused_ones_become_letters_and_marks)
{
    kit_consume(&rig, media, 1);
    rig_run(&rig, 0);
    answer_upload(400);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 0);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
    expect_trace("[media: image/png, 6 bytes, sha256 01010101", "image://");
}
END_TEST

START_TEST(a_letter_that_is_not_stored_waits)
{
    kit_consume(&rig, media, 1);
    rig_run(&rig, 0);
    rig.put_fails = NV_ERR_NO_SPACE;
    answer_upload(413);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 1);
    rig.put_fails = NV_OK;
    rig_run(&rig, 1000);
    answer_upload(413);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
}
END_TEST

START_TEST(no_route_holds_nobody)
{
    struct nv_medium both[] = {media[0], kit_medium(3, NV_MEDIA_IMAGE), media[1]};
    kit_consume(&rig, both, 3);
    rig_run(&rig, 0);
    answer_upload(404);
    ck_assert_int_eq(next_upload()->route, NV_ROUTE_AUDIO); /* its own route */
    answer_upload(201);
    expect_trace("[media: image/png, 6 bytes, sha256 03030303", "image://");
    ck_assert_uint_eq(nv_count_get(NV_COUNT_MEDIA_MARKED), 2);
    kit_consume(&rig, media, 1);
    rig_run(&rig, 1000);
    ck_assert_ptr_null(next_upload());
    rig_accept_all(&rig, 2000);
    ck_assert_uint_eq(rig_delivered(), 2);
    rig_run(&rig, 600000);
    kit_consume(&rig, media, 1);
    rig_run(&rig, 0);
    ck_assert_ptr_nonnull(next_upload()); /* it may be there by now */
    answer_upload(201);
}
END_TEST

START_TEST(a_restart_goes_on)
{
    kit_consume(&rig, media, 2);
    rig_run(&rig, 0);
    rig_close(&rig);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 2);
    rig_open(&rig, true);
    ck_assert_uint_eq(rig_status(&rig).media_pending, 2);
    kit_consume(&rig, media, 2); /* the journal replays it */
    rig_run(&rig, 0);
    ck_assert_uint_eq(rig_status(&rig).media_pending, 2);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 2);
    answer_upload(201);
    answer_upload(201);
    ck_assert_uint_eq(rig_status(&rig).media_pending, 0);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 0);
}
END_TEST

START_TEST(a_lost_record_is_told)
{
    kit_consume(&rig, media, 1);
    rig.get_fails = NV_ERR_MALFORMED;
    rig_run(&rig, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_MEDIA_LOST), 1);
    rig.get_fails = NV_OK;
    expect_trace("[media: image/png, 6 bytes", "image://");
}
END_TEST

START_TEST(a_refused_key_holds_uploads_too)
{
    kit_consume(&rig, media, 1);
    rig_run(&rig, 0);
    answer_upload(401);
    rig_run(&rig, 100);
    ck_assert_ptr_null(next_upload());
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 1);
    rig_drain(&rig);
    rig_run(&rig, 60000);
    if (next_upload())
        answer_upload(201);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 0);
}
END_TEST

START_TEST(without_a_store_memory_will_do)
{
    rig_close(&rig);
    rig_open(&rig, false);
    kit_consume(&rig, media, 1);
    rig_run(&rig, 0);
    ck_assert(rig_body_has(next_upload(), "foobar"));
    answer_upload(201);
    expect_trace(kit_reference(1, NV_MEDIA_IMAGE), "media_pending");
}
END_TEST

/* On a full disk the reference must not lead to nothing. */
START_TEST(what_a_full_disk_does_not_keep_is_a_mark)
{
    rig.put_fails = NV_ERR_NO_SPACE;
    kit_consume(&rig, media, 2);
    rig.put_fails = NV_OK;
    rig_run(&rig, 0);
    ck_assert_ptr_null(next_upload());
    ck_assert_uint_eq(rig_status(&rig).media_pending, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_MEDIA_LOST), 2);
    expect_trace("[media: image/png, 6 bytes, sha256 01010101", "://");
}
END_TEST

/* The disk takes the first record and no more. */
static enum nv_err (*real_put)(void *ctx, enum nv_record_kind kind, struct nv_str head,
                               struct nv_str payload, uint64_t *id);

static enum nv_err put_once(void *ctx, enum nv_record_kind kind, struct nv_str head,
                            struct nv_str payload, uint64_t *id)
{
    enum nv_err err = real_put(ctx, kind, head, payload, id);
    rig.put_fails = NV_ERR_NO_SPACE;
    return err;
}

START_TEST(one_is_kept_and_one_is_not)
{
    rig_close(&rig);
    real_put = rig.store.put;
    rig.store.put = put_once;
    rig_open(&rig, true);
    kit_consume(&rig, media, 2);
    rig.put_fails = NV_OK;
    rig_run(&rig, 0);
    answer_upload(201);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_MEDIA_LOST), 1);
    expect_trace(kit_reference(1, NV_MEDIA_IMAGE), "audio://");
    rig.store.put = real_put;
}
END_TEST

/* Nothing of the requests may be released before the media are on the disk. */
START_TEST(the_last_record_is_synced)
{
    kit_consume(&rig, media, 2);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 2);
    ck_assert(rig.records[0].synced && rig.records[1].synced);
}
END_TEST

START_TEST(without_memory_trace_and_media_wait)
{
    for (unsigned long n = 1;; n++) {
        rig_close(&rig);
        rig_open(&rig, true);
        struct nv_trace *trace = kit_trace(&rig, media, 2);
        oom_fail_nth(n);
        nv_exporter_consume(rig.exporter, trace);
        bool failed = oom_end();
        rig_run(&rig, 0);
        rig_run(&rig, 1000);
        ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 2);
        answer_upload(201);
        answer_upload(201);
        ck_assert_uint_eq(nv_count_get(NV_COUNT_MEDIA_LOST), 0);
        ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 0);
        rig.sent = 0;
        expect_trace(kit_reference(1, NV_MEDIA_IMAGE), "media_pending");
        if (!failed)
            break;
    }
}
END_TEST

START_TEST(without_memory_for_a_mark_the_trace_waits)
{
    kit_consume(&rig, media, 1);
    rig_run(&rig, 0);
    rig_answer(&rig, next_upload(), 400, "", "{}");
    oom_fail_from(1);
    (void)nv_exporter_pump(rig.exporter);
    ck_assert(oom_end());
    ck_assert_uint_eq(rig.sent, 0);
    expect_trace("[media: image/png, 6 bytes, sha256 01010101", "image://");
}
END_TEST

/* A mark would come too late: the medium is kept for a backend that has the route one day. */
START_TEST(no_route_for_what_a_trace_refers_to)
{
    rig.config.media_wait_ms = 0;
    rig_close(&rig);
    rig_open(&rig, true);
    kit_consume(&rig, media, 1);
    rig_run(&rig, 0);
    rig_run(&rig, 1000);
    struct rig_flight *flight = next_upload();
    ck_assert(flight && rig.sent == 1);
    rig_answer(&rig, flight, 404, "", "{}");
    rig_run(&rig, 0);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_MEDIA_DEAD), 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_MEDIA_MARKED), 0);
}
END_TEST

/* The media of the kit have no hash of their bytes: a letter of one that has. */
static uint64_t put_letter(void)
{
    static const char letter[] =
        "{\"medium\":{\"uuid\":\"u\",\"trace_id\":\"t\",\"span_id\":\"s\",\"mime\":\"image/"
        "png\","
        "\"sha256\":\"c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2\","
        "\"bytes\":6},\"data\":\"Zm9vYmFy\"}";
    uint64_t id = 0;
    ck_assert_int_eq(rig.store.put(rig.store.ctx, NV_RECORD_DEAD_LETTER, NV_STR("{}"),
                                   nv_str_from(letter), &id),
                     NV_OK);
    return id;
}

START_TEST(a_dead_letter_is_uploaded_again)
{
    kit_consume(&rig, media, 1);
    rig_run(&rig, 0);
    answer_upload(404); /* no such route: for minutes nothing is tried */
    expect_trace("[media: image/png", "image://");
    ck_assert_int_eq(nv_exporter_retry_dead(rig.exporter, put_letter(), NV_STR("")), NV_OK);
    rig_run(&rig, 0);
    ck_assert(next_upload() && rig_body_has(next_upload(), "foobar"));
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 0);
    answer_upload(201);
    rig_run(&rig, 1000);
    ck_assert_uint_eq(rig_in_flight(&rig), 0); /* its trace is not sent again */
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 0);
    ck_assert_uint_eq(rig_delivered(), 1);
}
END_TEST

START_TEST(a_letter_at_the_stop_waits_for_the_next_start)
{
    ck_assert_int_eq(nv_exporter_retry_dead(rig.exporter, put_letter(), NV_STR("")), NV_OK);
    rig_close(&rig);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 1);
    rig_open(&rig, true);
    rig_run(&rig, 0);
    answer_upload(201);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/send/uploading");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, uploads_go_first);
    tcase_add_test(tests, a_trace_waits_so_long);
    tcase_add_test(tests, trouble_is_tried_again);
    tcase_add_test(tests, refused_ones_become_letters_and_marks);
    tcase_add_test(tests, a_letter_that_is_not_stored_waits);
    tcase_add_test(tests, no_route_holds_nobody);
    tcase_add_test(tests, a_restart_goes_on);
    tcase_add_test(tests, a_lost_record_is_told);
    tcase_add_test(tests, a_refused_key_holds_uploads_too);
    tcase_add_test(tests, without_a_store_memory_will_do);
    tcase_add_test(tests, what_a_full_disk_does_not_keep_is_a_mark);
    tcase_add_test(tests, one_is_kept_and_one_is_not);
    tcase_add_test(tests, the_last_record_is_synced);
    tcase_add_test(tests, without_memory_trace_and_media_wait);
    tcase_add_test(tests, without_memory_for_a_mark_the_trace_waits);
    tcase_add_test(tests, no_route_for_what_a_trace_refers_to);
    tcase_add_test(tests, a_dead_letter_is_uploaded_again);
    tcase_add_test(tests, a_letter_at_the_stop_waits_for_the_next_start);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
