/*
 * Options of libcurl that all requests have in common, by the exporter's configuration.
 *
 * libcurl's types are those of who sends (send_curl.c): a handle is a pointer here, and a code
 * a number, as libcurl itself defines them.
 */
#ifndef NV_EXPORTER_SEND_CURL_OPTIONS_H
#define NV_EXPORTER_SEND_CURL_OPTIONS_H

#include "exporter/send/config.h"

/*
 * Sets on `easy`, a handle of libcurl's (borrowed), what `config` says of TLS, proxy, timeouts
 * and certificates; texts are copied by libcurl. Errors are libcurl's, as the number that
 * curl_easy_strerror takes: that of the first option that it refuses; 0: none was. libcurl is
 * loaded (libcurl.h).
 */
int nv_curl_configure(void *easy, const struct nv_exporter_config *config) NV_MUST_USE;

#endif
