/*
 * Media parts of a dozen forms: one flat form comes of them, with nothing lost.
 */
#include "cases.h"
#include "deep.h"
#include "expect.h"
#include "message_kit.h"

#include "base/banned.h"

static const struct {
    const char *type, *part, *expected;
} media[] = {
    {"image", "{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\",\"detail\":\"low\"}}",
     "{\"type\":\"image\",\"url\":\"u\",\"detail\":\"low\"}"},
    {"image", "{\"type\":\"image_url\",\"image_url\":\"https://u\"}",
     "{\"type\":\"image\",\"url\":\"https://u\"}"},
    {"image", "{\"type\":\"image\",\"image\":\"aGk=\",\"mediaType\":\"image/png\"}",
     "{\"type\":\"image\",\"mime_type\":\"image/png\",\"data\":\"aGk=\"}"},
    {"image",
     "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
     "\"data\":\"aGk=\"}}",
     "{\"type\":\"image\",\"mime_type\":\"image/png\",\"data\":\"aGk=\"}"},
    {"", "{\"inlineData\":{\"mimeType\":\"audio/wav\",\"data\":\"aGk=\"}}",
     "{\"type\":\"audio\",\"mime_type\":\"audio/wav\",\"data\":\"aGk=\"}"},
    {"", "{\"file_data\":{\"mime_type\":\"video/mp4\",\"file_uri\":\"gs://b/v\"}}",
     "{\"type\":\"video\",\"mime_type\":\"video/mp4\",\"url\":\"gs://b/v\"}"},
    {"", "{\"file_data\":{\"mime_type\":\"application/pdf\",\"file_uri\":\"gs://b/d\"}}",
     "{\"type\":\"file\",\"mime_type\":\"application/pdf\",\"url\":\"gs://b/d\"}"},
    {"image", "{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"aGk=\"}}}",
     "{\"type\":\"image\",\"data\":\"aGk=\",\"format\":\"png\"}"},
    {"",
     "{\"type\":\"blob\",\"modality\":\"image\",\"mime_type\":\"image/png\",\"content\":\"x\"}",
     "{\"type\":\"image\",\"mime_type\":\"image/png\",\"data\":\"x\"}"},
    {"", "{\"type\":\"file\",\"file_id\":\"f\"}", "{\"type\":\"file\",\"file_id\":\"f\"}"},
    {"", "{\"type\":\"file\",\"file\":{\"url\":\"a\"},\"url\":\"b\",\"data\":\"\"}",
     "{\"type\":\"file\",\"url\":\"a\",\"part.url\":\"b\"}"},
    {"image", "{\"image\":{\"image\":{\"image\":{\"image\":{\"image\":{\"image\":1}}}}}}",
     "{\"type\":\"image\",\"image\":{\"image\":1}}"},
    {"image", "{\"image\":[137,80]}", "{\"type\":\"image\",\"data\":\"iVA=\"}"},
    {"image", "{\"image\":[137,800]}", "{\"type\":\"image\",\"image\":[137,800]}"},
    {"image", "{\"image\":{\"0\":137,\"1\":80}}", "{\"type\":\"image\",\"data\":\"iVA=\"}"},
    {"image", "{\"image\":{\"0\":137,\"2\":80}}", "{\"type\":\"image\",\"0\":137,\"2\":80}"},
    {"", "{\"type\":\"Buffer\",\"data\":[137,80]}", "{\"type\":\"file\",\"data\":\"iVA=\"}"},
    {"", "{\"type\":\"Buffer\",\"data\":[]}", "{\"type\":\"file\"}"},
    {"audio", "{\"type\":\"audio\",\"audio\":{\"audio\":{\"url\":\"u\",\"transcript\":\"t\"}}}",
     "{\"type\":\"audio\",\"url\":\"u\",\"transcript\":\"t\"}"},
};

/* As messages_media.c has it. */
#define MEDIA_DEPTH_MAX 4u

START_TEST(test_depth)
{
    for (unsigned more = 0; more < 2; more++) {
        struct nv_test_messages kit;
        struct nv_value out;
        nv_test_messages_open(&kit, NV_MESSAGES_INPUT);
        const struct nv_value part = nv_test_deep(kit.arena, MEDIA_DEPTH_MAX + more,
                                                  "{\"image\":", "{\"url\":\"u\"}", "}");
        ck_assert_int_eq(nv_media_part(kit.arena, &part, NV_STR("image"), &out), NV_OK);
        ck_assert_int_eq(nv_map_get(&out, NV_STR("url")) != NULL, more == 0);
        nv_test_messages_close(&kit);
    }
}
END_TEST

START_TEST(test_media)
{
    struct nv_test_messages kit;
    struct nv_value out;
    struct nv_buf buf;
    nv_test_messages_open(&kit, NV_MESSAGES_INPUT);
    const struct nv_value *part = nv_test_messages_value(&kit, media[_i].part);
    ck_assert_int_eq(nv_media_part(kit.arena, part, nv_str_from(media[_i].type), &out), NV_OK);
    ck_assert_json_eq(nv_test_json(&out, &buf), nv_str_from(media[_i].expected));
    nv_buf_release(&buf);
    nv_test_messages_close(&kit);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("messages_media");
    TCase *tcase = tcase_create("messages_media");
    tcase_add_loop_test(tcase, test_media, 0, (int)(sizeof media / sizeof media[0]));
    tcase_add_test(tcase, test_depth);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
