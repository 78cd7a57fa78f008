/*
 * Multipart bodies, byte for byte, and pictures that hold the boundary.
 */
#include "expect.h"
#include "media_kit.h"

#include "exporter/media/form.h"

#include "base/banned.h"

static struct nv_upload *make(struct nv_medium medium)
{
    const struct nv_span span = {.span_id = {0xab}, .start_ns = 1700000000123456789u};
    const struct nv_trace trace = {
        .trace_id = {0xcd}, .spans = (struct nv_span *)(uintptr_t)&span, .span_count = 1};
    struct nv_upload *upload = NULL;

    ck_assert_int_eq(nv_upload_new(NULL, &trace, &medium, NV_TRACE_ID_UUID, &upload), NV_OK);
    return upload;
}

static void expect_form(struct nv_medium medium, const char *want)
{
    char boundary[NV_FORM_BOUNDARY];
    struct nv_upload *upload = make(medium);
    struct nv_buf out;

    nv_buf_init(&out, 1u << 16);
    ck_assert_int_eq(nv_form_write(upload, NULL, 0x1234, boundary, &out), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), want);
    nv_buf_release(&out);
    nv_upload_unref(upload);
}

#define B "--noveum-000000000000123400\r\n"
#define FIELD(name, value)                                                                     \
    B "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define UUID "01010101-0101-0101-0101-010101010101"
#define COMMON(uuid)                                                                           \
    FIELD("traceId", "cd000000-0000-0000-0000-000000000000")                                   \
    FIELD("spanId", "ab00000000000000")                                                        \
    FIELD(uuid, UUID) FIELD("timestamp", "1700000000.123456")

START_TEST(a_picture)
{
    expect_form(kit_medium(1, NV_MEDIA_IMAGE), COMMON("image_uuid") FIELD("format", "png") B
                "Content-Disposition: form-data; name=\"file\"; filename=\"" UUID ".png\"\r\n"
                "Content-Type: image/png\r\n\r\nfoobar\r\n--noveum-000000000000123400--\r\n");
}
END_TEST

START_TEST(a_sound)
{
    struct nv_medium sound = kit_medium(1, NV_MEDIA_AUDIO);
    sound.use = NV_MEDIA_TTS;
    expect_form(sound, COMMON("audio_uuid") FIELD("format", "wav") FIELD("type", "tts") B
                "Content-Disposition: form-data; name=\"file\"; filename=\"" UUID ".wav\"\r\n"
                "Content-Type: audio/wav\r\n\r\nfoobar\r\n--noveum-000000000000123400--\r\n");
}
END_TEST

START_TEST(a_boundary_in_the_bytes_is_not_taken)
{
    struct nv_medium medium = kit_medium(1, NV_MEDIA_IMAGE);
    char boundary[NV_FORM_BOUNDARY];
    struct nv_buf out;

    medium.raw = true;
    medium.text = NV_STR("x\r\n--noveum-000000000000123400--");
    medium.bytes = medium.text.len;
    struct nv_upload *upload = make(medium);
    nv_buf_init(&out, 1u << 16);
    ck_assert_int_eq(nv_form_write(upload, NULL, 0x1234, boundary, &out), NV_OK);
    ck_assert_str_eq(boundary, "noveum-000000000000123401");
    ck_assert(nv_str_ends(nv_buf_str(&out), NV_STR("\r\n--noveum-000000000000123401--\r\n")));
    nv_buf_release(&out);
    nv_upload_unref(upload);
}
END_TEST

START_TEST(bytes_that_are_gone)
{
    struct nv_upload *upload = make(kit_medium(1, NV_MEDIA_IMAGE));
    char boundary[NV_FORM_BOUNDARY];
    struct nv_buf out;

    nv_upload_forget(upload, NULL);
    nv_buf_init(&out, 1u << 16);
    ck_assert_int_eq(nv_form_write(upload, NULL, 1, boundary, &out), NV_ERR_NOT_FOUND);
    nv_buf_release(&out);
    nv_upload_unref(upload);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/media/form");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, a_picture);
    tcase_add_test(tests, a_sound);
    tcase_add_test(tests, a_boundary_in_the_bytes_is_not_taken);
    tcase_add_test(tests, bytes_that_are_gone);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
