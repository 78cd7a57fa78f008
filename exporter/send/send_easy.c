/*
 * What all handles have alike.
 *
 * Refused by option rather than by code: redirects, other schemes, HTTP/0.9, ambient proxies
 * and .netrc. A transfer's own errors are turned into enum nv_transfer by what they say about
 * the request, and into enum nv_cause for people.
 */
#include "exporter/send/send_easy.h"

#include "base/banned.h"

/* A connection that is never idle would stay with an address, and with an authority, for ever:
 * it is not used again past this, which costs one handshake a minute. */
#define CONNECTION_LIFE_S 60
/* As long as records that move with a failover live. */
#define DNS_LIFE_S 30

static CURLcode set_client_certificate(CURL *easy, const struct nv_exporter_config *config)
{
    if (!config->client_cert_file || config->client_cert_file[0] == '\0')
        return CURLE_OK;
    NV_EASY_SET(easy, CURLOPT_SSLCERT, config->client_cert_file);
    NV_EASY_SET(easy, CURLOPT_SSLKEY, config->client_key_file);
    /* "" keeps OpenSSL from asking the terminal when the file is encrypted later */
    NV_EASY_SET(easy, CURLOPT_KEYPASSWD,
                config->client_key_password ? config->client_key_password : "");
    return CURLE_OK;
}

static CURLcode add_authorities(CURL *easy, void *tls, void *authorities)
{
    (void)easy;
    return nv_authorities_add(authorities, tls) == NV_OK ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

static CURLcode set_authorities(CURL *easy, const struct nv_authorities *authorities)
{
    NV_EASY_SET(easy, CURLOPT_SSL_CTX_DATA, (void *)(uintptr_t)authorities);
    NV_EASY_SET(easy, CURLOPT_SSL_CTX_FUNCTION, add_authorities);
    return CURLE_OK;
}

static CURLcode set_security(CURL *easy, const struct nv_exporter_config *config)
{
    long verify = config->tls_verify ? 1 : 0;

    NV_EASY_SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    NV_EASY_SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    NV_EASY_SET(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    NV_EASY_SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    NV_EASY_SET(easy, CURLOPT_SSL_VERIFYPEER, verify);
    NV_EASY_SET(easy, CURLOPT_SSL_VERIFYHOST, verify * 2);
    if (config->ca_bundle_file && config->ca_bundle_file[0] != '\0') {
        NV_EASY_SET(easy, CURLOPT_CAINFO, config->ca_bundle_file);
        NV_EASY_SET(easy, CURLOPT_CAPATH, NULL);
    }
    /* An authority that was removed is trusted no longer, one that was added at once, without a
     * restart: neither its parsed bundle (libcurl keeps it a day) nor a session that was
     * verified by it outlives its connection. */
    NV_EASY_SET(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    NV_EASY_SET(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    return set_client_certificate(easy, config);
}

static CURLcode set_proxy(CURL *easy, const struct nv_exporter_config *config)
{
    /* Empty texts keep libcurl from reading http_proxy, no_proxy and the like. */
    NV_EASY_SET(easy, CURLOPT_PROXY, config->proxy != NULL ? config->proxy : "");
    NV_EASY_SET(easy, CURLOPT_NOPROXY, config->no_proxy != NULL ? config->no_proxy : "");
    NV_EASY_SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    /* a proxy that is spoken to by TLS shows the company's certificate, too */
    if (config->ca_bundle_file && config->ca_bundle_file[0] != '\0')
        NV_EASY_SET(easy, CURLOPT_PROXY_CAINFO, config->ca_bundle_file);
    return CURLE_OK;
}

static CURLcode set_behaviour(CURL *easy, const struct nv_exporter_config *config)
{
    long timeout = (long)config->timeout_ms, connect = (long)config->connect_timeout_ms;

    /* Timeouts of the resolver by SIGALRM would hit a thread of libcurl's choice. */
    NV_EASY_SET(easy, CURLOPT_NOSIGNAL, 1L);
    NV_EASY_SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    NV_EASY_SET(easy, CURLOPT_USERAGENT, "noveum-otel-gateway/" NOVEUM_VERSION);
    NV_EASY_SET(easy, CURLOPT_TIMEOUT_MS, timeout);
    NV_EASY_SET(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout < connect ? timeout : connect);
    NV_EASY_SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    NV_EASY_SET(easy, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_LIFE_S);
    NV_EASY_SET(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)DNS_LIFE_S);
    NV_EASY_SET(easy, CURLOPT_QUICK_EXIT, 1L);
    /* We ask for none; with the option set libcurl also undoes the encoding that a proxy puts
     * on a reply unasked. What it becomes is bounded in send_curl.c. */
    NV_EASY_SET(easy, CURLOPT_ACCEPT_ENCODING, "identity");
    return CURLE_OK;
}

CURLcode nv_easy_configure(CURL *easy, const struct nv_exporter_config *config,
                           const struct nv_authorities *authorities)
{
    CURLcode code = set_behaviour(easy, config);

    if (code == CURLE_OK)
        code = set_security(easy, config);
    if (code == CURLE_OK)
        code = set_proxy(easy, config);
    return code == CURLE_OK && authorities ? set_authorities(easy, authorities) : code;
}

/* ---- what a transfer says ---------------------------------------------------------------- */

enum nv_transfer nv_easy_transfer(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return NV_TRANSFER_REPLY;
    case CURLE_OPERATION_TIMEDOUT:
        return NV_TRANSFER_TIMEOUT;
    case CURLE_OUT_OF_MEMORY:
        return NV_TRANSFER_NO_MEMORY;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR: /* mostly a handshake cut off: may pass the next time */
        return NV_TRANSFER_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return NV_TRANSFER_TLS;
    default:
        return NV_TRANSFER_BROKEN;
    }
}

static enum nv_cause cause_of(CURLcode code, int proxy_status)
{
    if (proxy_status != 0 && (proxy_status < 200 || proxy_status > 299))
        return NV_CAUSE_PROXY;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return NV_CAUSE_RESOLVE;
    case CURLE_COULDNT_RESOLVE_PROXY:
        return NV_CAUSE_PROXY_NAME;
    case CURLE_PROXY:
        return NV_CAUSE_PROXY;
    case CURLE_COULDNT_CONNECT:
        return NV_CAUSE_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
        return NV_CAUSE_HANDSHAKE;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return NV_CAUSE_CERTIFICATE;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return NV_CAUSE_OWN_FILES;
    default:
        return NV_CAUSE_NONE;
    }
}

void nv_easy_read(CURL *easy, CURLcode code, const char *date, struct nv_reply *reply)
{
    long proxy_status = 0;
    time_t date_s = date[0] != '\0' ? curl_getdate(date, NULL) : 0;

    (void)curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    reply->proxy_status = proxy_status > 0 && proxy_status < 1000 ? (int)proxy_status : 0;
    reply->cause = cause_of(code, reply->proxy_status);
    if (reply->cause == NV_CAUSE_PROXY && code != CURLE_OK && code != CURLE_OPERATION_TIMEDOUT)
        reply->transfer = NV_TRANSFER_CONNECT; /* no tunnel: nothing was sent */
    reply->date_s = date_s > 0 ? (int64_t)date_s : 0;
}
