/*
 * A captured request moved to now: latest time, distances, ids and links; all captures of the
 * program; and bytes that are none.
 */
#include "expect.h"

#include "base/text/wire.h"
#include "gateway/demo/moved.h"

#include <stdlib.h>

#include "base/banned.h"

#define CAP 4096
#define ID "0123456789abcdef"
#define NOW UINT64_C(1800000000000000000)

static const struct nv_demo_salt salt = {
    {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static struct nv_buf body;

static void put_span(const char *id, uint64_t start, uint64_t end, uint64_t event)
{
    size_t span = nv_wire_begin(&body, NV_OTLP_SCOPE_GROUP_ITEMS);
    (void)nv_wire_put_bytes(&body, NV_OTLP_SPAN_TRACE_ID, nv_str_from(id));
    (void)nv_wire_put_bytes(&body, NV_OTLP_SPAN_NAME, NV_STR("name"));
    (void)nv_wire_put_fixed64(&body, NV_OTLP_SPAN_START, start);
    (void)nv_wire_put_fixed64(&body, NV_OTLP_SPAN_END, end);
    size_t inner = nv_wire_begin(&body, NV_OTLP_SPAN_EVENTS);
    (void)nv_wire_put_fixed64(&body, NV_OTLP_EVENT_TIME, event);
    (void)nv_wire_end(&body, inner);
    inner = nv_wire_begin(&body, NV_OTLP_SPAN_LINKS);
    (void)nv_wire_put_bytes(&body, NV_OTLP_LINK_TRACE_ID, NV_STR(ID));
    (void)nv_wire_end(&body, inner);
    (void)nv_wire_end(&body, span);
}

static void make(void)
{
    nv_buf_init(&body, CAP);
    size_t group = nv_wire_begin(&body, NV_OTLP_REQUEST_GROUPS);
    size_t scope = nv_wire_begin(&body, NV_OTLP_RESOURCE_GROUP_SCOPES);
    put_span(ID, 1000, 5000, 0);
    put_span(ID, 2000, 4000, 3000);
    (void)nv_wire_end(&body, scope);
    (void)nv_wire_end(&body, group);
    ck_assert_int_eq(body.failed, NV_OK);
}

static void release(void)
{
    nv_buf_release(&body);
}

/* How often the 8 bytes of a time stand in the body. */
static size_t count_time(uint64_t time_ns)
{
    uint64_t bytes = htole64(time_ns);
    size_t found = 0;
    for (size_t i = 0; i + sizeof bytes <= body.len; i++)
        found += memcmp(body.bytes + i, &bytes, sizeof bytes) == 0 ? 1 : 0;
    return found;
}

static size_t count_text(struct nv_str text)
{
    size_t found = 0;
    for (size_t i = 0; i + text.len <= body.len; i++)
        found += memcmp(body.bytes + i, text.ptr, text.len) == 0 ? 1 : 0;
    return found;
}

START_TEST(the_latest_is_now_and_distances_stay)
{
    ck_assert_int_eq(nv_demo_move(body.bytes, body.len, NOW, &salt), NV_OK);
    ck_assert_uint_eq(count_time(NOW), 1);
    ck_assert_uint_eq(count_time(NOW - 1000), 1);
    ck_assert_uint_eq(count_time(NOW - 2000), 1);
    ck_assert_uint_eq(count_time(NOW - 3000), 1);
    ck_assert_uint_eq(count_time(NOW - 4000), 1);
    ck_assert_uint_eq(count_time(0), 1); /* not set: stays so */
}
END_TEST

START_TEST(ids_are_others_and_links_still_fit)
{
    char other[17] = ID;
    for (size_t i = 0; i < 16; i++)
        other[i] = (char)(other[i] ^ (char)salt.bytes[i]);
    ck_assert_int_eq(nv_demo_move(body.bytes, body.len, NOW, &salt), NV_OK);
    ck_assert_uint_eq(count_text(NV_STR(ID)), 0);
    ck_assert_uint_eq(count_text((struct nv_str){other, 16}), 4);
    ck_assert_uint_eq(count_text(NV_STR("name")), 2);
}
END_TEST

START_TEST(what_is_no_request)
{
    for (size_t len = 1; len < 60; len++) {
        char *cut = malloc(len);
        ck_assert_ptr_nonnull(cut);
        memcpy(cut, body.bytes, len);
        ck_assert_int_ne(nv_demo_move(cut, len, NOW, &salt), NV_OK);
        free(cut);
    }
    ck_assert_int_eq(nv_demo_move(body.bytes, 0, NOW, &salt), NV_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/demo/moved");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, make, release);
    tcase_add_test(tcase, the_latest_is_now_and_distances_stay);
    tcase_add_test(tcase, ids_are_others_and_links_still_fit);
    tcase_add_test(tcase, what_is_no_request);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
