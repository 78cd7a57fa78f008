/*
 * A reply while it arrives: what is kept of it, and how much.
 *
 *   begin ▸ line ... ▸ body ... ▸ tell
 *
 * For a transport, which hands it the lines of the head and the pieces of the body as they
 * come. Nobody reads a reply without end: what passes a bound ends the transfer. One thread.
 */
#ifndef NV_EXPORTER_ANSWER_REPLY_READING_H
#define NV_EXPORTER_ANSWER_REPLY_READING_H

#include "base/buf.h"
#include "exporter/answer/transport.h"

/* Status lines and headers of a reply; a proxy's are some KB. Below libcurl's own 300 KB. */
#define NV_REPLY_HEAD_BYTES_MAX ((size_t)256 << 10)

struct nv_reply_reading {
    struct nv_buf body;
    bool body_oversize; /* past NV_REPLY_BYTES_MAX, behind a status that counts */
    bool head_oversize; /* past NV_REPLY_HEAD_BYTES_MAX */
    size_t head_bytes;
    char retry_after[128]; /* values of headers, cut; "" without one */
    char location[256];
    char date[64];
};

/* An empty one; released by nv_reply_reading_release, after which it is used again. */
void nv_reply_reading_init(struct nv_reply_reading *reading);
/* Frees the body. */
void nv_reply_reading_release(struct nv_reply_reading *reading);
/* Forgets the reply before. */
void nv_reply_reading_begin(struct nv_reply_reading *reading);
/* Takes a status line or a header (borrowed). False: the head is too long, break off. */
bool nv_reply_reading_line(struct nv_reply_reading *reading, struct nv_str line);
/* Takes a piece of the body (borrowed). False: too long, or out of memory; break off. */
bool nv_reply_reading_body(struct nv_reply_reading *reading, struct nv_str piece);
/* Sets retry_after, location and body of `reply`: views, borrowed until begin or release. */
void nv_reply_reading_tell(const struct nv_reply_reading *reading, struct nv_reply *reply);

#endif
