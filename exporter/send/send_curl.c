/*
 * libcurl multi, driven by a loop: sockets and one alarm. All that the gateway knows of libcurl
 * stands here, so that another library would be another file like this one.
 *
 *   libcurl ──socket_callback──▶ a watch per socket ──ready──▶ curl_multi_socket_action
 *           ──timer_callback───▶ one alarm ───────────ring───▶ curl_multi_socket_action
 *   then: read finished transfers ▸ done(reply) each ▸ after()
 *
 * Every transfer gets one of a fixed set of easy handles, so the options are set once and
 * memory is bounded by the width. The key is only ever in the header list; libcurl's verbose
 * output stays off. Refused by option rather than by code: redirects, other schemes, HTTP/0.9,
 * ambient proxies and .netrc. What is kept of a reply is reply_reading.c's.
 */
#include "exporter/send/send_curl.h"

#include "base/limits.h"
#include "base/log/log.h"
#include "exporter/answer/reply_reading.h"
#include "exporter/send/authorities.h"
#include "exporter/send/curl_options.h"
#include "exporter/send/libcurl.h"
#include "exporter/send/uploading.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define SET_OPTION(easy, option, value)                                                        \
    do {                                                                                       \
        CURLcode code_ = curl_easy_setopt((easy), (option), (value));                          \
        if (code_ != CURLE_OK)                                                                 \
            return code_;                                                                      \
    } while (0)

struct slot {
    CURL *easy;
    struct nv_send_curl *owner;
    bool busy;
    nv_reply_done *done;
    void *done_ctx;
    struct curl_slist *form; /* headers of a multipart body in flight */
    struct nv_reply_reading reading;
    char error[CURL_ERROR_SIZE];
};

/* A socket of libcurl's; hangs on the socket's private pointer. */
struct watch {
    struct nv_io io;
    struct nv_send_curl *curl;
};

struct nv_send_curl {
    struct nv_transport transport;
    CURLM *multi; /* NULL until the first request */
    struct nv_loop *loop;
    struct nv_alarm alarm;
    bool unwatched; /* a socket could not be watched: all transfers are to be looked at */
    struct nv_send_after after;
    struct curl_slist *plain, *gzip, *bare; /* headers of the three kinds of request */
    struct nv_endpoint endpoint;
    const struct nv_exporter_config *config;
    struct nv_authorities *authorities; /* NULL: none besides those of libcurl */
    struct slot *slots;
    uint32_t slot_count;
};

/* ---- headers ----------------------------------------------------------------------------- */

static bool add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static void drop_form_headers(struct slot *slot)
{
    curl_slist_free_all(slot->form);
    slot->form = NULL;
}

/* ---- what a transfer says ---------------------------------------------------------------- */

/* What a code says about the request, and to people. Any other: broken, and nothing closer. */
static const struct meaning {
    CURLcode code;
    enum nv_transfer transfer;
    enum nv_cause cause;
} meanings[] = {
    {CURLE_OK, NV_TRANSFER_REPLY, NV_CAUSE_NONE},
    {CURLE_OPERATION_TIMEDOUT, NV_TRANSFER_TIMEOUT, NV_CAUSE_NONE},
    {CURLE_OUT_OF_MEMORY, NV_TRANSFER_NO_MEMORY, NV_CAUSE_NONE},
    {CURLE_COULDNT_RESOLVE_HOST, NV_TRANSFER_CONNECT, NV_CAUSE_RESOLVE},
    {CURLE_COULDNT_RESOLVE_PROXY, NV_TRANSFER_CONNECT, NV_CAUSE_PROXY_NAME},
    {CURLE_COULDNT_CONNECT, NV_TRANSFER_CONNECT, NV_CAUSE_CONNECT},
    /* mostly a handshake cut off: may pass the next time */
    {CURLE_SSL_CONNECT_ERROR, NV_TRANSFER_CONNECT, NV_CAUSE_HANDSHAKE},
    {CURLE_PEER_FAILED_VERIFICATION, NV_TRANSFER_TLS, NV_CAUSE_CERTIFICATE},
    {CURLE_SSL_ISSUER_ERROR, NV_TRANSFER_TLS, NV_CAUSE_CERTIFICATE},
    {CURLE_SSL_INVALIDCERTSTATUS, NV_TRANSFER_TLS, NV_CAUSE_CERTIFICATE},
    {CURLE_SSL_CERTPROBLEM, NV_TRANSFER_TLS, NV_CAUSE_OWN_FILES},
    {CURLE_SSL_CACERT_BADFILE, NV_TRANSFER_TLS, NV_CAUSE_OWN_FILES},
    {CURLE_SSL_CIPHER, NV_TRANSFER_TLS, NV_CAUSE_NONE},
    {CURLE_PROXY, NV_TRANSFER_BROKEN, NV_CAUSE_PROXY},
};

enum nv_transfer nv_send_curl_meaning(int code, enum nv_cause *cause)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if ((int)meanings[i].code == code) {
            *cause = meanings[i].cause;
            return meanings[i].transfer;
        }
    }
    *cause = NV_CAUSE_NONE;
    return NV_TRANSFER_BROKEN;
}

/* Of a proxy that made no tunnel: nothing was sent, whatever the code calls it. */
static void read_proxy(CURL *easy, CURLcode code, struct nv_reply *reply)
{
    long status = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
    reply->proxy_status = status > 0 && status < 1000 ? (int)status : 0;
    (void)nv_send_curl_meaning((int)code, &reply->cause);
    if (reply->proxy_status != 0 && (reply->proxy_status < 200 || reply->proxy_status > 299))
        reply->cause = NV_CAUSE_PROXY;
    if (reply->cause == NV_CAUSE_PROXY && code != CURLE_OK && code != CURLE_OPERATION_TIMEDOUT)
        reply->transfer = NV_TRANSFER_CONNECT;
}

/* ---- finished transfers ------------------------------------------------------------------ */

/* Is the reply's head too large? libcurl calls a line that outgrows its buffer (100 KB) "out of
 * memory"; when a reply has begun, that is what it means. */
static bool head_is_too_large(const struct slot *slot, CURLcode code)
{
    curl_off_t began_us = 0;
    if (slot->reading.head_oversize)
        return true;
    if (code != CURLE_OUT_OF_MEMORY || slot->reading.body.len > 0)
        return false;
    (void)curl_easy_getinfo(slot->easy, CURLINFO_STARTTRANSFER_TIME_T, &began_us);
    return began_us > 0;
}

/* What we broke off ourselves libcurl reports as a failed write; only the slot knows why. */
static enum nv_transfer transfer_of(const struct slot *slot, CURLcode code)
{
    enum nv_cause cause;
    if (slot->reading.body_oversize || head_is_too_large(slot, code))
        return NV_TRANSFER_OVERSIZE;
    return nv_send_curl_meaning((int)code, &cause);
}

/* The slot is free before `done` is told, which reads the reply's text and may send the next
 * request: that one's reply has not begun when this text is released. */
static void finish(struct slot *slot, enum nv_transfer transfer, CURLcode code)
{
    struct nv_reply reply = {.transfer = transfer};
    nv_reply_done *done = slot->done;
    long status = 0;
    time_t date_s;
    assert(slot->busy);
    /* a head that was not read to its end is nobody's word */
    if (transfer == NV_TRANSFER_REPLY || slot->reading.body_oversize)
        (void)curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    reply.status = status > 0 && status < 1000 ? (int)status : 0;
    read_proxy(slot->easy, code, &reply);
    nv_reply_reading_tell(&slot->reading, &reply);
    date_s = curl_getdate(slot->reading.date, NULL);
    reply.date_s = date_s > 0 ? (int64_t)date_s : 0;
    reply.detail = nv_str_from(transfer == NV_TRANSFER_REPLY ? "" : slot->error);
    (void)curl_multi_remove_handle(slot->owner->multi, slot->easy);
    drop_form_headers(slot);
    slot->busy = false;
    slot->done = NULL;
    done(slot->done_ctx, &reply);
    nv_reply_reading_release(&slot->reading);
}

/* All that are done are told first, and then `after` once: what it sends next is chosen with
 * all answers known. */
static void read_finished(struct nv_send_curl *curl)
{
    CURLMsg *message;
    int left = 0;
    while ((message = curl_multi_info_read(curl->multi, &left)) != NULL) {
        CURLcode code = message->data.result;
        char *slot = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
        finish((struct slot *)(void *)slot, transfer_of((struct slot *)(void *)slot, code),
               code);
    }
    curl->after.call(curl->after.ctx);
}

/* ---- the loop ---------------------------------------------------------------------------- */

static void on_socket(struct nv_io *io, unsigned what)
{
    /* libcurl may have the watch freed */
    struct nv_send_curl *curl = NV_CONTAINER(io, struct watch, io)->curl;
    int flags = ((what & NV_IO_READ) ? CURL_CSELECT_IN : 0) |
                ((what & NV_IO_WRITE) ? CURL_CSELECT_OUT : 0);
    int running = 0;

    (void)curl_multi_socket_action(curl->multi, io->fd, flags, &running);
    read_finished(curl);
}

static void on_alarm(struct nv_alarm *alarm)
{
    struct nv_send_curl *curl = NV_CONTAINER(alarm, struct nv_send_curl, alarm);
    bool all = curl->unwatched;
    int running = 0;
    curl->unwatched = false; /* before: it may be set again */
    if (all)
        (void)curl_multi_perform(curl->multi, &running);
    else
        (void)curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    read_finished(curl);
}

static struct watch *watch_new(struct nv_send_curl *curl, curl_socket_t fd)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch || nv_io_init(&watch->io, curl->loop, fd, on_socket) != NV_OK) {
        free(watch);
        return NULL;
    }
    watch->curl = curl;
    return watch;
}

static void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    nv_io_release(&watch->io);
    free(watch);
}

/* libcurl: a socket is of interest, or no longer. Always a new watch: whether the number still
 * is the same socket, libcurl does not say. */
static int socket_callback(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct nv_send_curl *curl = ctx;
    struct watch *watch = NULL;
    unsigned wanted =
        ((what & CURL_POLL_IN) ? NV_IO_READ : 0u) | ((what & CURL_POLL_OUT) ? NV_IO_WRITE : 0u);
    (void)easy;
    watch_free(socket_ctx);
    if (what == CURL_POLL_REMOVE) {
        (void)curl_multi_assign(curl->multi, fd, NULL);
        return 0;
    }
    watch = watch_new(curl, fd);
    (void)curl_multi_assign(curl->multi, fd, watch);
    if (watch && nv_io_want(&watch->io, wanted) == NV_OK)
        return 0;
    /* After -1 libcurl fails every transfer, but only when it looks at them, and neither this
     * socket nor a time of its own makes it look. */
    curl->unwatched = true;
    nv_alarm_set(&curl->alarm, 0);
    return -1;
}

/* -1 asks for no alarm. A socket that could not be watched keeps its own, which is due at
 * once. */
static int timer_callback(CURLM *multi, long timeout_ms, void *ctx)
{
    struct nv_send_curl *curl = ctx;
    uint64_t wait_ns = timeout_ms < 0 ? UINT64_MAX : (uint64_t)timeout_ms * NV_NS_PER_MS;
    (void)multi;
    nv_alarm_set(&curl->alarm, curl->unwatched ? 0 : wait_ns);
    return 0;
}

/* ---- one transfer ------------------------------------------------------------------------ */

/* Less than was given ends the transfer. */
static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct slot *slot = ctx;
    struct nv_str piece = {bytes, size * count};
    return nv_reply_reading_body(&slot->reading, piece) ? piece.len : 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct slot *slot = ctx;
    struct nv_str line = {bytes, size * count};
    return nv_reply_reading_line(&slot->reading, line) ? line.len : 0;
}

static struct slot *free_slot(struct nv_send_curl *curl)
{
    for (uint32_t i = 0; i < curl->slot_count; i++) {
        if (!curl->slots[i].busy)
            return &curl->slots[i];
    }
    return NULL;
}

/* Headers of a multipart body, which has a boundary of its own. */
static bool make_form_headers(struct slot *slot, const char *boundary)
{
    char type[128];
    (void)snprintf(type, sizeof type, "Content-Type: multipart/form-data; boundary=%s",
                   boundary);
    return add_header(&slot->form, slot->owner->bare->data) && add_header(&slot->form, type) &&
           add_header(&slot->form, "Expect:");
}

static CURLcode set_request(struct slot *slot, const struct nv_send_request *request)
{
    struct nv_send_curl *curl = slot->owner;
    CURL *easy = slot->easy;
    bool probe = request->route == NV_ROUTE_STATUS;
    struct curl_slist *posted = request->gzip ? curl->gzip : curl->plain;
    SET_OPTION(easy, CURLOPT_URL, nv_endpoint_url(&curl->endpoint, request->route));
    SET_OPTION(easy, CURLOPT_HTTPHEADER, probe ? curl->bare : slot->form ? slot->form : posted);
    if (probe)
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    SET_OPTION(easy, CURLOPT_POST, 1L);
    SET_OPTION(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    return curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.ptr);
}

static enum nv_err begin(struct nv_send_curl *curl);

static enum nv_err send_request(void *ctx, const struct nv_send_request *request,
                                nv_reply_done *done, void *done_ctx)
{
    struct nv_send_curl *curl = ctx;
    enum nv_err err = curl->multi ? NV_OK : begin(curl);
    if (err != NV_OK)
        return err;
    struct slot *slot = free_slot(curl);
    if (!slot)
        return NV_ERR_INTERNAL;
    nv_reply_reading_begin(&slot->reading);
    slot->error[0] = '\0';
    if ((request->boundary && !make_form_headers(slot, request->boundary)) ||
        set_request(slot, request) != CURLE_OK ||
        curl_multi_add_handle(curl->multi, slot->easy) != CURLM_OK) {
        drop_form_headers(slot);
        return NV_ERR_NO_MEMORY;
    }
    slot->busy = true;
    slot->done = done;
    slot->done_ctx = done_ctx;
    return NV_OK;
}

/* Each is told as cancelled in this call; none may answer after it. */
static void cancel_all(void *ctx)
{
    struct nv_send_curl *curl = ctx;
    for (uint32_t i = 0; i < curl->slot_count; i++) {
        if (curl->slots[i].busy)
            finish(&curl->slots[i], NV_TRANSFER_CANCELLED, CURLE_OK);
    }
}

/* ---- making ------------------------------------------------------------------------------ */

static CURLcode add_authorities(CURL *easy, void *tls, void *authorities)
{
    (void)easy;
    return nv_authorities_add(authorities, tls) == NV_OK ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

/* What is a slot's own. The authorities are asked for at each connection (nv_authorities_add),
 * and outlive the handles. */
static CURLcode set_slot(struct slot *slot)
{
    CURL *easy = slot->easy;
    if (slot->owner->authorities) {
        SET_OPTION(easy, CURLOPT_SSL_CTX_DATA, slot->owner->authorities);
        SET_OPTION(easy, CURLOPT_SSL_CTX_FUNCTION, add_authorities);
    }
    SET_OPTION(easy, CURLOPT_PRIVATE, (char *)slot);
    SET_OPTION(easy, CURLOPT_ERRORBUFFER, slot->error);
    SET_OPTION(easy, CURLOPT_WRITEFUNCTION, on_body);
    SET_OPTION(easy, CURLOPT_WRITEDATA, slot);
    SET_OPTION(easy, CURLOPT_HEADERFUNCTION, on_header);
    return curl_easy_setopt(easy, CURLOPT_HEADERDATA, slot);
}

static bool add_named(struct curl_slist **list, const char *begin, const char *value)
{
    struct nv_buf line;
    nv_buf_init(&line, NV_CAP_KEY_HEADER);
    bool ok = nv_buf_printf(&line, "%s%s", begin, value) == NV_OK &&
              nv_buf_append_char(&line, '\0') == NV_OK && add_header(list, line.bytes);
    nv_buf_release(&line);
    return ok;
}

/* Three lists for the life of the exporter, made once: for text, for gzip, and with the key
 * alone. "Expect:" takes libcurl's own header out, with which a large body would wait for a 100
 * that many servers never send. */
static bool make_headers(struct nv_send_curl *curl, const struct nv_exporter_config *config)
{
    struct curl_slist **all[] = {&curl->plain, &curl->gzip, &curl->bare};
    const char *type = config->content_type ? config->content_type : "application/json";
    bool ok = true;
    for (size_t i = 0; i < 3 && ok && config->api_key; i++)
        ok = add_named(all[i], "Authorization: Bearer ", config->api_key);
    for (size_t i = 0; i < 3 * config->header_count && ok; i++)
        ok = add_header(all[i % 3], config->headers[i / 3]);
    for (size_t i = 0; i < 2 && ok; i++)
        ok = add_named(all[i], "Content-Type: ", type) && add_header(all[i], "Expect:");
    return ok && add_header(&curl->gzip, "Content-Encoding: gzip");
}

static enum nv_err make_slots(struct nv_send_curl *curl,
                              const struct nv_exporter_config *config, struct nv_fail *fail)
{
    CURLcode code = CURLE_OK;
    /* More than the width: for the probe, and for uploads. */
    curl->slot_count = config->max_in_flight + 1 + NV_UPLOAD_FLIGHTS;
    curl->slots = calloc(curl->slot_count, sizeof *curl->slots);
    if (!curl->slots) {
        curl->slot_count = 0;
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    }
    for (uint32_t i = 0; i < curl->slot_count && code == CURLE_OK; i++) {
        struct slot *slot = &curl->slots[i];

        slot->owner = curl;
        nv_reply_reading_init(&slot->reading);
        slot->easy = curl_easy_init();
        code = slot->easy == NULL ? CURLE_OUT_OF_MEMORY : set_slot(slot);
        if (code == CURLE_OK)
            code = (CURLcode)nv_curl_configure(slot->easy, config);
    }
    if (code == CURLE_OUT_OF_MEMORY)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    if (code != CURLE_OK) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "libcurl refuses the exporter's options: %s",
                           curl_easy_strerror(code));
    }
    return NV_OK;
}

static bool set_multi(struct nv_send_curl *curl)
{
    CURLM *multi = curl->multi;
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_callback) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, curl) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_callback) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, curl) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)curl->slot_count) == CURLM_OK;
}

/* All that is libcurl's; the next request begins anew. Idle connections are closed, whose
 * watches go through socket_callback. */
static void drop(struct nv_send_curl *curl)
{
    if (!curl->multi)
        return;
    for (uint32_t i = 0; i < curl->slot_count; i++) {
        assert(!curl->slots[i].busy);
        curl_easy_cleanup(curl->slots[i].easy);
        nv_reply_reading_release(&curl->slots[i].reading);
    }
    free(curl->slots);
    (void)curl_multi_cleanup(curl->multi);
    curl_slist_free_all(curl->plain);
    curl_slist_free_all(curl->gzip);
    curl_slist_free_all(curl->bare);
    curl->slots = NULL;
    curl->slot_count = 0;
    curl->multi = NULL;
    curl->plain = curl->gzip = curl->bare = NULL;
}

/* With the first request: a gateway that has sent nothing holds no libcurl. */
static enum nv_err begin(struct nv_send_curl *curl)
{
    struct nv_fail fail = {.code = NV_OK};
    enum nv_err err = nv_libcurl_load(&fail);
    if (err == NV_OK && !(curl->multi = curl_multi_init()))
        err = nv_fail_set(&fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    if (err == NV_OK)
        err = make_slots(curl, curl->config, &fail);
    if (err == NV_OK && (!set_multi(curl) || !make_headers(curl, curl->config)))
        err = nv_fail_set(&fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    if (err != NV_OK) {
        NV_LOG(NV_LOG_ERROR, "exporter", "nothing can be sent: %s", fail.what);
        drop(curl);
    }
    return err;
}

struct nv_send_curl *nv_send_curl_new(struct nv_loop *loop,
                                      const struct nv_exporter_config *config,
                                      const struct nv_endpoint *endpoint,
                                      const struct nv_send_after *after, struct nv_fail *fail)
{
    struct nv_send_curl *curl = calloc(1, sizeof *curl);
    if (!curl) {
        (void)nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
        return NULL;
    }
    curl->transport = (struct nv_transport){curl, send_request, cancel_all};
    curl->loop = loop;
    curl->after = *after;
    curl->endpoint = *endpoint;
    curl->config = config;
    enum nv_err err = nv_libcurl_find(fail);
    if (err == NV_OK) {
        err = nv_authorities_new(config->ca_files, config->ca_file_count, fail,
                                 &curl->authorities);
    }
    if (err == NV_OK && nv_alarm_init(&curl->alarm, loop, on_alarm) != NV_OK)
        err = nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    if (err != NV_OK) {
        nv_send_curl_free(curl);
        return NULL;
    }
    return curl;
}

const struct nv_transport *nv_send_curl_transport(const struct nv_send_curl *curl)
{
    return &curl->transport;
}

void nv_send_curl_free(struct nv_send_curl *curl)
{
    if (!curl)
        return;
    drop(curl);
    nv_authorities_free(curl->authorities);
    nv_alarm_release(&curl->alarm);
    free(curl);
}
