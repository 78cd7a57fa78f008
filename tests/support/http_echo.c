/*
 * See http_echo.h. The routes are a table of their own, so that each test of a part of the
 * server speaks to the same one.
 */
#include "http_echo.h"

#include <check.h>
#include <stdlib.h>

#include "base/banned.h"

struct http_rig echo_rig;
struct nv_http_exchange *echo_kept;
unsigned echo_handled;

static void echo(void *ctx, struct nv_http_exchange *exchange)
{
    (void)ctx;
    echo_handled++;
    char *body;
    size_t len = nv_http_request_take_body(exchange, &body);
    nv_http_reply_text(exchange, 200, NV_STR("text/plain"), (struct nv_str){body, len});
    free(body);
}

static void keep(void *ctx, struct nv_http_exchange *exchange)
{
    (void)ctx;
    echo_kept = exchange;
}

static void large(void *ctx, struct nv_http_exchange *exchange)
{
    struct nv_str body = {calloc(1, 8000000), 8000000};
    (void)ctx;
    nv_http_reply_text(exchange, 200, NV_STR("text/plain"), body);
    free((void *)(uintptr_t)body.ptr);
}

static void refuse_at_head(void *ctx, struct nv_http_exchange *exchange)
{
    (void)ctx;
    nv_http_reply_error(exchange, 415, NV_STR("not this"));
}

const struct nv_http_route echo_routes[ECHO_ROUTES] = {
    {.path = NV_STR_INIT("/echo"), .methods = NV_HTTP_POST, .handler = {.handle = echo}},
    {.path = NV_STR_INIT("/get"), .methods = NV_HTTP_GET, .handler = {.handle = echo}},
    {.path = NV_STR_INIT("/later"),
     .methods = NV_HTTP_POST | NV_HTTP_GET,
     .handler = {.handle = keep}},
    {.path = NV_STR_INIT("/large"), .methods = NV_HTTP_GET, .handler = {.handle = large}},
    {.path = NV_STR_INIT("/small"),
     .methods = NV_HTTP_POST,
     .body_bytes_max = 10,
     .handler = {.handle = echo}},
    {.path = NV_STR_INIT("/never"),
     .methods = NV_HTTP_POST,
     .handler = {.head = refuse_at_head, .handle = echo}},
};

void echo_open(const struct nv_http_limits *limits)
{
    echo_handled = 0;
    echo_kept = NULL;
    http_rig_open(&echo_rig, echo_routes, ECHO_ROUTES, limits, NULL);
}

const char *echo_text_after(const char *mark)
{
    const char *at = strstr(echo_rig.text, mark);
    ck_assert_msg(at != NULL, "no '%s' in '%s'", mark, echo_rig.text);
    return at + strlen(mark);
}

bool echo_has(const char *part)
{
    return strstr(echo_rig.text, part) != NULL;
}
