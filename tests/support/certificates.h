/*
 * Certificates for tests, made on the spot: no private key is ever kept in the tree.
 */
#ifndef NV_TESTS_SUPPORT_CERTIFICATES_H
#define NV_TESTS_SUPPORT_CERTIFICATES_H

/* Writes a self-signed certificate for `name` and its key as PEM files. Aborts the test on
 * failure.
 */
void nv_test_certificate(const char *name, const char *cert_file, const char *key_file);

#endif
