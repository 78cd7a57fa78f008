/*
 * Options that are set once and hold for every request of a handle. What is refused is refused
 * here: redirects, other schemes, HTTP/0.9, ambient proxies and .netrc.
 */
#include "exporter/send/curl_options.h"

#include "base/banned.h"

/* Numbers that no configuration changes. */
static const struct {
    CURLoption option;
    long value;
} alike[] = {
    /* Timeouts of the resolver by SIGALRM would hit a thread of libcurl's choice. */
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_TCP_KEEPALIVE, 1},
    {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
    {CURLOPT_QUICK_EXIT, 1},
    /* A connection that is never idle would stay with an address, and with an authority, for
     * ever: it is not used again past this (seconds), which costs one handshake a minute. */
    {CURLOPT_MAXLIFETIME_CONN, 60},
    /* seconds; as long as records that move with a failover live */
    {CURLOPT_DNS_CACHE_TIMEOUT, 30},
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    /* An authority that was removed is trusted no longer, one that was added at once, without a
     * restart: neither its parsed bundle (libcurl keeps it a day) nor a session that was
     * verified by it outlives its connection. */
    {CURLOPT_CA_CACHE_TIMEOUT, 0},
    {CURLOPT_SSL_SESSIONID_CACHE, 0},
};

static CURLcode set_client_certificate(CURL *easy, const struct nv_exporter_config *config)
{
    if (!config->client_cert_file || config->client_cert_file[0] == '\0')
        return CURLE_OK;
    SET_OPTION(easy, CURLOPT_SSLCERT, config->client_cert_file);
    SET_OPTION(easy, CURLOPT_SSLKEY, config->client_key_file);
    /* "" keeps OpenSSL from asking the terminal when the file is encrypted later */
    return curl_easy_setopt(easy, CURLOPT_KEYPASSWD,
                            config->client_key_password ? config->client_key_password : "");
}

static CURLcode add_authorities(CURL *easy, void *tls, void *authorities)
{
    (void)easy;
    return nv_authorities_add(authorities, tls) == NV_OK ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

static CURLcode set_security(CURL *easy, const struct nv_exporter_config *config)
{
    long verify = config->tls_verify ? 1 : 0;
    SET_OPTION(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET_OPTION(easy, CURLOPT_SSL_VERIFYPEER, verify);
    SET_OPTION(easy, CURLOPT_SSL_VERIFYHOST, verify * 2);
    if (config->ca_bundle_file && config->ca_bundle_file[0] != '\0') {
        SET_OPTION(easy, CURLOPT_CAINFO, config->ca_bundle_file);
        SET_OPTION(easy, CURLOPT_CAPATH, NULL);
        /* a proxy that is spoken to by TLS shows the company's certificate, too */
        SET_OPTION(easy, CURLOPT_PROXY_CAINFO, config->ca_bundle_file);
    }
    return set_client_certificate(easy, config);
}

static CURLcode set_behaviour(CURL *easy, const struct nv_exporter_config *config)
{
    long timeout = (long)config->timeout_ms, connect = (long)config->connect_timeout_ms;
    for (size_t i = 0; i < sizeof alike / sizeof alike[0]; i++)
        SET_OPTION(easy, alike[i].option, alike[i].value);
    SET_OPTION(easy, CURLOPT_USERAGENT, "noveum-otel-gateway/" NOVEUM_VERSION);
    SET_OPTION(easy, CURLOPT_TIMEOUT_MS, timeout);
    SET_OPTION(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout < connect ? timeout : connect);
    /* Empty texts keep libcurl from reading http_proxy, no_proxy and the like. */
    SET_OPTION(easy, CURLOPT_PROXY, config->proxy ? config->proxy : "");
    SET_OPTION(easy, CURLOPT_NOPROXY, config->no_proxy ? config->no_proxy : "");
    /* We ask for none; with the option set libcurl also undoes the encoding that a proxy puts
     * on a reply unasked. What it becomes is bounded in reply_reading.c. */
    return curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "identity");
}

CURLcode nv_curl_configure(CURL *easy, const struct nv_exporter_config *config,
                           const struct nv_authorities *authorities)
{
    TRY(set_behaviour(easy, config));
    TRY(set_security(easy, config));
    if (!authorities)
        return CURLE_OK;
    SET_OPTION(easy, CURLOPT_SSL_CTX_DATA, (void *)(uintptr_t)authorities);
    return curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, add_authorities);
}
