/*
 * The HTTP/1.1 head parser: what is accepted, what is refused with which status, the limits to
 * the byte, and that no verdict depends on how the bytes were cut into pieces.
 */
#include "expect.h"

#include "base/buf.h"
#include "net/http/http1.h"

#include <stdlib.h>
#include <stdio.h>

#include "base/banned.h"

#define PROBE(name, status, text)                                                              \
    {                                                                                          \
        name, status, NV_STR_INIT(text)                                                        \
    }
#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST

/* `status` 0: accepted; -1: not yet complete. */
static const struct {
    const char *name;
    int status;
    struct nv_str bytes;
} probes[] = {
    PROBE("plain", 0, GET "\r\n"),
    PROBE("body follows", 0,
          "POST /v1/traces HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"),
    PROBE("next request follows", 0, GET "\r\n" GET "\r\n"),
    PROBE("incomplete", -1, GET),
    PROBE("http/1.0", 0, "GET / HTTP/1.0\r\n\r\n"),
    PROBE("http/1.0 with two hosts", 400, "GET / HTTP/1.0\r\n" HOST HOST "\r\n"),
    PROBE("empty lines first", 0, "\r\n\r\n\r\n\r\n" GET "\r\n"),
    PROBE("too many empty lines", 400, "\r\n\r\n\r\n\r\n\r\n" GET "\r\n"),
    PROBE("bare LF empty line", 400, "\n" GET "\r\n"),
    PROBE("absolute form", 0, "GET http://h:80/v1/traces?x HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("absolute form, upper case", 0, "GET HTTPS://h HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("absolute form without host", 400, "GET http:///x HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("absolute form, bad host", 400, "GET http://a\"b/x HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("other scheme", 400, "GET ftp://h/x HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("no slash", 400, "GET v1/traces HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("asterisk", 0, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("asterisk with GET", 400, "GET * HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("authority form", 400, "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("fragment", 400, "GET /#x HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("eight-bit target", 400, "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("tab in target", 400, "GET /a\tb HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("two spaces", 400, "GET  / HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("trailing space", 400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    PROBE("leading space", 400, " GET / HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("no version", 400, "GET /\r\n" HOST "\r\n"),
    PROBE("no target", 400, "GET HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("only a word", 400, "GET\r\n\r\n"),
    PROBE("method with a bad character", 400, "G@T / HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("any method token", 0, "BREW!#$%&'*+-.^_`|~ / HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("http/2.0", 505, "GET / HTTP/2.0\r\n" HOST "\r\n"),
    PROBE("http/1.2", 505, "GET / HTTP/1.2\r\n" HOST "\r\n"),
    PROBE("http/0.9", 505, "GET / HTTP/0.9\r\n" HOST "\r\n"),
    PROBE("http/1.10", 400, "GET / HTTP/1.10\r\n" HOST "\r\n"),
    PROBE("http/+1.1", 400, "GET / HTTP/+1.1\r\n" HOST "\r\n"),
    PROBE("http/1", 400, "GET / HTTP/1\r\n" HOST "\r\n"),
    PROBE("lower case http", 400, "GET / http/1.1\r\n" HOST "\r\n"),
    PROBE("h2 preface", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    PROBE("TLS hello", 400, "\x16\x03\x01\x02\x00\x01"),
    PROBE("NUL first", 400, "\0\0\0"),
    PROBE("no host", 400, "GET / HTTP/1.1\r\n\r\n"),
    PROBE("two hosts", 400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"),
    PROBE("empty host", 0, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    PROBE("host with a space", 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    PROBE("host with a slash", 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    PROBE("host list", 0, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
    PROBE("ipv6 host", 0, "GET / HTTP/1.1\r\nHost: [::1]:4318\r\n\r\n"),
    PROBE("space before colon", 400, GET "X : y\r\n\r\n"),
    PROBE("tab before colon", 400, GET "X\t: y\r\n\r\n"),
    PROBE("no colon", 400, GET "Xy\r\n\r\n"),
    PROBE("empty name", 400, GET ": y\r\n\r\n"),
    PROBE("folded line", 400, GET "X: y\r\n z\r\n\r\n"),
    PROBE("folded with a tab", 400, GET "X: y\r\n\tz: a\r\n\r\n"),
    PROBE("bare LF", 400, GET "X: y\n\r\n"),
    PROBE("bare LF end", 400, GET "X: y\r\n\n"),
    PROBE("bare CR in value", 400, GET "X: y\rz\r\n\r\n"),
    PROBE("NUL in value", 400, GET "X: y\0z\r\n\r\n"),
    PROBE("NUL in length", 400, GET "Content-Length: 0\0 5\r\n\r\n"),
    PROBE("control character", 400, GET "X: y\x01z\r\n\r\n"),
    PROBE("DEL", 400, GET "X: y\x7fz\r\n\r\n"),
    PROBE("eight-bit value", 0, GET "X: \xc3\xa9\xff\r\n\r\n"),
    PROBE("tab in value", 0, GET "X: \t a\tb \t\r\n\r\n"),
    PROBE("empty value", 0, GET "X:\r\nY: \r\n\r\n"),
    PROBE("length 0", 0, GET "Content-Length: 0\r\n\r\n"),
    PROBE("length with zeros", 0, GET "Content-Length: 0005\r\n\r\n"),
    PROBE("length +5", 400, GET "Content-Length: +5\r\n\r\n"),
    PROBE("length -1", 400, GET "Content-Length: -1\r\n\r\n"),
    PROBE("length 0x5", 400, GET "Content-Length: 0x5\r\n\r\n"),
    PROBE("length 5 5", 400, GET "Content-Length: 5 5\r\n\r\n"),
    PROBE("length 5, 5", 400, GET "Content-Length: 5, 5\r\n\r\n"),
    PROBE("length 5a", 400, GET "Content-Length: 5a\r\n\r\n"),
    PROBE("length empty", 400, GET "Content-Length:\r\n\r\n"),
    PROBE("length 2^63-1", 0, GET "Content-Length: 9223372036854775807\r\n\r\n"),
    PROBE("length 2^63", 400, GET "Content-Length: 9223372036854775808\r\n\r\n"),
    PROBE("length 2^64", 400, GET "Content-Length: 18446744073709551616\r\n\r\n"),
    PROBE("length 2^64+5", 400, GET "Content-Length: 18446744073709551621\r\n\r\n"),
    PROBE("two lengths", 400, GET "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
    PROBE("two equal lengths", 400, GET "Content-Length: 5\r\ncontent-length: 5\r\n\r\n"),
    PROBE("chunked", 0, GET "Transfer-Encoding: Chunked\r\n\r\n"),
    PROBE("length and chunked", 400,
          GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
    PROBE("chunked and length", 400,
          GET "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
    PROBE("xchunked", 400, GET "Transfer-Encoding: xchunked\r\n\r\n"),
    PROBE("chunked, identity", 400, GET "Transfer-Encoding: chunked, identity\r\n\r\n"),
    PROBE("gzip", 400, GET "Transfer-Encoding: gzip\r\n\r\n"),
    PROBE("gzip, chunked", 400, GET "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    PROBE("identity", 400, GET "Transfer-Encoding: identity\r\n\r\n"),
    PROBE("chunked twice", 400,
          GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    PROBE("quoted chunked", 400, GET "Transfer-Encoding: \"chunked\"\r\n\r\n"),
    PROBE("vertical tab chunked", 400,
          GET "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n"),
    PROBE("chunked in http/1.0", 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    PROBE("expect", 0, GET "Expect: 100-Continue\r\n\r\n"),
    PROBE("other expect", 417, GET "Expect: 200-ok\r\n\r\n"),
    PROBE("other expect in http/1.0", 0, "GET / HTTP/1.0\r\nExpect: x\r\n\r\n"),
};
#define PROBES (sizeof(probes) / sizeof(probes[0]))

/* What the parser said, comparable. */
struct outcome {
    enum nv_http1_verdict verdict;
    int status;
    uint32_t length;
    uint8_t headers;
};

static struct outcome outcome_of(const struct nv_http1_head *head,
                                 enum nv_http1_verdict verdict)
{
    return (struct outcome){verdict, head->status, head->length, head->header_count};
}

/* Feeds two pieces, the way a connection would: all bytes so far, twice. */
static struct outcome run_split(struct nv_str bytes, size_t split)
{
    struct nv_http1_head *head = malloc(sizeof *head);
    nv_http1_head_init(head);
    enum nv_http1_verdict verdict = nv_http1_head_feed(head, nv_str_slice(bytes, 0, split));
    if (verdict == NV_HTTP1_MORE)
        verdict = nv_http1_head_feed(head, bytes);
    struct outcome outcome = outcome_of(head, verdict);
    free(head);
    return outcome;
}

/* Feeds one byte more at a time, from memory that ends there: asan sees any look ahead. */
static struct outcome run_bytewise(struct nv_str bytes)
{
    struct nv_http1_head *head = malloc(sizeof *head);
    enum nv_http1_verdict verdict = NV_HTTP1_MORE;
    nv_http1_head_init(head);
    for (size_t len = 1; len <= bytes.len && verdict == NV_HTTP1_MORE; len++) {
        char *copy = malloc(len);
        memcpy(copy, bytes.ptr, len);
        verdict = nv_http1_head_feed(head, (struct nv_str){copy, len});
        free(copy);
    }
    struct outcome outcome = outcome_of(head, verdict);
    free(head);
    return outcome;
}

static bool same(struct outcome a, struct outcome b)
{
    return a.verdict == b.verdict && a.status == b.status && a.length == b.length &&
           a.headers == b.headers;
}

START_TEST(probe_has_its_verdict)
{
    struct outcome outcome = run_split(probes[_i].bytes, probes[_i].bytes.len);
    enum nv_http1_verdict want = probes[_i].status > 0   ? NV_HTTP1_BAD
                                 : probes[_i].status < 0 ? NV_HTTP1_MORE
                                                         : NV_HTTP1_DONE;
    ck_assert_msg(outcome.verdict == want, "%s: verdict %d, expected %d", probes[_i].name,
                  outcome.verdict, want);
    if (probes[_i].status > 0) {
        ck_assert_msg(outcome.status == probes[_i].status, "%s: status %d, expected %d",
                      probes[_i].name, outcome.status, probes[_i].status);
    }
}
END_TEST

START_TEST(verdict_is_the_same_at_every_split)
{
    struct nv_str bytes = probes[_i].bytes;
    struct outcome whole = run_split(bytes, bytes.len);
    for (size_t split = 0; split < bytes.len; split++) {
        ck_assert_msg(same(run_split(bytes, split), whole), "%s: split at %zu", probes[_i].name,
                      split);
    }
    ck_assert_msg(same(run_bytewise(bytes), whole), "%s: bytewise", probes[_i].name);
}
END_TEST

static enum nv_http1_verdict parse(struct nv_http1_head *head, struct nv_str bytes)
{
    nv_http1_head_init(head);
    return nv_http1_head_feed(head, bytes);
}

START_TEST(parts_of_a_request)
{
    struct nv_http1_head head;
    struct nv_str bytes = NV_STR("\r\nPOST http://x/v1/traces?a=b?c HTTP/1.1\r\n"
                                 "Host: h:1\r\nContent-Type: \t application/json \r\n"
                                 "content-length: 12\r\nExpect: 100-continue\r\n\r\nBODY");
    ck_assert_int_eq(parse(&head, bytes), NV_HTTP1_DONE);
    ck_assert_nv_str(nv_http1_view_str(bytes, head.method), "POST");
    ck_assert_nv_str(nv_http1_view_str(bytes, head.path), "/v1/traces");
    ck_assert_nv_str(nv_http1_view_str(bytes, head.query), "a=b?c");
    ck_assert_uint_eq(head.length, bytes.len - 4);
    ck_assert_uint_eq(head.content_length, 12);
    ck_assert(head.has_length && !head.chunked && head.keep_alive && head.expect_continue);
    const struct nv_http1_header *type =
        nv_http1_head_find(&head, bytes, NV_STR("CONTENT-TYPE"));
    ck_assert_ptr_nonnull(type);
    ck_assert_nv_str(nv_http1_view_str(bytes, type->value), "application/json");
    ck_assert_ptr_null(nv_http1_head_find(&head, bytes, NV_STR("content")));
}
END_TEST

START_TEST(origin_without_a_path_has_none)
{
    struct nv_http1_head head;
    struct nv_str bytes = NV_STR("GET http://x?q HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_int_eq(parse(&head, bytes), NV_HTTP1_DONE);
    ck_assert_uint_eq(head.path.length, 0);
    ck_assert_nv_str(nv_http1_view_str(bytes, head.query), "q");
}
END_TEST

static const struct {
    struct nv_str bytes;
    bool keep_alive;
} connections[] = {
    {NV_STR_INIT(GET "\r\n"), true},
    {NV_STR_INIT(GET "Connection: close\r\n\r\n"), false},
    {NV_STR_INIT(GET "Connection: CLOSE\r\n\r\n"), false},
    {NV_STR_INIT(GET "Connection: keep-alive, Close\r\n\r\n"), false},
    {NV_STR_INIT(GET "Connection: x ,close, y\r\n\r\n"), false},
    {NV_STR_INIT(GET "Connection: a\r\nConnection: close\r\n\r\n"), false},
    {NV_STR_INIT(GET "Connection: closed, keep-alive\r\n\r\n"), true},
    {NV_STR_INIT(GET "Connection: upgrade\r\n\r\n"), true},
    {NV_STR_INIT("GET / HTTP/1.0\r\n\r\n"), false},
    {NV_STR_INIT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), false},
};

START_TEST(connection_options)
{
    struct nv_http1_head head;
    ck_assert_int_eq(parse(&head, connections[_i].bytes), NV_HTTP1_DONE);
    ck_assert_int_eq(head.keep_alive, connections[_i].keep_alive);
}
END_TEST

/* ---- limits ------------------------------------------------------------------------------ */

/* `prefix`, `fill` times 'x', `suffix`, and the end of a head. New. */
static struct nv_str filled(const char *prefix, size_t fill, const char *suffix)
{
    size_t before = strlen(prefix), after = strlen(suffix);
    char *bytes = malloc(before + fill + after + 1);
    memcpy(bytes, prefix, before);
    memset(bytes + before, 'x', fill);
    memcpy(bytes + before + fill, suffix, after + 1);
    return (struct nv_str){bytes, before + fill + after};
}

static struct outcome run_filled(const char *prefix, size_t fill, const char *suffix)
{
    struct nv_str bytes = filled(prefix, fill, suffix);
    struct outcome outcome = run_split(bytes, bytes.len);
    ck_assert(same(run_split(bytes, bytes.len / 2), outcome));
    free((void *)(uintptr_t)bytes.ptr);
    return outcome;
}

START_TEST(line_limit_to_the_byte)
{
    static const char end[] = "\r\n\r\n", last[] = " HTTP/1.1\r\nHost: a\r\n\r\n";
    size_t header = NV_HTTP1_LINE_BYTES_MAX - strlen("X: ");
    size_t target = NV_HTTP1_LINE_BYTES_MAX - strlen("GET / HTTP/1.1");
    ck_assert_int_eq(run_filled(GET "X: ", header, end).verdict, NV_HTTP1_DONE);
    ck_assert_int_eq(run_filled(GET "X: ", header + 1, end).status, 431);
    ck_assert_int_eq(run_filled(GET "X: ", header + 100, "").status, 431);
    ck_assert_int_eq(run_filled("GET /", target, last).verdict, NV_HTTP1_DONE);
    ck_assert_int_eq(run_filled("GET /", target + 1, last).status, 414);
    ck_assert_int_eq(run_filled("GET /", 1000000, "").status, 414);
}
END_TEST

START_TEST(head_limit_to_the_byte)
{
    /* Four full header lines, then one that fills the head exactly. */
    struct nv_buf head;
    nv_buf_init(&head, 100000);
    nv_buf_append_str(&head, NV_STR(GET));
    while (head.len < 30000) {
        nv_buf_append_str(
            &head, NV_STR("X-Filler-Of-The-Head: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"));
    }
    nv_buf_append_str(&head, NV_STR("Y: "));
    nv_buf_append_char(&head, '\0');
    size_t fill = NV_HTTP1_HEAD_BYTES_MAX - (head.len - 1) - 4;
    ck_assert_int_eq(run_filled(head.bytes, fill, "\r\n\r\n").verdict, NV_HTTP1_DONE);
    ck_assert_int_eq(run_filled(head.bytes, fill + 1, "\r\n\r\n").status, 431);
    nv_buf_release(&head);
}
END_TEST

START_TEST(header_count_limit)
{
    for (unsigned extra = 0; extra < 2; extra++) {
        struct nv_buf head;
        nv_buf_init(&head, 100000);
        nv_buf_append_str(&head, NV_STR(GET));
        for (unsigned i = 1; i < NV_HTTP1_HEADERS_MAX + extra; i++)
            nv_buf_append_str(&head, NV_STR("X: y\r\n"));
        nv_buf_append_str(&head, NV_STR("\r\n"));
        struct outcome outcome = run_split(nv_buf_str(&head), head.len);
        ck_assert_int_eq(outcome.status, extra == 0 ? 0 : 431);
        nv_buf_release(&head);
    }
}
END_TEST

START_TEST(tokens)
{
    ck_assert(nv_http1_is_token(NV_STR("Content-Type!#$%&'*+.^_`|~09")));
    ck_assert(!nv_http1_is_token(NV_STR("")));
    ck_assert(!nv_http1_is_token(NV_STR("a b")));
    ck_assert(!nv_http1_is_token(NV_STR("a\0b")));
    ck_assert(!nv_http1_is_token(NV_STR("a\xff")));
}
END_TEST

START_TEST(empty_lines_before_a_request)
{
    char text[200] = "";
    for (unsigned lines = 0; lines <= NV_HTTP1_EMPTY_LINES_MAX + 1; lines++) {
        size_t len = 0;
        for (unsigned i = 0; i < lines; i++)
            len += (size_t)snprintf(text + len, sizeof text - len, "\r\n");
        len += (size_t)snprintf(text + len, sizeof text - len, GET "\r\n");
        bool fits = lines <= NV_HTTP1_EMPTY_LINES_MAX;
        struct outcome outcome = run_split((struct nv_str){text, len}, len);
        ck_assert_int_eq(outcome.verdict, fits ? NV_HTTP1_DONE : NV_HTTP1_BAD);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http1");
    TCase *tcase = tcase_create("head");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, probe_has_its_verdict, 0, PROBES);
    tcase_add_loop_test(tcase, verdict_is_the_same_at_every_split, 0, PROBES);
    tcase_add_test(tcase, parts_of_a_request);
    tcase_add_test(tcase, origin_without_a_path_has_none);
    tcase_add_loop_test(tcase, connection_options, 0,
                        sizeof connections / sizeof connections[0]);
    tcase_add_test(tcase, line_limit_to_the_byte);
    tcase_add_test(tcase, head_limit_to_the_byte);
    tcase_add_test(tcase, header_count_limit);
    tcase_add_test(tcase, tokens);
    tcase_add_test(tcase, empty_lines_before_a_request);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
