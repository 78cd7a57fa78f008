/*
 * A ring under a lock. A client that is set up wrong sends the same again every few seconds, so
 * what is equal to one of the newest lines is counted there; the port, which changes with each
 * connection, is left out of the comparison.
 */
#include "otlp/request/refused.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>

#include "base/banned.h"

/* Newest lines that are compared: as many clients may be wrong at once and still be folded. */
#define COMPARED 8u

static struct {
    pthread_mutex_t lock;                         /* of all below */
    struct nv_refused lines[NV_REFUSED_KEPT_MAX]; /* the newest first */
    size_t count;
} ring = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void copy(char *to, size_t size, struct nv_str from)
{
    (void)snprintf(to, size, "%.*s", NV_STR_ARG(nv_str_slice(from, 0, size - 1)));
}

/* "127.0.0.1:4711 (curl/8)" without the port. */
static bool same_sender(const char *a, const char *b)
{
    struct nv_str left = nv_str_from(a), right = nv_str_from(b);
    size_t left_end = nv_str_find_char(left, ' '), right_end = nv_str_find_char(right, ' ');
    struct nv_str left_agent = nv_str_slice(left, left_end, left.len);
    struct nv_str right_agent = nv_str_slice(right, right_end, right.len);
    left = nv_str_slice(left, 0, left_end);
    right = nv_str_slice(right, 0, right_end);
    while (left.len > 0 && left.ptr[left.len - 1] != ':')
        left.len--;
    while (right.len > 0 && right.ptr[right.len - 1] != ':')
        right.len--;
    return nv_str_eq(left, right) && nv_str_eq(left_agent, right_agent);
}

static bool is_same(const struct nv_refused *a, const struct nv_refused *b)
{
    return strcmp(a->protocol, b->protocol) == 0 && strcmp(a->reason, b->reason) == 0 &&
           same_sender(a->sender, b->sender) && strcmp(a->message, b->message) == 0;
}

/* Under the lock. */
static void put(struct nv_refused *line)
{
    size_t at = 0;
    while (at < ring.count && at < COMPARED && !is_same(&ring.lines[at], line))
        at++;
    if (at < ring.count && at < COMPARED) {
        line->count += ring.lines[at].count;
        line->first_wall_ns = ring.lines[at].first_wall_ns;
    } else {
        at = ring.count < NV_REFUSED_KEPT_MAX ? ring.count++ : ring.count - 1;
    }
    memmove(&ring.lines[1], &ring.lines[0], at * sizeof ring.lines[0]);
    ring.lines[0] = *line;
}

uint64_t nv_refused_keep(const char *protocol, const char *reason, struct nv_str sender,
                         struct nv_str message)
{
    uint64_t now_ns = nv_clock_wall_ns(nv_clock_system());
    struct nv_refused line = {.wall_ns = now_ns, .first_wall_ns = now_ns, .count = 1};
    copy(line.protocol, sizeof line.protocol, nv_str_from(protocol));
    copy(line.reason, sizeof line.reason, nv_str_from(reason));
    copy(line.sender, sizeof line.sender, sender);
    copy(line.message, sizeof line.message, message);
    (void)pthread_mutex_lock(&ring.lock);
    put(&line);
    (void)pthread_mutex_unlock(&ring.lock);
    return line.count;
}

size_t nv_refused_read(struct nv_refused *out, size_t max)
{
    (void)pthread_mutex_lock(&ring.lock);
    size_t count = ring.count < max ? ring.count : max;
    if (count > 0)
        memcpy(out, ring.lines, count * sizeof *out);
    (void)pthread_mutex_unlock(&ring.lock);
    return count;
}
