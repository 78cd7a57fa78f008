/*
 * Dead letters of media that somebody has changed on the disk: one byte, or the end cut off.
 *
 *   letter ─▶ each place, each of some bytes ─▶ retry ─┬─ an upload: its bytes are those of its
 *                                                      │  hash, its words are words, and its
 *                                                      │  form has as many lines as the true one
 *                                                      └─ an error: the letter is still there
 *
 * In either case the medium is in one record and not in two or none.
 */
#include "expect.h"
#include "media_kit.h"

#include "base/text/text.h"
#include "exporter/media/form.h"
#include "exporter/media/letter.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_rig rig;
static char *payload; /* of a letter as it should be */
static size_t payload_len;
static size_t lines; /* of the form of what it holds */

static size_t count_lines(struct nv_str text)
{
    size_t count = 0, found;
    while ((found = nv_str_find(text, NV_STR("\r\n"))) != SIZE_MAX) {
        text = nv_str_slice(text, found + 2, SIZE_MAX);
        count++;
    }
    return count;
}

/* Lines of the form of an upload: a value that ends one would make one more. */
static size_t form_lines(const struct nv_upload *upload)
{
    char boundary[NV_FORM_BOUNDARY];
    struct nv_buf form;
    nv_buf_init(&form, 1u << 16);
    ck_assert_int_eq(nv_form_write(upload, &rig.store, 4711, boundary, &form), NV_OK);
    size_t count = count_lines(nv_buf_str(&form));
    nv_buf_release(&form);
    return count;
}

static uint64_t put(struct nv_str bytes)
{
    uint64_t id = 0;
    ck_assert_int_eq(
        rig.store.put(rig.store.ctx, NV_RECORD_DEAD_LETTER, NV_STR("{}"), bytes, &id), NV_OK);
    return id;
}

/* A recording of "foobar", with the hash that it has. */
static struct nv_medium recording(void)
{
    static const char hash[] =
        "c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2";
    struct nv_medium medium = kit_medium(1, NV_MEDIA_AUDIO);
    medium.use = NV_MEDIA_STT;
    ck_assert_int_eq(nv_hex_decode(nv_str_from(hash), medium.hash, sizeof medium.hash), NV_OK);
    return medium;
}

static void set_up(void)
{
    static const struct nv_media_letter why = {NV_DEAD_REJECTED, 400, "refused", ""};
    const struct nv_medium medium = recording();
    const struct nv_trace trace = {.trace_id = {0xcd}, .start_ns = 77};
    struct nv_upload *upload = NULL;
    struct nv_buf bytes;

    rig_init(&rig);
    ck_assert_int_eq(nv_upload_new(&rig.store, &trace, &medium, NV_TRACE_ID_UUID, &upload),
                     NV_OK);
    lines = form_lines(upload);
    ck_assert_int_eq(nv_media_letter_put(&rig.store, &upload->facts, upload->record, &why, 1),
                     NV_OK);
    nv_buf_init(&bytes, 1u << 16);
    ck_assert_int_eq(rig.store.get(rig.store.ctx, rig.last_id, &bytes), NV_OK);
    payload_len = nv_buf_take(&bytes, &payload);
    rig.store.release(rig.store.ctx, rig.last_id);
    nv_upload_forget(upload, &rig.store);
    nv_upload_unref(upload);
}

static void tear_down(void)
{
    free(payload);
    rig_release(&rig);
}

/* ---- what may come of a letter ----------------------------------------------------------- */

static void expect_word(const char *word)
{
    ck_assert(word[0] != '\0');
    for (; *word; word++)
        ck_assert(*word > ' ' && *word <= '~' && *word != '"' && *word != '\\');
}

static void expect_upload(const struct nv_upload *upload)
{
    const struct nv_upload_facts *facts = &upload->facts;
    const char *const words[] = {facts->uuid, facts->trace_id, facts->span_id,
                                 facts->mime, facts->format,   facts->hash};
    char hash[sizeof facts->hash];
    struct nv_buf bytes;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        expect_word(words[i]);
    ck_assert(facts->kind <= NV_MEDIA_AUDIO && facts->use <= NV_MEDIA_TTS);
    nv_buf_init(&bytes, 1u << 16);
    ck_assert_int_eq(nv_upload_read(upload, &rig.store, &bytes), NV_OK);
    ck_assert_uint_eq(bytes.len, facts->bytes);
    ck_assert(nv_upload_hash(nv_buf_str(&bytes), hash));
    ck_assert_str_eq(hash, facts->hash);
    ck_assert_nv_str(nv_buf_str(&bytes), "foobar");
    nv_buf_release(&bytes);
    /* a picture's form lacks the field `type`, which takes four lines */
    ck_assert_uint_eq(form_lines(upload), lines - (facts->kind == NV_MEDIA_IMAGE ? 4 : 0));
}

/* The next start must make the same upload of the record. */
static void expect_loaded(const struct nv_upload *upload)
{
    struct nv_upload *loaded = NULL;
    ck_assert_int_eq(nv_upload_load(&rig.store, &loaded), NV_OK);
    ck_assert(loaded && !loaded->next);
    ck_assert_mem_eq(&loaded->facts, &upload->facts, sizeof upload->facts);
    nv_upload_unref(loaded);
}

/* Tries a letter of these bytes again; true: an upload was made of it. */
static bool retry(struct nv_str bytes)
{
    struct nv_upload *upload = NULL;
    bool is = false;
    uint64_t id = put(bytes);
    enum nv_err err = nv_media_letter_retry(&rig.store, id, &upload, &is);

    ck_assert((err == NV_OK && is) == (upload != NULL));
    ck_assert(err == NV_OK || err == NV_ERR_MALFORMED);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_MEDIUM), upload != NULL);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), upload == NULL);
    if (upload) {
        expect_upload(upload);
        expect_loaded(upload);
        nv_upload_forget(upload, &rig.store);
    } else {
        rig.store.release(rig.store.ctx, id);
    }
    nv_upload_unref(upload);
    return upload != NULL;
}

START_TEST(as_it_was_it_is_sent)
{
    ck_assert(retry((struct nv_str){payload, payload_len}));
}
END_TEST

START_TEST(cut_off_it_stays)
{
    /* without the last bracket it is read all the same: what counts stands before it */
    for (size_t len = 0; len + 1 < payload_len; len++)
        ck_assert(!retry((struct nv_str){payload, len}));
}
END_TEST

static const char others[] = {'"', '\\', '{',  '}',  ',', ':',  '0',
                              '9', ' ',  '\r', '\n', 'x', '\0', '\xff'};

START_TEST(one_byte_is_another)
{
    const char byte = others[_i];
    size_t sent = 0;
    for (size_t at = 0; at < payload_len; at++) {
        char was = payload[at];
        payload[at] = byte;
        sent += retry((struct nv_str){payload, payload_len});
        payload[at] = was;
    }
    /* ids and times may be others, and nobody can tell; bytes and hash may not */
    ck_assert_uint_lt(sent, payload_len / 2);
}
END_TEST

/* Members in another order, twice, or of a later version. */
START_TEST(members_as_somebody_else_may_write_them)
{
#define HASH "c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2"
#define REST "\"sha256\":\"" HASH "\",\"bytes\":6},\"data\":\"Zm9vYmFy\"}"
#define IDS "\"span_id\":\"s\",\"trace_id\":\"t\",\"uuid\":\"u\","
    static const struct {
        const char *text;
        bool sent;
    } cases[] = {
        {"{\"medium\":{" IDS "\"mime\":\"image/png\"," REST, true},
        {"{\"medium\":{" IDS "\"mime\":\"image/png\",\"later\":\"x y\"," REST, true},
        {"{\"medium\":{" IDS "\"mime\":\"image/png\",\"later\":12," REST, true},
        {"{\"medium\":{" IDS "\"mime\":\"image/png\",\"later\":-1," REST, false},
        {"{\"medium\":{" IDS "\"mime\":\"image/png\",\"later\":true," REST, false},
        {"{\"medium\":{" IDS "\"mime\":\"image/png\",\"use\":99," REST, true},
        {"{\"medium\":{" IDS "\"mime\":\"video/mp4\",\"mime\":\"image/png\"," REST, true},
        {"{\"medium\":{" IDS "\"mime\":\"image/png\",\"mime\":\"video/mp4\"," REST, false},
        {"{\"medium\":{" IDS "\"mime\":\"image/\"," REST, false},
        {"{\"medium\":{" IDS "\"mime\":\"image/png\",\"format\":\"\"," REST, false},
        {"{\"medium\":{" IDS "\"mime\":\"image/png\",\"format\":\"a\\u0062\"," REST, false},
        {"{\"medium\":{\"trace_id\":\"t\",\"uuid\":\"u\",\"mime\":\"image/png\"," REST, false},
        {"{\"x\":1,\"medium\":{" IDS "\"mime\":\"image/png\"," REST, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_msg(retry(nv_str_from(cases[i].text)) == cases[i].sent, "%s", cases[i].text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/media/hostile_letters");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, as_it_was_it_is_sent);
    tcase_add_test(tcase, cut_off_it_stays);
    tcase_add_loop_test(tcase, one_byte_is_another, 0, sizeof others / sizeof others[0]);
    tcase_add_test(tcase, members_as_somebody_else_may_write_them);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
