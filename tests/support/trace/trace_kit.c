/*
 * The kit of libnoveum-trace's tests.
 *
 * The receiver is as small as can be: a thread a connection, bodies with a length, answers from
 * a list. It believes nothing that the library says: bodies are decoded by protobuf-c.
 */
#include "trace_kit.h"

#include "oom.h"
#include "otlp_oracle.h"

#include "trace/encode.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"

#define HEAD_MAX 8192

void kit_trace_on(const noveum_options *options)
{
    noveum_options all = options ? *options : noveum_default_options();
    if (!all.endpoint)
        all.endpoint = "http://127.0.0.1:9";
    ck_assert_int_eq(noveum_start(&all), NOVEUM_OK);
}

/* ---- OTLP as JSON ------------------------------------------------------------------------ */

static json_t *decode(struct nv_str body)
{
    struct nv_buf text;
    json_error_t error;
    ProtobufCMessage *message = nv_test_unpack(NV_SIGNAL_TRACES, body);
    ck_assert_msg(message != NULL, "protobuf-c refuses the request");
    nv_buf_init(&text, SIZE_MAX / 2);
    nv_test_to_json(message, &text);
    protobuf_c_message_free_unpacked(message, NULL);
    json_t *json = json_loadb(text.bytes, text.len, 0, &error);
    ck_assert_msg(json != NULL, "%s", error.text);
    nv_buf_release(&text);
    return json;
}

static json_t *spans_of(const json_t *request)
{
    json_t *group = json_array_get(json_object_get(request, "resourceSpans"), 0);
    json_t *scope = json_array_get(json_object_get(group, "scopeSpans"), 0);
    return json_object_get(scope, "spans");
}

json_t *kit_trace_span(noveum_span handle)
{
    struct nv_trace_request request;
    nv_trace_request_init(&request);
    struct nv_trace_span *span = nv_trace_span_lock(handle);
    if (!span)
        return NULL;
    ck_assert_int_eq(nv_trace_request_begin(&request, nv_trace_on()), NV_OK);
    ck_assert_int_eq(nv_trace_request_add(&request, span), NV_OK);
    ck_assert_int_eq(nv_trace_request_end(&request), NV_OK);
    nv_trace_span_unlock(span);
    json_t *json = decode(nv_buf_str(&request.body));
    json_t *found = json_incref(json_array_get(spans_of(json), 0));
    json_decref(json);
    nv_trace_request_release(&request);
    return found;
}

static json_t *value_of(json_t *any)
{
    json_t *value = json_object_iter_value(json_object_iter(any));
    json_t *list = json_object_get(value, "values");
    return list ? list : value;
}

json_t *kit_attribute(const json_t *span, const char *key)
{
    size_t i;
    json_t *attribute;
    json_array_foreach(json_object_get(span, "attributes"), i, attribute)
    {
        if (strcmp(json_string_value(json_object_get(attribute, "key")), key) == 0)
            return value_of(json_object_get(attribute, "value"));
    }
    return NULL;
}

const char *kit_text(const json_t *span, const char *key)
{
    const char *text = json_string_value(kit_attribute(span, key));
    return text ? text : "";
}

double kit_number(const json_t *span, const char *key)
{
    json_t *value = kit_attribute(span, key);
    return json_is_number(value) ? json_number_value(value) : -1;
}

json_t *kit_json(const json_t *span, const char *key)
{
    json_error_t error;
    const char *text = kit_text(span, key);
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
    ck_assert_msg(json != NULL, "%s is no JSON: %s: %s", key, error.text, text);
    return json;
}

/* ---- the receiver ------------------------------------------------------------------------ */

struct connection {
    struct kit_receiver *receiver;
    int fd;
};

static bool read_exactly(int fd, char *to, size_t len)
{
    while (len > 0) {
        ssize_t got = read(fd, to, len);
        if (got <= 0)
            return false;
        to += got;
        len -= (size_t)got;
    }
    return true;
}

static bool read_head(int fd, char head[HEAD_MAX])
{
    size_t len = 0;
    while (len < HEAD_MAX - 1 && read_exactly(fd, head + len, 1)) {
        len++;
        head[len] = '\0';
        if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

static size_t content_length(const char *head)
{
    const char *found = strcasestr(head, "content-length:");
    return found ? strtoul(found + 15, NULL, 10) : 0;
}

static struct kit_answer keep(struct kit_receiver *receiver, const char *head, char *body,
                              size_t len)
{
    struct kit_answer answer = {.status = 200};
    pthread_mutex_lock(&receiver->lock);
    if (receiver->next_answer < receiver->answer_count)
        answer = receiver->answers[receiver->next_answer++];
    bool kept = answer.status == 200 && receiver->taken < KIT_BODIES_MAX;
    if (kept) {
        receiver->heads[receiver->taken] = strdup(head);
        receiver->lengths[receiver->taken] = len;
        receiver->bodies[receiver->taken++] = body;
    } else {
        free(body);
    }
    receiver->count++;
    pthread_cond_broadcast(&receiver->changed);
    pthread_mutex_unlock(&receiver->lock);
    return answer;
}

static bool answer_one(struct connection *connection, char head[HEAD_MAX])
{
    char reply[512];
    size_t len = content_length(head);
    char *body = malloc(len + 1);
    if (!body || !read_exactly(connection->fd, body, len)) {
        free(body);
        return false;
    }
    struct kit_answer answer = keep(connection->receiver, head, body, len);
    if (answer.status == 1)
        (void)read_exactly(connection->fd, reply, sizeof reply); /* until it goes away */
    if (answer.status <= 1)
        return false;
    int n = snprintf(reply, sizeof reply, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s%s\r\n",
                     answer.status, answer.body_len, answer.header ? answer.header : "",
                     answer.header ? "\r\n" : "");
    bool written = write(connection->fd, reply, (size_t)n) == n;
    return written &&
           (answer.body_len == 0 ||
            write(connection->fd, answer.body, answer.body_len) == (ssize_t)answer.body_len);
}

static void *serve(void *ctx)
{
    struct connection *connection = ctx;
    char head[HEAD_MAX];
    while (read_head(connection->fd, head) && answer_one(connection, head)) {
    }
    close(connection->fd);
    free(connection);
    return NULL;
}

static void *listen_on(void *ctx)
{
    struct kit_receiver *receiver = ctx;
    for (;;) {
        int fd = accept(receiver->listener, NULL, NULL);
        pthread_t thread;
        struct connection *connection = malloc(sizeof *connection);
        if (!connection) /* a test that refuses memory once means the library's */
            connection = malloc(sizeof *connection);
        if (fd < 0 || receiver->stopping || !connection) {
            close(fd);
            free(connection);
            return NULL;
        }
        *connection = (struct connection){receiver, fd};
        if (pthread_create(&thread, NULL, serve, connection) == 0) /* check allocates */
            pthread_detach(thread);
    }
}

void kit_receiver_start(struct kit_receiver *receiver)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *receiver = (struct kit_receiver){.listener = socket(AF_INET, SOCK_STREAM, 0)};
    pthread_mutex_init(&receiver->lock, NULL);
    pthread_cond_init(&receiver->changed, NULL);
    ck_assert_int_eq(bind(receiver->listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(receiver->listener, 64), 0);
    ck_assert_int_eq(getsockname(receiver->listener, (struct sockaddr *)&address, &size), 0);
    receiver->port = ntohs(address.sin_port);
    snprintf(receiver->url, sizeof receiver->url, "http://127.0.0.1:%d", receiver->port);
    ck_assert_int_eq(pthread_create(&receiver->thread, NULL, listen_on, receiver), 0);
}

void kit_receiver_plan(struct kit_receiver *receiver, struct kit_answer answer)
{
    pthread_mutex_lock(&receiver->lock);
    ck_assert_int_lt(receiver->answer_count, KIT_ANSWERS_MAX);
    receiver->answers[receiver->answer_count++] = answer;
    pthread_mutex_unlock(&receiver->lock);
}

bool kit_receiver_wait(struct kit_receiver *receiver, int count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&receiver->lock);
    int failed = 0;
    while (receiver->count < count && failed == 0)
        failed = pthread_cond_timedwait(&receiver->changed, &receiver->lock, &until);
    bool there = receiver->count >= count;
    pthread_mutex_unlock(&receiver->lock);
    return there;
}

void kit_receiver_stop(struct kit_receiver *receiver)
{
    receiver->stopping = true;
    shutdown(receiver->listener, SHUT_RDWR);
    pthread_join(receiver->thread, NULL);
    close(receiver->listener);
    pthread_mutex_lock(&receiver->lock);
    for (int i = 0; i < receiver->taken; i++) {
        free(receiver->bodies[i]);
        free(receiver->heads[i]);
    }
    receiver->taken = 0;
    pthread_mutex_unlock(&receiver->lock);
}

json_t *kit_receiver_spans(struct kit_receiver *receiver)
{
    json_t *all = json_array();
    pthread_mutex_lock(&receiver->lock);
    for (int i = 0; i < receiver->taken; i++) {
        json_t *request = decode((struct nv_str){receiver->bodies[i], receiver->lengths[i]});
        json_array_extend(all, spans_of(request));
        json_decref(request);
    }
    pthread_mutex_unlock(&receiver->lock);
    return all;
}

json_t *kit_named(const json_t *spans, const char *name)
{
    size_t i;
    json_t *span;
    json_array_foreach(spans, i, span)
    {
        if (strcmp(json_string_value(json_object_get(span, "name")), name) == 0)
            return span;
    }
    return NULL;
}

noveum_options kit_options(const struct kit_receiver *receiver)
{
    noveum_options options = noveum_default_options();
    options.endpoint = receiver->url;
    options.delay_ms = 10;
    return options;
}

noveum_counters kit_counters(void)
{
    noveum_counters counters;
    counters.size = sizeof counters;
    noveum_get_counters(&counters);
    return counters;
}

noveum_counters kit_balanced(void)
{
    noveum_counters c = kit_counters();
    uint64_t dropped = c.dropped_full + c.dropped_memory + c.dropped_failed +
                       c.dropped_rejected + c.dropped_stopped + c.dropped_by_caller +
                       c.dropped_unsampled;
    ck_assert_uint_eq(c.started, c.open + c.queued + c.exported + dropped);
    return c;
}

void nv_test_oom_send(const noveum_options *options)
{
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        ck_assert_int_eq(noveum_start(options), NOVEUM_OK);
        noveum_span span = noveum_begin(NOVEUM_LLM, "x");
        oom_fail_nth(n);
        noveum_end(span);
        (void)noveum_flush(10000);
        failed = oom_end();
        (void)noveum_shutdown(10000);
        noveum_counters counters = kit_balanced();
        ck_assert_uint_eq(counters.exported + counters.dropped_memory, 1);
        ck_assert(failed || counters.exported == 1);
    }
}
