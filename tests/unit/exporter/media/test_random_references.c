/*
 * References in a trace's JSON, against the plain way to do it: traces, uploads and what becomes
 * of them made by chance.
 *
 *   one draw ─┬─▶ JSON as it was encoded ─▶ told in steps, now and then without memory ─┐
 *             └─▶ JSON as it should be when all is known ───────────────────────────────┴─ equal
 *
 * Told in steps, it must come to what it does when told once; and as long as nothing was refused
 * the JSON stays in its place and keeps its length. The seed of what differs is told.
 */
#include "chance.h"
#include "expect.h"
#include "media_kit.h"
#include "oom.h"

#include "exporter/media/references.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define ROUNDS 3000
#define UPLOADS 12u
#define TEXT_MAX ((size_t)1 << 20)
#define FOREIGN "99999999-9999-9999-9999-999999999999"
#define PENDING "\"noveum.gateway.media_pending\":true"

/* The text as it is encoded, and as it should become. */
static struct nv_buf before, after;
static struct nv_media_wait *wait;
static enum nv_upload_state ends[UPLOADS]; /* what becomes of each, by its place in `wait` */
static uint64_t state;

static uint32_t draw(uint32_t end)
{
    return chance_below(&state, end);
}

/* ---- what is drawn ----------------------------------------------------------------------- */

/* An object that grows on both sides, of which one may have fewer members. */
struct object {
    uint32_t before, after;
};

static void both(const char *text)
{
    (void)nv_buf_append_str(&before, nv_str_from(text));
    (void)nv_buf_append_str(&after, nv_str_from(text));
}

static void begin_member(struct object *object, bool stays, const char *key)
{
    (void)nv_buf_printf(&before, "%s\"%s\":", object->before++ > 0 ? "," : "", key);
    if (stays)
        (void)nv_buf_printf(&after, "%s\"%s\":", object->after++ > 0 ? "," : "", key);
}

/* The uuid of one of the uploads, or of none; *marked: what it refers to was refused. */
static const char *draw_uuid(const struct nv_upload **marked)
{
    uint32_t i = draw(UPLOADS + 2);
    *marked = i < UPLOADS && ends[i] == NV_UPLOAD_MARKED ? wait->items[i] : NULL;
    return i < UPLOADS ? wait->items[i]->facts.uuid : FOREIGN;
}

static void draw_list(struct object *object)
{
    const uint32_t count = draw(5);
    const char *uuids[5];
    uint32_t kept = 0;
    bool stays[5];
    for (uint32_t i = 0; i < count; i++) {
        const struct nv_upload *marked;
        uuids[i] = draw_uuid(&marked);
        stays[i] = !marked;
        kept += stays[i];
    }
    begin_member(object, count == 0 || kept > 0, "llm.input.image_uuids");
    (void)nv_buf_append_char(&before, '[');
    for (uint32_t i = 0; i < count; i++)
        (void)nv_buf_printf(&before, "%s\"%s\"", i > 0 ? "," : "", uuids[i]);
    (void)nv_buf_append_char(&before, ']');
    if (count > 0 && kept == 0)
        return;
    (void)nv_buf_append_char(&after, '[');
    for (uint32_t i = 0, n = 0; i < count; i++) {
        if (stays[i])
            (void)nv_buf_printf(&after, "%s\"%s\"", n++ > 0 ? "," : "", uuids[i]);
    }
    (void)nv_buf_append_char(&after, ']');
}

static void draw_single(struct object *object, const char *key)
{
    const struct nv_upload *marked;
    const char *uuid = draw_uuid(&marked);
    begin_member(object, !marked, key);
    (void)nv_buf_printf(&before, "\"%s\"", uuid);
    if (!marked)
        (void)nv_buf_printf(&after, "\"%s\"", uuid);
}

static void draw_reference(void)
{
    const struct nv_upload *marked;
    const char *scheme = draw(2) == 0 ? "image" : "audio";
    const char *uuid = draw_uuid(&marked);
    (void)nv_buf_printf(&before, "%s://%s", scheme, uuid);
    if (!marked) {
        (void)nv_buf_printf(&after, "%s://%s", scheme, uuid);
        return;
    }
    (void)nv_buf_printf(&after, "[media: %s, %llu bytes, sha256 %s]", marked->facts.mime,
                        (unsigned long long)marked->facts.bytes, marked->facts.hash);
}

/* A text of a client: addresses, what only looks like a reference, and quoted keys of ours. */
static void draw_text(struct object *object, uint32_t number)
{
    static const char *const pieces[] = {"plain ",
                                         "http://x/",
                                         "image:/",
                                         "://",
                                         "\xc3\xa9",
                                         "audio:",
                                         "\\\"llm.input.image_uuids\\\":[\\\"" FOREIGN "\\\"]",
                                         ",\\\"noveum.gateway.media_pending\\\":true",
                                         "\\\\",
                                         "file://" FOREIGN " "};
    char key[24];
    (void)snprintf(key, sizeof key, "text%u", number);
    begin_member(object, true, key);
    both("\"");
    for (uint32_t i = draw(6); i > 0; i--) {
        if (draw(2) == 0)
            draw_reference();
        else
            both(pieces[draw(sizeof pieces / sizeof pieces[0])]);
    }
    both("\"");
}

static void draw_span(void)
{
    struct object span = {0, 0};
    both("{");
    if (draw(2) == 0)
        draw_text(&span, 1);
    if (draw(2) == 0)
        draw_list(&span);
    if (draw(3) == 0)
        draw_single(&span, "stt.audio_uuid");
    if (draw(2) == 0)
        draw_text(&span, 2);
    if (draw(3) == 0)
        draw_single(&span, "tts.audio_uuid");
    if (draw(2) == 0)
        draw_text(&span, 3);
    both("}");
}

static void draw_trace(bool pending)
{
    nv_buf_clear(&before);
    nv_buf_clear(&after);
    both("{\"attributes\":{\"a\":1");
    (void)nv_buf_append_str(&before, NV_STR("," PENDING));
    if (pending)
        (void)nv_buf_append_str(&after, NV_STR("," PENDING));
    both("},\"spans\":[");
    for (uint32_t i = 0, count = draw(4); i < count; i++) {
        both(i > 0 ? "," : "");
        draw_span();
    }
    both("]}");
    ck_assert(before.failed == NV_OK && after.failed == NV_OK);
}

/* True: some are pending to the end. */
static bool draw_ends(void)
{
    bool pending = false;
    uint32_t kinds = 1 + draw(3); /* often nothing is refused, or nothing pending */
    for (uint32_t i = 0; i < UPLOADS; i++) {
        static const enum nv_upload_state order[] = {NV_UPLOAD_DELIVERED, NV_UPLOAD_MARKED,
                                                     NV_UPLOAD_PENDING};
        ends[i] = order[draw(kinds)];
        pending = pending || ends[i] == NV_UPLOAD_PENDING;
    }
    return pending;
}

/* ---- telling ----------------------------------------------------------------------------- */

/* Once, or twice when memory fails in between; what is at hand then. */
static struct nv_encoded *tell(struct nv_encoded *encoded)
{
    struct nv_encoded *told = NULL;
    oom_fail_nth(1 + draw(6));
    enum nv_err err = nv_media_wait_tell(wait, encoded, &told);
    bool failed = oom_end();
    ck_assert(err == NV_OK || (failed && err == NV_ERR_NO_MEMORY && !told));
    if (err != NV_OK)
        ck_assert_int_eq(nv_media_wait_tell(wait, encoded, &told), NV_OK);
    if (told) {
        ck_assert_ptr_eq(told->claim, encoded->claim);
        ck_assert_uint_eq(told->queued_ns, encoded->queued_ns);
        ck_assert_uint_eq(told->spans, encoded->spans);
        free(encoded);
    }
    return told ? told : encoded;
}

static bool any_marked(void)
{
    for (uint32_t i = 0; i < UPLOADS; i++) {
        if (ends[i] == NV_UPLOAD_MARKED)
            return true;
    }
    return false;
}

/* Some uploads end before the others do. */
static void end_some(uint32_t of)
{
    for (uint32_t i = 0; i < UPLOADS; i++) {
        if (draw(of) == 0)
            wait->items[i]->state = ends[i];
    }
}

static void set_up(void)
{
    struct nv_medium media[UPLOADS];
    struct nv_arena *arena = nv_arena_new(1u << 16);
    struct nv_trace trace = {.arena = arena, .media = media, .media_count = UPLOADS};
    uint32_t lost;
    for (uint32_t i = 0; i < UPLOADS; i++)
        media[i] =
            kit_medium((uint8_t)(UPLOADS - i), i % 2 == 0 ? NV_MEDIA_IMAGE : NV_MEDIA_AUDIO);
    ck_assert_int_eq(nv_media_wait_new(NULL, &trace, NV_TRACE_ID_HEX, 1, &wait, &lost), NV_OK);
    ck_assert(wait && wait->count == UPLOADS && lost == 0);
    nv_arena_free(arena);
    nv_buf_init(&before, TEXT_MAX);
    nv_buf_init(&after, TEXT_MAX);
}

static void tear_down(void)
{
    nv_media_wait_undo(wait, NULL);
    nv_buf_release(&before);
    nv_buf_release(&after);
}

START_TEST(told_in_steps_it_comes_to_the_same)
{
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        state = seed;
        bool pending = draw_ends();
        draw_trace(pending);
        for (uint32_t i = 0; i < UPLOADS; i++)
            wait->items[i]->state = NV_UPLOAD_PENDING;
        struct nv_encoded *encoded = nv_encoded_new(nv_buf_str(&before), 3);
        const struct nv_encoded *first = encoded;
        ck_assert_ptr_nonnull(encoded);
        encoded->queued_ns = seed;
        for (uint32_t of = 3; of > 0; of--) {
            end_some(of);
            encoded = tell(encoded);
        }
        if (!any_marked()) {
            ck_assert_ptr_eq(encoded, first);
            ck_assert_uint_eq(encoded->json_len, before.len);
        }
        const struct nv_str made = nv_encoded_json(encoded);
        char differs[256];
        if (!nv_test_json_eq(made, nv_buf_str(&after), differs, sizeof differs)) {
            ck_abort_msg("seed %llu: %s:\n%.*s\nbecame\n%.*s", (unsigned long long)seed,
                         differs, NV_STR_ARG(nv_buf_str(&before)), NV_STR_ARG(made));
        }
        ck_assert(nv_media_wait_pending(wait) == pending);
        free(encoded);
    }
}
END_TEST

/* Whatever the JSON is cut to: nothing behind it is read, and what was refused is gone. */
START_TEST(a_part_of_it_is_not_left)
{
    state = 77;
    for (uint32_t i = 0; i < UPLOADS; i++)
        ends[i] = wait->items[i]->state = i % 2 == 0 ? NV_UPLOAD_MARKED : NV_UPLOAD_DELIVERED;
    for (uint32_t round = 0; round < 8; round++) {
        draw_trace(false);
        for (size_t len = 0; len <= before.len; len++) {
            struct nv_encoded *told = NULL;
            struct nv_encoded *encoded =
                nv_encoded_new(nv_str_slice(nv_buf_str(&before), 0, len), 1);
            ck_assert_ptr_nonnull(encoded);
            ck_assert_int_eq(nv_media_wait_tell(wait, encoded, &told), NV_OK);
            ck_assert_ptr_nonnull(told);
            for (uint32_t i = 0; i < UPLOADS; i += 2) {
                char reference[64];
                (void)snprintf(reference, sizeof reference, "image://%s",
                               wait->items[i]->facts.uuid);
                ck_assert_uint_eq(nv_str_find(nv_encoded_json(told), nv_str_from(reference)),
                                  SIZE_MAX);
            }
            free(told);
            free(encoded);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/media/random_references");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, told_in_steps_it_comes_to_the_same);
    tcase_add_test(tcase, a_part_of_it_is_not_left);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
