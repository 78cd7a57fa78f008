/*
 * Strict HTTP/1.1 request head parser, RFC 9112 and RFC 9110.
 *
 * A server that is exposed together with proxies must read a request the way they do, or one
 * request is taken for two (smuggling). So whatever the RFC lets a recipient repair is refused
 * here instead: bare LF, folded lines, white space before a colon, repeated or signed lengths,
 * length together with chunks, any transfer coding but chunked. Bytes are looked at once and in
 * order, whatever pieces they come in: errors belong to a byte (control characters, limits) or
 * to the end of a line (all the rest), so the verdict is a function of the bytes alone.
 *
 * Not done on purpose: upgrade to HTTP/2, HTTP/0.9, percent-decoding of paths (routes have
 * none).
 *
 *   feed(bytes so far) ─▶ byte by byte ─▶ at LF: a line ─▶ request line | header | end of head
 *                             └─ BAD: status and why                                 DONE
 *
 * Views are offsets and not pointers, because the buffer that grows under a head moves.
 */
#include "net/http/http1.h"

#include <assert.h>

#include "base/banned.h"

void nv_http1_head_init(struct nv_http1_head *head)
{
    /* The table of headers needs no clearing: header_count says what is valid. */
    memset(head, 0, offsetof(struct nv_http1_head, headers));
}

struct nv_str nv_http1_view_str(struct nv_str bytes, struct nv_http1_view view)
{
    assert((size_t)view.offset + view.length <= bytes.len);
    return (struct nv_str){bytes.ptr + view.offset, view.length};
}

static bool is_alnum(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_token_char(unsigned char c)
{
    return is_alnum(c) || (c > ' ' && c < 0x7f && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool nv_http1_is_token(struct nv_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_token_char((unsigned char)name.ptr[i]))
            return false;
    }
    return name.len > 0;
}

/* First byte of a TLS record that carries a handshake (RFC 8446 section 5.1). */
#define TLS_HANDSHAKE 0x16

static enum nv_http1_verdict bad(struct nv_http1_head *head, int status, const char *why)
{
    head->status = status;
    head->why = why;
    head->keep_alive = false;
    return NV_HTTP1_BAD;
}

static struct nv_http1_view view_of(struct nv_str bytes, struct nv_str part)
{
    assert(part.ptr >= bytes.ptr && part.ptr + part.len <= bytes.ptr + bytes.len);
    return (struct nv_http1_view){(uint16_t)(part.ptr - bytes.ptr), (uint16_t)part.len};
}

/* reg-name, IPv4 or [IPv6], with a port: the characters only (RFC 3986 3.2.2). May be empty.
 * Not user information: `user@host` is what a page uses to look like another. */
static bool is_authority(struct nv_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (!is_alnum(c) && (c == 0 || c >= 0x7f || !strchr("-._~%!$&'()*+,;=:[]", c)))
            return false;
    }
    return true;
}

/* ---- request line ------------------------------------------------------------------------ */

/* Scheme and authority of an absolute-form target are cut off (RFC 9112 3.2.2). */
static bool strip_origin(struct nv_str *target)
{
    static const struct nv_str schemes[] = {NV_STR_INIT("http://"), NV_STR_INIT("https://")};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (!nv_str_ieq(nv_str_slice(*target, 0, schemes[i].len), schemes[i]))
            continue;
        struct nv_str rest = nv_str_slice(*target, schemes[i].len, SIZE_MAX);
        size_t end = 0;
        while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
            end++;
        *target = nv_str_slice(rest, end, SIZE_MAX);
        return end > 0 && is_authority(nv_str_slice(rest, 0, end));
    }
    return false;
}

static bool parse_target(struct nv_http1_head *head, struct nv_str bytes, struct nv_str target)
{
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '#')
            return false;
    }
    /* Fragments are the client's: none is ever sent (RFC 9110 7.1). Only OPTIONS may ask for
     * "*". */
    bool options = nv_str_eq(nv_http1_view_str(bytes, head->method), NV_STR("OPTIONS"));
    bool asterisk = options && nv_str_eq(target, NV_STR("*"));
    if (!asterisk && target.ptr[0] != '/' && !strip_origin(&target))
        return false;
    size_t mark = nv_str_find_char(target, '?');
    head->path = view_of(bytes, nv_str_slice(target, 0, mark));
    if (mark != SIZE_MAX)
        head->query = view_of(bytes, nv_str_slice(target, mark + 1, SIZE_MAX));
    return true;
}

static enum nv_http1_verdict parse_version(struct nv_http1_head *head, struct nv_str version)
{
    bool shaped = version.len == 8 && nv_str_starts(version, NV_STR("HTTP/")) &&
                  version.ptr[5] >= '0' && version.ptr[5] <= '9' && version.ptr[6] == '.' &&
                  version.ptr[7] >= '0' && version.ptr[7] <= '9';
    if (!shaped)
        return bad(head, 400, "malformed request line");
    /* HTTP/2's preface is the start of a gRPC client on the wrong port, which the answer then
     * says */
    if (version.ptr[5] != '1' || version.ptr[7] > '1') {
        return bad(head, 505,
                   version.ptr[5] == '2' ? "HTTP/2 is not spoken on this port"
                                         : "HTTP version not supported");
    }
    head->minor_version = (uint8_t)(version.ptr[7] - '0');
    return NV_HTTP1_MORE;
}

static enum nv_http1_verdict parse_request_line(struct nv_http1_head *head, struct nv_str bytes,
                                                struct nv_str line)
{
    size_t first = nv_str_find_char(line, ' ');
    if (first == SIZE_MAX || !nv_http1_is_token(nv_str_slice(line, 0, first)))
        return bad(head, 400, "malformed request line");
    head->method = view_of(bytes, nv_str_slice(line, 0, first));
    struct nv_str rest = nv_str_slice(line, first + 1, SIZE_MAX);
    size_t second = nv_str_find_char(rest, ' ');
    if (second == SIZE_MAX || second == 0)
        return bad(head, 400, "malformed request line");
    if (parse_version(head, nv_str_slice(rest, second + 1, SIZE_MAX)) == NV_HTTP1_BAD)
        return NV_HTTP1_BAD;
    if (!parse_target(head, bytes, nv_str_slice(rest, 0, second)))
        return bad(head, 400, "malformed request target");
    head->has_request_line = true;
    return NV_HTTP1_MORE;
}

/* ---- headers that frame the message ------------------------------------------------------ */

static enum nv_http1_verdict on_content_length(struct nv_http1_head *head, struct nv_str value)
{
    if (head->has_length)
        return bad(head, 400, "more than one Content-Length");
    head->has_length = true;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return bad(head, 400, "malformed Content-Length");
    }
    uint64_t length = 0;
    /* digits only, looked at above: "+5" and "5, 5" are lengths to one parser and errors to
     * another */
    if (value.len == 0 || nv_str_to_uint64(value, &length) != NV_OK || length > INT64_MAX)
        return bad(head, 400, "malformed Content-Length");
    head->content_length = length;
    return NV_HTTP1_MORE;
}

static enum nv_http1_verdict on_transfer_encoding(struct nv_http1_head *head,
                                                  struct nv_str value)
{
    if (head->chunked || !nv_str_ieq(value, NV_STR("chunked")))
        return bad(head, 400, "unsupported Transfer-Encoding");
    head->chunked = true;
    return NV_HTTP1_MORE;
}

static enum nv_http1_verdict on_host(struct nv_http1_head *head, struct nv_str value)
{
    head->host_count = 1;
    return is_authority(value) ? NV_HTTP1_MORE : bad(head, 400, "malformed Host");
}

static void on_connection(struct nv_http1_head *head, struct nv_str value)
{
    while (value.len > 0) {
        size_t comma = nv_str_find_char(value, ',');
        struct nv_str option = nv_str_trim(nv_str_slice(value, 0, comma));
        if (nv_str_ieq(option, NV_STR("close")))
            head->saw_close = true;
        value = comma == SIZE_MAX ? NV_STR("") : nv_str_slice(value, comma + 1, SIZE_MAX);
    }
}

static enum nv_http1_verdict on_header(struct nv_http1_head *head, struct nv_str name,
                                       struct nv_str value)
{
    if (nv_str_ieq(name, NV_STR("content-length")))
        return on_content_length(head, value);
    if (nv_str_ieq(name, NV_STR("transfer-encoding")))
        return on_transfer_encoding(head, value);
    if (nv_str_ieq(name, NV_STR("host"))) {
        return head->host_count > 0 ? bad(head, 400, "more than one Host")
                                    : on_host(head, value);
    }
    if (nv_str_ieq(name, NV_STR("connection"))) {
        on_connection(head, value);
    } else if (nv_str_ieq(name, NV_STR("expect"))) {
        bool known = nv_str_ieq(value, NV_STR("100-continue"));
        head->expect_continue = head->expect_continue || known;
        head->expect_other = head->expect_other || !known;
    }
    return NV_HTTP1_MORE;
}

/* ---- lines ------------------------------------------------------------------------------- */

/* White space around a value; nv_str_trim would take line ends too. */
static struct nv_str trim_ows(struct nv_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = nv_str_slice(s, 1, SIZE_MAX);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static enum nv_http1_verdict parse_header(struct nv_http1_head *head, struct nv_str bytes,
                                          struct nv_str line)
{
    size_t colon = nv_str_find_char(line, ':');
    struct nv_str name = nv_str_slice(line, 0, colon);
    if (colon == SIZE_MAX || !nv_http1_is_token(name))
        return bad(head, 400, "malformed header line"); /* a folded line ends here too */
    if (head->header_count == NV_HTTP1_HEADERS_MAX)
        return bad(head, 431, "too many header lines");
    struct nv_str value = trim_ows(nv_str_slice(line, colon + 1, SIZE_MAX));
    head->headers[head->header_count++] =
        (struct nv_http1_header){view_of(bytes, name), view_of(bytes, value)};
    return on_header(head, name, value);
}

/* The empty line is there: what only the whole head can tell. */
static enum nv_http1_verdict finish(struct nv_http1_head *head)
{
    if (head->chunked && head->has_length)
        return bad(head, 400, "Content-Length together with Transfer-Encoding");
    /* 1.0 has no chunks: a proxy of that age would take them for the body */
    if (head->chunked && head->minor_version == 0)
        return bad(head, 400, "Transfer-Encoding in HTTP/1.0");
    if (head->minor_version > 0 && head->host_count == 0)
        return bad(head, 400, "no Host");
    if (head->minor_version == 0)
        head->expect_continue = false; /* RFC 9110 10.1.1 */
    else if (head->expect_other)
        return bad(head, 417, "unsupported Expect");
    head->keep_alive = head->minor_version > 0 && !head->saw_close;
    return NV_HTTP1_DONE;
}

static enum nv_http1_verdict parse_line(struct nv_http1_head *head, struct nv_str bytes,
                                        struct nv_str line)
{
    if (line.len == 0 || line.ptr[line.len - 1] != '\r')
        return bad(head, 400, "line without CR LF");
    line.len--;
    if (nv_str_find_char(line, '\r') != SIZE_MAX)
        return bad(head, 400, "CR inside a line");
    if (line.len > 0) {
        return head->has_request_line ? parse_header(head, bytes, line)
                                      : parse_request_line(head, bytes, line);
    }
    if (head->has_request_line)
        return finish(head);
    head->empty_lines++;
    return head->empty_lines > NV_HTTP1_EMPTY_LINES_MAX ? bad(head, 400, "too many empty lines")
                                                        : NV_HTTP1_MORE;
}

static enum nv_http1_verdict check_byte(struct nv_http1_head *head, unsigned char c)
{
    if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f) {
        bool tls = c == TLS_HANDSHAKE && head->scanned == 0;
        return bad(head, 400, tls ? NV_HTTP1_WHY_TLS : "control character in the head");
    }
    if (head->scanned - head->line_start > NV_HTTP1_LINE_BYTES_MAX && c != '\n') {
        return head->has_request_line ? bad(head, 431, "header line too long")
                                      : bad(head, 414, "request line too long");
    }
    return head->scanned >= NV_HTTP1_HEAD_BYTES_MAX ? bad(head, 431, "head too large")
                                                    : NV_HTTP1_MORE;
}

enum nv_http1_verdict nv_http1_head_feed(struct nv_http1_head *head, struct nv_str bytes)
{
    assert(head->status == 0 && head->scanned <= bytes.len);
    enum nv_http1_verdict verdict = NV_HTTP1_MORE;
    while (verdict == NV_HTTP1_MORE && head->scanned < bytes.len) {
        unsigned char c = (unsigned char)bytes.ptr[head->scanned];
        verdict = check_byte(head, c);
        if (verdict != NV_HTTP1_MORE)
            break;
        head->scanned++;
        if (c == '\n') {
            struct nv_str line = {bytes.ptr + head->line_start,
                                  head->scanned - head->line_start - 1};
            head->line_start = head->scanned;
            verdict = parse_line(head, bytes, line);
        }
    }
    head->length = head->scanned;
    return verdict;
}

const struct nv_http1_header *nv_http1_head_find(const struct nv_http1_head *head,
                                                 struct nv_str bytes, struct nv_str name)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (nv_str_ieq(nv_http1_view_str(bytes, head->headers[i].name), name))
            return &head->headers[i];
    }
    return NULL;
}
