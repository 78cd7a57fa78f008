/*
 * The sender's thread: a loop that sleeps until something is due, a socket is ready or
 * somebody wakes it.
 */
#ifndef NV_EXPORTER_SEND_SEND_THREAD_H
#define NV_EXPORTER_SEND_SEND_THREAD_H

#include "base/clock.h"
#include "exporter/send/endpoint.h"

struct nv_send_thread;

/*
 * What the thread runs: does what is due, returns nanoseconds until more is (UINT64_MAX:
 * nothing by itself), and sets *finished when the thread is to end.
 */
struct nv_send_work {
    uint64_t (*step)(void *ctx, bool *finished);
    void *ctx;
    const char *name; /* of the thread, static, at most 15 characters */
};

/*
 * New loop with the real transport to `endpoint` (NULL: none, files only); the thread does not
 * run yet. `config` and `clock` are borrowed for its life. NULL with `fail` (may be NULL) set
 * as nv_send_curl_new, or NV_ERR_IO.
 */
struct nv_send_thread *nv_send_thread_new(const struct nv_exporter_config *config,
                                          const struct nv_endpoint *endpoint,
                                          const struct nv_send_work *work,
                                          const struct nv_clock *clock, struct nv_fail *fail);
/* Its transport, or NULL without an endpoint. Borrowed. */
const struct nv_transport *nv_send_thread_transport(const struct nv_send_thread *thread);
/* Starts it. NV_ERR_NO_MEMORY (no thread to be had), NV_ERR_IO. */
enum nv_err nv_send_thread_start(struct nv_send_thread *thread) NV_MUST_USE;
/* Makes step be called soon. Any thread. */
void nv_send_thread_wake(struct nv_send_thread *thread);
/* Waits until step said that it has finished. */
void nv_send_thread_join(struct nv_send_thread *thread);
/* Frees a thread that was joined or never started. NULL is allowed. */
void nv_send_thread_free(struct nv_send_thread *thread);

#endif
