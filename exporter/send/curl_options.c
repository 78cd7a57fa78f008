/*
 * Options that are set once and hold for every request of a handle. What is refused is refused
 * here: redirects, other schemes, HTTP/0.9, ambient proxies and .netrc.
 */
#include "exporter/send/curl_options.h"

#include "exporter/send/libcurl.h"

#include "base/banned.h"

/* Returns the code of what was called, unless it is none. */
#define TRY(call)                                                                              \
    do {                                                                                       \
        int code_ = (int)(call);                                                               \
        if (code_ != CURLE_OK)                                                                 \
            return code_;                                                                      \
    } while (0)
#define SET_OPTION(easy, option, value) TRY(curl_easy_setopt((easy), (option), (value)))

/* Numbers that no configuration changes. */
static const struct {
    unsigned option; /* CURLOPT_... */
    long value;
} alike[] = {
    /* Timeouts of the resolver by SIGALRM would hit a thread of libcurl's choice. */
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_TCP_KEEPALIVE, 1},
    /* Bytes that one call gives to the socket: 64 KiB unless told, and each call wakes who
     * reads. libcurl has such a buffer for each request on its way. */
    {CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10},
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

static int set_client_certificate(void *easy, const struct nv_exporter_config *config)
{
    if (!config->client_cert_file || config->client_cert_file[0] == '\0')
        return CURLE_OK;
    SET_OPTION(easy, CURLOPT_SSLCERT, config->client_cert_file);
    SET_OPTION(easy, CURLOPT_SSLKEY, config->client_key_file);
    /* "" keeps OpenSSL from asking the terminal when the file is encrypted later */
    SET_OPTION(easy, CURLOPT_KEYPASSWD,
               config->client_key_password ? config->client_key_password : "");
    return CURLE_OK;
}

static int set_security(void *easy, const struct nv_exporter_config *config)
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

static int set_behaviour(void *easy, const struct nv_exporter_config *config)
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
    SET_OPTION(easy, CURLOPT_ACCEPT_ENCODING, "identity");
    return CURLE_OK;
}

int nv_curl_configure(void *easy, const struct nv_exporter_config *config)
{
    TRY(set_behaviour(easy, config));
    TRY(set_security(easy, config));
    return CURLE_OK;
}
