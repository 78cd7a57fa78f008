/*
 * Further authorities.
 *
 * libcurl takes one file of authorities, in place of the system's. A company wants its own
 * besides them, so they are added to each connection's store, which libcurl has filled before
 * it asks (CURLOPT_SSL_CTX_FUNCTION).
 */
#include "exporter/send/authorities.h"

#include "base/openssl.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct nv_authorities {
    size_t count;
    char **files; /* owned, as each is */
};

static enum nv_err copy(struct nv_authorities *authorities, const char *const *files,
                        size_t count)
{
    authorities->files = calloc(count, sizeof *authorities->files);
    if (!authorities->files)
        return NV_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        authorities->files[i] = strdup(files[i]);
        if (!authorities->files[i])
            return NV_ERR_NO_MEMORY;
        authorities->count++;
    }
    return NV_OK;
}

/* The first file that holds no authority; NULL: all do, or `*err` says what else is wrong. */
static const char *find_bad(const struct nv_authorities *authorities, enum nv_err *err)
{
    const char *bad = NULL;
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    *err = tls ? NV_OK : NV_ERR_NO_MEMORY;
    for (size_t i = 0; tls && i < authorities->count && !bad; i++) {
        if (SSL_CTX_load_verify_locations(tls, authorities->files[i], NULL) != 1)
            bad = authorities->files[i];
    }
    SSL_CTX_free(tls);
    ERR_clear_error();
    return bad;
}

enum nv_err nv_authorities_new(const char *const *files, size_t count, struct nv_fail *fail,
                               struct nv_authorities **out)
{
    enum nv_err err = NV_OK;

    *out = NULL;
    if (count == 0)
        return NV_OK;
    err = nv_openssl_load(fail);
    if (err != NV_OK)
        return err;
    struct nv_authorities *authorities = calloc(1, sizeof *authorities);
    err = authorities ? copy(authorities, files, count) : NV_ERR_NO_MEMORY;
    const char *bad = err == NV_OK ? find_bad(authorities, &err) : NULL;
    if (bad) {
        err = nv_fail_set(fail, NV_ERR_CONFIG, 0,
                          "exporter.noveum.ca_files: no PEM certificate in \"%.60s\"", bad);
    }
    if (err != NV_OK) {
        nv_authorities_free(authorities);
        return err == NV_ERR_NO_MEMORY ? nv_fail_set(fail, err, 0, "out of memory") : err;
    }
    *out = authorities;
    return NV_OK;
}

/* ---- our own certificate ----------------------------------------------------------------- */

struct password {
    const char *text; /* "": none */
    bool asked;       /* the key is encrypted */
};

/* Without a callback OpenSSL asks the terminal, and waits. */
static int give_password(char *out, int size, int writing, void *ctx)
{
    struct password *password = ctx;
    size_t len = strlen(password->text);

    (void)writing;
    password->asked = true;
    if (len == 0 || len >= (size_t)size)
        return -1;
    memcpy(out, password->text, len);
    return (int)len;
}

static const char *key_trouble(const struct password *password)
{
    if (!password->asked)
        return "client_key_file: no PEM key in it, or one of another certificate";
    if (password->text[0] == '\0')
        return "client_key_file: it is encrypted: set client_key_password too";
    return "client_key_password: it does not open client_key_file, or that key is of another "
           "certificate";
}

enum nv_err nv_authorities_check_pair(const char *cert_file, const char *key_file,
                                      const char *password, struct nv_fail *fail)
{
    struct password given = {password ? password : "", false};
    const char *what = NULL;
    enum nv_err err = nv_openssl_load(fail);
    if (err != NV_OK)
        return err;
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    if (!tls)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    SSL_CTX_set_default_passwd_cb(tls, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(tls, &given);
    if (SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1)
        what = "client_cert_file: no PEM certificate in it";
    else if (SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1)
        what = key_trouble(&given);
    SSL_CTX_free(tls);
    ERR_clear_error();
    return what ? nv_fail_set(fail, NV_ERR_CONFIG, 0, "exporter.noveum.%s", what) : NV_OK;
}

void nv_authorities_free(struct nv_authorities *authorities)
{
    if (!authorities)
        return;
    for (size_t i = 0; i < authorities->count; i++)
        free(authorities->files[i]);
    free(authorities->files);
    free(authorities);
}

enum nv_err nv_authorities_add(const struct nv_authorities *authorities, void *tls)
{
    for (size_t i = 0; i < authorities->count; i++) {
        if (SSL_CTX_load_verify_locations(tls, authorities->files[i], NULL) != 1) {
            ERR_clear_error();
            return NV_ERR_CONFIG;
        }
    }
    return NV_OK;
}
