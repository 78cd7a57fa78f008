/*
 * Server side of TLS, and the byte stream that connections read and write, plain or TLS.
 *
 *   files ──load──▶ nv_tls (certificate, client CA, ALPN; swapped whole on reload)
 *                     │ one session a connection
 *   nv_stream [ fd | session ] ── read, write, shutdown: never block
 *
 * TLS 1.2 and later, no renegotiation, no compression, released buffers (14 KB less for each
 * idle connection). OpenSSL's types stay in tls.c. Sessions keep the certificate they began
 * with.
 */
#ifndef NV_NET_TLS_H
#define NV_NET_TLS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct nv_tls;
struct nv_tls_session;

/* PEM files. All NULL or empty: no TLS. With client_ca_file clients must show a certificate. */
struct nv_tls_files {
    const char *cert_file; /* chain, leaf first */
    const char *key_file;
    const char *client_ca_file;
};

/* Are any of the files set? */
bool nv_tls_wanted(const struct nv_tls_files *files);
/*
 * New configuration from `files` (copied). `alpn` lists protocols in the order we prefer, for
 * example "h2,http/1.1"; a client that offers none of them goes on without ALPN when the list
 * has http/1.1 and is refused otherwise. NV_ERR_CONFIG with the file and the reason in `fail`,
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_tls_new(const struct nv_tls_files *files, const char *alpn, struct nv_fail *fail,
                       struct nv_tls **out) NV_MUST_USE;
/* Frees; all streams made with it are closed. NULL is allowed. */
void nv_tls_free(struct nv_tls *tls);
/* Reads the files again. NV_ERR_CONFIG with `fail`, NV_ERR_NO_MEMORY: the old ones stay in use.
 * Any thread. */
enum nv_err nv_tls_reload(struct nv_tls *tls, struct nv_fail *fail) NV_MUST_USE;

/* A connected, non-blocking socket; owns its descriptor. One thread at a time. */
struct nv_stream {
    int fd;
    struct nv_tls_session *tls; /* NULL: plain */
    unsigned wants;             /* after NV_ERR_AGAIN: enum nv_io_what to wait for */
};

/* Takes `fd`; with `tls` (may be NULL) readies a handshake that read and write carry on.
 * NV_ERR_NO_MEMORY: the descriptor is closed. */
enum nv_err nv_stream_init(struct nv_stream *stream, int fd, struct nv_tls *tls) NV_MUST_USE;
/*
 * Reads up to `len` (> 0) bytes. NV_OK with *got > 0, or *got 0 at the end of the stream;
 * NV_ERR_AGAIN: wait for stream->wants; NV_ERR_IO: broken, close it. With TLS more may be
 * readable without the descriptor being ready: read until NV_ERR_AGAIN, or read again before
 * waiting.
 */
enum nv_err nv_stream_read(struct nv_stream *stream, void *bytes, size_t len,
                           size_t *got) NV_MUST_USE;
/* Writes up to `len` (> 0) bytes, *sent of them. Errors as nv_stream_read; never raises
 * SIGPIPE. With TLS the next write after NV_ERR_AGAIN begins with the same bytes, at least as
 * many. */
enum nv_err nv_stream_write(struct nv_stream *stream, const void *bytes, size_t len,
                            size_t *sent) NV_MUST_USE;
/* Is the handshake done (always true without TLS)? */
bool nv_stream_ready(const struct nv_stream *stream);
/* The protocol chosen by ALPN: "h2", "http/1.1" or "" . Borrowed until close. */
const char *nv_stream_alpn(const struct nv_stream *stream);
/* Ends our direction (close_notify, FIN); reading goes on. Best effort. */
void nv_stream_shutdown(struct nv_stream *stream);
/* Closes and frees all. A second call does nothing. */
void nv_stream_close(struct nv_stream *stream);

#endif
