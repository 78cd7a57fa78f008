/*
 * Files of the page, sent as they are packed.
 *
 *   GET /            ─▶ index.html       GET /ui/list.js ─▶ list.js       both in gzip
 *
 * They are code and no contents, so they are given without a token: the page asks for the token
 * itself and sends it with every request to the API. Every browser takes gzip.
 *
 * Texts of traces come from anywhere. That none of them becomes markup is the page's own rule
 * (it only ever sets textContent); the policy here is the second lock on that door: no script
 * but these files, and trusted types without a policy, so that innerHTML throws.
 */
#include "gateway/admin/page.h"

#include <assert.h>

#include "base/banned.h"

#define POLICY                                                                                 \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "       \
    "connect-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; "    \
    "frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; "          \
    "trusted-types 'none'"

bool nv_page_has(struct nv_str path)
{
    for (size_t i = 0; i < nv_page_file_count; i++) {
        if (nv_str_eq(path, nv_str_from(nv_page_files[i].path)))
            return true;
    }
    return false;
}

void nv_page_guard(struct nv_http_exchange *exchange)
{
    nv_http_exchange_add_header(exchange, NV_STR(POLICY));
    nv_http_exchange_add_header(exchange, NV_STR("Referrer-Policy: no-referrer"));
    nv_http_exchange_add_header(exchange, NV_STR("Cross-Origin-Resource-Policy: same-origin"));
    nv_http_exchange_add_header(exchange, NV_STR("Cross-Origin-Opener-Policy: same-origin"));
}

static void handle_file(void *ctx, struct nv_http_exchange *exchange)
{
    const struct nv_page_file *file = ctx;
    nv_page_guard(exchange);
    const struct nv_http_reply reply = {.status = 200,
                                        .content_type = nv_str_from(file->type),
                                        .headers = NV_STR("Content-Encoding: gzip\r\n"),
                                        .body = {(const char *)file->gzip, file->len}};
    nv_http_reply_send(exchange, &reply);
}

size_t nv_page_routes(struct nv_http_route *routes)
{
    assert(nv_page_file_count <= NV_PAGE_FILES_MAX);
    for (size_t i = 0; i < nv_page_file_count; i++) {
        routes[i] = (struct nv_http_route){
            .path = nv_str_from(nv_page_files[i].path),
            .methods = NV_HTTP_GET,
            .body_bytes_max = 1024,
            .handler = {.ctx = (void *)(uintptr_t)&nv_page_files[i], .handle = handle_file}};
    }
    return nv_page_file_count;
}
