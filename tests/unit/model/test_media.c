/*
 * Media's names.
 */
#include "expect.h"

#include "model/media.h"

#include "base/banned.h"

START_TEST(a_uuid_as_text)
{
    const uint8_t uuid[NV_MEDIA_UUID_BYTES] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x86, 0x77,
                                               0x98, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    char text[NV_MEDIA_UUID_TEXT];
    nv_media_uuid_text(uuid, text);
    ck_assert_str_eq(text, "00112233-4455-8677-9899-aabbccddeeff");
}
END_TEST

START_TEST(every_kind_has_a_name)
{
    ck_assert_str_eq(nv_media_kind_text(NV_MEDIA_IMAGE), "image");
    ck_assert_str_eq(nv_media_kind_text(NV_MEDIA_AUDIO), "audio");
    ck_assert_str_eq(nv_media_kind_text(NV_MEDIA_VIDEO), "video");
    ck_assert_str_eq(nv_media_kind_text(NV_MEDIA_FILE), "file");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("media");
    TCase *tests = tcase_create("media");
    tcase_add_test(tests, a_uuid_as_text);
    tcase_add_test(tests, every_kind_has_a_name);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
