/*
 * Every cap of base/limits.h at the cap and one byte past it. The list of caps is read from the
 * header, so that a new one without a row here fails.
 *
 *   up to 4 MiB   filled with bytes, at once and piece by piece; one more is refused
 *   above         without memory: at the cap the allocator is asked (NV_ERR_NO_MEMORY), one
 *                 past it nothing is (NV_ERR_LIMIT)
 */
#include "base/limits.h"

#include "base/arena.h"
#include "base/buf.h"
#include "expect.h"
#include "fixtures.h"
#include "journal/journal.h"
#include "oom.h"

#include <stdlib.h>

#include "base/banned.h"

#define FILLED_MAX NV_CAP_MIB(4)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define CAP(name)                                                                              \
    {                                                                                          \
#name, name                                                                            \
    }
static const struct {
    const char *name;
    size_t bytes;
} caps[] = {
    CAP(NV_CAP_RECORD),
    CAP(NV_CAP_NOTES),
    CAP(NV_CAP_DEAD_LETTER),
    CAP(NV_CAP_DEAD_HEAD),
    CAP(NV_CAP_DEAD_LISTING),
    CAP(NV_CAP_OUTBOX_HEAD),
    CAP(NV_CAP_DEAD_IDS),
    CAP(NV_CAP_JOIN_ARENA),
    CAP(NV_CAP_HTTP_HEADERS),
    CAP(NV_CAP_HTTP_REPLY),
    CAP(NV_CAP_HTTP_ERROR),
    CAP(NV_CAP_HTTP_LINE),
    CAP(NV_CAP_KEY_HEADER),
    CAP(NV_CAP_OTLP_REPLY),
    CAP(NV_CAP_GRPC_TEXT),
    CAP(NV_CAP_GRPC_OUT),
    CAP(NV_CAP_CONFIG_FILE),
    CAP(NV_CAP_CONFIG_VALUE_FILE),
    CAP(NV_CAP_CONFIG_SHOWN),
    CAP(NV_CAP_TOKENS_FILE),
    CAP(NV_CAP_ORIGINS),
    CAP(NV_CAP_KEY_FILE),
    CAP(NV_CAP_SYSTEM_FILE),
    CAP(NV_CAP_ADMIN_ANSWER),
    CAP(NV_CAP_AGENT_METRICS),
    CAP(NV_CAP_ADMIN_AGENTS),
    CAP(NV_CAP_ADMIN_WHY),
    CAP(NV_CAP_CONTROL_ANSWER),
    CAP(NV_CAP_TERMINAL_TRACE),
    CAP(NV_CAP_HELP),
    CAP(NV_CAP_MAPPING_FILE),
    CAP(NV_CAP_DOCTOR),
    CAP(NV_CAP_DOCTOR_STATUS),
    CAP(NV_CAP_COMMAND_TEXT),
    CAP(NV_CAP_UPLOAD_HEAD),
    CAP(NV_CAP_UPLOADS),
    CAP(NV_CAP_EXPLAIN_FILE),
    CAP(NV_CAP_API_ANSWER),
    CAP(NV_CAP_SQL),
    CAP(NV_CAP_STORE_ARENA),
    CAP(NV_CAP_STORE_TEXT),
    CAP(NV_CAP_STORE_QUEUE),
    CAP(NV_CAP_EXPLAIN_REPORT),
    CAP(NV_CAP_API_LIST),
    CAP(NV_CAP_MEDIA_SCAN),
    CAP(NV_CAP_EXPLAINED),
    CAP(NV_CAP_KAFKA_CHUNK),
    CAP(NV_CAP_LAMBDA_ANSWER),
    CAP(NV_CAP_LAMBDA_ARENA),
    CAP(NV_CAP_MAPPING_ARENA),
    CAP(NV_CAP_LAYOUTS),
    CAP(NV_CAP_TRACE_REQUEST),
    CAP(NV_CAP_TELEMETRY_SPANS),
    CAP(NV_CAP_METRICS),
    CAP(NV_CAP_TELEMETRY_METRICS),
};

/* ---- the list ---------------------------------------------------------------------------- */

static bool has_row(struct nv_str name)
{
    for (size_t i = 0; i < COUNT(caps); i++) {
        if (nv_str_eq(name, nv_str_from(caps[i].name)))
            return true;
    }
    return false;
}

/* The names that the header defines, but for the units: NV_CAP_KIB(n) takes an argument. */
static size_t check_names(struct nv_str text)
{
    static const struct nv_str define = NV_STR_INIT("#define NV_CAP_");
    size_t found = 0;
    for (size_t at; (at = nv_str_find(text, define)) != SIZE_MAX; found++) {
        text = nv_str_slice(text, at + strlen("#define "), text.len);
        size_t len = strcspn(text.ptr, " (\n");
        if (text.ptr[len] == '(') {
            found--;
        } else {
            ck_assert_msg(has_row(nv_str_slice(text, 0, len)), "%.*s has no row here", (int)len,
                          text.ptr);
        }
    }
    return found;
}

START_TEST(every_cap_of_the_header_has_a_row)
{
    struct nv_str text = nv_test_read_file(NOVEUM_SOURCE_DIR "/base/limits.h");
    ck_assert_uint_eq(check_names(text), COUNT(caps));
    free((char *)(uintptr_t)text.ptr);
}
END_TEST

/* ---- at the cap and past it -------------------------------------------------------------- */

static void check_full(struct nv_buf *buf, size_t cap)
{
    ck_assert_uint_eq(buf->len, cap);
    ck_assert_int_eq(nv_buf_reserve(buf, 0), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(buf, 'x'), NV_ERR_LIMIT);
    ck_assert_uint_eq(buf->len, cap); /* nothing is lost of what stood before */
    ck_assert_int_eq(nv_buf_append(buf, "", 0), NV_ERR_LIMIT);
    ck_assert_uint_le(buf->capacity, cap);
    nv_buf_clear(buf);
    ck_assert_int_eq(nv_buf_append_char(buf, 'x'), NV_OK);
}

START_TEST(bytes_up_to_the_cap)
{
    size_t cap = caps[_i].bytes;
    if (cap > FILLED_MAX)
        return;
    struct nv_buf buf;
    char *bytes = calloc(1, cap + 1);
    ck_assert_ptr_nonnull(bytes);
    nv_buf_init(&buf, cap);
    ck_assert_int_eq(nv_buf_append(&buf, bytes, cap), NV_OK);
    check_full(&buf, cap);
    nv_buf_clear(&buf);
    for (size_t piece; buf.len < cap;) {
        piece = cap - buf.len < cap / 7 + 1 ? cap - buf.len : cap / 7 + 1;
        ck_assert_int_eq(nv_buf_append(&buf, bytes, piece), NV_OK);
    }
    check_full(&buf, cap);
    nv_buf_clear(&buf);
    ck_assert_int_eq(nv_buf_append(&buf, bytes, cap + 1), NV_ERR_LIMIT);
    ck_assert_uint_eq(buf.len, 0);
    nv_buf_release(&buf);
    free(bytes);
}
END_TEST

START_TEST(past_the_cap_nothing_is_asked_for)
{
    struct nv_buf buf;
    nv_buf_init(&buf, caps[_i].bytes);
    oom_fail_from(1);
    enum nv_err at = nv_buf_reserve(&buf, caps[_i].bytes);
    unsigned long asked = oom_count();
    nv_buf_clear(&buf);
    enum nv_err past = nv_buf_reserve(&buf, caps[_i].bytes + 1);
    unsigned long asked_past = oom_count() - asked;
    (void)oom_end();
    ck_assert_int_eq(at, NV_ERR_NO_MEMORY);
    ck_assert_uint_ge(asked, 1);
    ck_assert_int_eq(past, NV_ERR_LIMIT);
    ck_assert_uint_eq(asked_past, 0);
    nv_buf_release(&buf);
}
END_TEST

/* The one cap of an arena: what does not fit is refused before the allocator is asked. */
START_TEST(arena_of_a_joined_trace)
{
    struct nv_arena *arena = nv_arena_new(NV_CAP_JOIN_ARENA);
    ck_assert_ptr_nonnull(arena);
    oom_fail_from(1);
    void *past = nv_arena_alloc(arena, NV_CAP_JOIN_ARENA + 1);
    unsigned long asked = oom_count();
    void *within = nv_arena_alloc(arena, NV_CAP_JOIN_ARENA / 2);
    unsigned long asked_within = oom_count() - asked;
    (void)oom_end();
    ck_assert_ptr_null(past);
    ck_assert_uint_eq(asked, 0);
    ck_assert_ptr_null(within);
    ck_assert_uint_eq(asked_within, 1);
    nv_arena_free(arena);
}
END_TEST

/* ---- what the reasons beside the caps say ------------------------------------------------ */

START_TEST(caps_keep_what_their_reasons_promise)
{
    ck_assert_uint_le(2 * (uint64_t)NV_CAP_RECORD, (uint64_t)UINT32_MAX + 1);
    ck_assert_uint_eq(NV_CAP_RECORD, NV_JOURNAL_RECORD_MAX);
    ck_assert_uint_le(NV_CAP_DEAD_LETTER, UINT32_MAX);
    /* a failure's text and path, each byte an escape of six */
    ck_assert_uint_ge(NV_CAP_OTLP_REPLY, 6 * (sizeof((struct nv_fail){0}.what) +
                                              sizeof((struct nv_fail){0}.path)));
    ck_assert_uint_ge(NV_CAP_HTTP_ERROR, 6 * sizeof((struct nv_fail){0}.what));
    ck_assert_uint_ge(NV_CAP_CONFIG_FILE, NV_CAP_CONFIG_VALUE_FILE);
    ck_assert_uint_ge(NV_CAP_HTTP_REPLY, NV_CAP_ADMIN_ANSWER);
    ck_assert_uint_ge(NV_CAP_HTTP_REPLY, NV_CAP_ADMIN_AGENTS);
    ck_assert_uint_ge(NV_CAP_HTTP_REPLY, NV_CAP_METRICS);
    ck_assert_uint_gt(NV_CAP_HTTP_REPLY, NV_CAP_API_ANSWER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/limits");
    TCase *tcase = tcase_create("caps");
    tcase_add_test(tcase, every_cap_of_the_header_has_a_row);
    tcase_add_loop_test(tcase, bytes_up_to_the_cap, 0, (int)COUNT(caps));
    tcase_add_loop_test(tcase, past_the_cap_nothing_is_asked_for, 0, (int)COUNT(caps));
    tcase_add_test(tcase, arena_of_a_joined_trace);
    tcase_add_test(tcase, caps_keep_what_their_reasons_promise);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
