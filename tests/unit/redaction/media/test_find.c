/*
 * Media in texts: where they begin and end, what is left alone, and what hostile texts cost.
 */
#include "expect.h"

#include "base/buf.h"
#include "redaction/media/find.h"

#include "base/banned.h"

/* A picture of one pixel, 69 bytes. */
#define PNG                                                                                    \
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQDJ/"                \
    "pLvAAAAAElFTkSuQmCC"
#define PNG_ESCAPED                                                                            \
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQDJ\\/"              \
    "pLvAAAAAElFTkSuQmCC"
#define GIF "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
/* 48 bytes of no kind. */
#define BYTES "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v"

static const struct nv_media_said nothing;

static struct nv_media_found found;

static bool finds(struct nv_str text, size_t at)
{
    bool is;
    ck_assert_int_eq(nv_media_find(text, at, &found, &is), NV_OK);
    return is;
}

/* The text before, the medium and the text behind it. */
static void finds_between(const char *before, const char *medium, const char *behind,
                          const char *mime, uint64_t bytes)
{
    struct nv_buf text;
    nv_buf_init(&text, 4096);
    (void)nv_buf_printf(&text, "%s%s%s", before, medium, behind);
    ck_assert_msg(finds(nv_buf_str(&text), 0), "%s%s%s", before, medium, behind);
    ck_assert_uint_eq(found.from, strlen(before));
    ck_assert_uint_eq(found.to, strlen(before) + strlen(medium));
    ck_assert_nv_str(found.type.mime, mime);
    ck_assert_uint_eq(found.bytes, bytes);
    nv_buf_release(&text);
}

START_TEST(runs_whose_bytes_tell)
{
    finds_between("", PNG, "", "image/png", 69);
    finds_between("{\"data\": \"", PNG, "\"}", "image/png", 69);
    finds_between("[\"a\\n", PNG_ESCAPED, "\\n\"]", "image/png", 69);
    finds_between("{'image': b'", PNG, "'}", "image/png", 69);
    for (int i = 0; i < 200; i++) {
        char before[256];
        memset(before, ' ', (size_t)i);
        before[i] = '\0';
        finds_between(before, PNG, " behind", "image/png", 69);
    }
}
END_TEST

START_TEST(data_uris_as_a_whole)
{
    finds_between("see ", "data:image/png;base64," PNG, ")", "image/png", 69);
    finds_between("see ", "data:audio/wav;name=x;base64," PNG, ")", "image/png", 69);
    finds_between("see ", "data:image/png;base64" PNG, ")", "image/png", 69); /* no comma */
    finds_between("\"", "data:image/svg+xml;base64," BYTES BYTES, "\"", "image/svg+xml", 96);
    finds_between("\"", "data:image\\/svg;base64," BYTES BYTES, "\"",
                  "application/octet-stream", 96);
    finds_between("data:data:", "data:;base64," BYTES BYTES, "", "application/octet-stream",
                  96);
}
END_TEST

START_TEST(what_is_no_medium_stays)
{
    ck_assert(!finds(NV_STR(""), 0));
    ck_assert(
        !finds(NV_STR("A word, and https://example.com/a/long/path/of/more/than/a/hundred/"
                      "characters/which/is/all/of/the/alphabet/of/base64/but/no/picture"),
               0));
    ck_assert(!finds(NV_STR(BYTES BYTES), 0));
    ck_assert(!finds(NV_STR("base64," BYTES BYTES), 0));
    ck_assert(
        !finds(NV_STR("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFt"
                      "ZSI6IkpvaG4gRG9lIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"),
               0));
    ck_assert(!finds(NV_STR(PNG), 93));
}
END_TEST

START_TEST(one_behind_the_other)
{
    const struct nv_str text = NV_STR("[\"" PNG "\",\"" PNG "\"]");
    ck_assert(finds(text, 0));
    ck_assert_uint_eq(found.to, 94);
    ck_assert(finds(text, found.to));
    ck_assert_uint_eq(found.from, 97);
    ck_assert(!finds(text, found.to));
}
END_TEST

START_TEST(an_end_in_the_middle_is_told)
{
    ck_assert(finds(NV_STR(PNG), 0) && !found.cut);
    ck_assert(finds(nv_str_slice(NV_STR(PNG), 0, 89), 0) && found.cut);
    ck_assert(finds(NV_STR(PNG "..."), 0) && found.cut);
    ck_assert(finds(NV_STR(PNG "\xe2\x80\xa6"), 0) && found.cut);
}
END_TEST

static bool is_whole(struct nv_str text, const struct nv_media_said *said)
{
    bool is;
    ck_assert_int_eq(nv_media_whole(text, said, &found, &is), NV_OK);
    if (is)
        ck_assert_uint_eq(found.to, text.len);
    return is;
}

START_TEST(whole_texts)
{
    const struct nv_media_said pcm = {.format = NV_STR("pcm16")};
    ck_assert(is_whole(NV_STR("data:image/gif;base64," GIF), &nothing) && found.bytes == 42);
    ck_assert(is_whole(NV_STR(GIF "\n"), &nothing) && found.bytes == 42);
    ck_assert(is_whole(NV_STR("data:;base64,aGk="), &nothing) && found.bytes == 2);
    ck_assert(is_whole(NV_STR("data:audio/pcm;base64,aGk="), &nothing));
    ck_assert_nv_str(found.type.mime, "audio/pcm");
    ck_assert(is_whole(NV_STR(BYTES), &pcm) && found.bytes == 48 && !found.cut);
    ck_assert_nv_str(found.text, BYTES);
    ck_assert(is_whole(NV_STR(BYTES "..."), &pcm) && found.cut);
    ck_assert(!is_whole(NV_STR(BYTES), &nothing));
    ck_assert(!is_whole(NV_STR(BYTES " and more"), &pcm));
    ck_assert(!is_whole(NV_STR("hello"), &pcm));
    ck_assert(!is_whole(NV_STR("data:image/png,%89PNG"), &nothing));
    ck_assert(!is_whole(NV_STR("data:image/png;base64,"), &nothing));
    ck_assert(!is_whole(NV_STR("data:"), &nothing));
    ck_assert(!is_whole(NV_STR(""), &nothing));
}
END_TEST

START_TEST(bytes_as_they_are)
{
    bool is;
    ck_assert_int_eq(nv_media_bytes(NV_STR("GIF89a.."), &nothing, &found, &is), NV_OK);
    ck_assert(is && found.bytes == 8);
    ck_assert_int_eq(nv_media_bytes(NV_STR("........"), &nothing, &found, &is), NV_OK);
    ck_assert(!is);
    ck_assert_int_eq(nv_media_bytes(NV_STR(""), &nothing, &found, &is), NV_OK);
    ck_assert(!is);
}
END_TEST

/* As in URLs and forms. */
START_TEST(percent_escapes_in_data_uris)
{
    const char *const uri =
        "data:image/png;base64,"
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQDJ%2F"
        "pLvAAAAAElFTkSuQmCC" BYTES "%2B%2b" BYTES "AA%3D%3D";
    char before[80];
    for (size_t i = 0; i < sizeof before; i++) {
        memset(before, ' ', i);
        before[i] = '\0';
        finds_between(before, uri, "&x=1", "image/png", 69 + 48 + 48 + 3);
        ck_assert(!found.cut);
    }
    ck_assert(is_whole(nv_str_from(uri), &nothing) && found.bytes == 168 && !found.cut);
}
END_TEST

/* Wherever the first line begins, which may be too short for the first look. */
START_TEST(indented_lines_are_one_medium)
{
#define LINE76 "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQDJ/pLv"
    const char *const medium = LINE76 "\n    " LINE76 "\n    " LINE76 "\n    AAAAAElFTkSuQmCC";
    for (int i = 0; i < 80; i++) {
        char before[100];
        memset(before, '.', (size_t)i);
        memcpy(before + i, "img:\n    ", sizeof "img:\n    ");
        finds_between(before, medium, "\n", "image/png", 3 * 57 + 12);
    }
}
END_TEST

/* What follows the break goes with it, and nobody takes the beginning for all. */
START_TEST(broken_ones_go_to_their_end)
{
    const struct nv_media_said blob = {.mime = NV_STR("application/x"), .kind = NV_STR("blob")};
    ck_assert(is_whole(NV_STR(BYTES "***" BYTES BYTES), &blob) && found.cut);
    ck_assert_uint_eq(found.bytes, 48);
    ck_assert(is_whole(NV_STR(BYTES "A=" BYTES BYTES), &blob) && found.cut);
    ck_assert(is_whole(NV_STR(BYTES "\xef\xbf\xbd" BYTES "\n"), &blob) && found.cut);
    ck_assert(
        !is_whole(NV_STR("documents/reports/of/the/last/year/of/all/quarter-1.pdf"), &blob));
    ck_assert(is_whole(NV_STR(BYTES " " BYTES), &blob) && found.cut);
    ck_assert(is_whole(NV_STR("data:image/png;base64," PNG "~" BYTES), &nothing) && found.cut);
    ck_assert(!is_whole(NV_STR(BYTES " a picture of a cat in a hat"), &blob));
    ck_assert(!is_whole(NV_STR(PNG " " BYTES), &nothing));
    finds_between("see ", "data:image/png;base64," PNG "***" BYTES, " here", "image/png", 69);
    ck_assert(found.cut);
    finds_between("\"", "data:image/png;base64," PNG "*" BYTES, "\",\"" BYTES "\"", "image/png",
                  69);
    ck_assert(found.cut);
    finds_between("(", "data:image/png;base64," PNG, "). " BYTES, "image/png", 69);
    ck_assert(!found.cut);
    finds_between("", "data:image/png;base64," PNG, ".Next is a word", "image/png", 69);
    ck_assert(!found.cut);
}
END_TEST

START_TEST(broken_uris_are_read_once)
{
    static const char *const units[] = {"data:;base64," BYTES "*-*-*-*-*-",
                                        "data:;base64," BYTES "*", "data:;base64" BYTES "*"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct nv_buf text;
        nv_buf_init(&text, 2u << 20);
        while (text.len < 1u << 20)
            (void)nv_buf_append_str(&text, nv_str_from(units[i]));
        size_t count = 0;
        for (size_t at = 0; finds(nv_buf_str(&text), at); at = found.to)
            count++;
        ck_assert_uint_gt(count, 1000);
        nv_buf_release(&text);
    }
}
END_TEST

/* Texts of a megabyte that begin runs over and over: linear, or this never ends. */
START_TEST(hostile_texts_are_read_once)
{
    static const char *const units[] = {"AAAAAAAAAAAAAAAA ",
                                        "\\",
                                        "A\\",
                                        "\\nAAAAAAAAAAAAAAAA",
                                        "data:;base64,",
                                        "AAAAAAAAAAAAAAAAA=",
                                        ";base64AAAAAAAAAAAA",
                                        "%2B",
                                        "AAAAAAAAAAAAAAAA%2B",
                                        "AAAAAAAAAAAAAAAA%3D",
                                        "\n                  AAAAAAAAAAAAAAAA",
                                        BYTES "\n            \t ",
                                        "iVBORw0KGgo "};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct nv_buf text;
        nv_buf_init(&text, 2u << 20);
        while (text.len < 1u << 20)
            (void)nv_buf_append_str(&text, nv_str_from(units[i]));
        ck_assert_msg(!finds(nv_buf_str(&text), 0), "%s", units[i]);
        nv_buf_release(&text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/media/find");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, runs_whose_bytes_tell);
    tcase_add_test(tests, data_uris_as_a_whole);
    tcase_add_test(tests, what_is_no_medium_stays);
    tcase_add_test(tests, one_behind_the_other);
    tcase_add_test(tests, an_end_in_the_middle_is_told);
    tcase_add_test(tests, whole_texts);
    tcase_add_test(tests, bytes_as_they_are);
    tcase_add_test(tests, percent_escapes_in_data_uris);
    tcase_add_test(tests, indented_lines_are_one_medium);
    tcase_add_test(tests, broken_ones_go_to_their_end);
    tcase_add_test(tests, broken_uris_are_read_once);
    tcase_add_test(tests, hostile_texts_are_read_once);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
