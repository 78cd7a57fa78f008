/*
 * Dead letters of media: listed and shown as those of traces, with the bytes as base64.
 */
#include "expect.h"
#include "media_kit.h"
#include "oom.h"

#include "base/text/text.h"
#include "exporter/media/letter.h"
#include "exporter/outbox/dead_letters.h"

#include "base/banned.h"

static struct nv_rig rig;

static void set_up(void)
{
    rig_init(&rig);
}

static void tear_down(void)
{
    rig_release(&rig);
}

static struct nv_upload *make(void)
{
    const struct nv_medium medium = kit_medium(1, NV_MEDIA_IMAGE);
    const struct nv_trace trace = {.trace_id = {0xcd}};
    struct nv_upload *upload = NULL;

    ck_assert_int_eq(nv_upload_new(&rig.store, &trace, &medium, NV_TRACE_ID_UUID, &upload),
                     NV_OK);
    return upload;
}

static const struct nv_media_letter why = {NV_DEAD_REJECTED, 400, "refused",
                                           "no \"such\" form"};

static void see(void *ctx, const struct nv_dead_letter *letter)
{
    uint64_t *id = ctx;

    *id = letter->id;
    ck_assert_nv_str(letter->trace_id, "cd000000-0000-0000-0000-000000000000");
    ck_assert_nv_str(letter->name, "image/png 01010101-0101-0101-0101-010101010101");
    ck_assert_nv_str(letter->reason, "rejected");
    ck_assert_nv_str(letter->why, "refused: no \"such\" form");
    ck_assert_int_eq(letter->status, 400);
    ck_assert_uint_eq(letter->spans, 0);
}

START_TEST(listed_and_shown)
{
    struct nv_upload *upload = make();
    struct nv_buf out;
    uint64_t id = 0;

    ck_assert_int_eq(nv_media_letter_put(&rig.store, &upload->facts, upload->record, &why, 1),
                     NV_OK);
    ck_assert_int_eq(nv_dead_letters_list(&rig.store, see, &id), NV_OK);
    ck_assert_uint_gt(id, 0);
    nv_buf_init(&out, 1u << 16);
    ck_assert_int_eq(nv_dead_letters_show(&rig.store, id, &out), NV_OK);
    ck_assert_uint_ne(nv_str_find(nv_buf_str(&out), NV_STR("\"data\": \"Zm9vYmFy\"")),
                      SIZE_MAX);
    ck_assert_uint_ne(nv_str_find(nv_buf_str(&out), NV_STR("\"mime\": \"image/png\"")),
                      SIZE_MAX);
    /* It is no trace, and can't be sent as one. */
    ck_assert_int_ne(nv_dead_letters_retry(&rig.store, id, NV_STR(""), NULL), NV_OK);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
    nv_buf_release(&out);
    nv_upload_unref(upload);
}
END_TEST

START_TEST(failures_leave_no_letter)
{
    struct nv_upload *upload = make();

    ck_assert_int_eq(nv_media_letter_put(&rig.store, &upload->facts, 99, &why, 1),
                     NV_ERR_NOT_FOUND);
    rig.put_fails = NV_ERR_NO_SPACE;
    ck_assert_int_eq(nv_media_letter_put(&rig.store, &upload->facts, upload->record, &why, 1),
                     NV_ERR_NO_SPACE);
    rig.put_fails = NV_OK;
    oom_fail_nth(1);
    enum nv_err err = nv_media_letter_put(&rig.store, &upload->facts, upload->record, &why, 1);
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 0);
    nv_upload_unref(upload);
}
END_TEST

static const struct nv_medium *real(void)
{
    static struct nv_medium medium;
    static const char hash[] =
        "c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2"; /* of foobar */

    medium = kit_medium(1, NV_MEDIA_AUDIO);
    medium.use = NV_MEDIA_STT;
    ck_assert_int_eq(nv_hex_decode(nv_str_from(hash), medium.hash, sizeof medium.hash), NV_OK);
    return &medium;
}

/* A letter, and what it was made of. */
static uint64_t bury(struct nv_upload_facts *facts)
{
    const struct nv_trace trace = {.trace_id = {0xcd}, .start_ns = 77};
    struct nv_upload *upload = NULL;

    ck_assert_int_eq(nv_upload_new(&rig.store, &trace, real(), NV_TRACE_ID_UUID, &upload),
                     NV_OK);
    ck_assert_int_eq(nv_media_letter_put(&rig.store, &upload->facts, upload->record, &why, 1),
                     NV_OK);
    *facts = upload->facts;
    nv_upload_forget(upload, &rig.store);
    nv_upload_unref(upload);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 0);
    return rig.last_id;
}

START_TEST(tried_again_it_is_what_it_was)
{
    struct nv_upload_facts facts;
    struct nv_upload *again = NULL;
    struct nv_buf bytes;
    bool is = false;
    uint64_t id = bury(&facts);

    ck_assert_int_eq(nv_media_letter_retry(&rig.store, id, &again, &is), NV_OK);
    ck_assert(is && again);
    ck_assert_mem_eq(&again->facts, &facts, sizeof facts);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 0);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 1);
    ck_assert(rig.records[rig.record_count - 1].synced || rig.records[0].synced);
    nv_buf_init(&bytes, 1000);
    ck_assert_int_eq(nv_upload_read(again, &rig.store, &bytes), NV_OK);
    ck_assert_nv_str(nv_buf_str(&bytes), "foobar");
    nv_buf_release(&bytes);
    nv_upload_unref(again);
    again = NULL; /* and the next start finds it */
    ck_assert_int_eq(nv_upload_load(&rig.store, &again), NV_OK);
    ck_assert_mem_eq(&again->facts, &facts, sizeof facts);
    nv_upload_unref(again);
    ck_assert_int_eq(nv_media_letter_retry(&rig.store, id, NULL, &is), NV_ERR_NOT_FOUND);
}
END_TEST

#define MEDIUM(mime, more, data)                                                               \
    "{\"medium\":{\"uuid\":\"u\",\"trace_id\":\"t\",\"span_id\":\"s\",\"mime\":\"" mime        \
    "\",\"sha256\":\"c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2\"," more \
    "\"bytes\":6},\"data\":\"" data "\"}"

static const struct {
    const char *payload;
    enum nv_err err;
    bool is;
} letters[] = {
    {MEDIUM("image/png", "", "Zm9vYmFy"), NV_OK, true}, /* as 0.1 wrote them */
    {MEDIUM("audio/wav", "\"format\":\"x\",", "Zm9vYmFy"), NV_OK, true},
    {MEDIUM("image/png", "", "Zm9vYmFz"), NV_ERR_MALFORMED, true}, /* other bytes */
    {MEDIUM("image/png", "", "Zm9v"), NV_ERR_MALFORMED, true},
    {MEDIUM("image/png", "", "!"), NV_ERR_MALFORMED, true},
    {MEDIUM("image/p ng", "", "Zm9vYmFy"), NV_ERR_MALFORMED, true},
    {MEDIUM("image/p\\r\\n", "", "Zm9vYmFy"), NV_ERR_MALFORMED, true},
    {MEDIUM("video/mp4", "", "Zm9vYmFy"), NV_ERR_MALFORMED, true},
    {MEDIUM("image/png", "\"x\":[1],", "Zm9vYmFy"), NV_ERR_MALFORMED, true},
    {"{\"medium\":{}}", NV_ERR_MALFORMED, true},
    {"{\"medium\":1}", NV_ERR_MALFORMED, true},
    {"{\"medium\":", NV_ERR_MALFORMED, true},
    {"{\"trace_id\":\"a\",\"spans\":[]}", NV_OK, false},
    {"[]", NV_OK, false},
    {"", NV_OK, false},
};

START_TEST(what_is_read_of_a_letter)
{
    bool is = false;
    uint64_t id;

    ck_assert_int_eq(rig.store.put(rig.store.ctx, NV_RECORD_DEAD_LETTER, NV_STR("{}"),
                                   nv_str_from(letters[_i].payload), &id),
                     NV_OK);
    ck_assert_int_eq(nv_media_letter_retry(&rig.store, id, NULL, &is), letters[_i].err);
    ck_assert(is == letters[_i].is);
    bool sent = letters[_i].err == NV_OK && is;
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), sent);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), !sent);
}
END_TEST

START_TEST(a_letter_stays_when_its_new_place_does_not_take_it)
{
    struct nv_upload_facts facts;
    bool is = false;
    uint64_t id = bury(&facts);

    rig.put_fails = NV_ERR_NO_SPACE;
    ck_assert_int_eq(nv_media_letter_retry(&rig.store, id, NULL, &is), NV_ERR_NO_SPACE);
    rig.put_fails = NV_OK;
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_media_letter_retry(&rig.store, id, NULL, &is);
        bool failed = oom_end();
        if (err == NV_OK)
            break;
        ck_assert(failed && err == NV_ERR_NO_MEMORY);
        ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
    }
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 1);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/media/letter");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, listed_and_shown);
    tcase_add_test(tests, failures_leave_no_letter);
    tcase_add_test(tests, tried_again_it_is_what_it_was);
    tcase_add_loop_test(tests, what_is_read_of_a_letter, 0, sizeof letters / sizeof *letters);
    tcase_add_test(tests, a_letter_stays_when_its_new_place_does_not_take_it);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
