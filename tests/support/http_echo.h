/*
 * Routes for tests of the HTTP server: what comes back at once, later, in bulk or not at all.
 *
 *   /echo POST, /get GET   the body comes back       /small POST   likewise, 10 bytes at most
 *   /later POST, GET       kept in echo_kept         /never POST   415 at the head
 *   /large GET             8 MB
 *
 * One server at a time, in the rig of http_rig.h.
 */
#ifndef NV_TESTS_SUPPORT_HTTP_ECHO_H
#define NV_TESTS_SUPPORT_HTTP_ECHO_H

#include "http_rig.h"

/* What every request of HTTP/1.1 needs. */
#define ECHO_HOST "Host: a\r\n"
#define ECHO_ROUTES 6

extern struct http_rig echo_rig;
extern struct nv_http_exchange *echo_kept; /* what the /later route was asked */
extern unsigned echo_handled;              /* bodies that came back */
extern const struct nv_http_route echo_routes[ECHO_ROUTES];

/* Starts a server with these routes; `limits` may be NULL for the defaults. */
void echo_open(const struct nv_http_limits *limits);
/* Is this part of what the rig has read? */
bool echo_has(const char *part);
/* What the rig has read behind `mark`; fails the test without it. */
const char *echo_text_after(const char *mark);

#endif
