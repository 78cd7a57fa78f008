/*
 * For tests of libnoveum-trace: spans as JSON, and a receiver that answers as it is told.
 *
 *   span = kit_trace_span(handle)                 what an open span would be sent as
 *   receiver ◀── requests of the library          bodies kept, decoded by protobuf-c
 */
#ifndef NV_TESTS_SUPPORT_TRACE_TRACE_KIT_H
#define NV_TESTS_SUPPORT_TRACE_TRACE_KIT_H

#include "noveum/trace.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define KIT_BODIES_MAX 256
#define KIT_ANSWERS_MAX 64

/* One answer of the receiver; status 0: the connection is closed without one; 1: none ever. */
struct kit_answer {
    int status;
    const char *header; /* "Retry-After: 1", or NULL */
    const char *body;   /* or NULL */
    size_t body_len;
};

struct kit_receiver {
    int listener, port;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *bodies[KIT_BODIES_MAX];
    size_t lengths[KIT_BODIES_MAX];
    char *heads[KIT_BODIES_MAX];
    int count;                                  /* requests that came */
    int taken;                                  /* of them answered with 200 */
    struct kit_answer answers[KIT_ANSWERS_MAX]; /* then 200 */
    int answer_count, next_answer;
    atomic_bool stopping;
    char url[64];
};

/* Turns tracing on for a receiver that nobody reads; `options` may be NULL. Options that are
 * not set wait short. */
void kit_trace_on(const noveum_options *options);
/* What an open span would be sent as, OTLP/JSON; new. NULL: there is none. */
json_t *kit_trace_span(noveum_span span);
/* The value of an attribute: string, integer, real, boolean, or an array of them; borrowed from
 * the span (NULL: not there). */
json_t *kit_attribute(const json_t *span, const char *key);
/* The text of an attribute, "" if there is none. */
const char *kit_text(const json_t *span, const char *key);
/* The number of an attribute, -1 if there is none. */
double kit_number(const json_t *span, const char *key);
/* A text that is JSON, parsed; new. */
json_t *kit_json(const json_t *span, const char *key);

/* Listens on a free port; url is where to. */
void kit_receiver_start(struct kit_receiver *receiver);
/* Adds an answer to be given before the others. */
void kit_receiver_plan(struct kit_receiver *receiver, struct kit_answer answer);
/* Waits until so many requests have come; false after 20 s. */
bool kit_receiver_wait(struct kit_receiver *receiver, int count);
/* Stops and frees. */
void kit_receiver_stop(struct kit_receiver *receiver);
/* All spans of all requests that were taken, as one array; new. */
json_t *kit_receiver_spans(struct kit_receiver *receiver);
/* The span of a name; borrowed from `spans`. NULL: none. */
json_t *kit_named(const json_t *spans, const char *name);
/* Options for a receiver: short waits. */
noveum_options kit_options(const struct kit_receiver *receiver);
/* The counters. */
noveum_counters kit_counters(void);
/* The same; asserts that started = open + queued + exported + every dropped_*. */
noveum_counters kit_balanced(void);
/* Starts with these options and sends a span, with every allocation from its end to the answer
 * failing once, and none: the span is sent or counted. */
void nv_test_oom_send(const noveum_options *options);

#endif
