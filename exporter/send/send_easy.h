/*
 * One easy handle of libcurl: the options that all have alike, and what a finished transfer
 * says. For send_curl.c, which drives the handles; the only header with libcurl's types.
 */
#ifndef NV_EXPORTER_SEND_SEND_EASY_H
#define NV_EXPORTER_SEND_SEND_EASY_H

#include "exporter/answer/transport.h"
#include "exporter/send/authorities.h"
#include "exporter/send/config.h"

#include <curl/curl.h>

/* Sets an option, or returns libcurl's code from the function around it. */
#define NV_EASY_SET(easy, option, value)                                                       \
    do {                                                                                       \
        CURLcode code_ = curl_easy_setopt((easy), (option), (value));                          \
        if (code_ != CURLE_OK)                                                                 \
            return code_;                                                                      \
    } while (0)

/*
 * Sets what every transfer has alike: schemes, TLS, proxy, timeouts. Texts of `config`
 * (borrowed) are copied; `authorities` (borrowed as long as the handle lives) may be NULL.
 * libcurl's code.
 */
CURLcode nv_easy_configure(CURL *easy, const struct nv_exporter_config *config,
                           const struct nv_authorities *authorities);
/* What a transfer's code says about its request: surely not sent, or unknown. */
enum nv_transfer nv_easy_transfer(CURLcode code);
/* Fills in transfer where a proxy refused, cause, proxy_status and, of the header's text `date`
 * (borrowed, "" for none), date_s. */
void nv_easy_read(CURL *easy, CURLcode code, const char *date, struct nv_reply *reply);

#endif
