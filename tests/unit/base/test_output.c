/*
 * Output to a pipe: whole while somebody reads, left out and soon back when nobody does, on a
 * line of its own when somebody reads again.
 */
#include "expect.h"

#include "base/clock.h"
#include "base/output.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

#define PIPE_BYTES 16384

static int ends[2];
static struct nv_output output = NV_OUTPUT_INIT(-1);
static char taken[4 * PIPE_BYTES];

static void setup(void)
{
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES), PIPE_BYTES);
    output.fd = ends[1];
}

static void teardown(void)
{
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static struct nv_str take(void)
{
    ssize_t n = read(ends[0], taken, sizeof taken);
    ck_assert_int_gt(n, 0);
    return (struct nv_str){taken, (size_t)n};
}

static struct nv_str filler(size_t len)
{
    static char text[2 * PIPE_BYTES];
    memset(text, 'x', sizeof text);
    return (struct nv_str){text, len};
}

static uint64_t now_ms(void)
{
    return nv_clock_mono_ns(nv_clock_system()) / NV_NS_PER_MS;
}

START_TEST(what_is_read_is_whole)
{
    ck_assert(nv_output_write(&output, NV_STR("a line\n")));
    ck_assert(nv_output_write(&output, NV_STR("another\n")));
    ck_assert_nv_str(take(), "a line\nanother\n");
}
END_TEST

START_TEST(nobody_reads)
{
    uint64_t begun = now_ms();
    ck_assert(nv_output_write(&output, filler(PIPE_BYTES)));
    ck_assert(!nv_output_write(&output, NV_STR("in vain\n")));
    uint64_t waited = now_ms() - begun;
    ck_assert_uint_ge(waited, NV_OUTPUT_WAIT_MS);
    begun = now_ms();
    for (int i = 0; i < 100; i++)
        ck_assert(!nv_output_write(&output, NV_STR("not waited for\n")));
    ck_assert_uint_lt(now_ms() - begun, NV_OUTPUT_WAIT_MS);
    ck_assert_uint_eq(take().len, PIPE_BYTES);
    ck_assert(nv_output_write(&output, NV_STR("read again\n")));
    ck_assert_nv_str(take(), "read again\n");
    ck_assert(!output.stalled);
}
END_TEST

START_TEST(a_text_that_was_cut_ends_its_line)
{
    ck_assert(!nv_output_write(&output, filler(PIPE_BYTES + 10)));
    ck_assert(!nv_output_write(&output, NV_STR("in vain\n")));
    ck_assert_uint_eq(take().len, PIPE_BYTES);
    ck_assert(nv_output_write(&output, NV_STR("whole\n")));
    ck_assert_nv_str(take(), "\nwhole\n");
}
END_TEST

START_TEST(who_reads_slowly_gets_all)
{
    pid_t reader = fork();
    ck_assert_int_ge(reader, 0);
    if (reader == 0) {
        (void)close(ends[1]);
        size_t sum = 0;
        for (ssize_t n; (n = read(ends[0], taken, 100)) > 0;)
            sum += (size_t)n;
        _exit(sum == 2 * (size_t)PIPE_BYTES ? 0 : 1);
    }
    ck_assert(nv_output_write(&output, filler(2 * (size_t)PIPE_BYTES)));
    (void)close(ends[1]);
    int status = -1;
    ck_assert_int_eq(waitpid(reader, &status, 0), reader);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_closed_descriptor_is_no_wait)
{
    uint64_t begun = now_ms();
    output.fd = -1;
    ck_assert(nv_output_write(&output, NV_STR("")));
    (void)close(ends[1]);
    output.fd = ends[1];
    ck_assert(!nv_output_write(&output, NV_STR("text\n")));
    ck_assert_uint_lt(now_ms() - begun, NV_OUTPUT_WAIT_MS);
}
END_TEST

START_TEST(last_words_never_wait)
{
    nv_output_write_now(ends[1], NV_STR("last\n"));
    ck_assert_nv_str(take(), "last\n");
    ck_assert(nv_output_write(&output, filler(PIPE_BYTES)));
    nv_output_write_now(ends[1], NV_STR("unsaid\n"));
    ck_assert_uint_eq(take().len, PIPE_BYTES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/output");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_read_is_whole);
    tcase_add_test(tcase, nobody_reads);
    tcase_add_test(tcase, a_text_that_was_cut_ends_its_line);
    tcase_add_test(tcase, who_reads_slowly_gets_all);
    tcase_add_test(tcase, a_closed_descriptor_is_no_wait);
    tcase_add_test(tcase, last_words_never_wait);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
