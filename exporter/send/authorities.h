/*
 * Authorities to trust besides those that libcurl loads: files of a company, or of a firewall
 * that opens TLS; and whether our own certificate can be shown. OpenSSL stays in the .c.
 */
#ifndef NV_EXPORTER_SEND_AUTHORITIES_H
#define NV_EXPORTER_SEND_AUTHORITIES_H

#include "base/error.h"

struct nv_authorities;

/*
 * New list of `count` PEM files (borrowed, copied), each read once to find out whether it can
 * be; *out is NULL for none. NV_ERR_CONFIG with `fail` that names the file, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_authorities_new(const char *const *files, size_t count, struct nv_fail *fail,
                               struct nv_authorities **out) NV_MUST_USE;
/* Frees. NULL is allowed. */
void nv_authorities_free(struct nv_authorities *authorities);
/*
 * Can `cert_file` and `key_file` (PEM, borrowed) be read, and are they of each other?
 * `password` (borrowed, NULL or "": none) opens an encrypted key; one that is not asked for is
 * not used, and nothing asks a terminal. NV_ERR_CONFIG with `fail` that says what is wrong,
 * never the password; NV_ERR_NO_MEMORY.
 */
enum nv_err nv_authorities_check_pair(const char *cert_file, const char *key_file,
                                      const char *password, struct nv_fail *fail) NV_MUST_USE;
/*
 * Adds what stands in the files now to `tls`, an SSL_CTX of OpenSSL's: a file that was changed
 * counts at the next connection. NV_ERR_CONFIG: one of them can't be read. Any thread.
 */
enum nv_err nv_authorities_add(const struct nv_authorities *authorities, void *tls) NV_MUST_USE;

#endif
