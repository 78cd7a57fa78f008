/*
 * OpenSSL, loaded when it is first needed (base/late.h): 3.4 MB of an idle gateway, and a
 * quarter of its start, that neither a key nor TLS has asked for.
 *
 *   nv_openssl_load ──▶ nv_openssl, a table of the functions that are used
 *                       SSL_read(...) is (nv_openssl.SSL_read)(...): OpenSSL's own macros call
 *                       the table as well
 *
 * Whoever makes an object that uses OpenSSL calls nv_openssl_load first and fails with it. What
 * is made of such an object may use the functions then. A function that no row has does not
 * link.
 */
#ifndef NV_BASE_OPENSSL_H
#define NV_BASE_OPENSSL_H

#include "base/late.h"
#include "base/str.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>

/* X(name) */
#define NV_LIBSSL_TABLE(X)                                                                     \
    X(SSL_CTX_check_private_key)                                                               \
    X(SSL_CTX_ctrl)                                                                            \
    X(SSL_CTX_free)                                                                            \
    X(SSL_CTX_load_verify_locations)                                                           \
    X(SSL_CTX_new)                                                                             \
    X(SSL_CTX_set_alpn_select_cb)                                                              \
    X(SSL_CTX_set_client_CA_list)                                                              \
    X(SSL_CTX_set_default_passwd_cb)                                                           \
    X(SSL_CTX_set_default_passwd_cb_userdata)                                                  \
    X(SSL_CTX_set_options)                                                                     \
    X(SSL_CTX_set_session_id_context)                                                          \
    X(SSL_CTX_set_verify)                                                                      \
    X(SSL_CTX_use_PrivateKey_file)                                                             \
    X(SSL_CTX_use_certificate_chain_file)                                                      \
    X(SSL_free)                                                                                \
    X(SSL_get0_alpn_selected)                                                                  \
    X(SSL_get_error)                                                                           \
    X(SSL_is_init_finished)                                                                    \
    X(SSL_load_client_CA_file)                                                                 \
    X(SSL_new)                                                                                 \
    X(SSL_read)                                                                                \
    X(SSL_select_next_proto)                                                                   \
    X(SSL_set_accept_state)                                                                    \
    X(SSL_set_fd)                                                                              \
    X(SSL_shutdown)                                                                            \
    X(SSL_write)                                                                               \
    X(TLS_client_method)                                                                       \
    X(TLS_server_method)
#define NV_LIBCRYPTO_TABLE(X)                                                                  \
    X(CRYPTO_memcmp)                                                                           \
    X(ERR_clear_error)                                                                         \
    X(ERR_error_string_n)                                                                      \
    X(ERR_peek_error)                                                                          \
    X(ERR_peek_last_error)                                                                     \
    X(ERR_reason_error_string)                                                                 \
    X(EVP_CIPHER_CTX_ctrl)                                                                     \
    X(EVP_CIPHER_CTX_free)                                                                     \
    X(EVP_CIPHER_CTX_new)                                                                      \
    X(EVP_CIPHER_fetch)                                                                        \
    X(EVP_CIPHER_free)                                                                         \
    X(EVP_CipherFinal_ex)                                                                      \
    X(EVP_CipherInit_ex)                                                                       \
    X(EVP_CipherUpdate)                                                                        \
    X(EVP_Digest)                                                                              \
    X(EVP_DigestFinal_ex)                                                                      \
    X(EVP_DigestInit_ex)                                                                       \
    X(EVP_DigestUpdate)                                                                        \
    X(EVP_KDF_CTX_free)                                                                        \
    X(EVP_KDF_CTX_new)                                                                         \
    X(EVP_KDF_derive)                                                                          \
    X(EVP_KDF_fetch)                                                                           \
    X(EVP_KDF_free)                                                                            \
    X(EVP_MD_CTX_copy_ex)                                                                      \
    X(EVP_MD_CTX_free)                                                                         \
    X(EVP_MD_CTX_new)                                                                          \
    X(EVP_sha256)                                                                              \
    X(OPENSSL_sk_pop_free)                                                                     \
    X(OSSL_PARAM_construct_end)                                                                \
    X(OSSL_PARAM_construct_octet_string)                                                       \
    X(OSSL_PARAM_construct_utf8_string)                                                        \
    X(OpenSSL_version)                                                                         \
    X(X509_NAME_free)

struct nv_openssl {
#define NV_OPENSSL_FIELD(name) __typeof__(&name) name;
    NV_LIBSSL_TABLE(NV_OPENSSL_FIELD)
    NV_LIBCRYPTO_TABLE(NV_OPENSSL_FIELD)
#undef NV_OPENSSL_FIELD
};

/* Pointers, set since nv_openssl_load was NV_OK. */
extern struct nv_openssl nv_openssl;

#define NV_SHA256_BYTES 32

/* Loads libcrypto and libssl, once. NV_ERR_CONFIG with `fail` (may be NULL): one is missing.
 * Any thread. */
enum nv_err nv_openssl_load(struct nv_fail *fail) NV_MUST_USE;
/* The same of libcrypto alone, for who makes digests. */
enum nv_err nv_openssl_load_crypto(struct nv_fail *fail) NV_MUST_USE;
/* Are both there? As nv_late_find, asked at the start: a trace that needs a digest can't
 * wait. */
enum nv_err nv_openssl_find(struct nv_fail *fail) NV_MUST_USE;
/* SHA-256 of `bytes`; loads OpenSSL. NV_ERR_NO_MEMORY, NV_ERR_CONFIG. Any thread. */
enum nv_err nv_openssl_sha256(struct nv_str bytes, uint8_t out[NV_SHA256_BYTES]) NV_MUST_USE;
/* "3.0.19", or "missing"; loads it. Static. */
const char *nv_openssl_library(void);

/* clang-format off */
#define SSL_CTX_check_private_key nv_openssl.SSL_CTX_check_private_key
#define SSL_CTX_ctrl nv_openssl.SSL_CTX_ctrl
#define SSL_CTX_free nv_openssl.SSL_CTX_free
#define SSL_CTX_load_verify_locations nv_openssl.SSL_CTX_load_verify_locations
#define SSL_CTX_new nv_openssl.SSL_CTX_new
#define SSL_CTX_set_alpn_select_cb nv_openssl.SSL_CTX_set_alpn_select_cb
#define SSL_CTX_set_client_CA_list nv_openssl.SSL_CTX_set_client_CA_list
#define SSL_CTX_set_default_passwd_cb nv_openssl.SSL_CTX_set_default_passwd_cb
#define SSL_CTX_set_default_passwd_cb_userdata nv_openssl.SSL_CTX_set_default_passwd_cb_userdata
#define SSL_CTX_set_options nv_openssl.SSL_CTX_set_options
#define SSL_CTX_set_session_id_context nv_openssl.SSL_CTX_set_session_id_context
#define SSL_CTX_set_verify nv_openssl.SSL_CTX_set_verify
#define SSL_CTX_use_PrivateKey_file nv_openssl.SSL_CTX_use_PrivateKey_file
#define SSL_CTX_use_certificate_chain_file nv_openssl.SSL_CTX_use_certificate_chain_file
#define SSL_free nv_openssl.SSL_free
#define SSL_get0_alpn_selected nv_openssl.SSL_get0_alpn_selected
#define SSL_get_error nv_openssl.SSL_get_error
#define SSL_is_init_finished nv_openssl.SSL_is_init_finished
#define SSL_load_client_CA_file nv_openssl.SSL_load_client_CA_file
#define SSL_new nv_openssl.SSL_new
#define SSL_read nv_openssl.SSL_read
#define SSL_select_next_proto nv_openssl.SSL_select_next_proto
#define SSL_set_accept_state nv_openssl.SSL_set_accept_state
#define SSL_set_fd nv_openssl.SSL_set_fd
#define SSL_shutdown nv_openssl.SSL_shutdown
#define SSL_write nv_openssl.SSL_write
#define TLS_client_method nv_openssl.TLS_client_method
#define TLS_server_method nv_openssl.TLS_server_method
#define CRYPTO_memcmp nv_openssl.CRYPTO_memcmp
#define ERR_clear_error nv_openssl.ERR_clear_error
#define ERR_error_string_n nv_openssl.ERR_error_string_n
#define ERR_peek_error nv_openssl.ERR_peek_error
#define ERR_peek_last_error nv_openssl.ERR_peek_last_error
#define ERR_reason_error_string nv_openssl.ERR_reason_error_string
#define EVP_CIPHER_CTX_ctrl nv_openssl.EVP_CIPHER_CTX_ctrl
#define EVP_CIPHER_CTX_free nv_openssl.EVP_CIPHER_CTX_free
#define EVP_CIPHER_CTX_new nv_openssl.EVP_CIPHER_CTX_new
#define EVP_CIPHER_fetch nv_openssl.EVP_CIPHER_fetch
#define EVP_CIPHER_free nv_openssl.EVP_CIPHER_free
#define EVP_CipherFinal_ex nv_openssl.EVP_CipherFinal_ex
#define EVP_CipherInit_ex nv_openssl.EVP_CipherInit_ex
#define EVP_CipherUpdate nv_openssl.EVP_CipherUpdate
#define EVP_Digest nv_openssl.EVP_Digest
#define EVP_DigestFinal_ex nv_openssl.EVP_DigestFinal_ex
#define EVP_DigestInit_ex nv_openssl.EVP_DigestInit_ex
#define EVP_DigestUpdate nv_openssl.EVP_DigestUpdate
#define EVP_KDF_CTX_free nv_openssl.EVP_KDF_CTX_free
#define EVP_KDF_CTX_new nv_openssl.EVP_KDF_CTX_new
#define EVP_KDF_derive nv_openssl.EVP_KDF_derive
#define EVP_KDF_fetch nv_openssl.EVP_KDF_fetch
#define EVP_KDF_free nv_openssl.EVP_KDF_free
#define EVP_MD_CTX_copy_ex nv_openssl.EVP_MD_CTX_copy_ex
#define EVP_MD_CTX_free nv_openssl.EVP_MD_CTX_free
#define EVP_MD_CTX_new nv_openssl.EVP_MD_CTX_new
#define EVP_sha256 nv_openssl.EVP_sha256
#define OPENSSL_sk_pop_free nv_openssl.OPENSSL_sk_pop_free
#define OSSL_PARAM_construct_end nv_openssl.OSSL_PARAM_construct_end
#define OSSL_PARAM_construct_octet_string nv_openssl.OSSL_PARAM_construct_octet_string
#define OSSL_PARAM_construct_utf8_string nv_openssl.OSSL_PARAM_construct_utf8_string
#define OpenSSL_version nv_openssl.OpenSSL_version
#define X509_NAME_free nv_openssl.X509_NAME_free
/* clang-format on */

#endif
