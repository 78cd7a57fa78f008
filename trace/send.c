/*
 * OTLP/HTTP by libcurl's multi interface, with one transfer.
 *
 *   post ▸ add ▸ { perform ▸ done? past the deadline? ▸ poll } ▸ remove ▸ answer
 *
 * The multi interface, because the easy one can't be stopped from another thread within less
 * than a second. Refused are redirects, other schemes than http and https, and signals. The
 * connection is kept between requests. Proxies of the environment are used, as every program
 * of the user's machine does.
 *
 * One thread uses it, the sending one; nv_trace_sender_wake alone is for others. What the
 * answer says is kept until the next request.
 */
#include "trace/send.h"

#include "base/clock.h"
#include "base/limits.h"
#include "trace/gzip.h"

#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>

#include "base/banned.h"

#define ANSWER_MAX NV_CAP_KIB(64)
#define POLL_MS 1000
#define RETRY_AFTER_MAX_S 3600

struct nv_trace_sender {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers, *packed_headers; /* the second: of a body that is compressed */
    struct nv_trace_gzip *gzip;                  /* NULL: bodies go as they are */
    struct nv_buf answer;
    char error[CURL_ERROR_SIZE];
};

/* Before the first thread of ours: libcurl's global start is not safe beside others on old
 * versions. */
bool nv_trace_sender_ready(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* Answers of OTLP are a few bytes; what is longer is some proxy's page. */
static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct nv_trace_sender *sender = ctx;
    size_t len = size * count;
    size_t room = ANSWER_MAX - sender->answer.len;
    (void)nv_buf_append(&sender->answer, bytes, len < room ? len : room);
    return len; /* what is past the cap is read and forgotten: the connection stays usable */
}

static bool add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);
    if (longer)
        *headers = longer;
    return longer != NULL;
}

static bool set_headers(struct curl_slist **headers, const struct nv_trace_config *config)
{
    bool all = add_header(headers, config->stages ? "Content-Type: application/json"
                                                  : "Content-Type: application/x-protobuf") &&
               /* an empty one switches "100-continue" off, which costs a round trip and
                * confuses small servers */
               add_header(headers, "Expect:");
    struct nv_str lines = nv_buf_str(&config->headers);
    for (size_t at = 0; all && at < lines.len; at += strlen(lines.ptr + at) + 1)
        all = add_header(headers, lines.ptr + at);
    return all;
}

static bool set_gzip(struct nv_trace_sender *sender, const struct nv_trace_config *config)
{
    if (!config->gzip)
        return true;
    sender->gzip = nv_trace_gzip_new();
    return sender->gzip && add_header(&sender->packed_headers, "Content-Encoding: gzip") &&
           set_headers(&sender->packed_headers, config);
}

static void set_tls(CURL *easy, const struct nv_trace_config *config)
{
    if (config->ca_file)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file);
    if (config->client_certificate)
        (void)curl_easy_setopt(easy, CURLOPT_SSLCERT, config->client_certificate);
    if (config->client_key)
        (void)curl_easy_setopt(easy, CURLOPT_SSLKEY, config->client_key);
    /* an encrypted key fails; without this OpenSSL asks the program's terminal, and waits */
    (void)curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
}

static bool set_options(struct nv_trace_sender *sender, const struct nv_trace_config *config)
{
    CURL *easy = sender->easy;
    bool set = curl_easy_setopt(easy, CURLOPT_URL, config->endpoint) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_USERAGENT,
                                "noveum-trace/" NOVEUM_TRACE_VERSION) == CURLE_OK;
    (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
    /* a library must not touch the program's signal handlers */
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)config->timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, sender);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, sender->error);
#if LIBCURL_VERSION_NUM >= 0x075500
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    /* a name that is being looked up does not hold up the end of the process */
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    set_tls(easy, config);
    return set;
}

struct nv_trace_sender *nv_trace_sender_new(const struct nv_trace_config *config)
{
    struct nv_trace_sender *sender = calloc(1, sizeof *sender);
    if (!sender)
        return NULL;
    nv_buf_init(&sender->answer, ANSWER_MAX);
    sender->multi = curl_multi_init();
    sender->easy = curl_easy_init();
    if (sender->multi && sender->easy && set_headers(&sender->headers, config) &&
        set_gzip(sender, config) && set_options(sender, config))
        return sender;
    nv_trace_sender_free(sender);
    return NULL;
}

void nv_trace_sender_free(struct nv_trace_sender *sender)
{
    if (!sender)
        return;
    curl_easy_cleanup(sender->easy);
    (void)curl_multi_cleanup(sender->multi);
    curl_slist_free_all(sender->headers);
    curl_slist_free_all(sender->packed_headers);
    nv_trace_gzip_free(sender->gzip);
    nv_buf_release(&sender->answer);
    free(sender);
}

void nv_trace_sender_wake(struct nv_trace_sender *sender)
{
    (void)curl_multi_wakeup(sender->multi);
}

/* Until the transfer has ended; false: the deadline came first, or libcurl failed. */
static bool run(CURLM *multi, const _Atomic uint64_t *deadline_ns)
{
    for (;;) {
        int running = 0;
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return false;
        if (running == 0)
            return true;
        uint64_t now = nv_clock_mono_ns(nv_clock_system());
        /* read anew each time: the end of the process may bring it forward, and wakes this
         * loop */
        uint64_t deadline = atomic_load(deadline_ns);
        if (now >= deadline)
            return false;
        uint64_t left_ms = (deadline - now) / NV_NS_PER_MS + 1;
        if (curl_multi_poll(multi, NULL, 0, left_ms < POLL_MS ? (int)left_ms : POLL_MS, NULL) !=
            CURLM_OK)
            return false;
    }
}

static CURLcode result_of(CURLM *multi)
{
    int left;
    CURLcode result = CURLE_ABORTED_BY_CALLBACK;
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
        if (message->msg == CURLMSG_DONE)
            result = message->data.result;
    }
    return result;
}

static void read_answer(struct nv_trace_sender *sender, struct nv_trace_answer *answer)
{
    long status = 0;
    curl_off_t after = 0;
    (void)curl_easy_getinfo(sender->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(sender->easy, CURLINFO_RETRY_AFTER, &after);
    answer->status = status > 0 ? (uint32_t)status : 0;
    if (after > 0)
        answer->retry_after_s = after < RETRY_AFTER_MAX_S ? (uint32_t)after : RETRY_AFTER_MAX_S;
    answer->body = nv_buf_str(&sender->answer);
}

void nv_trace_sender_post(struct nv_trace_sender *sender, struct nv_str body,
                          const _Atomic uint64_t *deadline_ns, struct nv_trace_answer *answer)
{
    *answer = (struct nv_trace_answer){.error = "libcurl refused the request"};
    struct nv_str packed = {NULL, 0};
    if (sender->gzip)
        packed = nv_trace_gzip_body(sender->gzip, body);
    if (packed.len > 0)
        body = packed;
    nv_buf_clear(&sender->answer);
    sender->error[0] = '\0';
    (void)curl_easy_setopt(sender->easy, CURLOPT_HTTPHEADER,
                           packed.len > 0 ? sender->packed_headers : sender->headers);
    (void)curl_easy_setopt(sender->easy, CURLOPT_POSTFIELDS, body.ptr);
    (void)curl_easy_setopt(sender->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    if (curl_multi_add_handle(sender->multi, sender->easy) != CURLM_OK)
        return;
    bool ended = run(sender->multi, deadline_ns);
    CURLcode result = ended ? result_of(sender->multi) : CURLE_OPERATION_TIMEDOUT;
    (void)curl_multi_remove_handle(sender->multi, sender->easy);
    if (result == CURLE_OK)
        read_answer(sender, answer);
    else
        answer->error = sender->error[0] != '\0' ? sender->error : curl_easy_strerror(result);
}
