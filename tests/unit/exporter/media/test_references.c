/*
 * What a trace waits for, and what becomes of its JSON.
 */
#include "expect.h"
#include "media_kit.h"
#include "oom.h"

#include "base/meter.h"
#include "exporter/media/references.h"

#include <stdlib.h>

#include "base/banned.h"

#define UUID_1 "01010101-0101-0101-0101-010101010101"
#define UUID_2 "02020202-0202-0202-0202-020202020202"
#define MARK_1                                                                                 \
    "[media: image/png, 6 bytes, sha256 "                                                      \
    "0101010101010101010101010101010101010101010101010101010101010101]"
#define JSON(pending, first, list)                                                             \
    "{\"attributes\":{\"a\":1" pending "},\"spans\":[{\"a\":\"\\\"x\\\": " first               \
    " image://" UUID_2 " http://x\"," list "\"n\":1}]}"
#define PENDING ",\"noveum.gateway.media_pending\":true"
#define LIST "\"llm.input.image_uuids\":[\"" UUID_1 "\",\"" UUID_2 "\"],"
#define LIST_2 "\"llm.input.image_uuids\":[\"" UUID_2 "\"],"

static struct nv_media_wait *wait;
static struct nv_arena *arena;
static struct nv_trace trace;

/* New uploads of the trace's media, of which so many can't be kept. */
static enum nv_err make(const struct nv_store *store, uint32_t lost_wanted)
{
    uint32_t lost;
    enum nv_err err = nv_media_wait_new(store, &trace, NV_TRACE_ID_UUID, 77, &wait, &lost);

    ck_assert(err != NV_OK || lost == lost_wanted);
    return err;
}

/* What was told: the element itself, or the one in its place. */
static struct nv_encoded *tell(struct nv_encoded *encoded)
{
    struct nv_encoded *told;

    ck_assert_int_eq(nv_media_wait_tell(wait, encoded, &told), NV_OK);
    if (told)
        free(encoded);
    return told ? told : encoded;
}

static void set_up(void)
{
    struct nv_medium media[] = {kit_medium(1, NV_MEDIA_IMAGE), kit_medium(2, NV_MEDIA_IMAGE)};

    arena = nv_arena_new(1u << 16);
    trace = (struct nv_trace){.arena = arena, .media = media, .media_count = 2};
    ck_assert_int_eq(make(NULL, 0), NV_OK);
    ck_assert(wait && wait->count == 2 && wait->until_ns == 77);
    trace.media = NULL;
}

static void tear_down(void)
{
    nv_media_wait_free(wait);
    nv_arena_free(arena);
}

static void becomes(const char *want)
{
    struct nv_encoded *encoded =
        nv_encoded_new(NV_STR(JSON(PENDING, "image://" UUID_1, LIST)), 3);
    encoded->queued_ns = 5;
    encoded = tell(encoded);
    ck_assert_json_eq(nv_encoded_json(encoded), nv_str_from(want));
    ck_assert(encoded->spans == 3 && encoded->queued_ns == 5);
    free(encoded);
}

START_TEST(the_trace_says_that_it_waits)
{
    const struct nv_value *said = nv_attributes_get(&trace.attributes, NV_MEDIA_PENDING_KEY);

    ck_assert(said && said->type == NV_VALUE_BOOL && said->as.boolean);
    ck_assert(nv_media_wait_pending(wait));
    becomes(JSON(PENDING, "image://" UUID_1, LIST));
}
END_TEST

START_TEST(all_have_come)
{
    wait->items[0]->state = NV_UPLOAD_DELIVERED;
    ck_assert(nv_media_wait_pending(wait));
    wait->items[1]->state = NV_UPLOAD_DELIVERED;
    ck_assert(!nv_media_wait_pending(wait));
    becomes(JSON("", "image://" UUID_1, LIST));
}
END_TEST

START_TEST(one_was_refused)
{
    wait->items[0]->state = NV_UPLOAD_MARKED;
    becomes(JSON(PENDING, MARK_1, LIST_2));
    wait->items[1]->state = NV_UPLOAD_DELIVERED;
    becomes(JSON("", MARK_1, LIST_2));
}
END_TEST

/* 1 is refused, 2 is not; what is no list of uuids alone is left. */
static const char *const named[][2] = {
    {"{\"a\":1,\"llm.input.image_uuids\":[\"" UUID_1 "\"]}", "{\"a\":1}"},
    {"{\"llm.input.image_uuids\":[\"" UUID_1 "\"]}", "{}"},
    {"{\"llm.input.image_uuids\":[\"" UUID_1 "\"],\"a\":1}", "{\"a\":1}"},
    {"{\"llm.input.image_uuids\":[\"" UUID_2 "\",\"" UUID_1 "\",\"" UUID_2 "\"],\"a\":1}",
     "{\"llm.input.image_uuids\":[\"" UUID_2 "\",\"" UUID_2 "\"],\"a\":1}"},
    {"{\"llm.input.image_uuids\":[\"" UUID_1 "\",\"]\"]}",
     "{\"llm.input.image_uuids\":[\"" UUID_1 "\",\"]\"]}"},
    {"{\"llm.input.image_uuids\":[]}", "{\"llm.input.image_uuids\":[]}"},
    {"{\"llm.input.image_uuids\":[\"" UUID_1 "\"",
     "{\"llm.input.image_uuids\":[\"" UUID_1 "\""},
    {"{\"stt.audio_uuid\":\"" UUID_1 "\",\"a\":1}", "{\"a\":1}"},
    {"{\"a\":1,\"tts.audio_uuid\":\"" UUID_1 "\"}", "{\"a\":1}"},
    {"{\"a\":1,\"llm.input.image_uuids\":[\"" UUID_1 "\"],\"tts.audio_uuid\":\"" UUID_1 "\"}",
     "{\"a\":1}"}, /* both, the last ones */
    {"{\"llm.input.image_uuids\":[\"" UUID_2 "\"  ],\"a\":1}",
     "{\"llm.input.image_uuids\":[\"" UUID_2 "\"],\"a\":1}"},
    {"{\"llm.input.image_uuids\":[\"" UUID_2 "\",\"" UUID_1 "\"   ],\"a\":1}",
     "{\"llm.input.image_uuids\":[\"" UUID_2 "\"],\"a\":1}"}, /* shortened before */
    {"{\"tts.audio_uuid\":\"" UUID_2 "\"}", "{\"tts.audio_uuid\":\"" UUID_2 "\"}"},
    {"{\"tts.audio_uuid\":\"" UUID_1 "x\"}", "{\"tts.audio_uuid\":\"" UUID_1 "x\"}"},
};

static void squeeze(struct nv_encoded *encoded, char *out)
{
    for (size_t i = 0; i < encoded->json_len; i++) {
        if (encoded->json[i] != ' ')
            *out++ = encoded->json[i];
    }
    *out = '\0';
}

START_TEST(names_of_what_was_refused_go)
{
    char text[512];

    wait->items[0]->state = NV_UPLOAD_MARKED;
    struct nv_encoded *encoded = tell(nv_encoded_new(nv_str_from(named[_i][0]), 1));
    squeeze(encoded, text);
    ck_assert_str_eq(text, named[_i][1]);
    free(encoded);
}
END_TEST

START_TEST(many_addresses_cost_what_their_bytes_do)
{
    enum { MEDIA = 1000, ADDRESSES = 5000 };
    struct nv_medium *media = calloc(MEDIA, sizeof *media);
    struct nv_buf json;

    for (uint32_t i = 0; i < MEDIA; i++) {
        media[i] = kit_medium(3, NV_MEDIA_IMAGE);
        memcpy(media[i].uuid, &i, sizeof i);
    }
    nv_media_wait_free(wait);
    trace.media = media;
    trace.media_count = MEDIA;
    ck_assert(make(NULL, 0) == NV_OK && wait->count == MEDIA);
    for (uint32_t i = 0; i < MEDIA; i++)
        wait->items[i]->state = NV_UPLOAD_MARKED;
    nv_buf_init(&json, 16u << 20);
    ck_assert(nv_buf_append_char(&json, '"') == NV_OK);
    for (unsigned i = 0; i < ADDRESSES; i++)
        ck_assert(nv_buf_append_str(&json, NV_STR("image://" UUID_1 " ")) == NV_OK);
    ck_assert(nv_buf_append_char(&json, '"') == NV_OK);
    struct nv_encoded *encoded = nv_encoded_new(nv_buf_str(&json), 1);
    nv_meter_start(UINT64_MAX);
    encoded = tell(encoded);
    ck_assert(nv_str_eq(nv_encoded_json(encoded), nv_buf_str(&json)));
    /* a search in the sorted media is ten steps */
    ck_assert_uint_ge(nv_meter_spent(), ADDRESSES);
    ck_assert_uint_le(nv_meter_spent(), 12 * ADDRESSES);
    free(encoded);
    nv_buf_release(&json);
    free(media);
    trace.media = NULL;
}
END_TEST

START_TEST(without_memory_it_is_told_later)
{
    struct nv_encoded *encoded =
        nv_encoded_new(NV_STR(JSON(PENDING, "image://" UUID_1, LIST)), 3);
    struct nv_encoded *told;

    wait->items[0]->state = NV_UPLOAD_MARKED;
    oom_fail_from(1);
    enum nv_err err = nv_media_wait_tell(wait, encoded, &told);
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    ck_assert_ptr_null(told);
    ck_assert_json_eq(nv_encoded_json(encoded),
                      NV_STR(JSON(PENDING, "image://" UUID_1, LIST_2)));
    encoded = tell(encoded);
    ck_assert_json_eq(nv_encoded_json(encoded), NV_STR(JSON(PENDING, MARK_1, LIST_2)));
    free(encoded);
}
END_TEST

START_TEST(without_memory_nothing_is_kept)
{
    struct nv_medium media[] = {kit_medium(1, NV_MEDIA_IMAGE), kit_medium(2, NV_MEDIA_IMAGE)};

    nv_media_wait_free(wait);
    trace.media_count = 0;
    ck_assert_int_eq(make(NULL, 0), NV_OK);
    ck_assert_ptr_null(wait);
    trace.media = media;
    trace.media_count = 2;
    for (unsigned long n = 1; !wait; n++) {
        oom_fail_nth(n);
        enum nv_err err = make(NULL, 0);
        bool failed = oom_end();
        /* what only makes a buffer smaller may fail */
        ck_assert(err == NV_OK || (failed && err == NV_ERR_NO_MEMORY));
        ck_assert((err == NV_OK) == (wait != NULL));
    }
    ck_assert_uint_eq(wait->count, 2);
    nv_media_wait_free(NULL);
    nv_media_wait_undo(NULL, NULL);
}
END_TEST

/* Two and sixty-four MiB are more than memory may have. */
START_TEST(what_has_no_place_is_a_mark)
{
    struct nv_medium media[] = {kit_medium(1, NV_MEDIA_IMAGE), kit_medium(2, NV_MEDIA_IMAGE)};

    nv_media_wait_free(wait);
    media[0].bytes = (uint64_t)65 << 20;
    trace.media = media;
    trace.media_count = 2;
    ck_assert_int_eq(make(NULL, 1), NV_OK);
    ck_assert_int_eq(wait->items[0]->state, NV_UPLOAD_MARKED);
    ck_assert_int_eq(wait->items[1]->state, NV_UPLOAD_PENDING);
    trace.media = NULL;
}
END_TEST

/* A store that counts its records and what no sync has covered; so many of the puts that sync
 * fail. */
struct counting {
    unsigned puts, unsynced, released, failing, many;
};

static enum nv_err put_one(void *ctx, enum nv_record_kind kind, struct nv_str head,
                           struct nv_str payload, uint64_t *id)
{
    struct counting *counting = ctx;
    (void)kind, (void)head, (void)payload;
    counting->unsynced++;
    *id = ++counting->puts;
    return NV_OK;
}

static enum nv_err put_one_synced(void *ctx, enum nv_record_kind kind, struct nv_str head,
                                  struct nv_str payload, uint64_t *id)
{
    struct counting *counting = ctx;
    if (counting->many++ < counting->failing)
        return NV_ERR_IO;
    enum nv_err err = put_one(ctx, kind, head, payload, id);
    counting->unsynced = 0;
    return err;
}

static void release_one(void *ctx, uint64_t id)
{
    struct counting *counting = ctx;
    counting->released += id > 0;
}

/* One that is put once more has the sync that the last one should have had. */
START_TEST(the_last_one_fails_and_the_others_are_synced)
{
    const unsigned failing = (unsigned)_i;
    struct nv_medium media[] = {kit_medium(1, NV_MEDIA_IMAGE), kit_medium(2, NV_MEDIA_IMAGE),
                                kit_medium(3, NV_MEDIA_IMAGE)};
    struct counting counting = {.failing = failing};
    const struct nv_store store = {
        .ctx = &counting, .put = put_one, .release = release_one, .put_synced = put_one_synced};

    nv_media_wait_free(wait);
    trace.media = media;
    trace.media_count = 3;
    ck_assert_int_eq(make(&store, failing > 0), NV_OK);
    ck_assert_uint_eq(counting.unsynced, failing < 3 ? 0 : 2);
    ck_assert_uint_eq(counting.released, failing == 1 || failing == 2);
    for (uint32_t i = 0; i < 3; i++) {
        const struct nv_upload *upload = wait->items[i];
        bool lost = failing > 0 && strncmp(upload->facts.uuid, "03", 2) == 0;
        ck_assert_int_eq(upload->state, lost ? NV_UPLOAD_MARKED : NV_UPLOAD_PENDING);
        ck_assert(lost || upload->record > 0);
    }
    trace.media = NULL;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/media/references");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_trace_says_that_it_waits);
    tcase_add_test(tests, all_have_come);
    tcase_add_test(tests, one_was_refused);
    tcase_add_loop_test(tests, names_of_what_was_refused_go, 0, sizeof named / sizeof named[0]);
    tcase_add_test(tests, many_addresses_cost_what_their_bytes_do);
    tcase_add_test(tests, without_memory_it_is_told_later);
    tcase_add_test(tests, without_memory_nothing_is_kept);
    tcase_add_test(tests, what_has_no_place_is_a_mark);
    tcase_add_loop_test(tests, the_last_one_fails_and_the_others_are_synced, 0, 4);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
