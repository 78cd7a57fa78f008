/* What the backend says in a reply's body, as far as it matters. jansson stays in the .c. */
#ifndef NV_EXPORTER_ANSWER_BACKEND_REPLY_H
#define NV_EXPORTER_ANSWER_BACKEND_REPLY_H

#include "base/str.h"

#define NV_REPLY_TEXT_MAX 128

/* Who wrote the body: the API answers with a JSON object, or with nothing
 * (docs/noveum-backend.md#answers). */
enum nv_reply_body {
    NV_REPLY_EMPTY,  /* nothing, or white space */
    NV_REPLY_OBJECT, /* a whole JSON object that does not say `success: false` */
    NV_REPLY_DENIAL, /* a whole JSON object that does */
    NV_REPLY_FOREIGN /* anything else: a page, other JSON, half an object */
};

struct nv_backend_reply {
    enum nv_reply_body body;
    bool credit;       /* some code says CREDIT_QUOTA_EXCEEDED */
    uint32_t warnings; /* entries of warnings[] and errors[] */
    /* message, or first warning: printable, cut, never a secret */
    char text[NV_REPLY_TEXT_MAX];
};

/*
 * Reads a reply's body (borrowed, at most NV_REPLY_BYTES_MAX). Never fails: a body that is no
 * JSON object gives no facts and no text. Any thread.
 */
void nv_backend_reply_read(struct nv_str body, struct nv_backend_reply *out);

#endif
