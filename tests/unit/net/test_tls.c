/*
 * Streams, plain and TLS, over a socket pair: handshake, both directions, ends, ALPN, reload,
 * mutual TLS, files that can't be used.
 */
#include "certificates.h"
#include "expect.h"
#include "oom.h"

#include "net/loop.h"
#include "net/tls.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static char folder[64], cert[100], key[100], other_cert[100], other_key[100];
static struct nv_stream server;
static int client_fd;
static SSL_CTX *client_context;
static SSL *client;

static void set_up(void)
{
    signal(SIGPIPE, SIG_IGN); /* the loops' threads block it */
    snprintf(folder, sizeof folder, "/tmp/noveum-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(cert, sizeof cert, "%s/cert", folder);
    snprintf(key, sizeof key, "%s/key", folder);
    snprintf(other_cert, sizeof other_cert, "%s/other-cert", folder);
    snprintf(other_key, sizeof other_key, "%s/other-key", folder);
    nv_test_certificate("one", cert, key);
    nv_test_certificate("two", other_cert, other_key);
}

static void tear_down(void)
{
    unlink(cert);
    unlink(key);
    unlink(other_cert);
    unlink(other_key);
    rmdir(folder);
}

static struct nv_tls *tls_of(const char *client_ca, const char *alpn)
{
    struct nv_tls_files files = {cert, key, client_ca};
    struct nv_fail fail = {.code = NV_OK};
    struct nv_tls *tls = NULL;
    ck_assert(nv_tls_wanted(&files));
    enum nv_err err = nv_tls_new(&files, alpn, &fail, &tls);
    ck_assert_msg(err == NV_OK, "%s", fail.what);
    return tls;
}

static void open_pair(struct nv_tls *tls)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    client_fd = fds[1];
    ck_assert_int_eq(nv_stream_init(&server, fds[0], tls), NV_OK);
}

static void close_pair(void)
{
    nv_stream_close(&server);
    nv_stream_close(&server);
    close(client_fd);
}

static void open_client(const char *client_cert, const char *client_key)
{
    client_context = SSL_CTX_new(TLS_client_method());
    if (client_cert) {
        SSL_CTX_use_certificate_file(client_context, client_cert, SSL_FILETYPE_PEM);
        SSL_CTX_use_PrivateKey_file(client_context, client_key, SSL_FILETYPE_PEM);
    }
    client = SSL_new(client_context);
    SSL_set_fd(client, client_fd);
    SSL_set_connect_state(client);
}

static void close_client(void)
{
    SSL_free(client);
    SSL_CTX_free(client_context);
}

/* Lets both sides go on until the handshake is done or broken. The server's last error. */
static enum nv_err shake_hands(void)
{
    enum nv_err err = NV_ERR_AGAIN;
    for (int i = 0; i < 20 && err == NV_ERR_AGAIN; i++) {
        char byte;
        size_t got;
        (void)SSL_do_handshake(client);
        if (SSL_is_init_finished(client) && nv_stream_ready(&server))
            return NV_OK;
        err = nv_stream_read(&server, &byte, 1, &got);
    }
    return err;
}

static void exchange_bytes(void)
{
    char bytes[100] = "";
    size_t got, sent;
    ck_assert_int_eq(SSL_write(client, "hello", 5), 5);
    ck_assert_int_eq(nv_stream_read(&server, bytes, sizeof bytes, &got), NV_OK);
    ck_assert_uint_eq(got, 5);
    ck_assert_int_eq(nv_stream_read(&server, bytes, sizeof bytes, &got), NV_ERR_AGAIN);
    ck_assert_uint_eq(server.wants, NV_IO_READ);
    ck_assert_int_eq(nv_stream_write(&server, "world!", 6, &sent), NV_OK);
    ck_assert_uint_eq(sent, 6);
    ck_assert_int_eq(SSL_read(client, bytes, sizeof bytes), 6);
    ck_assert_mem_eq(bytes, "world!", 6);
}

START_TEST(plain_stream)
{
    char bytes[10];
    size_t got, sent = 1, total = 0;
    static char block[65536];
    open_pair(NULL);
    ck_assert(nv_stream_ready(&server));
    ck_assert_str_eq(nv_stream_alpn(&server), "");
    ck_assert_int_eq(nv_stream_read(&server, bytes, sizeof bytes, &got), NV_ERR_AGAIN);
    ck_assert_uint_eq(server.wants, NV_IO_READ);
    ck_assert_int_eq(send(client_fd, "abc", 3, 0), 3);
    ck_assert_int_eq(nv_stream_read(&server, bytes, 2, &got), NV_OK);
    ck_assert_uint_eq(got, 2);
    enum nv_err err = NV_OK;
    while (err == NV_OK && total < 100000000) {
        err = nv_stream_write(&server, block, sizeof block, &sent);
        total += sent;
    }
    ck_assert_int_eq(err, NV_ERR_AGAIN);
    ck_assert_uint_eq(server.wants, NV_IO_WRITE);
    nv_stream_shutdown(&server);
    ck_assert_int_eq(shutdown(client_fd, SHUT_WR), 0);
    ck_assert_int_eq(nv_stream_read(&server, bytes, 10, &got), NV_OK);
    ck_assert_int_eq(nv_stream_read(&server, bytes, 10, &got), NV_OK);
    ck_assert_uint_eq(got, 0); /* the end */
    close_pair();
}
END_TEST

START_TEST(plain_stream_to_a_closed_client)
{
    size_t sent;
    open_pair(NULL);
    close(client_fd);
    ck_assert_int_eq(nv_stream_write(&server, "x", 1, &sent), NV_ERR_IO);
    nv_stream_close(&server);
}
END_TEST

START_TEST(tls_stream)
{
    char byte;
    size_t got;
    struct nv_tls *tls = tls_of(NULL, "http/1.1");
    open_pair(tls);
    ck_assert(!nv_stream_ready(&server));
    open_client(NULL, NULL);
    ck_assert_int_eq(shake_hands(), NV_OK);
    ck_assert_int_ge(SSL_version(client), TLS1_2_VERSION);
    exchange_bytes();
    SSL_shutdown(client);
    ck_assert_int_eq(nv_stream_read(&server, &byte, 1, &got), NV_OK);
    ck_assert_uint_eq(got, 0);
    nv_stream_shutdown(&server);
    close_client();
    close_pair();
    nv_tls_free(tls);
}
END_TEST

START_TEST(client_that_speaks_plain_or_old_or_goes)
{
    char byte;
    size_t got;
    struct nv_tls *tls = tls_of(NULL, "http/1.1");
    open_pair(tls);
    ck_assert_int_eq(send(client_fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
    ck_assert_int_eq(nv_stream_read(&server, &byte, 1, &got), NV_ERR_IO);
    nv_stream_shutdown(&server);
    close_pair();
    open_pair(tls);
    close(client_fd);
    enum nv_err err = nv_stream_read(&server, &byte, 1, &got);
    ck_assert(err == NV_ERR_IO || (err == NV_OK && got == 0));
    nv_stream_close(&server);
    open_pair(tls);
    open_client(NULL, NULL);
    SSL_set_max_proto_version(client, TLS1_1_VERSION);
    ck_assert_int_ne(shake_hands(), NV_OK);
    close_client();
    close_pair();
    nv_tls_free(tls);
}
END_TEST

static const struct {
    const char *ours;
    const char *offered; /* wire form */
    const char *chosen;  /* NULL: refused */
} alpns[] = {
    {"http/1.1", "\x08http/1.1", "http/1.1"},
    {"http/1.1", "\x02h2", ""},
    {"h2,http/1.1", "\x08http/1.1\x02h2", "h2"},
    {"h2,http/1.1", "\x08http/1.1", "http/1.1"},
    {"h2", "\x02h2", "h2"},
    {"h2", "\x08http/1.1", NULL},
    {"h2", "", ""},
};

START_TEST(protocol_by_alpn)
{
    struct nv_tls *tls = tls_of(NULL, alpns[_i].ours);
    open_pair(tls);
    open_client(NULL, NULL);
    SSL_set_alpn_protos(client, (const unsigned char *)alpns[_i].offered,
                        (unsigned)strlen(alpns[_i].offered));
    enum nv_err err = shake_hands();
    if (!alpns[_i].chosen) {
        ck_assert_int_ne(err, NV_OK);
    } else {
        ck_assert_int_eq(err, NV_OK);
        ck_assert_str_eq(nv_stream_alpn(&server), alpns[_i].chosen);
    }
    close_client();
    close_pair();
    nv_tls_free(tls);
}
END_TEST

static const char *name_seen(void)
{
    static char name[32];
    X509 *peer = SSL_get1_peer_certificate(client);
    ck_assert_ptr_nonnull(peer);
    X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, name, sizeof name);
    X509_free(peer);
    return name;
}

START_TEST(reload_is_for_new_connections)
{
    struct nv_fail fail = {.code = NV_OK};
    struct nv_tls *tls = tls_of(NULL, "http/1.1");
    open_pair(tls);
    struct nv_stream kept = server;
    int kept_fd = client_fd;
    open_client(NULL, NULL);
    ck_assert_int_eq(shake_hands(), NV_OK);
    ck_assert_str_eq(name_seen(), "one");
    SSL *kept_client = client;
    SSL_CTX *kept_context = client_context;
    kept = server;
    nv_test_certificate("new", cert, key);
    ck_assert_int_eq(nv_tls_reload(tls, &fail), NV_OK);
    open_pair(tls);
    open_client(NULL, NULL);
    ck_assert_int_eq(shake_hands(), NV_OK);
    ck_assert_str_eq(name_seen(), "new");
    close_client();
    close_pair();
    unlink(cert);
    ck_assert_int_eq(nv_tls_reload(tls, &fail), NV_ERR_CONFIG);
    open_pair(tls);
    open_client(NULL, NULL);
    ck_assert_int_eq(shake_hands(), NV_OK);
    ck_assert_str_eq(name_seen(), "new");
    close_client();
    close_pair();
    server = kept;
    client_fd = kept_fd;
    client = kept_client;
    client_context = kept_context;
    exchange_bytes();
    close_client();
    close_pair();
    nv_tls_free(tls);
}
END_TEST

START_TEST(mutual_tls)
{
    struct nv_tls *tls = tls_of(cert, "http/1.1");
    static const struct {
        char *cert, *key;
        bool passes;
    } clients[] = {{cert, key, true}, {other_cert, other_key, false}, {NULL, NULL, false}};
    for (size_t i = 0; i < 3; i++) {
        open_pair(tls);
        open_client(clients[i].cert, clients[i].key);
        ck_assert_int_eq(shake_hands() == NV_OK, clients[i].passes);
        if (clients[i].passes)
            exchange_bytes();
        close_client();
        close_pair();
    }
    nv_tls_free(tls);
}
END_TEST

START_TEST(files_that_can_not_be_used)
{
    char fifo[64];
    (void)snprintf(fifo, sizeof fifo, "/tmp/noveum-tls-fifo-%ld", (long)getpid());
    const struct {
        struct nv_tls_files files;
        const char *part;
    } table[] = {
        {{cert, NULL, NULL}, "both"},
        {{NULL, key, NULL}, "both"},
        {{NULL, NULL, cert}, "both"},
        {{"/nonexistent", key, NULL}, "cert_file"},
        {{cert, "/nonexistent", NULL}, "key_file"},
        {{key, key, NULL}, "cert_file"},
        {{cert, cert, NULL}, "key_file"},
        {{cert, other_key, NULL}, "key_file"},
        {{cert, key, "/nonexistent"}, "client_ca_file"},
        {{cert, key, key}, "client_ca_file"},
        {{fifo, key, NULL}, "cert_file '/tmp/noveum-tls-"},
        {{cert, fifo, NULL}, "not a regular file"},
        {{cert, key, fifo}, "not a regular file"},
    };
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct nv_tls *tls = NULL;
        struct nv_fail fail = {.code = NV_OK};
        ck_assert(nv_tls_wanted(&table[i].files));
        ck_assert_int_eq(nv_tls_new(&table[i].files, "h2", &fail, &tls), NV_ERR_CONFIG);
        ck_assert_msg(strstr(fail.what, table[i].part) != NULL, "%zu: %s", i, fail.what);
    }
    struct nv_tls_files none = {"", NULL, ""};
    ck_assert(!nv_tls_wanted(&none));
    nv_tls_free(NULL);
    ck_assert_int_eq(unlink(fifo), 0);
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    struct nv_tls_files files = {cert, key, NULL};
    for (unsigned long n = 1;; n++) {
        int fds[2];
        struct nv_tls *tls = NULL;
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        oom_fail_nth(n);
        enum nv_err err = nv_tls_new(&files, "http/1.1", NULL, &tls);
        enum nv_err second = err == NV_OK ? nv_stream_init(&server, fds[0], tls) : err;
        bool failed = oom_end();
        ck_assert_int_eq(second, failed ? NV_ERR_NO_MEMORY : NV_OK);
        if (err != NV_OK)
            close(fds[0]);
        else
            nv_stream_close(&server);
        close(fds[1]);
        nv_tls_free(tls);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls");
    TCase *tcase = tcase_create("tls");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, plain_stream);
    tcase_add_test(tcase, plain_stream_to_a_closed_client);
    tcase_add_test(tcase, tls_stream);
    tcase_add_test(tcase, client_that_speaks_plain_or_old_or_goes);
    tcase_add_loop_test(tcase, protocol_by_alpn, 0, sizeof alpns / sizeof alpns[0]);
    tcase_add_test(tcase, reload_is_for_new_connections);
    tcase_add_test(tcase, mutual_tls);
    tcase_add_test(tcase, files_that_can_not_be_used);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
