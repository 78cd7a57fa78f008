/*
 * Log records: body, attributes, times, and the event's name in either place.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "base/text/wire.h"
#include "mapping/engine/logs.h"

#include "base/banned.h"

static struct nv_log decode(struct nv_arena *arena, struct nv_buf *buf)
{
    struct nv_log log;
    ck_assert_int_eq(nv_log_decode(arena, nv_buf_str(buf), &log), NV_OK);
    return log;
}

static void text_attribute(struct nv_buf *buf, const char *key, const char *text)
{
    size_t mark = nv_wire_begin(buf, 6);
    (void)nv_wire_put_bytes(buf, 1, nv_str_from(key));
    size_t value = nv_wire_begin(buf, 2);
    (void)nv_wire_put_bytes(buf, 1, nv_str_from(text));
    (void)nv_wire_end(buf, value);
    (void)nv_wire_end(buf, mark);
}

START_TEST(fields)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 16);
    (void)nv_wire_put_fixed64(&buf, 1, 5);
    (void)nv_wire_put_uint(&buf, 2, 9);
    size_t body = nv_wire_begin(&buf, 5);
    (void)nv_wire_put_bytes(&buf, 1, NV_STR("hello"));
    (void)nv_wire_end(&buf, body);
    text_attribute(&buf, "event.name", "old");
    (void)nv_wire_put_fixed64(&buf, 11, 6);
    struct nv_log log = decode(arena, &buf);
    ck_assert_nv_str(log.event_name, "old");
    ck_assert_nv_str(log.body.as.string, "hello");
    ck_assert_uint_eq(log.time_ns, 5);
    ck_assert_int_eq(log.severity, 9);
    (void)nv_wire_put_bytes(&buf, 12, NV_STR("new"));
    log = decode(arena, &buf);
    ck_assert_nv_str(log.event_name, "new");
    (void)nv_wire_put_bytes(&buf, 12, NV_STR("event src/telemetry.rs:42"));
    log = decode(arena, &buf);
    ck_assert_nv_str(log.event_name, "old");
    nv_buf_release(&buf);
    nv_arena_free(arena);
}
END_TEST

START_TEST(observed_time_stands_in)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 16);
    (void)nv_wire_put_fixed64(&buf, 11, 6);
    struct nv_log log = decode(arena, &buf);
    ck_assert_uint_eq(log.time_ns, 6);
    ck_assert_uint_eq(log.event_name.len, 0);
    ck_assert_int_eq(log.body.type, NV_VALUE_NULL);
    (void)nv_buf_append(&buf, "\xff", 1);
    ck_assert_int_ne(nv_log_decode(arena, nv_buf_str(&buf), &log), NV_OK);
    nv_buf_release(&buf);
    nv_arena_free(arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/logs");
    TCase *tcase = tcase_create("logs");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, fields);
    tcase_add_test(tcase, observed_time_stands_in);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
