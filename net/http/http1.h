/*
 * A strict HTTP/1.1 request parser without I/O (RFC 9112): bytes in, verdict out.
 *
 *   bytes so far ──nv_http1_head_feed──▶ MORE | DONE | BAD        offsets into the bytes, no copies
 *   body bytes ──nv_http1_chunks_feed──▶ data ranges, MORE | DONE | BAD
 *
 * What two parsers could read in two ways is refused (docs/design/0002-own-http1-parser.md).
 * The verdict does not depend on how the bytes were cut into pieces. No heap, no pointers kept.
 */
#ifndef NV_NET_HTTP_HTTP1_H
#define NV_NET_HTTP_HTTP1_H

#include "base/str.h"

#define NV_HTTP1_HEAD_BYTES_MAX 32768     /* request line, headers and the line ends */
#define NV_HTTP1_LINE_BYTES_MAX 8192      /* one line, without its end */
#define NV_HTTP1_HEADERS_MAX 128          /* header lines */
#define NV_HTTP1_EMPTY_LINES_MAX 4        /* before the request line (RFC 9112 2.2) */
#define NV_HTTP1_EXTENSION_BYTES_MAX 4096 /* chunk extensions of one body, together */
#define NV_HTTP1_TRAILER_BYTES_MAX 4096   /* trailer section of one body */

/* `why` of a head that begins like a TLS handshake. */
#define NV_HTTP1_WHY_TLS "TLS on a port that speaks plain HTTP"

enum nv_http1_verdict { NV_HTTP1_MORE, NV_HTTP1_DONE, NV_HTTP1_BAD };

/* A part of the head, relative to its first byte. */
struct nv_http1_view {
    uint16_t offset;
    uint16_t length;
};

struct nv_http1_header {
    struct nv_http1_view name;
    struct nv_http1_view value; /* without white space around it */
};

struct nv_http1_head {
    /* results, valid after DONE; after BAD as far as parsing got */
    struct nv_http1_view method;
    struct nv_http1_view path;  /* length 0: "/" */
    struct nv_http1_view query; /* without the '?' */
    uint32_t length;            /* of the head, the empty line included */
    uint8_t minor_version;      /* 0 or 1 */
    uint8_t header_count;
    bool chunked;
    bool has_length;
    bool keep_alive;
    bool expect_continue;
    uint64_t content_length;
    int status;      /* of BAD: 400, 414, 417, 431 or 505 */
    const char *why; /* of BAD: static text */
    /* progress */
    uint32_t scanned;
    uint32_t line_start;
    uint8_t empty_lines;
    uint8_t host_count;
    bool has_request_line;
    bool saw_close;
    bool expect_other;
    struct nv_http1_header headers[NV_HTTP1_HEADERS_MAX];
};

/* Readies `head` for the first byte of a request. */
void nv_http1_head_init(struct nv_http1_head *head);
/*
 * Goes on with `bytes` (borrowed), which begin with the first byte of the request and may be
 * longer than at the last call. DONE: head->length bytes are the head, the body or next request
 * follows. BAD: answer head->status and close. Not to be called again after DONE or BAD.
 */
enum nv_http1_verdict nv_http1_head_feed(struct nv_http1_head *head, struct nv_str bytes);
/* The first header of that name (any case), or NULL. Borrowed from `head`. `bytes` as fed. */
const struct nv_http1_header *nv_http1_head_find(const struct nv_http1_head *head,
                                                 struct nv_str bytes, struct nv_str name);
/* The bytes of a view. Borrowed from `bytes`. */
struct nv_str nv_http1_view_str(struct nv_str bytes, struct nv_http1_view view);

/* Decoder of a chunked body (RFC 9112 7.1). Zero-initialise. */
struct nv_http1_chunks {
    uint64_t left; /* of the chunk's data, or the size read so far */
    uint32_t extension_bytes;
    uint32_t trailer_bytes;
    uint8_t state;
    uint8_t digits;
    const char *why; /* of BAD: static text; the status is 400 */
};

/*
 * Takes some of `bytes`; *used says how many. `*data` is the part of them that is body data
 * (borrowed, may be empty). MORE: call again with the rest, or with more. DONE: the body ended
 * after *used bytes. BAD: answer 400 and close.
 */
enum nv_http1_verdict nv_http1_chunks_feed(struct nv_http1_chunks *chunks, struct nv_str bytes,
                                           size_t *used, struct nv_str *data);

/* Is every byte of `name` a token character (RFC 9110 5.6.2), and is there one? */
bool nv_http1_is_token(struct nv_str name);

#endif
