/*
 * Trace context as text: what the recommendation accepts and refuses, values of baggage, and
 * ids that differ.
 */
#include "expect.h"

#include "trace/w3c.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static const struct {
    const char *text;
    bool good;
    int sampled;
} parents[] = {
    {"00-" TRACE "-" SPAN "-01", true, 1},
    {"  00-" TRACE "-" SPAN "-01 ", true, 1},
    {"00-" TRACE "-" SPAN "-00", true, 0},
    {"00-" TRACE "-" SPAN "-ff", true, 1},
    {"cc-" TRACE "-" SPAN "-01", true, 1},
    {"cc-" TRACE "-" SPAN "-01-what-the-future-brings", true, 1},
    {"cc-" TRACE "-" SPAN "-01.what", false, 0},
    {"00-" TRACE "-" SPAN "-01-more", false, 0},
    {"ff-" TRACE "-" SPAN "-01", false, 0},
    {"00-" TRACE "-" SPAN "-1", false, 0},
    {"00-" TRACE "-" SPAN "_01", false, 0},
    {"00_" TRACE "-" SPAN "-01", false, 0},
    {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", false, 0},
    {"00-00000000000000000000000000000000-" SPAN "-01", false, 0},
    {"00-" TRACE "-0000000000000000-01", false, 0},
    {"00-" TRACE "x" SPAN "-01", false, 0},
    {"0g-" TRACE "-" SPAN "-01", false, 0},
    {"", false, 0},
    {NULL, false, 0},
};

START_TEST(reads_parents)
{
    noveum_context context;
    noveum_result result = noveum_parse_traceparent(parents[_i].text, "congo=t61", &context);
    ck_assert_int_eq(result, parents[_i].good ? NOVEUM_OK : NOVEUM_INVALID);
    ck_assert_int_eq(context.sampled, parents[_i].sampled);
    ck_assert_int_eq(context.remote, parents[_i].good);
    ck_assert_int_eq(nv_trace_is_zero(context.trace_id, 16), !parents[_i].good);
    ck_assert_str_eq(context.state, parents[_i].good ? "congo=t61" : "");
}
END_TEST

/* As w3c.c has it. */
#define STATE_MAX 512

START_TEST(writes_what_it_read)
{
    noveum_context context;
    char text[NOVEUM_TRACEPARENT_SIZE], state[600];
    ck_assert_int_eq(noveum_parse_traceparent(parents[0].text, NULL, &context), NOVEUM_OK);
    ck_assert_uint_eq(nv_trace_write_parent(&context, text), 55);
    ck_assert_str_eq(text, parents[0].text);
    memset(&context, 0, sizeof context);
    ck_assert_uint_eq(nv_trace_write_parent(&context, text), 0);
    ck_assert_str_eq(text, "");
    ck_assert_int_eq(noveum_parse_traceparent(parents[0].text, NULL, NULL), NOVEUM_INVALID);
    memset(state, 'a', sizeof state);
    state[STATE_MAX + 1] = '\0';
    ck_assert_int_eq(noveum_parse_traceparent(parents[0].text, state, &context), NOVEUM_OK);
    ck_assert_str_eq(context.state, "");
    state[STATE_MAX] = '\0';
    ck_assert_int_eq(noveum_parse_traceparent(parents[0].text, state, &context), NOVEUM_OK);
    ck_assert_str_eq(context.state, state);
    ck_assert_int_eq(noveum_parse_traceparent(parents[0].text, "a=1\r\nx: y", &context),
                     NOVEUM_OK);
    ck_assert_str_eq(context.state, "");
}
END_TEST

static void *draw(void *ctx)
{
    nv_trace_random(ctx, 16);
    return NULL;
}

START_TEST(ids_differ_between_threads_and_processes)
{
    uint8_t ids[4][16];
    int ends[2];
    pthread_t thread;
    nv_trace_random(ids[0], 16);
    ck_assert_int_eq(pthread_create(&thread, NULL, draw, ids[1]), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        nv_trace_random_after_fork();
        nv_trace_random(ids[2], 16);
        _exit(write(ends[1], ids[2], 16) == 16 ? 0 : 1);
    }
    nv_trace_random(ids[3], 16);
    ck_assert_int_eq((int)read(ends[0], ids[2], 16), 16);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < i; j++)
            ck_assert_mem_ne(ids[i], ids[j], 16);
    }
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(ids_are_never_zero)
{
    uint8_t byte;
    for (int i = 0; i < 10000; i++) {
        nv_trace_random(&byte, 1);
        ck_assert_uint_ne(byte, 0);
    }
    ck_assert(nv_trace_is_zero((const uint8_t[]){0, 0}, 2));
    ck_assert(!nv_trace_is_zero((const uint8_t[]){0, 1}, 2));
}
END_TEST

START_TEST(values_of_lists_are_decoded)
{
    static const char *const rows[][2] = {
        {"", ""},       {"plain", "plain"}, {"a%2Cb%2cc", "a,b,c"},
        {"%", "%"},     {"%4", "%4"},       {"%4g%41", "%4gA"},
        {"%%41", "%A"}, {"end%4", "end%4"}, {"%C3%a9", "é"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[10];
        struct nv_str decoded = {out, nv_trace_decode(nv_str_from(rows[i][0]), out)};
        ck_assert_nv_str(decoded, rows[i][1]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("w3c");
    TCase *tcase = tcase_create("w3c");
    tcase_add_loop_test(tcase, reads_parents, 0, sizeof parents / sizeof parents[0]);
    tcase_add_test(tcase, writes_what_it_read);
    tcase_add_test(tcase, ids_differ_between_threads_and_processes);
    tcase_add_test(tcase, ids_are_never_zero);
    tcase_add_test(tcase, values_of_lists_are_decoded);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
