/*
 * Options of libcurl that all requests have in common, by the exporter's configuration.
 */
#ifndef NV_EXPORTER_SEND_CURL_OPTIONS_H
#define NV_EXPORTER_SEND_CURL_OPTIONS_H

#include "exporter/send/authorities.h"
#include "exporter/send/config.h"
#include "exporter/send/libcurl.h"

/* Returns libcurl's code from the function around it, unless it is none. */
#define TRY(call)                                                                              \
    do {                                                                                       \
        CURLcode code_ = (call);                                                               \
        if (code_ != CURLE_OK)                                                                 \
            return code_;                                                                      \
    } while (0)
#define SET_OPTION(easy, option, value) TRY(curl_easy_setopt((easy), (option), (value)))

/*
 * Sets on `easy` what `config` says of TLS, proxy, timeouts and certificates; texts are copied
 * by libcurl. `authorities` (NULL: none) is borrowed for the life of the handle. Code of the
 * first option that libcurl refuses. libcurl is loaded.
 */
CURLcode nv_curl_configure(CURL *easy, const struct nv_exporter_config *config,
                           const struct nv_authorities *authorities) NV_MUST_USE;

#endif
