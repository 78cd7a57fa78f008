/*
 * The table, filled out of two libraries. Names are macros of the pointers here, too, so that a
 * row is its name as a text and its name.
 */
#include "base/openssl.h"

#include "base/banned.h"

struct nv_openssl nv_openssl;

#define ROW(name) {#name, (void **)(void *)&name},

static const struct nv_late_function ssl_functions[] = {NV_LIBSSL_TABLE(ROW)};
static const struct nv_late_function crypto_functions[] = {NV_LIBCRYPTO_TABLE(ROW)};

/* libcrypto comes first: libssl needs it, and brings the same one. */
static struct nv_late libraries[] = {
    {.file = "libcrypto.so.3",
     .package = "libssl3",
     .functions = crypto_functions,
     .count = sizeof crypto_functions / sizeof crypto_functions[0],
     .lock = PTHREAD_MUTEX_INITIALIZER},
    {.file = "libssl.so.3",
     .package = "libssl3",
     .functions = ssl_functions,
     .count = sizeof ssl_functions / sizeof ssl_functions[0],
     .lock = PTHREAD_MUTEX_INITIALIZER},
};

enum nv_err nv_openssl_load(struct nv_fail *fail)
{
    enum nv_err err = nv_late_load(&libraries[0], fail);
    return err == NV_OK ? nv_late_load(&libraries[1], fail) : err;
}

enum nv_err nv_openssl_load_crypto(struct nv_fail *fail)
{
    return nv_late_load(&libraries[0], fail);
}

enum nv_err nv_openssl_find(struct nv_fail *fail)
{
    enum nv_err err = nv_late_find(&libraries[0], fail);
    return err == NV_OK ? nv_late_find(&libraries[1], fail) : err;
}

enum nv_err nv_openssl_sha256(struct nv_str bytes, uint8_t out[NV_SHA256_BYTES])
{
    enum nv_err err = nv_openssl_load_crypto(NULL);
    if (err != NV_OK)
        return err;
    return EVP_Digest(bytes.ptr, bytes.len, out, NULL, EVP_sha256(), NULL) == 1
               ? NV_OK
               : NV_ERR_NO_MEMORY;
}

const char *nv_openssl_library(void)
{
    return nv_openssl_load(NULL) == NV_OK ? OpenSSL_version(OPENSSL_VERSION_STRING) : "missing";
}
