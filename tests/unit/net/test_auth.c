/*
 * Tokens: which headers let a request in, files with faults, reload, and that no part of a
 * token shows in an error.
 */
#include "expect.h"
#include "oom.h"

#include "net/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static char path[64];

static void write_file(const char *text)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void set_up(void)
{
    snprintf(path, sizeof path, "/tmp/noveum-auth-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void tear_down(void)
{
    unlink(path);
}

static struct nv_auth *auth_of(const char *token, const char *file_text)
{
    struct nv_auth *auth = NULL;
    struct nv_fail fail = {.code = NV_OK};
    if (file_text)
        write_file(file_text);
    enum nv_err err = nv_auth_new(token, file_text != NULL ? path : NULL, &fail, &auth);
    ck_assert_msg(err == NV_OK, "%s", fail.what);
    return auth;
}

static const struct {
    const char *authorization, *api_key;
    bool passes;
} rows[] = {
    {"Bearer s3cret", "", true},
    {"bearer s3cret", "", true},
    {"BEARER   s3cret", "", true},
    {"", "s3cret", true},
    {"Bearer second", "", true},
    {"", "second", true},
    {"Basic dXNlcjpwYXNz", "", true}, /* user:pass */
    {"basic dXNlcjpwYXNz", "", true},
    {"Basic dXNlcjpwYXN0", "", false}, /* user:past */
    {"Basic czNjcmV0", "", false},     /* s3cret has no colon */
    {"Basic ????", "", false},
    {"Bearer user:pass", "", true},
    {"", "", false},
    {"Bearer", "", false},
    {"Bearer ", "", false},
    {"Bearer s3cre", "", false},
    {"Bearer s3cretx", "", false},
    {"Bearer S3CRET", "", false},
    {"Bearers3cret", "", false},
    {"s3cret", "", false},
    {"Token s3cret", "", false},
    {"Bearer wrong", "s3cret", false},
    {"Bearer # comment", "", false},
    {"", "# comment", false},
    {"", "wrong", false},
};

START_TEST(only_a_known_token_passes)
{
    struct nv_auth *auth = auth_of("s3cret", "# comment\n\n second \r\nuser:pass\n");
    enum nv_err err =
        nv_auth_check(auth, nv_str_from(rows[_i].authorization), nv_str_from(rows[_i].api_key));
    ck_assert_msg((err == NV_OK) == rows[_i].passes, "'%s' '%s'", rows[_i].authorization,
                  rows[_i].api_key);
    nv_auth_free(auth);
}
END_TEST

START_TEST(without_tokens_everybody_passes)
{
    struct nv_auth *auth = auth_of("", NULL);
    ck_assert(!nv_auth_required(auth));
    ck_assert_int_eq(nv_auth_check(auth, NV_STR(""), NV_STR("")), NV_OK);
    nv_auth_free(auth);
}
END_TEST

START_TEST(reload_takes_the_new_tokens)
{
    struct nv_auth *auth = auth_of(NULL, "old\n");
    struct nv_fail fail = {.code = NV_OK};
    ck_assert(nv_auth_required(auth));
    ck_assert_int_eq(nv_auth_check(auth, NV_STR("Bearer old"), NV_STR("")), NV_OK);
    write_file("new\n");
    ck_assert_int_eq(nv_auth_reload(auth, &fail), NV_OK);
    ck_assert_int_eq(nv_auth_check(auth, NV_STR("Bearer new"), NV_STR("")), NV_OK);
    ck_assert_int_eq(nv_auth_check(auth, NV_STR("Bearer old"), NV_STR("")),
                     NV_ERR_UNAUTHENTICATED);
    write_file("# nothing\n");
    ck_assert_int_eq(nv_auth_reload(auth, &fail), NV_ERR_CONFIG);
    ck_assert_int_eq(nv_auth_check(auth, NV_STR("Bearer new"), NV_STR("")), NV_OK);
    unlink(path);
    ck_assert_int_eq(nv_auth_reload(auth, NULL), NV_ERR_CONFIG);
    ck_assert_int_eq(nv_auth_check(auth, NV_STR("Bearer new"), NV_STR("")), NV_OK);
    nv_auth_free(auth);
}
END_TEST

static void refused(const char *token, const char *file)
{
    struct nv_auth *auth = NULL;
    struct nv_fail fail = {.code = NV_OK};
    ck_assert_int_eq(nv_auth_new(token, file, &fail, &auth), NV_ERR_CONFIG);
    ck_assert_ptr_null(auth);
    ck_assert_uint_gt(strlen(fail.what), 0);
    ck_assert_ptr_null(strstr(fail.what, "sekrit"));
}

START_TEST(faulty_files_are_refused)
{
    char *text = malloc(NV_AUTH_TOKEN_MAX + 100);
    refused(NULL, "/nonexistent/tokens");
    refused("also one", "/nonexistent/tokens");
    write_file("");
    refused(NULL, path);
    refused("sekrit", path);
    memset(text, 's', NV_AUTH_TOKEN_MAX + 99);
    memcpy(text, "sekrit", 6);
    text[NV_AUTH_TOKEN_MAX] = '\0';
    write_file(text);
    nv_auth_free(auth_of(text, text)); /* the longest that passes */
    text[NV_AUTH_TOKEN_MAX] = 's';
    text[NV_AUTH_TOKEN_MAX + 1] = '\0';
    write_file(text);
    refused(NULL, path);
    refused(text, NULL);
    free(text);
}
END_TEST

START_TEST(as_many_tokens_as_documented)
{
    for (int extra = 0; extra < 2; extra++) {
        FILE *file = fopen(path, "we");
        for (int i = 0; i < NV_AUTH_TOKENS_MAX + extra; i++)
            fprintf(file, "token-%d\n", i);
        fclose(file);
        struct nv_auth *auth = NULL;
        enum nv_err err = nv_auth_new(NULL, path, NULL, &auth);
        ck_assert_int_eq(err, extra ? NV_ERR_CONFIG : NV_OK);
        if (err == NV_OK) {
            ck_assert_int_eq(nv_auth_check(auth, NV_STR("Bearer token-1023"), NV_STR("")),
                             NV_OK);
        }
        nv_auth_free(auth);
    }
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    write_file("one\nuser:pass\n");
    for (unsigned long n = 1;; n++) {
        struct nv_auth *auth = NULL;
        oom_fail_nth(n);
        enum nv_err err = nv_auth_new("t", path, NULL, &auth);
        bool failed = oom_end();
        ck_assert(failed ? err != NV_OK : err == NV_OK);
        nv_auth_free(auth);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("auth");
    TCase *tcase = tcase_create("auth");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, only_a_known_token_passes, 0, sizeof rows / sizeof rows[0]);
    tcase_add_test(tcase, without_tokens_everybody_passes);
    tcase_add_test(tcase, reload_takes_the_new_tokens);
    tcase_add_test(tcase, faulty_files_are_refused);
    tcase_add_test(tcase, as_many_tokens_as_documented);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
