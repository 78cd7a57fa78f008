/*
 * Media of one trace: each once, what becomes a reference and what a mark.
 */
#include "expect.h"

#include "redaction/media/seen.h"

#include "base/banned.h"

static struct nv_arena *arena;
static struct nv_trace trace;
static struct nv_media_policy policy;
static struct nv_media_seen seen;

static void set_up(void)
{
    arena = nv_arena_new(1u << 22);
    trace = (struct nv_trace){.arena = arena};
    memset(trace.trace_id, 1, sizeof trace.trace_id);
    policy = (struct nv_media_policy){.mode = NV_MEDIA_UPLOAD, .bytes_max = 100};
    seen = (struct nv_media_seen){.policy = &policy, .trace = &trace};
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static struct nv_media_found medium(uint32_t number)
{
    struct nv_media_found found = {
        .type = {.mime = NV_STR("image/png"), .format = NV_STR("png"), .kind = NV_MEDIA_IMAGE},
        .bytes = 69};
    memcpy(found.hash, &number, sizeof number);
    return found;
}

static struct nv_str put(const struct nv_media_found *found)
{
    const struct nv_media_where where = {.span = 3};
    const struct nv_medium *row;
    struct nv_str out;
    ck_assert_int_eq(nv_media_seen_put(&seen, found, &where, &out, &row), NV_OK);
    ck_assert(nv_str_starts(out, NV_STR("image://")) == (row != NULL));
    return out;
}

START_TEST(the_same_has_one_row)
{
    struct nv_media_found a = medium(1), b = medium(2);
    struct nv_str first = put(&a);
    struct nv_str other = put(&b);
    ck_assert_nv_str_eq(put(&a), first);
    ck_assert(!nv_str_eq(first, other));
    ck_assert_uint_eq(trace.media_count, 2);
    ck_assert_uint_eq(trace.media[0].span, 3);
    ck_assert_uint_eq(trace.media[0].bytes, 69);
}
END_TEST

/* SHA-256 of sixteen ones and the hash of a picture, from Python. */
START_TEST(the_uuid_comes_from_trace_and_hash)
{
    static const uint8_t hash[] = {0x57, 0xc5, 0xb0, 0xba, 0x80, 0x2b, 0xa3, 0xaa,
                                   0x9c, 0x4e, 0xbd, 0x11, 0xa8, 0xef, 0x32, 0xd1,
                                   0x73, 0xab, 0xc6, 0xdd, 0x5b, 0x3d, 0xea, 0xbb,
                                   0x7c, 0xd5, 0x40, 0xb6, 0x6e, 0x14, 0xed, 0xc5};
    struct nv_media_found picture = medium(0);
    memcpy(picture.hash, hash, sizeof hash);
    ck_assert_nv_str(put(&picture), "image://bd85f070-37fc-88e2-9b1f-133d94a959dc");
    memset(trace.trace_id, 2, sizeof trace.trace_id);
    trace.media_count = 0;
    seen.index = (struct nv_hash_index){0};
    ck_assert(!nv_str_ends(put(&picture), NV_STR("133d94a959dc")));
}
END_TEST

START_TEST(what_has_no_place_becomes_a_mark)
{
    struct nv_media_found film = medium(1), cut = medium(2), large = medium(3);
    film.type.kind = NV_MEDIA_VIDEO;
    cut.cut = true;
    large.bytes = 101;
    ck_assert(nv_str_starts(put(&film), NV_STR("[media: image/png, 69 bytes, sha256 01")));
    ck_assert(nv_str_starts(put(&cut), NV_STR("[media: image/png, cut, 69 bytes, sha256 02")));
    ck_assert(nv_str_starts(put(&large), NV_STR("[media: image/png, 101 bytes, sha256 03")));
    large.bytes = 100;
    ck_assert(nv_str_starts(put(&large), NV_STR("image://")));
    policy.mode = NV_MEDIA_MARKER;
    struct nv_media_found new = medium(4);
    ck_assert(nv_str_starts(put(&new), NV_STR("[media: ")));
    ck_assert_uint_eq(trace.media_count, 1);
}
END_TEST

START_TEST(so_many_and_no_more)
{
    for (uint32_t i = 0; i < NV_MEDIA_UPLOADS_MAX; i++) {
        struct nv_media_found found = medium(i);
        ck_assert(nv_str_starts(put(&found), NV_STR("image://")));
    }
    struct nv_media_found last = medium(NV_MEDIA_UPLOADS_MAX), first = medium(0);
    ck_assert(nv_str_starts(put(&last), NV_STR("[media: ")));
    ck_assert(nv_str_starts(put(&first), NV_STR("image://")));
    ck_assert_uint_eq(trace.media_count, NV_MEDIA_UPLOADS_MAX);
}
END_TEST

/* A keeper that keeps all but what is larger than 50 bytes. */
static unsigned kept_calls;

static enum nv_err keep(void *ctx, const struct nv_medium *one, char name[NV_MEDIA_FILE_NAME])
{
    ck_assert_ptr_eq(ctx, &kept_calls);
    kept_calls++;
    if (one->bytes > 50)
        return NV_ERR_NO_SPACE;
    memcpy(name, "a-file.pdf", sizeof "a-file.pdf");
    return NV_OK;
}

START_TEST(a_keeper_takes_what_is_not_uploaded)
{
    const struct nv_media_keeper keeper = {&kept_calls, keep};
    struct nv_media_found film = medium(1), cut = medium(2), large = medium(3);
    struct nv_media_found picture = medium(4), refused = medium(5);
    kept_calls = 0;
    policy.keeper = &keeper;
    film.type.kind = refused.type.kind = NV_MEDIA_VIDEO;
    film.bytes = 50;
    cut.cut = true;
    large.bytes = 101;
    ck_assert(nv_str_ends(put(&film), NV_STR(", file a-file.pdf]")));
    ck_assert(nv_str_ends(put(&film), NV_STR(", file a-file.pdf]"))); /* once a trace */
    ck_assert_uint_eq(kept_calls, 1);
    ck_assert(!nv_str_ends(put(&cut), NV_STR("pdf]")));
    ck_assert(!nv_str_ends(put(&large), NV_STR("pdf]")));
    ck_assert(nv_str_starts(put(&picture), NV_STR("image://")));
    ck_assert_uint_eq(kept_calls, 1);
    ck_assert(nv_str_ends(put(&refused), NV_STR("0000]")));
    ck_assert(nv_str_ends(put(&refused), NV_STR("0000]")));
    ck_assert_uint_eq(kept_calls, 2); /* a disk that is full is asked once */
    policy.mode = NV_MEDIA_MARKER;
    struct nv_media_found other = medium(6);
    other.bytes = 10;
    ck_assert(nv_str_ends(put(&other), NV_STR(", file a-file.pdf]")));
    ck_assert_uint_eq(trace.media_count, 1);
}
END_TEST

START_TEST(so_many_are_kept_and_no_more)
{
    const struct nv_media_keeper keeper = {&kept_calls, keep};
    kept_calls = 0;
    policy.keeper = &keeper;
    policy.mode = NV_MEDIA_MARKER;
    for (uint32_t i = 0; i <= NV_MEDIA_KEPT_MAX; i++) {
        struct nv_media_found found = medium(i);
        found.bytes = 10;
        ck_assert(nv_str_ends(put(&found), NV_STR("pdf]")) == (i < NV_MEDIA_KEPT_MAX));
    }
    ck_assert_uint_eq(kept_calls, NV_MEDIA_KEPT_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/media/seen");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_same_has_one_row);
    tcase_add_test(tests, the_uuid_comes_from_trace_and_hash);
    tcase_add_test(tests, what_has_no_place_becomes_a_mark);
    tcase_add_test(tests, so_many_and_no_more);
    tcase_add_test(tests, a_keeper_takes_what_is_not_uploaded);
    tcase_add_test(tests, so_many_are_kept_and_no_more);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
