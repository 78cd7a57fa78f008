/*
 * libcurl multi, driven by a loop: sockets and one alarm.
 *
 *   libcurl ──socket_callback──▶ a watch per socket ──ready──▶ curl_multi_socket_action
 *           ──timer_callback───▶ one alarm ───────────ring───▶ curl_multi_socket_action
 *   then: read finished transfers ▸ done(reply) each ▸ after()
 *
 * Every transfer gets one of a fixed set of easy handles, so the options are set once and
 * memory is bounded by the width. The key is only ever in the header list; libcurl's verbose
 * output stays off. What all handles have alike is set in send_easy.c.
 */
#include "exporter/send/send_curl.h"

#include "base/buf.h"
#include "base/limits.h"
#include "exporter/send/send_easy.h"
#include "exporter/send/uploading.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/banned.h"

#define RETRY_AFTER_MAX 128
#define LOCATION_MAX 256
#define DATE_MAX 64
/* Status lines and headers of a reply; a proxy's are some KB. Below libcurl's own 300 KB. */
#define REPLY_HEAD_MAX ((size_t)256 << 10)
struct slot {
    CURL *easy;
    struct nv_send_curl *owner;
    bool busy;
    nv_reply_done *done;
    void *done_ctx;
    struct curl_slist *form; /* headers of a multipart body in flight */
    struct nv_buf reply;
    bool oversize;     /* the body, behind a status that counts */
    size_t head_bytes; /* of the reply's status line and headers */
    char retry_after[RETRY_AFTER_MAX];
    char location[LOCATION_MAX];
    char date[DATE_MAX];
    char error[CURL_ERROR_SIZE];
};

/* A socket of libcurl's; hangs on the socket's private pointer. */
struct watch {
    struct nv_io io;
    struct nv_send_curl *curl;
};

struct nv_send_curl {
    struct nv_transport transport;
    CURLM *multi;
    struct nv_loop *loop;
    struct nv_alarm alarm;
    bool unwatched; /* a socket could not be watched: all transfers are to be looked at */
    struct nv_send_after after;
    struct curl_slist *plain, *gzip, *bare; /* headers of the three kinds of request */
    struct nv_endpoint endpoint;
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

/* ---- finished transfers ------------------------------------------------------------------ */

/* Is the reply's head too large? libcurl calls a line that outgrows its buffer (100 KB) "out of
 * memory"; when a reply has begun, that is what it means. */
static bool head_is_too_large(const struct slot *slot, CURLcode code)
{
    curl_off_t began_us = 0;

    if (slot->head_bytes > REPLY_HEAD_MAX)
        return true;
    if (code != CURLE_OUT_OF_MEMORY || slot->reply.len > 0)
        return false;
    (void)curl_easy_getinfo(slot->easy, CURLINFO_STARTTRANSFER_TIME_T, &began_us);
    return began_us > 0;
}

/* What we broke off ourselves libcurl reports as a failed write; only the slot knows why. */
static enum nv_transfer transfer_of(const struct slot *slot, CURLcode code)
{
    if (slot->oversize || head_is_too_large(slot, code))
        return NV_TRANSFER_OVERSIZE;
    return nv_easy_transfer(code);
}

/* The slot is free before `done` is told, which reads the reply's text and may send the next
 * request: that one's reply has not begun when this text is released. */
static void finish(struct slot *slot, enum nv_transfer transfer, CURLcode code)
{
    struct nv_reply reply = {.transfer = transfer};
    nv_reply_done *done = slot->done;
    long status = 0;

    assert(slot->busy);
    /* a head that was not read to its end is nobody's word */
    if (transfer == NV_TRANSFER_REPLY || slot->oversize)
        (void)curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    reply.status = status > 0 && status < 1000 ? (int)status : 0;
    reply.location = nv_str_from(slot->location);
    nv_easy_read(slot->easy, code, slot->date, &reply);
    reply.retry_after = nv_str_from(slot->retry_after);
    reply.body = nv_buf_str(&slot->reply);
    reply.detail = nv_str_from(transfer == NV_TRANSFER_REPLY ? "" : slot->error);
    (void)curl_multi_remove_handle(slot->owner->multi, slot->easy);
    drop_form_headers(slot);
    slot->busy = false;
    slot->done = NULL;
    done(slot->done_ctx, &reply);
    nv_buf_release(&slot->reply);
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

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct slot *slot = ctx;
    size_t len = size * count;

    if (nv_buf_append(&slot->reply, bytes, len) == NV_OK)
        return len;
    slot->oversize = slot->reply.failed == NV_ERR_LIMIT;
    /* Less than was given ends the transfer: nobody reads a reply without end. */
    return 0;
}

/* Keeps the value of the header `name` when `line` is one. */
static void keep_header(struct nv_str line, struct nv_str name, char *value, size_t size)
{
    if (line.len > name.len && nv_str_ieq(nv_str_slice(line, 0, name.len), name)) {
        (void)snprintf(value, size, "%.*s",
                       NV_STR_ARG(nv_str_trim(nv_str_slice(line, name.len, SIZE_MAX))));
    }
}

/* The head is counted over all replies of one request, for a server can send interim ones
 * without end. */
static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct slot *slot = ctx;
    struct nv_str line = {bytes, size * count};

    slot->head_bytes += line.len;
    if (slot->head_bytes > REPLY_HEAD_MAX)
        return 0;
    /* A status line starts a new reply: an interim one's headers do not count. */
    if (nv_str_starts(line, NV_STR("HTTP/")))
        slot->retry_after[0] = slot->location[0] = slot->date[0] = '\0';
    keep_header(line, NV_STR("retry-after:"), slot->retry_after, sizeof slot->retry_after);
    keep_header(line, NV_STR("location:"), slot->location, sizeof slot->location);
    keep_header(line, NV_STR("date:"), slot->date, sizeof slot->date);
    return line.len;
}

static struct slot *free_slot(struct nv_send_curl *curl)
{
    for (uint32_t i = 0; i < curl->slot_count; i++) {
        if (!curl->slots[i].busy)
            return &curl->slots[i];
    }
    return NULL;
}

static const char *url_of(const struct nv_endpoint *endpoint, enum nv_route route)
{
    switch (route) {
    case NV_ROUTE_IMAGE:
        return endpoint->image_url;
    case NV_ROUTE_AUDIO:
        return endpoint->audio_url;
    default:
        return endpoint->traces_url;
    }
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
    CURLcode code;

    if (request->route == NV_ROUTE_STATUS) {
        code = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_URL, curl->endpoint.status_url);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, curl->bare);
        return code;
    }
    code = curl_easy_setopt(easy, CURLOPT_POST, 1L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_URL, url_of(&curl->endpoint, request->route));
    if (code == CURLE_OK) {
        code =
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    }
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.ptr);
    if (code == CURLE_OK) {
        code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
                                slot->form      ? slot->form
                                : request->gzip ? curl->gzip
                                                : curl->plain);
    }
    return code;
}

static enum nv_err send_request(void *ctx, const struct nv_send_request *request,
                                nv_reply_done *done, void *done_ctx)
{
    struct nv_send_curl *curl = ctx;
    struct slot *slot = free_slot(curl);

    if (!slot)
        return NV_ERR_INTERNAL;
    nv_buf_clear(&slot->reply);
    slot->oversize = false;
    slot->head_bytes = 0;
    slot->retry_after[0] = slot->location[0] = slot->date[0] = slot->error[0] = '\0';
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

/* What is a slot's own. */
static CURLcode set_slot(struct slot *slot)
{
    CURL *easy = slot->easy;

    NV_EASY_SET(easy, CURLOPT_PRIVATE, (char *)slot);
    NV_EASY_SET(easy, CURLOPT_ERRORBUFFER, slot->error);
    NV_EASY_SET(easy, CURLOPT_WRITEFUNCTION, on_body);
    NV_EASY_SET(easy, CURLOPT_WRITEDATA, slot);
    NV_EASY_SET(easy, CURLOPT_HEADERFUNCTION, on_header);
    NV_EASY_SET(easy, CURLOPT_HEADERDATA, slot);
    return CURLE_OK;
}

/* Three lists for the life of the exporter, made once: for text, for gzip, and with the key
 * alone. "Expect:" takes libcurl's own header out, with which a large body would wait for a 100
 * that many servers never send. */
static bool make_headers(struct nv_send_curl *curl, const char *key)
{
    struct curl_slist **all[] = {&curl->plain, &curl->gzip, &curl->bare};
    struct nv_buf line;
    bool ok = true;

    nv_buf_init(&line, NV_CAP_KEY_HEADER);
    ok = nv_buf_printf(&line, "Authorization: Bearer %s", key) == NV_OK &&
         nv_buf_append_char(&line, '\0') == NV_OK;
    for (size_t i = 0; i < 3; i++)
        ok = ok && add_header(all[i], line.bytes);
    nv_buf_release(&line);
    for (size_t i = 0; i < 2; i++) {
        ok = ok && add_header(all[i], "Content-Type: application/json") &&
             add_header(all[i], "Expect:");
    }
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
        nv_buf_init(&slot->reply, NV_REPLY_BYTES_MAX);
        slot->easy = curl_easy_init();
        code = slot->easy == NULL ? CURLE_OUT_OF_MEMORY : set_slot(slot);
        if (code == CURLE_OK)
            code = nv_easy_configure(slot->easy, config, curl->authorities);
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
    return curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, socket_callback) ==
               CURLM_OK &&
           curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl) == CURLM_OK &&
           curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, timer_callback) == CURLM_OK &&
           curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl) == CURLM_OK &&
           curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS, (long)curl->slot_count) ==
               CURLM_OK;
}

static void global_init(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct nv_send_curl *nv_send_curl_new(struct nv_loop *loop,
                                      const struct nv_exporter_config *config,
                                      const struct nv_endpoint *endpoint,
                                      const struct nv_send_after *after, struct nv_fail *fail)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct nv_send_curl *curl = calloc(1, sizeof *curl);
    enum nv_err err = NV_OK;

    (void)pthread_once(&once, global_init);
    if (!curl) {
        (void)nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
        return NULL;
    }
    curl->transport = (struct nv_transport){curl, send_request, cancel_all};
    curl->loop = loop;
    curl->after = *after;
    curl->endpoint = *endpoint;
    curl->multi = curl_multi_init();
    err = nv_authorities_new(config->ca_files, config->ca_file_count, fail, &curl->authorities);
    if (err == NV_OK)
        err = make_slots(curl, config, fail);
    if (err == NV_OK && (nv_alarm_init(&curl->alarm, loop, on_alarm) != NV_OK || !curl->multi ||
                         !set_multi(curl) || !make_headers(curl, config->api_key)))
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
    for (uint32_t i = 0; i < curl->slot_count; i++) {
        assert(!curl->slots[i].busy);
        curl_easy_cleanup(curl->slots[i].easy);
        nv_buf_release(&curl->slots[i].reply);
    }
    free(curl->slots);
    /* Closes idle connections, whose watches go through socket_callback. */
    (void)curl_multi_cleanup(curl->multi);
    nv_authorities_free(curl->authorities);
    nv_alarm_release(&curl->alarm);
    curl_slist_free_all(curl->plain);
    curl_slist_free_all(curl->gzip);
    curl_slist_free_all(curl->bare);
    free(curl);
}
