/*
 * OpenSSL behind a small stream: certificates, handshakes, reading and writing.
 *
 * A connection's SSL object keeps a reference on the SSL_CTX it was made from, so a reload
 * makes a whole new SSL_CTX and swaps the pointer: connections go on with the old one, new ones
 * get the new certificate, and a file that can't be read changes nothing. Handshakes are not a
 * state of their own here: SSL_read carries them on, the caller's head deadline bounds them.
 *
 * Not done on purpose: session tickets across restarts (a full handshake costs less than
 * keeping ticket keys safe), renegotiation, compression, 0-RTT (replayable).
 *
 *   nv_tls ──▶ SSL_CTX 2 ◀── SSL of new connections
 *              SSL_CTX 1 ◀── SSL of connections from before the reload; freed with the last of them
 *
 * The lock is held for taking a reference only, never for reading files or for a handshake.
 */
#include "net/tls.h"

#include "base/log/counters.h"
#include "base/log/log.h"
#include "base/openssl.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/loop.h"

#include "base/banned.h"

#define ALPN_BYTES_MAX 64

struct nv_tls {
    pthread_mutex_t lock; /* of context */
    SSL_CTX *context;
    char *cert_file, *key_file, *client_ca_file; /* NULL: not set */
    unsigned char alpn[ALPN_BYTES_MAX];          /* wire form: length, name, length, name ... */
    unsigned alpn_bytes;
    bool alpn_optional;
};

struct nv_tls_session {
    SSL *ssl;
    char alpn[16];
};

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

bool nv_tls_wanted(const struct nv_tls_files *files)
{
    return is_set(files->cert_file) || is_set(files->key_file) || is_set(files->client_ca_file);
}

/* ---- configuration ----------------------------------------------------------------------- */

static enum nv_err refuse(struct nv_fail *fail, const char *what, const char *file)
{
    char reason[128] = "unknown reason";
    unsigned long code = ERR_peek_last_error();
    if (code != 0)
        ERR_error_string_n(code, reason, sizeof reason);
    ERR_clear_error();
    const char *last = strrchr(reason, ':'); /* "error:0A...:lib:func:reason" */
    return nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s '%s': %s", what, file,
                       last != NULL ? last + 1 : reason);
}

/* Without a protocol in common RFC 7301 3.2 asks for a fatal alert. Where HTTP/1.1 is spoken it
 * is what all fall back to. */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *offered, unsigned offered_len, void *ctx)
{
    const struct nv_tls *tls = ctx;
    unsigned char *chosen = NULL;
    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_len, tls->alpn, tls->alpn_bytes, offered,
                              offered_len) == OPENSSL_NPN_NEGOTIATED) {
        *out = chosen;
        return SSL_TLSEXT_ERR_OK;
    }
    return tls->alpn_optional ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* OpenSSL opens files by name, one of them twice, and would wait for a pipe for ever. */
static enum nv_err check_regular(const char *what, const char *file, struct nv_fail *fail)
{
    struct stat info;
    if (stat(file, &info) != 0 || S_ISREG(info.st_mode))
        return NV_OK; /* OpenSSL says better why it can't be opened */
    return nv_fail_set(fail, NV_ERR_CONFIG, 0, "cannot use %s '%s': not a regular file", what,
                       file);
}

static enum nv_err check_files(const struct nv_tls *tls, struct nv_fail *fail)
{
    enum nv_err err = check_regular("cert_file", tls->cert_file, fail);
    if (err == NV_OK)
        err = check_regular("key_file", tls->key_file, fail);
    if (err == NV_OK && tls->client_ca_file)
        err = check_regular("client_ca_file", tls->client_ca_file, fail);
    return err;
}

static enum nv_err load_client_ca(const struct nv_tls *tls, SSL_CTX *context,
                                  struct nv_fail *fail)
{
    if (!tls->client_ca_file)
        return NV_OK;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(tls->client_ca_file);
    if (!names || SSL_CTX_load_verify_locations(context, tls->client_ca_file, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return refuse(fail, "cannot use client_ca_file", tls->client_ca_file);
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return NV_OK;
}

/* Without a callback OpenSSL asks the terminal, and waits. */
static int refuse_password(char *out, int size, int writing, void *ctx)
{
    bool *asked = ctx;
    (void)out, (void)size, (void)writing;
    *asked = true;
    return -1;
}

static enum nv_err load_key(const struct nv_tls *tls, SSL_CTX *context, struct nv_fail *fail)
{
    bool encrypted = false;
    SSL_CTX_set_default_passwd_cb(context, refuse_password);
    SSL_CTX_set_default_passwd_cb_userdata(context, &encrypted);
    int used = SSL_CTX_use_PrivateKey_file(context, tls->key_file, SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
    if (encrypted) {
        ERR_clear_error();
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "key_file '%s' is encrypted: write it without a password (openssl "
                           "pkey), readable by the gateway alone",
                           tls->key_file);
    }
    return used == 1 ? NV_OK : refuse(fail, "cannot use key_file", tls->key_file);
}

static enum nv_err load_files(const struct nv_tls *tls, SSL_CTX *context, struct nv_fail *fail)
{
    if (!tls->cert_file || !tls->key_file)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "tls needs both cert_file and key_file");
    enum nv_err err = check_files(tls, fail);
    if (err != NV_OK)
        return err;
    if (SSL_CTX_use_certificate_chain_file(context, tls->cert_file) != 1)
        return refuse(fail, "cannot use cert_file", tls->cert_file);
    err = load_key(tls, context, fail);
    if (err != NV_OK)
        return err;
    if (SSL_CTX_check_private_key(context) != 1)
        return refuse(fail, "key_file does not belong to the certificate", tls->key_file);
    return load_client_ca(tls, context, fail);
}

static enum nv_err load(struct nv_tls *tls, struct nv_fail *fail, SSL_CTX **out)
{
    static const unsigned char session_context[] = "noveum-gateway";
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context)
        return NV_ERR_NO_MEMORY;
    /* 1.0 and 1.1 are deprecated (RFC 8996). */
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    /* Peers that close without close_notify are many; a request that was cut off is told by its
     * own lengths, so that such an end is no error. */
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* Buffers are released while a connection idles (about 34 KB each by SSL_CTX_set_mode(3)),
     * and a write may go on from where a grown buffer has moved to. */
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Tickets resume sessions without memory here; the cache would hold 20,000 of them. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    /* Needed with client certificates: without it OpenSSL fails a resumed handshake
     * (SSL_CTX_set_session_id_context(3)). */
    SSL_CTX_set_session_id_context(context, session_context, sizeof session_context - 1);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, tls);
    enum nv_err err = load_files(tls, context, fail);
    if (err != NV_OK) {
        SSL_CTX_free(context);
        return err;
    }
    *out = context;
    return NV_OK;
}

static bool copy_text(const char *text, char **out)
{
    *out = is_set(text) ? strdup(text) : NULL;
    return *out != NULL || !is_set(text);
}

/* "h2,http/1.1" into the wire form. */
static void set_alpn(struct nv_tls *tls, const char *list)
{
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        assert(len > 0 && tls->alpn_bytes + len + 1 <= ALPN_BYTES_MAX);
        tls->alpn[tls->alpn_bytes++] = (unsigned char)len;
        memcpy(tls->alpn + tls->alpn_bytes, list, len);
        tls->alpn_bytes += (unsigned)len;
        tls->alpn_optional = tls->alpn_optional || strncmp(list, "http/1.1", len) == 0;
        list += len + (list[len] == ',');
    }
}

enum nv_err nv_tls_new(const struct nv_tls_files *files, const char *alpn, struct nv_fail *fail,
                       struct nv_tls **out)
{
    struct nv_tls *tls = calloc(1, sizeof *tls);
    if (!tls || pthread_mutex_init(&tls->lock, NULL) != 0) {
        free(tls);
        return NV_ERR_NO_MEMORY;
    }
    set_alpn(tls, alpn);
    enum nv_err err = nv_openssl_load(fail);
    if (err != NV_OK) {
        pthread_mutex_destroy(&tls->lock);
        free(tls);
        return err;
    }
    err = NV_ERR_NO_MEMORY;
    if (copy_text(files->cert_file, &tls->cert_file) &&
        copy_text(files->key_file, &tls->key_file) &&
        copy_text(files->client_ca_file, &tls->client_ca_file))
        err = load(tls, fail, &tls->context);
    if (err != NV_OK) {
        nv_tls_free(tls);
        return err;
    }
    *out = tls;
    return NV_OK;
}

void nv_tls_free(struct nv_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls->cert_file);
    free(tls->key_file);
    free(tls->client_ca_file);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

enum nv_err nv_tls_reload(struct nv_tls *tls, struct nv_fail *fail)
{
    SSL_CTX *context = NULL;
    enum nv_err err = load(tls, fail, &context);
    if (err != NV_OK)
        return err;
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = context;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old);
    return NV_OK;
}

/* ---- streams ----------------------------------------------------------------------------- */

static struct nv_tls_session *session_new(struct nv_tls *tls, int fd)
{
    struct nv_tls_session *session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    pthread_mutex_lock(&tls->lock);
    session->ssl = SSL_new(tls->context);
    pthread_mutex_unlock(&tls->lock);
    if (!session->ssl || SSL_set_fd(session->ssl, fd) != 1) {
        SSL_free(session->ssl);
        free(session);
        return NULL;
    }
    SSL_set_accept_state(session->ssl);
    return session;
}

enum nv_err nv_stream_init(struct nv_stream *stream, int fd, struct nv_tls *tls)
{
    *stream = (struct nv_stream){.fd = fd, .tls = NULL, .wants = NV_IO_READ};
    if (tls) {
        stream->tls = session_new(tls, fd);
        if (!stream->tls) {
            nv_stream_close(stream);
            return NV_ERR_NO_MEMORY;
        }
    }
    return NV_OK;
}

/* What a failed system call means; `wants` is what the call would have to wait for. */
static enum nv_err plain_error(struct nv_stream *stream, unsigned wants)
{
    stream->wants = wants;
    return errno == EAGAIN || errno == EWOULDBLOCK ? NV_ERR_AGAIN : NV_ERR_IO;
}

/* A handshake that the peer or we broke off: no request will ever tell of it. */
static void tell_handshake(const struct nv_stream *stream, unsigned long error)
{
    const char *why = ERR_reason_error_string(error);
    if (SSL_is_init_finished(stream->tls->ssl))
        return;
    nv_count(NV_COUNT_REFUSED_PROTOCOL, 1);
    NV_LOG(NV_LOG_WARN, "otlp", "TLS handshake failed: %s%s", why != NULL ? why : "unknown",
           ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST
               ? "; this port speaks TLS: the client's endpoint must begin with https://"
               : "");
}

/* What a result <= 0 of SSL_read or SSL_write means. */
/* SSL_get_error looks at the queue of errors of this thread as well: whoever calls OpenSSL
 * clears it before, and what is left in it is cleared here. close_notify is the end of the
 * stream, as 0 bytes are without TLS. */
static enum nv_err tls_error(struct nv_stream *stream, int result)
{
    int error = SSL_get_error(stream->tls->ssl, result);
    if (error == SSL_ERROR_SSL)
        tell_handshake(stream, ERR_peek_error());
    ERR_clear_error();
    switch (error) {
    case SSL_ERROR_WANT_READ:
        stream->wants = NV_IO_READ;
        return NV_ERR_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        stream->wants = NV_IO_WRITE;
        return NV_ERR_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return NV_OK;
    default:
        return NV_ERR_IO;
    }
}

static int clamp_int(size_t len)
{
    return len > INT32_MAX ? INT32_MAX : (int)len;
}

enum nv_err nv_stream_read(struct nv_stream *stream, void *bytes, size_t len, size_t *got)
{
    assert(len > 0);
    *got = 0;
    if (stream->tls) {
        ERR_clear_error();
        int result = SSL_read(stream->tls->ssl, bytes, clamp_int(len));
        if (result <= 0)
            return tls_error(stream, result);
        *got = (size_t)result;
        return NV_OK;
    }
    ssize_t result;
    do {
        result = recv(stream->fd, bytes, len, 0);
    } while (result < 0 && errno == EINTR);
    if (result < 0)
        return plain_error(stream, NV_IO_READ);
    *got = (size_t)result;
    return NV_OK;
}

enum nv_err nv_stream_write(struct nv_stream *stream, const void *bytes, size_t len,
                            size_t *sent)
{
    assert(len > 0);
    *sent = 0;
    if (stream->tls) {
        ERR_clear_error();
        int result = SSL_write(stream->tls->ssl, bytes, clamp_int(len));
        if (result <= 0) {
            enum nv_err err = tls_error(stream, result);
            return err == NV_OK ? NV_ERR_IO : err;
        }
        *sent = (size_t)result;
        return NV_OK;
    }
    ssize_t result;
    do {
        result = send(stream->fd, bytes, len, MSG_NOSIGNAL);
    } while (result < 0 && errno == EINTR);
    if (result < 0)
        return plain_error(stream, NV_IO_WRITE);
    *sent = (size_t)result;
    return NV_OK;
}

bool nv_stream_ready(const struct nv_stream *stream)
{
    return stream->tls == NULL || SSL_is_init_finished(stream->tls->ssl);
}

const char *nv_stream_alpn(const struct nv_stream *stream)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    if (!stream->tls)
        return "";
    SSL_get0_alpn_selected(stream->tls->ssl, &name, &len);
    if (len >= sizeof stream->tls->alpn)
        len = 0;
    if (len > 0)
        memcpy(stream->tls->alpn, name, len);
    stream->tls->alpn[len] = '\0';
    return stream->tls->alpn;
}

void nv_stream_shutdown(struct nv_stream *stream)
{
    /* In the middle of a handshake SSL_shutdown only fails. */
    if (stream->tls && SSL_is_init_finished(stream->tls->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(stream->tls->ssl);
        ERR_clear_error();
    }
    (void)shutdown(stream->fd, SHUT_WR);
}

void nv_stream_close(struct nv_stream *stream)
{
    if (stream->tls) {
        SSL_free(stream->tls->ssl);
        free(stream->tls);
        stream->tls = NULL;
    }
    if (stream->fd >= 0) {
        close(stream->fd);
        stream->fd = -1;
    }
}
