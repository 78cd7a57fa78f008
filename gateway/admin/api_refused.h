/*
 * Requests that were refused, for the page.
 */
#ifndef NV_GATEWAY_ADMIN_API_REFUSED_H
#define NV_GATEWAY_ADMIN_API_REFUSED_H

#include "base/buf.h"

/* Appends {"refused": [...]}, the kinds that nv_refused_read has, newest first, secrets masked.
 * NV_ERR_NO_MEMORY, the buffer's errors. Any thread. */
enum nv_err nv_api_refused_write(struct nv_buf *out) NV_MUST_USE;

#endif
