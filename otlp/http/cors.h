/*
 * Which web pages may send: the origins of a comma-separated list.
 *
 *   "https://app.example.com,https://?.example.org"
 *
 * An entry is compared whole; one '*' (the '?' above) stands for one or more characters of a
 * host name or port, and an entry of nothing but '*' matches every origin.
 */
#ifndef NV_OTLP_HTTP_CORS_H
#define NV_OTLP_HTTP_CORS_H

#include "base/str.h"

/* Is every entry of `list` one that a browser's Origin could match? */
bool nv_cors_list_valid(struct nv_str list);
/* Does `origin` match an entry of `list`? */
bool nv_cors_allows(struct nv_str list, struct nv_str origin);

#endif
