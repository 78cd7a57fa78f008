/*
 * Uploads: bytes into the store and back, heads that are read again, memory without a store,
 * and every allocation failing once.
 */
#include "expect.h"
#include "media_kit.h"
#include "oom.h"

#include "exporter/media/upload.h"

#include "base/banned.h"

static struct nv_rig rig;
static struct nv_span span;
static struct nv_trace trace;

static void set_up(void)
{
    rig_init(&rig);
    span = (struct nv_span){.span_id = {0xab}, .start_ns = 1700000000123456789u};
    trace = (struct nv_trace){.trace_id = {0xcd}, .spans = &span, .span_count = 1};
}

static void tear_down(void)
{
    rig_release(&rig);
}

static struct nv_upload *make(const struct nv_store *store, const struct nv_medium *medium)
{
    struct nv_upload *upload = NULL;

    ck_assert_int_eq(nv_upload_new(store, &trace, medium, NV_TRACE_ID_UUID, &upload), NV_OK);
    return upload;
}

static void holds(const struct nv_upload *upload, const struct nv_store *store,
                  const char *bytes)
{
    struct nv_buf out;

    nv_buf_init(&out, 1024);
    ck_assert_int_eq(nv_upload_read(upload, store, &out), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), bytes);
    nv_buf_release(&out);
}

START_TEST(bytes_go_into_the_store)
{
    struct nv_medium medium = kit_medium(1, NV_MEDIA_AUDIO);
    medium.use = NV_MEDIA_STT;
    struct nv_upload *upload = make(&rig.store, &medium);
    struct nv_upload *list = NULL;

    holds(upload, &rig.store, "foobar");
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 1);
    ck_assert_int_eq(nv_upload_load(&rig.store, &list), NV_OK);
    ck_assert(list && !list->next && list->record == upload->record);
    ck_assert_mem_eq(&list->facts, &upload->facts, sizeof list->facts);
    ck_assert_str_eq(list->facts.trace_id, "cd000000-0000-0000-0000-000000000000");
    ck_assert_str_eq(list->facts.span_id, "ab00000000000000");
    nv_upload_forget(list, &rig.store);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), 0);
    nv_upload_unref(list);
    nv_upload_unref(upload);
    nv_upload_unref(NULL);
}
END_TEST

START_TEST(bytes_as_they_are)
{
    struct nv_medium medium = kit_medium(1, NV_MEDIA_IMAGE);
    medium.raw = true;
    medium.text = NV_STR("barfoo");
    struct nv_upload *upload = make(&rig.store, &medium);

    holds(upload, &rig.store, "barfoo");
    nv_upload_unref(upload);
}
END_TEST

/* Three bytes: hash and length are those of the file that is sent. */
START_TEST(samples_become_a_file)
{
    struct nv_medium medium = kit_medium(1, NV_MEDIA_AUDIO);
    struct nv_buf bytes;
    medium.type.mime = NV_STR("audio/pcm");
    medium.type.samples = (struct nv_media_samples){24000, 1, 16, 1};
    medium.text = NV_STR("Zm9v");
    medium.bytes = 3;
    struct nv_upload *upload = make(&rig.store, &medium);

    nv_buf_init(&bytes, 1000);
    ck_assert_int_eq(nv_upload_read(upload, &rig.store, &bytes), NV_OK);
    ck_assert_uint_eq(bytes.len, 48);
    ck_assert_mem_eq(bytes.bytes, "RIFF\x28\0\0\0WAVEfmt ", 16);
    ck_assert_mem_eq(bytes.bytes + 36, "data\x03\0\0\0foo\0", 12);
    ck_assert_str_eq(upload->facts.mime, "audio/wav");
    ck_assert_str_eq(upload->facts.format, "wav");
    ck_assert_uint_eq(upload->facts.bytes, 48);
    char hash[sizeof upload->facts.hash];
    ck_assert(nv_upload_hash(nv_buf_str(&bytes), hash));
    ck_assert_str_eq(upload->facts.hash, hash);
    nv_buf_release(&bytes);
    nv_upload_unref(upload);
}
END_TEST

START_TEST(without_a_store_memory_has_them)
{
    struct nv_medium medium = kit_medium(1, NV_MEDIA_IMAGE), large = medium;
    struct nv_upload *upload = make(NULL, &medium), *none = NULL;

    holds(upload, NULL, "foobar");
    large.bytes = ((uint64_t)64 << 20) - 5; /* one past the cap, with the other */
    ck_assert_int_eq(nv_upload_new(NULL, &trace, &large, NV_TRACE_ID_HEX, &none), NV_ERR_FULL);
    nv_upload_forget(upload, NULL);
    ck_assert_int_eq(nv_upload_new(NULL, &trace, &large, NV_TRACE_ID_HEX, &none), NV_OK);
    ck_assert_str_eq(none->facts.trace_id, "cd000000000000000000000000000000");
    nv_upload_unref(none);
    nv_upload_unref(upload);
}
END_TEST

START_TEST(heads_that_are_none_are_left)
{
    static const char *const heads[] = {"",
                                        "1",
                                        "2 u t s m f h 0 0 1 6",
                                        "1 u t s m f h 2 0 1 6",
                                        "1 u t s m f h 0 3 1 6",
                                        "1 u t s m f h 0 0 x 6",
                                        "1 u t s m f h 0 0 1 6 7",
                                        "1 u t s m  h 0 0 1 6"};
    struct nv_upload *list = NULL;
    uint64_t id;

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        ck_assert_int_eq(rig.store.put(rig.store.ctx, NV_RECORD_MEDIUM, nv_str_from(heads[i]),
                                       NV_STR("x"), &id),
                         NV_OK);
    }
    ck_assert_int_eq(nv_upload_load(&rig.store, &list), NV_OK);
    ck_assert_ptr_null(list);
    ck_assert_int_eq(nv_upload_load(NULL, &list), NV_OK);
}
END_TEST

START_TEST(a_store_that_refuses)
{
    const struct nv_medium medium = kit_medium(1, NV_MEDIA_IMAGE);
    struct nv_upload *upload = NULL;

    rig.put_fails = NV_ERR_NO_SPACE;
    ck_assert_int_eq(nv_upload_new(&rig.store, &trace, &medium, NV_TRACE_ID_UUID, &upload),
                     NV_ERR_NO_SPACE);
}
END_TEST

START_TEST(without_memory_it_says_so)
{
    const struct nv_medium medium = kit_medium(1, NV_MEDIA_IMAGE);
    struct nv_upload *upload = NULL;

    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_upload_new(NULL, &trace, &medium, NV_TRACE_ID_UUID, &upload);
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    }
    nv_upload_unref(upload);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/media/upload");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, bytes_go_into_the_store);
    tcase_add_test(tests, bytes_as_they_are);
    tcase_add_test(tests, samples_become_a_file);
    tcase_add_test(tests, without_a_store_memory_has_them);
    tcase_add_test(tests, heads_that_are_none_are_left);
    tcase_add_test(tests, a_store_that_refuses);
    tcase_add_test(tests, without_memory_it_says_so);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
