/*
 * Further authorities: which files are taken, that a changed file counts, and what is refused.
 */
#include "expect.h"
#include "oom.h"

#include "exporter/send/authorities.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

/* The system's own bundle is as good a file of authorities as any. */
#define BUNDLE "/etc/ssl/certs/ca-certificates.crt"

static struct nv_fail fail;
static struct nv_authorities *authorities;

static void set_up(void)
{
    fail = (struct nv_fail){0};
    authorities = NULL;
}

static int trusted(SSL_CTX *tls)
{
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(tls)));
}

START_TEST(none_is_no_list)
{
    ck_assert_int_eq(nv_authorities_new(NULL, 0, &fail, &authorities), NV_OK);
    ck_assert_ptr_null(authorities);
    nv_authorities_free(NULL);
}
END_TEST

START_TEST(they_are_added)
{
    static const char *const files[] = {BUNDLE, BUNDLE};
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    ck_assert_int_eq(nv_authorities_new(files, 2, &fail, &authorities), NV_OK);
    ck_assert_int_eq(trusted(tls), 0);
    ck_assert_int_eq(nv_authorities_add(authorities, tls), NV_OK);
    ck_assert_int_gt(trusted(tls), 0);
    SSL_CTX_free(tls);
    nv_authorities_free(authorities);
}
END_TEST

START_TEST(files_that_hold_none)
{
    static const char *const files[][2] = {{BUNDLE, "/nowhere.pem"}, {BUNDLE, "/etc/hostname"}};
    for (size_t i = 0; i < 2; i++) {
        fail = (struct nv_fail){0};
        ck_assert_int_eq(nv_authorities_new(files[i], 2, &fail, &authorities), NV_ERR_CONFIG);
        ck_assert_ptr_null(authorities);
        ck_assert_ptr_nonnull(strstr(fail.what, files[i][1]));
    }
}
END_TEST

START_TEST(a_file_that_goes_away)
{
    char path[] = "/tmp/noveum-authority-XXXXXX", command[200];
    const char *const files[] = {path};
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    FILE *from = fopen(BUNDLE, "re");
    ck_assert_ptr_nonnull(from);
    while (fgets(command, sizeof command, from))
        ck_assert_int_eq(write(fd, command, strlen(command)), (ssize_t)strlen(command));
    (void)fclose(from);
    (void)close(fd);
    ck_assert_int_eq(nv_authorities_new(files, 1, &fail, &authorities), NV_OK);
    ck_assert_int_eq(nv_authorities_add(authorities, tls), NV_OK);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(nv_authorities_add(authorities, tls), NV_ERR_CONFIG);
    SSL_CTX_free(tls);
    nv_authorities_free(authorities);
}
END_TEST

/* A bundle holds certificates and no key; test_network.py has the pairs that fit. */
START_TEST(pairs_that_are_none)
{
    ck_assert_int_eq(nv_authorities_check_pair("/etc/hostname", BUNDLE, NULL, &fail),
                     NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "client_cert_file"));
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_authorities_check_pair(BUNDLE, BUNDLE, "word", &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "client_key_file"));
}
END_TEST

/* Of its own; OpenSSL's are tested there. */
START_TEST(every_allocation_failing_once)
{
    static const char *const files[] = {BUNDLE};
    for (unsigned long n = 1; n <= 3; n++) {
        fail = (struct nv_fail){0};
        oom_fail_nth(n);
        enum nv_err err = nv_authorities_new(files, 1, &fail, &authorities);
        ck_assert(oom_end());
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert_ptr_null(authorities);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/send/authorities");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, none_is_no_list);
    tcase_add_test(tcase, they_are_added);
    tcase_add_test(tcase, files_that_hold_none);
    tcase_add_test(tcase, a_file_that_goes_away);
    tcase_add_test(tcase, pairs_that_are_none);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
