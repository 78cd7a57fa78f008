/*
 * Waiting for news: told, too long, too many, at the end.
 */
#include "expect.h"
#include "http_rig.h"
#include "oom.h"

#include "gateway/admin/events.h"

#include <unistd.h>

#include "base/banned.h"

static struct http_rig rig;
static struct nv_fake_clock fake;
static struct nv_events *events;

static struct nv_events_seen seen;

static void handle(void *ctx, struct nv_http_exchange *exchange)
{
    (void)ctx;
    nv_events_wait(events, exchange, &seen);
}

static void set_up(void)
{
    static const struct nv_http_route route = {
        .path = NV_STR_INIT("/"), .methods = NV_HTTP_GET, .handler = {.handle = handle}};
    seen = (struct nv_events_seen){.after = 5};
    nv_fake_clock_init(&fake, NV_NS_PER_S, 0);
    events = nv_events_new(&fake.clock);
    http_rig_open(&rig, &route, 1, NULL, NULL);
}

static void tear_down(void)
{
    nv_events_end(events);
    http_rig_turn(&rig);
    http_rig_close(&rig);
    nv_events_free(events);
}

static int ask(void)
{
    int fd = http_rig_connect(&rig);
    http_rig_send(&rig, fd, NV_STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    http_rig_turn(&rig);
    rig.len = 0;
    rig.text[0] = '\0';
    (void)http_rig_read(&rig, fd);
    return fd;
}

static bool says(int fd, const char *part)
{
    http_rig_turn(&rig);
    rig.len = 0;
    rig.text[0] = '\0';
    (void)http_rig_read(&rig, fd);
    return strstr(rig.text, part) != NULL;
}

START_TEST(who_waits_is_told)
{
    int fd = ask();
    ck_assert_int_eq(http_rig_status(&rig, 0), 0);
    nv_events_tell(events, 5); /* which it has */
    ck_assert(!says(fd, "HTTP/1.1"));
    nv_events_tell(events, 6);
    ck_assert(says(fd, "id: 6\nevent: traces\ndata: {\"last\":6}\n\n"));
    (void)close(fd);
}
END_TEST

START_TEST(who_wants_it_is_told_of_what_is_held)
{
    int other = ask();
    ck_assert(!nv_events_wants_held(events));
    seen.wants_held = true;
    seen.held = 41;
    nv_events_held(events, 41);
    int fd = ask();
    ck_assert_int_eq(http_rig_status(&rig, 0), 0);
    ck_assert(nv_events_wants_held(events));
    nv_events_held(events, 41); /* which it has */
    ck_assert(!says(fd, "HTTP/1.1"));
    nv_events_held(events, 57);
    ck_assert(says(fd, "retry: 1000\nevent: held\ndata: {\"last\":5,\"held\":57}\n\n"));
    ck_assert_ptr_null(strstr(rig.text, "id:"));
    ck_assert(!says(other, "HTTP/1.1"));
    (void)close(fd);
    fd = ask(); /* it has missed one */
    ck_assert_ptr_nonnull(strstr(rig.text, "\"held\":57"));
    (void)close(fd);
    seen.held = 57;
    fd = ask();
    nv_events_tell(events, 6);
    ck_assert(says(fd, "id: 6\nevent: traces\ndata: {\"last\":6,\"held\":57}\n\n"));
    (void)close(fd);
    (void)close(other);
}
END_TEST

START_TEST(what_is_there_is_told_at_once)
{
    nv_events_tell(events, 9);
    int fd = ask();
    ck_assert_ptr_nonnull(strstr(rig.text, "Content-Type: text/event-stream"));
    ck_assert_ptr_nonnull(strstr(rig.text, "id: 9"));
    (void)close(fd);
}
END_TEST

/* A gateway that was started again quickly: the page met no error between the two. */
START_TEST(another_store_is_told_of)
{
    int fd = ask();
    nv_events_tell(events, 2);
    ck_assert(says(fd, "id: 2\nevent: traces\ndata: {\"last\":2}\n\n"));
    (void)close(fd);
}
END_TEST

START_TEST(nobody_waits_too_long)
{
    int fd = ask();
    nv_fake_clock_advance(&fake, NV_EVENTS_WAIT_MS * NV_NS_PER_MS - 1);
    nv_events_expire(events);
    ck_assert(!says(fd, "HTTP/1.1"));
    nv_fake_clock_advance(&fake, 1);
    nv_events_expire(events);
    ck_assert(says(fd, ": nothing new"));
    ck_assert_ptr_null(strstr(rig.text, "event:"));
    (void)close(fd);
}
END_TEST

START_TEST(so_many_wait_and_one_more_does_not)
{
    int fds[NV_EVENTS_WAITING_MAX + 1];
    for (unsigned i = 0; i < NV_EVENTS_WAITING_MAX; i++) {
        fds[i] = ask();
        ck_assert_int_eq(http_rig_status(&rig, 0), 0);
    }
    fds[NV_EVENTS_WAITING_MAX] = ask();
    ck_assert_ptr_nonnull(strstr(rig.text, ": nothing new"));
    for (unsigned i = 0; i <= NV_EVENTS_WAITING_MAX; i++)
        (void)close(fds[i]);
}
END_TEST

START_TEST(at_the_end_all_are_answered)
{
    int fd = ask();
    nv_events_end(events);
    ck_assert(says(fd, "200 OK"));
    (void)close(fd);
    fd = ask();
    ck_assert_int_eq(http_rig_status(&rig, 0), 200);
    (void)close(fd);
}
END_TEST

START_TEST(who_is_gone_is_forgotten)
{
    (void)close(ask());
    http_rig_turn(&rig);
    nv_events_tell(events, 7);
    http_rig_turn(&rig);
    nv_events_free(NULL);
}
END_TEST

START_TEST(without_memory_there_are_none)
{
    oom_fail_nth(1);
    struct nv_events *none = nv_events_new(&fake.clock);
    ck_assert(oom_end());
    ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/admin/events");
    TCase *tcase = tcase_create("events");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, who_waits_is_told);
    tcase_add_test(tcase, who_wants_it_is_told_of_what_is_held);
    tcase_add_test(tcase, what_is_there_is_told_at_once);
    tcase_add_test(tcase, another_store_is_told_of);
    tcase_add_test(tcase, nobody_waits_too_long);
    tcase_add_test(tcase, so_many_wait_and_one_more_does_not);
    tcase_add_test(tcase, at_the_end_all_are_answered);
    tcase_add_test(tcase, who_is_gone_is_forgotten);
    tcase_add_test(tcase, without_memory_there_are_none);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
