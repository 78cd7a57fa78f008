/*
 * What is lent to a thread: its own, given back in turn, and the log's lines of the time.
 */
#include "expect.h"

#include "base/log/log.h"
#include "gateway/embed/lent.h"

#include <pthread.h>
#include <stdio.h>

#include "base/banned.h"

static void keep_line(void *ctx, const char *line, size_t len)
{
    (void)snprintf(ctx, 256, "%.*s", (int)len, line);
}

START_TEST(nested_it_comes_back_in_turn)
{
    static const noveum_allocator outer, inner;
    const struct nv_lent one = {.allocator = &outer}, two = {.allocator = &inner};
    ck_assert_ptr_null(nv_lent_allocator());
    struct nv_lent nothing = nv_lent_swap(&one);
    struct nv_lent before = nv_lent_swap(&two);
    ck_assert_ptr_eq(nv_lent_allocator(), &inner);
    (void)nv_lent_swap(&before);
    ck_assert_ptr_eq(nv_lent_allocator(), &outer);
    (void)nv_lent_swap(&nothing);
    ck_assert_ptr_null(nv_lent_allocator());
}
END_TEST

static void *look(void *out)
{
    *(const noveum_allocator **)out = nv_lent_allocator();
    return NULL;
}

START_TEST(another_thread_has_its_own)
{
    static const noveum_allocator mine;
    const struct nv_lent lent = {.allocator = &mine};
    const noveum_allocator *theirs = &mine;
    pthread_t thread;
    struct nv_lent nothing = nv_lent_swap(&lent);
    ck_assert_int_eq(pthread_create(&thread, NULL, look, &theirs), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_ptr_null(theirs);
    (void)nv_lent_swap(&nothing);
}
END_TEST

static void note_line(void *ctx, struct nv_str line)
{
    (void)line;
    ++*(unsigned *)ctx;
}

START_TEST(lines_go_to_who_lent)
{
    char line[256] = "";
    unsigned process = 0;
    const struct nv_lent lent = {.log = keep_line, .log_ctx = line, .active = true};
    const struct nv_lent quiet = {.active = true};
    nv_log_set_sink(note_line, &process);
    struct nv_lent nothing = nv_lent_swap(&lent);
    NV_LOG(NV_LOG_WARN, "test", "hello");
    ck_assert_ptr_nonnull(strstr(line, "warn test: hello"));
    ck_assert_ptr_null(strchr(line, '\n'));
    (void)nv_lent_swap(&quiet);
    NV_LOG(NV_LOG_WARN, "test", "unheard");
    ck_assert_ptr_null(strstr(line, "unheard"));
    ck_assert_uint_eq(process, 0);
    (void)nv_lent_swap(&nothing);
    NV_LOG(NV_LOG_WARN, "test", "to the process");
    ck_assert_uint_eq(process, 1);
    nv_log_set_sink(NULL, NULL);
}
END_TEST

/* This program links the archive, whose malloc is libc's. */
START_TEST(the_archive_says_that_it_cannot)
{
    ck_assert(!nv_lent_reaches_malloc());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/embed/lent");
    TCase *tcase = tcase_create("lent");
    tcase_add_test(tcase, nested_it_comes_back_in_turn);
    tcase_add_test(tcase, another_thread_has_its_own);
    tcase_add_test(tcase, lines_go_to_who_lent);
    tcase_add_test(tcase, the_archive_says_that_it_cannot);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
