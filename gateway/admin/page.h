/*
 * The page: files of ui/, packed into the program (tools/make-page.py), and what the browser is
 * told to allow them.
 */
#ifndef NV_GATEWAY_ADMIN_PAGE_H
#define NV_GATEWAY_ADMIN_PAGE_H

#include "net/http/http_server.h"

struct nv_page_file {
    const char *path, *type; /* "/ui/app.js", "text/javascript; charset=utf-8" */
    const unsigned char *gzip;
    size_t len;
};

/* All files, index.html as "/". Static. */
extern const struct nv_page_file nv_page_files[];
extern const size_t nv_page_file_count;

/* Files that a page may have. */
#define NV_PAGE_FILES_MAX 40

/* Is `path` one of the page's own, which hold nothing of any trace? Also when there is no
 * page. */
bool nv_page_has(struct nv_str path);
/* Adds the headers of page and API to the reply of `exchange`: nothing from elsewhere, no
 * inline script, no other origin. */
void nv_page_guard(struct nv_http_exchange *exchange);
/* Fills in a route for each file; `routes` has room for NV_PAGE_FILES_MAX. Returns how many. */
size_t nv_page_routes(struct nv_http_route *routes);

#endif
