/*
 * When the program takes itself for an extension, and what it does without Lambda. That it
 * delivers before a freeze is tests/e2e/test_lambda.py.
 */
#include "expect.h"
#include "base/log/log.h"
#include "gateway/commands/cli.h"
#include "gateway/commands/lambda.h"

#include <stdlib.h>

#include "base/banned.h"

START_TEST(an_extension_is_a_file_of_its_folder_started_by_lambda)
{
    (void)unsetenv("AWS_LAMBDA_RUNTIME_API");
    ck_assert(!nv_lambda_is_extension("/opt/extensions/noveum-gateway"));
    (void)setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001", 1);
    ck_assert(nv_lambda_is_extension("/opt/extensions/noveum-gateway"));
    ck_assert(!nv_lambda_is_extension("/usr/bin/noveum-gateway"));
    ck_assert(!nv_lambda_is_extension(NULL));
    (void)unsetenv("AWS_LAMBDA_RUNTIME_API");
}
END_TEST

START_TEST(elsewhere_it_is_a_wrong_argument)
{
    static const char *const nothing[] = {NULL};
    const struct nv_option_sources sources = {.environment = nothing};
    (void)unsetenv("AWS_LAMBDA_RUNTIME_API");
    nv_log_hold();
    ck_assert_int_eq(nv_command_lambda(&sources, "noveum-gateway"), NV_EXIT_USAGE);
}
END_TEST

/* Neither gateway nor API: nothing is left to wait for. */
START_TEST(with_nobody_at_the_api_it_ends)
{
    static const char *const nothing[] = {NULL};
    const char *sets[] = {"no.such=1"};
    const struct nv_option_sources sources = {
        .environment = nothing, .sets = sets, .set_count = 1};
    (void)setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1", 1);
    nv_log_hold();
    ck_assert_int_eq(nv_command_lambda(&sources, "noveum-gateway"), NV_EXIT_USAGE);
    (void)unsetenv("AWS_LAMBDA_RUNTIME_API");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/commands/lambda");
    TCase *tcase = tcase_create("lambda");
    tcase_add_test(tcase, an_extension_is_a_file_of_its_folder_started_by_lambda);
    tcase_add_test(tcase, elsewhere_it_is_a_wrong_argument);
    tcase_add_test(tcase, with_nobody_at_the_api_it_ends);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
