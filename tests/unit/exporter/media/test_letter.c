/*
 * Dead letters of media: listed and shown as those of traces, with the bytes as base64.
 */
#include "expect.h"
#include "media_kit.h"
#include "oom.h"

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

int main(void)
{
    Suite *suite = suite_create("exporter/media/letter");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, listed_and_shown);
    tcase_add_test(tests, failures_leave_no_letter);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
