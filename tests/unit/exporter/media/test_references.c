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

static struct nv_media_wait *wait;
static struct nv_arena *arena;
static struct nv_trace trace;

static void set_up(void)
{
    struct nv_medium media[] = {kit_medium(1, NV_MEDIA_IMAGE), kit_medium(2, NV_MEDIA_IMAGE)};
    uint32_t lost;

    arena = nv_arena_new(1u << 16);
    trace = (struct nv_trace){.arena = arena, .media = media, .media_count = 2};
    wait = nv_media_wait_new(NULL, &trace, NV_TRACE_ID_UUID, 77, &lost);
    ck_assert(wait && wait->count == 2 && wait->until_ns == 77 && lost == 0);
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
    struct nv_encoded *told = nv_media_wait_tell(wait, encoded);

    if (told)
        free(encoded);
    encoded = told ? told : encoded;
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
    becomes(JSON(PENDING, MARK_1, ""));
    wait->items[1]->state = NV_UPLOAD_DELIVERED;
    becomes(JSON("", MARK_1, ""));
}
END_TEST

START_TEST(a_list_that_is_the_last_member)
{
    static const char *const cases[][2] = {
        {"{\"a\":1,\"llm.input.image_uuids\":[\"" UUID_1 "\"]}", "{\"a\":1}"},
        {"{\"llm.input.image_uuids\":[\"" UUID_1 "\"]}", "{}"},
        {"{\"llm.input.image_uuids\":[\"" UUID_1 "\"],\"a\":1}", "{\"a\":1}"}};

    wait->items[0]->state = NV_UPLOAD_MARKED;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nv_encoded *encoded = nv_encoded_new(nv_str_from(cases[i][0]), 1);
        struct nv_encoded *told = nv_media_wait_tell(wait, encoded);

        ck_assert(told);
        ck_assert_json_eq(nv_encoded_json(told), nv_str_from(cases[i][1]));
        free(encoded);
        free(told);
    }
}
END_TEST

START_TEST(many_addresses_cost_what_their_bytes_do)
{
    enum { MEDIA = 1000, ADDRESSES = 5000 };
    struct nv_medium *media = calloc(MEDIA, sizeof *media);
    struct nv_buf json;
    uint32_t lost;

    for (uint32_t i = 0; i < MEDIA; i++) {
        media[i] = kit_medium(3, NV_MEDIA_IMAGE);
        memcpy(media[i].uuid, &i, sizeof i);
    }
    nv_media_wait_free(wait);
    trace.media = media;
    trace.media_count = MEDIA;
    wait = nv_media_wait_new(NULL, &trace, NV_TRACE_ID_UUID, 77, &lost);
    ck_assert(wait && wait->count == MEDIA);
    for (uint32_t i = 0; i < MEDIA; i++)
        wait->items[i]->state = NV_UPLOAD_MARKED;
    nv_buf_init(&json, 16u << 20);
    ck_assert(nv_buf_append_char(&json, '"') == NV_OK);
    for (unsigned i = 0; i < ADDRESSES; i++)
        ck_assert(nv_buf_append_str(&json, NV_STR("image://" UUID_1 " ")) == NV_OK);
    ck_assert(nv_buf_append_char(&json, '"') == NV_OK);
    struct nv_encoded *encoded = nv_encoded_new(nv_buf_str(&json), 1);
    nv_meter_start(UINT64_MAX);
    struct nv_encoded *told = nv_media_wait_tell(wait, encoded);
    ck_assert(told && nv_str_eq(nv_encoded_json(told), nv_buf_str(&json)));
    /* a search in the sorted media is ten steps */
    ck_assert_uint_ge(nv_meter_spent(), ADDRESSES);
    ck_assert_uint_le(nv_meter_spent(), 12 * ADDRESSES);
    free(told);
    free(encoded);
    nv_buf_release(&json);
    free(media);
    trace.media = NULL;
}
END_TEST

START_TEST(without_memory_references_stay)
{
    struct nv_encoded *encoded =
        nv_encoded_new(NV_STR(JSON(PENDING, "image://" UUID_1, LIST)), 3);

    wait->items[0]->state = NV_UPLOAD_MARKED;
    oom_fail_from(1);
    struct nv_encoded *told = nv_media_wait_tell(wait, encoded);
    ck_assert(oom_end());
    ck_assert_ptr_null(told);
    ck_assert_json_eq(nv_encoded_json(encoded), NV_STR(JSON(PENDING, "image://" UUID_1, "")));
    free(encoded);
}
END_TEST

START_TEST(what_can_not_be_kept_is_counted)
{
    struct nv_medium media[] = {kit_medium(1, NV_MEDIA_IMAGE)};
    uint32_t lost;

    trace.media_count = 0;
    ck_assert_ptr_null(nv_media_wait_new(NULL, &trace, NV_TRACE_ID_UUID, 0, &lost));
    ck_assert_uint_eq(lost, 0);
    trace.media = media;
    trace.media_count = 1;
    oom_fail_from(1);
    struct nv_media_wait *none = nv_media_wait_new(NULL, &trace, NV_TRACE_ID_UUID, 0, &lost);
    ck_assert(oom_end());
    ck_assert_ptr_null(none);
    ck_assert_uint_eq(lost, 1);
    nv_media_wait_free(NULL);
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
    tcase_add_test(tests, a_list_that_is_the_last_member);
    tcase_add_test(tests, many_addresses_cost_what_their_bytes_do);
    tcase_add_test(tests, without_memory_references_stay);
    tcase_add_test(tests, what_can_not_be_kept_is_counted);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
