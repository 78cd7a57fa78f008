/* What the backend says in a reply's body, as far as it matters. jansson stays in the .c. */
#ifndef NV_EXPORTER_BACKEND_REPLY_H
#define NV_EXPORTER_BACKEND_REPLY_H

#include "base/str.h"

#define NV_REPLY_TEXT_MAX 128

struct nv_backend_reply {
    bool credit;                  /* some code says CREDIT_QUOTA_EXCEEDED */
    uint32_t warnings;            /* entries of warnings[] and errors[] */
    char text[NV_REPLY_TEXT_MAX]; /* message, or first warning: printable, cut, never a secret */
};

/*
 * Reads a reply's body (borrowed). Never fails: a body that is no JSON object gives no facts, and
 * no text (contract section 1: the body is optional text). Any thread.
 */
void nv_backend_reply_read(struct nv_str body, struct nv_backend_reply *out);

#endif
