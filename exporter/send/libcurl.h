/*
 * libcurl, loaded with the first request (base/late.h): with the libraries that it brings it is
 * most of what an idle gateway would hold in memory.
 *
 *   nv_libcurl_load ──▶ nv_libcurl, a table of the functions that are used
 *                       curl_easy_init() is (nv_libcurl.easy_init)()
 *
 * libcurl's own macros, which look at the types of options, are off with it: types are those
 * that curl_easy_setopt(3) asks for.
 */
#ifndef NV_EXPORTER_SEND_LIBCURL_H
#define NV_EXPORTER_SEND_LIBCURL_H

#include "base/late.h"

#include <curl/curl.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

/* X(name): curl_<name> */
#define NV_LIBCURL_TABLE(X)                                                                    \
    X(easy_cleanup)                                                                            \
    X(easy_getinfo)                                                                            \
    X(easy_init)                                                                               \
    X(easy_setopt)                                                                             \
    X(easy_strerror)                                                                           \
    X(getdate)                                                                                 \
    X(global_init)                                                                             \
    X(multi_add_handle)                                                                        \
    X(multi_assign)                                                                            \
    X(multi_cleanup)                                                                           \
    X(multi_info_read)                                                                         \
    X(multi_init)                                                                              \
    X(multi_perform)                                                                           \
    X(multi_remove_handle)                                                                     \
    X(multi_setopt)                                                                            \
    X(multi_socket_action)                                                                     \
    X(slist_append)                                                                            \
    X(slist_free_all)                                                                          \
    X(version_info)

struct nv_libcurl {
#define NV_LIBCURL_FIELD(name) __typeof__(&curl_##name) name;
    NV_LIBCURL_TABLE(NV_LIBCURL_FIELD)
#undef NV_LIBCURL_FIELD
};

/* Pointers, set since nv_libcurl_load was NV_OK. */
extern struct nv_libcurl nv_libcurl;

/* Loads and begins it, once. NV_ERR_CONFIG with `fail` (may be NULL): it is missing or refuses
 * to begin. Any thread. */
enum nv_err nv_libcurl_load(struct nv_fail *fail) NV_MUST_USE;
/* Is it there? As nv_late_find. */
enum nv_err nv_libcurl_find(struct nv_fail *fail) NV_MUST_USE;
/* "7.88.1", or "missing"; loads it. Static. */
const char *nv_libcurl_library(void);

/* clang-format off */
#define curl_easy_cleanup nv_libcurl.easy_cleanup
#define curl_easy_getinfo nv_libcurl.easy_getinfo
#define curl_easy_init nv_libcurl.easy_init
#define curl_easy_setopt nv_libcurl.easy_setopt
#define curl_easy_strerror nv_libcurl.easy_strerror
#define curl_getdate nv_libcurl.getdate
#define curl_global_init nv_libcurl.global_init
#define curl_multi_add_handle nv_libcurl.multi_add_handle
#define curl_multi_assign nv_libcurl.multi_assign
#define curl_multi_cleanup nv_libcurl.multi_cleanup
#define curl_multi_info_read nv_libcurl.multi_info_read
#define curl_multi_init nv_libcurl.multi_init
#define curl_multi_perform nv_libcurl.multi_perform
#define curl_multi_remove_handle nv_libcurl.multi_remove_handle
#define curl_multi_setopt nv_libcurl.multi_setopt
#define curl_multi_socket_action nv_libcurl.multi_socket_action
#define curl_slist_append nv_libcurl.slist_append
#define curl_slist_free_all nv_libcurl.slist_free_all
#define curl_version_info nv_libcurl.version_info
/* clang-format on */

#endif
