/*
 * The browser: an xdg-open of the test's own, which says over a pipe with which address it was
 * called; and nothing where there is no display.
 */
#include "expect.h"

#include "gateway/process/browser.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static char directory[] = "/tmp/noveum-browser-XXXXXX";
static char program[64], told[64];

static void set_up(void)
{
    (void)snprintf(program, sizeof program, "%s/xdg-open", directory);
    (void)snprintf(told, sizeof told, "%s/told", directory);
    ck_assert_int_eq(mkfifo(told, 0600), 0);
    FILE *file = fopen(program, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_gt(fprintf(file, "#!/bin/sh\necho noise\nprintf '%%s' \"$1\" >%s\n", told),
                     0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(program, 0700), 0);
    ck_assert_int_eq(setenv("PATH", directory, 1), 0);
    (void)unsetenv("DISPLAY");
    (void)unsetenv("WAYLAND_DISPLAY");
}

static void tear_down(void)
{
    (void)unlink(program);
    (void)unlink(told);
}

START_TEST(with_a_display)
{
    static const char *const names[] = {"DISPLAY", "WAYLAND_DISPLAY"};
    char text[64] = "";
    ck_assert_int_eq(setenv(names[_i], ":0", 1), 0);
    ck_assert(nv_browser_open("http://127.0.0.1:1/"));
    FILE *file = fopen(told, "re"); /* waits for its writer */
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
    (void)fclose(file);
    ck_assert_str_eq(text, "http://127.0.0.1:1/");
}
END_TEST

START_TEST(without_one)
{
    ck_assert(!nv_browser_open("http://127.0.0.1:1/"));
    ck_assert_int_eq(setenv("DISPLAY", "", 1), 0);
    ck_assert(!nv_browser_open("http://127.0.0.1:1/"));
}
END_TEST

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    Suite *suite = suite_create("gateway/process/browser");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, with_a_display, 0, 2);
    tcase_add_test(tcase, without_one);
    suite_add_tcase(suite, tcase);
    int failed = nv_test_run(suite);
    (void)rmdir(directory);
    return failed;
}
