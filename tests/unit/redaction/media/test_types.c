/*
 * What bytes are: by themselves, by what is said, and when both disagree.
 */
#include "expect.h"

#include "redaction/media/types.h"

#include "base/banned.h"

static const struct nv_media_said nothing;

static void is_type(struct nv_str head, const struct nv_media_said *said, const char *mime,
                    const char *format, enum nv_media_kind kind)
{
    struct nv_media_type type;
    ck_assert_msg(nv_media_type_of(head, said, &type), "%s is not told", mime);
    ck_assert_nv_str(type.mime, mime);
    ck_assert_nv_str(type.format, format);
    ck_assert_int_eq(type.kind, kind);
}

static bool is_none(struct nv_str head, const struct nv_media_said *said)
{
    struct nv_media_type type;
    return !nv_media_type_of(head, said, &type);
}

START_TEST(bytes_tell)
{
    static const struct {
        struct nv_str head;
        const char *mime, *format;
        enum nv_media_kind kind;
    } rows[] = {
        {NV_STR_INIT("\x89PNG\r\n\x1a\n...."), "image/png", "png", NV_MEDIA_IMAGE},
        {NV_STR_INIT("\xff\xd8\xff\xe0"), "image/jpeg", "jpeg", NV_MEDIA_IMAGE},
        {NV_STR_INIT("GIF89a.."), "image/gif", "gif", NV_MEDIA_IMAGE},
        {NV_STR_INIT("RIFF....WEBPVP8 "), "image/webp", "webp", NV_MEDIA_IMAGE},
        {NV_STR_INIT("RIFF....WAVEfmt "), "audio/wav", "wav", NV_MEDIA_AUDIO},
        {NV_STR_INIT("OggS\0..."), "audio/ogg", "ogg", NV_MEDIA_AUDIO},
        {NV_STR_INIT("ID3...."), "audio/mpeg", "mp3", NV_MEDIA_AUDIO},
        {NV_STR_INIT("....ftypM4A "), "audio/mp4", "m4a", NV_MEDIA_AUDIO},
        {NV_STR_INIT("....ftypisom"), "video/mp4", "mp4", NV_MEDIA_VIDEO},
        {NV_STR_INIT("\x1a\x45\xdf\xa3"), "video/webm", "webm", NV_MEDIA_VIDEO},
        {NV_STR_INIT("%PDF-1.7"), "application/pdf", "pdf", NV_MEDIA_FILE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        is_type(rows[i].head, &nothing, rows[i].mime, rows[i].format, rows[i].kind);
}
END_TEST

START_TEST(what_bytes_say_counts_more)
{
    const struct nv_media_said wrong = {.mime = NV_STR("audio/wav"), .kind = NV_STR("audio")};
    is_type(NV_STR("\x89PNG\r\n\x1a\n"), &wrong, "image/png", "png", NV_MEDIA_IMAGE);
}
END_TEST

START_TEST(weak_signs_need_a_word)
{
    const struct nv_media_said sound = {.kind = NV_STR("input_audio")};
    const struct nv_media_said picture = {.mime = NV_STR("image/x")};
    ck_assert(is_none(NV_STR("BMore"), &nothing));
    ck_assert(is_none(NV_STR("\xff\xfb"), &nothing));
    is_type(NV_STR("\xff\xfb\x90"), &sound, "audio/mpeg", "mp3", NV_MEDIA_AUDIO);
    is_type(NV_STR("BM...."), &picture, "image/bmp", "bmp", NV_MEDIA_IMAGE);
    is_type(NV_STR("\xff\xfb\x90"), &picture, "image/x", "x", NV_MEDIA_IMAGE);
}
END_TEST

START_TEST(words_tell_where_bytes_do_not)
{
    const struct nv_media_said in_format = {.format = NV_STR("image/svg+xml")};
    const struct nv_media_said format = {.format = NV_STR("MP3"), .kind = NV_STR("image")};
    const struct nv_media_said kind = {.kind = NV_STR("image")};
    is_type(NV_STR("<svg"), &in_format, "image/svg+xml", "svg+xml", NV_MEDIA_IMAGE);
    is_type(NV_STR("...."), &format, "audio/mpeg", "mp3", NV_MEDIA_AUDIO);
    is_type(NV_STR("...."), &kind, "image/unknown", "bin", NV_MEDIA_IMAGE);
}
END_TEST

/* Markup is no picture, and SVG no PNG, whatever was declared; a file may be what it says. */
START_TEST(markup_is_told)
{
    static const struct {
        struct nv_str head, mime;
        const char *is;
        enum nv_media_kind kind;
    } rows[] = {
        {NV_STR_INIT("<svg xmlns="), NV_STR_INIT("image/png"), "image/svg+xml", NV_MEDIA_IMAGE},
        {NV_STR_INIT("<!DOCTYPE svg "), NV_STR_INIT("image/png"), "image/svg+xml",
         NV_MEDIA_IMAGE},
        {NV_STR_INIT("<!DOCTYPE html>"), NV_STR_INIT("image/png"), "text/html", NV_MEDIA_FILE},
        {NV_STR_INIT(" \r\n<HTML><head"), NV_STR_INIT("audio/wav"), "text/html", NV_MEDIA_FILE},
        {NV_STR_INIT("<script>alert"), NV_STR_INIT("image/png"), "text/html", NV_MEDIA_FILE},
        {NV_STR_INIT("<?xml version="), NV_STR_INIT("video/mp4"), "text/xml", NV_MEDIA_FILE},
        {NV_STR_INIT("<?xml version="), NV_STR_INIT("image/svg+xml"), "image/svg+xml",
         NV_MEDIA_IMAGE},
        {NV_STR_INIT("<html>"), NV_STR_INIT("text/plain"), "text/plain", NV_MEDIA_FILE},
        {NV_STR_INIT("<sv"), NV_STR_INIT("image/png"), "image/png", NV_MEDIA_IMAGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct nv_media_said said = {.mime = rows[i].mime};
        struct nv_media_type type;
        ck_assert(nv_media_type_of(rows[i].head, &said, &type));
        ck_assert_nv_str(type.mime, rows[i].is);
        ck_assert_int_eq(type.kind, rows[i].kind);
        ck_assert(is_none(rows[i].head, &nothing));
    }
}
END_TEST

static const struct {
    struct nv_media_said said;
    struct nv_media_samples samples;
} raws[] = {
    {{.mime = NV_STR_INIT("audio/pcm")}, {24000, 1, 16, 1}},
    {{.mime = NV_STR_INIT("audio/pcm;rate=16000")}, {16000, 1, 16, 1}},
    {{.mime = NV_STR_INIT("audio/L16;codec=pcm;rate=24000")}, {24000, 1, 16, 1}},
    {{.mime = NV_STR_INIT("audio/l16; rate=44100; channels=2")}, {44100, 2, 16, 1}},
    {{.mime = NV_STR_INIT("audio/pcmu")}, {8000, 1, 8, 7}},
    {{.format = NV_STR_INIT("PCM16")}, {24000, 1, 16, 1}},
    {{.format = NV_STR_INIT("audio/pcm"), .rate = 8000}, {8000, 1, 16, 1}},
    {{.format = NV_STR_INIT("linear16"), .channels = 2}, {16000, 2, 16, 1}},
    {{.format = NV_STR_INIT("pcm_44100")}, {44100, 1, 16, 1}},
    {{.format = NV_STR_INIT("g711_ulaw"), .kind = NV_STR_INIT("audio")}, {8000, 1, 8, 7}},
    {{.format = NV_STR_INIT("g711_alaw")}, {8000, 1, 8, 6}},
    /* what can't be is not believed */
    {{.mime = NV_STR_INIT("audio/pcm;rate=999")}, {24000, 1, 16, 1}},
    {{.mime = NV_STR_INIT("audio/pcm;rate=1000")}, {NV_MEDIA_RATE_MIN, 1, 16, 1}},
    {{.mime = NV_STR_INIT("audio/pcm;rate=384000")}, {NV_MEDIA_RATE_MAX, 1, 16, 1}},
    {{.mime = NV_STR_INIT("audio/pcm;rate=384001")}, {24000, 1, 16, 1}},
    {{.mime = NV_STR_INIT("audio/pcm;rate=99999999999")}, {24000, 1, 16, 1}},
    {{.mime = NV_STR_INIT("audio/pcm;rate=-1;channels=8")},
     {24000, NV_MEDIA_CHANNELS_MAX, 16, 1}},
    {{.mime = NV_STR_INIT("audio/pcm;channels=9")}, {24000, 1, 16, 1}},
    {{.mime = NV_STR_INIT("audio/pcm;;;rate")}, {24000, 1, 16, 1}},
};

START_TEST(samples_are_as_declared)
{
    struct nv_media_type type;
    is_type(NV_STR("...."), &raws[_i].said, "audio/pcm", "pcm", NV_MEDIA_AUDIO);
    ck_assert(nv_media_type_of(NV_STR("...."), &raws[_i].said, &type));
    ck_assert_uint_eq(type.samples.rate, raws[_i].samples.rate);
    ck_assert_uint_eq(type.samples.channels, raws[_i].samples.channels);
    ck_assert_uint_eq(type.samples.bits, raws[_i].samples.bits);
    ck_assert_uint_eq(type.samples.tag, raws[_i].samples.tag);
    /* bytes with a header have one */
    ck_assert(nv_media_type_of(NV_STR("RIFF....WAVEfmt"), &raws[_i].said, &type));
    ck_assert_uint_eq(type.samples.rate, 0);
}
END_TEST

/* A client chooses them, and they go into headers and marks. */
START_TEST(words_that_may_not_go_on_are_none)
{
    static const char *const bad[] = {
        "image",
        "/png",
        "image/",
        "image/p\r\nng",
        "image/\"x\"",
        "IMAGE/PNG",
        "a/b/c",
        "",
        "image/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct nv_media_said said = {.mime = nv_str_from(bad[i])};
        ck_assert_msg(is_none(NV_STR("...."), &said), "%s", bad[i]);
    }
    ck_assert(is_none(NV_STR(""), &nothing));
}
END_TEST

/* Types have few digits, keys and telephone numbers many. */
START_TEST(digits_to_the_cap)
{
    char mime[] = "image/x0123456789";
    struct nv_media_said said = {.mime = {mime, 7 + NV_MEDIA_MIME_DIGITS_MAX}};
    ck_assert(!is_none(NV_STR("...."), &said));
    said.mime.len++;
    ck_assert(is_none(NV_STR("...."), &said));
}
END_TEST

/* A declared type to the byte, and one more. */
START_TEST(names_to_the_cap)
{
    char mime[NV_MEDIA_MIME_MAX + 1];
    struct nv_media_type type;
    memset(mime, 'x', sizeof mime);
    memcpy(mime, "image/", 6);
    struct nv_media_said said = {.mime = {mime, NV_MEDIA_MIME_MAX}};
    ck_assert(nv_media_type_of(NV_STR("...."), &said, &type));
    ck_assert_uint_eq(type.mime.len, NV_MEDIA_MIME_MAX);
    said.mime.len++;
    ck_assert(is_none(NV_STR("...."), &said));
}
END_TEST

/* Bytes alone say what they say beside a word that fits all: the filter before the rows loses
 * none. Each head with each byte in each of its places. */
START_TEST(no_head_is_passed_by)
{
    static const struct nv_str heads[] = {NV_STR_INIT("\x89PNG\r\n\x1a\n......."),
                                          NV_STR_INIT("RIFF....WEBPVP8"),
                                          NV_STR_INIT("....ftypM4A ..."),
                                          NV_STR_INIT("OggS\0.........."),
                                          NV_STR_INIT("\x1a\x45\xdf\xa3..........."),
                                          NV_STR_INIT("PK\x03\x04..........."),
                                          NV_STR_INIT("..............."),
                                          NV_STR_INIT("fLaC")};
    const struct nv_media_said blob = {.kind = NV_STR("blob")};
    struct nv_media_type alone, beside;
    char bytes[NV_MEDIA_HEAD_MAX];
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        for (unsigned n = 0; n < 256 * heads[i].len; n++) {
            struct nv_str head = {bytes, heads[i].len};
            memcpy(bytes, heads[i].ptr, head.len);
            bytes[n / 256] = (char)(n % 256);
            bool tells = nv_media_type_of(head, &nothing, &alone);
            ck_assert(nv_media_type_of(head, &blob, &beside));
            bool wanted = !nv_str_eq(beside.mime, NV_STR("application/octet-stream"));
            ck_assert_msg(tells == wanted, "head %zu, %u", i, n);
            ck_assert(!tells || nv_str_eq(alone.mime, beside.mime));
        }
    }
}
END_TEST

/* What stands behind the head that is looked at changes nothing. */
START_TEST(a_head_is_enough)
{
    char bytes[NV_MEDIA_HEAD_MAX + 1];
    struct nv_media_type type;
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "RIFF....WEBPVP", 14);
    for (size_t len = NV_MEDIA_HEAD_MAX; len <= NV_MEDIA_HEAD_MAX + 1; len++) {
        ck_assert(nv_media_type_of((struct nv_str){bytes, len}, &nothing, &type));
        ck_assert_nv_str(type.mime, "image/webp");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/media/types");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, bytes_tell);
    tcase_add_test(tests, what_bytes_say_counts_more);
    tcase_add_test(tests, weak_signs_need_a_word);
    tcase_add_test(tests, words_tell_where_bytes_do_not);
    tcase_add_test(tests, markup_is_told);
    tcase_add_loop_test(tests, samples_are_as_declared, 0, sizeof raws / sizeof *raws);
    tcase_add_test(tests, words_that_may_not_go_on_are_none);
    tcase_add_test(tests, names_to_the_cap);
    tcase_add_test(tests, digits_to_the_cap);
    tcase_add_test(tests, no_head_is_passed_by);
    tcase_add_test(tests, a_head_is_enough);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
